/* Convolutions. ONNX has channels behind the batch, and kernels (filters, channels, positions ..). */
#include "onnx/windows.h"

#include <string.h>

enum { AXES = ANTLER_SPATIAL };

/* Whether padding is to be found out where the length is known. */
static bool pads_itself(const antler_window w[AXES])
{
    return w[0].in < 0 || w[1].in < 0 || w[2].in < 0;
}

/* The windows' attributes: of the last node. `w` begins with axes that are not there. */
static void set_windows(antler_onnx *o, const antler_window w[AXES], int axes, const int64_t *before,
                        const int64_t *behind, bool dilated)
{
    int64_t size[AXES], strides[AXES], dilation[AXES], pads[2 * AXES];
    for (int i = 0; i < axes; i++) {
        const antler_window *one = &w[AXES - axes + i];
        size[i] = one->taps;
        strides[i] = one->stride;
        dilation[i] = one->dilation;
        pads[i] = before[i];
        pads[axes + i] = behind[i];
    }
    antler__set_ints(o, "kernel_shape", axes, size);
    antler__set_ints(o, "strides", axes, strides);
    if (dilated)
        antler__set_ints(o, "dilations", axes, dilation);
    if (pads_itself(w))
        antler__set_text(o, "auto_pad", "SAME_UPPER");
    else
        antler__set_ints(o, "pads", 2 * axes, pads);
}

bool antler__windows_of(antler_window w[AXES], const antler_window_config *c, const antler_shape *in)
{
    /* any number in the place of an open axis: padding depends on it with "same" and strides alone */
    antler_shape shape = antler__with_length(in, 1 << 20);
    if (antler__windows(w, c, &shape, NULL) != ANTLER_OK)
        return false;
    for (int i = 0; i < c->axes; i++)
        if (in->dim[1 + i] < 0 && w[AXES - c->axes + i].stride > 1 && strcmp(c->padding, antler__paddings[1]) == 0)
            w[AXES - c->axes + i].in = -1;
    return true;
}

void antler__windows_say(antler_onnx *o, const antler_window w[AXES], int axes, bool dilated)
{
    int64_t before[AXES], behind[AXES];
    for (int i = 0; i < axes; i++) {
        const antler_window *one = &w[AXES - axes + i];
        int64_t reach = (one->taps - 1) * one->dilation + 1;
        int64_t missing = (one->out - 1) * one->stride + reach - one->in - one->before;
        before[i] = one->before;
        behind[i] = missing > 0 ? missing : 0;
    }
    set_windows(o, w, axes, before, behind, dilated);
}

/* A kernel (positions .., a, b) as (b, a, positions ..), or (a, b, positions ..). */
static antler_term *turn_kernel(antler_onnx *o, antler_term *kernel, int axes, bool swaps)
{
    int order[AXES + 2] = {axes + swaps, axes + !swaps};
    for (int i = 0; i < axes; i++)
        order[2 + i] = i;
    return antler__transpose(o, kernel, axes + 2, order);
}

/* x has its channels second, and so has what is returned. */
static antler_term *convolve(antler_onnx *o, antler_term *x, antler_term *kernel, antler_term *bias,
                             const antler_window w[AXES], int axes, int64_t groups)
{
    antler_term *y = antler__op3(o, "Conv", x, kernel, bias);
    antler__windows_say(o, w, axes, true);
    antler__set_int(o, "group", groups);
    return y;
}

antler_term *antler__say_convolution(antler_onnx *o, antler_term *x, const antler_shape *in, antler_term *kernel,
                                     antler_term *bias, const antler_window_config *c, int64_t groups)
{
    antler_window w[AXES];
    if (o->status != ANTLER_OK || !antler__windows_of(w, c, in))
        return NULL;
    x = antler__channels_second(o, x, in->rank);
    x = convolve(o, x, turn_kernel(o, kernel, c->axes, true), bias, w, c->axes, groups);
    return antler__channels_behind(o, x, in->rank);
}

static void convolution(antler_onnx *o, antler_said *s)
{
    const struct antler_conv *c = antler__config_of(s);
    const antler_shape *in = antler__in_of(s);
    const antler_window_config windows = {in->rank - 2, c->kernel_size, c->strides, c->dilation_rate, c->padding};
    antler_term *bias = c->use_bias ? antler__param(o, s, 1) : NULL;
    s->y[0] = antler__say_convolution(o, s->x[0], in, antler__param(o, s, 0), bias, &windows, c->groups);
}

