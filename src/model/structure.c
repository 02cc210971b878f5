/* From a list of layers to a model with shapes, variables in one block, and initial weights. */
#include "model/structure.h"

#include "config/names.h"
#include "core/memory.h"
#include "model/context.h"
#include "model/ends.h"
#include "model/model.h"
#include "model/plan.h"
#include "model/targets.h"

#include <stdio.h>
#include <string.h>

/* ---- names ------------------------------------------------------------------------------------------------------- */

static bool is_taken(const antler_model *model, const char *name, int64_t except)
{
    for (int64_t i = 0; i < model->layers; i++) {
        const char *other = antler__layer_keys(model->object[i])->name;
        if (i != except && other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

/* A name is a part of paths in weights files. */
static antler_status check_name(const antler_model *model, int64_t i, antler_error *err)
{
    const char *name = antler__layer_keys(model->object[i])->name;
    char place[64];
    snprintf(place, sizeof place, "config.layers[%lld].config.name", (long long)i);
    ANTLER_TRY(antler__name_check(name, "/", place, err));
    if (is_taken(model, name, i))
        return antler_error_set(err, ANTLER_NAME, place, "two layers have the name \"%s\"", name);
    return ANTLER_OK;
}

static antler_status name_layers(antler_model *model, antler_error *err)
{
    for (int64_t i = 0; i < model->layers; i++) {
        struct antler_layer_keys *keys = antler__layer_keys(model->object[i]);
        char base[128], name[160];
        if (keys->name) {
            ANTLER_TRY(check_name(model, i, err));
            continue;
        }
        antler__snake_case(model->object[i].type->class_name, base, sizeof base);
        snprintf(name, sizeof name, "%s", base);
        for (long long n = 1; is_taken(model, name, i); n++)
            snprintf(name, sizeof name, "%s_%lld", base, n);
        keys->name = antler__copy_text(name);
        if (!keys->name)
            return antler__no_memory(err);
    }
    return ANTLER_OK;
}

/* ---- layers and calls -------------------------------------------------------------------------------------------- */

static bool is_source(const antler_model *model, int64_t layer)
{
    return ((const antler_layer_ops *)model->object[layer].type)->flags & ANTLER_SOURCE;
}

static antler_status add_wire(antler_model *model, int64_t giver, int output, const antler_shape *shape,
                              antler_error *err)
{
    if (!antler__grow(&model->wire, (size_t)model->wires, (size_t)model->wires + 1, sizeof *model->wire))
        return antler__no_memory(err);
    model->wire[model->wires++] = (antler_wire){.giver = giver, .output = output, .shape = *shape};
    return ANTLER_OK;
}

/* A failure of a layer, with its place in the model's file and the inputs that it was given. */
static antler_status blame(const antler_model *model, int64_t i, const antler_error *error, antler_error *err)
{
    const antler_layer *layer = &model->layer[i];
    char place[320], in[256] = "", one[128];
    for (int k = 0; k < layer->inputs && strlen(in) + sizeof one < sizeof in; k++)
        snprintf(in + strlen(in), sizeof in - strlen(in), "%s%s", k ? ", " : "",
                 antler_shape_text(&layer->in[k], one, sizeof one));
    snprintf(place, sizeof place, "config.layers[%lld]%s%s", (long long)i, *error->place ? ".config." : "",
             error->place);
    return antler_error_set(err, error->status, place, "%s (%s), input %s: %s", layer->name,
                            layer->ops->type.class_name, in, error->message);
}

static antler_status make_layers(antler_model *model, antler_error *err)
{
    model->layer = antler__allocate_zeroed((size_t)model->layers, sizeof *model->layer);
    if (!model->layer)
        return antler__no_memory(err);
    for (int64_t i = 0; i < model->layers; i++)
        model->layer[i] = (antler_layer){.ops = (const antler_layer_ops *)model->object[i].type,
                                         .object = model->object[i],
                                         .name = antler__layer_keys(model->object[i])->name,
                                         .times = 1};
    return ANTLER_OK;
}

/* The model's inputs: a wire each, in the order of the sources. */
static antler_status make_inputs(antler_model *model, antler_error *err)
{
    model->input = antler__allocate((size_t)model->layers, sizeof *model->input);
    if (!model->input)
        return antler__no_memory(err);
    for (int64_t i = 0; i < model->layers; i++) {
        antler_error error = {0};
        if (!is_source(model, i))
            continue;
        if (antler__plan_layer(model, &model->layer[i], NULL, model->layer[i].name, "", true, &error) != ANTLER_OK)
            return blame(model, i, &error, err);
        model->input[model->inputs] = model->wires;
        ANTLER_TRY(add_wire(model, -1, (int)model->inputs++, &model->layer[i].out[0], err));
    }
    return ANTLER_OK;
}

static int64_t wire_of(const antler_model *model, antler_ref ref)
{
    return ref.call < 0 ? model->input[-1 - ref.call] : model->call[ref.call].out + ref.output;
}

static antler_status use_wire(antler_model *model, int64_t wire, int64_t call, antler_error *err)
{
    antler_wire *w = &model->wire[wire];
    if (!antler__grow(&w->user, (size_t)w->users, (size_t)w->users + 1, sizeof *w->user))
        return antler__no_memory(err);
    w->user[w->users++] = call;
    return ANTLER_OK;
}

/* Appends a call: shapes, and at a layer's first one its variables. */
static antler_status add_call(antler_model *model, const antler_use *use, antler_error *err)
{
    if (model->layer[use->layer].outputs) /* its gradients would have to be added up: nothing asks for that yet */
        return antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "layer \"%s\" is called twice",
                                model->layer[use->layer].name);
    antler_call *call = &model->call[model->calls];
    antler_layer *layer = &model->layer[use->layer];
    antler_shape *in = antler__allocate_zeroed((size_t)use->inputs + 1, sizeof *in);
    antler_error error = {0};
    *call = (antler_call){
        .layer = use->layer, .inputs = use->inputs, .out = model->wires, .place = model->places, .site = model->sites};
    call->in = antler__allocate((size_t)use->inputs, sizeof *call->in);
    if (!in || !call->in) {
        antler__free(in);
        antler__free(call->in);
        return antler__no_memory(err);
    }
    int64_t index = model->calls++;
    model->places += use->inputs;
    for (int i = 0; i < use->inputs; i++) {
        call->in[i] = wire_of(model, use->in[i]);
        in[i] = model->wire[call->in[i]].shape;
    }
    layer->inputs = use->inputs;
    antler_status status = antler__plan_layer(model, layer, in, layer->name, "", true, &error);
    if (status != ANTLER_OK)
        return blame(model, use->layer, &error, err);
    model->sites += antler__layer_sites(layer);
    for (int i = 0; i < use->inputs; i++)
        ANTLER_TRY(use_wire(model, call->in[i], index, err));
    for (; call->outputs < layer->outputs; call->outputs++)
        ANTLER_TRY(add_wire(model, index, call->outputs, &layer->out[call->outputs], err));
    return ANTLER_OK;
}

static antler_status make_calls(antler_model *model, const antler_graph *graph, antler_error *err)
{
    model->call = antler__allocate_zeroed((size_t)graph->uses, sizeof *model->call);
    model->output = antler__allocate((size_t)graph->outputs, sizeof *model->output);
    if (!model->call || !model->output)
        return antler__no_memory(err);
    for (int64_t i = 0; i < graph->uses; i++)
        ANTLER_TRY(add_call(model, &graph->use[i], err));
    for (; model->outputs < graph->outputs; model->outputs++) {
        int64_t wire = model->output[model->outputs] = wire_of(model, graph->output[model->outputs]);
        model->wire[wire].is_output = true;
    }
    return ANTLER_OK;
}

/* A Sequential has one input, its first layer. */
static antler_status refuse_input(const antler_model *model, antler_error *err)
{
    char place[64];
    int64_t i = 1;
    while (!is_source(model, i))
        i++;
    snprintf(place, sizeof place, "config.layers[%lld]", (long long)i);
    return antler_error_set(err, ANTLER_VALUE, place, "only the first layer can be an %s",
                            model->object[i].type->class_name);
}

/* A Sequential: each layer takes the one before. */
static antler_status make_chain(antler_model *model, antler_error *err)
{
    int64_t calls = model->layers - 1;
    if (model->inputs > 1)
        return refuse_input(model, err);
    antler_use *use = antler__allocate((size_t)calls, sizeof *use);
    antler_ref *ref = antler__allocate((size_t)calls + 1, sizeof *ref);
    antler_status status = use && ref ? ANTLER_OK : antler__no_memory(err);
    for (int64_t i = 0; status == ANTLER_OK && i <= calls; i++) {
        ref[i] = (antler_ref){.call = i - 1};
        if (i < calls)
            use[i] = (antler_use){.layer = i + 1, .inputs = 1, .in = &ref[i]};
    }
    if (status == ANTLER_OK)
        status =
            make_calls(model, &(antler_graph){.uses = calls, .outputs = 1, .use = use, .output = &ref[calls]}, err);
    antler__free(use);
    antler__free(ref);
    return status;
}

/* ---- variables --------------------------------------------------------------------------------------------------- */

/* Each variable starts at a multiple of 64 bytes; trained ones come first. */
static antler_status place_variables(antler_model *model, antler_error *err)
{
    const int64_t step = 64 / (int64_t)sizeof(antler_real);
    int64_t offset = 0;
    bool fits = true;
    for (int trained = 1; trained >= 0; trained--) {
        for (int64_t i = 0; i < model->variables; i++) {
            antler_model_variable_entry *variable = &model->variable[i];
            if (variable->view.trainable != (trained == 1))
                continue;
            variable->offset = offset;
            fits = fits && antler__size_add(offset, (variable->length + step - 1) / step * step, &offset);
        }
        if (trained)
            model->trained_size = offset;
    }
    model->size = offset;
    model->parameters = fits ? antler__allocate_aligned((size_t)model->size, sizeof(antler_real)) : NULL;
    if (!model->parameters)
        return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: the weights need %lld MiB",
                                (long long)(model->size / (1 << 20) * (int64_t)sizeof(antler_real)));
    memset(model->parameters, 0, (size_t)model->size * sizeof(antler_real));
    for (int64_t i = 0; i < model->variables; i++)
        model->variable[i].view.value.data = model->parameters + model->variable[i].offset;
    return ANTLER_OK;
}

static int64_t count_weights(const antler_model *model, const char *layer, bool trained_only)
{
    int64_t count = 0;
    for (int64_t i = 0; i < model->variables; i++)
        if (model->variable[i].view.layer == layer && (!trained_only || model->variable[i].view.trainable))
            count += model->variable[i].length;
    return count;
}

static antler_status make_views(antler_model *model, antler_error *err)
{
    model->view = antler__allocate_zeroed((size_t)model->layers, sizeof *model->view);
    if (!model->view)
        return antler__no_memory(err);
    for (int64_t i = 0; i < model->layers; i++) {
        const antler_layer *layer = &model->layer[i];
        model->view[i] = (antler_layer_view){.name = layer->name,
                                             .class_name = layer->ops->type.class_name,
                                             .output = layer->out[0],
                                             .parameters = count_weights(model, layer->name, false),
                                             .trainable = count_weights(model, layer->name, true)};
    }
    return ANTLER_OK;
}

void antler__slots_free(antler_model *model)
{
    for (; model->slots > 0; model->slots--)
        antler__free_aligned(model->slot[model->slots - 1]);
}

void antler__spare_drop(antler_model *model)
{
    for (int i = 0; i < 2; i++) {
        antler_context *c = atomic_exchange(&model->spare[i], NULL);
        if (c)
            c->release(c);
    }
}

void antler__structure_free(antler_model *model)
{
    antler__spare_drop(model);
    for (int64_t i = 0; model->layer && i < model->layers; i++)
        antler__layer_clear(&model->layer[i]);
    antler__free(model->layer);
    antler__free(model->view);
    for (int64_t i = 0; i < model->calls; i++)
        antler__free(model->call[i].in);
    antler__free(model->call);
    for (int64_t i = 0; i < model->wires; i++)
        antler__free(model->wire[i].user);
    antler__free(model->wire);
    antler__ends_free(model);
    antler__free(model->input);
    antler__free(model->output);
    for (int64_t i = 0; i < model->variables; i++)
        antler__free((void *)(uintptr_t)model->variable[i].view.name);
    antler__free(model->variable);
    antler__free_aligned(model->parameters);
    antler__slots_free(model);
    model->layer = NULL;
    model->view = NULL;
    model->call = NULL;
    model->wire = NULL;
    model->input = model->output = NULL;
    model->variable = NULL;
    model->parameters = NULL;
    model->calls = model->wires = model->places = model->inputs = model->outputs = 0;
    model->variables = model->sites = model->trained_size = model->size = 0;
    model->built = model->initialized = false;
}

antler_status antler__model_connect(antler_model *model, const antler_graph *graph, antler_error *err)
{
    if (model->built)
        return ANTLER_OK;
    if (model->layers < 2)
        return antler_error_set(err, ANTLER_VALUE, "config.layers", "the model has no layers");
    antler_status status = name_layers(model, err);
    status = status == ANTLER_OK ? make_layers(model, err) : status;
    status = status == ANTLER_OK ? make_inputs(model, err) : status;
    if (status == ANTLER_OK)
        status = graph ? make_calls(model, graph, err) : make_chain(model, err);
    status = status == ANTLER_OK ? place_variables(model, err) : status;
    status = status == ANTLER_OK ? make_views(model, err) : status;
    status = status == ANTLER_OK ? antler__ends_name(model, err) : status;
    model->built = status == ANTLER_OK;
    status = status == ANTLER_OK ? antler__targets_settle(model, model->compile, err) : status;
    if (status != ANTLER_OK)
        antler__structure_free(model);
    return status;
}

antler_status antler__model_structure(antler_model *model, antler_error *err)
{
    return antler__model_connect(model, NULL, err);
}

/* ---- initial weights --------------------------------------------------------------------------------------------- */

antler_status antler__model_initialize(antler_model *model, antler_error *err)
{
    if (model->initialized)
        return ANTLER_OK;
    for (int64_t i = 0; i < model->variables; i++) {
        antler_model_variable_entry *variable = &model->variable[i];
        const antler_initializer_ops *ops = (const antler_initializer_ops *)variable->initializer.type;
        antler_error error = {0};
        antler_status status = !ops ? ANTLER_OK
                                    : ops->fill(variable->initializer.config, &variable->view.value,
                                                antler__key(model->seed, ANTLER_FOR_INIT, i), &error);
        if (status != ANTLER_OK)
            return antler_error_set(err, status, NULL, "%s of layer %s: %s", variable->view.name, variable->view.layer,
                                    error.message);
        const antler_layer *layer = variable->layer;
        if (i < layer->variable + layer->params && layer->ops->initialize)
            layer->ops->initialize(layer->object.config, variable->slot, &variable->view.value);
    }
    model->initialized = true;
    return ANTLER_OK;
}

antler_status antler__model_slots(antler_model *model, antler_error *err)
{
    const antler_object *optimizer = model->compile ? &model->compile->optimizer : NULL;
    if (!optimizer || !optimizer->type)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.optimizer", "the model has no optimizer");
    const antler_optimizer_ops *ops = (const antler_optimizer_ops *)optimizer->type;
    int slots = ops->slots ? ops->slots(optimizer->config) : 0;
    for (; model->slots < slots; model->slots++) {
        antler_real *slot = antler__allocate_aligned((size_t)model->trained_size, sizeof *slot);
        if (!slot)
            return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: the optimizer's state");
        memset(slot, 0, (size_t)model->trained_size * sizeof *slot);
        model->slot[model->slots] = slot;
    }
    return ANTLER_OK;
}
