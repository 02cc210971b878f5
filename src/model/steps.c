#include "model/steps.h"

#include <stdint.h>

enum { MOST_TIMES = 1 << 30 };

/* Nothing of it is called: the core runs no view. */
static const antler_layer_ops view = {.type = {.size = sizeof(antler_layer_ops), .kind = ANTLER_KIND_LAYER},
                                      .flags = ANTLER_VIEW,
                                      .mask = ANTLER_MASK_END};

static antler_shape without_axis(const antler_shape *in)
{
    antler_shape out = {in->rank - 1, {in->dim[0]}};
    for (int i = 2; i < in->rank; i++)
        out.dim[i - 1] = in->dim[i];
    return out;
}

static antler_shape with_axis(const antler_shape *in, int64_t steps)
{
    antler_shape out = {in->rank + 1, {in->dim[0], steps}};
    for (int i = 1; i < in->rank; i++)
        out.dim[i + 1] = in->dim[i];
    return out;
}

antler_status antler__plan_steps(antler_layer *of, antler_shape *in, int64_t steps, int64_t *times, antler_error *err)
{
    const bool enters = steps == 0;
    char text[128];
    of->in = in;
    of->ops = &view;
    if (enters && in->rank < 3)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected (batch, steps, ...)",
                                antler_shape_text(in, text, sizeof text));
    if (!enters && in->rank >= ANTLER_MAX_RANK)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "more than %d axes", ANTLER_MAX_RANK);
    if (enters && *times > MOST_TIMES / in->dim[1])
        return antler_error_set(err, ANTLER_SHAPE, NULL, "more than %d steps", MOST_TIMES);
    *times = enters ? *times * in->dim[1] : *times / steps;
    of->out[0] = enters ? without_axis(in) : with_axis(in, steps);
    of->outputs = 1;
    of->trainable = !of->frozen;
    return ANTLER_OK;
}

bool antler__is_steps(const antler_layer *of)
{
    return of->ops == &view;
}
