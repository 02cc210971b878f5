#include "layers/shared/heads.h"

#include <string.h>

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static const antler_shape *key_of(const antler_shape *in)
{
    return in[2].rank ? &in[2] : &in[1];
}

/* The axes of the steps. */
typedef struct span {
    int first, last;
} span;

static antler_status find_axes(const antler_heads *c, int rank, span *axes, antler_error *err)
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

antler_attend antler__heads_sizes(const antler_heads *c, const antler_shape *query, const antler_shape *value)
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

static antler_status check_inputs(const antler_heads *c, const antler_shape *in, const span *axes, antler_error *err)
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
static antler_shape scores_shape(const antler_heads *c, const antler_shape *in, const span *axes)
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

antler_status antler__heads_infer(const antler_heads *c, const antler_shape *in, antler_shape *out, antler_error *err)
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

static bool is_there(const antler_heads *c, projection p)
{
    return p != GATE || c->gate;
}

int antler__heads_kernel(const antler_heads *c, projection p)
{
    int before = (int)p - (p > GATE && !c->gate ? 1 : 0);
    return before * (c->use_bias ? 2 : 1);
}

static int64_t heads_of(const antler_heads *c, projection p)
{
    return p == KEY || p == VALUE ? c->heads / c->sharing : c->heads;
}

static int64_t size_of(const antler_heads *c, projection p)
{
    return p == QUERY || p == KEY ? c->key_dim : c->value_dim;
}

/* (features, heads, size); back: (heads, size, output..) */
static antler_shape kernel_shape(const antler_heads *c, const antler_shape *in, projection p)
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

/* Keras's names, by their maps. */
static const char *const kernels[] = {"query/kernel", "key/kernel", "gate/kernel", "value/kernel",
                                      "attention_output/kernel"};
static const char *const biases[] = {"query/bias", "key/bias", "gate/bias", "value/bias", "attention_output/bias"};

void antler__heads_variables(const antler_heads *c, const antler_shape *in, antler_plan *plan)
{
    for (int p = QUERY; p <= OUTPUT; p++) {
        if (!is_there(c, (projection)p))
            continue;
        int slot = antler__heads_kernel(c, (projection)p);
        antler_shape kernel = kernel_shape(c, in, (projection)p), bias = bias_shape(&kernel, (projection)p);
        antler_plan_group(plan, c->group[p]);
        antler_plan_fan_in(plan, p == OUTPUT ? kernel.dim[0] * kernel.dim[1] : kernel.dim[0]);
        antler_plan_param(plan, slot, kernels[p], "kernel", &kernel);
        antler_plan_fan_in(plan, 0);
        if (c->use_bias)
            antler_plan_param(plan, slot + 1, biases[p], "bias", &bias);
    }
    antler__drop_site(plan, CHOICE, c->dropout, c->seed);
}

void antler__heads_buffers(const antler_heads *c, const antler_shape *in, antler_plan *plan)
{
    antler_attend a = antler__heads_sizes(c, &in[0], &in[1]);
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
