/* What `variables` and `buffers` may call, and what the core makes of it. See plan.h. */
#include "model/plan.h"

#include "config/names.h"
#include "core/memory.h"
#include "model/channels.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SLOTS = 4096 }; /* of one sort in one layer: more is a mistake */

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

/* Whether `call` may be made now, with this slot. */
static bool may(antler_plan *plan, bool in_variables, int slot, const char *call)
{
    if (in_variables != (plan->layer != NULL))
        antler__plan_fail(plan, ANTLER_VALUE, "%s is called in `%s`: it belongs into `%s`", call,
                          in_variables ? "buffers" : "variables", in_variables ? "variables" : "buffers");
    else if (slot < 0 || slot >= MOST_SLOTS)
        antler__plan_fail(plan, ANTLER_VALUE, "%s of slot %d; there are %d", call, slot, MOST_SLOTS);
    return plan->status == ANTLER_OK;
}

/* ---- variables --------------------------------------------------------------------------------------------------- */

static antler_object setting(const antler_layer *layer, const char *fields, const char *what)
{
    char key[64] = "";
    if (fields)
        snprintf(key, sizeof key, "%s_%s", fields, what);
    const antler_object *found = antler_object_field(layer->object, key);
    return found ? *found : (antler_object){NULL, NULL};
}

/* Another length, another weight: no length is the right one. */
static void refuse_length(antler_plan *plan, const char *name, const antler_shape *shape, const antler_shape *other)
{
    antler_shape open = *shape;
    char text[128];
    for (int i = 0; i < open.rank; i++)
        open.dim[i] = i < other->rank && other->dim[i] == open.dim[i] ? open.dim[i] : ANTLER_OPEN;
    antler__plan_fail(plan, ANTLER_VALUE,
                      "its %s would have the shape %s, which depends on an axis of variable length (null): give that a "
                      "number in the model's input, or reduce it before this layer (GlobalAveragePooling1D ...)",
                      name, antler_shape_text(&open, text, sizeof text));
}

/* At a further call of a layer: the variable is there, and must have this shape. */
static void check_variable(antler_plan *plan, const char *name, const antler_shape *shape)
{
    const antler_layer *first = plan->within->first, *layer = plan->layer;
    int i = layer->params + layer->states - 1;
    char a[128], b[128];
    const antler_shape *there = i < first->params + first->states
                                    ? &plan->model->variable[antler__variable_at(first, i)].view.value.shape
                                    : NULL;
    if (there && antler_shape_equal(there, shape))
        return;
    if (there && plan->within->resized)
        refuse_length(plan, name, shape, there);
    else
        antler__plan_fail(
            plan, ANTLER_SHAPE, "it was called before with an input for which its %s has shape %s; now %s", name,
            there ? antler_shape_text(there, a, sizeof a) : "none", antler_shape_text(shape, b, sizeof b));
}

/* A regularizer may be for matrices alone. */
static void check_rank(antler_plan *plan, const antler_model_variable_entry *v)
{
    const antler_regularizer_ops *ops = (const antler_regularizer_ops *)v->regularizer.type;
    char text[128];
    if (ops && ops->rank && ops->rank != v->view.value.shape.rank)
        antler__plan_fail(plan, ANTLER_SHAPE, "%s is for %d axes, and %s is %s", ops->type.class_name, ops->rank,
                          v->view.name, antler_shape_text(&v->view.value.shape, text, sizeof text));
}

/* Appends an entry, which add_variable fills. */
static antler_model_variable_entry *new_entry(antler_plan *plan)
{
    antler_model *model = plan->model;
    if (!antler__grow_by(&model->variable, (size_t)model->variables, 1, sizeof *model->variable)) {
        antler__plan_fail(plan, ANTLER_MEMORY, "out of memory");
        return NULL;
    }
    model->variable[model->variables] = (antler_model_variable_entry){0};
    return &model->variable[model->variables++];
}

/* Whether the variable that is declared now is one that the layer's parent has declared for both. */
static bool is_borrowed(antler_plan *plan, const char *name, int slot, bool param)
{
    antler_layer *layer = plan->layer;
    if (!param || !layer->borrows || plan->group || strcmp(name, layer->borrows) != 0)
        return false;
    layer->borrowed = slot;
    return true;
}

