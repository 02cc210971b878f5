/* JSON trees on cJSON. cJSON reads and holds them; the strictness, the errors' places and the printing are ours,
   because cJSON keeps no positions, accepts duplicate keys, and prints numbers that do not read back. A tree's memory
   is cJSON's, which has one allocator in a process: the program may have set it, so it is left as it is, and no tree
   outlives the call that made it. What is printed is the library's. */
#include "config/json.h"
#include "core/lock.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/status.h"
#include "core/text.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* valueint is unused in arrays and objects: this one says that a child is missing. */
enum { INCOMPLETE = -1 };

/* valueint of a number that prints with a point: no whole number has this one from cJSON. */
static int real_mark(double value)
{
    return value == 0;
}

static const cJSON *in(const antler_json *node)
{
    return (const cJSON *)node;
}

static antler_json *out(const cJSON *node)
{
    return (antler_json *)(uintptr_t)node;
}

/* ---- parsing ----------------------------------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The key that occurs twice in an object of n members, or NULL; false without memory. Sorting keeps it n log n. */
static bool duplicate(const cJSON *object, size_t n, const char **key)
{
    *key = NULL;
    const char **keys = antler__allocate(n, sizeof *keys);
    if (!keys)
        return false;
    size_t i = 0;
    for (const cJSON *child = object->child; child; child = child->next)
        keys[i++] = child->string;
    qsort(keys, n, sizeof *keys, compare_keys);
    for (i = 1; i < n && !*key; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            *key = keys[i];
    antler__free(keys);
    return true;
}

static antler_status fail(const antler_place *place, const char *message, antler_error *err)
{
    char text[256];
    return antler_error_set(err, ANTLER_FORMAT, antler__place_text(place, text, sizeof text), "%s", message);
}

/* What cJSON lets pass and only the tree shows: numbers beyond double, duplicate keys. */
static antler_status check(const cJSON *node, const antler_place *here, antler_error *err)
{
    if (cJSON_IsNumber(node) && !isfinite(node->valuedouble))
        return fail(here, "a number beyond the range of a double", err);
    antler_place place = {here, NULL, 0, 0};
    for (const cJSON *child = node->child; child; child = child->next, place.index++) {
        place.key = child->string;
        place.length = child->string ? strlen(child->string) : 0;
        ANTLER_TRY(check(child, &place, err));
    }
    if (!cJSON_IsObject(node) || place.index < 2)
        return ANTLER_OK;
    if (!duplicate(node, (size_t)place.index, &place.key))
        return antler__no_memory(err);
    if (!place.key)
        return ANTLER_OK;
    place.length = strlen(place.key);
    return fail(&place, "a key that occurs twice in one object", err);
}

antler_status antler__json_parse(const char *text, size_t size, antler_json **root, antler_error *err)
{
    *root = NULL;
    ANTLER_TRY(antler__json_check(text, size, err));
    locale_t before = antler__plain_numbers();
    antler__lock(); /* cJSON_Parse writes a global */
    cJSON *tree = cJSON_ParseWithLengthOpts(text, size, NULL, false);
    antler__unlock();
    antler__own_numbers(before);
    if (!tree)
        return antler__no_memory(err);
    bool first = err && err->status == ANTLER_OK;
    antler_status status = check(tree, NULL, err);
    if (status != ANTLER_OK) {
        if (first && status == ANTLER_FORMAT)
            err->line = antler__json_line(text, size, err->place);
        cJSON_Delete(tree);
        return status;
    }
    *root = out(tree);
    return ANTLER_OK;
}

void antler__json_free(antler_json *root)
{
    cJSON_Delete((cJSON *)root);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

antler_json_type antler__json_type(const antler_json *node)
{
    switch (node ? in(node)->type & 0xff : cJSON_NULL) {
    case cJSON_True:
    case cJSON_False:
        return ANTLER_JSON_BOOL;
    case cJSON_Number:
        return ANTLER_JSON_NUMBER;
    case cJSON_String:
        return ANTLER_JSON_STRING;
    case cJSON_Array:
        return ANTLER_JSON_ARRAY;
    case cJSON_Object:
        return ANTLER_JSON_OBJECT;
    default:
        return ANTLER_JSON_NULL;
    }
}

bool antler__json_is_null(const antler_json *node)
{
    return antler__json_type(node) == ANTLER_JSON_NULL;
}

const char *antler__json_key(const antler_json *node)
{
    return node ? in(node)->string : NULL;
}

double antler__json_number(const antler_json *node)
{
    return cJSON_IsNumber(in(node)) ? in(node)->valuedouble : 0;
}

bool antler__json_bool(const antler_json *node)
{
    return cJSON_IsTrue(in(node));
}

const char *antler__json_string(const antler_json *node)
{
    return cJSON_IsString(in(node)) ? in(node)->valuestring : "";
}

const antler_json *antler__json_first(const antler_json *node)
{
    return node ? out(in(node)->child) : NULL;
}

const antler_json *antler__json_next(const antler_json *node)
{
    return node ? out(in(node)->next) : NULL;
}

const antler_json *antler__json_get(const antler_json *object, const char *key)
{
    return cJSON_IsObject(in(object)) ? out(cJSON_GetObjectItemCaseSensitive(in(object), key)) : NULL;
}

int64_t antler__json_length(const antler_json *node)
{
    int64_t n = 0;
    for (const antler_json *child = antler__json_first(node); child; child = antler__json_next(child))
        n++;
    return n;
}

const antler_json *antler__json_after(const antler_json *object, const antler_json *member)
{
    const antler_json *next = NULL;
    for (const antler_json *child = antler__json_first(object); child; child = antler__json_next(child)) {
        const char *key = antler__json_key(child);
        if (key && (!member || strcmp(key, antler__json_key(member)) > 0) &&
            (!next || strcmp(key, antler__json_key(next)) < 0))
            next = child;
    }
    return next;
}

const antler_json *antler__json_least(const antler_json *object)
{
    return antler__json_after(object, NULL);
}

/* ---- printing ---------------------------------------------------------------------------------------------------- */

typedef struct printer {
    char *text; /* without its final zero until the end */
    size_t used, room;
    bool fixed; /* the room is all there is */
    bool failed;
    bool pretty;
} printer;

static void put(printer *p, const char *bytes, size_t n)
{
    if (p->failed)
        return;
    if (p->used + n + 1 > p->room) {
        size_t room = 2 * p->room + n + 256;
        if (p->fixed || !antler__grow(&p->text, p->used, room, 1)) {
            for (; p->fixed && n > 0 && p->used + 1 < p->room; n--)
                p->text[p->used++] = *bytes++;
            p->failed = true;
            return;
        }
        p->room = room;
    }
    memcpy(p->text + p->used, bytes, n);
    p->used += n;
}

static void put_text(printer *p, const char *text)
{
    put(p, text, strlen(text));
}

static void put_string(printer *p, const char *text)
{
    put(p, "\"", 1);
    for (size_t size = strlen(text), step; size > 0 && !p->failed; text += step, size -= step) {
        char escaped[8];
        unsigned char c = (unsigned char)*text;
        const char *names = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: the character, its letter */
        const char *name = strchr(names, c);
        step = antler__utf8(text, size);
        if (step == 0) {
            step = 1;
            put_text(p, "\\ufffd");
        } else if (c < 0x20 || c == '"' || c == '\\') {
            if (name)
                snprintf(escaped, sizeof escaped, "\\%c", name[1]);
            else
                snprintf(escaped, sizeof escaped, "\\u%04x", c);
            put_text(p, escaped);
        } else {
            put(p, text, step);
        }
    }
    put(p, "\"", 1);
}

/* The fewest digits that read back as the same double; whole numbers in full, as long as they are exact. */
static void put_number(printer *p, double value, bool real)
{
    char text[32];
    if (value == floor(value) && fabs(value) < ANTLER_DOUBLE_EXACT) {
        snprintf(text, sizeof text, real ? "%.1f" : "%.0f", value);
    } else {
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, value);
            if (strtod(text, NULL) == value)
                break;
        }
    }
    put_text(p, text);
}

