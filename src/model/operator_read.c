/* Operators in files: what is one, its form, and which of them compute. */
#include "core/memory.h"
#include "core/text.h"
#include "model/graph_references.h"
#include "model/operator.h"
#include "model/tree_read.h"

#include <stdio.h>
#include <string.h>

static const char *const tf_classes[] = {"TFOpLambda", "SlicingOpLambda"};

static bool is_tf(const char *class_name)
{
    return strcmp(class_name, tf_classes[0]) == 0 || strcmp(class_name, tf_classes[1]) == 0;
}

static const antler_operation_ops *find(const char *class_name)
{
    return (const antler_operation_ops *)antler_type_find(ANTLER_KIND_OPERATION, class_name);
}

/* ---- what is an operator ------------------------------------------------------------------------------------------
 */

static bool begins_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* The layers that Keras writes have "trainable" and "dtype" in their configs, operators of those names neither. Layers
   of several tensors take one list, operators of several one after the other. */
static bool looks_like_one(const antler_json *node, const char *class_name, bool legacy)
{
    const antler_json *config = antler__json_get(node, "config"), *calls = antler__json_get(node, "inbound_nodes");
    const antler_json *call = antler__json_type(calls) == ANTLER_JSON_ARRAY ? antler__json_first(calls) : NULL;
    const antler_json *args = antler__json_type(call) == ANTLER_JSON_OBJECT ? antler__json_get(call, "args") : NULL;
    const antler_layer_ops *layer = (const antler_layer_ops *)antler_type_find(ANTLER_KIND_LAYER, class_name);
    const antler_operation_ops *operation = find(class_name);
    bool bare = antler__json_type(config) == ANTLER_JSON_OBJECT && !antler__json_get(config, "trainable");
    if (antler__json_type(args) != ANTLER_JSON_ARRAY || (layer && !operation))
        return false;
    if (!layer)
        return operation || (bare && legacy);
    if (!legacy) /* of hand: people leave out what Keras writes */
        return false;
    if (!layer->arguments && antler__json_length(args) > 1)
        return true;
    return bare && !antler__json_get(config, "dtype") &&
           (operation->layer.inputs == ANTLER_MANY) ==
               (antler__json_type(antler__json_first(args)) == ANTLER_JSON_ARRAY);
}

bool antler__is_operator(const antler_json *node, bool legacy)
{
    const char *class_name = antler__string_at(node, "class_name"), *module = antler__string_at(node, "module");
    if (!class_name || antler__is_model_class(class_name))
        return false;
    if (is_tf(class_name))
        return true;
    return module ? begins_with(module, "keras.src.ops.") || begins_with(module, "keras.ops")
                  : looks_like_one(node, class_name, legacy);
}

/* ---- from tf-keras ------------------------------------------------------------------------------------------------

   A call is ["x", 0, 0, {"y": ["v", 0, 0], "name": null}], or a list of such where the first argument is a list; a
   constant in the first place is ["_CONSTANT_VALUE", -1, 1.0, {}]. */

static const antler_json *item_of(const antler_json *list, int i)
{
    const antler_json *item = antler__json_type(list) == ANTLER_JSON_ARRAY ? antler__json_first(list) : NULL;
    while (item && i-- > 0)
        item = antler__json_next(item);
    return item;
}

static bool is_given(const antler_json *node) /* a tensor or a constant, with what else the call takes */
{
    return antler__json_type(item_of(node, 0)) == ANTLER_JSON_STRING && antler__json_length(node) >= 3;
}

/* Adds an argument of a call of tf-keras, as Keras 3 has it. */
static bool add_value(antler_json *parent, const char *key, const antler_json *node)
{
    if (!is_given(node))
        return antler__json_add_copy(parent, key, node) != NULL;
    if (strcmp(antler__json_string(item_of(node, 0)), "_CONSTANT_VALUE") == 0)
        return antler__json_add_copy(parent, key, item_of(node, 2)) != NULL;
    antler_json *list = antler__json_array(parent, key);
    bool fits = list;
    for (int i = 0; fits && i < 3; i++)
        fits = antler__json_add_copy(list, NULL, item_of(node, i)) != NULL;
    return fits;
}

