/* Recurrent layers: forward and backward around the steps; recurrent.h has the equations. */
#include "layers/shared/recurrent.h"
#include <string.h>

static int kernel_of(antler_object activation)
{
    const antler_activation_ops *ops = antler_activation_of(activation);
    return !ops ? ANTLER_ACT_linear : ops->kernel;
}

/* ---- dropout ----------------------------------------------------------------------------------------------------- */

typedef struct keep_task {
    const antler_kernels *k;
    antler_real *y;
    const antler_real *x, *keep; /* (batch, steps, width), (batch, width) */
    int64_t steps, width;
} keep_task;

static void keep_rows(void *arg, int64_t first, int64_t count)
{
    const keep_task *t = arg;
    for (int64_t i = first; i < first + count; i++)
        t->k->multiply(t->y + i * t->width, t->x + i * t->width, t->keep + i / t->steps * t->width, t->width);
}

void antler__recurrent_keep(antler_run *run, antler_real *y, const antler_real *x, const antler_real *keep,
                            int64_t batch, int64_t steps, int64_t width)
{
    keep_task t = {run->k, y, x, keep, steps, width};
    antler_run_ranges(run, batch * steps, width, keep_rows, &t);
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

bool antler__recurrent_hides(const antler_recurrent *config, const antler_run *run)
{
    return antler__sequence_mask(run) && (config->zero_output_for_mask || config->stateful || run->inputs > 1);
}

void antler__recurrent_hide(const antler_recurrent *config, const antler_run *run, const antler_recurrent_sizes *s,
                            antler_real *y)
{
    for (int64_t b = 0; b < s->batch; b++) {
        const antler_real *mask = run->mask->data + b * s->steps;
        bool seen = false;
        for (int64_t t = 0; t < s->steps; t++) {
            const bool on = mask[config->go_backwards ? s->steps - 1 - t : t] != 0;
            seen = seen || on;
            const bool written = config->return_sequences || t == s->steps - 1;
            if (written && !(config->zero_output_for_mask ? on : seen))
                memset(y + (config->return_sequences ? b * s->steps + t : b) * s->units, 0,
                       (size_t)s->units * sizeof *y);
        }
    }
}

/* ---- the steps --------------------------------------------------------------------------------------------------- */

antler_recurrence antler__recurrent_begin(const antler_recurrent *config, const antler_cell *cell,
                                          const antler_run *run, const antler_recurrent_sizes *s,
                                          const antler_real **x_keep)
{
    const bool train = run->mode == ANTLER_TRAIN, sequences = config->return_sequences;
    const bool own_h = train && (!sequences || antler__recurrent_hides(config, run));
    antler_real *const keep = run->scratch[SLOT_KEEP].data;
    *x_keep = antler__drop_mask(run, SLOT_ON_INPUT, config->dropout, keep, s->batch, s->features);
    antler_recurrence r = {
        .batch = s->batch,
        .steps = s->steps,
        .units = s->units,
        .backwards = config->go_backwards,
        .mask = antler__sequence_mask(run),
        .u = run->param[SLOT_RECURRENT].data,
        .reset_after = cell->reset_after,
        .h = own_h ? run->saved[SLOT_H].data : run->y->data,
        .c = !cell->has_c ? NULL
             : train      ? run->saved[SLOT_C].data
                          : run->scratch[SLOT_STATES].data,
        .gates = train && s->kept > 0 ? run->saved[SLOT_GATES].data : NULL,
        .last_only = !train && !sequences,
    };
    if (!s->general) {
        r.act = kernel_of(config->activation_);
        r.act_a = run->k->activation[r.act].a;
        r.gate_act = kernel_of(cell->gate_activation);
        r.gate_a = run->k->activation[r.gate_act].a;
    }
    if (config->recurrent_dropout > 0)
        r.keep = antler__drop_mask(run, SLOT_ON_STATE, config->recurrent_dropout,
                                   config->dropout > 0 ? keep + s->batch * s->features : keep, s->batch, s->units);
    if (config->use_bias && cell->reset_after)
        r.rb = run->param[SLOT_BIAS].data + s->columns;
    const antler_tensor *const first = run->inputs > 1     ? run->x + 1
                                       : !config->stateful ? NULL
                                       : train             ? run->saved + SLOT_H0
                                                           : run->carry;
    if (first) {
        r.h0 = first[0].data;
        r.c0 = cell->has_c ? first[1].data : NULL;
    }
    return r;
}

typedef struct steps_task {
    antler_steps *steps;
    const antler_recurrence *r;
    antler_real *work;
    int64_t work_size;
} steps_task;

static void steps_of_rows(void *arg, int64_t i, int worker)
{
    const steps_task *t = arg;
    const int64_t row0 = i * ANTLER_RECURRENT_ROWS, row1 = row0 + ANTLER_RECURRENT_ROWS;
    t->steps(t->r, row0, row1 < t->r->batch ? row1 : t->r->batch, t->work + worker * t->work_size);
}

void antler__recurrent_steps(antler_run *run, const antler_recurrence *r, const antler_recurrent_sizes *s,
                             antler_steps *steps)
{
    steps_task t = {steps, r, run->scratch[SLOT_WORK].data, antler__recurrent_work(s)};
    antler_run_parallel(run, steps_of_rows, &t, (r->batch + ANTLER_RECURRENT_ROWS - 1) / ANTLER_RECURRENT_ROWS);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static void copy_rows(antler_real *y, int64_t y_row, const antler_real *x, int64_t x_row, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows; i++)
        memcpy(y + i * y_row, x + i * x_row, (size_t)n * sizeof *y);
}

/* Rows of the last step of h or c, and how far they are apart. */
static const antler_real *last_step(const antler_recurrence *r, const antler_real *states, int64_t *row)
{
    *row = r->last_only ? r->units : r->steps * r->units;
    return r->last_only ? states : states + (r->steps - 1) * r->units;
}

static void save_carry(antler_run *run, const antler_recurrence *r)
{
    size_t bytes = (size_t)(r->batch * r->units) * sizeof *r->h;
    memcpy(run->saved[SLOT_H0].data, run->carry[SLOT_H].data, bytes);
    if (r->c)
        memcpy(run->saved[SLOT_C0].data, run->carry[SLOT_C].data, bytes);
}

/* The last states into `to`: h, and c where there is one. */
static void write_states(const antler_recurrence *r, const antler_tensor *to)
{
    int64_t row;
    const antler_real *const h = last_step(r, r->h, &row);
    copy_rows(to[0].data, r->units, h, row, r->batch, r->units);
    if (r->c)
        copy_rows(to[1].data, r->units, last_step(r, r->c, &row), row, r->batch, r->units);
}

void antler__recurrent_forward(const antler_recurrent *config, const antler_cell *cell, antler_run *run,
                               antler_steps *steps)
{
    const antler_recurrent_sizes s = antler__recurrent_sizes(config, cell, &run->x->shape);
    const antler_real *x = run->x->data, *x_keep;
    antler_recurrence r = antler__recurrent_begin(config, cell, run, &s, &x_keep);
    if (config->stateful && run->mode == ANTLER_TRAIN)
        save_carry(run, &r);
    if (x_keep) {
        antler__recurrent_keep(run, run->scratch[SLOT_INPUTS].data, x, x_keep, s.batch, s.steps, s.features);
        x = run->scratch[SLOT_INPUTS].data;
    }
    const antler_product project = {.m = s.batch * s.steps,
                                    .n = s.columns,
                                    .k = s.features,
                                    .a = x,
                                    .a_row = s.features,
                                    .a_col = 1,
                                    .b = run->param[SLOT_KERNEL].data,
                                    .b_row = s.columns,
                                    .b_col = 1,
                                    .c = run->scratch[SLOT_XW].data,
                                    .c_row = s.columns,
                                    .bias = config->use_bias ? run->param[SLOT_BIAS].data : NULL};
    antler_run_product(run, &project);
    r.xw = project.c;
    if (s.general)
        antler__recurrent_general(config, cell, run, &r, &s, false);
    else
        antler__recurrent_steps(run, &r, &s, steps);
    if (config->stateful)
        write_states(&r, run->carry + SLOT_H);
    if (config->return_state)
        write_states(&r, run->y + 1);
    antler_real *const y = run->y->data;
    if (r.h != y && config->return_sequences)
        antler_run_copy(run, y, r.h, s.batch * s.steps * s.units);
    else if (r.h != y)
        copy_rows(y, s.units, r.h + (s.steps - 1) * s.units, s.steps * s.units, s.batch, s.units);
    if (antler__recurrent_hides(config, run))
        antler__recurrent_hide(config, run, &s, y);
}
