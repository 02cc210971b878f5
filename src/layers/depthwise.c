/* DepthwiseConv1D and 2D, channels last: each channel is convolved by itself, with `depth_multiplier` kernels. With
   taps k, one for each axis,

     z (n, o, c m + q) = sum over k of x (n, o s - p + k d, c) kernel (k, c, q) + bias (c m + q)
     y = activation(z)

   Gradients, from dz = dy activation'(z):

     kernel' (k, c, q) = sum over n, o of x (as above) dz        bias' = sum over n, o of dz
     dx (n, i, c) = sum over q, and over o where k = (i + p - o s) / d are taps, of dz (n, o, c m + q) kernel (k, c, q)

   SeparableConv1D and 2D are that without a bias, and a product at each position:

     u = as z above, without bias        z (n, o, f) = sum over e of u (n, o, e) pointwise (e, f) + bias (f)

   pointwise' = u^T dz, and du = dz pointwise^T takes the place of dz above. shared/depthwise.c has the sums. */
#include "layers/shared/depthwise.h"
#include "layers/shared/convolution_fields.h"

typedef struct antler_depthwise_conv depthwise;
typedef struct antler_separable_conv separable;

/* Parameters of a separable one; the first is the depthwise kernel. */
enum { POINTWISE = 1, BIAS = 2 };
/* Its buffers: u, from forward to backward, and in scratch without a backward; there du too. */
enum { U };
enum { MIDDLE = ANTLER_DEPTHWISE_SCRATCH };

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static antler_status windows(antler_depthwise *d, const antler_window_config *c, int64_t multiplier, bool use_bias,
                             const antler_shape *in, antler_error *err)
{
    *d = (antler_depthwise){.multiplier = multiplier, .use_bias = use_bias};
    ANTLER_TRY(antler__windows(d->w, c, in, err));
    if (in->dim[in->rank - 1] > (int64_t)ANTLER_MOST_UNITS / multiplier)
        return antler_error_set(err, ANTLER_SHAPE, "depth_multiplier", "more than %.0f channels", ANTLER_MOST_UNITS);
    return ANTLER_OK;
}

static antler_status depthwise_of(const depthwise *c, int axes, const antler_shape *in, antler_depthwise *d,
                                  antler_error *err)
{
    const antler_window_config config = {axes, c->kernel_size, c->strides, c->dilation_rate, c->padding};
    return windows(d, &config, c->depth_multiplier, c->use_bias, in, err);
}

static antler_status separable_of(const separable *c, int axes, const antler_shape *in, antler_depthwise *d,
                                  antler_error *err)
{
    const antler_window_config config = {axes, c->kernel_size, c->strides, c->dilation_rate, c->padding};
    return windows(d, &config, c->depth_multiplier, false, in, err);
}

static int64_t channels_between(const antler_shape *in, int64_t multiplier)
{
    return in->dim[in->rank - 1] * multiplier;
}

static antler_status infer_depthwise(const void *config, int axes, const antler_shape *in, antler_shape *out,
                                     antler_error *err)
{
    antler_depthwise d;
    ANTLER_TRY(depthwise_of(config, axes, in, &d, err));
    *out = antler__windows_shape(d.w, axes, in->dim[0], channels_between(in, d.multiplier));
    return ANTLER_OK;
}

static antler_status infer_separable(const void *config, int axes, const antler_shape *in, antler_shape *out,
                                     antler_error *err)
{
    antler_depthwise d;
    ANTLER_TRY(separable_of(config, axes, in, &d, err));
    *out = antler__windows_shape(d.w, axes, in->dim[0], ((const separable *)config)->filters);
    return ANTLER_OK;
}

/* ---- parameters and buffers -------------------------------------------------------------------------------------- */

/* A kernel (taps ..., channels, filters); taps NULL: one on each axis. */
static void kernel(antler_plan *plan, int slot, const char *name, const char *settings, int axes, const int64_t *taps,
                   int64_t channels, int64_t filters)
{
    antler_shape shape = {axes + 2, {0}};
    for (int i = 0; i < axes; i++)
        shape.dim[i] = taps ? taps[i] : 1;
    shape.dim[axes] = channels;
    shape.dim[axes + 1] = filters;
    antler_plan_param(plan, slot, name, settings, &shape);
}

