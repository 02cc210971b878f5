/* Recurrent layers: backward; recurrent.h has the equations. */
#include "layers/recurrent.h"

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

typedef struct states_task {
    const antler_recurrence *r;
    antler_real *y;
    const antler_real *reset; /* gates z, r, hh of each step, or NULL */
} states_task;

/* The states that were multiplied by U, by time: h before each step, after dropout; with `reset` times r. */
static void state_rows(void *arg, int64_t first, int64_t count)
{
    const states_task *t = arg;
    const antler_recurrence *r = t->r;
    const int64_t u = r->units;
    for (int64_t i = first; i < first + count; i++) {
        const int64_t b = i / r->steps, time = i % r->steps, step = r->backwards ? r->steps - 1 - time : time;
        const antler_real *h = step > 0 ? r->h + (b * r->steps + step - 1) * u : r->h0 != NULL ? r->h0 + b * u : NULL;
        const antler_real *keep = r->keep == NULL ? NULL : r->keep + b * u;
        const antler_real *reset = t->reset == NULL ? NULL : t->reset + (b * r->steps + step) * 3 * u + u;
        antler_real *y = t->y + i * u;
        for (int64_t j = 0; j < u; j++) {
            const antler_real kept = h == NULL ? 0 : keep == NULL ? h[j] : h[j] * keep[j];
            y[j] = reset == NULL ? kept : reset[j] * kept;
        }
    }
}

/* dU = (states before)^T dr, of the columns from `column` on. */
static void recurrent_gradient(antler_run *run, const antler_recurrence *r, const antler_real *reset,
                               const antler_real *dr, int64_t columns, int64_t column, int64_t n)
{
    const int64_t u = r->units, rows = r->batch * r->steps;
    states_task t = {r, run->scratch[SLOT_STATES].data, reset};
    antler__ranges(run, rows, u, state_rows, &t);
    antler__product(run, &(antler_product){.m = u,
                                           .n = n,
                                           .k = rows,
                                           .a = t.y,
                                           .a_row = 1,
                                           .a_col = u,
                                           .b = dr + column,
                                           .b_row = columns,
                                           .b_col = 1,
                                           .c = run->grad[SLOT_RECURRENT].data + column,
                                           .c_row = columns});
}

static void param_gradients(const antler_cell *cell, antler_run *run, const antler_recurrent_sizes *s,
                            const antler_recurrence *r, const antler_real *x)
{
    const int64_t rows = s->batch * s->steps;
    const antler_real *const dr = r->dr != NULL ? r->dr : r->dz;
    const int64_t plain = cell->reset_before ? 2 * s->units : s->columns; /* columns whose product takes h itself */
    antler__product(run, &(antler_product){.m = s->features,
                                           .n = s->columns,
                                           .k = rows,
                                           .a = x,
                                           .a_row = 1,
                                           .a_col = s->features,
                                           .b = r->dz,
                                           .b_row = s->columns,
                                           .b_col = 1,
                                           .c = run->grad[SLOT_KERNEL].data,
                                           .c_row = s->columns});
    recurrent_gradient(run, r, NULL, dr, s->columns, 0, plain);
    if (cell->reset_before)
        recurrent_gradient(run, r, r->gates, dr, s->columns, plain, s->units);
    antler_real *const bias = run->grad[SLOT_BIAS].data;
    if (bias != NULL)
        antler__column_sums(run, bias, r->dz, rows, s->columns);
    if (bias != NULL && cell->reset_after)
        antler__column_sums(run, bias + s->columns, dr, rows, s->columns);
}

/* dy, without what a mask hid. */
static const antler_real *visible(const antler_recurrent *config, antler_run *run, const antler_recurrent_sizes *s)
{
    if (!antler__recurrent_hides(config, run))
        return run->dy->data;
    antler_real *const dy = run->scratch[SLOT_OUTPUTS].data;
    antler__copy(run, dy, run->dy->data, antler_count(&run->dy->shape, 0));
    antler__recurrent_hide(config, run, s, dy);
    return dy;
}

void antler__recurrent_backward(const antler_recurrent *config, const antler_cell *cell, antler_run *run,
                                antler_steps *steps)
{
    const antler_recurrent_sizes s = antler__recurrent_sizes(config, cell, &run->x->shape);
    const antler_real *x = run->x->data, *x_keep;
    antler_recurrence r = antler__recurrent_begin(config, cell, run, &s, &x_keep);
    transpose_task t = {run->scratch[SLOT_TRANSPOSED].data, r.u, s.units, s.columns};
    antler__ranges(run, s.columns, s.units, transpose_columns, &t);
    r.u_t = t.y;
    r.dh = visible(config, run, &s);
    r.dh_last_only = !config->return_sequences;
    r.dz = run->scratch[SLOT_XW].data;
    r.dr = cell->reset_after ? run->scratch[SLOT_PRODUCTS].data : NULL;
    antler__recurrent_steps(run, &r, steps);
    if (run->grad[SLOT_KERNEL].data != NULL) {
        if (x_keep != NULL) {
            antler__recurrent_keep(run, run->scratch[SLOT_INPUTS].data, x, x_keep, s.batch, s.steps, s.features);
            x = run->scratch[SLOT_INPUTS].data;
        }
        param_gradients(cell, run, &s, &r, x);
    }
    if (run->dx == NULL)
        return;
    antler__product(run, &(antler_product){.m = s.batch * s.steps,
                                           .n = s.features,
                                           .k = s.columns,
                                           .a = r.dz,
                                           .a_row = s.columns,
                                           .a_col = 1,
                                           .b = run->param[SLOT_KERNEL].data,
                                           .b_row = 1,
                                           .b_col = s.columns,
                                           .c = run->dx->data,
                                           .c_row = s.features});
    if (x_keep != NULL)
        antler__recurrent_keep(run, run->dx->data, run->dx->data, x_keep, s.batch, s.steps, s.features);
}
