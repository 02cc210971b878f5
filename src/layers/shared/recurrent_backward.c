/* Recurrent layers: backward; recurrent.h has the equations. */
#include "layers/shared/recurrent.h"

#include <string.h>

typedef struct transpose_task {
    antler_real *y;
    const antler_real *x;
    int64_t rows, columns; /* of x */
} transpose_task;

/* Sixteen columns of x (one cache line) at a time. */
static void transpose_columns(void *arg, int64_t first, int64_t count)
{
    const transpose_task *t = arg;
    for (int64_t j0 = first; j0 < first + count; j0 += 16) {
        const int64_t j1 = j0 + 16 < first + count ? j0 + 16 : first + count;
        for (int64_t i = 0; i < t->rows; i++)
            for (int64_t j = j0; j < j1; j++)
                t->y[j * t->rows + i] = t->x[i * t->columns + j];
    }
}

/* x (rows, columns), transposed in scratch: products are slower with a transposed factor. */
static const antler_real *transpose(antler_run *run, const antler_real *x, int64_t rows, int64_t columns)
{
    transpose_task t = {run->scratch[SLOT_TRANSPOSED].data, x, rows, columns};
    antler_run_ranges(run, columns, rows, transpose_columns, &t);
    return t.y;
}

/* ---- gradients of the variables ---------------------------------------------------------------------------------- */

/* What the tasks of a call see. */
typedef struct job {
    antler_run *run;
    const antler_cell *cell;
    const antler_recurrent_sizes *s;
    const antler_recurrence *r;
    const antler_real *x;
    bool use_bias;
} job;

/* Rows (sample, time) in which the states that were multiplied by U are written to y: h before each step, after
   dropout; with `reset` times r. */
typedef struct states_task {
    const antler_recurrence *r;
    antler_real *y; /* of row `origin` */
    int64_t origin;
    const antler_real *reset; /* (batch, steps, kept, units), of which r is the second; or NULL */
    int64_t kept;
} states_task;

/* y = x, or 0 where x is NULL. States are short, often of one number: a call would take longer than the copy. */
static inline void copy_state(antler_real *y, const antler_real *x, int64_t n)
{
    if (!x) {
        for (int64_t j = 0; j < n; j++)
            y[j] = 0;
        return;
    }
    for (; n >= 4; n -= 4, y += 4, x += 4)
        memcpy(y, x, 4 * sizeof *y);
    for (; n > 0; n--)
        *y++ = *x++;
}

static void state_rows(void *arg, int64_t first, int64_t count)
{
    const states_task *t = arg;
    const antler_recurrence *r = t->r;
    const int64_t u = r->units;
    int64_t b = first / r->steps, time = first % r->steps;
    antler_real *y = t->y + (first - t->origin) * u;
    for (int64_t i = 0; i < count; i++, y += u) {
        const int64_t step = r->backwards ? r->steps - 1 - time : time;
        const antler_real *h = step > 0 ? r->h + (b * r->steps + step - 1) * u : r->h0 ? r->h0 + b * u : NULL;
        const antler_real *reset = t->reset ? t->reset + (b * r->steps + step) * t->kept * u + u : NULL;
        copy_state(y, h, u);
        for (int64_t j = 0; r->keep && h && j < u; j++)
            y[j] *= r->keep[b * u + j];
        for (int64_t j = 0; reset && j < u; j++)
            y[j] *= reset[j];
        if (++time == r->steps) {
            time = 0;
            b++;
        }
    }
}

/* Some rows, and where the sums over them go. worker: of the task that is on; -1 outside of tasks. */
typedef struct sums {
    int64_t first, count;
    antler_real *kernel, *recurrent, *bias, *recurrent_bias; /* biases: NULL for none */
    antler_real *states;                                     /* room for the rows' states */
    int worker;
} sums;

