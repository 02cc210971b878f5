/* Images whose pixels are taken from other places: turned, zoomed, shifted, flipped, seen from aside, distorted. The
   pixel (x, y) of the output, counted from 0, is what the input has at (t0 x + t1 y + t2, t3 x + t4 y + t5) / (t6 x +
   t7 y + 1), as TensorFlow's ImageProjectiveTransformV3 has it; or at (x + s, y + s), s being the pixel's shift, as
   Keras's map_coordinates. Gradients go back by the same weights. */
#ifndef ANTLER_LAYERS_AFFINE_H
#define ANTLER_LAYERS_AFFINE_H

#include "antler/layer.h"

/* Keras's names, ended by NULL, and their places in the lists. */
extern const char *const antler__affine_methods[]; /* "nearest", "bilinear" */
extern const char *const antler__fill_modes[];     /* "constant", "reflect", "wrap", "nearest" */
enum { ANTLER_FILL_CONSTANT, ANTLER_FILL_REFLECT, ANTLER_FILL_WRAP, ANTLER_FILL_NEAREST };

typedef struct antler_affine {
    float t[8];
    const antler_real *shift; /* NULL, or (height, width), in place of t */
    bool bilinear;
    int fill_mode;
    antler_real fill;
} antler_affine;

/* y and x are samples of the shape (height, width, channels). */
void antler__affine_forward(const antler_affine *a, const int64_t *shape, antler_real *y, const antler_real *x);
void antler__affine_backward(const antler_affine *a, const int64_t *shape, antler_real *dx, const antler_real *dy);

#endif
