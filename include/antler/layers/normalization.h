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

#endif
