#include "layers/shared/one_head.h"

#include "layers/shared/tanh_scores.h"

#include <string.h>

enum { SCALE, WEIGHT }; /* parameters */
enum {
    CHOICE,
    P,
    DROPPED,
    H,
    A,
    DOUT, /* scratch; CHOICE: noise and bits; P: saved, too */
    DP,
    DQ,
    HK,
    DA,
    DC,
    DA_SUM
}; /* scratch of training */

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static const antler_shape *key_of(const antler_shape *in)
{
    return in[2].rank ? &in[2] : &in[1];
}

static antler_attend sizes_of(const antler_shape *query, const antler_shape *value, const antler_shape *key)
{
    antler_attend a = {.samples = query->dim[0], .before = 1, .behind = 1, .heads = 1, .sharing = 1};
    for (int i = 1; i < query->rank - 2; i++)
        a.before *= query->dim[i];
    a.queries = query->dim[query->rank - 2];
    a.keys = key->dim[key->rank - 2];
    a.depth = query->dim[query->rank - 1];
    a.width = value->dim[value->rank - 1];
    return a;
}

antler_status antler__one_head_infer(const antler_one_head *c, const antler_shape *in, antler_shape *out,
                                     antler_error *err)
{
    if (in[1].rank == 0)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "it takes a list of 2 or 3 tensors: query, value, key; got 1");
    const antler_shape *key = key_of(in);
    int rank = in[0].rank;
    char text[3][128];
    bool fits = rank > 2 && in[1].rank == rank && key->rank == rank;
    for (int i = 1; fits && i < rank - 2; i++)
        fits = in[1].dim[i] == in[0].dim[i] && key->dim[i] == in[0].dim[i];
    if (!fits || key->dim[rank - 2] != in[1].dim[rank - 2] || key->dim[rank - 1] != in[0].dim[rank - 1])
        return antler_error_set(err, ANTLER_SHAPE, NULL,
                                "query %s, value %s, key %s; expected (batch, .., T, D), (batch, .., S, V), "
                                "(batch, .., S, D)",
                                antler_shape_text(in, text[0], sizeof text[0]),
                                antler_shape_text(in + 1, text[1], sizeof text[1]),
                                antler_shape_text(key, text[2], sizeof text[2]));
    out[0] = in[0];
    out[0].dim[rank - 1] = in[1].dim[rank - 1];
    if (c->scores) {
        out[1] = in[0];
        out[1].dim[rank - 1] = key->dim[rank - 2];
    }
    return ANTLER_OK;
}

void antler__one_head_variables(const antler_one_head *c, const antler_shape *in, antler_plan *plan)
{
    antler_shape one = {0}, features = {.rank = 1, .dim = {in->dim[in->rank - 1]}};
    int slot = 0;
    if (c->use_scale)
        antler_plan_param(plan, slot++, "scale", "scale", c->score == ANTLER_SCORE_ADDITIVE ? &features : &one);
    if (c->score == ANTLER_SCORE_CONCAT)
        antler_plan_param(plan, slot, "concat_score_weight", "concat_score_weight", &one);
    antler__drop_site(plan, CHOICE, c->dropout, c->seed);
}

void antler__one_head_buffers(const antler_one_head *c, const antler_shape *in, antler_plan *plan)
{
    antler_attend a = sizes_of(&in[0], &in[1], key_of(in));
    a.samples = 1;
    antler_shape weights = antler__attend_flat(in, antler__attend_count(&a));
    antler_shape queries = antler__attend_flat(in, a.before * a.queries * a.depth);
    antler_shape keys = antler__attend_flat(in, a.before * a.keys * a.depth);
    antler_shape outputs = antler__attend_flat(in, a.before * a.queries * a.width);
    antler_shape features = {.rank = 1, .dim = {a.depth}};
    bool trains = antler_plan_mode(plan) == ANTLER_TRAIN;
    antler__attend_buffers(plan, CHOICE, c->dropout, &a, in);
    if (c->dropout > 0)
        antler_plan_scratch(plan, DROPPED, &weights);
    if (trains)
        antler_plan_saved(plan, P, &weights);
    else
        antler_plan_scratch(plan, P, &weights);
    if (c->score != ANTLER_SCORE_DOT) {
        antler_plan_scratch(plan, H, &queries);
        antler_plan_scratch(plan, A, &features);
    }
    if (!trains)
        return;
    antler_plan_scratch(plan, DOUT, &outputs);
    antler_plan_scratch(plan, DP, &weights);
    antler_plan_scratch(plan, DQ, &queries);
    if (c->score != ANTLER_SCORE_DOT) {
        antler_plan_scratch(plan, HK, &keys);
        antler_plan_scratch(plan, DA, &queries);
        antler_plan_scratch(plan, DC, &queries);
        antler_plan_scratch(plan, DA_SUM, &features);
    }
}

