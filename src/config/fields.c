/* Configs by their field tables. See fields.h; writing is in fields_write.c. */
#include "config/fields.h"
#include "core/status.h"

#include "config/registry.h"
#include "core/memory.h"
#include "core/number.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- finding a row ---- */

struct antler_layer_keys *antler__layer_keys(antler_object layer)
{
    return layer.config;
}

static const antler_field *find_in(const antler_field *field, const char *key)
{
    for (; field && field->kind != ANTLER_END; field++)
        if (strcmp(field->key, key) == 0)
            return field;
    return NULL;
}

/* A type's own row for a key comes before its kind's, so that it can have another default. */
const antler_field *antler__field_find(const antler_type *type, const char *key)
{
    const antler_field *own = find_in(type->fields, key);
    return own ? own : find_in(antler__kind_fields(type->kind), key);
}

const antler_field *antler__field_next(const antler_type *type, const antler_field *field)
{
    bool own = true;
    if (!field) {
        field = antler__kind_fields(type->kind);
        own = false;
    } else {
        const antler_field *kind = antler__kind_fields(type->kind);
        for (own = true; kind && own && kind->kind != ANTLER_END; kind++)
            own = kind != field;
        field++;
    }
    while (!own && field && field->kind != ANTLER_END && find_in(type->fields, field->key))
        field++; /* the type has a row of its own */
    if (!own && (!field || field->kind == ANTLER_END))
        field = type->fields;
    return field && field->kind != ANTLER_END ? field : NULL;
}

const antler_field *antler_type_field(const antler_type *type, int64_t index)
{
    const antler_field *field = antler__field_next(type, NULL);
    for (; field && index > 0; index--)
        field = antler__field_next(type, field);
    return field;
}

/* ---- reports ---- */

antler_status antler__report_error(antler_report *report, antler_status status, const char *place, const char *format,
                                   ...)
{
    antler_error error = {.status = status};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    snprintf(error.place, sizeof error.place, "%s", place ? place : "");
    report->errors++;
    if (report->on_error)
        report->on_error(report->user, &error);
    return antler_error_set(report->err, status, place, "%s", error.message);
}

void antler__report_warning(antler_report *report, const char *place, const char *format, ...)
{
    if (!report->on_warning)
        return;
    antler_error warning = {.status = ANTLER_OK};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(warning.message, sizeof warning.message, format, arguments);
    va_end(arguments);
    antler_one_line(warning.message);
    snprintf(warning.place, sizeof warning.place, "%s", place ? place : "");
    antler_one_line(warning.place);
    report->on_warning(report->user, &warning);
}

const char *antler__place(char *text, size_t size, const char *parent, const char *key)
{
    size_t before = strlen(parent), dot = before && *key != '[', length = strlen(key);
    if (before + dot + length >= size) { /* too deep to name: the end says more than the beginning */
        parent = "...";
        before = 3;
        dot = 0;
        length = length < size - 4 ? length : size - 4;
    }
    memmove(text, parent, before);
    if (dot)
        text[before] = '.';
    memcpy(text + before + dot, key, length);
    text[before + dot + length] = 0;
    return text;
}

const char *antler__place_item(char *text, size_t size, const char *parent, int64_t index)
{
    char item[32];
    snprintf(item, sizeof item, "[%lld]", (long long)index);
    return antler__place(text, size, parent, item);
}

/* ---- reading ---- */

enum { PLACE = 256, BRIEF = 80 };

static antler_status wrong(antler_report *report, const char *place, const antler_json *node, const char *expected)
{
    char brief[BRIEF];
    return antler__report_error(report, ANTLER_VALUE, place, "%s is not %s",
                                antler__json_brief(node, brief, sizeof brief), expected);
}

static antler_status check_range(const antler_field *field, const antler_json *node, double value, const char *place,
                                 antler_report *report)
{
    bool low = field->flags & ANTLER_OPEN_MIN ? value > field->min : value >= field->min;
    bool high = field->flags & ANTLER_OPEN_MAX ? value < field->max : value <= field->max;
    if (field->min == field->max || (low && high))
        return ANTLER_OK;
    char range[BRIEF];
    snprintf(range, sizeof range, "in %c%.10g, %.10g%c", field->flags & ANTLER_OPEN_MIN ? '(' : '[', field->min,
             field->max, field->flags & ANTLER_OPEN_MAX ? ')' : ']');
    return wrong(report, place, node, range);
}

