#include "layers/shared/heads.h"

#include <math.h>
#include <string.h>

/* ---- maps -------------------------------------------------------------------------------------------------------- */

/* A kernel as a matrix (in, out). */
typedef struct map {
    int slot;
    int64_t in, out;
} map;

static map map_of(const antler_heads *c, const antler_run *run, projection p)
{
    map m = {.slot = antler__heads_kernel(c, p)};
    const antler_shape *kernel = &run->param[m.slot].shape;
    m.out = antler_count(kernel, p == OUTPUT ? 2 : 1);
    m.in = antler_count(kernel, 0) / m.out;
    return m;
}

static void project(const antler_heads *c, antler_run *run, projection p, const antler_real *x, int64_t rows,
                    antler_real *y)
{
    map m = map_of(c, run, p);
    antler_product product = {.m = rows, .n = m.out, .k = m.in, .a = x, .a_row = m.in, .a_col = 1};
    product.b = run->param[m.slot].data;
    product.b_row = m.out;
    product.b_col = 1;
    product.c = y;
    product.c_row = m.out;
    product.bias = c->use_bias ? run->param[m.slot + 1].data : NULL;
    antler_run_product(run, &product);
}

static void project_gradient(const antler_heads *c, antler_run *run, projection p, const antler_real *x, int64_t rows,
                             const antler_real *dy)
{
    map m = map_of(c, run, p);
    antler_product product = {.m = m.in, .n = m.out, .k = rows, .a = x, .a_row = 1, .a_col = m.in};
    product.b = dy;
    product.b_row = m.out;
    product.b_col = 1;
    product.c = run->grad[m.slot].data;
    product.c_row = m.out;
    if (product.c)
        antler_run_product(run, &product);
    if (c->use_bias && run->grad[m.slot + 1].data)
        antler_run_column_sums(run, run->grad[m.slot + 1].data, dy, rows, m.out);
}

/* dx may be NULL; `more`: on top of what it holds. */
static void project_back(const antler_heads *c, antler_run *run, projection p, const antler_real *dy, int64_t rows,
                         antler_real *dx, bool more)
{
    map m = map_of(c, run, p);
    antler_product product = {.m = rows, .n = m.in, .k = m.out, .a = dy, .a_row = m.out, .a_col = 1};
    product.b = run->param[m.slot].data;
    product.b_row = 1;
    product.b_col = m.out;
    product.c = dx;
    product.c_row = m.in;
    product.bias = more ? dx : NULL;
    product.bias_row = m.in;
    if (dx)
        antler_run_product(run, &product);
}

/* ---- a call ------------------------------------------------------------------------------------------------------ */

typedef struct call {
    antler_attend a;
    antler_attend_mask mask;
    antler_attend_work work;
    const antler_real *query, *value, *key;
    antler_real *buffer[G + 1];
    int64_t queries, keys; /* rows */
    int64_t answers;       /* numbers of O */
    antler_real scale;
} call;

antler_attend_rule antler__heads_rule(const antler_heads *c, int keras, const antler_shape *query)
{
    if (keras < 300)
        return ANTLER_ATTEND_LESS;
    return c->dropout > 0 || c->scores || query->rank != 3 ? ANTLER_ATTEND_ZERO : ANTLER_ATTEND_REPLACE;
}

static antler_status check_masks(antler_run *run)
{
    for (int i = 0; i < run->inputs && i < 3; i++)
        if (run->mask[i].data && run->x[0].shape.rank != 3)
            return antler_run_fail(run, ANTLER_UNSUPPORTED, "attention over masked tensors of %d axes; expected 3",
                                   run->x[0].shape.rank);
    return ANTLER_OK;
}

static call call_of(const antler_heads *c, antler_run *run)
{
    int key = run->inputs > 2 ? 2 : 1;
    call j = {.a = antler__heads_sizes(c, &run->x[0].shape, &run->x[1].shape)};
    j.query = run->x[0].data;
    j.value = run->x[1].data;
    j.key = run->x[key].data;
    j.mask = (antler_attend_mask){
        .rule = antler__heads_rule(c, run->keras, &run->x->shape), .causal = c->causal, .window = c->window};
    j.mask.query = run->mask[0].data;
    j.mask.value = run->mask[1].data;
    j.mask.key = run->mask[key].data;
    j.mask.seen = run->inputs > 3 ? &run->x[3] : NULL;
    for (int i = Q; i <= (c->gate ? G : O); i++)
        j.buffer[i] = run->mode == ANTLER_TRAIN ? run->saved[i].data : run->scratch[i].data;
    j.work = (antler_attend_work){.choice = CHOICE, .rate = c->dropout, .p = j.buffer[P]};
    j.work.dropped = c->dropout > 0 ? run->scratch[DROPPED].data : j.buffer[P];
    j.queries = antler_count(&run->x[0].shape, 0) / run->x[0].shape.dim[run->x[0].shape.rank - 1];
    j.keys = antler_count(&run->x[1].shape, 0) / run->x[1].shape.dim[run->x[1].shape.rank - 1];
    j.answers = j.queries * c->heads * c->value_dim;
    j.scale = (antler_real)(float)(1 / sqrt((double)c->key_dim)); /* a float in Keras's double, too */
    return j;
}

/* ---- the gate ---------------------------------------------------------------------------------------------------- */

typedef struct gating {
    const antler_real *o, *g;
    antler_real *gated, *dout, *dg; /* dout: of what is gated, then of o */
} gating;

