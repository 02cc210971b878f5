/* antler_examine: what a file is, without taking it for granted that it is anything. */
#include "config/json.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/archive.h"
#include "files/container.h"
#include "files/file.h"
#include "files/hdf5.h"
#include "files/npy.h"
#include "model/keras_view.h"
#include "model/model_file.h"
#include "model/model_json.h"
#include "model/unread.h"
#include "model/weights.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN = 8 };                              /* names in a list */
static const int64_t largest = (int64_t)1 << 30; /* bytes of HDF5 that are looked into */

typedef struct examination {
    const char *path;
    antler_container container;
    antler_finding_fn tell;
    void *user;
    antler_keras_file keras; /* what is known of it for Keras's sake */
    antler_json *model;      /* its JSON, or NULL */
    antler_error last;       /* the fault that was told last: is not told twice */
    int faults;
    bool other; /* no model, but weights or data, which can be used */
} examination;

ANTLER_PRINTF(4, 5)
static void tell(const examination *e, antler_finding finding, const char *place, const char *format, ...)
{
    antler_error what = {0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what.message, sizeof what.message, format, arguments);
    va_end(arguments);
    snprintf(what.place, sizeof what.place, "%s", place ? place : "");
    antler_one_line(what.message);
    antler_one_line(what.place);
    e->tell(e->user, finding, &what);
}

/* An error is a finding without its file. */
static void tell_error(void *user, const antler_error *error)
{
    examination *e = user;
    if (strcmp(error->message, e->last.message) == 0 && strcmp(error->place, e->last.place) == 0)
        return;
    e->last = *error;
    e->faults++;
    tell(e, ANTLER_FOUND_FAULT, error->place, "%s", error->message);
}

/* ---- who wrote it ------------------------------------------------------------------------------------------------ */

static void tell_writer(const examination *e, const char *version, const char *backend, const char *date)
{
    if (!version && !backend && !date)
        tell(e, ANTLER_FOUND_WRITER, NULL, "not said");
    else
        tell(e, ANTLER_FOUND_WRITER, NULL, "Keras %.40s%s%.40s%s%.40s", version ? version : "of an unknown version",
             backend ? " on " : "", backend ? backend : "", date ? ", " : "", date ? date : "");
}

/* ---- what it contains -------------------------------------------------------------------------------------------- */

/* "dense, lstm, ...": one more name. */
static void add_name(char *text, size_t size, const char *name, int64_t nth)
{
    if (nth <= SHOWN)
        snprintf(text + strlen(text), size - strlen(text), "%s%.60s", nth ? ", " : "", nth < SHOWN ? name : "...");
}

static bool is_array(const antler_entry *entry)
{
    return entry->dtype < ANTLER_TEXT && !strchr(entry->name, '@');
}

/* The arrays of an HDF5 file: how many, and numbers in them. */
static void tell_arrays(const examination *e, const antler_entries *entries, const char *what)
{
    char names[600] = "", shape[128], one[256];
    int64_t arrays = 0, numbers = 0;
    for (int64_t i = 0; i < entries->n; i++) {
        const antler_entry *entry = &entries->entry[i];
        if (!is_array(entry))
            continue;
        snprintf(one, sizeof one, "%.80s %s", entry->name + 1, antler_shape_text(&entry->shape, shape, sizeof shape));
        add_name(names, sizeof names, one, arrays++);
        numbers += antler_count(&entry->shape, 0);
    }
    tell(e, ANTLER_FOUND_CONTENT, NULL, "%s: %" PRId64 " array%s, %" PRId64 " numbers%s%s", what, arrays,
         arrays == 1 ? "" : "s", numbers, arrays ? ": " : "", names);
}

/* The layers of a model's JSON by their classes. */
static void tell_json(const examination *e, const antler_json *root)
{
    const antler_json *config = antler__json_get(root, "config");
    const antler_json *layers =
        antler__json_type(config) == ANTLER_JSON_ARRAY ? config : antler__json_get(config, "layers");
    const char *name = antler__string_at(root, "class_name");
    char names[600] = "";
    int64_t n = 0;
    for (const antler_json *item = antler__json_first(layers); item; item = antler__json_next(item)) {
        const char *layer = antler__string_at(item, "class_name");
        add_name(names, sizeof names, layer ? layer : "?", n++);
    }
    tell(e, ANTLER_FOUND_CONTENT, NULL, "%.80s of %" PRId64 " layer%s%s%s", name ? name : "an object that is no model",
         n, n == 1 ? "" : "s", n ? ": " : "", names);
}

