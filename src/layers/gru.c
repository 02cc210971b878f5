/* GRU (gated recurrent unit). Three gates, in the columns of W (F, 3u) and U (u, 3u) in the order z, r, h:

       z, r = gate(x_t W + b + h_t-1 U)                 h_t = z h_t-1 + (1 - z) hh
       hh = activation(x_t W_h + b_h + r (h_t-1 U_h + rb_h))    reset_after, Keras's default: b is (2, 3u), with a row
                                                                of its own, rb, for the recurrent product
       hh = activation(x_t W_h + b_h + (r h_t-1) U_h)           otherwise, b (3u)

   Gradient: dz = dh_t (h_t-1 - hh), dhh = dh_t (1 - z), each times its activation's derivative; with p = h_t-1 U_h +
   rb_h dr = dhh p and dp = dhh r (reset_after), or dr = h_t-1 (dhh U_h^T). The gradient dr of the recurrent products
   then differs from dz of the projected inputs in its last third, so that dU and the second row of db are made from it.
 */
#include "layers/shared/recurrent.h"

typedef struct antler_gru gru;

static const antler_field fields[] = {
    ANTLER_RECURRENT_FIELDS(gru),
    ANTLER_FIELD_GATE_ACTIVATION(gru),
    ANTLER_FIELD_BOOL(gru, reset_after, "true", "the reset gate works on the product, not on the state"),
    ANTLER_FIELD_SEED(gru),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4, 3) {\"units\": 2}",
    "(4, 3) {\"units\": 2, \"reset_after\": false}",
    "(5, 2) {\"units\": 3, \"return_sequences\": true, \"use_bias\": false}",
    "(3, 2) {\"units\": 2, \"go_backwards\": true, \"return_sequences\": true, \"reset_after\": false}",
    "(3, 4) {\"units\": 3, \"dropout\": 0.3, \"recurrent_dropout\": 0.4, \"seed\": 1}",
    "(3, 4) {\"units\": 3, \"dropout\": 0.3, \"recurrent_dropout\": 0.4, \"seed\": 1, \"reset_after\": false}",
    "(3, 4) {\"units\": 3, \"activation\": \"softsign\", \"recurrent_activation\": \"softmax\", \"dropout\": 0.3}",
    "(3, 4) {\"units\": 2, \"recurrent_activation\": \"silu\", \"recurrent_dropout\": 0.4, \"reset_after\": false}",
    "(4, 2) {\"units\": 2, \"activation\": \"softmax\", \"return_sequences\": true, \"reset_after\": false}",
    NULL,
};

static antler_cell cell_of(const gru *c)
{
    return (antler_cell){.gates = 3,
                         .kept = c->reset_after ? 4 : 3,
                         .reset_after = c->reset_after,
                         .reset_before = !c->reset_after,
                         .gate_activation = c->recurrent_activation_};
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_cell cell = cell_of(config);
    antler__recurrent_variables(config, &cell, in, plan);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_cell cell = cell_of(config);
    antler__recurrent_buffers(config, &cell, in, plan);
}

static antler_status forward(const void *config, antler_run *run)
{
    const antler_cell cell = cell_of(config);
    antler__recurrent_forward(config, &cell, run, run->k->gru_forward);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    const antler_cell cell = cell_of(config);
    antler__recurrent_backward(config, &cell, run, run->k->gru_backward);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_gru = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "GRU",
             .doc = "gated recurrent unit",
             .config_size = sizeof(gru),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_NEEDS_X | ANTLER_NEEDS_Y,
    .mask_rule = antler__recurrent_mask_rule,
    .infer = antler__recurrent_infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
};
