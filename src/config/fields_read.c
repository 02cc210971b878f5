/* Configs, read: a value for each row of a type's table, checked and defaulted. */
#include "config/fields.h"

#include "config/old.h"
#include "config/registry.h"
#include "config/unknown.h"
#include "core/memory.h"
#include "core/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- values ------------------------------------------------------------------------------------------------------ */

enum { BRIEF = 80 };

antler_status antler__value_wrong(antler_report *report, const antler_place *place, const antler_json *node,
                                  const char *expected)
{
    char brief[BRIEF];
    return antler__report_error(report, ANTLER_VALUE, place, "%s is not %s",
                                antler__json_brief(node, brief, sizeof brief), expected);
}

/* A string, or an object that stands for one ({"class_name": "DTypePolicy", "config": {"name": "float32"}}). */
static const char *string_of(const antler_json *node)
{
    if (node && antler__json_type(node) == ANTLER_JSON_OBJECT) {
        const antler_json *config = antler__json_get(node, "config");
        node = config ? antler__json_get(config, "name") : NULL;
    }
    return node && antler__json_type(node) == ANTLER_JSON_STRING ? antler__json_string(node) : NULL;
}

static antler_status read_choice(const antler_field *field, const char *string, const antler_place *place,
                                 antler_report *report, const char **value)
{
    char list[256] = "";
    for (const char *const *choice = field->choices; *choice; choice++) {
        if (strcmp(*choice, string) == 0) {
            *value = *choice;
            return ANTLER_OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s\"%s\"", used ? ", " : "", *choice);
    }
    return antler__report_error(report, ANTLER_VALUE, place, "\"%s\" is not one of %s", string, list);
}

static antler_status copy_string(const char *string, const antler_place *place, antler_report *report,
                                 const char **value)
{
    *value = antler__copy_text(string);
    return *value ? ANTLER_OK : antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
}

static antler_status read_string(const antler_field *field, const antler_json *node, const antler_place *place,
                                 antler_report *report, const char **value)
{
    const char *string = string_of(node), *class_name = antler__string_at(node, "class_name");
    char brief[BRIEF];
    if (!string && class_name) /* such as a quantized layer's dtype */
        return antler__report_error(report, ANTLER_UNSUPPORTED, place, "%.80s %s is not supported; expected a string",
                                    class_name,
                                    antler__json_brief(antler__json_get(node, "config"), brief, sizeof brief));
    if (!string)
        return antler__value_wrong(report, place, node, "a string");
    if (field->choices)
        return read_choice(field, string, place, report, value);
    return copy_string(string, place, report, value);
}

static antler_status read_strings(const antler_json *node, const antler_place *place, antler_report *report,
                                  const char **value)
{
    if (antler__json_type(node) == ANTLER_JSON_STRING)
        return copy_string(antler__json_string(node), place, report, &value[0]);
    if (antler__json_type(node) != ANTLER_JSON_ARRAY || antler__json_length(node) >= ANTLER_MAX_STRINGS)
        return antler__value_wrong(report, place, node, "a short list of strings");
    int64_t i = 0;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item), i++) {
        antler_place there = antler__at_item(place, i);
        if (antler__json_type(item) != ANTLER_JSON_STRING)
            return antler__value_wrong(report, &there, item, "a string");
        ANTLER_TRY(copy_string(antler__json_string(item), &there, report, &value[i]));
    }
    return ANTLER_OK;
}

static antler_status add_object(const antler_field *field, const antler_json *node, const antler_place *place,
                                antler_report *report, antler_objects *value)
{
    if (antler__json_type(node) == ANTLER_JSON_NULL)
        return antler__value_wrong(report, place, node, "an object");
    if (!antler__grow_by(&value->item, (size_t)value->n, 1, sizeof *value->item))
        return antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    return antler__object_read(field->of, node, place, report, &value->item[value->n++]);
}

static antler_status read_objects(const antler_field *field, const antler_json *node, const antler_place *place,
                                  antler_report *report, antler_objects *value)
{
    if (antler__json_type(node) != ANTLER_JSON_ARRAY)
        return antler__value_wrong(report, place, node, "a list");
    antler_status status = ANTLER_OK;
    int64_t i = 0;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item), i++) {
        antler_place there = antler__at_item(place, i);
        antler_status one = add_object(field, item, &there, report, value);
        status = status == ANTLER_OK ? one : status;
    }
    return status;
}

/* The type has the key's name. */
static antler_status read_settings(const char *key, const antler_json *node, const antler_place *place,
                                   antler_report *report, antler_object *value)
{
    const antler_type *type = antler_type_find(ANTLER_KIND_SETTINGS, key);
    if (antler__json_type(node) != ANTLER_JSON_OBJECT)
        return antler__value_wrong(report, place, node, "an object");
    ANTLER_TRY(antler__config_read(type, node, place, report, &value->config));
    value->type = type;
    return ANTLER_OK;
}

