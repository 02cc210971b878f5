/* ReLU, LeakyReLU, ELU: activations that are layers, with numbers of their own. y may lie where x was: all gradients
   are had from y.

     ReLU       y = min(x, max_value) where x > threshold, else negative_slope (x - threshold)
     LeakyReLU  y = x where x > 0, else negative_slope x
     ELU        y = x where x > 0, else alpha (exp(x) - 1)

   Gradient of ReLU: dy where threshold < x < max_value, negative_slope dy below the threshold, 0 at both and above. Of
   the others: the kernels'. */
#include "layers/shared/common.h"

#include <float.h>
#include <math.h>

typedef struct antler_relu relu;

/* ---- all of them: one function on pieces --------------------------------------------------------------------------
 */

typedef struct job {
    const antler_activation_kernel *kernel; /* NULL: ReLU's own function */
    const relu *c;
    antler_real a;
    antler_real *y, *dx;
    const antler_real *x, *dy;
} job;

static void relu_forward(const relu *c, antler_real *y, const antler_real *x, int64_t n)
{
    const antler_real most = isnan(c->max_value) ? (antler_real)INFINITY : (antler_real)c->max_value;
    const antler_real threshold = (antler_real)c->threshold, slope = (antler_real)c->negative_slope;
    for (int64_t i = 0; i < n; i++) {
        const antler_real above = x[i] < most ? x[i] : most, below = slope * (x[i] - threshold);
        y[i] = x[i] > threshold ? above : below;
    }
}

static void relu_backward(const relu *c, antler_real *dx, const antler_real *dy, const antler_real *y, int64_t n)
{
    const antler_real most = isnan(c->max_value) ? (antler_real)INFINITY : (antler_real)c->max_value;
    const antler_real slope = (antler_real)c->negative_slope;
    for (int64_t i = 0; i < n; i++) {
        const antler_real below = y[i] < 0 ? slope * dy[i] : 0;
        dx[i] = y[i] > 0 && y[i] < most ? dy[i] : below;
    }
}

static void forward_piece(void *arg, int64_t first, int64_t n)
{
    const job *j = arg;
    if (j->kernel)
        j->kernel->forward(j->y + first, j->x + first, n, j->a);
    else
        relu_forward(j->c, j->y + first, j->x + first, n);
}

static void backward_piece(void *arg, int64_t first, int64_t n)
{
    const job *j = arg;
    if (j->kernel)
        j->kernel->backward(j->dx + first, j->dy + first, j->y + first, NULL, n, j->a);
    else
        relu_backward(j->c, j->dx + first, j->dy + first, j->y + first, n);
}

static antler_status run_forward(antler_run *run, job j)
{
    j.y = run->y->data;
    j.x = run->x->data;
    antler_run_ranges(run, antler_count(&run->x->shape, 0), 1, forward_piece, &j);
    return ANTLER_OK;
}

static antler_status run_backward(antler_run *run, job j)
{
    j.y = run->y->data;
    j.dy = run->dy->data;
    j.dx = run->dx->data;
    if (j.dx)
        antler_run_ranges(run, antler_count(&run->y->shape, 0), 1, backward_piece, &j);
    return ANTLER_OK;
}

static job kernel_job(const antler_run *run, int activation, double a)
{
    return (job){.kernel = &run->k->activation[activation], .a = (antler_real)a};
}

