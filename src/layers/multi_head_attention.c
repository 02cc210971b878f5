/* MultiHeadAttention and GroupQueryAttention: attention between what query, key and value are mapped to, several times
   side by side, and a map of all answers together:

     Q = query Wq + bq    K = key Wk + bk    V = value Wv + bv          (.., heads, key_dim), (.., heads, value_dim)
     O = drop(softmax(Q K^T / sqrt(key_dim))) V                         see shared/attend.h
     y = O Wo + bo,    with a gate (O sigmoid(query Wg + bg)) Wo + bo

   Gradients are those of products, as in dense.c, around those of attention. In GroupQueryAttention neighbouring heads
   share a key and a value.

   What a fully masked row gives is Keras's: all steps weigh the same; nothing where weights are dropped, returned or of
   several axes; and in a file of Keras 2 as if there was no mask. */
#include "layers/shared/attend.h"

#include <math.h>
#include <string.h>

typedef struct antler_multi_head_attention multi_head;
typedef struct antler_group_query_attention group_query;

typedef enum projection { QUERY, KEY, GATE, VALUE, OUTPUT } projection; /* in the order of Keras's weights */
enum {
    CHOICE,
    Q,
    K,
    V,
    P,
    O,
    G, /* scratch, or in training saved, from Q on */
    DROPPED,
    GATED,
    DOUT,
    DP,
    DQ,
    DK,
    DV,
    DG
}; /* scratch */

/* What the two layers' configs come to. */
typedef struct settings {
    int64_t heads, sharing, key_dim, value_dim, window; /* window 0: none */
    bool use_bias, gate, causal, scores, flat;          /* flat: three axes alone */
    double dropout;
    int64_t seed;
    const int64_t *axes, *output; /* ended by 0; none: the default */
    const char *const *group;
} settings;

static const char *const groups_multi_head[] = {"query_dense", "key_dense", "_gate_dense", "value_dense",
                                                "output_dense"};
static const char *const groups_group_query[] = {"_query_dense", "_key_dense", "_gate_dense", "_value_dense",
                                                 "_output_dense"};
static const int64_t none[] = {0};

static settings of_multi_head(const void *config)
{
    const multi_head *c = config;
    settings s = {.heads = c->num_heads, .sharing = 1, .key_dim = c->key_dim, .use_bias = c->use_bias};
    s.value_dim = c->value_dim == ANTLER_NULL ? c->key_dim : c->value_dim;
    s.window = c->sliding_window == ANTLER_NULL ? 0 : c->sliding_window;
    s.gate = c->use_gate;
    s.causal = c->use_causal_mask;
    s.scores = c->return_attention_scores;
    s.dropout = c->dropout;
    s.seed = c->seed;
    s.axes = c->attention_axes;
    s.output = c->output_shape;
    s.group = groups_multi_head;
    return s;
}

static settings of_group_query(const void *config)
{
    const group_query *c = config;
    settings s = {.heads = c->num_query_heads, .key_dim = c->head_dim, .value_dim = c->head_dim};
    s.sharing = c->num_query_heads / c->num_key_value_heads;
    s.use_bias = c->use_bias;
    s.window = c->sliding_window == ANTLER_NULL ? 0 : c->sliding_window;
    s.gate = c->use_gate;
    s.causal = c->use_causal_mask;
    s.scores = c->return_attention_scores;
    s.flat = true;
    s.dropout = c->dropout;
    s.seed = c->seed;
    s.axes = s.output = none;
    s.group = groups_group_query;
    return s;
}

/* ---- config ------------------------------------------------------------------------------------------------------ */

#define ANY_FIELD(name)                                                            \
    {                                                                              \
        .key = (name), .kind = ANTLER_ANY, .doc = "accepted for Keras, not needed" \
    }

