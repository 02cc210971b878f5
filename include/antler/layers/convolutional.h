/* Convolutions: see antler/layers.h. Those of one, two and three axes share a struct; a list of integers has an entry
   for each axis, and what stands behind them is not looked at. */
#ifndef ANTLER_LAYERS_CONVOLUTIONAL_H
#define ANTLER_LAYERS_CONVOLUTIONAL_H

#include "antler/layers/keys.h"

struct antler_conv { /* (batch, positions ..., channels) to (batch, positions' ..., filters) */
    ANTLER_LAYER_KEYS
    ANTLER_KERNEL_KEYS
    int64_t filters;
    int64_t kernel_size[3], strides[3], dilation_rate[3]; /* strides, dilation_rate: 1 */
    const char *padding;                                  /* "valid" or "same"; Conv1D: "causal" too */
    int64_t groups; /* 1; the q-th share of the channels makes that of the filters */
    const char *activation;
    antler_object activation_;
    const char *data_format; /* "channels_last"; "channels_first": (batch, channels, ...) */
    int end_;
};
#define antler_conv1d antler_conv
#define antler_conv2d antler_conv
#define antler_conv3d antler_conv
ANTLER_API extern const struct antler_layer_ops antler_layer_conv1d;
ANTLER_API extern const struct antler_layer_ops antler_layer_conv2d;
ANTLER_API extern const struct antler_layer_ops antler_layer_conv3d;

struct antler_conv_transpose { /* as the gradient of a convolution's input */
    ANTLER_LAYER_KEYS
    ANTLER_KERNEL_KEYS
    int64_t filters;
    int64_t kernel_size[3], strides[3], dilation_rate[3]; /* strides, dilation_rate: 1 */
    int64_t output_padding[3];                            /* below strides; ANTLER_NULL: as `padding` makes it */
    const char *padding;                                  /* "valid" or "same" */
    const char *activation;
    antler_object activation_;
    const char *data_format;
    int end_;
};
#define antler_conv1d_transpose antler_conv_transpose
#define antler_conv2d_transpose antler_conv_transpose
#define antler_conv3d_transpose antler_conv_transpose
ANTLER_API extern const struct antler_layer_ops antler_layer_conv1d_transpose;
ANTLER_API extern const struct antler_layer_ops antler_layer_conv2d_transpose;
ANTLER_API extern const struct antler_layer_ops antler_layer_conv3d_transpose;

struct antler_locally_connected { /* of Keras 1 and 2: a convolution with a kernel of its own at each position */
    ANTLER_LAYER_KEYS
    ANTLER_KERNEL_KEYS
    int64_t filters;
    int64_t kernel_size[2], strides[2]; /* strides: 1 */
    const char *padding;                /* "valid" or "same" */
    int64_t implementation;             /* 1; "same": 3 */
    const char *activation;
    antler_object activation_;
    const char *data_format;
    int end_;
};
#define antler_locally_connected1d antler_locally_connected
#define antler_locally_connected2d antler_locally_connected
ANTLER_API extern const struct antler_layer_ops antler_layer_locally_connected1d;
ANTLER_API extern const struct antler_layer_ops antler_layer_locally_connected2d;

struct antler_depthwise_conv { /* each channel by itself, depth_multiplier times */
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
    const char *data_format;
    int end_;
};
#define antler_depthwise_conv1d antler_depthwise_conv
#define antler_depthwise_conv2d antler_depthwise_conv
ANTLER_API extern const struct antler_layer_ops antler_layer_depthwise_conv1d;
ANTLER_API extern const struct antler_layer_ops antler_layer_depthwise_conv2d;

struct antler_separable_conv { /* each channel by itself, then all of them at each position */
    ANTLER_LAYER_KEYS
    int64_t filters;
    int64_t kernel_size[2], strides[2], dilation_rate[2];
    int64_t depth_multiplier; /* channels between the two, for one of the input */
    const char *padding;      /* "valid" or "same" */
    const char *activation;
    antler_object activation_;
    bool use_bias;
    const char *depthwise_initializer, *depthwise_regularizer, *depthwise_constraint;
    antler_object depthwise_initializer_, depthwise_regularizer_, depthwise_constraint_;
    const char *pointwise_initializer, *pointwise_regularizer, *pointwise_constraint;
    antler_object pointwise_initializer_, pointwise_regularizer_, pointwise_constraint_;
    const char *bias_initializer, *bias_regularizer, *bias_constraint;
    antler_object bias_initializer_, bias_regularizer_, bias_constraint_;
    const char *data_format;
    int end_;
};
#define antler_separable_conv1d antler_separable_conv
#define antler_separable_conv2d antler_separable_conv
ANTLER_API extern const struct antler_layer_ops antler_layer_separable_conv1d;
ANTLER_API extern const struct antler_layer_ops antler_layer_separable_conv2d;

#endif
