/* JSON trees: a thin, strict face of cJSON, which only json.c includes. */
#ifndef ANTLER_JSON_H
#define ANTLER_JSON_H

#include "antler/base.h"

typedef struct antler_json antler_json; /* a node; the root owns the tree */

typedef enum antler_json_type { ANTLER_JSON_NULL, ANTLER_JSON_BOOL, ANTLER_JSON_NUMBER, ANTLER_JSON_STRING, ANTLER_JSON_ARRAY, ANTLER_JSON_OBJECT } antler_json_type;

/* Parses a text of `size` bytes. Refuses what cJSON lets pass: duplicate keys, junk after the end, numbers beyond double,
   NUL in strings, bad UTF-8, trailing commas, nesting deeper than 200. The error has line and place. */
antler_status antler__json_parse(const char *text, size_t size, antler_json **root, antler_error *err);
void antler__json_free(antler_json *root);

antler_json_type antler__json_type(const antler_json *node);
const char *antler__json_key(const antler_json *node);    /* key in its parent object, or NULL */
double antler__json_number(const antler_json *node);
bool antler__json_bool(const antler_json *node);
const char *antler__json_string(const antler_json *node);
const antler_json *antler__json_first(const antler_json *node); /* first child, or NULL */
const antler_json *antler__json_next(const antler_json *node);  /* next sibling, or NULL */
const antler_json *antler__json_get(const antler_json *object, const char *key); /* case-sensitive; NULL if absent */
int64_t antler__json_length(const antler_json *node);
/* The node in one line, shortened to fit with "...", for error messages. Returns text. */
const char *antler__json_brief(const antler_json *node, char *text, size_t size);

/* 1-based line where the value at `place` ("config.layers[3].config.rate") begins in text; when the path ends early, of
   the last part that exists; 0 for none. */
int antler__json_line(const char *text, size_t size, const char *place);

/* Building. Every function returns NULL when it or its argument `parent` failed, so that one check at the end is enough.
   With a parent object `key` is its key there; with a parent array or NULL (a new root) key is NULL. */
antler_json *antler__json_object(antler_json *parent, const char *key);
antler_json *antler__json_array(antler_json *parent, const char *key);
antler_json *antler__json_add_string(antler_json *parent, const char *key, const char *value);
antler_json *antler__json_add_number(antler_json *parent, const char *key, double value); /* shortest that reads back */
antler_json *antler__json_add_bool(antler_json *parent, const char *key, bool value);
antler_json *antler__json_add_null(antler_json *parent, const char *key);
antler_json *antler__json_add_copy(antler_json *parent, const char *key, const antler_json *node);
/* The text; indented by 2 when `pretty`. To be released by antler__free; NULL without memory. */
char *antler__json_print(const antler_json *root, bool pretty);

#endif
