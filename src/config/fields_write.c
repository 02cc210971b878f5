/* Configs, written as JSON. */
#include "config/fields.h"

#include "config/registry.h"

#include "core/memory.h"
#include "core/status.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int antler__json_is(const antler_json *node, const char *json)
{
    antler_json *other;
    if (antler__json_parse(json, strlen(json), &other, NULL) != ANTLER_OK)
        return -1;
    char a[256], b[256];
    int same = strcmp(antler__json_brief(node, a, sizeof a), antler__json_brief(other, b, sizeof b)) == 0;
    antler__json_free(other);
    return same;
}

static antler_json *add_int(antler_json *parent, const char *key, int64_t value)
{
    return value == ANTLER_NULL ? antler__json_add_null(parent, key)
                                : antler__json_add_number(parent, key, (double)value);
}

/* For a list that could not be filled: a root belongs to nobody else. */
static antler_json *give_up(antler_json *list, const antler_json *parent)
{
    if (!parent)
        antler__json_free(list);
    return NULL;
}

static antler_json *write_ints(const antler_field *field, const int64_t *value, antler_json *parent, const char *key)
{
    const int64_t end = field->flags & ANTLER_AXES ? ANTLER_NULL : 0;
    if (value[0] == end && field->flags & ANTLER_NULLABLE && !(field->flags & ANTLER_EMPTY))
        return antler__json_add_null(parent, key);
    if (field->count == 1)
        return add_int(parent, key, value[0]);
    antler_json *list = antler__json_array(parent, key);
    for (int i = 0; list && (field->count ? i < field->count : i < ANTLER_MAX_RANK && value[i] != end); i++)
        if (!add_int(list, NULL, value[i]))
            return give_up(list, parent);
    return list;
}

/* Whole numbers as such: they may be classes, and Keras takes no 1.0 for one. */
static antler_json *add_item(antler_json *list, double value)
{
    return value == floor(value) ? antler__json_add_number(list, NULL, value)
                                 : antler__json_add_real(list, NULL, value);
}

/* null; one number, as it was given; or a list. */
static antler_json *write_reals(const antler_field *field, const void *value, antler_json *parent, const char *key)
{
    const antler_numbers *any = value;
    const double *item = field->count ? value : any->value;
    const int64_t n = field->count ? field->count : any->n;
    if (field->flags & ANTLER_NULLABLE && (n == 0 || isnan(item[0])))
        return antler__json_add_null(parent, key);
    if (field->count > 1 && isnan(item[1]))
        return antler__json_add_real(parent, key, item[0]);
    antler_json *list = antler__json_array(parent, key);
    for (int64_t i = 0; list && i < n; i++)
        if (!add_item(list, item[i]))
            return give_up(list, parent);
    return list;
}

/* [1, 2] of one axis, [[1, 2], [0, 0]] of several. */
static antler_json *write_pairs(const antler_field *field, const int64_t *value, antler_json *parent, const char *key)
{
    antler_json *list = antler__json_array(parent, key);
    for (int i = 0; list && i < field->count; i += 2) {
        antler_json *pair = field->count == 2 ? list : antler__json_array(list, NULL);
        if (!pair || !add_int(pair, NULL, value[i]) || !add_int(pair, NULL, value[i + 1]))
            return give_up(list, parent);
    }
    return list;
}

static antler_json *write_strings(const char *const *value, antler_json *parent, const char *key)
{
    antler_json *list = antler__json_array(parent, key);
    for (; list && *value; value++)
        if (!antler__json_add_string(list, NULL, *value))
            return give_up(list, parent);
    return list;
}

static antler_json *write_objects(const antler_objects *objects, antler_json *parent, const char *key,
                                  antler_style style)
{
    antler_json *list = antler__json_array(parent, key);
    for (int64_t i = 0; list && i < objects->n; i++)
        if (!antler__object_write(objects->item[i], list, NULL, style))
            return give_up(list, parent);
    return list;
}

antler_json *antler__field_write(const antler_field *field, const void *config, antler_json *parent, const char *key,
                                 antler_style style)
{
    const void *value = (const char *)config + field->offset;
    if (field->flags & ANTLER_BY_OUTPUT)
        return antler__by_output_write(field, value, parent, key, style);
    switch (field->kind) {
    case ANTLER_INT:
        return field->choices && *(const int64_t *)value < 0
                   ? antler__json_add_string(parent, key, field->choices[-1 - *(const int64_t *)value])
                   : add_int(parent, key, *(const int64_t *)value);
    case ANTLER_REAL:
        return isnan(*(const double *)value) ? antler__json_add_null(parent, key)
                                             : antler__json_add_real(parent, key, *(const double *)value);
    case ANTLER_BOOL:
        return antler__json_add_bool(parent, key, *(const bool *)value);
    case ANTLER_STRING:
        return *(const char *const *)value ? antler__json_add_string(parent, key, *(const char *const *)value)
                                           : antler__json_add_null(parent, key);
    case ANTLER_INTS:
        if (field->flags & ANTLER_PAIRS)
            return write_pairs(field, value, parent, key);
        return write_ints(field, value, parent, key);
    case ANTLER_STRINGS:
        return write_strings(value, parent, key);
    case ANTLER_REALS:
        return write_reals(field, value, parent, key);
    case ANTLER_NUMBERS:
        return antler__numbers_write(value, parent, key);
    case ANTLER_OBJECT:
        return antler__object_write(*(const antler_object *)value, parent, key, style);
    default:
        return write_objects(value, parent, key, style);
    }
}