static void tell_model(const examination *e, const antler_model *model)
{
    const antler_object *optimizer = model->compile ? &model->compile->optimizer : NULL;
    int64_t trained = 0, all = 0;
    for (int64_t i = 0; i < model->variables; i++) {
        const antler_variable *v = &model->variable[i].view;
        int64_t n = antler_count(&v->value.shape, 0);
        all += n;
        trained += v->trainable ? n : 0;
    }
    tell(e, ANTLER_FOUND_CONTENT, NULL, "\"%.80s\": %" PRId64 " numbers in %" PRId64 " weights, %" PRId64 " trained%s",
         model->tree->name, all, model->variables, trained,
         model->initialized ? "" : "; the file has none: they are drawn");
    if (optimizer && optimizer->type)
        tell(e, ANTLER_FOUND_CONTENT, NULL, "compiled with %s%s; %" PRId64 " steps done", optimizer->type->class_name,
             antler__compile_has_loss(model->compile) ? " and a loss" : "", model->iteration);
    else if (antler__unread_compile(model, NULL) == ANTLER_OK)
        tell(e, ANTLER_FOUND_CONTENT, NULL, "%s",
             antler__compile_has_loss(model->compile) ? "compiled with a loss, without an optimizer" : "not compiled");
}

/* ---- the formats ------------------------------------------------------------------------------------------------- */

static antler_json *parse(examination *e, const char *text, size_t size)
{
    antler_json *root;
    antler_error error = {0};
    if (antler__json_parse(text, size, &root, &error) == ANTLER_OK)
        return root;
    tell_error(e, &error);
    return NULL;
}

static void look_at_json(examination *e, const char *text, size_t size)
{
    antler_json *root = parse(e, text, size);
    if (!root)
        return;
    const char *own = antler__string_at(root, "keras_version");
    if (own && !e->keras.version)
        e->keras.version = antler__keras_version(own);
    if (e->container == ANTLER_CONTAINER_JSON)
        tell_writer(e, own, antler__string_at(root, "backend"), NULL);
    tell_json(e, root);
    e->model = root;
}

static void look_at_zip(examination *e)
{
    antler_member member[2] = {{.name = "config.json", .most = ANTLER_LONGEST_JSON},
                               {.name = "metadata.json", .most = ANTLER_LONGEST_JSON}};
    antler_error error = {0};
    if (antler__archive_read(e->path, member, 2, &error) != ANTLER_OK) {
        tell_error(e, &error);
        return;
    }
    antler_json *root = member[1].data ? parse(e, member[1].data, member[1].bytes) : NULL;
    const char *version = antler__string_at(root, "keras_version");
    e->keras.version = antler__keras_version(version);
    tell_writer(e, version, NULL, antler__string_at(root, "date_saved"));
    antler__json_free(root);
    if (member[0].data)
        look_at_json(e, member[0].data, member[0].bytes);
    for (int i = 0; i < 2; i++)
        antler__free(member[i].data);
}

static void look_at_entries(examination *e, const antler_entries *entries)
{
    const char *config = antler__entries_text(entries, "/@model_config"),
               *version = antler__entries_text(entries, "/@keras_version");
    const char *backend = antler__entries_text(entries, "/@backend");
    e->other = !config;
    if (config || antler__is_weights(entries))
        tell_writer(e, version, backend, NULL);
    if (!config) {
        tell_arrays(e, entries, antler__is_weights(entries) ? "weights alone, no architecture" : "data");
        return;
    }
    e->keras.version = antler__keras_version(version);
    e->keras.theano = backend && strcmp(backend, "theano") == 0;
    look_at_json(e, config, strlen(config));
}

