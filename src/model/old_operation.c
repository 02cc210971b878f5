/* {"class_name": "TensorFlowOpLayer", "config": {"node_def": {"op": "Mul"}, "constants": {"1": 2.0}}, "inbound_nodes":
   [[["x", 0, 0, {}]]]}: arguments that are constants lie by their number in the config, the others in the call. Since
   TF 2.4 that is {"class_name": "TFOpLambda", "config": {"function": "math.multiply"}, "inbound_nodes": [["x", 0, 0,
   {"y": 2.0}]]}. */
#include "model/old_operation.h"

#include "config/fields.h"
#include "config/old.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 2 }; /* arguments of an operator */

typedef struct operation {
    const antler_old_function *function;
    int n;
    const antler_json *tensor[MOST], *constant[MOST]; /* of each argument one of them */
    bool keeps;                                       /* axes that it sums over */
} operation;

static const antler_old_function *find_function(const char *op)
{
    for (const antler_old_function *f = antler__old_functions; op && f->op; f++)
        if (strcmp(f->op, op) == 0)
            return f;
    return NULL;
}

/* What the node says beside types: nothing, or that axes stay. */
static bool read_attributes(const antler_json *node_def, operation *o)
{
    const antler_json *attributes = antler__json_get(node_def, "attr");
    for (const antler_json *a = attributes ? antler__json_first(attributes) : NULL; a; a = antler__json_next(a)) {
        const char *key = antler__json_key(a);
        bool on = antler__json_bool(antler__json_get(a, "b"));
        if (strcmp(key, "keep_dims") == 0)
            o->keeps = on;
        else if (*key != '_' && !antler__json_get(a, "type") && (on || !antler__json_get(a, "b")))
            return false;
    }
    return true;
}

/* The one call of the layer, and its constants. */
static bool read_arguments(const antler_json *node, operation *o)
{
    const antler_json *calls = antler__json_get(node, "inbound_nodes");
    const antler_json *constants = antler__json_get(antler__json_get(node, "config"), "constants");
    bool once = antler__json_type(calls) == ANTLER_JSON_ARRAY && antler__json_length(calls) == 1 &&
                antler__json_type(antler__json_first(calls)) == ANTLER_JSON_ARRAY;
    const antler_json *tensor = once ? antler__json_first(antler__json_first(calls)) : NULL;
    o->n = strchr(o->function->takes, ' ') ? 2 : 1;
    for (int i = 0; i < o->n; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        o->constant[i] = constants ? antler__json_get(constants, number) : NULL;
        if (o->constant[i])
            continue;
        if (antler__json_type(tensor) != ANTLER_JSON_ARRAY || antler__json_length(tensor) < 3)
            return false;
        o->tensor[i] = tensor;
        tensor = antler__json_next(tensor);
    }
    return !tensor && (o->tensor[0] || o->tensor[1]);
}

/* ["x", 0, 0]; with a fourth item to come */
static antler_json *add_reference(antler_json *parent, const char *key, const antler_json *tensor)
{
    antler_json *list = antler__json_array(parent, key);
    const antler_json *item = list ? antler__json_first(tensor) : NULL;
    for (int i = 0; i < 3 && item; i++, item = antler__json_next(item))
        if (!antler__json_add_copy(list, NULL, item))
            return NULL;
    return list;
}

static bool add_call(antler_json *to, const operation *o)
{
    char second[32] = "", third[32] = "";
    sscanf(o->function->takes, "%*s %31s %31s", second, third);
    antler_json *calls = antler__json_array(to, "inbound_nodes"), *call;
    if (!calls)
        return false;
    if (o->tensor[0])
        call = add_reference(calls, NULL, o->tensor[0]);
    else
        call = antler__json_array(calls, NULL);
    bool fits = call && (o->tensor[0] || (antler__json_add_string(call, NULL, "_CONSTANT_VALUE") &&
                                          antler__json_add_number(call, NULL, -1) &&
                                          antler__json_add_copy(call, NULL, o->constant[0])));
    antler_json *named = fits ? antler__json_object(call, NULL) : NULL;
    fits = named;
    if (fits && o->n > 1)
        fits = o->tensor[1] ? add_reference(named, second, o->tensor[1]) != NULL
                            : antler__json_add_copy(named, second, o->constant[1]) != NULL;
    return fits && (!o->keeps || (*third && antler__json_add_bool(named, third, true)));
}

bool antler__old_operation(const antler_json *node, antler_json *to, bool *known)
{
    const antler_json *config = antler__json_get(node, "config"), *node_def = antler__json_get(config, "node_def");
    const char *name = antler__string_at(node, "name");
    operation o = {.function = find_function(antler__string_at(node_def, "op"))};
    *known = name && o.function && read_attributes(node_def, &o) && read_arguments(node, &o);
    if (!*known)
        return true;
    antler_json *own;
    return antler__json_add_string(to, "class_name", "TFOpLambda") && antler__json_add_string(to, "name", name) &&
           (own = antler__json_object(to, "config")) && antler__json_add_string(own, "name", name) &&
           antler__json_add_string(own, "function", o.function->function) && add_call(to, &o);
}
