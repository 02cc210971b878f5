/* Conv1D to Conv3D, channels last. With taps k (one for each axis) of a window that window.h moves over the input,

     z (n, o, f) = sum over k, c of x (n, o s - p + k d, c) kernel (k, c, f) + bias (f)
     y = activation(z)

   where c is counted within the group of f. Gradients, from dz = dy activation'(z):

     kernel' (k, c, f) = sum over n, o of x (as above) dz        bias' (f) = sum over n, o of dz
     dx (n, i, c) = sum over o, where k = (i + p - o s) / d are taps, of sum over f of dz (n, o, f) kernel (k, c, f)

   Conv1DTranspose to Conv3DTranspose are that dx, run forward, with a bias: z (n, i, f) = sum over o, c of
   x (n, o, c) kernel (k, f, c) + bias (f). dx is the convolution above, kernel' the same sum with x and dz exchanged.

   Terms are added in the order written, padding's zeros among them; shared/convolution.c has the products. */
#include "layers/shared/convolution.h"
#include "layers/shared/convolution_fields.h"

typedef struct antler_conv conv;
typedef struct antler_conv_transpose transpose;

static antler_status check(void *config, antler_error *err)
{
    const conv *c = config;
    if (c->filters % c->groups != 0)
        return antler_error_set(err, ANTLER_VALUE, "groups", "%lld groups do not divide the %lld filters",
                                (long long)c->groups, (long long)c->filters);
    return antler__check_strides(c->strides, c->dilation_rate, err);
}

static antler_status check_transpose(void *config, antler_error *err)
{
    const transpose *c = config;
    for (int i = 0; i < ANTLER_SPATIAL; i++)
        if (c->output_padding[i] > 0 && c->output_padding[i] >= c->strides[i])
            return antler_error_set(err, ANTLER_VALUE, "output_padding", "%lld is not below the stride, %lld",
                                    (long long)c->output_padding[i], (long long)c->strides[i]);
    return antler__check_strides(c->strides, c->dilation_rate, err);
}

/* ---- convolutions of an input ------------------------------------------------------------------------------------ */

static antler_status convolution_of(const conv *c, int axes, const antler_shape *in, antler_convolution *out,
                                    antler_error *err)
{
    const antler_window_config config = {axes, c->kernel_size, c->strides, c->dilation_rate, c->padding};
    *out = (antler_convolution){
        .channels = in->dim[in->rank - 1], .filters = c->filters, .groups = c->groups, .use_bias = c->use_bias};
    ANTLER_TRY(antler__windows(out->w, &config, in, err));
    if (out->channels % c->groups != 0)
        return antler_error_set(err, ANTLER_SHAPE, "groups", "%lld groups do not divide the input's %lld channels",
                                (long long)c->groups, (long long)out->channels);
    return ANTLER_OK;
}

/* Positions of the output on one axis: as many as a convolution can come from that has `in` outputs. */
static antler_status positions(const transpose *c, int axis, int64_t in, int64_t *out, antler_error *err)
{
    const int64_t reach = (c->kernel_size[axis] - 1) * c->dilation_rate[axis] + 1, stride = c->strides[axis];
    const int64_t padding = c->output_padding[axis];
    if ((double)in * (double)stride + (double)reach > ANTLER_MOST_UNITS)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "the output would have more than %.0f positions along an axis",
                                ANTLER_MOST_UNITS);
    if (c->padding == antler__paddings[1])
        *out = padding == ANTLER_NULL ? in * stride : (in - 1) * stride + reach % 2 + padding;
    else
        *out = (in - 1) * stride + (padding != ANTLER_NULL ? reach + padding : reach > stride ? reach : stride);
    if (*out <= (in - 1) * stride)
        return antler_error_set(err, ANTLER_VALUE, "output_padding",
                                "with an even window and padding \"same\" it must be above 0");
    return ANTLER_OK;
}

