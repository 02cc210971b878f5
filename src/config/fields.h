/* Configs by their field tables: read, check, default, write, compare, free; for every kind alike. Places are frames,
   made text only for an error; NULL is the root. */
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
    void (*on_note)(void *user, const antler_error *note); /* what a file says in other words than today's */
    void *user;
    int errors;
    bool legacy;     /* Keras's whole-model .h5, whose layers name no module */
    bool thorough;   /* what cannot be read has something in its place, so that the rest can be looked at */
    bool strict;     /* errors are also those of training that keep nobody from predicting */
    bool shapeless;  /* (answer) but not its shapes: what they begin with is not known */
    int keras;       /* the version that wrote the file, 100 * major + minor; 0: ours */
    bool tensorflow; /* that wrote it, up to 2.3 beside Keras: "2.2.4-tf" */
} antler_report;

antler_status antler__report_error(antler_report *report, antler_status status, const antler_place *place,
                                   const char *format, ...) ANTLER_PRINTF(4, 5);
void antler__report_warning(antler_report *report, const antler_place *place, const char *format, ...)
    ANTLER_PRINTF(3, 4);

/* What was translated: nobody has to know it who only uses the model. `antler doctor` tells it. */
void antler__report_note(antler_report *report, const antler_place *place, const char *format, ...) ANTLER_PRINTF(3, 4);

/* "up.key", "up[3]": frames that must not outlive `up` and `key`. */
antler_place antler__at(const antler_place *up, const char *key);
antler_place antler__at_item(const antler_place *up, int64_t index);

/* Keys that every type of a kind has: a table for the struct that is their configs' first member, or NULL. */
const antler_field *antler__kind_fields(antler_kind kind);
/* Rules across those keys. The place that it reports is relative to the config. */
antler_status antler__kind_check(antler_kind kind, const void *config, antler_error *err);
const char *antler__kind_module(antler_kind kind); /* "keras.layers" */

/* Names of models, layers and metrics: 1 to ANTLER_LONGEST_NAME bytes, not ".", no control characters, and none of the
   characters in `without`. */
enum { ANTLER_LONGEST_NAME = 255 };
antler_status antler__name_check(const char *name, const char *without, const char *place, antler_error *err);

/* The row of a key: the type's own before its kind's; NULL for none. */
const antler_field *antler__field_find(const antler_type *type, const char *key);
/* Walks a type's rows, its kind's first; NULL after the last. */
typedef struct antler_field_walk {
    const antler_type *type;
    const antler_field *row; /* the next one */
    bool own;                /* it is the type's own, not its kind's */
} antler_field_walk;
antler_field_walk antler__fields_of(const antler_type *type);
const antler_field *antler__field_next(antler_field_walk *walk);

/* Bytes of a field's value in the config. */
size_t antler__field_size(const antler_field *field);

/* The layer's keys: the first members of every layer's config. */
struct antler_layer_keys {
    ANTLER_LAYER_KEYS
};
struct antler_layer_keys *antler__layer_keys(antler_object layer);
/* Of a layer's "dtype", or NULL. */
bool antler__is_half_precision(const char *dtype);
bool antler__is_integer(const char *dtype);

/* Reads an object of a kind: a name, a number (schedules), {"class_name", "config"}; or null (type NULL). *object is
   {0} on failure. */
antler_status antler__object_read(antler_kind kind, const antler_json *node, const antler_place *place,
                                  antler_report *report, antler_object *object);
/* Reads a config of a known type (node NULL: all defaults). */
antler_status antler__config_read(const antler_type *type, const antler_json *node, const antler_place *place,
                                  antler_report *report, void **config);
void antler__config_free(const antler_type *type, void *config);

/* How objects are written: as Keras 3 does (model.to_json), or as in a legacy .h5, which Keras 2 reads too: without
   "module", and by the names that Keras 2 has. What Keras 2 alone reads is for models that come from it: calls of
   graphs as lists, and activations by the name that they had. */
typedef enum antler_style { ANTLER_STYLE_KERAS, ANTLER_STYLE_LEGACY, ANTLER_STYLE_KERAS2 } antler_style;

/* "node is not what was expected", reported. */
antler_status antler__value_wrong(antler_report *report, const antler_place *place, const antler_json *node,
                                  const char *expected);

/* Values of kinds INT, REAL, INTS, REALS and NUMBERS; and null of any kind, which to the others is zeroed memory. */
antler_status antler__number_read(const antler_field *field, const antler_json *node, const antler_place *place,
                                  antler_report *report, void *value);
void antler__number_set_null(const antler_field *field, void *value);

/* What a node says, without Keras's ways to say tuple, tensor and array; NULL where such a one is damaged. */
const antler_json *antler__plain(const antler_json *node);

/* Values of kind NUMBERS (copies: of REALS of any length too); reading fills *numbers only on success, and it belongs
   to the config. */
antler_status antler__numbers_read(const antler_json *node, const antler_place *place, antler_report *report,
                                   antler_numbers *numbers);
antler_json *antler__numbers_write(const antler_numbers *numbers, antler_json *parent, const char *key);
antler_status antler__numbers_copy(const antler_numbers *from, antler_numbers *to, antler_error *err);

/* Writes the object as value of `key` (or as next element, or as a root). Only what every Keras 3 reads is written. */
antler_json *antler__object_write(antler_object object, antler_json *parent, const char *key, antler_style style);
/* The config alone; keys whose flags say ANTLER_UNWRITTEN only where they differ from the default. */
antler_json *antler__config_write(const antler_type *type, const void *config, antler_json *parent, const char *key,
                                  antler_style style);

/* One field's value, out of the config. */
antler_json *antler__field_write(const antler_field *field, const void *config, antler_json *parent, const char *key,
                                 antler_style style);

void antler__objects_free(antler_objects *objects);
antler_status antler__objects_copy(const antler_objects *from, antler_objects *to, antler_error *err); /* to zeroed */

/* Values of rows with ANTLER_BY_OUTPUT (by_output.c); `value` is zeroed before it is read or copied to. */
antler_status antler__by_output_read(const antler_field *field, const antler_json *node, const antler_place *place,
                                     antler_report *report, antler_by_output *value);
antler_json *antler__by_output_write(const antler_field *field, const antler_by_output *value, antler_json *parent,
                                     const char *key, antler_style style);
antler_status antler__by_output_copy(const antler_by_output *from, antler_by_output *to, antler_error *err);
void antler__by_output_free(antler_by_output *value);

/* The string that an object (or NULL) has for a key; NULL for none. */
const char *antler__string_at(const antler_json *object, const char *key);
/* Whether a node says all that another one says, and maybe more: keys that it has beside, and at the front of a list an
   item (the input that Keras adds to a model). */
bool antler__json_says(const antler_json *node, const antler_json *other);
/* Whether a (short) value equals a JSON text: 1 or 0; -1 without memory. */
int antler__json_is(const antler_json *node, const char *json);

#endif
