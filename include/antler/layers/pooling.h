/* Pooling: see antler/layers.h. */
#ifndef ANTLER_LAYERS_POOLING_H
#define ANTLER_LAYERS_POOLING_H

#include "antler/layers/keys.h"

struct antler_max_pooling2d {
    ANTLER_LAYER_KEYS
    int64_t pool_size[2], strides[2]; /* strides left out: pool_size */
    const char *padding;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_max_pooling2d;

#endif
