/* Configs by their field tables: rows, reports, freeing, copying. See fields.h; reading is in fields_read.c, writing in
   fields_write.c. */
#include "config/fields.h"
#include "core/status.h"

#include "core/memory.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- finding a row ----------------------------------------------------------------------------------------------- */

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

antler_field_walk antler__fields_of(const antler_type *type)
{
    return (antler_field_walk){.type = type, .row = antler__kind_fields(type->kind)};
}

const antler_field *antler__field_next(antler_field_walk *walk)
{
    for (;;) {
        const antler_field *row = walk->row;
        if (row && row->kind != ANTLER_END) {
            walk->row++;
            if (walk->own || !find_in(walk->type->fields, row->key))
                return row; /* else the type has a row of its own */
        } else if (walk->own) {
            return NULL;
        } else {
            walk->own = true;
            walk->row = walk->type->fields;
        }
    }
}

const antler_field *antler_type_field(const antler_type *type, int64_t index)
{
    if (!type || index < 0)
        return NULL;
    antler_field_walk walk = antler__fields_of(type);
    const antler_field *field = antler__field_next(&walk);
    while (field && index-- > 0)
        field = antler__field_next(&walk);
    return field;
}

size_t antler__field_size(const antler_field *field)
{
    if (field->flags & ANTLER_BY_OUTPUT)
        return sizeof(antler_by_output);
    switch (field->kind) {
    case ANTLER_INT:
        return sizeof(int64_t);
    case ANTLER_REAL:
        return sizeof(double);
    case ANTLER_BOOL:
        return sizeof(bool);
    case ANTLER_STRING:
        return sizeof(char *);
    case ANTLER_INTS:
        return (field->count ? (size_t)field->count : ANTLER_MAX_RANK + 1) * sizeof(int64_t);
    case ANTLER_STRINGS:
        return ANTLER_MAX_STRINGS * sizeof(char *);
    case ANTLER_OBJECT:
        return sizeof(antler_object);
    case ANTLER_OBJECTS:
        return sizeof(antler_objects);
    case ANTLER_REALS:
        return field->count ? (size_t)field->count * sizeof(double) : sizeof(antler_numbers);
    case ANTLER_NUMBERS:
        return sizeof(antler_numbers);
    default:
        return 0;
    }
}

/* ---- reports ----------------------------------------------------------------------------------------------------- */

antler_place antler__at(const antler_place *up, const char *key)
{
    return (antler_place){.up = up, .key = key, .length = strlen(key)};
}

antler_place antler__at_item(const antler_place *up, int64_t index)
{
    return (antler_place){.up = up, .index = index};
}

ANTLER_PRINTF(4, 0)
static void describe(antler_error *error, antler_status status, const antler_place *place, const char *format,
                     va_list arguments)
{
    char message[sizeof error->message], where[sizeof error->place];
    vsnprintf(message, sizeof message, format, arguments);
    antler_error_set(error, status, antler__place_text(place, where, sizeof where), "%s", message);
}

antler_status antler__report_error(antler_report *report, antler_status status, const antler_place *place,
                                   const char *format, ...)
{
    antler_error error = {0};
    va_list arguments;
    va_start(arguments, format);
    describe(&error, status, place, format, arguments);
    va_end(arguments);
    report->errors++;
    if (report->on_error)
        report->on_error(report->user, &error);
    return antler__error_copy(report->err, &error);
}

ANTLER_PRINTF(4, 0)
static void tell(const antler_report *report, void (*hear)(void *user, const antler_error *told),
                 const antler_place *place, const char *format, va_list arguments)
{
    antler_error told = {0};
    if (!hear)
        return;
    describe(&told, ANTLER_OK, place, format, arguments);
    antler_one_line(told.message);
    antler_one_line(told.place);
    hear(report->user, &told);
}

void antler__report_warning(antler_report *report, const antler_place *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell(report, report->on_warning, place, format, arguments);
    va_end(arguments);
}

void antler__report_note(antler_report *report, const antler_place *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell(report, report->on_note, place, format, arguments);
    va_end(arguments);
}

/* ---- freeing, copying, looking into ------------------------------------------------------------------------------ */

void antler__objects_free(antler_objects *objects)
{
    for (int64_t i = 0; i < objects->n; i++)
        antler_object_free(objects->item[i]);
    antler__free(objects->item);
}

static void free_value(const antler_field *field, void *value)
{
    if (field->flags & ANTLER_BY_OUTPUT) {
        antler__by_output_free(value);
        return;
    }
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
        antler__objects_free(value);
        break;
    case ANTLER_REALS:
    case ANTLER_NUMBERS:
        if (!field->count)
            antler__free((void *)(uintptr_t)((antler_numbers *)value)->value);
        break;
    default:
        break;
    }
}

void antler__config_free(const antler_type *type, void *config)
{
    if (!config)
        return;
    antler_field_walk walk = antler__fields_of(type);
    for (const antler_field *field; (field = antler__field_next(&walk));)
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
