#include "model/optimizer_arrays.h"

antler_state_walk antler__state_walk(const antler_model *model, antler_layout layout)
{
    return (antler_state_walk){.model = model, .layout = layout, .slot = -1};
}

/* Goes on to the next slot, of this variable, the next one, or the next order; false past the last. */
static bool step_on(antler_state_walk *w)
{
    if (++w->slot < w->model->slots)
        return true;
    w->slot = 0;
    if (++w->variable >= w->model->variables) {
        w->variable = 0;
        w->order++;
    }
    return w->order <= w->model->slots && w->model->slots > 0;
}

static bool has_turn(const antler_state_walk *w)
{
    const antler_optimizer_ops *ops = (const antler_optimizer_ops *)w->model->compile->optimizer.type;
    const antler_slot *kind = &w->model->slot_kind[w->slot];
    if (w->layout == ANTLER_LAYOUT_OLDER && !ops->always_interleaved)
        return w->order == (kind->shared ? 0 : w->slot + 1);
    return w->order == kind->order && !(w->layout == ANTLER_LAYOUT_KERAS2 && kind->shared);
}

/* What a slot is to a variable, as its optimizer says; the core's own are arrays. */
static antler_slot_use use_of(const antler_model *model, int slot, const antler_variable *variable, antler_shape *shape)
{
    const antler_object *optimizer = &model->compile->optimizer;
    const antler_optimizer_ops *ops = (const antler_optimizer_ops *)optimizer->type;
    *shape = variable->value.shape;
    return slot < model->own_slot || !ops->use ? ANTLER_SLOT_ARRAY
                                               : ops->use(optimizer->config, slot - model->own_slot, variable, shape);
}

bool antler__state_next(antler_state_walk *w, antler_state_array *next)
{
    const antler_model *model = w->model;
    while (step_on(w)) {
        const antler_model_variable_entry *v = model->variables ? &model->variable[w->variable] : NULL;
        *next = (antler_state_array){.data = model->slot[w->slot]};
        if (!has_turn(w))
            continue;
        if (model->slot_kind[w->slot].shared) {
            if (w->variable == 0)
                return true;
            continue;
        }
        if (!v || !v->view.trainable)
            continue;
        const antler_slot_use use = use_of(model, w->slot, &v->view, &next->shape);
        next->data += v->offset;
        next->dummy = use == ANTLER_SLOT_DUMMY;
        next->shape = next->dummy ? (antler_shape){0, {0}} : next->shape;
        if (use != ANTLER_SLOT_NONE)
            return true;
    }
    return false;
}
