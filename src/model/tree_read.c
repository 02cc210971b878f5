#include "model/tree_read.h"

#include "config/registry.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/model.h"
#include "model/operator.h"
#include "model/stand_in.h"

#include <string.h>

bool antler__is_model_class(const char *class_name)
{
    return strcmp(class_name, "Sequential") == 0 || strcmp(class_name, "Functional") == 0 ||
           strcmp(class_name, "Model") == 0;
}

/* ---- "config" of a model ------------------------------------------------------------------------------------------
 */

typedef struct model_config {
    const char *name;
    int64_t build_input_shape[ANTLER_MAX_RANK + 1]; /* zero-ended, ANTLER_NULL for the batch */
    bool trainable;
} model_config;

static const antler_field config_fields[] = {
    {.key = "name",
     .kind = ANTLER_STRING,
     .offset = offsetof(model_config, name),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "of the model"},
    {.key = "layers", .kind = ANTLER_ANY, .doc = "read by their own rules"},
    {.key = "input_layers", .kind = ANTLER_ANY},
    {.key = "output_layers", .kind = ANTLER_ANY},
    {.key = "build_input_shape",
     .kind = ANTLER_INTS,
     .offset = offsetof(model_config, build_input_shape),
     .def = "null",
     .min = 1,
     .max = ANTLER_DOUBLE_EXACT,
     .flags = ANTLER_NULLABLE,
     .doc = "shape that a model without an InputLayer was built with"},
    {.key = "trainable",
     .kind = ANTLER_BOOL,
     .offset = offsetof(model_config, trainable),
     .def = "true",
     .flags = ANTLER_NULLABLE,
     .doc = "false: none of its layers is trained"},
    {.key = "dtype", .kind = ANTLER_ANY},
    ANTLER_FIELD_END,
};

static antler_status check_config(void *config, antler_error *err)
{
    const char *name = ((const model_config *)config)->name;
    return name ? antler__name_check(name, "/", "name", err) : ANTLER_OK; /* as Keras does */
}

static const antler_type config_type = {.size = sizeof(antler_type),
                                        .kind = ANTLER_KIND_SETTINGS,
                                        .class_name = "config of a model",
                                        .config_size = sizeof(model_config),
                                        .fields = config_fields,
                                        .check = check_config};

/* "build_config": how Keras 3 keeps the shape. */
static const antler_field build_fields[] = {
    {.key = "input_shape",
     .kind = ANTLER_INTS,
     .offset = offsetof(model_config, build_input_shape),
     .def = "null",
     .min = 1,
     .max = ANTLER_DOUBLE_EXACT,
     .flags = ANTLER_NULLABLE},
    ANTLER_FIELD_END,
};

static const antler_type build_type = {.size = sizeof(antler_type),
                                       .kind = ANTLER_KIND_SETTINGS,
                                       .class_name = "build_config",
                                       .config_size = sizeof(model_config),
                                       .fields = build_fields};

/* ---- the input of a Sequential ------------------------------------------------------------------------------------
 */

/* The shape that Keras 3 keeps beside "config"; false where there is none that can be used. */
static bool read_build(const antler_json *node, int64_t *shape)
{
    antler_report quiet = {.err = NULL};
    void *build;
    if (antler__json_is_null(node) || antler__config_read(&build_type, node, NULL, &quiet, &build) != ANTLER_OK)
        return false;
    memcpy(shape, ((const model_config *)build)->build_input_shape, sizeof((model_config *)build)->build_input_shape);
    antler__config_free(&build_type, build);
    return shape[0] != 0;
}

