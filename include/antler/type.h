/* Types: everything configurable is one idiom, Keras's {"class_name": ..., "config": {...}}. A type is one const table:
   a head (antler_type) that names it and lists its fields, and the methods of its kind. From the field table the core
   parses, checks, defaults, prints and documents the config, for JSON and for C callers; the type's own code sees a
   filled struct. Types come from the library's own lists or from antler_register; both are treated alike. */
#ifndef ANTLER_TYPE_H
#define ANTLER_TYPE_H

#include "antler/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The kinds, with the Keras module that their classes live in. */
#define ANTLER_KIND_MAP(X)                                                                      \
    X(LAYER, "layer", "keras.layers")                                                           \
    X(ACTIVATION, "activation", "builtins")                                                     \
    X(INITIALIZER, "initializer", "keras.initializers")                                         \
    X(REGULARIZER, "regularizer", "keras.regularizers")                                         \
    X(CONSTRAINT, "constraint", "keras.constraints")                                            \
    X(LOSS, "loss", "keras.losses")                                                             \
    X(METRIC, "metric", "keras.metrics")                                                        \
    X(OPTIMIZER, "optimizer", "keras.optimizers")                                               \
    X(SCHEDULE, "schedule", "keras.optimizers.schedules")                                       \
    X(CALLBACK, "callback", "keras.callbacks")                                                  \
    X(SETTINGS, "settings", "") /* the library's own groups of settings: compile_config, fit */ \
    X(OPERATION, "operator", "keras.src.ops.numpy")                                             \
    X(CELL, "cell", "keras.layers") /* of an RNN; antler_cell_ops */

/* The kinds of types, by ANTLER_KIND_MAP. */
typedef enum antler_kind {
#define ANTLER_KIND_ENUM(kind, name, module) ANTLER_KIND_##kind,
    ANTLER_KIND_MAP(ANTLER_KIND_ENUM)
#undef ANTLER_KIND_ENUM
        ANTLER_KINDS
} antler_kind;

/* What the value of a key is, and the member that holds it. */
typedef enum antler_field_kind {
    ANTLER_END,     /* ends a table */
    ANTLER_INT,     /* int64_t; null is ANTLER_NULL */
    ANTLER_REAL,    /* double; null is NaN, which no number in a config can be */
    ANTLER_BOOL,    /* bool */
    ANTLER_STRING,  /* const char *; null is NULL. With `choices` the pointer is the one in choices */
    ANTLER_INTS,    /* int64_t[]: `count` of them (one number stands for all), or when count is 0 up to ANTLER_MAX_RANK,
                       ended by a 0 (the member has ANTLER_MAX_RANK + 1); null among them is ANTLER_NULL */
    ANTLER_STRINGS, /* const char *[ANTLER_MAX_STRINGS], ended by NULL; one string stands for a list of one */
    ANTLER_OBJECT,  /* antler_object of kind `of`: a class name, a number where the kind has a type for it (a schedule),
                       or {"class_name", "config"}; null is a NULL type. Of kind SETTINGS: the config of the settings
                       that the key names */
    ANTLER_OBJECTS, /* antler_objects of kind `of` */
    ANTLER_ANY,     /* accepted and not acted on. With `def`, any other value is an error (Keras has it, we have not) */
    ANTLER_REALS,   /* double[]: `count` of them, or one number, behind which the others are NaN; null: all are NaN.
                       When count is 0 an antler_numbers, a list of any length; null: {0} */
    ANTLER_NUMBERS  /* antler_numbers: a number, a list of numbers, lists of lists; null is {0} */
} antler_field_kind;

enum { ANTLER_MAX_STRINGS = 16 };

/* A list of objects; a config's are its own. */
typedef struct antler_objects {
    int64_t n;           /* how many */
    antler_object *item; /* [n] */
} antler_objects;

/* Any number of numbers. A C caller lends them: .mean = {.n = 2, .value = (double[]){1.5, 3}}; those of a config are
 * its own. */
typedef struct antler_numbers {
    int64_t n;           /* how many */
    const double *value; /* [n], row-major */
    antler_shape shape;  /* of lists of lists; rank 0: one number, or from a C caller a list */
} antler_numbers;

