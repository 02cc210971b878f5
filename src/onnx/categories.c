/* Numbers as categories: Discretization, CategoryEncoding, IntegerLookup. */
#include "layers/shared/lookup.h"
#include "onnx/say.h"

#include <string.h>

static bool is(const char *setting, const char *value)
{
    return setting && strcmp(setting, value) == 0;
}

/* How many boundaries are at most x. NaN is beyond them all, which a comparison does not say: it is not less. */
static antler_term *bins(antler_onnx *o, const antler_numbers *boundaries, antler_term *x)
{
    const int64_t last = -1;
    antler_real *to;
    antler_term *table = antler__table(o, 1, &boundaries->n, &to);
    for (int64_t i = 0; table && i < boundaries->n; i++)
        to[i] = (antler_real)(float)boundaries->value[i];
    antler_term *less = antler__op2(o, "Less", antler__unsqueeze(o, x, 1, &last), table);
    antler_term *there = antler__cast(o, antler__op1(o, "Not", less), ANTLER_ONNX_REAL);
    return antler__reduce(o, "ReduceSum", there, 1, &last, false);
}

/* Indices as rows of 0 and 1, or counts along an axis of theirs; what lies outside of [0, depth) has no place. */
static antler_term *encode(antler_onnx *o, antler_term *index, int64_t depth, const char *mode, int64_t axis,
                           const antler_shape *out)
{
    const int64_t last = -1;
    antler_real *to;
    antler_term *table = antler__table(o, 1, &depth, &to);
    for (int64_t i = 0; table && i < depth; i++)
        to[i] = (antler_real)i;
    antler_term *hot = antler__op2(o, "Equal", antler__unsqueeze(o, index, 1, &last), table);
    hot = antler__cast(o, hot, ANTLER_ONNX_REAL);
    if (is(mode, "one_hot"))
        return antler__shaped(o, hot, out);
    return antler__reduce(o, is(mode, "count") ? "ReduceSum" : "ReduceMax", hot, 1, &axis, false);
}

static void discretization(antler_onnx *o, antler_said *s)
{
    const struct antler_discretization *c = antler__config_of(s);
    s->y[0] = bins(o, &c->bin_boundaries, s->x[0]);
    if (!is(c->output_mode, "int"))
        s->y[0] = encode(o, s->y[0], c->bin_boundaries.n + 1, c->output_mode, 1, antler__out_of(s));
}

static void category_encoding(antler_onnx *o, antler_said *s)
{
    const struct antler_category_encoding *c = antler__config_of(s);
    s->y[0] = encode(o, s->x[0], c->num_tokens, c->output_mode, -2, antler__out_of(s));
}

/* ---- IntegerLookup ------------------------------------------------------------------------------------------------
 */

static antler_term *whole_number(antler_onnx *o, int64_t value)
{
    return antler__ints(o, 1, &value);
}

/* Integers of the vocabulary, without what stands in front of it. */
static antler_term *vocabulary(antler_onnx *o, const struct antler_integer_lookup *c, const antler_lookup_places *p,
                               int64_t *n)
{
    *n = c->vocabulary.n - p->special;
    int64_t *token = antler__onnx_room(o, (size_t)*n, sizeof *token);
    for (int64_t i = 0; token && i < *n; i++)
        token[i] = (int64_t)c->vocabulary.value[p->special + i];
    return token ? antler__ints(o, (int)*n, token) : NULL;
}

/* Places of integers. */
static antler_term *places(antler_onnx *o, const struct antler_integer_lookup *c, const antler_lookup_places *p,
                           antler_term *token)
{
    const int64_t last = -1;
    int64_t n;
    antler_real *number;
    antler_term *table = vocabulary(o, c, p, &n), *numbers = antler__table(o, 1, &n, &number);
    for (int64_t i = 0; numbers && i < n; i++)
        number[i] = (antler_real)(p->token + i);
    antler_term *is_it = antler__op2(o, "Equal", antler__unsqueeze(o, token, 1, &last), table);
    is_it = antler__cast(o, is_it, ANTLER_ONNX_REAL);
    antler_term *found = antler__cast(o, antler__reduce(o, "ReduceMax", is_it, 1, &last, false), ANTLER_ONNX_BOOL);
    antler_term *place = antler__reduce(o, "ReduceSum", antler__op2(o, "Mul", is_it, numbers), 1, &last, false);
    antler_term *rest = antler__op2(o, "Mod", token, whole_number(o, c->num_oov_indices)); /* not below 0 */
    rest = antler__op2(o, "Add", antler__cast(o, rest, ANTLER_ONNX_REAL), antler__real(o, (double)p->oov));
    place = antler__op3(o, "Where", found, place, rest);
    if (!p->masks)
        return place;
    antler_term *masked = antler__op2(o, "Equal", token, whole_number(o, c->mask_token));
    return antler__op3(o, "Where", masked, antler__real(o, (double)(p->oov - 1)), place);
}

/* Integers at places. */
static antler_term *tokens(antler_onnx *o, const struct antler_integer_lookup *c, const antler_lookup_places *p,
                           antler_term *place)
{
    int64_t n;
    antler_term *table = vocabulary(o, c, p, &n);
    antler_term *at = antler__op2(o, "Sub", place, whole_number(o, p->token));
    antler_term *within = antler__op3(o, "Clip", at, antler__int(o, 0), antler__int(o, n - 1));
    antler_term *has = antler__op2(o, "Equal", at, within);
    antler_term *token =
        antler__op3(o, "Where", has, antler__op2(o, "Gather", table, within), whole_number(o, c->oov_token));
    if (p->masks)
        token = antler__op3(o, "Where", antler__op2(o, "Equal", place, whole_number(o, 0)),
                            whole_number(o, c->mask_token), token);
    return antler__cast(o, token, ANTLER_ONNX_REAL);
}

static void integer_lookup(antler_onnx *o, antler_said *s)
{
    const struct antler_integer_lookup *c = antler__config_of(s);
    const antler_lookup_places p = antler__lookup_places(c);
    antler_term *x = antler__cast(o, s->x[0], ANTLER_ONNX_INT64);
    if (c->num_oov_indices == 0 && !c->invert)
        antler__onnx_refuse(o, "integers without a place are an error, which a graph cannot raise");
    else if (c->invert)
        s->y[0] = tokens(o, c, &p, x);
    else if (is(c->output_mode, "int"))
        s->y[0] = places(o, c, &p, x);
    else
        s->y[0] = encode(o, places(o, c, &p, x), p.depth, c->output_mode, -2, antler__out_of(s));
}

const antler_saying antler__say_categories[] = {
    {&antler_layer_discretization.type, discretization, false},
    {&antler_layer_category_encoding.type, category_encoding, false},
    {&antler_layer_integer_lookup.type, integer_lookup, false},
    {NULL, NULL, false},
};
