/* A Functional made call by call. A value is a place in the model's tree, so a program may keep it, copy it, and use it
   as often as it likes. */
#include "model/functional.h"

#include "core/memory.h"
#include "model/members.h"

#include <stdio.h>

/* ---- values ------------------------------------------------------------------------------------------------------ */

static antler_value value_of(const antler_model *model, antler_from from)
{
    return (antler_value){model, from.member, from.call, from.output};
}

/* How many outputs a member's call may have; what a layer has shows when the model is built. */
static int64_t most_outputs(const antler_tree_member *member)
{
    if (member->model && !member->layer.type)
        return member->model->sequential ? 1 : member->model->outputs;
    return antler__member_is_source(member) ? 1 : ANTLER_MAX_OUTPUTS;
}

/* Value `number` of a list. */
static antler_status find(const antler_model *model, antler_value value, int number, antler_from *from,
                          antler_error *err)
{
    const antler_tree *tree = model->tree;
    char place[64];
    snprintf(place, sizeof place, "config.layers[%lld]", (long long)tree->members);
    if (!value.model)
        return antler_error_set(err, ANTLER_VALUE, place, "value %d is none", number);
    if (value.model != model)
        return antler_error_set(err, ANTLER_VALUE, place, "value %d is of another model", number);
    if (value.layer < 0 || value.layer >= tree->members || value.call < 0 ||
        value.call >= tree->member[value.layer].calls)
        return antler_error_set(err, ANTLER_VALUE, place, "value %d comes from no call of the model", number);
    const antler_tree_member *member = &tree->member[value.layer];
    if (value.output < 0 || value.output >= most_outputs(member))
        return antler_error_set(err, ANTLER_VALUE, place, "value %d is output %d of a call that has %lld at most",
                                number, value.output, (long long)most_outputs(member));
    *from = (antler_from){value.layer, value.call, value.output};
    return ANTLER_OK;
}

/* The values of a list, for antler__free. */
static antler_status find_all(const antler_model *model, const antler_value *value, int n, antler_from **from,
                              antler_error *err)
{
    *from = NULL;
    if (n < 0 || n > ANTLER_MANY)
        return antler_error_set(err, ANTLER_VALUE, NULL, "%d values: expected up to %d", n, ANTLER_MANY);
    if (n > 0)
        ANTLER_TRY(antler__require(value, "list of values", err));
    antler_from *list = antler__allocate((size_t)n, sizeof *list);
    antler_status status = list ? ANTLER_OK : antler__no_memory(err);
    for (int i = 0; status == ANTLER_OK && i < n; i++)
        status = find(model, value[i], i + 1, &list[i], err);
    if (status == ANTLER_OK)
        *from = list;
    else
        antler__free(list);
    return status;
}

