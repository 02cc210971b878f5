/* Normalization: by statistics that the layer has (BatchNormalization, Normalization), or by each sample's own. */
#include "onnx/say.h"

#include <math.h>

/* ---- statistics that are there ------------------------------------------------------------------------------------
 */

/* y = gamma (x - mean) / sqrt(variance + epsilon) + beta, along one axis: the second in ONNX. */
static void batch_normalization(antler_onnx *o, antler_said *s)
{
    const struct antler_batch_normalization *c = antler__config_of(s);
    const antler_shape *in = antler__in_of(s);
    int axis = antler_axis(c->axis, in->rank), params = c->scale + c->center;
    antler_real *ones, *zeros;
    antler_term *gamma = c->scale ? antler__param(o, s, 0) : antler__table(o, 1, &in->dim[axis], &ones);
    antler_term *beta = c->center ? antler__param(o, s, c->scale) : antler__table(o, 1, &in->dim[axis], &zeros);
    for (int64_t i = 0; gamma && !c->scale && i < in->dim[axis]; i++)
        ones[i] = 1;
    antler_term *x[] = {antler__move_axis(o, s->x[0], in->rank, axis, 1), gamma, beta, antler__param(o, s, params),
                        antler__param(o, s, params + 1)};
    antler_term *y = antler__op(o, "BatchNormalization", 5, x);
    antler__set_real(o, "epsilon", c->epsilon);
    s->y[0] = antler__move_axis(o, y, in->rank, 1, axis);
}

static bool is_kept(const struct antler_normalization *c, int axis, int rank)
{
    bool kept = false;
    for (int k = 0; c->axis[k]; k++)
        kept |= antler_axis(c->axis[k], rank) == axis;
    return kept;
}

/* The config's numbers in their own shape, whose axes are the kept ones from the last on; an axis of 1 is for all. */
static antler_term *given_numbers(antler_onnx *o, const struct antler_normalization *c, const antler_numbers *given,
                                  int rank)
{
    int64_t size[ANTLER_MAX_RANK];
    antler_real *to;
    int left = given->shape.rank;
    for (int i = rank - 1; i >= 0; i--)
        size[i] = is_kept(c, i, rank) && left > 0 ? given->shape.dim[--left] : 1;
    antler_term *table = antler__table(o, rank, size, &to);
    for (int64_t i = 0; table && i < given->n; i++)
        to[i] = (antler_real)given->value[i];
    return table;
}

/* A statistic, of the config or a state, in a shape that stretches to x's. */
static antler_term *statistic(antler_onnx *o, const antler_said *s, const antler_numbers *given, int slot)
{
    const struct antler_normalization *c = antler__config_of(s);
    const antler_shape *in = antler__in_of(s);
    int64_t size[ANTLER_MAX_RANK];
    if (given->value)
        return given_numbers(o, c, given, in->rank);
    for (int i = 0; i < in->rank; i++)
        size[i] = is_kept(c, i, in->rank) ? in->dim[i] : 1;
    return antler__reshape(o, antler__param(o, s, slot), in->rank, size);
}

static void normalization(antler_onnx *o, antler_said *s)
{
    const struct antler_normalization *c = antler__config_of(s);
    antler_term *mean = statistic(o, s, &c->mean, 0), *deviation = statistic(o, s, &c->variance, 1);
    deviation = antler__op2(o, "Max", antler__op1(o, "Sqrt", deviation), antler__real(o, 1e-7));
    if (c->invert)
        s->y[0] = antler__op2(o, "Add", antler__op2(o, "Mul", s->x[0], deviation), mean);
    else
        s->y[0] = antler__op2(o, "Div", antler__op2(o, "Sub", s->x[0], mean), deviation);
}

/* ---- each sample's own --------------------------------------------------------------------------------------------
 */

/* The axes of a list that ends with 0, ascending; how many. */
static int axes_of(const int64_t *axis, int rank, int64_t *axes)
{
    int n = 0;
    for (int i = 1; i < rank; i++)
        for (int k = 0; axis[k]; k++)
            if (antler_axis(axis[k], rank) == i && (n == 0 || axes[n - 1] != i))
                axes[n++] = i;
    return n;
}

/* Then gamma's axes are not in the order of x's. */
static bool mixes_signs(const int64_t *axis)
{
    bool below = false, above = false;
    for (; *axis; axis++) {
        below |= *axis < 0;
        above |= *axis > 0;
    }
    return below && above;
}

/* y / sqrt(mean of x^2 over axes + epsilon) */
static antler_term *by_root(antler_onnx *o, antler_term *y, antler_term *x, int n, const int64_t *axes, double epsilon)
{
    antler_term *square = antler__reduce(o, "ReduceMean", antler__op2(o, "Mul", x, x), n, axes, true);
    square = antler__op2(o, "Add", square, antler__real(o, epsilon));
    return antler__op2(o, "Div", y, antler__op1(o, "Sqrt", square));
}

static antler_term *centred(antler_onnx *o, antler_term *x, int n, const int64_t *axes)
{
    return antler__op2(o, "Sub", x, antler__reduce(o, "ReduceMean", x, n, axes, true));
}

