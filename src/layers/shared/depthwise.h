/* Convolution of each channel by itself, over one or two axes, channels last: the windows' first axis is not there. */
#ifndef ANTLER_LAYERS_DEPTHWISE_H
#define ANTLER_LAYERS_DEPTHWISE_H

#include "layers/shared/common.h"
#include "layers/shared/window.h"

enum { ANTLER_DEPTHWISE_KERNEL, ANTLER_DEPTHWISE_BIAS };                             /* parameters */
enum { ANTLER_DEPTHWISE_SUMS, ANTLER_DEPTHWISE_REPEATED, ANTLER_DEPTHWISE_SCRATCH }; /* scratch; the next free slot */

typedef struct antler_depthwise {
    antler_window w[ANTLER_SPATIAL];
    int64_t multiplier; /* channels of the output for one of the input */
    bool use_bias;
} antler_depthwise;

void antler__depthwise_buffers(const antler_depthwise *d, const antler_shape *in, antler_plan *plan);
/* Of the run's x, with its parameters, to y. */
void antler__depthwise_forward(const antler_depthwise *d, antler_run *run, antler_real *y);
/* What is wanted of the gradients of kernel, bias and x, from dz. */
void antler__depthwise_backward(const antler_depthwise *d, antler_run *run, const antler_real *dz);

#endif
