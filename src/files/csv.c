/* Columns of numbers of a table. */
#include "files/csv.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "files/sheet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static antler_status check_marks(const antler_sheet *sheet, int64_t column, const antler_cell *cell, char mark,
                                 antler_marks *marks, antler_error *err)
{
    char message[80];
    int *line = mark == ',' ? &marks->comma : &marks->point;
    if (mark && *line == 0)
        *line = cell->line;
    if (marks->comma == 0 || marks->point == 0)
        return ANTLER_OK;
    snprintf(message, sizeof message, "has a decimal %s, and a number of line %d a %s", mark == ',' ? "comma" : "point",
             mark == ',' ? marks->point : marks->comma, mark == ',' ? "point" : "comma");
    return antler__cell_fail(sheet, column, cell, message, err);
}

antler_status antler__cell_real(const antler_sheet *sheet, int64_t column, const antler_cell *cell, antler_marks *marks,
                                antler_real *value, antler_error *err)
{
    double number;
    char mark;
    const char *wrong = NULL;
    if (antler__cell_missing(cell))
        wrong = "is a missing value; expected a number";
    else if (!antler__cell_number(sheet, cell, &number, &mark) || isnan(number))
        wrong = "is not a finite number";
    else if (!(fabs(number) <= ANTLER_REAL_MAX))
        wrong = "is beyond what a float holds";
    else if (fabs(number) > ANTLER_FLOAT_EXACT && !mark && !memchr(cell->text, 'e', cell->length) &&
             !memchr(cell->text, 'E', cell->length))
        wrong = "is an integer beyond 2^24, which a float does not hold";
    if (wrong)
        return antler__cell_fail(sheet, column, cell, wrong, err);
    *value = (antler_real)number;
    return mark ? check_marks(sheet, column, cell, mark, marks, err) : ANTLER_OK;
}

typedef struct reader {
    const antler_sheet *sheet;
    const int64_t *place;
    int64_t columns, rows; /* columns: of those that are read */
    antler_cell *cell;     /* [sheet->columns] */
    antler_real *value;
    size_t used, room;
    antler_marks marks;
} reader;

static antler_status read_row(reader *r, antler_error *err)
{
    if ((size_t)r->columns > r->room - r->used) {
        size_t room = 2 * r->room + (size_t)r->columns + 1024;
        if (!antler__grow(&r->value, r->used, room, sizeof *r->value))
            return antler__no_memory(err);
        r->room = room;
    }
    for (int64_t i = 0; i < r->columns; i++)
        ANTLER_TRY(
            antler__cell_real(r->sheet, r->place[i], &r->cell[r->place[i]], &r->marks, &r->value[r->used++], err));
    r->rows++;
    return ANTLER_OK;
}

static antler_status read_rows(reader *r, antler_error *err)
{
    antler_cursor cursor = antler__sheet_begin(r->sheet);
    r->cell = antler__allocate((size_t)r->sheet->columns, sizeof *r->cell);
    r->value = antler__allocate(1, sizeof *r->value);
    if (!r->cell || !r->value)
        return antler__no_memory(err);
    for (bool found = true;;) {
        ANTLER_TRY(antler__sheet_row(r->sheet, &cursor, r->cell, &found, err));
        if (!found)
            return ANTLER_OK;
        ANTLER_TRY(read_row(r, err));
    }
}

antler_status antler__csv_read(const char *path, const char *columns, antler_real **values, antler_shape *shape,
                               antler_error *warning, antler_error *err)
{
    antler_sheet sheet;
    *values = NULL;
    ANTLER_TRY(antler__sheet_open(path, columns && !antler__is_place(columns), &sheet, err));
    *warning = sheet.warning;
    antler_status status = antler__sheet_read(&sheet, columns, values, shape, err);
    antler__sheet_close(&sheet);
    return status;
}

antler_status antler__sheet_read(const antler_sheet *sheet, const char *columns, antler_real **values,
                                 antler_shape *shape, antler_error *err)
{
    int64_t *place;
    reader r = {.sheet = sheet};
    *values = NULL;
    antler_status status = antler__sheet_choose(sheet, columns, &place, &r.columns, err);
    r.place = place;
    locale_t before = antler__plain_numbers();
    if (status == ANTLER_OK)
        status = read_rows(&r, err);
    antler__own_numbers(before);
    antler__free(place);
    antler__free(r.cell);
    if (status != ANTLER_OK) {
        antler__free(r.value);
        return status;
    }
    *values = r.value;
    *shape = (antler_shape){2, {r.rows, r.columns}};
    return ANTLER_OK;
}
