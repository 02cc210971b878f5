/* Keras's .weights.h5, which is also inside of .keras: a group for each layer by its class, numbered in the order of
   the layers ("/layers/dense_1"); in it the layer's variables by number ("vars/0"), those of its parts in groups of
   their own ("forward_layer/cell/vars/0"). */
#include "model/weights_keras.h"

#include "config/names.h"
#include "core/index.h"
#include "core/memory.h"
#include "model/weights_entries.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char newer[] = "/layers/", older[] = "/_layer_checkpoint_dependencies/"; /* of Keras 2.13 to 2.15 */

/* What is written, or read. */
typedef struct transfer {
    const antler_model *model;
    antler_entries *write;
    const antler_source *read;
    bool older;       /* the file is of Keras 2.13 to 2.15 */
    bool backslashes; /* join the groups of the file, up to "vars": Keras 2.13 to 2.15 on Windows */
} transfer;

/* Keras counts the layers of a class; those that give the input only in a Functional, operators nowhere. */
static bool is_counted(const antler_tree *tree, const antler_tree_member *member)
{
    return !antler__member_is_operator(member) && !(tree->sequential && antler__member_is_source(member));
}

enum { LONGEST_NAME = ANTLER_LONGEST_PATH + 32 };

/* The path of a group as the file has it; returns its length. */
static size_t path_in_file(const transfer *t, const char *path, char name[LONGEST_NAME])
{
    snprintf(name, LONGEST_NAME, "%s", path);
    for (char *c = name + 1; t->backslashes && *c; c++)
        *c = *c == '/' ? '\\' : *c;
    return strlen(name);
}

/* By what the number of a class grows from layer to layer: Keras 2.13 counted each twice (dense, dense_2, dense_4), and
   gave each its group. */
static int64_t step_of(const transfer *t, const char *root, const char *class_group)
{
    char path[LONGEST_NAME], name[LONGEST_NAME];
    bool there[2] = {false};
    for (int i = 0; t->read && t->older && i < 2; i++) {
        snprintf(path, sizeof path, "%s%s_%d", root, class_group, i + 1);
        size_t length = path_in_file(t, path, name);
        snprintf(name + length, sizeof name - length, "/vars");
        there[i] = antler__entries_find(t->read->entries, name);
    }
    return !there[0] && there[1] ? 2 : 1;
}

/* The group of a member in `root`, "dense_1": `counts` has how many of each class came before it. False without
   memory. */
static bool group_name(const transfer *t, antler_index *counts, const char *root, const antler_tree_member *member,
                       char *text, size_t size)
{
    const char *class_name = antler__member_python_name(member);
    int64_t *before = antler__index_count(counts, class_name);
    if (!before)
        return false;
    antler__snake_case(class_name, text, size - 32);
    if (*before)
        snprintf(text + strlen(text), 32, "_%" PRId64, *before * step_of(t, root, text));
    ++*before;
    return true;
}

/* ---- what the groups of a layer hold ----------------------------------------------------------------------------- */

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

/* The i-th variable of a group in the file; NULL: it has none. */
static const antler_entry *find_variable(const transfer *t, const char *path, int64_t i)
{
    char name[LONGEST_NAME];
    size_t length = path_in_file(t, path, name);
    snprintf(name + length, sizeof name - length, "/vars/%" PRId64, i);
    return antler__entries_find(t->read->entries, name);
}

static int64_t variables_in(const transfer *t, const char *path)
{
    int64_t n = 0;
    while (find_variable(t, path, n))
        n++;
    return n;
}

/* How many variables the file has for g. A part that is an attribute of the public in one version of Keras may be a
   private one in another, "_query_dense": g's path is then that of the file. */
static int64_t find_variables(const transfer *t, group *g)
{
    char path[ANTLER_LONGEST_PATH];
    int64_t found = variables_in(t, g->path);
    if (found > 0 || !g->path[g->base])
        return found;
    int before = (int)(strrchr(g->path, '/') - g->path) + 1;
    bool is_private = g->path[before] == '_';
    snprintf(path, sizeof path, "%.*s%s%s", before, g->path, is_private ? "" : "_", g->path + before + is_private);
    int64_t other = variables_in(t, path);
    if (other > 0)
        memcpy(g->path, path, sizeof path);
    return other > 0 ? other : found;
}

