/* Operators of graphs. Their settings are found by key, as their structs are their own. Those that give a sample
   another shape, or are an activation alone, are said without a table (say.c). */
#include "onnx/say.h"

#include "antler/layer.h"
#include "layers/shared/pick.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define ANTLER_OPERATION(name, file) extern const antler_operation_ops antler__operation_##name;
#include "layers/operations/operations.def"
#undef ANTLER_OPERATION

static double number(const antler_said *s, const char *key)
{
    const double *value = antler_object_field(s->layer->object, key);
    return value ? *value : NAN;
}

static const int64_t *integers(const antler_said *s, const char *key)
{
    static const int64_t none[] = {ANTLER_NULL};
    const int64_t *value = antler_object_field(s->layer->object, key);
    return value ? value : none;
}

static bool flag(const antler_said *s, const char *key)
{
    const bool *value = antler_object_field(s->layer->object, key);
    return value && *value;
}

/* ---- of every element ---------------------------------------------------------------------------------------------
 */

static void one(antler_onnx *o, antler_said *s, const char *op)
{
    s->y[0] = antler__op1(o, op, s->x[0]);
}

static void absolute(antler_onnx *o, antler_said *s)
{
    one(o, s, "Abs");
}

static void negative(antler_onnx *o, antler_said *s)
{
    one(o, s, "Neg");
}

static void logarithm(antler_onnx *o, antler_said *s)
{
    one(o, s, "Log");
}

static void square_root(antler_onnx *o, antler_said *s)
{
    one(o, s, "Sqrt");
}

static void reciprocal(antler_onnx *o, antler_said *s)
{
    s->y[0] = antler__op2(o, "Div", antler__real(o, 1), s->x[0]);
}

static void reciprocal_root(antler_onnx *o, antler_said *s)
{
    s->y[0] = antler__op2(o, "Div", antler__real(o, 1), antler__op1(o, "Sqrt", s->x[0]));
}

static void square(antler_onnx *o, antler_said *s)
{
    s->y[0] = antler__op2(o, "Mul", s->x[0], s->x[0]);
}

static void clip(antler_onnx *o, antler_said *s)
{
    s->y[0] = antler__op3(o, "Clip", s->x[0], antler__real(o, number(s, "x_min")), antler__real(o, number(s, "x_max")));
}

static void elu(antler_onnx *o, antler_said *s)
{
    one(o, s, "Elu");
    antler__set_real(o, "alpha", number(s, "alpha"));
}

static void leaky_relu(antler_onnx *o, antler_said *s)
{
    one(o, s, "LeakyRelu");
    antler__set_real(o, "alpha", number(s, "negative_slope"));
}

/* 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), or by erf. */
static void gelu(antler_onnx *o, antler_said *s)
{
    antler_term *x = s->x[0], *u;
    if (flag(s, "approximate")) {
        antler_term *cube = antler__op2(o, "Mul", antler__op2(o, "Mul", x, x), x);
        u = antler__op2(o, "Add", x, antler__op2(o, "Mul", cube, antler__real(o, 0.044715)));
        u = antler__op1(o, "Tanh", antler__op2(o, "Mul", u, antler__real(o, 0.79788456080286535588)));
    } else
        u = antler__op1(o, "Erf", antler__op2(o, "Mul", x, antler__real(o, 0.70710678118654752440)));
    u = antler__op2(o, "Add", u, antler__real(o, 1));
    s->y[0] = antler__op2(o, "Mul", antler__op2(o, "Mul", x, antler__real(o, 0.5)), u);
}

static void soft_max(antler_onnx *o, antler_said *s)
{
    const struct antler_softmax *c = antler__config_of(s);
    s->y[0] = s->x[0];
    if (s->layer->f)
        return;
    one(o, s, "Softmax");
    antler__set_int(o, "axis", c->axis);
}

/* ---- of two -------------------------------------------------------------------------------------------------------
 */

static void pair(antler_onnx *o, antler_said *s, const char *op)
{
    int next = 0;
    double given[] = {number(s, "x1"), number(s, "x2")};
    antler_term *x[2];
    for (int i = 0; i < 2; i++)
        x[i] = isnan(given[i]) ? s->x[next++] : antler__real(o, given[i]);
    s->y[0] = antler__op2(o, op, x[0], x[1]);
}

