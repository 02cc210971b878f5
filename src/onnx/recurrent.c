/* Recurrent layers. Where ONNX's LSTM, GRU and RNN mean the same they are said by these, else, with a mask or another
   activation, by a Scan whose body is a step (scan.h). */
#include "onnx/scan.h"

#include "kernels/kernels.h"
#include "layers/shared/recurrent.h"

#include <string.h>

/* What SimpleRNN, LSTM and GRU are to both ways of saying them. */
typedef struct rnn {
    const antler_recurrent *c; /* the head of the config */
    const char *op;            /* of ONNX */
    int gates, states;
    int order[4]; /* gate i of ONNX is Keras's order[i]-th */
    const antler_activation_ops *act, *gate_act;
    bool reset_after;
} rnn;

static antler_onnx_loop loop_of(const antler_recurrent *c)
{
    return (antler_onnx_loop){c->return_sequences, c->return_state, c->go_backwards, c->zero_output_for_mask};
}

typedef struct cell {
    const rnn *r;
    antler_term *u, *rb; /* recurrent kernel and bias, or NULL */
} cell;

static void simple_step(antler_onnx *o, const void *arg, antler_term *x, antler_term **state, antler_term **next)
{
    const cell *c = arg;
    antler_term *z = plus(o, x, antler__op2(o, "MatMul", state[0], c->u));
    next[0] = antler__say_activation(o, c->r->act, z);
}

static void lstm_step(antler_onnx *o, const void *arg, antler_term *x, antler_term **state, antler_term **next)
{
    const cell *c = arg;
    antler_term *z = plus(o, x, antler__op2(o, "MatMul", state[0], c->u));
    antler__lstm_gates(o, z, state[1], c->r->act, c->r->gate_act, next);
}

static void gru_step(antler_onnx *o, const void *arg, antler_term *x, antler_term **state, antler_term **next)
{
    const cell *c = arg;
    const int64_t units = c->r->c->units;
    antler_term *of_x[3], *of_h[3], *h = state[0];
    antler__gates_of(o, x, 3, of_x);
    if (c->r->reset_after)
        antler__gates_of(o, plus(o, antler__op2(o, "MatMul", h, c->u), c->rb), 3, of_h);
    else
        antler__gates_of(o, antler__op2(o, "MatMul", h, antler__slice(o, c->u, 1, 0, 2 * units, 1)), 2, of_h);
    antler_term *z = antler__say_activation(o, c->r->gate_act, plus(o, of_x[0], of_h[0]));
    antler_term *r = antler__say_activation(o, c->r->gate_act, plus(o, of_x[1], of_h[1]));
    antler_term *p = c->r->reset_after
                         ? times(o, r, of_h[2])
                         : antler__op2(o, "MatMul", times(o, r, h), antler__slice(o, c->u, 1, 2 * units, 3 * units, 1));
    antler_term *hh = antler__say_activation(o, c->r->act, plus(o, of_x[2], p));
    antler_term *rest = antler__op2(o, "Sub", antler__real(o, 1), z);
    next[0] = plus(o, times(o, z, h), times(o, rest, hh));
}

/* The bias of the input; with reset_after it is the first row of two. */
static antler_term *bias_row(antler_onnx *o, const antler_said *s, const rnn *r, int row)
{
    if (!r->c->use_bias || (row > 0 && !r->reset_after))
        return NULL;
    antler_term *bias = antler__param(o, s, SLOT_BIAS);
    return r->reset_after ? antler__squeeze(o, antler__slice(o, bias, 0, row, row + 1, 1), 0) : bias;
}

static void by_scan(antler_onnx *o, antler_said *s, const rnn *r, antler_term *mask)
{
    antler_step_fn *step = r->gates == 1 ? simple_step : r->gates == 4 ? lstm_step : gru_step;
    cell c = {r, antler__param(o, s, SLOT_RECURRENT), bias_row(o, s, r, 1)};
    antler_onnx_loop l = loop_of(r->c);
    antler_shape state = {2, {ANTLER_BATCH, r->c->units}};
    antler_term *xw = antler__op2(o, "MatMul", s->x[0], antler__param(o, s, SLOT_KERNEL));
    antler__scan(o, s, &l, plus(o, xw, bias_row(o, s, r, 0)), mask, r->states, &state, step, &c);
}

/* ---- by ONNX's own operators --------------------------------------------------------------------------------------
 */

