/* SimpleRNN, LSTM and GRU: what tells them apart. What they share is in shared/recurrent.h. */
#include "layers/shared/recurrent.h"

typedef struct antler_simple_rnn simple_rnn;
typedef struct antler_lstm lstm;
typedef struct antler_gru gru;

static const char *const arguments[] = {"sequences", "initial_state", NULL};

/* The methods of a layer and its cell, from NAME_cell (its config's antler_cell) and the kernels NAME_forward and
 * NAME_backward. */
#define METHODS(NAME)                                                                                \
    static antler_status NAME##_infer(const void *config, const antler_shape *in, antler_shape *out, \
                                      antler_error *err)                                             \
    {                                                                                                \
        antler_cell cell = NAME##_cell(config);                                                      \
        return antler__recurrent_infer(config, &cell, in, out, err);                                 \
    }                                                                                                \
    static void NAME##_cell_variables(const void *config, const antler_shape *in, antler_plan *plan) \
    {                                                                                                \
        antler_cell cell = NAME##_cell(config);                                                      \
        antler__recurrent_variables(config, &cell, in, plan);                                        \
    }                                                                                                \
    static void NAME##_variables(const void *config, const antler_shape *in, antler_plan *plan)      \
    {                                                                                                \
        antler_plan_group(plan, "cell");                                                             \
        NAME##_cell_variables(config, in, plan);                                                     \
    }                                                                                                \
    static int NAME##_states(const void *config)                                                     \
    {                                                                                                \
        antler_cell cell = NAME##_cell(config);                                                      \
        return antler__recurrent_states(&cell);                                                      \
    }                                                                                                \
    static void NAME##_buffers(const void *config, const antler_shape *in, antler_plan *plan)        \
    {                                                                                                \
        antler_cell cell = NAME##_cell(config);                                                      \
        antler__recurrent_buffers(config, &cell, in, plan);                                          \
    }                                                                                                \
    static antler_status NAME##_forward(const void *config, antler_run *run)                         \
    {                                                                                                \
        antler_cell cell = NAME##_cell(config);                                                      \
        antler__recurrent_forward(config, &cell, run, run->k->NAME##_forward);                       \
        return ANTLER_OK;                                                                            \
    }                                                                                                \
    static antler_status NAME##_backward(const void *config, antler_run *run)                        \
    {                                                                                                \
        antler_cell cell = NAME##_cell(config);                                                      \
        antler__recurrent_backward(config, &cell, run, run->k->NAME##_backward);                     \
        return ANTLER_OK;                                                                            \
    }

/* The rows of the tables that are alike. */
#define RUNS(NAME, STATES)                                                                                     \
    .flags = ANTLER_NEEDS_X | ANTLER_NEEDS_Y, .mask_rule = antler__recurrent_mask_rule, .infer = NAME##_infer, \
    .inputs = 1 + (STATES), .arguments = arguments, .buffers = NAME##_buffers, .forward = NAME##_forward,      \
    .backward = NAME##_backward

#define LAYER(NAME, CLASS, STATES, DOC)        \
    .type = {.size = sizeof(antler_layer_ops), \
             .kind = ANTLER_KIND_LAYER,        \
             .class_name = (CLASS),            \
             .doc = (DOC),                     \
             .config_size = sizeof(NAME),      \
             .fields = NAME##_fields,          \
             .samples = NAME##_samples},       \
    .variables = NAME##_variables, RUNS(NAME, STATES)

#define CELL(NAME, CLASS, STATES, DOC, CHANGE)                  \
    {                                                           \
        .layer = {.type = {.size = sizeof(antler_cell_ops),     \
                           .kind = ANTLER_KIND_CELL,            \
                           .class_name = (CLASS),               \
                           .doc = (DOC),                        \
                           .config_size = sizeof(NAME),         \
                           .fields = NAME##_cell_fields},       \
                  .variables = NAME##_cell_variables,           \
                  RUNS(NAME, STATES),                           \
                  .initialize = (CHANGE)},                      \
        .loop = antler__recurrent_loop, .states = NAME##_states \
    }

/* SimpleRNN: h_t = activation(x_t W + b + h_t-1 U).

   W (F, u), U (u, u), b (u). Gradient: dz_t = activation'(h_t) (dh_t + dz_t+1 U^T); the rest is recurrent.h's. */
#define SIMPLE_RNN_FIELDS ANTLER_CELL_FIELDS(simple_rnn), ANTLER_FIELD_SEED(simple_rnn)
static const antler_field simple_rnn_fields[] = {SIMPLE_RNN_FIELDS, ANTLER_LOOP_FIELDS(simple_rnn), ANTLER_FIELD_END};
static const antler_field simple_rnn_cell_fields[] = {SIMPLE_RNN_FIELDS, ANTLER_FIELD_END};

static const char *const simple_rnn_samples[] = {
    "(4, 3) {\"units\": 2}",
    "(5, 2) {\"units\": 3, \"return_sequences\": true, \"use_bias\": false}",
    "(3, 2) {\"units\": 2, \"go_backwards\": true, \"return_sequences\": true, \"activation\": \"sigmoid\"}",
    "(3, 4) {\"units\": 3, \"dropout\": 0.3, \"recurrent_dropout\": 0.4, \"seed\": 1}",
    "(3, 4) {\"units\": 3, \"activation\": \"softmax\", \"dropout\": 0.3, \"recurrent_dropout\": 0.4}",
    "(4, 2) {\"units\": 2, \"activation\": \"mish\", \"go_backwards\": true, \"return_sequences\": true}",
    "(3, 2) (2) {\"units\": 2, \"return_sequences\": true, \"return_state\": true}",
    NULL,
};

static antler_cell simple_rnn_cell(const simple_rnn *c)
{
    (void)c;
    return (antler_cell){.gates = 1};
}

METHODS(simple_rnn)

const antler_layer_ops antler_layer_simple_rnn = {LAYER(simple_rnn, "SimpleRNN", 1, "fully connected recurrence")};
const antler_cell_ops antler__cell_simple_rnn = CELL(simple_rnn, "SimpleRNNCell", 1, "SimpleRNN's, for an RNN", NULL);

/* LSTM (long short-term memory). Four gates, in the columns of W (F, 4u), U (u, 4u) and b (4u) in this order:

       i, f, o = gate(z)    c~ = activation(z)          z = x_t W + b + h_t-1 U
       c_t = f c_t-1 + i c~                             h_t = o activation(c_t)

   Gradient, from dh_t and dc_t of the steps after t:

       dc_t += dh_t o activation'(c_t)                  do = dh_t activation(c_t)
       di = dc_t c~     df = dc_t c_t-1    dc~ = dc_t i    dc_t-1 = dc_t f
       dz = each times its activation's derivative      dh_t-1 = dz U^T */
#define LSTM_FIELDS                                                                              \
    ANTLER_CELL_FIELDS(lstm), ANTLER_FIELD_GATE_ACTIVATION(lstm),                                \
        ANTLER_FIELD_BOOL(lstm, unit_forget_bias, "true", "the forget gate's bias starts at 1"), \
        ANTLER_FIELD_SEED(lstm)
static const antler_field lstm_fields[] = {LSTM_FIELDS, ANTLER_LOOP_FIELDS(lstm), ANTLER_FIELD_END};
static const antler_field lstm_cell_fields[] = {LSTM_FIELDS, ANTLER_FIELD_END};

static const char *const lstm_samples[] = {
    "(4, 3) {\"units\": 2}",
    "(5, 2) {\"units\": 3, \"return_sequences\": true, \"use_bias\": false}",
    "(3, 2) {\"units\": 2, \"go_backwards\": true, \"return_sequences\": true, \"unit_forget_bias\": false}",
    "(3, 4) {\"units\": 3, \"dropout\": 0.3, \"recurrent_dropout\": 0.4, \"seed\": 1}",
    "(3, 4) {\"units\": 3, \"activation\": \"gelu\", \"recurrent_activation\": \"softmax\", \"recurrent_dropout\": "
    "0.4}",
    "(4, 2) {\"units\": 2, \"activation\": \"log_softmax\", \"go_backwards\": true, \"return_sequences\": true}",
    "(3, 2) (2) (2) {\"units\": 2, \"return_state\": true}",
    "(3, 2) (2) (2) {\"units\": 2, \"return_sequences\": true, \"return_state\": true, \"activation\": \"mish\"}",
    NULL,
};

static antler_cell lstm_cell(const lstm *c)
{
    return (antler_cell){.gates = 4, .kept = 4, .has_c = true, .gate_activation = c->recurrent_activation_};
}

METHODS(lstm)

static void initialize(const void *config, int slot, antler_tensor *param)
{
    const lstm *c = config;
    if (slot == SLOT_BIAS && c->unit_forget_bias)
        for (int64_t i = c->units; i < 2 * c->units; i++)
            param->data[i] = 1;
}

const antler_layer_ops antler_layer_lstm = {LAYER(lstm, "LSTM", 2, "long short-term memory"), .initialize = initialize};
const antler_cell_ops antler__cell_lstm = CELL(lstm, "LSTMCell", 2, "LSTM's, for an RNN", initialize);

/* GRU (gated recurrent unit). Three gates, in the columns of W (F, 3u) and U (u, 3u) in the order z, r, h:

       z, r = gate(x_t W + b + h_t-1 U)                 h_t = z h_t-1 + (1 - z) hh
       hh = activation(x_t W_h + b_h + r (h_t-1 U_h + rb_h))    reset_after, Keras's default: b is (2, 3u), with a row
                                                                of its own, rb, for the recurrent product
       hh = activation(x_t W_h + b_h + (r h_t-1) U_h)           otherwise, b (3u)

   Gradient: dz = dh_t (h_t-1 - hh), dhh = dh_t (1 - z), each times its activation's derivative; with p = h_t-1 U_h +
   rb_h dr = dhh p and dp = dhh r (reset_after), or dr = h_t-1 (dhh U_h^T). The gradient dr of the recurrent products
   then differs from dz of the projected inputs in its last third, so that dU and the second row of db are made from it.
 */
#define GRU_FIELDS                                                                                            \
    ANTLER_CELL_FIELDS(gru), ANTLER_FIELD_GATE_ACTIVATION(gru),                                               \
        ANTLER_FIELD_BOOL(gru, reset_after, "true", "the reset gate works on the product, not on the state"), \
        ANTLER_FIELD_SEED(gru)
static const antler_field gru_fields[] = {GRU_FIELDS, ANTLER_LOOP_FIELDS(gru), ANTLER_FIELD_END};
static const antler_field gru_cell_fields[] = {GRU_FIELDS, ANTLER_FIELD_END};

static const char *const gru_samples[] = {
    "(4, 3) {\"units\": 2}",
    "(4, 3) {\"units\": 2, \"reset_after\": false}",
    "(5, 2) {\"units\": 3, \"return_sequences\": true, \"use_bias\": false}",
    "(3, 2) {\"units\": 2, \"go_backwards\": true, \"return_sequences\": true, \"reset_after\": false}",
    "(3, 4) {\"units\": 3, \"dropout\": 0.3, \"recurrent_dropout\": 0.4, \"seed\": 1}",
    "(3, 4) {\"units\": 3, \"dropout\": 0.3, \"recurrent_dropout\": 0.4, \"seed\": 1, \"reset_after\": false}",
    "(3, 4) {\"units\": 3, \"activation\": \"softsign\", \"recurrent_activation\": \"softmax\", \"dropout\": 0.3}",
    "(3, 4) {\"units\": 2, \"recurrent_activation\": \"silu\", \"recurrent_dropout\": 0.4, \"reset_after\": false}",
    "(4, 2) {\"units\": 2, \"activation\": \"softmax\", \"return_sequences\": true, \"reset_after\": false}",
    "(3, 2) (2) {\"units\": 2, \"return_state\": true, \"recurrent_dropout\": 0.4}",
    "(3, 2) (2) {\"units\": 2, \"go_backwards\": true, \"return_state\": true, \"reset_after\": false}",
    NULL,
};

static antler_cell gru_cell(const gru *c)
{
    return (antler_cell){.gates = 3,
                         .kept = c->reset_after ? 4 : 3,
                         .reset_after = c->reset_after,
                         .reset_before = !c->reset_after,
                         .gate_activation = c->recurrent_activation_};
}

METHODS(gru)

const antler_layer_ops antler_layer_gru = {LAYER(gru, "GRU", 1, "gated recurrent unit")};
const antler_cell_ops antler__cell_gru = CELL(gru, "GRUCell", 1, "GRU's, for an RNN", NULL);
