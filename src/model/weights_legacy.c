/* Keras's legacy .h5: a group for each layer, or model in the model, by its name, with lists that give the order. A
   list has the trained variables first, then the others, each in the order of the layers: a frozen part of a wrapper
   comes last, and what a BatchNormalization in a model counts comes behind all kernels. */
#include "model/weights_legacy.h"

#include "config/old.h"
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

/* A file under reading. */
typedef struct reading {
    const antler_model *model;
    const antler_entries *entries;
    const char *root;
    antler_origin origin;
    antler_real *to;
} reading;

/* The list of a layer in the file. */
typedef struct list {
    const char *attribute; /* its place, for errors */
    const char *layer;     /* of the model, that it is for */
    int64_t n, next;
    const antler_entry **entry; /* [n] */
} list;

enum { LONGEST_RUN = 16 }; /* variables that are read together: more than any layer that old files kept otherwise has */

/* The next variables that are of one layer, at most LONGEST_RUN. */
static int next_run(walk *w, const antler_model_variable_entry **run)
{
    int n = 0;
    for (walk ahead = *w; n < LONGEST_RUN && (run[n] = next_variable(&ahead)) && run[n]->layer == run[0]->layer; n++)
        *w = ahead;
    return n;
}

static antler_status no_weight(const list *l, const antler_model_variable_entry *variable, antler_error *err)
{
    return antler_error_set(err, ANTLER_SHAPE, l->attribute, "no weight for %s of layer \"%s\"", variable->view.name,
                            l->layer);
}

static antler_status read_run(const reading *r, list *l, const antler_model_variable_entry *const *run, int n,
                              antler_error *err)
{
    for (int i = 0; i < n; i++) {
        if (l->next == l->n)
            return no_weight(l, run[i], err);
        ANTLER_TRY(antler__weights_take(l->entry[l->next++], &run[i]->view.value.shape, r->to + run[i]->offset, err));
    }
    return ANTLER_OK;
}

/* What is left of the list, as far as one layer may have it. */
static antler_status open_old(const list *l, antler_old_weights *old, antler_error *err)
{
    for (; old->n < ANTLER_OLD_ARRAYS && l->next + old->n < l->n; old->n++) {
        const antler_entry *entry = l->entry[l->next + old->n];
        antler_tensor *array = &old->array[old->n];
        array->shape = entry->shape;
        array->data = antler__allocate((size_t)antler_count(&entry->shape, 0), sizeof *array->data);
        if (!array->data)
            return antler__no_memory(err);
        ANTLER_TRY(antler__weights_take(entry, &entry->shape, array->data, err));
    }
    return ANTLER_OK;
}

static antler_status take_old(const reading *r, list *l, const antler_old_weights *old,
                              const antler_model_variable_entry *const *run, int n, antler_error *err)
{
    char a[128], b[128];
    for (int i = 0; i < n; i++) {
        const antler_shape *wanted = &run[i]->view.value.shape;
        if (l->next + i >= l->n)
            return no_weight(l, run[i], err);
        if (!antler_shape_equal(&old->array[i].shape, wanted))
            return antler_error_set(
                err, ANTLER_SHAPE, l->entry[l->next + i]->name, "weights of shape %s; the model's have %s",
                antler_shape_text(&old->array[i].shape, a, sizeof a), antler_shape_text(wanted, b, sizeof b));
        memcpy(r->to + run[i]->offset, old->array[i].data, (size_t)antler_count(wanted, 0) * sizeof *r->to);
    }
    l->next += old->used;
    return ANTLER_OK;
}

/* The variables of a layer that old files keep in another form. */
static antler_status read_old(const reading *r, list *l, const antler_model_variable_entry *const *run, int n,
                              antler_error *err)
{
    antler_old_weights old = {.used = n};
    antler_status status = open_old(l, &old, err);
    const int opened = old.n < ANTLER_OLD_ARRAYS ? old.n + 1 : old.n;
    if (status == ANTLER_OK)
        status = antler__old_weights(run[0]->layer->object, r->origin, &old, err);
    if (status == ANTLER_OK)
        status = take_old(r, l, &old, run, n, err);
    for (int i = 0; i < opened; i++)
        antler__free(old.array[i].data);
    return status;
}

static antler_status read_list(const reading *r, walk *w, list *l, antler_error *err)
{
    const antler_model_variable_entry *run[LONGEST_RUN];
    for (int n; (n = next_run(w, run)) > 0;)
        ANTLER_TRY(antler__old_has_weights(run[0]->layer->object, r->origin) ? read_old(r, l, run, n, err)
                                                                             : read_run(r, l, run, n, err));
    if (l->next < l->n)
        return antler_error_set(err, ANTLER_SHAPE, l->attribute,
                                "more weights than the %" PRId64 " of the model's layer \"%s\"", w->end - w->first,
                                l->layer);
    return ANTLER_OK;
}

