/* Attention: scores, a softmax over the steps that are seen, sums of values (layers/shared/attend.h). */
#include "onnx/say.h"

#include "layers/shared/heads.h"

#include <math.h>
#include <string.h>

static antler_term *both(antler_onnx *o, antler_term *a, antler_term *b)
{
    return a && b ? antler__op2(o, "And", a, b) : a ? a : b;
}

/* A mask (B, n) as (B, 1 .., n, 1) or (B, 1 .., 1, n), of `rank` axes. */
static antler_term *mask_along(antler_onnx *o, antler_term *mask, int rank, bool rows)
{
    int64_t axes[ANTLER_ONNX_MOST];
    int n = 0;
    for (int i = 1; i < rank; i++)
        if (i != (rows ? rank - 2 : rank - 1))
            axes[n++] = i;
    return mask ? antler__unsqueeze(o, mask, n, axes) : NULL;
}

/* 0, 1 .. n - 1 in an axis of two. */
static antler_term *counted(antler_onnx *o, int64_t n, bool rows)
{
    antler_real *to;
    antler_term *table = antler__table(o, 2, rows ? (int64_t[]){n, 1} : (int64_t[]){1, n}, &to);
    for (int64_t i = 0; table && i < n; i++)
        to[i] = (antler_real)i;
    return table;
}

/* (T, S): which steps are not later, nor `window` away; NULL: all. */
static antler_term *near(antler_onnx *o, int64_t queries, int64_t keys, bool causal, int64_t window)
{
    if (!causal && window == 0)
        return NULL;
    if (queries < 0 || keys < 0)
        antler__onnx_refuse(o, "a causal mask over an axis of variable length");
    antler_term *later = antler__op2(o, "Sub", counted(o, keys, false), counted(o, queries, true));
    antler_term *seen = causal ? antler__op2(o, "LessOrEqual", later, antler__real(o, 0)) : NULL;
    antler_term *close = antler__op2(o, "Less", antler__op1(o, "Abs", later), antler__real(o, (double)window));
    return both(o, seen, window ? close : NULL);
}

/* Weights from scores: `seen` of booleans, or NULL. */
static antler_term *weights(antler_onnx *o, antler_term *scores, antler_term *seen, antler_attend_rule rule)
{
    if (seen && rule == ANTLER_ATTEND_LESS)
        scores = antler__op3(o, "Where", seen, scores, antler__op2(o, "Sub", scores, antler__real(o, 1e9)));
    else if (seen)
        scores = antler__op3(o, "Where", seen, scores, antler__real(o, -1e9));
    antler_term *p = antler__op1(o, "Softmax", scores);
    antler__set_int(o, "axis", -1);
    if (seen && rule == ANTLER_ATTEND_ZERO)
        p = antler__op3(o, "Where", seen, p, antler__real(o, 0));
    return p;
}

static antler_term *swap_last(antler_onnx *o, antler_term *x, int rank)
{
    int order[ANTLER_ONNX_MOST];
    for (int i = 0; i < rank; i++)
        order[i] = i < rank - 2 ? i : i == rank - 2 ? rank - 1 : rank - 2;
    return antler__transpose(o, x, rank, order);
}

/* ---- one head -----------------------------------------------------------------------------------------------------
 */

/* factor tanh(scale (q_t + k_s)), summed over features. */
static antler_term *tanh_scores(antler_onnx *o, antler_term *q, antler_term *k, antler_term *scale, antler_term *factor)
{
    const int64_t before_keys = -2, before_queries = -3, last = -1;
    q = antler__unsqueeze(o, q, 1, &before_keys);
    k = antler__unsqueeze(o, k, 1, &before_queries);
    antler_term *sum = antler__op2(o, "Add", q, k);
    sum = antler__op1(o, "Tanh", scale ? antler__op2(o, "Mul", sum, scale) : sum);
    if (factor)
        sum = antler__op2(o, "Mul", sum, factor);
    return antler__reduce(o, "ReduceSum", sum, 1, &last, false);
}