static void look_at_hdf5(examination *e, int64_t bytes)
{
    antler_entries entries = {0};
    antler_error error = {0};
    if (bytes > largest) {
        e->other = true;
        tell(e, ANTLER_FOUND_CONTENT, NULL, "more than 1 GiB: not looked into");
    } else if (antler__hdf5_read(e->path, NULL, 0, &entries, &error) != ANTLER_OK) {
        tell_error(e, &error);
    } else {
        look_at_entries(e, &entries);
    }
    antler__entries_free(&entries);
}

static void look_at_npy(examination *e)
{
    antler_npy npy;
    antler_error error = {0};
    char shape[128];
    e->other = true;
    if (antler__npy_open(e->path, &npy, &error) != ANTLER_OK) {
        tell_error(e, &error);
        return;
    }
    tell(e, ANTLER_FOUND_CONTENT, NULL, "data: an array %s of %s", antler_shape_text(&npy.shape, shape, sizeof shape),
         antler__dtype_name(npy.dtype));
    antler__npy_close(&npy);
}

/* ---- whether it can be used -------------------------------------------------------------------------------------- */

static void tell_list(const examination *e, antler_finding finding, const antler_error *list, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        tell(e, list[i].status == ANTLER_OK ? finding : ANTLER_FOUND_UNREAD, list[i].place, "%s", list[i].message);
}

/* What loading it says. */
static void load(examination *e)
{
    antler_error error = {0};
    const antler_listener listener = {tell_error, e};
    antler_model *model = antler__load(e->path, &listener, &error);
    if (!model) {
        tell_error(e, &error);
        return;
    }
    tell_model(e, model);
    tell_list(e, ANTLER_FOUND_TRANSLATED, model->note, model->notes);
    if (e->keras.theano)
        tell(e, ANTLER_FOUND_TRANSLATED, NULL, "kernels of convolutions, as Theano keeps them, are turned");
    for (int64_t i = 0; i < model->unreads; i++)
        tell_list(e, ANTLER_FOUND_UNREAD, &model->unread[i].error, 1);
    tell_list(e, ANTLER_FOUND_IGNORED, model->warning, model->warnings);
    e->keras.custom = antler__unread_compile(model, NULL) == ANTLER_NAME;
    antler_model_free(model);
}

static void hear_keras(void *user, const char *place, const char *text)
{
    tell(user, ANTLER_FOUND_KERAS, place, "%s", text);
}

/* By what the file is. */
static void look(examination *e, int64_t bytes)
{
    void *text = NULL;
    size_t size;
    antler_error error = {0};
    switch (e->container) {
    case ANTLER_CONTAINER_ZIP:
        look_at_zip(e);
        break;
    case ANTLER_CONTAINER_HDF5:
        look_at_hdf5(e, bytes);
        break;
    case ANTLER_CONTAINER_NPY:
        look_at_npy(e);
        break;
    case ANTLER_CONTAINER_JSON:
        if (antler__file_read(e->path, ANTLER_LONGEST_JSON, &text, &size, &error) == ANTLER_OK)
            look_at_json(e, text, size);
        antler__free(text);
        break;
    default:
        e->other = e->container == ANTLER_CONTAINER_OTHER &&
                   (antler__ends_with(e->path, ".csv") || antler__ends_with(e->path, ".tsv"));
        if (e->other)
            tell(e, ANTLER_FOUND_CONTENT, NULL, "data: a table");
    }
}

antler_status antler_examine(const char *path, antler_finding_fn finding, void *user)
{
    examination e = {.path = path, .tell = finding, .user = user};
    antler_error error = {0};
    const char *what = NULL;
    int file;
    int64_t bytes;
    if (!path || !finding)
        return ANTLER_VALUE;
    antler_status status = antler__file_open(path, &file, &bytes, &error);
    if (status == ANTLER_OK) {
        close(file);
        status = antler__container_find(path, &e.container, &what, &error);
    }
    if (status != ANTLER_OK) {
        tell_error(&e, &error);
        return status;
    }
    tell(&e, ANTLER_FOUND_FILE, NULL, "%s; %" PRId64 " bytes", what, bytes);
    e.keras = (antler_keras_file){.container = e.container, .path = path, .hear = hear_keras, .user = &e};
    look(&e, bytes);
    if (!e.other)
        load(&e);
    if (e.model)
        antler__keras_view(&e.keras, e.model);
    antler__json_free(e.model);
    return e.faults ? e.last.status : ANTLER_OK;
}
