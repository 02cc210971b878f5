/* What declare may call. See plan.h. */
#include "model/plan.h"

#include "core/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

antler_status antler__plan_fail(antler_plan *plan, antler_status status, const char *format, ...)
{
    if (plan->status != ANTLER_OK)
        return plan->status;
    plan->status = status;
    char message[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return antler_error_set(plan->err, status, NULL, "%s", message);
}

static bool slot_fits(antler_plan *plan, int slot)
{
    if (slot >= 0 && slot < ANTLER_MAX_SLOTS)
        return plan->status == ANTLER_OK;
    antler__plan_fail(plan, ANTLER_VALUE, "a layer declares slot %d; there are %d", slot, ANTLER_MAX_SLOTS);
    return false;
}

antler_mode antler_plan_mode(const antler_plan *plan)
{
    return plan->mode;
}

int antler_plan_threads(const antler_plan *plan)
{
    return plan->threads;
}

/* ---- building ---- */

static antler_object setting(const antler_layer *layer, const char *fields, const char *what)
{
    char key[64] = "";
    if (fields)
        snprintf(key, sizeof key, "%s_%s", fields, what);
    const antler_object *found = antler_object_field(layer->object, key);
    return found ? *found : (antler_object){NULL, NULL};
}

static void add_variable(antler_plan *plan, const char *name, const char *fields, const antler_shape *shape, int slot,
                         bool trainable)
{
    antler_model *model = plan->model;
    int64_t length;
    if (!antler__count(shape, 0, &length) || length > INT64_MAX / 64) {
        char text[128];
        antler__plan_fail(plan, ANTLER_SHAPE, "%s of shape %s is too large", name,
                          antler_shape_text(shape, text, sizeof text));
        return;
    }
    char path[128];
    snprintf(path, sizeof path, "%s%s", plan->path, name);
    char *copy = antler__copy_text(path);
    if (!copy || !antler__grow(&model->variable, (size_t)model->variables, (size_t)model->variables + 1,
                               sizeof *model->variable)) {
        antler__free(copy);
        antler__plan_fail(plan, ANTLER_MEMORY, "out of memory");
        return;
    }
    model->variable[model->variables++] = (antler_model_variable_entry){
        .view = {.layer = plan->top, .name = copy, .trainable = trainable, .value.shape = *shape},
        .layer = plan->layer,
        .length = length,
        .initializer = setting(plan->layer, fields, "initializer"),
        .regularizer = setting(plan->layer, fields, "regularizer"),
        .constraint = setting(plan->layer, fields, "constraint"),
        .slot = slot,
    };
}

void antler_plan_param(antler_plan *plan, int slot, const char *name, const char *fields, const antler_shape *shape)
{
    if (!plan->model || !slot_fits(plan, slot))
        return;
    if (slot != plan->layer->params || plan->layer->states) {
        antler__plan_fail(plan, ANTLER_VALUE, "a layer declares its parameters in order, before its states");
        return;
    }
    plan->layer->params++;
    add_variable(plan, name, fields, shape, slot, plan->trainable);
}

void antler_plan_state(antler_plan *plan, int slot, const char *name, const char *fields, const antler_shape *shape)
{
    if (!plan->model || !slot_fits(plan, slot))
        return;
    if (slot != plan->layer->states) {
        antler__plan_fail(plan, ANTLER_VALUE, "a layer declares its states in order");
        return;
    }
    plan->layer->states++;
    add_variable(plan, name, fields, shape, slot, false);
}

void antler_plan_noise(antler_plan *plan, int slot, int64_t seed)
{
    if (!plan->model || !slot_fits(plan, slot))
        return;
    plan->layer->seed[slot] = seed;
    if (plan->layer->sites <= slot)
        plan->layer->sites = slot + 1;
}

void antler_plan_needs(antler_plan *plan, unsigned needs)
{
    if (plan->model)
        plan->layer->needs |= needs;
}

void antler_plan_child(antler_plan *plan, int slot, const char *name, antler_object layer, const antler_shape *in)
{
    if (!slot_fits(plan, slot))
        return;
    if (!plan->model) { /* the node's children are made by antler__plan_node, from here: their input is known now */
        antler_node *node = &plan->node->child[slot];
        antler_status status = antler__plan_node(plan, node, node->layer, in);
        if (status != ANTLER_OK)
            plan->status = status; /* err is filled */
        return;
    }
    antler_layer *parent = plan->layer;
    if (slot != parent->children || !layer.type) {
        antler__plan_fail(plan, ANTLER_VALUE, "a layer declares its children in order");
        return;
    }
    if (!antler__grow(&parent->child, (size_t)parent->children, (size_t)parent->children + 1, sizeof *parent->child)) {
        antler__plan_fail(plan, ANTLER_MEMORY, "out of memory");
        return;
    }
    parent->child[parent->children++] =
        (antler_layer){.ops = (const antler_layer_ops *)layer.type, .object = layer, .name = name, .in = *in};
}

static antler_status infer_output(antler_layer *layer, antler_error *err)
{
    bool source = layer->ops->flags & ANTLER_SOURCE;
    ANTLER_TRY(layer->ops->infer(layer->object.config, source ? NULL : &layer->in, &layer->out, err));
    int64_t count;
    char text[128];
    bool sound = layer->out.rank >= 1 && layer->out.rank <= ANTLER_MAX_RANK && antler__count(&layer->out, 1, &count) &&
                 count >= 1 && count <= INT64_MAX / 1024;
    if (!sound)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "its output shape %s is not possible",
                                antler_shape_text(&layer->out, text, sizeof text));
    return ANTLER_OK;
}

