/* Keras's .weights.h5, which is also inside of .keras: a group for each layer by its class, numbered in the order of
   the layers ("/layers/dense_1"); in it the layer's variables by number ("vars/0"), those of its parts in groups of
   their own ("forward_layer/cell/vars/0"). */
#include "model/weights_keras.h"

#include "config/names.h"
#include "core/memory.h"
#include "model/weights_entries.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct layer_name {
    char text[160]; /* "dense_1" */
} layer_name;

/* The groups of the layers, [model->layers], for antler__free; NULL without memory. */
static layer_name *layer_names(const antler_model *model)
{
    layer_name *name = antler__allocate_zeroed((size_t)model->layers, sizeof *name);
    for (int64_t i = 0; name && i < model->layers; i++) {
        const antler_type *type = model->object[i].type;
        int64_t before = 0;
        for (int64_t j = 0; j < i; j++)
            before += model->object[j].type == type;
        antler__snake_case(type->class_name, name[i].text, sizeof name[i].text - 32);
        if (before)
            snprintf(name[i].text + strlen(name[i].text), 32, "_%" PRId64, before);
    }
    return name;
}

/* ---- the part of a layer that holds a variable ------------------------------------------------------------------- */

/* Appends the names of the layers on the way down to the owner; false where it is not there. */
static bool find_part(const antler_layer *layer, const antler_layer *owner, char *part, size_t size)
{
    size_t length = strlen(part);
    const char *slash = length ? "/" : "";
    if (layer == owner)
        return true;
    for (int i = 0; i < layer->children; i++) {
        snprintf(part + length, size - length, "%s%s", slash, layer->child[i].name);
        if (find_part(&layer->child[i], owner, part, size))
            return true;
        part[length] = 0;
    }
    return false;
}

/* Path of the groups of a layer's variable inside of the layer's own: "", "cell", "forward_layer/cell". */
static const char *part_of(const antler_layer *layer, const antler_model_variable_entry *variable, char *part,
                           size_t size)
{
    *part = 0;
    find_part(layer, variable->layer, part, size);
    size_t length = strlen(part);
    if (variable->group)
        snprintf(part + length, size - length, "%s%s", length ? "/" : "", variable->group);
    return part;
}

/* A run of variables that share a group: the layer's name, the group, and how many there are from `first` on. */
typedef struct group {
    const char *layer;
    char path[ANTLER_LONGEST_PATH]; /* "/layers/lstm/cell" */
    size_t base;                    /* length of the layer's part of it */
    int64_t first, n;
} group;

