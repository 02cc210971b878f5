#include "model/tree_write.h"

#include "config/fields.h"
#include "core/memory.h"
#include "model/call_settings.h"
#include "model/operator.h"

#include <math.h>
#include <string.h>

static bool write_tree(const antler_model *model, const antler_tree *tree, bool bare, bool modules, antler_json *object,
                       antler_style style);

/* ---- tensors ------------------------------------------------------------------------------------------------------
 */

/* Shape and number type of a tensor of a tree, where its model is called first. */
static void describe(const antler_model *model, const antler_tree *tree, antler_from from, antler_shape *shape,
                     const char **dtype)
{
    const antler_tree_member *member = &tree->member[from.member];
    const antler_member_call *call = &member->call[from.call];
    *dtype = "float32";
    *shape = (antler_shape){0, {0}};
    if (member->model && !member->layer.type) {
        describe(model, member->model, member->model->output[from.output], shape, dtype);
    } else if (antler__member_is_source(member)) {
        const antler_layer_ops *ops = (const antler_layer_ops *)member->layer.type;
        antler_shape out[ANTLER_MAX_OUTPUTS] = {{0, {0}}};
        antler_error error = {0};
        ops->infer(member->layer.config, NULL, out, &error);
        const char *own = antler__layer_keys(member->layer)->dtype;
        *shape = out[0];
        *dtype = own ? own : *dtype;
    } else if (call->flat >= 0) {
        *shape = model->wire[model->call[call->flat].out + from.output].shape;
    }
}

antler_json *antler__reference_write(const antler_tree *tree, antler_from from, int more, antler_json *parent,
                                     const char *key)
{
    const antler_tree_member *member = &tree->member[from.member];
    antler_json *list = antler__json_array(parent, key);
    bool fits = list && antler__json_add_string(list, NULL, antler__member_name(member)) &&
                antler__json_add_number(list, NULL, (double)(member->call[from.call].number + more)) &&
                antler__json_add_number(list, NULL, from.output);
    return fits ? list : NULL;
}

static bool write_tensor(const antler_model *model, const antler_tree *tree, antler_from from, antler_json *parent,
                         const char *key)
{
    antler_shape shape;
    const char *dtype;
    describe(model, tree, from, &shape, &dtype);
    antler_json *tensor = antler__json_object(parent, key);
    if (!tensor || !antler__json_add_string(tensor, "class_name", "__keras_tensor__"))
        return false;
    antler_json *config = antler__json_object(tensor, "config"), *dims = antler__json_array(config, "shape");
    bool fits = dims;
    for (int i = 0; fits && i < shape.rank; i++)
        fits = shape.dim[i] < 0 ? antler__json_add_null(dims, NULL) != NULL
                                : antler__json_add_number(dims, NULL, (double)shape.dim[i]) != NULL;
    return fits && antler__json_add_string(config, "dtype", dtype) &&
           antler__reference_write(tree, from, 0, config, "keras_history");
}

/* One tensor, or a list of them. */
static bool write_tensors(const antler_model *model, const antler_tree *tree, const antler_from *from, int n, bool list,
                          antler_json *parent, const char *key)
{
    if (!list)
        return write_tensor(model, tree, *from, parent, key);
    antler_json *array = antler__json_array(parent, key);
    bool fits = array;
    for (int k = 0; fits && k < n; k++)
        fits = write_tensor(model, tree, from[k], array, NULL);
    return fits;
}

/* The last argument of a layer: one tensor, a list, or a list of lists. */
static bool write_last(const antler_model *model, const antler_tree *tree, antler_object layer, const antler_from *from,
                       int n, antler_json *parent, const char *key)
{
    const antler_layer_ops *ops = (const antler_layer_ops *)layer.type;
    int size = ops->list_size ? ops->list_size(layer.config, 0) : 0;
    if (!size)
        return write_tensors(model, tree, from, n, n > 1, parent, key);
    antler_json *lists = antler__json_array(parent, key);
    bool fits = lists;
    for (int i = 0; fits && size > 0 && size <= n; size = ops->list_size(layer.config, ++i)) {
        fits = write_tensors(model, tree, from, size, true, lists, NULL);
        from += size;
        n -= size;
    }
    return fits;
}

