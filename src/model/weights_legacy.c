/* Keras's legacy .h5: a group for each layer, or model in the model, by its name, with lists that give the order. A
   list has the trained variables first, then the others, each in the order of the layers: a frozen part of a wrapper
   comes last, and what a BatchNormalization in a model counts comes behind all kernels. */
#include "model/weights_legacy.h"

#include "core/memory.h"

#include "model/model_json.h"
#include "model/weights_entries.h"
#include "model/weights_names.h"
#include "model/weights_old.h"

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

/* The variables of a member lie one after the other. Widens w to them. */
static void take_variables(walk *w, const antler_tree_member *member)
{
    if (member->flat >= 0) {
        const antler_layer *layer = &w->model->layer[member->flat];
        int64_t n = antler__variables_of(layer);
        if (n && w->first < 0)
            w->first = layer->variable;
        if (n)
            w->end = layer->variable + n;
    }
    for (int64_t i = 0; member->model && i < member->model->ordered; i++)
        take_variables(w, &member->model->member[member->model->order[i]]);
}

static walk walk_member(const antler_model *model, const antler_tree_member *member)
{
    walk w = {.model = model, .first = -1, .end = -1, .trained = true};
    take_variables(&w, member);
    w.next = w.first;
    return w;
}

/* The i-th member in the list of a file; NULL where it has none: the list of a Sequential leaves out its input. */
static const antler_tree_member *listed(const antler_tree *tree, int64_t i)
{
    const antler_tree_member *member = &tree->member[tree->order[i]];
    bool left_out = antler__member_is_operator(member) || (tree->sequential && antler__member_is_source(member));
    return left_out ? NULL : member;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static antler_status write_weights(walk *w, const char *layer, antler_name_list *list, antler_entries *entries,
                                   antler_error *err)
{
    char path[ANTLER_LONGEST_PATH];
    const antler_model_variable_entry *variable;
    while ((variable = next_variable(w))) {
        int before = snprintf(path, sizeof path, "/model_weights/%s/", layer);
        snprintf(path + before, sizeof path - (size_t)before, "%s/%s", variable->view.layer, variable->view.name);
        const antler_tensor *value = &variable->view.value;
        ANTLER_TRY(antler__name_list_add(list, path + before, err));
        ANTLER_TRY(antler__weights_put(entries, path, &value->shape, value->data, err));
    }
    return ANTLER_OK;
}

static antler_status write_member(const antler_model *model, const antler_tree_member *member, antler_entries *entries,
                                  antler_error *err)
{
    char attribute[ANTLER_LONGEST_PATH];
    const char *layer = antler__member_name(member);
    antler_name_list list = {0};
    walk w = walk_member(model, member);
    snprintf(attribute, sizeof attribute, "/model_weights/%s", layer);
    ANTLER_TRY(antler__weights_put_group(entries, attribute, err));
    antler_status status = write_weights(&w, layer, &list, entries, err);
    if (status == ANTLER_OK)
        return antler__name_list_write(&list, strcat(attribute, "@weight_names"), entries, err);
    antler__free(list.text);
    return status;
}

antler_status antler__legacy_weights_write(const antler_model *model, antler_style style, antler_entries *entries,
                                           antler_error *err)
{
    char version[32];
    antler_name_list list = {0};
    antler_status status = antler__weights_put_group(entries, "/model_weights", err);
    for (int64_t i = 0; status == ANTLER_OK && i < model->tree->ordered; i++) {
        const antler_tree_member *member = listed(model->tree, i);
        if (!member)
            continue;
        status = antler__name_list_add(&list, antler__member_name(member), err);
        if (status == ANTLER_OK)
            status = write_member(model, member, entries, err);
    }
    if (status == ANTLER_OK)
        status = antler__name_list_write(&list, "/model_weights@layer_names", entries, err);
    antler__free(list.text);
    ANTLER_TRY(status);
    ANTLER_TRY(antler__weights_put_text(entries, "/model_weights@backend", "tensorflow", err));
    return antler__weights_put_text(entries, "/model_weights@keras_version",
                                    antler__version_claimed(model, style, version, sizeof version), err);
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

/* The next variables that are of one layer, at most ANTLER_LONGEST_RUN. */
static int next_run(walk *w, const antler_model_variable_entry **run)
{
    int n = 0;
    for (walk ahead = *w; n < ANTLER_LONGEST_RUN && (run[n] = next_variable(&ahead)) && run[n]->layer == run[0]->layer;
         n++)
        *w = ahead;
    return n;
}

static antler_status read_list(const antler_source *source, antler_origin origin, walk *w, antler_weight_list *list,
                               antler_error *err)
{
    const antler_model_variable_entry *run[ANTLER_LONGEST_RUN];
    for (int n; (n = next_run(w, run)) > 0;)
        ANTLER_TRY(antler__run_read(source, origin, list, run, n, err));
    if (list->next < list->n)
        return antler_error_set(err, ANTLER_SHAPE, list->place,
                                "more weights than the %" PRId64 " of the model's layer \"%s\"", w->end - w->first,
                                list->layer);
    return ANTLER_OK;
}

static antler_status read_layer(walk *w, const antler_source *source, const char *root, const char *name,
                                const char *layer, antler_error *err)
{
    char attribute[ANTLER_LONGEST_PATH], path[2 * ANTLER_LONGEST_PATH];
    const antler_entries *entries = source->entries;
    antler_names weights = antler__names_of(entries, weights_attribute(root, name, attribute, sizeof attribute));
    antler_weight_list list = {.place = attribute, .layer = layer};
    antler_status status = ANTLER_OK;
    for (const char *weight; status == ANTLER_OK && (weight = antler__names_next(&weights));) {
        snprintf(path, sizeof path, "%s/%s/%s", root, name, weight);
        const antler_entry *entry = antler__entries_find(entries, path);
        if (!entry)
            status = antler_error_set(err, ANTLER_SHAPE, attribute, "\"%.80s\" of layer \"%s\" is not in the file",
                                      weight, layer);
        else if (!antler__grow_by(&list.entry, (size_t)list.n, 1, sizeof *list.entry))
            status = antler__no_memory(err);
        else
            list.entry[list.n++] = entry;
    }
    if (status == ANTLER_OK)
        status = read_list(source, antler__origin_of(entries, root), w, &list, err);
    antler__free(list.entry);
    return status;
}

/* The member's variables; of a member without any, or with none of its own in files, w->first < 0. */
static walk walk_listed(const antler_model *model, int64_t i)
{
    const antler_tree_member *member = listed(model->tree, i);
    return member ? walk_member(model, member) : (walk){.first = -1};
}

static bool has_layer(antler_names layers, const char *name)
{
    const char *layer;
    while ((layer = antler__names_next(&layers)))
        if (strcmp(layer, name) == 0)
            return true;
    return false;
}

/* The layers of the list that have weights, as "a, b, c", shortened. */
static const char *layers_text(antler_names layers, const char *root, char *text, size_t size)
{
    const char *layer;
    *text = 0;
    while ((layer = next_with_weights(&layers, root)) && strlen(text) + 8 < size)
        snprintf(text + strlen(text), size - strlen(text), "%s%.40s", *text ? ", " : "", layer);
    return text;
}

static antler_status read_by_name(const antler_model *model, const antler_source *source, const char *root,
                                  antler_names layers, antler_error *err)
{
    char text[200];
    const char *last = NULL;
    int64_t found = 0;
    for (int64_t i = 0; i < model->tree->ordered; i++) {
        walk w = walk_listed(model, i);
        if (w.first < 0)
            continue;
        const char *name = antler__member_name(listed(model->tree, i));
        last = name;
        if (!has_layer(layers, name))
            continue;
        ANTLER_TRY(read_layer(&w, source, root, name, name, err));
        found++;
    }
    if (found || !last)
        return ANTLER_OK;
    return antler_error_set(
        err, ANTLER_NAME, NULL,
        "no layer of the model has a name of the file's: it has weights for %s; the model's last is "
        "\"%.40s\"",
        layers_text(layers, root, text, sizeof text), last);
}

/* Whether a list of a whole model has every layer by its name. Those of Keras 1 are then found so: it had another order
   where models are joined. */
static bool has_names(const antler_model *model, const antler_entries *entries, const char *root, antler_names layers)
{
    bool all = *root && antler__origin_of(entries, root).keras < 200;
    for (int64_t i = 0; all && i < model->tree->ordered; i++)
        all = walk_listed(model, i).first < 0 || has_layer(layers, antler__member_name(listed(model->tree, i)));
    return all;
}

antler_status antler__legacy_weights_read(const antler_model *model, const antler_source *source, antler_error *err)
{
    const antler_entries *entries = source->entries;
    const char *root = is_whole(entries) ? "/model_weights" : "";
    antler_names layers = antler__names_of(entries, *root ? "/model_weights@layer_names" : "/@layer_names");
    antler_names all = layers;
    char text[200];
    int64_t with_weights = 0;
    ANTLER_TRY(antler__origin_check(model, antler__origin_of(entries, root), err));
    if (source->by_name || has_names(model, entries, root, layers))
        return read_by_name(model, source, root, layers, err);
    for (int64_t i = 0; i < model->tree->ordered; i++) {
        walk w = walk_listed(model, i);
        if (w.first < 0)
            continue;
        const char *layer = antler__member_name(listed(model->tree, i)), *name = next_with_weights(&layers, root);
        if (!name)
            return antler_error_set(err, ANTLER_SHAPE, NULL,
                                    "no weights for layer \"%s\": the file has those of %" PRId64 " layers (%s)", layer,
                                    with_weights, layers_text(all, root, text, sizeof text));
        ANTLER_TRY(read_layer(&w, source, root, name, layer, err));
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
