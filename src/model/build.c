/* Making a model from C. */
#include "model/build.h"

#include "config/given.h"
#include "config/json.h"
#include "config/registry.h"
#include "core/memory.h"
#include "model/compile.h"
#include "model/structure.h"
#include "model/tree_read.h"

#include <stdio.h>
#include <string.h>

static antler_status no_memory(antler_model *model)
{
    antler_error error = {0};
    antler__no_memory(&error);
    return antler__model_fail(model, &error);
}

void antler_model_free(antler_model *model)
{
    if (!model)
        return;
    antler__structure_free(model);
    antler__tree_free(model->tree);
    antler__compile_free(model->compile);
    antler__compile_free(model->logged);
    antler__config_free(&antler__fit_type, model->fit);
    antler__free(model->history);
    antler__free(model->warning);
    antler__free(model->file);
    antler__free(model);
}

antler_model *antler_sequential(const char *name, const int *shape, int rank, antler_error *err)
{
    antler_model *model = antler__model_new(name, err);
    if (!model)
        return NULL;
    antler_error error = {0};
    antler__name_check(model->tree->name, "/", "config.name", &error);
    if (error.status == ANTLER_OK && (rank < 1 || rank >= ANTLER_MAX_RANK)) {
        antler_error_set(&error, ANTLER_SHAPE, NULL, "an input of rank %d: expected 1 to %d", rank,
                         ANTLER_MAX_RANK - 1);
    } else if (error.status == ANTLER_OK && antler__require(shape, "shape", &error) == ANTLER_OK) {
        int64_t batch_shape[ANTLER_MAX_RANK + 1] = {ANTLER_NULL};
        for (int i = 0; i < rank && error.status == ANTLER_OK; i++) {
            batch_shape[i + 1] = shape[i];
            if (shape[i] == 0) /* it would end the list */
                antler_error_set(&error, ANTLER_VALUE, NULL, "axis %d of the input has size 0", i + 1);
        }
        antler_object source;
        if (error.status == ANTLER_OK && antler__source_make(batch_shape, &source, &error) == ANTLER_OK)
            antler__tree_source(model->tree, source, &error);
    }
    if (error.status != ANTLER_OK) {
        antler__model_fail(model, &error);
        antler__error_copy(err, &error);
    }
    return model;
}

/* The place of the next layer for errors, as if it stood in a file; or of its config. */
static antler_place next_place(const antler_model *model, const char *part, char *text, size_t size)
{
    snprintf(text, size, "config.layers[%lld]%s", (long long)model->tree->members, part);
    return antler__at(NULL, text);
}

antler_status antler_add_given(antler_model *model, const struct antler_layer_ops *ops, const void *settings,
                               size_t size, const char *given)
{
    ANTLER_TRY(antler__model_status(model));
    antler_error error = {0};
    antler_report report = {.err = &error};
    antler_object layer = {NULL, NULL};
    char text[64];
    antler_json *json = antler__json_object(NULL, NULL);
    if (!json)
        return no_memory(model);
    antler_place place = next_place(model, ".config", text, sizeof text);
    antler_status status = antler__require(ops, "layer's table", &error);
    if (status == ANTLER_OK)
        status = antler__type_whole(&ops->type, &layer.type, &error);
    if (status == ANTLER_OK && layer.type->kind != ANTLER_KIND_LAYER)
        status = antler_error_set(&error, ANTLER_VALUE, layer.type->class_name, "a %s is no layer",
                                  antler_kind_name(layer.type->kind));
    if (status == ANTLER_OK)
        status = antler__given_check(settings, size, given, &(antler_form){layer.type->config_size, layer.type, NULL},
                                     &place, &error);
    if (status == ANTLER_OK)
        status = antler__config_from_struct(layer.type, settings, given, &place, json, &error);
    if (status == ANTLER_OK)
        status = antler__config_read(layer.type, json, &place, &report, &layer.config);
    antler__json_free(json);
    if (status == ANTLER_OK)
        status = antler__model_append(model, (antler_tree_member){.layer = layer}, &error);
    return status == ANTLER_OK ? ANTLER_OK : antler__model_fail(model, &error);
}

/* Parses a text that a C caller gave for `place`: it has no file, nor lines of one. */
static antler_status parse(const char *text, const antler_place *place, antler_json **json, antler_error *err)
{
    antler_error inner = {0};
    char where[256];
    antler_status status = antler__json_parse(text, strlen(text), json, &inner);
    if (status == ANTLER_OK)
        return ANTLER_OK;
    antler_place there = antler__at(place, inner.place);
    antler__place_text(*inner.place ? &there : place, where, sizeof where);
    return antler_error_set(err, status, where, "%s", inner.message);
}

antler_status antler_add_json(antler_model *model, const char *text)
{
    ANTLER_TRY(antler__model_status(model));
    antler_error error = {0};
    antler_report report = {.err = &error};
    antler_tree_member member;
    char place_text[64];
    antler_place place = next_place(model, "", place_text, sizeof place_text);
    antler_json *json = NULL;
    antler_status status = antler__require(text, "JSON", &error);
    if (status == ANTLER_OK)
        status = parse(text, &place, &json, &error);
    if (status != ANTLER_OK)
        return antler__model_fail(model, &error);
    status = antler__member_read(json, &place, &report, 0, &member);
    antler__json_free(json);
    if (status == ANTLER_OK)
        status = antler__model_append(model, member, &error);
    else
        antler__member_free(&member);
    return status == ANTLER_OK ? ANTLER_OK : antler__model_fail(model, &error);
}

antler_status antler_set_seed(antler_model *model, int64_t seed)
{
    if (!model)
        return ANTLER_MEMORY;
    model->seed = seed;
    if (model->fit) /* it would be put back by the next fit */
        model->fit->args.seed = seed;
    return model->error.status;
}

antler_status antler__model_build(antler_model *model)
{
    if (model && model->initialized)
        return ANTLER_OK;
    ANTLER_TRY(antler__model_status(model));
    antler_error error = {0};
    antler_status status = antler__model_structure(model, &error);
    if (status == ANTLER_OK)
        status = antler__model_initialize(model, &error);
    if (status != ANTLER_OK && model->file)
        snprintf(error.file, sizeof error.file, "%s", model->file);
    return status == ANTLER_OK ? ANTLER_OK : antler__model_fail(model, &error);
}

antler_status antler_build(antler_model *model)
{
    ANTLER_TRY(antler__model_build(model));
    return antler__model_status(model); /* what failed after the model was built */
}

antler_status antler__model_ready(antler_model *model, antler_error *err)
{
    antler__model_build(model);
    antler_status status = antler__model_status(model);
    return status == ANTLER_OK ? status : antler__error_copy(err, antler_model_error(model));
}
