/* A model: a Sequential of layers, its variables, its settings. Private to the library. */
#ifndef ANTLER_MODEL_H
#define ANTLER_MODEL_H

#include "antler/antler.h"
#include "antler/layer.h"
#include "config/fields.h"
#include "config/registry.h"
#include "core/key.h"
#include "core/status.h"
#include "files/files.h"

/* A layer of a built model, or a child of one. */
typedef struct antler_layer {
    const antler_layer_ops *ops;
    antler_object object; /* borrowed from the model's list, or from the parent's config */
    const char *name;     /* of a child: its attribute in the parent ("forward_layer") */
    bool trainable;       /* its own and all its parents' */
    antler_shape in, out; /* dim[0] is ANTLER_BATCH */
    int64_t variable;     /* index of its first own variable in model->variable */
    int params, states;   /* own: params first, then states */
    int64_t site;         /* number of its first noise site; counted over the model, children after their parent's */
    int sites;
    int64_t seed[ANTLER_MAX_SLOTS]; /* of the config, ANTLER_NULL for the model's */
    int children;
    struct antler_layer *child; /* [children] */
    unsigned needs;             /* ANTLER_NEEDS_... */
    antler_mask_rule mask;
} antler_layer;

/* A variable. `view` is what users see; the others tell where it lies and what is done to it. */
typedef struct antler_model_variable_entry {
    antler_variable view;
    const antler_layer *layer;
    int64_t offset; /* in model->parameters; trained ones come first, so the same offset holds in gradients and slots */
    int64_t length; /* elements; each variable starts at a multiple of 64 bytes */
    antler_object initializer, regularizer, constraint; /* borrowed from the layer's config; type NULL for none */
    int slot;                                           /* in its layer: of param or of state */
} antler_model_variable_entry;

enum { ANTLER_MAX_METRICS = ANTLER_MAX_RANK };

/* compile_config. */
typedef struct antler_compile_settings {
    antler_object optimizer, loss; /* type NULL: none */
    int metrics;
    antler_object metric[ANTLER_MAX_METRICS]; /* type NULL: the name "accuracy", whose kind depends on the shapes */
} antler_compile_settings;

/* "fit" of the JSON; args has its numbers. */
typedef struct antler_fit_settings {
    struct antler_fit args;
    const char *data, *x, *y;                        /* file, and names of its data sets */
    const char *validation_data[ANTLER_MAX_STRINGS]; /* names of x and y to validate on, in the same file */
    antler_objects callbacks;
} antler_fit_settings;

struct antler_model {
    antler_error error; /* sticky */
    char *name;
    char *file; /* it was loaded from, for error messages; or NULL */
    int64_t layers;
    antler_object *object;            /* [layers], the source layer first; owned */
    antler_compile_settings *compile; /* NULL: not compiled */
    antler_fit_settings *fit;         /* of type antler__fit_type; NULL: no "fit" */
    int64_t seed;
    antler_error *warning; /* [warnings] of loading */
    int64_t warnings;

    bool built;
    antler_layer *layer; /* [layers] */
    antler_layer_view *view;
    int64_t variables;
    antler_model_variable_entry *variable; /* [variables], in the order of Keras's model.weights */
    int64_t sites;                         /* noise sites */
    int64_t trained, total;                /* elements (padded) of the trained part, and of all */
    antler_real *parameters;               /* [total] one block */
    bool initialized;                      /* parameters hold weights, drawn or loaded */

    int slots;                           /* of the compiled optimizer */
    antler_real *slot[ANTLER_MAX_SLOTS]; /* [trained] each; allocated with the first training context or by loading */
    int64_t iteration;                   /* optimizer steps done */
    int64_t step;                        /* training batches done: the noise's step */
    int64_t epoch;                       /* epochs done, for checkpoints */
    antler_logs *history;                /* [epochs_logged], with room for history_room */
    int64_t epochs_logged, history_room;
};

extern const antler_type antler__fit_type;

/* A failure of the model: stays with it. Returns its status. */
antler_status antler__model_fail(antler_model *model, const antler_error *error);
/* An empty model. NULL without memory. */
antler_model *antler__model_new(const char *name, antler_error *err);
/* Appends a layer; the model owns the object from then on, also on failure. */
antler_status antler__model_append(antler_model *model, antler_object layer, antler_error *err);
/* Puts a source layer of this batch shape (zero-ended, ANTLER_NULL for the batch axis) in front. */
antler_status antler__model_source(antler_model *model, const int64_t *batch_shape, antler_error *err);
void antler__compile_free(antler_compile_settings *settings);
/* Reads compile_config, or (legacy) training_config. */
antler_status antler__compile_read(const antler_json *node, const char *place, antler_report *report,
                                   antler_compile_settings **settings);

/* Structure: shapes, variables, sites. antler_build also draws the initial weights. */
antler_status antler__model_structure(antler_model *model, antler_error *err);
void antler__structure_free(antler_model *model);
void antler__slots_free(antler_model *model);
antler_status antler__model_initialize(antler_model *model, antler_error *err); /* draws, unless it has weights */
antler_status antler__model_slots(antler_model *model, antler_error *err);      /* allocates zeroed optimizer slots */

/* The Keras version that files claim: the oldest whose format they are. */
#define ANTLER_KERAS_VERSION "3.0.0"

/* ---- model_json.c ---- */

/* Reads a model's JSON tree into an empty model. */
antler_status antler__model_read(antler_model *model, const antler_json *root, antler_report *report);
antler_status antler__fit_read(antler_model *model, const char *json, antler_report *report); /* "fit" by itself */
/* with_settings: compile_config and "fit" too. NULL without memory. */
antler_json *antler__model_write(const antler_model *model, antler_style style, bool with_settings);
antler_json *antler__compile_write_legacy(const antler_compile_settings *settings); /* training_config */

/* ---- model_file.c ---- */

/* A .keras file of a model that has been built, with more entries beside the weights (NULL: none). */
antler_status antler__save_keras(antler_model *model, const char *path, const antler_entries *extra, antler_error *err);

/* ---- weights.c: which variable lies where in a file. The model has been built. ---- */

/* All variables, and the optimizer's state where there is one: as .weights.h5 (and in .keras), or as legacy .h5. */
antler_status antler__weights_write(const antler_model *model, antler_style style, antler_entries *entries,
                                    antler_error *err);
/* All or nothing; an optimizer state that does not fit is left out, as in Keras. */
antler_status antler__weights_read(antler_model *model, const antler_entries *entries, antler_error *err);

#endif