static antler_status read_object(const antler_field *field, const antler_json *node, const antler_place *place,
                                 antler_report *report, antler_object *value)
{
    if (antler__json_type(node) == ANTLER_JSON_NULL)
        return field->flags & ANTLER_NULLABLE ? ANTLER_OK : antler__value_wrong(report, place, node, "an object");
    if (field->of == ANTLER_KIND_SETTINGS)
        return read_settings(field->key, node, place, report, value);
    return antler__object_read(field->of, node, place, report, value);
}

/* What ANTLER_ANY demands of a key that we do not act on. */
static antler_status check_neutral(const antler_field *field, const antler_json *node, const antler_place *place,
                                   antler_report *report)
{
    char brief[BRIEF];
    if (!field->def || antler__json_type(node) == ANTLER_JSON_NULL)
        return ANTLER_OK;
    int same = antler__json_is(node, field->def);
    if (same < 0)
        return antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    if (same)
        return ANTLER_OK;
    antler__json_brief(node, brief, sizeof brief);
    return antler__report_error(report, ANTLER_UNSUPPORTED, place, "%s is not supported, only %s is", brief,
                                field->def);
}

static antler_status read_value(const antler_field *field, const antler_json *node, const antler_place *place,
                                antler_report *report, void *config)
{
    void *value = (char *)config + field->offset;
    if (field->kind == ANTLER_ANY)
        return check_neutral(field, node, place, report);
    if (field->flags & ANTLER_BY_OUTPUT)
        return antler__by_output_read(field, node, place, report, value);
    if (antler__json_type(node) == ANTLER_JSON_NULL && field->flags & ANTLER_NULLABLE) {
        antler__number_set_null(field, value);
        return ANTLER_OK;
    }
    switch (field->kind) {
    case ANTLER_BOOL:
        if (antler__json_type(node) != ANTLER_JSON_BOOL)
            return antler__value_wrong(report, place, node, "true or false");
        *(bool *)value = antler__json_bool(node);
        return ANTLER_OK;
    case ANTLER_STRING:
        return read_string(field, node, place, report, value);
    case ANTLER_STRINGS:
        return read_strings(node, place, report, value);
    case ANTLER_OBJECT:
        return read_object(field, node, place, report, value);
    case ANTLER_OBJECTS:
        return read_objects(field, node, place, report, value);
    default:
        return antler__number_read(field, node, place, report, value);
    }
}

/* ---- a config ---------------------------------------------------------------------------------------------------- */

/* What the config has for a row, by its key or by the one that Keras 2 had; NULL: nothing. */
static const antler_json *given(const antler_field *field, const antler_json *config)
{
    const antler_json *node = config ? antler__json_get(config, field->key) : NULL;
    return node || !config || !field->legacy ? node : antler__json_get(config, field->legacy);
}

static antler_status apply_default(const antler_field *field, const antler_json *config_node, const antler_place *place,
                                   antler_report *report, void *config)
{
    if (field->kind == ANTLER_ANY || !field->def || given(field, config_node))
        return ANTLER_OK; /* nothing to fill in, or it will be read */
    antler_json *node;
    ANTLER_TRY(antler__json_parse(field->def, strlen(field->def), &node, report->err));
    antler_status status = read_value(field, node, place, report, config);
    antler__json_free(node);
    return status;
}

static antler_status check_required(const antler_type *type, const antler_field *field, const antler_json *config_node,
                                    const antler_place *place, antler_report *report)
{
    bool required = field->kind != ANTLER_ANY && !field->def;
    if (!required || given(field, config_node))
        return ANTLER_OK;
    if (antler__key_is_meant(type, field, config_node)) /* which has been told */
        return ANTLER_VALUE;
    return antler__report_error(report, ANTLER_VALUE, place, "missing; it has no default");
}

/* The row of a key, or of one that Keras 2 had for it. */
static const antler_field *find_row(const antler_type *type, const char *key)
{
    const antler_field *found = antler__field_find(type, key);
    antler_field_walk walk = antler__fields_of(type);
    for (const antler_field *field; !found && (field = antler__field_next(&walk));)
        found = field->legacy && strcmp(field->legacy, key) == 0 ? field : NULL;
    return found;
}

static antler_status refuse_twice(const antler_field *field, const antler_place *place, antler_report *report)
{
    return antler__report_error(report, ANTLER_NAME, place, "\"%s\" stands beside it, which means the same",
                                field->key);
}

static antler_status read_keys(const antler_type *type, const antler_json *node, const antler_place *place,
                               antler_report *report, void *config)
{
    antler_status status = ANTLER_OK;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item)) {
        const antler_field *field = find_row(type, antler__json_key(item));
        antler_place there = antler__at(place, antler__json_key(item));
        antler_status one = !field                       ? antler__key_unknown(type, item, &there, report)
                            : item != given(field, node) ? refuse_twice(field, &there, report)
                                                         : read_value(field, item, &there, report, config);
        status = status == ANTLER_OK ? one : status;
    }
    return status;
}

