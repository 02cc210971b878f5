/* Layers that reshape: see antler/layers.h. */
#ifndef ANTLER_LAYERS_RESHAPING_H
#define ANTLER_LAYERS_RESHAPING_H

#include "antler/layers/keys.h"

struct antler_flatten {
    ANTLER_LAYER_KEYS
    const char *data_format; /* "channels_first": the channels come last all the same */
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
    const char *data_format; /* "channels_last"; "channels_first": (batch, channels, ...) */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_zero_padding1d;

struct antler_zero_padding2d {
    ANTLER_LAYER_KEYS
    int64_t padding[4];
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_zero_padding2d;

struct antler_zero_padding3d {
    ANTLER_LAYER_KEYS
    int64_t padding[6];
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_zero_padding3d;

/* Without what lies at the ends of the axes between the batch and the channels: {before, behind} for each. */
struct antler_cropping1d {
    ANTLER_LAYER_KEYS
    int64_t cropping[2];
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_cropping1d;

struct antler_cropping2d {
    ANTLER_LAYER_KEYS
    int64_t cropping[4];
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_cropping2d;

struct antler_cropping3d {
    ANTLER_LAYER_KEYS
    int64_t cropping[6];
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_cropping3d;

struct antler_permute { /* (B, n1, n2, ...) to (B, n[dims[0]], n[dims[1]], ...) */
    ANTLER_LAYER_KEYS
    int64_t dims[ANTLER_MAX_RANK + 1]; /* the input's axes from 1, each once, ended by 0 */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_permute;

struct antler_repeat_vector { /* (B, features) to (B, n, features) */
    ANTLER_LAYER_KEYS
    int64_t n;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_repeat_vector;

/* Axes between the batch and the channels, `size` times as large; 2 by default. */
struct antler_up_sampling1d { /* each step of (B, steps, channels) `size` times */
    ANTLER_LAYER_KEYS
    int64_t size;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_up_sampling1d;

struct antler_up_sampling2d { /* (B, height, width, channels) */
    ANTLER_LAYER_KEYS
    int64_t size[2];
    const char *interpolation; /* "nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5" */
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_up_sampling2d;

struct antler_up_sampling3d { /* (B, depth, height, width, channels) */
    ANTLER_LAYER_KEYS
    int64_t size[3];
    const char *data_format;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_up_sampling3d;

#endif