static void variables_depthwise(const void *config, const antler_shape *in, antler_plan *plan)
{
    const depthwise *c = config;
    kernel(plan, ANTLER_DEPTHWISE_KERNEL, "kernel", "depthwise", in->rank - 2, c->kernel_size, in->dim[in->rank - 1],
           c->depth_multiplier);
    if (c->use_bias)
        antler_plan_param(plan, ANTLER_DEPTHWISE_BIAS, "bias", "bias",
                          &(antler_shape){1, {channels_between(in, c->depth_multiplier)}});
}

static void variables_separable(const void *config, const antler_shape *in, antler_plan *plan)
{
    const separable *c = config;
    kernel(plan, ANTLER_DEPTHWISE_KERNEL, "depthwise_kernel", "depthwise", in->rank - 2, c->kernel_size,
           in->dim[in->rank - 1], c->depth_multiplier);
    kernel(plan, POINTWISE, "pointwise_kernel", "pointwise", in->rank - 2, NULL,
           channels_between(in, c->depth_multiplier), c->filters);
    if (c->use_bias)
        antler_plan_param(plan, BIAS, "bias", "bias", &(antler_shape){1, {c->filters}});
}

static void buffers_depthwise(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_depthwise d;
    if (depthwise_of(config, in->rank - 2, in, &d, NULL) == ANTLER_OK) /* infer has refused it else */
        antler__depthwise_buffers(&d, in, plan);
}

static void buffers_separable(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_depthwise d;
    if (separable_of(config, in->rank - 2, in, &d, NULL) != ANTLER_OK)
        return;
    const antler_shape u = antler__windows_shape(d.w, in->rank - 2, in->dim[0], channels_between(in, d.multiplier));
    antler__depthwise_buffers(&d, in, plan);
    antler_plan_saved(plan, U, &u);
    antler_plan_scratch(plan, MIDDLE, &u);
}

/* ---- forward and backward ---------------------------------------------------------------------------------------- */

static antler_status forward_depthwise(const void *config, antler_run *run)
{
    antler_depthwise d;
    ANTLER_TRY(depthwise_of(config, run->x->shape.rank - 2, &run->x->shape, &d, run->err));
    antler__depthwise_forward(&d, run, run->y->data);
    return ANTLER_OK;
}

static antler_status backward_depthwise(const void *config, antler_run *run)
{
    antler_depthwise d;
    ANTLER_TRY(depthwise_of(config, run->x->shape.rank - 2, &run->x->shape, &d, run->err));
    antler__depthwise_backward(&d, run, run->dy->data);
    return ANTLER_OK;
}

static antler_status forward_separable(const void *config, antler_run *run)
{
    const separable *c = config;
    antler_depthwise d;
    ANTLER_TRY(separable_of(c, run->x->shape.rank - 2, &run->x->shape, &d, run->err));
    antler_real *const u = run->saved[U].data ? run->saved[U].data : run->scratch[MIDDLE].data;
    const int64_t between = channels_between(&run->x->shape, d.multiplier);
    antler__depthwise_forward(&d, run, u);
    antler_run_product(run, &(antler_product){.m = run->x->shape.dim[0] * antler__outputs(d.w),
                                              .n = c->filters,
                                              .k = between,
                                              .a = u,
                                              .a_row = between,
                                              .a_col = 1,
                                              .b = run->param[POINTWISE].data,
                                              .b_row = c->filters,
                                              .b_col = 1,
                                              .c = run->y->data,
                                              .c_row = c->filters,
                                              .bias = c->use_bias ? run->param[BIAS].data : NULL});
    return ANTLER_OK;
}

/* u^T dz */
static void pointwise_gradient(antler_run *run, int64_t rows, int64_t between, int64_t filters)
{
    antler_run_product(run, &(antler_product){.m = between,
                                              .n = filters,
                                              .k = rows,
                                              .a = run->saved[U].data,
                                              .a_row = 1,
                                              .a_col = between,
                                              .b = run->dy->data,
                                              .b_row = filters,
                                              .b_col = 1,
                                              .c = run->grad[POINTWISE].data,
                                              .c_row = filters});
}

