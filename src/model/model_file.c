/* Loading, by what a file is, and saving, by suffix: .json, .keras, .h5, .weights.h5. */
#include "model/model_file.h"

#include "config/json_change.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/archive.h"
#include "files/container.h"
#include "files/file.h"
#include "files/hdf5.h"
#include "model/build.h"
#include "model/compile.h"
#include "model/model.h"
#include "model/model_json.h"
#include "model/old.h"
#include "model/sayable.h"
#include "model/structure.h"
#include "model/targets.h"
#include "model/tree_write.h"
#include "model/unread.h"
#include "model/weights.h"

#include <stdio.h>
#include <string.h>

enum {
    MOST_NOTES = 1024,
    MOST_LOCATED = 64 /* errors that the text is searched for their lines */
};

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
    const char *file;                /* NULL: none */
    bool lines;                      /* the text is the file */
    int keras;                       /* the version that the file names; 0: none */
    bool legacy;                     /* it is the whole-model .h5's */
    const antler_listener *listener; /* of all errors; or NULL */
    int heard;                       /* how many of them */
    const char *const *change;       /* places to change before it is read, NULL-terminated; or NULL */
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
    antler__model_warn(((reading *)user)->model, warning);
}

/* A loss, or metrics, that do not fit the outputs: training refuses them. */
static void warn_unfit(antler_model *model)
{
    if (model->compile && model->compile->failure.status != ANTLER_OK)
        antler__model_warn(model, &model->compile->failure);
}

static void locate_all(const reading *r)
{
    for (int64_t i = 0; i < r->model->unreads && i < MOST_LOCATED; i++)
        locate(r, &r->model->unread[i].error);
    for (int64_t i = 0; i < r->model->warnings; i++)
        locate(r, &r->model->warning[i]);
}

static void keep_note(void *user, const antler_error *note)
{
    antler_model *model = ((reading *)user)->model;
    if (model->notes < MOST_NOTES && antler__grow_by(&model->note, (size_t)model->notes, 1, sizeof *model->note))
        model->note[model->notes++] = *note;
}

static void hear_error(void *user, const antler_error *error)
{
    reading *r = user;
    antler_error located = *error;
    if (r->heard++ < MOST_LOCATED)
        locate(r, &located);
    r->listener->hear(r->listener->user, &located);
}

static antler_report report_of(reading *r, antler_error *err)
{
    return (antler_report){.err = err,
                           .on_warning = keep_warning,
                           .on_note = r->listener ? keep_note : NULL,
                           .on_error = r->listener ? hear_error : NULL,
                           .user = r,
                           .keras = r->keras,
                           .legacy = r->legacy};
}

/* The text's tree, with its changes, which may be of a "fit" that lies beside it. */
static antler_status parse(const reading *r, const char **fit, antler_json **root, antler_error *err)
{
    ANTLER_TRY(antler__json_parse(r->text, r->size, root, err));
    antler_status status = ANTLER_OK;
    if (r->change && *fit) {
        status = antler__json_add_parsed(*root, "fit", *fit) ? ANTLER_OK : antler__no_memory(err);
        *fit = NULL;
    }
    for (int i = 0; status == ANTLER_OK && r->change && r->change[i]; i++)
        status = antler__json_change(root, r->change[i], err);
    if (status != ANTLER_OK)
        antler__json_free(*root);
    return status;
}

static antler_status read_model(reading *r, const char *fit, antler_error *err)
{
    antler_json *root;
    antler_report report = report_of(r, err);
    antler_status status = parse(r, &fit, &root, err);
    if (status == ANTLER_OK) {
        status = antler__model_read(r->model, root, &report);
        antler__json_free(root);
    }
    if (status == ANTLER_OK && fit)
        status = antler__fit_read(r->model, fit, &report);
    if (status == ANTLER_OK)
        status = antler__model_structure(r->model, err);
    warn_unfit(r->model);
    locate_all(r);
    if (status != ANTLER_OK && err)
        locate(r, err);
    return status;
}

/* A new model from a JSON text, or NULL. */
static antler_model *model_of(const reading *given, const char *fit, antler_error *err)
{
    antler_error error = {0};
    antler_model *model = antler__model_new(NULL, true, err);
    if (!model)
        return NULL;
    reading r = *given;
    r.model = model;
    model->file = antler__copy_text(r.file);
    if (r.file && !model->file)
        antler__no_memory(&error);
    else if (read_model(&r, fit, &error) == ANTLER_OK)
        return model;
    antler__error_copy(err, &error);
    antler_model_free(model);
    return NULL;
}

