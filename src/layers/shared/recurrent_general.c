/* Recurrent layers with an activation that the kernels do not have: one from outside, one whose gradient needs x, one
   over rows (softmax). Steps are made of products and of the activations' own functions, gate by gate. Equations and
   order of operations are those of src/kernels/recurrent_step.h, so an activation that computes what a kernel computes
   gives a kernel's bits.

   A task takes a block of rows through all steps. It works on planes: (rows, units), the rows without a gap. Forward
   saves y of the gates, as the kernels do, then z of each, from which a gradient may be made. */
#include "layers/shared/recurrent.h"

#include <string.h>

typedef struct job {
    antler_run *run;
    const antler_cell *cell;
    const antler_recurrence *r;
    const antler_recurrent_sizes *s;
    const antler_activation_ops *act, *gate_act;
} job;

typedef struct block {
    const job *j;
    const antler_kernels *k;
    int64_t row, rows, n;     /* rows [row, row + rows) of the batch; n numbers in a plane */
    antler_real *product;     /* scratch of products */
    antler_real *h, *c;       /* states; backward: their gradients */
    antler_real *kept;        /* h before the step times dropout's mask, where there is one */
    antler_real *z[4], *y[4]; /* of the gates: before and after the activation */
    antler_real *d[4];        /* gradients of z */
    antler_real *s, *t, *x;   /* work */
} block;

/* ---- planes ------------------------------------------------------------------------------------------------------ */

/* Where the block's rows of an array (batch, steps, size) begin, at a step. They are steps * size apart. */
static int64_t at(const block *b, int64_t step, int64_t size)
{
    return (b->row * b->j->s->steps + step) * size;
}

static void take(const block *b, antler_real *plane, const antler_real *from, int64_t apart)
{
    const int64_t u = b->j->s->units;
    for (int64_t i = 0; i < b->rows; i++)
        memcpy(plane + i * u, from + i * apart, (size_t)u * sizeof *plane);
}

static void give(const block *b, antler_real *to, int64_t apart, const antler_real *plane)
{
    const int64_t u = b->j->s->units;
    for (int64_t i = 0; i < b->rows; i++)
        memcpy(to + i * apart, plane + i * u, (size_t)u * sizeof *plane);
}

/* Part `index` of a step of (batch, steps, parts * units). */
static void take_part(const block *b, antler_real *plane, const antler_real *from, int64_t step, int parts, int index)
{
    const int64_t u = b->j->s->units;
    take(b, plane, from + at(b, step, parts * u) + index * u, b->j->s->steps * parts * u);
}

static void give_part(const block *b, antler_real *to, int64_t step, int parts, int index, const antler_real *plane)
{
    const int64_t u = b->j->s->units;
    give(b, to + at(b, step, parts * u) + index * u, b->j->s->steps * parts * u, plane);
}

/* A state before step t: of the step before, the initial one, or zeros. */
static void take_before(const block *b, antler_real *plane, const antler_real *states, const antler_real *initial,
                        int64_t t)
{
    const int64_t u = b->j->s->units;
    if (t > 0)
        take_part(b, plane, states, t - 1, 1, 0);
    else if (initial)
        memcpy(plane, initial + b->row * u, (size_t)b->n * sizeof *plane);
    else
        memset(plane, 0, (size_t)b->n * sizeof *plane);
}

static bool awake(const block *b, int64_t i, int64_t time)
{
    const antler_real *mask = b->j->r->mask;
    return !mask || mask[at(b, time, 1) + i * b->j->s->steps] > 0;
}

/* to = from in the rows that take the step, or in those that do not; from NULL: zeros. */
static void copy_rows(const block *b, int64_t time, bool of_awake, antler_real *to, const antler_real *from)
{
    const int64_t u = b->j->s->units;
    for (int64_t i = 0; i < b->rows; i++) {
        if (awake(b, i, time) != of_awake)
            continue;
        if (from)
            memcpy(to + i * u, from + i * u, (size_t)u * sizeof *to);
        else
            memset(to + i * u, 0, (size_t)u * sizeof *to);
    }
}

/* Row i of c is the sum over k of a[i * a_row + k] w[k * w_row], to which a row of the bias is added. */
static void multiply(const block *b, antler_real *c, const antler_real *a, int64_t a_row, int64_t k,
                     const antler_real *w, int64_t w_row, const antler_real *bias, int64_t bias_row)
{
    const int64_t u = b->j->s->units;
    const antler_product p = {.m = b->rows,
                              .n = u,
                              .k = k,
                              .a = a,
                              .a_row = a_row,
                              .a_col = 1,
                              .b = w,
                              .b_row = w_row,
                              .b_col = 1,
                              .c = c,
                              .c_row = u,
                              .bias = bias,
                              .bias_row = bias_row};
    b->k->product(&p, 0, b->rows, 0, u, b->product);
}