static antler_status transposed_of(const transpose *c, int axes, const antler_shape *in, antler_convolution *out,
                                   antler_error *err)
{
    const antler_window_config config = {axes, c->kernel_size, c->strides, c->dilation_rate, c->padding};
    ANTLER_TRY(antler__spatial(axes, in, err));
    antler_shape image = *in;
    for (int i = 0; i < axes; i++)
        ANTLER_TRY(positions(c, i, in->dim[1 + i], &image.dim[1 + i], err));
    *out = (antler_convolution){.channels = c->filters,
                                .filters = in->dim[in->rank - 1],
                                .groups = 1,
                                .use_bias = c->use_bias,
                                .transposed = true};
    return antler__windows(out->w, &config, &image, err);
}

/* ---- the methods ------------------------------------------------------------------------------------------------- */

static antler_status infer(const void *config, int axes, const antler_shape *in, antler_shape *out, antler_error *err)
{
    antler_convolution c;
    ANTLER_TRY(convolution_of(config, axes, in, &c, err));
    *out = antler__windows_shape(c.w, axes, in->dim[0], c.filters);
    return ANTLER_OK;
}

static antler_status infer_transpose(const void *config, int axes, const antler_shape *in, antler_shape *out,
                                     antler_error *err)
{
    antler_convolution c;
    ANTLER_TRY(transposed_of(config, axes, in, &c, err));
    *out = *in;
    for (int i = 0; i < axes; i++)
        out->dim[1 + i] = c.w[ANTLER_SPATIAL - axes + i].in;
    out->dim[axes + 1] = c.channels;
    return ANTLER_OK;
}

/* kernel (taps ..., channels, filters), and a bias for each of the layer's outputs. */
static void parameters(antler_plan *plan, int axes, const int64_t *taps, int64_t channels, int64_t filters,
                       int64_t bias)
{
    antler_shape shape = {axes + 2, {0}};
    for (int i = 0; i < axes; i++)
        shape.dim[i] = taps[i];
    shape.dim[axes] = channels;
    shape.dim[axes + 1] = filters;
    antler_plan_param(plan, SLOT_KERNEL, "kernel", "kernel", &shape);
    if (bias)
        antler_plan_param(plan, SLOT_BIAS, "bias", "bias", &(antler_shape){1, {bias}});
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const conv *c = config;
    parameters(plan, in->rank - 2, c->kernel_size, in->dim[in->rank - 1] / c->groups, c->filters,
               c->use_bias ? c->filters : 0);
}

static void variables_transpose(const void *config, const antler_shape *in, antler_plan *plan)
{
    const transpose *c = config;
    parameters(plan, in->rank - 2, c->kernel_size, c->filters, in->dim[in->rank - 1], c->use_bias ? c->filters : 0);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_convolution c;
    if (convolution_of(config, in->rank - 2, in, &c, NULL) == ANTLER_OK) /* infer has refused it else */
        antler__convolution_buffers(&c, 0, in->dim[0], plan);
}

static void buffers_transpose(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_convolution c;
    if (transposed_of(config, in->rank - 2, in, &c, NULL) == ANTLER_OK)
        antler__convolution_buffers(&c, 0, in->dim[0], plan);
}

static antler_status forward(const void *config, antler_run *run)
{
    antler_convolution c;
    ANTLER_TRY(convolution_of(config, run->x->shape.rank - 2, &run->x->shape, &c, run->err));
    antler__convolution_forward(&c, run);
    return ANTLER_OK;
}

static antler_status forward_transpose(const void *config, antler_run *run)
{
    antler_convolution c;
    ANTLER_TRY(transposed_of(config, run->x->shape.rank - 2, &run->x->shape, &c, run->err));
    antler__convolution_forward(&c, run);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    antler_convolution c;
    ANTLER_TRY(convolution_of(config, run->x->shape.rank - 2, &run->x->shape, &c, run->err));
    antler__convolution_backward(&c, run);
    return ANTLER_OK;
}

static antler_status backward_transpose(const void *config, antler_run *run)
{
    antler_convolution c;
    ANTLER_TRY(transposed_of(config, run->x->shape.rank - 2, &run->x->shape, &c, run->err));
    antler__convolution_backward(&c, run);
    return ANTLER_OK;
}