/* A function's name among those that they take; NULL: none. */
static const char *word_for(const antler_activation_ops *f)
{
    static const char *const words[ANTLER_ACTIVATIONS] = {
        [ANTLER_ACT_relu] = "Relu",         [ANTLER_ACT_tanh] = "Tanh",
        [ANTLER_ACT_sigmoid] = "Sigmoid",   [ANTLER_ACT_softplus] = "Softplus",
        [ANTLER_ACT_softsign] = "Softsign", [ANTLER_ACT_hard_sigmoid_keras2] = "HardSigmoid",
    };
    return f && f->kernel > 0 && f->kernel < ANTLER_ACTIVATIONS ? words[f->kernel] : NULL;
}

static bool is_theirs(const rnn *r)
{
    return word_for(r->act) && (r->gates == 1 || word_for(r->gate_act));
}

/* W (n, gates * units) of Keras as (1, gates * units, n) with ONNX's gates. */
static antler_term *weights(antler_onnx *o, const antler_said *s, const rnn *r, int slot)
{
    const antler_tensor *w = antler__param_tensor(o, s, slot);
    int64_t n = w->shape.dim[0], units = r->c->units, columns = r->gates * units;
    antler_real *to;
    antler_term *table = antler__table(o, 3, (int64_t[]){1, columns, n}, &to);
    for (int64_t column = 0; table && column < columns; column++)
        for (int64_t i = 0; i < n; i++)
            to[column * n + i] = w->data[i * columns + r->order[column / units] * units + column % units];
    return table;
}

/* (1, 2 gates * units): that of the input, then that of the state. */
static antler_term *biases(antler_onnx *o, const antler_said *s, const rnn *r)
{
    int64_t units = r->c->units, columns = r->gates * units;
    antler_real *to;
    if (!r->c->use_bias)
        return NULL;
    const antler_real *b = antler__param_tensor(o, s, SLOT_BIAS)->data;
    antler_term *table = antler__table(o, 2, (int64_t[]){1, 2 * columns}, &to);
    for (int64_t column = 0; table && column < (r->reset_after ? 2 : 1) * columns; column++) {
        int64_t gate = column % columns / units;
        to[column] = b[column / columns * columns + r->order[gate] * units + column % units];
    }
    return table;
}

static void set_functions(antler_onnx *o, const rnn *r)
{
    const char *f = word_for(r->act), *gate = word_for(r->gate_act);
    const char *const lstm[] = {gate, f, f}, *const gru[] = {gate, f}, *const simple[] = {f};
    antler__set_texts(o, "activations",
                      r->gates == 4   ? 3
                      : r->gates == 3 ? 2
                                      : 1,
                      r->gates == 4   ? lstm
                      : r->gates == 3 ? gru
                                      : simple);
}

static void by_operator(antler_onnx *o, antler_said *s, const rnn *r)
{
    static const int turn[] = {1, 0, 2};
    const int64_t first = 0;
    antler_onnx_loop l = loop_of(r->c);
    bool given = s->layer->inputs > 1;
    antler_term *in[] = {antler__transpose(o, s->x[0], 3, turn),
                         weights(o, s, r, SLOT_KERNEL),
                         weights(o, s, r, SLOT_RECURRENT),
                         biases(o, s, r),
                         NULL,
                         given ? antler__unsqueeze(o, s->x[1], 1, &first) : NULL,
                         given && r->states > 1 ? antler__unsqueeze(o, s->x[2], 1, &first) : NULL};
    antler_term *y = antler__op(o, r->op, 7, in), *last[ANTLER_ONNX_STATES] = {antler__also(o, 1)};
    last[1] = r->states > 1 ? antler__also(o, 2) : NULL;
    antler__set_int(o, "hidden_size", r->c->units);
    antler__set_text(o, "direction", l.back ? "reverse" : "forward");
    set_functions(o, r);
    if (r->gates == 3)
        antler__set_int(o, "linear_before_reset", r->reset_after);
    for (int k = 0; k < r->states; k++)
        last[k] = antler__squeeze(o, last[k], 0);
    y = l.sequences ? antler__transpose(o, antler__squeeze(o, y, 1), 3, turn) : NULL;
    if (y && l.back) /* ONNX leaves outputs at their places; where Bidirectional turns them back, nothing is left */
        y = antler__backwards(o, y, 1);
    antler__scan_give(o, s, &l, y, r->states, last);
}

static void recurrent(antler_onnx *o, antler_said *s, const rnn *r)
{
    antler_term *mask = antler__steps_mask(o, s, r->c->stateful);
    if (!mask && is_theirs(r))
        by_operator(o, s, r);
    else
        by_scan(o, s, r, mask);
}

/* ---- the layers ---------------------------------------------------------------------------------------------------
 */

/* The linear one is NULL to the core. */
static const antler_activation_ops *function(antler_object activation)
{
    return antler_activation_of(activation);
}

static void simple_rnn(antler_onnx *o, antler_said *s)
{
    const struct antler_simple_rnn *c = antler__config_of(s);
    recurrent(o, s, &(rnn){.c = c, .op = "RNN", .gates = 1, .states = 1, .act = function(c->activation_)});
}

