/* A layer of one's own for the command, as a plugin:

       cc -std=c11 -O2 -ffp-contract=off -shared -fPIC -Iinclude examples/layer_plugin.c -o layer_plugin.so
       antler --plugin ./layer_plugin.so layers GaussianUnits --check
       antler --plugin ./layer_plugin.so train model.json --output model.keras

   GaussianUnits, radial basis functions: each of n units is 1 at its center and falls off with the distance from it.

       y_j = exp(-s_j),  s_j = w sum_i (x_i - c_ji)^2
       dx_i = -2 w sum_j dy_j y_j (x_i - c_ji)      dc_ji = 2 w sum over rows of dy_j y_j (x_i - c_ji)

   Rows are all axes but the last. Forward and dx are cut by rows, dc by units, each sum in the order of memory. */
#include "antler/plugin.h"

/* ---- what it takes ----------------------------------------------------------------------------------------------- */

struct antler_gaussian_units {
    ANTLER_LAYER_KEYS
    int64_t units;
    double width;
    const char *centers_initializer, *centers_regularizer, *centers_constraint;
    antler_object centers_initializer_, centers_regularizer_, centers_constraint_;
    int end_;
};

enum { CENTERS }; /* parameters */
enum { SLOPES };  /* scratch of backward: dy y */

static const antler_field fields[] = {
    ANTLER_FIELD_COUNT(struct antler_gaussian_units, units, "how many centers"),
    ANTLER_FIELD_NUMBER(struct antler_gaussian_units, width, ANTLER_REAL, "1.0", 0, 1e6, "how fast they fall off"),
    ANTLER_FIELD_VARIABLE(struct antler_gaussian_units, centers, "\"random_normal\""),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(3) {\"units\": 2}",
    "(4, 2) {\"units\": 3, \"width\": 0.5, \"centers_initializer\": \"glorot_uniform\"}",
    NULL,
};

/* ---- shapes and buffers ------------------------------------------------------------------------------------------ */

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_gaussian_units *cfg = config;
    if (in->rank < 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "the input has no axis of features; expected (batch, ..., n)");
    *out = *in;
    out->dim[out->rank - 1] = cfg->units;
    return ANTLER_OK;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const struct antler_gaussian_units *cfg = config;
    antler_shape centers = {.rank = 2, .dim = {cfg->units, in->dim[in->rank - 1]}};
    antler_plan_param(plan, CENTERS, "centers", "centers", &centers);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    const struct antler_gaussian_units *cfg = config;
    antler_shape out = *in;
    out.dim[out.rank - 1] = cfg->units;
    if (antler_plan_mode(plan) == ANTLER_TRAIN)
        antler_plan_scratch(plan, SLOPES, &out);
}

/* ---- forward and backward ---------------------------------------------------------------------------------------- */

typedef struct job {
    const antler_real *x, *centers;
    antler_real *y, *slopes, *dx, *dcenters;
    antler_real width;
    int64_t rows, units, n;
} job;

static job job_of(const void *config, const antler_run *run, const antler_shape *out)
{
    const struct antler_gaussian_units *cfg = config;
    job j = {.x = run->x->data, .centers = run->param[CENTERS].data, .y = run->y->data};
    j.width = (antler_real)cfg->width;
    j.units = cfg->units;
    j.n = run->param[CENTERS].shape.dim[1];
    j.rows = antler_count(out, 0) / j.units;
    return j;
}

static void forward_rows(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t row = first; row < first + count; row++) {
        const antler_real *x = j->x + row * j->n;
        antler_real *y = j->y + row * j->units;
        for (int64_t k = 0; k < j->units; k++) {
            antler_real sum = 0;
            for (int64_t i = 0; i < j->n; i++) {
                antler_real d = x[i] - j->centers[k * j->n + i];
                sum += d * d;
            }
            y[k] = -j->width * sum;
        }
        antler_array_exp(y, y, j->units);
    }
}

static void backward_rows(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t row = first; row < first + count; row++)
        for (int64_t i = 0; i < j->n; i++) {
            antler_real sum = 0;
            for (int64_t k = 0; k < j->units; k++)
                sum += j->slopes[row * j->units + k] * (j->x[row * j->n + i] - j->centers[k * j->n + i]);
            j->dx[row * j->n + i] = -2 * j->width * sum;
        }
}

static void backward_units(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t k = first; k < first + count; k++)
        for (int64_t i = 0; i < j->n; i++) {
            antler_real sum = 0;
            for (int64_t row = 0; row < j->rows; row++)
                sum += j->slopes[row * j->units + k] * (j->x[row * j->n + i] - j->centers[k * j->n + i]);
            j->dcenters[k * j->n + i] = 2 * j->width * sum;
        }
}

static antler_status forward(const void *config, antler_run *run)
{
    job j = job_of(config, run, &run->y->shape);
    antler_run_ranges(run, j.rows, j.units * (j.n + 8), forward_rows, &j);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    job j = job_of(config, run, &run->dy->shape);
    j.slopes = run->scratch[SLOPES].data;
    j.dx = run->dx->data;                 /* NULL where nobody wants it */
    j.dcenters = run->grad[CENTERS].data; /* NULL when the layer is frozen */
    for (int64_t e = 0; e < j.rows * j.units; e++)
        j.slopes[e] = run->dy->data[e] * j.y[e];
    if (j.dcenters) /* before dx, which may take the place of what was read */
        antler_run_ranges(run, j.units, j.rows * j.n, backward_units, &j);
    if (j.dx)
        antler_run_ranges(run, j.rows, j.units * j.n, backward_rows, &j);
    return ANTLER_OK;
}

/* ---- the table, and what the command asks for -------------------------------------------------------------------- */

static const antler_layer_ops gaussian_units = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "GaussianUnits",
             .doc = "units that are 1 at their center and fall off around it",
             .config_size = sizeof(struct antler_gaussian_units),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_NEEDS_X | ANTLER_NEEDS_Y,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
};

const antler_type *const *antler_plugin_1(void)
{
    static const antler_type *const types[] = {&gaussian_units.type, NULL};
    return types;
}
