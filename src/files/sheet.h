/* Tables in text files: rows of cells between separators. */
#ifndef ANTLER_SHEET_H
#define ANTLER_SHEET_H

#include "antler/antler.h"
#include "core/status.h"

/* A cell without the blanks and quotes around it. */
typedef struct antler_cell {
    const char *text; /* not ended by a zero */
    size_t length;
    int line;
    bool quoted; /* RFC 4180: a quote in it is written twice */
    bool last;   /* of its row */
} antler_cell;

/* The whole text is kept; rows are read from it as often as they are needed, so that memory is in proportion to it. */
typedef struct antler_sheet {
    char *text;
    const char *first, *end; /* of the rows below the heading */
    int first_line;
    char separator; /* ',', ';' or '\t' */
    int64_t columns;
    char **name; /* [columns] of the heading; NULL: there is none */
    char file[256];
    antler_error warning; /* what is read and may be meant otherwise; no message: nothing */
} antler_sheet;

/* Reads a file ("-": standard input) and finds separator and heading. by_name: columns will be asked for by names, so
   that a first line 0,1,2 ... is a heading. */
antler_status antler__sheet_open(const char *path, bool by_name, antler_sheet *sheet, antler_error *err);
void antler__sheet_close(antler_sheet *sheet);

/* A place in the rows: {sheet->first, sheet->first_line} at the beginning. */
typedef struct antler_cursor {
    const char *at;
    int line;
} antler_cursor;
antler_cursor antler__sheet_begin(const antler_sheet *sheet);
/* The next row, all cells of it: cell [columns]. *found is false at the end. */
antler_status antler__sheet_row(const antler_sheet *sheet, antler_cursor *cursor, antler_cell *cell, bool *found,
                                antler_error *err);

/* Empty, NA, N/A, nan, ?, null, in any case of letters. */
bool antler__cell_missing(const antler_cell *cell);
/* Whether it is a number as Python writes it, with a decimal comma also where that does not separate cells; and those
   that are not finite by name: "inf", with *value NaN. *mark: its '.' or ',', or 0. */
bool antler__cell_number(const antler_sheet *sheet, const antler_cell *cell, double *value, char *mark);
/* The lines of the first numbers with a decimal comma and with a point; 0: none. */
typedef struct antler_marks {
    int comma, point;
} antler_marks;
/* A cell that must be a finite number, which the number type holds; commas and points do not go together. */
antler_status antler__cell_real(const antler_sheet *sheet, int64_t column, const antler_cell *cell, antler_marks *marks,
                                antler_real *value, antler_error *err);
/* Its text, for antler__free; NULL without memory. */
char *antler__cell_text(const antler_cell *cell);
/* ANTLER_DATA of a cell: "file:line: column 3 (name): "text" message". */
antler_status antler__cell_fail(const antler_sheet *sheet, int64_t column, const antler_cell *cell, const char *message,
                                antler_error *err);

/* Which columns a text names: one by its whole name; a list, "a,b", of names, in quotes where a comma is in them, or of
   numbers from 1, "#3"; "all but ..." with such a list; "x_..." and "y_...", where no column is called so, all but the
   last and the last; NULL: all. Adds to chosen [columns], and gives their places in the order of the text:
   *place [*n], for antler__free. */
antler_status antler__sheet_choose(const antler_sheet *sheet, const char *text, int64_t **place, int64_t *n,
                                   antler_error *err);
/* Whether a text is "x_..." or "y_...", and "all but ...". */
bool antler__is_place(const char *text);
bool antler__is_all_but(const char *text);

#endif
