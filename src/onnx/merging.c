/* Layers that make one tensor of several. */
#include "layers/shared/masks.h"
#include "onnx/say.h"

#include <math.h>
#include <stdio.h>

/* ---- masks --------------------------------------------------------------------------------------------------------
 */

/* A mask of all steps, for the batch of x. */
static antler_term *full_mask(antler_onnx *o, antler_term *x, int64_t steps)
{
    if (steps < 0)
        antler__onnx_refuse(o, "tensors with and without a mask, of variable length");
    return antler__op1(o, "Not", antler__zeros(o, x, 1, &steps, ANTLER_ONNX_BOOL));
}

static bool any_mask(const antler_said *s)
{
    bool any = false;
    for (int i = 0; i < s->layer->inputs; i++)
        any |= s->mask[i] != NULL;
    return any;
}

/* A step is there if it is in any tensor, before Keras 3.4 if it is in all. A mask of one step is for all; a tensor
   without one, or with one of another length than y's, has all its steps. */
static void join_masks(antler_onnx *o, antler_said *s)
{
    const int64_t steps = antler__out_of(s)->dim[1];
    antler_term *joined = NULL;
    bool full = false, whole = false;
    if (!any_mask(s))
        return;
    for (int i = 0; i < s->layer->inputs; i++) {
        int64_t own = s->layer->in[i].dim[1];
        bool fits = s->mask[i] && (own == steps || own == 1);
        full |= !fits;
        whole |= fits && own == steps;
        if (fits)
            joined = joined
                         ? antler__op2(o, antler__masks_join_by_or(o->model->keras) ? "Or" : "And", joined, s->mask[i])
                         : s->mask[i];
    }
    if (!joined || (full && antler__masks_join_by_or(o->model->keras)))
        joined = full_mask(o, s->x[0], steps);
    else if (!whole)
        joined = antler__op2(o, "And", joined, full_mask(o, s->x[0], steps));
    s->mask_out = joined;
}

/* ---- element by element -------------------------------------------------------------------------------------------
 */

/* The mask of input i, stretched to its axes, where it acts on values; a tensor of fewer axes loses its own. */
static antler_term *value_mask(antler_onnx *o, const antler_said *s, int i)
{
    int rank = antler__out_of(s)->rank;
    bool acts = s->mask[i] && antler__masks_join_by_or(o->model->keras) && s->layer->in[i].rank == rank;
    return acts ? antler__mask_stretched(o, s->mask[i], rank) : NULL;
}

/* y = x_0 op x_1 op ..; neutral: what a masked number counts as, where masks act on values, else NaN. Where all numbers
   are masked y is 0 if that is 1, and else x_0. */
static void element_wise(antler_onnx *o, antler_said *s, const char *op, double neutral)
{
    int rank = antler__out_of(s)->rank;
    antler_term *y = NULL, *live = NULL;
    bool masked = true;
    for (int i = 0; i < s->layer->inputs; i++) {
        antler_term *x = antler__widen(o, s->x[i], 1, rank - s->layer->in[i].rank);
        antler_term *mask = isnan(neutral) ? NULL : value_mask(o, s, i);
        x = mask ? antler__op3(o, "Where", mask, x, antler__real(o, neutral)) : x;
        y = y ? antler__op2(o, op, y, x) : x;
        masked = masked && mask;
        live = live && mask ? antler__op2(o, "Or", live, mask) : mask;
    }
    antler_term *rest = neutral == 1 ? antler__real(o, 0) : antler__widen(o, s->x[0], 1, rank - s->layer->in[0].rank);
    s->y[0] = masked ? antler__op3(o, "Where", live, y, rest) : y;
    join_masks(o, s);
}

static void add(antler_onnx *o, antler_said *s)
{
    element_wise(o, s, "Add", NAN);
}

static void subtract(antler_onnx *o, antler_said *s)
{
    element_wise(o, s, "Sub", NAN);
}

