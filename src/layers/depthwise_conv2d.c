/* DepthwiseConv2D, channels last: each channel is convolved by itself, with `depth_multiplier` kernels.

     z (n, oh, ow, c m + q) = sum over i, j of x (n, oh s - p + i d, ow s - p + j d, c) kernel (i, j, c, q) + bias (c m
   + q) y = activation(z)

   Gradients, from dz = dy activation'(z):

     kernel' (i, j, c, q) = sum over n, oh, ow of x (as above) dz        bias' = sum over n, oh, ow of dz
     dx (n, h, w, c) = sum over q, and over oh, ow where i = (h + p - oh s) / d and j = (w + p - ow s) / d are taps, of
                       dz (n, oh, ow, c m + q) kernel (i, j, c, q)

   shared/depthwise.c has the sums. */
#include "layers/shared/depthwise.h"

typedef struct antler_depthwise_conv2d depthwise;

static const char *const paddings[] = {"valid", "same", NULL};

#define PAIR(member, json, line)                                                                             \
    {                                                                                                        \
        .key = #member, .kind = ANTLER_INTS, .offset = offsetof(depthwise, member), .def = (json), .min = 1, \
        .max = ANTLER_MOST_UNITS, .count = 2, .doc = (line)                                                  \
    }

static const antler_field fields[] = {
    PAIR(kernel_size, NULL, "height and width of the window"),
    PAIR(strides, "[1, 1]", "steps of the window"),
    {.key = "padding",
     .kind = ANTLER_STRING,
     .offset = offsetof(depthwise, padding),
     .def = "\"valid\"",
     .choices = paddings,
     .doc = "valid: windows inside of the input; same: zeros around it"},
    ANTLER_FIELD_NUMBER(depthwise, depth_multiplier, ANTLER_INT, "1", 1, ANTLER_MOST_UNITS,
                        "channels of the output for one of the input"),
    PAIR(dilation_rate, "[1, 1]", "distance of a window's taps"),
    ANTLER_FIELD_ACTIVATION(depthwise, activation, "\"linear\"", "of the sums"),
    ANTLER_FIELD_BOOL(depthwise, use_bias, "true", "adds a bias"),
    ANTLER_FIELD_VARIABLE(depthwise, depthwise, "\"glorot_uniform\""),
    ANTLER_FIELD_VARIABLE(depthwise, bias, "\"zeros\""),
    ANTLER_FIELD_IGNORED("data_format", "\"channels_last\""),
    ANTLER_FIELD_IGNORED("groups", "1"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4, 4, 2) {\"kernel_size\": 3}",
    "(5, 4, 3) {\"kernel_size\": 3, \"padding\": \"same\", \"activation\": \"tanh\"}",
    "(6, 5, 2) {\"kernel_size\": [3, 2], \"strides\": 2, \"padding\": \"same\", \"depth_multiplier\": 2}",
    "(6, 6, 1) {\"kernel_size\": 2, \"dilation_rate\": 2, \"use_bias\": false}",
    "(2, 2, 17) {\"kernel_size\": 5, \"padding\": \"same\", \"activation\": \"gelu\"}",
    NULL,
};

static antler_status check(void *config, antler_error *err)
{
    const depthwise *c = config;
    if ((c->strides[0] > 1 || c->strides[1] > 1) && (c->dilation_rate[0] > 1 || c->dilation_rate[1] > 1))
        return antler_error_set(err, ANTLER_VALUE, "strides", "strides and dilation_rate cannot both be above 1");
    return ANTLER_OK;
}

/* ---- shapes and buffers -------------------------------------------------------------------------------------------
 */

static antler_status settle(const depthwise *c, const antler_shape *in, antler_depthwise *d, antler_error *err)
{
    char text[128];
    const bool same = c->padding == paddings[1];
    if (in->rank != 4)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected (batch, height, width, channels)",
                                antler_shape_text(in, text, sizeof text));
    *d = (antler_depthwise){.multiplier = c->depth_multiplier, .use_bias = c->use_bias};
    ANTLER_TRY(antler__window(&d->h, in->dim[1], c->kernel_size[0], c->strides[0], c->dilation_rate[0], same, err));
    return antler__window(&d->w, in->dim[2], c->kernel_size[1], c->strides[1], c->dilation_rate[1], same, err);
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const depthwise *c = config;
    antler_depthwise d;
    ANTLER_TRY(settle(c, in, &d, err));
    if (in->dim[3] > (int64_t)ANTLER_MOST_UNITS / c->depth_multiplier)
        return antler_error_set(err, ANTLER_SHAPE, "depth_multiplier", "more than %lld channels",
                                (long long)ANTLER_MOST_UNITS);
    *out = (antler_shape){4, {in->dim[0], d.h.out, d.w.out, in->dim[3] * c->depth_multiplier}};
    return ANTLER_OK;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const depthwise *c = config;
    antler_plan_param(plan, ANTLER_DEPTHWISE_KERNEL, "kernel", "depthwise",
                      &(antler_shape){4, {c->kernel_size[0], c->kernel_size[1], in->dim[3], c->depth_multiplier}});
    if (c->use_bias)
        antler_plan_param(plan, ANTLER_DEPTHWISE_BIAS, "bias", "bias",
                          &(antler_shape){1, {in->dim[3] * c->depth_multiplier}});
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_depthwise d;
    if (settle(config, in, &d, NULL) == ANTLER_OK) /* infer has refused it else */
        antler__depthwise_buffers(&d, in, plan);
}

static antler_status forward(const void *config, antler_run *run)
{
    antler_depthwise d;
    ANTLER_TRY(settle(config, &run->x->shape, &d, run->err));
    antler__depthwise_forward(&d, run);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    antler_depthwise d;
    ANTLER_TRY(settle(config, &run->x->shape, &d, run->err));
    antler__depthwise_backward(&d, run);
    return ANTLER_OK;
}

static const antler_object *activation(const void *config)
{
    return &((const depthwise *)config)->activation_;
}

const antler_layer_ops antler_layer_depthwise_conv2d = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "DepthwiseConv2D",
             .aliases = (const char *const[]){"DepthwiseConvolution2D", NULL},
             .doc = "convolution of each channel by itself",
             .config_size = sizeof(depthwise),
             .fields = fields,
             .samples = samples,
             .check = check},
    .flags = ANTLER_NEEDS_X,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
    .activation = activation,
};