static antler_status read_layer(const transfer *t, int64_t layer, int64_t end, group *g, antler_error *err)
{
    const antler_model *model = t->model;
    while (next_group(model, layer, end, g)) {
        int64_t found = find_variables(t, g);
        if (found != g->n)
            return antler_error_set(err, ANTLER_SHAPE, g->path,
                                    "the file has %" PRId64 " variables, the model's layer \"%s\" has %" PRId64, found,
                                    g->layer, g->n);
        for (int64_t i = 0; i < g->n; i++) {
            const antler_entry *entry = find_variable(t, g->path, i);
            const int64_t variable = held_at(model, layer, g->first + i).variable;
            ANTLER_TRY(antler__source_take(t->read, entry, &model->variable[variable], err));
        }
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

static antler_status visit(const transfer *t, const antler_tree *tree, const char *root, antler_error *err);

static antler_status visit_member(const transfer *t, const antler_tree_member *member, const char *root,
                                  const char *name, antler_error *err)
{
    char path[ANTLER_LONGEST_PATH];
    if (strlen(root) + strlen(name) + sizeof "/layer/layers/" > sizeof path)
        return antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "a path of more than %d bytes in a weights file",
                                ANTLER_LONGEST_PATH);
    snprintf(path, sizeof path, "%s%s", root, name);
    if (!member->model)
        return visit_layer(t, member, path, err);
    if (member->layer.type) { /* a model on steps */
        if (t->write)
            ANTLER_TRY(write_group(path, antler__member_name(member), t->write, err));
        strcat(path, "/layer");
    }
    if (t->write)
        ANTLER_TRY(write_group(path, member->model->name, t->write, err));
    strcat(path, "/layers/");
    return visit(t, member->model, path, err);
}

/* All members of a tree, whose groups lie in `root` ("/layers/"). */
static antler_status visit(const transfer *t, const antler_tree *tree, const char *root, antler_error *err)
{
    antler_index counts = {0};
    antler_status status = ANTLER_OK;
    for (int64_t i = 0; status == ANTLER_OK && i < tree->ordered; i++) {
        const antler_tree_member *member = &tree->member[tree->order[i]];
        char name[160];
        if (!is_counted(tree, member))
            continue;
        status = group_name(t, &counts, root, member, name, sizeof name) ? visit_member(t, member, root, name, err)
                                                                         : antler__no_memory(err);
    }
    antler__index_free(&counts);
    return status;
}

antler_status antler__keras_weights_write(const antler_model *model, antler_entries *entries, antler_error *err)
{
    const transfer t = {.model = model, .write = entries};
    ANTLER_TRY(write_group("", model->tree->name, entries, err));
    return visit(&t, model->tree, newer, err);
}

static bool has_prefix(const antler_entries *entries, const char *prefix)
{
    for (int64_t i = 0; i < entries->n; i++)
        if (strncmp(entries->entry[i].name, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

static bool is_older(const antler_entries *entries)
{
    return has_prefix(entries, "/_layer_checkpoint_dependencies");
}

bool antler__is_keras_weights(const antler_entries *entries)
{
    return has_prefix(entries, "/layers/") || has_prefix(entries, "/layers\\") || is_older(entries);
}

antler_status antler__keras_weights_read(const antler_model *model, const antler_source *source, antler_error *err)
{
    const antler_entries *entries = source->entries;
    const transfer t = {.model = model,
                        .read = source,
                        .older = is_older(entries),
                        .backslashes = has_prefix(entries, "/_layer_checkpoint_dependencies\\") ||
                                       has_prefix(entries, "/layers\\")};
    if (source->by_name)
        return antler_error_set(err, ANTLER_UNSUPPORTED, NULL,
                                "the layers in it are numbered by class, not named: expected a legacy .h5");
    return visit(&t, model->tree, t.older ? older : newer, err);
}
