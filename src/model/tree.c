#include "model/tree.h"

#include "config/fields.h"
#include "config/names.h"
#include "core/index.h"
#include "core/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- making ------------------------------------------------------------------------------------------------------ */

antler_tree *antler__tree_new(const char *name, bool sequential, antler_error *err)
{
    antler_tree *tree = antler__allocate_zeroed(1, sizeof *tree);
    if (tree) {
        *tree = (antler_tree){.name = antler__copy_text(name), .sequential = sequential, .trainable = true};
        if (tree->name || !name)
            return tree;
    }
    antler__free(tree);
    antler__no_memory(err);
    return NULL;
}

void antler__member_free(antler_tree_member *member)
{
    antler_object_free(member->layer);
    antler__tree_free(member->model);
    antler__json_free(member->mask_operator);
    antler__free(member->name);
    for (int64_t i = 0; i < member->calls; i++) {
        antler__free(member->call[i].in);
        antler__free(member->call[i].parent);
        antler__json_free(member->call[i].mask);
        antler_object_free(member->call[i].layer);
    }
    antler__free(member->call);
    *member = (antler_tree_member){0};
}

static void free_keys(char **keys, int64_t n)
{
    for (int64_t i = 0; keys && i < n; i++)
        antler__free(keys[i]);
    antler__free(keys);
}

void antler__kept_free(antler_kept *kept)
{
    if (!kept)
        return;
    antler__free(kept->shape);
    antler__free(kept->value);
    antler__free(kept);
}

void antler__tree_free(antler_tree *tree)
{
    if (!tree)
        return;
    for (int64_t i = 0; i < tree->members; i++)
        antler__member_free(&tree->member[i]);
    antler__free(tree->member);
    antler__free(tree->input);
    antler__free(tree->output);
    free_keys(tree->input_key, tree->inputs);
    free_keys(tree->output_key, tree->outputs);
    antler__kept_free(tree->kept);
    antler__free(tree->order);
    antler__free(tree->step);
    antler__free(tree->name);
    antler__free(tree);
}

antler_status antler__tree_add(antler_tree *tree, antler_tree_member member, antler_error *err)
{
    member.flat = -1;
    if (!antler__grow_by(&tree->member, (size_t)tree->members, 1, sizeof *tree->member)) {
        antler__member_free(&member);
        return antler__no_memory(err);
    }
    tree->member[tree->members++] = member;
    return ANTLER_OK;
}

antler_status antler__tree_source(antler_tree *tree, antler_object layer, antler_error *err)
{
    ANTLER_TRY(antler__tree_add(tree, (antler_tree_member){.layer = layer}, err));
    antler_tree_member source = tree->member[tree->members - 1];
    memmove(tree->member + 1, tree->member, (size_t)(tree->members - 1) * sizeof *tree->member);
    tree->member[0] = source;
    return ANTLER_OK;
}

antler_status antler__tree_call(antler_tree *tree, int64_t member, const antler_from *in, int inputs, antler_error *err)
{
    antler_tree_member *m = &tree->member[member];
    antler_member_call call = {.inputs = inputs, .flat = -1};
    call.in = antler__allocate((size_t)inputs, sizeof *call.in);
    if (!call.in || !antler__grow_by(&m->call, (size_t)m->calls, 1, sizeof *m->call)) {
        antler__free(call.in);
        return antler__no_memory(err);
    }
    if (inputs)
        memcpy(call.in, in, (size_t)inputs * sizeof *in);
    m->call[m->calls++] = call;
    return ANTLER_OK;
}

static antler_status append(antler_from **list, int64_t *n, antler_from from, antler_error *err)
{
    if (!antler__grow_by(list, (size_t)*n, 1, sizeof **list))
        return antler__no_memory(err);
    (*list)[(*n)++] = from;
    return ANTLER_OK;
}

antler_status antler__tree_output(antler_tree *tree, antler_from output, antler_error *err)
{
    return append(&tree->output, &tree->outputs, output, err);
}

antler_status antler__tree_input(antler_tree *tree, int64_t member, antler_error *err)
{
    return append(&tree->input, &tree->inputs, (antler_from){.member = member}, err);
}

void antler__tree_lift(antler_tree *tree)
{
    for (int64_t i = 0; i < tree->members; i++) {
        antler_tree_member *member = &tree->member[i];
        member->flat = -1;
        for (int64_t k = 0; k < member->calls; k++)
            member->call[k].flat = -1;
        if (member->model)
            antler__tree_lift(member->model);
    }
}