/* dz pointwise^T */
static const antler_real *middle_gradient(antler_run *run, int64_t rows, int64_t between, int64_t filters)
{
    antler_run_product(run, &(antler_product){.m = rows,
                                              .n = between,
                                              .k = filters,
                                              .a = run->dy->data,
                                              .a_row = filters,
                                              .a_col = 1,
                                              .b = run->param[POINTWISE].data,
                                              .b_row = 1,
                                              .b_col = filters,
                                              .c = run->scratch[MIDDLE].data,
                                              .c_row = between});
    return run->scratch[MIDDLE].data;
}

static antler_status backward_separable(const void *config, antler_run *run)
{
    const separable *c = config;
    antler_depthwise d;
    ANTLER_TRY(separable_of(c, run->x->shape.rank - 2, &run->x->shape, &d, run->err));
    const int64_t rows = run->x->shape.dim[0] * antler__outputs(d.w);
    const int64_t between = channels_between(&run->x->shape, d.multiplier);
    if (run->grad[POINTWISE].data)
        pointwise_gradient(run, rows, between, c->filters);
    if (c->use_bias && run->grad[BIAS].data)
        antler_run_column_sums(run, run->grad[BIAS].data, run->dy->data, rows, c->filters);
    if (run->dx->data || run->grad[ANTLER_DEPTHWISE_KERNEL].data)
        antler__depthwise_backward(&d, run, middle_gradient(run, rows, between, c->filters));
    return ANTLER_OK;
}

static const antler_object *activation_depthwise(const void *config)
{
    return &((const depthwise *)config)->activation_;
}

static const antler_object *activation_separable(const void *config)
{
    return &((const separable *)config)->activation_;
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static const char *const samples_depthwise_1d[] = {
    "(5, 3) {\"kernel_size\": 3, \"padding\": \"same\", \"activation\": \"tanh\"}",
    "(8, 2) {\"kernel_size\": 3, \"strides\": 4, \"dilation_rate\": 2, \"depth_multiplier\": 2}",
    NULL,
};
static const char *const samples_depthwise_2d[] = {
    "(4, 4, 2) {\"kernel_size\": 3}",
    "(2, 4, 3) {\"kernel_size\": 2, \"activation\": \"tanh\", \"data_format\": \"channels_first\"}",
    "(5, 4, 3) {\"kernel_size\": 3, \"padding\": \"same\", \"activation\": \"tanh\"}",
    "(6, 5, 2) {\"kernel_size\": [3, 2], \"strides\": 2, \"padding\": \"same\", \"depth_multiplier\": 2}",
    "(6, 6, 1) {\"kernel_size\": 2, \"dilation_rate\": 2, \"use_bias\": false}",
    "(2, 2, 17) {\"kernel_size\": 5, \"padding\": \"same\", \"activation\": \"gelu\"}",
    "(7, 6, 1) {\"kernel_size\": 2, \"strides\": [2, 3], \"dilation_rate\": [3, 2], \"padding\": \"same\"}",
    NULL,
};
static const char *const samples_separable_1d[] = {
    "(5, 2) {\"filters\": 3, \"kernel_size\": 3, \"strides\": 2, \"padding\": \"same\", \"activation\": \"gelu\"}",
    NULL,
};
static const char *const samples_separable_2d[] = {
    "(4, 3, 2) {\"filters\": 3, \"kernel_size\": 2, \"depth_multiplier\": 2, \"activation\": \"tanh\"}",
    "(4, 4, 1) {\"filters\": 2, \"kernel_size\": 2, \"dilation_rate\": 2, \"use_bias\": false}",
    "(2, 3, 4) {\"filters\": 3, \"kernel_size\": 2, \"data_format\": \"channels_first\"}",
    NULL,
};

#define AROUND "valid: windows inside of the input; same: zeros around it"

/* As Keras 2 writes them, both have keys of Conv2D that change nothing. */
#define FIELDS(axes)                                                                                       \
    static const antler_field fields_depthwise_##axes##d[] = {                                             \
        ANTLER_FIELDS_WINDOW(depthwise, axes, antler__paddings, AROUND),                                   \
        ANTLER_FIELD_NUMBER(depthwise, depth_multiplier, ANTLER_INT, "1", 1, ANTLER_MOST_UNITS,            \
                            "channels of the output for one of the input"),                                \
        ANTLER_FIELD_ACTIVATION(depthwise, activation, "\"linear\"", "of the sums"),                       \
        ANTLER_FIELD_BOOL(depthwise, use_bias, "true", "adds a bias"),                                     \
        ANTLER_FIELD_VARIABLE(depthwise, depthwise, "\"glorot_uniform\""),                                 \
        ANTLER_FIELD_VARIABLE(depthwise, bias, "\"zeros\""),                                               \
        ANTLER_FIELD_DATA_FORMAT(depthwise, 0),                                                            \
        ANTLER_FIELD_IGNORED("groups", "1"),                                                               \
        ANTLER_FIELD_END,                                                                                  \
    };                                                                                                     \
    static const antler_field fields_separable_##axes##d[] = {                                             \
        ANTLER_FIELD_COUNT(separable, filters, "channels of the output"),                                  \
        ANTLER_FIELDS_WINDOW(separable, axes, antler__paddings, AROUND),                                   \
        ANTLER_FIELD_NUMBER(separable, depth_multiplier, ANTLER_INT, "1", 1, ANTLER_MOST_UNITS,            \
                            "channels between the two kernels for one of the input"),                      \
        ANTLER_FIELD_ACTIVATION(separable, activation, "\"linear\"", "of the sums"),                       \
        ANTLER_FIELD_BOOL(separable, use_bias, "true", "adds a bias"),                                     \
        ANTLER_FIELD_VARIABLE(separable, depthwise, "\"glorot_uniform\""),                                 \
        ANTLER_FIELD_VARIABLE(separable, pointwise, "\"glorot_uniform\""),                                 \
        ANTLER_FIELD_VARIABLE(separable, bias, "\"zeros\""),                                               \
        ANTLER_FIELD_DATA_FORMAT(separable, 0),                                                            \
        ANTLER_FIELD_IGNORED("groups", "1"),                                                               \
        {.key = "kernel_initializer", .kind = ANTLER_ANY, .flags = ANTLER_UNWRITTEN, .doc = "of Keras 2"}, \
        ANTLER_FIELD_IGNORED("kernel_regularizer", "null"),                                                \
        ANTLER_FIELD_IGNORED("kernel_constraint", "null"),                                                 \
        ANTLER_FIELD_END,                                                                                  \
    }