/* From scores on. */
static void answer(antler_onnx *o, antler_said *s, antler_term *scores, bool causal, bool returned)
{
    const antler_shape *in = s->layer->in, *key = &in[s->layer->inputs > 2 ? 2 : 1];
    int rank = in->rank;
    if ((s->mask[0] || s->mask[1]) && rank != 3)
        antler__onnx_refuse(o, "attention over masked tensors of %d axes", rank);
    antler_term *seen = near(o, in->dim[rank - 2], key->dim[rank - 2], causal, 0);
    seen = both(o, seen, mask_along(o, s->mask[1], rank, false));
    antler_term *p = weights(o, scores, seen, ANTLER_ATTEND_LESS);
    s->y[0] = antler__op2(o, "MatMul", p, s->x[1]);
    if (s->mask[0])
        s->y[0] = antler__op3(o, "Where", antler__mask_stretched(o, s->mask[0], 3), s->y[0], antler__real(o, 0));
    if (returned)
        s->y[1] = p;
}

static antler_term *key_of(const antler_said *s)
{
    return s->x[s->layer->inputs > 2 ? 2 : 1];
}

static void attention(antler_onnx *o, antler_said *s)
{
    const struct antler_attention *c = antler__config_of(s);
    antler_term *scale = c->use_scale ? antler__param(o, s, 0) : NULL, *scores;
    if (strcmp(c->score_mode, "dot") == 0) {
        scores = antler__op2(o, "MatMul", s->x[0], swap_last(o, key_of(s), antler__in_of(s)->rank));
        scores = scale ? antler__op2(o, "Mul", scores, scale) : scores;
    } else
        scores = tanh_scores(o, s->x[0], key_of(s), scale, antler__param(o, s, c->use_scale));
    answer(o, s, scores, c->use_causal_mask, c->return_attention_scores);
}

static void additive_attention(antler_onnx *o, antler_said *s)
{
    const struct antler_additive_attention *c = antler__config_of(s);
    antler_term *factor = c->use_scale ? antler__param(o, s, 0) : NULL;
    answer(o, s, tanh_scores(o, s->x[0], key_of(s), NULL, factor), c->use_causal_mask, c->return_attention_scores);
}

/* ---- several heads ------------------------------------------------------------------------------------------------
 */

/* How the tensors of heads lie: (B, before, behind, heads, sharing, steps, numbers), of which axes that are not there
   are left out. */
typedef struct form {
    const antler_heads *c;
    antler_attend a;
    bool wide; /* with before and behind */
    int rank;  /* in the end */
} form;

/* x mapped by a kernel, in that form: heads of `depth` numbers at `steps` steps. */
static antler_term *heads(antler_onnx *o, const antler_said *s, const form *f, projection p, antler_term *x,
                          const antler_shape *in, int64_t steps, int64_t count, int64_t depth)
{
    int slot = antler__heads_kernel(f->c, p), features = in->rank - 1;
    int64_t matrix[] = {in->dim[features], count * depth}, sharing = p == QUERY || p == GATE ? f->c->sharing : 1;
    x = antler__op2(o, "MatMul", x, antler__reshape(o, antler__param(o, s, slot), 2, matrix));
    if (f->c->use_bias)
        x = antler__op2(o, "Add", x, antler__reshape(o, antler__param(o, s, slot + 1), 1, &matrix[1]));
    if (f->wide) { /* (B, before, steps, behind, heads, depth) */
        static const int order[] = {0, 1, 3, 4, 2, 5};
        int64_t size[] = {-1, f->a.before, steps, f->a.behind, count, depth};
        return antler__transpose(o, antler__reshape(o, x, 6, size), 6, order);
    }
    if (f->c->sharing > 1) { /* (B, steps, heads, sharing, depth) */
        static const int order[] = {0, 2, 3, 1, 4};
        int64_t size[] = {-1, steps, count / sharing, sharing, depth};
        return antler__transpose(o, antler__reshape(o, x, 5, size), 5, order);
    }
    static const int order[] = {0, 2, 1, 3};
    int64_t size[] = {-1, steps, count, depth};
    return antler__transpose(o, antler__reshape(o, x, 4, size), 4, order);
}

/* The way back, to (B, .., heads * numbers). */
static antler_term *joined(antler_onnx *o, const form *f, antler_term *x, const antler_shape *query)
{
    static const int wide[] = {0, 1, 4, 2, 3, 5}, shared[] = {0, 3, 1, 2, 4}, plain[] = {0, 2, 1, 3};
    antler_shape to = *query;
    to.dim[to.rank - 1] = f->c->heads * f->c->value_dim;
    return antler__shaped(o,
                          antler__transpose(o, x, f->rank,
                                            f->wide             ? wide
                                            : f->c->sharing > 1 ? shared
                                                                : plain),
                          &to);
}

