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

struct antler_spatial_dropout2d { /* of (B, height, width, channels) */
    ANTLER_LAYER_KEYS
    double rate;
    int64_t seed;
    const char *data_format; /* "channels_last"; "channels_first": (batch, channels, ...) */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_spatial_dropout2d;

struct antler_spatial_dropout3d { /* of (B, depth, height, width, channels) */
    ANTLER_LAYER_KEYS
    double rate;
    int64_t seed;
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_spatial_dropout3d;

struct antler_alpha_dropout { /* keeps mean and variance of what SELU gives */
    ANTLER_LAYER_KEYS
    double rate;                              /* below 1 */
    int64_t noise_shape[ANTLER_MAX_RANK + 1]; /* as Dropout's */
    int64_t seed;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_alpha_dropout;

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

struct antler_activity_regularization { /* y = x; l1 * sum|x| + l2 * sum x^2, divided by the batch size, in the loss */
    ANTLER_LAYER_KEYS
    double l1, l2;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_activity_regularization;

#endif