/* Rows of both; the last of a table. */
#define HEADS_FIELDS(type)                                                 \
    ANTLER_KERNEL_FIELDS(type),                                            \
        {.key = "sliding_window",                                          \
         .kind = ANTLER_INT,                                               \
         .offset = offsetof(type, sliding_window),                         \
         .def = "null",                                                    \
         .min = 1,                                                         \
         .max = ANTLER_MOST_UNITS,                                         \
         .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,                      \
         .doc = "a step sees those that are less than so many away"},      \
        {.key = "use_gate",                                                \
         .kind = ANTLER_BOOL,                                              \
         .offset = offsetof(type, use_gate),                               \
         .def = "false",                                                   \
         .flags = ANTLER_UNWRITTEN,                                        \
         .doc = "answers are multiplied by sigmoid(query kernel + bias)"}, \
        ANY_FIELD("flash_attention"), ANTLER_ATTENTION_FIELDS(type)

static const antler_field fields[] = {
    ANTLER_FIELD_COUNT(multi_head, num_heads, "attentions side by side"),
    ANTLER_FIELD_COUNT(multi_head, key_dim, "numbers of a query and a key of one head"),
    {.key = "value_dim",
     .kind = ANTLER_INT,
     .offset = offsetof(multi_head, value_dim),
     .def = "null",
     .min = 1,
     .max = ANTLER_MOST_UNITS,
     .flags = ANTLER_NULLABLE,
     .doc = "numbers of a value of one head; null: key_dim"},
    ANTLER_FIELD_INTS(multi_head, output_shape, "null", ANTLER_NULLABLE, 1,
                      "in place of the output's last axis; null: as many numbers as the query has"),
    {.key = "attention_axes",
     .kind = ANTLER_INTS,
     .offset = offsetof(multi_head, attention_axes),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "axes of the steps, neighbours; null: all but the batch's and the last"},
    ANY_FIELD("query_shape"), /* of Keras 2 */
    ANY_FIELD("key_shape"),
    ANY_FIELD("value_shape"),
    ANTLER_FIELD_IGNORED("softmax_robust_masking", "false"),
    HEADS_FIELDS(multi_head),
};

static const antler_field group_fields[] = {
    ANTLER_FIELD_COUNT(group_query, head_dim, "numbers of a query, a key and a value of one head"),
    ANTLER_FIELD_COUNT(group_query, num_query_heads, "attentions side by side"),
    ANTLER_FIELD_COUNT(group_query, num_key_value_heads, "keys and values; so many heads share each"),
    HEADS_FIELDS(group_query),
};

static const char *const samples[] = {
    "(3, 2) (3, 2) {\"num_heads\": 2, \"key_dim\": 2}",
    "(2, 3) (3, 2) (3, 1) {\"num_heads\": 2, \"key_dim\": 1, \"value_dim\": 2, \"use_bias\": false, \"dropout\": 0.3, "
    "\"output_shape\": 2, \"return_attention_scores\": true}",
    "(3, 2) (3, 2) {\"num_heads\": 1, \"key_dim\": 2, \"use_causal_mask\": true, \"sliding_window\": 2, "
    "\"use_gate\": true}",
    "(2, 2, 2) (3, 2, 2) {\"num_heads\": 2, \"key_dim\": 1, \"attention_axes\": 1}",
    NULL,
};
static const char *const group_samples[] = {
    "(3, 2) (2, 2) {\"head_dim\": 2, \"num_query_heads\": 2, \"num_key_value_heads\": 1}",
    "(2, 2) (2, 2) (2, 3) {\"head_dim\": 1, \"num_query_heads\": 4, \"num_key_value_heads\": 2, \"dropout\": 0.3, "
    "\"use_gate\": true, \"use_causal_mask\": true, \"return_attention_scores\": true, \"use_bias\": false}",
    NULL,
};

/* Keras gives it to the maps inside, not to the layer. */
static antler_status check_penalty(const antler_object *penalty, antler_error *err)
{
    return !penalty->type ? ANTLER_OK
                          : antler_error_set(err, ANTLER_UNSUPPORTED, "activity_regularizer",
                                             "attention with heads has none here; expected null");
}

static antler_status check(void *config, antler_error *err)
{
    return check_penalty(&((multi_head *)config)->activity_regularizer_, err);
}