/* ---- a call ------------------------------------------------------------------------------------------------------ */

typedef struct call {
    const antler_one_head *c;
    antler_run *run;
    antler_attend a;
    antler_attend_mask mask;
    antler_attend_work work;
    const antler_real *q, *k, *v;
    antler_real *p; /* scores */
    antler_real *dq, *dk;
    bool more; /* dk, which may be NULL, is added to */
    antler_tanh_scores t;
} call;

static antler_real number(const antler_run *run, int slot)
{
    return *run->param[slot].data;
}

/* The mask of several axes of a batch has no meaning. */
static antler_status check_masks(antler_run *run)
{
    for (int i = 0; i < 2; i++)
        if (run->mask[i].data && run->x[0].shape.rank != 3)
            return antler_run_fail(run, ANTLER_UNSUPPORTED, "attention over masked tensors of %d axes; expected 3",
                                   run->x[0].shape.rank);
    return ANTLER_OK;
}

static void make_factors(call *j)
{
    const antler_one_head *c = j->c;
    int weight = c->use_scale ? WEIGHT : 0;
    j->t.scale = c->score == ANTLER_SCORE_CONCAT && c->use_scale ? number(j->run, SCALE) : 1;
    for (int64_t d = 0; d < j->a.depth; d++)
        j->t.factor[d] = c->score == ANTLER_SCORE_CONCAT ? number(j->run, weight)
                         : c->use_scale                  ? j->run->param[SCALE].data[d]
                                                         : 1;
}

static call call_of(const antler_one_head *c, antler_run *run)
{
    int key = run->inputs > 2 ? 2 : 1;
    call j = {.c = c, .run = run, .a = sizes_of(&run->x[0].shape, &run->x[1].shape, &run->x[key].shape)};
    j.q = run->x[0].data;
    j.v = run->x[1].data;
    j.k = run->x[key].data;
    j.mask = (antler_attend_mask){.rule = ANTLER_ATTEND_LESS, .causal = c->causal, .value = run->mask[1].data};
    j.p = run->mode == ANTLER_TRAIN ? run->saved[P].data : run->scratch[P].data;
    j.work = (antler_attend_work){.choice = CHOICE, .rate = c->dropout, .p = j.p, .scores_are_dropped = true};
    j.work.dropped = c->dropout > 0 ? run->scratch[DROPPED].data : j.p;
    if (c->score != ANTLER_SCORE_DOT) {
        j.t = (antler_tanh_scores){.q = j.q, .k = j.k, .p = j.p, .h = run->scratch[H].data};
        j.t.factor = run->scratch[A].data;
        make_factors(&j);
    }
    return j;
}

/* ---- forward and backward ---------------------------------------------------------------------------------------- */

/* Answers to masked queries, or their gradients, are 0. */
static void hide_queries(const call *j, antler_real *to, const antler_real *from)
{
    int64_t rows = j->a.samples * j->a.before * j->a.queries, n = j->a.width;
    const antler_real *mask = j->run->mask[0].data;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = row * n; i < (row + 1) * n; i++)
            to[i] = mask && mask[row] == 0 ? 0 : from[i];
}

antler_status antler__one_head_forward(const antler_one_head *c, antler_run *run)
{
    call j = call_of(c, run);
    antler_real scale = c->score == ANTLER_SCORE_DOT && c->use_scale ? number(run, SCALE) : 1;
    ANTLER_TRY(check_masks(run));
    j.t.a = &j.a;
    j.work.mask = &j.mask;
    j.work.scores = c->scores ? run->y[1].data : NULL;
    if (c->score == ANTLER_SCORE_DOT)
        antler__attend_multiply(run, &j.a, (antler_attend_sizes){j.a.queries, j.a.keys, j.a.depth},
                                antler__attend_query(&j.a, j.q), antler__attend_turned(antler__attend_key(&j.a, j.k)),
                                antler__attend_weights(&j.a, j.p), false);
    else
        antler__tanh_scores(run, &j.t);
    antler__attend_forward(run, &j.a, &j.work, scale, j.v, run->y->data);
    if (run->mask[0].data)
        hide_queries(&j, run->y->data, run->y->data);
    return ANTLER_OK;
}

