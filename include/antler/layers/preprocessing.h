/* Preprocessing: see antler/layers.h. */
#ifndef ANTLER_LAYERS_PREPROCESSING_H
#define ANTLER_LAYERS_PREPROCESSING_H

#include "antler/layers/keys.h"

struct antler_rescaling { /* x * scale + offset */
    ANTLER_LAYER_KEYS
    double scale, offset;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_rescaling;

struct antler_category_encoding { /* (..., n) integers to (..., n, num_tokens) of 0 and 1; n == 1 is replaced */
    ANTLER_LAYER_KEYS
    int64_t num_tokens;
    const char *output_mode; /* "one_hot" */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_category_encoding;

#endif
