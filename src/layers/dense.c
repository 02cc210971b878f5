/* Dense, over the last axis of any input; the others count rows:

     z (rows, units) = x (rows, in) kernel (in, units) + bias (units)        y = activation(z)

     dz = dy * activation'(z)        kernel' = x^T dz        bias' = sum over the rows of dz        dx = dz kernel^T

   The activation is the core's: y below is z, and dy is dz. */
#include "layers/shared/common.h"

enum { KERNEL, BIAS };

static const antler_field fields[] = {
    ANTLER_FIELD_COUNT(struct antler_dense, units, "size of the output's last axis"),
    ANTLER_FIELD_ACTIVATION(struct antler_dense, activation, "\"linear\"", "applied to the sums"),
    ANTLER_KERNEL_FIELDS(struct antler_dense),
    ANTLER_FIELD_IGNORED("quantization_config", "null"),
    ANTLER_FIELD_IGNORED("lora_rank", "null"),
    ANTLER_FIELD_IGNORED("lora_alpha", "null"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(3) {\"units\": 4}",
    "(4, 3) {\"units\": 2, \"activation\": \"tanh\"}",
    "(5) {\"units\": 3, \"activation\": \"softmax\", \"use_bias\": false}",
    "(2, 2, 3) {\"units\": 2, \"activation\": \"gelu\", \"kernel_regularizer\": \"L2\"}",
    NULL,
};

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_dense *cfg = config;
    if (in->rank < 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input has no axis but the batch's; expected (batch, ..., n)");
    *out = *in;
    out->dim[in->rank - 1] = cfg->units;
    return ANTLER_OK;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const struct antler_dense *cfg = config;
    antler_plan_param(plan, KERNEL, "kernel", "kernel",
                      &(antler_shape){.rank = 2, .dim = {in->dim[in->rank - 1], cfg->units}});
    if (cfg->use_bias)
        antler_plan_param(plan, BIAS, "bias", "bias", &(antler_shape){.rank = 1, .dim = {cfg->units}});
}

static antler_status forward(const void *config, antler_run *run)
{
    const struct antler_dense *cfg = config;
    int64_t in = run->param[KERNEL].shape.dim[0], units = cfg->units, rows = antler_count(&run->x->shape, 0) / in;
    antler_product p = {.m = rows, .n = units, .k = in, .c = run->y->data, .c_row = units};
    p.a = run->x->data;
    p.a_row = in;
    p.a_col = 1;
    p.b = run->param[KERNEL].data;
    p.b_row = units;
    p.b_col = 1;
    p.bias = cfg->use_bias ? run->param[BIAS].data : NULL;
    antler_run_product(run, &p);
    return ANTLER_OK;
}

/* kernel' (in, units) = x^T dz. */
static void kernel_gradient(antler_run *run, const antler_real *dz, int64_t rows, int64_t in, int64_t units)
{
    antler_product p = {.m = in, .n = units, .k = rows, .c = run->grad[KERNEL].data, .c_row = units};
    p.a = run->x->data;
    p.a_row = 1;
    p.a_col = in;
    p.b = dz;
    p.b_row = units;
    p.b_col = 1;
    antler_run_product(run, &p);
}

/* dx (rows, in) = dz kernel^T. */
static void input_gradient(antler_run *run, const antler_real *dz, int64_t rows, int64_t in, int64_t units)
{
    antler_product p = {.m = rows, .n = in, .k = units, .c = run->dx->data, .c_row = in};
    p.a = dz;
    p.a_row = units;
    p.a_col = 1;
    p.b = run->param[KERNEL].data;
    p.b_row = 1;
    p.b_col = units;
    antler_run_product(run, &p);
}

static antler_status backward(const void *config, antler_run *run)
{
    const struct antler_dense *cfg = config;
    int64_t in = run->param[KERNEL].shape.dim[0], units = cfg->units, rows = antler_count(&run->x->shape, 0) / in;
    const antler_real *dz = run->dy->data;
    if (run->grad[KERNEL].data)
        kernel_gradient(run, dz, rows, in, units);
    if (cfg->use_bias && run->grad[BIAS].data)
        antler_run_column_sums(run, run->grad[BIAS].data, dz, rows, units);
    if (run->dx->data)
        input_gradient(run, dz, rows, in, units);
    return ANTLER_OK;
}

static const antler_object *activation(const void *config)
{
    return &((const struct antler_dense *)config)->activation_;
}

const antler_layer_ops antler_layer_dense = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Dense",
             .doc = "activation(x kernel + bias), over the last axis",
             .config_size = sizeof(struct antler_dense),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_NEEDS_X,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .variables = variables,
    .forward = forward,
    .backward = backward,
    .activation = activation,
};