antler_model *antler_load_json(const char *json, const char *name, antler_error *err)
{
    if (antler__require(json, "JSON", err) != ANTLER_OK)
        return NULL;
    const reading r = {.text = json, .size = strlen(json), .file = name, .lines = true};
    return model_of(&r, NULL, err);
}

static antler_model *load_json(const char *path, const reading *how, antler_error *err)
{
    void *text;
    size_t size;
    if (antler__file_read(path, ANTLER_LONGEST_JSON, &text, &size, err) != ANTLER_OK)
        return NULL;
    const reading r = {
        .text = text, .size = size, .file = path, .lines = true, .listener = how->listener, .change = how->change};
    antler_model *model = model_of(&r, NULL, err);
    antler__free(text);
    return model;
}

/* ---- .keras ------------------------------------------------------------------------------------------------------ */

enum { CONFIG, WEIGHTS, METADATA, MEMBERS, NPZ = MEMBERS, SHARDS, ALL };

static void free_members(antler_member *member)
{
    for (int i = 0; i < MEMBERS; i++)
        antler__free(member[i].data);
}

static antler_status read_archive(const char *path, antler_member *member, antler_error *err)
{
    member[CONFIG] = (antler_member){.name = "config.json", .most = ANTLER_LONGEST_JSON};
    member[WEIGHTS] = (antler_member){.name = "model.weights.h5"};
    member[METADATA] = (antler_member){.name = "metadata.json", .most = ANTLER_LONGEST_JSON};
    member[NPZ] = (antler_member){.name = "model.weights.npz", .refused = "weights as NumPy's arrays are not read"};
    member[SHARDS] =
        (antler_member){.name = "model.weights.json", .refused = "weights cut into several files are not read"};
    ANTLER_TRY(antler__archive_read(path, member, ALL, err));
    int missing = !member[CONFIG].data ? CONFIG : !member[WEIGHTS].data ? WEIGHTS : MEMBERS;
    if (missing == MEMBERS)
        return ANTLER_OK;
    antler_error_set(err, ANTLER_FORMAT, NULL, "no %s in the archive", member[missing].name);
    antler__error_file(err, path);
    free_members(member);
    return ANTLER_FORMAT;
}

typedef antler_status (*weights_reader)(antler_model *model, const antler_entries *entries, antler_error *err);