static antler_status read_layer(const reading *r, walk *w, const char *name, const char *layer, antler_error *err)
{
    char attribute[ANTLER_LONGEST_PATH], path[2 * ANTLER_LONGEST_PATH];
    antler_names weights = antler__names_of(r->entries, weights_attribute(r->root, name, attribute, sizeof attribute));
    list l = {.attribute = attribute, .layer = layer};
    antler_status status = ANTLER_OK;
    for (const char *weight; status == ANTLER_OK && (weight = antler__names_next(&weights));) {
        snprintf(path, sizeof path, "%s/%s/%s", r->root, name, weight);
        const antler_entry *entry = antler__entries_find(r->entries, path);
        if (!entry)
            status = antler_error_set(err, ANTLER_FORMAT, attribute, "\"%.80s\" is not in the file", weight);
        else if (!antler__grow_by_one(&l.entry, (size_t)l.n, sizeof *l.entry))
            status = antler__no_memory(err);
        else
            l.entry[l.n++] = entry;
    }
    if (status == ANTLER_OK)
        status = read_list(r, w, &l, err);
    antler__free(l.entry);
    return status;
}

/* ---- who wrote it ------------------------------------------------------------------------------------------------ */

/* An attribute of the weights, or of the file. */
static const char *attribute_of(const antler_entries *entries, const char *root, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "%s/@%s", root, name);
    const antler_entry *entry = NULL;
    if (*root) {
        snprintf(path, sizeof path, "%s@%s", root, name);
        entry = antler__entries_find(entries, path);
        snprintf(path, sizeof path, "/@%s", name);
    }
    entry = entry ? entry : antler__entries_find(entries, path);
    return entry && entry->dtype == ANTLER_TEXT && antler_count(&entry->shape, 0) > 0 ? entry->data : NULL;
}

/* Whether the names of the weights end as TensorFlow's do, "dense_1_W:0": Keras 1 does not say on what it ran, but
   takes the names of variables from there. */
static bool has_tensorflow_names(const antler_entries *entries, const char *root)
{
    char attribute[ANTLER_LONGEST_PATH];
    antler_names layers = antler__names_of(entries, *root ? "/model_weights@layer_names" : "/@layer_names");
    const char *layer = next_with_weights(&layers, root);
    antler_names weights =
        antler__names_of(entries, weights_attribute(root, layer ? layer : "", attribute, sizeof attribute));
    const char *name = layer ? antler__names_next(&weights) : NULL;
    return !name || strchr(name, ':');
}

static antler_origin origin_of(const antler_entries *entries, const char *root)
{
    const char *backend = attribute_of(entries, root, "backend");
    antler_origin origin = {.keras = antler__keras_version(attribute_of(entries, root, "keras_version"))};
    if (backend)
        origin.theano = strcmp(backend, "theano") == 0;
    else
        origin.theano = origin.keras > 0 && origin.keras < 200 && !has_tensorflow_names(entries, root);
    return origin;
}

static antler_status check_layers(const antler_model *model, antler_origin origin, antler_error *err)
{
    antler_error error = {0};
    for (int64_t i = 0; i < model->layers; i++)
        if (antler__old_check(model->layer[i].object, origin, &error) != ANTLER_OK)
            return antler_error_set(err, error.status, model->layer[i].name, "%s", error.message);
    return ANTLER_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

antler_status antler__legacy_weights_read(const antler_model *model, const antler_entries *entries, antler_real *to,
                                          antler_error *err)
{
    const char *root = is_whole(entries) ? "/model_weights" : "";
    const reading r = {model, entries, root, origin_of(entries, root), to};
    antler_names layers = antler__names_of(entries, *root ? "/model_weights@layer_names" : "/@layer_names");
    int64_t with_weights = 0;
    ANTLER_TRY(check_layers(model, r.origin, err));
    for (int64_t i = 0; i < model->tree->ordered; i++) {
        const antler_tree_member *member = listed(model->tree, i);
        walk w = {.first = -1};
        if (member)
            w = walk_member(model, member);
        if (w.first < 0)
            continue;
        const char *name = next_with_weights(&layers, root);
        if (!name)
            return antler_error_set(err, ANTLER_SHAPE, NULL,
                                    "no weights for layer \"%s\": the file has those of %" PRId64 " layers",
                                    antler__member_name(member), with_weights);
        ANTLER_TRY(read_layer(&r, &w, name, antler__member_name(member), err));
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
