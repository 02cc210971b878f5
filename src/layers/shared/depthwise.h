/* Convolution of each channel by itself, over (batch, height, width, channels). */
#ifndef ANTLER_LAYERS_DEPTHWISE_H
#define ANTLER_LAYERS_DEPTHWISE_H

#include "layers/shared/common.h"
#include "layers/shared/window.h"

enum { ANTLER_DEPTHWISE_KERNEL, ANTLER_DEPTHWISE_BIAS }; /* parameters */

typedef struct antler_depthwise {
    antler_window h, w;
    int64_t multiplier; /* channels of the output for one of the input */
    bool use_bias;
} antler_depthwise;

void antler__depthwise_buffers(const antler_depthwise *d, const antler_shape *in, antler_plan *plan);
void antler__depthwise_forward(const antler_depthwise *d, antler_run *run);
/* What is wanted of the gradients of kernel, bias and x. */
void antler__depthwise_backward(const antler_depthwise *d, antler_run *run);

#endif
