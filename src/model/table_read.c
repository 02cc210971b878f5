#include "model/table_read.h"

#include "core/memory.h"
#include "files/columns.h"

#include <string.h>

static const char table_key[] = "table";
static const char *const lists[] = {"x", "y", "tokens", "categories"};

static bool is_list(const antler_json *item)
{
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(antler__json_key(item), lists[i]) == 0)
            return antler__json_type(item) == ANTLER_JSON_ARRAY;
    return false;
}

/* ["a", "b, c"] as "a","b, c", which antler__sheet_choose reads; for antler__free. NULL without memory, or with a list
   of other than texts, which *texts then tells. */
static char *join(const antler_json *list, bool *texts)
{
    size_t bytes = 1;
    *texts = antler__json_length(list) > 0;
    for (const antler_json *item = antler__json_first(list); item && *texts; item = antler__json_next(item)) {
        *texts = antler__json_type(item) == ANTLER_JSON_STRING;
        bytes += 2 * strlen(antler__json_string(item)) + 3;
    }
    char *text = *texts ? antler__allocate_zeroed(bytes, 1) : NULL, *to = text;
    for (const antler_json *item = antler__json_first(list); item && text; item = antler__json_next(item)) {
        if (to > text)
            *to++ = ',';
        *to++ = '"';
        for (const char *c = antler__json_string(item); *c; c++) {
            if (*c == '"')
                *to++ = '"';
            *to++ = *c;
        }
        *to++ = '"';
    }
    return text;
}

/* A list of other than texts is copied as it is, and refused as the setting that it is. */
static bool add_item(antler_json *plain, const antler_json *item)
{
    bool texts = false;
    if (strcmp(antler__json_key(item), table_key) == 0)
        return true;
    char *text = is_list(item) ? join(item, &texts) : NULL;
    bool fits = texts ? text && antler__json_add_string(plain, antler__json_key(item), text)
                      : antler__json_add_copy(plain, antler__json_key(item), item) != NULL;
    antler__free(text);
    return fits;
}

static antler_status read_record(antler_model *model, const antler_json *node, antler_report *report)
{
    antler_error error = {0};
    antler_columns *columns;
    antler_place fit = antler__at(NULL, "fit"), place = antler__at(&fit, table_key);
    if (antler__columns_read(node, &columns, &error) != ANTLER_OK) {
        antler_place inside = antler__at(&place, error.place);
        return antler__report_error(report, error.status, *error.place ? &inside : &place, "%s", error.message);
    }
    antler__columns_free(model->columns);
    model->columns = columns;
    return ANTLER_OK;
}

antler_status antler__table_read(antler_model *model, const antler_json *node, antler_report *report,
                                 antler_json **plain)
{
    const antler_json *record = antler__json_get(node, table_key);
    bool changed = record, fits = true;
    *plain = NULL;
    if (antler__json_type(node) != ANTLER_JSON_OBJECT)
        return ANTLER_OK;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item))
        changed |= is_list(item);
    if (!changed)
        return ANTLER_OK;
    if (record && !antler__json_is_null(record))
        ANTLER_TRY(read_record(model, record, report));
    *plain = antler__json_object(NULL, NULL);
    for (const antler_json *item = antler__json_first(node); *plain && fits && item; item = antler__json_next(item))
        fits = add_item(*plain, item);
    if (*plain && fits)
        return ANTLER_OK;
    antler__json_free(*plain);
    *plain = NULL;
    return antler__no_memory(report->err);
}
