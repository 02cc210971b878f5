/* Fields of numbers, read: one, or a list; see numbers.c for lists of lists. */
#include "config/fields.h"
#include "core/memory.h"
#include "core/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BRIEF = 80 };

static antler_status check_range(const antler_field *field, const antler_json *node, double value,
                                 const antler_place *place, antler_report *report)
{
    bool low = field->flags & ANTLER_OPEN_MIN ? value > field->min : value >= field->min;
    bool high = field->flags & ANTLER_OPEN_MAX ? value < field->max : value <= field->max;
    if (field->min == field->max || (low && high))
        return ANTLER_OK;
    char range[BRIEF];
    snprintf(range, sizeof range, "in %c%.10g, %.10g%c", field->flags & ANTLER_OPEN_MIN ? '(' : '[', field->min,
             field->max, field->flags & ANTLER_OPEN_MAX ? ')' : ']');
    return antler__value_wrong(report, place, node, range);
}

static antler_status read_int(const antler_field *field, const antler_json *node, const antler_place *place,
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
        return antler__value_wrong(report, place, node, "an integer");
    ANTLER_TRY(check_range(field, node, number, place, report));
    *value = (int64_t)number;
    return ANTLER_OK;
}

static antler_status read_real(const antler_field *field, const antler_json *node, const antler_place *place,
                               antler_report *report, double *value)
{
    double number = antler__json_number(node);
    if (antler__json_type(node) != ANTLER_JSON_NUMBER)
        return antler__value_wrong(report, place, node, "a number");
    if (!isfinite(number))
        return antler__report_error(report, ANTLER_VALUE, place, "%g is not a finite number", number);
    ANTLER_TRY(check_range(field, node, number, place, report));
    *value = number;
    return ANTLER_OK;
}

const antler_json *antler__plain(const antler_json *node)
{
    const antler_json *name = antler__json_get(node, "class_name");
    if (!name || antler__json_type(name) != ANTLER_JSON_STRING)
        return node;
    if (strcmp(antler__json_string(name), "__tuple__") == 0)
        return antler__json_get(node, "items");
    if (strcmp(antler__json_string(name), "__numpy__") == 0 || strcmp(antler__json_string(name), "__tensor__") == 0)
        return antler__json_get(antler__json_get(node, "config"), "value");
    return node;
}

/* NULL: it is none. */
static const antler_json *list_of(const antler_json *node)
{
    const antler_json *list = antler__plain(node);
    return list && antler__json_type(list) == ANTLER_JSON_ARRAY ? list : NULL;
}

/* 1; [1, 2] for each axis, or, of one axis, the pair itself; [[0, 1], [2, 2]]; or all in one row. */
static antler_status read_pairs(const antler_field *field, const antler_json *node, const antler_place *place,
                                antler_report *report, int64_t *value)
{
    const antler_json *list = list_of(node);
    int64_t length = list ? antler__json_length(list) : 0;
    int axes = field->count / 2, i = 0;
    if (!list) {
        ANTLER_TRY(read_int(field, node, place, report, &value[0]));
        for (i = 1; i < field->count; i++)
            value[i] = value[0];
        return ANTLER_OK;
    }
    if (length != axes && length != field->count)
        return antler__value_wrong(report, place, node, "an integer, or one or a pair for each axis");
    for (const antler_json *item = antler__json_first(list); item; item = antler__json_next(item), i++) {
        const antler_json *pair = list_of(item), *first = pair ? antler__json_first(pair) : item;
        const antler_json *second = pair ? antler__json_next(first) : item;
        antler_place there = antler__at_item(place, i);
        if (length == field->count) {
            ANTLER_TRY(read_int(field, item, &there, report, &value[i]));
            continue;
        }
        if (pair && antler__json_length(pair) != 2)
            return antler__value_wrong(report, &there, item, "a pair of integers");
        ANTLER_TRY(read_int(field, first, &there, report, &value[2 * i]));
        ANTLER_TRY(read_int(field, second, &there, report, &value[2 * i + 1]));
    }
    return ANTLER_OK;
}

static void no_entries(const antler_field *field, int64_t *value)
{
    for (int i = 0; i < (field->count ? field->count : ANTLER_MAX_RANK + 1); i++)
        value[i] = ANTLER_NULL;
}

/* Whether the number would end the list that it is in. */
static bool ends_list(const antler_field *field, int64_t value)
{
    return value == 0 && !field->count && !(field->flags & ANTLER_AXES);
}

