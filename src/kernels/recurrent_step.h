/* One step of SimpleRNN, LSTM and GRU, forward and backward, on vectors; recurrent.c runs it over all steps.

   Equations, with h' and c' the state before the step, k = h' * keep (recurrent dropout), sums over units by fma in
   index order from +0, and * elementwise:
     SimpleRNN  h = act(k U + x)
     LSTM       i, f, o = gate(k U + x), g = act(k U + x), c = fma(f, c', i * g), h = o * act(c)
     GRU        z, r = gate(k U + x); reset after: n = k U + rb, q = act(fma(r, n, x)), z and r have rb added as well;
                reset before: q = act((r * k) U + x); h = fma(z, h', (1 - z) * q)
   Backward, dh the gradient of h and s the sum over all columns of dz times the transposed U, in index order from +0:
   the gradient of h' is s, times keep, added to what reaches h' directly (GRU: dh * z; masked steps: all of dh).

   A step is cut into vectors in one of two ways, which give the same bits because every element has its own chain of
   operations: lanes are 16 units of one row, or lanes are 16 rows of one unit. The code of a step is the same for both.
   */
#ifndef ANTLER_RECURRENT_STEP_H
#define ANTLER_RECURRENT_STEP_H

#include "activation.h"

/* tanh and sigmoid are compiled into the steps; other activations, and all of the baseline, are called. */
enum { INLINE_USUAL = ANTLER_LEVEL != ANTLER_LEVEL_baseline };

/* ---------------------------------------------------------------------------------------------- activations */