static void add(antler_onnx *o, antler_said *s)
{
    pair(o, s, "Add");
}

static void subtract(antler_onnx *o, antler_said *s)
{
    pair(o, s, "Sub");
}

static void multiply(antler_onnx *o, antler_said *s)
{
    pair(o, s, "Mul");
}

static void divide(antler_onnx *o, antler_said *s)
{
    pair(o, s, "Div");
}

static void power(antler_onnx *o, antler_said *s)
{
    pair(o, s, "Pow");
}

static void maximum(antler_onnx *o, antler_said *s)
{
    pair(o, s, "Max");
}

static void minimum(antler_onnx *o, antler_said *s)
{
    pair(o, s, "Min");
}

static void matmul(antler_onnx *o, antler_said *s)
{
    s->y[0] = antler__op2(o, "MatMul", s->x[0], s->x[1]);
}

/* ---- over axes ----------------------------------------------------------------------------------------------------
 */

static void reduce(antler_onnx *o, antler_said *s, const char *op)
{
    const int64_t *axis = integers(s, "axis");
    int64_t axes[ANTLER_MAX_RANK];
    bool taken[ANTLER_MAX_RANK] = {false};
    int n = 0, rank = antler__in_of(s)->rank;
    for (int i = 0; i < ANTLER_MAX_RANK && axis[i] != ANTLER_NULL; i++)
        taken[antler_axis(axis[i], rank)] = true;
    for (int i = 0; i < rank; i++)
        if (taken[i])
            axes[n++] = i;
    s->y[0] = antler__reduce(o, op, s->x[0], n, axes, flag(s, "keepdims"));
}

static void sum(antler_onnx *o, antler_said *s)
{
    reduce(o, s, "ReduceSum");
}

static void mean(antler_onnx *o, antler_said *s)
{
    reduce(o, s, "ReduceMean");
}

static void largest(antler_onnx *o, antler_said *s)
{
    reduce(o, s, "ReduceMax");
}

static void least(antler_onnx *o, antler_said *s)
{
    reduce(o, s, "ReduceMin");
}

/* ---- joined -------------------------------------------------------------------------------------------------------
 */

static void concatenate(antler_onnx *o, antler_said *s)
{
    const struct antler_concatenate *c = antler__config_of(s);
    s->y[0] = antler__op(o, "Concat", s->layer->inputs, s->x);
    antler__set_int(o, "axis", c->axis);
}

static void stack(antler_onnx *o, antler_said *s)
{
    const struct antler_concatenate *c = antler__config_of(s);
    const int64_t axis = antler_axis(c->axis, antler__out_of(s)->rank);
    antler_term **x = antler__onnx_room(o, (size_t)s->layer->inputs, sizeof *x);
    for (int i = 0; x && i < s->layer->inputs; i++)
        x[i] = antler__unsqueeze(o, s->x[i], 1, &axis);
    if (!x)
        return;
    s->y[0] = antler__op(o, "Concat", s->layer->inputs, x);
    antler__set_int(o, "axis", axis);
}

/* ---- picked -------------------------------------------------------------------------------------------------------
 */

/* Where in a sample of x number e of a sample of y is. */
static int64_t place_of(const antler_pick *p, int64_t e)
{
    int64_t at = p->first;
    for (int i = p->rank - 1; i >= 0; i--) {
        at += e % p->dim[i] * p->step[i];
        e /= p->dim[i];
    }
    return at;
}

/* The sample's numbers in a row, of which some are taken: a run of neighbours, or each by its place. */
static void picked(antler_onnx *o, antler_said *s, const antler_pick *p)
{
    const antler_shape *out = antler__out_of(s);
    int64_t n = antler_count(out, 1), row[] = {-1, p->size};
    int64_t *at = antler__onnx_room(o, (size_t)n, sizeof *at);
    bool run = true;
    if (n > INT_MAX)
        antler__onnx_refuse(o, "an index of more than %d numbers", INT_MAX);
    for (int64_t e = 0; at && e < n; e++) {
        at[e] = place_of(p, e);
        run = run && at[e] == at[0] + e;
    }
    if (!at || o->status != ANTLER_OK)
        return;
    antler_term *x = antler__reshape(o, s->x[0], 2, row);
    if (run)
        x = antler__slice(o, x, 1, at[0], at[0] + n, 1);
    else {
        x = antler__op2(o, "Gather", x, antler__ints(o, (int)n, at));
        antler__set_int(o, "axis", 1);
    }
    s->y[0] = antler__shaped(o, x, out);
}

