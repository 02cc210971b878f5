#include "model/unread.h"

#include "config/given.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/columns.h"
#include "model/compile.h"

#include <stdio.h>
#include <string.h>

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static antler_status read_strictly(const antler_type *section, const antler_json *node, antler_report *report,
                                   void **settings)
{
    antler_place place = antler__at(NULL, section->class_name);
    antler_json *translated = NULL;
    antler_error error = {0};
    *settings = NULL;
    if (section != &antler__fit_type && antler__compile_decay(node, &translated, &error) != ANTLER_OK)
        return antler__report_error(report, error.status, &place, "%s", error.message);
    antler_status status = antler__config_read(section, translated ? translated : node, &place, report, settings);
    antler__json_free(translated);
    if (status == ANTLER_OK && section != &antler__fit_type && report->keras < 300)
        ((antler_compile_settings *)*settings)->older_optimizer = antler__compile_is_older(node);
    return status;
}

static void hear_of_memory(void *user, const antler_error *error)
{
    *(bool *)user |= error->status == ANTLER_MEMORY;
}

/* A trial of which nobody hears. */
static antler_status attempt(const antler_type *section, const antler_json *node, const antler_report *report,
                             antler_error *error)
{
    bool no_memory = false; /* maybe behind another error */
    antler_report quiet = {
        .err = error, .on_error = hear_of_memory, .user = &no_memory, .legacy = report->legacy, .keras = report->keras};
    void *settings;
    antler_status status = read_strictly(section, node, &quiet, &settings);
    antler__config_free(section, settings);
    if (!no_memory)
        return status;
    *error = (antler_error){0};
    return antler__no_memory(error);
}

/* `said` is a member of the section, or NULL for all of it. */
static antler_status add(antler_model *model, const antler_type *section, const antler_json *said,
                         const antler_error *error, antler_error *err)
{
    const char *key = said ? antler__json_key(said) : NULL;
    antler_json *root = antler__json_object(NULL, NULL); /* a copy must have a parent */
    antler_unread item = {.section = section, .key = antler__copy_text(key), .said = root, .error = *error};
    if (root && (!key || (item.key && antler__json_add_copy(root, "said", said))) &&
        antler__grow_by(&model->unread, (size_t)model->unreads, 1, sizeof *model->unread)) {
        model->unread[model->unreads++] = item;
        return ANTLER_OK;
    }
    antler__free(item.key);
    antler__json_free(root);
    return antler__no_memory(err);
}

/* Takes the keys one after the other, each with those that were taken before: two may not go together. */
static antler_status take_keys(antler_model *model, const antler_type *section, const antler_json *node,
                               antler_report *report, antler_json **taken)
{
    antler_status status = ANTLER_OK;
    *taken = antler__json_object(NULL, NULL);
    for (const antler_json *item = antler__json_first(node); item && status == ANTLER_OK;
         item = antler__json_next(item)) {
        antler_error error = {0};
        antler_json *more = antler__json_object(NULL, NULL);
        bool fits = *taken && more;
        for (const antler_json *old = antler__json_first(*taken); fits && old; old = antler__json_next(old))
            fits = antler__json_add_copy(more, antler__json_key(old), old) != NULL;
        fits = fits && antler__json_add_copy(more, antler__json_key(item), item) != NULL;
        status = fits ? attempt(section, more, report, &error) : antler__no_memory(&error);
        if (status == ANTLER_OK) {
            antler_json *before = *taken;
            *taken = more;
            more = before;
        } else if (status == ANTLER_MEMORY) {
            antler__error_copy(report->err, &error);
        } else {
            status = add(model, section, item, &error, report->err);
        }
        antler__json_free(more);
    }
    if (status == ANTLER_OK && *taken)
        return ANTLER_OK;
    antler__json_free(*taken);
    *taken = NULL;
    return status == ANTLER_OK ? antler__no_memory(report->err) : status;
}

antler_status antler__settings_read(antler_model *model, const antler_type *section, const antler_json *node,
                                    antler_report *report, void **settings)
{
    antler_error error = {0};
    antler_json *taken;
    *settings = NULL;
    if (!node || antler__json_is_null(node))
        return ANTLER_OK;
    antler_status status = attempt(section, node, report, &error);
    if (status == ANTLER_OK)
        return read_strictly(section, node, report, settings);
    if (status == ANTLER_MEMORY)
        return antler__error_copy(report->err, &error);
    if (antler__json_type(node) != ANTLER_JSON_OBJECT)
        return add(model, section, NULL, &error, report->err);
    ANTLER_TRY(take_keys(model, section, node, report, &taken));
    status = read_strictly(section, taken, report, settings);
    antler__json_free(taken);
    return status;
}

antler_status antler__unread_whole(antler_model *model, const antler_type *section, const antler_error *why,
                                   antler_error *err)
{
    return add(model, section, NULL, why, err);
}

