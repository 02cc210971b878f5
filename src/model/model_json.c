/* A model's JSON, as Keras writes it and as people write it by hand. */
#include "model/model_json.h"

#include "config/given.h"
#include "config/registry.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/compile.h"
#include "model/model.h"
#include "model/structure.h"
#include "model/targets.h"

#include <math.h>
#include <string.h>

static bool is_null(const antler_json *node)
{
    return !node || antler__json_type(node) == ANTLER_JSON_NULL;
}

/* ---- C callers' compile settings --------------------------------------------------------------------------------- */

static antler_status add_optimizer(antler_json *config, const struct antler_compile *settings, bool rate,
                                   const antler_place *place, antler_error *err)
{
    antler_place there = antler__at(place, "optimizer");
    if (rate && *settings->optimizer == '{')
        return antler_error_set(err, ANTLER_VALUE, "compile_config.optimizer",
                                "a learning_rate beside an optimizer in JSON: give it there");
    if (!rate)
        return antler__text_add(settings->optimizer, "optimizer", &there, config, err);
    antler_json *object = antler__json_object(config, "optimizer");
    antler_json *inner = object && antler__json_add_string(object, "class_name", settings->optimizer)
                             ? antler__json_object(object, "config")
                             : NULL;
    return inner && antler__json_add_real(inner, "learning_rate", settings->learning_rate) ? ANTLER_OK
                                                                                           : antler__no_memory(err);
}

static antler_status compile_json(const struct antler_compile *settings, const char *given, antler_json *config,
                                  antler_error *err)
{
    struct antler_compile s = *settings;
    antler_place place = antler__at(NULL, "compile_config"), loss = antler__at(&place, "loss");
    antler_place metrics = antler__at(&place, "metrics"), weights = antler__at(&place, "loss_weights");
    if (!antler__given(given, "optimizer") || !s.optimizer)
        s.optimizer = "adam";
    if (antler__given(given, "learning_rate") && !isfinite(s.learning_rate)) /* JSON has no such number */
        return antler_error_set(err, ANTLER_VALUE, "compile_config.optimizer.config.learning_rate",
                                "%g is not a finite number", s.learning_rate);
    ANTLER_TRY(add_optimizer(config, &s, antler__given(given, "learning_rate"), &place, err));
    if (antler__given(given, "loss"))
        ANTLER_TRY(antler__text_add(s.loss, "loss", &loss, config, err));
    if (antler__given(given, "loss_weights"))
        ANTLER_TRY(antler__text_add(s.loss_weights, "loss_weights", &weights, config, err));
    bool measures = antler__given(given, "metrics");
    if (measures && s.metrics[0] && *s.metrics[0] == '[' && !s.metrics[1]) /* the whole list */
        return antler__text_add(s.metrics[0], "metrics", &metrics, config, err);
    antler_json *list = antler__json_array(config, "metrics");
    if (!list)
        return antler__no_memory(err);
    for (int i = 0; measures && i < ANTLER_MAX_METRICS && s.metrics[i]; i++) {
        antler_place there = antler__at_item(&metrics, i);
        ANTLER_TRY(antler__text_add(s.metrics[i], NULL, &there, list, err));
    }
    return ANTLER_OK;
}

static const antler_member compile_members[] = {
    ANTLER_MEMBER(struct antler_compile, optimizer),
    ANTLER_MEMBER(struct antler_compile, loss),
    ANTLER_MEMBER(struct antler_compile, metrics),
    ANTLER_MEMBER(struct antler_compile, learning_rate),
    ANTLER_MEMBER(struct antler_compile, loss_weights),
    {NULL, 0},
};