/* What a model that a chain begins with takes, as a layer of its own; type NULL: it does not say. */
static antler_status inner_source(const antler_tree *tree, antler_object *layer, antler_error *err)
{
    const antler_tree_member *first = !tree->sequential && tree->inputs ? &tree->member[tree->input[0].member]
                                      : tree->members                   ? &tree->member[0]
                                                                        : NULL;
    *layer = (antler_object){NULL, NULL};
    if (!first)
        return ANTLER_OK;
    if (antler__called_model(first))
        return inner_source(first->model, layer, err);
    const struct antler_layer_keys *keys = antler__layer_keys(first->layer);
    if (antler__member_is_source(first)) {
        ANTLER_TRY(antler_object_copy(first->layer, layer, err));
        struct antler_layer_keys *own = antler__layer_keys(*layer);
        antler__free((void *)(uintptr_t)own->name);
        own->name = NULL;
        return ANTLER_OK;
    }
    return keys->batch_input_shape[0] ? antler__source_make(keys->batch_input_shape, layer, err) : ANTLER_OK;
}

/* A model without an InputLayer gets one: from the legacy key of its first layer, from the shape it was built with, or
   from the model that it begins with. */
static antler_status settle_input(antler_tree *tree, const antler_json *node, int64_t *built,
                                  const antler_place *layers, antler_report *report)
{
    antler_tree_member *first = &tree->member[0];
    antler_place place = antler__at_item(layers, 0);
    antler_error error = {0};
    antler_object source = {NULL, NULL};
    if (antler__member_is_source(first))
        return ANTLER_OK;
    struct antler_layer_keys *keys = antler__called_model(first) ? NULL : antler__layer_keys(first->layer);
    antler_status status = ANTLER_OK;
    if (keys && keys->batch_input_shape[0])
        status = antler__source_make(keys->batch_input_shape, &source, &error);
    else if (built[0] || read_build(antler__json_get(node, "build_config"), built))
        status = antler__source_make(built, &source, &error);
    else if (antler__called_model(first))
        status = inner_source(first->model, &source, &error);
    if (status == ANTLER_OK && !source.type)
        return antler__report_error(report, ANTLER_SHAPE, &place,
                                    "the model has no input shape: put an InputLayer with \"batch_shape\" first");
    if (status == ANTLER_OK)
        status = antler__tree_source(tree, source, &error);
    if (status != ANTLER_OK)
        return antler__report_error(report, error.status, &place, "%s", error.message);
    return ANTLER_OK;
}

/* In a model in a model a first layer's legacy key becomes an InputLayer, too. */
static antler_status settle_inner_input(antler_tree *tree, const antler_place *layers, antler_report *report)
{
    const antler_tree_member *first = &tree->member[0];
    antler_place place = antler__at_item(layers, 0);
    antler_error error = {0};
    antler_object source;
    if (!first->layer.type || antler__member_is_source(first) ||
        antler__layer_keys(first->layer)->batch_input_shape[0] == 0)
        return ANTLER_OK;
    antler_status status = antler__source_make(antler__layer_keys(first->layer)->batch_input_shape, &source, &error);
    if (status == ANTLER_OK)
        status = antler__tree_source(tree, source, &error);
    return status == ANTLER_OK ? status : antler__report_error(report, error.status, &place, "%s", error.message);
}

/* What layers said of the input's shape is the InputLayer's now: Keras 3 does not take the key. */
static void forget_input_shapes(antler_tree *tree)
{
    for (int64_t i = 0; i < tree->members; i++)
        if (tree->member[i].layer.type && !antler__member_is_source(&tree->member[i]))
            antler__layer_keys(tree->member[i].layer)->batch_input_shape[0] = 0;
}

/* ---- members ------------------------------------------------------------------------------------------------------
 */

static antler_status refuse_input(const antler_tree *tree, const antler_tree_member *member, const antler_place *place,
                                  antler_report *report)
{
    if (!tree->sequential || !antler__member_is_source(member) || tree->members == 0)
        return ANTLER_OK;
    return antler__report_error(report, ANTLER_VALUE, place, "only the first layer can be an %s",
                                antler__source_layer()->type.class_name);
}