#define RECTIFIER(type_name, keras_name, line)                                                                         \
    {                                                                                                                  \
        .size = sizeof(antler_layer_ops), .kind = ANTLER_KIND_LAYER, .class_name = (keras_name), .doc = (line),        \
        .config_size = sizeof(struct antler_##type_name), .fields = type_name##_fields, .samples = type_name##_samples \
    }

/* ---- ReLU ---------------------------------------------------------------------------------------------------------
 */

static const antler_field relu_fields[] = {
    {.key = "max_value",
     .kind = ANTLER_REAL,
     .offset = offsetof(relu, max_value),
     .def = "null",
     .min = 0,
     .max = FLT_MAX,
     .flags = ANTLER_NULLABLE,
     .doc = "largest output; null: none"},
    ANTLER_FIELD_NUMBER(relu, negative_slope, ANTLER_REAL, "0", 0, FLT_MAX, "slope below the threshold"),
    ANTLER_FIELD_NUMBER(relu, threshold, ANTLER_REAL, "0", 0, FLT_MAX, "inputs up to it are below"),
    ANTLER_FIELD_END,
};

static const char *const relu_samples[] = {
    "(4, 3) {}",
    "(5) {\"max_value\": 6}",
    "(6) {\"max_value\": 0.5, \"negative_slope\": 0.1, \"threshold\": 0.2}",
    NULL,
};

static job relu_job(const void *config, const antler_run *run)
{
    const relu *c = config;
    bool plain = c->negative_slope == 0 && c->threshold == 0;
    if (plain && isnan(c->max_value))
        return kernel_job(run, ANTLER_ACT_relu, 0);
    if (plain && c->max_value == 6)
        return kernel_job(run, ANTLER_ACT_relu6, 0);
    return (job){.c = c};
}

static antler_status relu_run(const void *config, antler_run *run)
{
    return run_forward(run, relu_job(config, run));
}

static antler_status relu_run_back(const void *config, antler_run *run)
{
    return run_backward(run, relu_job(config, run));
}

const antler_layer_ops antler_layer_relu = {
    .type = RECTIFIER(relu, "ReLU", "max(x, 0), with a largest value, a slope and a threshold"),
    .flags = ANTLER_IN_PLACE | ANTLER_NEEDS_Y,
    .mask = ANTLER_MASK_PASS,
    .infer = antler_infer_same,
    .forward = relu_run,
    .backward = relu_run_back,
};

/* ---- LeakyReLU ----------------------------------------------------------------------------------------------------
 */

typedef struct antler_leaky_relu leaky_relu;

static const antler_field leaky_relu_fields[] = {
    {.key = "negative_slope",
     .kind = ANTLER_REAL,
     .offset = offsetof(leaky_relu, negative_slope),
     .def = "0.3",
     .max = FLT_MAX,
     .doc = "slope below 0",
     .legacy = "alpha"},
    ANTLER_FIELD_END,
};

static const char *const leaky_relu_samples[] = {"(4, 3) {}", "(5) {\"negative_slope\": 0.01}", NULL};

static antler_status leaky_relu_run(const void *config, antler_run *run)
{
    return run_forward(run, kernel_job(run, ANTLER_ACT_leaky_relu, ((const leaky_relu *)config)->negative_slope));
}

static antler_status leaky_relu_run_back(const void *config, antler_run *run)
{
    return run_backward(run, kernel_job(run, ANTLER_ACT_leaky_relu, ((const leaky_relu *)config)->negative_slope));
}

const antler_layer_ops antler_layer_leaky_relu = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "LeakyReLU",
             .doc = "x, or negative_slope * x below 0",
             .config_size = sizeof(leaky_relu),
             .fields = leaky_relu_fields,
             .samples = leaky_relu_samples},
    .flags = ANTLER_IN_PLACE | ANTLER_NEEDS_Y,
    .mask = ANTLER_MASK_PASS,
    .infer = antler_infer_same,
    .forward = leaky_relu_run,
    .backward = leaky_relu_run_back,
};

/* ---- ELU ----------------------------------------------------------------------------------------------------------
 */

static const antler_field elu_fields[] = {
    ANTLER_FIELD_NUMBER(struct antler_elu, alpha, ANTLER_REAL, "1", 0, FLT_MAX, "minus the least output"),
    ANTLER_FIELD_END,
};

static const char *const elu_samples[] = {"(4, 3) {}", "(5) {\"alpha\": 0.5}", NULL};

static antler_status elu_run(const void *config, antler_run *run)
{
    return run_forward(run, kernel_job(run, ANTLER_ACT_elu, ((const struct antler_elu *)config)->alpha));
}

static antler_status elu_run_back(const void *config, antler_run *run)
{
    return run_backward(run, kernel_job(run, ANTLER_ACT_elu, ((const struct antler_elu *)config)->alpha));
}

const antler_layer_ops antler_layer_elu = {
    .type = RECTIFIER(elu, "ELU", "x, or alpha * (exp(x) - 1) below 0"),
    .flags = ANTLER_IN_PLACE | ANTLER_NEEDS_Y,
    .mask = ANTLER_MASK_PASS,
    .infer = antler_infer_same,
    .forward = elu_run,
    .backward = elu_run_back,
};
