/* Loading and saving: .json, .keras, .h5, .weights.h5, by suffix. */
#include "model/model_file.h"

#include "config/json.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/archive.h"
#include "files/file.h"
#include "files/hdf5.h"
#include "model/build.h"
#include "model/compile.h"
#include "model/model.h"
#include "model/model_json.h"
#include "model/structure.h"
#include "model/targets.h"
#include "model/tree_write.h"
#include "model/weights.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_JSON = 64 << 20 }; /* bytes of a model's JSON */

static bool is_hdf5(const char *path)
{
    return antler__ends_with(path, ".h5") || antler__ends_with(path, ".hdf5");
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/* A text under reading, so that errors and warnings get their lines. */
typedef struct reading {
    antler_model *model;
    const char *text;
    size_t size;
    const char *file; /* NULL: none */
    bool lines;       /* the text is the file */
    int keras;        /* the version that the file names; 0: none */
    bool legacy;      /* it is the whole-model .h5's */
} reading;

static void locate(const reading *r, antler_error *error)
{
    if (r->file && !*error->file)
        snprintf(error->file, sizeof error->file, "%s", r->file);
    if (r->lines && error->line == 0 && *error->place)
        error->line = antler__json_line(r->text, r->size, error->place);
}

static void keep_warning(void *user, const antler_error *warning)
{
    reading *r = user;
    antler_model *model = r->model;
    if (!antler__grow(&model->warning, (size_t)model->warnings, (size_t)model->warnings + 1, sizeof *model->warning))
        return; /* a warning less is no failure */
    model->warning[model->warnings] = *warning;
    locate(r, &model->warning[model->warnings++]);
}

static antler_status read_model(reading *r, const char *fit, antler_error *err)
{
    antler_json *root;
    antler_report report = {.err = err, .on_warning = keep_warning, .user = r, .keras = r->keras, .legacy = r->legacy};
    antler_status status = antler__json_parse(r->text, r->size, &root, err);
    if (status == ANTLER_OK) {
        status = antler__model_read(r->model, root, &report);
        antler__json_free(root);
    }
    if (status == ANTLER_OK && fit)
        status = antler__fit_read(r->model, fit, &report);
    if (status == ANTLER_OK)
        status = antler__model_structure(r->model, err);
    if (status != ANTLER_OK && err)
        locate(r, err);
    return status;
}

/* A new model from a JSON text, or NULL. */
static antler_model *model_of(const char *text, size_t size, const char *file, bool lines, int keras, const char *fit,
                              antler_error *err)
{
    antler_error error = {0};
    antler_model *model = antler__model_new(NULL, true, err);
    if (!model)
        return NULL;
    model->file = antler__copy_text(file);
    reading r = {model, text, size, file, lines, keras, file && !lines && is_hdf5(file)};
    if (file && !model->file)
        antler__no_memory(&error);
    else if (read_model(&r, fit, &error) == ANTLER_OK)
        return model;
    antler__error_copy(err, &error);
    antler_model_free(model);
    return NULL;
}

antler_model *antler_load_json(const char *json, const char *name, antler_error *err)
{
    return antler__require(json, "JSON", err) == ANTLER_OK ? model_of(json, strlen(json), name, true, 0, NULL, err)
                                                           : NULL;
}

static antler_model *load_json(const char *path, antler_error *err)
{
    void *text;
    size_t size;
    if (antler__file_read(path, LONGEST_JSON, &text, &size, err) != ANTLER_OK)
        return NULL;
    antler_model *model = model_of(text, size, path, true, 0, NULL, err);
    antler__free(text);
    return model;
}

/* ---- .keras ------------------------------------------------------------------------------------------------------ */

enum { CONFIG, WEIGHTS, METADATA, MEMBERS };

static void free_members(antler_member *member)
{
    for (int i = 0; i < MEMBERS; i++)
        antler__free(member[i].data);
}

static antler_status read_archive(const char *path, antler_member *member, antler_error *err)
{
    member[CONFIG].name = "config.json";
    member[WEIGHTS].name = "model.weights.h5";
    member[METADATA].name = "metadata.json";
    ANTLER_TRY(antler__archive_read(path, member, MEMBERS, err));
    int missing = !member[CONFIG].data ? CONFIG : !member[WEIGHTS].data ? WEIGHTS : MEMBERS;
    if (missing == MEMBERS)
        return ANTLER_OK;
    antler_error_set(err, ANTLER_FORMAT, NULL, "no %s in the archive", member[missing].name);
    antler__error_file(err, path);
    free_members(member);
    return ANTLER_FORMAT;
}

static antler_status read_weights_image(antler_model *model, const char *path, const antler_member *member,
                                        antler_error *err)
{
    antler_entries entries = {0};
    antler_status status = antler__hdf5_read(path, member->data, member->bytes, &entries, err);
    if (status == ANTLER_OK)
        status = antler__weights_read(model, &entries, err);
    antler__entries_free(&entries);
    antler__error_file(err, path);
    return status;
}

/* Of metadata.json; 0 where it tells none. */
static int version_of(const antler_member *metadata)
{
    antler_json *root;
    if (!metadata->data || antler__json_parse(metadata->data, metadata->bytes, &root, NULL) != ANTLER_OK)
        return 0;
    int version = antler__keras_version(antler__string_at(root, "keras_version"));
    antler__json_free(root);
    return version;
}

static antler_model *load_keras(const char *path, antler_error *err)
{
    antler_member member[MEMBERS] = {{0}};
    if (read_archive(path, member, err) != ANTLER_OK)
        return NULL;
    antler_model *model =
        model_of(member[CONFIG].data, member[CONFIG].bytes, path, false, version_of(&member[METADATA]), NULL, err);
    if (model && read_weights_image(model, path, &member[WEIGHTS], err) != ANTLER_OK) {
        antler_model_free(model);
        model = NULL;
    }
    free_members(member);
    return model;
}

/* ---- legacy .h5 -------------------------------------------------------------------------------------------------- */

static const char *attribute(const antler_entries *entries, const char *name)
{
    const antler_entry *entry = antler__entries_find(entries, name);
    bool text = entry && entry->dtype == ANTLER_TEXT && antler_count(&entry->shape, 0) > 0; /* none: no text to end */
    return text ? entry->data : NULL;
}

/* training_config lies apart from the model's JSON in these files. A missing one is no error. */
static antler_status read_training_config(antler_model *model, const char *text, const char *path, antler_error *err)
{
    antler_json *root;
    antler_report report = {.err = err, .keras = model->keras};
    if (!text || model->compile)
        return ANTLER_OK;
    antler_status status = antler__json_parse(text, strlen(text), &root, err);
    if (status == ANTLER_OK) {
        status = antler__compile_read(&antler__training_type, root, &report, &model->compile);
        antler__json_free(root);
    }
    if (status == ANTLER_OK)
        status = antler__targets_settle(model, model->compile, err);
    if (err)
        err->line = 0;
    antler__error_file(err, path);
    return status;
}

static antler_model *load_legacy(const char *path, antler_error *err)
{
    antler_entries entries = {0};
    antler_model *model = NULL;
    if (antler__hdf5_read(path, NULL, 0, &entries, err) != ANTLER_OK)
        return NULL;
    const char *config = attribute(&entries, "/@model_config");
    if (config) {
        model =
            model_of(config, strlen(config), path, false, antler__keras_version(attribute(&entries, "/@keras_version")),
                     attribute(&entries, "/@antler_fit"), err);
    } else {
        antler_error_set(err, ANTLER_FORMAT, NULL,
                         "no \"model_config\" in the file: it holds weights only, or is no model");
        antler__error_file(err, path);
    }
    bool fits = model &&
                read_training_config(model, attribute(&entries, "/@training_config"), path, err) == ANTLER_OK &&
                antler__weights_read(model, &entries, err) == ANTLER_OK;
    antler__entries_free(&entries);
    if (fits || !model)
        return model;
    antler__error_file(err, path);
    antler_model_free(model);
    return NULL;
}

/* ---- loading by suffix ------------------------------------------------------------------------------------------- */

antler_model *antler_load(const char *path, antler_error *err)
{
    antler_error error = {0};
    antler_model *model = NULL;
    if (antler__require(path, "path", err) != ANTLER_OK)
        return NULL;
    if (antler__ends_with(path, ".json"))
        model = load_json(path, &error);
    else if (antler__ends_with(path, ".keras"))
        model = load_keras(path, &error);
    else if (is_hdf5(path))
        model = load_legacy(path, &error);
    else {
        antler_error_set(&error, ANTLER_VALUE, NULL, "not a model file: expected .json, .keras or .h5");
        antler__error_file(&error, path);
    }
    if (!model)
        antler__error_copy(err, &error);
    return model;
}

antler_status antler_load_weights(antler_model *model, const char *path, antler_error *err)
{
    antler_error error = {0};
    if (!model || (model->error.status != ANTLER_OK && !model->built))
        return antler__error_copy(err, antler_model_error(model));
    ANTLER_TRY(antler__require(path, "path", err));
    antler_status status = antler__model_structure(model, &error);
    if (status == ANTLER_OK && antler__ends_with(path, ".keras")) {
        antler_member member[MEMBERS] = {{0}};
        status = read_archive(path, member, &error);
        if (status == ANTLER_OK) {
            status = read_weights_image(model, path, &member[WEIGHTS], &error);
            free_members(member);
        }
    } else if (status == ANTLER_OK && is_hdf5(path)) {
        antler_entries entries = {0};
        status = antler__hdf5_read(path, NULL, 0, &entries, &error);
        if (status == ANTLER_OK)
            status = antler__weights_read(model, &entries, &error);
        antler__entries_free(&entries);
    } else if (status == ANTLER_OK) {
        status =
            antler_error_set(&error, ANTLER_VALUE, NULL, "not a weights file: expected .weights.h5, .keras or .h5");
    }
    if (status != ANTLER_OK)
        antler__error_file(&error, path);
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}

/* ---- saving ------------------------------------------------------------------------------------------------------ */

/* Prints and frees a tree. */
static char *print(antler_json *root, bool pretty)
{
    char *text = root ? antler__json_print(root, pretty) : NULL;
    antler__json_free(root);
    return text;
}

char *antler_model_json(antler_model *model, antler_error *err)
{
    if (antler__model_build(model) != ANTLER_OK) {
        antler__error_copy(err, antler_model_error(model));
        return NULL;
    }
    char *text = print(antler__model_write(model, ANTLER_STYLE_KERAS, true), true);
    if (!text)
        antler__no_memory(err);
    return text;
}

static antler_status save_json(antler_model *model, const char *path, antler_error *err)
{
    char *text = antler_model_json(model, err);
    if (!text)
        return ANTLER_MEMORY;
    antler_status status = antler__file_write(path, text, strlen(text), err);
    antler__free(text);
    return status;
}

antler_status antler__save_keras(antler_model *model, const char *path, const antler_entries *extra, antler_error *err)
{
    static const char metadata[] = "{\"keras_version\": \"" ANTLER_KERAS_VERSION "\"}";
    antler_entries entries = {0};
    void *image = NULL;
    size_t bytes = 0;
    char *config = print(antler__model_write(model, ANTLER_STYLE_KERAS, true), false);
    antler_status status =
        config ? antler__weights_write(model, ANTLER_STYLE_KERAS, &entries, err) : antler__no_memory(err);
    for (int64_t i = 0; status == ANTLER_OK && extra && i < extra->n; i++) {
        const antler_entry *e = &extra->entry[i];
        status = antler__entries_add(&entries, e->name, e->dtype, &e->shape, e->data, e->bytes, err);
    }
    if (status == ANTLER_OK)
        status = antler__hdf5_write(NULL, &entries, &image, &bytes, err);
    if (status == ANTLER_OK) {
        const antler_member member[MEMBERS] = {{"metadata.json", (void *)(uintptr_t)metadata, sizeof metadata - 1},
                                               {"config.json", config, strlen(config)},
                                               {"model.weights.h5", image, bytes}};
        status = antler__archive_write(path, member, MEMBERS, err);
    }
    antler__entries_free(&entries);
    antler__free(image);
    antler__free(config);
    return status;
}

static antler_status add_json(antler_entries *entries, const char *name, antler_json *root, antler_error *err)
{
    const antler_shape scalar = {0, {0}};
    char *text = print(root, false);
    if (!text)
        return antler__no_memory(err);
    antler_status status = antler__entries_add(entries, name, ANTLER_TEXT, &scalar, text, strlen(text) + 1, err);
    antler__free(text);
    return status;
}

static antler_status add_legacy_attributes(const antler_model *model, antler_style style, antler_entries *entries,
                                           antler_error *err)
{
    char version[32];
    const struct {
        const char *name, *text;
    } fixed[] = {{"/@keras_version", antler__version_claimed(model, style, version, sizeof version)},
                 {"/@backend", "tensorflow"}};
    const antler_shape scalar = {0, {0}};
    for (int i = 0; i < 2; i++)
        ANTLER_TRY(antler__entries_add(entries, fixed[i].name, ANTLER_TEXT, &scalar, fixed[i].text,
                                       strlen(fixed[i].text) + 1, err));
    ANTLER_TRY(add_json(entries, "/@model_config", antler__model_write(model, style, false), err));
    if (model->compile && model->compile->optimizer.type) /* which Keras asks for */
        ANTLER_TRY(add_json(entries, "/@training_config", antler__compile_write_legacy(model->compile, style), err));
    if (model->fit)
        ANTLER_TRY(add_json(entries, "/@antler_fit",
                            antler__config_write(&antler__fit_type, model->fit, NULL, NULL, ANTLER_STYLE_KERAS), err));
    return ANTLER_OK;
}

static antler_status save_hdf5(const antler_model *model, const char *path, antler_style style, antler_error *err)
{
    antler_entries entries = {0};
    antler_status status = ANTLER_OK;
    if (style != ANTLER_STYLE_KERAS)
        status = add_legacy_attributes(model, style, &entries, err);
    if (status == ANTLER_OK)
        status = antler__weights_write(model, style, &entries, err);
    if (status == ANTLER_OK)
        status = antler__hdf5_write(path, &entries, NULL, NULL, err);
    antler__entries_free(&entries);
    return status;
}

/* A model of Keras 2 goes back to it, as it came; one with operators of Keras 3 cannot. */
static antler_style legacy_style(const antler_model *model)
{
    return model->keras < 300 && !antler__tree_has_operators(model->tree) ? ANTLER_STYLE_KERAS2 : ANTLER_STYLE_LEGACY;
}

antler_status antler_save(antler_model *model, const char *path, antler_error *err)
{
    antler_error error = {0};
    if (antler__model_build(model) != ANTLER_OK)
        return antler__error_copy(err, antler_model_error(model));
    ANTLER_TRY(antler__require(path, "path", err));
    antler_status status = ANTLER_OK;
    if (model->compile && model->compile->optimizer.type)
        status = antler__model_slots(model, &error); /* a file of a compiled model has them, at 0 before training */
    if (status != ANTLER_OK)
        return antler__error_copy(err, &error);
    if (antler__ends_with(path, ".json"))
        status = save_json(model, path, &error);
    else if (antler__ends_with(path, ".keras"))
        status = antler__save_keras(model, path, NULL, &error);
    else if (antler__ends_with(path, ".weights.h5"))
        status = save_hdf5(model, path, ANTLER_STYLE_KERAS, &error);
    else if (is_hdf5(path))
        status = save_hdf5(model, path, legacy_style(model), &error);
    else
        status = antler_error_set(&error, ANTLER_VALUE, NULL,
                                  "cannot save to it: expected .keras, .weights.h5, .h5 or .json");
    if (status != ANTLER_OK)
        antler__error_file(&error, path);
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}