/* ---- calls --------------------------------------------------------------------------------------------------------
 */

bool antler__call_settings_write(antler_object layer, antler_json *named)
{
    if (!layer.type)
        return true;
    antler_field_walk walk = antler__fields_of(layer.type);
    for (const antler_field *field; (field = antler__field_next(&walk));)
        if (field->flags & ANTLER_CALL && *(const bool *)antler_object_field(layer, field->key) &&
            !antler__json_add_bool(named, field->key, true))
            return false;
    return true;
}

static bool same_tensor(const antler_from *a, const antler_from *b)
{
    return a->member == b->member && a->call == b->call && a->output == b->output;
}

bool antler__stands_in(const char *const *names, const antler_member_call *call, int k)
{
    return strchr(names[k], '=') && call->inputs > k + 1 && same_tensor(&call->in[k], &call->in[k - 1]);
}

/* Whether Keras meets the tensors in the order of the arguments. Names are sorted, places are not. */
static bool in_order(const antler_member_call *call, const antler_from *in, int n)
{
    bool same = !call->parent || call->parents == n;
    for (int k = 0; same && call->parent && k < n; k++)
        same = same_tensor(&call->parent[k], &in[k]);
    return same;
}

/* An argument a call: one tensor, but for the last, which may be a list. One that only stands in is left out. The first
   is given by place; up to the last, the others are, too, where that keeps the order. */
static bool write_arguments(const antler_model *model, const antler_tree *tree, antler_object layer,
                            const antler_member_call *call, antler_json *args, antler_json *named)
{
    const char *const *names = ((const antler_layer_ops *)layer.type)->arguments;
    antler_from in[ANTLER_MAX_CALL_ARGUMENTS];
    int left[ANTLER_MAX_CALL_ARGUMENTS], single = 0, n = 0, last = 0;
    if (!names[1])
        return write_tensors(model, tree, call->in, call->inputs, call->inputs > 1, args, NULL);
    while (names[last + 1])
        last++;
    for (; single < call->inputs && single < last; single++) {
        if (antler__stands_in(names, call, single))
            continue;
        left[n] = single;
        in[n++] = call->in[single];
    }
    int rest = call->inputs - single;
    if (n < ANTLER_MAX_CALL_ARGUMENTS && rest == 1)
        in[n] = call->in[single];
    bool by_place = rest <= 1 && in_order(call, in, n + rest) && (n == 0 || left[n - 1] == n - 1);
    for (int k = 0; k < n; k++) {
        char name[64];
        antler__argument_name(names[left[k]], name, sizeof name);
        bool placed = k == 0 || by_place;
        if (!write_tensor(model, tree, in[k], placed ? args : named, placed ? NULL : name))
            return false;
    }
    return rest == 0 || write_last(model, tree, layer, call->in + single, rest, named, names[last]);
}

/* One tensor, or one list; or arguments of their own. */
static bool write_call(const antler_model *model, const antler_tree *tree, const antler_tree_member *member,
                       const antler_member_call *call, antler_json *parent)
{
    const antler_layer_ops *ops = (const antler_layer_ops *)member->layer.type;
    const char *const *names = ops ? ops->arguments : NULL;
    bool many = ops ? !names && ops->inputs > 1 : call->inputs > 1;
    antler_json *node = antler__json_object(parent, NULL), *args = antler__json_array(node, "args");
    antler_json *named = args ? antler__json_object(node, "kwargs") : NULL;
    if (!named || (!names && !write_tensors(model, tree, call->in, call->inputs, many, args, NULL)) ||
        (names && !write_arguments(model, tree, member->layer, call, args, named)))
        return false;
    return antler__call_settings_write(antler__layer_of_call(member, call), named) &&
           (!call->mask || antler__json_add_copy(named, "mask", call->mask) != NULL);
}