/* {"args": [x], "kwargs": {"y": v}}; a call that has this form already is copied. */
static bool open_call(const antler_json *call, antler_json *calls)
{
    if (antler__json_type(call) != ANTLER_JSON_ARRAY)
        return antler__json_add_copy(calls, NULL, call) != NULL;
    antler_json *object = antler__json_object(calls, NULL), *args = antler__json_array(object, "args");
    antler_json *to = args && !is_given(call) ? antler__json_array(args, NULL) : args;
    bool fits = to;
    if (is_given(call))
        fits = fits && add_value(to, NULL, call);
    else
        for (const antler_json *item = antler__json_first(call); fits && item; item = antler__json_next(item))
            fits = add_value(to, NULL, item);
    const antler_json *named = item_of(is_given(call) ? call : item_of(call, 0), 3);
    antler_json *kwargs = fits ? antler__json_object(object, "kwargs") : NULL;
    fits = kwargs;
    for (const antler_json *item = named ? antler__json_first(named) : NULL; fits && item;
         item = antler__json_next(item))
        if (antler__json_key(item))
            fits = add_value(kwargs, antler__json_key(item), item);
    return fits;
}

/* Words of antler_spelling.takes: "theirs=ours", or one name for both. */
typedef struct word {
    char theirs[64], ours[64];
} word;

static bool next_word(const char **takes, word *w)
{
    *takes += strspn(*takes, " ");
    size_t length = strcspn(*takes, " "), own = strcspn(*takes, " =");
    if (!length)
        return false;
    snprintf(w->theirs, sizeof w->theirs, "%.*s", (int)own, *takes);
    snprintf(w->ours, sizeof w->ours, "%.*s", (int)(own < length ? length - own - 1 : length),
             *takes + (own < length ? own + 1 : 0));
    *takes += length;
    return true;
}

static const antler_operation_ops *find_function(const char *function, const char **takes)
{
    const antler_type *type;
    for (int64_t i = 0; function && (type = antler_type_at(ANTLER_KIND_OPERATION, i)) != NULL; i++) {
        const antler_spelling *s = ((const antler_operation_ops *)type)->spelling;
        for (; s && s->function; s++)
            if (strcmp(s->function, function) == 0) {
                *takes = s->takes;
                return (const antler_operation_ops *)type;
            }
    }
    return NULL;
}

static bool is_argument(const antler_operation_ops *ops, const char *name)
{
    for (const char *const *own = ops->layer.arguments; *own; own++)
        if (strcmp(*own, name) == 0)
            return true;
    return false;
}

/* Only what says something: TensorFlow's calls are full of nulls, switches that are off, and the name of the result. */
static bool is_idle(const antler_json *item)
{
    return antler__json_is_null(item) || (antler__json_type(item) == ANTLER_JSON_BOOL && !antler__json_bool(item)) ||
           strcmp(antler__json_key(item), "name") == 0;
}

/* What the function was called with, by our names: arguments in their order, settings to the config; what we have no
   name for stays in kwargs. */
static bool rename_call(const antler_operation_ops *ops, const char *takes, const antler_json *call,
                        antler_json *config, antler_json *calls)
{
    const antler_json *args = antler__json_get(call, "args"), *named = antler__json_get(call, "kwargs");
    antler_json *object = antler__json_object(calls, NULL), *own = antler__json_array(object, "args");
    const char *left = takes;
    word w;
    bool fits = own;
    for (int i = 0; fits && next_word(&left, &w); i++) {
        const antler_json *value = item_of(args, i) ? item_of(args, i) : antler__json_get(named, w.theirs);
        if (value && is_argument(ops, w.ours))
            fits = antler__json_add_copy(own, NULL, value) != NULL;
        else if (!antler__json_is_null(value))
            fits = antler__json_add_copy(config, w.ours, value) != NULL;
    }
    antler_json *rest = fits ? antler__json_object(object, "kwargs") : NULL;
    fits = rest;
    for (const antler_json *item = antler__json_first(named); fits && item; item = antler__json_next(item)) {
        const char *key = antler__json_key(item);
        bool known = is_idle(item);
        left = takes;
        while (!known && next_word(&left, &w))
            known = strcmp(w.theirs, key) == 0;
        if (!known)
            fits = antler__json_add_copy(rest, key, item) != NULL;
    }
    return fits;
}