static const antler_object *activation(const void *config)
{
    return &((const conv *)config)->activation_;
}

static const antler_object *activation_transpose(const void *config)
{
    return &((const transpose *)config)->activation_;
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static const char *const samples_1d[] = {
    "(6, 2) {\"filters\": 2, \"kernel_size\": 3, \"strides\": 2, \"padding\": \"causal\", \"activation\": \"tanh\"}",
    "(6, 4) {\"filters\": 2, \"kernel_size\": 2, \"dilation_rate\": 2, \"padding\": \"same\", \"groups\": 2}",
    "(4, 4) {\"filters\": 4, \"kernel_size\": 1, \"groups\": 2, \"use_bias\": false}",
    NULL,
};
static const char *const samples_2d[] = {
    "(4, 4, 2) {\"filters\": 3, \"kernel_size\": 3}",
    "(5, 4, 2) {\"filters\": 2, \"kernel_size\": [3, 2], \"strides\": 2, \"padding\": \"same\", \"activation\": "
    "\"tanh\"}",
    "(5, 5, 1) {\"filters\": 2, \"kernel_size\": 2, \"dilation_rate\": 2, \"use_bias\": false}",
    "(3, 2, 3) {\"filters\": 2, \"kernel_size\": 1, \"activation\": \"gelu\"}",
    "(3, 4, 6) {\"filters\": 3, \"kernel_size\": [2, 3], \"groups\": 3}",
    "(2, 4, 3) {\"filters\": 3, \"kernel_size\": 2, \"activation\": \"gelu\", \"data_format\": \"channels_first\"}",
    NULL,
};
static const char *const samples_3d[] = {
    "(3, 3, 2, 2) {\"filters\": 2, \"kernel_size\": [2, 3, 1], \"padding\": \"same\", \"activation\": \"tanh\"}",
    "(4, 3, 4, 1) {\"filters\": 2, \"kernel_size\": 2, \"strides\": [2, 1, 2]}",
    NULL,
};
static const char *const samples_transpose_1d[] = {
    "(3, 2) {\"filters\": 3, \"kernel_size\": 3, \"strides\": 2, \"padding\": \"same\", \"activation\": \"gelu\"}",
    "(4, 2) {\"filters\": 2, \"kernel_size\": 2, \"dilation_rate\": 3, \"use_bias\": false}",
    NULL,
};
static const char *const samples_transpose_2d[] = {
    "(2, 3, 2) {\"filters\": 2, \"kernel_size\": [2, 3]}",
    "(2, 3, 2) {\"filters\": 2, \"kernel_size\": 2, \"strides\": [3, 2], \"output_padding\": [2, 0]}",
    "(3, 2, 2) {\"filters\": 3, \"kernel_size\": 1, \"activation\": \"tanh\"}",
    "(2, 2, 3) {\"filters\": 3, \"kernel_size\": 2, \"strides\": 2, \"data_format\": \"channels_first\"}",
    NULL,
};
static const char *const samples_transpose_3d[] = {
    "(2, 1, 2, 2) {\"filters\": 2, \"kernel_size\": [2, 1, 3], \"strides\": 2, \"padding\": \"same\"}",
    NULL,
};

#define ANTLER_AROUND "valid: windows inside of the input; same: zeros around it"

#define FIELDS(axes, paddings, line)                                                                    \
    static const antler_field fields_##axes##d[] = {                                                    \
        ANTLER_FIELD_COUNT(conv, filters, "channels of the output"),                                    \
        ANTLER_FIELDS_WINDOW(conv, axes, paddings, line),                                               \
        ANTLER_FIELD_NUMBER(conv, groups, ANTLER_INT, "1", 1, ANTLER_MOST_UNITS,                        \
                            "parts of the channels; each makes its part of the filters"),               \
        ANTLER_FIELD_ACTIVATION(conv, activation, "\"linear\"", "of the sums"),                         \
        ANTLER_KERNEL_FIELDS(conv),                                                                     \
        ANTLER_FIELD_DATA_FORMAT(conv, 0),                                                              \
        ANTLER_FIELD_END,                                                                               \
    };                                                                                                  \
    static const antler_field fields_transpose_##axes##d[] = {                                          \
        ANTLER_FIELD_COUNT(transpose, filters, "channels of the output"),                               \
        ANTLER_FIELDS_WINDOW(transpose, axes, antler__paddings,                                         \
                             "valid: all that a window reaches; same: a stride for each input"),        \
        ANTLER_FIELD_SPATIAL(transpose, output_padding, axes, "null", 0, ANTLER_NULLABLE | ANTLER_AXES, \
                             "positions behind the output; below strides"),                             \
        ANTLER_FIELD_ACTIVATION(transpose, activation, "\"linear\"", "of the sums"),                    \
        ANTLER_KERNEL_FIELDS(transpose),                                                                \
        ANTLER_FIELD_DATA_FORMAT(transpose, 0),                                                         \
        ANTLER_FIELD_IGNORED("groups", "1"),                                                            \
        ANTLER_FIELD_END,                                                                               \
    }
