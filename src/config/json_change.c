#include "config/json_change.h"

#include "antler/type.h"
#include "core/status.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A change on its way down. */
typedef struct change {
    const char *text, *equals; /* all of it; where its value begins, less one */
    antler_error *err;
} change;

/* A key or an index of the path; `next` is behind it. */
typedef struct part {
    const char *key; /* NULL: an index */
    size_t length;
    int64_t index;
    const char *next;
} part;

static antler_status fail(const change *c, const char *end, const char *what, const char *which)
{
    char place[256];
    const size_t length = (size_t)(end - c->text);
    memcpy(place, c->text, length < sizeof place ? length : sizeof place - 1);
    place[length < sizeof place ? length : sizeof place - 1] = '\0';
    return antler_error_set(c->err, ANTLER_NAME, place, "%s%s", what, which);
}

static bool read_part(const change *c, const char *at, part *p)
{
    if (*at == '[') {
        char *end;
        *p = (part){.index = strtoll(at + 1, &end, 10)};
        p->next = *end == ']' ? end + 1 : end;
        return *end == ']' && at[1] >= '0' && at[1] <= '9';
    }
    at += *at == '.' && at > c->text;
    p->key = at;
    p->length = strcspn(at, ".[=");
    p->next = at + p->length;
    return p->length > 0;
}

static bool is_key(const part *p, const char *key)
{
    return p->key && strlen(key) == p->length && strncmp(p->key, key, p->length) == 0;
}

/* ---- the value --------------------------------------------------------------------------------------------------- */

/* ".01" is no JSON, but everybody's number. */
static bool read_number(const char *text, double *number)
{
    const locale_t before = antler__plain_numbers();
    char *end;
    *number = strtod(text, &end);
    antler__own_numbers(before);
    return end > text && *end == '\0' && strspn(text, "+-.0123456789eE") == strlen(text);
}

static antler_status put_value(const change *c, antler_json *parent, const char *key)
{
    antler_json *value = NULL, *put;
    antler_error error = {0};
    const char *text = c->equals + 1;
    double number;
    if (antler__json_parse(text, strlen(text), &value, &error) == ANTLER_OK)
        put = antler__json_add_copy(parent, key, value);
    else if (*text == '[' || *text == '{' || *text == '"')
        return fail(c, c->equals, "the value is no JSON: ", error.message);
    else
        put = read_number(text, &number) ? antler__json_add_number(parent, key, number)
                                         : antler__json_add_string(parent, key, text);
    antler__json_free(value);
    return put ? ANTLER_OK : antler__no_memory(c->err);
}

/* ---- the way there ----------------------------------------------------------------------------------------------- */

static antler_status unknown(const change *c, const antler_json *node, const part *p)
{
    char key[64], nearest[100] = "";
    const char *best = NULL;
    int least = (int)p->length / 3 + 1;
    if (antler__json_type(node) != ANTLER_JSON_OBJECT)
        return fail(c, p->next, "no such place: what it is in has no keys", "");
    strncat(memset(key, 0, sizeof key), p->key, p->length < sizeof key ? p->length : sizeof key - 1);
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item))
        if (antler_name_distance(antler__json_key(item), key) <= least) {
            best = antler__json_key(item);
            least = antler_name_distance(best, key) - 1;
        }
    if (best)
        snprintf(nearest, sizeof nearest, "; did you mean \"%.60s\"?", best);
    return fail(c, p->next, "no such place", nearest);
}

static antler_status descend(const change *c, const antler_json *node, const char *at, antler_json *parent,
                             const char *key, bool open);

/* The parts of node, with the one that p names changed. */
static antler_status copy_list(const change *c, const antler_json *node, const part *p, antler_json *to)
{
    int64_t i = 0;
    if (antler__json_type(node) != ANTLER_JSON_ARRAY || p->index >= antler__json_length(node))
        return fail(c, p->next,
                    antler__json_type(node) == ANTLER_JSON_ARRAY ? "no such place: the list is shorter"
                                                                 : "no such place: it is no list",
                    "");
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item), i++)
        if (i == p->index)
            ANTLER_TRY(descend(c, item, p->next, to, NULL, false));
        else if (!antler__json_add_copy(to, NULL, item))
            return antler__no_memory(c->err);
    return ANTLER_OK;
}

/* `open`: it may have keys that are not there yet. */
static antler_status copy_object(const change *c, const antler_json *node, const part *p, antler_json *to, bool open)
{
    bool found = false;
    char name[64] = "";
    for (const antler_json *item = antler__json_first(node); item; item = antler__json_next(item))
        if (is_key(p, antler__json_key(item))) {
            found = true;
            ANTLER_TRY(descend(c, item, p->next, to, antler__json_key(item),
                               antler__json_type(item) == ANTLER_JSON_OBJECT &&
                                   (is_key(p, "config") || is_key(p, "compile_config") || is_key(p, "fit"))));
        } else if (!antler__json_add_copy(to, antler__json_key(item), item))
            return antler__no_memory(c->err);
    if (found)
        return ANTLER_OK;
    const bool fit = p->key == c->text && is_key(p, "fit"),
               config = is_key(p, "config") && antler__json_get(node, "class_name");
    if ((!open || p->next != c->equals) && !fit && !config)
        return unknown(c, node, p);
    if (p->length >= sizeof name)
        return unknown(c, node, p);
    memcpy(name, p->key, p->length);
    return descend(c, NULL, p->next, to, name, fit || config);
}

/* Adds to parent what the node becomes; NULL: there is none yet. A class name alone, as "adam", may get a config. */
static antler_status descend(const change *c, const antler_json *node, const char *at, antler_json *parent,
                             const char *key, bool open)
{
    part p;
    if (at == c->equals)
        return put_value(c, parent, key);
    if (!read_part(c, at, &p))
        return fail(c, c->equals, "no path; expected such as config.layers[1].config.units", "");
    if (!p.key) {
        antler_json *list = antler__json_array(parent, key);
        return list ? copy_list(c, node, &p, list) : antler__no_memory(c->err);
    }
    antler_json *object = antler__json_object(parent, key);
    if (!object)
        return antler__no_memory(c->err);
    if (antler__json_type(node) == ANTLER_JSON_STRING && is_key(&p, "config"))
        return antler__json_add_copy(object, "class_name", node) ? descend(c, NULL, p.next, object, "config", true)
                                                                 : antler__no_memory(c->err);
    if (node && antler__json_type(node) != ANTLER_JSON_OBJECT)
        return unknown(c, node, &p);
    return copy_object(c, node, &p, object, open);
}

antler_status antler__json_change(antler_json **root, const char *text, antler_error *err)
{
    change c = {.text = text, .equals = strchr(text, '='), .err = err};
    part p;
    if (!c.equals || !read_part(&c, text, &p) || !p.key)
        return antler_error_set(err, ANTLER_VALUE, NULL, "\"%.100s\" is not PATH=VALUE", text);
    antler_json *changed = antler__json_object(NULL, NULL);
    antler_status status = changed ? copy_object(&c, *root, &p, changed, false) : antler__no_memory(err);
    if (status != ANTLER_OK) {
        antler__json_free(changed);
        return status;
    }
    antler__json_free(*root);
    *root = changed;
    return ANTLER_OK;
}
