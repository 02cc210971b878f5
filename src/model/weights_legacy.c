/* Keras's legacy .h5: a group for each layer by its name, with lists that give the order. A layer's list has its
   trained variables first, then the others, each in the order of the layer: a frozen part of a wrapper comes last. */
#include "model/weights_legacy.h"

#include "core/memory.h"

#include "model/model_json.h"
#include "model/weights_entries.h"
#include "model/weights_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- a layer's variables in the order of its list ---------------------------------------------------------------- */

typedef struct walk {
    const antler_model *model;
    int64_t first, end; /* of the layer's variables */
    int64_t next;
    bool trained; /* first those that are trained */
} walk;

static const antler_model_variable_entry *next_variable(walk *w)
{
    for (;;) {
        for (; w->next < w->end; w->next++)
            if (w->model->variable[w->next].view.trainable == w->trained)
                return &w->model->variable[w->next++];
        if (!w->trained)
            return NULL;
        w->trained = false;
        w->next = w->first;
    }
}

static walk walk_layer(const antler_model *model, const char *layer, int64_t *first)
{
    walk w = {.model = model, .first = *first, .next = *first, .trained = true};
    antler__weights_of_layer(model, layer, first);
    w.end = *first;
    return w;
}

static const char *name_of(const antler_model *model, int64_t layer)
{
    return antler__layer_keys(model->object[layer])->name;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static antler_status write_weights(walk *w, const char *layer, antler_name_list *list, antler_entries *entries,
                                   antler_error *err)
{
    char path[ANTLER_LONGEST_PATH];
    const antler_model_variable_entry *variable;
    while ((variable = next_variable(w))) {
        int before = snprintf(path, sizeof path, "/model_weights/%s/", layer);
        snprintf(path + before, sizeof path - (size_t)before, "%s/%s", layer, variable->view.name);
        const antler_tensor *value = &variable->view.value;
        ANTLER_TRY(antler__name_list_add(list, path + before, err));
        ANTLER_TRY(antler__weights_put(entries, path, &value->shape, value->data, err));
    }
    return ANTLER_OK;
}

static antler_status write_layer(const antler_model *model, const char *layer, int64_t *first, antler_entries *entries,
                                 antler_error *err)
{
    char attribute[ANTLER_LONGEST_PATH];
    antler_name_list list = {0};
    walk w = walk_layer(model, layer, first);
    snprintf(attribute, sizeof attribute, "/model_weights/%s", layer);
    ANTLER_TRY(antler__weights_put_group(entries, attribute, err));
    antler_status status = write_weights(&w, layer, &list, entries, err);
    if (status == ANTLER_OK)
        return antler__name_list_write(&list, strcat(attribute, "@weight_names"), entries, err);
    antler__free(list.text);
    return status;
}

antler_status antler__legacy_weights_write(const antler_model *model, antler_entries *entries, antler_error *err)
{
    antler_name_list list = {0};
    antler_status status = antler__weights_put_group(entries, "/model_weights", err);
    for (int64_t i = model->inputs, next = 0; status == ANTLER_OK && i < model->layers; i++) {
        status = antler__name_list_add(&list, name_of(model, i), err);
        if (status == ANTLER_OK)
            status = write_layer(model, name_of(model, i), &next, entries, err);
    }
    if (status == ANTLER_OK)
        status = antler__name_list_write(&list, "/model_weights@layer_names", entries, err);
    antler__free(list.text);
    ANTLER_TRY(status);
    ANTLER_TRY(antler__weights_put_text(entries, "/model_weights@backend", "tensorflow", err));
    return antler__weights_put_text(entries, "/model_weights@keras_version", ANTLER_KERAS_VERSION, err);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Where the layers lie: in a group of a whole model's file, at the root of a file of weights alone. */
static bool is_whole(const antler_entries *entries)
{
    antler_names names = antler__names_of(entries, "/model_weights@layer_names");
    return antler__names_next(&names) != NULL;
}

bool antler__is_legacy_weights(const antler_entries *entries)
{
    antler_names names = antler__names_of(entries, "/@layer_names");
    return is_whole(entries) || antler__names_next(&names) != NULL;
}

static const char *weights_attribute(const char *root, const char *layer, char *text, size_t size)
{
    snprintf(text, size, "%s/%s@weight_names", root, layer);
    return text;
}

/* The next layer of the list that has weights, or NULL. */
static const char *next_with_weights(antler_names *layers, const char *root)
{
    char attribute[ANTLER_LONGEST_PATH];
    const char *layer;
    while ((layer = antler__names_next(layers))) {
        antler_names weights =
            antler__names_of(layers->entries, weights_attribute(root, layer, attribute, sizeof attribute));
        if (antler__names_next(&weights))
            return layer;
    }
    return NULL;
}

static antler_status read_layer(walk *w, const antler_entries *entries, const char *root, const char *name,
                                const char *layer, antler_real *to, antler_error *err)
{
    char attribute[ANTLER_LONGEST_PATH], path[2 * ANTLER_LONGEST_PATH];
    antler_names weights = antler__names_of(entries, weights_attribute(root, name, attribute, sizeof attribute));
    const antler_model_variable_entry *variable;
    while ((variable = next_variable(w))) {
        const char *weight = antler__names_next(&weights);
        snprintf(path, sizeof path, "%s/%s/%s", root, name, weight ? weight : "");
        const antler_entry *entry = weight ? antler__entries_find(entries, path) : NULL;
        if (!entry)
            return antler_error_set(err, ANTLER_SHAPE, attribute, "no weight for %s of layer \"%s\"",
                                    variable->view.name, layer);
        ANTLER_TRY(antler__weights_take(entry, &variable->view.value.shape, to + variable->offset, err));
    }
    if (antler__names_next(&weights))
        return antler_error_set(err, ANTLER_SHAPE, attribute,
                                "more weights than the %" PRId64 " of the model's layer \"%s\"", w->end - w->first,
                                layer);
    return ANTLER_OK;
}

antler_status antler__legacy_weights_read(const antler_model *model, const antler_entries *entries, antler_real *to,
                                          antler_error *err)
{
    const char *root = is_whole(entries) ? "/model_weights" : "";
    antler_names layers = antler__names_of(entries, *root ? "/model_weights@layer_names" : "/@layer_names");
    int64_t with_weights = 0;
    for (int64_t i = model->inputs, next = 0; i < model->layers; i++) {
        walk w = walk_layer(model, name_of(model, i), &next);
        if (w.first == w.end)
            continue;
        const char *name = next_with_weights(&layers, root);
        if (!name)
            return antler_error_set(err, ANTLER_SHAPE, NULL,
                                    "no weights for layer \"%s\": the file has those of %" PRId64 " layers",
                                    name_of(model, i), with_weights);
        ANTLER_TRY(read_layer(&w, entries, root, name, name_of(model, i), to, err));
        with_weights++;
    }
    const char *extra = next_with_weights(&layers, root);
    if (extra)
        return antler_error_set(err, ANTLER_SHAPE, NULL,
                                "the file has weights for a layer \"%s\" more than the %" PRId64
                                " layers of the model that have any",
                                extra, with_weights);
    return ANTLER_OK;
}