/* What stands beside the "config" of a layer. */
static const antler_field layer_fields[] = {
    {.key = "module", .kind = ANTLER_ANY},
    {.key = "class_name", .kind = ANTLER_ANY},
    {.key = "config", .kind = ANTLER_ANY},
    {.key = "registered_name", .kind = ANTLER_ANY},
    {.key = "build_config", .kind = ANTLER_ANY},
    {.key = "compile_config", .kind = ANTLER_ANY, .doc = "of a model in a model, which has no effect"},
    {.key = "name", .kind = ANTLER_ANY},
    {.key = "inbound_nodes", .kind = ANTLER_ANY},
    {.key = "shared_object_id", .kind = ANTLER_ANY},
    ANTLER_FIELD_END,
};

static const antler_type layer_type = {
    .size = sizeof(antler_type), .kind = ANTLER_KIND_SETTINGS, .class_name = "a layer", .fields = layer_fields};

antler_status antler__envelope_check(const antler_type *type, const antler_json *node, const antler_place *place,
                                     antler_report *report)
{
    void *none;
    ANTLER_TRY(antler__config_read(type, node, place, report, &none));
    antler__config_free(type, none);
    return ANTLER_OK;
}

antler_status antler__refuse_calls(const antler_json *node, const antler_place *place, antler_report *report)
{
    const antler_json *calls = antler__json_get(node, "inbound_nodes");
    antler_place there = antler__at(place, "inbound_nodes");
    if (antler__json_is_null(calls) ||
        (antler__json_type(calls) == ANTLER_JSON_ARRAY && antler__json_length(calls) == 0))
        return ANTLER_OK;
    return antler__report_error(report, ANTLER_VALUE, &there, "calls stand in the file of a Functional; expected none");
}

static antler_status read_layer(const antler_json *node, const antler_place *place, antler_report *report,
                                antler_tree_member *member)
{
    ANTLER_TRY(antler__object_read(ANTLER_KIND_LAYER, node, place, report, &member->layer));
    const char *dtype = antler__layer_keys(member->layer)->dtype;
    if (antler__is_half_precision(dtype))
        antler__report_warning(report, place, "dtype \"%.40s\" is computed in float", dtype);
    return ANTLER_OK;
}

/* The model that stands where the layer has the key for one; NULL: none does. */
static const antler_json *model_on_steps(const antler_json *node, const char **key)
{
    const char *name = antler__string_at(node, "class_name");
    const antler_layer_ops *ops = name ? (const antler_layer_ops *)antler_type_find(ANTLER_KIND_LAYER, name) : NULL;
    *key = ops ? ops->model_on_steps : NULL;
    const antler_json *config = *key ? antler__json_get(node, "config") : NULL;
    const antler_json *model = config ? antler__json_get(config, *key) : NULL;
    const char *inner = antler__string_at(model, "class_name");
    return inner && antler__is_model_class(inner) ? model : NULL;
}

/* A layer without the model in it, which is read by itself. */
static antler_status read_steps(const antler_json *node, const antler_json *model, const char *key,
                                const antler_place *place, antler_report *report, int depth, antler_tree_member *member)
{
    antler_place config = antler__at(place, "config"), inside = antler__at(&config, key);
    antler_json *rest = antler__json_object(NULL, NULL), *own;
    bool fits = rest && antler__json_add_string(rest, "class_name", antler__string_at(node, "class_name")) &&
                (own = antler__json_object(rest, "config"));
    const antler_json *item = antler__json_first(antler__json_get(node, "config"));
    for (; fits && item; item = antler__json_next(item))
        if (item != model)
            fits = antler__json_add_copy(own, antler__json_key(item), item) != NULL;
    antler_status status = fits ? read_layer(rest, place, report, member)
                                : antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    antler__json_free(rest);
    return status == ANTLER_OK ? antler__tree_read(model, &inside, report, depth + 1, &member->model) : status;
}

