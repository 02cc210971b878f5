/* Rows are cut into tasks by their shape alone: a task has rows that share (n) numbers of the parameters, and adds up
   their gradients in order; a fixed tree adds those of the tasks. */
#include "layers/shared/normalizing.h"

#include <math.h>
#include <string.h>

enum { USED_MEAN, USED_S };     /* saved: (batch, groups) each */
enum { WIDE, PARTS, GATHERED }; /* scratch: (2, wide, n) parameters; (parts, wide, 2, n) sums; (workers, 2, n) rows */

enum { TASK_NUMBERS = 16384 };

typedef struct job {
    const antler_normalizing *how;
    antler_run *run;
    const antler_groups *g;
    int64_t rows, share;             /* rows in all; rows of a task */
    int64_t parts;                   /* tasks = parts * wide */
    const antler_real *gamma, *beta; /* (wide, n) or NULL */
    antler_real *sums;               /* (parts, wide, 2, n), or NULL */
} job;

static bool has_parameters(const antler_normalizing *how)
{
    return how->gamma >= 0 || how->beta >= 0;
}

/* Rows of a task, of those that share parameters: few long ones or many short ones. */
static int64_t share_of(const antler_groups *g)
{
    enum { LEAST = 16 };
    return g->n * LEAST > TASK_NUMBERS ? LEAST : TASK_NUMBERS / g->n;
}

static int64_t parts_of(const antler_groups *g, int64_t batch)
{
    int64_t share = share_of(g);
    return (batch * g->groups / g->wide + share - 1) / share;
}

void antler__normalizing_buffers(const antler_normalizing *how, const antler_shape *in, antler_plan *plan)
{
    const antler_groups *g = &how->groups;
    const int64_t batch = in->dim[0];
    const antler_shape statistics = {2, {batch, g->groups}};
    antler_plan_saved(plan, USED_MEAN, &statistics);
    antler_plan_saved(plan, USED_S, &statistics);
    if (has_parameters(how) && !g->as_they_are)
        antler_plan_scratch(plan, WIDE, &(antler_shape){3, {2, g->wide, g->n}});
    if (has_parameters(how) && antler_plan_mode(plan) == ANTLER_TRAIN)
        antler_plan_scratch(plan, PARTS, &(antler_shape){4, {parts_of(g, batch), g->wide, 2, g->n}});
    if (!g->side_by_side)
        antler_plan_scratch(plan, GATHERED, &(antler_shape){3, {antler_plan_workers(plan), 2, g->n}});
}

static const antler_real *wide_parameter(const antler_normalizing *how, antler_run *run, int slot, int place)
{
    const antler_groups *g = &how->groups;
    if (slot < 0)
        return NULL;
    if (g->as_they_are)
        return run->param[slot].data;
    antler_real *wide = run->scratch[WIDE].data + place * g->wide * g->n;
    antler__group_spread(g, wide, run->param[slot].data);
    return wide;
}

static job job_of(const antler_normalizing *how, antler_run *run)
{
    const antler_groups *g = &how->groups;
    const int64_t batch = run->x->shape.dim[0];
    return (job){.how = how,
                 .run = run,
                 .g = g,
                 .rows = batch * g->groups,
                 .share = share_of(g),
                 .parts = parts_of(g, batch),
                 .gamma = wide_parameter(how, run, how->gamma, 0)};
}

static void run_tasks(job *j, void (*task)(void *arg, int64_t i, int worker))
{
    int64_t tasks = j->parts * j->g->wide;
    if (tasks == 1)
        task(j, 0, 0);
    else
        antler_run_parallel(j->run, task, j, tasks);
}

/* Of task i the first row, and the row behind the last; rows lie `wide` apart. */
static int64_t first_row(const job *j, int64_t i)
{
    return i / j->g->wide * j->share * j->g->wide + i % j->g->wide;
}

static int64_t end_row(const job *j, int64_t i)
{
    int64_t end = (i / j->g->wide + 1) * j->share * j->g->wide;
    return end < j->rows ? end : j->rows;
}

static int64_t start_of(const job *j, int64_t row)
{
    const antler_groups *g = j->g;
    return g->side_by_side ? row * g->n : row / g->groups * g->groups * g->n + antler__group_start(g, row % g->groups);
}

/* The row's numbers side by side: where they are, or in one of a worker's two places. */
static const antler_real *row_of(const job *j, const antler_real *all, int64_t start, int worker, int place)
{
    if (j->g->side_by_side)
        return all + start;
    antler_real *row = j->run->scratch[GATHERED].data + (2 * worker + place) * j->g->n;
    antler__group_gather(j->g, row, all + start);
    return row;
}

/* Where such a row's results go first: to the place that the numbers were gathered in. */
static antler_real *result_of(const job *j, antler_real *all, int64_t start, int worker, int place)
{
    return j->g->side_by_side ? all + start : j->run->scratch[GATHERED].data + (2 * worker + place) * j->g->n;
}

