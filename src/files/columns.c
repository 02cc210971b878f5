/* The record of columns: free, read, write. */
#include "files/columns.h"
#include "config/json.h"
#include "core/memory.h"

#include <math.h>
#include <string.h>

enum { MOST_TEXTS = 1 << 16, MOST_COLUMNS = 1 << 20 };

static const char *const missing_words[] = {"refuse", "drop", "mean"};
static const char *const form_keys[] = {"mean", "categories", "tokens", "classes"}; /* by antler_column_form */
static const char *const side_keys[] = {"x", "y"};

bool antler__missing_find(const char *word, antler_missing *missing)
{
    *missing = ANTLER_MISSING_REFUSED;
    for (int i = 0; word && i < 3; i++)
        if (strcmp(word, missing_words[i]) == 0) {
            *missing = (antler_missing)i;
            return true;
        }
    return !word;
}

static void free_column(antler_column *column)
{
    for (int64_t i = 0; column->text && i < column->n; i++)
        antler__free(column->text[i]);
    antler__free(column->text);
    antler__free(column->name);
}

void antler__columns_free(antler_columns *columns)
{
    for (int side = 0; columns && side < 2; side++) {
        for (int64_t i = 0; columns->column[side] && i < columns->n[side]; i++)
            free_column(&columns->column[side][i]);
        antler__free(columns->column[side]);
    }
    antler__free(columns);
}

int64_t antler__column_width(const antler_column *column, bool one_hot)
{
    bool wide = column->form == ANTLER_FORM_CATEGORIES || (column->form == ANTLER_FORM_CLASSES && one_hot);
    return wide ? column->n : 1;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static antler_status wrong(const antler_json *node, const char *place, const char *expected, antler_error *err)
{
    char brief[80];
    return antler_error_set(err, ANTLER_VALUE, place, "%s is not %s", antler__json_brief(node, brief, sizeof brief),
                            expected);
}

static antler_status read_place(const antler_json *node, const char *place, int64_t least, int64_t most, int64_t *value,
                                antler_error *err)
{
    double number = antler__json_number(node);
    if (antler__json_type(node) != ANTLER_JSON_NUMBER || number != floor(number) || number < (double)least ||
        number > (double)most)
        return wrong(node, place, "the number of a column", err);
    *value = (int64_t)number;
    return ANTLER_OK;
}

static antler_status read_texts(const antler_json *node, const char *place, antler_column *column, antler_error *err)
{
    int64_t n = antler__json_length(node), i = 0;
    if (antler__json_type(node) != ANTLER_JSON_ARRAY || n < 1 || n > MOST_TEXTS)
        return wrong(node, place, "a list of texts", err);
    column->text = antler__allocate_zeroed((size_t)n, sizeof *column->text);
    if (!column->text)
        return antler__no_memory(err);
    column->n = n;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item), i++) {
        if (antler__json_type(item) != ANTLER_JSON_STRING)
            return wrong(item, place, "a text", err);
        if (!(column->text[i] = antler__copy_text(antler__json_string(item))))
            return antler__no_memory(err);
        if (i > 0 && strcmp(column->text[i - 1], column->text[i]) >= 0)
            return antler_error_set(err, ANTLER_VALUE, place, "the texts are not in the order of their bytes");
    }
    return ANTLER_OK;
}

static antler_status read_column(const antler_json *node, const char *place, int side, int64_t columns,
                                 antler_column *column, antler_error *err)
{
    const antler_json *name = antler__json_get(node, "name"), *mean = antler__json_get(node, "mean");
    if (antler__json_type(node) != ANTLER_JSON_OBJECT)
        return wrong(node, place, "a column", err);
    ANTLER_TRY(read_place(antler__json_get(node, "place"), place, 1, columns, &column->place, err));
    column->place--;
    if (name && antler__json_type(name) != ANTLER_JSON_STRING)
        return wrong(name, place, "a name", err);
    if (name && !(column->name = antler__copy_text(antler__json_string(name))))
        return antler__no_memory(err);
    if (mean && antler__json_type(mean) != ANTLER_JSON_NUMBER)
        return wrong(mean, place, "a number", err);
    column->mean = antler__json_number(mean);
    for (int form = 1; form < 4; form++)
        if (antler__json_get(node, form_keys[form])) {
            if (column->text || (form == ANTLER_FORM_CLASSES) != (side == ANTLER_COLUMNS_Y))
                return antler_error_set(err, ANTLER_VALUE, place, "\"%s\" has no place here", form_keys[form]);
            column->form = (antler_column_form)form;
            ANTLER_TRY(read_texts(antler__json_get(node, form_keys[form]), place, column, err));
        }
    return ANTLER_OK;
}