static antler_status check_groups(void *config, antler_error *err)
{
    const group_query *c = config;
    if (c->num_query_heads % c->num_key_value_heads != 0)
        return antler_error_set(err, ANTLER_VALUE, "num_key_value_heads", "%lld is no divisor of num_query_heads, %lld",
                                (long long)c->num_key_value_heads, (long long)c->num_query_heads);
    return check_penalty(&c->activity_regularizer_, err);
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static const antler_shape *key_of(const antler_shape *in)
{
    return in[2].rank ? &in[2] : &in[1];
}

/* The axes of the steps. */
typedef struct span {
    int first, last;
} span;

static antler_status find_axes(const settings *c, int rank, span *axes, antler_error *err)
{
    *axes = (span){1, rank - 2};
    for (int i = 0; c->axes[i] != 0; i++) {
        int axis = antler_axis(c->axes[i], rank);
        axes->first = i == 0 ? axis : axes->first;
        axes->last = axis;
        if (axis != axes->first + i || axis < 1 || axis > rank - 2)
            return antler_error_set(err, ANTLER_SHAPE, "attention_axes",
                                    "%lld; expected neighbouring axes of the query's %d, in order, but for the first "
                                    "and the last",
                                    (long long)c->axes[i], rank);
    }
    if ((c->causal || c->window) && (axes->first != 1 || axes->last != 1))
        return antler_error_set(err, ANTLER_SHAPE, "attention_axes",
                                "a causal mask or a window needs attention along axis 1 alone");
    return ANTLER_OK;
}

static antler_attend sizes_of(const settings *c, const antler_shape *query, const antler_shape *value)
{
    span axes;
    antler_attend a = {.samples = query->dim[0], .before = 1, .behind = 1, .queries = 1, .keys = 1};
    antler_error ignored = {0};
    find_axes(c, query->rank, &axes, &ignored); /* infer saw it */
    for (int i = 1; i < query->rank - 1; i++) {
        if (i >= axes.first && i <= axes.last) {
            a.queries *= query->dim[i];
            a.keys *= value->dim[i];
        } else if (i < axes.first) {
            a.before *= query->dim[i];
        } else {
            a.behind *= query->dim[i];
        }
    }
    a.heads = c->heads;
    a.sharing = c->sharing;
    a.depth = c->key_dim;
    a.width = c->value_dim;
    return a;
}

static antler_status check_inputs(const settings *c, const antler_shape *in, const span *axes, antler_error *err)
{
    const antler_shape *key = key_of(in);
    char text[3][128];
    bool fits = in[1].rank == in->rank && key->rank == in->rank;
    for (int i = 1; fits && i < in->rank - 1; i++)
        fits = in[1].dim[i] == key->dim[i] && ((i >= axes->first && i <= axes->last) || in[1].dim[i] == in->dim[i]);
    if (!fits)
        return antler_error_set(
            err, ANTLER_SHAPE, NULL, "query %s, value %s, key %s; expected (batch, T, n), (batch, S, n), (batch, S, n)",
            antler_shape_text(in, text[0], sizeof text[0]), antler_shape_text(in + 1, text[1], sizeof text[1]),
            antler_shape_text(key, text[2], sizeof text[2]));
    if (!in[2].rank || !in[3].rank)
        return ANTLER_OK;
    int64_t wanted[] = {c->heads, in->dim[1], in[1].dim[1]};
    int rank = in[3].rank;
    fits = in->rank == 3 && (rank == 3 || rank == 4);
    for (int i = 1; fits && i < rank; i++)
        fits = in[3].dim[i] == 1 || in[3].dim[i] == wanted[i + (rank == 3 ? 0 : -1)];
    return fits ? ANTLER_OK
                : antler_error_set(err, ANTLER_SHAPE, NULL,
                                   "attention_mask %s; expected (batch, T, S) or (batch, heads, T, S)",
                                   antler_shape_text(in + 3, text[0], sizeof text[0]));
}

/* (B, axes that are left alone, heads, T, S) */
static antler_shape scores_shape(const settings *c, const antler_shape *in, const span *axes)
{
    antler_shape s = {.rank = 1, .dim = {in->dim[0]}};
    for (int i = 1; i < in->rank - 1; i++)
        if (i < axes->first || i > axes->last)
            s.dim[s.rank++] = in->dim[i];
    s.dim[s.rank++] = c->heads;
    for (int side = 0; side < 2; side++)
        for (int i = axes->first; i <= axes->last; i++)
            s.dim[s.rank++] = in[side].dim[i];
    return s;
}

static antler_status infer_of(const settings *c, const antler_shape *in, antler_shape *out, antler_error *err)
{
    span axes;
    int more = 0;
    if (in[1].rank == 0)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "it takes query and value, and maybe key; got one tensor");
    if (in->rank < 3 || (c->flat && in->rank != 3))
        return antler_error_set(err, ANTLER_SHAPE, NULL, "the query has %d axes; expected (batch, steps, features)",
                                in->rank);
    ANTLER_TRY(find_axes(c, in->rank, &axes, err));
    ANTLER_TRY(check_inputs(c, in, &axes, err));
    while (c->output[more] != 0)
        more++;
    if (in->rank - 1 + more > ANTLER_MAX_RANK || (c->scores && in->rank + axes.last - axes.first + 1 > ANTLER_MAX_RANK))
        return antler_error_set(err, ANTLER_SHAPE, NULL, "an output has more than %d axes", ANTLER_MAX_RANK);
    *out = *in;
    if (more)
        out->rank = in->rank - 1 + more;
    for (int i = 0; i < more; i++)
        out->dim[in->rank - 1 + i] = c->output[i];
    if (c->scores)
        out[1] = scores_shape(c, in, &axes);
    return ANTLER_OK;
}