static bool write_calls(const antler_model *model, const antler_tree *tree, const antler_tree_member *member,
                        antler_json *object, antler_style style)
{
    antler_json *calls = antler__json_array(object, "inbound_nodes");
    bool fits = calls;
    for (int64_t k = 0; fits && !antler__member_is_source(member) && k < member->calls; k++)
        fits = member->call[k].number < 0 ||
               (style == ANTLER_STYLE_KERAS2 ? antler__call_write_list(tree, member, &member->call[k], calls)
                                             : write_call(model, tree, member, &member->call[k], calls));
    return fits;
}

/* ---- operators ----------------------------------------------------------------------------------------------------
 */

/* A constant of the call, where the config has one for this argument; false: it is a tensor. */
static bool has_constant(antler_object operation, const char *argument, const antler_field **field, const void **value)
{
    *field = antler__field_find(operation.type, argument);
    *value = *field ? (const char *)operation.config + (*field)->offset : NULL;
    return *field &&
           ((*field)->kind == ANTLER_REAL ? !isnan(*(const double *)*value) : *(const char *const *)*value != NULL);
}

/* All arguments one after the other, constants in their places. */
static bool write_operator_call(const antler_model *model, const antler_tree *tree, antler_object operation,
                                const antler_member_call *call, antler_json *calls)
{
    const antler_layer_ops *ops = (const antler_layer_ops *)operation.type;
    antler_json *node = antler__json_object(calls, NULL), *args = antler__json_array(node, "args");
    bool fits = args;
    const antler_field *field;
    const void *value;
    for (int i = 0, k = 0; fits && ops->arguments[i]; i++) {
        bool list = !ops->arguments[i + 1] && ops->inputs == ANTLER_MANY;
        if (!has_constant(operation, ops->arguments[i], &field, &value))
            fits = k < call->inputs &&
                   write_tensors(model, tree, call->in + k, list ? call->inputs - k : 1, list, args, NULL);
        else if (field->kind == ANTLER_REAL)
            fits = antler__json_add_real(args, NULL, *(const double *)value) != NULL;
        else
            fits = antler__index_write(*(const char *const *)value, args);
        k += !has_constant(operation, ops->arguments[i], &field, &value);
    }
    return fits && antler__json_object(node, "kwargs");
}

static bool is_output(const antler_tree *tree, const antler_tree_member *member)
{
    for (int64_t k = 0; k < tree->outputs; k++)
        if (&tree->member[tree->output[k].member] == member)
            return true;
    return false;
}

/* An operator's config. Keras 3.6 takes no "name" in it, and the outputs alone are known by theirs. */
static bool write_operator_config(const antler_tree *tree, const antler_tree_member *member, const antler_json *whole,
                                  antler_json *object)
{
    antler_json *config = antler__json_object(object, "config");
    bool fits = whole && config;
    for (const antler_json *item = antler__json_first(whole); fits && item; item = antler__json_next(item))
        if (strcmp(antler__json_key(item), "name") != 0 || is_output(tree, member))
            fits = antler__json_add_copy(config, antler__json_key(item), item) != NULL;
    return fits;
}

/* Keras finds the class in its module; the legacy form names none. */
static bool write_operator(const antler_model *model, const antler_tree *tree, const antler_tree_member *member,
                           antler_json *layers, antler_style style)
{
    const antler_operation_ops *ops = (const antler_operation_ops *)member->layer.type;
    const char *class_name = member->layer.type->class_name;
    bool modules = style == ANTLER_STYLE_KERAS;
    antler_json *object = antler__json_object(layers, NULL);
    antler_json *config = antler__config_write(member->layer.type, member->layer.config, NULL, NULL, style);
    bool written = (!modules || antler__json_add_string(object, "module", ops->module)) &&
                   antler__json_add_string(object, "class_name", class_name) &&
                   write_operator_config(tree, member, config, object);
    antler__json_free(config);
    if (!written || (modules && !antler__json_add_string(object, "registered_name", class_name)) ||
        !antler__json_add_string(object, "name", antler__member_name(member)))
        return false;
    antler_json *calls = antler__json_array(object, "inbound_nodes");
    bool fits = calls;
    for (int64_t k = 0; fits && k < member->calls; k++)
        fits = write_operator_call(model, tree, member->layer, &member->call[k], calls);
    return fits;
}