static antler_row parameters_of(const job *j, int64_t i)
{
    int64_t n = j->g->n, at = i % j->g->wide * n;
    return (antler_row){.n = n, .gamma = j->gamma ? j->gamma + at : NULL, .beta = j->beta ? j->beta + at : NULL};
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static void find_statistics(const job *j, antler_row *r)
{
    const antler_normalizing *how = j->how;
    const antler_kernels *k = j->run->k;
    double n = how->total ? 1 : (double)r->n;
    r->mean = how->deviations ? (antler_real)(k->long_sum(r->x, r->n) / (double)r->n) : 0;
    double squares = how->deviations ? k->deviations(r->x, r->n, r->mean) : k->long_sum_squares(r->x, r->n);
    double s = 1 / sqrt(squares / n + how->epsilon);
    r->s = (antler_real)(how->most > 0 && !(s < how->most) ? how->most : s);
}

static void forward_task(void *arg, int64_t i, int worker)
{
    const job *j = arg;
    antler_run *run = j->run;
    antler_row r = parameters_of(j, i);
    for (int64_t row = first_row(j, i), end = end_row(j, i); row < end; row += j->g->wide) {
        int64_t start = start_of(j, row);
        r.x = row_of(j, run->x->data, start, worker, 0);
        find_statistics(j, &r);
        r.shift = j->how->centred ? r.mean : 0;
        if (run->saved[USED_S].data) {
            run->saved[USED_MEAN].data[row] = r.mean;
            run->saved[USED_S].data[row] = r.s;
        }
        antler_real *y = result_of(j, run->y->data, start, worker, 0);
        run->k->normalize(y, &r);
        if (!j->g->side_by_side)
            antler__group_scatter(j->g, run->y->data + start, y);
    }
}

void antler__normalizing_forward(const antler_normalizing *how, antler_run *run)
{
    job j = job_of(how, run);
    j.beta = wide_parameter(how, run, how->beta, 1);
    run_tasks(&j, forward_task);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* dx = s * (g - (a + d * b)), from the sums of g and of g * d. */
static void write_dx(const job *j, const antler_row *r, antler_real *dx)
{
    const antler_normalizing *how = j->how;
    double g, gd, s = (double)r->s, n = how->total ? 1 : (double)r->n;
    j->run->k->normalize_sums(r, &g, &gd);
    if (how->deviations && !how->centred)
        gd += (double)r->mean * g;
    bool bounded = how->most > 0 && !(s < how->most); /* s does not depend on x */
    antler_real a = how->centred ? (antler_real)(g / n) : 0, b = bounded ? 0 : (antler_real)(gd * s * s / n);
    j->run->k->normalize_backward(dx, r, a, b);
}

static void backward_task(void *arg, int64_t i, int worker)
{
    const job *j = arg;
    antler_run *run = j->run;
    const int64_t n = j->g->n;
    antler_row r = parameters_of(j, i);
    antler_real *sums = j->sums ? j->sums + i * 2 * n : NULL;
    if (sums)
        memset(sums, 0, (size_t)(2 * n) * sizeof *sums);
    for (int64_t row = first_row(j, i), end = end_row(j, i); row < end; row += j->g->wide) {
        int64_t start = start_of(j, row);
        r.x = row_of(j, run->x->data, start, worker, 0);
        r.dy = row_of(j, run->dy->data, start, worker, 1);
        r.mean = run->saved[USED_MEAN].data[row];
        r.s = run->saved[USED_S].data[row];
        r.shift = j->how->centred ? r.mean : 0;
        if (sums)
            run->k->normalize_parameters(sums, sums + n, &r);
        if (!run->dx->data)
            continue;
        antler_real *dx = result_of(j, run->dx->data, start, worker, 1);
        write_dx(j, &r, dx);
        if (!j->g->side_by_side)
            antler__group_scatter(j->g, run->dx->data + start, dx);
    }
}

/* The sums of a parameter, (wide, n) of which lie 2 n apart, to its gradient. */
static void write_gradient(const job *j, int slot, int place)
{
    const antler_groups *g = j->g;
    if (slot < 0 || !j->run->grad[slot].data)
        return;
    antler_real *wide = g->as_they_are ? j->run->grad[slot].data : j->run->scratch[WIDE].data;
    for (int64_t i = 0; i < g->wide; i++)
        memcpy(wide + i * g->n, j->sums + (2 * i + place) * g->n, (size_t)g->n * sizeof *wide);
    if (!g->as_they_are)
        antler__group_fold(g, j->run->grad[slot].data, wide);
}

void antler__normalizing_backward(const antler_normalizing *how, antler_run *run)
{
    job j = job_of(how, run);
    const int64_t block = 2 * j.g->wide * j.g->n;
    bool wanted = (how->gamma >= 0 && run->grad[how->gamma].data) || (how->beta >= 0 && run->grad[how->beta].data);
    if (wanted)
        j.sums = run->scratch[PARTS].data;
    if (!wanted && !run->dx->data)
        return;
    run_tasks(&j, backward_task);
    if (!wanted)
        return;
    run->k->tree(j.sums, j.sums, j.parts, block, block);
    write_gradient(&j, how->gamma, 0); /* gamma spread out is not needed any more */
    write_gradient(&j, how->beta, 1);
}