/* What Keras takes for a model of several outputs: one value, or a list of them, or a dict by the outputs' names. */
typedef enum antler_output_form { ANTLER_FOR_ALL, ANTLER_AS_LIST, ANTLER_AS_DICT } antler_output_form;

/* One of them. */
typedef struct antler_output_value {
    const char *name;       /* of the output, in a dict */
    antler_objects objects; /* OBJECT: none for null, else one; OBJECTS */
    bool several;           /* OBJECTS that were given as a list */
    double number;          /* REAL; NaN for null */
} antler_output_value;

/* The values of a key that Keras takes by output. */
typedef struct antler_by_output {
    antler_output_form form;   /* how they were given */
    int64_t n;                 /* FOR_ALL: 1, or 0 for null */
    antler_output_value *item; /* [n] */
} antler_by_output;

enum {
    ANTLER_NULLABLE = 1,   /* null is a value */
    ANTLER_OPEN_MIN = 2,   /* min itself is excluded */
    ANTLER_OPEN_MAX = 4,   /* max itself is excluded */
    ANTLER_UNWRITTEN = 8,  /* read, never written (a legacy spelling; a key that older Keras versions refuse) unless set
                              to something other than its default */
    ANTLER_AXES = 16,      /* INTS whose values may be 0: the list is ended by ANTLER_NULL instead, and null is that */
    ANTLER_BY_OUTPUT = 32, /* OBJECT, OBJECTS, REAL that Keras takes by output: the value is an antler_by_output */
    ANTLER_UNSAVED = 64,   /* read, never written: Keras does not take it back */
    ANTLER_PAIRS = 128,    /* INTS of `count` / 2 axes, {before, after} each: one number, one for each axis, or pairs */
    ANTLER_EMPTY = 256,    /* INTS: an empty list is null, which is written so */
    ANTLER_CALL = 512, /* BOOL that Keras takes with the call (use_causal_mask): in graphs it is read from and written
                          to "kwargs", and each call of a layer has its own; default false */
    ANTLER_CHANNELS =
        1024 /* STRING of a layer with two `choices`. With the second, tensors have their channels before
                the last `count` axes, or, where that is 0, behind the batch. The layer's methods see them
                on the last axis all the same: the core moves them there and back, in shapes and numbers */
};

/* One key of a config. */
typedef struct antler_field {
    const char *key;        /* Keras's name */
    antler_field_kind kind; /* of its value */
    size_t offset;          /* of the value in the config struct */
    size_t text;     /* OBJECT that C callers name by a string: offset of that const char * (see layers.h); 0: none */
    const char *def; /* default, as JSON; NULL: the key is required (ANTLER_ANY: any value will do) */
    double min, max; /* bounds of INT, REAL, each of INTS and REALS; both included unless flags say; equal: none */
    unsigned flags;  /* ANTLER_NULLABLE ... */
    int count;       /* INTS: how many, 0 for any number. Flagged ANTLER_CHANNELS: see there */
    antler_kind of;  /* OBJECT, OBJECTS */
    const char *const *choices; /* STRING: NULL-terminated list of what it may be, or NULL. INT: words that it may be
                                   beside a number, the first of which is -1, the second -2 ... */
    const char *doc;            /* one line for `antler layers NAME` and the documentation */
    const char *legacy;         /* the key in legacy .h5 files, which Keras 2 reads as well as 3; NULL: the same */
} antler_field;

/* The last row of a table of fields. */
#define ANTLER_FIELD_END   \
    {                      \
        .kind = ANTLER_END \
    }

/* A row for an object that C callers name by a string: members `key` (const char *) and `key_` (antler_object). */
#define ANTLER_FIELD_OBJECT(type, member, kind_of, json, line)                                                      \
    {                                                                                                               \
        .key = #member, .kind = ANTLER_OBJECT, .offset = offsetof(type, member##_), .text = offsetof(type, member), \
        .def = (json), .flags = ANTLER_NULLABLE, .of = (kind_of), .doc = (line)                                     \
    }

/* Rows that most tables have. `type` is the config's struct, `member` a member of it, `json` its default as JSON. */

/* Largest size of one axis of a variable. */
#define ANTLER_MOST_UNITS 2147483647.0

