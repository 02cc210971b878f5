/* What columns hold: numbers or texts, which texts, and the means of the numbers. */
#include "config/json.h"
#include "core/index.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { X = ANTLER_COLUMNS_X, Y = ANTLER_COLUMNS_Y, MOST_CATEGORIES = 1000, MOST_TOKENS = 1 << 16 };

typedef struct learning {
    const antler_sheet *sheet;
    const antler_wish *wish;
    antler_places places;
    antler_scan scan;
    antler_columns *columns;
    antler_index *seen; /* [of x and y] the texts of each */
    int64_t trained;    /* rows that means are of */
    int64_t *counted;   /* [of x] numbers in a mean */
    antler_cell *cell;
    antler_error *err;
} learning;

static bool is_text(const char *text)
{
    size_t left = strlen(text), n;
    for (; left > 0; text += n, left -= n)
        if ((n = antler__utf8(text, left)) == 0)
            return false;
    return true;
}

static antler_status not_text(const antler_sheet *sheet, int64_t column, const antler_cell *cell, antler_error *err)
{
    return antler__cell_fail(sheet, column, cell, "is not UTF-8; convert the file, such as by iconv -f latin1 -t utf-8",
                             err);
}

static int64_t most_texts(const antler_column *column)
{
    return column->form == ANTLER_FORM_TOKENS ? MOST_TOKENS : MOST_CATEGORIES;
}

/* ---- names and forms --------------------------------------------------------------------------------------------- */

static antler_status make_columns(learning *l)
{
    antler_columns *c = l->columns = antler__allocate_zeroed(1, sizeof *c);
    if (!c)
        return antler__no_memory(l->err);
    c->columns = l->sheet->columns;
    c->missing = l->wish->missing;
    for (int side = X; side <= Y; side++) {
        c->column[side] = antler__allocate_zeroed((size_t)l->places.n[side], sizeof *c->column[side]);
        if (!c->column[side])
            return antler__no_memory(l->err);
        c->n[side] = l->places.n[side];
        for (int64_t i = 0; i < c->n[side]; i++) {
            antler_column *column = &c->column[side][i];
            column->place = l->places.at[side][i];
            const char *name = l->sheet->name ? l->sheet->name[column->place] : NULL;
            if (name && !(column->name = antler__copy_text(name)))
                return antler__no_memory(l->err);
            if (name && !is_text(name))
                return not_text(l->sheet, column->place,
                                &(antler_cell){.text = name, .length = strlen(name), .line = 1}, l->err);
        }
    }
    return ANTLER_OK;
}

/* The columns that are asked to have a form. */
static antler_status force(learning *l, const char *list, antler_column_form form)
{
    int64_t *place, n, found = 0;
    if (!list)
        return ANTLER_OK;
    ANTLER_TRY(antler__sheet_choose(l->sheet, list, &place, &n, l->err));
    bool *asked = antler__allocate_zeroed((size_t)l->sheet->columns, sizeof *asked);
    for (int64_t k = 0; asked && k < n; k++)
        asked[place[k]] = true;
    for (int side = X; asked && side <= (form == ANTLER_FORM_TOKENS ? X : Y); side++)
        for (int64_t i = 0; i < l->columns->n[side]; i++) {
            antler_column *column = &l->columns->column[side][i];
            if (asked[column->place])
                column->form = side == Y ? ANTLER_FORM_CLASSES : form;
            found += asked[column->place];
        }
    antler__free(place);
    antler__free(asked);
    if (!asked)
        return antler__no_memory(l->err);
    return found == n ? ANTLER_OK
                      : antler_error_set(l->err, ANTLER_NAME, form == ANTLER_FORM_TOKENS ? "tokens" : "categories",
                                         "a column that is no input%s", form == ANTLER_FORM_TOKENS ? "" : " or target");
}

/* A column is of texts when more of its cells are texts than are numbers. */
static antler_status choose_forms(learning *l)
{
    antler_columns *c = l->columns;
    ANTLER_TRY(force(l, l->wish->tokens, ANTLER_FORM_TOKENS));
    ANTLER_TRY(force(l, l->wish->categories, ANTLER_FORM_CATEGORIES));
    for (int side = X; side <= Y; side++)
        for (int64_t i = 0; i < c->n[side]; i++) {
            antler_column *column = &c->column[side][i];
            int64_t k = side == X ? i : c->n[X] + i;
            if (column->form == ANTLER_FORM_NUMBER && l->scan.texts[k] > l->scan.numbers[k])
                column->form = side == Y              ? ANTLER_FORM_CLASSES
                               : l->wish->tokens_rule ? ANTLER_FORM_TOKENS
                                                      : ANTLER_FORM_CATEGORIES;
            if (side == Y && c->n[Y] > 1 && column->form == ANTLER_FORM_CLASSES)
                return antler__cell_fail(l->sheet, column->place, &(antler_cell){0},
                                         "classes beside another column of targets; expected a single one", l->err);
        }
    return ANTLER_OK;
}

/* ---- texts and means --------------------------------------------------------------------------------------------- */

