/* What recurrent layers share, whatever their products are: rows of the tables, initial states, masks, activations. */
#ifndef ANTLER_LAYERS_SEQUENCE_H
#define ANTLER_LAYERS_SEQUENCE_H

#include "layers/shared/common.h"

/* Rows of what makes a step; `masks` tells of dropout's. */
#define ANTLER_STEP_FIELDS(type, masks)                       \
    ANTLER_FIELD_VARIABLE(type, recurrent, "\"orthogonal\""), \
        {.key = "dropout",                                    \
         .kind = ANTLER_REAL,                                 \
         .offset = offsetof(type, dropout),                   \
         .def = "0",                                          \
         .max = 1,                                            \
         .doc = "part of the input that is dropped: " masks}, \
        {.key = "recurrent_dropout",                          \
         .kind = ANTLER_REAL,                                 \
         .offset = offsetof(type, recurrent_dropout),         \
         .def = "0",                                          \
         .max = 1,                                            \
         .doc = "part of the state that is dropped: " masks}, \
        ANTLER_FIELD_IGNORED("implementation", NULL)

/* Rows of every loop: of RNN too. */
#define ANTLER_LOOP_FIELDS(type)                                                                                \
    ANTLER_FIELD_BOOL(type, return_sequences, "false", "all steps' outputs, not the last one's only"),          \
        ANTLER_FIELD_BOOL(type, return_state, "false", "the last states are outputs too: h, and an LSTM's c"),  \
        ANTLER_FIELD_BOOL(type, go_backwards, "false", "takes the steps last to first; outputs in that order"), \
        ANTLER_FIELD_BOOL(type, stateful, "false", "the last states of a batch are the first of the next"),     \
        {.key = "zero_output_for_mask",                                                                         \
         .kind = ANTLER_BOOL,                                                                                   \
         .offset = offsetof(type, zero_output_for_mask),                                                        \
         .def = "false",                                                                                        \
         .flags = ANTLER_UNWRITTEN,                                                                             \
         .doc = "outputs of masked steps are 0, not the last output again"},                                    \
        ANTLER_FIELD_IGNORED("time_major", "false"), ANTLER_FIELD_IGNORED("unroll", NULL)

#define ANTLER_FIELD_GATE_ACTIVATION(type) \
    ANTLER_FIELD_ACTIVATION(type, recurrent_activation, "\"sigmoid\"", "of the gates")

/* That a layer of so many states is given none of them as inputs, or all, each of this shape. */
antler_status antler__sequence_states(const antler_shape *in, const antler_shape *state, int states, antler_error *err);

/* The mask (B, T) that the steps obey; NULL: none. A layer that is given its states does not see its input's mask in
   Keras 3, though it passes it on; in Keras 2 it does. */
const antler_real *antler__sequence_mask(const antler_run *run);

/* y = f(x) for rows of n numbers, dx = dy f'(x); dx may be dy. f NULL: linear. */
void antler__sequence_value(const antler_activation_ops *f, antler_real *y, const antler_real *x, int64_t rows,
                            int64_t n);
void antler__sequence_gradient(const antler_activation_ops *f, antler_real *dx, const antler_real *dy,
                               const antler_real *y, const antler_real *x, int64_t rows, int64_t n);

#endif
