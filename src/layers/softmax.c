/* Softmax along one axis, by default the last:

     y_i = exp(x_i - max) / sum over j of exp(x_j - max)        dx = y * (dy - sum(dy * y))

   Where the loss takes the logits (run->logits; last axis only), they are x, and dy is their gradient already. Along
   another axis each line of numbers is gathered into scratch, worked on there, and put back. */
#include "layers/shared/common.h"

enum { LINES, LINES_2 }; /* scratch */

static const antler_field fields[] = {
    {.key = "axis",
     .kind = ANTLER_INTS,
     .offset = offsetof(struct antler_softmax, axis),
     .def = "-1",
     .count = 1,
     .doc = "axis whose numbers add to 1"},
    ANTLER_FIELD_END,
};

static const char *const samples[] = {"(5) {}", "(4, 3) {\"axis\": 1}", "(2, 3, 2) {\"axis\": -2}", NULL};

/* The tensor seen as (outer, n, inner), n along the axis; a line is one of outer * inner. */
typedef struct {
    const antler_kernels *k;
    antler_real *to; /* y, or dx */
    const antler_real *x, *dy, *y;
    antler_real *line, *line_2; /* scratch, as large as the tensor; NULL where inner is 1 */
    int64_t n, inner;
} job;

static job job_of(antler_run *run, int64_t config_axis, const antler_shape *shape)
{
    int axis = antler__axis(config_axis, shape->rank);
    job j = {.k = run->k, .n = shape->dim[axis], .inner = antler_count(shape, axis + 1)};
    if (j.inner > 1) {
        j.line = run->scratch[LINES].data;
        j.line_2 = run->mode == ANTLER_TRAIN ? run->scratch[LINES_2].data : NULL;
    }
    return j;
}

static int64_t line_start(const job *j, int64_t line)
{
    return line / j->inner * j->n * j->inner + line % j->inner;
}

static void gather(antler_real *line, const antler_real *from, int64_t n, int64_t step)
{
    for (int64_t i = 0; i < n; i++)
        line[i] = from[i * step];
}

static void scatter(antler_real *to, const antler_real *line, int64_t n, int64_t step)
{
    for (int64_t i = 0; i < n; i++)
        to[i * step] = line[i];
}

static void forward_piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    int64_t n = j->n;
    if (j->inner == 1) {
        j->k->softmax(j->to + first * n, j->x + first * n, count, n);
        return;
    }
    for (int64_t i = first; i < first + count; i++) {
        antler_real *line = j->line + i * n;
        gather(line, j->x + line_start(j, i), n, j->inner);
        j->k->softmax(line, line, 1, n);
        scatter(j->to + line_start(j, i), line, n, j->inner);
    }
}

static void backward_piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    int64_t n = j->n;
    if (j->inner == 1) {
        j->k->softmax_backward(j->to + first * n, j->dy + first * n, j->y + first * n, count, n);
        return;
    }
    for (int64_t i = first; i < first + count; i++) {
        antler_real *line = j->line + i * n, *line_2 = j->line_2 + i * n;
        gather(line, j->dy + line_start(j, i), n, j->inner);
        gather(line_2, j->y + line_start(j, i), n, j->inner);
        j->k->softmax_backward(line, line, line_2, 1, n);
        scatter(j->to + line_start(j, i), line, n, j->inner);
    }
}

enum { COST = 4 }; /* of an exp, in elements of simple arithmetic */

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_softmax *cfg = config;
    if (antler__axis(cfg->axis, in->rank) < 1)
        return antler_error_set(err, ANTLER_SHAPE, "axis",
                                "%lld is not an axis of the input's %d, the batch's left out", (long long)cfg->axis,
                                in->rank);
    *out = *in;
    return ANTLER_OK;
}

static void declare(const void *config, const antler_shape *in, antler_plan *plan)
{
    const struct antler_softmax *cfg = config;
    antler_plan_needs(plan, ANTLER_NEEDS_Y);
    if (antler_count(in, antler__axis(cfg->axis, in->rank) + 1) == 1)
        return;
    antler_plan_scratch(plan, LINES, in);
    if (antler_plan_mode(plan) == ANTLER_TRAIN)
        antler_plan_scratch(plan, LINES_2, in);
}

static antler_status forward(const void *config, antler_run *run)
{
    const struct antler_softmax *cfg = config;
    const antler_shape *shape = &run->x->shape;
    if (run->mask)
        return antler_run_fail(run, ANTLER_UNSUPPORTED, "softmax of a masked sequence");
    if (run->logits)
        antler__copy(run, run->logits->data, run->x->data, antler_count(shape, 0));
    job j = job_of(run, cfg->axis, shape);
    j.to = run->y->data;
    j.x = run->x->data;
    antler__ranges(run, antler_count(shape, 0) / j.n, j.n * COST, forward_piece, &j);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    const struct antler_softmax *cfg = config;
    const antler_shape *shape = &run->dy->shape;
    if (!run->dx)
        return ANTLER_OK;
    if (run->logits) {
        antler__copy(run, run->dx->data, run->dy->data, antler_count(shape, 0));
        return ANTLER_OK;
    }
    job j = job_of(run, cfg->axis, shape);
    j.to = run->dx->data;
    j.dy = run->dy->data;
    j.y = run->y->data;
    antler__ranges(run, antler_count(shape, 0) / j.n, j.n * COST, backward_piece, &j);
    return ANTLER_OK;
}

static const char *logits(const void *config)
{
    const struct antler_softmax *cfg = config;
    return cfg->axis == -1 ? "softmax" : NULL;
}

const antler_layer_ops antler_layer_softmax = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Softmax",
             .doc = "positive numbers that add to 1 along an axis",
             .config_size = sizeof(struct antler_softmax),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_IN_PLACE,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .logits = logits,
};
