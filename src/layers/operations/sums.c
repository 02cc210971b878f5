/* Operators that make one number of all along some axes: Sum, Mean, Max, Min.

   Gradients: dy for each number that was added, over their count for Mean; of Max and Min dy goes to the numbers that
   are the chosen one, in equal shares.

   With the axes kept at size 1, y is what would be stretched to x: its sums are those of a gradient that was stretched,
   and its gradient is stretched. */
#include "layers/operations/operation.h"
#include "layers/shared/stretch.h"

#include <string.h>

enum { WORK, COUNTS }; /* scratch: sums in between; of Max and Min, how many are the chosen one */
enum { CHUNK = 512 };

typedef struct reduce {
    ANTLER_LAYER_KEYS
    int64_t axis[ANTLER_MAX_RANK + 1];
    bool keepdims;
} reduce;

#define AXIS_FIELDS                                                                          \
    ANTLER_FIELD_INTS(reduce, axis, "null", ANTLER_AXES | ANTLER_NULLABLE, -ANTLER_MAX_RANK, \
                      "axes that go; not the batch's, 0"),                                   \
        ANTLER_FIELD_BOOL(reduce, keepdims, "false", "they stay, with size 1")
static const antler_field fields[] = {AXIS_FIELDS, ANTLER_FIELD_END};
static const antler_field choice_fields[] = {
    AXIS_FIELDS,
    {.key = "initial", .kind = ANTLER_ANY, .def = "null", .doc = "accepted for Keras"},
    ANTLER_FIELD_END,
};
static const char *const samples[] = {
    "(4, 3) {\"axis\": 1}",          "(4, 3) {\"axis\": -1, \"keepdims\": true}",
    "(4, 3) {\"axis\": [1, 2]}",     "(2, 3, 4) {\"axis\": 2}",
    "(2, 3, 4) {\"axis\": [-1, 1]}", NULL,
};

/* x's shape with the axes at size 1. */
static antler_status kept_shape(const reduce *cfg, const antler_shape *x, antler_shape *kept, antler_error *err)
{
    *kept = *x;
    if (cfg->axis[0] == ANTLER_NULL)
        return antler_error_set(err, ANTLER_UNSUPPORTED, "axis",
                                "over the batch, 0, or all axes, null, is not supported");
    for (int i = 0; i < ANTLER_MAX_RANK && cfg->axis[i] != ANTLER_NULL; i++) {
        int axis = antler_axis(cfg->axis[i], x->rank);
        if (axis < 1)
            return antler_error_set(err, ANTLER_SHAPE, "axis", "%lld is not an axis of %d, or it is the batch's",
                                    (long long)cfg->axis[i], x->rank);
        kept->dim[axis] = 1;
    }
    return ANTLER_OK;
}

static bool goes(const reduce *cfg, int axis, int rank)
{
    bool found = false;
    for (int i = 0; i < ANTLER_MAX_RANK && cfg->axis[i] != ANTLER_NULL; i++)
        found |= antler_axis(cfg->axis[i], rank) == axis;
    return found && !cfg->keepdims;
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const reduce *cfg = config;
    antler_shape kept;
    ANTLER_TRY(kept_shape(cfg, in, &kept, err));
    *out = (antler_shape){0, {0}};
    for (int i = 0; i < kept.rank; i++)
        if (!goes(cfg, i, kept.rank))
            out->dim[out->rank++] = kept.dim[i];
    return ANTLER_OK;
}

/* How y lies in x. */
static antler_stretch stretch_of(const reduce *cfg, const antler_shape *x)
{
    antler_shape kept;
    kept_shape(cfg, x, &kept, NULL);
    return antler__stretch(&kept, x);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_stretch s = stretch_of(config, in);
    if (antler__stretched_groups(&s) > 1)
        antler_plan_scratch(plan, WORK, in);
}

/* ---- sums ---------------------------------------------------------------------------------------------------------
 */

typedef struct job {
    antler_stretch s;
    const antler_real *x, *y, *dy, *counts;
    antler_real *to;
    antler_real divisor, sign;
} job;

static void divide_piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t i = first; i < first + count; i++)
        j->to[i] /= j->divisor;
}

/* Numbers of x for each of y. */
static antler_real share_of(const antler_shape *x, const antler_shape *y)
{
    return (antler_real)(antler_count(x, 1) / antler_count(y, 1));
}

static antler_status add_up(const reduce *cfg, antler_run *run, bool mean)
{
    job j = {.s = stretch_of(cfg, &run->x->shape), .to = run->y->data};
    int64_t n = antler_count(&run->y->shape, 0);
    j.divisor = mean ? share_of(&run->x->shape, &run->y->shape) : 1;
    if (antler__stretched_groups(&j.s) == 0)
        antler_run_copy(run, j.to, run->x->data, n);
    else
        antler__stretch_sums(run, &j.s, j.to, run->x->data,
                             antler__stretched_groups(&j.s) > 1 ? run->scratch[WORK].data : NULL);
    if (mean)
        antler_run_ranges(run, n, 1, divide_piece, &j);
    return ANTLER_OK;
}

static void spread_piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    antler_real space[CHUNK];
    for (int64_t at = first, n; at < first + count; at += n) {
        n = first + count - at < CHUNK ? first + count - at : CHUNK;
        const antler_real *dy = antler__stretched(&j->s, j->dy, at, n, space);
        for (int64_t i = 0; i < n; i++)
            j->to[at + i] = dy[i] / j->divisor;
    }
}

static antler_status spread(const reduce *cfg, antler_run *run, bool mean)
{
    if (!run->dx->data)
        return ANTLER_OK;
    const antler_shape *x = &run->dx->shape;
    job j = {.s = stretch_of(cfg, x), .dy = run->dy->data, .to = run->dx->data};
    j.divisor = mean ? share_of(x, &run->dy->shape) : 1;
    antler_run_ranges(run, antler_count(x, 0), 1, spread_piece, &j);
    return ANTLER_OK;
}