/* The node as Keras 3 would have it; a function that no operator of ours is like keeps its class. */
static bool translate(const antler_json *node, const char *name, antler_json *to)
{
    const char *takes = "", *function = antler__string_at(antler__json_get(node, "config"), "function");
    const antler_operation_ops *ops = find_function(function, &takes);
    const antler_json *calls = antler__json_get(node, "inbound_nodes");
    antler_json *opened = antler__json_array(NULL, NULL), *own;
    bool fits = opened;
    for (int64_t i = 0; fits && i < antler__json_length(calls); i++)
        fits = open_call(item_of(calls, (int)i), opened);
    fits = fits &&
           antler__json_add_string(to, "class_name",
                                   ops ? ops->layer.type.class_name : antler__string_at(node, "class_name")) &&
           antler__json_add_string(to, "name", name);
    if (fits && ops) {
        antler_json *config = antler__json_object(to, "config");
        own = config ? antler__json_array(to, "inbound_nodes") : NULL;
        fits = own;
        for (const antler_json *call = antler__json_first(opened); fits && call; call = antler__json_next(call))
            fits = rename_call(ops, takes, call, config, own);
    } else {
        fits = fits && antler__json_add_copy(to, "config", antler__json_get(node, "config")) &&
               antler__json_add_copy(to, "inbound_nodes", opened);
    }
    antler__json_free(opened);
    return fits;
}

antler_status antler__operator_keep(const antler_json *node, const antler_place *place, antler_report *report,
                                    antler_tree_member *member)
{
    const char *outside = antler__string_at(node, "name");
    const char *name = outside ? outside : antler__string_at(antler__json_get(node, "config"), "name");
    bool tf = is_tf(antler__string_at(node, "class_name"));
    if (!name)
        return antler__report_error(report, ANTLER_VALUE, place,
                                    "no \"name\", by which the layers of a Functional refer to each other");
    if (tf && antler__json_length(antler__json_get(node, "inbound_nodes")) > 1)
        return antler__report_error(report, ANTLER_UNSUPPORTED, place, "an operator of tf-keras is called once");
    member->name = antler__copy_text(name);
    member->mask_operator = tf ? antler__json_object(NULL, NULL) : antler__json_add_copy(NULL, NULL, node);
    if (!member->name || !member->mask_operator || (tf && !translate(node, name, member->mask_operator)))
        return antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    return ANTLER_OK;
}

/* ---- those that compute -------------------------------------------------------------------------------------------
 */

/* One of them, as it becomes a layer. */
typedef struct becoming {
    const antler_operation_ops *ops;
    const antler_json *node;
    antler_json *config; /* with the constants of the call */
    antler_report *report;
} becoming;

static antler_status no_memory(const becoming *b, const antler_place *place)
{
    return antler__report_error(b->report, ANTLER_MEMORY, place, "out of memory");
}

static antler_status refuse_value(const becoming *b, const antler_json *value, const antler_place *place,
                                  const char *expected)
{
    char brief[64];
    return antler__report_error(b->report, ANTLER_UNSUPPORTED, place, "%s: expected %s",
                                antler__json_brief(value, brief, sizeof brief), expected);
}