/* INT or REAL; lo == hi: no bounds. json NULL: required. */
#define ANTLER_FIELD_NUMBER(type, member, number_kind, json, lo, hi, line)                                   \
    {                                                                                                        \
        .key = #member, .kind = (number_kind), .offset = offsetof(type, member), .def = (json), .min = (lo), \
        .max = (hi), .doc = (line)                                                                           \
    }

/* A required count of at least 1: units, filters, input_dim. */
#define ANTLER_FIELD_COUNT(type, member, line) \
    ANTLER_FIELD_NUMBER(type, member, ANTLER_INT, NULL, 1, ANTLER_MOST_UNITS, line)

/* A list of integers; json "null": may be null, and so may its entries. */
#define ANTLER_FIELD_INTS(type, member, json, flag, lo, line)                                              \
    {                                                                                                      \
        .key = #member, .kind = ANTLER_INTS, .offset = offsetof(type, member), .def = (json), .min = (lo), \
        .max = ANTLER_MOST_UNITS, .flags = (flag), .doc = (line)                                           \
    }

/* Member that is true or false; json is its default. */
#define ANTLER_FIELD_BOOL(type, member, json, line)                                                         \
    {                                                                                                       \
        .key = #member, .kind = ANTLER_BOOL, .offset = offsetof(type, member), .def = (json), .doc = (line) \
    }

/* A key of Keras's that changes nothing here, with the one value that we can honour. */
#define ANTLER_FIELD_IGNORED(name, json)                                                                         \
    {                                                                                                            \
        .key = (name), .kind = ANTLER_ANY, .def = (json), .flags = ANTLER_UNWRITTEN, .doc = "accepted for Keras" \
    }

/* Member `data_format` of a layer that has `axes` axes behind its channels with "channels_first"; 0: all but the batch.
   See ANTLER_CHANNELS: that is all that the layer does for it. */
#define ANTLER_FIELD_DATA_FORMAT(type, axes)                                                                        \
    {                                                                                                               \
        .key = "data_format", .kind = ANTLER_STRING, .offset = offsetof(type, data_format),                         \
        .def = "\"channels_last\"", .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN | ANTLER_CHANNELS, .count = (axes), \
        .choices = (const char *const[]){"channels_last", "channels_first", NULL}, .doc = "where the channels are"  \
    }

/* Member that is an activation. */
#define ANTLER_FIELD_ACTIVATION(type, member, json, line) \
    ANTLER_FIELD_OBJECT(type, member, ANTLER_KIND_ACTIVATION, json, line)

/* Member `seed` of a layer with noise. */
#define ANTLER_FIELD_SEED(type)                                                                                \
    {                                                                                                          \
        .key = "seed", .kind = ANTLER_INT, .offset = offsetof(type, seed), .def = "null",                      \
        .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN, .doc = "seed of the layer's own noise; null: the model's" \
    }

