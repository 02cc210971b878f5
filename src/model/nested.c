/* Models that become parts of others, with the weights that they have. */
#include "core/memory.h"
#include "model/functional.h"
#include "model/kept.h"
#include "model/structure.h"

#include <stdio.h>
#include <string.h>

/* Copies the weights to the tree, and takes the model apart. */
static antler_status take_apart(antler_model *model, antler_error *err)
{
    ANTLER_TRY(antler__kept_take(model, err));
    antler__structure_free(model);
    return ANTLER_OK;
}

/* ---- a part ------------------------------------------------------------------------------------------------------ */

static bool is_within(const antler_model *model, const antler_model *inner)
{
    for (; model; model = model->whole)
        if (model == inner)
            return true;
    return false;
}

/* Whatever comes of it, the model frees the part. */
static void own(antler_model *model, antler_model *inner)
{
    inner->whole = model;
    inner->next_part = model->parts;
    model->parts = inner;
}

/* The error of a part, at its place in the whole. */
static antler_status hand_on(const antler_model *model, const antler_model *inner, antler_error *err)
{
    const antler_error *error = antler_model_error(inner);
    char place[sizeof error->place];
    snprintf(place, sizeof place, "config.layers[%lld]%s%.200s", (long long)model->tree->members,
             *error->place ? "." : "", error->place);
    antler_error_set(err, error->status, place, "%s", error->message);
    memcpy(err->file, error->file, sizeof err->file);
    return err->status;
}

static antler_status check_part(const antler_model *model, const antler_model *inner, antler_error *err)
{
    if (antler__model_status(inner) != ANTLER_OK)
        return hand_on(model, inner, err);
    if (1 + antler__tree_depth(inner->tree) > ANTLER_DEEPEST)
        return antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "models in models more than %d deep", ANTLER_DEEPEST);
    return ANTLER_OK;
}

/* The tree of a part, which nobody owns then. */
static antler_status take_tree(antler_model *model, antler_model *inner, antler_tree_member *member, antler_error *err)
{
    ANTLER_TRY(check_part(model, inner, err));
    ANTLER_TRY(take_apart(inner, err));
    antler_tree *tree = inner->tree;
    if (strcmp(tree->name, tree->sequential ? "sequential" : "functional") == 0) { /* nobody's choice */
        antler__free(tree->name);
        tree->name = NULL;
    }
    *member = (antler_tree_member){.model = tree};
    antler_error part = {0};
    antler_error_set(&part, ANTLER_VALUE, NULL, "the model is a part of \"%s\", which alone can call it",
                     antler_model_name(model));
    antler__model_fail(inner, &part);
    inner->part = model->tree->members;
    return ANTLER_OK;
}

/* Makes the inner model a member, on the last value where `value` is NULL. */
static antler_status add_part(antler_model *model, antler_model *inner, const antler_value *in, int inputs,
                              antler_value *value, antler_error *err)
{
    antler_tree_member member;
    antler_status status = take_tree(model, inner, &member, err);
    if (status == ANTLER_OK) {
        status =
            value ? antler__model_call(model, member, in, inputs, value, err) : antler__model_add(model, member, err);
        if (model->tree->members == inner->part) /* it was refused, and is no more */
            inner->tree = NULL;
    }
    return status;
}

static antler_status call(antler_model *model, antler_model *inner, const antler_value *in, int inputs,
                          antler_value *value, antler_error *err)
{
    if (!inner)
        return antler__no_memory(err);
    if (is_within(model, inner))
        return antler_error_set(err, ANTLER_VALUE, NULL, "a model can not be a part of itself");
    if (inner->whole && inner->whole != model)
        return antler_error_set(err, ANTLER_VALUE, NULL, "\"%s\" is a part of another model", antler_model_name(inner));
    if (inner->whole)
        return antler_error_set(err, ANTLER_VALUE, NULL, "\"%s\" is a layer of the model already",
                                antler_model_name(inner));
    own(model, inner);
    return add_part(model, inner, in, inputs, value, err);
}

antler_value antler_call_model_list(antler_model *model, antler_model *inner, const antler_value *in, int inputs)
{
    antler_error error = {0};
    antler_value value = {0};
    bool again = model && inner && inner->whole == model && inner->part >= 0;
    antler_status status = antler__model_status(model);
    if (status != ANTLER_OK) {
        if (model && inner && !inner->whole && !is_within(model, inner))
            own(model, inner);
        return value;
    }
    status = again ? antler__model_call_again(model, inner->part, in, inputs, &value, &error)
                   : call(model, inner, in, inputs, &value, &error);
    if (status == ANTLER_OK)
        return value;
    antler__model_fail(model, &error);
    return (antler_value){0};
}

antler_status antler_add_model(antler_model *model, antler_model *inner)
{
    antler_error error = {0};
    antler_status status = antler__model_status(model);
    if (status != ANTLER_OK) {
        if (model && inner && !inner->whole && !is_within(model, inner))
            own(model, inner);
        return status;
    }
    status = call(model, inner, NULL, 0, NULL, &error);
    return status == ANTLER_OK ? ANTLER_OK : antler__model_fail(model, &error);
}

antler_status antler_set_trainable(antler_model *model, bool trainable)
{
    ANTLER_TRY(antler__model_status(model));
    antler_error error = {0};
    if (model->tree->trainable == trainable)
        return ANTLER_OK;
    if (take_apart(model, &error) != ANTLER_OK)
        return antler__model_fail(model, &error);
    model->tree->trainable = trainable;
    return ANTLER_OK;
}
