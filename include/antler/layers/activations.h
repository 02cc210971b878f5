/* Activations that are layers: see antler/layers.h. */
#ifndef ANTLER_LAYERS_ACTIVATIONS_H
#define ANTLER_LAYERS_ACTIVATIONS_H

#include "antler/layers/keys.h"

struct antler_prelu { /* max(x, 0) + alpha * min(x, 0), with a learned alpha */
    ANTLER_LAYER_KEYS
    const char *alpha_initializer, *alpha_regularizer, *alpha_constraint;
    antler_object alpha_initializer_, alpha_regularizer_, alpha_constraint_;
    int64_t shared_axes[ANTLER_MAX_RANK + 1]; /* from 1; along them one alpha serves all */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_prelu;

struct antler_relu {
    ANTLER_LAYER_KEYS
    double max_value; /* left out: none */
    double negative_slope, threshold;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_relu;

struct antler_leaky_relu {
    ANTLER_LAYER_KEYS
    double negative_slope; /* 0.3 */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_leaky_relu;

struct antler_elu {
    ANTLER_LAYER_KEYS
    double alpha; /* 1 */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_elu;

struct antler_softmax {
    ANTLER_LAYER_KEYS
    int64_t axis;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_softmax;

#endif