/* A parameter with the sizes of x along its axes. */
static antler_term *along(antler_onnx *o, antler_term *parameter, const antler_shape *in, int n, const int64_t *axes)
{
    int64_t size[ANTLER_MAX_RANK];
    for (int i = 0; i < in->rank; i++)
        size[i] = 1;
    for (int k = 0; k < n; k++)
        size[axes[k]] = in->dim[axes[k]];
    return antler__reshape(o, parameter, in->rank, size);
}

/* y gamma + beta, of which either may not be there; gamma's slot comes first. */
static antler_term *scaled(antler_onnx *o, const antler_said *s, antler_term *y, bool scale, bool center, int n,
                           const int64_t *axes)
{
    const antler_shape *in = antler__in_of(s);
    if (scale)
        y = antler__op2(o, "Mul", y, along(o, antler__param(o, s, 0), in, n, axes));
    if (center)
        y = antler__op2(o, "Add", y, along(o, antler__param(o, s, scale), in, n, axes));
    return y;
}

static bool is_last_axes(const int64_t *axes, int n, int rank)
{
    return n > 0 && axes[0] == rank - n && axes[n - 1] == rank - 1;
}

static void layer_normalization(antler_onnx *o, antler_said *s)
{
    const struct antler_layer_normalization *c = antler__config_of(s);
    const antler_shape *in = antler__in_of(s);
    int64_t axes[ANTLER_MAX_RANK];
    int n = axes_of(c->axis, in->rank, axes);
    bool center = c->center && !c->rms_scaling, scale = c->scale || c->rms_scaling;
    if (mixes_signs(c->axis))
        antler__onnx_refuse(o, "axes that count from both ends");
    if (is_last_axes(axes, n, in->rank) && scale && !c->rms_scaling) {
        s->y[0] = antler__op3(o, "LayerNormalization", s->x[0], antler__param(o, s, 0),
                              center ? antler__param(o, s, 1) : NULL);
        antler__set_int(o, "axis", axes[0]);
        antler__set_real(o, "epsilon", c->epsilon);
        return;
    }
    antler_term *away = centred(o, s->x[0], n, axes); /* rms_scaling: by the variance, but x is not centred */
    antler_term *y = by_root(o, c->rms_scaling ? s->x[0] : away, away, n, axes, c->epsilon);
    s->y[0] = scaled(o, s, y, scale, center, n, axes);
}

static void rms_normalization(antler_onnx *o, antler_said *s)
{
    const struct antler_rms_normalization *c = antler__config_of(s);
    const antler_shape *in = antler__in_of(s);
    int64_t axes[ANTLER_MAX_RANK];
    int n = axes_of(c->axis, in->rank, axes);
    antler_term *y = by_root(o, s->x[0], s->x[0], n, axes, c->epsilon);
    s->y[0] = antler__op2(o, "Mul", y, antler__param(o, s, 0)); /* along the last axes */
}

static void unit_normalization(antler_onnx *o, antler_said *s)
{
    const struct antler_unit_normalization *c = antler__config_of(s);
    int64_t axes[ANTLER_MAX_RANK];
    int n = axes_of(c->axis, antler__in_of(s)->rank, axes);
    antler_term *sum = antler__reduce(o, "ReduceSumSquare", s->x[0], n, axes, true);
    antler_term *length = antler__op2(o, "Max", antler__op1(o, "Sqrt", sum), antler__real(o, 1e-12));
    s->y[0] = antler__op2(o, "Div", s->x[0], length);
}

/* The channels as two axes, (groups, channels / groups): over all but the first of them. */
static void group_normalization(antler_onnx *o, antler_said *s)
{
    const struct antler_group_normalization *c = antler__config_of(s);
    const antler_shape *in = antler__in_of(s);
    int axis = antler_axis(c->axis, in->rank), n = 0;
    int64_t channels = in->dim[axis], groups = c->groups < 0 ? channels : c->groups, at = axis;
    int64_t size[ANTLER_ONNX_MOST], axes[ANTLER_ONNX_MOST];
    for (int i = 0; i <= in->rank; i++) {
        size[i] = i == 0 ? -1 : i == axis ? groups : i == axis + 1 ? channels / groups : in->dim[i < axis ? i : i - 1];
        if (i > 0 && i != axis)
            axes[n++] = i;
    }
    antler_term *x = centred(o, antler__reshape(o, s->x[0], in->rank + 1, size), n, axes);
    x = antler__shaped(o, by_root(o, x, x, n, axes, c->epsilon), in);
    s->y[0] = scaled(o, s, x, c->scale, c->center, 1, &at);
}

const antler_saying antler__say_normalization[] = {
    {&antler_layer_batch_normalization.type, batch_normalization, true},
    {&antler_layer_normalization.type, normalization, false},
    {&antler_layer_layer_normalization.type, layer_normalization, false},
    {&antler_layer_rms_normalization.type, rms_normalization, true},
    {&antler_layer_unit_normalization.type, unit_normalization, true},
    {&antler_layer_group_normalization.type, group_normalization, false},
    {NULL, NULL, false},
};