static void put_newline(printer *p, int depth)
{
    if (!p->pretty)
        return;
    put(p, "\n", 1);
    for (int i = 0; i < depth; i++)
        put(p, "  ", 2);
}

static void put_node(printer *p, const cJSON *node, int depth);

static void put_children(printer *p, const cJSON *node, int depth)
{
    bool object = cJSON_IsObject(node);
    put(p, object ? "{" : "[", 1);
    for (const cJSON *child = node->child; child && !p->failed; child = child->next) {
        put_newline(p, depth + 1);
        if (object) {
            put_string(p, child->string);
            put_text(p, ": ");
        }
        put_node(p, child, depth + 1);
        if (child->next)
            put(p, ", ", p->pretty ? 1 : 2);
    }
    if (node->child)
        put_newline(p, depth);
    put(p, object ? "}" : "]", 1);
    p->failed |= node->valueint == INCOMPLETE;
}

static void put_node(printer *p, const cJSON *node, int depth)
{
    switch (antler__json_type(out(node))) {
    case ANTLER_JSON_NULL:
        put_text(p, "null");
        break;
    case ANTLER_JSON_BOOL:
        put_text(p, cJSON_IsTrue(node) ? "true" : "false");
        break;
    case ANTLER_JSON_NUMBER:
        put_number(p, node->valuedouble, !p->fixed && node->valueint == real_mark(node->valuedouble));
        break;
    case ANTLER_JSON_STRING:
        put_string(p, node->valuestring);
        break;
    case ANTLER_JSON_ARRAY:
    case ANTLER_JSON_OBJECT:
        put_children(p, node, depth);
        break;
    }
}

