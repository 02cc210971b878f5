/* Tables in text files: separator, heading, rows. */
#include "files/sheet.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 1 << 20, MAX_NUMBER = 64, LOOKED_AT = 1000 /* rows by which the separator is told */ };
static const size_t max_bytes = (size_t)1 << 30;
static const char separators[] = ",;\t";

/* ---- cells ------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c, char separator)
{
    return (c == ' ' || c == '\t' || c == '\r') && c != separator;
}

antler_status antler__cell_fail(const antler_sheet *sheet, int64_t column, const antler_cell *cell, const char *message,
                                antler_error *err)
{
    char place[160] = "";
    bool first = err && err->status == ANTLER_OK;
    size_t shown = 0;
    while (cell->text && shown < cell->length && shown < 60 && cell->text[shown] != '\n')
        shown++;
    if (column >= 0 && sheet->name && column < sheet->columns)
        snprintf(place, sizeof place, "column %lld (%.120s)", (long long)column + 1, sheet->name[column]);
    else if (column >= 0)
        snprintf(place, sizeof place, "column %lld", (long long)column + 1);
    if (cell->text)
        antler_error_set(err, ANTLER_DATA, antler_one_line(place), "\"%.*s\" %s", (int)shown, cell->text, message);
    else
        antler_error_set(err, ANTLER_DATA, antler_one_line(place), "%s", message);
    if (first)
        err->line = cell->line;
    antler__error_file(err, sheet->file);
    return ANTLER_DATA;
}

/* From behind an opening quote to the closing one, or the end of the text. */
static const char *closing_quote(const char *at, int *line)
{
    for (; *at && (*at != '"' || at[1] == '"'); at++) {
        at += *at == '"'; /* the first of two */
        *line += *at == '\n';
    }
    return at;
}

static const char *end_of(const char *at, char separator)
{
    while (*at && *at != separator && *at != '\n')
        at++;
    return at;
}

/* What is wrong with a cell, or NULL. Takes it with the separator or line end after it. */
static const char *next_cell(char separator, antler_cursor *cursor, antler_cell *cell)
{
    const char *at = cursor->at;
    while (is_blank(*at, separator))
        at++;
    *cell = (antler_cell){.quoted = *at == '"', .line = cursor->line};
    cell->text = at += cell->quoted;
    at = cell->quoted ? closing_quote(at, &cursor->line) : end_of(at, separator);
    cell->length = (size_t)(at - cell->text);
    cursor->at = at;
    if (cell->quoted && *at != '"')
        return "has an opening quote without the closing one";
    at += cell->quoted;
    while (cell->quoted && is_blank(*at, separator))
        at++;
    while (!cell->quoted && cell->length > 0 && is_blank(cell->text[cell->length - 1], separator))
        cell->length--;
    cell->last = *at != separator;
    cursor->at = at + (*at != '\0');
    return *at == separator || *at == '\n' || *at == '\0'
               ? NULL
               : "is followed by more than a separator or the end of the line";
}

static bool is_word(const antler_cell *cell, const char *const *word)
{
    for (; *word; word++) {
        size_t n = 0;
        while (n < cell->length && (*word)[n] && (cell->text[n] | 0x20) == ((*word)[n] | 0x20))
            n++;
        if (n == cell->length && (*word)[n] == '\0')
            return true;
    }
    return false;
}

bool antler__cell_missing(const antler_cell *cell)
{
    static const char *const words[] = {"na", "n/a", "nan", "null", NULL};
    return cell->length == 0 || (cell->length == 1 && *cell->text == '?') || is_word(cell, words);
}

/* A decimal number as Python writes it, and nothing else that strtod takes, such as hexadecimal. */
bool antler__cell_number(const antler_sheet *sheet, const antler_cell *cell, double *value, char *mark)
{
    static const char *const infinite[] = {"inf", "-inf", "+inf", "infinity", "-infinity", "+infinity", NULL};
    char text[MAX_NUMBER];
    size_t length = cell->length;
    if (length == 0 || length >= sizeof text)
        return false;
    memcpy(text, cell->text, length);
    text[length] = '\0';
    char *comma = sheet->separator == ',' ? NULL : strchr(text, ',');
    bool decimal = comma && comma[1] >= '0' && comma[1] <= '9' && !strchr(text, '.');
    *mark = decimal ? ',' : strchr(text, '.') ? '.' : '\0';
    if (decimal)
        *comma = '.';
    *value = (double)NAN;
    if (strspn(text, "+-.0123456789eE") != length)
        return is_word(cell, infinite);
    char *end;
    *value = strtod(text, &end);
    return end == text + length;
}

