/* Attention layers, and EinsumDense, whose kernels they have: see antler/layers.h. They take several tensors:
   antler_call(m, attention, (query, value)), or (query, value, key); without a key the value is the key, too. */
#ifndef ANTLER_LAYERS_ATTENTION_H
#define ANTLER_LAYERS_ATTENTION_H

#include "antler/layers/keys.h"

/* Members that Keras takes with the call. return_attention_scores: a second output, the weights of the sums. */
#define ANTLER_ATTENTION_CALL_KEYS bool use_causal_mask, return_attention_scores; /* default: false */

struct antler_attention { /* query (B, ..., T, D), value (B, ..., S, V), key (B, ..., S, D) to (B, ..., T, V) */
    ANTLER_LAYER_KEYS
    ANTLER_ATTENTION_CALL_KEYS
    bool use_scale;         /* scores are multiplied by a trained number. Default: false */
    const char *score_mode; /* "dot", the default, or "concat" */
    double dropout;         /* of the weights. Default: 0 */
    int64_t seed;           /* default: null, the model's */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_attention;

struct antler_additive_attention { /* the same shapes */
    ANTLER_LAYER_KEYS
    ANTLER_ATTENTION_CALL_KEYS
    bool use_scale; /* a trained number for each feature. Default: true */
    double dropout; /* default: 0 */
    int64_t seed;
    const char *scale_initializer; /* default: "glorot_uniform". Keras takes no other, and so it is not saved */
    antler_object scale_initializer_;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_additive_attention;

struct antler_multi_head_attention { /* query (B, T..., D), value (B, S..., V), key (B, S..., K) to (B, T..., D) */
    ANTLER_LAYER_KEYS
    ANTLER_KERNEL_KEYS
    ANTLER_ATTENTION_CALL_KEYS
    int64_t num_heads, key_dim;
    int64_t value_dim;                           /* of a head. Default: null, key_dim */
    double dropout;                              /* of the weights. Default: 0 */
    int64_t output_shape[ANTLER_MAX_RANK + 1];   /* in place of D. Default: null */
    int64_t attention_axes[ANTLER_MAX_RANK + 1]; /* steps; neighbours. Default: null, all but the first and the last */
    int64_t sliding_window; /* a step sees those that are less than so many away. Default: null, all */
    bool use_gate;          /* each head's sums times sigmoid(query gate). Default: false */
    int64_t seed;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_multi_head_attention;

struct antler_group_query_attention { /* query (B, T, D), value (B, S, V), key (B, S, K) to (B, T, D) */
    ANTLER_LAYER_KEYS
    ANTLER_KERNEL_KEYS
    ANTLER_ATTENTION_CALL_KEYS
    int64_t head_dim, num_query_heads;
    int64_t num_key_value_heads; /* a divisor of num_query_heads: so many neighbours share each */
    double dropout;              /* default: 0 */
    int64_t sliding_window;
    bool use_gate;
    int64_t seed;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_group_query_attention;

struct antler_einsum_dense { /* activation(einsum(equation, x, kernel) + bias) */
    ANTLER_LAYER_KEYS
    const char *equation;                      /* "abc,cd->abd", "...x,xy->...y", "ab...,bc->ac..." */
    int64_t output_shape[ANTLER_MAX_RANK + 1]; /* without the batch and "..."; null where it is the input's */
    const char *bias_axes;                     /* letters of the output. Default: null, no bias */
    const char *activation;
    antler_object activation_;
    const char *kernel_initializer, *bias_initializer;
    const char *kernel_regularizer, *bias_regularizer;
    const char *kernel_constraint, *bias_constraint;
    antler_object kernel_initializer_, bias_initializer_;
    antler_object kernel_regularizer_, bias_regularizer_;
    antler_object kernel_constraint_, bias_constraint_;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_einsum_dense;

#endif