/* The mask that is an input, (B, T, S) or (B, heads, T, S), for scores of the form. */
static antler_term *given_mask(antler_onnx *o, const antler_said *s, const form *f)
{
    const int64_t heads = 1;
    if (s->layer->inputs < 4)
        return NULL;
    if (f->wide || f->c->sharing > 1) {
        antler__onnx_refuse(o, "an attention_mask of several axes or of shared heads");
        return NULL;
    }
    antler_term *mask = antler__cast(o, s->x[3], ANTLER_ONNX_BOOL);
    return s->layer->in[3].rank == 3 ? antler__unsqueeze(o, mask, 1, &heads) : mask;
}

static antler_term *seen_by(antler_onnx *o, const antler_said *s, const form *f)
{
    int key = s->layer->inputs > 2 ? 2 : 1;
    antler_term *seen = near(o, f->a.queries, f->a.keys, f->c->causal, f->c->window);
    if ((s->mask[0] || s->mask[1] || s->mask[key]) && f->wide)
        antler__onnx_refuse(o, "attention over masked tensors of several axes");
    seen = both(o, seen, mask_along(o, s->mask[0], f->rank, true));
    seen = both(o, seen, mask_along(o, s->mask[1], f->rank, false));
    if (s->mask[key] != s->mask[1])
        seen = both(o, seen, mask_along(o, s->mask[key], f->rank, false));
    return both(o, seen, given_mask(o, s, f));
}

/* sigmoid(query Wg + bg) for each head's answers. */
static antler_term *gated(antler_onnx *o, const antler_said *s, const form *f, antler_term *answers)
{
    if (!f->c->gate)
        return answers;
    antler_term *gate = heads(o, s, f, GATE, s->x[0], s->layer->in, f->a.queries, f->c->heads, f->c->value_dim);
    return antler__op2(o, "Mul", answers, antler__op1(o, "Sigmoid", gate));
}

static void say_heads(antler_onnx *o, antler_said *s, const antler_heads *c)
{
    const antler_shape *in = s->layer->in;
    int key = s->layer->inputs > 2 ? 2 : 1, out = antler__heads_kernel(c, OUTPUT);
    form f = {.c = c, .a = antler__heads_sizes(c, &in[0], &in[1])};
    f.wide = f.a.before * f.a.behind > 1;
    f.rank = f.wide ? 6 : c->sharing > 1 ? 5 : 4;
    antler_term *q = heads(o, s, &f, QUERY, s->x[0], in, f.a.queries, c->heads, c->key_dim);
    antler_term *k = heads(o, s, &f, KEY, s->x[key], &in[key], f.a.keys, c->heads / c->sharing, c->key_dim);
    antler_term *v = heads(o, s, &f, VALUE, s->x[1], &in[1], f.a.keys, c->heads / c->sharing, c->value_dim);
    antler_term *scale = antler__real(o, (float)(1 / sqrt((double)c->key_dim)));
    antler_term *scores = antler__op2(o, "MatMul", antler__op2(o, "Mul", q, scale), swap_last(o, k, f.rank));
    antler_term *p = weights(o, scores, seen_by(o, s, &f), antler__heads_rule(c, o->model->keras, in));
    antler_term *y = joined(o, &f, gated(o, s, &f, antler__op2(o, "MatMul", p, v)), in);
    int64_t matrix[] = {c->heads * c->value_dim, antler_count(&antler__param_tensor(o, s, out)->shape, 2)};
    y = antler__op2(o, "MatMul", y, antler__reshape(o, antler__param(o, s, out), 2, matrix));
    if (c->use_bias)
        y = antler__op2(o, "Add", y, antler__reshape(o, antler__param(o, s, out + 1), 1, &matrix[1]));
    s->y[0] = antler__shaped(o, y, antler__out_of(s));
    if (c->scores)
        s->y[1] = antler__shaped(o, p, &s->layer->out[1]);
}

static void multi_head_attention(antler_onnx *o, antler_said *s)
{
    antler_heads c = antler__multi_head(antler__config_of(s));
    say_heads(o, s, &c);
}

static void group_query_attention(antler_onnx *o, antler_said *s)
{
    antler_heads c = antler__group_query(antler__config_of(s));
    say_heads(o, s, &c);
}

const antler_saying antler__say_attention[] = {
    {&antler_layer_attention.type, attention, true},
    {&antler_layer_additive_attention.type, additive_attention, true},
    {&antler_layer_multi_head_attention.type, multi_head_attention, false},
    {&antler_layer_group_query_attention.type, group_query_attention, false},
    {NULL, NULL, false},
};