static antler_status read_side(const antler_json *node, int side, antler_columns *columns, antler_error *err)
{
    int64_t n = antler__json_length(node), i = 0;
    if (antler__json_type(node) != ANTLER_JSON_ARRAY || n < 1 || n > columns->columns)
        return wrong(node, side_keys[side], "a list of columns", err);
    columns->column[side] = antler__allocate_zeroed((size_t)n, sizeof *columns->column[side]);
    if (!columns->column[side])
        return antler__no_memory(err);
    columns->n[side] = n;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item))
        ANTLER_TRY(read_column(item, side_keys[side], side, columns->columns, &columns->column[side][i++], err));
    for (i = 0; i < n; i++)
        if (!columns->column[side][i].name != !columns->column[ANTLER_COLUMNS_X][0].name ||
            (side == ANTLER_COLUMNS_Y && n > 1 && columns->column[side][i].text))
            return antler_error_set(err, ANTLER_VALUE, side_keys[side], "columns that do not go together");
    return ANTLER_OK;
}

static antler_status read_all(const antler_json *node, antler_columns *columns, antler_error *err)
{
    const antler_json *missing = antler__json_get(node, "missing");
    if (antler__json_type(node) != ANTLER_JSON_OBJECT)
        return wrong(node, "", "an object", err);
    ANTLER_TRY(read_place(antler__json_get(node, "columns"), "columns", 1, MOST_COLUMNS, &columns->columns, err));
    if (missing && (antler__json_type(missing) != ANTLER_JSON_STRING ||
                    !antler__missing_find(antler__json_string(missing), &columns->missing)))
        return wrong(missing, "missing", "\"refuse\", \"drop\" or \"mean\"", err);
    ANTLER_TRY(read_side(antler__json_get(node, "x"), ANTLER_COLUMNS_X, columns, err));
    return read_side(antler__json_get(node, "y"), ANTLER_COLUMNS_Y, columns, err);
}

antler_status antler__columns_read(const antler_json *node, antler_columns **columns, antler_error *err)
{
    *columns = antler__allocate_zeroed(1, sizeof **columns);
    if (!*columns)
        return antler__no_memory(err);
    antler_status status = read_all(node, *columns, err);
    if (status == ANTLER_OK)
        return status;
    antler__columns_free(*columns);
    *columns = NULL;
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool write_column(const antler_column *column, antler_json *list)
{
    antler_json *object = antler__json_object(list, NULL), *texts = NULL;
    bool fits = object && (!column->name || antler__json_add_string(object, "name", column->name)) &&
                antler__json_add_number(object, "place", (double)column->place + 1);
    if (fits && column->form == ANTLER_FORM_NUMBER)
        fits = antler__json_add_number(object, form_keys[ANTLER_FORM_NUMBER], column->mean) != NULL;
    else if (fits)
        fits = (texts = antler__json_array(object, form_keys[column->form])) != NULL;
    for (int64_t i = 0; fits && texts && i < column->n; i++)
        fits = antler__json_add_string(texts, NULL, column->text[i]) != NULL;
    return fits;
}

bool antler__columns_write(const antler_columns *columns, antler_json *parent, const char *key)
{
    antler_json *object = antler__json_object(parent, key);
    bool fits = object && antler__json_add_number(object, "columns", (double)columns->columns) &&
                antler__json_add_string(object, "missing", missing_words[columns->missing]);
    for (int side = 0; fits && side < 2; side++) {
        antler_json *list = antler__json_array(object, side_keys[side]);
        fits = list != NULL;
        for (int64_t i = 0; fits && i < columns->n[side]; i++)
            fits = write_column(&columns->column[side][i], list);
    }
    return fits;
}