/* c (m, n) = a (rows, m)^T d (rows, n of G u columns), n columns of a matrix of G u. */
static void multiply(const job *j, const sums *to, const antler_real *a, int64_t m, int64_t a_step,
                     const antler_real *d, int64_t n, antler_real *c)
{
    const antler_product p = {.m = m,
                              .n = n,
                              .k = to->count,
                              .a = a,
                              .a_row = a_step == 0 ? 0 : 1,
                              .a_col = a_step,
                              .b = d,
                              .b_row = j->s->columns,
                              .b_col = 1,
                              .c = c,
                              .c_row = j->s->columns};
    if (to->worker < 0)
        antler_run_product(j->run, &p);
    else
        j->run->k->product(&p, 0, m, 0, n, j->run->workers->scratch[to->worker]);
}

/* Columns [column, column + n) of dU. */
static void sum_recurrent(const job *j, const sums *to, const antler_real *reset, const antler_real *dr, int64_t column,
                          int64_t n)
{
    states_task t = {j->r, to->states, to->first, reset, j->s->kept};
    if (to->worker < 0)
        antler_run_ranges(j->run, to->count, j->s->units, state_rows, &t);
    else
        state_rows(&t, to->first, to->count);
    multiply(j, to, to->states, j->s->units, j->s->units, dr + column, n, to->recurrent + column);
}

static void sum_rows(const job *j, const sums *to)
{
    static const antler_real one = 1;
    const int64_t n = j->s->columns, at = to->first * n, u = j->s->units;
    const antler_real *const dz = j->r->dz + at, *const dr = j->r->dr ? j->r->dr + at : dz;
    const int64_t plain = j->cell->reset_before ? 2 * u : n; /* columns whose product takes h itself */
    multiply(j, to, j->x + to->first * j->s->features, j->s->features, j->s->features, dz, n, to->kernel);
    sum_recurrent(j, to, NULL, dr, 0, plain);
    if (plain < n)
        sum_recurrent(j, to, j->r->gates, dr, plain, u);
    if (to->bias)
        multiply(j, to, &one, 1, 0, dz, n, to->bias);
    if (to->recurrent_bias)
        multiply(j, to, &one, 1, 0, dr, n, to->recurrent_bias);
}

/* The sums in `to`, which lie one after the other; biases only where `like` has them. */
static sums lay_out(const job *j, sums like, antler_real *to)
{
    const int64_t n = j->s->columns;
    like.kernel = to;
    like.recurrent = like.kernel + j->s->features * n;
    like.bias = like.bias ? like.recurrent + j->s->units * n : NULL;
    like.recurrent_bias = like.recurrent_bias ? like.bias + n : NULL;
    return like;
}

static sums gradients_of(const job *j)
{
    const antler_tensor *const grad = j->run->grad;
    antler_real *const bias = j->use_bias ? grad[SLOT_BIAS].data : NULL;
    return (sums){.count = j->s->batch * j->s->steps,
                  .kernel = grad[SLOT_KERNEL].data,
                  .recurrent = grad[SLOT_RECURRENT].data,
                  .bias = bias,
                  .recurrent_bias = bias && j->cell->reset_after ? bias + j->s->columns : NULL,
                  .states = j->run->scratch[SLOT_STATES].data,
                  .worker = -1};
}

static antler_real *part_of(const job *j, int64_t i)
{
    return j->run->scratch[SLOT_STATES].data + i * antler__recurrent_part(j->s);
}

static void sum_part(void *arg, int64_t i, int worker)
{
    const job *j = arg;
    sums to = lay_out(j, gradients_of(j), part_of(j, i));
    to.first = i * ANTLER_PART;
    to.count = to.count - to.first < ANTLER_PART ? to.count - to.first : ANTLER_PART;
    to.states = j->run->scratch[SLOT_WORK].data + worker * antler__recurrent_work(j->s);
    to.worker = worker;
    sum_rows(j, &to);
}