FIELDS(1, antler__causal_paddings, ANTLER_AROUND "; causal: zeros in front");
FIELDS(2, antler__paddings, ANTLER_AROUND);
FIELDS(3, antler__paddings, ANTLER_AROUND);

/* The number of axes is the type's; the other methods see it in the input. */
#define INFER(axes)                                                                                               \
    static antler_status infer_##axes##d(const void *config, const antler_shape *in, antler_shape *out,           \
                                         antler_error *err)                                                       \
    {                                                                                                             \
        return infer(config, axes, in, out, err);                                                                 \
    }                                                                                                             \
    static antler_status infer_transpose_##axes##d(const void *config, const antler_shape *in, antler_shape *out, \
                                                   antler_error *err)                                             \
    {                                                                                                             \
        return infer_transpose(config, axes, in, out, err);                                                       \
    }
INFER(1)
INFER(2)
INFER(3)

#define CONVOLUTION(name, like, line, axes, of, flag)                                                        \
    {                                                                                                        \
        .type = {.size = sizeof(antler_layer_ops),                                                           \
                 .kind = ANTLER_KIND_LAYER,                                                                  \
                 .class_name = (name),                                                                       \
                 .aliases = (const char *const[]){(like), NULL},                                             \
                 .doc = (line),                                                                              \
                 .config_size = sizeof(struct antler_conv##of),                                              \
                 .fields = fields##of##_##axes##d,                                                           \
                 .samples = samples##of##_##axes##d,                                                         \
                 .check = check##of},                                                                        \
        .flags = (flag), .infer = infer##of##_##axes##d, .variables = variables##of, .buffers = buffers##of, \
        .forward = forward##of, .backward = backward##of, .activation = activation##of                       \
    }
#define STRAIGHT(axes, line) \
    CONVOLUTION("Conv" #axes "D", "Convolution" #axes "D", line, axes, , ANTLER_NEEDS_X | ANTLER_FUSES)
#define TRANSPOSED(axes)                                                     \
    CONVOLUTION("Conv" #axes "DTranspose", "Convolution" #axes "DTranspose", \
                "convolution from its outputs to its inputs", axes, _transpose, ANTLER_NEEDS_X)

const antler_layer_ops antler_layer_conv1d = STRAIGHT(1, "convolution over steps");
const antler_layer_ops antler_layer_conv2d = STRAIGHT(2, "convolution over height and width");
const antler_layer_ops antler_layer_conv3d = STRAIGHT(3, "convolution over depth, height and width");
const antler_layer_ops antler_layer_conv1d_transpose = TRANSPOSED(1);
const antler_layer_ops antler_layer_conv2d_transpose = TRANSPOSED(2);
const antler_layer_ops antler_layer_conv3d_transpose = TRANSPOSED(3);
