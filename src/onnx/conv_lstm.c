/* ConvLSTM: the input's convolution over all steps at once, then a Scan (scan.h). */
#include "layers/shared/conv_lstm.h"
#include "onnx/scan.h"
#include "onnx/windows.h"

typedef struct images {
    const struct antler_conv_lstm *c;
    antler_term *u;
    antler_shape state;
} images;

static void conv_step(antler_onnx *o, const void *arg, antler_term *x, antler_term **state, antler_term **next)
{
    static const int64_t ones[] = {1, 1, 1};
    const images *i = arg;
    const antler_window_config same = {i->state.rank - 2, i->c->kernel_size, ones, NULL, antler__paddings[1]};
    antler_term *u = antler__say_convolution(o, state[0], &i->state, i->u, NULL, &same, 1);
    antler__lstm_gates(o, plus(o, x, u), state[1], antler_activation_of(i->c->activation_),
                       antler_activation_of(i->c->recurrent_activation_), next);
}

static void conv_lstm(antler_onnx *o, antler_said *s)
{
    const struct antler_conv_lstm *c = antler__config_of(s);
    const antler_shape *in = antler__in_of(s);
    const antler_window_config w = {in->rank - 3, c->kernel_size, c->strides, c->dilation_rate, c->padding};
    antler_term *mask = antler__steps_mask(o, s, c->stateful);
    antler_conv_sizes sizes;
    if (antler__conv_lstm_sizes(c, in->rank - 3, in, &sizes, NULL) != ANTLER_OK)
        return;
    images of = {c, antler__param(o, s, CONV_LSTM_RECURRENT), sizes.state};
    antler_shape step = {in->rank - 1, {ANTLER_BATCH}}, all = {in->rank, {ANTLER_BATCH, in->dim[1]}};
    for (int i = 2; i < in->rank; i++) {
        step.dim[i - 1] = in->dim[i];
        all.dim[i] = i == in->rank - 1 ? CONV_LSTM_GATES * c->filters : sizes.state.dim[i - 1];
    }
    antler_term *x =
        antler__say_convolution(o, antler__shaped(o, s->x[0], &step), &step, antler__param(o, s, CONV_LSTM_KERNEL),
                                c->use_bias ? antler__param(o, s, CONV_LSTM_BIAS) : NULL, &w, 1);
    antler_onnx_loop l = {c->return_sequences, c->return_state, c->go_backwards, c->zero_output_for_mask};
    antler__scan(o, s, &l, antler__shaped(o, x, &all), mask, CONV_LSTM_STATES, &sizes.state, conv_step, &of);
}

const antler_saying antler__say_conv_lstm[] = {
    {&antler_layer_conv_lstm1d.type, conv_lstm, false},
    {&antler_layer_conv_lstm2d.type, conv_lstm, false},
    {&antler_layer_conv_lstm3d.type, conv_lstm, false},
    {NULL, NULL, false},
};