/* The windows are those of the output over the input. What they do not reach at its end is output_padding. */
static void transposed(antler_onnx *o, antler_said *s)
{
    const struct antler_conv_transpose *c = antler__config_of(s);
    const antler_shape *in = antler__in_of(s), *out = antler__out_of(s);
    int axes = in->rank - 2;
    const antler_window_config windows = {axes, c->kernel_size, c->strides, c->dilation_rate, c->padding};
    antler_window w[AXES];
    int64_t before[AXES], behind[AXES], more[AXES];
    if (antler__windows(w, &windows, out, NULL) != ANTLER_OK)
        return;
    for (int i = 0; i < axes; i++) {
        const antler_window *one = &w[AXES - axes + i];
        int64_t reach = (one->taps - 1) * one->dilation + 1;
        int64_t left = (in->dim[1 + i] - 1) * one->stride + reach - one->before - out->dim[1 + i];
        before[i] = one->before;
        behind[i] = left > 0 ? left : 0;
        more[i] = left < 0 ? -left : 0;
    }
    antler_term *x = antler__channels_second(o, s->x[0], in->rank);
    antler_term *kernel = turn_kernel(o, antler__param(o, s, 0), axes, true);
    antler_term *y = antler__op3(o, "ConvTranspose", x, kernel, c->use_bias ? antler__param(o, s, 1) : NULL);
    set_windows(o, w, axes, before, behind, true);
    antler__set_ints(o, "output_padding", axes, more);
    s->y[0] = antler__channels_behind(o, y, in->rank);
}

/* Kernel (positions .., channels, multiplier): a group for each channel. x has its channels second. */
static antler_term *each_channel(antler_onnx *o, antler_term *x, antler_term *kernel, antler_term *bias,
                                 const antler_window_config *c, const antler_shape *in, int64_t multiplier)
{
    antler_window w[AXES];
    int64_t channels = in->dim[in->rank - 1], size[AXES + 2] = {channels * multiplier, 1};
    if (!antler__windows_of(w, c, in))
        return NULL;
    for (int i = 0; i < c->axes; i++)
        size[2 + i] = w[AXES - c->axes + i].taps;
    kernel = antler__reshape(o, turn_kernel(o, kernel, c->axes, false), c->axes + 2, size);
    return convolve(o, x, kernel, bias, w, c->axes, channels);
}

static void depthwise(antler_onnx *o, antler_said *s)
{
    const struct antler_depthwise_conv *c = antler__config_of(s);
    const antler_shape *in = antler__in_of(s);
    const antler_window_config windows = {in->rank - 2, c->kernel_size, c->strides, c->dilation_rate, c->padding};
    antler_term *x = antler__channels_second(o, s->x[0], in->rank);
    x = each_channel(o, x, antler__param(o, s, 0), c->use_bias ? antler__param(o, s, 1) : NULL, &windows, in,
                     c->depth_multiplier);
    s->y[0] = antler__channels_behind(o, x, in->rank);
}

static void separable(antler_onnx *o, antler_said *s)
{
    const struct antler_separable_conv *c = antler__config_of(s);
    const antler_shape *in = antler__in_of(s);
    int axes = in->rank - 2;
    const antler_window_config windows = {axes, c->kernel_size, c->strides, c->dilation_rate, c->padding};
    antler_window points[AXES];
    antler_term *x = antler__channels_second(o, s->x[0], in->rank);
    x = each_channel(o, x, antler__param(o, s, 0), NULL, &windows, in, c->depth_multiplier);
    for (int i = 0; i < AXES; i++)
        points[i] = (antler_window){.in = 1, .out = 1, .taps = 1, .stride = 1, .dilation = 1};
    x = convolve(o, x, turn_kernel(o, antler__param(o, s, 1), axes, true), c->use_bias ? antler__param(o, s, 2) : NULL,
                 points, axes, 1);
    s->y[0] = antler__channels_behind(o, x, in->rank);
}

const antler_saying antler__say_convolutions[] = {
    {&antler_layer_conv1d.type, convolution, true},
    {&antler_layer_conv2d.type, convolution, true},
    {&antler_layer_conv3d.type, convolution, true},
    {&antler_layer_conv1d_transpose.type, transposed, false},
    {&antler_layer_conv2d_transpose.type, transposed, false},
    {&antler_layer_conv3d_transpose.type, transposed, false},
    {&antler_layer_depthwise_conv1d.type, depthwise, true},
    {&antler_layer_depthwise_conv2d.type, depthwise, true},
    {&antler_layer_separable_conv1d.type, separable, true},
    {&antler_layer_separable_conv2d.type, separable, true},
    {NULL, NULL, false},
};