/* The rules across fields: the kind's, then the type's. */
static antler_status check_whole(const antler_type *type, const antler_place *place, antler_report *report,
                                 void *config)
{
    antler_error error = {0};
    antler_status status = antler__kind_check(type->kind, config, &error);
    if (status == ANTLER_OK && type->check)
        status = type->check(config, &error);
    if (status == ANTLER_OK)
        return ANTLER_OK;
    antler_place there = antler__at(place, error.place);
    return antler__report_error(report, status, *error.place ? &there : place, "%s",
                                *error.message ? error.message : antler_status_text(status));
}

static antler_status fill_config(const antler_type *type, const antler_json *node, const antler_place *place,
                                 antler_report *report, void *config)
{
    antler_status status = ANTLER_OK;
    antler_field_walk walk = antler__fields_of(type);
    for (const antler_field *field; (field = antler__field_next(&walk));) {
        antler_place there = antler__at(place, field->key);
        antler_status one = apply_default(field, node, &there, report, config);
        status = status == ANTLER_OK ? one : status;
    }
    if (node) {
        antler_status keys = read_keys(type, node, place, report, config);
        status = status == ANTLER_OK ? keys : status;
    }
    /* last, so that a misspelt key is named before the one that it should have been */
    walk = antler__fields_of(type);
    for (const antler_field *field; (field = antler__field_next(&walk));) {
        antler_place there = antler__at(place, field->key);
        antler_status one = check_required(type, field, node, &there, report);
        status = status == ANTLER_OK ? one : status;
    }
    return status == ANTLER_OK ? check_whole(type, place, report, config) : status;
}

antler_status antler__config_read(const antler_type *type, const antler_json *node, const antler_place *place,
                                  antler_report *report, void **config)
{
    *config = NULL;
    if (node && antler__json_type(node) == ANTLER_JSON_NULL)
        node = NULL;
    if (node && antler__json_type(node) != ANTLER_JSON_OBJECT)
        return antler__value_wrong(report, place, node, "an object with the keys of its class");
    void *filled = antler__allocate_zeroed(1, type->config_size);
    if (!filled)
        return antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    antler_status status = fill_config(type, node, place, report, filled);
    if (status != ANTLER_OK) {
        antler__config_free(type, filled);
        return status;
    }
    *config = filled;
    return ANTLER_OK;
}

/* ---- an object --------------------------------------------------------------------------------------------------- */

/* A name whose meaning changed with Keras 3 is in the table of its old meaning as "name@2". */
static const antler_type *find_type(antler_kind kind, const char *name, const antler_place *place,
                                    antler_report *report)
{
    const char *package = strrchr(name, '>'); /* "Custom>Adam": so Keras 2.11 to 2.15 call their own optimizers */
    char old[128];
    name = package ? package + 1 : name;
    snprintf(old, sizeof old, "%s@2", name);
    const antler_type *type = report->keras && report->keras < 300 ? antler_type_find(kind, old) : NULL;
    if (type)
        antler__report_note(report, place, "\"%.80s\" means what it meant in Keras 2: %s", name, type->doc);
    return type ? type : antler_type_find(kind, name);
}

static antler_status read_type(const antler_type *type, const antler_json *config, const antler_place *place,
                               antler_report *report, antler_object *object)
{
    void *filled;
    ANTLER_TRY(antler__config_read(type, config, place, report, &filled));
    *object = (antler_object){type, filled};
    return ANTLER_OK;
}

static antler_status read_named(antler_kind kind, const char *name, const antler_place *place,
                                const antler_json *config, const antler_place *config_place, antler_report *report,
                                antler_object *object)
{
    const antler_type *type = find_type(kind, name, place, report);
    return type ? read_type(type, config, config_place, report, object)
                : antler__class_unknown(kind, name, place, report);
}

/* The activation that a file of Keras 3 says by other things than a name; NULL for none. */
static const antler_type *activation_said(const antler_json *node)
{
    const antler_type *type, *found = NULL;
    for (int64_t i = 0; !found && (type = antler_type_at(ANTLER_KIND_ACTIVATION, i)); i++) {
        const char *keras = ((const antler_activation_ops *)type)->keras;
        antler_json *said = NULL;
        if (keras && antler__json_parse(keras, strlen(keras), &said, NULL) == ANTLER_OK &&
            antler__json_says(node, said))
            found = type;
        antler__json_free(said);
    }
    return found;
}