static void add_variable(antler_plan *plan, const char *name, const char *fields, const antler_shape *shape, int slot,
                         bool param)
{
    antler_model *model = plan->model;
    int64_t length;
    bool borrowed = is_borrowed(plan, name, slot, param);
    if (plan->within->first) {
        check_variable(plan, name, shape);
        return;
    }
    if (!antler__count(shape, 0, &length) || length > INT64_MAX / 64) {
        char text[128];
        antler__plan_fail(plan, ANTLER_SHAPE, "%s of shape %s is too large", name,
                          antler_shape_text(shape, text, sizeof text));
        return;
    }
    char path[128];
    snprintf(path, sizeof path, "%s%s", plan->within->path, name);
    char *copy = antler__copy_text(path);
    antler_model_variable_entry *v = !copy ? NULL : borrowed ? &model->variable[plan->layer->lent] : new_entry(plan);
    if (!v) {
        antler__free(copy);
        antler__plan_fail(plan, ANTLER_MEMORY, "out of memory");
        return;
    }
    antler__free((void *)(uintptr_t)v->view.name);
    *v = (antler_model_variable_entry){
        .view = {.layer = plan->within->top,
                 .name = copy,
                 .trainable = param && plan->layer->trainable,
                 .value.shape = *shape},
        .layer = plan->layer,
        .group = plan->group,
        .length = length,
        .initializer = setting(plan->layer, fields, "initializer"),
        .regularizer = setting(plan->layer, fields, "regularizer"),
        .constraint = setting(plan->layer, fields, "constraint"),
        .slot = slot,
        .param = param,
        .fan_in = plan->fan_in,
    };
    check_rank(plan, v);
}

void antler_plan_param(antler_plan *plan, int slot, const char *name, const char *fields, const antler_shape *shape)
{
    if (plan->wanted && !plan->group && strcmp(plan->wanted, name) == 0)
        *plan->found = *shape;
    if (plan->wanted || !may(plan, true, slot, "antler_plan_param"))
        return;
    if (slot != plan->layer->params || plan->layer->states) {
        antler__plan_fail(plan, ANTLER_VALUE, "a layer declares its parameters in order, before its states");
        return;
    }
    plan->layer->params++;
    add_variable(plan, name, fields, shape, slot, true);
}

void antler_plan_state(antler_plan *plan, int slot, const char *name, const char *fields, const antler_shape *shape)
{
    if (plan->wanted || !may(plan, true, slot, "antler_plan_state"))
        return;
    if (slot != plan->layer->states) {
        antler__plan_fail(plan, ANTLER_VALUE, "a layer declares its states in order");
        return;
    }
    plan->layer->states++;
    add_variable(plan, name, fields, shape, slot, false);
}

void antler_plan_group(antler_plan *plan, const char *group)
{
    if (may(plan, true, 0, "antler_plan_group"))
        plan->group = group;
}

void antler_plan_fan_in(antler_plan *plan, int64_t inputs)
{
    if (may(plan, true, 0, "antler_plan_fan_in"))
        plan->fan_in = inputs;
}

void antler_plan_noise(antler_plan *plan, int slot, int64_t seed)
{
    antler_layer *layer = plan->layer;
    if (plan->wanted || !may(plan, true, slot, "antler_plan_noise"))
        return;
    if (slot >= layer->sites) {
        if (!antler__grow(&layer->seed, (size_t)layer->sites, (size_t)slot + 1, sizeof *layer->seed)) {
            antler__plan_fail(plan, ANTLER_MEMORY, "out of memory");
            return;
        }
        for (; layer->sites <= slot; layer->sites++)
            layer->seed[layer->sites] = ANTLER_NULL;
    }
    layer->seed[slot] = seed;
}

static int shapes_in(const antler_shape *list)
{
    int n = 0;
    while (list[n].rank)
        n++;
    return n;
}

/* The name of the next child, in a list of Keras's ("cells/"): "cells/lstm_cell_1". */
static void name_in_list(const antler_layer *parent, const char *list, antler_object object, char *text, size_t size)
{
    const size_t length = strlen(list);
    int before = 0;
    for (int i = 0; i < parent->children; i++)
        before += strncmp(parent->child[i].name, list, length) == 0 && parent->child[i].object.type == object.type;
    snprintf(text, size, "%s", list);
    antler__snake_case(object.type->class_name, text + length, size - length - 16);
    if (before)
        snprintf(text + strlen(text), 16, "_%d", before);
}

