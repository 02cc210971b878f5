/* What `variables` and `buffers` may call, and what the core makes of it. See plan.h. */
#include "model/plan.h"

#include "core/memory.h"

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

/* ---- variables -------------------------------------------------------------------------------------------------- */

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
        .group = plan->group,
        .length = length,
        .initializer = setting(plan->layer, fields, "initializer"),
        .regularizer = setting(plan->layer, fields, "regularizer"),
        .constraint = setting(plan->layer, fields, "constraint"),
        .slot = slot,
    };
}

void antler_plan_param(antler_plan *plan, int slot, const char *name, const char *fields, const antler_shape *shape)
{
    if (!may(plan, true, slot, "antler_plan_param"))
        return;
    if (slot != plan->layer->params || plan->layer->states) {
        antler__plan_fail(plan, ANTLER_VALUE, "a layer declares its parameters in order, before its states");
        return;
    }
    plan->layer->params++;
    add_variable(plan, name, fields, shape, slot, plan->layer->trainable);
}

void antler_plan_state(antler_plan *plan, int slot, const char *name, const char *fields, const antler_shape *shape)
{
    if (!may(plan, true, slot, "antler_plan_state"))
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

void antler_plan_noise(antler_plan *plan, int slot, int64_t seed)
{
    antler_layer *layer = plan->layer;
    if (!may(plan, true, slot, "antler_plan_noise"))
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

void antler_plan_child(antler_plan *plan, int slot, const char *name, antler_object object, const antler_shape *in,
                       int64_t times)
{
    antler_layer *parent = plan->layer;
    if (!may(plan, true, slot, "antler_plan_child"))
        return;
    if (slot != parent->children || !object.type || times < 1) {
        antler__plan_fail(plan, ANTLER_VALUE, "a layer declares its children in order");
        return;
    }
    size_t inputs = (size_t)shapes_in(in);
    antler_shape *copy = antler__allocate(inputs + 1, sizeof *copy);
    if (!copy ||
        !antler__grow(&parent->child, (size_t)parent->children, (size_t)parent->children + 1, sizeof *parent->child)) {
        antler__free(copy);
        antler__plan_fail(plan, ANTLER_MEMORY, "out of memory");
        return;
    }
    memcpy(copy, in, (inputs + 1) * sizeof *copy);
    parent->child[parent->children++] = (antler_layer){.ops = (const antler_layer_ops *)object.type,
                                                       .object = object,
                                                       .name = name,
                                                       .inputs = (int)inputs,
                                                       .in = copy,
                                                       .times = times};
}

static antler_status check_output(const antler_shape *out, antler_error *err)
{
    int64_t count;
    char text[128];
    bool sound = out->rank >= 1 && out->rank <= ANTLER_MAX_RANK && antler__count(out, 1, &count) && count >= 1 &&
                 count <= INT64_MAX / 1024;
    if (!sound)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "its output shape %s is not possible",
                                antler_shape_text(out, text, sizeof text));
    return ANTLER_OK;
}

static antler_status infer_outputs(antler_layer *layer, antler_error *err)
{
    int most = layer->ops->inputs ? layer->ops->inputs : 1;
    if (layer->inputs > most)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "it takes %d tensor%s, got %d", most, most > 1 ? "s" : "",
                                layer->inputs);
    memset(layer->out, 0, sizeof layer->out);
    ANTLER_TRY(layer->ops->infer(layer->object.config, layer->in, layer->out, err));
    layer->outputs = 0;
    do
        ANTLER_TRY(check_output(&layer->out[layer->outputs], err));
    while (++layer->outputs < ANTLER_MAX_OUTPUTS && layer->out[layer->outputs].rank);
    return ANTLER_OK;
}

static const antler_activation_ops *activation_of(const antler_layer *layer)
{
    const antler_object *object = layer->ops->activation ? layer->ops->activation(layer->object.config) : NULL;
    return object && object->type ? antler_activation_of(*object) : NULL;
}

