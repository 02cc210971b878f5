/* Recurrent layers: see antler/layers.h. */
#ifndef ANTLER_LAYERS_RNN_H
#define ANTLER_LAYERS_RNN_H

#include "antler/layers/keys.h"

/* Keys of recurrent layers of all kinds. dropout and recurrent_dropout draw their masks once a sequence, for all steps;
   one for all gates but in a ConvLSTM, which draws one for each. */
#define ANTLER_SEQUENCE_KEYS                                                                  \
    const char *activation;                                                                   \
    antler_object activation_;                                                                \
    const char *recurrent_initializer, *recurrent_regularizer, *recurrent_constraint;         \
    antler_object recurrent_initializer_, recurrent_regularizer_, recurrent_constraint_;      \
    bool return_sequences; /* all steps' outputs, not the last one's only */                  \
    bool return_state;     /* the last states as further outputs: h, and an LSTM's c */       \
    bool go_backwards;                                                                        \
    bool stateful;             /* the last state of a batch is the first of the next */       \
    bool zero_output_for_mask; /* outputs of masked steps are 0, not the last output again */ \
    double dropout;            /* of the input */                                             \
    double recurrent_dropout;  /* of the state */                                             \
    int64_t seed;

/* Keys of those that work on vectors. */
#define ANTLER_RECURRENT_KEYS \
    ANTLER_KERNEL_KEYS        \
    int64_t units;            \
    ANTLER_SEQUENCE_KEYS

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

struct antler_conv_lstm { /* (batch, steps, positions ..., channels) to (batch, [steps,] positions' ..., filters) */
    ANTLER_LAYER_KEYS
    ANTLER_KERNEL_KEYS
    int64_t filters;                                      /* channels of the state */
    int64_t kernel_size[3], strides[3], dilation_rate[3]; /* a number for each axis; strides, dilation_rate: 1 */
    const char *padding;                                  /* of the input: "valid" or "same" */
    ANTLER_SEQUENCE_KEYS
    const char *recurrent_activation;
    antler_object recurrent_activation_;
    bool unit_forget_bias;   /* the forget gate's bias starts at 1 */
    const char *data_format; /* "channels_last"; "channels_first": (batch, steps, channels, positions ...) */
    int end_;
};
#define antler_conv_lstm1d antler_conv_lstm
#define antler_conv_lstm2d antler_conv_lstm
#define antler_conv_lstm3d antler_conv_lstm
ANTLER_API extern const struct antler_layer_ops antler_layer_conv_lstm1d;
ANTLER_API extern const struct antler_layer_ops antler_layer_conv_lstm2d;
ANTLER_API extern const struct antler_layer_ops antler_layer_conv_lstm3d;

/* A loop over a cell, or over several as one. */
struct antler_rnn {
    ANTLER_LAYER_KEYS
    const char *cell; /* JSON of a SimpleRNNCell, LSTMCell, GRUCell or StackedRNNCells, or a list of them */
    antler_object cell_;
    bool return_sequences; /* all steps' outputs, not the last one's only */
    bool return_state;     /* the last states of all cells as further outputs: an LSTMCell's are h and c */
    bool go_backwards;
    bool stateful;             /* the last states of a batch are the first of the next */
    bool zero_output_for_mask; /* outputs of masked steps are 0, not the last output again */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_rnn;

struct antler_bidirectional {
    ANTLER_LAYER_KEYS
    const char *layer, *backward_layer; /* JSON of a recurrent layer; backward_layer left out: layer, reversed */
    antler_object layer_, backward_layer_;
    const char *merge_mode; /* "concat", "sum", "mul", "ave"; NULL: both outputs, one after the other */
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_bidirectional;

struct antler_time_distributed {
    ANTLER_LAYER_KEYS
    const char *layer; /* JSON of a layer */
    antler_object layer_;
    int end_;
};
ANTLER_API extern const struct antler_layer_ops antler_layer_time_distributed;

#endif