void antler_plan_child(antler_plan *plan, int slot, const char *name, antler_object object, const antler_shape *in,
                       int64_t times)
{
    antler_layer *parent = plan->layer;
    if (plan->wanted || !may(plan, true, slot, "antler_plan_child"))
        return;
    if (slot != parent->children || !object.type || times < 1) {
        antler__plan_fail(plan, ANTLER_VALUE, "a layer declares its children in order");
        return;
    }
    char text[128];
    const size_t inputs = (size_t)shapes_in(in), length = strlen(name);
    if (length && length < sizeof text / 2 && name[length - 1] == '/')
        name_in_list(parent, name, object, text, sizeof text);
    else
        snprintf(text, sizeof text, "%s", name);
    antler_shape *copy = antler__allocate(inputs + 1, sizeof *copy);
    char *own = antler__copy_text(text);
    if (!copy || !own || !antler__grow_by(&parent->child, (size_t)parent->children, 1, sizeof *parent->child)) {
        antler__free(copy);
        antler__free(own);
        antler__plan_fail(plan, ANTLER_MEMORY, "out of memory");
        return;
    }
    memcpy(copy, in, (inputs + 1) * sizeof *copy);
    if (antler__layer_keys(object)->activity_regularizer_.type)
        antler__plan_fail(plan, ANTLER_UNSUPPORTED,
                          "%s has an activity_regularizer: that of a layer inside another has no effect", text);
    parent->child[parent->children++] = (antler_layer){.ops = (const antler_layer_ops *)object.type,
                                                       .object = object,
                                                       .path = own,
                                                       .name = own,
                                                       .inputs = (int)inputs,
                                                       .in = copy,
                                                       .times = times};
}

bool antler_plan_shared(antler_plan *plan, int slot, int child, const char *name, antler_shape *shape)
{
    if (plan->wanted || !may(plan, true, slot, "antler_plan_shared"))
        return false;
    antler_layer *of = &plan->layer->child[child];
    antler_plan look = {.err = plan->err, .mode = ANTLER_TRAIN, .workers = 1, .layer = of, .wanted = name};
    *shape = (antler_shape){0};
    look.found = shape;
    antler_shape *seen = antler__channels_seen(of->object, of->in);
    if (!seen) {
        antler__plan_fail(plan, ANTLER_MEMORY, "out of memory");
        return false;
    }
    if (of->ops->variables)
        of->ops->variables(of->object.config, seen, &look);
    antler__free(seen);
    if (!shape->rank) {
        antler__plan_fail(plan, ANTLER_VALUE, "%s has no %s", of->ops->type.class_name, name);
        return false;
    }
    of->borrows = name;
    of->lent = plan->within->first ? plan->within->first->child[child].lent : plan->model->variables;
    antler_plan_param(plan, slot, name, NULL, shape);
    return plan->status == ANTLER_OK;
}

/* Only the model's inputs may have open axes. */
static antler_status check_output(const antler_shape *shape, bool is_source, antler_error *err)
{
    int64_t count;
    char text[128];
    const antler_shape sized = is_source ? antler__with_length(shape, 1) : *shape, *out = &sized;
    bool sound = out->rank >= 1 && out->rank <= ANTLER_MAX_RANK && antler__count(out, 1, &count) && count >= 1 &&
                 count <= INT64_MAX / 1024;
    if (!sound)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "its output shape %s is not possible",
                                antler_shape_text(shape, text, sizeof text));
    return ANTLER_OK;
}