antler_status antler__plan_layer(antler_model *model, antler_layer *layer, antler_shape *in, const char *top,
                                 const char *path, bool trainable, antler_error *err)
{
    const void *config = layer->object.config;
    bool first = !layer->outputs;
    if (layer->in != in)
        antler__free(layer->in);
    layer->in = in;
    ANTLER_TRY(infer_outputs(layer, err));
    if (!first)
        return ANTLER_OK;
    layer->trainable = trainable && antler__layer_keys(layer->object)->trainable;
    layer->mask = layer->ops->mask_rule ? layer->ops->mask_rule(config) : layer->ops->mask;
    layer->f = activation_of(layer);
    layer->variable = model->variables;
    antler_plan plan = {.err = err, .model = model, .layer = layer, .top = top, .path = path};
    if (layer->ops->variables)
        layer->ops->variables(config, layer->in, &plan);
    if (plan.status != ANTLER_OK)
        return plan.status;
    for (int i = 0; i < layer->children; i++) {
        antler_layer *child = &layer->child[i];
        char child_path[128];
        snprintf(child_path, sizeof child_path, "%s%s/", path, child->name);
        ANTLER_TRY(antler__plan_layer(model, child, child->in, top, child_path, layer->trainable, err));
    }
    return ANTLER_OK;
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
    *layer = (antler_layer){0};
}

antler_status antler_child_infer(antler_object layer, const antler_shape *in, antler_shape *out, antler_error *err)
{
    return ((const antler_layer_ops *)layer.type)->infer(layer.config, in, out, err);
}

/* ---- buffers ---------------------------------------------------------------------------------------------------- */

antler_mode antler_plan_mode(const antler_plan *plan)
{
    return plan->mode;
}

int antler_plan_workers(const antler_plan *plan)
{
    return plan->workers;
}

static int64_t add_buffer(antler_plan *plan, const antler_shape *shape, size_t size, int birth, int death)
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
        saved->buffer[slot] = add_buffer(plan, shape, sizeof(antler_real), plan->forward, last_step(plan));
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
    words->buffer[slot] = add_buffer(plan, &(antler_shape){1, {count / 64 + 1}}, sizeof(uint64_t), plan->forward,
                                     plan->keep ? INT32_MAX : last_step(plan));
}

void antler_plan_scratch(antler_plan *plan, int slot, const antler_shape *shape)
{
    antler_slots *scratch = plan->node ? &plan->node->scratch : NULL;
    if (!reserve(plan, scratch, slot, shape, "antler_plan_scratch"))
        return;
    int64_t buffer = add_buffer(plan, shape, sizeof(antler_real), plan->forward, plan->forward);
    if (buffer >= 0)
        plan->arena->buffer[buffer].again = plan->backward;
    scratch->buffer[slot] = buffer;
}

void antler_plan_carry(antler_plan *plan, int slot, const antler_shape *shape)
{
    antler_slots *carry = plan->node ? &plan->node->carry : NULL;
    if (reserve(plan, carry, slot, shape, "antler_plan_carry"))
        carry->buffer[slot] = add_buffer(plan, shape, sizeof(antler_real), 0, INT32_MAX);
}

/* ---- nodes ------------------------------------------------------------------------------------------------------ */

static void clear_slots(antler_slots *slots)
{
    antler__free(slots->tensor);
    antler__free(slots->buffer);
}

void antler__node_clear(antler_node *node)
{
    for (int i = 0; node->child && i < node->layer->children; i++)
        antler__node_clear(&node->child[i]);
    antler__free(node->child);
    clear_slots(&node->saved);
    clear_slots(&node->scratch);
    clear_slots(&node->carry);
    clear_slots(&node->words);
    antler__free(node->bits);
    antler__free(node->x);
    *node = (antler_node){0};
}

