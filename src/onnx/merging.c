/* Layers that make one tensor of several. */
#include "onnx/say.h"

#include <stdio.h>

/* Axes of size 1 behind the batch's, as many as a larger tensor has more. */
static antler_term *with_axes(antler_onnx *o, antler_term *x, int from, int to)
{
    int64_t axes[ANTLER_MAX_RANK];
    for (int i = 0; i < to - from; i++)
        axes[i] = i + 1;
    return to > from ? antler__unsqueeze(o, x, to - from, axes) : x;
}

/* ---- masks --------------------------------------------------------------------------------------------------------
 */

static bool joins_by_or(const antler_onnx *o)
{
    return o->model->keras >= 304;
}

/* A step is there if it is in any tensor, before Keras 3.4 if it is in all. One without a mask has all its steps. */
static void join_masks(antler_onnx *o, antler_said *s)
{
    antler_term *joined = NULL;
    bool all = false;
    for (int i = 0; i < s->layer->inputs; i++) {
        antler_term *mask = s->mask[i];
        all |= !mask;
        if (mask && s->layer->in[i].dim[1] != s->layer->out[0].dim[1] && s->layer->in[i].dim[1] != 1)
            antler__onnx_refuse(o, "masks of different lengths");
        if (mask)
            joined = joined ? antler__op2(o, joins_by_or(o) ? "Or" : "And", joined, mask) : mask;
    }
    if (joined && all && joins_by_or(o)) /* x or not x: all there are */
        joined = antler__op2(o, "Or", joined, antler__op1(o, "Not", joined));
    s->mask_out = joined;
}

/* Of Multiply, Maximum and Minimum: masks change values. */
static void refuse_masks(antler_onnx *o, const antler_said *s)
{
    bool masked = false;
    for (int i = 0; i < s->layer->inputs; i++)
        masked |= s->mask[i] != NULL;
    if (masked && joins_by_or(o))
        antler__onnx_refuse(o, "a mask that acts on values");
}

/* ---- element by element -------------------------------------------------------------------------------------------
 */

static void element_wise(antler_onnx *o, antler_said *s, const char *op)
{
    int rank = antler__out_of(s)->rank;
    antler_term *y = with_axes(o, s->x[0], s->layer->in[0].rank, rank);
    for (int i = 1; i < s->layer->inputs; i++)
        y = antler__op2(o, op, y, with_axes(o, s->x[i], s->layer->in[i].rank, rank));
    s->y[0] = y;
    join_masks(o, s);
}

static void add(antler_onnx *o, antler_said *s)
{
    element_wise(o, s, "Add");
}

static void subtract(antler_onnx *o, antler_said *s)
{
    element_wise(o, s, "Sub");
}

static void average(antler_onnx *o, antler_said *s)
{
    element_wise(o, s, "Add");
    s->y[0] = antler__op2(o, "Div", s->y[0], antler__real(o, s->layer->inputs));
}

static void multiply(antler_onnx *o, antler_said *s)
{
    refuse_masks(o, s);
    element_wise(o, s, "Mul");
}

static void maximum(antler_onnx *o, antler_said *s)
{
    refuse_masks(o, s);
    element_wise(o, s, "Max");
}

static void minimum(antler_onnx *o, antler_said *s)
{
    refuse_masks(o, s);
    element_wise(o, s, "Min");
}

/* ---- one behind the other -----------------------------------------------------------------------------------------
 */

/* Along the steps the masks are joined as the tensors are. */
static void append_masks(antler_onnx *o, antler_said *s)
{
    antler_term **mask = antler__onnx_room(o, (size_t)s->layer->inputs, sizeof *mask), *any = NULL;
    for (int i = 0; mask && i < s->layer->inputs; i++)
        any = s->mask[i] ? s->mask[i] : any;
    for (int i = 0; any && i < s->layer->inputs; i++) {
        if (!s->mask[i])
            antler__onnx_refuse(o, "tensors with and without a mask along the steps");
        mask[i] = s->mask[i];
    }
    if (!any)
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
    {&antler_layer_add.type, add},
    {&antler_layer_subtract.type, subtract},
    {&antler_layer_multiply.type, multiply},
    {&antler_layer_average.type, average},
    {&antler_layer_maximum.type, maximum},
    {&antler_layer_minimum.type, minimum},
    {&antler_layer_concatenate.type, concatenate},
    {&antler_layer_dot.type, dot},
    {NULL, NULL},
};
