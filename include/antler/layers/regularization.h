/* Noise that regularizes: see antler/layers.h. */
#ifndef ANTLER_LAYERS_REGULARIZATION_H
#define ANTLER_LAYERS_REGULARIZATION_H

#include "antler/layers/keys.h"

struct antler_dropout {
    ANTLER_LAYER_KEYS
    double rate;
    int64_t noise_shape[ANTLER_MAX_RANK + 1]; /* an axis of 1 shares the mask along it; ANTLER_NULL: as the input */
    int64_t seed;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_dropout;

struct antler_spatial_dropout1d { /* drops whole channels of (B, steps, channels) */
    ANTLER_LAYER_KEYS
    double rate;
    int64_t seed;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_spatial_dropout1d;

struct antler_gaussian_dropout { /* x * N(1, rate / (1 - rate)) */
    ANTLER_LAYER_KEYS
    double rate;
    int64_t seed;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_gaussian_dropout;

struct antler_gaussian_noise { /* x + N(0, stddev^2) */
    ANTLER_LAYER_KEYS
    double stddev;
    int64_t seed;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_gaussian_noise;

#endif