static const antler_activation_ops *function_of(const block *b, int gate)
{
    const bool candidate = b->j->cell->gates == 1 || gate == 2; /* c~ of an LSTM, hh of a GRU, all of a SimpleRNN */
    return candidate ? b->j->act : b->j->gate_act;
}

static void activate(const block *b, int gate)
{
    antler__sequence_value(function_of(b, gate), b->y[gate], b->z[gate], b->rows, b->j->s->units);
}

/* d[gate], the gradient of y[gate], becomes that of z[gate]. */
static void activate_back(const block *b, int gate)
{
    antler__sequence_gradient(function_of(b, gate), b->d[gate], b->d[gate], b->y[gate], b->z[gate], b->rows,
                              b->j->s->units);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* z = operand U + x and y = f(z), of one gate. */
static void pass_gate(const block *b, int gate, const antler_real *operand, int64_t time)
{
    const int64_t u = b->j->s->units, columns = b->j->s->columns;
    const antler_real *x = b->j->r->xw + at(b, time, columns) + gate * u;
    multiply(b, b->z[gate], operand, u, u, b->j->r->u + gate * u, columns, x, b->j->s->steps * columns);
    activate(b, gate);
}

/* s, t = h, c after the step. */
static void lstm_step(const block *b, const antler_real *operand, int64_t time)
{
    for (int gate = 0; gate < 4; gate++)
        pass_gate(b, gate, operand, time);
    b->k->multiply(b->t, b->y[0], b->y[2], b->n);
    b->k->fma(b->t, b->y[1], b->c, b->t, b->n);
    antler__sequence_value(b->j->act, b->s, b->t, b->rows, b->j->s->units);
    b->k->multiply(b->s, b->y[3], b->s, b->n);
}

/* The gates of a GRU with reset_after; its candidate's product remains in t. */
static void gru_after_gates(const block *b, const antler_real *operand, int64_t time)
{
    const antler_recurrence *r = b->j->r;
    const int64_t u = r->units, columns = b->j->s->columns;
    for (int gate = 0; gate < 3; gate++) {
        multiply(b, b->t, operand, u, u, r->u + gate * u, columns, r->rb ? r->rb + gate * u : NULL, 0);
        take_part(b, b->x, r->xw, time, 3, gate);
        if (gate < 2)
            b->k->add(b->z[gate], b->t, b->x, b->n);
        else
            b->k->fma(b->z[gate], b->y[1], b->t, b->x, b->n);
        activate(b, gate);
    }
}

static void gru_before_gates(const block *b, const antler_real *operand, int64_t time)
{
    pass_gate(b, 0, operand, time);
    pass_gate(b, 1, operand, time);
    b->k->multiply(b->s, b->y[1], operand, b->n);
    pass_gate(b, 2, b->s, time);
}

/* s = h after the step. */
static void gru_step(const block *b, const antler_real *operand, int64_t time)
{
    if (b->j->cell->reset_after)
        gru_after_gates(b, operand, time);
    else
        gru_before_gates(b, operand, time);
    for (int64_t i = 0; i < b->n; i++)
        b->s[i] = (1 - b->y[0][i]) * b->y[2][i];
    b->k->fma(b->s, b->y[0], b->h, b->s, b->n);
}

static void save_gates(const block *b, int64_t t)
{
    const antler_cell *cell = b->j->cell;
    antler_real *to = b->j->r->gates;
    if (!to)
        return;
    for (int gate = 0; gate < cell->gates; gate++)
        give_part(b, to, t, b->j->s->kept, cell->kept + gate, b->z[gate]);
    for (int gate = 0; gate < cell->gates && gate < cell->kept; gate++)
        give_part(b, to, t, b->j->s->kept, gate, b->y[gate]);
    if (cell->reset_after)
        give_part(b, to, t, b->j->s->kept, 3, b->t);
}

static void save_states(const block *b, int64_t t)
{
    const antler_recurrence *r = b->j->r;
    if (r->last_only && t < r->steps - 1)
        return;
    const int64_t apart = r->last_only ? r->units : r->steps * r->units;
    const int64_t first = r->last_only ? b->row * r->units : at(b, t, r->units);
    give(b, r->h + first, apart, b->h);
    if (r->c)
        give(b, r->c + first, apart, b->c);
}

static void forward_block(const block *b)
{
    const antler_recurrence *r = b->j->r;
    take_before(b, b->h, NULL, r->h0, 0);
    take_before(b, b->c, NULL, r->c0, 0);
    for (int64_t t = 0; t < r->steps; t++) {
        const int64_t time = r->backwards ? r->steps - 1 - t : t;
        const antler_real *operand = b->h, *after = b->s;
        if (r->keep) {
            b->k->multiply(b->kept, b->h, r->keep + b->row * r->units, b->n);
            operand = b->kept;
        }
        if (b->j->cell->gates == 1) {
            pass_gate(b, 0, operand, time);
            after = b->y[0];
        } else if (b->j->cell->has_c) {
            lstm_step(b, operand, time);
            copy_rows(b, time, true, b->c, b->t);
        } else
            gru_step(b, operand, time);
        copy_rows(b, time, true, b->h, after);
        save_gates(b, t);
        save_states(b, t);
    }
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* y and z of the gates, as forward saved them. */
static void take_gates(const block *b, int64_t t)
{
    const antler_cell *cell = b->j->cell;
    for (int gate = 0; gate < cell->gates; gate++) {
        take_part(b, b->z[gate], b->j->r->gates, t, b->j->s->kept, cell->kept + gate);
        if (gate < cell->kept)
            take_part(b, b->y[gate], b->j->r->gates, t, b->j->s->kept, gate);
    }
}

/* d[0] .. d[3] from the gradients of h and c; c gets the one before the step. */
static void lstm_back(const block *b, int64_t t, int64_t time)
{
    const antler_recurrence *r = b->j->r;
    const antler_kernels *k = b->k;
    take_part(b, b->t, r->c, t, 1, 0);
    antler__sequence_value(b->j->act, b->s, b->t, b->rows, r->units);
    k->multiply(b->x, b->h, b->y[3], b->n);
    antler__sequence_gradient(b->j->act, b->x, b->x, b->s, b->t, b->rows, r->units);
    k->add(b->x, b->c, b->x, b->n); /* of c after the step */
    k->multiply(b->d[3], b->h, b->s, b->n);
    k->multiply(b->d[2], b->x, b->y[0], b->n);
    take_before(b, b->t, r->c, r->c0, t);
    k->multiply(b->d[1], b->x, b->t, b->n);
    k->multiply(b->d[0], b->x, b->y[2], b->n);
    for (int gate = 0; gate < 4; gate++)
        activate_back(b, gate);
    k->multiply(b->x, b->x, b->y[1], b->n);
    copy_rows(b, time, true, b->c, b->x);
}

/* d[0] and d[2]; s gets what reaches h' past the products, t h' itself. */
static void gru_outer_back(const block *b, int64_t t, int64_t time)
{
    const antler_recurrence *r = b->j->r;
    take_before(b, b->t, r->h, r->h0, t);
    for (int64_t i = 0; i < b->n; i++) {
        b->d[2][i] = b->h[i] * (1 - b->y[0][i]);
        b->d[0][i] = b->h[i] * (b->t[i] - b->y[2][i]);
    }
    activate_back(b, 2);
    activate_back(b, 0);
    b->k->multiply(b->s, b->h, b->y[0], b->n);
    copy_rows(b, time, false, b->s, b->h);
    copy_rows(b, time, false, b->d[0], NULL);
    copy_rows(b, time, false, b->d[2], NULL);
}

static void gru_after_back(const block *b, int64_t t, int64_t time)
{
    const antler_recurrence *r = b->j->r;
    gru_outer_back(b, t, time);
    take_part(b, b->x, r->gates, t, b->j->s->kept, 3);
    b->k->multiply(b->d[1], b->d[2], b->x, b->n);
    activate_back(b, 1);
    copy_rows(b, time, false, b->d[1], NULL);
    give_part(b, r->dr, time, 3, 0, b->d[0]);
    give_part(b, r->dr, time, 3, 1, b->d[1]);
    b->k->multiply(b->x, b->d[2], b->y[1], b->n);
    copy_rows(b, time, false, b->x, NULL);
    give_part(b, r->dr, time, 3, 2, b->x);
}

/* x gets the part of h's gradient that comes through the candidate's product. */
static void gru_before_back(const block *b, int64_t t, int64_t time)
{
    const antler_recurrence *r = b->j->r;
    const int64_t u = r->units;
    gru_outer_back(b, t, time);
    multiply(b, b->x, b->d[2], u, u, r->u_t + 2 * u * u, u, NULL, 0);
    if (r->keep)
        b->k->multiply(b->t, b->t, r->keep + b->row * u, b->n);
    b->k->multiply(b->d[1], b->x, b->t, b->n);
    activate_back(b, 1);
    copy_rows(b, time, false, b->d[1], NULL);
    b->k->multiply(b->x, b->x, b->y[1], b->n);
}

/* h = its gradient before the step: of the products, [+ x,] [times dropout's mask,] [+ s]. */
static void carry_back(const block *b, int64_t time)
{
    const antler_recurrence *r = b->j->r;
    const antler_cell *cell = b->j->cell;
    const int64_t u = r->units, columns = b->j->s->columns;
    const antler_real *d = (cell->reset_after ? r->dr : r->dz) + at(b, time, columns);
    multiply(b, b->t, d, r->steps * columns, cell->reset_before ? 2 * u : columns, r->u_t, u, NULL, 0);
    if (cell->reset_before)
        b->k->add(b->t, b->t, b->x, b->n);
    if (r->keep)
        b->k->multiply(b->t, b->t, r->keep + b->row * u, b->n);
    if (cell->gates == 3 || r->mask)
        b->k->add(b->h, b->s, b->t, b->n);
    else
        memcpy(b->h, b->t, (size_t)b->n * sizeof *b->h);
}

/* Adds the step's own gradient to what the step after it left. */
static void add_own(const block *b, int64_t t)
{
    const antler_recurrence *r = b->j->r;
    if (!r->dh_last_only)
        take_part(b, b->x, r->dh, t, 1, 0);
    else if (r->dh && t == r->steps - 1)
        memcpy(b->x, r->dh + b->row * r->units, (size_t)b->n * sizeof *b->x);
    else
        return;
    b->k->add(b->h, b->x, b->h, b->n);
}

static void backward_block(const block *b)
{
    const antler_recurrence *r = b->j->r;
    const antler_cell *cell = b->j->cell;
    take_before(b, b->h, NULL, r->dh_end, 0);
    take_before(b, b->c, NULL, r->dc_end, 0);
    for (int64_t t = r->steps - 1; t >= 0; t--) {
        const int64_t time = r->backwards ? r->steps - 1 - t : t;
        add_own(b, t);
        take_gates(b, t);
        if (cell->gates == 1) {
            take_part(b, b->y[0], r->h, t, 1, 0);
            memcpy(b->d[0], b->h, (size_t)b->n * sizeof *b->h);
            activate_back(b, 0);
        } else if (cell->has_c)
            lstm_back(b, t, time);
        else if (cell->reset_after)
            gru_after_back(b, t, time);
        else
            gru_before_back(b, t, time);
        for (int gate = 0; gate < cell->gates; gate++) {
            copy_rows(b, time, false, b->d[gate], NULL);
            give_part(b, r->dz, time, cell->gates, gate, b->d[gate]);
        }
        if (cell->gates != 3) {
            memset(b->s, 0, (size_t)b->n * sizeof *b->s);
            copy_rows(b, time, false, b->s, b->h);
        }
        if (t > 0 || r->dh0)
            carry_back(b, time);
    }
    if (r->dh0)
        memcpy(r->dh0 + b->row * r->units, b->h, (size_t)b->n * sizeof *b->h);
    if (r->dc0)
        memcpy(r->dc0 + b->row * r->units, b->c, (size_t)b->n * sizeof *b->c);
}

/* ---- all rows ---------------------------------------------------------------------------------------------------- */

static block block_of(const job *j, int64_t i, int worker)
{
    const int64_t row = i * ANTLER_RECURRENT_ROWS, left = j->s->batch - row;
    antler_real *work = j->run->scratch[SLOT_WORK].data + worker * antler__recurrent_work(j->s);
    block b = {.j = j, .k = j->run->k, .row = row, .product = j->run->workers->scratch[worker]};
    antler_real **const planes[] = {&b.h,    &b.c,    &b.kept, &b.s,    &b.t,    &b.x,    &b.z[0], &b.z[1], &b.z[2],
                                    &b.z[3], &b.y[0], &b.y[1], &b.y[2], &b.y[3], &b.d[0], &b.d[1], &b.d[2], &b.d[3]};
    _Static_assert(sizeof planes / sizeof *planes == ANTLER_RECURRENT_PLANES, "as antler__recurrent_work has it");
    b.rows = left < ANTLER_RECURRENT_ROWS ? left : ANTLER_RECURRENT_ROWS;
    b.n = b.rows * j->s->units;
    for (int p = 0; p < ANTLER_RECURRENT_PLANES; p++)
        *planes[p] = work + p * ANTLER_RECURRENT_ROWS * j->s->units;
    return b;
}

static void forward_rows(void *arg, int64_t i, int worker)
{
    const block b = block_of(arg, i, worker);
    forward_block(&b);
}

static void backward_rows(void *arg, int64_t i, int worker)
{
    const block b = block_of(arg, i, worker);
    backward_block(&b);
}

void antler__recurrent_general(const antler_recurrent *config, const antler_cell *cell, antler_run *run,
                               const antler_recurrence *r, const antler_recurrent_sizes *s, bool back)
{
    job j = {run, cell, r, s, antler_activation_of(config->activation_), antler_activation_of(cell->gate_activation)};
    antler_run_parallel(run, back ? backward_rows : forward_rows, &j,
                        (s->batch + ANTLER_RECURRENT_ROWS - 1) / ANTLER_RECURRENT_ROWS);
}
