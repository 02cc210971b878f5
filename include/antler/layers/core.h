/* Core layers: see antler/layers.h. */
#ifndef ANTLER_LAYERS_CORE_H
#define ANTLER_LAYERS_CORE_H

#include "antler/layers/keys.h"

struct antler_input_layer {
    ANTLER_LAYER_KEYS
    int64_t batch_shape[ANTLER_MAX_RANK + 1]; /* ANTLER_NULL for the batch axis, then the sample's */
    int64_t shape[ANTLER_MAX_RANK + 1];       /* or the sample's alone */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_input_layer;

struct antler_dense { /* activation(x kernel + bias), over the last axis */
    ANTLER_LAYER_KEYS
    ANTLER_KERNEL_KEYS
    int64_t units;
    const char *activation;
    antler_object activation_;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_dense;

struct antler_activation {
    ANTLER_LAYER_KEYS
    const char *activation;
    antler_object activation_;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_activation;

struct antler_embedding { /* (B, T) integers to (B, T, output_dim) */
    ANTLER_LAYER_KEYS
    int64_t input_dim, output_dim;
    const char *embeddings_initializer, *embeddings_regularizer, *embeddings_constraint;
    antler_object embeddings_initializer_, embeddings_regularizer_, embeddings_constraint_;
    bool mask_zero;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_embedding;

struct antler_reversible_embedding { /* as Embedding; reverse: (..., output_dim) to (..., input_dim), logits of tokens
                                      */
    ANTLER_LAYER_KEYS
    int64_t input_dim, output_dim;
    const char *embeddings_initializer, *embeddings_regularizer, *embeddings_constraint;
    antler_object embeddings_initializer_, embeddings_regularizer_, embeddings_constraint_;
    bool mask_zero;
    bool reverse;                               /* of a call: each has its own */
    bool tie_weights;                           /* true: reverse takes the transposed table; false: a second one */
    double logit_soft_cap;                      /* NaN: none; else logits are cap * tanh(logits / cap) */
    const char *reverse_embeddings_initializer; /* NULL: the table's */
    antler_object reverse_embeddings_initializer_;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_reversible_embedding;

struct antler_masking { /* masks steps whose features all equal mask_value, and sets them to 0 */
    ANTLER_LAYER_KEYS
    double mask_value;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_masking;

struct antler_identity {
    ANTLER_LAYER_KEYS
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_identity;

#endif
