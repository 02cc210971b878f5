/* How the columns of a table became inputs and targets, so that other tables become the same. */
#ifndef ANTLER_COLUMNS_H
#define ANTLER_COLUMNS_H

#include "config/json.h"
#include "files/sheet.h"

typedef enum antler_column_form {
    ANTLER_FORM_NUMBER,
    ANTLER_FORM_CATEGORIES, /* of x: a number for each text, 1 for the cell's and 0 for the others */
    ANTLER_FORM_TOKENS,     /* of x: texts are 1, 2 ... */
    ANTLER_FORM_CLASSES     /* of y: texts are 0, 1 ..., or as categories where the loss asks for that */
} antler_column_form;

typedef enum antler_missing { ANTLER_MISSING_REFUSED, ANTLER_MISSING_DROPPED, ANTLER_MISSING_MEAN } antler_missing;

typedef struct antler_column {
    char *name;    /* NULL: the table had no heading */
    int64_t place; /* in it, from 0 */
    antler_column_form form;
    double mean; /* of a number of x, over the rows trained on */
    int64_t n;
    char **text; /* [n], sorted by their bytes; none of a number */
} antler_column;

enum { ANTLER_COLUMNS_X, ANTLER_COLUMNS_Y };

typedef struct antler_columns {
    int64_t columns; /* of the table */
    antler_missing missing;
    int64_t n[2]; /* of x and of y */
    antler_column *column[2];
} antler_columns;

void antler__columns_free(antler_columns *columns); /* and its memory; NULL is fine */
/* "refuse", "drop", "mean"; false for another word. NULL is "refuse". */
bool antler__missing_find(const char *word, antler_missing *missing);

/* "table" of "fit". The error has the place below that. */
antler_status antler__columns_read(const antler_json *node, antler_columns **columns, antler_error *err);
bool antler__columns_write(const antler_columns *columns, antler_json *parent, const char *key);

/* What a table is asked for. */
typedef struct antler_wish {
    const char *x, *y, *weight;      /* columns, as antler__sheet_choose has them; NULL: not said */
    const char *tokens, *categories; /* columns to be taken as such, whatever they hold; NULL: none */
    antler_missing missing;
    bool tokens_rule;  /* texts of x become tokens, not categories */
    bool targets;      /* y is wanted */
    double validation; /* share of the rows, at the end, that nothing is learned from but texts */
} antler_wish;

/* What became of it. */
typedef struct antler_filled {
    int64_t rows, width[3]; /* numbers of a row: of x, y, weights */
    antler_real *value[3];  /* [rows * width], for antler__free; NULL: not wanted */
    antler_error warning;
} antler_filled;

/* Learns the columns from the table. */
antler_status antler__columns_learn(const antler_sheet *sheet, const antler_wish *wish, antler_columns **columns,
                                    antler_error *err);
/* The numbers of x, y and weights, as the columns say. one_hot: classes as categories. */
antler_status antler__columns_fill(const antler_sheet *sheet, const antler_wish *wish, const antler_columns *columns,
                                   bool one_hot, antler_filled *filled, antler_error *err);
/* Numbers that a column gives. */
int64_t antler__column_width(const antler_column *column, bool one_hot);

/* Where the columns of x, y and weights are in a table. */
typedef struct antler_places {
    int64_t n[3];
    int64_t *at[3]; /* for antler__places_free */
    bool foreign;   /* names of the table are others than those learned; its columns are taken in their order */
} antler_places;
antler_status antler__places_learn(const antler_sheet *sheet, const antler_wish *wish, antler_places *places,
                                   antler_error *err);
antler_status antler__places_match(const antler_sheet *sheet, const antler_wish *wish, const antler_columns *columns,
                                   antler_places *places, antler_error *err);
void antler__places_free(antler_places *places);

/* Missing values of the chosen columns: refused, with their count and first lines, or counted. */
typedef struct antler_scan {
    int64_t rows;             /* that are taken */
    int64_t *numbers, *texts; /* cells of column i of x, then of y; or NULL: not asked for */
} antler_scan;
antler_status antler__columns_scan(const antler_sheet *sheet, const antler_wish *wish, const antler_places *places,
                                   antler_scan *scan, antler_error *err);
/* Whether a row is left out for a missing value. */
bool antler__row_dropped(const antler_wish *wish, const antler_places *places, const antler_cell *cell);

#endif