/* Few sums of many rows: threads take parts of the rows, all sums of a part at once. */
static void sum_parts(const job *j)
{
    const antler_kernels *const k = j->run->k;
    const sums to = gradients_of(j), part = lay_out(j, to, part_of(j, 0));
    const int64_t n = j->s->columns, apart = antler__recurrent_part(j->s);
    const int64_t parts = antler__recurrent_parts(j->s);
    antler_run_parallel(j->run, sum_part, (void *)(uintptr_t)j, parts);
    k->tree(to.kernel, part.kernel, parts, apart, j->s->features * n);
    k->tree(to.recurrent, part.recurrent, parts, apart, j->s->units * n);
    if (to.bias)
        k->tree(to.bias, part.bias, parts, apart, n);
    if (to.recurrent_bias)
        k->tree(to.recurrent_bias, part.recurrent_bias, parts, apart, n);
}

static void param_gradients(const job *j)
{
    const sums all = gradients_of(j);
    if (antler__recurrent_narrow(j->s))
        sum_parts(j);
    else
        sum_rows(j, &all);
}

/* ---- all of backward --------------------------------------------------------------------------------------------- */

/* dy, without what a mask hid; NULL where only the states are read. */
static const antler_real *visible(const antler_recurrent *config, antler_run *run, const antler_recurrent_sizes *s)
{
    if (!run->dy->data || !antler__recurrent_hides(config, run))
        return run->dy->data;
    antler_real *const dy = run->scratch[SLOT_OUTPUTS].data;
    antler_run_copy(run, dy, run->dy->data, antler_count(&run->dy->shape, 0));
    antler__recurrent_hide(config, run, s, dy);
    return dy;
}

void antler__recurrent_backward(const antler_recurrent *config, const antler_cell *cell, antler_run *run,
                                antler_steps *steps)
{
    const antler_recurrent_sizes s = antler__recurrent_sizes(config, cell, &run->x->shape);
    const antler_real *x = run->x->data, *x_keep;
    antler_recurrence r = antler__recurrent_begin(config, cell, run, &s, &x_keep);
    r.u_t = transpose(run, r.u, s.units, s.columns);
    r.dh = visible(config, run, &s);
    r.dh_last_only = !config->return_sequences || !r.dh;
    if (run->outputs > 1) {
        r.dh_end = run->dy[1].data;
        r.dc_end = cell->has_c ? run->dy[2].data : NULL;
    }
    if (run->inputs > 1) {
        r.dh0 = run->dx[1].data;
        r.dc0 = cell->has_c ? run->dx[2].data : NULL;
    }
    r.dz = run->scratch[SLOT_XW].data;
    r.dr = cell->reset_after ? run->scratch[SLOT_PRODUCTS].data : NULL;
    if (s.general)
        antler__recurrent_general(config, cell, run, &r, &s, true);
    else
        antler__recurrent_steps(run, &r, &s, steps);
    if (run->grad[SLOT_KERNEL].data) {
        if (x_keep) {
            antler__recurrent_keep(run, run->scratch[SLOT_INPUTS].data, x, x_keep, s.batch, s.steps, s.features);
            x = run->scratch[SLOT_INPUTS].data;
        }
        param_gradients(&(job){run, cell, &s, &r, x, config->use_bias});
    }
    if (!run->dx->data)
        return;
    antler_run_product(run, &(antler_product){.m = s.batch * s.steps,
                                              .n = s.features,
                                              .k = s.columns,
                                              .a = r.dz,
                                              .a_row = s.columns,
                                              .a_col = 1,
                                              .b = transpose(run, run->param[SLOT_KERNEL].data, s.features, s.columns),
                                              .b_row = s.features,
                                              .b_col = 1,
                                              .c = run->dx->data,
                                              .c_row = s.features});
    if (x_keep)
        antler__recurrent_keep(run, run->dx->data, run->dx->data, x_keep, s.batch, s.steps, s.features);
}