/* The settings of one variable: initializer (its default as JSON), regularizer and constraint. */
#define ANTLER_FIELD_VARIABLE(type, variable, json)                                                                \
    ANTLER_FIELD_OBJECT(type, variable##_initializer, ANTLER_KIND_INITIALIZER, json, "first values"),              \
        ANTLER_FIELD_OBJECT(type, variable##_regularizer, ANTLER_KIND_REGULARIZER, "null", "penalty in the loss"), \
        ANTLER_FIELD_OBJECT(type, variable##_constraint, ANTLER_KIND_CONSTRAINT, "null", "applied after each update")

/* The rows of ANTLER_KERNEL_KEYS. */
#define ANTLER_KERNEL_FIELDS(type)                            \
    ANTLER_FIELD_BOOL(type, use_bias, "true", "adds a bias"), \
        ANTLER_FIELD_VARIABLE(type, kernel, "\"glorot_uniform\""), ANTLER_FIELD_VARIABLE(type, bias, "\"zeros\"")

/* The head of every type's table, its first member. */
typedef struct antler_type {
    size_t size;                /* sizeof the whole table: methods are appended, never moved */
    antler_kind kind;           /* whose methods follow the head */
    const char *class_name;     /* what "class_name" holds */
    const char *const *aliases; /* other accepted names (Keras's function spellings), NULL-terminated, or NULL */
    const char *doc;            /* one line */
    size_t config_size;         /* the core allocates, zeroes, fills and frees it. A kind with keys of its own
                                   (LAYER, LOSS, METRIC, OPTIMIZER, below) has their struct as the config's first
                                   member. All values of its rows lie within */
    const antler_field *fields; /* ended by a row of kind ANTLER_END; NULL for none */
    const char *const *samples; /* LAYER: NULL-terminated, for the conformance suite and the documentation. Each is
                                   "(4, 3) {\"units\": 2}": an input shape without the batch axis, and a config */
    /* optional: rules across fields. May change the config (Bidirectional makes its backward layer). The place it
       reports is relative to the config ("kernel_size"). Called again by a layer around this one that changes its
       keys. */
    antler_status (*check)(void *config, antler_error *err);
    unsigned flags;          /* ANTLER_TYPE_... */
    const char *legacy_name; /* the class in legacy .h5 files, which Keras 2 reads as well as 3; NULL: the same */
} antler_type;

enum {
    ANTLER_TYPE_BARE = 1, /* written as the value of its first field alone, and read from it: a rate that is a number */
    ANTLER_TYPE_LIST = 2  /* read from a list, too, that of its first field: [cell, cell] is a StackedRNNCells */
};

/* The value of a field of an object by its key, to be cast by the field's kind; NULL when there is no such field. */
ANTLER_API void *antler_object_field(antler_object object, const char *key);

/* What types there are, and what they take: as a program that shows or edits models wants to know. */
ANTLER_API const antler_type *antler_type_at(antler_kind kind, int64_t index); /* NULL past the last of the kind */
/* By class name or alias; NULL for none. */
ANTLER_API const antler_type *antler_type_find(antler_kind kind, const char *name);
/* The name in a kind that is most like `name` ("Dnese" gives "Dense"); NULL when none is near. */
ANTLER_API const char *antler_type_nearest(antler_kind kind, const char *name);
/* The index-th key of a type's config: those that its kind has, then its own; NULL past the last. */
ANTLER_API const antler_field *antler_type_field(const antler_type *type, int64_t index);
ANTLER_API const char *antler_kind_name(antler_kind kind); /* "layer"; "unknown kind" for a number that is none */
/* Edits (insert, delete, change, swap neighbours) between two names, without regard to case. Where one has 64 letters
   or more: 0 if they are the same, else as many as the longer one has. */
ANTLER_API int antler_name_distance(const char *a, const char *b);

struct antler_model; /* antler.h */

/* An object that a model is made of: the index-th of its layers, its metrics, its callbacks, the optimizer, the loss of
   its index-th output (type NULL for one without), or "fit" (ANTLER_KIND_SETTINGS). The model owns it. False past the
   last; of losses, where no output has one. */
ANTLER_API bool antler_model_object(const struct antler_model *model, antler_kind kind, int64_t index,
                                    antler_object *object);

/* A deep copy, of what the keys say: what `check` made of them is made by another `check`. The copy belongs to the
   caller: into a field of its own config, or to antler_object_free. */
ANTLER_API antler_status antler_object_copy(antler_object object, antler_object *copy, antler_error *err);
/* Frees a config that antler_object_copy made; of type NULL nothing. */
ANTLER_API void antler_object_free(antler_object object);

/* Puts a list of n numbers in the place of those of a config. */
ANTLER_API antler_status antler_numbers_set(antler_numbers *numbers, const antler_real *value, int64_t n,
                                            antler_error *err);

/* Names a layer inside another as Keras does: the prefix ("forward_"), which is not put twice, and what `like` is
   called, or its class in snake case. For `check`. */
ANTLER_API antler_status antler_object_rename(antler_object layer, const char *prefix, antler_object like,
                                              antler_error *err);

/* Adds a type. Tables are kept, not copied (but for shorter ones, of older versions): they must outlive all use of the
   library. A class name or alias that its kind has already is ANTLER_NAME; one that cannot serve is ANTLER_VALUE: no
   method that its kind needs, a config_size that is too small, more sums than ANTLER_MAX_SUMS. Safe from any thread; do
   it before the first model that needs it. */
ANTLER_API antler_status antler_register(const antler_type *type, antler_error *err);

#ifdef __cplusplus
}
#endif
#endif
