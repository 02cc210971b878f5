/* Indexes of an operator: x[:, 1:3] has [slice, slice] in JSON, ":, 1:3" in a config. */
#include "model/operator.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 30 }; /* of a number */

static bool add(char *text, size_t size, const char *part)
{
    size_t used = strlen(text);
    if (used + strlen(part) >= size)
        return false;
    strcpy(text + used, part);
    return true;
}

/* null: nothing. */
static bool add_number(char *text, size_t size, const antler_json *node)
{
    char part[32];
    if (!node || antler__json_type(node) == ANTLER_JSON_NULL)
        return true;
    double number = antler__json_number(node);
    if (antler__json_type(node) != ANTLER_JSON_NUMBER || !(fabs(number) <= MOST) || number != floor(number))
        return false;
    snprintf(part, sizeof part, "%.0f", number == 0 ? 0 : number);
    return add(text, size, part);
}

/* {"class_name": "__slice__", "config": {"start", "stop", "step"}}, in tf-keras the config alone. */
static bool add_slice(char *text, size_t size, const antler_json *node)
{
    const antler_json *config = antler__json_get(node, "config"), *slice = config ? config : node;
    const antler_json *step = antler__json_get(slice, "step");
    return add_number(text, size, antler__json_get(slice, "start")) && add(text, size, ":") &&
           add_number(text, size, antler__json_get(slice, "stop")) &&
           (!step || antler__json_type(step) == ANTLER_JSON_NULL ||
            (add(text, size, ":") && add_number(text, size, step)));
}

static bool add_item(char *text, size_t size, const antler_json *node)
{
    const char *class_name = antler__string_at(node, "class_name");
    switch (antler__json_type(node)) {
    case ANTLER_JSON_NULL:
        return add(text, size, "None");
    case ANTLER_JSON_NUMBER:
        return add_number(text, size, node);
    case ANTLER_JSON_OBJECT:
        if (class_name && strcmp(class_name, "__ellipsis__") == 0)
            return add(text, size, "...");
        return (!class_name || strcmp(class_name, "__slice__") == 0) && add_slice(text, size, node);
    default:
        return false;
    }
}

bool antler__index_text(const antler_json *node, char *text, size_t size)
{
    *text = '\0';
    if (antler__json_type(node) != ANTLER_JSON_ARRAY)
        return add_item(text, size, node);
    bool fits = true;
    for (const antler_json *item = antler__json_first(node); fits && item; item = antler__json_next(item))
        fits = (item == antler__json_first(node) || add(text, size, ", ")) && add_item(text, size, item);
    return fits && *text;
}

/* A number up to ':', or to the end; none: null. */
static bool write_number(const char **text, antler_json *config, const char *key)
{
    char *end;
    long number = strtol(*text, &end, 10);
    bool none = end == *text;
    *text = *end == ':' ? end + 1 : end;
    return none ? antler__json_add_null(config, key) != NULL
                : antler__json_add_number(config, key, (double)number) != NULL;
}

static bool write_item(const char *text, antler_json *list)
{
    bool ellipsis = strcmp(text, "...") == 0;
    if (strcmp(text, "None") == 0)
        return antler__json_add_null(list, NULL) != NULL;
    if (!ellipsis && !strchr(text, ':'))
        return antler__json_add_number(list, NULL, (double)strtol(text, NULL, 10)) != NULL;
    antler_json *object = antler__json_object(list, NULL);
    if (!antler__json_add_string(object, "class_name", ellipsis ? "__ellipsis__" : "__slice__"))
        return false;
    antler_json *config = antler__json_object(object, "config");
    return config && (ellipsis || (write_number(&text, config, "start") && write_number(&text, config, "stop") &&
                                   write_number(&text, config, "step")));
}

bool antler__index_write(const char *text, antler_json *parent)
{
    antler_json *list = antler__json_array(parent, NULL);
    while (list && *text) {
        char item[64];
        size_t length = strcspn(text, ",");
        snprintf(item, sizeof item, "%.*s", (int)length, text);
        if (!write_item(item, list))
            return false;
        text += length;
        text += strspn(text, ", ");
    }
    return list != NULL;
}
