/* A model: a Sequential of layers, its variables, its settings. Private to the library. */
#ifndef ANTLER_MODEL_H
#define ANTLER_MODEL_H

#include "antler/antler.h"
#include "antler/layer.h"
#include "config/fields.h"
#include "config/registry.h"
#include "core/key.h"
#include "core/status.h"
#include "files/entries.h"
#include "model/tree.h"

#include <stdatomic.h>

/* A layer of a built model, or a child of one: what there is once, however often it is called. */
typedef struct antler_layer {
    const antler_layer_ops *ops;
    antler_object object;           /* borrowed from the model's tree, or from the parent's config */
    const char *name;               /* its path ("base/dense"); of a child: its attribute in the parent */
    char *path, *place;             /* owned; place: in the file, for errors; of a child, and of a call: NULL */
    bool frozen;                    /* by a model that it lies in */
    const antler_activation_ops *f; /* the activation that follows it; NULL for none, and for the linear one */
    antler_mask_rule mask;
    bool trainable;      /* its own and all its parents' */
    int64_t variable;    /* index of its first own variable in model->variable */
    int params, states;  /* own: params first, then states */
    const char *borrows; /* name of a param that its parent has declared for both; NULL: none */
    int borrowed;        /* the slot of that param */
    int64_t lent;        /* and its index in model->variable */
    int sites;           /* own noise sites */
    int64_t *seed;       /* [sites] of the config, ANTLER_NULL for the model's */
    int children;
    struct antler_layer *child; /* [children] */
    /* of its first call (a child has one), or of the call whose layer this is; dim[0] is ANTLER_BATCH */
    int inputs, outputs;
    antler_shape *in;                     /* [inputs + 1], ended by rank 0 */
    antler_shape out[ANTLER_MAX_OUTPUTS]; /* [outputs] */
    int64_t times;                        /* a child's batch is that many times its parent's */
    int64_t calls;                        /* of one of the model's layers */
} antler_layer;

/* Index in model->variable of a layer's param or, after the params, state. */
static inline int64_t antler__variable_at(const antler_layer *layer, int i)
{
    if (!layer->borrows || i < layer->borrowed)
        return layer->variable + i;
    return i == layer->borrowed ? layer->lent : layer->variable + i - 1;
}

/* A tensor between calls. */
typedef struct antler_wire {
    int64_t giver;      /* the call that writes it; -1: an input of the model */
    int output;         /* which of the giver's outputs, or which input of the model */
    antler_shape shape; /* dim[0] is ANTLER_BATCH */
    int64_t times;      /* its batch is that many times the model's: inside a model on steps; else 1 */
    int64_t users;
    int64_t *user;  /* [users] calls that read it, in execution order, one entry for each place */
    bool is_output; /* of the model */
    bool masked;    /* a mask goes with it */
} antler_wire;

/* One use of a layer. */
typedef struct antler_call {
    int64_t layer;    /* in model->layer */
    antler_layer *of; /* that layer with the shapes of this call: itself at its first call; else the call's own */
    int64_t number;   /* of this call among those of its layer */
    int64_t entered;  /* where a model on steps ends: the call where it began; else -1 */
    int inputs, outputs;
    int64_t *in;   /* [inputs] wires */
    int64_t out;   /* its first output's wire; the others follow */
    int64_t place; /* number of its first input, counted over the calls */
    int64_t site;  /* number of its first noise site, counted over the calls; children's come after their parent's */
} antler_call;

/* Which call takes what, as a file or a program says it: the calls in execution order. */
enum { ANTLER_ONLY_OUTPUT = -1 }; /* output 0 of a call that must have no other: a Sequential's */
typedef struct antler_ref {
    int64_t call; /* output `output` of that call; -1 - k: input k of the model */
    int output;
} antler_ref;
typedef struct antler_use {
    int64_t layer; /* in model->layer */
    int inputs;
    const antler_ref *in; /* [inputs] */
    bool given_mask;      /* the file has a mask for it */
    antler_object object; /* borrowed: the layer with the settings of this call; type NULL: the model's as it is */
    bool enters, leaves;  /* a model on steps begins (axis 1 becomes a part of the batch), or ends */
    int64_t entered;      /* leaves: the use that entered */
} antler_use;
/* What a model in the model is given for one of its inputs. */
typedef struct antler_taken {
    antler_ref given;
    antler_object source; /* its InputLayer; borrowed */
    const char *model;    /* its name; borrowed */
} antler_taken;
typedef struct antler_graph {
    int64_t uses, outputs, takings;
    antler_taken *taken;      /* [takings] */
    const antler_use *use;    /* [uses] */
    const antler_ref *output; /* [outputs] of the model */
} antler_graph;