/* The tensors of a run, in one block. */
static antler_status make_tensors(antler_node *node, const antler_shape *in, const antler_shape *out, antler_error *err)
{
    const antler_layer *layer = node->layer;
    int inputs = layer->inputs, outputs = layer->outputs;
    size_t n = (size_t)(3 * inputs + 2 * outputs + 1 + 2 * layer->params + layer->states);
    antler_tensor *t = antler__allocate_zeroed(n, sizeof *t);
    if (!t)
        return antler__no_memory(err);
    node->x = t;
    node->dx = node->x + inputs;
    node->mask = node->dx + inputs;
    node->y = node->mask + inputs;
    node->dy = node->y + outputs;
    node->mask_out = node->dy + outputs;
    node->param = node->mask_out + 1;
    node->grad = node->param + layer->params;
    node->state = node->grad + layer->params;
    for (int i = 0; i < inputs; i++)
        node->x[i].shape = node->dx[i].shape = in[i];
    for (int i = 0; i < outputs; i++)
        node->y[i].shape = node->dy[i].shape = out[i];
    return ANTLER_OK;
}

/* z, where backward or the loss reads it, and its gradient. */
static void plan_epilogue(antler_plan *plan, const antler_shape *out)
{
    antler_node *node = plan->node;
    const antler_layer *layer = node->layer;
    bool train = plan->mode == ANTLER_TRAIN, computes = layer->ops->forward != NULL;
    node->epilogue = (antler_epilogue){.f = layer->f, .linear = plan->linear, .width = out->dim[out->rank - 1]};
    if (!layer->f || !computes)
        return;
    if (plan->linear || (train && layer->f->needs_x))
        node->z_buffer = add_buffer(plan, out, sizeof(antler_real), plan->forward,
                                    plan->backward > plan->loss ? plan->backward : plan->loss);
    if (plan->backward >= 0 && (plan->whole || !(layer->ops->flags & ANTLER_FUSES)))
        node->dz_buffer = add_buffer(plan, out, sizeof(antler_real), plan->backward, plan->backward);
}

/* Shapes of a child's tensors for the batch of its parent. */
static void with_batch(antler_shape *to, const antler_shape *from, int n, int64_t batch)
{
    for (int i = 0; i < n; i++) {
        to[i] = from[i];
        to[i].dim[0] = batch;
    }
    to[n].rank = 0;
}

static antler_status plan_children(const antler_plan *settings, antler_node *node, int64_t batch, antler_error *err)
{
    const antler_layer *layer = node->layer;
    node->child = antler__allocate_zeroed((size_t)layer->children, sizeof *node->child);
    if (!node->child)
        return antler__no_memory(err);
    for (int i = 0; i < layer->children; i++)
        node->child[i].layer = &layer->child[i];
    for (int i = 0; i < layer->children; i++) {
        const antler_layer *child = &layer->child[i];
        antler_shape *in = antler__allocate((size_t)child->inputs + 1, sizeof *in), out[ANTLER_MAX_OUTPUTS + 1];
        int64_t times;
        if (!in)
            return antler__no_memory(err);
        antler_status status = antler__size_multiply(batch, child->times, &times)
                                   ? ANTLER_OK
                                   : antler_error_set(err, ANTLER_SHAPE, NULL, "a batch is too large");
        with_batch(in, child->in, child->inputs, times);
        with_batch(out, child->out, child->outputs, times);
        if (status == ANTLER_OK)
            status = antler__plan_node(settings, &node->child[i], child, in, out);
        antler__free(in);
        ANTLER_TRY(status);
    }
    return ANTLER_OK;
}

antler_status antler__plan_node(const antler_plan *settings, antler_node *node, const antler_layer *layer,
                                const antler_shape *in, const antler_shape *out)
{
    antler_plan plan = *settings;
    plan.node = node;
    node->layer = layer;
    node->z_buffer = node->dz_buffer = -1;
    ANTLER_TRY(make_tensors(node, in, out, plan.err));
    plan_epilogue(&plan, out);
    if (layer->ops->buffers)
        layer->ops->buffers(layer->object.config, in, &plan);
    ANTLER_TRY(plan.status);
    antler_plan inner = *settings;
    inner.linear = false;
    inner.whole = true;
    return layer->children ? plan_children(&inner, node, in[0].dim[0], plan.err) : ANTLER_OK;
}

