/* Preprocessing: see antler/layers.h. */
#ifndef ANTLER_LAYERS_PREPROCESSING_H
#define ANTLER_LAYERS_PREPROCESSING_H

#include "antler/layers/keys.h"
#include "antler/type.h"

struct antler_rescaling { /* x * scale + offset */
    ANTLER_LAYER_KEYS
    double scale, offset;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_rescaling;

struct antler_normalization { /* (x - mean) / sqrt(variance): given, or learned by antler_adapt */
    ANTLER_LAYER_KEYS
    int64_t axis[ANTLER_MAX_RANK + 1]; /* {-1}: a mean and a variance for each place along it; {0}: one for all */
    antler_numbers mean, variance;     /* {.n = 3, .value = ...}; left out: learned */
    bool invert;                       /* x * sqrt(variance) + mean */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_normalization;

struct antler_discretization { /* numbers to the numbers of their bins */
    ANTLER_LAYER_KEYS
    antler_numbers bin_boundaries; /* {.n = 3, .value = ...}, ascending; left out: num_bins, learned by antler_adapt */
    int64_t num_bins;
    double epsilon;          /* 0.01 */
    const char *output_mode; /* "int" */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_discretization;

struct antler_category_encoding { /* (..., n) integers to (..., n, num_tokens) of 0 and 1; n == 1 is replaced */
    ANTLER_LAYER_KEYS
    int64_t num_tokens;
    const char *output_mode; /* "one_hot" */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_category_encoding;

struct antler_integer_lookup { /* (..., n) integers to their places in a vocabulary */
    ANTLER_LAYER_KEYS
    int64_t max_tokens; /* ANTLER_NULL: any number */
    int64_t num_oov_indices, mask_token, oov_token;
    antler_numbers vocabulary; /* integers: {.n = 3, .value = (double[]){10, 20, 30}} */
    const char *output_mode;   /* "int", "one_hot", "multi_hot", "count" */
    bool invert, pad_to_max_tokens;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_integer_lookup;

#endif
