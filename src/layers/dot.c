/* Dot: for each sample the sums over one axis of each of two tensors,

     y [p.., q..] = sum over d of a [p.., d, p'..] b [q.., d, q'..]      p.. and p'.. are the other axes of a, q.. of b

   With `normalize` the vectors along the axes have length 1 first: u = x r, r = min(1 / sqrt(sum x^2), 1e7).

   Gradients: da = dy b, db = dy^T a, sums over the other's axes; through u, dx = r (du - u (u . du)), or r du where r
   was cut off.

   Sample by sample these are products of the matrices that shared/vectors.h tells of: nothing is transposed. */
#include "layers/shared/common.h"
#include "layers/shared/vectors.h"

enum { UNIT, FACTOR = UNIT + 2, DOTS = FACTOR + 2 }; /* scratch, with normalize, of both sides: u, r; one for u . du */

static const antler_field fields[] = {
    {.key = "axes",
     .kind = ANTLER_INTS,
     .offset = offsetof(struct antler_dot, axes),
     .count = 2,
     .doc = "over which the sums run, one of each tensor, or one number for both; not that of the batch, 0"},
    ANTLER_FIELD_BOOL(struct antler_dot, normalize, "false", "vectors along the axes have length 1 first"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(5) (5) {\"axes\": 1}",
    "(4, 3) (2, 3) {\"axes\": -1}",
    "(4, 3) (3, 2) {\"axes\": [2, 1], \"normalize\": true}",
    "(4, 3) (4) {\"axes\": 1, \"normalize\": true}",
    "(2, 3, 2) (2, 3, 2) {\"axes\": 2}",
    "(2, 3, 2) (3) {\"axes\": [2, 1], \"normalize\": true}",
    NULL,
};

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_dot *cfg = config;
    int axis[2], rank = 1;
    if (in[1].rank == 0)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "it takes a list of 2 tensors, got 1");
    for (int i = 0; i < 2; i++) {
        axis[i] = antler_axis(cfg->axes[i], in[i].rank);
        if (axis[i] < 1)
            return antler_error_set(err, ANTLER_SHAPE, "axes", "%lld is not an axis of %d, or it is the batch's",
                                    (long long)cfg->axes[i], in[i].rank);
        rank += in[i].rank - 2;
    }
    if (in[0].dim[axis[0]] != in[1].dim[axis[1]])
        return antler_error_set(err, ANTLER_SHAPE, "axes",
                                "axis %d of the first has %lld numbers, axis %d of the other "
                                "%lld; expected as many",
                                axis[0], (long long)in[0].dim[axis[0]], axis[1], (long long)in[1].dim[axis[1]]);
    if (rank > ANTLER_MAX_RANK)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "the output has %d axes; at most %d are possible", rank,
                                ANTLER_MAX_RANK);
    *out = (antler_shape){.rank = 1, .dim = {in->dim[0]}};
    for (int i = 0; i < 2; i++)
        for (int d = 1; d < in[i].rank; d++)
            if (d != axis[i])
                out->dim[out->rank++] = in[i].dim[d];
    if (out->rank == 1)
        out->dim[out->rank++] = 1;
    return ANTLER_OK;
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    const struct antler_dot *cfg = config;
    int64_t most = 0;
    for (int i = 0; i < 2 && cfg->normalize; i++) {
        antler_vectors s = antler__vectors_along(&in[i], cfg->axes[i]);
        int64_t vectors = s.blocks * s.free;
        most = vectors > most ? vectors : most;
        antler_plan_scratch(plan, UNIT + i, &in[i]);
        antler_plan_scratch(plan, FACTOR + i, &(antler_shape){2, {in->dim[0], vectors}});
    }
    if (cfg->normalize && antler_plan_mode(plan) == ANTLER_TRAIN)
        antler_plan_scratch(plan, DOTS, &(antler_shape){2, {in->dim[0], most}});
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

typedef struct job {
    antler_run *run;
    antler_vectors s[2];
    const antler_real *x[2]; /* or u */
    antler_real *y, *dx[2];
    const antler_real *dy;
    int64_t batch, group; /* samples; of a task */
} job;

/* A product in one task, or in as many as it is worth. */
typedef struct worker {
    antler_run *run;
    int number; /* below 0: all of them */
} worker;

static void multiply(const worker *w, const antler_product *p)
{
    if (w->number < 0)
        antler_run_product(w->run, p);
    else
        w->run->k->product(p, 0, p->m, 0, p->n, w->run->workers->scratch[w->number]);
}

static void forward_sample(const job *j, int64_t sample, const worker *w)
{
    const antler_vectors *a = &j->s[0], *b = &j->s[1];
    const antler_real *x = j->x[0] + sample * antler__vectors_size(a), *z = j->x[1] + sample * antler__vectors_size(b);
    int64_t columns = b->blocks * b->free;
    antler_real *y = j->y + sample * a->blocks * a->free * columns;
    antler_product p = {.m = a->free, .n = b->free, .k = a->depth, .c_row = columns};
    p.a_row = a->free_step;
    p.a_col = a->depth_step;
    p.b_row = b->depth_step;
    p.b_col = b->free_step;
    for (int64_t block = 0; block < a->blocks; block++)
        for (int64_t other = 0; other < b->blocks; other++) {
            p.a = x + block * a->free * a->depth;
            p.b = z + other * b->free * b->depth;
            p.c = y + block * a->free * columns + other * b->free;
            multiply(w, &p);
        }
}

