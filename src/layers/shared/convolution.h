/* Convolutions over one or two spatial axes, channels last, once their layer has read its config. An axis that is not
   there has one position and one tap. The equations stand in conv2d.c. */
#ifndef ANTLER_LAYERS_CONVOLUTION_H
#define ANTLER_LAYERS_CONVOLUTION_H

#include "layers/shared/common.h"
#include "layers/shared/window.h"

typedef struct antler_convolution {
    antler_window h, w;
    int64_t channels, filters;
    bool use_bias;
} antler_convolution;

/* Slots of the parameters. */
enum { SLOT_KERNEL, SLOT_BIAS };

/* The layer itself declares kernel and bias. */
void antler__convolution_buffers(const antler_convolution *c, int64_t batch, antler_plan *plan);
void antler__convolution_forward(const antler_convolution *c, antler_run *run);
void antler__convolution_backward(const antler_convolution *c, antler_run *run);

#endif