/* The next run of a layer whose variables end at `end`; false past the last. A layer without any has one empty run. */
static bool next_group(const antler_model *model, int64_t layer, int64_t end, group *g)
{
    char part[256], other[256];
    bool begins = g->n < 0;
    g->first += begins ? 0 : g->n;
    if (g->first == end && !begins)
        return false;
    g->n = 0;
    g->path[g->base] = 0;
    if (g->first == end)
        return true;
    part_of(&model->layer[layer], &model->variable[g->first], part, sizeof part);
    snprintf(g->path + g->base, sizeof g->path - g->base, "%s%s", *part ? "/" : "", part);
    do
        g->n++;
    while (g->first + g->n < end &&
           strcmp(part, part_of(&model->layer[layer], &model->variable[g->first + g->n], other, sizeof other)) == 0);
    return true;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static antler_status write_group(const char *path, const char *name, antler_entries *entries, antler_error *err)
{
    char vars[ANTLER_LONGEST_PATH + 16];
    snprintf(vars, sizeof vars, "%s/vars", path);
    ANTLER_TRY(antler__weights_put_group(entries, vars, err));
    strcat(vars, "@name");
    return antler__weights_put_text(entries, vars, name, err);
}

/* The groups that lead to the variables of g and are not among those of the run before (`known` bytes of the path). */
static antler_status write_parts(const group *g, size_t known, antler_entries *entries, antler_error *err)
{
    char path[ANTLER_LONGEST_PATH];
    for (size_t end = known; g->path[end];) {
        size_t name = end + 1, length = strcspn(g->path + name, "/");
        end = name + length;
        snprintf(path, sizeof path, "%.*s", (int)end, g->path);
        ANTLER_TRY(write_group(path, path + name, entries, err));
    }
    return ANTLER_OK;
}

/* Bytes that two paths share, up to where a name ends in both. */
static size_t shared(const char *a, const char *b)
{
    size_t known = 0;
    for (size_t i = 0;; i++) {
        bool ends = (!a[i] || a[i] == '/') && (!b[i] || b[i] == '/');
        known = ends ? i : known;
        if (a[i] != b[i] || !a[i])
            return known;
    }
}

static antler_status write_layer(const antler_model *model, int64_t layer, int64_t end, group *g,
                                 antler_entries *entries, antler_error *err)
{
    char before[ANTLER_LONGEST_PATH], name[ANTLER_LONGEST_PATH + 32];
    snprintf(before, sizeof before, "%s", g->path);
    ANTLER_TRY(write_group(g->path, g->layer, entries, err));
    while (next_group(model, layer, end, g)) {
        ANTLER_TRY(write_parts(g, shared(before, g->path), entries, err));
        snprintf(before, sizeof before, "%s", g->path);
        for (int64_t i = 0; i < g->n; i++) {
            const antler_tensor *value = &model->variable[g->first + i].view.value;
            snprintf(name, sizeof name, "%s/vars/%" PRId64, g->path, i);
            ANTLER_TRY(antler__weights_put(entries, name, &value->shape, value->data, err));
        }
    }
    return ANTLER_OK;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int64_t variables_in(const antler_entries *entries, const char *path)
{
    char name[ANTLER_LONGEST_PATH + 32];
    int64_t n = -1;
    do
        snprintf(name, sizeof name, "%s/vars/%" PRId64, path, ++n);
    while (antler__entries_find(entries, name));
    return n;
}

static antler_status read_layer(const antler_model *model, int64_t layer, int64_t end, group *g,
                                const antler_entries *entries, antler_real *to, antler_error *err)
{
    char name[ANTLER_LONGEST_PATH + 32];
    while (next_group(model, layer, end, g)) {
        int64_t found = variables_in(entries, g->path);
        if (found != g->n)
            return antler_error_set(err, ANTLER_SHAPE, g->path,
                                    "the file has %" PRId64 " variables, the model's layer \"%s\" has %" PRId64, found,
                                    g->layer, g->n);
        for (int64_t i = 0; i < g->n; i++) {
            const antler_model_variable_entry *variable = &model->variable[g->first + i];
            snprintf(name, sizeof name, "%s/vars/%" PRId64, g->path, i);
            ANTLER_TRY(antler__weights_take(antler__entries_find(entries, name), &variable->view.value.shape,
                                            to + variable->offset, err));
        }
    }
    return ANTLER_OK;
}

/* The layer of the file's list that a data set belongs to, and its length; NULL for what holds no weights: a group, or
   the integers of a seed. */
static const char *layer_of(const antler_entry *entry, const char *root, size_t *length)
{
    size_t before = strlen(root);
    bool weights = entry->dtype == ANTLER_FLOAT16 || entry->dtype == ANTLER_FLOAT32 || entry->dtype == ANTLER_FLOAT64;
    if (!weights || strncmp(entry->name, root, before) != 0)
        return NULL;
    *length = strcspn(entry->name + before, "/");
    return strchr(entry->name + before + *length, '@') ? NULL : entry->name + before;
}

/* Layers with weights that the file has beyond the model's: these are the weights of another model. */
static antler_status refuse_more(const antler_model *model, const layer_name *names, const antler_entries *entries,
                                 const char *root, antler_error *err)
{
    const char *last = NULL;
    size_t length, last_length = 0;
    for (int64_t e = 0; e < entries->n; e++) {
        const char *layer = layer_of(&entries->entry[e], root, &length);
        if (!layer || (last && length == last_length && strncmp(layer, last, length) == 0))
            continue;
        bool known = false;
        for (int64_t i = model->inputs; !known && i < model->layers; i++)
            known = strlen(names[i].text) == length && strncmp(names[i].text, layer, length) == 0;
        if (!known)
            return antler_error_set(err, ANTLER_SHAPE, entries->entry[e].name,
                                    "the file has weights for a layer \"%.*s\" more than the model \"%s\" of %" PRId64
                                    " layers",
                                    (int)length, layer, model->name, model->layers - model->inputs);
        last = layer;
        last_length = length;
    }
    return ANTLER_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* Writes all layers to `write`, or reads them from `read`. */
static antler_status visit(const antler_model *model, const layer_name *names, const char *root, antler_entries *write,
                           const antler_entries *read, antler_real *to, antler_error *err)
{
    for (int64_t i = model->inputs, end = 0; i < model->layers; i++) {
        const char *layer = antler__layer_keys(model->object[i])->name;
        group g = {.layer = layer, .first = end, .n = -1};
        snprintf(g.path, sizeof g.path, "%s%s", root, names[i].text);
        g.base = strlen(g.path);
        antler__weights_of_layer(model, layer, &end);
        ANTLER_TRY(write ? write_layer(model, i, end, &g, write, err) : read_layer(model, i, end, &g, read, to, err));
    }
    return ANTLER_OK;
}

antler_status antler__keras_weights_write(const antler_model *model, antler_entries *entries, antler_error *err)
{
    layer_name *names = layer_names(model);
    antler_status status = names ? write_group("", model->name, entries, err) : antler__no_memory(err);
    if (status == ANTLER_OK)
        status = visit(model, names, "/layers/", entries, NULL, NULL, err);
    antler__free(names);
    return status;
}

static bool has_prefix(const antler_entries *entries, const char *prefix)
{
    for (int64_t i = 0; i < entries->n; i++)
        if (strncmp(entries->entry[i].name, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

antler_status antler__keras_weights_read(const antler_model *model, const antler_entries *entries, antler_real *to,
                                         antler_error *err)
{
    static const char older[] = "/_layer_checkpoint_dependencies/"; /* of Keras 2.13 to 2.15 */
    const char *root = has_prefix(entries, older) ? older : "/layers/";
    layer_name *names = layer_names(model);
    antler_status status = names ? visit(model, names, root, NULL, entries, to, err) : antler__no_memory(err);
    if (status == ANTLER_OK)
        status = refuse_more(model, names, entries, root, err);
    antler__free(names);
    return status;
}
