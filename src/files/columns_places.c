/* Where the columns of x, of y and of weights are in a table, and its missing values. */
#include "core/index.h"
#include "core/memory.h"
#include "files/columns.h"

#include <stdio.h>
#include <string.h>

enum { X, Y, W, SIDES };

void antler__places_free(antler_places *places)
{
    for (int side = 0; side < SIDES; side++)
        antler__free(places->at[side]);
    *places = (antler_places){0};
}

/* ---- learning ---------------------------------------------------------------------------------------------------- */

static antler_status choose(const antler_sheet *sheet, const char *text, int side, antler_places *places,
                            antler_error *err)
{
    return antler__sheet_choose(sheet, text, &places->at[side], &places->n[side], err);
}

/* What is y or weights is no x: left out where x is not told column by column, else refused. */
static antler_status part_x(const antler_sheet *sheet, bool told, antler_places *places, antler_error *err)
{
    bool *other = antler__allocate_zeroed((size_t)sheet->columns, sizeof *other);
    int64_t n = 0, *x = places->at[X];
    if (!other)
        return antler__no_memory(err);
    for (int side = Y; side < SIDES; side++)
        for (int64_t i = 0; i < places->n[side]; i++)
            other[places->at[side][i]] = true;
    antler_status status = ANTLER_OK;
    for (int64_t i = 0; i < places->n[X]; i++)
        if (!other[x[i]])
            x[n++] = x[i];
        else if (told)
            status = antler_error_set(err, ANTLER_NAME, NULL, "column %lld is an input and a target or weight",
                                      (long long)x[i] + 1);
    antler__free(other);
    places->n[X] = n;
    if (status == ANTLER_OK && n == 0)
        status = antler_error_set(err, ANTLER_NAME, NULL, "no column is left for the inputs");
    antler__error_file(err, sheet->file);
    return status;
}

antler_status antler__places_learn(const antler_sheet *sheet, const antler_wish *wish, antler_places *places,
                                   antler_error *err)
{
    const char *x = wish->x && antler__is_place(wish->x) && *wish->x == 'x' ? NULL : wish->x;
    *places = (antler_places){0};
    antler_status status = choose(sheet, wish->y ? wish->y : "y_train", Y, places, err);
    if (status == ANTLER_OK && wish->weight)
        status = choose(sheet, wish->weight, W, places, err);
    if (status == ANTLER_OK)
        status = choose(sheet, x, X, places, err);
    if (status == ANTLER_OK)
        status = part_x(sheet, x && !antler__is_all_but(x), places, err);
    if (status != ANTLER_OK)
        antler__places_free(places);
    return status;
}

/* ---- matching ---------------------------------------------------------------------------------------------------- */

/* By names, whatever their order; of two columns that share one, by their places. *missing is the first that is not
   there, *found how many are. */
static void match_names(const antler_sheet *sheet, const antler_columns *columns, int side, const antler_index *names,
                        antler_places *places, const char **missing, int64_t *found)
{
    for (int64_t i = 0; i < columns->n[side]; i++) {
        const antler_column *column = &columns->column[side][i];
        const int64_t *place = antler__index_find(names, column->name);
        if (place && column->place < sheet->columns && strcmp(sheet->name[column->place], column->name) == 0)
            place = &column->place;
        if (place)
            places->at[side][i] = *place;
        else if (!*missing)
            *missing = column->name;
        *found += place != NULL;
    }
}

/* By the order: a table of the inputs alone, or one with as many columns as that which was learned from. */
static antler_status match_order(const antler_sheet *sheet, const antler_wish *wish, const antler_columns *columns,
                                 antler_places *places, antler_error *err)
{
    bool inputs = !wish->targets && sheet->columns == columns->n[X];
    if (!inputs && sheet->columns != columns->columns)
        return antler_error_set(err, ANTLER_SHAPE, NULL,
                                "a table of %lld columns%s; expected %lld as in training%s, or name them",
                                (long long)sheet->columns, sheet->name ? "" : " without names",
                                (long long)columns->columns, wish->targets ? "" : ", or the inputs alone");
    for (int side = X; side <= Y; side++)
        for (int64_t i = 0; i < places->n[side]; i++)
            places->at[side][i] = inputs ? i : columns->column[side][i].place;
    return ANTLER_OK;
}

static antler_status match_all(const antler_sheet *sheet, const antler_wish *wish, const antler_columns *columns,
                               antler_places *places, antler_error *err)
{
    antler_index names = {0};
    const char *missing = NULL;
    int64_t found = 0;
    bool both = sheet->name && columns->column[X][0].name, fits = true;
    for (int64_t i = 0; fits && both && i < sheet->columns; i++)
        fits = antler__index_find(&names, sheet->name[i]) || antler__index_add(&names, sheet->name[i], i);
    for (int side = X; fits && both && side <= (wish->targets ? Y : X); side++)
        match_names(sheet, columns, side, &names, places, &missing, &found);
    antler__index_free(&names);
    if (!fits)
        return antler__no_memory(err);
    if (both && !missing)
        return ANTLER_OK;
    if (found > 0)
        return antler_error_set(err, ANTLER_NAME, NULL, "no column \"%.80s\", which the model was trained with",
                                missing);
    places->foreign = both;
    return match_order(sheet, wish, columns, places, err);
}

static antler_status check_asked(int side, const antler_columns *columns, const antler_places *places,
                                 antler_error *err)
{
    return places->n[side] == columns->n[side]
               ? ANTLER_OK
               : antler_error_set(err, ANTLER_SHAPE, side == X ? "x" : "y",
                                  "%lld columns; the model was trained with %lld", (long long)places->n[side],
                                  (long long)columns->n[side]);
}

