/* Configs by their field tables: read, check, default, write, compare, free; for every kind alike. */
#ifndef ANTLER_FIELDS_H
#define ANTLER_FIELDS_H

#include "antler/layer.h"
#include "antler/layers.h"
#include "config/json.h"

/* Where readers report. The first error is kept in *err; reading goes on as far as it makes sense, so that one pass
   finds all. on_warning and on_error may be NULL. */
typedef struct antler_report {
    antler_error *err;
    void (*on_warning)(void *user, const antler_error *warning);
    void (*on_error)(void *user, const antler_error *error);
    void *user;
    int errors;
} antler_report;

antler_status antler__report_error(antler_report *report, antler_status status, const char *place, const char *format,
                                   ...) ANTLER_PRINTF(4, 5);
void antler__report_warning(antler_report *report, const char *place, const char *format, ...) ANTLER_PRINTF(3, 4);

/* Keys that every type of a kind has: a table for the struct that is their configs' first member, or NULL. */
const antler_field *antler__kind_fields(antler_kind kind);
const char *antler__kind_module(antler_kind kind); /* "keras.layers" */

/* The row of a key: the type's own before its kind's; NULL for none. */
const antler_field *antler__field_find(const antler_type *type, const char *key);
/* Walks a type's rows, its kind's first (NULL: from the start); NULL after the last. */
const antler_field *antler__field_next(const antler_type *type, const antler_field *field);

/* "parent.key", "parent[3]"; returns text. */
const char *antler__place(char *text, size_t size, const char *parent, const char *key);
const char *antler__place_item(char *text, size_t size, const char *parent, int64_t index);

/* The layer's keys: the first members of every layer's config. */
struct antler_layer_keys {
    ANTLER_LAYER_KEYS
};
struct antler_layer_keys *antler__layer_keys(antler_object layer);

/* Reads an object of a kind: a name, a number (schedules), {"class_name", "config"}; or null (type NULL). *object is
   {0} on failure. */
antler_status antler__object_read(antler_kind kind, const antler_json *node, const char *place, antler_report *report,
                                  antler_object *object);
/* Reads a config of a known type (node NULL: all defaults). */
antler_status antler__config_read(const antler_type *type, const antler_json *node, const char *place,
                                  antler_report *report, void **config);
void antler__config_free(const antler_type *type, void *config);

/* How objects are written: as Keras 3 does (model.to_json), or as the legacy .h5 form, whose layers have no "module".
 */
typedef enum antler_style { ANTLER_STYLE_KERAS, ANTLER_STYLE_LEGACY } antler_style;

/* Writes the object as value of `key` (or as next element, or as a root). Only what every Keras 3 reads is written. */
antler_json *antler__object_write(antler_object object, antler_json *parent, const char *key, antler_style style);
/* The config alone; keys whose flags say ANTLER_UNWRITTEN only where they differ from the default. */
antler_json *antler__config_write(const antler_type *type, const void *config, antler_json *parent, const char *key,
                                  antler_style style);

/* One field's value, out of the config. */
antler_json *antler__field_write(const antler_field *field, const void *config, antler_json *parent, const char *key,
                                 antler_style style);

/* Whether a (short) value equals a JSON text: 1 or 0; -1 without memory. */
int antler__json_is(const antler_json *node, const char *json);

#endif
