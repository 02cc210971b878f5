/* What is not known, by its place, with the name that may have been meant. */
#include "config/unknown.h"

#include "config/names.h"
#include "config/old.h"
#include "config/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED = 320 }; /* bytes of a list of what there is; a longer one is left out */

/* Appends a name; false where it does not fit. */
static bool list(char *text, const char *name)
{
    size_t used = strlen(text);
    return snprintf(text + used, LISTED - used, "%s%s", used ? ", " : "", name) < (int)(LISTED - used);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static const antler_field *nearest_key(const antler_type *type, const char *key)
{
    const antler_field *nearest = NULL;
    int best = 2 * ((int)strlen(key) / 3 + 2);
    antler_field_walk walk = antler__fields_of(type);
    for (const antler_field *field; (field = antler__field_next(&walk));) {
        int distance = antler__name_unlike(key, field->key);
        if (distance < best) {
            best = distance;
            nearest = field;
        }
    }
    return nearest;
}

/* A value that says nothing: Keras adds keys with each version. */
static bool is_neutral(const antler_json *value)
{
    return antler__json_is_null(value) || (antler__json_type(value) == ANTLER_JSON_BOOL && !antler__json_bool(value));
}

bool antler__key_is_meant(const antler_type *type, const antler_field *field, const antler_json *config)
{
    for (const antler_json *item = config ? antler__json_first(config) : NULL; item; item = antler__json_next(item))
        if (!antler__field_find(type, antler__json_key(item)) && !is_neutral(item) &&
            nearest_key(type, antler__json_key(item)) == field)
            return true;
    return false;
}

/* The keys of a type's own; false where there is no room for them. */
static bool list_keys(const antler_type *type, char *text)
{
    bool fits = true;
    for (const antler_field *field = type->fields; fits && field && field->kind != ANTLER_END; field++)
        fits = field->kind == ANTLER_ANY || list(text, field->key);
    return fits && *text;
}

antler_status antler__key_unknown(const antler_type *type, const antler_json *item, const antler_place *place,
                                  antler_report *report)
{
    char keys[LISTED] = "";
    const antler_field *nearest = nearest_key(type, antler__json_key(item));
    if (is_neutral(item)) {
        antler__report_warning(report, place, "%s has no such key; it is ignored", type->class_name);
        return ANTLER_OK;
    }
    if (nearest)
        return antler__report_error(report, ANTLER_NAME, place, "%s has no such key; did you mean \"%s\"?",
                                    type->class_name, nearest->key);
    return antler__report_error(report, ANTLER_NAME, place, "%s has no such key%s%s", type->class_name,
                                list_keys(type, keys) ? "; it has " : "", keys);
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

/* "0.01" where a number may stand in an object's place. */
static bool is_number(antler_kind kind, const char *name)
{
    char *end;
    bool takes = false;
    const antler_type *type;
    for (int64_t i = 0; !takes && (type = antler_type_at(kind, i)); i++)
        takes = type->flags & ANTLER_TYPE_BARE && type->fields && type->fields->kind == ANTLER_REAL;
    strtod(name, &end);
    return takes && *name && !*end;
}

/* All names of a kind; false where they are too many. */
static bool list_types(antler_kind kind, char *text)
{
    const antler_type *type;
    bool fits = true;
    for (int64_t i = 0; fits && (type = antler_type_at(kind, i)); i++)
        fits = strchr(type->class_name, '@') || list(text, type->class_name);
    if (!fits)
        *text = '\0';
    return fits && *text;
}

/* The activation whose name is near may be another function; one of the same letters is not. */
static antler_status refuse_layer(const char *name, const antler_place *place, antler_report *report)
{
    const char *nearest = antler_type_nearest(ANTLER_KIND_ACTIVATION, name);
    bool same = nearest && antler_name_distance(nearest, name) == 0;
    return antler__report_error(
        report, ANTLER_UNSUPPORTED, place,
        "\"%.80s\" is a layer, which is not supported as an activation: %s%s%sput it behind this "
        "layer, whose activation is \"linear\" then",
        name, same ? "write \"" : "", same ? nearest : "", same ? "\", or " : "");
}

/* A cell by itself, or a recurrent layer in the place of its cell. */
static antler_status wrong_kind(antler_kind is, antler_kind kind, const char *name, const antler_place *place,
                                antler_report *report)
{
    return antler__report_error(report, ANTLER_NAME, place, "\"%.80s\" is a %s%s, not a %s", name, antler_kind_name(is),
                                is == ANTLER_KIND_CELL ? " of an RNN" : "", antler_kind_name(kind));
}

antler_status antler__class_unknown(antler_kind kind, const char *name, const antler_place *place,
                                    antler_report *report)
{
    const antler_kind other = kind == ANTLER_KIND_CELL || kind == ANTLER_KIND_ACTIVATION ? ANTLER_KIND_LAYER
                              : kind == ANTLER_KIND_LAYER                                ? ANTLER_KIND_CELL
                                                                                         : ANTLER_KINDS;
    const bool acts = kind == ANTLER_KIND_ACTIVATION && antler_type_find(other, name);
    if (acts) /* the activation whose name is near is another function */
        return refuse_layer(name, place, report);
    if (antler_type_find(other, name))
        return wrong_kind(other, kind, name, place, report);
    for (const antler_old_class *row = antler__old_classes; row->before; row++)
        if (row->refused && strcmp(row->name, name) == 0)
            return antler__report_error(report, ANTLER_UNSUPPORTED, place, "%s is not supported: %s", name,
                                        row->refused);
    const char *nearest = antler_type_nearest(kind, name);
    char list[LISTED] = "";
    if (is_number(kind, name))
        return antler__report_error(report, ANTLER_VALUE, place,
                                    "\"%.40s\" is text, not a number: leave its quotes out", name);
    if (nearest)
        return antler__report_error(report, ANTLER_NAME, place, "unknown %s \"%.80s\"; did you mean \"%s\"?",
                                    antler_kind_name(kind), name, nearest);
    return antler__report_error(report, ANTLER_NAME, place, "unknown %s \"%.80s\"%s%s", antler_kind_name(kind), name,
                                list_types(kind, list) ? "; there are " : "", list);
}
