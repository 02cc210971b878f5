/* The numbers of a table, as its columns became them in training. */
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "files/columns.h"

#include <stdio.h>
#include <string.h>

enum { X, Y, W, SIDES };

/* A text in one-hot columns takes more room than its cell: a table must not fill memory out of all proportion. */
static const int64_t most_per_byte = 256, always = (int64_t)64 << 20;

typedef struct filling {
    const antler_sheet *sheet;
    const antler_wish *wish;
    const antler_columns *columns;
    bool one_hot;
    antler_places places;
    antler_marks marks;
    antler_cell *cell;
    antler_filled *out;
    antler_error *err;
} filling;

/* As strcmp, of the text that a cell stands for. */
static int compare(const antler_cell *cell, const char *text)
{
    size_t i = 0;
    for (; i < cell->length; i++, text++) {
        if (cell->text[i] != *text || *text == '\0')
            return (unsigned char)cell->text[i] < (unsigned char)*text ? -1 : 1;
        i += cell->quoted && cell->text[i] == '"';
    }
    return *text ? -1 : 0;
}

static int64_t find(const antler_column *column, const antler_cell *cell)
{
    int64_t low = 0, high = column->n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = compare(cell, column->text[middle]);
        if (order == 0)
            return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

static antler_status unknown(const filling *f, int64_t place, const antler_column *column, const antler_cell *cell)
{
    char message[200];
    size_t used =
        (size_t)snprintf(message, sizeof message, "is none of the %lld %s that training saw:", (long long)column->n,
                         column->form == ANTLER_FORM_CLASSES ? "classes" : "texts");
    for (int64_t i = 0; i < column->n && used < 150; i++)
        used += (size_t)snprintf(message + used, sizeof message - used, "%s %.40s%s", i ? "," : "", column->text[i],
                                 used > 130 && i + 1 < column->n ? " ..." : "");
    return antler__cell_fail(f->sheet, place, cell, message, f->err);
}

/* A text that is missing is none of the categories, and token 0. */
static antler_status fill_cell(filling *f, int64_t place, const antler_column *column, antler_real *to)
{
    const antler_cell *cell = &f->cell[place];
    bool missing = antler__cell_missing(cell);
    if (column->form == ANTLER_FORM_NUMBER && missing)
        to[0] = (antler_real)column->mean;
    else if (column->form == ANTLER_FORM_NUMBER)
        return antler__cell_real(f->sheet, place, cell, &f->marks, to, f->err);
    else {
        int64_t width = antler__column_width(column, f->one_hot), text = missing ? -1 : find(column, cell);
        if (!missing && text < 0)
            return unknown(f, place, column, cell);
        for (int64_t i = 0; i < width; i++)
            to[i] = i == text;
        if (column->form == ANTLER_FORM_TOKENS)
            to[0] = (antler_real)(text + 1);
        else if (width == 1 && column->form == ANTLER_FORM_CLASSES && !f->one_hot)
            to[0] = (antler_real)text;
    }
    return ANTLER_OK;
}

static antler_status fill_row(filling *f, int64_t row)
{
    for (int side = X; side < SIDES; side++) {
        antler_real *to = f->out->value[side] + row * f->out->width[side];
        for (int64_t i = 0; i < f->places.n[side]; i++) {
            const antler_column number = {.form = ANTLER_FORM_NUMBER}, *column = &number;
            if (side != W)
                column = &f->columns->column[side][i];
            ANTLER_TRY(fill_cell(f, f->places.at[side][i], column, to));
            to += antler__column_width(column, f->one_hot);
        }
    }
    return ANTLER_OK;
}

static antler_status fill_rows(filling *f)
{
    antler_cursor cursor = antler__sheet_begin(f->sheet);
    bool found = true;
    for (int64_t row = 0;;) {
        ANTLER_TRY(antler__sheet_row(f->sheet, &cursor, f->cell, &found, f->err));
        if (!found)
            return ANTLER_OK;
        if (!antler__row_dropped(f->wish, &f->places, f->cell))
            ANTLER_TRY(fill_row(f, row++));
    }
}

static antler_status make_room(filling *f)
{
    int64_t bytes, bound = always + most_per_byte * (int64_t)(f->sheet->end - f->sheet->text);
    for (int side = X; side < SIDES; side++) {
        int64_t width = side == W ? f->places.n[W] : 0;
        for (int64_t i = 0; side != W && i < f->places.n[side]; i++)
            width += antler__column_width(&f->columns->column[side][i], f->one_hot);
        f->out->width[side] = width;
        if (!antler__size_multiply(f->out->rows, width, &bytes) ||
            !antler__size_multiply(bytes, (int64_t)sizeof(antler_real), &bytes) || bytes > bound)
            return antler__cell_fail(f->sheet, -1, &(antler_cell){0},
                                     "its texts would become too many numbers: leave columns out, or take them as "
                                     "\"tokens\"",
                                     f->err);
        if (width > 0 && !(f->out->value[side] = antler__allocate((size_t)bytes, 1)))
            return antler__no_memory(f->err);
    }
    f->cell = antler__allocate((size_t)f->sheet->columns, sizeof *f->cell);
    return f->cell ? ANTLER_OK : antler__no_memory(f->err);
}

static antler_status fill(filling *f)
{
    antler_scan scan = {0};
    ANTLER_TRY(antler__places_match(f->sheet, f->wish, f->columns, &f->places, f->err));
    ANTLER_TRY(antler__columns_scan(f->sheet, f->wish, &f->places, &scan, f->err));
    f->out->rows = scan.rows;
    f->out->warning = f->sheet->warning;
    if (f->places.foreign) {
        f->out->warning = (antler_error){0};
        snprintf(f->out->warning.file, sizeof f->out->warning.file, "%s", f->sheet->file);
        snprintf(f->out->warning.message, sizeof f->out->warning.message,
                 "none of its columns has a name that the model was trained with, such as \"%.60s\"; they are taken in "
                 "their order",
                 f->columns->column[X][0].name);
        antler_one_line(f->out->warning.message);
    }
    ANTLER_TRY(make_room(f));
    return fill_rows(f);
}

antler_status antler__columns_fill(const antler_sheet *sheet, const antler_wish *wish, const antler_columns *columns,
                                   bool one_hot, antler_filled *filled, antler_error *err)
{
    antler_error error = {0};
    filling f = {.sheet = sheet, .wish = wish, .columns = columns, .one_hot = one_hot, .out = filled, .err = &error};
    *filled = (antler_filled){0};
    locale_t before = antler__plain_numbers();
    antler_status status = fill(&f);
    antler__own_numbers(before);
    antler__places_free(&f.places);
    antler__free(f.cell);
    if (status == ANTLER_OK)
        return status;
    for (int side = X; side < SIDES; side++)
        antler__free(filled->value[side]);
    *filled = (antler_filled){0};
    antler__error_file(&error, sheet->file);
    return antler__error_copy(err, &error);
}
