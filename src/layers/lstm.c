/* LSTM (long short-term memory). Four gates, in the columns of W (F, 4u), U (u, 4u) and b (4u) in this order:

       i, f, o = gate(z)    c~ = activation(z)          z = x_t W + b + h_t-1 U
       c_t = f c_t-1 + i c~                             h_t = o activation(c_t)

   Gradient, from dh_t and dc_t of the steps after t:

       dc_t += dh_t o activation'(c_t)                  do = dh_t activation(c_t)
       di = dc_t c~     df = dc_t c_t-1    dc~ = dc_t i    dc_t-1 = dc_t f
       dz = each times its activation's derivative      dh_t-1 = dz U^T */
#include "layers/shared/recurrent.h"

typedef struct antler_lstm lstm;

static const antler_field fields[] = {
    ANTLER_RECURRENT_FIELDS(lstm),
    ANTLER_FIELD_GATE_ACTIVATION(lstm),
    ANTLER_FIELD_BOOL(lstm, unit_forget_bias, "true", "the forget gate's bias starts at 1"),
    ANTLER_FIELD_SEED(lstm),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4, 3) {\"units\": 2}",
    "(5, 2) {\"units\": 3, \"return_sequences\": true, \"use_bias\": false}",
    "(3, 2) {\"units\": 2, \"go_backwards\": true, \"return_sequences\": true, \"unit_forget_bias\": false}",
    "(3, 4) {\"units\": 3, \"dropout\": 0.3, \"recurrent_dropout\": 0.4, \"seed\": 1}",
    "(3, 4) {\"units\": 3, \"activation\": \"gelu\", \"recurrent_activation\": \"softmax\", \"recurrent_dropout\": "
    "0.4}",
    "(4, 2) {\"units\": 2, \"activation\": \"log_softmax\", \"go_backwards\": true, \"return_sequences\": true}",
    NULL,
};

static antler_cell cell_of(const lstm *c)
{
    return (antler_cell){.gates = 4, .kept = 4, .has_c = true, .gate_activation = c->recurrent_activation_};
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
    antler__recurrent_forward(config, &cell, run, run->k->lstm_forward);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    const antler_cell cell = cell_of(config);
    antler__recurrent_backward(config, &cell, run, run->k->lstm_backward);
    return ANTLER_OK;
}

static void initialize(const void *config, int slot, antler_tensor *param)
{
    const lstm *c = config;
    if (slot == SLOT_BIAS && c->unit_forget_bias)
        for (int64_t i = c->units; i < 2 * c->units; i++)
            param->data[i] = 1;
}

const antler_layer_ops antler_layer_lstm = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "LSTM",
             .doc = "long short-term memory",
             .config_size = sizeof(lstm),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_NEEDS_X | ANTLER_NEEDS_Y,
    .mask_rule = antler__recurrent_mask_rule,
    .infer = antler__recurrent_infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
    .initialize = initialize,
};