static void transpose(antler_onnx *o, antler_said *s)
{
    const int64_t *axes = integers(s, "axes");
    int order[ANTLER_MAX_RANK], rank = antler__in_of(s)->rank;
    for (int i = 0; i < rank; i++)
        order[i] = antler_axis(axes[i], rank);
    s->y[0] = antler__transpose(o, s->x[0], rank, order);
}

static void swap_axes(antler_onnx *o, antler_said *s)
{
    int order[ANTLER_MAX_RANK], rank = antler__in_of(s)->rank;
    int a = antler_axis(*integers(s, "axis1"), rank), b = antler_axis(*integers(s, "axis2"), rank);
    for (int i = 0; i < rank; i++)
        order[i] = i == a ? b : i == b ? a : i;
    s->y[0] = antler__transpose(o, s->x[0], rank, order);
}

static void move_axis(antler_onnx *o, antler_said *s)
{
    int rank = antler__in_of(s)->rank, from = antler_axis(*integers(s, "source"), rank);
    s->y[0] = antler__move_axis(o, s->x[0], rank, from, antler_axis(*integers(s, "destination"), rank));
}

static void flip(antler_onnx *o, antler_said *s)
{
    const int64_t *axis = integers(s, "axis");
    s->y[0] = s->x[0];
    for (int i = 0; i < ANTLER_MAX_RANK && axis[i] != ANTLER_NULL; i++)
        s->y[0] = antler__backwards(o, s->y[0], antler_axis(axis[i], antler__in_of(s)->rank));
}

static void get_item(antler_onnx *o, antler_said *s)
{
    antler_pick p;
    if (antler__pick_items(s->layer->object.config, antler__in_of(s), &p) == ANTLER_OK)
        picked(o, s, &p);
    else
        antler__onnx_refuse(o, "an index that cannot be followed");
}

const antler_saying antler__say_operations[] = {
    {&antler__operation_absolute.layer.type, absolute, true},
    {&antler__operation_add.layer.type, add, true},
    {&antler__operation_clip.layer.type, clip, true},
    {&antler__operation_concatenate.layer.type, concatenate, true},
    {&antler__operation_elu.layer.type, elu, true},
    {&antler__operation_flip.layer.type, flip, true},
    {&antler__operation_gelu.layer.type, gelu, true},
    {&antler__operation_get_item.layer.type, get_item, false},
    {&antler__operation_leaky_relu.layer.type, leaky_relu, true},
    {&antler__operation_log.layer.type, logarithm, true},
    {&antler__operation_matmul.layer.type, matmul, true},
    {&antler__operation_max.layer.type, largest, true},
    {&antler__operation_maximum.layer.type, maximum, true},
    {&antler__operation_mean.layer.type, mean, true},
    {&antler__operation_min.layer.type, least, true},
    {&antler__operation_minimum.layer.type, minimum, true},
    {&antler__operation_moveaxis.layer.type, move_axis, true},
    {&antler__operation_multiply.layer.type, multiply, true},
    {&antler__operation_negative.layer.type, negative, true},
    {&antler__operation_power.layer.type, power, true},
    {&antler__operation_reciprocal.layer.type, reciprocal, true},
    {&antler__operation_rsqrt.layer.type, reciprocal_root, true},
    {&antler__operation_softmax.layer.type, soft_max, true},
    {&antler__operation_sqrt.layer.type, square_root, true},
    {&antler__operation_square.layer.type, square, true},
    {&antler__operation_stack.layer.type, stack, true},
    {&antler__operation_stop_gradient.layer.type, antler__say_same, true},
    {&antler__operation_subtract.layer.type, subtract, true},
    {&antler__operation_sum.layer.type, sum, true},
    {&antler__operation_swapaxes.layer.type, swap_axes, true},
    {&antler__operation_transpose.layer.type, transpose, true},
    {&antler__operation_true_divide.layer.type, divide, true},
    {&antler_layer_elu.type, elu, true}, /* layers with the same settings */
    {&antler_layer_leaky_relu.type, leaky_relu, true},
    {NULL, NULL, false},
};