static antler_status infer_outputs(antler_layer *layer, antler_error *err)
{
    int most = layer->ops->inputs ? layer->ops->inputs : 1;
    if (layer->inputs > most)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "it takes %d tensor%s, got %d", most, most > 1 ? "s" : "",
                                layer->inputs);
    memset(layer->out, 0, sizeof layer->out);
    ANTLER_TRY(antler_child_infer(layer->object, layer->in, layer->out, err));
    const antler_regularizer_ops *activity =
        (const antler_regularizer_ops *)antler__layer_keys(layer->object)->activity_regularizer_.type;
    if (activity && activity->rank && activity->rank != layer->out[0].rank)
        return antler_error_set(err, ANTLER_SHAPE, "activity_regularizer", "%s is for %d axes, and the output has %d",
                                activity->type.class_name, activity->rank, layer->out[0].rank);
    layer->outputs = 0;
    do
        ANTLER_TRY(check_output(&layer->out[layer->outputs], layer->ops->flags & ANTLER_SOURCE, err));
    while (++layer->outputs < ANTLER_MAX_OUTPUTS && layer->out[layer->outputs].rank);
    if (layer->ops->flags & ANTLER_VIEW && antler_count(layer->in, 1) != antler_count(layer->out, 1))
        return antler_error_set(err, ANTLER_SHAPE, NULL, "a view of another number of elements than its input has");
    return ANTLER_OK;
}

static const antler_activation_ops *activation_of(const antler_layer *layer)
{
    const antler_object *object = layer->ops->activation ? layer->ops->activation(layer->object.config) : NULL;
    return object && object->type ? antler_activation_of(*object) : NULL;
}

/* Of one number it is 1, whatever that is. */
static void warn_of_softmax(antler_model *model, const antler_layer *layer)
{
    const antler_shape *out = &layer->out[0];
    antler_error warning = {0};
    if (!layer->f || strcmp(layer->f->type.class_name, "softmax") != 0 || out->rank < 2 || out->dim[out->rank - 1] != 1)
        return;
    snprintf(warning.place, sizeof warning.place, "%s", layer->place ? layer->place : "");
    snprintf(warning.message, sizeof warning.message,
             "softmax over one unit is always 1 (layer \"%.80s\"); \"sigmoid\" is the one for a single unit",
             layer->name);
    antler_one_line(warning.message);
    antler__model_warn(model, &warning);
}

static antler_status plan_variables(antler_plan *plan)
{
    const antler_layer *layer = plan->layer;
    if (!layer->ops->variables)
        return ANTLER_OK;
    antler_shape *seen = layer->in ? antler__channels_seen(layer->object, layer->in) : NULL;
    if (layer->in && !seen)
        return antler__no_memory(plan->err);
    layer->ops->variables(layer->object.config, seen, plan);
    antler__free(seen);
    return plan->status;
}

antler_status antler__plan_layer(antler_model *model, antler_layer *layer, antler_shape *in,
                                 const antler_within *within, antler_error *err)
{
    const void *config = layer->object.config;
    layer->in = in;
    ANTLER_TRY(infer_outputs(layer, err));
    layer->trainable = within->trainable && antler__layer_keys(layer->object)->trainable;
    layer->mask = layer->ops->mask_rule ? layer->ops->mask_rule(config) : layer->ops->mask;
    layer->f = activation_of(layer);
    warn_of_softmax(model, layer);
    layer->variable = within->first ? within->first->variable : model->variables;
    antler_plan plan = {
        .err = err, .mode = ANTLER_TRAIN, .workers = 1, .model = model, .layer = layer, .within = within};
    ANTLER_TRY(plan_variables(&plan));
    for (int i = 0; i < layer->children; i++) {
        antler_layer *child = &layer->child[i];
        char path[128];
        snprintf(path, sizeof path, "%s%s/", within->path, child->name);
        const antler_within inside = {.top = within->top,
                                      .path = path,
                                      .trainable = layer->trainable,
                                      .first = within->first ? &within->first->child[i] : NULL,
                                      .resized = within->resized};
        ANTLER_TRY(antler__plan_layer(model, child, child->in, &inside, err));
    }
    return ANTLER_OK;
}

void antler__layer_follow(antler_layer *layer, const antler_layer *first)
{
    layer->variable = first->variable;
    layer->lent = first->lent;
    for (int i = 0; i < layer->children; i++)
        antler__layer_follow(&layer->child[i], &first->child[i]);
}

int64_t antler__layer_sites(const antler_layer *layer)
{
    int64_t sites = layer->sites;
    for (int i = 0; i < layer->children; i++)
        sites += antler__layer_sites(&layer->child[i]);
    return sites;
}