/* ---- variables and buffers --------------------------------------------------------------------------------------- */

static bool is_there(const settings *c, projection p)
{
    return p != GATE || c->gate;
}

static int kernel_slot(const settings *c, projection p)
{
    int before = (int)p - (p > GATE && !c->gate ? 1 : 0);
    return before * (c->use_bias ? 2 : 1);
}

static int64_t heads_of(const settings *c, projection p)
{
    return p == KEY || p == VALUE ? c->heads / c->sharing : c->heads;
}

static int64_t size_of(const settings *c, projection p)
{
    return p == QUERY || p == KEY ? c->key_dim : c->value_dim;
}

/* (features, heads, size); back: (heads, size, output..) */
static antler_shape kernel_shape(const settings *c, const antler_shape *in, projection p)
{
    int64_t features = p == KEY ? key_of(in)->dim[in->rank - 1] : in[p == VALUE ? 1 : 0].dim[in->rank - 1];
    if (p != OUTPUT)
        return (antler_shape){.rank = 3, .dim = {features, heads_of(c, p), size_of(c, p)}};
    antler_shape s = {.rank = 3, .dim = {c->heads, c->value_dim, features}};
    for (int i = 0; c->output[i] != 0; i++) {
        s.dim[2 + i] = c->output[i];
        s.rank = 3 + i;
    }
    return s;
}

static antler_shape bias_shape(const antler_shape *kernel, projection p)
{
    int from = p == OUTPUT ? 2 : 1;
    antler_shape s = {.rank = kernel->rank - from};
    memcpy(s.dim, kernel->dim + from, (size_t)s.rank * sizeof *s.dim);
    return s;
}

static void variables_of(const settings *c, const antler_shape *in, antler_plan *plan)
{
    for (int p = QUERY; p <= OUTPUT; p++) {
        if (!is_there(c, (projection)p))
            continue;
        int slot = kernel_slot(c, (projection)p);
        antler_shape kernel = kernel_shape(c, in, (projection)p), bias = bias_shape(&kernel, (projection)p);
        antler_plan_group(plan, c->group[p]);
        antler_plan_param(plan, slot, "kernel", "kernel", &kernel);
        if (c->use_bias)
            antler_plan_param(plan, slot + 1, "bias", "bias", &bias);
    }
    antler__drop_site(plan, CHOICE, c->dropout, c->seed);
}

