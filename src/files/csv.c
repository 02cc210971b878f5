/* Comma-separated numbers, with or without a line of names. */
#include "files/csv.h"
#include "core/index.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "files/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 1 << 20, MAX_NUMBER = 64 };
static const size_t max_bytes = (size_t)1 << 30;

/* A field of a line: its text without blanks and quotes (RFC 4180: a quote in it is written twice), and what follows.
 */
typedef struct field {
    const char *text;
    size_t length;
    bool quoted;
    bool last; /* of its line */
} field;

typedef struct table {
    const char *at; /* the text ends with a zero; a zero byte before that is refused like any other junk */
    int line;
    int64_t columns;
    bool *chosen; /* [columns] */
    int64_t chosen_columns;
    antler_real *value;
    size_t used, room;
    antler_error *warning, *err;
} table;

static antler_status fail(table *t, int64_t column, const char *message, const field *f)
{
    char place[32] = "";
    if (column >= 0)
        snprintf(place, sizeof place, "column %lld", (long long)column + 1);
    bool first = t->err && t->err->status == ANTLER_OK;
    size_t shown = f ? strcspn(f->text, "\n") : 0;
    if (f && f->length < shown)
        shown = f->length;
    if (f)
        antler_error_set(t->err, ANTLER_DATA, place, "\"%.*s\" %s", shown < 60 ? (int)shown : 60, f->text, message);
    else
        antler_error_set(t->err, ANTLER_DATA, place, "%s", message);
    if (first)
        t->err->line = t->line;
    return ANTLER_DATA;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* From behind an opening quote to the closing one, or the end of the text. *lines counts those that it goes over. */
static const char *closing_quote(const char *at, int *lines)
{
    for (; *at && (*at != '"' || at[1] == '"'); at++) {
        at += *at == '"'; /* the first of two */
        *lines += *at == '\n';
    }
    return at;
}

/* Takes the next field and the comma or line end after it. */
static antler_status next_field(table *t, int64_t column, field *f)
{
    int lines = 0;
    while (is_blank(*t->at))
        t->at++;
    f->quoted = *t->at == '"';
    f->text = t->at += f->quoted;
    t->at = f->quoted ? closing_quote(t->at, &lines) : t->at + strcspn(t->at, ",\n");
    f->length = (size_t)(t->at - f->text);
    if (f->quoted && *t->at != '"')
        return fail(t, column, "has an opening quote without the closing one", f);
    t->at += f->quoted;
    t->line += lines;
    while (f->quoted && is_blank(*t->at))
        t->at++;
    while (!f->quoted && f->length > 0 && is_blank(f->text[f->length - 1]))
        f->length--;
    f->last = *t->at != ',';
    if (*t->at != ',' && *t->at != '\n' && *t->at != '\0')
        return fail(t, column, "is followed by more than a comma or the end of the line", f);
    t->at += *t->at != '\0';
    return ANTLER_OK;
}

/* A decimal number as Python writes it, and nothing else that strtod takes, such as hexadecimal. */
static bool parse(const field *f, double *value)
{
    char text[MAX_NUMBER];
    size_t length = f->length;
    if (length == 0 || length >= sizeof text)
        return false;
    memcpy(text, f->text, length);
    text[length] = '\0';
    if (strspn(text, "+-.0123456789eE") != length)
        return false;
    char *end;
    *value = strtod(text, &end);
    return end == text + length;
}

/* NaN and infinities by name are no numbers for us, but no header either. */
static bool is_number(const field *f)
{
    static const char *const names[] = {"nan", "inf", "-inf", "+inf", "infinity", "-infinity"};
    double value;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = 0;
        while (n < f->length && names[i][n] && (f->text[n] | 0x20) == (names[i][n] | 0x20))
            n++;
        if (n == f->length && names[i][n] == '\0' && n > 0)
            return true;
    }
    return parse(f, &value);
}

