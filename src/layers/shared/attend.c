#include "layers/shared/attend.h"

#include <stdlib.h>
#include <string.h>

/* ---- sides ------------------------------------------------------------------------------------------------------- */

/* Of a tensor (B, before, steps, behind, heads, numbers). */
static antler_attend_side side_of(const antler_attend *a, const antler_real *at, int64_t steps, int64_t sharing,
                                  int64_t numbers)
{
    int64_t row = a->behind * (a->heads / sharing) * numbers;
    return (antler_attend_side){.at = (antler_real *)at, /* only products' results are written */
                                .sample = steps * row,
                                .behind = a->heads / sharing * numbers,
                                .head = numbers,
                                .sharing = sharing,
                                .row = row,
                                .column = 1};
}

antler_attend_side antler__attend_query(const antler_attend *a, const antler_real *q)
{
    return side_of(a, q, a->queries, 1, a->depth);
}

antler_attend_side antler__attend_key(const antler_attend *a, const antler_real *k)
{
    return side_of(a, k, a->keys, a->sharing, a->depth);
}

antler_attend_side antler__attend_value(const antler_attend *a, const antler_real *v)
{
    return side_of(a, v, a->keys, a->sharing, a->width);
}

antler_attend_side antler__attend_output(const antler_attend *a, const antler_real *o)
{
    return side_of(a, o, a->queries, 1, a->width);
}

antler_attend_side antler__attend_weights(const antler_attend *a, const antler_real *p)
{
    int64_t one = a->queries * a->keys;
    return (antler_attend_side){.at = (antler_real *)p,
                                .sample = a->behind * a->heads * one,
                                .behind = a->heads * one,
                                .head = one,
                                .sharing = 1,
                                .row = a->keys,
                                .column = 1};
}

antler_attend_side antler__attend_turned(antler_attend_side side)
{
    int64_t row = side.row;
    side.row = side.column;
    side.column = row;
    return side;
}

