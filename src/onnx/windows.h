/* Windows that slide, for convolutions and pooling. */
#ifndef ANTLER_ONNX_WINDOWS_H
#define ANTLER_ONNX_WINDOWS_H

#include "layers/shared/window.h"
#include "onnx/say.h"

/* A convolution of x (B, positions .., channels) with kernel (positions .., channels / groups, filters); bias or NULL.
 */
antler_term *antler__say_convolution(antler_onnx *o, antler_term *x, const antler_shape *in, antler_term *kernel,
                                     antler_term *bias, const antler_window_config *c, int64_t groups);
/* The windows over `in`, which may have open axes. */
bool antler__windows_of(antler_window w[ANTLER_SPATIAL], const antler_window_config *c, const antler_shape *in);
/* The attributes of windows, for the last node; pooling has no dilation. */
void antler__windows_say(antler_onnx *o, const antler_window w[ANTLER_SPATIAL], int axes, bool dilated);

#endif