/* Columns that are named for this table take the place of the learned ones, in their order. */
static antler_status match_asked(const antler_sheet *sheet, const char *text, int side, const antler_columns *columns,
                                 antler_places *places, antler_error *err)
{
    antler__free(places->at[side]);
    places->at[side] = NULL;
    ANTLER_TRY(choose(sheet, text, side, places, err));
    if (side == X && antler__is_all_but(text))
        ANTLER_TRY(part_x(sheet, false, places, err));
    return check_asked(side, columns, places, err);
}

static antler_status match(const antler_sheet *sheet, const antler_wish *wish, const antler_columns *columns,
                           antler_places *places, antler_error *err)
{
    for (int side = X; side <= (wish->targets ? Y : X); side++) {
        places->n[side] = columns->n[side];
        places->at[side] = antler__allocate_zeroed((size_t)columns->n[side], sizeof *places->at[side]);
        if (!places->at[side])
            return antler__no_memory(err);
    }
    if (!wish->x || (wish->targets && !wish->y))
        ANTLER_TRY(match_all(sheet, wish, columns, places, err));
    if (wish->y && wish->targets)
        ANTLER_TRY(match_asked(sheet, wish->y, Y, columns, places, err));
    if (wish->weight && wish->targets)
        ANTLER_TRY(choose(sheet, wish->weight, W, places, err));
    return wish->x ? match_asked(sheet, wish->x, X, columns, places, err) : ANTLER_OK;
}

antler_status antler__places_match(const antler_sheet *sheet, const antler_wish *wish, const antler_columns *columns,
                                   antler_places *places, antler_error *err)
{
    *places = (antler_places){0};
    antler_status status = match(sheet, wish, columns, places, err);
    if (status == ANTLER_OK)
        return status;
    antler__places_free(places);
    antler__error_file(err, sheet->file);
    return status;
}

/* ---- missing values ---------------------------------------------------------------------------------------------- */

bool antler__row_dropped(const antler_wish *wish, const antler_places *places, const antler_cell *cell)
{
    bool missing = false;
    if (wish->missing != ANTLER_MISSING_DROPPED || !wish->targets)
        return false;
    for (int side = X; side < SIDES; side++)
        for (int64_t i = 0; i < places->n[side]; i++)
            missing |= antler__cell_missing(&cell[places->at[side][i]]);
    return missing;
}

/* Those that nothing is done about. */
typedef struct missed {
    int64_t count, column;
    antler_cell first;
    char lines[80];
    bool target;
} missed;

static void miss(missed *m, int64_t column, const antler_cell *cell, bool target)
{
    size_t used = strlen(m->lines);
    if (m->count++ == 0) {
        m->column = column;
        m->first = *cell;
        m->first.text = NULL;
    }
    m->target |= target;
    if (m->count <= 5)
        snprintf(m->lines + used, sizeof m->lines - used, "%s%d", used ? ", " : "", cell->line);
    else if (m->count == 6)
        snprintf(m->lines + used, sizeof m->lines - used, " ...");
}

static antler_status refuse(const antler_sheet *sheet, const antler_wish *wish, const missed *m, antler_error *err)
{
    char message[240];
    const char *cure = m->target        ? "\"missing\": \"drop\" leaves such rows out"
                       : !wish->targets ? "\"missing\": \"mean\" fills them"
                                        : "\"missing\": \"drop\" leaves such rows out, \"mean\" fills them";
    snprintf(message, sizeof message, "%lld missing value%s, in line%s %s; %s", (long long)m->count,
             m->count == 1 ? "" : "s", m->count == 1 ? "" : "s", m->lines, cure);
    return antler__cell_fail(sheet, m->column, &m->first, message, err);
}

static void scan_row(const antler_wish *wish, const antler_sheet *sheet, const antler_places *places,
                     const antler_cell *cell, antler_scan *scan, missed *m)
{
    int64_t column = 0;
    if (antler__row_dropped(wish, places, cell))
        return;
    scan->rows++;
    for (int side = X; side < SIDES; side++)
        for (int64_t i = 0; i < places->n[side]; i++, column++) {
            const antler_cell *one = &cell[places->at[side][i]];
            double value;
            char mark;
            if (antler__cell_missing(one)) {
                if (wish->missing != ANTLER_MISSING_MEAN || side != X)
                    miss(m, places->at[side][i], one, side != X);
            } else if (scan->numbers && side < W) {
                bool number = antler__cell_number(sheet, one, &value, &mark);
                scan->numbers[column] += number;
                scan->texts[column] += !number;
            }
        }
}

antler_status antler__columns_scan(const antler_sheet *sheet, const antler_wish *wish, const antler_places *places,
                                   antler_scan *scan, antler_error *err)
{
    antler_cursor cursor = antler__sheet_begin(sheet);
    antler_cell *cell = antler__allocate((size_t)sheet->columns, sizeof *cell);
    missed m = {0};
    bool found = cell;
    antler_status status = cell ? ANTLER_OK : antler__no_memory(err);
    scan->rows = 0;
    while (status == ANTLER_OK && found) {
        status = antler__sheet_row(sheet, &cursor, cell, &found, err);
        if (status == ANTLER_OK && found)
            scan_row(wish, sheet, places, cell, scan, &m);
    }
    antler__free(cell);
    if (status == ANTLER_OK && m.count > 0)
        status = refuse(sheet, wish, &m, err);
    if (status == ANTLER_OK && scan->rows == 0)
        status = antler__cell_fail(sheet, -1, &(antler_cell){0}, "no rows", err);
    return status;
}