static void average(antler_onnx *o, antler_said *s)
{
    element_wise(o, s, "Add", NAN);
    s->y[0] = antler__op2(o, "Div", s->y[0], antler__real(o, s->layer->inputs));
}

static void multiply(antler_onnx *o, antler_said *s)
{
    element_wise(o, s, "Mul", 1);
}

static void maximum(antler_onnx *o, antler_said *s)
{
    element_wise(o, s, "Max", -INFINITY);
}

static void minimum(antler_onnx *o, antler_said *s)
{
    element_wise(o, s, "Min", INFINITY);
}

/* ---- one behind the other -----------------------------------------------------------------------------------------
 */

/* Along the steps the masks are joined as the tensors are. */
static void append_masks(antler_onnx *o, antler_said *s)
{
    antler_term **mask = antler__onnx_room(o, (size_t)s->layer->inputs, sizeof *mask);
    for (int i = 0; mask && i < s->layer->inputs; i++)
        mask[i] = s->mask[i] ? s->mask[i] : full_mask(o, s->x[i], s->layer->in[i].dim[1]);
    if (!mask || !any_mask(s))
        return;
    s->mask_out = antler__op(o, "Concat", s->layer->inputs, mask);
    antler__set_int(o, "axis", 1);
}

static void concatenate(antler_onnx *o, antler_said *s)
{
    const struct antler_concatenate *c = antler__config_of(s);
    int axis = antler_axis(c->axis, antler__out_of(s)->rank);
    s->y[0] = antler__op(o, "Concat", s->layer->inputs, s->x);
    antler__set_int(o, "axis", axis);
    if (axis == 1)
        append_masks(o, s);
    else
        join_masks(o, s);
}

/* ---- Dot ----------------------------------------------------------------------------------------------------------
 */

/* Vectors of length 1; the factor is at most 1e7. */
static antler_term *unit(antler_onnx *o, antler_term *x, int64_t axis)
{
    antler_term *sum = antler__reduce(o, "ReduceSumSquare", x, 1, &axis, true);
    sum = antler__op2(o, "Max", sum, antler__real(o, 1e-14));
    return antler__op2(o, "Div", x, antler__op1(o, "Sqrt", sum));
}

/* "abc,ade->abcde" */
static void dot(antler_onnx *o, antler_said *s)
{
    const struct antler_dot *c = antler__config_of(s);
    char text[2][ANTLER_MAX_RANK + 1] = {{0}}, out[2 * ANTLER_MAX_RANK] = "a";
    antler_term *x[2];
    char letter = 'b';
    size_t n = 1;
    for (int i = 0; i < 2; i++) {
        int axis = antler_axis(c->axes[i], s->layer->in[i].rank);
        x[i] = c->normalize ? unit(o, s->x[i], axis) : s->x[i];
        for (int d = 0; d < s->layer->in[i].rank; d++) {
            text[i][d] = d == 0 ? 'a' : d == axis ? 'z' : letter++;
            if (d > 0 && d != axis)
                out[n++] = text[i][d];
        }
    }
    char *equation = antler__onnx_room(o, sizeof text + sizeof out + 4, 1);
    if (!equation)
        return;
    snprintf(equation, sizeof text + sizeof out + 4, "%s,%s->%s", text[0], text[1], out);
    s->y[0] = antler__op2(o, "Einsum", x[0], x[1]);
    antler__set_text(o, "equation", equation);
    if (n == 1)
        s->y[0] = antler__shaped(o, s->y[0], antler__out_of(s));
}

const antler_saying antler__say_merging[] = {
    {&antler_layer_add.type, add, true},
    {&antler_layer_subtract.type, subtract, true},
    {&antler_layer_multiply.type, multiply, true},
    {&antler_layer_average.type, average, true},
    {&antler_layer_maximum.type, maximum, true},
    {&antler_layer_minimum.type, minimum, true},
    {&antler_layer_concatenate.type, concatenate, true},
    {&antler_layer_dot.type, dot, false},
    {NULL, NULL, false},
};