int64_t antler__attend_count(const antler_attend *a)
{
    return a->samples * a->before * a->behind * a->heads * a->queries * a->keys;
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

typedef struct multiplying {
    antler_run *run;
    const antler_attend *a;
    antler_product product;
    antler_attend_side x, z, c;
    bool more;
    int64_t groups, items, task; /* heads that share, times places; items of a task */
} multiplying;

static antler_real *head_of(const antler_attend_side *s, const antler_attend *a, int64_t place, int64_t head)
{
    return s->at + place / a->behind * s->sample + place % a->behind * s->behind + head / s->sharing * s->head;
}

/* The heads of a group one after the other: they may add to one result. worker < 0: each by all workers. */
static void multiply_item(const multiplying *m, int64_t item, int worker)
{
    int64_t place = item / m->groups, first = item % m->groups * m->a->sharing;
    for (int64_t head = first; head < first + m->a->sharing; head++) {
        antler_product p = m->product;
        p.a = head_of(&m->x, m->a, place, head);
        p.b = head_of(&m->z, m->a, place, head);
        p.c = head_of(&m->c, m->a, place, head);
        if (m->more || (head > first && m->c.sharing > 1)) {
            p.bias = p.c;
            p.bias_row = p.c_row;
        }
        if (worker < 0)
            antler_run_product(m->run, &p);
        else
            m->run->k->product(&p, 0, p.m, 0, p.n, m->run->workers->scratch[worker]);
    }
}

static void multiply_items(void *arg, int64_t task, int worker)
{
    const multiplying *m = arg;
    for (int64_t item = task * m->task; item < (task + 1) * m->task && item < m->items; item++)
        multiply_item(m, item, worker);
}

void antler__attend_multiply(antler_run *run, const antler_attend *a, antler_attend_sizes size, antler_attend_side x,
                             antler_attend_side z, antler_attend_side c, bool more)
{
    const double worth = 1 << 17; /* multiplications of a task */
    double one = (double)size.m * (double)size.n * (double)size.k * (double)a->sharing;
    multiplying m = {.run = run, .a = a, .x = x, .z = z, .c = c, .more = more, .groups = a->heads / a->sharing};
    m.product = (antler_product){.m = size.m,
                                 .n = size.n,
                                 .k = size.k,
                                 .a_row = x.row,
                                 .a_col = x.column,
                                 .b_row = z.row,
                                 .b_col = z.column,
                                 .c_row = c.row};
    m.items = a->samples * a->before * a->behind * m.groups;
    m.task = one < worth ? (int64_t)(worth / one) : 1;
    if (m.items == 1)
        multiply_item(&m, 0, -1);
    else
        antler_run_parallel(run, multiply_items, &m, (m.items + m.task - 1) / m.task);
}

/* ---- masks and softmax ------------------------------------------------------------------------------------------- */

typedef struct rows {
    const antler_kernels *k;
    const antler_attend *a;
    const antler_attend_mask *mask;
    antler_real scale;
    antler_real *p; /* or its gradient */
    const antler_real *y;
} rows;

/* A row of weights: its place in the batch, its head and its query. */
typedef struct row_place {
    int64_t sample, head, query;
} row_place;

static row_place place_of(const antler_attend *a, int64_t row)
{
    row_place at = {.query = row % a->queries};
    row /= a->queries;
    at.head = row % a->heads;
    at.sample = row / a->heads / (a->before * a->behind);
    return at;
}

static bool masks_any(const antler_attend_mask *m)
{
    return m->causal || m->window > 0 || m->query || m->value || m->key || m->seen;
}

/* The row of a mask that is given; *step is 0 where one number is for all keys. */
static const antler_real *seen_row(const antler_tensor *seen, const row_place *at, int64_t *step)
{
    const antler_shape *s = &seen->shape;
    int64_t axis[] = {at->sample, at->head, at->query}, row = 0;
    for (int i = 0, d = 0; i < 3; i++) {
        if (i == 1 && s->rank == 3)
            continue;
        row = row * s->dim[d] + (s->dim[d] == 1 ? 0 : axis[i]);
        d++;
    }
    *step = s->dim[s->rank - 1] == 1 ? 0 : 1;
    return seen->data + row * s->dim[s->rank - 1];
}

static bool is_seen(const antler_attend *a, const antler_attend_mask *m, const row_place *at, int64_t key)
{
    int64_t from_key = at->sample * a->keys + key, step;
    if ((m->causal && key > at->query) || (m->window > 0 && llabs(at->query - key) >= m->window))
        return false;
    if (m->query && m->query[at->sample * a->queries + at->query] == 0)
        return false;
    if ((m->value && m->value[from_key] == 0) || (m->key && m->key[from_key] == 0))
        return false;
    return !m->seen || seen_row(m->seen, at, &step)[key * step] != 0;
}

static void mask_scores(const rows *r, int64_t row, antler_real *p)
{
    row_place at = place_of(r->a, row);
    for (int64_t key = 0; key < r->a->keys; key++)
        if (!is_seen(r->a, r->mask, &at, key))
            p[key] = r->mask->rule == ANTLER_ATTEND_LESS ? p[key] - (antler_real)1e9 : (antler_real)-1e9;
}

static void zero_masked(const rows *r, int64_t row, antler_real *p)
{
    row_place at = place_of(r->a, row);
    for (int64_t key = 0; key < r->a->keys; key++)
        if (!is_seen(r->a, r->mask, &at, key))
            p[key] = 0;
}

static void softmax_rows(void *arg, int64_t first, int64_t count)
{
    const rows *r = arg;
    int64_t n = r->a->keys;
    bool masked = masks_any(r->mask);
    for (int64_t row = first; row < first + count; row++) {
        antler_real *p = r->p + row * n;
        for (int64_t i = 0; i < n; i++)
            p[i] *= r->scale;
        if (masked)
            mask_scores(r, row, p);
        r->k->softmax(p, p, 1, n);
        if (masked && r->mask->rule == ANTLER_ATTEND_ZERO)
            zero_masked(r, row, p);
    }
}

static void softmax_backward_rows(void *arg, int64_t first, int64_t count)
{
    const rows *r = arg;
    int64_t n = r->a->keys;
    bool masked = masks_any(r->mask) && r->mask->rule != ANTLER_ATTEND_LESS;
    for (int64_t row = first; row < first + count; row++) {
        antler_real *dp = r->p + row * n;
        r->k->softmax_backward(dp, dp, r->y + row * n, 1, n);
        if (masked)
            zero_masked(r, row, dp);
    }
}

enum { COST = 8 }; /* of a weight, in elements of simple arithmetic */

static void run_rows(antler_run *run, rows *r, void (*fn)(void *arg, int64_t first, int64_t count))
{
    r->k = run->k;
    antler_run_ranges(run, antler__attend_count(r->a) / r->a->keys, r->a->keys * COST, fn, r);
}

void antler__attend_softmax(antler_run *run, const antler_attend *a, const antler_attend_mask *mask, antler_real scale,
                            antler_real *p)
{
    rows r = {.a = a, .mask = mask, .scale = scale, .p = p};
    run_rows(run, &r, softmax_rows);
}

void antler__attend_softmax_backward(antler_run *run, const antler_attend *a, const antler_attend_mask *mask,
                                     const antler_real *p, antler_real *dp)
{
    rows r = {.a = a, .mask = mask, .p = dp, .y = p};
    run_rows(run, &r, softmax_backward_rows);
}

typedef struct scaling {
    antler_real scale, *x;
} scaling;

static void scale_piece(void *arg, int64_t first, int64_t count)
{
    const scaling *s = arg;
    for (int64_t i = first; i < first + count; i++)
        s->x[i] *= s->scale;
}

void antler__attend_scale(antler_run *run, antler_real scale, antler_real *x, int64_t n)
{
    scaling s = {scale, x};
    if (scale != 1)
        antler_run_ranges(run, n, 1, scale_piece, &s);
}

/* ---- from scores to outputs, and back ---------------------------------------------------------------------------- */

antler_shape antler__attend_flat(const antler_shape *in, int64_t numbers)
{
    return (antler_shape){.rank = 2, .dim = {in->dim[0], numbers}};
}

/* Each weight has a choice of its own. */
static antler_tensor flat_weights(const antler_attend *a, const antler_real *p)
{
    antler_shape batch = {.rank = 1, .dim = {a->samples}};
    return (antler_tensor){.shape = antler__attend_flat(&batch, antler__attend_count(a) / a->samples),
                           .data = (antler_real *)p};
}

static antler_shape drawn_of(const antler_shape *weights)
{
    antler_shape drawn = *weights;
    drawn.dim[0] = ANTLER_BATCH;
    return drawn;
}

void antler__attend_buffers(antler_plan *plan, int choice, double rate, const antler_attend *a, const antler_shape *in)
{
    antler_attend one = *a;
    one.samples = 1;
    antler_shape weights = antler__attend_flat(in, antler__attend_count(&one)), drawn = drawn_of(&weights);
    antler__drop_buffers(plan, choice, rate, &weights, &drawn);
}

void antler__attend_forward(antler_run *run, const antler_attend *a, const antler_attend_work *w, antler_real scale,
                            const antler_real *v, antler_real *o)
{
    antler_attend_sizes size = {a->queries, a->width, a->keys};
    antler__attend_softmax(run, a, w->mask, scale, w->p);
    antler_tensor weights = flat_weights(a, w->p);
    antler_shape drawn = drawn_of(&weights.shape);
    antler__drop(run, w->choice, w->rate, &drawn, w->dropped, &weights);
    if (w->scores)
        antler_run_copy(run, w->scores, w->scores_are_dropped ? w->dropped : w->p, antler__attend_count(a));
    antler__attend_multiply(run, a, size, antler__attend_weights(a, w->dropped), antler__attend_value(a, v),
                            antler__attend_output(a, o), false);
}

void antler__attend_backward(antler_run *run, const antler_attend *a, const antler_attend_work *w, const antler_real *v,
                             const antler_real *dout, const antler_real *dscores, antler_real *dv, antler_real *dp)
{
    antler_tensor weights = flat_weights(a, w->p), gradient = flat_weights(a, dp);
    antler_shape drawn = drawn_of(&weights.shape);
    int64_t n = antler__attend_count(a);
    antler__drop_backward(run, w->choice, w->rate, &drawn, w->dropped, &weights); /* the same choices again */
    if (dv)
        antler__attend_multiply(run, a, (antler_attend_sizes){a->keys, a->width, a->queries},
                                antler__attend_turned(antler__attend_weights(a, w->dropped)),
                                antler__attend_output(a, dout), antler__attend_value(a, dv), false);
    antler__attend_multiply(run, a, (antler_attend_sizes){a->queries, a->keys, a->width},
                            antler__attend_output(a, dout), antler__attend_turned(antler__attend_value(a, v)),
                            antler__attend_weights(a, dp), false);
    if (dscores && w->scores_are_dropped)
        antler_run_add(run, dp, dp, dscores, n);
    antler__drop_backward(run, w->choice, w->rate, &drawn, dp, &gradient);
    if (dscores && !w->scores_are_dropped)
        antler_run_add(run, dp, dp, dscores, n);
    antler__attend_softmax_backward(run, a, w->mask, w->p, dp);
}