static antler_status read_int(const antler_field *field, const antler_json *node, const char *place,
                              antler_report *report, int64_t *value)
{
    bool null = antler__json_type(node) == ANTLER_JSON_NULL && field->flags & ANTLER_NULLABLE;
    double number = antler__json_number(node);
    if (null) {
        *value = ANTLER_NULL;
        return ANTLER_OK;
    }
    if (antler__json_type(node) != ANTLER_JSON_NUMBER || !(fabs(number) <= ANTLER_DOUBLE_EXACT) ||
        number != floor(number))
        return wrong(report, place, node, "an integer");
    ANTLER_TRY(check_range(field, node, number, place, report));
    *value = (int64_t)number;
    return ANTLER_OK;
}

static antler_status read_real(const antler_field *field, const antler_json *node, const char *place,
                               antler_report *report, double *value)
{
    double number = antler__json_number(node);
    if (antler__json_type(node) != ANTLER_JSON_NUMBER)
        return wrong(report, place, node, "a number");
    if (!isfinite(number))
        return antler__report_error(report, ANTLER_VALUE, place, "%g is not a finite number", number);
    ANTLER_TRY(check_range(field, node, number, place, report));
    *value = number;
    return ANTLER_OK;
}

/* A list, or Keras's way to say tuple. */
static const antler_json *list_of(const antler_json *node)
{
    if (antler__json_type(node) == ANTLER_JSON_ARRAY)
        return node;
    const antler_json *name = antler__json_get(node, "class_name");
    if (name && antler__json_type(name) == ANTLER_JSON_STRING && strcmp(antler__json_string(name), "__tuple__") == 0)
        return antler__json_get(node, "items");
    return NULL;
}

static antler_status read_ints(const antler_field *field, const antler_json *node, const char *place,
                               antler_report *report, int64_t *value)
{
    const antler_json *list = list_of(node);
    int most = field->count ? field->count : ANTLER_MAX_RANK;
    for (int i = 0; field->flags & ANTLER_AXES && i <= ANTLER_MAX_RANK; i++)
        value[i] = ANTLER_NULL;
    if (!list) { /* one number */
        ANTLER_TRY(read_int(field, node, place, report, &value[0]));
        for (int i = 1; i < field->count; i++)
            value[i] = value[0];
        return ANTLER_OK;
    }
    int64_t length = antler__json_length(list);
    char expected[BRIEF];
    snprintf(expected, sizeof expected, field->count ? "a list of %d integers" : "a list of 1 to %d integers", most);
    if (length < 1 || length > most || (field->count && length != field->count))
        return wrong(report, place, node, expected);
    int64_t i = 0;
    for (const antler_json *item = antler__json_first(list); item; item = antler__json_next(item), i++) {
        char there[PLACE];
        ANTLER_TRY(read_int(field, item, antler__place_item(there, sizeof there, place, i), report, &value[i]));
        if (value[i] == 0 && !field->count && !(field->flags & ANTLER_AXES)) /* it would end the list */
            return wrong(report, there, item, "possible here");
    }
    return ANTLER_OK;
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

static antler_status read_choice(const antler_field *field, const char *string, const char *place,
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

static antler_status copy_string(const char *string, const char *place, antler_report *report, const char **value)
{
    *value = antler__copy_text(string);
    return *value ? ANTLER_OK : antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
}

static antler_status read_string(const antler_field *field, const antler_json *node, const char *place,
                                 antler_report *report, const char **value)
{
    const char *string = string_of(node);
    if (!string)
        return wrong(report, place, node, "a string");
    if (field->choices)
        return read_choice(field, string, place, report, value);
    return copy_string(string, place, report, value);
}

static antler_status read_strings(const antler_json *node, const char *place, antler_report *report, const char **value)
{
    if (antler__json_type(node) == ANTLER_JSON_STRING)
        return copy_string(antler__json_string(node), place, report, &value[0]);
    if (antler__json_type(node) != ANTLER_JSON_ARRAY || antler__json_length(node) >= ANTLER_MAX_STRINGS)
        return wrong(report, place, node, "a short list of strings");
    int64_t i = 0;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item), i++) {
        char there[PLACE];
        antler__place_item(there, sizeof there, place, i);
        if (antler__json_type(item) != ANTLER_JSON_STRING)
            return wrong(report, there, item, "a string");
        ANTLER_TRY(copy_string(antler__json_string(item), there, report, &value[i]));
    }
    return ANTLER_OK;
}

