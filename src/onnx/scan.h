/* Sequences, step by step: a Scan whose body is a step, and what a layer gives of its steps: in the order in which it
   takes them. */
#ifndef ANTLER_ONNX_SCAN_H
#define ANTLER_ONNX_SCAN_H

#include "onnx/say.h"

/* What the loop's options want of all outputs (B, T, ...) and of the last states. */
typedef struct antler_onnx_loop {
    bool sequences, state, back, hides; /* hides: outputs of masked steps are 0 */
} antler_onnx_loop;

enum { ANTLER_ONNX_STATES = 2 };

/* A step: x (B, gates * units) projected, states before it; the new ones into `next`. */
typedef void antler_step_fn(antler_onnx *o, const void *arg, antler_term *x, antler_term **state, antler_term **next);

/* The mask that the steps obey, or NULL; refuses a stateful layer. */
antler_term *antler__steps_mask(antler_onnx *o, const antler_said *s, bool stateful);
/* Sets the layer's outputs. outputs (B, T, ...): of all steps, in their order; NULL where the last state is the last
   output. */
void antler__scan_give(antler_onnx *o, antler_said *s, const antler_onnx_loop *l, antler_term *outputs, int states,
                       antler_term **last);
/* The loop over projected sequences xw (B, T, ...), with states of a shape, and with what it gives. */
void antler__scan(antler_onnx *o, antler_said *s, const antler_onnx_loop *l, antler_term *xw, antler_term *mask,
                  int states, const antler_shape *shape, antler_step_fn *step, const void *arg);
/* From the sums of an LSTM's gates and its state c to the next states. */
void antler__lstm_gates(antler_onnx *o, antler_term *z, antler_term *c, const antler_activation_ops *act,
                        const antler_activation_ops *gate_act, antler_term **next);
/* x in n equal parts along the last axis. */
void antler__gates_of(antler_onnx *o, antler_term *x, int n, antler_term **part);
static inline antler_term *plus(antler_onnx *o, antler_term *a, antler_term *b) /* b NULL: a */
{
    return b ? antler__op2(o, "Add", a, b) : a;
}
static inline antler_term *times(antler_onnx *o, antler_term *a, antler_term *b)
{
    return antler__op2(o, "Mul", a, b);
}

#endif
