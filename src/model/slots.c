/* The optimizer's state: arrays beside the trained variables, the core's own first (running means of the weights, sums
   of gradients), as Keras has them. */
#include "core/memory.h"
#include "model/structure.h"

#include <string.h>

/* The kinds of all slots; returns how many. */
static int list_slots(const antler_object *optimizer, antler_slot *kind, int *own)
{
    const antler_optimizer_ops *ops = (const antler_optimizer_ops *)optimizer->type;
    const antler_optimizer_keys *keys = optimizer->config;
    int n = 0;
    if (keys->use_ema)
        kind[n] = (antler_slot){.order = n}, n++;
    if (keys->gradient_accumulation_steps != ANTLER_NULL)
        kind[n] = (antler_slot){.order = n}, n++;
    *own = n;
    for (int i = 0, slots = ops->slots ? ops->slots(optimizer->config) : 0; i < slots; i++) {
        kind[n] = (antler_slot){.order = ops->interleaved ? 0 : i};
        if (ops->slot)
            ops->slot(optimizer->config, i, &kind[n]);
        kind[n++].order += *own;
    }
    return n;
}

static int64_t length_of(const antler_model *model, const antler_slot *kind)
{
    return kind->shared ? 1 : model->trained_size;
}

static void start_slot(antler_real *slot, int64_t n, const antler_slot *kind)
{
    for (int64_t i = 0; i < n; i++)
        slot[i] = (antler_real)kind->start;
}

static antler_real *make_slot(const antler_model *model, const antler_slot *kind)
{
    const int64_t n = length_of(model, kind);
    antler_real *slot = antler__allocate_aligned((size_t)n, sizeof *slot);
    if (slot)
        start_slot(slot, n, kind);
    return slot;
}

void antler__slots_follow(antler_model *model)
{
    for (int i = 0; i < model->slots && model->iteration == 0; i++)
        if (model->slot_kind[i].weights)
            memcpy(model->slot[i], model->parameters, (size_t)model->trained_size * sizeof *model->slot[i]);
}

void antler__slots_restart(antler_model *model)
{
    model->iteration = 0;
    for (int i = 0; i < model->slots; i++)
        start_slot(model->slot[i], length_of(model, &model->slot_kind[i]), &model->slot_kind[i]);
    antler__slots_follow(model);
}

static antler_status make_room(antler_model *model, const antler_object *optimizer, antler_error *err)
{
    const antler_optimizer_ops *ops = (const antler_optimizer_ops *)optimizer->type;
    int64_t most = 0;
    for (int64_t i = 0; ops->room && i < model->variables; i++) {
        const antler_variable *v = &model->variable[i].view;
        const int64_t room = v->trainable ? ops->room(optimizer->config, &v->value.shape) : 0;
        most = room > most ? room : most;
    }
    if (most > 0 && !model->optimizer_room) {
        model->optimizer_room = antler__allocate_aligned((size_t)most, sizeof(antler_real));
        if (!model->optimizer_room)
            return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: the optimizer's room");
    }
    return ANTLER_OK;
}

antler_status antler__model_slots(antler_model *model, antler_error *err)
{
    const antler_object *optimizer = model->compile ? &model->compile->optimizer : NULL;
    if (!optimizer || !optimizer->type)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.optimizer", "the model has no optimizer");
    if (model->has_slots) /* an update of a small network takes less time than to list them */
        return ANTLER_OK;
    const int slots = list_slots(optimizer, model->slot_kind, &model->own_slot);
    for (; model->slots < slots; model->slots++) {
        antler_real *slot = make_slot(model, &model->slot_kind[model->slots]);
        if (!slot)
            return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: the optimizer's state");
        model->slot[model->slots] = slot;
    }
    ANTLER_TRY(make_room(model, optimizer, err));
    if (model->initialized)
        antler__slots_follow(model);
    model->has_slots = true;
    return ANTLER_OK;
}
