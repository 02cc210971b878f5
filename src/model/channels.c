#include "model/channels.h"

#include "core/memory.h"
#include "core/status.h"

#include <string.h>

const antler_field *antler__channels_field(antler_object layer)
{
    for (const antler_field *f = layer.type->fields; f && f->kind != ANTLER_END; f++)
        if (f->flags & ANTLER_CHANNELS)
            return f;
    return NULL;
}

static bool is_first(antler_object layer, const antler_field *f)
{
    const char *value;
    memcpy(&value, (const char *)layer.config + f->offset, sizeof value);
    return value == f->choices[1];
}

int antler__channels_axis(antler_object layer, int rank)
{
    const antler_field *f = antler__channels_field(layer);
    if (!f || !is_first(layer, f))
        return 0;
    int axis = f->count ? rank - 1 - f->count : 1;
    return axis >= 1 && axis < rank - 1 ? axis : 0;
}

antler_shape antler__channels_last(const antler_shape *shape, int axis)
{
    antler_shape moved = *shape;
    if (!axis)
        return moved;
    for (int i = axis; i < shape->rank - 1; i++)
        moved.dim[i] = shape->dim[i + 1];
    moved.dim[shape->rank - 1] = shape->dim[axis];
    return moved;
}

static antler_shape channels_back(const antler_shape *shape, int axis)
{
    antler_shape moved = *shape;
    if (!axis)
        return moved;
    for (int i = axis; i < shape->rank - 1; i++)
        moved.dim[i + 1] = shape->dim[i];
    moved.dim[axis] = shape->dim[shape->rank - 1];
    return moved;
}

antler_shape *antler__channels_seen(antler_object layer, const antler_shape *list)
{
    size_t n = 0;
    while (list[n].rank)
        n++;
    antler_shape *seen = antler__allocate_zeroed(n + 1, sizeof *seen);
    for (size_t k = 0; seen && k < n; k++)
        seen[k] = antler__channels_last(&list[k], antler__channels_axis(layer, list[k].rank));
    return seen;
}

antler_status antler_child_infer(antler_object layer, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const antler_layer_ops *ops = (const antler_layer_ops *)layer.type;
    if (!in || !antler__channels_field(layer))
        return ops->infer(layer.config, in, out, err);
    antler_shape *seen = antler__channels_seen(layer, in);
    if (!seen)
        return antler__no_memory(err);
    antler_status status = ops->infer(layer.config, seen, out, err);
    antler__free(seen);
    if (status != ANTLER_OK && err && is_first(layer, antler__channels_field(layer))) {
        antler_error inner = *err;
        antler__error_clear(err);
        antler_error_set(err, inner.status, inner.place, "%s; its channels, first in the input, count as the last axis",
                         inner.message);
    }
    for (int k = 0; status == ANTLER_OK && k < ANTLER_MAX_OUTPUTS && out[k].rank; k++)
        out[k] = channels_back(&out[k], antler__channels_axis(layer, out[k].rank));
    return status;
}