antler_value antler_output(antler_value of, int index)
{
    of.output = index;
    return of.model ? of : (antler_value){0};
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* Only a graph is made so, and only before it is built. */
static antler_status check_open(const antler_model *model, antler_error *err)
{
    if (model->tree->sequential)
        return antler_error_set(err, ANTLER_VALUE, NULL,
                                "the model is a Sequential, whose layers follow one another: antler_add; "
                                "antler_functional makes graphs");
    if (model->built)
        return antler_error_set(err, ANTLER_VALUE, NULL, "the model is built: no call can be added");
    return ANTLER_OK;
}

/* The last call is what antler_add goes on from, and the output until antler_outputs says another; an input that comes
   after a layer leaves the output what it is. */
static antler_status take_last(antler_model *model, antler_from last, bool source, antler_error *err)
{
    antler_tree *tree = model->tree;
    model->last = last;
    if (model->outputs_given || (source && tree->outputs > 0))
        return ANTLER_OK;
    if (tree->outputs == 0)
        return antler__tree_output(tree, last, err);
    tree->output[0] = last;
    return ANTLER_OK;
}

static antler_status add_call(antler_model *model, int64_t index, const antler_from *in, int inputs,
                              antler_value *value, antler_error *err)
{
    const antler_tree_member *member = &model->tree->member[index];
    bool source = antler__member_is_source(member);
    char place[64];
    snprintf(place, sizeof place, "config.layers[%lld]", (long long)index);
    if (source != (inputs == 0))
        return antler_error_set(
            err, ANTLER_VALUE, place, "%s %s",
            source ? "an input takes no values:" : "a layer is called on values:", antler__member_class(member));
    ANTLER_TRY(antler__tree_call(model->tree, index, in, inputs, err));
    if (source)
        ANTLER_TRY(antler__tree_input(model->tree, index, err));
    const antler_from made = {index, member->calls - 1, 0};
    ANTLER_TRY(take_last(model, made, source, err));
    *value = value_of(model, made);
    return ANTLER_OK;
}

antler_status antler__model_call(antler_model *model, antler_tree_member member, const antler_value *in, int inputs,
                                 antler_value *value, antler_error *err)
{
    antler_from *from = NULL;
    antler_status status = check_open(model, err);
    if (status == ANTLER_OK)
        status = find_all(model, in, inputs, &from, err);
    if (status == ANTLER_OK)
        status = antler__model_append(model, member, err);
    else
        antler__member_free(&member);
    if (status == ANTLER_OK)
        status = add_call(model, model->tree->members - 1, from, inputs, value, err);
    antler__free(from);
    return status;
}

antler_status antler__model_call_again(antler_model *model, int64_t member, const antler_value *in, int inputs,
                                       antler_value *value, antler_error *err)
{
    antler_from *from;
    char place[64];
    ANTLER_TRY(check_open(model, err));
    snprintf(place, sizeof place, "config.layers[%lld]", (long long)member);
    if (antler__member_is_source(&model->tree->member[member]))
        return antler_error_set(err, ANTLER_VALUE, place, "an input is no layer that could be called");
    ANTLER_TRY(find_all(model, in, inputs, &from, err));
    antler_status status = add_call(model, member, from, inputs, value, err);
    antler__free(from);
    return status;
}

antler_status antler__model_add(antler_model *model, antler_tree_member member, antler_error *err)
{
    if (model->tree->sequential)
        return antler__model_append(model, member, err);
    const antler_value last = value_of(model, model->last);
    bool source = antler__member_is_source(&member);
    antler_value value;
    if (model->last.member >= 0 || source)
        return antler__model_call(model, member, &last, source ? 0 : 1, &value, err);
    antler__member_free(&member);
    return antler_error_set(err, ANTLER_VALUE, "config.layers[0]", "a Functional begins with an input: antler_input");
}

/* ---- what programs call ------------------------------------------------------------------------------------------ */

antler_model *antler_functional(const char *name, antler_error *err)
{
    antler_model *model = antler__model_new(name, false, err);
    antler_error error = {0};
    if (model && antler__name_check(model->tree->name, "/", "config.name", &error) != ANTLER_OK) {
        antler__model_fail(model, &error);
        antler__error_copy(err, &error);
    }
    return model;
}

/* The value, or none where the model fails. */
static antler_value settle(antler_model *model, antler_status status, antler_value value, const antler_error *error)
{
    if (status == ANTLER_OK)
        return value;
    antler__model_fail(model, error);
    return (antler_value){0};
}

antler_value antler_call_given(antler_model *model, const antler_layer_ops *ops, const antler_value *in, int inputs,
                               const void *settings, size_t size, const char *given)
{
    antler_error error = {0};
    antler_tree_member member = {0};
    antler_value value = {0};
    if (antler__model_status(model) != ANTLER_OK)
        return value;
    antler_status status =
        antler__layer_given(model, ops, &(antler_given){settings, size, given}, &member.layer, &error);
    if (status == ANTLER_OK)
        status = antler__model_call(model, member, in, inputs, &value, &error);
    return settle(model, status, value, &error);
}

antler_value antler_call_json_list(antler_model *model, const char *json, const antler_value *in, int inputs)
{
    antler_error error = {0};
    antler_tree_member member;
    antler_value value = {0};
    if (antler__model_status(model) != ANTLER_OK)
        return value;
    antler_status status = antler__member_json(model, json, &member, &error);
    if (status == ANTLER_OK)
        status = antler__model_call(model, member, in, inputs, &value, &error);
    return settle(model, status, value, &error);
}

antler_value antler_again_list(antler_model *model, antler_value made, const antler_value *in, int inputs)
{
    antler_error error = {0};
    antler_from from = {0};
    antler_value value = {0};
    if (antler__model_status(model) != ANTLER_OK)
        return value;
    antler_status status = find(model, made, 0, &from, &error);
    if (status == ANTLER_OK)
        status = antler__model_call_again(model, from.member, in, inputs, &value, &error);
    return settle(model, status, value, &error);
}

antler_status antler_outputs_list(antler_model *model, const antler_value *value, int values)
{
    ANTLER_TRY(antler__model_status(model));
    antler_error error = {0};
    antler_from *from = NULL;
    antler_status status = check_open(model, &error);
    if (status == ANTLER_OK && values == 0)
        status = antler_error_set(&error, ANTLER_VALUE, "config.output_layers", "no value");
    if (status == ANTLER_OK)
        status = find_all(model, value, values, &from, &error);
    if (status != ANTLER_OK)
        return antler__model_fail(model, &error);
    antler__free(model->tree->output);
    model->tree->output = from;
    model->tree->outputs = values;
    model->outputs_given = true;
    return ANTLER_OK;
}

antler_status antler_add_given(antler_model *model, const antler_layer_ops *ops, const void *settings, size_t size,
                               const char *given)
{
    ANTLER_TRY(antler__model_status(model));
    antler_error error = {0};
    antler_tree_member member = {0};
    antler_status status =
        antler__layer_given(model, ops, &(antler_given){settings, size, given}, &member.layer, &error);
    if (status == ANTLER_OK)
        status = antler__model_add(model, member, &error);
    return status == ANTLER_OK ? ANTLER_OK : antler__model_fail(model, &error);
}

antler_status antler_add_json(antler_model *model, const char *text)
{
    ANTLER_TRY(antler__model_status(model));
    antler_error error = {0};
    antler_tree_member member;
    antler_status status = antler__member_json(model, text, &member, &error);
    if (status == ANTLER_OK)
        status = antler__model_add(model, member, &error);
    return status == ANTLER_OK ? ANTLER_OK : antler__model_fail(model, &error);
}