int antler__tree_depth(const antler_tree *tree)
{
    int depth = 0;
    for (int64_t i = 0; i < tree->members; i++) {
        int inner = tree->member[i].model ? 1 + antler__tree_depth(tree->member[i].model) : 0;
        depth = inner > depth ? inner : depth;
    }
    return depth;
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

const char *antler__member_name(const antler_tree_member *member)
{
    return member->layer.type ? antler__layer_keys(member->layer)->name
           : member->model    ? member->model->name
                              : member->name;
}

const char *antler__member_class(const antler_tree_member *member)
{
    return member->layer.type                            ? member->layer.type->class_name
           : !member->model || member->model->sequential ? "Sequential"
                                                         : "Functional";
}

const char *antler__member_python_name(const antler_tree_member *member)
{
    const bool is_layer = member->layer.type && member->layer.type->kind == ANTLER_KIND_LAYER;
    const char *name = is_layer ? ((const antler_layer_ops *)member->layer.type)->python_name : NULL;
    return name ? name : antler__member_class(member);
}

void antler__argument_name(const char *argument, char *text, size_t size)
{
    snprintf(text, size, "%.*s", (int)strcspn(argument, "="), argument);
}

int antler__argument_find(const char *const *arguments, const char *name)
{
    char text[64];
    for (int i = 0; arguments[i]; i++) {
        antler__argument_name(arguments[i], text, sizeof text);
        if (strcmp(text, name) == 0)
            return i;
    }
    return -1;
}

int antler__argument_stand_in(const char *const *arguments, int i)
{
    const char *other = strchr(arguments[i], '=');
    return other ? antler__argument_find(arguments, other + 1) : -1;
}

bool antler__is_source(antler_object layer)
{
    return layer.type && ((const antler_layer_ops *)layer.type)->flags & ANTLER_SOURCE;
}

bool antler__member_is_source(const antler_tree_member *member)
{
    return antler__is_source(member->layer);
}

struct antler_tree *antler__called_model(const antler_tree_member *member)
{
    return member->layer.type ? NULL : member->model;
}

bool antler__member_is_operator(const antler_tree_member *member)
{
    return member->mask_operator || (member->layer.type && member->layer.type->kind == ANTLER_KIND_OPERATION);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* The names of a tree's members, and for each class the number that its next member without one begins with. */
typedef struct naming {
    antler_tree *tree;
    const antler_place *place;
    antler_index names, next;
    int64_t twin; /* the first member whose name another one has; members: none */
} naming;

static antler_status gather_names(naming *n, antler_error *err)
{
    n->twin = n->tree->members;
    for (int64_t i = 0; i < n->tree->members; i++) {
        const char *name = antler__member_name(&n->tree->member[i]);
        const int64_t *other = name ? antler__index_find(&n->names, name) : NULL;
        if (other && *other < n->twin)
            n->twin = *other;
        if (name && !other && !antler__index_add(&n->names, name, i))
            return antler__no_memory(err);
    }
    return ANTLER_OK;
}

/* A name is a part of paths in weights files. */
static antler_status check_name(const naming *n, int64_t i, antler_error *err)
{
    const antler_tree_member *member = &n->tree->member[i];
    const char *name = antler__member_name(member);
    antler_place layers = antler__at(n->place, "layers"), item = antler__at_item(&layers, member->place);
    antler_place config = antler__at(&item, "config"), key = antler__at(&config, "name");
    char text[256];
    antler__place_text(&key, text, sizeof text);
    ANTLER_TRY(antler__name_check(name, "/", text, err));
    if (i == n->twin)
        return antler_error_set(err, ANTLER_NAME, text, "two layers have the name \"%s\"", name);
    return ANTLER_OK;
}

antler_status antler__member_rename(antler_tree_member *member, const char *name)
{
    char *copy = antler__copy_text(name);
    if (!copy)
        return ANTLER_MEMORY;
    if (member->layer.type) {
        const char **own = &antler__layer_keys(member->layer)->name;
        antler__free((void *)(uintptr_t)*own);
        *own = copy;
    } else {
        char **own = member->model ? &member->model->name : &member->name;
        antler__free(*own);
        *own = copy;
    }
    return ANTLER_OK;
}

static antler_status give_name(naming *n, int64_t i, antler_error *err)
{
    antler_tree_member *member = &n->tree->member[i];
    const char *class_name = antler__member_python_name(member);
    char base[128], name[160];
    int64_t *next = antler__index_count(&n->next, class_name);
    if (!next)
        return antler__no_memory(err);
    antler__snake_case(class_name, base, sizeof base);
    do {
        int length = snprintf(name, sizeof name, "%s", base);
        if (*next > 0)
            snprintf(name + length, sizeof name - (size_t)length, "_%" PRId64, *next);
        ++*next;
    } while (antler__index_find(&n->names, name));
    if (antler__member_rename(member, name) != ANTLER_OK ||
        !antler__index_add(&n->names, antler__member_name(member), i))
        return antler__no_memory(err);
    return ANTLER_OK;
}

/* The names of a tree's own members. */
static antler_status name_members(antler_tree *tree, const antler_place *place, antler_error *err)
{
    naming n = {.tree = tree, .place = place};
    antler_status status = gather_names(&n, err);
    for (int64_t i = 0; status == ANTLER_OK && i < tree->members; i++)
        status = antler__member_name(&tree->member[i]) ? check_name(&n, i, err) : give_name(&n, i, err);
    antler__index_free(&n.names);
    antler__index_free(&n.next);
    return status;
}

antler_status antler__tree_name(antler_tree *tree, const antler_place *place, antler_error *err)
{
    ANTLER_TRY(name_members(tree, place, err));
    for (int64_t i = 0; i < tree->members; i++) {
        antler_tree_member *member = &tree->member[i];
        if (!member->model)
            continue;
        antler_place layers = antler__at(place, "layers"), item = antler__at_item(&layers, member->place);
        antler_place config = antler__at(&item, "config");
        if (!member->model->name && !(member->model->name = antler__copy_text("model")))
            return antler__no_memory(err);
        ANTLER_TRY(antler__tree_name(member->model, &config, err));
    }
    return ANTLER_OK;
}