static antler_status read_objects(const antler_field *field, const antler_json *node, const char *place,
                                  antler_report *report, antler_objects *value)
{
    if (antler__json_type(node) != ANTLER_JSON_ARRAY)
        return wrong(report, place, node, "a list");
    int64_t n = antler__json_length(node);
    value->item = antler__allocate_zeroed((size_t)n, sizeof *value->item);
    if (!value->item)
        return antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    antler_status status = ANTLER_OK;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item), value->n++) {
        char there[PLACE];
        antler__place_item(there, sizeof there, place, value->n);
        antler_status one = antler__json_type(item) == ANTLER_JSON_NULL
                                ? wrong(report, there, item, "an object")
                                : antler__object_read(field->of, item, there, report, &value->item[value->n]);
        status = status == ANTLER_OK ? one : status;
    }
    return status;
}

static void set_null(const antler_field *field, void *value)
{
    switch (field->kind) {
    case ANTLER_INT:
        *(int64_t *)value = ANTLER_NULL;
        break;
    case ANTLER_REAL:
        *(double *)value = (double)NAN;
        break;
    default: /* zeroed memory is null */
        break;
    }
}

/* What ANTLER_ANY demands of a key that we do not act on. */
static antler_status check_neutral(const antler_field *field, const antler_json *node, const char *place,
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

static antler_status read_value(const antler_field *field, const antler_json *node, const char *place,
                                antler_report *report, void *config)
{
    void *value = (char *)config + field->offset;
    if (field->kind == ANTLER_ANY)
        return check_neutral(field, node, place, report);
    if (antler__json_type(node) == ANTLER_JSON_NULL && field->flags & ANTLER_NULLABLE) {
        set_null(field, value);
        return ANTLER_OK;
    }
    switch (field->kind) {
    case ANTLER_INT:
        return read_int(field, node, place, report, value);
    case ANTLER_REAL:
        return read_real(field, node, place, report, value);
    case ANTLER_BOOL:
        if (antler__json_type(node) != ANTLER_JSON_BOOL)
            return wrong(report, place, node, "true or false");
        *(bool *)value = antler__json_bool(node);
        return ANTLER_OK;
    case ANTLER_STRING:
        return read_string(field, node, place, report, value);
    case ANTLER_INTS:
        return read_ints(field, node, place, report, value);
    case ANTLER_STRINGS:
        return read_strings(node, place, report, value);
    case ANTLER_OBJECT:
        if (antler__json_type(node) == ANTLER_JSON_NULL)
            return wrong(report, place, node, "an object");
        return antler__object_read(field->of, node, place, report, value);
    case ANTLER_OBJECTS:
        return read_objects(field, node, place, report, value);
    default:
        return ANTLER_OK;
    }
}

static antler_status apply_default(const antler_field *field, const antler_json *config_node, const char *place,
                                   antler_report *report, void *config)
{
    if (field->kind == ANTLER_ANY || !field->def || (config_node && antler__json_get(config_node, field->key)))
        return ANTLER_OK; /* nothing to fill in, or it will be read */
    antler_json *node;
    ANTLER_TRY(antler__json_parse(field->def, strlen(field->def), &node, report->err));
    antler_status status = read_value(field, node, place, report, config);
    antler__json_free(node);
    return status;
}

static antler_status check_required(const antler_field *field, const antler_json *config_node, const char *place,
                                    antler_report *report)
{
    bool required = field->kind != ANTLER_ANY && !field->def;
    if (!required || (config_node && antler__json_get(config_node, field->key)))
        return ANTLER_OK;
    return antler__report_error(report, ANTLER_VALUE, place, "missing; it has no default");
}

static antler_status read_unknown(const antler_type *type, const antler_json *item, const char *place,
                                  antler_report *report)
{
    const char *key = antler__json_key(item), *nearest = NULL;
    bool neutral = antler__json_type(item) == ANTLER_JSON_NULL ||
                   (antler__json_type(item) == ANTLER_JSON_BOOL && !antler__json_bool(item));
    int best = (int)strlen(key) / 3 + 2;
    for (const antler_field *field = antler__field_next(type, NULL); field; field = antler__field_next(type, field)) {
        int distance = antler_name_distance(field->key, key);
        if (distance < best) {
            best = distance;
            nearest = field->key;
        }
    }
    if (neutral) {
        antler__report_warning(report, place, "%s has no such key; it is ignored", type->class_name);
        return ANTLER_OK;
    }
    return antler__report_error(report, ANTLER_NAME, place, "%s has no such key%s%s%s", type->class_name,
                                nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static antler_status read_keys(const antler_type *type, const antler_json *node, const char *place,
                               antler_report *report, void *config)
{
    antler_status status = ANTLER_OK;
    char there[PLACE];
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item)) {
        const antler_field *field = antler__field_find(type, antler__json_key(item));
        antler__place(there, sizeof there, place, antler__json_key(item));
        antler_status one =
            field ? read_value(field, item, there, report, config) : read_unknown(type, item, there, report);
        status = status == ANTLER_OK ? one : status;
    }
    return status;
}

static antler_status check_whole(const antler_type *type, const char *place, antler_report *report, void *config)
{
    if (!type->check)
        return ANTLER_OK;
    antler_error error = {0};
    char there[PLACE];
    antler_status status = type->check(config, &error);
    if (status != ANTLER_OK)
        antler__report_error(report, status,
                             *error.place ? antler__place(there, sizeof there, place, error.place) : place, "%s",
                             *error.message ? error.message : antler_status_text(status));
    return status;
}

static antler_status fill_config(const antler_type *type, const antler_json *node, const char *place,
                                 antler_report *report, void *config)
{
    antler_status status = ANTLER_OK;
    char there[PLACE];
    for (const antler_field *field = antler__field_next(type, NULL); field; field = antler__field_next(type, field)) {
        antler_status one =
            apply_default(field, node, antler__place(there, sizeof there, place, field->key), report, config);
        status = status == ANTLER_OK ? one : status;
    }
    if (node) {
        antler_status keys = read_keys(type, node, place, report, config);
        status = status == ANTLER_OK ? keys : status;
    }
    /* last, so that a misspelt key is named before the one that it should have been */
    for (const antler_field *field = antler__field_next(type, NULL); field; field = antler__field_next(type, field)) {
        antler_status one = check_required(field, node, antler__place(there, sizeof there, place, field->key), report);
        status = status == ANTLER_OK ? one : status;
    }
    return status == ANTLER_OK ? check_whole(type, place, report, config) : status;
}

antler_status antler__config_read(const antler_type *type, const antler_json *node, const char *place,
                                  antler_report *report, void **config)
{
    *config = NULL;
    if (node && antler__json_type(node) == ANTLER_JSON_NULL)
        node = NULL;
    if (node && antler__json_type(node) != ANTLER_JSON_OBJECT)
        return wrong(report, place, node, "an object with the keys of its class");
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

static antler_status unknown_class(antler_kind kind, const char *name, const char *place, antler_report *report)
{
    const char *nearest = antler_type_nearest(kind, name);
    return antler__report_error(report, ANTLER_NAME, place, "unknown %s \"%.80s\"%s%s%s", antler_kind_name(kind), name,
                                nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static antler_status read_named(antler_kind kind, const char *name, const char *place, const antler_json *config,
                                const char *config_place, antler_report *report, antler_object *object)
{
    const antler_type *type = antler_type_find(kind, name);
    if (!type)
        return unknown_class(kind, name, place, report);
    void *filled;
    ANTLER_TRY(antler__config_read(type, config, config_place, report, &filled));
    *object = (antler_object){type, filled};
    return ANTLER_OK;
}

/* A number, where the kind has a type "Constant" whose first field takes it. */
static antler_status read_number(antler_kind kind, const antler_json *node, const char *place, antler_report *report,
                                 antler_object *object)
{
    const antler_type *type = antler_type_find(kind, "Constant");
    if (kind != ANTLER_KIND_SCHEDULE || !type)
        return wrong(report, place, node, "a name or an object with \"class_name\"");
    antler_json *config = antler__json_object(NULL, NULL);
    antler_json *item = antler__json_add_copy(config, type->fields->key, node);
    antler_status status = item ? ANTLER_OK : antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    void *filled = NULL;
    if (status == ANTLER_OK && !isfinite(antler__json_number(node)))
        status = wrong(report, place, node, "a finite number");
    if (status == ANTLER_OK) {
        antler_report quiet = {.err = NULL};
        status = antler__config_read(type, config, place, &quiet, &filled);
        if (status != ANTLER_OK)
            status = check_range(type->fields, node, antler__json_number(node), place, report);
    }
    antler__json_free(config);
    if (status == ANTLER_OK && filled)
        *object = (antler_object){type, filled};
    return status == ANTLER_OK && !filled ? antler__report_error(report, ANTLER_MEMORY, place, "out of memory")
                                          : status;
}

antler_status antler__object_read(antler_kind kind, const antler_json *node, const char *place, antler_report *report,
                                  antler_object *object)
{
    *object = (antler_object){NULL, NULL};
    char there[PLACE], name_place[PLACE];
    switch (antler__json_type(node)) {
    case ANTLER_JSON_NULL:
        return ANTLER_OK;
    case ANTLER_JSON_STRING:
        return read_named(kind, antler__json_string(node), place, NULL, place, report, object);
    case ANTLER_JSON_NUMBER:
        return read_number(kind, node, place, report, object);
    case ANTLER_JSON_OBJECT:
        break;
    default:
        return wrong(report, place, node, "a name or an object with \"class_name\"");
    }
    const antler_json *name = antler__json_get(node, "class_name"), *config = antler__json_get(node, "config");
    antler__place(name_place, sizeof name_place, place, "class_name");
    if (!name || antler__json_type(name) != ANTLER_JSON_STRING)
        return antler__report_error(report, ANTLER_VALUE, place, "no \"class_name\", which names the %s",
                                    antler_kind_name(kind));
    antler__place(there, sizeof there, place, "config");
    if (strcmp(antler__json_string(name), "function") == 0 && config &&
        antler__json_type(config) == ANTLER_JSON_STRING) /* how Keras writes a plain function */
        return read_named(kind, antler__json_string(config), there, NULL, there, report, object);
    return read_named(kind, antler__json_string(name), name_place, config, there, report, object);
}

/* ---- freeing, copying, looking into ---- */

static void free_value(const antler_field *field, void *value)
{
    switch (field->kind) {
    case ANTLER_STRING:
        if (!field->choices)
            antler__free(*(void **)value);
        break;
    case ANTLER_STRINGS:
        for (char **string = value; *string; string++)
            antler__free(*string);
        break;
    case ANTLER_OBJECT:
        antler_object_free(*(antler_object *)value);
        break;
    case ANTLER_OBJECTS:
        for (int64_t i = 0; i < ((antler_objects *)value)->n; i++)
            antler_object_free(((antler_objects *)value)->item[i]);
        antler__free(((antler_objects *)value)->item);
        break;
    default:
        break;
    }
}

void antler__config_free(const antler_type *type, void *config)
{
    if (!config)
        return;
    for (const antler_field *field = antler__field_next(type, NULL); field; field = antler__field_next(type, field))
        free_value(field, (char *)config + field->offset);
    antler__free(config);
}

void antler_object_free(antler_object object)
{
    if (object.type)
        antler__config_free(object.type, object.config);
}

void *antler_object_field(antler_object object, const char *key)
{
    const antler_field *field = object.type ? antler__field_find(object.type, key) : NULL;
    return field && field->kind != ANTLER_ANY ? (char *)object.config + field->offset : NULL;
}

antler_status antler_object_copy(antler_object object, antler_object *copy, antler_error *err)
{
    *copy = (antler_object){NULL, NULL};
    if (!object.type)
        return ANTLER_OK;
    antler_json *config = antler__config_write(object.type, object.config, NULL, NULL, ANTLER_STYLE_KERAS);
    if (!config)
        return antler__no_memory(err);
    antler_report report = {.err = err};
    void *filled;
    antler_status status = antler__config_read(object.type, config, "", &report, &filled);
    antler__json_free(config);
    if (status == ANTLER_OK)
        *copy = (antler_object){object.type, filled};
    return status;
}
