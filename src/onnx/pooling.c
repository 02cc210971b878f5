/* Pooling: of sliding windows by ONNX's operators, over all positions by a reduction, adaptive by a slice for each
   position where windows are of several sizes. */
#include "onnx/windows.h"

enum { AXES = ANTLER_SPATIAL };

static void pool(antler_onnx *o, antler_said *s, const char *op, const antler_window_config *c)
{
    const antler_shape *in = antler__in_of(s);
    antler_window w[AXES];
    if (!antler__windows_of(w, c, in))
        return;
    antler_term *y = antler__op1(o, op, antler__channels_second(o, s->x[0], in->rank));
    antler__windows_say(o, w, c->axes, false);
    s->y[0] = antler__channels_behind(o, y, in->rank);
}

static void sliding(antler_onnx *o, antler_said *s, const char *op)
{
    const struct antler_pooling *c = antler__config_of(s);
    pool(o, s, op, &(antler_window_config){antler__in_of(s)->rank - 2, c->pool_size, c->strides, NULL, c->padding});
}

static void sliding_max(antler_onnx *o, antler_said *s)
{
    sliding(o, s, "MaxPool");
}

static void sliding_average(antler_onnx *o, antler_said *s)
{
    sliding(o, s, "AveragePool");
}

/* ---- as many windows as there are to be positions -----------------------------------------------------------------
 */

/* From place i / out of an axis to (i + 1) / out, rounded outwards. */
static antler_term *pool_axis(antler_onnx *o, antler_term *x, const char *op, int64_t axis, int64_t in, int64_t out)
{
    antler_term **part = antler__onnx_room(o, (size_t)out, sizeof *part);
    for (int64_t i = 0; part && i < out; i++) {
        int64_t first = i * in / out, end = ((i + 1) * in + out - 1) / out;
        part[i] = antler__reduce(o, op, antler__slice(o, x, axis, first, end, 1), 1, &axis, true);
    }
    if (!part)
        return NULL;
    antler_term *y = antler__op(o, "Concat", (int)out, part);
    antler__set_int(o, "axis", axis);
    return y;
}

static void adaptive(antler_onnx *o, antler_said *s, const char *op, const char *reduction)
{
    const struct antler_adaptive_pooling *c = antler__config_of(s);
    const antler_shape *in = antler__in_of(s);
    int64_t size[AXES];
    bool equal = true;
    for (int i = 0; i < in->rank - 2; i++) {
        equal = equal && in->dim[1 + i] % c->output_size[i] == 0;
        size[i] = in->dim[1 + i] / c->output_size[i];
    }
    if (equal) {
        pool(o, s, op, &(antler_window_config){in->rank - 2, size, size, NULL, "valid"});
        return;
    }
    s->y[0] = s->x[0];
    for (int i = 0; i < in->rank - 2; i++)
        s->y[0] = pool_axis(o, s->y[0], reduction, 1 + i, in->dim[1 + i], c->output_size[i]);
}

static void adaptive_max(antler_onnx *o, antler_said *s)
{
    adaptive(o, s, "MaxPool", "ReduceMax");
}

static void adaptive_average(antler_onnx *o, antler_said *s)
{
    adaptive(o, s, "AveragePool", "ReduceMean");
}

/* ---- all positions ------------------------------------------------------------------------------------------------
 */

static antler_term *over_positions(antler_onnx *o, const antler_said *s, const char *op, antler_term *x)
{
    static const int64_t axes[] = {1, 2, 3};
    const struct antler_global_pooling *c = antler__config_of(s);
    return antler__reduce(o, op, x, antler__in_of(s)->rank - 2, axes, c->keepdims);
}

static void global_max(antler_onnx *o, antler_said *s)
{
    s->y[0] = over_positions(o, s, "ReduceMax", s->x[0]);
}

/* Masked steps do not count; where all are, the mean is 0. */
static void global_average(antler_onnx *o, antler_said *s)
{
    if (!s->mask[0] || antler__in_of(s)->rank != 3) {
        s->y[0] = over_positions(o, s, "ReduceMean", s->x[0]);
        return;
    }
    antler_term *there = antler__mask_numbers(o, s->mask[0], 3);
    antler_term *sum = over_positions(o, s, "ReduceSum", antler__op2(o, "Mul", s->x[0], there));
    antler_term *count = antler__op2(o, "Max", over_positions(o, s, "ReduceSum", there), antler__real(o, 1));
    s->y[0] = antler__op2(o, "Div", sum, count);
}

const antler_saying antler__say_pooling[] = {
    {&antler_layer_average_pooling1d.type, sliding_average, true},
    {&antler_layer_average_pooling2d.type, sliding_average, true},
    {&antler_layer_average_pooling3d.type, sliding_average, true},
    {&antler_layer_max_pooling1d.type, sliding_max, true},
    {&antler_layer_max_pooling2d.type, sliding_max, true},
    {&antler_layer_max_pooling3d.type, sliding_max, true},
    {&antler_layer_adaptive_average_pooling1d.type, adaptive_average, false},
    {&antler_layer_adaptive_average_pooling2d.type, adaptive_average, false},
    {&antler_layer_adaptive_average_pooling3d.type, adaptive_average, false},
    {&antler_layer_adaptive_max_pooling1d.type, adaptive_max, false},
    {&antler_layer_adaptive_max_pooling2d.type, adaptive_max, false},
    {&antler_layer_adaptive_max_pooling3d.type, adaptive_max, false},
    {&antler_layer_global_average_pooling1d.type, global_average, true},
    {&antler_layer_global_average_pooling2d.type, global_average, true},
    {&antler_layer_global_average_pooling3d.type, global_average, true},
    {&antler_layer_global_max_pooling1d.type, global_max, true},
    {&antler_layer_global_max_pooling2d.type, global_max, true},
    {&antler_layer_global_max_pooling3d.type, global_max, true},
    {NULL, NULL, false},
};