static void lstm(antler_onnx *o, antler_said *s)
{
    const struct antler_lstm *c = antler__config_of(s);
    recurrent(o, s,
              &(rnn){.c = antler__config_of(s),
                     .op = "LSTM",
                     .gates = 4,
                     .states = 2,
                     .order = {0, 3, 1, 2}, /* i o f c of i f c o */
                     .act = function(c->activation_),
                     .gate_act = function(c->recurrent_activation_)});
}

static void gru(antler_onnx *o, antler_said *s)
{
    const struct antler_gru *c = antler__config_of(s);
    recurrent(o, s,
              &(rnn){.c = antler__config_of(s),
                     .op = "GRU",
                     .gates = 3,
                     .states = 1,
                     .order = {0, 1, 2}, /* z r h in both */
                     .act = function(c->activation_),
                     .gate_act = function(c->recurrent_activation_),
                     .reset_after = c->reset_after});
}

/* ---- layers around them -------------------------------------------------------------------------------------------
 */

static void rnn_of_cell(antler_onnx *o, antler_said *s)
{
    antler_said of = antler__say_child(o, &s->layer->child[0], s->x, s->mask);
    memcpy(s->y, of.y, sizeof s->y);
}

/* Each cell over the whole sequence; those above one that goes backwards see its steps, and their mask. */
static void stack(antler_onnx *o, antler_said *s)
{
    antler_term *y = s->x[0], *mask = s->mask[0];
    int first = 1, given = 1;
    for (int i = 0; i < s->layer->children && o->status == ANTLER_OK; i++) {
        const antler_layer *child = &s->layer->child[i];
        antler_term *x[1 + ANTLER_ONNX_STATES] = {y},
                           *masks[1 + ANTLER_ONNX_STATES] = {s->layer->inputs > 1 ? NULL : mask};
        for (int k = 1; k < child->inputs; k++)
            x[k] = s->x[given++];
        antler_said of = antler__say_child(o, child, x, masks);
        for (int k = 1; k < child->outputs; k++)
            s->y[first++] = of.y[k];
        y = of.y[0];
        if (i == 0 && mask && ((const antler_recurrent *)child->object.config)->go_backwards)
            mask = antler__backwards(o, mask, 1);
    }
    s->y[0] = y;
}

static antler_term *join(antler_onnx *o, const char *mode, antler_term *f, antler_term *g)
{
    if (strcmp(mode, "mul") == 0)
        return times(o, f, g);
    if (strcmp(mode, "concat") != 0) {
        antler_term *sum = plus(o, f, g);
        return strcmp(mode, "sum") == 0 ? sum : times(o, sum, antler__real(o, 0.5));
    }
    antler_term *y = antler__op2(o, "Concat", f, g);
    antler__set_int(o, "axis", -1);
    return y;
}

static void bidirectional(antler_onnx *o, antler_said *s)
{
    const struct antler_bidirectional *c = antler__config_of(s);
    antler_said way[2];
    int n = c->merge_mode ? 1 : 2;
    for (int i = 0; i < 2; i++) {
        const antler_layer *child = &s->layer->child[i];
        antler_term *x[1 + 16] = {s->x[0]}, *mask[1 + 16] = {s->mask[0]};
        for (int k = 1; k < child->inputs; k++)
            x[k] = s->x[i * (child->inputs - 1) + k];
        way[i] = antler__say_child(o, child, x, mask);
    }
    bool sequences = *(const bool *)antler_object_field(s->layer->child[0].object, "return_sequences");
    antler_term *f = way[0].y[0], *g = sequences ? antler__backwards(o, way[1].y[0], 1) : way[1].y[0];
    s->y[0] = c->merge_mode ? join(o, c->merge_mode, f, g) : f;
    if (!c->merge_mode)
        s->y[1] = g;
    for (int i = 0; i < 2; i++)
        for (int k = 1; k < s->layer->child[i].outputs; k++)
            s->y[n++] = way[i].y[k];
}

const antler_saying antler__say_recurrent[] = {
    {&antler_layer_simple_rnn.type, simple_rnn, true},
    {&antler_layer_lstm.type, lstm, true},
    {&antler_layer_gru.type, gru, true},
    {&antler__cell_simple_rnn.layer.type, simple_rnn, true},
    {&antler__cell_lstm.layer.type, lstm, true},
    {&antler__cell_gru.layer.type, gru, true},
    {&antler__cell_stacked.layer.type, stack, true},
    {&antler_layer_rnn.type, rnn_of_cell, true},
    {&antler_layer_bidirectional.type, bidirectional, true},
    {NULL, NULL, false},
};
