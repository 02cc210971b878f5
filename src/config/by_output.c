/* What Keras takes by output: a loss, metrics or weights for all outputs, as a list, or as a dict by their names. The
   form is kept, so that a file says what it said. */
#include "config/fields.h"
#include "core/memory.h"
#include "core/status.h"

#include <math.h>

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool is_list(const antler_json *node)
{
    return antler__json_type(node) == ANTLER_JSON_ARRAY;
}

static bool is_dict(const antler_json *node)
{
    return antler__json_type(node) == ANTLER_JSON_OBJECT && !antler__json_get(node, "class_name");
}

static antler_status wrong(antler_report *report, const antler_place *place, const antler_json *node,
                           const char *expected)
{
    char brief[80];
    return antler__report_error(report, ANTLER_VALUE, place, "%s is not %s",
                                antler__json_brief(node, brief, sizeof brief), expected);
}

/* A new item at the end; NULL without memory. */
static antler_output_value *append(antler_by_output *value, const char *name)
{
    if (!antler__grow_by(&value->item, (size_t)value->n, 1, sizeof *value->item))
        return NULL;
    antler_output_value *item = &value->item[value->n];
    *item = (antler_output_value){.name = name ? antler__copy_text(name) : NULL, .number = (double)NAN};
    value->n += !name || item->name;
    return !name || item->name ? item : NULL;
}

static antler_status read_object(const antler_field *field, const antler_json *node, const antler_place *place,
                                 antler_report *report, antler_objects *objects)
{
    if (antler__json_is_null(node))
        return field->kind == ANTLER_OBJECT ? ANTLER_OK : wrong(report, place, node, "an object");
    if (!antler__grow_by(&objects->item, (size_t)objects->n, 1, sizeof *objects->item))
        return antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    return antler__object_read(field->of, node, place, report, &objects->item[objects->n++]);
}

static antler_status read_number(const antler_json *node, const antler_place *place, antler_report *report,
                                 double *number)
{
    if (antler__json_is_null(node))
        return ANTLER_OK;
    *number = antler__json_number(node);
    if (antler__json_type(node) != ANTLER_JSON_NUMBER || !isfinite(*number))
        return wrong(report, place, node, "a number");
    return ANTLER_OK;
}

/* All objects of a list of any depth. */
static antler_status read_list(const antler_field *field, const antler_json *node, const antler_place *place,
                               antler_report *report, antler_objects *objects)
{
    antler_status status = ANTLER_OK;
    int64_t i = 0;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item), i++) {
        antler_place there = antler__at_item(place, i);
        antler_status one = is_list(item) ? read_list(field, item, &there, report, objects)
                                          : read_object(field, item, &there, report, objects);
        status = status == ANTLER_OK ? one : status;
    }
    return status;
}

/* What stands for one output. */
static antler_status read_item(const antler_field *field, const antler_json *node, const char *name,
                               const antler_place *place, antler_report *report, antler_by_output *value)
{
    antler_output_value *item = append(value, name);
    if (!item)
        return antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    if (field->kind == ANTLER_REAL)
        return read_number(node, place, report, &item->number);
    item->several = is_list(node);
    if (item->several)
        return read_list(field, node, place, report, &item->objects);
    return antler__json_is_null(node) ? ANTLER_OK : read_object(field, node, place, report, &item->objects);
}

/* Of losses and weights the lists within are those of nested outputs, one after the other; of metrics they are the
   metrics of one output. */
static antler_status read_items(const antler_field *field, const antler_json *node, const antler_place *place,
                                antler_report *report, antler_by_output *value)
{
    antler_status status = ANTLER_OK;
    bool flat = field->kind != ANTLER_OBJECTS;
    int64_t i = 0;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item), i++) {
        const char *name = antler__json_key(item);
        antler_place there = name ? antler__at(place, name) : antler__at_item(place, i);
        const antler_json *one =
            name && flat && is_list(item) && antler__json_length(item) == 1 ? antler__json_first(item) : item;
        antler_status read;
        if (flat && is_list(one))
            read = name ? wrong(report, &there, item, "for one output") : read_items(field, one, &there, report, value);
        else
            read = read_item(field, one, name, &there, report, value);
        status = status == ANTLER_OK ? read : status;
    }
    return status;
}

antler_status antler__by_output_read(const antler_field *field, const antler_json *node, const antler_place *place,
                                     antler_report *report, antler_by_output *value)
{
    if (is_list(node) && antler__json_length(node) == 1 && is_dict(antler__json_first(node)))
        node = antler__json_first(node); /* how a C caller's list holds a dict */
    value->form = is_list(node) ? ANTLER_AS_LIST : is_dict(node) ? ANTLER_AS_DICT : ANTLER_FOR_ALL;
    if (value->form != ANTLER_FOR_ALL)
        return read_items(field, node, place, report, value);
    return antler__json_is_null(node) ? ANTLER_OK : read_item(field, node, NULL, place, report, value);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static antler_json *write_item(const antler_field *field, const antler_output_value *item, antler_json *parent,
                               const char *key, antler_style style)
{
    const antler_objects *objects = &item->objects;
    if (field->kind == ANTLER_REAL)
        return isnan(item->number) ? antler__json_add_null(parent, key)
                                   : antler__json_add_real(parent, key, item->number);
    if (field->kind == ANTLER_OBJECT || !item->several)
        return objects->n ? antler__object_write(objects->item[0], parent, key, style)
                          : antler__json_add_null(parent, key);
    antler_json *list = antler__json_array(parent, key);
    for (int64_t i = 0; list && i < objects->n; i++)
        if (!antler__object_write(objects->item[i], list, NULL, style))
            return NULL;
    return list;
}

antler_json *antler__by_output_write(const antler_field *field, const antler_by_output *value, antler_json *parent,
                                     const char *key, antler_style style)
{
    bool dict = value->form == ANTLER_AS_DICT, listed = field->kind == ANTLER_OBJECTS;
    if (value->form == ANTLER_FOR_ALL && !listed)
        return value->n ? write_item(field, value->item, parent, key, style) : antler__json_add_null(parent, key);
    antler_json *all = dict ? antler__json_object(parent, key) : antler__json_array(parent, key);
    for (int64_t i = 0; all && i < value->n; i++)
        if (!write_item(field, &value->item[i], all, dict ? value->item[i].name : NULL, style)) {
            if (!parent)
                antler__json_free(all);
            return NULL;
        }
    return all;
}

/* ---- copying and freeing ----------------------------------------------------------------------------------------- */

antler_status antler__by_output_copy(const antler_by_output *from, antler_by_output *to, antler_error *err)
{
    to->form = from->form;
    for (int64_t i = 0; i < from->n; i++) {
        antler_output_value *item = append(to, from->item[i].name);
        if (!item)
            return antler__no_memory(err);
        item->several = from->item[i].several;
        item->number = from->item[i].number;
        ANTLER_TRY(antler__objects_copy(&from->item[i].objects, &item->objects, err));
    }
    return ANTLER_OK;
}

void antler__by_output_free(antler_by_output *value)
{
    for (int64_t i = 0; i < value->n; i++) {
        antler__objects_free(&value->item[i].objects);
        antler__free((void *)(uintptr_t)value->item[i].name);
    }
    antler__free(value->item);
}