char *antler__cell_text(const antler_cell *cell)
{
    char *text = antler__allocate(cell->length + 1, 1);
    size_t used = 0;
    for (size_t i = 0; text && i < cell->length; i++) {
        text[used++] = cell->text[i];
        i += cell->quoted && cell->text[i] == '"';
    }
    if (text)
        text[used] = '\0';
    return text;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* To the next line that holds anything; false at the end. A line of tabs alone is empty, even where they separate. */
static bool next_line(antler_cursor *cursor)
{
    for (;;) {
        const char *end = cursor->at;
        while (is_blank(*end, '\0'))
            end++;
        if (*end != '\n')
            return *end != '\0';
        cursor->at = end + 1;
        cursor->line++;
    }
}

antler_cursor antler__sheet_begin(const antler_sheet *sheet)
{
    return (antler_cursor){sheet->first, sheet->first_line};
}

antler_status antler__sheet_row(const antler_sheet *sheet, antler_cursor *cursor, antler_cell *cell, bool *found,
                                antler_error *err)
{
    int64_t n = 0;
    *found = next_line(cursor);
    if (!*found)
        return cursor->at + strspn(cursor->at, " \t\r") == sheet->end
                   ? ANTLER_OK
                   : antler__cell_fail(sheet, -1, &(antler_cell){.line = cursor->line}, "a zero byte: not a text file",
                                       err);
    int line = cursor->line;
    for (bool last = false; !last && n < sheet->columns; n++) {
        const char *wrong = next_cell(sheet->separator, cursor, &cell[n]);
        if (wrong)
            return antler__cell_fail(sheet, n, &cell[n], wrong, err);
        last = cell[n].last;
    }
    if (n == sheet->columns && cell[n - 1].last) {
        cursor->line++;
        return ANTLER_OK;
    }
    char message[80];
    snprintf(message, sizeof message, "%s columns than the %lld of the first line", cell[n - 1].last ? "fewer" : "more",
             (long long)sheet->columns);
    return antler__cell_fail(sheet, -1, &(antler_cell){.line = line}, message, err);
}

/* ---- the separator ----------------------------------------------------------------------------------------------- */

/* How the first rows look if this character separates. */
typedef struct reading {
    int64_t columns;  /* of the first row */
    bool even, clean; /* as many in each row; no other separator is left in a cell but as a decimal comma */
} reading;

static bool is_clean(const antler_cell *cell, char separator)
{
    const antler_sheet sheet = {.separator = separator};
    double value;
    char mark;
    for (const char *s = separators; *s && !cell->quoted; s++)
        if (*s != separator && memchr(cell->text, *s, cell->length) &&
            !antler__cell_number(&sheet, cell, &value, &mark))
            return false;
    return true;
}

static reading try_separator(antler_cursor cursor, char separator, int rows)
{
    reading r = {.even = true, .clean = true};
    for (int row = 0; row < rows && next_line(&cursor); row++) {
        antler_cell cell = {0};
        int64_t n = 0;
        while (!cell.last) {
            if (next_cell(separator, &cursor, &cell)) {
                r.even = false;
                return r;
            }
            r.clean &= is_clean(&cell, separator);
            n++;
        }
        cursor.line++;
        r.columns = row ? r.columns : n;
        r.even &= n == r.columns;
    }
    return r;
}

/* The one under which all of the rows have as many cells, two or more; of several, the one that leaves no other in a
   cell. 0: none does; '?': it cannot be told. */
static char one_of(antler_cursor cursor, int rows)
{
    char found = '\0', clean = '\0';
    int n = 0, cleans = 0;
    for (const char *s = separators; *s; s++) {
        reading r = try_separator(cursor, *s, rows);
        if (!r.even || r.columns < 2)
            continue;
        found = *s;
        n++;
        clean = r.clean ? *s : clean;
        cleans += r.clean;
    }
    return n < 2 ? found : cleans == 1 ? clean : '?';
}

static antler_status find_separator(antler_sheet *sheet, antler_cursor cursor, antler_error *err)
{
    char separator = one_of(cursor, LOOKED_AT);
    if (!separator) /* rows of several lengths, which the reading will name, or a single column */
        separator = one_of(cursor, 1);
    sheet->separator = separator ? separator : ',';
    if (separator != '?')
        return ANTLER_OK;
    return antler__cell_fail(
        sheet, -1, &(antler_cell){.line = cursor.line},
        "it cannot be told which of comma, semicolon and tab separates the columns; put cells that "
        "have one in them in quotes",
        err);
}

/* ---- the heading ------------------------------------------------------------------------------------------------- */

/* What a line tells. */
typedef struct line_kind {
    int64_t numbers, texts; /* cells that are the one or the other; missing ones are neither */
    bool counts;            /* 0, 1, 2 ...: how pandas heads columns without names */
} line_kind;

static char kind_of(const antler_sheet *sheet, const antler_cell *cell)
{
    double value;
    char mark;
    return antler__cell_missing(cell) ? '?' : antler__cell_number(sheet, cell, &value, &mark) ? 'n' : 't';
}

static line_kind look_at(const antler_sheet *sheet, const antler_cell *cell)
{
    line_kind kind = {.counts = sheet->columns > 1};
    double value = -1;
    char mark = 0;
    for (int64_t i = 0; i < sheet->columns; i++) {
        char c = kind_of(sheet, &cell[i]);
        kind.numbers += c == 'n';
        kind.texts += c == 't';
        kind.counts &= antler__cell_number(sheet, &cell[i], &value, &mark) && value == (double)i && !mark;
    }
    return kind;
}

/* A line of names and numbers is a heading if a name is above a number, and a row if every text is above a text, or
   nothing is below. */
static antler_status settle_mixed(const antler_sheet *sheet, antler_cursor cursor, const antler_cell *first,
                                  antler_cell *second, bool *heading, antler_error *err)
{
    bool found, alike = true;
    *heading = false;
    ANTLER_TRY(antler__sheet_row(sheet, &cursor, second, &found, err));
    for (int64_t i = 0; found && i < sheet->columns; i++) {
        char above = kind_of(sheet, &first[i]), below = kind_of(sheet, &second[i]);
        *heading |= above == 't' && below == 'n';
        alike &= above == below || above == '?' || below == '?';
    }
    if (*heading || alike)
        return ANTLER_OK;
    return antler__cell_fail(sheet, -1, &(antler_cell){.line = first[0].line},
                             "names and numbers in the first line, expected one of the two", err);
}

static antler_status take_names(antler_sheet *sheet, const antler_cell *cell, antler_error *err)
{
    sheet->name = antler__allocate_zeroed((size_t)sheet->columns, sizeof *sheet->name);
    for (int64_t i = 0; sheet->name && i < sheet->columns; i++)
        if (!(sheet->name[i] = antler__cell_text(&cell[i])))
            return antler__no_memory(err);
    return sheet->name ? ANTLER_OK : antler__no_memory(err);
}

static antler_status find_heading(antler_sheet *sheet, bool by_name, antler_cell *cell, antler_error *err)
{
    antler_cursor cursor = antler__sheet_begin(sheet);
    bool found, heading;
    ANTLER_TRY(antler__sheet_row(sheet, &cursor, cell, &found, err));
    line_kind first = look_at(sheet, cell);
    heading = (first.numbers == 0 && first.texts > 0) || (first.counts && by_name);
    if (first.numbers > 0 && first.texts > 0)
        ANTLER_TRY(settle_mixed(sheet, cursor, cell, cell + sheet->columns, &heading, err));
    if (first.counts && !heading) {
        sheet->warning.line = cell[0].line;
        snprintf(sheet->warning.message, sizeof sheet->warning.message,
                 "the line 0,1,... is taken for a row; if it is a heading, as pandas writes without names, remove it");
        snprintf(sheet->warning.file, sizeof sheet->warning.file, "%s", sheet->file);
    }
    if (!heading)
        return ANTLER_OK;
    sheet->first = cursor.at;
    sheet->first_line = cursor.line;
    return take_names(sheet, cell, err);
}

static antler_status understand(antler_sheet *sheet, bool by_name, antler_error *err)
{
    antler_cursor cursor = {sheet->first, 1};
    if (!next_line(&cursor))
        return antler__cell_fail(sheet, -1, &(antler_cell){.line = 1}, "the file is empty", err);
    ANTLER_TRY(find_separator(sheet, cursor, err));
    antler_cursor look = cursor;
    for (antler_cell one = {0}; !one.last; sheet->columns++) {
        const char *wrong = next_cell(sheet->separator, &look, &one);
        if (wrong || sheet->columns == MAX_COLUMNS)
            return antler__cell_fail(sheet, wrong ? sheet->columns : -1,
                                     wrong ? &one : &(antler_cell){.line = cursor.line},
                                     wrong ? wrong : "more than 2^20 columns", err);
    }
    sheet->first = cursor.at;
    sheet->first_line = cursor.line;
    antler_cell *cell = antler__allocate((size_t)sheet->columns, 2 * sizeof *cell);
    if (!cell)
        return antler__no_memory(err);
    antler_status status = find_heading(sheet, by_name, cell, err);
    antler__free(cell);
    return status;
}

antler_status antler__sheet_open(const char *path, bool by_name, antler_sheet *sheet, antler_error *err)
{
    void *text;
    size_t bytes;
    *sheet = (antler_sheet){0};
    bool input = strcmp(path, "-") == 0;
    snprintf(sheet->file, sizeof sheet->file, "%s", input ? "standard input" : path);
    ANTLER_TRY(input ? antler__file_read_input(max_bytes, &text, &bytes, err)
                     : antler__file_read(path, max_bytes, &text, &bytes, err));
    sheet->text = text;
    sheet->first = sheet->text + antler__mark_of(text, bytes);
    sheet->end = sheet->text + bytes;
    locale_t before = antler__plain_numbers();
    antler_status status = understand(sheet, by_name, err);
    antler__own_numbers(before);
    if (status != ANTLER_OK)
        antler__sheet_close(sheet);
    return status;
}

void antler__sheet_close(antler_sheet *sheet)
{
    for (int64_t i = 0; sheet->name && i < sheet->columns; i++)
        antler__free(sheet->name[i]);
    antler__free(sheet->name);
    antler__free(sheet->text);
    *sheet = (antler_sheet){0};
}
