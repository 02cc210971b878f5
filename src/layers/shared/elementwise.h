/* One tensor of several, element by element, from the first to the last:

     y = (x_0 o x_1) o x_2 ...

   An x smaller than y is stretched, and its gradient is a sum over what it was stretched along. Work goes over chunks
   of y's elements, so that what is in between stays in a cache.

   Masks act on values since Keras 3.4: a product takes 1 for a number of a masked step, and is 0 where all are masked;
   a choice is made among the numbers that are not masked, or is the first. An x without a mask counts as not masked. */
#ifndef ANTLER_LAYERS_ELEMENTWISE_H
#define ANTLER_LAYERS_ELEMENTWISE_H

#include "antler/layer.h"

/* Their gradients: dy or -dy; dy times the other x; dy where x_i was chosen, which of equal ones is the first. */
typedef enum antler_elementwise_form { ANTLER_LINEAR, ANTLER_PRODUCT, ANTLER_CHOICE } antler_elementwise_form;

typedef struct antler_elementwise {
    antler_elementwise_form form;
    void (*pair)(antler_real *y, const antler_real *a, const antler_real *b, int64_t n); /* y may be a or b */
    antler_real sign; /* LINEAR: of x_1 ...; CHOICE: it is the largest sign * x */
    bool averages;    /* LINEAR: y is divided by how many there are */
} antler_elementwise;

/* As layer.h has them. A layer that is not LINEAR needs x. */
antler_status antler__elementwise_infer(const void *config, const antler_shape *in, antler_shape *out,
                                        antler_error *err);
void antler__elementwise_buffers(const void *config, const antler_shape *in, antler_plan *plan);
antler_status antler__elementwise_forward(antler_run *run, const antler_elementwise *op);
antler_status antler__elementwise_backward(antler_run *run, const antler_elementwise *op);

#endif
