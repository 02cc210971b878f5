/* Normalization: see antler/layers.h. */
#ifndef ANTLER_LAYERS_NORMALIZATION_H
#define ANTLER_LAYERS_NORMALIZATION_H

#include "antler/layers/keys.h"

struct antler_batch_normalization {
    ANTLER_LAYER_KEYS
    int64_t axis;
    double momentum, epsilon;
    bool center, scale;
    const char *beta_initializer, *gamma_initializer, *moving_mean_initializer, *moving_variance_initializer;
    const char *beta_regularizer, *gamma_regularizer, *beta_constraint, *gamma_constraint;
    antler_object beta_initializer_, gamma_initializer_, moving_mean_initializer_, moving_variance_initializer_;
    antler_object beta_regularizer_, gamma_regularizer_, beta_constraint_, gamma_constraint_;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_batch_normalization;

/* Keys of a layer with a factor gamma and an offset beta. */
#define ANTLER_GAMMA_BETA_KEYS                           \
    double epsilon;                                      \
    bool center, scale;                                  \
    const char *beta_initializer, *gamma_initializer;    \
    const char *beta_regularizer, *gamma_regularizer;    \
    const char *beta_constraint, *gamma_constraint;      \
    antler_object beta_initializer_, gamma_initializer_; \
    antler_object beta_regularizer_, gamma_regularizer_; \
    antler_object beta_constraint_, gamma_constraint_;

struct antler_layer_normalization { /* over axes of each sample */
    ANTLER_LAYER_KEYS
    ANTLER_GAMMA_BETA_KEYS
    int64_t axis[ANTLER_MAX_RANK + 1]; /* {-1}; not the batch's, 0, which ends the list */
    bool rms_scaling;                  /* neither mean nor beta: x * gamma / sqrt(variance + epsilon) */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_layer_normalization;

struct antler_group_normalization { /* over all axes of a sample, for each group of channels */
    ANTLER_LAYER_KEYS
    ANTLER_GAMMA_BETA_KEYS
    int64_t groups; /* 32; -1: a group for each channel */
    int64_t axis;   /* the channels': -1 */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_group_normalization;

struct antler_rms_normalization { /* x * scale / sqrt(mean of x^2 + epsilon) */
    ANTLER_LAYER_KEYS
    int64_t axis[ANTLER_MAX_RANK + 1]; /* as LayerNormalization's */
    double epsilon;                    /* 1e-6 */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_rms_normalization;

struct antler_unit_normalization { /* x / sqrt(sum of x^2) */
    ANTLER_LAYER_KEYS
    int64_t axis[ANTLER_MAX_RANK + 1]; /* as LayerNormalization's */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_unit_normalization;

struct antler_spectral_normalization { /* the layer's kernel is divided by its largest singular value */
    ANTLER_LAYER_KEYS
    const char *layer; /* JSON of a layer with a kernel */
    antler_object layer_;
    int64_t power_iterations;         /* 1 */
    const char *vector_u_initializer; /* NULL: TruncatedNormal of deviation 0.02 */
    antler_object vector_u_initializer_;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_spectral_normalization;

#endif
