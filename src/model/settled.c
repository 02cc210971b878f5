#include "model/settled.h"

#include "model/channels.h"

static int axis_of(const antler_context *c, int64_t call, int64_t w)
{
    return antler__channels_axis(antler__called(c, call)->object, c->model->wire[w].shape.rank);
}

/* Only its users look at what a call gives: no loss, no penalty, no activation that works on rows of the call's own
   last axis, no antler_read. */
static bool is_private(const antler_context *c, int64_t w)
{
    const antler_wire *wire = &c->model->wire[w];
    if (wire->giver < 0 || wire->is_output || c->flags & ANTLER_KEEP || c->linear[wire->giver])
        return false;
    const antler_layer *giver = antler__called(c, wire->giver);
    return !(giver->f && giver->f->rowwise) && !antler__layer_keys(giver->object)->activity_regularizer_.type;
}

void antler__settle(antler_context *c)
{
    for (int64_t w = 0; w < c->wires; w++) {
        const antler_wire *wire = &c->model->wire[w];
        int axis = is_private(c, w) ? axis_of(c, wire->giver, w) : 0;
        for (int64_t u = 0; axis && u < wire->users; u++)
            axis = axis_of(c, wire->user[u], w) == axis ? axis : 0;
        c->edge[w].settled = axis > 0 && wire->users > 0;
    }
}

antler_shape antler__settled_shape(const antler_context *c, int64_t w, const antler_shape *shape)
{
    return c->edge[w].settled ? antler__channels_last(shape, axis_of(c, c->model->wire[w].giver, w)) : *shape;
}