static antler_status number(table *t, int64_t column, const field *f)
{
    double value;
    if (!t->chosen[column])
        return ANTLER_OK;
    if (!parse(f, &value))
        return fail(t, column, "is not a finite number", f);
    if (!(fabs(value) <= ANTLER_REAL_MAX))
        return fail(t, column, "is beyond what a float holds", f);
    bool whole = memchr(f->text, '.', f->length) == NULL && memchr(f->text, 'e', f->length) == NULL &&
                 memchr(f->text, 'E', f->length) == NULL;
    if (whole && fabs(value) > ANTLER_FLOAT_EXACT)
        return fail(t, column, "is an integer beyond 2^24, which a float does not hold", f);
    if (t->used == t->room) {
        size_t room = t->room < 512 ? 1024 : 2 * t->room;
        if (!antler__grow(&t->value, t->used, room, sizeof *t->value))
            return antler__no_memory(t->err);
        t->room = room;
    }
    t->value[t->used++] = (antler_real)value;
    return ANTLER_OK;
}

/* To the next line that holds anything; false at the end. */
static bool next_line(table *t)
{
    for (;;) {
        const char *end = t->at;
        while (is_blank(*end))
            end++;
        if (*end != '\n')
            return *end != '\0';
        t->at = end + 1;
        t->line++;
    }
}

/* ---- the first line, and which columns are wanted ---------------------------------------------------------------- */

/* What the first line tells. */
typedef struct first_line {
    int64_t numbers; /* columns that are numbers */
    bool counts;     /* 0, 1, 2 ...: how pandas heads columns without names */
} first_line;

static antler_status count_columns(table *t, first_line *first)
{
    table look = *t;
    field f = {0};
    double value;
    *first = (first_line){.counts = true};
    for (t->columns = 0; !f.last; t->columns++) {
        ANTLER_TRY(next_field(&look, t->columns, &f));
        if (!f.quoted && memchr(f.text, ';', f.length))
            return fail(t, -1, "columns are separated by semicolons; expected commas", NULL);
        if (!f.quoted && memchr(f.text, '\t', f.length))
            return fail(t, -1, "columns are separated by tabs; expected commas", NULL);
        first->numbers += is_number(&f);
        first->counts &= parse(&f, &value) && value == (double)t->columns && !memchr(f.text, '.', f.length);
        if (t->columns == MAX_COLUMNS)
            return fail(t, -1, "more than 2^20 columns", NULL);
    }
    first->counts &= t->columns > 1;
    return ANTLER_OK;
}

/* The columns by the names in the header; of two that share one the first. */
static antler_status read_header(table *t, const char *header, antler_index *names)
{
    table look = *t;
    look.at = header;
    look.err = NULL;
    field f = {0};
    for (int64_t column = 0; !f.last; column++) {
        next_field(&look, column, &f);
        if (!antler__index_find_part(names, f.text, f.length) &&
            !antler__index_add_part(names, f.text, f.length, column))
            return antler__no_memory(t->err);
    }
    return ANTLER_OK;
}

static antler_status choose_list(table *t, const antler_index *header, const char *names)
{
    for (const char *name = names;; name++) {
        size_t length = strcspn(name, ",");
        const int64_t *column = antler__index_find_part(header, name, length);
        if (!column)
            return antler_error_set(t->err, ANTLER_NAME, NULL, "no column \"%.*s\"%s", (int)length, name,
                                    header->n > 0 ? " in the header" : "; the file has no header");
        if (t->chosen[*column])
            return antler_error_set(t->err, ANTLER_NAME, NULL, "column \"%.*s\" is named twice", (int)length, name);
        t->chosen[*column] = true;
        t->chosen_columns++;
        name += length;
        if (*name == '\0')
            return ANTLER_OK;
    }
}

/* A name that stands for columns by their place: all but the last, or the last. */
static bool is_place(const char *names)
{
    return (strncmp(names, "x_", 2) == 0 || strncmp(names, "y_", 2) == 0) && !strchr(names, ',');
}