FIELDS(1);
FIELDS(2);

#define INFER(of, axes)                                                                                        \
    static antler_status infer_##of##_##axes##d(const void *config, const antler_shape *in, antler_shape *out, \
                                                antler_error *err)                                             \
    {                                                                                                          \
        return infer_##of(config, axes, in, out, err);                                                         \
    }
INFER(depthwise, 1)
INFER(depthwise, 2)
INFER(separable, 1)
INFER(separable, 2)

#define LAYER(name, like, line, axes, of)                                                                          \
    {                                                                                                              \
        .type = {.size = sizeof(antler_layer_ops),                                                                 \
                 .kind = ANTLER_KIND_LAYER,                                                                        \
                 .class_name = (name #axes "D"),                                                                   \
                 .aliases = (const char *const[]){like #axes "D", NULL},                                           \
                 .doc = (line),                                                                                    \
                 .config_size = sizeof(of),                                                                        \
                 .fields = fields_##of##_##axes##d,                                                                \
                 .samples = samples_##of##_##axes##d},                                                             \
        .flags = ANTLER_NEEDS_X, .infer = infer_##of##_##axes##d, .variables = variables_##of,                     \
        .buffers = buffers_##of, .forward = forward_##of, .backward = backward_##of, .activation = activation_##of \
    }
#define DEPTHWISE(axes) \
    LAYER("DepthwiseConv", "DepthwiseConvolution", "convolution of each channel by itself", axes, depthwise)
#define SEPARABLE(axes)                                                                                               \
    LAYER("SeparableConv", "SeparableConvolution", "convolution of each channel, then of all at each position", axes, \
          separable)

const antler_layer_ops antler_layer_depthwise_conv1d = DEPTHWISE(1);
const antler_layer_ops antler_layer_depthwise_conv2d = DEPTHWISE(2);
const antler_layer_ops antler_layer_separable_conv1d = SEPARABLE(1);
const antler_layer_ops antler_layer_separable_conv2d = SEPARABLE(2);
