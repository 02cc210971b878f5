/* Calls of a Functional as Keras 2 writes them: [["x", 0, 0, {"training": true}], ["a", 0, 0, {}]]. */
#include "core/memory.h"
#include "model/call_settings.h"
#include "model/operator.h"
#include "model/structure.h"
#include "model/tree_write.h"

#include <stdio.h>
#include <string.h>

bool antler__tree_has_operators(const antler_tree *tree)
{
    for (int64_t i = 0; i < tree->members; i++) {
        const antler_tree_member *member = &tree->member[i];
        if (member->mask_operator || antler__member_is_operator(member) ||
            (member->model && antler__tree_has_operators(member->model)))
            return true;
    }
    return false;
}

/* Keras 2 counts the calls of a model from 1 where it was made with an input: call 0 is that one. */
int antler__calls_before(const antler_tree_member *member)
{
    const antler_tree *model = antler__called_model(member);
    return model && (!model->sequential || (model->members && antler__member_is_source(&model->member[0])));
}

static antler_json *write_from(const antler_tree *tree, antler_from from, antler_json *parent, const char *key)
{
    return antler__reference_write(tree, from, antler__calls_before(&tree->member[from.member]), parent, key);
}

/* The first tensor of a layer of three arguments or more stands alone, the others among what is given by name. One that
   only stands in is left out. */
static bool write_named(const antler_tree *tree, const char *const *names, const antler_member_call *call,
                        antler_json *named)
{
    bool fits = true;
    for (int k = 1; fits && k < call->inputs && names[k]; k++) {
        char name[64];
        antler__argument_name(names[k], name, sizeof name);
        fits = antler__stands_in(names, call, k) || write_from(tree, call->in[k], named, name) != NULL;
    }
    return fits;
}

bool antler__call_write_list(const antler_tree *tree, const antler_tree_member *member, const antler_member_call *call,
                             antler_json *calls)
{
    const antler_layer_ops *ops = (const antler_layer_ops *)member->layer.type;
    const char *const *names = ops ? ops->arguments : NULL;
    bool by_name = names && names[1] && names[2]; /* states stand in the list with what they are the states for */
    antler_json *list = antler__json_array(calls, NULL);
    bool fits = list;
    for (int k = 0; fits && k < (by_name ? 1 : call->inputs); k++) {
        antler_json *tensor = write_from(tree, call->in[k], list, NULL);
        antler_json *named = tensor ? antler__json_object(tensor, NULL) : NULL;
        fits = named && (k > 0 || (antler__call_settings_write(antler__layer_of_call(member, call), named) &&
                                   (!by_name || write_named(tree, names, call, named))));
    }
    return fits;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static bool has_key(const antler_type *type, const char *key)
{
    antler_field_walk walk = antler__fields_of(type);
    for (const antler_field *field; (field = antler__field_next(&walk));)
        if (strcmp(field->key, key) == 0)
            return true;
    return false;
}

/* The shape of the k-th argument; where it is left out that of the one which stands in for it; NULL: of none. */
static const antler_shape *shape_of(const antler_layer *layer, const char *const *names, int k)
{
    int taken = k < layer->inputs ? k : antler__argument_stand_in(names, k);
    return taken >= 0 && taken < layer->inputs ? &layer->in[taken] : NULL;
}

static bool write_shape(const antler_shape *shape, antler_json *config, const char *key)
{
    antler_json *list = antler__json_array(config, key);
    bool fits = list && antler__json_add_null(list, NULL);
    for (int i = 1; fits && i < shape->rank; i++)
        fits = (shape->dim[i] < 0 ? antler__json_add_null(list, NULL)
                                  : antler__json_add_number(list, NULL, (double)shape->dim[i])) != NULL;
    return fits;
}

bool antler__shapes_write(const antler_model *model, const antler_tree_member *member, antler_json *object)
{
    const antler_layer_ops *ops = (const antler_layer_ops *)member->layer.type;
    const char *const *names = ops ? ops->arguments : NULL;
    antler_json *config = (antler_json *)(uintptr_t)antler__json_get(object, "config");
    bool fits = true;
    for (int k = 0; fits && config && names && member->flat >= 0 && names[k]; k++) {
        char name[64], key[80];
        const antler_shape *shape = shape_of(&model->layer[member->flat], names, k);
        antler__argument_name(names[k], name, sizeof name);
        snprintf(key, sizeof key, "%s_shape", name);
        if (shape && has_key(&ops->type, key))
            fits = write_shape(shape, config, key);
    }
    return fits;
}