static antler_status read_ints(const antler_field *field, const antler_json *node, const antler_place *place,
                               antler_report *report, int64_t *value)
{
    const antler_json *list = list_of(node);
    int most = field->count ? field->count : ANTLER_MAX_RANK;
    if (field->flags & ANTLER_AXES)
        no_entries(field, value);
    if (!list) { /* one number */
        ANTLER_TRY(read_int(field, node, place, report, &value[0]));
        if (ends_list(field, value[0]))
            return antler__value_wrong(report, place, node, "possible here");
        for (int i = 1; i < field->count; i++)
            value[i] = value[0];
        return ANTLER_OK;
    }
    int64_t length = antler__json_length(list);
    char expected[BRIEF];
    snprintf(expected, sizeof expected, field->count ? "a list of %d integers" : "a list of 1 to %d integers", most);
    if (length == 0 && field->flags & ANTLER_EMPTY)
        return ANTLER_OK; /* none, as null */
    if (length < 1 || length > most || (field->count && length != field->count))
        return antler__value_wrong(report, place, node, expected);
    int64_t i = 0;
    for (const antler_json *item = antler__json_first(list); item; item = antler__json_next(item), i++) {
        antler_place there = antler__at_item(place, i);
        ANTLER_TRY(read_int(field, item, &there, report, &value[i]));
        if (ends_list(field, value[i]))
            return antler__value_wrong(report, &there, item, "possible here");
    }
    return ANTLER_OK;
}

/* The numbers of a list, or the one that stands for it, into `item`, which has room for them. */
static antler_status read_real_items(const antler_field *field, const antler_json *node, const antler_place *place,
                                     antler_report *report, double *item)
{
    const antler_json *list = list_of(node);
    int64_t i = 0;
    if (!list)
        return read_real(field, node, place, report, item);
    for (const antler_json *one = antler__json_first(list); one; one = antler__json_next(one), i++) {
        antler_place there = antler__at_item(place, i);
        ANTLER_TRY(read_real(field, one, &there, report, &item[i]));
    }
    return ANTLER_OK;
}

static antler_status read_any_reals(const antler_field *field, const antler_json *node, const antler_place *place,
                                    antler_report *report, antler_numbers *value)
{
    const antler_json *list = list_of(node);
    const int64_t n = list ? antler__json_length(list) : 1;
    if (n < 1)
        return antler__value_wrong(report, place, node, "a list of numbers");
    double *item = antler__allocate_zeroed((size_t)n, sizeof *item);
    if (!item)
        return antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    antler__free((void *)(uintptr_t)value->value); /* the key came twice */
    *value = (antler_numbers){.n = n, .value = item, .shape = {1, {n}}};
    return read_real_items(field, node, place, report, item);
}

static antler_status read_reals(const antler_field *field, const antler_json *node, const antler_place *place,
                                antler_report *report, double *item)
{
    const antler_json *list = list_of(node);
    char expected[BRIEF];
    snprintf(expected, sizeof expected, "a number or a list of %d", field->count);
    if ((list && antler__json_length(list) != field->count) || (!list && antler__json_type(node) != ANTLER_JSON_NUMBER))
        return antler__value_wrong(report, place, node, expected);
    for (int i = 0; i < field->count; i++)
        item[i] = (double)NAN;
    return read_real_items(field, node, place, report, item);
}

static bool is_word(const antler_field *field, const antler_json *node, int64_t *value)
{
    for (int64_t i = 0; field->choices && field->choices[i]; i++)
        if (strcmp(field->choices[i], antler__json_string(node)) == 0) {
            *value = -1 - i;
            return true;
        }
    return false;
}

antler_status antler__number_read(const antler_field *field, const antler_json *node, const antler_place *place,
                                  antler_report *report, void *value)
{
    switch (field->kind) {
    case ANTLER_INT:
        return is_word(field, node, value) ? ANTLER_OK : read_int(field, node, place, report, value);
    case ANTLER_REAL:
        return read_real(field, node, place, report, value);
    case ANTLER_INTS:
        return field->flags & ANTLER_PAIRS ? read_pairs(field, node, place, report, value)
                                           : read_ints(field, node, place, report, value);
    case ANTLER_REALS:
        return field->count ? read_reals(field, node, place, report, value)
                            : read_any_reals(field, node, place, report, value);
    default:
        return antler__numbers_read(node, place, report, value);
    }
}

void antler__number_set_null(const antler_field *field, void *value)
{
    switch (field->kind) {
    case ANTLER_INT:
        *(int64_t *)value = ANTLER_NULL;
        break;
    case ANTLER_REAL:
        *(double *)value = (double)NAN;
        break;
    case ANTLER_INTS:
        if (field->flags & ANTLER_AXES) /* without the flag zeroed memory is null */
            no_entries(field, value);
        break;
    case ANTLER_REALS:
        for (int i = 0; i < field->count; i++)
            ((double *)value)[i] = (double)NAN;
        break;
    default: /* zeroed memory is null */
        break;
    }
}