/* Of a file, or of an image of one in memory. */
static antler_status read_weights_of(antler_model *model, const char *path, const antler_member *image,
                                     weights_reader read, antler_error *err)
{
    antler_entries entries = {0};
    antler_status status = antler__hdf5_read(path, image ? image->data : NULL, image ? image->bytes : 0, &entries, err);
    if (status == ANTLER_OK)
        status = read(model, &entries, err);
    antler__entries_free(&entries);
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

static antler_model *load_keras(const char *path, const reading *how, antler_error *err)
{
    antler_member member[ALL] = {{0}};
    if (read_archive(path, member, err) != ANTLER_OK)
        return NULL;
    const reading r = {.text = member[CONFIG].data,
                       .size = member[CONFIG].bytes,
                       .file = path,
                       .keras = version_of(&member[METADATA]),
                       .listener = how->listener,
                       .change = how->change};
    antler_model *model = model_of(&r, NULL, err);
    if (model && read_weights_of(model, path, &member[WEIGHTS], antler__weights_read, err) != ANTLER_OK) {
        antler_model_free(model);
        model = NULL;
    }
    free_members(member);
    return model;
}

/* ---- legacy .h5 -------------------------------------------------------------------------------------------------- */

/* training_config lies apart from the model's JSON in these files. A missing one is no error. */
static antler_status read_training_config(antler_model *model, const char *text, const char *path, antler_error *err)
{
    antler_json *root;
    reading r = {.model = model, .file = path, .keras = model->keras, .legacy = true};
    antler_report report = report_of(&r, err);
    void *compile = NULL;
    if (!text || model->compile)
        return ANTLER_OK;
    antler_json *today = NULL;
    antler_error error = {0};
    antler_place place = antler__at(NULL, "training_config");
    antler_status status = antler__json_parse(text, strlen(text), &root, &error);
    if (status == ANTLER_OK) {
        report.err = &error;
        status = antler__old_read(root, &place, &report, &today);
        report.err = err;
    }
    if (status == ANTLER_OK)
        status = antler__settings_read(model, &antler__training_type, today ? today : root, &report, &compile);
    else if (status != ANTLER_MEMORY)
        status = antler__unread_whole(model, &antler__training_type, &error, err);
    antler__json_free(today);
    antler__json_free(root);
    if (compile)
        antler__compile_take(compile, &model->compile);
    if (status == ANTLER_OK)
        status = antler__targets_settle(model, model->compile, err);
    warn_unfit(model);
    locate_all(&r);
    antler__error_file(err, path);
    return status;
}

/* A whole model's HDF5 file, read. */
static antler_model *legacy_model(const antler_entries *entries, const char *config, const char *path,
                                  const reading *how, antler_error *err)
{
    const reading r = {.text = config,
                       .size = strlen(config),
                       .file = path,
                       .keras = antler__keras_version(antler__entries_text(entries, "/@keras_version")),
                       .legacy = true,
                       .listener = how->listener,
                       .change = how->change};
    antler_model *model = model_of(&r, antler__entries_text(entries, "/@antler_fit"), err);
    if (!model ||
        (read_training_config(model, antler__entries_text(entries, "/@training_config"), path, err) == ANTLER_OK &&
         antler__weights_read(model, entries, err) == ANTLER_OK))
        return model;
    antler_model_free(model);
    return NULL;
}

static antler_model *load_hdf5(const char *path, const reading *how, antler_error *err)
{
    antler_entries entries = {0};
    antler_model *model = NULL;
    if (antler__hdf5_read(path, NULL, 0, &entries, err) != ANTLER_OK)
        return NULL;
    const char *config = antler__entries_text(&entries, "/@model_config");
    if (config)
        model = legacy_model(&entries, config, path, how, err);
    else
        antler_error_set(err, ANTLER_FORMAT, NULL,
                         antler__is_weights(&entries)
                             ? "it holds weights alone, no architecture (\"model_config\"): load that, a .json, and "
                               "give it these weights (--weights)"
                             : "an HDF5 file, but no model: it has no \"model_config\", and no weights of layers");
    antler__entries_free(&entries);
    antler__error_file(err, path);
    return model;
}

/* ---- loading by what the file is --------------------------------------------------------------------------------- */

/* The container, and what else its name promises where its bytes tell nothing: the reader of that tells what is wrong.
   An error for a file that is nothing of the kind. */
static antler_status find_container(const char *path, const char *expected, antler_container *container,
                                    antler_error *err)
{
    const char *what;
    ANTLER_TRY(antler__container_find(path, container, &what, err));
    bool told = *container == ANTLER_CONTAINER_ZIP || *container == ANTLER_CONTAINER_HDF5 ||
                *container == ANTLER_CONTAINER_JSON;
    if (*container == ANTLER_CONTAINER_OTHER) {
        *container = antler__ends_with(path, ".json")    ? ANTLER_CONTAINER_JSON
                     : antler__ends_with(path, ".keras") ? ANTLER_CONTAINER_ZIP
                     : is_hdf5(path)                     ? ANTLER_CONTAINER_HDF5
                                                         : ANTLER_CONTAINER_OTHER;
        told = *container != ANTLER_CONTAINER_OTHER;
    }
    return told ? ANTLER_OK : antler_error_set(err, ANTLER_FORMAT, NULL, "it is %s; expected %s", what, expected);
}

static antler_model *load(const char *path, const reading *how, antler_error *err)
{
    antler_error error = {0};
    antler_model *model = NULL;
    antler_container container;
    if (antler__require(path, "path", err) != ANTLER_OK)
        return NULL;
    if (find_container(path, "a model: .keras, .h5 or .json", &container, &error) == ANTLER_OK)
        model = container == ANTLER_CONTAINER_ZIP    ? load_keras(path, how, &error)
                : container == ANTLER_CONTAINER_HDF5 ? load_hdf5(path, how, &error)
                                                     : load_json(path, how, &error);
    if (!model) {
        antler__error_file(&error, path);
        antler__error_copy(err, &error);
    }
    return model;
}

antler_model *antler__load(const char *path, const antler_listener *listener, antler_error *err)
{
    return load(path, &(reading){.listener = listener}, err);
}

antler_model *antler_load(const char *path, antler_error *err)
{
    return load(path, &(reading){.change = NULL}, err);
}

antler_model *antler_load_changed(const char *path, const char *const *change, antler_error *err)
{
    return load(path, &(reading){.change = change}, err);
}

static antler_status read_weights_file(antler_model *model, const char *path, weights_reader read, antler_error *err)
{
    antler_member member[ALL] = {{0}};
    antler_container container;
    ANTLER_TRY(find_container(path, "weights: .weights.h5, .keras or .h5", &container, err));
    if (container == ANTLER_CONTAINER_JSON)
        return antler_error_set(err, ANTLER_FORMAT, NULL,
                                "JSON, which has no weights: expected .weights.h5, .keras or "
                                ".h5");
    if (container == ANTLER_CONTAINER_HDF5)
        return read_weights_of(model, path, NULL, read, err);
    ANTLER_TRY(read_archive(path, member, err));
    antler_status status = read_weights_of(model, path, &member[WEIGHTS], read, err);
    free_members(member);
    return status;
}

static antler_status load_weights(antler_model *model, const char *path, weights_reader read, antler_error *err)
{
    antler_error error = {0};
    if (!model || (model->error.status != ANTLER_OK && !model->built))
        return antler__error_copy(err, antler_model_error(model));
    ANTLER_TRY(antler__require(path, "path", err));
    antler_status status = antler__model_structure(model, &error);
    if (status == ANTLER_OK)
        status = read_weights_file(model, path, read, &error);
    if (status != ANTLER_OK)
        antler__error_file(&error, path);
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}

antler_status antler_load_weights(antler_model *model, const char *path, antler_error *err)
{
    return load_weights(model, path, antler__weights_read, err);
}

antler_status antler_load_weights_by_name(antler_model *model, const char *path, antler_error *err)
{
    return load_weights(model, path, antler__weights_read_by_name, err);
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
        const antler_member member[MEMBERS] = {
            {"metadata.json", (void *)(uintptr_t)metadata, sizeof metadata - 1, 0, NULL},
            {"config.json", config, strlen(config), 0, NULL},
            {"model.weights.h5", image, bytes, 0, NULL}};
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
        ANTLER_TRY(add_json(entries, "/@training_config", antler__compile_write_legacy(model, style), err));
    bool has_fit = model->fit || model->columns;
    antler_json *fit = has_fit ? antler__json_object(NULL, NULL) : NULL;
    if (fit && !antler__unread_write(model, &antler__fit_type, model->fit, ANTLER_STYLE_KERAS, fit)) {
        antler__json_free(fit);
        fit = NULL;
    }
    if (has_fit)
        ANTLER_TRY(add_json(entries, "/@antler_fit", fit, err));
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

antler_status antler_save(antler_model *model, const char *path, antler_error *err)
{
    antler_error error = {0};
    if (antler__model_build(model) != ANTLER_OK)
        return antler__error_copy(err, antler_model_error(model));
    ANTLER_TRY(antler_save_check(model, path, err));
    antler_status status = ANTLER_OK;
    if (model->compile && model->compile->optimizer.type)
        status = antler__model_slots(model, &error); /* a file of a compiled model has them, at 0 before training */
    if (status != ANTLER_OK)
        return antler__error_copy(err, &error);
    const antler_type *form = &antler__compile_type; /* of what the file says of training */
    if (antler__ends_with(path, ".json")) {
        status = save_json(model, path, &error);
    } else if (antler__ends_with(path, ".keras")) {
        status = antler__save_keras(model, path, NULL, &error);
    } else if (antler__ends_with(path, ".weights.h5")) {
        status = save_hdf5(model, path, ANTLER_STYLE_KERAS, &error);
        form = NULL;
    } else if (is_hdf5(path)) {
        status = save_hdf5(model, path, antler__legacy_style(model), &error);
        form = &antler__training_type;
    } else {
        status = antler_error_set(&error, ANTLER_VALUE, NULL,
                                  "cannot save to it: expected .keras, .weights.h5, .h5 or .json");
    }
    if (status == ANTLER_OK) {
        antler__unread_tell(model, form, path);
        antler__names_tell(model, path);
    } else
        antler__error_file(&error, path);
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}
