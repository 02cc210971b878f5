/* By what layers of a Functional refer to each other: their names, and ["x", 0, 0] in the forms of each Keras. */
#include "model/graph_references.h"

#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- names --------------------------------------------------------------------------------------------------------
 */

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const antler_graph_name *)a)->text, ((const antler_graph_name *)b)->text);
}

static int64_t find_member(const antler_graph_reader *r, const char *text)
{
    const antler_graph_name key = {text, 0},
                            *found = bsearch(&key, r->names, (size_t)r->tree->members, sizeof key, compare_names);
    return found ? found->member : -1;
}

antler_status antler__graph_no_memory(antler_graph_reader *r)
{
    return antler__report_error(r->report, ANTLER_MEMORY, NULL, "out of memory");
}

/* The name beside "config" counts; people leave out the one inside. */
static antler_status name_member(antler_graph_reader *r, int64_t i, const antler_json *node, const antler_place *place)
{
    antler_tree_member *member = &r->tree->member[i];
    const char *outside = antler__string_at(node, "name"), *inside = antler__member_name(member);
    if (!outside && !inside)
        return antler__report_error(r->report, ANTLER_VALUE, place,
                                    "no \"name\", by which the layers of a Functional refer to each other");
    if (outside && inside && strcmp(outside, inside) != 0)
        return antler__report_error(r->report, ANTLER_NAME, place, "two names: \"%.80s\", and \"%.80s\" in its config",
                                    outside, inside);
    if (!inside && antler__member_rename(member, outside) != ANTLER_OK)
        return antler__graph_no_memory(r);
    r->names[i] = (antler_graph_name){antler__member_name(member), i};
    return ANTLER_OK;
}

antler_status antler__graph_names(antler_graph_reader *r, const antler_json *layers, const antler_place *place)
{
    int64_t i = 0, n = r->tree->members;
    for (const antler_json *node = antler__json_first(layers); node; node = antler__json_next(node), i++) {
        antler_place there = antler__at_item(place, i);
        ANTLER_TRY(name_member(r, i, node, &there));
    }
    qsort(r->names, (size_t)n, sizeof *r->names, compare_names);
    for (i = 1; i < n; i++)
        if (strcmp(r->names[i - 1].text, r->names[i].text) == 0) {
            antler_place there = antler__at_item(place, r->names[i].member);
            return antler__report_error(r->report, ANTLER_NAME, &there, "two layers have the name \"%.80s\"",
                                        r->names[i].text);
        }
    return ANTLER_OK;
}

/* ---- references ---------------------------------------------------------------------------------------------------
 */

/* ["x", 0, 0], or ["x", 0, 0, {...}] of Keras 2 */
static bool is_reference(const antler_json *node)
{
    int64_t n = antler__json_type(node) == ANTLER_JSON_ARRAY ? antler__json_length(node) : 0;
    if ((n != 3 && n != 4) || antler__json_type(antler__json_first(node)) != ANTLER_JSON_STRING)
        return false;
    const antler_json *call = antler__json_next(antler__json_first(node)), *output = antler__json_next(call);
    return antler__json_type(call) == ANTLER_JSON_NUMBER && antler__json_type(output) == ANTLER_JSON_NUMBER;
}

/* {"class_name": "__keras_tensor__", "config": {"keras_history": [...]}}: what is referred to; NULL for anything else.
 */
static const antler_json *history(const antler_json *node)
{
    const char *class_name =
        antler__json_type(node) == ANTLER_JSON_OBJECT ? antler__string_at(node, "class_name") : NULL;
    if (!class_name || strcmp(class_name, "__keras_tensor__") != 0)
        return NULL;
    const antler_json *config = antler__json_get(node, "config");
    const antler_json *found =
        antler__json_type(config) == ANTLER_JSON_OBJECT ? antler__json_get(config, "keras_history") : NULL;
    return is_reference(found) ? found : NULL;
}

const antler_json *antler__reference(const antler_json *node)
{
    return is_reference(node) ? node : history(node);
}

static bool is_count(const antler_json *node, int64_t below)
{
    double number = antler__json_number(node);
    return number >= 0 && number < (double)below && number == floor(number);
}

antler_status antler__graph_reference(antler_graph_reader *r, const antler_json *node, const antler_place *place,
                                      antler_from *from)
{
    const antler_json *layer = antler__json_first(node), *call = antler__json_next(layer);
    const antler_json *output = antler__json_next(call);
    from->member = find_member(r, antler__json_string(layer));
    if (from->member < 0)
        return antler__report_error(r->report, ANTLER_NAME, place, "there is no layer \"%.80s\"",
                                    antler__json_string(layer));
    if (!is_count(call, ANTLER_MOST_CALLS) || !is_count(output, ANTLER_MANY))
        return antler__report_error(r->report, ANTLER_VALUE, place, "call %g, output %g of \"%.80s\" are not counts",
                                    antler__json_number(call), antler__json_number(output), antler__json_string(layer));
    from->call = (int64_t)antler__json_number(call);
    from->output = (int)antler__json_number(output);
    return ANTLER_OK;
}

antler_status antler__graph_append(antler_graph_reader *r, antler_references *l, antler_from from,
                                   const antler_place *place)
{
    if (l->n >= ANTLER_MANY)
        return antler__report_error(r->report, ANTLER_UNSUPPORTED, place, "a call of more than %d tensors",
                                    ANTLER_MANY);
    if (!antler__grow_by(&l->item, (size_t)l->n, 1, sizeof *l->item))
        return antler__graph_no_memory(r);
    l->item[l->n++] = from;
    return ANTLER_OK;
}

antler_status antler__graph_gather(antler_graph_reader *r, const antler_json *node, const antler_place *place,
                                   antler_references *to)
{
    const antler_json *tensor = antler__reference(node);
    antler_from from;
    if (tensor) {
        ANTLER_TRY(antler__graph_reference(r, tensor, place, &from));
        return antler__graph_append(r, to, from, place);
    }
    if (antler__json_type(node) == ANTLER_JSON_OBJECT && antler__json_get(node, "class_name"))
        return ANTLER_OK;
    if (antler__json_type(node) == ANTLER_JSON_OBJECT) {
        if (antler__json_length(node) > ANTLER_MANY) /* each item is looked for among all */
            return antler__report_error(r->report, ANTLER_UNSUPPORTED, place, "an object of more than %d items",
                                        ANTLER_MANY);
        for (const antler_json *item = antler__json_least(node); item; item = antler__json_after(node, item)) {
            antler_place there = antler__at(place, antler__json_key(item));
            ANTLER_TRY(antler__graph_gather(r, item, &there, to));
        }
        return ANTLER_OK;
    }
    int64_t i = 0;
    for (const antler_json *item = antler__json_type(node) == ANTLER_JSON_ARRAY ? antler__json_first(node) : NULL; item;
         item = antler__json_next(item), i++) {
        antler_place there = antler__at_item(place, i);
        ANTLER_TRY(antler__graph_gather(r, item, &there, to));
    }
    return ANTLER_OK;
}

const antler_json *antler__graph_no_tensor(const antler_json *node)
{
    const bool is_list = antler__json_type(node) == ANTLER_JSON_ARRAY ||
                         (antler__json_type(node) == ANTLER_JSON_OBJECT && !antler__json_get(node, "class_name"));
    if (antler__reference(node))
        return NULL;
    const antler_json *item = is_list ? antler__json_first(node) : NULL;
    for (; item; item = antler__json_next(item)) {
        const antler_json *found = antler__graph_no_tensor(item);
        if (found)
            return found;
    }
    return is_list && antler__json_first(node) ? NULL : node;
}