static bool add_missing(antler_json *object, const antler_json *node, const char *key, const char *value)
{
    return antler__json_get(node, key) || antler__json_add_string(object, key, value);
}

/* As it came, but for the module. */
static bool write_mask_operator(const antler_tree *tree, const antler_tree_member *member, antler_json *layers,
                                antler_style style)
{
    const antler_json *node = member->mask_operator;
    bool modules = style == ANTLER_STYLE_KERAS;
    antler_json *object = antler__json_object(layers, NULL);
    bool fits = object &&
                (!modules || (add_missing(object, node, "module", antler__kind_module(ANTLER_KIND_OPERATION)) &&
                              add_missing(object, node, "registered_name", antler__string_at(node, "class_name")))) &&
                add_missing(object, node, "name", antler__member_name(member));
    for (const antler_json *item = antler__json_first(node); fits && item; item = antler__json_next(item)) {
        const char *key = antler__json_key(item);
        if (modules && strcmp(key, "config") == 0)
            fits = write_operator_config(tree, member, item, object);
        else if (modules || (strcmp(key, "module") != 0 && strcmp(key, "registered_name") != 0))
            fits = antler__json_add_copy(object, key, item) != NULL;
    }
    return fits;
}

/* ---- members ------------------------------------------------------------------------------------------------------
 */

/* A config with the model where it says that there is no layer. */
static bool write_config_on(const antler_model *model, const antler_tree_member *member, const antler_json *plain,
                            antler_json *object, antler_style style)
{
    const char *key = ((const antler_layer_ops *)member->layer.type)->model_on_steps;
    antler_json *config = antler__json_object(object, "config");
    bool fits = config;
    for (const antler_json *item = antler__json_first(plain); fits && item; item = antler__json_next(item))
        if (strcmp(antler__json_key(item), key) != 0) {
            fits = antler__json_add_copy(config, antler__json_key(item), item) != NULL;
        } else {
            antler_json *inside = antler__json_object(config, key);
            fits = inside && write_tree(model, member->model, true, style != ANTLER_STYLE_KERAS2, inside, style);
        }
    return fits;
}

/* A layer that has a model on its steps. */
static antler_json *write_on_steps(const antler_model *model, const antler_tree_member *member, antler_json *layers,
                                   antler_style style)
{
    antler_json *plain = antler__object_write(member->layer, NULL, NULL, style);
    antler_json *object = plain ? antler__json_object(layers, NULL) : NULL;
    bool fits = object;
    for (const antler_json *item = antler__json_first(plain); fits && item; item = antler__json_next(item))
        fits = strcmp(antler__json_key(item), "config") == 0
                   ? write_config_on(model, member, item, object, style)
                   : antler__json_add_copy(object, antler__json_key(item), item) != NULL;
    antler__json_free(plain);
    return fits ? object : NULL;
}

static antler_json *write_model(const antler_model *model, const antler_tree *tree, const antler_tree_member *member,
                                antler_json *layers, antler_style style)
{
    antler_json *object = antler__json_object(layers, NULL);
    bool modules = style == ANTLER_STYLE_KERAS;
    return object && write_tree(model, member->model, tree->sequential, modules, object, style) ? object : NULL;
}

/* In the legacy form a layer is told from an operator of its name by this key, which Keras always writes for it. */
static bool tell_from_operators(const antler_tree_member *member, antler_json *object)
{
    antler_json *config = (antler_json *)(uintptr_t)antler__json_get(object, "config");
    return !member->layer.type || !antler_type_find(ANTLER_KIND_OPERATION, member->layer.type->class_name) ||
           antler__json_get(config, "trainable") ||
           antler__json_add_bool(config, "trainable", antler__layer_keys(member->layer)->trainable);
}

