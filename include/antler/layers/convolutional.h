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

struct antler_depthwise_conv2d { /* each channel by itself, depth_multiplier times */
    ANTLER_LAYER_KEYS
    int64_t kernel_size[2], strides[2], dilation_rate[2];
    int64_t depth_multiplier; /* channels of the output for one of the input */
    const char *padding;      /* "valid" or "same" */
    const char *activation;
    antler_object activation_;
    bool use_bias;
    const char *depthwise_initializer, *depthwise_regularizer, *depthwise_constraint;
    antler_object depthwise_initializer_, depthwise_regularizer_, depthwise_constraint_;
    const char *bias_initializer, *bias_regularizer, *bias_constraint;
    antler_object bias_initializer_, bias_regularizer_, bias_constraint_;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_depthwise_conv2d;

#endif
