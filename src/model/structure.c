/* From a list of layers to a model with shapes, variables in one block, and initial weights. */
#include "core/memory.h"
#include "model/model.h"
#include "model/plan.h"

#include <stdio.h>
#include <string.h>

/* ---- names ---- */

static bool is_taken(const antler_model *model, const char *name, int64_t except)
{
    for (int64_t i = 0; i < model->layers; i++) {
        const char *other = antler__layer_keys(model->object[i])->name;
        if (i != except && other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

enum { LONGEST_NAME = 128 };

/* A name is a part of paths in weights files. */
static antler_status check_name(const antler_model *model, int64_t i, antler_error *err)
{
    const char *name = antler__layer_keys(model->object[i])->name;
    char place[64];
    snprintf(place, sizeof place, "config.layers[%lld].config.name", (long long)i);
    if (!*name || strchr(name, '/') || strlen(name) > LONGEST_NAME)
        return antler_error_set(err, ANTLER_VALUE, place, "\"%s\" is no name of 1 to %d characters without \"/\"", name,
                                LONGEST_NAME);
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

/* ---- layers and variables ---- */

static antler_status build_layers(antler_model *model, antler_error *err)
{
    antler_layer *layer = antler__allocate_zeroed((size_t)model->layers, sizeof *layer);
    if (!layer)
        return antler__no_memory(err);
    model->layer = layer;
    for (int64_t i = 0; i < model->layers; i++) {
        antler_error error = {0};
        layer[i] = (antler_layer){.ops = (const antler_layer_ops *)model->object[i].type,
                                  .object = model->object[i],
                                  .name = antler__layer_keys(model->object[i])->name};
        if (i > 0)
            layer[i].in = layer[i - 1].out;
        antler_status status = antler__plan_layer(model, &layer[i], layer[i].name, "", true, &error);
        if (status != ANTLER_OK) {
            char place[320], in[128];
            snprintf(place, sizeof place, "config.layers[%lld]%s%s", (long long)i, *error.place ? ".config." : "",
                     error.place);
            return antler_error_set(err, status, place, "%s (%s), input %s: %s", layer[i].name,
                                    layer[i].ops->type.class_name, antler_shape_text(&layer[i].in, in, sizeof in),
                                    error.message);
        }
    }
    return ANTLER_OK;
}

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
            model->trained = offset;
    }
    model->total = offset;
    model->parameters = fits ? antler__allocate_aligned((size_t)model->total, sizeof(antler_real)) : NULL;
    if (!model->parameters)
        return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: the weights need %lld MiB",
                                (long long)(model->total / (1 << 20) * (int64_t)sizeof(antler_real)));
    memset(model->parameters, 0, (size_t)model->total * sizeof(antler_real));
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
                                             .output = layer->out,
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

void antler__structure_free(antler_model *model)
{
    for (int64_t i = 0; model->layer && i < model->layers; i++)
        antler__layer_clear(&model->layer[i]);
    antler__free(model->layer);
    antler__free(model->view);
    for (int64_t i = 0; i < model->variables; i++)
        antler__free((void *)(uintptr_t)model->variable[i].view.name);
    antler__free(model->variable);
    antler__free_aligned(model->parameters);
    antler__slots_free(model);
    model->layer = NULL;
    model->view = NULL;
    model->variable = NULL;
    model->parameters = NULL;
    model->variables = model->sites = model->trained = model->total = 0;
    model->built = model->initialized = false;
}

antler_status antler__model_structure(antler_model *model, antler_error *err)
{
    if (model->built)
        return ANTLER_OK;
    if (model->layers < 2)
        return antler_error_set(err, ANTLER_VALUE, "config.layers", "the model has no layers");
    antler_status status = name_layers(model, err);
    status = status == ANTLER_OK ? build_layers(model, err) : status;
    status = status == ANTLER_OK ? place_variables(model, err) : status;
    status = status == ANTLER_OK ? make_views(model, err) : status;
    if (status != ANTLER_OK)
        antler__structure_free(model);
    model->built = status == ANTLER_OK;
    return status;
}

/* ---- initial weights ---- */

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
        bool parameter = i < variable->layer->variable + variable->layer->params;
        if (parameter && variable->layer->ops->initialize)
            variable->layer->ops->initialize(variable->layer->object.config, variable->slot, &variable->view.value);
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
        antler_real *slot = antler__allocate_aligned((size_t)model->trained, sizeof *slot);
        if (!slot)
            return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: the optimizer's state");
        memset(slot, 0, (size_t)model->trained * sizeof *slot);
        model->slot[model->slots] = slot;
    }
    return ANTLER_OK;
}
