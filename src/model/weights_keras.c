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

/* What is written, or read. */
typedef struct transfer {
    const antler_model *model;
    antler_entries *write;
    const antler_entries *read;
    bool *used; /* [read->n] */
    antler_real *to;
} transfer;

/* Keras counts the layers of a class; those that give the input only in a Functional, operators nowhere. */
static bool is_counted(const antler_tree *tree, const antler_tree_member *member)
{
    return !antler__member_is_operator(member) && !(tree->sequential && antler__member_is_source(member));
}

/* The group of the i-th member in order: "dense_1". */
static void group_name(const antler_tree *tree, int64_t i, char *text, size_t size)
{
    const char *class_name = antler__member_python_name(&tree->member[tree->order[i]]);
    int64_t before = 0;
    for (int64_t j = 0; j < i; j++) {
        const antler_tree_member *other = &tree->member[tree->order[j]];
        before += is_counted(tree, other) && strcmp(antler__member_python_name(other), class_name) == 0;
    }
    antler__snake_case(class_name, text, size - 32);
    if (before)
        snprintf(text + strlen(text), 32, "_%" PRId64, before);
}

/* ---- the variables that the groups of a layer hold
 * ------------------------------------------------------------------- */

/* A variable that a layer's groups hold, and the path of its group inside of the layer's own: "", "cell",
   "forward_layer/cell". */
typedef struct held {
    int64_t variable; /* in model->variable */
    char part[256];
} held;

/* How many variables a layer's groups hold: one that it shares with a child counts twice. */
static int64_t count_held(const antler_layer *layer)
{
    int64_t n = layer->params + layer->states;
    for (int i = 0; i < layer->children; i++)
        n += count_held(&layer->child[i]);
    return n;
}

static void append(char *part, size_t size, const char *name)
{
    size_t length = strlen(part);
    snprintf(part + length, size - length, "%s%s", length ? "/" : "", name);
}

/* The i-th of them: the layer's own, then those of its children. h->part is that of the layer. */
static void find_held(const antler_model *model, const antler_layer *layer, int64_t i, held *h)
{
    int own = layer->params + layer->states;
    if (i < own) {
        h->variable = antler__variable_at(layer, (int)i);
        const char *group = model->variable[h->variable].group;
        if (group)
            append(h->part, sizeof h->part, group);
        return;
    }
    i -= own;
    const antler_layer *child = layer->child;
    for (int64_t n; i >= (n = count_held(child)); child++)
        i -= n;
    append(h->part, sizeof h->part, child->name);
    find_held(model, child, i, h);
}

static held held_at(const antler_model *model, int64_t layer, int64_t i)
{
    held h = {.part = ""};
    find_held(model, &model->layer[layer], i, &h);
    return h;
}

/* A run of held variables that share a group: the layer's name, the group, and how many there are from `first` on. */
typedef struct group {
    const char *layer;
    char path[ANTLER_LONGEST_PATH]; /* "/layers/lstm/cell" */
    size_t base;                    /* length of the layer's part of it */
    int64_t first, n;
} group;