/* Whether the value is the field's default: 1 or 0; -1 without memory. */
static int is_default(const antler_field *field, const void *config)
{
    if (!field->def)
        return 0;
    antler_json *value = antler__field_write(field, config, NULL, NULL, ANTLER_STYLE_KERAS);
    if (!value)
        return -1;
    int same = antler__json_is(value, field->def);
    antler__json_free(value);
    return same;
}

antler_json *antler__config_write(const antler_type *type, const void *config, antler_json *parent, const char *key,
                                  antler_style style)
{
    antler_json *object = antler__json_object(parent, key);
    antler_field_walk walk = antler__fields_of(type);
    for (const antler_field *field; object && (field = antler__field_next(&walk));) {
        bool never = field->kind == ANTLER_ANY || field->flags & (ANTLER_UNSAVED | ANTLER_CALL);
        int skip = never ? 1 : field->flags & ANTLER_UNWRITTEN ? is_default(field, config) : 0;
        const char *name = style != ANTLER_STYLE_KERAS && field->legacy ? field->legacy : field->key;
        if (skip < 0 || (!skip && !antler__field_write(field, config, object, name, style))) {
            if (!parent)
                antler__json_free(object);
            return NULL;
        }
    }
    return object;
}

/* How Keras finds a function of its user's: by its name among the custom objects. */
static antler_json *write_function(const char *name, antler_json *parent, const char *key)
{
    antler_json *written = antler__json_object(parent, key);
    bool fits = antler__json_add_string(written, "module", "builtins") &&
                antler__json_add_string(written, "class_name", "function") &&
                antler__json_add_string(written, "config", name) &&
                antler__json_add_string(written, "registered_name", "function");
    return fits ? written : NULL;
}

/* The name that this meaning had in Keras 2: "name@2" among the aliases. */
static antler_json *write_old_name(const antler_type *type, antler_json *parent, const char *key)
{
    char name[128];
    snprintf(name, sizeof name, "%s", type->class_name);
    for (const char *const *alias = type->aliases; alias && *alias; alias++) {
        const char *mark = strstr(*alias, "@2");
        if (mark)
            snprintf(name, sizeof name, "%.*s", (int)(mark - *alias), *alias);
    }
    return antler__json_add_string(parent, key, name);
}

/* A type from outside is found by Keras, too, if its user gives it that name among the custom objects. */
antler_json *antler__object_write(antler_object object, antler_json *parent, const char *key, antler_style style)
{
    const antler_type *type = object.type;
    if (!type)
        return antler__json_add_null(parent, key);
    bool outside = !antler__is_builtin(type);
    if (type->kind == ANTLER_KIND_ACTIVATION && style == ANTLER_STYLE_KERAS2)
        return write_old_name(type, parent, key);
    const char *said = type->kind == ANTLER_KIND_ACTIVATION ? ((const antler_activation_ops *)type)->keras : NULL;
    if (said)
        return antler__json_add_parsed(parent, key, said);
    if (type->kind == ANTLER_KIND_ACTIVATION)
        return outside && style == ANTLER_STYLE_KERAS ? write_function(type->class_name, parent, key)
                                                      : antler__json_add_string(parent, key, type->class_name);
    if (type->flags & ANTLER_TYPE_BARE)
        return antler__field_write(type->fields, object.config, parent, key, style);
    if (type->kind == ANTLER_KIND_SETTINGS)
        return antler__config_write(type, object.config, parent, key, style);
    /* In a legacy file it means Keras 3; but of what stands in a layer or an optimizer, Keras 3 asks for it there too.
     */
    bool inside = type->kind == ANTLER_KIND_CELL || (type->kind == ANTLER_KIND_LAYER && key) ||
                  (type->kind == ANTLER_KIND_SCHEDULE && style != ANTLER_STYLE_KERAS2);
    bool modules = style == ANTLER_STYLE_KERAS || inside;
    const char *class_name = !modules && type->legacy_name ? type->legacy_name : type->class_name;
    antler_json *written = antler__json_object(parent, key);
    if (written && (!modules || antler__json_add_string(written, "module", antler__kind_module(type->kind))) &&
        antler__json_add_string(written, "class_name", class_name) &&
        antler__config_write(type, object.config, written, "config", style) &&
        (!modules || antler__json_add_string(written, "registered_name", outside ? type->class_name : NULL)))
        return written;
    if (!parent)
        antler__json_free(written);
    return NULL;
}