/* All of them; one by its whole name; several; or by the first letter, all but the last or the last. */
static antler_status choose(table *t, const antler_index *header, const char *names)
{
    int64_t first = 0, last = t->columns;
    const int64_t *named = names ? antler__index_find(header, names) : NULL;
    if (named) {
        first = *named;
        last = first + 1;
    } else if (names && is_place(names)) {
        if (t->columns < 2)
            return antler_error_set(t->err, ANTLER_NAME, NULL, "\"%s\" needs two columns or more", names);
        first = names[0] == 'x' ? 0 : t->columns - 1;
        last = names[0] == 'x' ? t->columns - 1 : t->columns;
    } else if (names) {
        return choose_list(t, header, names);
    }
    for (int64_t column = first; column < last; column++)
        t->chosen[column] = true;
    t->chosen_columns = last - first;
    return ANTLER_OK;
}

static antler_status read_first_line(table *t, const char *names)
{
    first_line first;
    if (!next_line(t))
        return fail(t, -1, "the file is empty", NULL);
    ANTLER_TRY(count_columns(t, &first));
    t->chosen = antler__allocate_zeroed((size_t)t->columns, sizeof *t->chosen);
    if (!t->chosen)
        return antler__no_memory(t->err);
    if (first.numbers > 0 && first.numbers < t->columns)
        return fail(t, -1, "names and numbers in the first line, expected one of the two", NULL);
    bool named = first.numbers == 0 || (first.counts && names && !is_place(names));
    const char *header = named ? t->at : NULL;
    if (first.counts && !named) {
        t->warning->line = t->line;
        snprintf(t->warning->message, sizeof t->warning->message,
                 "the line 0,1,... is taken for a row; if it is a heading, as pandas writes without names, remove it");
    }
    antler_index columns = {0};
    antler_status status = header && names ? read_header(t, header, &columns) : ANTLER_OK;
    if (status == ANTLER_OK)
        status = choose(t, &columns, names);
    antler__index_free(&columns);
    ANTLER_TRY(status);
    field f = {0};
    for (int64_t column = 0; header && !f.last; column++)
        ANTLER_TRY(next_field(t, column, &f));
    t->line += header != NULL;
    return ANTLER_OK;
}

/* ---- the numbers ------------------------------------------------------------------------------------------------- */

static antler_status read_line(table *t)
{
    field f = {0};
    int64_t column = 0;
    for (; !f.last && column < t->columns; column++) {
        ANTLER_TRY(next_field(t, column, &f));
        ANTLER_TRY(number(t, column, &f));
    }
    if (f.last && column == t->columns) {
        t->line++;
        return ANTLER_OK;
    }
    char message[80];
    snprintf(message, sizeof message, "%s columns than the %lld of the first line", f.last ? "fewer" : "more",
             (long long)t->columns);
    return fail(t, -1, message, NULL);
}

static antler_status read_table(table *t, size_t bytes, const char *names, int64_t *rows)
{
    const char *end = t->at + bytes;
    *rows = 0;
    t->at += antler__mark_of(t->at, bytes);
    ANTLER_TRY(read_first_line(t, names));
    for (; next_line(t); ++*rows)
        ANTLER_TRY(read_line(t));
    return t->at + strspn(t->at, " \t\r") == end ? ANTLER_OK : fail(t, -1, "a zero byte: not a text file", NULL);
}

antler_status antler__csv_read(const char *path, const char *columns, antler_real **values, antler_shape *shape,
                               antler_error *warning, antler_error *err)
{
    void *text;
    size_t bytes;
    int64_t rows;
    *values = NULL;
    ANTLER_TRY(antler__file_read(path, max_bytes, &text, &bytes, err));
    table t = {.at = text, .line = 1, .warning = warning, .err = err};
    locale_t before = antler__plain_numbers();
    antler_status status = read_table(&t, bytes, columns, &rows);
    antler__own_numbers(before);
    if (status == ANTLER_OK && !t.value && !(t.value = antler__allocate(1, sizeof *t.value)))
        status = antler__no_memory(err);
    antler__free(text);
    antler__free(t.chosen);
    antler__error_file(err, path);
    if (status != ANTLER_OK) {
        antler__free(t.value);
        return status;
    }
    *values = t.value;
    *shape = (antler_shape){2, {rows, t.chosen_columns}};
    return ANTLER_OK;
}