static void put_root(printer *p, const cJSON *root)
{
    locale_t before = antler__plain_numbers();
    put_node(p, root, 0);
    antler__own_numbers(before);
}

char *antler__json_print(const antler_json *root, bool pretty)
{
    printer p = {.pretty = pretty, .failed = !root};
    put_root(&p, in(root));
    if (pretty)
        put(&p, "\n", 1);
    if (p.failed) {
        antler__free(p.text);
        return NULL;
    }
    p.text[p.used] = '\0';
    return p.text;
}

const char *antler__json_brief(const antler_json *node, char *text, size_t size)
{
    if (size == 0)
        return text;
    printer p = {.text = text, .room = size, .fixed = true};
    put_root(&p, in(node));
    if (p.failed && size > 4) {
        if (p.used > size - 4)
            p.used = size - 4;
        while (p.used > 0 && ((unsigned char)text[p.used] & 0xc0) == 0x80) /* not inside a character */
            p.used--;
        memcpy(text + p.used, "...", 3);
        p.used += 3;
    }
    text[p.used] = '\0';
    return text;
}

/* ---- building ---------------------------------------------------------------------------------------------------- */

/* Hands the item to its parent; on failure the parent is marked and the item freed. NULL then. */
static antler_json *adopt(antler_json *parent, const char *key, cJSON *item)
{
    cJSON *to = (cJSON *)parent;
    if (!to && !key)
        return out(item);
    if (!to) {
        cJSON_Delete(item);
        return NULL;
    }
    if (item && (key ? cJSON_AddItemToObject(to, key, item) : cJSON_AddItemToArray(to, item)))
        return out(item);
    cJSON_Delete(item);
    to->valueint = INCOMPLETE;
    return NULL;
}

antler_json *antler__json_object(antler_json *parent, const char *key)
{
    return adopt(parent, key, cJSON_CreateObject());
}

antler_json *antler__json_array(antler_json *parent, const char *key)
{
    return adopt(parent, key, cJSON_CreateArray());
}

antler_json *antler__json_add_string(antler_json *parent, const char *key, const char *value)
{
    return adopt(parent, key, value ? cJSON_CreateString(value) : cJSON_CreateNull());
}

antler_json *antler__json_add_number(antler_json *parent, const char *key, double value)
{
    return adopt(parent, key, isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

antler_json *antler__json_add_real(antler_json *parent, const char *key, double value)
{
    antler_json *node = antler__json_add_number(parent, key, value);
    if (node && isfinite(value))
        ((cJSON *)node)->valueint = real_mark(value);
    return node;
}

antler_json *antler__json_add_bool(antler_json *parent, const char *key, bool value)
{
    return adopt(parent, key, cJSON_CreateBool(value));
}

antler_json *antler__json_add_null(antler_json *parent, const char *key)
{
    return adopt(parent, key, cJSON_CreateNull());
}

antler_json *antler__json_add_copy(antler_json *parent, const char *key, const antler_json *node)
{
    return adopt(parent, key, node ? cJSON_Duplicate(in(node), true) : NULL);
}

antler_json *antler__json_add_parsed(antler_json *parent, const char *key, const char *json)
{
    antler_json *node;
    if (antler__json_parse(json, strlen(json), &node, NULL) != ANTLER_OK)
        return NULL;
    antler_json *added = antler__json_add_copy(parent, key, node);
    antler__json_free(node);
    return added;
}