static antler_status sum_forward(const void *config, antler_run *run)
{
    return add_up(config, run, false);
}

static antler_status sum_backward(const void *config, antler_run *run)
{
    return spread(config, run, false);
}

static antler_status mean_forward(const void *config, antler_run *run)
{
    return add_up(config, run, true);
}

static antler_status mean_backward(const void *config, antler_run *run)
{
    return spread(config, run, true);
}

/* ---- the largest and the least ------------------------------------------------------------------------------------
 */

static void choice_buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_shape out;
    if (antler_plan_mode(plan) == ANTLER_TRAIN && infer(config, in, &out, NULL) == ANTLER_OK)
        antler_plan_scratch(plan, COUNTS, &out);
}

/* Calls fn for each number of samples [first, first + count) of x, with the place of its number in y. */
static void for_numbers(const job *j, int64_t first, int64_t count,
                        void (*fn)(const job *j, int64_t x, int64_t y, bool begins), const int64_t *sizes)
{
    int64_t place[ANTLER_MAX_RANK];
    for (int64_t x = first * sizes[0]; x < (first + count) * sizes[0]; x++) {
        int64_t left = x, y = 0;
        bool begins = true;
        for (int g = j->s.groups - 1; g >= 0; g--) {
            place[g] = left % j->s.dim[g];
            left /= j->s.dim[g];
            y += place[g] * j->s.step[g];
            begins = begins && (j->s.step[g] != 0 || place[g] == 0);
        }
        fn(j, x, y, begins);
    }
}

typedef struct choosing {
    job j;
    int64_t sizes[1]; /* of a sample of x */
    void (*fn)(const job *j, int64_t x, int64_t y, bool begins);
} choosing;

static void choose_samples(void *arg, int64_t first, int64_t count)
{
    const choosing *c = arg;
    for_numbers(&c->j, first, count, c->fn, c->sizes);
}

static void choose(const job *j, int64_t x, int64_t y, bool begins)
{
    antler_real value = j->x[x];
    if (begins || j->sign * value > j->sign * j->to[y] || value != value)
        j->to[y] = value;
}

static void count(const job *j, int64_t x, int64_t y, bool begins)
{
    j->to[y] = (begins ? 0 : j->to[y]) + (antler_real)(j->x[x] == j->y[y]);
}

static void give(const job *j, int64_t x, int64_t y, bool begins)
{
    (void)begins;
    j->to[x] = j->x[x] == j->y[y] ? j->dy[y] / j->counts[y] : 0;
}

static antler_status choose_forward(const reduce *cfg, antler_run *run, antler_real sign)
{
    choosing c = {.j = {.s = stretch_of(cfg, &run->x->shape), .x = run->x->data, .to = run->y->data, .sign = sign},
                  .sizes = {antler_count(&run->x->shape, 1)},
                  .fn = choose};
    antler_run_ranges(run, run->x->shape.dim[0], 8 * c.sizes[0], choose_samples, &c);
    return ANTLER_OK;
}

static antler_status choose_backward(const void *config, antler_run *run)
{
    if (!run->dx->data)
        return ANTLER_OK;
    choosing c = {.j = {.s = stretch_of(config, &run->x->shape), .x = run->x->data, .y = run->y->data},
                  .sizes = {antler_count(&run->x->shape, 1)},
                  .fn = count};
    c.j.to = run->scratch[COUNTS].data;
    antler_run_ranges(run, run->x->shape.dim[0], 8 * c.sizes[0], choose_samples, &c);
    c.j.counts = run->scratch[COUNTS].data;
    c.j.dy = run->dy->data;
    c.j.to = run->dx->data;
    c.fn = give;
    antler_run_ranges(run, run->x->shape.dim[0], 8 * c.sizes[0], choose_samples, &c);
    return ANTLER_OK;
}

static antler_status max_forward(const void *config, antler_run *run)
{
    return choose_forward(config, run, 1);
}

static antler_status min_forward(const void *config, antler_run *run)
{
    return choose_forward(config, run, -1);
}

/* ---- the tables ---------------------------------------------------------------------------------------------------
 */

#define REDUCE(name, class, rows, does, buffered, to, back, line, function)                              \
    const antler_operation_ops antler__operation_##name = {                                              \
        .layer = {.type = ANTLER_OPERATION_TYPE(class, reduce, rows, samples, line, .aliases = NULL),    \
                  .flags = (does),                                                                       \
                  .mask = ANTLER_MASK_END,                                                               \
                  .infer = infer,                                                                        \
                  .buffers = (buffered),                                                                 \
                  .forward = (to),                                                                       \
                  .backward = (back),                                                                    \
                  .arguments = antler__one_tensor},                                                      \
        .module = ANTLER_NUMPY,                                                                          \
        .spelling = (const antler_spelling[]){{function, "input_tensor=x axis keepdims"}, {NULL, NULL}}, \
    };

REDUCE(max, "Max", choice_fields, ANTLER_NEEDS_X | ANTLER_NEEDS_Y, choice_buffers, max_forward, choose_backward,
       "the largest along axes", "math.reduce_max")
REDUCE(mean, "Mean", fields, 0, buffers, mean_forward, mean_backward, "the mean along axes", "math.reduce_mean")
REDUCE(min, "Min", choice_fields, ANTLER_NEEDS_X | ANTLER_NEEDS_Y, choice_buffers, min_forward, choose_backward,
       "the least along axes", "math.reduce_min")
REDUCE(sum, "Sum", fields, 0, buffers, sum_forward, sum_backward, "the sum along axes", "math.reduce_sum")