__attribute__((noinline)) static void call_value(int id, antler_real *v, antler_real a)
{
    switch (id) {
#define CASE(name, ...)                             \
    case ANTLER_ACT_##name:                         \
        vstore(v, name##_value(vload(v), vset(a))); \
        break;
        ANTLER_ACTIVATION_MAP(CASE)
#undef CASE
    default:
        break;
    }
}

/* v holds dy, and becomes dx. */
__attribute__((noinline)) static void call_gradient(int id, antler_real *v, const antler_real *y, antler_real a)
{
    switch (id) {
#define CASE(name, ...)                                                    \
    case ANTLER_ACT_##name:                                                \
        vstore(v, name##_gradient(vload(v), vload(y), vload(y), vset(a))); \
        break;
        ANTLER_ACTIVATION_MAP(CASE)
#undef CASE
    default:
        break;
    }
}

ANTLER_INLINE v16 called_value(int id, v16 x, antler_real a)
{
    antler_real v[16];
    vstore(v, x);
    call_value(id, v, a);
    return vload(v);
}

ANTLER_INLINE v16 called_gradient(int id, v16 dy, v16 y, antler_real a)
{
    antler_real v[16], w[16];
    vstore(v, dy);
    vstore(w, y);
    call_gradient(id, v, w, a);
    return vload(v);
}

/* ----------------------------------------------------------------------------------------- arrays of a step */

/* An array of numbers (rows, gates, units), or (rows, units), of one step. Rows are `row` apart. Where rows are lanes
   there is one row, of 16 numbers for each gate and unit. p NULL: there is none. */
typedef struct source {
    const antler_real *p;
    int64_t row;
} source;

typedef struct target {
    antler_real *p;
    int64_t row;
} target;

/* A matrix (k, n) in panels of 16 columns: element (p, j) is p[j / 16 * panel + p * row + j % 16]. */
typedef struct matrix {
    const antler_real *p;
    int64_t row, panel;
} matrix;

typedef struct frame {
    const antler_recurrence *r;
    int64_t units;
    int64_t rows; /* 1 where rows are lanes */
    bool lanes;   /* rows are lanes */
    bool usual;   /* activations are tanh and sigmoid, and compiled in */
    source mask;  /* (rows), or lanes */
    source keep;
    matrix u; /* forward: U; backward: its transpose */
    matrix
        third; /* GRU with reset before: the columns of U (backward: rows of the transpose) that make the candidate */
} frame;

/* One vector of a step: row i, units from j on, n of them. */
typedef struct walk {
    int64_t i, j;
    int n;
} walk;

ANTLER_INLINE walk walk_first(const frame *f)
{
    return (walk){0, 0, f->lanes ? 16 : lanes_at(0, f->units)};
}

ANTLER_INLINE void walk_next(const frame *f, walk *w)
{
    w->j += f->lanes ? 1 : 16;
    if (w->j >= f->units) {
        w->j = 0;
        w->i++;
    }
    w->n = f->lanes ? 16 : lanes_at(w->j, f->units);
}

ANTLER_INLINE int64_t place(const frame *f, walk w, int64_t row, int gate)
{
    return f->lanes ? (gate * f->units + w.j) * 16 : w.i * row + gate * f->units + w.j;
}

ANTLER_INLINE v16 get(const frame *f, source a, walk w, int gate)
{
    return vload_upto(a.p + place(f, w, a.row, gate), w.n);
}

/* Not inlined: there are many places that store a last vector, and it is rarely one that counts. */
__attribute__((noinline)) static void put_some(antler_real *p, const antler_real v[16], int n)
{
    for (int i = 0; i < n; i++)
        p[i] = v[i];
}

ANTLER_INLINE void put(const frame *f, target a, walk w, int gate, v16 v)
{
    antler_real *p = a.p + place(f, w, a.row, gate), some[16];
    if (w.n == 16)
        vstore(p, v);
    else {
        vstore(some, v);
        put_some(p, some, w.n);
    }
}

ANTLER_INLINE source as_source(target a)
{
    return (source){a.p, a.row};
}

/* The lanes that take this step; only with a mask. */
ANTLER_INLINE m16 awake(const frame *f, walk w)
{
    return vlt(vset(0), f->lanes ? vload(f->mask.p) : vset(f->mask.p[w.i * f->mask.row]));
}

ANTLER_INLINE v16 act_value(const frame *f, v16 x)
{
    return f->usual ? vtanh(x) : called_value(f->r->act, x, f->r->act_a);
}

ANTLER_INLINE v16 gate_value(const frame *f, v16 x)
{
    return f->usual ? vsigmoid(x) : called_value(f->r->gate_act, x, f->r->gate_a);
}

ANTLER_INLINE v16 act_gradient(const frame *f, v16 dy, v16 y)
{
    return f->usual ? tanh_gradient(dy, y, y, y) : called_gradient(f->r->act, dy, y, f->r->act_a);
}

ANTLER_INLINE v16 gate_gradient(const frame *f, v16 dy, v16 y)
{
    return f->usual ? sigmoid_gradient(dy, y, y, y) : called_gradient(f->r->gate_act, dy, y, f->r->gate_a);
}

/* ------------------------------------------------------------------------------------------ products of a step */

/* `rows` rows and `blocks` vectors of columns of A B, both constant where it is inlined; the last vector has `lanes`.
 */
ANTLER_INLINE void tile(target z, source a, matrix b, int64_t k, int rows, int blocks, int lanes)
{
    v16 sum[12];
    ANTLER_UNROLL
    for (int i = 0; i < rows * blocks; i++)
        sum[i] = vset(0);
    for (int64_t p = 0; p < k; p++) {
        ANTLER_UNROLL
        for (int j = 0; j < blocks; j++) {
            const v16 column = vload_upto(b.p + j * b.panel + p * b.row, lanes);
            ANTLER_UNROLL
            for (int i = 0; i < rows; i++)
                sum[i * blocks + j] = vfma(vset(a.p[i * a.row + p]), column, sum[i * blocks + j]);
        }
    }
    ANTLER_UNROLL
    for (int i = 0; i < rows; i++) {
        ANTLER_UNROLL
        for (int j = 0; j < blocks; j++)
            vstore_upto(z.p + i * z.row + 16 * j, sum[i * blocks + j], lanes);
    }
}

/* Z (count, n) = A (count, k) B (k, n), in tiles of `rows` rows, for as many rows as make whole tiles; returns those.
   Enough sums run beside each other to hide the time that one fma takes. */
ANTLER_INLINE int64_t tiles(target z, source a, matrix b, int64_t count, int64_t k, int64_t n, int rows, int blocks)
{
    const int64_t whole = count / rows * rows;
    for (int64_t j = 0; j < n;) {
        const int wide = j + 16 * blocks <= n ? blocks : 1;
        const matrix panel = {b.p + j / 16 * b.panel, b.row, b.panel};
        for (int64_t i = 0; i < whole; i += rows) {
            const target to = {z.p + i * z.row + j, z.row};
            const source from = {a.p + i * a.row, a.row};
            if (j + 16 * blocks <= n)
                tile(to, from, panel, k, rows, blocks, 16);
            else
                tile(to, from, panel, k, rows, 1, lanes_at(j, n));
        }
        j += 16 * wide;
    }
    return whole;
}

__attribute__((noinline)) static void rows_product(target z, source a, matrix b, int64_t count, int64_t k, int64_t n)
{
    int64_t i = 0;
#define TILES(rows, blocks) \
    i += tiles((target){z.p + i * z.row, z.row}, (source){a.p + i * a.row, a.row}, b, count - i, k, n, rows, blocks)
#if ANTLER_LEVEL == ANTLER_LEVEL_baseline
    TILES(1, 1);
#else
    if (ANTLER_LEVEL == ANTLER_LEVEL_avx512)
        TILES(12, 1);
    TILES(6, 1);
    TILES(4, 1);
    TILES(2, 2);
    TILES(1, 4);
#endif
#undef TILES
}

/* The matrix at `from`, rows `row` apart, as it lies. */
ANTLER_INLINE matrix in_place(const antler_real *from, int64_t row)
{
    return (matrix){from, row, 16};
}

/* A copy of it whose panels lie one after the other, for many steps: no two rows of a panel in one set of a cache, and
   the last panel filled up with zeros. */
static matrix packed(antler_real **scratch, const antler_real *from, int64_t row, int64_t k, int64_t n)
{
    const matrix m = {*scratch, 16, 16 * k};
    for (int64_t j = 0; j < n; j += 16)
        for (int64_t p = 0; p < k; p++, *scratch += 16)
            vstore(*scratch, vload_upto(from + p * row + j, lanes_at(j, n)));
    return m;
}

/* `columns` columns, constant, of the product where rows are lanes. */
ANTLER_INLINE void lane_tile(antler_real *z, const antler_real *a, const antler_real *b, int64_t b_row, int64_t k,
                             int columns)
{
    v16 sum[4];
    ANTLER_UNROLL
    for (int j = 0; j < columns; j++)
        sum[j] = vset(0);
    for (int64_t p = 0; p < k; p++) {
        const v16 row = vload(a + 16 * p);
        ANTLER_UNROLL
        for (int j = 0; j < columns; j++)
            sum[j] = vfma(row, vset(b[p * b_row + j]), sum[j]);
    }
    ANTLER_UNROLL
    for (int j = 0; j < columns; j++)
        vstore(z + 16 * j, sum[j]);
}

__attribute__((noinline)) static void lanes_product(antler_real *z, const antler_real *a, matrix b, int64_t k,
                                                    int64_t n)
{
    int64_t j = 0;
    for (; j + 4 <= n; j += 4)
        lane_tile(z + 16 * j, a, b.p + j, b.row, k, 4);
    for (; j < n; j++)
        lane_tile(z + 16 * j, a, b.p + j, b.row, k, 1);
}

/* One unit whose rows are lanes: its products are one fma, on the way to their use. */
ANTLER_INLINE bool is_scalar(const frame *f)
{
    return f->lanes && f->units == 1;
}

/* Z (rows, n) = A (rows, k) B (k, n). */
ANTLER_INLINE void step_product(const frame *f, target z, source a, matrix b, int64_t k, int64_t n)
{
    if (f->lanes)
        lanes_product(z.p, a.p, b, k, n);
    else
        rows_product(z, a, b, f->rows, k, n);
}

/* --------------------------------------------------------------------------------------------------- forward */

typedef struct forward_step {
    frame f;
    source x, h_before, c_before;
    target h, c, saved;
    target z, kept, reset; /* work: products (gates), h' * keep, r * h' * keep */
} forward_step;

typedef void forward_function(const forward_step *s);

/* h' as the products see it. */
ANTLER_INLINE source operand(const forward_step *s)
{
    if (!s->f.keep.p)
        return s->h_before;
    for (walk w = walk_first(&s->f); w.i < s->f.rows; walk_next(&s->f, &w))
        put(&s->f, s->kept, w, 0, vmul(get(&s->f, s->h_before, w, 0), get(&s->f, s->f.keep, w, 0)));
    return as_source(s->kept);
}

/* Z = K U, all gates, for product_at. */
ANTLER_INLINE void products(const forward_step *s, source k, int gates)
{
    const int64_t units = s->f.units;
    if (!is_scalar(&s->f))
        step_product(&s->f, s->z, k, s->f.u, units, gates * units);
}

ANTLER_INLINE v16 product_at(const forward_step *s, source k, walk w, int gate)
{
    if (is_scalar(&s->f))
        return vfma(get(&s->f, k, w, 0), vset(s->f.r->u[gate]), vset(0));
    return get(&s->f, as_source(s->z), w, gate);
}

/* Writes a state, unless the step is masked: then the one before stays. */
ANTLER_INLINE void put_state(const forward_step *s, target to, walk w, v16 state, v16 before)
{
    put(&s->f, to, w, 0, s->f.mask.p ? vselect(awake(&s->f, w), state, before) : state);
}

ANTLER_INLINE void simple_rnn_step(const forward_step *s)
{
    const frame *f = &s->f;
    const source k = operand(s);
    products(s, k, 1);
    for (walk w = walk_first(f); w.i < f->rows; walk_next(f, &w)) {
        const v16 z = vadd(product_at(s, k, w, 0), get(f, s->x, w, 0));
        put_state(s, s->h, w, act_value(f, z), get(f, s->h_before, w, 0));
    }
}

ANTLER_INLINE void lstm_step(const forward_step *s)
{
    const frame *f = &s->f;
    const source k = operand(s);
    products(s, k, 4);
    for (walk w = walk_first(f); w.i < f->rows; walk_next(f, &w)) {
        v16 z[4];
        ANTLER_UNROLL
        for (int g = 0; g < 4; g++)
            z[g] = vadd(product_at(s, k, w, g), get(f, s->x, w, g));
        const v16 in = gate_value(f, z[0]), forget = gate_value(f, z[1]), cell = act_value(f, z[2]);
        const v16 out = gate_value(f, z[3]), c_before = get(f, s->c_before, w, 0);
        const v16 c = vfma(forget, c_before, vmul(in, cell));
        put_state(s, s->h, w, vmul(out, act_value(f, c)), get(f, s->h_before, w, 0));
        put_state(s, s->c, w, c, c_before);
        if (s->saved.p) {
            put(f, s->saved, w, 0, in);
            put(f, s->saved, w, 1, forget);
            put(f, s->saved, w, 2, cell);
            put(f, s->saved, w, 3, out);
        }
    }
}

ANTLER_INLINE v16 gru_mix(v16 update, v16 before, v16 candidate)
{
    return vfma(update, before, vmul(vsub(vset(1), update), candidate));
}

ANTLER_INLINE v16 recurrent_bias(const frame *f, walk w, int gate)
{
    const antler_real *b = f->r->rb + gate * f->units + w.j;
    return f->lanes ? vset(*b) : vload_upto(b, w.n);
}

ANTLER_INLINE void gru_after_step(const forward_step *s)
{
    const frame *f = &s->f;
    const source k = operand(s);
    products(s, k, 3);
    for (walk w = walk_first(f); w.i < f->rows; walk_next(f, &w)) {
        v16 z[3];
        ANTLER_UNROLL
        for (int g = 0; g < 3; g++) {
            z[g] = product_at(s, k, w, g);
            if (f->r->rb)
                z[g] = vadd(z[g], recurrent_bias(f, w, g));
        }
        const v16 update = gate_value(f, vadd(z[0], get(f, s->x, w, 0)));
        const v16 reset = gate_value(f, vadd(z[1], get(f, s->x, w, 1)));
        const v16 candidate = act_value(f, vfma(reset, z[2], get(f, s->x, w, 2)));
        const v16 before = get(f, s->h_before, w, 0);
        put_state(s, s->h, w, gru_mix(update, before, candidate), before);
        if (s->saved.p) {
            put(f, s->saved, w, 0, update);
            put(f, s->saved, w, 1, reset);
            put(f, s->saved, w, 2, candidate);
            put(f, s->saved, w, 3, z[2]);
        }
    }
}

/* The gates of all units first, because the candidate's product takes all of r * h'. `saved` is always there. */
ANTLER_INLINE void gru_before_step(const forward_step *s)
{
    const frame *f = &s->f;
    const source k = operand(s);
    products(s, k, 2);
    for (walk w = walk_first(f); w.i < f->rows; walk_next(f, &w)) {
        const v16 update = gate_value(f, vadd(product_at(s, k, w, 0), get(f, s->x, w, 0)));
        const v16 reset = gate_value(f, vadd(product_at(s, k, w, 1), get(f, s->x, w, 1)));
        put(f, s->saved, w, 0, update);
        put(f, s->saved, w, 1, reset);
        put(f, s->reset, w, 0, vmul(reset, get(f, k, w, 0)));
    }
    step_product(f, s->z, as_source(s->reset), f->third, f->units, f->units);
    for (walk w = walk_first(f); w.i < f->rows; walk_next(f, &w)) {
        const v16 candidate = act_value(f, vadd(get(f, as_source(s->z), w, 0), get(f, s->x, w, 2)));
        const v16 update = get(f, as_source(s->saved), w, 0), before = get(f, s->h_before, w, 0);
        put(f, s->saved, w, 2, candidate);
        put_state(s, s->h, w, gru_mix(update, before, candidate), before);
    }
}

/* -------------------------------------------------------------------------------------------------- backward */

typedef struct backward_step {
    frame f;
    source dh; /* p NULL: the step's own gradient is 0 */
    source h_before, c_before, h, c, saved;
    target dz, dr;
    target dh_carry, dc_carry; /* gradients of h and c: of the step's own on entry, of the one before on leaving */
    target direct;             /* work: what reaches h' past the products */
    target sums, part;         /* work: products with the transposed U; reset before: d(r * k) * r */
    bool ends;                 /* the first step of all, whose h' takes no gradient */
} backward_step;

typedef void backward_function(const backward_step *s);

ANTLER_INLINE v16 gradient_of_h(const backward_step *s, walk w)
{
    const v16 carry = get(&s->f, as_source(s->dh_carry), w, 0);
    return s->dh.p ? vadd(get(&s->f, s->dh, w, 0), carry) : carry;
}

/* v, or 0 where the step is masked. */
ANTLER_INLINE v16 if_awake(const frame *f, walk w, v16 v)
{
    return f->mask.p ? vselect(awake(f, w), v, vset(0)) : v;
}

/* Keeps dh for the step before where this one is masked, `passed` elsewhere. */
ANTLER_INLINE void put_direct(const backward_step *s, walk w, v16 dh, v16 passed)
{
    put(&s->f, s->direct, w, 0, s->f.mask.p ? vselect(awake(&s->f, w), passed, dh) : passed);
}

/* dh of the step before: (d U^T [+ part]) [* keep] [+ direct], over the first `gates` gates. */
ANTLER_INLINE void carry_back(const backward_step *s, target d, int gates, bool part, bool direct)
{
    const frame *f = &s->f;
    const bool plain = !part && !direct && !f->keep.p;
    if (s->ends)
        return;
    step_product(f, plain ? s->dh_carry : s->sums, as_source(d), f->u, gates * f->units, f->units);
    if (plain)
        return;
    for (walk w = walk_first(f); w.i < f->rows; walk_next(f, &w)) {
        v16 sum = get(f, as_source(s->sums), w, 0);
        if (part)
            sum = vadd(sum, get(f, as_source(s->part), w, 0));
        if (f->keep.p)
            sum = vmul(sum, get(f, f->keep, w, 0));
        if (direct)
            sum = vadd(get(f, as_source(s->direct), w, 0), sum);
        put(f, s->dh_carry, w, 0, sum);
    }
}

ANTLER_INLINE void simple_rnn_back(const backward_step *s)
{
    const frame *f = &s->f;
    const bool masked = f->mask.p;
    for (walk w = walk_first(f); w.i < f->rows; walk_next(f, &w)) {
        const v16 dh = gradient_of_h(s, w);
        put(f, s->dz, w, 0, if_awake(f, w, act_gradient(f, dh, get(f, s->h, w, 0))));
        if (masked)
            put_direct(s, w, dh, vset(0));
    }
    carry_back(s, s->dz, 1, false, masked);
}

ANTLER_INLINE void lstm_back(const backward_step *s)
{
    const frame *f = &s->f;
    const bool masked = f->mask.p;
    for (walk w = walk_first(f); w.i < f->rows; walk_next(f, &w)) {
        const v16 dh = gradient_of_h(s, w), carry = get(f, as_source(s->dc_carry), w, 0);
        const v16 in = get(f, s->saved, w, 0), forget = get(f, s->saved, w, 1), cell = get(f, s->saved, w, 2);
        const v16 out = get(f, s->saved, w, 3), shown = act_value(f, get(f, s->c, w, 0));
        const v16 dc = vadd(carry, act_gradient(f, vmul(dh, out), shown));
        const v16 before = vmul(dc, forget);
        put(f, s->dz, w, 0, if_awake(f, w, gate_gradient(f, vmul(dc, cell), in)));
        put(f, s->dz, w, 1, if_awake(f, w, gate_gradient(f, vmul(dc, get(f, s->c_before, w, 0)), forget)));
        put(f, s->dz, w, 2, if_awake(f, w, act_gradient(f, vmul(dc, in), cell)));
        put(f, s->dz, w, 3, if_awake(f, w, gate_gradient(f, vmul(dh, shown), out)));
        put(f, s->dc_carry, w, 0, masked ? vselect(awake(f, w), before, carry) : before);
        if (masked)
            put_direct(s, w, dh, vset(0));
    }
    carry_back(s, s->dz, 4, false, masked);
}

/* The part of both kinds of GRU that needs no product: gradients of the candidate and of z, and the direct way. */
ANTLER_INLINE v16 gru_outer_back(const backward_step *s, walk w)
{
    const frame *f = &s->f;
    const v16 dh = gradient_of_h(s, w);
    const v16 update = get(f, s->saved, w, 0), candidate = get(f, s->saved, w, 2);
    const v16 d_candidate = act_gradient(f, vmul(dh, vsub(vset(1), update)), candidate);
    const v16 d_update = gate_gradient(f, vmul(dh, vsub(get(f, s->h_before, w, 0), candidate)), update);
    put(f, s->dz, w, 0, if_awake(f, w, d_update));
    put_direct(s, w, dh, vmul(dh, update));
    return if_awake(f, w, d_candidate);
}

ANTLER_INLINE void gru_after_back(const backward_step *s)
{
    const frame *f = &s->f;
    for (walk w = walk_first(f); w.i < f->rows; walk_next(f, &w)) {
        const v16 d = gru_outer_back(s, w), reset = get(f, s->saved, w, 1);
        const v16 d_reset = if_awake(f, w, gate_gradient(f, vmul(d, get(f, s->saved, w, 3)), reset));
        put(f, s->dz, w, 1, d_reset);
        put(f, s->dz, w, 2, d);
        put(f, s->dr, w, 0, get(f, as_source(s->dz), w, 0));
        put(f, s->dr, w, 1, d_reset);
        put(f, s->dr, w, 2, if_awake(f, w, vmul(d, reset)));
    }
    carry_back(s, s->dr, 3, false, true);
}

ANTLER_INLINE void gru_before_back(const backward_step *s)
{
    const frame *f = &s->f;
    for (walk w = walk_first(f); w.i < f->rows; walk_next(f, &w))
        put(f, s->dz, w, 2, gru_outer_back(s, w));
    const int64_t third = 2 * f->units * (f->lanes ? 16 : 1);
    const source d = {s->dz.p + third, s->dz.row};
    step_product(f, s->sums, d, f->third, f->units, f->units);
    for (walk w = walk_first(f); w.i < f->rows; walk_next(f, &w)) {
        const v16 d_product = get(f, as_source(s->sums), w, 0), reset = get(f, s->saved, w, 1);
        v16 before = get(f, s->h_before, w, 0);
        if (f->keep.p)
            before = vmul(before, get(f, f->keep, w, 0));
        put(f, s->dz, w, 1, if_awake(f, w, gate_gradient(f, vmul(d_product, before), reset)));
        put(f, s->part, w, 0, vmul(d_product, reset));
        if (s->dr.p)
            for (int g = 0; g < 3; g++)
                put(f, s->dr, w, g, get(f, as_source(s->dz), w, g));
    }
    carry_back(s, s->dz, 2, true, true);
}

#endif
