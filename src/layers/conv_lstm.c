/* ConvLSTM1D to ConvLSTM3D: an LSTM whose states are images, and whose products are convolutions. Four gates, in the
   channels of kernel W (taps ..., channels, 4 filters), recurrent kernel U (taps ..., filters, 4 filters) and bias b in
   this order, * a convolution:

       i, f, o = gate(z)    c~ = activation(z)          z = W * x_t + b + U * h_t-1
       c_t = f c_t-1 + i c~                             h_t = o activation(c_t)

   W has the layer's strides, padding and dilation; U is as large, moves by 1, and sees zeros around h.

   Gradient, from dh_t and dc_t of the steps after t:

       dc_t += dh_t o activation'(c_t)                  do = dh_t activation(c_t)
       di = dc_t c~     df = dc_t c_t-1    dc~ = dc_t i    dc_t-1 = dc_t f
       dz = each times its activation's derivative      dh_t-1 = the gradient of U's input under dz

   Then dW, dU and db, each one convolution's over all steps of all samples, step by step; and dx. */
#include "layers/shared/conv_lstm.h"
#include "layers/shared/convolution_fields.h"

typedef struct antler_conv_lstm conv_lstm;

static antler_status check(void *config, antler_error *err)
{
    const conv_lstm *c = config;
    return antler__check_strides(c->strides, c->dilation_rate, err);
}

static antler_mask_rule mask_rule(const void *config)
{
    return ((const conv_lstm *)config)->return_sequences ? ANTLER_MASK_PASS : ANTLER_MASK_END;
}

static antler_shape all_steps(const antler_shape *state, int64_t steps)
{
    antler_shape shape = {state->rank + 1, {state->dim[0], steps}};
    for (int i = 1; i < state->rank; i++)
        shape.dim[1 + i] = state->dim[i];
    return shape;
}

static antler_status infer(const void *config, int axes, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const conv_lstm *c = config;
    antler_conv_sizes s;
    ANTLER_TRY(antler__conv_lstm_sizes(c, axes, in, &s, err));
    out[0] = c->return_sequences ? all_steps(&s.state, s.steps) : s.state;
    for (int i = 0; i < CONV_LSTM_STATES && c->return_state; i++)
        out[1 + i] = s.state;
    return antler__sequence_states(in, &s.state, CONV_LSTM_STATES, err);
}

/* The number of axes is the type's; the other methods see it in the input. */
static int axes_of(const antler_shape *in)
{
    return in->rank - 3;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const conv_lstm *c = config;
    const int axes = axes_of(in);
    antler_shape kernel = {axes + 2, {0}};
    for (int i = 0; i < axes; i++)
        kernel.dim[i] = c->kernel_size[i];
    kernel.dim[axes] = in->dim[in->rank - 1];
    kernel.dim[axes + 1] = CONV_LSTM_GATES * c->filters;
    antler_plan_group(plan, "cell");
    antler_plan_param(plan, CONV_LSTM_KERNEL, "kernel", "kernel", &kernel);
    kernel.dim[axes] = c->filters;
    antler_plan_param(plan, CONV_LSTM_RECURRENT, "recurrent_kernel", "recurrent", &kernel);
    if (c->use_bias)
        antler_plan_param(plan, CONV_LSTM_BIAS, "bias", "bias", &(antler_shape){1, {CONV_LSTM_GATES * c->filters}});
    if (c->dropout > 0 || c->recurrent_dropout > 0) {
        antler_plan_noise(plan, CONV_LSTM_ON_INPUT, c->seed);
        antler_plan_noise(plan, CONV_LSTM_ON_STATE, c->seed);
    }
}

static void initialize(const void *config, int slot, antler_tensor *param)
{
    const conv_lstm *c = config;
    if (slot == CONV_LSTM_BIAS && c->unit_forget_bias)
        for (int64_t i = c->filters; i < 2 * c->filters; i++)
            param->data[i] = 1;
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_conv_sizes s;
    if (antler__conv_lstm_sizes(config, axes_of(in), in, &s, NULL) == ANTLER_OK) /* infer has refused it else */
        antler__conv_lstm_buffers(config, &s, plan);
}

