/* Images of another size, axis by axis: an output pixel is a weighted sum of those around its place in the input,
   pixels being squares whose centres lie at 0.5, 1.5, ...; as TensorFlow's tf.image.resize has it. Gradients go back by
   the same weights. */
#ifndef ANTLER_LAYERS_RESAMPLE_H
#define ANTLER_LAYERS_RESAMPLE_H

#include "antler/layer.h"

/* Places in antler__resample_methods. */
enum {
    ANTLER_NEAREST,
    ANTLER_BILINEAR,
    ANTLER_BICUBIC,
    ANTLER_AREA, /* the mean of what the output pixel covers */
    ANTLER_LANCZOS3,
    ANTLER_LANCZOS5
};
extern const char *const antler__resample_methods[]; /* Keras's names, ended by NULL */

/* out pixels of the window [start, start + size) of an axis; it may reach beyond the image. */
typedef struct antler_window {
    int64_t start, size, out;
} antler_window;

typedef struct antler_resampling {
    int method;
    bool antialias;   /* going down, weigh all pixels that an output pixel covers */
    antler_real fill; /* what lies beyond the image */
    antler_window height, width;
} antler_resampling;

/* The whole of x's (B, height, width, channels) as (B, height, width, channels) of other sizes. */
antler_resampling antler__resampling(const antler_shape *x, int method, int64_t height, int64_t width);
/* Cuts the window to the largest one around the centre that has the output's aspect ratio; or widens it to the smallest
   one. */
void antler__crop_to_aspect(antler_resampling *r);
void antler__pad_to_aspect(antler_resampling *r);

/* What Resizing, CenterCrop, and RandomCrop in inference do with images of the shape x, by their config. */
antler_resampling antler__resizing(const void *config, const antler_shape *x);
antler_resampling antler__center_crop(const void *config, const antler_shape *x);
antler_resampling antler__random_crop(const void *config, const antler_shape *x);

/* How much of each of the `in` pixels of an axis (r->height or r->width) its output pixel o has; what is left to 1 is
   of `fill`. */
void antler__resample_weights(const antler_resampling *r, const antler_window *window, int64_t in, int64_t o,
                              antler_real *weight);

/* In `buffers`: scratch `slot`. */
void antler__resample_buffers(antler_plan *plan, int slot, const antler_resampling *r, const antler_shape *in);
void antler__resample_forward(antler_run *run, int slot, const antler_resampling *r);
void antler__resample_backward(antler_run *run, int slot, const antler_resampling *r);

#endif