static void connect_slots(antler_slots *slots, const antler_arena *arena)
{
    for (int i = 0; i < slots->n; i++)
        slots->tensor[i].data = antler__arena_at(arena, slots->buffer[i]);
}

antler_status antler__node_connect(antler_node *node, const antler_arena *arena, antler_error *err)
{
    connect_slots(&node->saved, arena);
    connect_slots(&node->scratch, arena);
    connect_slots(&node->carry, arena);
    node->epilogue.z = antler__arena_at(arena, node->z_buffer);
    node->epilogue.dz = antler__arena_at(arena, node->dz_buffer);
    node->bits = antler__allocate_zeroed((size_t)node->words.n, sizeof *node->bits);
    if (!node->bits)
        return antler__no_memory(err);
    for (int i = 0; i < node->words.n; i++)
        node->bits[i] = (antler_bits){node->words.tensor[i].shape, antler__arena_at(arena, node->words.buffer[i])};
    for (int i = 0; i < node->layer->children; i++)
        ANTLER_TRY(antler__node_connect(&node->child[i], arena, err));
    return ANTLER_OK;
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

static int64_t rows_of(const antler_node *node)
{
    return antler_count(&node->y->shape, 0) / node->epilogue.width;
}

antler_status antler__node_forward(antler_node *node)
{
    const antler_layer_ops *ops = node->layer->ops;
    antler_epilogue *e = &node->epilogue;
    antler_run *run = &node->run;
    e->y = node->y->data;
    if (!ops->forward) /* a view: z is x */
        e->z = node->x->data;
    else {
        if (e->z)
            node->y->data = e->z;
        antler_status status = ops->forward(node->layer->object.config, run);
        node->y->data = e->y;
        ANTLER_TRY(status);
    }
    if (e->f && !(ops->flags & ANTLER_FUSES))
        antler__activate(run, e->f, e->y, e->z ? e->z : e->y, rows_of(node), e->width);
    else if (!e->f && !ops->forward)
        antler_copy(run, e->y, e->z, antler_count(&node->y->shape, 0));
    return ANTLER_OK;
}

antler_status antler__node_backward(antler_node *node)
{
    const antler_layer_ops *ops = node->layer->ops;
    antler_epilogue *e = &node->epilogue;
    antler_run *run = &node->run;
    bool bends = e->f && !e->linear; /* dy is not dz */
    antler_real *dy = node->dy->data;
    if (!ops->backward) {
        if (node->dx->data && bends)
            antler__activate_backward(run, e->f, node->dx->data, dy, node->y->data, e->z, rows_of(node), e->width);
        else if (node->dx->data)
            antler_copy(run, node->dx->data, dy, antler_count(&node->dy->shape, 0));
        return ANTLER_OK;
    }
    if (bends && !(ops->flags & ANTLER_FUSES)) {
        antler__activate_backward(run, e->f, e->dz, dy, node->y->data, e->z, rows_of(node), e->width);
        node->dy->data = e->dz;
    }
    antler_status status = ops->backward(node->layer->object.config, run);
    node->dy->data = dy;
    return status;
}

static antler_node *set_io(antler_run *run, int slot, const antler_io *io)
{
    antler_node *child = &run->child[slot];
    int inputs = child->layer->inputs, outputs = child->layer->outputs;
    child->run.err = run->err;
    for (int i = 0; i < inputs; i++) {
        child->x[i] = io->x[i];
        child->mask[i] = io->mask ? io->mask[i] : (antler_tensor){0};
        child->dx[i] = io->dx ? io->dx[i] : (antler_tensor){0};
    }
    for (int i = 0; i < outputs; i++) {
        child->y[i] = io->y[i];
        child->dy[i] = io->dy ? io->dy[i] : (antler_tensor){0};
    }
    *child->mask_out = io->mask_out ? *io->mask_out : (antler_tensor){0};
    return child;
}

antler_status antler_child_forward(antler_run *run, int slot, const antler_io *io)
{
    return antler__node_forward(set_io(run, slot, io));
}

antler_status antler_child_backward(antler_run *run, int slot, const antler_io *io)
{
    return antler__node_backward(set_io(run, slot, io));
}
