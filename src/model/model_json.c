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
#include "model/table_read.h"
#include "model/targets.h"
#include "model/tree_read.h"
#include "model/tree_write.h"
#include "model/unread.h"

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

/* Whether a setting is the caller's: with `keep`, NULL is none. */
static bool is_given(const struct antler_compile *settings, const char *given, const char *member, const char *value)
{
    return antler__given(given, member) && (value || !settings->keep);
}

static antler_status metrics_json(const struct antler_compile *s, antler_json *config, antler_error *err)
{
    antler_place place = antler__at(NULL, "compile_config"), metrics = antler__at(&place, "metrics");
    if (s->metrics[0] && *s->metrics[0] == '[' && !s->metrics[1]) /* the whole list */
        return antler__text_add(s->metrics[0], "metrics", &metrics, config, err);
    antler_json *list = antler__json_array(config, "metrics");
    if (!list)
        return antler__no_memory(err);
    for (int i = 0; i < ANTLER_MAX_METRICS && s->metrics[i]; i++) {
        antler_place there = antler__at_item(&metrics, i);
        ANTLER_TRY(antler__text_add(s->metrics[i], NULL, &there, list, err));
    }
    return ANTLER_OK;
}

/* s has what was given, and zeros. */
static antler_status optimizer_json(const struct antler_compile *settings, const char *given, antler_json *config,
                                    antler_error *err)
{
    struct antler_compile s = *settings;
    antler_place place = antler__at(NULL, "compile_config");
    bool rate = antler__given(given, "learning_rate"), named = antler__given(given, "optimizer") && s.optimizer;
    if (s.keep && !named)
        return !rate ? ANTLER_OK
                     : antler_error_set(err, ANTLER_VALUE, "compile_config.optimizer",
                                        "a learning_rate without an optimizer: expected both, or neither");
    s.optimizer = named ? s.optimizer : "adam";
    if (rate && !isfinite(s.learning_rate)) /* JSON has no such number */
        return antler_error_set(err, ANTLER_VALUE, "compile_config.optimizer.config.learning_rate",
                                "%g is not a finite number", s.learning_rate);
    return add_optimizer(config, &s, rate, &place, err);
}

static antler_status compile_json(const struct antler_compile *s, const char *given, antler_json *config,
                                  antler_error *err)
{
    const struct {
        const char *key, *text;
    } by_output[] = {{"loss", s->loss}, {"loss_weights", s->loss_weights}, {"weighted_metrics", s->weighted_metrics}};
    antler_place place = antler__at(NULL, "compile_config");
    ANTLER_TRY(optimizer_json(s, given, config, err));
    for (size_t i = 0; i < sizeof by_output / sizeof *by_output; i++) {
        antler_place there = antler__at(&place, by_output[i].key);
        if (is_given(s, given, by_output[i].key, by_output[i].text))
            ANTLER_TRY(antler__text_add(by_output[i].text, by_output[i].key, &there, config, err));
    }
    return is_given(s, given, "metrics", s->metrics[0]) ? metrics_json(s, config, err) : ANTLER_OK;
}

/* Adds the settings that the model has and that are not in `config`. */
static antler_status keep_settings(const antler_model *model, antler_json *config, antler_error *err)
{
    if (!model->compile)
        return ANTLER_OK;
    antler_json *old = antler__config_write(&antler__compile_type, model->compile, NULL, NULL, ANTLER_STYLE_KERAS);
    bool fits = old;
    for (const antler_json *item = antler__json_first(old); fits && item; item = antler__json_next(item))
        if (!antler__json_get(config, antler__json_key(item)))
            fits = antler__json_add_copy(config, antler__json_key(item), item) != NULL;
    antler__json_free(old);
    return fits ? ANTLER_OK : antler__no_memory(err);
}

/* What could not be read has been replaced: all of it, or with `keep` what has something in its place. */
static void forget_unread(antler_model *model, const antler_json *replacing, bool keep)
{
    static const char *const settings[] = {"optimizer", "loss", "metrics", "loss_weights", "weighted_metrics"};
    for (int64_t i = model->unreads; i-- > 0;) {
        const antler_unread *item = &model->unread[i];
        bool replaced = !keep && antler__unread_is(item, "");
        for (size_t k = 0; k < sizeof settings / sizeof *settings; k++)
            replaced |= item->key && antler__json_get(replacing, settings[k]) && antler__unread_is(item, settings[k]);
        if (replaced)
            antler__unread_forget(model, i);
    }
}

static const antler_member compile_members[] = {
    ANTLER_MEMBER(struct antler_compile, optimizer),    ANTLER_MEMBER(struct antler_compile, loss),
    ANTLER_MEMBER(struct antler_compile, metrics),      ANTLER_MEMBER(struct antler_compile, learning_rate),
    ANTLER_MEMBER(struct antler_compile, loss_weights), ANTLER_MEMBER(struct antler_compile, weighted_metrics),
    ANTLER_MEMBER(struct antler_compile, keep),         {NULL, 0},
};

/* The settings that the caller's JSON, and what stays of the old ones, make. */
static antler_status read_compile(const antler_model *model, const antler_json *given, bool keep,
                                  antler_compile_settings **compiled, antler_error *err)
{
    antler_report report = {.err = err};
    antler_json *holder = antler__json_object(NULL, NULL), *config = antler__json_add_copy(holder, "all", given);
    antler_status status = !config ? antler__no_memory(err) : keep ? keep_settings(model, config, err) : ANTLER_OK;
    if (status == ANTLER_OK)
        status = antler__compile_read(config, &report, compiled);
    antler__json_free(holder);
    if (status == ANTLER_OK)
        status = antler__targets_settle(model, *compiled, err);
    return status == ANTLER_OK && *compiled ? antler__error_copy(err, &(*compiled)->failure) : status;
}

