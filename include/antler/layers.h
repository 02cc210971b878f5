/* The layers, for C callers: one plain struct a layer, with Keras's names, made to be written by antler_add:

       antler_add(model, dense, .units = 64, .activation = "relu");

   What is left out takes Keras's default. A setting that is an object in Keras (activation, initializer, regularizer,
   constraint, layer) is a string here: its name, or its JSON as ANTLER_JSON({"class_name": "L2", "config": {"l2":
   0.1}}). The members that end in an underscore are the library's. */
#ifndef ANTLER_LAYERS_H
#define ANTLER_LAYERS_H

#include "antler/base.h"

struct antler_layer_ops; /* layer.h */

/* The text of its arguments: JSON without escapes. */
#define ANTLER_JSON(...) #__VA_ARGS__

/* Keys of every layer. */
#define ANTLER_LAYER_KEYS                                                                                   \
    const char *name;                 /* unique in the model; default: the class in snake case, numbered */ \
    bool trainable;                   /* false: its parameters are frozen */                                \
    const char *dtype;                /* kept for Keras; computation is in antler_real */                   \
    const char *activity_regularizer; /* penalty on the output, divided by the batch size */                \
    antler_object activity_regularizer_;                                                                    \
    int64_t batch_input_shape[ANTLER_MAX_RANK + 1]; /* legacy spelling of an InputLayer */

/* Keys of a layer with a kernel and a bias. */
#define ANTLER_KERNEL_KEYS                                \
    bool use_bias;                                        \
    const char *kernel_initializer, *bias_initializer;    \
    const char *kernel_regularizer, *bias_regularizer;    \
    const char *kernel_constraint, *bias_constraint;      \
    antler_object kernel_initializer_, bias_initializer_; \
    antler_object kernel_regularizer_, bias_regularizer_; \
    antler_object kernel_constraint_, bias_constraint_;

/* Keys of a recurrent layer. */
#define ANTLER_RECURRENT_KEYS                                                                   \
    ANTLER_KERNEL_KEYS                                                                          \
    int64_t units;                                                                              \
    const char *activation;                                                                     \
    antler_object activation_;                                                                  \
    const char *recurrent_initializer, *recurrent_regularizer, *recurrent_constraint;           \
    antler_object recurrent_initializer_, recurrent_regularizer_, recurrent_constraint_;        \
    bool return_sequences; /* all steps' outputs, not the last one's only */                    \
    bool go_backwards;                                                                          \
    bool stateful;             /* the last state of a batch is the first of the next */         \
    bool zero_output_for_mask; /* outputs of masked steps are 0, not the last output again */   \
    double dropout;            /* of the input; one mask a sequence, for all steps and gates */ \
    double recurrent_dropout;  /* of the state; one mask a sequence, for all steps and gates */ \
    int64_t seed;

struct antler_input_layer {
    ANTLER_LAYER_KEYS
    int64_t batch_shape[ANTLER_MAX_RANK + 1]; /* ANTLER_NULL for the batch axis, then the sample's */
    int64_t shape[ANTLER_MAX_RANK + 1];       /* or the sample's alone */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_input_layer;

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

struct antler_prelu { /* max(x, 0) + alpha * min(x, 0), with a learned alpha */
    ANTLER_LAYER_KEYS
    const char *alpha_initializer, *alpha_regularizer, *alpha_constraint;
    antler_object alpha_initializer_, alpha_regularizer_, alpha_constraint_;
    int64_t shared_axes[ANTLER_MAX_RANK + 1]; /* from 1; along them one alpha serves all */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_prelu;

struct antler_softmax {
    ANTLER_LAYER_KEYS
    int64_t axis;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_softmax;

struct antler_flatten {
    ANTLER_LAYER_KEYS
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_flatten;

struct antler_reshape {
    ANTLER_LAYER_KEYS
    int64_t target_shape[ANTLER_MAX_RANK + 1]; /* without the batch axis; one entry may be -1 */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_reshape;

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

struct antler_masking { /* masks steps whose features all equal mask_value, and sets them to 0 */
    ANTLER_LAYER_KEYS
    double mask_value;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_masking;

struct antler_embedding { /* (B, T) integers to (B, T, output_dim) */
    ANTLER_LAYER_KEYS
    int64_t input_dim, output_dim;
    const char *embeddings_initializer, *embeddings_regularizer, *embeddings_constraint;
    antler_object embeddings_initializer_, embeddings_regularizer_, embeddings_constraint_;
    bool mask_zero;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_embedding;

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

struct antler_conv2d {
    ANTLER_LAYER_KEYS
    ANTLER_KERNEL_KEYS
    int64_t filters;
    int64_t kernel_size[2], strides[2], dilation_rate[2];
    const char *padding; /* "valid" or "same" */
    int64_t groups;      /* 1 */
    const char *activation;
    antler_object activation_;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_conv2d;

struct antler_max_pooling2d {
    ANTLER_LAYER_KEYS
    int64_t pool_size[2], strides[2]; /* strides left out: pool_size */
    const char *padding;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_max_pooling2d;

struct antler_simple_rnn {
    ANTLER_LAYER_KEYS
    ANTLER_RECURRENT_KEYS
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_simple_rnn;

struct antler_lstm {
    ANTLER_LAYER_KEYS
    ANTLER_RECURRENT_KEYS
    const char *recurrent_activation;
    antler_object recurrent_activation_;
    bool unit_forget_bias; /* the forget gate's bias starts at 1 */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_lstm;

struct antler_gru {
    ANTLER_LAYER_KEYS
    ANTLER_RECURRENT_KEYS
    const char *recurrent_activation;
    antler_object recurrent_activation_;
    bool reset_after; /* the reset gate works on the product, not on the state */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_gru;

struct antler_bidirectional {
    ANTLER_LAYER_KEYS
    const char *layer, *backward_layer; /* JSON of a recurrent layer; backward_layer left out: layer, reversed */
    antler_object layer_, backward_layer_;
    const char *merge_mode; /* "concat", "sum", "mul", "ave" */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_bidirectional;

#endif
