/* Layers and models that a C program adds: from its settings, or from its JSON. */
#include "model/members.h"

#include "config/given.h"
#include "config/json.h"
#include "config/registry.h"
#include "model/tree_read.h"

#include <stdio.h>
#include <string.h>

/* The place of the next layer for errors, as if it stood in a file; or of its config. */
static antler_place next_place(const antler_model *model, const char *part, char *text, size_t size)
{
    snprintf(text, size, "config.layers[%lld]%s", (long long)model->tree->members, part);
    return antler__at(NULL, text);
}

antler_status antler__layer_given(const antler_model *model, const antler_layer_ops *ops, const antler_given *g,
                                  antler_object *layer, antler_error *err)
{
    antler_report report = {.err = err};
    char text[64];
    *layer = (antler_object){NULL, NULL};
    antler_json *json = antler__json_object(NULL, NULL);
    if (!json)
        return antler__no_memory(err);
    antler_place place = next_place(model, ".config", text, sizeof text);
    antler_status status = antler__require(ops, "layer's table", err);
    if (status == ANTLER_OK)
        status = antler__type_whole(&ops->type, &layer->type, err);
    if (status == ANTLER_OK && layer->type->kind != ANTLER_KIND_LAYER)
        status = antler_error_set(err, ANTLER_VALUE, layer->type->class_name, "a %s is no layer",
                                  antler_kind_name(layer->type->kind));
    if (status == ANTLER_OK)
        status = antler__given_check(g->settings, g->size, g->text,
                                     &(antler_form){layer->type->config_size, layer->type, NULL}, &place, err);
    if (status == ANTLER_OK)
        status = antler__config_from_struct(layer->type, g->settings, g->text, &place, json, err);
    if (status == ANTLER_OK)
        status = antler__config_read(layer->type, json, &place, &report, &layer->config);
    antler__json_free(json);
    return status;
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

antler_status antler__member_json(const antler_model *model, const char *text, antler_tree_member *member,
                                  antler_error *err)
{
    antler_report report = {.err = err};
    char place_text[64];
    antler_place place = next_place(model, "", place_text, sizeof place_text);
    antler_json *json = NULL;
    *member = (antler_tree_member){0};
    ANTLER_TRY(antler__require(text, "JSON", err));
    ANTLER_TRY(parse(text, &place, &json, err));
    antler_status status = antler__member_read(json, &place, &report, 0, member);
    if (status == ANTLER_OK)
        status = antler__refuse_calls(json, &place, &report);
    antler__json_free(json);
    if (status != ANTLER_OK)
        antler__member_free(member);
    return status;
}