/* An argument that is no tensor, to the config. Calls after the first must have the same one. */
static antler_status take_constant(const becoming *b, const antler_field *field, const antler_json *value,
                                   const antler_place *place, bool first)
{
    char text[256], before[64], now[64];
    const antler_json *had = antler__json_get(b->config, field->key);
    if (antler__json_is_null(value) && field->kind == ANTLER_REAL)
        return refuse_value(b, value, place, "a tensor of the model, or a number");
    if (field->kind == ANTLER_REAL && antler__json_type(value) != ANTLER_JSON_NUMBER)
        return refuse_value(b, value, place, "a tensor of the model, or a number");
    if (field->kind == ANTLER_STRING && !antler__index_text(value, text, sizeof text))
        return refuse_value(b, value, place, "an index of integers, slices, null and ...");
    if (first)
        return (field->kind == ANTLER_STRING ? antler__json_add_string(b->config, field->key, text)
                                             : antler__json_add_copy(b->config, field->key, value))
                   ? ANTLER_OK
                   : no_memory(b, place);
    antler__json_brief(had, before, sizeof before);
    antler__json_brief(value, now, sizeof now);
    if (field->kind != ANTLER_REAL || strcmp(before, now) != 0)
        return refuse_value(b, value, place, "what the first call takes");
    return ANTLER_OK;
}

/* A tensor, a list of tensors if the operator takes one, or a constant. */
static antler_status take_value(const becoming *b, int i, const antler_json *value, const antler_place *place,
                                bool first)
{
    const char *name = b->ops->layer.arguments[i];
    const antler_field *field = antler__field_find(&b->ops->layer.type, name);
    bool is_list = !b->ops->layer.arguments[i + 1] && b->ops->layer.inputs == ANTLER_MANY;
    if (!is_list && antler__reference(value))
        return ANTLER_OK;
    if (!is_list && field)
        return take_constant(b, field, value, place, first);
    if (!is_list || antler__json_type(value) != ANTLER_JSON_ARRAY || antler__reference(value))
        return refuse_value(b, value, place, is_list ? "a list of tensors of the model" : "a tensor of the model");
    int64_t k = 0;
    for (const antler_json *item = antler__json_first(value); item; item = antler__json_next(item), k++) {
        antler_place there = antler__at_item(place, k);
        if (!antler__reference(item))
            return refuse_value(b, item, &there, "a tensor of the model");
    }
    return ANTLER_OK;
}

static antler_status take_call(const becoming *b, const antler_json *call, const antler_place *place, bool first)
{
    const antler_json *args = antler__json_get(call, "args"), *named = antler__json_get(call, "kwargs");
    antler_place args_place = antler__at(place, "args"), named_place = antler__at(place, "kwargs");
    int i = 0;
    for (const antler_json *item = antler__json_first(args); item; item = antler__json_next(item), i++) {
        antler_place there = antler__at_item(&args_place, i);
        if (!b->ops->layer.arguments[i])
            return antler__report_error(b->report, ANTLER_UNSUPPORTED, &there, "more than %d argument%s", i,
                                        i > 1 ? "s" : "");
        ANTLER_TRY(take_value(b, i, item, &there, first));
    }
    if (b->ops->layer.arguments[i])
        return antler__report_error(b->report, ANTLER_VALUE, &args_place, "no \"%s\"", b->ops->layer.arguments[i]);
    for (const antler_json *item = named ? antler__json_first(named) : NULL; item; item = antler__json_next(item)) {
        antler_place there = antler__at(&named_place, antler__json_key(item));
        if (!antler__json_is_null(item))
            return antler__report_error(b->report, ANTLER_UNSUPPORTED, &there, "not supported by this operator");
    }
    return ANTLER_OK;
}

static antler_status copy_config(const becoming *b, const antler_tree_member *member, const antler_place *place)
{
    const antler_json *config = antler__json_get(b->node, "config");
    bool named = antler__json_add_string(b->config, "name", member->name);
    for (const antler_json *item = antler__json_type(config) == ANTLER_JSON_OBJECT ? antler__json_first(config) : NULL;
         named && item; item = antler__json_next(item)) {
        const char *key = antler__json_key(item);
        antler_place there = antler__at(place, key);
        if (is_argument(b->ops, key))
            return antler__report_error(b->report, ANTLER_NAME, &there, "unknown key; it is an argument of the call");
        if (strcmp(key, "name") != 0)
            named = antler__json_add_copy(b->config, key, item);
    }
    return named ? ANTLER_OK : no_memory(b, place);
}

