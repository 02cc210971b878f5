/* A model's JSON, as Keras writes it and as people write it by hand. */
#include "model/model_json.h"

#include "config/given.h"
#include "config/registry.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/compile.h"
#include "model/model.h"
#include "model/old.h"
#include "model/structure.h"
#include "model/targets.h"
#include "model/tree_read.h"
#include "model/tree_write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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
    antler_place weighted = antler__at(&place, "weighted_metrics");
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
    if (antler__given(given, "weighted_metrics"))
        ANTLER_TRY(antler__text_add(s.weighted_metrics, "weighted_metrics", &weighted, config, err));
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
    ANTLER_MEMBER(struct antler_compile, weighted_metrics),
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

/* ---- the root -----------------------------------------------------------------------------------------------------
 */

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

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static antler_status check_class(const antler_json *root, antler_report *report)
{
    const char *name = antler__string_at(root, "class_name");
    antler_place place = antler__at(NULL, "class_name");
    if (antler__json_type(root) != ANTLER_JSON_OBJECT || !name)
        return antler__report_error(report, ANTLER_FORMAT, NULL,
                                    "not a model: expected an object with \"class_name\": \"Sequential\" or "
                                    "\"Functional\"");
    if (!antler__is_model_class(name))
        return antler__report_error(report, ANTLER_UNSUPPORTED, &place,
                                    "\"%.80s\" is not supported, only \"Sequential\" and \"Functional\" are", name);
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

/* *copy: the same root with other compile settings, where those have to be translated; else NULL. */
static antler_status translate(const antler_json *root, antler_json **copy, antler_error *err)
{
    const antler_json *settings = antler__json_get(root, "compile_config");
    antler_json *translated = NULL;
    *copy = NULL;
    if (settings)
        ANTLER_TRY(antler__compile_decay(settings, &translated, err));
    if (!translated)
        return ANTLER_OK;
    *copy = antler__json_object(NULL, NULL);
    bool fits = *copy;
    for (const antler_json *item = antler__json_first(root); fits && item; item = antler__json_next(item))
        fits = antler__json_add_copy(*copy, antler__json_key(item), item == settings ? translated : item) != NULL;
    antler__json_free(translated);
    return fits ? ANTLER_OK : antler__no_memory(err);
}

static antler_status read_root(antler_model *model, const antler_json *root, antler_report *report)
{
    void *read;
    antler_json *copy;
    antler_status status = translate(root, &copy, report->err);
    if (status == ANTLER_OK)
        status = antler__config_read(&root_type, copy ? copy : root, NULL, report, &read);
    antler__json_free(copy);
    ANTLER_TRY(status);
    model_root *r = read;
    if (r->compile_config.type)
        antler__compile_take(r->compile_config.config, &model->compile);
    if (r->fit.type)
        take_fit(model, r->fit.config);
    antler__free(r); /* what it held is the model's */
    return ANTLER_OK;
}

int antler__keras_version(const char *text)
{
    int major = 0, minor = 0;
    bool fits = text && sscanf(text, "%2d.%2d", &major, &minor) == 2 && major > 0 && minor >= 0;
    return fits ? 100 * major + minor : 0;
}

const char *antler__version_claimed(const antler_model *model, antler_style style, char *text, size_t size)
{
    if (style == ANTLER_STYLE_KERAS2)
        snprintf(text, size, "%d.%d.0", model->keras / 100, model->keras % 100);
    else
        snprintf(text, size, "%s", ANTLER_KERAS_VERSION);
    return text;
}

static antler_status read_whole(antler_model *model, const antler_json *root, antler_report *report)
{
    antler_tree *tree = NULL;
    model->keras = report->keras ? report->keras : ANTLER_KERAS;
    antler_status status = antler__tree_read(root, NULL, report, 0, &tree), rest = read_root(model, root, report);
    if (tree) {
        antler__tree_free(model->tree);
        model->tree = tree;
    }
    return status == ANTLER_OK ? rest : status;
}

antler_status antler__model_read(antler_model *model, const antler_json *root, antler_report *report)
{
    antler_json *today;
    ANTLER_TRY(check_class(root, report));
    int own = antler__keras_version(antler__string_at(root, "keras_version"));
    report->keras = own ? own : report->keras ? report->keras : antler__old_version(root, report);
    ANTLER_TRY(antler__old_read(root, NULL, report, &today));
    antler_status status = read_whole(model, today ? today : root, report);
    antler__json_free(today);
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

antler_json *antler__model_write(const antler_model *model, antler_style style, bool with_settings)
{
    antler_json *root = antler__json_object(NULL, NULL);
    bool fits = root && antler__tree_write(model, model->tree, root, style);
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