antler_status antler__plan_layer(antler_model *model, antler_layer *layer, const char *top, const char *path,
                                 bool trainable, antler_error *err)
{
    const void *config = layer->object.config;
    layer->trainable = trainable && antler__layer_keys(layer->object)->trainable;
    layer->mask = layer->ops->mask_rule ? layer->ops->mask_rule(config) : layer->ops->mask;
    layer->variable = model->variables;
    ANTLER_TRY(infer_output(layer, err));
    antler_plan plan = {.err = err,
                        .mode = ANTLER_TRAIN,
                        .threads = 1,
                        .model = model,
                        .layer = layer,
                        .top = top,
                        .path = path,
                        .trainable = layer->trainable};
    if (layer->ops->declare && !(layer->ops->flags & ANTLER_SOURCE))
        layer->ops->declare(config, &layer->in, &plan);
    if (plan.status != ANTLER_OK)
        return plan.status;
    layer->site = model->sites;
    model->sites += layer->sites;
    for (int i = 0; i < layer->children; i++) {
        char child_path[128];
        snprintf(child_path, sizeof child_path, "%s%s/", path, layer->child[i].name);
        ANTLER_TRY(antler__plan_layer(model, &layer->child[i], top, child_path, layer->trainable, err));
    }
    return ANTLER_OK;
}

void antler__layer_clear(antler_layer *layer)
{
    for (int i = 0; i < layer->children; i++)
        antler__layer_clear(&layer->child[i]);
    antler__free(layer->child);
    layer->child = NULL;
    layer->children = 0;
}

antler_status antler_child_infer(antler_object layer, const antler_shape *in, antler_shape *out, antler_error *err)
{
    return ((const antler_layer_ops *)layer.type)->infer(layer.config, in, out, err);
}

/* ---- making a context ---- */

static int64_t add_buffer(antler_plan *plan, const antler_shape *shape, size_t size, int birth, int death)
{
    antler_error error = {0};
    int64_t buffer = antler__arena_add(plan->arena, shape, size, birth, death, &error);
    if (buffer < 0)
        antler__plan_fail(plan, error.status, "%s", error.message);
    return buffer;
}

