/* JSON trees: a thin, strict face of cJSON, which only json.c includes. */
#ifndef ANTLER_JSON_H
#define ANTLER_JSON_H

#include "antler/base.h"

enum { ANTLER_LONGEST_JSON = 16 << 20 }; /* bytes of a text that comes from a file */

typedef struct antler_json antler_json; /* a node; the root owns the tree */

typedef enum antler_json_type {
    ANTLER_JSON_NULL,
    ANTLER_JSON_BOOL,
    ANTLER_JSON_NUMBER,
    ANTLER_JSON_STRING,
    ANTLER_JSON_ARRAY,
    ANTLER_JSON_OBJECT
} antler_json_type;

/* Parses a text of `size` bytes. Refuses what cJSON lets pass: duplicate keys, junk after the end, numbers beyond
   double, NUL in strings, bad UTF-8, trailing commas, nesting deeper than 200. The error has line and place, not the
   file (antler__error_file adds it). */
antler_status antler__json_parse(const char *text, size_t size, antler_json **root, antler_error *err);
void antler__json_free(antler_json *root);

/* Reading. A node that is NULL reads as null, 0, false, "" and empty. */
antler_json_type antler__json_type(const antler_json *node);
bool antler__json_is_null(const antler_json *node);
const char *antler__json_key(const antler_json *node); /* key in its parent object, or NULL */
double antler__json_number(const antler_json *node);
bool antler__json_bool(const antler_json *node);
const char *antler__json_string(const antler_json *node);
const antler_json *antler__json_first(const antler_json *node);                  /* first child, or NULL */
const antler_json *antler__json_next(const antler_json *node);                   /* next sibling, or NULL */
const antler_json *antler__json_get(const antler_json *object, const char *key); /* case-sensitive; NULL if absent */
int64_t antler__json_length(const antler_json *node);
/* Walks the members of an object by sorted key; NULL past the last. */
const antler_json *antler__json_least(const antler_json *object);
const antler_json *antler__json_after(const antler_json *object, const antler_json *member);
/* The node in one line, shortened to fit with "...", for error messages. Returns text. */
const char *antler__json_brief(const antler_json *node, char *text, size_t size);

/* 1-based line where the value at `place` ("config.layers[3].config.rate") begins in text; when the path ends early, of
   the last part that exists; 0 for none. Of members with the same key, the last counts. */
int antler__json_line(const char *text, size_t size, const char *place);
/* The same, where it begins in the text; 0 for none. */
size_t antler__json_offset(const char *text, size_t size, const char *place);

/* Building. Every function returns NULL when it or its argument `parent` failed. With a parent object `key` is its key
   there; with a parent array or NULL (a new root) key is NULL, so an array must be known to be there before it is
   filled. What could not be made marks its parent, and antler__json_print of a tree with a mark is NULL: one check at
   the end is enough for a tree that is printed. */
antler_json *antler__json_object(antler_json *parent, const char *key);
antler_json *antler__json_array(antler_json *parent, const char *key);
antler_json *antler__json_add_string(antler_json *parent, const char *key, const char *value); /* NULL: null */
/* Printed shortest that reads back; what is not finite becomes null. */
antler_json *antler__json_add_number(antler_json *parent, const char *key, double value);
/* The same, but a whole number is printed with a point: Keras refuses a momentum of 0 that is not 0.0. */
antler_json *antler__json_add_real(antler_json *parent, const char *key, double value);
antler_json *antler__json_add_bool(antler_json *parent, const char *key, bool value);
antler_json *antler__json_add_null(antler_json *parent, const char *key);
antler_json *antler__json_add_copy(antler_json *parent, const char *key, const antler_json *node);
/* Of a JSON text, such as a constant. */
antler_json *antler__json_add_parsed(antler_json *parent, const char *key, const char *json);
/* The text; indented by 2 when `pretty`. To be released by antler__free; NULL without memory. */
char *antler__json_print(const antler_json *root, bool pretty);

/* The way to a value, from the inside out. */
typedef struct antler_place {
    const struct antler_place *up; /* NULL for the root */
    const char *key;               /* NULL for an element of an array */
    size_t length;                 /* of key */
    int64_t index;
} antler_place;
/* Writes "config.layers[3]" to text, the end cut if it does not fit; returns text. */
const char *antler__place_text(const antler_place *place, char *text, size_t size);
/* Checks that the text is JSON as antler__json_parse takes it, apart from duplicate keys and the size of numbers. */
antler_status antler__json_check(const char *text, size_t size, antler_error *err);
/* Bytes of the UTF-8 character at text (size bytes are left); 0 if it is none. */
size_t antler__utf8(const char *text, size_t size);

#endif
