/* Text for people: tables and numbers. */
#include "cli/command.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *antler__shown(const char *text, char *shown, size_t size)
{
    snprintf(shown, size, "%s", text);
    return antler_one_line(shown);
}

static bool make_room(antler_table *table)
{
    size_t room = table->room ? 2 * table->room : 64;
    char **grown = realloc(table->cell, room * sizeof *grown);
    if (!grown)
        return false;
    table->cell = grown;
    table->room = room;
    return true;
}

void antler__table_add(antler_table *table, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    table->failed = table->failed || (table->cells == table->room && !make_room(table));
    if (table->failed)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char *cell = strdup(antler_one_line(text));
    if (cell)
        table->cell[table->cells++] = cell;
    table->failed = !cell;
}

static int width(const antler_table *table, int column)
{
    size_t most = 0;
    for (size_t i = (size_t)column; i < table->cells; i += (size_t)table->columns) {
        size_t length = strlen(table->cell[i]);
        most = length > most ? length : most;
    }
    return (int)most;
}

static void rule(const antler_table *table, const int *wide)
{
    for (int column = 0; column < table->columns; column++) {
        printf("%s", column ? "  " : "");
        for (int i = wide[column]; i > 0; i--)
            putchar('-');
    }
    putchar('\n');
}

/* Whether cells follow in the row of cell i that are not empty. */
static bool goes_on(const antler_table *table, size_t i)
{
    for (; i % (size_t)table->columns != 0; i++)
        if (table->cell[i][0])
            return true;
    return false;
}

antler_status antler__table_print(antler_table *table, unsigned right, antler_error *err)
{
    int *wide = malloc((size_t)table->columns * sizeof *wide);
    bool failed = table->failed || !wide;
    for (int column = 0; !failed && column < table->columns; column++)
        wide[column] = width(table, column);
    for (size_t i = 0; i < table->cells && !failed; i++) {
        int column = (int)(i % (size_t)table->columns), last = column == table->columns - 1;
        int space = !goes_on(table, i + 1) && !(right >> column & 1) ? 0 : wide[column];
        printf("%s%*s%s", column && (space || table->cell[i][0]) ? "  " : "", right >> column & 1 ? space : -space,
               table->cell[i], last ? "\n" : "");
        if (i + 1 == (size_t)table->columns)
            rule(table, wide);
    }
    while (table->cells > 0)
        free(table->cell[--table->cells]);
    free(table->cell);
    free(wide);
    *table = (antler_table){.columns = table->columns};
    return failed ? antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory") : ANTLER_OK;
}

const char *antler__number_text(int64_t n, char *text, size_t size)
{
    char digits[32];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRId64, n), used = 0;
    for (size_t i = 0; i < length && used + 2 < size; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

void antler__logs_print(const antler_logs *logs)
{
    char shown[256];
    for (int i = 0; i < logs->n; i++)
        printf("%s%s %.6g", i ? " " : "", antler__shown(logs->name[i], shown, sizeof shown), logs->value[i]);
}
