/* ConvLSTM1D to ConvLSTM3D: sizes and buffers. */
#include "layers/shared/conv_lstm.h"

typedef struct antler_conv_lstm conv_lstm;

enum { GATES = CONV_LSTM_GATES };

antler_status antler__conv_lstm_sizes(const conv_lstm *c, int axes, const antler_shape *in, antler_conv_sizes *s,
                                      antler_error *err)
{
    static const char *const expected[] = {"positions", "height, width", "depth, height, width"};
    static const int64_t ones[ANTLER_SPATIAL] = {1, 1, 1};
    const antler_window_config of_input = {axes, c->kernel_size, c->strides, c->dilation_rate, c->padding};
    const antler_window_config of_state = {axes, c->kernel_size, ones, ones, antler__paddings[1]};
    char text[128];
    if (in->rank != axes + 3)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected (batch, steps, %s, channels)",
                                antler_shape_text(in, text, sizeof text), expected[axes - 1]);
    antler_shape step = {in->rank - 1, {in->dim[0]}};
    for (int i = 2; i < in->rank; i++)
        step.dim[i - 1] = in->dim[i];
    *s = (antler_conv_sizes){
        .batch = in->dim[0], .steps = in->dim[1], .channels = in->dim[in->rank - 1], .filters = c->filters};
    s->input = (antler_convolution){
        .channels = s->channels, .filters = GATES * c->filters, .groups = 1, .use_bias = c->use_bias};
    s->recurrent = (antler_convolution){.channels = c->filters, .filters = GATES * c->filters, .groups = 1};
    ANTLER_TRY(antler__windows(s->input.w, &of_input, &step, err));
    s->state = antler__windows_shape(s->input.w, axes, s->batch, c->filters);
    s->inputs = antler__inputs(s->input.w);
    s->places = antler__outputs(s->input.w);
    return antler__windows(s->recurrent.w, &of_state, &s->state, err);
}

void antler__conv_lstm_buffers(const conv_lstm *c, const antler_conv_sizes *s, antler_plan *plan)
{
    const bool train = antler_plan_mode(plan) == ANTLER_TRAIN;
    const int64_t b = s->batch, t = s->steps, f = s->filters, n = s->channels;
    const antler_shape gates = {4, {t, b, s->places, GATES * f}}, one = {3, {b, s->places, f}};
    const antler_shape states = {4, {t + 1, b, s->places, f}}, sums = {3, {b, s->places, GATES * f}};
    antler__convolution_buffers(&s->input, SLOT_OF_INPUT, t * b, plan);
    antler__convolution_buffers(&s->recurrent, SLOT_OF_RECURRENT, t * b, plan);
    for (int i = SLOT_H; i <= SLOT_C; i++) {
        if (train)
            antler_plan_saved(plan, i, &states);
        else
            antler_plan_scratch(plan, SLOT_STATES + i, &one);
        if (c->stateful)
            antler_plan_carry(plan, i - SLOT_H, &one);
    }
    if (train)
        antler_plan_saved(plan, SLOT_Z, &gates);
    else
        antler_plan_scratch(plan, SLOT_STATES + SLOT_Z, &gates);
    antler_plan_scratch(plan, SLOT_IMAGES, &(antler_shape){4, {t, b, s->inputs, c->dropout > 0 ? GATES * n : n}});
    antler_plan_scratch(plan, SLOT_SUMS, &sums);
    if (c->dropout > 0 || c->recurrent_dropout > 0)
        antler_plan_scratch(plan, SLOT_KEEP, &(antler_shape){3, {b, GATES, s->inputs * n + s->places * f}});
    if (c->recurrent_dropout > 0)
        antler_plan_scratch(plan, SLOT_SEEN, train ? &gates : &sums);
    antler_plan_scratch(plan, SLOT_WORK,
                        &(antler_shape){3, {antler_plan_workers(plan), CONV_LSTM_PLANES * CONV_LSTM_ROWS, f}});
    if (!train)
        return;
    antler_plan_scratch(plan, SLOT_DZ, &gates);
    antler_plan_scratch(plan, SLOT_DH, &one);
    antler_plan_scratch(plan, SLOT_DC, &one);
}