/* The type of a kind that is written as its first field, a number; NULL for none. */
static const antler_type *bare_number(antler_kind kind)
{
    const antler_type *type;
    for (int64_t i = 0; (type = antler_type_at(kind, i)); i++)
        if (type->flags & ANTLER_TYPE_BARE && type->fields && type->fields->kind == ANTLER_REAL)
            return type;
    return NULL;
}

static antler_status read_number(antler_kind kind, const antler_json *node, const antler_place *place,
                                 antler_report *report, antler_object *object)
{
    const antler_type *type = bare_number(kind);
    if (!type)
        return antler__value_wrong(report, place, node, "a name or an object with \"class_name\"");
    void *config = antler__allocate_zeroed(1, type->config_size);
    antler_status status = config ? read_value(type->fields, node, place, report, config)
                                  : antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    if (status == ANTLER_OK)
        *object = (antler_object){type, config};
    else
        antler__free(config);
    return status;
}

/* [cell, cell]: a type that a list stands for. */
static antler_status read_list(antler_kind kind, const antler_json *node, const antler_place *place,
                               antler_report *report, antler_object *object)
{
    const antler_type *type = NULL;
    for (int64_t i = 0; (type = antler_type_at(kind, i)) && !(type->flags & ANTLER_TYPE_LIST); i++)
        ;
    if (!type)
        return antler__value_wrong(report, place, node, "a name or an object with \"class_name\"");
    void *config = antler__allocate_zeroed(1, type->config_size);
    if (!config)
        return antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    antler_status status = read_value(type->fields, node, place, report, config);
    antler_field_walk walk = antler__fields_of(type);
    for (const antler_field *field; status == ANTLER_OK && (field = antler__field_next(&walk));)
        if (field != type->fields)
            status = apply_default(field, NULL, place, report, config);
    status = status == ANTLER_OK ? check_whole(type, place, report, config) : status;
    if (status == ANTLER_OK)
        *object = (antler_object){type, config};
    else
        antler__config_free(type, config);
    return status;
}

/* A metric that is given by a name is logged under it, as in Keras. */
static antler_status read_name(antler_kind kind, const char *name, const antler_place *place, antler_report *report,
                               antler_object *object)
{
    if (kind != ANTLER_KIND_METRIC)
        return read_named(kind, name, place, NULL, place, report, object);
    antler_json *config = antler__json_object(NULL, NULL);
    antler_status status = antler__json_add_string(config, "name", name)
                               ? read_named(kind, name, place, config, place, report, object)
                               : antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    antler__json_free(config);
    return status;
}

const char *antler__string_at(const antler_json *object, const char *key)
{
    const antler_json *node = object ? antler__json_get(object, key) : NULL;
    return node && antler__json_type(node) == ANTLER_JSON_STRING ? antler__json_string(node) : NULL;
}

/* Keras's ways to write a function as an object: {"class_name": "function", "config": "mse"}, and in the files of Keras
   2 a class that wraps it, {"class_name": "MeanMetricWrapper", "config": {"fn": "mse", "name": ...}}. */
static antler_status read_function(antler_kind kind, const antler_json *node, const antler_place *place,
                                   antler_report *report, antler_object *object)
{
    const antler_json *config = antler__json_get(node, "config");
    const char *name = antler__string_at(node, "class_name"), *function = antler__string_at(config, "fn");
    antler_place name_place = antler__at(place, "class_name"), there = antler__at(place, "config");
    const antler_type *said = kind == ANTLER_KIND_ACTIVATION ? activation_said(node) : NULL;
    if (said)
        return read_type(said, NULL, &there, report, object);
    if (strcmp(name, "function") == 0 && antler__string_at(node, "config"))
        return read_named(kind, antler__string_at(node, "config"), &there, NULL, &there, report, object);
    if (function && !antler_type_find(kind, name))
        return read_named(kind, function, &there, config, &there, report, object);
    return read_named(kind, name, &name_place, config, &there, report, object);
}

antler_status antler__object_read(antler_kind kind, const antler_json *node, const antler_place *place,
                                  antler_report *report, antler_object *object)
{
    *object = (antler_object){NULL, NULL};
    switch (antler__json_type(node)) {
    case ANTLER_JSON_NULL:
        return ANTLER_OK;
    case ANTLER_JSON_STRING:
        return read_name(kind, antler__json_string(node), place, report, object);
    case ANTLER_JSON_NUMBER:
        return read_number(kind, node, place, report, object);
    case ANTLER_JSON_ARRAY:
        return read_list(kind, node, place, report, object);
    case ANTLER_JSON_OBJECT:
        break;
    default:
        return antler__value_wrong(report, place, node, "a name or an object with \"class_name\"");
    }
    if (!antler__string_at(node, "class_name"))
        return antler__report_error(report, ANTLER_VALUE, place, "no \"class_name\", which names the %s",
                                    antler_kind_name(kind));
    return read_function(kind, node, place, report, object);
}