void antler__layer_clear(antler_layer *layer)
{
    for (int i = 0; i < layer->children; i++)
        antler__layer_clear(&layer->child[i]);
    antler__free(layer->child);
    antler__free(layer->seed);
    antler__free(layer->in);
    antler__free(layer->path);
    antler__free(layer->place);
    *layer = (antler_layer){0};
}

/* ---- buffers ----------------------------------------------------------------------------------------------------- */

const antler_shape *antler_plan_param_shape(const antler_plan *plan, int slot)
{
    return &plan->built->variable[antler__variable_at(plan->node->layer, slot)].view.value.shape;
}

antler_mode antler_plan_mode(const antler_plan *plan)
{
    return plan->mode;
}

int antler_plan_workers(const antler_plan *plan)
{
    return plan->workers;
}

int64_t antler__plan_buffer(antler_plan *plan, const antler_shape *shape, size_t size, int birth, int death)
{
    antler_error error = {0};
    int64_t buffer = antler__arena_add(plan->arena, shape, size, birth, death, &error);
    if (buffer < 0)
        antler__plan_fail(plan, error.status, "%s", error.message);
    return buffer;
}

static int last_step(const antler_plan *plan)
{
    return plan->backward < 0 ? plan->forward : plan->backward;
}

/* Makes room for a slot; those that are skipped have no data. */
static bool reserve(antler_plan *plan, antler_slots *slots, int slot, const antler_shape *shape, const char *call)
{
    if (!may(plan, false, slot, call))
        return false;
    if (slot >= slots->n) {
        size_t n = (size_t)slots->n, wanted = (size_t)slot + 1;
        if (!antler__grow(&slots->tensor, n, wanted, sizeof *slots->tensor) ||
            !antler__grow(&slots->buffer, n, wanted, sizeof *slots->buffer)) {
            antler__plan_fail(plan, ANTLER_MEMORY, "out of memory");
            return false;
        }
        for (; slots->n <= slot; slots->n++) {
            slots->tensor[slots->n] = (antler_tensor){0};
            slots->buffer[slots->n] = -1;
        }
    }
    slots->tensor[slot].shape = *shape;
    return true;
}

void antler_plan_saved(antler_plan *plan, int slot, const antler_shape *shape)
{
    antler_slots *saved = plan->node ? &plan->node->saved : NULL;
    if (reserve(plan, saved, slot, shape, "antler_plan_saved") && plan->mode == ANTLER_TRAIN)
        saved->buffer[slot] = antler__plan_buffer(plan, shape, sizeof(antler_real), plan->forward, last_step(plan));
}

void antler_plan_bits(antler_plan *plan, int slot, const antler_shape *shape)
{
    antler_slots *words = plan->node ? &plan->node->words : NULL;
    int64_t count;
    if (!reserve(plan, words, slot, shape, "antler_plan_bits") || plan->mode != ANTLER_TRAIN)
        return;
    if (!antler__count(shape, 0, &count)) {
        antler__plan_fail(plan, ANTLER_SHAPE, "a mask is too large");
        return;
    }
    words->buffer[slot] = antler__plan_buffer(plan, &(antler_shape){1, {count / 64 + 1}}, sizeof(uint64_t),
                                              plan->forward, plan->keep ? INT32_MAX : last_step(plan));
}

void antler_plan_scratch(antler_plan *plan, int slot, const antler_shape *shape)
{
    antler_slots *scratch = plan->node ? &plan->node->scratch : NULL;
    if (!reserve(plan, scratch, slot, shape, "antler_plan_scratch"))
        return;
    int64_t buffer = antler__plan_buffer(plan, shape, sizeof(antler_real), plan->forward, plan->forward);
    if (buffer >= 0)
        plan->arena->buffer[buffer].again = plan->backward;
    scratch->buffer[slot] = buffer;
}

void antler_plan_carry(antler_plan *plan, int slot, const antler_shape *shape)
{
    antler_slots *carry = plan->node ? &plan->node->carry : NULL;
    if (reserve(plan, carry, slot, shape, "antler_plan_carry"))
        carry->buffer[slot] = antler__plan_buffer(plan, shape, sizeof(antler_real), 0, INT32_MAX);
}
