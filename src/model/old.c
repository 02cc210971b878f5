/* Renames what Keras 1 and 2 called otherwise, by the tables of config/old.h. */
#include "model/old.h"

#include "config/old.h"
#include "model/old_merge.h"
#include "model/old_operation.h"

#include <stdio.h>
#include <string.h>

enum { KERAS2 = 200, KERAS3 = 300, LAST_WORDS = 202 /* of Keras 2 before TensorFlow's: Keras 1 is put into them */ };
enum { MOST_ROWS = 8, MOST_WORDS = 3 };

/* ---- the rows that hold for a class ------------------------------------------------------------------------------ */

typedef struct rows {
    const char *name; /* of the class today */
    int n;
    const antler_old_key *keys[MOST_ROWS];
    const antler_type *type[MOST_ROWS]; /* rows of its kind hold where it has no such key itself; NULL: its own rows */
} rows;

static bool holds(const antler_old_class *row, const char *name, const antler_json *config)
{
    if (row->refused || (row->name ? strcmp(row->name, name) != 0 : !antler_type_find(row->kind, name)))
        return false;
    const char *is = row->when ? antler__string_at(config, row->when) : NULL;
    return !row->when || (is && strcmp(is, row->is) == 0);
}

static rows rows_of(const char *class_name, const antler_json *config, int keras)
{
    const char *package = strrchr(class_name, '>'); /* "Custom>Adam" */
    rows r = {.name = package ? package + 1 : class_name};
    for (const antler_old_class *row = antler__old_classes; row->before; row++) {
        if (keras >= row->before || !holds(row, r.name, config))
            continue;
        if (row->keys && r.n < MOST_ROWS) {
            r.type[r.n] = row->name ? NULL : antler_type_find(row->kind, r.name);
            r.keys[r.n++] = row->keys;
        }
        r.name = row->today ? row->today : r.name;
    }
    return r;
}

/* Whether `word` is the index-th of a list with blanks between: its index, or -1. */
static int word_index(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (int i = 0; *list; i++) {
        size_t own = strcspn(list, " ");
        if (own == length && strncmp(list, word, length) == 0)
            return i;
        list += own + strspn(list + own, " ");
    }
    return -1;
}

