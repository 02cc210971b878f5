#include "model/old_merge.h"

#include "config/fields.h"
#include "config/registry.h"

#include <stdio.h>
#include <string.h>

enum { MOST_PARTS = 16, DEEPEST = 8, LONGEST = ANTLER_LONGEST_NAME + 16 };

/* The models that a list of layers begins with; NULL: it does not. */
static const antler_json *parts_of(const antler_json *model)
{
    const antler_json *list = antler__json_get(model, "config");
    const antler_json *first = antler__json_type(list) == ANTLER_JSON_ARRAY ? antler__json_first(list) : NULL;
    const char *class_name = antler__string_at(first, "class_name");
    const antler_json *parts = antler__json_get(antler__json_get(first, "config"), "layers");
    bool merges = class_name && strcmp(class_name, "Merge") == 0 && antler__json_type(parts) == ANTLER_JSON_ARRAY;
    return merges ? parts : NULL;
}

/* Whether all of it are lists of layers, which have names: other models in it are left to be refused. */
static bool is_plain(const antler_json *model, int depth)
{
    const char *class_name = antler__string_at(model, "class_name");
    const antler_json *list = antler__json_get(model, "config"), *parts = parts_of(model);
    bool fits = class_name && strcmp(class_name, "Sequential") == 0 && depth < DEEPEST &&
                antler__json_type(list) == ANTLER_JSON_ARRAY && antler__json_length(list) > 0 &&
                (!parts || (antler__json_length(parts) > 1 && antler__json_length(parts) <= MOST_PARTS));
    for (const antler_json *item = fits ? antler__json_first(list) : NULL; fits && item;
         item = antler__json_next(item)) {
        const char *name = antler__string_at(antler__json_get(item, "config"), "name");
        fits = name && strlen(name) <= ANTLER_LONGEST_NAME;
    }
    for (const antler_json *part = fits && parts ? antler__json_first(parts) : NULL; fits && part;
         part = antler__json_next(part))
        fits = is_plain(part, depth + 1);
    return fits;
}

bool antler__old_joins(const antler_json *model)
{
    return parts_of(model) && is_plain(model, 0);
}

/* What the graph is made of. */
typedef struct joining {
    antler_json *layers, *inputs;
    bool fits;
} joining;

/* ["name", 0, 0] */
static bool add_reference(antler_json *list, const char *name)
{
    antler_json *item = list ? antler__json_array(list, NULL) : NULL;
    return item && antler__json_add_string(item, NULL, name) && antler__json_add_number(item, NULL, 0) &&
           antler__json_add_number(item, NULL, 0);
}

/* A copy of the layer that takes what `from` give, [[["a", 0, 0], ["b", 0, 0]]]; none: no call. */
static void add_layer(joining *j, const antler_json *layer, char from[][LONGEST], int n)
{
    antler_json *copy = antler__json_add_copy(j->layers, NULL, layer);
    antler_json *calls = copy ? antler__json_array(copy, "inbound_nodes") : NULL;
    antler_json *call = calls && n ? antler__json_array(calls, NULL) : calls;
    j->fits = j->fits && call &&
              antler__json_add_string(copy, "name", antler__string_at(antler__json_get(layer, "config"), "name"));
    for (int i = 0; j->fits && i < n; i++)
        j->fits = add_reference(call, from[i]);
}

/* The input of a list's first layer, whose config tells its shape. */
static void add_input(joining *j, const antler_json *first, char *name)
{
    const antler_json *config = antler__json_get(first, "config"),
                      *shape = antler__json_get(config, "batch_input_shape");
    snprintf(name, LONGEST, "%s_input", antler__string_at(config, "name"));
    antler_json *layer = antler__json_object(j->layers, NULL), *own;
    bool fits = layer && antler__json_add_string(layer, "class_name", antler__source_layer()->type.class_name) &&
                antler__json_add_string(layer, "name", name) && (own = antler__json_object(layer, "config")) &&
                antler__json_add_string(own, "name", name) &&
                (!shape || antler__json_add_copy(own, "batch_input_shape", shape)) &&
                antler__json_array(layer, "inbound_nodes");
    j->fits = j->fits && fits && add_reference(j->inputs, name);
}

/* Appends the layers of a list; last: the name of the one that gives what it computes. */
static void add_model(joining *j, const antler_json *model, char *last)
{
    const antler_json *parts = parts_of(model), *layer = antler__json_first(antler__json_get(model, "config"));
    char from[MOST_PARTS][LONGEST];
    int n = 0;
    for (const antler_json *part = parts ? antler__json_first(parts) : NULL; part; part = antler__json_next(part))
        add_model(j, part, from[n++]);
    const char *class_name = antler__string_at(layer, "class_name");
    bool source = class_name && strcmp(class_name, antler__source_layer()->type.class_name) == 0;
    if (!parts && !source)
        add_input(j, layer, from[n++]);
    for (; j->fits && layer; layer = antler__json_next(layer)) {
        const char *name = antler__string_at(antler__json_get(layer, "config"), "name");
        add_layer(j, layer, from, n);
        if (n == 0)
            j->fits = j->fits && add_reference(j->inputs, name);
        snprintf(from[0], LONGEST, "%s", name);
        n = 1;
    }
    snprintf(last, LONGEST, "%s", from[0]);
}

antler_json *antler__old_join(const antler_json *model)
{
    char last[LONGEST];
    antler_json *root = antler__json_object(NULL, NULL), *config, *outputs;
    bool made = root && antler__json_add_string(root, "class_name", "Functional") &&
                (config = antler__json_object(root, "config")) && antler__json_add_string(config, "name", "functional");
    joining j = {.layers = made ? antler__json_array(config, "layers") : NULL};
    j.inputs = made ? antler__json_array(config, "input_layers") : NULL;
    j.fits = j.layers && j.inputs;
    if (j.fits)
        add_model(&j, model, last);
    outputs = j.fits ? antler__json_array(config, "output_layers") : NULL;
    if (outputs && add_reference(outputs, last))
        return root;
    antler__json_free(root);
    return NULL;
}