/* Takes the settings over. Another optimizer's state means nothing to this one. */
static void take_compile(antler_model *model, antler_compile_settings *compiled, bool keeps_optimizer)
{
    antler__spare_drop(model); /* its loss and metrics are the old ones */
    antler__compile_free(model->compile);
    model->compile = compiled;
    if (keeps_optimizer)
        return;
    antler__slots_free(model);
    model->iteration = 0;
}

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
    antler_compile_settings *compiled = NULL;
    antler_json *config = antler__json_object(NULL, NULL);
    antler_place place = antler__at(NULL, "compile_config");
    antler_status status =
        config ? antler__given_check(settings, size, given, &(antler_form){sizeof whole, NULL, compile_members}, &place,
                                     &error)
               : antler__no_memory(&error);
    if (status == ANTLER_OK && size)
        memcpy(&whole, settings, size);
    bool keep = status == ANTLER_OK && antler__given(given, "keep") && whole.keep;
    whole.keep = keep;
    if (status == ANTLER_OK)
        status = compile_json(&whole, given, config, &error);
    if (status == ANTLER_OK)
        status = read_compile(model, config, keep, &compiled, &error);
    if (status == ANTLER_OK) {
        take_compile(model, compiled, keep && !antler__json_get(config, "optimizer"));
        forget_unread(model, config, keep);
    } else {
        antler__compile_free(compiled);
    }
    antler__json_free(config);
    model->compile_failed = status != ANTLER_OK;
    return status == ANTLER_OK ? status : antler__model_fail(model, &error);
}

/* ---- the root -----------------------------------------------------------------------------------------------------
 */

/* A model's root, whose values are read by their own rules. */
static const antler_field root_fields[] = {
    {.key = "module", .kind = ANTLER_ANY},
    {.key = "class_name", .kind = ANTLER_ANY},
    {.key = "config", .kind = ANTLER_ANY},
    {.key = "registered_name", .kind = ANTLER_ANY},
    {.key = "build_config", .kind = ANTLER_ANY},
    {.key = "compile_config", .kind = ANTLER_ANY},
    {.key = "fit", .kind = ANTLER_ANY},
    {.key = "keras_version", .kind = ANTLER_ANY},
    {.key = "backend", .kind = ANTLER_ANY},
    {.key = "shared_object_id", .kind = ANTLER_ANY},
    ANTLER_FIELD_END,
};

static const antler_type root_type = {
    .size = sizeof(antler_type), .kind = ANTLER_KIND_SETTINGS, .class_name = "a model", .fields = root_fields};

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

static antler_status read_fit(antler_model *model, const antler_json *node, antler_report *report)
{
    void *fit;
    antler_json *plain;
    ANTLER_TRY(antler__table_read(model, node, report, &plain));
    antler_status status = antler__settings_read(model, &antler__fit_type, plain ? plain : node, report, &fit);
    antler__json_free(plain);
    if (status == ANTLER_OK && fit)
        take_fit(model, fit);
    return status;
}

antler_status antler__fit_read(antler_model *model, const char *json, antler_report *report)
{
    antler_json *node;
    ANTLER_TRY(antler__json_parse(json, strlen(json), &node, report->err));
    antler_status status = read_fit(model, node, report);
    antler__json_free(node);
    return status;
}

/* What is not of the architecture. */
static antler_status read_root(antler_model *model, const antler_json *root, antler_report *report)
{
    void *compile;
    antler_status status = antler__envelope_check(&root_type, root, NULL, report);
    antler_status read =
        antler__settings_read(model, &antler__compile_type, antler__json_get(root, "compile_config"), report, &compile);
    if (compile)
        antler__compile_take(compile, &model->compile);
    status = status == ANTLER_OK ? read : status;
    read = read_fit(model, antler__json_get(root, "fit"), report);
    return status == ANTLER_OK ? read : status;
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

/* Whether there are settings to write: those that were read, or what could not be. */
static bool has_settings(const antler_model *model, const antler_type *section, const void *settings)
{
    if (section == &antler__fit_type && model->columns)
        return true;
    for (int64_t i = 0; !settings && i < model->unreads; i++)
        if (model->unread[i].section == section && model->unread[i].key)
            return true;
    return settings != NULL;
}

antler_json *antler__model_write(const antler_model *model, antler_style style, bool with_settings)
{
    antler_json *root = antler__json_object(NULL, NULL);
    bool fits = root && antler__tree_write(model, model->tree, root, style);
    if (fits && (with_settings ? has_settings(model, &antler__compile_type, model->compile)
                               : model->compile && !model->compile->optimizer.type))
        fits = antler__unread_write(model, &antler__compile_type, model->compile, ANTLER_STYLE_KERAS,
                                    antler__json_object(root, "compile_config"));
    if (fits && with_settings && has_settings(model, &antler__fit_type, model->fit))
        fits = antler__unread_write(model, &antler__fit_type, model->fit, ANTLER_STYLE_KERAS,
                                    antler__json_object(root, "fit"));
    if (fits)
        return root;
    antler__json_free(root);
    return NULL;
}