/* A variable. `view` is what users see; the others tell where it lies and what is done to it. */
typedef struct antler_model_variable_entry {
    antler_variable view;
    const antler_layer *layer; /* or child, that declared it; of two that have it, the child */
    const char *group;         /* of a weights file, inside that layer's: "cell"; NULL for its own. Borrowed */
    int64_t offset; /* in model->parameters; trained ones come first, so the same offset holds in gradients and slots */
    int64_t length; /* elements; each variable starts at a multiple of 64 bytes */
    antler_object initializer, regularizer, constraint; /* borrowed from the layer's config; type NULL for none */
    int slot;                                           /* in its layer: of param or of state */
    bool param;                                         /* of which of them */
    int64_t fan_in;                                     /* for the initializer; 0: as the shape says */
} antler_model_variable_entry;

/* What is compiled for one output of the model: all borrowed from the settings. */
typedef struct antler_target {
    int64_t output; /* of the model; those without a loss have no target */
    antler_object loss;
    double weight;               /* of the loss in the sum */
    int64_t metrics, unweighted; /* the last ones see sample weights */
    antler_object metric[ANTLER_MOST_METRICS];
} antler_target;

/* compile_config. */
typedef struct antler_compile_settings {
    antler_object optimizer; /* type NULL: none */
    bool older_optimizer;    /* of Keras before 2.11, whose state lies otherwise in files */
    antler_by_output loss, metrics, weighted_metrics, loss_weights;
    /* what that is for a model, once its outputs are known (targets.c): */
    bool settled;
    antler_error failure; /* they do not fit its outputs; refuses training and evaluation */
    int64_t targets;
    antler_target *target;                        /* [targets] in the order of the outputs */
    int logs;                                     /* of one epoch without validation */
    const char *log_name[2][ANTLER_MAX_LOGS / 2]; /* "loss", "a_loss", "a_accuracy" ...; then "val_loss" ... */
    char *log_text;                               /* they point into */
    atomic_int shared;                            /* by so many beside the model: antler__compile_free */
} antler_compile_settings;

/* Whether some output has a loss; of NULL: no. */
static inline bool antler__compile_has_loss(const antler_compile_settings *settings)
{
    for (int64_t i = 0; settings && i < settings->loss.n; i++)
        if (settings->loss.item[i].objects.n > 0)
            return true;
    return false;
}

/* A setting of training that a file has and that could not be read (unread.h). */
typedef struct antler_unread {
    const antler_type *section; /* antler__compile_type, antler__training_type, antler__fit_type */
    char *key;                  /* in it; NULL: all of it */
    antler_json *said;          /* {"said": as it came} */
    antler_error error;         /* why */
} antler_unread;

/* "fit" of the JSON; args has its numbers. */
typedef struct antler_fit_settings {
    struct antler_fit args;
    const char *data, *x, *y;                        /* file, and names of its data sets */
    const char *validation_data[ANTLER_MAX_STRINGS]; /* names of x, y and weights to validate on, in the same file */
    const char *sample_weight;                       /* name of the weights of y */
    const char *missing, *tokens, *categories;       /* of a table */
    antler_by_output class_weight;
    antler_objects callbacks;
    antler_by_output multipliers; /* of the rate, by names of layers: always a dict */
} antler_fit_settings;

enum { ANTLER_MOST_SLOTS = ANTLER_MAX_OPTIMIZER_SLOTS + 2 }; /* with the core's: means, gradients */

