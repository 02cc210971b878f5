/* Fields of kind NUMBERS: a number, a list of numbers, lists of lists. */
#include "config/fields.h"
#include "core/memory.h"
#include "core/status.h"

#include <math.h>
#include <string.h>

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* The shape by the first of each list. */
static bool find_shape(const antler_json *node, antler_shape *shape)
{
    shape->rank = 0;
    for (node = antler__plain(node); antler__json_type(node) == ANTLER_JSON_ARRAY; node = antler__json_first(node)) {
        if (shape->rank == ANTLER_MAX_RANK || antler__json_length(node) < 1)
            return false;
        shape->dim[shape->rank++] = antler__json_length(node);
    }
    return antler__json_type(node) == ANTLER_JSON_NUMBER;
}

/* Fills in the numbers from *to on; false where a list is not as long as its like, or something is no number. */
static bool take(const antler_json *node, const antler_shape *shape, int axis, double **to)
{
    if (axis == shape->rank) {
        **to = antler__json_number(node);
        return antler__json_type(node) == ANTLER_JSON_NUMBER && isfinite(*(*to)++);
    }
    if (antler__json_type(node) != ANTLER_JSON_ARRAY || antler__json_length(node) != shape->dim[axis])
        return false;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item))
        if (!take(item, shape, axis + 1, to))
            return false;
    return true;
}

antler_status antler__numbers_read(const antler_json *node, const antler_place *place, antler_report *report,
                                   antler_numbers *numbers)
{
    char brief[80];
    antler_shape shape;
    bool fits = find_shape(node, &shape);
    double *value = fits ? antler__allocate((size_t)antler_count(&shape, 0), sizeof *value) : NULL, *to = value;
    if (fits && !value)
        return antler__report_error(report, ANTLER_MEMORY, place, "out of memory");
    if (!fits || !take(antler__plain(node), &shape, 0, &to)) {
        antler__free(value);
        return antler__report_error(report, ANTLER_VALUE, place, "%s is not a number or a list of numbers",
                                    antler__json_brief(node, brief, sizeof brief));
    }
    antler__free((void *)(uintptr_t)numbers->value); /* the key came twice */
    *numbers = (antler_numbers){.n = antler_count(&shape, 0), .value = value, .shape = shape};
    return ANTLER_OK;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static antler_json *write(const double **value, const antler_shape *shape, int axis, antler_json *parent,
                          const char *key)
{
    if (axis == shape->rank)
        return antler__json_add_real(parent, key, *(*value)++);
    antler_json *list = antler__json_array(parent, key);
    for (int64_t i = 0; list && i < shape->dim[axis]; i++)
        if (!write(value, shape, axis + 1, list, NULL)) {
            if (!parent)
                antler__json_free(list);
            return NULL;
        }
    return list;
}

antler_json *antler__numbers_write(const antler_numbers *numbers, antler_json *parent, const char *key)
{
    const double *value = numbers->value;
    const antler_shape list = {1, {numbers->n}}; /* a C caller gives several without a shape */
    if (!value)
        return antler__json_add_null(parent, key);
    return write(&value, numbers->shape.rank || numbers->n == 1 ? &numbers->shape : &list, 0, parent, key);
}

/* ---- whole ------------------------------------------------------------------------------------------------------- */

antler_status antler__numbers_copy(const antler_numbers *from, antler_numbers *to, antler_error *err)
{
    *to = *from;
    if (!from->value)
        return ANTLER_OK;
    double *value = antler__allocate((size_t)from->n, sizeof *value);
    to->value = value;
    if (!value)
        return antler__no_memory(err);
    memcpy(value, from->value, (size_t)from->n * sizeof *value);
    return ANTLER_OK;
}

antler_status antler_numbers_set(antler_numbers *numbers, const antler_real *value, int64_t n, antler_error *err)
{
    double *copy = antler__allocate((size_t)n, sizeof *copy);
    if (!copy)
        return antler__no_memory(err);
    for (int64_t i = 0; i < n; i++)
        copy[i] = (double)value[i];
    antler__free((void *)(uintptr_t)numbers->value);
    *numbers = (antler_numbers){.n = n, .value = copy, .shape = {1, {n}}};
    return ANTLER_OK;
}