static void gate_piece(void *arg, int64_t first, int64_t count)
{
    const gating *j = arg;
    for (int64_t i = first; i < first + count; i++)
        j->gated[i] = j->o[i] * j->g[i];
}

static void gate_backward_piece(void *arg, int64_t first, int64_t count)
{
    const gating *j = arg;
    for (int64_t i = first; i < first + count; i++) {
        j->dg[i] = j->dout[i] * j->o[i] * (j->g[i] * (1 - j->g[i]));
        j->dout[i] *= j->g[i];
    }
}

static void sigmoid_piece(void *arg, int64_t first, int64_t count)
{
    antler_array_sigmoid((antler_real *)arg + first, (antler_real *)arg + first, count);
}

/* O, or what the gate lets through. */
static const antler_real *gated(const antler_heads *c, antler_run *run, const call *j)
{
    gating g = {.o = j->buffer[O], .g = j->buffer[G]};
    if (!c->gate)
        return j->buffer[O];
    g.gated = run->scratch[GATED].data;
    antler_run_ranges(run, j->answers, 1, gate_piece, &g);
    return g.gated;
}

/* ---- forward and backward ---------------------------------------------------------------------------------------- */

antler_status antler__heads_forward(const antler_heads *c, antler_run *run)
{
    call j = call_of(c, run);
    ANTLER_TRY(check_masks(run));
    project(c, run, QUERY, j.query, j.queries, j.buffer[Q]);
    project(c, run, KEY, j.key, j.keys, j.buffer[K]);
    project(c, run, VALUE, j.value, j.keys, j.buffer[V]);
    if (c->gate) {
        project(c, run, GATE, j.query, j.queries, j.buffer[G]);
        antler_run_ranges(run, j.answers, 8, sigmoid_piece, j.buffer[G]);
    }
    antler__attend_multiply(
        run, &j.a, (antler_attend_sizes){j.a.queries, j.a.keys, j.a.depth}, antler__attend_query(&j.a, j.buffer[Q]),
        antler__attend_turned(antler__attend_key(&j.a, j.buffer[K])), antler__attend_weights(&j.a, j.buffer[P]), false);
    j.work.mask = &j.mask;
    j.work.scores = c->scores ? run->y[1].data : NULL;
    antler__attend_forward(run, &j.a, &j.work, j.scale, j.buffer[V], j.buffer[O]);
    project(c, run, OUTPUT, gated(c, run, &j), j.queries, run->y->data);
    return ANTLER_OK;
}

static void zeros(antler_tensor *t)
{
    if (t->data)
        memset(t->data, 0, (size_t)antler_count(&t->shape, 0) * sizeof *t->data);
}

/* dO from dy, which is not there where nobody reads the answers. */
static void output_backward(const antler_heads *c, antler_run *run, const call *j, antler_real *dout)
{
    gating g = {.o = j->buffer[O], .g = j->buffer[G], .dout = dout};
    int slot = antler__heads_kernel(c, OUTPUT);
    if (run->dy->data) {
        project_gradient(c, run, OUTPUT, gated(c, run, j), j->queries, run->dy->data);
        project_back(c, run, OUTPUT, run->dy->data, j->queries, dout, false);
    } else {
        zeros(&run->grad[slot]);
        if (c->use_bias)
            zeros(&run->grad[slot + 1]);
        memset(dout, 0, (size_t)j->answers * sizeof *dout);
    }
    if (c->gate) {
        g.dg = run->scratch[DG].data;
        antler_run_ranges(run, j->answers, 1, gate_backward_piece, &g);
    }
}

antler_status antler__heads_backward(const antler_heads *c, antler_run *run)
{
    call j = call_of(c, run);
    const antler_attend *a = &j.a;
    bool apart = run->inputs > 2; /* a key of its own */
    antler_real *dout = run->scratch[DOUT].data, *dp = run->scratch[DP].data, *dq = run->scratch[DQ].data;
    antler_real *dk = run->scratch[DK].data, *dv = run->scratch[DV].data;
    antler_attend_side s = antler__attend_weights(a, dp);
    j.work.mask = &j.mask;
    output_backward(c, run, &j, dout);
    antler__attend_backward(run, a, &j.work, j.buffer[V], dout, c->scores ? run->dy[1].data : NULL, dv, dp);
    antler__attend_scale(run, j.scale, dp, antler__attend_count(a));
    antler__attend_multiply(run, a, (antler_attend_sizes){a->queries, a->depth, a->keys}, s,
                            antler__attend_key(a, j.buffer[K]), antler__attend_query(a, dq), false);
    antler__attend_multiply(run, a, (antler_attend_sizes){a->keys, a->depth, a->queries}, antler__attend_turned(s),
                            antler__attend_query(a, j.buffer[Q]), antler__attend_key(a, dk), false);
    project_gradient(c, run, QUERY, j.query, j.queries, dq);
    project_gradient(c, run, KEY, j.key, j.keys, dk);
    project_gradient(c, run, VALUE, j.value, j.keys, dv);
    project_back(c, run, QUERY, dq, j.queries, run->dx[0].data, false);
    project_back(c, run, VALUE, dv, j.keys, run->dx[1].data, false);
    project_back(c, run, KEY, dk, j.keys, run->dx[apart ? 2 : 1].data, !apart);
    if (c->gate) {
        project_gradient(c, run, GATE, j.query, j.queries, run->scratch[DG].data);
        project_back(c, run, GATE, run->scratch[DG].data, j.queries, run->dx[0].data, true);
    }
    if (run->inputs > 3)
        zeros(&run->dx[3]);
    return ANTLER_OK;
}