struct antler_model {
    antler_error error;   /* of making it: stays, and refuses what depends on it */
    bool compile_failed;  /* it is of antler_compile, and the next that succeeds mends it */
    antler_error failure; /* of the last antler_fit: refuses nothing */
    char *file;           /* it was loaded from, for error messages; or NULL */
    antler_tree *tree;    /* of a part: borrowed from what it is a part of; NULL where there was no memory for that */
    antler_from last;     /* of a Functional: what antler_add goes on from; member -1: nothing yet */
    bool outputs_given;   /* antler_outputs */
    struct antler_model *whole, *parts, *next_part; /* that it is a part of; its own, a list, to be freed with it */
    int64_t part;                                   /* the member of whole->tree that it is; -1: none, for it failed */
    antler_compile_settings *compile;               /* NULL: not compiled */
    antler_fit_settings *fit;                       /* of type antler__fit_type; NULL: no "fit" */
    struct antler_columns *columns;                 /* "table" of "fit"; NULL: it was trained with none */
    antler_unread *unread;                          /* [unreads] */
    int64_t unreads;
    int64_t seed;
    int keras;             /* as in antler_run */
    antler_error *warning; /* [warnings] of loading, of training and of saving */
    int64_t warnings;
    antler_error *note; /* [notes] what was translated while it was loaded */
    int64_t notes;

    bool built;
    bool open;      /* an axis of an input beside the batch is ANTLER_OPEN */
    int64_t length; /* that stands for it while the model is planned; 0: none does */
    int64_t layers;
    antler_layer *layer;     /* [layers] in the order of Keras's model.layers, those of models in their model's place */
    antler_layer_view *view; /* [layers], and what they point into: */
    antler_call_view *call_view; /* [calls + inputs] */
    antler_giver *giver_view;    /* [places] */
    antler_shape *shape_view;    /* [wires] */
    bool *output_view;           /* [wires] */
    int64_t calls, wires, places;
    antler_call *call; /* [calls] in execution order; those of a Sequential: each takes the one before */
    antler_wire *wire; /* [wires] */
    int64_t inputs, outputs;
    int64_t *input, *output;          /* [inputs], [outputs] wires */
    int64_t *source;                  /* [inputs] layers */
    char **input_name, **output_name; /* [inputs], [outputs]; owned */
    int64_t variables;
    antler_model_variable_entry *variable; /* [variables], in the order of Keras's model.weights */
    int64_t sites;                         /* noise sites of all calls */
    int64_t trained_size, size;            /* elements (padded) of the trained part, and of all */
    antler_real *parameters;               /* [size] one block; NULL until weights are drawn or loaded */
    bool read;                             /* a file's weights are among them, or were */
    bool initialized;                      /* parameters are there and hold weights, drawn or loaded */

    int slots; /* of the compiled optimizer, allocated with the first training context or by loading: first those that
                  the core has for any optimizer, then its own */
    bool has_slots;                           /* all of them, and the room */
    int own_slot;                             /* the first of its own */
    antler_slot slot_kind[ANTLER_MOST_SLOTS]; /* their orders count on in this order */
    antler_real *slot[ANTLER_MOST_SLOTS];     /* [trained_size] each, a shared one [1] */
    antler_real *optimizer_room;              /* what a `whole` one asked for; NULL: nothing */
    int64_t iteration;                        /* optimizer steps done */
    int64_t step;                             /* training batches done: the noise's step */
    int64_t epoch;                            /* epochs done, for checkpoints */
    antler_logs *history;                     /* [epochs_logged], with room for history_room */
    antler_compile_settings *logged;          /* whose names are in the history; a share, or NULL */
    int64_t epochs_logged, history_room;
    antler_outcome outcome; /* of the last fit */

    _Atomic(struct antler_context *) spare[2]; /* train/spare.c: for ANTLER_INFER and for ANTLER_MC, or NULL */
};

extern const antler_type antler__fit_type;

/* A failure in making the model: stays with it. Returns its status. */
antler_status antler__model_fail(antler_model *model, const antler_error *error);
/* The status of such a failure, for calls that go on with what was made; ANTLER_MEMORY for NULL. */
antler_status antler__model_status(const antler_model *model);
/* A warning for antler_model_warning, unless it has been given already, or as many as are kept have been. One that
 * there is no memory for is lost. */
void antler__model_warn(antler_model *model, const antler_error *warning);
/* An empty model. NULL without memory. */
antler_model *antler__model_new(const char *name, bool sequential, antler_error *err);
/* Appends a layer or a model; the model owns it from then on, also on failure. */
antler_status antler__model_append(antler_model *model, antler_tree_member member, antler_error *err);
/* A source layer of this batch shape (zero-ended, ANTLER_NULL for the batch axis). */
antler_status antler__source_make(const int64_t *batch_shape, antler_object *layer, antler_error *err);

#endif