static antler_status add_text(learning *l, antler_column *column, antler_index *seen, const antler_cell *cell)
{
    char message[160], *text = antler__cell_text(cell);
    if (!text)
        return antler__no_memory(l->err);
    if (antler__index_find(seen, text)) {
        antler__free(text);
        return ANTLER_OK;
    }
    if (!antler__grow_by(&column->text, (size_t)column->n, 1, sizeof *column->text)) {
        antler__free(text);
        return antler__no_memory(l->err);
    }
    column->text[column->n++] = text;
    if (!is_text(text))
        return not_text(l->sheet, column->place, cell, l->err);
    snprintf(message, sizeof message, "is one of more than %lld different texts of the column%s",
             (long long)most_texts(column),
             column->form == ANTLER_FORM_CATEGORIES
                 ? "; leave it out, \"x\": \"all but NAME\", or take it as \"tokens\""
                 : "");
    if (column->n > most_texts(column))
        return antler__cell_fail(l->sheet, column->place, cell, message, l->err);
    return antler__index_add(seen, text, column->n) ? ANTLER_OK : antler__no_memory(l->err);
}

static antler_status learn_cell(learning *l, antler_column *column, int64_t k, const antler_cell *cell, bool trained,
                                antler_marks *marks)
{
    antler_real value;
    if (antler__cell_missing(cell))
        return ANTLER_OK;
    if (column->form != ANTLER_FORM_NUMBER)
        return add_text(l, column, &l->seen[k], cell);
    ANTLER_TRY(antler__cell_real(l->sheet, column->place, cell, marks, &value, l->err));
    if (trained) /* a running mean, which cannot overflow */
        column->mean += ((double)value - column->mean) / (double)++l->counted[k];
    return ANTLER_OK;
}

static antler_status learn_rows(learning *l)
{
    antler_columns *c = l->columns;
    antler_cursor cursor = antler__sheet_begin(l->sheet);
    antler_marks marks = {0};
    bool found = true;
    for (int64_t row = 0;;) {
        ANTLER_TRY(antler__sheet_row(l->sheet, &cursor, l->cell, &found, l->err));
        if (!found)
            return ANTLER_OK;
        if (antler__row_dropped(l->wish, &l->places, l->cell))
            continue;
        for (int side = X; side <= Y; side++)
            for (int64_t i = 0; i < c->n[side]; i++)
                ANTLER_TRY(learn_cell(l, &c->column[side][i], side == X ? i : c->n[X] + i,
                                      &l->cell[l->places.at[side][i]], row < l->trained, &marks));
        row++;
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What a column must have learned. */
static antler_status settle(learning *l)
{
    for (int side = X; side <= Y; side++)
        for (int64_t i = 0; i < l->columns->n[side]; i++) {
            antler_column *column = &l->columns->column[side][i];
            bool number = column->form == ANTLER_FORM_NUMBER;
            if (number ? l->counted[side == X ? i : l->columns->n[X] + i] == 0 : column->n == 0)
                return antler__cell_fail(l->sheet, column->place, &(antler_cell){0}, "there is no value to learn from",
                                         l->err);
            if (!number)
                qsort(column->text, (size_t)column->n, sizeof *column->text, compare);
        }
    return ANTLER_OK;
}

static antler_status learn(learning *l)
{
    ANTLER_TRY(antler__places_learn(l->sheet, l->wish, &l->places, l->err));
    size_t all = (size_t)(l->places.n[X] + l->places.n[Y]);
    l->scan.numbers = antler__allocate_zeroed(all, sizeof *l->scan.numbers);
    l->scan.texts = antler__allocate_zeroed(all, sizeof *l->scan.texts);
    l->seen = antler__allocate_zeroed(all, sizeof *l->seen);
    l->counted = antler__allocate_zeroed(all, sizeof *l->counted);
    l->cell = antler__allocate((size_t)l->sheet->columns, sizeof *l->cell);
    if (!l->scan.numbers || !l->scan.texts || !l->seen || !l->counted || !l->cell)
        return antler__no_memory(l->err);
    ANTLER_TRY(make_columns(l));
    ANTLER_TRY(antler__columns_scan(l->sheet, l->wish, &l->places, &l->scan, l->err));
    ANTLER_TRY(choose_forms(l));
    l->trained = (int64_t)((double)l->scan.rows * (1 - l->wish->validation)); /* as antler_data_split has it */
    ANTLER_TRY(learn_rows(l));
    return settle(l);
}

antler_status antler__columns_learn(const antler_sheet *sheet, const antler_wish *wish, antler_columns **columns,
                                    antler_error *err)
{
    antler_error error = {0};
    learning l = {.sheet = sheet, .wish = wish, .err = &error};
    locale_t before = antler__plain_numbers();
    antler_status status = learn(&l);
    antler__own_numbers(before);
    for (int64_t i = 0; l.seen && i < l.places.n[X] + l.places.n[Y]; i++)
        antler__index_free(&l.seen[i]);
    antler__places_free(&l.places);
    antler__free(l.scan.numbers);
    antler__free(l.scan.texts);
    antler__free(l.seen);
    antler__free(l.counted);
    antler__free(l.cell);
    *columns = l.columns;
    if (status == ANTLER_OK)
        return status;
    antler__columns_free(l.columns);
    *columns = NULL;
    antler__error_file(&error, sheet->file);
    return antler__error_copy(err, &error);
}