/* From dS: those of query and key, and of the scale. */
static void dot_backward(call *j, antler_real *ds, antler_real *dx)
{
    antler_run *run = j->run;
    const antler_attend *a = &j->a;
    antler_attend_side s = antler__attend_weights(a, ds), q = antler__attend_query(a, j->q);
    antler_attend_side k = antler__attend_key(a, j->k);
    antler_attend_sizes size = {a->queries, a->depth, a->keys};
    int64_t n = a->queries * a->depth, blocks = a->samples * a->before;
    if (j->c->use_scale && run->grad[SCALE].data) {
        double sum = 0;
        antler__attend_multiply(run, a, size, s, k, antler__attend_query(a, j->dq), false);
        for (int64_t i = 0; i < blocks; i++)
            sum += (double)antler_array_dot(j->q + i * n, j->dq + i * n, n);
        *run->grad[SCALE].data = (antler_real)sum;
    }
    antler__attend_scale(run, j->c->use_scale ? number(run, SCALE) : 1, ds, antler__attend_count(a));
    if (dx)
        antler__attend_multiply(run, a, size, s, k, antler__attend_query(a, dx), false);
    if (j->dk)
        antler__attend_multiply(run, a, (antler_attend_sizes){a->keys, a->depth, a->queries}, antler__attend_turned(s),
                                q, antler__attend_key(a, j->dk), j->more);
}

static antler_real sum_of(call *j, const antler_real *shares)
{
    antler_real *sum = j->run->scratch[DA_SUM].data;
    antler_run_column_sums(j->run, sum, shares, j->a.samples * j->a.before * j->a.queries, j->a.depth);
    return antler_array_sum(sum, j->a.depth);
}

static void tanh_backward(call *j, const antler_real *ds, antler_real *dx)
{
    antler_run *run = j->run;
    const antler_one_head *c = j->c;
    int64_t rows = j->a.samples * j->a.before * j->a.queries;
    antler_tanh_scores *t = &j->t;
    t->a = &j->a;
    t->ds = ds;
    t->da = run->scratch[DA].data;
    t->dc = run->scratch[DC].data;
    t->hk = run->scratch[HK].data;
    t->dq = j->dq;
    t->dk = j->dk;
    t->more = j->more;
    antler__tanh_scores_queries(run, t);
    if (dx)
        antler_run_copy(run, dx, j->dq, rows * j->a.depth);
    if (j->dk)
        antler__tanh_scores_keys(run, t);
    if (c->score == ANTLER_SCORE_ADDITIVE && c->use_scale && run->grad[SCALE].data)
        antler_run_column_sums(run, run->grad[SCALE].data, t->da, rows, j->a.depth);
    if (c->score == ANTLER_SCORE_CONCAT && c->use_scale && run->grad[SCALE].data)
        *run->grad[SCALE].data = sum_of(j, t->dc);
    if (c->score == ANTLER_SCORE_CONCAT && run->grad[c->use_scale ? WEIGHT : 0].data)
        *run->grad[c->use_scale ? WEIGHT : 0].data = sum_of(j, t->da);
}

antler_status antler__one_head_backward(const antler_one_head *c, antler_run *run)
{
    call j = call_of(c, run);
    bool apart = run->inputs > 2; /* a key of its own */
    antler_real *dp = run->scratch[DP].data, *dout = run->scratch[DOUT].data;
    const antler_real *dscores = c->scores ? run->dy[1].data : NULL;
    j.work.mask = &j.mask;
    if (run->dy->data)
        hide_queries(&j, dout, run->dy->data);
    else
        memset(dout, 0, (size_t)(j.a.samples * j.a.before * j.a.queries * j.a.width) * sizeof *dout);
    antler__attend_backward(run, &j.a, &j.work, j.v, dout, dscores, run->dx[1].data, dp);
    j.dq = run->scratch[DQ].data;
    j.dk = apart ? run->dx[2].data : run->dx[1].data;
    j.more = !apart;
    if (c->score == ANTLER_SCORE_DOT)
        dot_backward(&j, dp, run->dx[0].data);
    else
        tanh_backward(&j, dp, run->dx[0].data);
    return ANTLER_OK;
}