/* ---- what is left ------------------------------------------------------------------------------------------------ */

bool antler__unread_is(const antler_unread *item, const char *setting)
{
    size_t length = strlen(setting);
    if (item->section == &antler__fit_type)
        return false;
    return !length || !item->key ||
           (strncmp(item->key, setting, length) == 0 &&
            (!item->key[length] || strcmp(item->key + length, "_config") == 0));
}

antler_status antler__unread_compile(const antler_model *model, antler_error *err)
{
    for (int64_t i = 0; i < model->unreads; i++)
        if (antler__unread_is(&model->unread[i], ""))
            return antler__error_copy(err, &model->unread[i].error);
    return ANTLER_OK;
}

antler_status antler__unread_fit(const antler_model *model, const char *given, antler_error *err)
{
    for (int64_t i = 0; i < model->unreads; i++) {
        const antler_unread *item = &model->unread[i];
        if (item->section == &antler__fit_type && !(item->key && antler__given(given, item->key)))
            return antler__error_copy(err, &item->error);
    }
    return ANTLER_OK;
}

antler_status antler__compile_ready(const antler_model *model, const char *without, antler_error *err)
{
    ANTLER_TRY(antler__unread_compile(model, err));
    if (!antler__compile_has_loss(model->compile))
        return antler_error_set(err, ANTLER_VALUE, "compile_config.loss", "%s", without);
    return antler__error_copy(err, &model->compile->failure);
}

antler_status antler_model_ready(const antler_model *model, antler_error *err)
{
    ANTLER_TRY(antler__require(model, "model", err));
    ANTLER_TRY(antler__compile_ready(model, "the model has no loss", err));
    return antler__unread_fit(model, "", err);
}

void antler__unread_forget(antler_model *model, int64_t i)
{
    antler__free(model->unread[i].key);
    antler__json_free(model->unread[i].said);
    model->unreads--;
    memmove(&model->unread[i], &model->unread[i + 1], (size_t)(model->unreads - i) * sizeof *model->unread);
}

void antler__unread_free(antler_model *model)
{
    while (model->unreads)
        antler__unread_forget(model, model->unreads - 1);
    antler__free(model->unread);
    model->unread = NULL;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

bool antler__unread_write(const antler_model *model, const antler_type *section, const void *settings,
                          antler_style style, antler_json *written)
{
    bool fits = written;
    for (int64_t i = 0; fits && i < model->unreads; i++) {
        const antler_unread *item = &model->unread[i];
        if (item->section == section && item->key)
            fits = antler__json_add_copy(written, item->key, antler__json_get(item->said, "said")) != NULL;
    }
    antler_json *read = fits && settings ? antler__config_write(section, settings, NULL, NULL, style) : NULL;
    fits = fits && (read || !settings);
    for (const antler_json *item = antler__json_first(read); fits && item; item = antler__json_next(item))
        if (!antler__json_get(written, antler__json_key(item))) /* a default of what could not be read */
            fits = antler__json_add_copy(written, antler__json_key(item), item) != NULL;
    antler__json_free(read);
    return fits &&
           (section != &antler__fit_type || !model->columns || antler__columns_write(model->columns, written, "table"));
}

antler_json *antler__compile_write_legacy(const antler_model *model, antler_style style)
{
    antler_json *root = antler__json_object(NULL, NULL);
    bool fits = antler__unread_write(model, &antler__training_type, model->compile, ANTLER_STYLE_LEGACY, root);
    antler_json *config =
        (antler_json *)(uintptr_t)antler__json_get(antler__json_get(root, "optimizer_config"), "config");
    if (fits && !antler__json_get(root, "loss_weights")) /* without which Keras does not load the file */
        fits = antler__json_add_null(root, "loss_weights") != NULL;
    if (fits && config && style == ANTLER_STYLE_KERAS2 && !model->compile->older_optimizer) /* which it takes else */
        fits = antler__json_add_bool(config, "is_legacy_optimizer", false) != NULL;
    if (fits)
        return root;
    antler__json_free(root);
    return NULL;
}

void antler__unread_tell(antler_model *model, const antler_type *section, const char *path)
{
    for (int64_t i = 0; section && i < model->unreads; i++) {
        const antler_unread *item = &model->unread[i];
        bool kept = item->key && (item->section == section || item->section == &antler__fit_type);
        antler_error told = {0};
        snprintf(told.file, sizeof told.file, "%s", path);
        snprintf(told.place, sizeof told.place, "%s%s%.200s", item->section->class_name, item->key ? "." : "",
                 item->key ? item->key : "");
        snprintf(told.message, sizeof told.message, "%s%s",
                 kept ? "written as it came" : "left out: how this format says it is not known",
                 antler__unread_is(item, "optimizer") ? ", and without the optimizer's state" : "");
        antler_one_line(told.place);
        antler__model_warn(model, &told);
    }
}