static void buffers_of(const settings *c, const antler_shape *in, antler_plan *plan)
{
    antler_attend a = sizes_of(c, &in[0], &in[1]);
    a.samples = 1;
    int64_t queries = a.before * a.behind * a.queries * a.heads;
    int64_t keys = a.before * a.behind * a.keys * (a.heads / a.sharing);
    int64_t numbers[] = {[Q] = queries * a.depth, [K] = keys * a.depth,   [V] = keys * a.width, [P] = 0,
                         [O] = queries * a.width, [G] = queries * a.width};
    numbers[P] = antler__attend_count(&a);
    antler_shape shape[G + 1];
    bool trains = antler_plan_mode(plan) == ANTLER_TRAIN;
    antler__attend_buffers(plan, CHOICE, c->dropout, &a, in);
    for (int i = Q; i <= G; i++) {
        shape[i] = antler__attend_flat(in, numbers[i]);
        if (i == G && !c->gate)
            continue;
        if (trains)
            antler_plan_saved(plan, i, &shape[i]);
        else
            antler_plan_scratch(plan, i, &shape[i]);
    }
    if (c->dropout > 0)
        antler_plan_scratch(plan, DROPPED, &shape[P]);
    if (c->gate)
        antler_plan_scratch(plan, GATED, &shape[O]);
    if (!trains)
        return;
    antler_plan_scratch(plan, DOUT, &shape[O]);
    antler_plan_scratch(plan, DP, &shape[P]);
    antler_plan_scratch(plan, DQ, &shape[Q]);
    antler_plan_scratch(plan, DK, &shape[K]);
    antler_plan_scratch(plan, DV, &shape[V]);
    if (c->gate)
        antler_plan_scratch(plan, DG, &shape[O]);
}

/* ---- maps -------------------------------------------------------------------------------------------------------- */

/* A kernel as a matrix (in, out). */
typedef struct map {
    int slot;
    int64_t in, out;
} map;

static map map_of(const settings *c, const antler_run *run, projection p)
{
    map m = {.slot = kernel_slot(c, p)};
    const antler_shape *kernel = &run->param[m.slot].shape;
    m.out = antler_count(kernel, p == OUTPUT ? 2 : 1);
    m.in = antler_count(kernel, 0) / m.out;
    return m;
}

