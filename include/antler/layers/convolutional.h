/* Convolutions: see antler/layers.h. */
#ifndef ANTLER_LAYERS_CONVOLUTIONAL_H
#define ANTLER_LAYERS_CONVOLUTIONAL_H

#include "antler/layers/keys.h"

struct antler_conv2d {
    ANTLER_LAYER_KEYS
    ANTLER_KERNEL_KEYS
    int64_t filters;
    int64_t kernel_size[2], strides[2], dilation_rate[2];
    const char *padding; /* "valid" or "same" */
    int64_t groups;      /* 1 */
    const char *activation;
    antler_object activation_;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_conv2d;

#endif