static antler_status become_layer(const becoming *b, antler_tree_member *member, const antler_place *place)
{
    antler_place config_place = antler__at(place, "config"), calls_place = antler__at(place, "inbound_nodes");
    const antler_json *calls = antler__json_get(b->node, "inbound_nodes");
    antler_object layer = {&b->ops->layer.type, NULL};
    int64_t k = 0;
    if (!b->config)
        return no_memory(b, place);
    ANTLER_TRY(copy_config(b, member, &config_place));
    for (const antler_json *call = antler__json_first(calls); call; call = antler__json_next(call), k++) {
        antler_place there = antler__at_item(&calls_place, k);
        ANTLER_TRY(take_call(b, call, &there, k == 0));
        if (member->call[k].inputs == 0)
            return antler__report_error(b->report, ANTLER_VALUE, &there, "a call without a tensor");
    }
    ANTLER_TRY(antler__config_read(layer.type, b->config, &config_place, b->report, &layer.config));
    member->layer = layer;
    antler__free(member->name);
    member->name = NULL;
    antler__json_free(member->mask_operator);
    member->mask_operator = NULL;
    return ANTLER_OK;
}

/* A class that is neither a layer's nor an operator's, in a file without modules: the layers' error says it. */
static antler_status refuse_class(const antler_json *node, const antler_place *place, antler_report *report)
{
    const char *class_name = antler__string_at(node, "class_name");
    const char *function = antler__string_at(antler__json_get(node, "config"), "function");
    const char *name = is_tf(class_name) && function ? function : class_name;
    const char *nearest = antler_type_nearest(ANTLER_KIND_OPERATION, name);
    antler_object layer;
    if (!is_tf(class_name) && !antler__string_at(node, "module") && !nearest)
        return antler__object_read(ANTLER_KIND_LAYER, node, place, report, &layer);
    return antler__report_error(report, ANTLER_UNSUPPORTED, place, "operator \"%.80s\" is not supported%s%s%s", name,
                                nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static antler_status settle(antler_tree_member *member, const antler_place *place, antler_report *report)
{
    becoming b = {.node = member->mask_operator, .report = report};
    b.ops = find(antler__string_at(b.node, "class_name"));
    if (!b.ops)
        return refuse_class(b.node, place, report);
    b.config = antler__json_object(NULL, NULL);
    antler_status status = become_layer(&b, member, place);
    antler__json_free(b.config);
    return status;
}

/* Marks the members that the outputs are computed with. */
static bool mark(const antler_tree *tree, bool *computes)
{
    int64_t *open = antler__allocate((size_t)tree->members, sizeof *open), n = 0;
    for (int64_t k = 0; open && k < tree->outputs; k++)
        if (!computes[tree->output[k].member]) {
            computes[tree->output[k].member] = true;
            open[n++] = tree->output[k].member;
        }
    while (open && n > 0) {
        const antler_tree_member *member = &tree->member[open[--n]];
        for (int64_t c = 0; c < member->calls; c++)
            for (int k = 0; k < member->call[c].inputs; k++) {
                int64_t from = member->call[c].in[k].member;
                if (from >= 0 && !computes[from]) {
                    computes[from] = true;
                    open[n++] = from;
                }
            }
    }
    antler__free(open);
    return open != NULL;
}

antler_status antler__operators_settle(antler_tree *tree, const antler_place *layers, antler_report *report)
{
    bool *computes = antler__allocate_zeroed((size_t)tree->members, sizeof *computes);
    antler_status status = computes && mark(tree, computes)
                               ? ANTLER_OK
                               : antler__report_error(report, ANTLER_MEMORY, layers, "out of memory");
    for (int64_t i = 0; computes && i < tree->members; i++) {
        antler_place place = antler__at_item(layers, tree->member[i].place);
        if (status != ANTLER_MEMORY && computes[i] && tree->member[i].mask_operator) {
            antler_status one = settle(&tree->member[i], &place, report);
            status = status == ANTLER_OK ? one : status;
        }
    }
    antler__free(computes);
    return status;
}