static const antler_old_key *find_key(const rows *r, const char *key, int *index)
{
    for (int i = 0; i < r->n; i++)
        for (const antler_old_key *row = r->keys[i]; row->key; row++)
            if ((*index = word_index(row->key, key)) >= 0)
                return r->type[i] && !row->warning && antler__field_find(r->type[i], key) ? NULL : row;
    return NULL;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* A tree under reading. */
typedef struct translation {
    antler_report *report;
    int keras;
    antler_status status; /* of what was refused; or of memory */
} translation;

static void fail(translation *t, antler_status status)
{
    t->status = t->status == ANTLER_OK ? status : t->status;
}

static void keep(translation *t, const void *made)
{
    if (!made)
        fail(t, ANTLER_MEMORY);
}

static void copy_any(translation *t, const antler_json *node, antler_json *parent, const char *key,
                     const antler_place *place);

/* The word that stands for `word` in "theirs=ours ..."; NULL: it is not there. */
static const char *translated_word(const char *values, const char *word, char *text, size_t size)
{
    while (*values) {
        size_t own = strcspn(values, " "), theirs = strcspn(values, "=");
        if ((theirs == strlen(word) && strncmp(values, word, theirs) == 0) || *values == '*') {
            snprintf(text, size, "%.*s", (int)(own - theirs - 1), values + theirs + 1);
            return text;
        }
        values += own + strspn(values + own, " ");
    }
    return NULL;
}

static void copy_value(translation *t, const antler_old_key *row, const antler_json *node, antler_json *parent,
                       const char *key, const antler_place *place)
{
    char text[64];
    const char *word = row->values ? antler__json_string(node) : NULL;
    word = word ? translated_word(row->values, word, text, sizeof text) : NULL;
    if (!word)
        copy_any(t, node, parent, key, place);
    else if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
        keep(t, antler__json_add_bool(parent, key, *word == 't'));
    else
        keep(t, antler__json_add_string(parent, key, word));
}

/* The values of several keys, as one list. */
static void gather(translation *t, const antler_old_key *row, const antler_json *config, antler_json *parent,
                   const antler_place *place)
{
    antler_json *list = antler__json_array(parent, row->today);
    keep(t, list);
    for (const char *word = row->key; list && *word; word += strcspn(word, " "), word += strspn(word, " ")) {
        char key[64];
        snprintf(key, sizeof key, "%.*s", (int)strcspn(word, " "), word);
        antler_place there = antler__at(place, key);
        const antler_json *value = antler__json_get(config, key);
        if (value)
            copy_any(t, value, list, NULL, &there);
        else
            fail(t, antler__report_error(t->report, ANTLER_VALUE, &there, "missing; it has no default"));
    }
}

/* ---- a config ---------------------------------------------------------------------------------------------------- */

static bool is_json(translation *t, const antler_json *node, const char *json)
{
    int same = json ? antler__json_is(node, json) : 0;
    if (same < 0)
        fail(t, ANTLER_MEMORY);
    return same > 0;
}

/* Of a number that is read as it stands and meant another one. The regularizers of Keras 1.1 said by their name that
   they are means. */
static void warn_of(translation *t, const antler_old_key *row, const antler_json *item, const antler_place *place)
{
    const char *name = antler__string_at(item, "name");
    bool mean = name && strcmp(name, "ActivityRegularizer") == 0;
    if (!t->report->tensorflow && !mean && !is_json(t, item, "null") && !is_json(t, item, "0"))
        antler__report_warning(t->report, place, "%s", row->warning);
}

static void copy_key(translation *t, const rows *r, const antler_json *config, const antler_json *item,
                     antler_json *parent, const antler_place *place)
{
    const char *key = antler__json_key(item);
    antler_place there = antler__at(place, key);
    int index;
    const antler_old_key *row = find_key(r, key, &index);
    bool renamed = row && row->today && strcmp(row->today, key) != 0;
    char brief[64];
    if (row && row->warning)
        warn_of(t, row, item, &there);
    if (renamed)
        antler__report_note(t->report, &there, "read as \"%s\"", row->today);
    if (!row)
        copy_any(t, item, parent, key, &there);
    else if (row->only && !is_json(t, item, row->only))
        fail(t, antler__report_error(t->report, ANTLER_UNSUPPORTED, &there, "%s: only %s is read, as %s",
                                     antler__json_brief(item, brief, sizeof brief), row->only, row->why));
    else if (!row->today || is_json(t, item, row->idle))
        antler__report_note(t->report, &there, "left out: it changes no number");
    else if (renamed && antler__json_get(config, row->today))
        fail(t, antler__report_error(t->report, ANTLER_NAME, &there, "\"%s\" stands beside it, which means the same",
                                     row->today));
    else if (!strchr(row->key, ' '))
        copy_value(t, row, item, parent, row->today, &there);
    else if (index == 0)
        gather(t, row, config, parent, place);
}

static void add_missing(translation *t, const rows *r, const antler_json *config, antler_json *parent)
{
    for (int i = 0; i < r->n; i++)
        for (const antler_old_key *row = r->keys[i]; row->key; row++)
            if (row->missing && !antler__json_get(config, row->key) && !antler__json_get(parent, row->today))
                keep(t, antler__json_add_parsed(parent, row->today, row->missing));
}

static void copy_config(translation *t, const rows *r, const antler_json *config, antler_json *parent,
                        const antler_place *place)
{
    antler_json *own = antler__json_object(parent, "config");
    keep(t, own);
    for (const antler_json *item = antler__json_first(config); own && item; item = antler__json_next(item))
        copy_key(t, r, config, item, own, place);
    if (own)
        add_missing(t, r, config, own);
}

/* ---- objects ----------------------------------------------------------------------------------------------------- */

/* {"class_name", "config", ...} */
static void copy_object(translation *t, const antler_json *node, const char *class_name, antler_json *to,
                        const antler_place *place)
{
    const antler_json *config = antler__json_get(node, "config");
    rows r = rows_of(class_name, config, t->keras);
    bool operation = false;
    if (strcmp(class_name, "TensorFlowOpLayer") == 0 && !antler__old_operation(node, to, &operation))
        fail(t, ANTLER_MEMORY);
    if (operation)
        return;
    if (strcmp(r.name, class_name) != 0)
        antler__report_note(t->report, place, "%.80s is read as %s", class_name, r.name);
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item)) {
        const char *key = antler__json_key(item);
        antler_place there = antler__at(place, key);
        if (strcmp(key, "class_name") == 0)
            keep(t, antler__json_add_string(to, key, r.name));
        else if (strcmp(key, "compile_config") == 0) /* its reader translates it, and what is refused keeps no model */
            keep(t, antler__json_add_copy(to, key, item));
        else if (item == config && antler__json_type(config) == ANTLER_JSON_OBJECT)
            copy_config(t, &r, config, to, &there);
        else
            copy_any(t, item, to, key, &there);
    }
}

