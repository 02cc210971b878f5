/* PReLU: a rectifier with learned slopes, one for each element of a sample; along shared_axes there is one for all.

     y = x > 0 ? x : a * x
     dx = x > 0 ? dy : a * dy, and 0 at x = 0      a' = sum of dy * x where x < 0, over samples and shared axes

   The sum over samples is a product's (a row of ones times a matrix), so it is cut by its outputs; what shared axes add
   up is then small, and one thread takes it in the order of memory. docs/adding-a-layer.md explains this file. */
#include "antler/layer.h"
#include "antler/layers.h"
#include "antler/work.h"

#include <string.h>

enum { ALPHA };           /* parameters */
enum { SHARES, COLUMNS }; /* scratch: each element's share of a', and its sum over the samples */

static const antler_field fields[] = {
    ANTLER_FIELD_VARIABLE(struct antler_prelu, alpha, "\"zeros\""),
    ANTLER_FIELD_INTS(struct antler_prelu, shared_axes, "null", ANTLER_NULLABLE, 1,
                      "axes along which one slope serves all"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(5) {}",
    "(4, 3) {\"shared_axes\": [1]}",
    "(2, 3, 2) {\"shared_axes\": [1, 3], \"alpha_initializer\": \"he_normal\"}",
    NULL,
};

/* ---- shapes and buffers ------------------------------------------------------------------------------------------ */

/* A sample's axes, those that are shared cut to 1. */
static antler_shape alpha_shape(const struct antler_prelu *cfg, const antler_shape *in)
{
    antler_shape alpha = {.rank = in->rank - 1};
    memcpy(alpha.dim, in->dim + 1, (size_t)alpha.rank * sizeof *alpha.dim);
    for (int i = 0; cfg->shared_axes[i] != 0; i++)
        alpha.dim[cfg->shared_axes[i] - 1] = 1;
    return alpha;
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_prelu *cfg = config;
    if (in->rank < 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "the input has no axis beside the batch");
    for (int i = 0; cfg->shared_axes[i] != 0; i++)
        if (cfg->shared_axes[i] < 1 || cfg->shared_axes[i] >= in->rank)
            return antler_error_set(err, ANTLER_SHAPE, "shared_axes", "entry %d is not an axis in [1, %d]", i,
                                    in->rank - 1);
    *out = *in;
    return ANTLER_OK;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_shape alpha = alpha_shape(config, in);
    antler_plan_param(plan, ALPHA, "alpha", "alpha", &alpha);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_shape sample = {.rank = 1, .dim = {antler_count(in, 1)}};
    (void)config;
    if (antler_plan_mode(plan) == ANTLER_TRAIN) {
        antler_plan_scratch(plan, SHARES, in);
        antler_plan_scratch(plan, COLUMNS, &sample);
    }
}

/* ---- forward and backward ---------------------------------------------------------------------------------------- */

/* Work goes over rows: the last axis, along which slopes lie side by side, or are one. */
typedef struct job {
    const antler_shape *in, *alpha;
    const antler_real *a, *x, *dy;
    antler_real *y, *dx, *shares; /* dx, shares: NULL where nobody wants them */
} job;

static int64_t row_length(const job *j)
{
    return j->in->dim[j->in->rank - 1];
}

/* How far one slope is from the next along a row. */
static int64_t slope_step(const job *j)
{
    return j->alpha->dim[j->alpha->rank - 1] == 1 ? 0 : 1;
}

/* Index of a row's first slope. */
static int64_t first_slope(const job *j, int64_t row)
{
    int64_t at = 0, step = j->alpha->dim[j->alpha->rank - 1];
    for (int axis = j->in->rank - 2; axis > 0; axis--) {
        int64_t size = j->alpha->dim[axis - 1];
        at += size == 1 ? 0 : row % j->in->dim[axis] * step;
        row /= j->in->dim[axis];
        step *= size;
    }
    return at;
}

static void forward_rows(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    int64_t n = row_length(j), step = slope_step(j);
    for (int64_t row = first; row < first + count; row++) {
        const antler_real *a = j->a + first_slope(j, row), *x = j->x + row * n;
        antler_real *y = j->y + row * n;
        for (int64_t i = 0; i < n; i++)
            y[i] = x[i] > 0 ? x[i] : a[i * step] * x[i];
    }
}

/* dx may be dy: each dy is read once, before dx takes its place. */
static void backward_rows(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    int64_t n = row_length(j), step = slope_step(j);
    for (int64_t row = first; row < first + count; row++) {
        const antler_real *a = j->a + first_slope(j, row);
        for (int64_t i = 0, at = row * n; i < n; i++, at++) {
            antler_real x = j->x[at], dy = j->dy[at];
            if (j->shares)
                j->shares[at] = x < 0 ? dy * x : 0;
            if (j->dx)
                j->dx[at] = x > 0 ? dy : x < 0 ? a[i * step] * dy : 0;
        }
    }
}

/* a' from the sums over samples: what shares a slope is added up. */
static void fold(const job *j, antler_real *gradient, const antler_real *columns)
{
    int64_t n = row_length(j), step = slope_step(j), rows = antler_count(j->in, 1) / n;
    memset(gradient, 0, (size_t)antler_count(j->alpha, 0) * sizeof *gradient);
    for (int64_t row = 0; row < rows; row++) {
        antler_real *to = gradient + first_slope(j, row);
        for (int64_t i = 0; i < n; i++)
            to[i * step] += columns[row * n + i];
    }
}

static antler_status forward(const void *config, antler_run *run)
{
    (void)config;
    job j = {.in = &run->x->shape, .alpha = &run->param[ALPHA].shape, .a = run->param[ALPHA].data};
    j.x = run->x->data;
    j.y = run->y->data;
    antler_run_ranges(run, antler_count(j.in, 0) / row_length(&j), row_length(&j), forward_rows, &j);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    (void)config;
    antler_real *gradient = run->grad[ALPHA].data; /* NULL when the layer is frozen */
    job j = {.in = &run->x->shape, .alpha = &run->param[ALPHA].shape, .a = run->param[ALPHA].data};
    j.x = run->x->data;
    j.dy = run->dy->data;
    j.dx = run->dx->data;
    j.shares = gradient ? run->scratch[SHARES].data : NULL;
    antler_run_ranges(run, antler_count(j.in, 0) / row_length(&j), row_length(&j), backward_rows, &j);
    if (gradient) {
        antler_run_column_sums(run, run->scratch[COLUMNS].data, j.shares, j.in->dim[0], antler_count(j.in, 1));
        fold(&j, gradient, run->scratch[COLUMNS].data);
    }
    return ANTLER_OK;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

const antler_layer_ops antler_layer_prelu = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "PReLU",
             .doc = "a rectifier whose slope below 0 is learned",
             .config_size = sizeof(struct antler_prelu),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_IN_PLACE | ANTLER_NEEDS_X,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
};