static void project(const settings *c, antler_run *run, projection p, const antler_real *x, int64_t rows,
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

static void project_gradient(const settings *c, antler_run *run, projection p, const antler_real *x, int64_t rows,
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
static void project_back(const settings *c, antler_run *run, projection p, const antler_real *dy, int64_t rows,
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

static antler_attend_rule rule_of(const settings *c, const antler_run *run)
{
    if (run->keras < 300)
        return ANTLER_ATTEND_LESS;
    return c->dropout > 0 || c->scores || run->x[0].shape.rank != 3 ? ANTLER_ATTEND_ZERO : ANTLER_ATTEND_REPLACE;
}

static antler_status check_masks(antler_run *run)
{
    for (int i = 0; i < run->inputs && i < 3; i++)
        if (run->mask[i].data && run->x[0].shape.rank != 3)
            return antler_run_fail(run, ANTLER_UNSUPPORTED, "attention over masked tensors of %d axes; expected 3",
                                   run->x[0].shape.rank);
    return ANTLER_OK;
}

static call call_of(const settings *c, antler_run *run)
{
    int key = run->inputs > 2 ? 2 : 1;
    call j = {.a = sizes_of(c, &run->x[0].shape, &run->x[1].shape)};
    j.query = run->x[0].data;
    j.value = run->x[1].data;
    j.key = run->x[key].data;
    j.mask = (antler_attend_mask){.rule = rule_of(c, run), .causal = c->causal, .window = c->window};
    j.mask.query = run->mask[0].data;
    j.mask.value = run->mask[1].data;
    j.mask.key = run->mask[key].data;
    j.mask.seen = run->inputs > 3 ? &run->x[3] : NULL;
    for (int i = Q; i <= G; i++)
        j.buffer[i] = run->mode == ANTLER_TRAIN ? run->saved[i].data : run->scratch[i].data;
    j.work = (antler_attend_work){.choice = CHOICE, .rate = c->dropout, .p = j.buffer[P]};
    j.work.dropped = c->dropout > 0 ? run->scratch[DROPPED].data : j.buffer[P];
    j.queries = antler_count(&run->x[0].shape, 0) / run->x[0].shape.dim[run->x[0].shape.rank - 1];
    j.keys = antler_count(&run->x[1].shape, 0) / run->x[1].shape.dim[run->x[1].shape.rank - 1];
    j.answers = j.queries * c->heads * c->value_dim;
    j.scale = (antler_real)(1 / sqrt((double)c->key_dim));
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
static const antler_real *gated(const settings *c, antler_run *run, const call *j)
{
    gating g = {.o = j->buffer[O], .g = j->buffer[G], .gated = run->scratch[GATED].data};
    if (!c->gate)
        return j->buffer[O];
    antler_run_ranges(run, j->answers, 1, gate_piece, &g);
    return g.gated;
}

/* ---- forward and backward ---------------------------------------------------------------------------------------- */

static antler_status forward_of(const settings *c, antler_run *run)
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
static void output_backward(const settings *c, antler_run *run, const call *j, antler_real *dout)
{
    gating g = {.o = j->buffer[O], .g = j->buffer[G], .dout = dout, .dg = run->scratch[DG].data};
    int slot = kernel_slot(c, OUTPUT);
    if (run->dy->data) {
        project_gradient(c, run, OUTPUT, gated(c, run, j), j->queries, run->dy->data);
        project_back(c, run, OUTPUT, run->dy->data, j->queries, dout, false);
    } else {
        zeros(&run->grad[slot]);
        if (c->use_bias)
            zeros(&run->grad[slot + 1]);
        memset(dout, 0, (size_t)j->answers * sizeof *dout);
    }
    if (c->gate)
        antler_run_ranges(run, j->answers, 1, gate_backward_piece, &g);
}

static antler_status backward_of(const settings *c, antler_run *run)
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

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static const char *const arguments[] = {"query", "value", "key=value", "attention_mask", NULL};

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    settings c = of_multi_head(config);
    return infer_of(&c, in, out, err);
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    settings c = of_multi_head(config);
    variables_of(&c, in, plan);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    settings c = of_multi_head(config);
    buffers_of(&c, in, plan);
}

static antler_status forward(const void *config, antler_run *run)
{
    settings c = of_multi_head(config);
    return forward_of(&c, run);
}

static antler_status backward(const void *config, antler_run *run)
{
    settings c = of_multi_head(config);
    return backward_of(&c, run);
}

const antler_layer_ops antler_layer_multi_head_attention = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "MultiHeadAttention",
             .doc = "several attentions side by side, between maps of query, key and value",
             .config_size = sizeof(multi_head),
             .fields = fields,
             .samples = samples,
             .check = check},
    .flags = ANTLER_NEEDS_X,
    .inputs = 4,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
    .arguments = arguments,
};

static antler_status group_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    settings c = of_group_query(config);
    return infer_of(&c, in, out, err);
}

static void group_variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    settings c = of_group_query(config);
    variables_of(&c, in, plan);
}

static void group_buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    settings c = of_group_query(config);
    buffers_of(&c, in, plan);
}

static antler_status group_forward(const void *config, antler_run *run)
{
    settings c = of_group_query(config);
    return forward_of(&c, run);
}

static antler_status group_backward(const void *config, antler_run *run)
{
    settings c = of_group_query(config);
    return backward_of(&c, run);
}

static const char *const group_aliases[] = {"GroupedQueryAttention", NULL};

const antler_layer_ops antler_layer_group_query_attention = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "GroupQueryAttention",
             .aliases = group_aliases,
             .doc = "MultiHeadAttention whose heads share keys and values",
             .config_size = sizeof(group_query),
             .fields = group_fields,
             .samples = group_samples,
             .check = check_groups},
    .flags = ANTLER_NEEDS_X,
    .inputs = 4,
    .mask = ANTLER_MASK_PASS,
    .infer = group_infer,
    .variables = group_variables,
    .buffers = group_buffers,
    .forward = group_forward,
    .backward = group_backward,
    .arguments = arguments,
};
