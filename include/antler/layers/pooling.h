/* Pooling: see antler/layers.h. */
#ifndef ANTLER_LAYERS_POOLING_H
#define ANTLER_LAYERS_POOLING_H

#include "antler/layers/keys.h"

/* Over windows. A list of integers has an entry for each axis; what stands behind them is not looked at. */
struct antler_pooling {
    ANTLER_LAYER_KEYS
    int64_t pool_size[3], strides[3]; /* 2; strides left out: pool_size */
    const char *padding;              /* "valid" or "same" */
    const char *data_format;          /* "channels_last"; "channels_first": (batch, channels, ...) */
    int end_;
};
#define antler_average_pooling1d antler_pooling
#define antler_average_pooling2d antler_pooling
#define antler_average_pooling3d antler_pooling
#define antler_max_pooling1d antler_pooling
#define antler_max_pooling2d antler_pooling
#define antler_max_pooling3d antler_pooling
ANTLER_API extern const struct antler_layer_ops antler_layer_average_pooling1d;
ANTLER_API extern const struct antler_layer_ops antler_layer_average_pooling2d;
ANTLER_API extern const struct antler_layer_ops antler_layer_average_pooling3d;
ANTLER_API extern const struct antler_layer_ops antler_layer_max_pooling1d;
ANTLER_API extern const struct antler_layer_ops antler_layer_max_pooling2d;
ANTLER_API extern const struct antler_layer_ops antler_layer_max_pooling3d;

/* Over as many windows as there are to be positions. */
struct antler_adaptive_pooling {
    ANTLER_LAYER_KEYS
    int64_t output_size[3];
    const char *data_format;
    int end_;
};
#define antler_adaptive_average_pooling1d antler_adaptive_pooling
#define antler_adaptive_average_pooling2d antler_adaptive_pooling
#define antler_adaptive_average_pooling3d antler_adaptive_pooling
#define antler_adaptive_max_pooling1d antler_adaptive_pooling
#define antler_adaptive_max_pooling2d antler_adaptive_pooling
#define antler_adaptive_max_pooling3d antler_adaptive_pooling
ANTLER_API extern const struct antler_layer_ops antler_layer_adaptive_average_pooling1d;
ANTLER_API extern const struct antler_layer_ops antler_layer_adaptive_average_pooling2d;
ANTLER_API extern const struct antler_layer_ops antler_layer_adaptive_average_pooling3d;
ANTLER_API extern const struct antler_layer_ops antler_layer_adaptive_max_pooling1d;
ANTLER_API extern const struct antler_layer_ops antler_layer_adaptive_max_pooling2d;
ANTLER_API extern const struct antler_layer_ops antler_layer_adaptive_max_pooling3d;

/* All positions become one. */
struct antler_global_pooling {
    ANTLER_LAYER_KEYS
    bool keepdims; /* the axes stay, of size 1 */
    const char *data_format;
    int end_;
};
#define antler_global_average_pooling1d antler_global_pooling
#define antler_global_average_pooling2d antler_global_pooling
#define antler_global_average_pooling3d antler_global_pooling
#define antler_global_max_pooling1d antler_global_pooling
#define antler_global_max_pooling2d antler_global_pooling
#define antler_global_max_pooling3d antler_global_pooling
ANTLER_API extern const struct antler_layer_ops antler_layer_global_average_pooling1d;
ANTLER_API extern const struct antler_layer_ops antler_layer_global_average_pooling2d;
ANTLER_API extern const struct antler_layer_ops antler_layer_global_average_pooling3d;
ANTLER_API extern const struct antler_layer_ops antler_layer_global_max_pooling1d;
ANTLER_API extern const struct antler_layer_ops antler_layer_global_max_pooling2d;
ANTLER_API extern const struct antler_layer_ops antler_layer_global_max_pooling3d;

#endif
