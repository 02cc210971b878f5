/* Layers that reshape: see antler/layers.h. */
#ifndef ANTLER_LAYERS_RESHAPING_H
#define ANTLER_LAYERS_RESHAPING_H

#include "antler/layers/keys.h"

struct antler_flatten {
    ANTLER_LAYER_KEYS
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_flatten;

struct antler_reshape {
    ANTLER_LAYER_KEYS
    int64_t target_shape[ANTLER_MAX_RANK + 1]; /* without the batch axis; one entry may be -1 */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_reshape;

/* Zeros around the axes between the batch and the channels: {before, behind} for each. */
struct antler_zero_padding1d {
    ANTLER_LAYER_KEYS
    int64_t padding[2];
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_zero_padding1d;

struct antler_zero_padding2d {
    ANTLER_LAYER_KEYS
    int64_t padding[4];
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_zero_padding2d;

struct antler_zero_padding3d {
    ANTLER_LAYER_KEYS
    int64_t padding[6];
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_zero_padding3d;

#endif
