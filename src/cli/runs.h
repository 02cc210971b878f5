/* What trainings left: history.csv, and pictures of it. */
#ifndef ANTLER_RUNS_H
#define ANTLER_RUNS_H

#include "cli/chart.h"

enum { ANTLER_MOST_RUNS = 12, ANTLER_MOST_COLUMNS = 2 * ANTLER_MAX_LOGS };

/* A table of numbers, by columns; what is none is NaN. */
typedef struct antler_history_table {
    char name[96]; /* of the run: its folder's */
    int columns;
    char *column[ANTLER_MOST_COLUMNS];
    double *value[ANTLER_MOST_COLUMNS]; /* [rows] */
    int64_t rows;
} antler_history_table;

/* Whether a path is that of a folder or of a table. */
bool antler__is_run(const char *path);
/* Reads DIR/history.csv, or a .csv. To be freed whatever comes. */
antler_status antler__history_read(antler_history_table *table, const char *path, antler_error *err);
void antler__history_free(antler_history_table *table);
/* The column of a name, or -1. */
int antler__history_column(const antler_history_table *table, const char *name);
/* A chart for each thing that was measured, of all runs: what validation said drawn through, what training said
   dashed. For free; *charts: how many. */
antler_chart *antler__history_charts(const antler_history_table *table, int runs, int *charts, antler_error *err);
/* `antler plot` of such, and of --model's predictions. Returns the exit status. */
int antler__plot_runs(const antler_arguments *a, int operands);

#endif
