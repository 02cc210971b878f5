/* Weights that a model had before it was taken apart, to become a part of another or to be laid out anew. */
#include "model/kept.h"

#include "core/memory.h"

#include <string.h>

static bool copy(const antler_model *model, antler_kept *kept)
{
    int64_t n = model->variables, size = 0;
    for (int64_t i = 0; i < n; i++)
        size += model->variable[i].length; /* no more than its parameters */
    kept->shape = antler__allocate((size_t)n, sizeof *kept->shape);
    kept->value = antler__allocate((size_t)size, sizeof *kept->value);
    antler_real *to = kept->value;
    for (; kept->shape && to && kept->n < n; kept->n++) {
        const antler_model_variable_entry *variable = &model->variable[kept->n];
        kept->shape[kept->n] = variable->view.value.shape;
        memcpy(to, variable->view.value.data, (size_t)variable->length * sizeof *to);
        to += variable->length;
    }
    return kept->shape && kept->value;
}

antler_status antler__kept_take(const antler_model *model, antler_error *err)
{
    if (!model->initialized)
        return ANTLER_OK;
    antler_kept *kept = antler__allocate_zeroed(1, sizeof *kept);
    if (!kept || !copy(model, kept)) {
        antler__kept_free(kept);
        return antler__no_memory(err);
    }
    antler__kept_free(model->tree->kept);
    model->tree->kept = kept;
    return ANTLER_OK;
}

/* The first of a tree's layers in the model; -1: it has none. */
static int64_t first_layer(const antler_tree *tree)
{
    for (int64_t i = 0; i < tree->ordered; i++) {
        const antler_tree_member *member = &tree->member[tree->order[i]];
        int64_t flat = member->flat >= 0 || !member->model ? member->flat : first_layer(member->model);
        if (flat >= 0)
            return flat;
    }
    return -1;
}

static antler_status put(const antler_model *model, const antler_tree *tree, antler_error *err)
{
    const antler_kept *kept = tree->kept;
    const antler_real *from = kept->value;
    int64_t layer = first_layer(tree), first = layer < 0 ? 0 : model->layer[layer].variable;
    for (int64_t i = 0; i < kept->n; i++) {
        const antler_variable *variable = &model->variable[first + i].view;
        char is[128], was[128];
        if (!antler_shape_equal(&variable->value.shape, &kept->shape[i]))
            return antler_error_set(err, ANTLER_SHAPE, NULL, "%s of %s has shape %s, but the weights of \"%s\" have %s",
                                    variable->name, variable->layer,
                                    antler_shape_text(&variable->value.shape, is, sizeof is), tree->name,
                                    antler_shape_text(&kept->shape[i], was, sizeof was));
        int64_t n = antler_count(&kept->shape[i], 0);
        memcpy(variable->value.data, from, (size_t)n * sizeof *from);
        from += n;
    }
    return ANTLER_OK;
}

static antler_status put_all(const antler_model *model, antler_tree *tree, antler_error *err)
{
    if (tree->kept) { /* all of it: what its parts had is older */
        ANTLER_TRY(put(model, tree, err));
        antler__kept_free(tree->kept);
        tree->kept = NULL;
        return ANTLER_OK;
    }
    for (int64_t i = 0; i < tree->members; i++)
        if (tree->member[i].model)
            ANTLER_TRY(put_all(model, tree->member[i].model, err));
    return ANTLER_OK;
}

antler_status antler__kept_put(antler_model *model, antler_error *err)
{
    return put_all(model, model->tree, err);
}
