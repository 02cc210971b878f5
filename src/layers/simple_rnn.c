/* SimpleRNN: h_t = activation(x_t W + b + h_t-1 U).

   W (F, u), U (u, u), b (u). Gradient: dz_t = activation'(h_t) (dh_t + dz_t+1 U^T); the rest is recurrent.h's. */
#include "layers/shared/recurrent.h"

typedef struct antler_simple_rnn simple_rnn;

static const antler_cell cell = {.gates = 1};

static const antler_field fields[] = {
    ANTLER_RECURRENT_FIELDS(simple_rnn),
    {.key = "seed",
     .kind = ANTLER_INT,
     .offset = offsetof(simple_rnn, seed),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "seed of the layer's own noise; null: the model's"},
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4, 3) {\"units\": 2}",
    "(5, 2) {\"units\": 3, \"return_sequences\": true, \"use_bias\": false}",
    "(3, 2) {\"units\": 2, \"go_backwards\": true, \"return_sequences\": true, \"activation\": \"sigmoid\"}",
    "(3, 4) {\"units\": 3, \"dropout\": 0.3, \"recurrent_dropout\": 0.4, \"seed\": 1}",
    "(3, 4) {\"units\": 3, \"activation\": \"softmax\", \"dropout\": 0.3, \"recurrent_dropout\": 0.4}",
    "(4, 2) {\"units\": 2, \"activation\": \"mish\", \"go_backwards\": true, \"return_sequences\": true}",
    NULL,
};

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler__recurrent_variables(config, &cell, in, plan);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler__recurrent_buffers(config, &cell, in, plan);
}

static antler_status forward(const void *config, antler_run *run)
{
    antler__recurrent_forward(config, &cell, run, run->k->simple_rnn_forward);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    antler__recurrent_backward(config, &cell, run, run->k->simple_rnn_backward);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_simple_rnn = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "SimpleRNN",
             .doc = "fully connected recurrence",
             .config_size = sizeof(simple_rnn),
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
