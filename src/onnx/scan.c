#include "onnx/scan.h"

/* ---- what all have ------------------------------------------------------------------------------------------------
 */

/* The mask that the steps obey: a layer that is given its states sees none in Keras 3. */
antler_term *antler__steps_mask(antler_onnx *o, const antler_said *s, bool stateful)
{
    if (stateful)
        antler__onnx_refuse(o, "stateful: a graph keeps no state from one batch to the next");
    if (s->mask[0] && s->layer->inputs > 1 && o->model->keras < 300)
        antler__onnx_refuse(o, "a mask beside states that are given, in a file of Keras 2");
    return s->layer->inputs > 1 ? NULL : s->mask[0];
}

static antler_term *last_step(antler_onnx *o, antler_term *y)
{
    return antler__squeeze(o, antler__slice(o, y, 1, -1, INT64_MAX, 1), 1);
}

/* outputs: NULL where the last state is the last output. */
void antler__scan_give(antler_onnx *o, antler_said *s, const antler_onnx_loop *l, antler_term *outputs, int states,
                       antler_term **last)
{
    s->y[0] = l->sequences ? outputs : outputs ? last_step(o, outputs) : last[0];
    for (int k = 0; k < states && l->state; k++)
        s->y[1 + k] = last[k];
}

/* ---- by a Scan -------------------------------------------------------------------------------------------------- */

/* (B, T, ...) and (T, B, ...), one from the other: the first steps first. */
static antler_term *swap_steps(antler_onnx *o, antler_term *x, int rank)
{
    int order[ANTLER_MAX_RANK] = {1, 0};
    for (int i = 2; i < rank; i++)
        order[i] = i;
    return antler__transpose(o, x, rank, order);
}

/* As the steps are taken. */
static antler_term *in_order(antler_onnx *o, antler_term *x, int rank, bool back)
{
    x = x ? swap_steps(o, x, rank) : NULL;
    return x && back ? antler__backwards(o, x, 0) : x;
}

/* The body: a step, of which nothing is left where it is masked. */
static void body(antler_onnx *o, const antler_onnx_loop *l, bool masked, bool all, int states, int rank,
                 antler_step_fn *step, const void *arg)
{
    antler_term *state[ANTLER_ONNX_STATES], *next[ANTLER_ONNX_STATES];
    for (int k = 0; k < states; k++)
        state[k] = antler__body_input(o, ANTLER_ONNX_REAL);
    antler_term *x = antler__body_input(o, ANTLER_ONNX_REAL), *there = NULL;
    if (masked) /* (B), stretched to a state's axes */
        there = antler__widen(o, antler__body_input(o, ANTLER_ONNX_BOOL), 1, rank - 1);
    step(o, arg, x, state, next);
    for (int k = 0; k < states && there; k++)
        next[k] = antler__op3(o, "Where", there, next[k], state[k]);
    for (int k = 0; k < states; k++)
        antler__body_output(o, next[k], ANTLER_ONNX_REAL);
    antler_term *y = there && l->hides ? antler__op3(o, "Where", there, next[0], antler__real(o, 0)) : next[0];
    if (all)
        antler__body_output(o, y, ANTLER_ONNX_REAL);
}

void antler__scan(antler_onnx *o, antler_said *s, const antler_onnx_loop *l, antler_term *xw, antler_term *mask,
                  int states, const antler_shape *shape, antler_step_fn *step, const void *arg)
{
    antler_term *in[ANTLER_ONNX_STATES + 2] = {NULL}, *last[ANTLER_ONNX_STATES] = {NULL};
    bool all = l->sequences || (l->hides && mask);
    for (int k = 0; k < states; k++)
        in[k] = s->layer->inputs > 1 ? s->x[1 + k]
                                     : antler__zeros(o, s->x[0], shape->rank - 1, shape->dim + 1, ANTLER_ONNX_REAL);
    in[states] = in_order(o, xw, shape->rank + 1, l->back);
    in[states + 1] = in_order(o, mask, 2, l->back);
    antler__body_begin(o);
    body(o, l, mask != NULL, all, states, shape->rank, step, arg);
    last[0] = antler__body_end(o, states, 2, all, in);
    for (int k = 1; k < states; k++)
        last[k] = antler__also(o, k);
    antler__scan_give(o, s, l, all ? swap_steps(o, antler__also(o, states), shape->rank + 1) : NULL, states, last);
}

void antler__gates_of(antler_onnx *o, antler_term *x, int n, antler_term **part)
{
    part[0] = antler__op1(o, "Split", x);
    antler__set_int(o, "axis", -1);
    antler__set_int(o, "num_outputs", n);
    for (int i = 1; i < n; i++)
        part[i] = antler__also(o, i);
}

/* From the gates' sums and the states to the next ones, for LSTM and ConvLSTM. */
void antler__lstm_gates(antler_onnx *o, antler_term *z, antler_term *c, const antler_activation_ops *act,
                        const antler_activation_ops *gate_act, antler_term **next)
{
    antler_term *gate[4];
    antler__gates_of(o, z, 4, gate);
    for (int i = 0; i < 4; i++)
        gate[i] = antler__say_activation(o, i == 2 ? act : gate_act, gate[i]);
    next[1] = plus(o, times(o, gate[1], c), times(o, gate[0], gate[2]));
    next[0] = times(o, gate[3], antler__say_activation(o, act, next[1]));
}
