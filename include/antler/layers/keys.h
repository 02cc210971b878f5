/* What layers have in common. */
#ifndef ANTLER_LAYERS_KEYS_H
#define ANTLER_LAYERS_KEYS_H

#include "antler/base.h"

struct antler_layer_ops; /* layer.h */

/* The text of its arguments: JSON without escapes. */
#define ANTLER_JSON(...) #__VA_ARGS__

/* Keys of every layer. They do not grow: what comes later is appended to the layers' structs, before end_. */
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

#endif