static bool write_member(const antler_model *model, const antler_tree *tree, const antler_tree_member *member,
                         antler_json *layers, antler_style style)
{
    if (member->mask_operator)
        return write_mask_operator(tree, member, layers, style);
    if (antler__member_is_operator(member))
        return write_operator(model, tree, member, layers, style);
    antler_json *object = !member->model       ? antler__object_write(member->layer, layers, NULL, style)
                          : member->layer.type ? write_on_steps(model, member, layers, style)
                                               : write_model(model, tree, member, layers, style);
    if (!object || (!tree->sequential && style != ANTLER_STYLE_KERAS && !tell_from_operators(member, object)) ||
        (style == ANTLER_STYLE_KERAS2 && !antler__shapes_write(model, member, object)))
        return false;
    return tree->sequential || (antler__json_add_string(object, "name", antler__member_name(member)) &&
                                write_calls(model, tree, member, object, style));
}

/* ---- a model ------------------------------------------------------------------------------------------------------
 */

static int64_t count_calls(const antler_tree_member *member)
{
    int64_t n = 0;
    for (int64_t k = 0; k < member->calls; k++)
        n += member->call[k].number >= 0;
    return n;
}

/* 1 where outputs refer to a Functional: it counts the call that defined it. Where there is only one, all read 0. */
static int more_calls(const antler_tree *tree, antler_from from)
{
    const antler_tree_member *member = &tree->member[from.member];
    return member->model && !member->model->sequential && !member->layer.type && count_calls(member) > 1;
}

/* Keras 3.0 reads lists alone, and later ones take a list of one for a list: in a chain, and on steps, where the
   model's output is handed on as it is, it must be the tensor itself. */
static bool write_ends(const antler_tree *tree, const antler_from *end, char *const *name, int64_t n, bool bare,
                       antler_json *config, const char *key, antler_style style)
{
    bool lists = style == ANTLER_STYLE_KERAS2;
    if (bare && n == 1 && !name && !lists)
        return antler__reference_write(tree, *end, more_calls(tree, *end), config, key);
    antler_json *list = name ? antler__json_object(config, key) : antler__json_array(config, key);
    bool fits = list;
    for (int64_t k = 0; fits && k < n; k++) {
        int more = lists ? antler__calls_before(&tree->member[end[k].member]) : more_calls(tree, end[k]);
        fits = antler__reference_write(tree, end[k], more, list, name ? name[k] : NULL) != NULL;
    }
    return fits;
}

static bool write_config(const antler_model *model, const antler_tree *tree, bool bare, antler_json *object,
                         antler_style style)
{
    antler_json *config = antler__json_object(object, "config");
    if (!config || !antler__json_add_string(config, "name", tree->name) ||
        (!tree->trainable && !antler__json_add_bool(config, "trainable", false)))
        return false;
    antler_json *layers = antler__json_array(config, "layers");
    bool fits = layers;
    for (int64_t i = 0; fits && i < tree->ordered; i++)
        fits = write_member(model, tree, &tree->member[tree->order[i]], layers, style);
    if (!fits || tree->sequential)
        return fits;
    return write_ends(tree, tree->input, tree->input_key, tree->inputs, bare, config, "input_layers", style) &&
           write_ends(tree, tree->output, tree->output_key, tree->outputs, bare, config, "output_layers", style);
}

/* "Functional" needs the module that has it: it has no public name in Keras 3.0. On steps Keras 3 asks for the model's
   in legacy files too, and not for those of its layers. */
static bool write_tree(const antler_model *model, const antler_tree *tree, bool bare, bool modules, antler_json *object,
                       antler_style style)
{
    const char *module = tree->sequential ? "keras" : "keras.src.models.functional";
    return (!modules || antler__json_add_string(object, "module", module)) &&
           antler__json_add_string(object, "class_name", tree->sequential ? "Sequential" : "Functional") &&
           write_config(model, tree, bare, object, style) &&
           (!modules || antler__json_add_string(object, "registered_name", tree->sequential ? NULL : "Functional"));
}

bool antler__tree_write(const antler_model *model, const antler_tree *tree, antler_json *object, antler_style style)
{
    return write_tree(model, tree, false, style == ANTLER_STYLE_KERAS, object, style);
}
