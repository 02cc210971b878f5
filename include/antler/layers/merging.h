/* Layers that make one tensor of several: see antler/layers.h. */
#ifndef ANTLER_LAYERS_MERGING_H
#define ANTLER_LAYERS_MERGING_H

#include "antler/layers/keys.h"

/* Element by element, of two or more tensors whose axes of size 1 are stretched: (B, 4, 3) and (B, 1, 3) and (B, 3). */

struct antler_add { /* a + b + ... */
    ANTLER_LAYER_KEYS
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_add;

struct antler_subtract { /* a - b, of two */
    ANTLER_LAYER_KEYS
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_subtract;

struct antler_multiply { /* a b ... */
    ANTLER_LAYER_KEYS
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_multiply;

struct antler_average { /* (a + b + ...) / n, of n */
    ANTLER_LAYER_KEYS
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_average;

struct antler_maximum { /* max(a, b, ...) */
    ANTLER_LAYER_KEYS
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_maximum;

struct antler_minimum { /* min(a, b, ...) */
    ANTLER_LAYER_KEYS
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_minimum;

struct antler_concatenate { /* one behind the other along an axis; the other axes are equal */
    ANTLER_LAYER_KEYS
    int64_t axis; /* of the tensors with the batch, so not 0; below 0 from the end. Default: -1 */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_concatenate;

struct antler_dot { /* (B, M..., D) . (B, N..., D) to (B, M..., N...): sums over one axis of each, sample by sample */
    ANTLER_LAYER_KEYS
    int64_t axes[2]; /* of the tensors with the batch, so not 0; below 0 from the end */
    bool normalize;  /* vectors along the axes are brought to length 1 first. Default: false */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_dot;

#endif
