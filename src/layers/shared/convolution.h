/* Convolutions over one to three axes, channels last, and transposed ones, once their layer has read its config. The
   equations stand in convolutions.c.

   A convolution takes an image (inputs of the windows, channels) to rows (outputs of the windows, filters); a
   transposed one takes rows to an image, as the gradient of a convolution's input is made. */
#ifndef ANTLER_LAYERS_CONVOLUTION_H
#define ANTLER_LAYERS_CONVOLUTION_H

#include "layers/shared/common.h"
#include "layers/shared/window.h"

typedef struct antler_convolution {
    antler_window w[ANTLER_SPATIAL];
    int64_t channels, filters; /* of the image, of the rows */
    int64_t groups;            /* the q-th share of the channels makes that of the filters; transposed: 1 */
    bool use_bias, transposed;
} antler_convolution;

/* Slots of the parameters: (taps, channels / groups, filters), and one for each channel of the layer's output. */
enum { SLOT_KERNEL, SLOT_BIAS };

/* The layer itself declares kernel and bias. A convolution applies its activation itself (ANTLER_FUSES), a transposed
   one leaves it to the core. A layer that has a convolution within gives it a run of its own, whose scratch begins at
   the slot that its buffers were given. Backward is done with x before it writes dx: they may be one. */
enum { ANTLER_CONVOLUTION_SLOTS = 5 }; /* of scratch */
void antler__convolution_buffers(const antler_convolution *c, int slot, int64_t batch, antler_plan *plan);
void antler__convolution_forward(const antler_convolution *c, antler_run *run);
void antler__convolution_backward(const antler_convolution *c, antler_run *run);

#endif