/* The gradient of side i: for each of its blocks a sum over those of the other. */
static void backward_sample(const job *j, int i, int64_t sample, const worker *w)
{
    const antler_vectors *own = &j->s[i], *other = &j->s[1 - i];
    int64_t columns = j->s[1].blocks * j->s[1].free, rows = j->s[0].blocks * j->s[0].free;
    int64_t step = i == 0 ? columns : 1, other_step = i == 0 ? 1 : columns; /* in dy */
    const antler_real *dy = j->dy + sample * rows * columns, *z = j->x[1 - i] + sample * antler__vectors_size(other);
    antler_real *dx = j->dx[i] + sample * antler__vectors_size(own);
    bool rows_are_free = own->depth_step == 1; /* else they are the depth */
    antler_product p = {.m = rows_are_free ? own->free : own->depth, .n = rows_are_free ? own->depth : own->free};
    p.k = other->free;
    p.c_row = rows_are_free ? own->free_step : own->depth_step;
    p.a_row = rows_are_free ? step : other->depth_step;
    p.a_col = rows_are_free ? other_step : other->free_step;
    p.b_row = rows_are_free ? other->free_step : other_step;
    p.b_col = rows_are_free ? other->depth_step : step;
    p.bias_row = p.c_row;
    for (int64_t block = 0; block < own->blocks; block++)
        for (int64_t o = 0; o < other->blocks; o++) {
            const antler_real *d = dy + block * own->free * step + o * other->free * other_step;
            const antler_real *x = z + o * other->free * other->depth;
            p.a = rows_are_free ? d : x;
            p.b = rows_are_free ? x : d;
            p.c = dx + block * own->free * own->depth;
            p.bias = o > 0 ? p.c : NULL;
            multiply(w, &p);
        }
}

static void run_sample(const job *j, int64_t sample, const worker *w)
{
    if (j->y)
        forward_sample(j, sample, w);
    for (int i = 0; i < 2; i++)
        if (j->dx[i])
            backward_sample(j, i, sample, w);
}

static void run_group(void *arg, int64_t group, int number)
{
    const job *j = arg;
    worker w = {.run = j->run, .number = number};
    for (int64_t sample = group * j->group; sample < (group + 1) * j->group && sample < j->batch; sample++)
        run_sample(j, sample, &w);
}

/* Two vectors a sample. */
static void dot_samples(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    int64_t n = j->s[0].depth;
    for (int64_t sample = first; sample < first + count; sample++)
        j->y[sample] = antler_array_dot(j->x[0] + sample * n, j->x[1] + sample * n, n);
}

/* A task is so many samples that it is worth one; a single sample is cut within its products. */
static void run_samples(job *j)
{
    const int64_t task = 1 << 17; /* multiplications */
    double sample = (double)antler__vectors_size(&j->s[0]) * (double)(j->s[1].blocks * j->s[1].free);
    worker all = {.run = j->run, .number = -1};
    if (j->y && sample == (double)j->s[0].depth) {
        antler_run_ranges(j->run, j->batch, j->s[0].depth, dot_samples, j);
    } else if (j->batch == 1) {
        run_sample(j, 0, &all);
    } else {
        j->group = sample < (double)task ? (int64_t)((double)task / sample) : 1;
        antler_run_parallel(j->run, run_group, j, (j->batch + j->group - 1) / j->group);
    }
}

/* ---- forward and backward ---------------------------------------------------------------------------------------- */

static job job_of(const struct antler_dot *cfg, antler_run *run)
{
    job j = {.run = run, .batch = run->x->shape.dim[0]};
    for (int i = 0; i < 2; i++) {
        j.s[i] = antler__vectors_along(&run->x[i].shape, cfg->axes[i]);
        j.x[i] = run->x[i].data;
        if (!cfg->normalize)
            continue;
        antler__to_unit(run, &j.s[i], j.batch, run->scratch[UNIT + i].data, run->scratch[FACTOR + i].data, j.x[i]);
        j.x[i] = run->scratch[UNIT + i].data;
    }
    return j;
}

static antler_status forward(const void *config, antler_run *run)
{
    job j = job_of(config, run);
    j.y = run->y->data;
    run_samples(&j);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    const struct antler_dot *cfg = config;
    job j = job_of(cfg, run);
    j.dy = run->dy->data;
    j.dx[0] = run->dx[0].data;
    j.dx[1] = run->dx[1].data;
    run_samples(&j);
    for (int i = 0; i < 2; i++)
        if (cfg->normalize && j.dx[i])
            antler__to_unit_backward(run, &j.s[i], j.batch, j.dx[i], j.x[i], run->scratch[FACTOR + i].data,
                                     run->scratch[DOTS].data);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_dot = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Dot",
             .doc = "sums of products over one axis of each of two tensors",
             .config_size = sizeof(struct antler_dot),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_NEEDS_X,
    .inputs = 2,
    .mask = ANTLER_MASK_END,
    .infer = infer,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
};