antler_status antler_compile_given(antler_model *model, const struct antler_compile *settings, size_t size,
                                   const char *given)
{
    struct antler_compile whole = {0};    /* an older program's may be shorter */
    if (model && model->compile_failed) { /* made good by this one, or failed anew */
        model->error = (antler_error){0};
        model->compile_failed = false;
    }
    ANTLER_TRY(antler__model_status(model));
    antler_error error = {0};
    antler_report report = {.err = &error};
    antler_compile_settings *compiled = NULL;
    antler_json *config = antler__json_object(NULL, NULL);
    antler_place place = antler__at(NULL, "compile_config");
    antler_status status =
        config ? antler__given_check(settings, size, given, &(antler_form){sizeof whole, NULL, compile_members}, &place,
                                     &error)
               : antler__no_memory(&error);
    if (status == ANTLER_OK && size)
        memcpy(&whole, settings, size);
    if (status == ANTLER_OK)
        status = compile_json(&whole, given, config, &error);
    if (status == ANTLER_OK)
        status = antler__compile_read(&antler__compile_type, config, &report, &compiled);
    antler__json_free(config);
    if (status == ANTLER_OK)
        status = antler__targets_settle(model, compiled, &error);
    if (status == ANTLER_OK && compiled)
        status = antler__error_copy(&error, &compiled->failure);
    if (status != ANTLER_OK)
        antler__compile_free(compiled);
    model->compile_failed = status != ANTLER_OK;
    if (status != ANTLER_OK)
        return antler__model_fail(model, &error);
    antler__spare_drop(model); /* its loss and metrics are the old ones */
    antler__compile_free(model->compile);
    model->compile = compiled;
    antler__slots_free(model); /* another optimizer's state means nothing to this one */
    model->iteration = 0;
    return ANTLER_OK;
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

/* "config" of a model. */
typedef struct model_config {
    const char *name;
    int64_t build_input_shape[ANTLER_MAX_RANK + 1]; /* zero-ended, ANTLER_NULL for the batch */
} model_config;

static const antler_field config_fields[] = {
    {.key = "name",
     .kind = ANTLER_STRING,
     .offset = offsetof(model_config, name),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "of the model"},
    {.key = "layers", .kind = ANTLER_ANY, .doc = "read by their own rules"},
    {.key = "build_input_shape",
     .kind = ANTLER_INTS,
     .offset = offsetof(model_config, build_input_shape),
     .def = "null",
     .min = 1,
     .max = ANTLER_DOUBLE_EXACT,
     .flags = ANTLER_NULLABLE,
     .doc = "shape that a model without an InputLayer was built with"},
    {.key = "trainable", .kind = ANTLER_ANY, .doc = "of the model; layers have their own"},
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

/* A model's root: what is not of the architecture. */
typedef struct model_root {
    antler_object compile_config, fit;
} model_root;

static const antler_field root_fields[] = {
    {.key = "module", .kind = ANTLER_ANY},
    {.key = "class_name", .kind = ANTLER_ANY},
    {.key = "config", .kind = ANTLER_ANY},
    {.key = "registered_name", .kind = ANTLER_ANY},
    {.key = "build_config", .kind = ANTLER_ANY},
    {.key = "compile_config",
     .kind = ANTLER_OBJECT,
     .offset = offsetof(model_root, compile_config),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .of = ANTLER_KIND_SETTINGS},
    {.key = "fit",
     .kind = ANTLER_OBJECT,
     .offset = offsetof(model_root, fit),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .of = ANTLER_KIND_SETTINGS},
    {.key = "keras_version", .kind = ANTLER_ANY},
    {.key = "backend", .kind = ANTLER_ANY},
    {.key = "shared_object_id", .kind = ANTLER_ANY},
    ANTLER_FIELD_END,
};

static const antler_type root_type = {.size = sizeof(antler_type),
                                      .kind = ANTLER_KIND_SETTINGS,
                                      .class_name = "a model",
                                      .config_size = sizeof(model_root),
                                      .fields = root_fields};

/* ---- layers ------------------------------------------------------------------------------------------------------ */

/* The shape that Keras 3 keeps beside "config"; false where there is none that can be used. */
static bool read_build(const antler_json *node, int64_t *shape)
{
    antler_report quiet = {.err = NULL};
    void *build;
    if (is_null(node) || antler__config_read(&build_type, node, NULL, &quiet, &build) != ANTLER_OK)
        return false;
    memcpy(shape, ((const model_config *)build)->build_input_shape, sizeof((model_config *)build)->build_input_shape);
    antler__config_free(&build_type, build);
    return shape[0] != 0;
}

/* A model without an InputLayer gets one, from the legacy key of its first layer or from the shape it was built with.
 */
static antler_status settle_input(antler_model *model, const antler_json *root, int64_t *built,
                                  const antler_place *layers, antler_report *report)
{
    if (((const antler_layer_ops *)model->object[0].type)->flags & ANTLER_SOURCE)
        return ANTLER_OK;
    struct antler_layer_keys *keys = antler__layer_keys(model->object[0]);
    antler_place place = antler__at_item(layers, 0);
    antler_error error = {0};
    bool legacy = keys->batch_input_shape[0] != 0;
    if (!legacy && built[0] == 0 && !read_build(antler__json_get(root, "build_config"), built))
        return antler__report_error(report, ANTLER_SHAPE, &place,
                                    "the model has no input shape: put an InputLayer with \"batch_shape\" first");
    if (antler__model_source(model, legacy ? keys->batch_input_shape : built, &error) != ANTLER_OK)
        return antler__report_error(report, error.status, &place, "%s", error.message);
    keys->batch_input_shape[0] = 0; /* said by the new first layer now */
    return ANTLER_OK;
}

static antler_status read_layer(antler_model *model, const antler_json *node, const antler_place *place,
                                antler_report *report)
{
    antler_object layer;
    antler_error error = {0};
    if (antler__json_type(node) != ANTLER_JSON_OBJECT)
        return antler__report_error(report, ANTLER_VALUE, place, "a layer is an object with \"class_name\"");
    ANTLER_TRY(antler__object_read(ANTLER_KIND_LAYER, node, place, report, &layer));
    if (model->layers > 0 && ((const antler_layer_ops *)layer.type)->flags & ANTLER_SOURCE) {
        antler_object_free(layer);
        return antler__report_error(report, ANTLER_VALUE, place, "only the first layer can be an %s",
                                    antler__source_layer()->type.class_name);
    }
    const char *dtype = antler__layer_keys(layer)->dtype;
    if (antler__is_half_precision(dtype))
        antler__report_warning(report, place, "dtype \"%.40s\" is computed in float", dtype);
    if (antler__model_append(model, layer, &error) != ANTLER_OK)
        return antler__report_error(report, error.status, place, "%s", error.message);
    return ANTLER_OK;
}

static antler_status read_layers(antler_model *model, const antler_json *list, const antler_place *place,
                                 antler_report *report)
{
    if (is_null(list) || antler__json_type(list) != ANTLER_JSON_ARRAY || antler__json_length(list) == 0)
        return antler__report_error(report, ANTLER_VALUE, place, "%s; expected a list of layers",
                                    !list                                          ? "missing"
                                    : is_null(list)                                ? "null"
                                    : antler__json_type(list) != ANTLER_JSON_ARRAY ? "not a list"
                                                                                   : "empty");
    antler_status status = ANTLER_OK;
    int64_t i = 0;
    for (const antler_json *item = antler__json_first(list); item; item = antler__json_next(item), i++) {
        antler_place there = antler__at_item(place, i);
        antler_status one = read_layer(model, item, &there, report);
        status = status == ANTLER_OK ? one : status;
    }
    return status;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static antler_status check_class(const antler_json *root, antler_report *report)
{
    const char *name = antler__string_at(root, "class_name");
    antler_place place = antler__at(NULL, "class_name");
    if (antler__json_type(root) != ANTLER_JSON_OBJECT || !name)
        return antler__report_error(report, ANTLER_FORMAT, NULL,
                                    "not a model: expected an object with \"class_name\": \"Sequential\"");
    if (strcmp(name, "Sequential") != 0)
        return antler__report_error(report, ANTLER_UNSUPPORTED, &place,
                                    "\"%.80s\" is not supported, only \"Sequential\" is", name);
    return ANTLER_OK;
}

static void take_fit(antler_model *model, antler_fit_settings *fit)
{
    antler__config_free(&antler__fit_type, model->fit);
    model->fit = fit;
    model->seed = fit->args.seed;
}

antler_status antler__fit_read(antler_model *model, const char *json, antler_report *report)
{
    antler_json *node;
    antler_place place = antler__at(NULL, "fit");
    void *fit;
    ANTLER_TRY(antler__json_parse(json, strlen(json), &node, report->err));
    antler_status status = antler__config_read(&antler__fit_type, node, &place, report, &fit);
    antler__json_free(node);
    if (status == ANTLER_OK)
        take_fit(model, fit);
    return status;
}

/* "config": an object with "layers"; or the list itself, before Keras 2.2.3. */
static antler_status read_config(antler_model *model, const antler_json *root, antler_report *report)
{
    const antler_json *config = antler__json_get(root, "config");
    antler_place place = antler__at(NULL, "config"), layers = antler__at(&place, "layers");
    bool bare = config && antler__json_type(config) == ANTLER_JSON_ARRAY;
    int64_t built[ANTLER_MAX_RANK + 1] = {0};
    void *read = NULL;
    if (is_null(config) || (!bare && antler__json_type(config) != ANTLER_JSON_OBJECT))
        return antler__report_error(report, ANTLER_VALUE, &place, "%s; expected an object with \"layers\"",
                                    !config           ? "missing"
                                    : is_null(config) ? "null"
                                                      : "not an object");
    antler_status status = bare ? ANTLER_OK : antler__config_read(&config_type, config, &place, report, &read);
    if (read) {
        model_config *c = read;
        memcpy(built, c->build_input_shape, sizeof built);
        if (c->name) {
            antler__free(model->name);
            model->name = (char *)(uintptr_t)c->name;
            c->name = NULL;
        }
        antler__config_free(&config_type, read);
    }
    const antler_place *there = bare ? &place : &layers;
    antler_status list = read_layers(model, bare ? config : antler__json_get(config, "layers"), there, report);
    status = status == ANTLER_OK ? list : status;
    if (status == ANTLER_OK)
        status = settle_input(model, root, built, there, report);
    if (status == ANTLER_OK && model->layers < 2)
        status = antler__report_error(report, ANTLER_VALUE, there, "only an input; expected layers after it");
    return status;
}

static antler_status read_root(antler_model *model, const antler_json *root, antler_report *report)
{
    void *read;
    ANTLER_TRY(antler__config_read(&root_type, root, NULL, report, &read));
    model_root *r = read;
    if (r->compile_config.type)
        antler__compile_take(r->compile_config.config, &model->compile);
    if (r->fit.type)
        take_fit(model, r->fit.config);
    antler__free(r); /* what it held is the model's */
    return ANTLER_OK;
}

antler_status antler__model_read(antler_model *model, const antler_json *root, antler_report *report)
{
    ANTLER_TRY(check_class(root, report));
    antler_status status = read_config(model, root, report), rest = read_root(model, root, report);
    return status == ANTLER_OK ? rest : status;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool write_config(const antler_model *model, antler_json *root, antler_style style)
{
    antler_json *config = antler__json_object(root, "config"), *layers;
    if (!config || !antler__json_add_string(config, "name", model->name) ||
        !(layers = antler__json_array(config, "layers")))
        return false;
    for (int64_t i = 0; i < model->layers; i++)
        if (!antler__object_write(model->object[i], layers, NULL, style))
            return false;
    return true;
}

antler_json *antler__model_write(const antler_model *model, antler_style style, bool with_settings)
{
    antler_json *root = antler__json_object(NULL, NULL);
    bool modules = style == ANTLER_STYLE_KERAS;
    bool fits = root && (!modules || antler__json_add_string(root, "module", "keras")) &&
                antler__json_add_string(root, "class_name", "Sequential") && write_config(model, root, style) &&
                (!modules || antler__json_add_null(root, "registered_name"));
    if (fits && model->compile && (with_settings || !model->compile->optimizer.type))
        fits = antler__config_write(&antler__compile_type, model->compile, root, "compile_config",
                                    ANTLER_STYLE_KERAS) != NULL;
    if (fits && with_settings && model->fit)
        fits = antler__config_write(&antler__fit_type, model->fit, root, "fit", style) != NULL;
    if (fits)
        return root;
    antler__json_free(root);
    return NULL;
}
