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

#endif