void antler_plan_saved(antler_plan *plan, int slot, const antler_shape *shape)
{
    if (plan->model || plan->mode != ANTLER_TRAIN || !slot_fits(plan, slot))
        return;
    plan->node->saved[slot].shape = *shape;
    plan->node->saved_buffer[slot] = add_buffer(plan, shape, sizeof(antler_real), plan->forward, plan->backward);
}

void antler_plan_bits(antler_plan *plan, int slot, const antler_shape *shape)
{
    if (plan->model || plan->mode != ANTLER_TRAIN || !slot_fits(plan, slot))
        return;
    int64_t count;
    if (!antler__count(shape, 0, &count)) {
        antler__plan_fail(plan, ANTLER_SHAPE, "a mask is too large");
        return;
    }
    plan->node->bits_shape[slot] = *shape;
    antler_shape words = {1, {count / 64 + 1}};
    plan->node->bits_buffer[slot] =
        add_buffer(plan, &words, sizeof(uint64_t), plan->forward, plan->keep ? INT32_MAX : plan->backward);
}

void antler_plan_scratch(antler_plan *plan, int slot, const antler_shape *shape)
{
    if (plan->model || !slot_fits(plan, slot))
        return;
    plan->node->scratch[slot].shape = *shape;
    int64_t buffer = add_buffer(plan, shape, sizeof(antler_real), plan->forward, plan->forward);
    if (buffer >= 0)
        plan->arena->buffer[buffer].again = plan->backward;
    plan->node->scratch_buffer[slot] = buffer;
}

void antler_plan_carry(antler_plan *plan, int slot, const antler_shape *shape)
{
    if (plan->model || !slot_fits(plan, slot))
        return;
    plan->node->carry[slot].shape = *shape;
    plan->node->carry_buffer[slot] = add_buffer(plan, shape, sizeof(antler_real), 0, INT32_MAX);
}

void antler__node_clear(antler_node *node)
{
    for (int i = 0; node->child && i < node->layer->children; i++)
        antler__node_clear(&node->child[i]);
    antler__free(node->child);
    antler__free(node->child_run);
    node->child = NULL;
    node->child_run = NULL;
}

antler_status antler__plan_node(const antler_plan *settings, antler_node *node, const antler_layer *layer,
                                const antler_shape *in)
{
    antler_plan plan = *settings;
    plan.node = node;
    plan.layer = NULL;
    node->layer = layer;
    for (int i = 0; i < ANTLER_MAX_SLOTS; i++)
        node->saved_buffer[i] = node->bits_buffer[i] = node->scratch_buffer[i] = node->carry_buffer[i] = -1;
    if (layer->children) {
        node->child = antler__allocate_zeroed((size_t)layer->children, sizeof *node->child);
        node->child_run = antler__allocate_zeroed((size_t)layer->children, sizeof *node->child_run);
        for (int i = 0; node->child && i < layer->children; i++)
            node->child[i].layer = &layer->child[i];
        if (!node->child || !node->child_run)
            return antler_error_set(plan.err, ANTLER_MEMORY, NULL, "out of memory");
    }
    if (layer->ops->declare && !(layer->ops->flags & ANTLER_SOURCE))
        layer->ops->declare(layer->object.config, in, &plan);
    return plan.status;
}

static void connect(antler_tensor *tensor, const int64_t *buffer, const antler_arena *arena)
{
    for (int i = 0; i < ANTLER_MAX_SLOTS; i++)
        tensor[i].data = antler__arena_at(arena, buffer[i]);
}

void antler__node_connect(antler_node *node, const antler_arena *arena)
{
    connect(node->saved, node->saved_buffer, arena);
    connect(node->scratch, node->scratch_buffer, arena);
    connect(node->carry, node->carry_buffer, arena);
    for (int i = 0; i < ANTLER_MAX_SLOTS; i++)
        node->bits[i] = antler__arena_at(arena, node->bits_buffer[i]);
    for (int i = 0; i < node->layer->children; i++)
        antler__node_connect(&node->child[i], arena);
}
