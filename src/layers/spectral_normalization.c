/* SpectralNormalization: a layer whose kernel W, as a matrix of its last axis, has a largest singular value near 1. In
   training, before the layer runs, with u (1, n) of the step before and n the last axis of W (m, n):

     power_iterations times:  v = normalize(u W'),  u = normalize(v W)
     W = W / sigma,           sigma = v W u',       normalize(a) = a min(1 / |a|, 1e7)

   W itself is what changes, as in Keras: the layer's gradient is that of the new W, and the optimizer goes on from it.
   A kernel of zeros stays as it is, and so does u. */
#include "layers/shared/common.h"

#include <math.h>

typedef struct antler_spectral_normalization spectral_normalization;

static const antler_field fields[] = {
    ANTLER_FIELD_OBJECT(spectral_normalization, layer, ANTLER_KIND_LAYER, "null", "the layer, which has a kernel"),
    ANTLER_FIELD_NUMBER(spectral_normalization, power_iterations, ANTLER_INT, "1", 1, ANTLER_MOST_UNITS,
                        "towards the largest singular value, in each step"),
    {.key = "vector_u_initializer",
     .kind = ANTLER_OBJECT,
     .offset = offsetof(spectral_normalization, vector_u_initializer_),
     .text = offsetof(spectral_normalization, vector_u_initializer),
     .def = "{\"class_name\": \"TruncatedNormal\", \"config\": {\"stddev\": 0.02}}",
     .flags = ANTLER_NULLABLE | ANTLER_UNSAVED,
     .of = ANTLER_KIND_INITIALIZER,
     .doc = "first values of u; Keras has no such key"},
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4) {\"layer\": {\"class_name\": \"Dense\", \"config\": {\"units\": 3, \"activation\": \"tanh\"}}}",
    "(4, 4, 2) {\"layer\": {\"class_name\": \"Conv2D\", \"config\": {\"filters\": 2, \"kernel_size\": 2}}, "
    "\"power_iterations\": 3}",
    NULL,
};

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const spectral_normalization *c = config;
    if (!c->layer_.type)
        return antler_error_set(err, ANTLER_VALUE, "layer", "null is not a layer");
    ANTLER_TRY(antler_child_infer(c->layer_, in, out, err));
    if (out[1].rank)
        return antler_error_set(err, ANTLER_UNSUPPORTED, "layer", "%s has several outputs", c->layer_.type->class_name);
    return ANTLER_OK;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const spectral_normalization *c = config;
    antler_shape kernel;
    antler_plan_child(plan, 0, "layer", c->layer_, in, 1);
    if (antler_plan_shared(plan, 0, 0, "kernel", &kernel))
        antler_plan_state(plan, 0, "vector_u", "vector_u", &(antler_shape){2, {1, kernel.dim[kernel.rank - 1]}});
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    const antler_shape *kernel = antler_plan_param_shape(plan, 0);
    (void)config;
    (void)in;
    antler_plan_scratch(plan, 0, &(antler_shape){1, {antler_count(kernel, 0) / kernel->dim[kernel->rank - 1]}});
    antler_plan_scratch(plan, 1, &(antler_shape){1, {kernel->dim[kernel->rank - 1]}});
}

static void normalize(antler_real *x, int64_t n)
{
    const antler_real most = (antler_real)1e7;
    antler_real norm = (antler_real)sqrt((double)antler_array_dot(x, x, n)), factor = 1 / norm;
    factor = factor < most ? factor : most;
    for (int64_t i = 0; i < n; i++)
        x[i] *= factor;
}

static bool is_zero(const antler_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] < 0 || x[i] > 0 || isnan(x[i]))
            return false;
    return true;
}

/* Divides the kernel by what is near its largest singular value; changes u. */
static void normalize_kernel(antler_run *run, int64_t iterations)
{
    antler_real *w = run->param[0].data, *u = run->state[0].data;
    antler_real *v = run->scratch[0].data, *vw = run->scratch[1].data;
    int64_t n = run->state[0].shape.dim[1], m = antler_count(&run->param[0].shape, 0) / n;
    if (is_zero(w, m * n))
        return;
    const antler_product right = {
        .m = m, .n = 1, .k = n, .a = w, .a_row = n, .a_col = 1, .b = u, .b_row = 1, .b_col = n, .c = v, .c_row = 1};
    const antler_product left = {
        .m = 1, .n = n, .k = m, .a = v, .a_row = m, .a_col = 1, .b = w, .b_row = n, .b_col = 1, .c = vw, .c_row = n};
    for (int64_t i = 0; i < iterations; i++) {
        antler_run_product(run, &right);
        normalize(v, m);
        antler_run_product(run, &left);
        antler_run_copy(run, u, vw, n);
        normalize(u, n);
    }
    antler_real sigma = antler_array_dot(vw, u, n);
    for (int64_t i = 0; i < m * n; i++)
        w[i] /= sigma;
}

static antler_status forward(const void *config, antler_run *run)
{
    if (run->mode == ANTLER_TRAIN)
        normalize_kernel(run, ((const spectral_normalization *)config)->power_iterations);
    return antler_child_forward(run, 0, &(antler_io){.x = run->x, .mask = run->mask, .y = run->y});
}

static antler_status backward(const void *config, antler_run *run)
{
    (void)config;
    return antler_child_backward(
        run, 0, &(antler_io){.x = run->x, .mask = run->mask, .y = run->y, .dy = run->dy, .dx = run->dx});
}

const antler_layer_ops antler_layer_spectral_normalization = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "SpectralNormalization",
             .doc = "a layer whose kernel's largest singular value is near 1",
             .config_size = sizeof(spectral_normalization),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_NEEDS_X | ANTLER_NEEDS_Y | ANTLER_MOVES_PARAMS,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
};
