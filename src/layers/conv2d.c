/* Conv2D, channels last. With taps (i, j) of a window that window.h moves over the input,

     z (n, oh, ow, f) = sum over i, j, c of x (n, oh s - p + i d, ow s - p + j d, c) kernel (i, j, c, f) + bias (f)
     y = activation(z)

   Gradients, from dz = dy activation'(z):

     kernel' (i, j, c, f) = sum over n, oh, ow of x (as above) dz        bias' (f) = sum over n, oh, ow of dz
     dx (n, h, w, c) = sum over oh, ow, where i = (h + p - oh s) / d and j = (w + p - ow s) / d are taps, of
                       sum over f of dz (n, oh, ow, f) kernel (i, j, c, f)

   Terms are added in the order written, padding's zeros among them; convolution.c has the products. */
#include "layers/shared/convolution.h"

typedef struct antler_conv2d conv2d;

static const char *const paddings[] = {"valid", "same", NULL};

#define PAIR(member, json, line)                                                                          \
    {                                                                                                     \
        .key = #member, .kind = ANTLER_INTS, .offset = offsetof(conv2d, member), .def = (json), .min = 1, \
        .max = ANTLER_MOST_UNITS, .count = 2, .doc = (line)                                               \
    }

static const antler_field fields[] = {
    ANTLER_FIELD_COUNT(conv2d, filters, "channels of the output"),
    PAIR(kernel_size, NULL, "height and width of the window"),
    PAIR(strides, "[1, 1]", "steps of the window"),
    {.key = "padding",
     .kind = ANTLER_STRING,
     .offset = offsetof(conv2d, padding),
     .def = "\"valid\"",
     .choices = paddings,
     .doc = "valid: windows inside of the input; same: zeros around it"},
    PAIR(dilation_rate, "[1, 1]", "distance of a window's taps"),
    {.key = "groups",
     .kind = ANTLER_INT,
     .offset = offsetof(conv2d, groups),
     .def = "1",
     .min = 1,
     .max = ANTLER_MOST_UNITS,
     .doc = "1"},
    ANTLER_FIELD_ACTIVATION(conv2d, activation, "\"linear\"", "of the sums"),
    ANTLER_KERNEL_FIELDS(conv2d),
    ANTLER_FIELD_IGNORED("data_format", "\"channels_last\""),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4, 4, 2) {\"filters\": 3, \"kernel_size\": 3}",
    "(5, 4, 2) {\"filters\": 2, \"kernel_size\": [3, 2], \"strides\": 2, \"padding\": \"same\", \"activation\": "
    "\"tanh\"}",
    "(5, 5, 1) {\"filters\": 2, \"kernel_size\": 2, \"dilation_rate\": 2, \"use_bias\": false}",
    "(3, 2, 3) {\"filters\": 2, \"kernel_size\": 1, \"activation\": \"gelu\"}",
    NULL,
};

static antler_status check(void *config, antler_error *err)
{
    const conv2d *c = config;
    if (c->groups != 1)
        return antler_error_set(err, ANTLER_UNSUPPORTED, "groups", "%lld groups; only 1 is supported",
                                (long long)c->groups);
    if ((c->strides[0] > 1 || c->strides[1] > 1) && (c->dilation_rate[0] > 1 || c->dilation_rate[1] > 1))
        return antler_error_set(err, ANTLER_VALUE, "strides", "strides and dilation_rate cannot both be above 1");
    return ANTLER_OK;
}

static antler_status convolution_of(const conv2d *c, const antler_shape *in, antler_convolution *out, antler_error *err)
{
    char text[128];
    if (in->rank != 4)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected (batch, height, width, channels)",
                                antler_shape_text(in, text, sizeof text));
    const bool same = c->padding == paddings[1];
    *out = (antler_convolution){.channels = in->dim[3], .filters = c->filters, .use_bias = c->use_bias};
    ANTLER_TRY(antler__window(&out->h, in->dim[1], c->kernel_size[0], c->strides[0], c->dilation_rate[0], same, err));
    return antler__window(&out->w, in->dim[2], c->kernel_size[1], c->strides[1], c->dilation_rate[1], same, err);
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    antler_convolution c;
    ANTLER_TRY(convolution_of(config, in, &c, err));
    *out = (antler_shape){4, {in->dim[0], c.h.out, c.w.out, c.filters}};
    return ANTLER_OK;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const conv2d *c = config;
    antler_plan_param(plan, SLOT_KERNEL, "kernel", "kernel",
                      &(antler_shape){4, {c->kernel_size[0], c->kernel_size[1], in->dim[3], c->filters}});
    if (c->use_bias)
        antler_plan_param(plan, SLOT_BIAS, "bias", "bias", &(antler_shape){1, {c->filters}});
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_convolution c;
    if (convolution_of(config, in, &c, NULL) == ANTLER_OK) /* infer has refused it else */
        antler__convolution_buffers(&c, in->dim[0], plan);
}

static antler_status forward(const void *config, antler_run *run)
{
    antler_convolution c;
    ANTLER_TRY(convolution_of(config, &run->x->shape, &c, run->err));
    antler__convolution_forward(&c, run);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    antler_convolution c;
    ANTLER_TRY(convolution_of(config, &run->x->shape, &c, run->err));
    antler__convolution_backward(&c, run);
    return ANTLER_OK;
}

static const antler_object *activation(const void *config)
{
    return &((const conv2d *)config)->activation_;
}

const antler_layer_ops antler_layer_conv2d = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Conv2D",
             .aliases = (const char *const[]){"Convolution2D", NULL},
             .doc = "convolution over height and width",
             .config_size = sizeof(conv2d),
             .fields = fields,
             .samples = samples,
             .check = check},
    .flags = ANTLER_NEEDS_X | ANTLER_FUSES,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
    .activation = activation,
};