/* Keras 3 marks the second place of an object that stands in two. An input has nothing to share. */
static antler_status refuse_shared(const antler_json *node, const antler_place *place, antler_report *report,
                                   const antler_tree_member *member)
{
    if (antler__json_is_null(antler__json_get(node, "shared_object_id")) || antler__member_is_source(member))
        return ANTLER_OK;
    const char *name = antler__member_name(member);
    return antler__report_error(report, ANTLER_UNSUPPORTED, place, "\"%.80s\" is part of two models",
                                name ? name : antler__member_class(member));
}

antler_status antler__member_read(const antler_json *node, const antler_place *place, antler_report *report, int depth,
                                  antler_tree_member *member)
{
    *member = (antler_tree_member){.flat = -1};
    if (antler__json_type(node) != ANTLER_JSON_OBJECT)
        return antler__report_error(report, ANTLER_VALUE, place, "a layer is an object with \"class_name\"");
    ANTLER_TRY(antler__envelope_check(&layer_type, node, place, report));
    if (antler__is_operator(node, report->legacy))
        return antler__report_error(report, ANTLER_UNSUPPORTED, place,
                                    "an operator stands in a Functional's file alone");
    const char *class_name = antler__string_at(node, "class_name"), *key;
    const antler_json *steps = model_on_steps(node, &key);
    if (class_name && antler__is_model_class(class_name))
        ANTLER_TRY(antler__tree_read(node, place, report, depth + 1, &member->model));
    else if (steps)
        ANTLER_TRY(read_steps(node, steps, key, place, report, depth, member));
    else
        ANTLER_TRY(read_layer(node, place, report, member));
    return refuse_shared(node, place, report, member);
}

static antler_status read_member(antler_tree *tree, const antler_json *node, const antler_place *place,
                                 antler_report *report, int depth)
{
    antler_tree_member member;
    antler_error error = {0};
    antler_status status;
    if (!tree->sequential && antler__json_type(node) == ANTLER_JSON_OBJECT &&
        antler__is_operator(node, report->legacy)) {
        member = (antler_tree_member){.flat = -1};
        status = antler__envelope_check(&layer_type, node, place, report);
        if (status == ANTLER_OK)
            status = antler__operator_keep(node, place, report, &member);
    } else {
        status = antler__member_read(node, place, report, depth, &member);
    }
    if (status == ANTLER_OK && tree->sequential)
        status = antler__refuse_calls(node, place, report);
    member.place = tree->members;
    if (status == ANTLER_OK)
        status = refuse_input(tree, &member, place, report);
    if (status != ANTLER_OK && !(report->thorough && antler__stand_in(node, report, &member) == ANTLER_OK)) {
        antler__member_free(&member);
        return status;
    }
    report->shapeless |= antler__is_stand_in(member.layer) && (!tree->sequential || !tree->members);
    if (antler__tree_add(tree, member, &error) != ANTLER_OK)
        return antler__report_error(report, error.status, place, "%s", error.message);
    return status;
}

static antler_status read_members(antler_tree *tree, const antler_json *list, const antler_place *place,
                                  antler_report *report, int depth)
{
    if (antler__json_is_null(list) || antler__json_type(list) != ANTLER_JSON_ARRAY || antler__json_length(list) == 0)
        return antler__report_error(report, ANTLER_VALUE, place, "%s; expected a list of layers",
                                    !list                                          ? "missing"
                                    : antler__json_is_null(list)                   ? "null"
                                    : antler__json_type(list) != ANTLER_JSON_ARRAY ? "not a list"
                                                                                   : "empty");
    if (antler__json_length(list) > ANTLER_MOST_CALLS)
        return antler__report_error(report, ANTLER_UNSUPPORTED, place, "more than %d layers", ANTLER_MOST_CALLS);
    antler_status status = ANTLER_OK;
    int64_t i = 0;
    for (const antler_json *item = antler__json_first(list); item; item = antler__json_next(item), i++) {
        antler_place there = antler__at_item(place, i);
        antler_status one = read_member(tree, item, &there, report, depth);
        status = status == ANTLER_OK ? one : status;
    }
    return status;
}

/* ---- a model ------------------------------------------------------------------------------------------------------
 */

