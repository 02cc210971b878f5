#include "cli/runs.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool antler__is_run(const char *path)
{
    struct stat info;
    return antler__has_suffix(path, ".csv") || (stat(path, &info) == 0 && S_ISDIR(info.st_mode));
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* The next field of a line of CSV, unquoted in place; *at goes behind it, or becomes NULL after the last. */
static char *next_field(char **at)
{
    char *field = *at, *to = *at, *from = *at;
    bool quoted = *from == '"';
    from += quoted;
    while (*from && (quoted || *from != ',')) {
        if (quoted && *from == '"') {
            if (from[1] != '"') {
                quoted = false;
                from++;
                continue;
            }
            from++;
        }
        *to++ = *from++;
    }
    *at = *from == ',' ? from + 1 : NULL;
    *to = '\0';
    return field;
}

static bool read_heading(antler_history_table *t, char *line)
{
    for (char *at = line; at && t->columns < ANTLER_MOST_COLUMNS;) {
        t->column[t->columns] = strdup(next_field(&at));
        if (!t->column[t->columns++])
            return false;
    }
    return true;
}

static bool grow(antler_history_table *t, int64_t rows)
{
    for (int i = 0; i < t->columns; i++) {
        double *grown = realloc(t->value[i], (size_t)rows * sizeof *grown);
        if (!grown)
            return false;
        t->value[i] = grown;
    }
    return true;
}

static double number(const char *field)
{
    char *end;
    double value = strtod(field, &end);
    return end == field ? NAN : value;
}

static bool read_rows(antler_history_table *t, FILE *file)
{
    char *line = NULL;
    size_t size = 0;
    int64_t room = 0;
    bool room_left = true;
    while (room_left && getline(&line, &size, file) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!t->columns) {
            room_left = read_heading(t, line);
            continue;
        }
        if (!*line)
            continue;
        if (t->rows == room)
            room_left = grow(t, room = room ? 2 * room : 64);
        char *at = line;
        for (int i = 0; room_left && i < t->columns; i++)
            t->value[i][t->rows] = at ? number(next_field(&at)) : NAN;
        t->rows += room_left;
    }
    free(line);
    return room_left;
}

/* The last part of a path, however many slashes end it. */
static void name_of(const char *path, char *name, size_t size)
{
    size_t end = strlen(path), start;
    while (end > 1 && path[end - 1] == '/')
        end--;
    for (start = end; start > 0 && path[start - 1] != '/';)
        start--;
    snprintf(name, size, "%.*s", (int)(end - start), path + start);
    antler_one_line(name);
}

antler_status antler__history_read(antler_history_table *t, const char *path, antler_error *err)
{
    char file_path[4096];
    *t = (antler_history_table){0};
    name_of(path, t->name, sizeof t->name);
    snprintf(file_path, sizeof file_path, "%s%s", path, antler__has_suffix(path, ".csv") ? "" : "/history.csv");
    FILE *file = fopen(file_path, "r");
    if (!file) {
        antler_error_set(err, ANTLER_FILE, NULL, "cannot open: %s; train --log-dir DIR writes it", strerror(errno));
    } else {
        if (!read_rows(t, file))
            antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
        else if (ferror(file))
            antler_error_set(err, ANTLER_FILE, NULL, "cannot read: %s", strerror(errno));
        else if (t->rows == 0 || t->columns < 2)
            antler_error_set(err, ANTLER_FORMAT, NULL, "no table of epochs: expected a heading and a line for each");
        fclose(file);
    }
    antler__blame(file_path, err);
    return err->status;
}

void antler__history_free(antler_history_table *t)
{
    for (int i = 0; i < t->columns; i++) {
        free(t->column[i]);
        free(t->value[i]);
    }
    *t = (antler_history_table){0};
}

int antler__history_column(const antler_history_table *t, const char *name)
{
    for (int i = 0; i < t->columns; i++)
        if (strcmp(t->column[i], name) == 0)
            return i;
    return -1;
}

/* ---- charts ------------------------------------------------------------------------------------------------------ */

/* "accuracy" of "val_accuracy". */
static const char *measured(const char *column)
{
    return strncmp(column, "val_", 4) == 0 ? column + 4 : column;
}

/* The i-th thing that run `run` measured, if no run before it did, nor a column before; else NULL. */
static const char *new_measure(const antler_history_table *t, int run, int column)
{
    const char *name = measured(t[run].column[column]);
    if (strcmp(name, "epoch") == 0)
        return NULL;
    for (int r = 0; r <= run; r++)
        for (int i = 0; i < (r < run ? t[r].columns : column); i++)
            if (strcmp(measured(t[r].column[i]), name) == 0)
                return NULL;
    return name;
}

/* A run's curve of a column; against its epochs, or, without a column of them, its lines. */
static void add_curve(antler_chart *chart, const antler_history_table *t, const char *column, const char *label,
                      antler_stroke stroke, int colour, const double *lines)
{
    int y = antler__history_column(t, column), x = antler__history_column(t, "epoch");
    if (y >= 0)
        antler__chart_add(chart, label, t->rows, x >= 0 ? t->value[x] : lines, t->value[y],
                          t->rows == 1 ? ANTLER_POINTS : stroke, colour);
}

static void add_run(antler_chart *chart, const antler_history_table *t, int runs, int run, const char *name,
                    const double *lines)
{
    char column[160], label[200];
    snprintf(column, sizeof column, "val_%s", name);
    bool both = antler__history_column(t, column) >= 0;
    snprintf(label, sizeof label, "%s%s", runs > 1 ? t->name : "training", runs > 1 && both ? ", training" : "");
    add_curve(chart, t, name, label, both ? ANTLER_DASHED : ANTLER_SOLID, run, lines);
    add_curve(chart, t, column, runs > 1 ? t->name : "validation", ANTLER_SOLID, runs > 1 ? run : 1, lines);
}

antler_chart *antler__history_charts(const antler_history_table *t, int runs, int *charts, antler_error *err)
{
    enum { MOST = 32 };
    antler_chart *chart = antler__room(MOST, sizeof *chart, err);
    *charts = 0;
    for (int run = 0; chart && run < runs; run++)
        for (int i = 0; i < t[run].columns && *charts < MOST; i++) {
            const char *name = new_measure(t, run, i);
            if (!name)
                continue;
            antler_chart *c = &chart[(*charts)++];
            antler__shown(name, c->title, sizeof c->title);
            snprintf(c->x_label, sizeof c->x_label, "epoch");
            for (int r = 0; r < runs; r++)
                add_run(c, &t[r], runs, r, name, t[r].value[0]);
        }
    return chart;
}