/* Keras 1 names regularizers and constraints among their own numbers: {"name": "MaxNorm", "m": 2}. */
static void copy_named(translation *t, const antler_json *node, const char *name, antler_json *to,
                       const antler_place *place)
{
    rows r = rows_of(name, node, t->keras);
    keep(t, antler__json_add_string(to, "class_name", r.name));
    antler_json *own = antler__json_object(to, "config");
    keep(t, own);
    for (const antler_json *item = antler__json_first(node); own && item; item = antler__json_next(item))
        if (strcmp(antler__json_key(item), "name") != 0)
            copy_key(t, &r, node, item, own, place);
}

static void copy_list(translation *t, const antler_json *node, antler_json *to, const antler_place *place)
{
    int64_t i = 0;
    for (const antler_json *item = antler__json_first(node); to && item; item = antler__json_next(item), i++) {
        antler_place there = antler__at_item(place, i);
        copy_any(t, item, to, NULL, &there);
    }
}

static void copy_any(translation *t, const antler_json *node, antler_json *parent, const char *key,
                     const antler_place *place)
{
    antler_json_type type = antler__json_type(node);
    if (type != ANTLER_JSON_OBJECT && type != ANTLER_JSON_ARRAY) {
        keep(t, antler__json_add_copy(parent, key, node));
        return;
    }
    antler_json *to = type == ANTLER_JSON_ARRAY ? antler__json_array(parent, key) : antler__json_object(parent, key);
    const char *class_name = antler__string_at(node, "class_name"), *name = antler__string_at(node, "name");
    keep(t, to);
    if (!to)
        return;
    if (type == ANTLER_JSON_ARRAY)
        copy_list(t, node, to, place);
    else if (class_name)
        copy_object(t, node, class_name, to, place);
    else if (name && t->keras < KERAS2)
        copy_named(t, node, name, to, place);
    else
        for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item)) {
            antler_place there = antler__at(place, antler__json_key(item));
            copy_any(t, item, to, antler__json_key(item), &there);
        }
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

antler_status antler__old_read(const antler_json *node, const antler_place *place, antler_report *report,
                               antler_json **copy)
{
    translation t = {.report = report, .keras = report->keras};
    antler_json *joined = NULL;
    *copy = NULL;
    if (!report->keras || report->keras >= KERAS3)
        return ANTLER_OK;
    antler_json *root = antler__json_array(NULL, NULL);
    if (t.keras < KERAS2 && antler__old_joins(node)) {
        keep(&t, joined = antler__old_join(node));
        node = joined;
    }
    keep(&t, root);
    if (root && node)
        copy_any(&t, node, root, NULL, place);
    antler__json_free(joined);
    const antler_json *made = t.status == ANTLER_OK ? antler__json_first(root) : NULL;
    *copy = made ? antler__json_add_copy(NULL, NULL, made) : NULL;
    keep(&t, t.status == ANTLER_OK ? *copy : root);
    antler__json_free(root);
    report->keras = report->keras < KERAS2 ? LAST_WORDS : report->keras;
    return t.status == ANTLER_MEMORY ? antler__report_error(report, ANTLER_MEMORY, place, "out of memory") : t.status;
}

/* ---- who wrote it ------------------------------------------------------------------------------------------------ */

/* A key that Keras 1 alone has, in a config anywhere below; NULL: none. */
static const char *find_sure(const antler_json *node)
{
    const char *found = NULL, *class_name = antler__string_at(node, "class_name");
    const antler_json *config = antler__json_get(node, "config");
    if (class_name && antler__json_type(config) == ANTLER_JSON_OBJECT) {
        rows r = rows_of(class_name, config, KERAS2 - 1);
        int index;
        for (const antler_json *item = antler__json_first(config); !found && item; item = antler__json_next(item)) {
            const antler_old_key *row = find_key(&r, antler__json_key(item), &index);
            found = row && row->sure ? antler__json_key(item) : NULL;
        }
    }
    for (const antler_json *item = antler__json_first(node); !found && item; item = antler__json_next(item))
        found = find_sure(item);
    return found;
}

static bool has_modules(const antler_json *node)
{
    if (antler__string_at(node, "module"))
        return true;
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item))
        if (has_modules(item))
            return true;
    return false;
}

int antler__old_version(const antler_json *root, antler_report *report)
{
    const char *key = find_sure(root);
    if (key)
        antler__report_warning(report, NULL, "no keras_version: read as Keras 1's, which alone has the key \"%.40s\"",
                               key);
    else if (report->legacy && !has_modules(root))
        antler__report_warning(report, NULL, "no keras_version: read as Keras 2's, as its layers name no module");
    return key ? KERAS2 - 1 : report->legacy && !has_modules(root) ? LAST_WORDS : 0;
}