static antler_status forward(const void *config, antler_run *run)
{
    antler_conv_sizes s;
    ANTLER_TRY(antler__conv_lstm_sizes(config, axes_of(&run->x->shape), &run->x->shape, &s, run->err));
    antler__conv_lstm_forward(config, &s, run);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    antler_conv_sizes s;
    ANTLER_TRY(antler__conv_lstm_sizes(config, axes_of(&run->x->shape), &run->x->shape, &s, run->err));
    antler__conv_lstm_backward(config, &s, run);
    return ANTLER_OK;
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static const char *const arguments[] = {"sequences", "initial_state", NULL};

static const char *const samples_1d[] = {
    "(3, 4, 2) {\"filters\": 2, \"kernel_size\": 2, \"strides\": 2, \"return_sequences\": true, \"activation\": "
    "\"softmax\"}",
    "(2, 3, 1) (3, 2) (3, 2) {\"filters\": 2, \"kernel_size\": 1, \"return_state\": true, \"recurrent_activation\": "
    "\"silu\"}",
    NULL,
};
static const char *const samples_2d[] = {
    "(2, 3, 3, 1) {\"filters\": 2, \"kernel_size\": [2, 3], \"padding\": \"same\", \"go_backwards\": true, "
    "\"return_sequences\": true}",
    "(2, 3, 2, 2) {\"filters\": 2, \"kernel_size\": 2, \"dropout\": 0.3, \"recurrent_dropout\": 0.4, \"seed\": 1, "
    "\"use_bias\": false}",
    "(2, 1, 3, 2) (2, 3, 2) (2, 3, 2) {\"filters\": 2, \"kernel_size\": [3, 1], \"padding\": \"same\", "
    "\"return_sequences\": true, \"return_state\": true, \"data_format\": \"channels_first\"}",
    NULL,
};
static const char *const samples_3d[] = {
    "(2, 3, 2, 2, 1) {\"filters\": 1, \"kernel_size\": [2, 1, 2], \"dilation_rate\": [2, 1, 1], \"unit_forget_bias\": "
    "false}",
    NULL,
};

#define FIELDS(axes)                                                                                    \
    static const antler_field fields_##axes##d[] = {                                                    \
        ANTLER_FIELD_COUNT(conv_lstm, filters, "channels of the state, and of the output"),             \
        ANTLER_FIELDS_WINDOW(conv_lstm, axes, antler__paddings,                                         \
                             "of the input; valid: windows inside of it; same: zeros around it"),       \
        ANTLER_FIELD_ACTIVATION(conv_lstm, activation, "\"tanh\"", "of the state"),                     \
        ANTLER_FIELD_GATE_ACTIVATION(conv_lstm),                                                        \
        ANTLER_KERNEL_FIELDS(conv_lstm),                                                                \
        ANTLER_FIELD_BOOL(conv_lstm, unit_forget_bias, "true", "the forget gate's bias starts at 1"),   \
        ANTLER_STEP_FIELDS(conv_lstm, "one mask a gate, for all steps"),                                \
        ANTLER_LOOP_FIELDS(conv_lstm),                                                                  \
        ANTLER_FIELD_SEED(conv_lstm),                                                                   \
        ANTLER_FIELD_DATA_FORMAT(conv_lstm, axes),                                                      \
        ANTLER_FIELD_END,                                                                               \
    };                                                                                                  \
    static antler_status infer_##axes##d(const void *config, const antler_shape *in, antler_shape *out, \
                                         antler_error *err)                                             \
    {                                                                                                   \
        return infer(config, axes, in, out, err);                                                       \
    }
FIELDS(1)
FIELDS(2)
FIELDS(3)

#define CONV_LSTM(axes, line)                                                                                    \
    {                                                                                                            \
        .type = {.size = sizeof(antler_layer_ops),                                                               \
                 .kind = ANTLER_KIND_LAYER,                                                                      \
                 .class_name = "ConvLSTM" #axes "D",                                                             \
                 .doc = (line),                                                                                  \
                 .config_size = sizeof(conv_lstm),                                                               \
                 .fields = fields_##axes##d,                                                                     \
                 .samples = samples_##axes##d,                                                                   \
                 .check = check},                                                                                \
        .flags = ANTLER_NEEDS_X, .inputs = 1 + CONV_LSTM_STATES, .arguments = arguments, .mask_rule = mask_rule, \
        .infer = infer_##axes##d, .variables = variables, .buffers = buffers, .forward = forward,                \
        .backward = backward, .initialize = initialize                                                           \
    }

const antler_layer_ops antler_layer_conv_lstm1d = CONV_LSTM(1, "long short-term memory of lines");
const antler_layer_ops antler_layer_conv_lstm2d = CONV_LSTM(2, "long short-term memory of images");
const antler_layer_ops antler_layer_conv_lstm3d = CONV_LSTM(3, "long short-term memory of volumes");