static antler_status take_config(antler_tree *tree, const antler_json *config, const antler_place *place,
                                 antler_report *report, int64_t *built)
{
    void *read;
    ANTLER_TRY(antler__config_read(&config_type, config, place, report, &read));
    model_config *c = read;
    memcpy(built, c->build_input_shape, sizeof c->build_input_shape);
    tree->trainable = c->trainable || antler__json_is_null(antler__json_get(config, "trainable"));
    if (c->name) {
        antler__free(tree->name);
        tree->name = (char *)(uintptr_t)c->name;
        c->name = NULL;
    }
    antler__config_free(&config_type, read);
    return ANTLER_OK;
}

static antler_status refuse_config(const antler_json *config, const antler_place *place, antler_report *report)
{
    return antler__report_error(report, ANTLER_VALUE, place, "%s; expected an object with \"layers\"",
                                !config                        ? "missing"
                                : antler__json_is_null(config) ? "null"
                                                               : "not an object");
}

/* What the layers are given, and a Functional's calls. */
static antler_status settle_ends(antler_tree *tree, const antler_json *node, int64_t *built, const antler_place *layers,
                                 antler_report *report, int depth)
{
    antler_status status = !tree->sequential
                               ? antler__graph_read(tree, antler__json_get(node, "config"), layers->up, report)
                           : depth == 0 ? settle_input(tree, node, built, layers, report)
                                        : settle_inner_input(tree, layers, report);
    if (status == ANTLER_OK)
        forget_input_shapes(tree);
    if (status == ANTLER_OK && tree->sequential && depth == 0 && tree->members < 2)
        status = antler__report_error(report, ANTLER_VALUE, layers, "only an input; expected layers after it");
    return status;
}

/* "config": an object with "layers"; or the list itself, before Keras 2.2.3. */
static antler_status read_config(antler_tree *tree, const antler_json *node, const antler_place *up,
                                 antler_report *report, int depth)
{
    const antler_json *config = antler__json_get(node, "config");
    antler_place place = antler__at(up, "config"), inside = antler__at(&place, "layers");
    bool bare = tree->sequential && config && antler__json_type(config) == ANTLER_JSON_ARRAY;
    const antler_json *list = bare ? config : antler__json_get(config, "layers");
    const antler_place *layers = bare ? &place : &inside;
    int64_t built[ANTLER_MAX_RANK + 1] = {0};
    if (antler__json_is_null(config) || (!bare && antler__json_type(config) != ANTLER_JSON_OBJECT))
        return refuse_config(config, &place, report);
    antler_status status = bare ? ANTLER_OK : take_config(tree, config, &place, report, built);
    antler_status members = read_members(tree, list, layers, report, depth);
    status = status == ANTLER_OK ? members : status;
    bool goes_on = report->thorough && tree->members && !report->shapeless;
    if (status != ANTLER_OK && !goes_on)
        return status;
    antler_status ends = settle_ends(tree, node, built, layers, report, depth);
    report->shapeless |= ends != ANTLER_OK;
    return status == ANTLER_OK ? ends : status;
}

antler_status antler__tree_read(const antler_json *node, const antler_place *place, antler_report *report, int depth,
                                antler_tree **tree)
{
    bool sequential = strcmp(antler__string_at(node, "class_name"), "Sequential") == 0;
    antler_error error = {0};
    *tree = NULL;
    if (depth > ANTLER_DEEPEST)
        return antler__report_error(report, ANTLER_UNSUPPORTED, place, "models in models more than %d deep",
                                    ANTLER_DEEPEST);
    antler_tree *read = antler__tree_new(depth ? NULL : sequential ? "sequential" : "functional", sequential, &error);
    if (!read)
        return antler__report_error(report, error.status, place, "%s", error.message);
    antler_status status = read_config(read, node, place, report, depth);
    if (status == ANTLER_OK || (report->thorough && read->members))
        *tree = read;
    else
        antler__tree_free(read);
    return status;
}
