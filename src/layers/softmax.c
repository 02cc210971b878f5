/* Softmax along one axis, by default the last:

     y_i = exp(x_i - max) / sum over j of exp(x_j - max)        dx = y * (dy - sum(dy * y))

   Along the last axis it is the activation of that name, and the layer only hands x on. Along another axis each line of
   numbers is gathered into scratch, worked on there, and put back. */
#include "layers/shared/common.h"
#include "parts/parts.h"

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
typedef struct job {
    antler_real *to; /* y, or dx */
    const antler_real *x, *dy, *y;
    antler_real *line, *line_2; /* scratch, as large as the tensor */
    const antler_kernels *k;
    int64_t n, inner;
} job;

static job job_of(antler_run *run, int64_t config_axis)
{
    const antler_shape *shape = &run->y->shape;
    int axis = antler_axis(config_axis, shape->rank);
    return (job){.k = run->k,
                 .n = shape->dim[axis],
                 .inner = antler_count(shape, axis + 1),
                 .line = run->scratch[LINES].data,
                 .line_2 = run->scratch[LINES_2].data};
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
    for (int64_t i = first; i < first + count; i++) {
        antler_real *line = j->line + i * n, *line_2 = j->line_2 + i * n;
        gather(line, j->dy + line_start(j, i), n, j->inner);
        gather(line_2, j->y + line_start(j, i), n, j->inner);
        j->k->softmax_backward(line, line, line_2, 1, n);
        scatter(j->to + line_start(j, i), line, n, j->inner);
    }
}

enum { COST = 4 }; /* of an exp, in elements of simple arithmetic */

static bool is_last_axis(const struct antler_softmax *cfg)
{
    return cfg->axis == -1;
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_softmax *cfg = config;
    if (antler_axis(cfg->axis, in->rank) < 1)
        return antler_error_set(err, ANTLER_SHAPE, "axis",
                                "%lld is not an axis of the input's %d, the batch's left out", (long long)cfg->axis,
                                in->rank);
    *out = *in;
    return ANTLER_OK;
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    if (is_last_axis(config))
        return;
    antler_plan_scratch(plan, LINES, in);
    antler_plan_scratch(plan, LINES_2, in);
}

static antler_status forward(const void *config, antler_run *run)
{
    const struct antler_softmax *cfg = config;
    if (run->mask->data)
        return antler_run_fail(run, ANTLER_UNSUPPORTED, "softmax of a masked sequence");
    if (is_last_axis(cfg)) {
        antler_run_copy(run, run->y->data, run->x->data, antler_count(&run->x->shape, 0));
        return ANTLER_OK;
    }
    job j = job_of(run, cfg->axis);
    j.to = run->y->data;
    j.x = run->x->data;
    antler_run_ranges(run, antler_count(&run->x->shape, 0) / j.n, j.n * COST, forward_piece, &j);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    const struct antler_softmax *cfg = config;
    if (!run->dx->data)
        return ANTLER_OK;
    if (is_last_axis(cfg)) {
        antler_run_copy(run, run->dx->data, run->dy->data, antler_count(&run->dy->shape, 0));
        return ANTLER_OK;
    }
    job j = job_of(run, cfg->axis);
    j.to = run->dx->data;
    j.dy = run->dy->data;
    j.y = run->y->data;
    antler_run_ranges(run, antler_count(&run->dy->shape, 0) / j.n, j.n * COST, backward_piece, &j);
    return ANTLER_OK;
}

static const antler_object *activation(const void *config)
{
    static const antler_object softmax = {&antler__softmax.type, NULL};
    return is_last_axis(config) ? &softmax : NULL;
}

const antler_layer_ops antler_layer_softmax = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Softmax",
             .doc = "positive numbers that add to 1 along an axis",
             .config_size = sizeof(struct antler_softmax),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_IN_PLACE | ANTLER_NEEDS_Y,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
    .activation = activation,
};