/* The next run of a layer that holds `end`; false past the last. A layer without any has one empty run. */
static bool next_group(const antler_model *model, int64_t layer, int64_t end, group *g)
{
    bool begins = g->n < 0;
    g->first += begins ? 0 : g->n;
    if (g->first == end && !begins)
        return false;
    g->n = 0;
    g->path[g->base] = 0;
    if (g->first == end)
        return true;
    const held first = held_at(model, layer, g->first);
    snprintf(g->path + g->base, sizeof g->path - g->base, "%s%s", *first.part ? "/" : "", first.part);
    do
        g->n++;
    while (g->first + g->n < end && strcmp(first.part, held_at(model, layer, g->first + g->n).part) == 0);
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

static antler_status write_layer(const transfer *t, int64_t layer, int64_t end, group *g, antler_error *err)
{
    const antler_model *model = t->model;
    antler_entries *entries = t->write;
    char before[ANTLER_LONGEST_PATH], name[ANTLER_LONGEST_PATH + 32];
    snprintf(before, sizeof before, "%s", g->path);
    ANTLER_TRY(write_group(g->path, g->layer, entries, err));
    while (next_group(model, layer, end, g)) {
        ANTLER_TRY(write_parts(g, shared(before, g->path), entries, err));
        snprintf(before, sizeof before, "%s", g->path);
        for (int64_t i = 0; i < g->n; i++) {
            const antler_tensor *value = &model->variable[held_at(model, layer, g->first + i).variable].view.value;
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

/* How many variables the file has for g. A part that is an attribute of the public in one version of Keras may be a
   private one in another, "_query_dense": g's path is then that of the file. */
static int64_t find_variables(const antler_entries *entries, group *g)
{
    char path[ANTLER_LONGEST_PATH];
    int64_t found = variables_in(entries, g->path);
    if (found > 0 || !g->path[g->base])
        return found;
    int before = (int)(strrchr(g->path, '/') - g->path) + 1;
    bool is_private = g->path[before] == '_';
    snprintf(path, sizeof path, "%.*s%s%s", before, g->path, is_private ? "" : "_", g->path + before + is_private);
    int64_t other = variables_in(entries, path);
    if (other > 0)
        memcpy(g->path, path, sizeof path);
    return other > 0 ? other : found;
}

static antler_status read_layer(const transfer *t, int64_t layer, int64_t end, group *g, antler_error *err)
{
    const antler_model *model = t->model;
    const antler_entries *entries = t->read;
    char name[ANTLER_LONGEST_PATH + 32];
    while (next_group(model, layer, end, g)) {
        int64_t found = find_variables(entries, g);
        if (found != g->n)
            return antler_error_set(err, ANTLER_SHAPE, g->path,
                                    "the file has %" PRId64 " variables, the model's layer \"%s\" has %" PRId64, found,
                                    g->layer, g->n);
        for (int64_t i = 0; i < g->n; i++) {
            const antler_model_variable_entry *variable =
                &model->variable[held_at(model, layer, g->first + i).variable];
            snprintf(name, sizeof name, "%s/vars/%" PRId64, g->path, i);
            const antler_entry *entry = antler__entries_find(entries, name);
            t->used[entry - entries->entry] = true;
            ANTLER_TRY(antler__weights_take(entry, &variable->view.value.shape, t->to + variable->offset, err));
        }
    }
    return ANTLER_OK;
}

static bool holds_weights(const antler_entry *entry)
{
    return (entry->dtype == ANTLER_FLOAT16 || entry->dtype == ANTLER_FLOAT32 || entry->dtype == ANTLER_FLOAT64) &&
           !strchr(entry->name, '@');
}

/* Weights that the file has beyond the model's: it is of another model. Integers are the seeds of noise. */
static antler_status refuse_more(const transfer *t, const char *root, antler_error *err)
{
    for (int64_t e = 0; e < t->read->n; e++) {
        const antler_entry *entry = &t->read->entry[e];
        if (t->used[e] || strncmp(entry->name, root, strlen(root)) != 0 || !holds_weights(entry))
            continue;
        const char *layer = entry->name + strlen(root), *end = strstr(layer, "/vars/");
        return antler_error_set(err, ANTLER_SHAPE, entry->name,
                                "the file has weights for a layer \"%.*s\" more than the model \"%s\" of %" PRId64
                                " layers",
                                (int)(end ? end - layer : (int)strlen(layer)), layer, t->model->tree->name,
                                t->model->layers - t->model->inputs);
    }
    return ANTLER_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* A layer, in the group `path`. */
static antler_status visit_layer(const transfer *t, const antler_tree_member *member, const char *path,
                                 antler_error *err)
{
    group g = {.layer = antler__member_name(member), .n = -1};
    snprintf(g.path, sizeof g.path, "%s", path);
    g.base = strlen(g.path);
    if (member->flat < 0) /* the input of a model in a model */
        return t->write ? write_group(g.path, g.layer, t->write, err) : ANTLER_OK;
    const antler_layer *layer = &t->model->layer[member->flat];
    int64_t end = count_held(layer);
    return t->write ? write_layer(t, member->flat, end, &g, err) : read_layer(t, member->flat, end, &g, err);
}

/* All members of a tree, whose groups lie in `root` ("/layers/"). */
static antler_status visit(const transfer *t, const antler_tree *tree, const char *root, antler_error *err)
{
    for (int64_t i = 0; i < tree->ordered; i++) {
        const antler_tree_member *member = &tree->member[tree->order[i]];
        char name[160], path[ANTLER_LONGEST_PATH];
        if (!is_counted(tree, member))
            continue;
        group_name(tree, i, name, sizeof name);
        if (strlen(root) + strlen(name) + sizeof "/layer/layers/" > sizeof path)
            return antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "a path of more than %d bytes in a weights file",
                                    ANTLER_LONGEST_PATH);
        snprintf(path, sizeof path, "%s%s", root, name);
        if (!member->model) {
            ANTLER_TRY(visit_layer(t, member, path, err));
            continue;
        }
        if (member->layer.type) { /* a model on steps */
            if (t->write)
                ANTLER_TRY(write_group(path, antler__member_name(member), t->write, err));
            strcat(path, "/layer");
        }
        if (t->write)
            ANTLER_TRY(write_group(path, member->model->name, t->write, err));
        strcat(path, "/layers/");
        ANTLER_TRY(visit(t, member->model, path, err));
    }
    return ANTLER_OK;
}

antler_status antler__keras_weights_write(const antler_model *model, antler_entries *entries, antler_error *err)
{
    const transfer t = {.model = model, .write = entries};
    ANTLER_TRY(write_group("", model->tree->name, entries, err));
    return visit(&t, model->tree, "/layers/", err);
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
    transfer t = {.model = model, .read = entries, .to = to};
    t.used = antler__allocate_zeroed((size_t)entries->n, sizeof *t.used);
    antler_status status = t.used ? visit(&t, model->tree, root, err) : antler__no_memory(err);
    if (status == ANTLER_OK)
        status = refuse_more(&t, root, err);
    antler__free(t.used);
    return status;
}
