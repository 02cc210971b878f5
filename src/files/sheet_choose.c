/* Which columns a text names. */
#include "core/index.h"
#include "core/memory.h"
#include "files/sheet.h"

#include <stdlib.h>
#include <string.h>

static const char all_but[] = "all but ";

typedef struct choice {
    const antler_sheet *sheet;
    antler_index names; /* of two columns that share one the first */
    bool *chosen;       /* [columns] */
    int64_t *place, n;  /* [columns] */
    antler_error *err;
} choice;

bool antler__is_place(const char *text)
{
    return (strncmp(text, "x_", 2) == 0 || strncmp(text, "y_", 2) == 0) && !strchr(text, ',');
}

bool antler__is_all_but(const char *text)
{
    return strncmp(text, all_but, sizeof all_but - 1) == 0;
}

static antler_status make(choice *c)
{
    const antler_sheet *s = c->sheet;
    c->chosen = antler__allocate_zeroed((size_t)s->columns, sizeof *c->chosen);
    c->place = antler__allocate((size_t)s->columns, sizeof *c->place);
    bool fits = c->chosen && c->place;
    for (int64_t i = 0; fits && s->name && i < s->columns; i++)
        fits = antler__index_find(&c->names, s->name[i]) || antler__index_add(&c->names, s->name[i], i);
    return fits ? ANTLER_OK : antler__no_memory(c->err);
}

static void add(choice *c, int64_t column)
{
    c->chosen[column] = true;
    c->place[c->n++] = column;
}

/* "#3"; -1: it is none. */
static int64_t number_of(const choice *c, const char *name)
{
    char *end;
    if (*name != '#' || name[1] < '0' || name[1] > '9')
        return -1;
    long long number = strtoll(name + 1, &end, 10);
    return *end == '\0' && number >= 1 && number <= c->sheet->columns ? number - 1 : -1;
}

static antler_status add_named(choice *c, const char *name)
{
    const int64_t *found = antler__index_find(&c->names, name);
    int64_t column = found ? *found : number_of(c, name);
    antler_error *err = c->err;
    if (column < 0 && *name == '#' && name[1] >= '0' && name[1] <= '9')
        antler_error_set(err, ANTLER_NAME, NULL, "no column \"%.80s\": there are %lld", name,
                         (long long)c->sheet->columns);
    else if (column < 0)
        antler_error_set(err, ANTLER_NAME, NULL, "no column \"%.80s\"%s", name,
                         c->sheet->name ? " in the header" : "; the file has no header; by number they are #1, #2 ...");
    else if (c->chosen[column])
        antler_error_set(err, ANTLER_NAME, NULL, "column \"%.80s\" is named twice", name);
    else
        add(c, column);
    return column < 0 || err->status != ANTLER_OK ? ANTLER_NAME : ANTLER_OK;
}

/* The next of a list, for antler__free: a name, or one in quotes; *text is what follows its comma, or NULL. */
static char *next_name(const char **text)
{
    const char *at = *text;
    antler_cell cell = {.text = at, .quoted = *at == '"'};
    const char *end = cell.quoted ? at + 1 : at;
    while (cell.quoted && *end && (*end != '"' || end[1] == '"'))
        end += *end == '"' ? 2 : 1;
    cell.quoted = cell.quoted && *end == '"' && (end[1] == ',' || end[1] == '\0');
    if (!cell.quoted)
        end = at + strcspn(at, ",");
    cell.text += cell.quoted;
    cell.length = (size_t)(end - cell.text);
    end += cell.quoted;
    *text = *end ? end + 1 : NULL;
    return antler__cell_text(&cell);
}

static antler_status add_list(choice *c, const char *text)
{
    while (text) {
        char *name = next_name(&text);
        if (!name)
            return antler__no_memory(c->err);
        antler_status status = add_named(c, name);
        antler__free(name);
        ANTLER_TRY(status);
    }
    return ANTLER_OK;
}

static antler_status add_all_but(choice *c, const char *list)
{
    ANTLER_TRY(add_list(c, list));
    c->n = 0;
    for (int64_t i = 0; i < c->sheet->columns; i++)
        if (!c->chosen[i])
            c->place[c->n++] = i;
    return c->n > 0 ? ANTLER_OK : antler_error_set(c->err, ANTLER_NAME, NULL, "no column is left");
}

static antler_status choose(choice *c, const char *text)
{
    int64_t all = c->sheet->columns;
    const int64_t *named = text ? antler__index_find(&c->names, text) : NULL;
    if (named) {
        add(c, *named);
        return ANTLER_OK;
    }
    if (text && antler__is_all_but(text))
        return add_all_but(c, text + sizeof all_but - 1);
    if (text && !antler__is_place(text))
        return add_list(c, text);
    if (text && all < 2)
        return antler_error_set(c->err, ANTLER_NAME, NULL, "\"%.80s\" needs two columns or more", text);
    for (int64_t i = text && *text == 'y' ? all - 1 : 0; i < (text && *text == 'x' ? all - 1 : all); i++)
        add(c, i);
    return ANTLER_OK;
}

antler_status antler__sheet_choose(const antler_sheet *sheet, const char *text, int64_t **place, int64_t *n,
                                   antler_error *err)
{
    antler_error error = {0};
    choice c = {.sheet = sheet, .err = &error};
    antler_status status = make(&c);
    if (status == ANTLER_OK)
        status = choose(&c, text);
    antler__index_free(&c.names);
    antler__free(c.chosen);
    *place = c.place;
    *n = c.n;
    if (status == ANTLER_OK)
        return status;
    antler__free(c.place);
    *place = NULL;
    antler__error_file(&error, sheet->file);
    return antler__error_copy(err, &error);
}
