/* For those who add a type: a layer, activation, initializer, regularizer, constraint, loss, metric, optimizer,
   schedule or callback. docs/adding-a-layer.md goes through a whole layer in five steps.

   Everything configurable is one idiom, Keras's {"class_name": ..., "config": {...}}. A type is one const table: a head
   (antler_type) that names it and lists its fields, and the methods of its kind. From the field table the core parses,
   checks, defaults, prints and documents the config, for JSON and for C callers; the type's own code sees a filled
   struct. Types come from the library's own lists or from antler_register; both are treated alike. */
#ifndef ANTLER_LAYER_H
#define ANTLER_LAYER_H

#include "antler/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- configuration ---------------------------------------------------------------------------------------------- */

/* The kinds, with the Keras module that their classes live in. */
#define ANTLER_KIND_MAP(X)                                \
    X(LAYER, "layer", "keras.layers")                     \
    X(ACTIVATION, "activation", "builtins")               \
    X(INITIALIZER, "initializer", "keras.initializers")   \
    X(REGULARIZER, "regularizer", "keras.regularizers")   \
    X(CONSTRAINT, "constraint", "keras.constraints")      \
    X(LOSS, "loss", "keras.losses")                       \
    X(METRIC, "metric", "keras.metrics")                  \
    X(OPTIMIZER, "optimizer", "keras.optimizers")         \
    X(SCHEDULE, "schedule", "keras.optimizers.schedules") \
    X(CALLBACK, "callback", "keras.callbacks")            \
    X(SETTINGS, "settings", "") /* the library's own groups of settings: compile_config, fit */

typedef enum antler_kind {
#define ANTLER_KIND_ENUM(kind, name, module) ANTLER_KIND_##kind,
    ANTLER_KIND_MAP(ANTLER_KIND_ENUM)
#undef ANTLER_KIND_ENUM
        ANTLER_KINDS
} antler_kind;

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
    ANTLER_ANY      /* accepted and not acted on. With `def`, any other value is an error (Keras has it, we have not) */
} antler_field_kind;

enum { ANTLER_MAX_STRINGS = 16 };

typedef struct antler_objects {
    int64_t n;
    antler_object *item;
} antler_objects;

enum {
    ANTLER_NULLABLE = 1,   /* null is a value */
    ANTLER_OPEN_MIN = 2,   /* min itself is excluded */
    ANTLER_OPEN_MAX = 4,   /* max itself is excluded */
    ANTLER_UNWRITTEN = 8,  /* read, never written (a legacy spelling; a key that older Keras versions refuse) unless set
                              to something other than its default */
    ANTLER_AXES = 16,      /* INTS whose values may be 0: the list is ended by ANTLER_NULL instead */
    ANTLER_BY_OUTPUT = 32, /* OBJECT, OBJECTS that Keras nests by output: lists and objects of them, of any depth */
    ANTLER_UNSAVED = 64    /* read, never written: Keras does not take it back */
};

/* One key of a config. */
typedef struct antler_field {
    const char *key;
    antler_field_kind kind;
    size_t offset;   /* of the value in the config struct */
    size_t text;     /* OBJECT that C callers name by a string: offset of that const char * (see layers.h); 0: none */
    const char *def; /* default, as JSON; NULL: the key is required (ANTLER_ANY: any value will do) */
    double min, max; /* bounds of INT, REAL and of each of INTS, both included unless flags say; min == max: none */
    unsigned flags;
    int count;                  /* INTS: how many, 0 for any number */
    antler_kind of;             /* OBJECT, OBJECTS */
    const char *const *choices; /* STRING: NULL-terminated list of what it may be, or NULL */
    const char *doc;            /* one line for `antler layers NAME` and the documentation */
} antler_field;

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

#define ANTLER_FIELD_BOOL(type, member, json, line)                                                         \
    {                                                                                                       \
        .key = #member, .kind = ANTLER_BOOL, .offset = offsetof(type, member), .def = (json), .doc = (line) \
    }

/* A key of Keras's that changes nothing here, with the one value that we can honour. */
#define ANTLER_FIELD_IGNORED(name, json)                                                                         \
    {                                                                                                            \
        .key = (name), .kind = ANTLER_ANY, .def = (json), .flags = ANTLER_UNWRITTEN, .doc = "accepted for Keras" \
    }

#define ANTLER_FIELD_ACTIVATION(type, member, json, line) \
    ANTLER_FIELD_OBJECT(type, member, ANTLER_KIND_ACTIVATION, json, line)

#define ANTLER_FIELD_SEED(type)                                                                                     \
    {                                                                                                               \
        .key = "seed", .kind = ANTLER_INT, .offset = offsetof(type, seed), .def = "null", .flags = ANTLER_NULLABLE, \
        .doc = "seed of the layer's own noise; null: the model's"                                                   \
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
    size_t size; /* sizeof the whole table: methods are appended, never moved */
    antler_kind kind;
    const char *class_name;     /* what "class_name" holds */
    const char *const *aliases; /* other accepted names (Keras's function spellings), NULL-terminated, or NULL */
    const char *doc;            /* one line */
    size_t config_size;         /* the core allocates, zeroes, fills and frees it. A kind with keys of its own
                                   (LAYER, LOSS, METRIC, OPTIMIZER, below) has their struct as the config's first member */
    const antler_field *fields; /* ended by a row of kind ANTLER_END; NULL for none */
    const char *const *samples; /* LAYER: NULL-terminated, for the conformance suite and the documentation. Each is
                                   "(4, 3) {\"units\": 2}": an input shape without the batch axis, and a config */
    /* optional: rules across fields. May change the config (Bidirectional makes its backward layer). The place it
       reports is relative to the config ("kernel_size"). */
    antler_status (*check)(void *config, antler_error *err);
    unsigned flags; /* ANTLER_TYPE_... */
} antler_type;

enum {
    ANTLER_TYPE_BARE = 1 /* written as the value of its first field alone, and read from it: a rate that is a number */
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
ANTLER_API const char *antler_kind_name(antler_kind kind); /* "layer" */
/* Edits (insert, delete, change, swap neighbours) between two names, without regard to case. */
ANTLER_API int antler_name_distance(const char *a, const char *b);

struct antler_model; /* antler.h */

/* An object that a model is made of: the index-th of its layers, its metrics, its callbacks, the optimizer, the loss,
   or "fit" (ANTLER_KIND_SETTINGS). The model owns it. False past the last. The type is NULL for the metric "accuracy",
   whose kind the shapes decide. */
ANTLER_API bool antler_model_object(const struct antler_model *model, antler_kind kind, int64_t index,
                                    antler_object *object);

/* A deep copy. The copy belongs to the caller: into a field of its own config, or to antler_object_free. */
ANTLER_API antler_status antler_object_copy(antler_object object, antler_object *copy, antler_error *err);
ANTLER_API void antler_object_free(antler_object object);

/* Adds a type. Tables are kept, not copied (but for shorter ones, of older versions): they must outlive all use of the
   library. A class name or alias that its kind has already is ANTLER_NAME. Safe from any thread; do it before the first
   model that needs it. */
ANTLER_API antler_status antler_register(const antler_type *type, antler_error *err);

/* Keys that every optimizer, loss and metric has; the first member of its config struct. */
typedef struct antler_optimizer_keys {
    const char *name;
    antler_object learning_rate;                 /* a SCHEDULE; a number is a constant one */
    double weight_decay;                         /* NaN for none */
    double clipnorm, clipvalue, global_clipnorm; /* NaN for none; at most one of them */
} antler_optimizer_keys;

typedef struct antler_loss_keys {
    const char *name;
    const char *reduction; /* "sum_over_batch_size", "sum", "none" */
} antler_loss_keys;

typedef struct antler_metric_keys {
    const char *name;
} antler_metric_keys;

/* ---- layers ----------------------------------------------------------------------------------------------------- */

/* A layer owns a config and variables. A *call* is one use of it: tensors in and out, buffers, noise. A model is a list
   of calls; what a method below is given is the one call that it is for. */

enum { ANTLER_MAX_OUTPUTS = 8 };         /* of one call */
enum { ANTLER_MANY = 1024 };             /* inputs of a layer that takes any number of them */
enum { ANTLER_MAX_SUMS = 8 };            /* of a metric */
enum { ANTLER_MAX_OPTIMIZER_SLOTS = 8 }; /* state arrays of an optimizer */

/* A position in the random stream of one noise site. Opaque to most layers: see antler/work.h. */
typedef struct antler_noise {
    uint64_t key, step;
    uint64_t row; /* global index of the batch's first sample: the position of element e of a sample is
                     (row + sample) * elements_per_sample + e */
} antler_noise;

/* One bit an element, 64 in a word, the first in the lowest place. */
typedef struct antler_bits {
    antler_shape shape;
    uint64_t *word; /* [elements / 64 + 1] */
} antler_bits;

/* Threads that share the work of a run, and scratch for each. A context has them; so may a program without one. */
typedef struct antler_workers {
    int count;                   /* at least 1: the caller's own thread is worker 0 */
    antler_real *const *scratch; /* [count] room for the products of one worker */
    void (*run)(void *pool, void (*fn)(void *arg, int64_t i, int worker), void *arg, int64_t n);
    void *pool;
} antler_workers;

/* One run of one call; all that changes is here. Tensors have the batch's real size in dim[0]. Arrays are as long as
   is said behind them, or as what was declared; a pointer to an array is never NULL where it is not empty. */
typedef struct antler_run {
    antler_mode mode;
    bool trainable; /* the layer's `trainable` */
    bool noisy;     /* noise is on: ANTLER_TRAIN or ANTLER_MC, in a context that is not silenced */
    int inputs, outputs;
    const antler_tensor *x;  /* [inputs] */
    antler_tensor *y;        /* [outputs]; forward writes them; backward reads x and y only if ANTLER_NEEDS_ says so */
    const antler_tensor *dy; /* [outputs]; backward: gradient of y. Of several, data NULL: nobody reads that output */
    antler_tensor *dx;       /* [inputs]; backward WRITES (=) them; data NULL: that one is not wanted */
    const antler_tensor *mask;  /* [inputs]; (B, T) of 0 and 1; data NULL: no mask */
    antler_tensor *mask_out;    /* [1]; (B, T) of the first output, to be written by forward; data NULL: not wanted */
    const antler_tensor *param; /* [slot] as declared */
    antler_tensor *grad;        /* [slot]; backward WRITES (=) all of each, once; data NULL when frozen */
    antler_tensor *state;       /* [slot]; written only in ANTLER_TRAIN */
    antler_tensor *saved;       /* [slot]; from forward to backward; data NULL outside ANTLER_TRAIN */
    const antler_bits *bits;    /* [slot]; the same, one bit an element */
    antler_tensor *scratch;     /* [slot]; contents undefined at the start of every call */
    antler_tensor *carry;       /* [slot]; kept from run to run by the context (stateful layers) */
    const antler_noise *noise;  /* [slot] */
    const struct antler_epilogue *epilogue; /* the activation that follows; for layers flagged ANTLER_FUSES */
    struct antler_node *child;              /* [slot]; for antler_child_forward and _backward */
    const antler_workers *workers;
    const struct antler_kernels *k; /* the library's own layers use it; others have antler/work.h */
    antler_error *err;
} antler_run;

typedef struct antler_plan antler_plan;
typedef struct antler_activation_ops antler_activation_ops;

/* What becomes of a mask that comes with an input. It is that of the first output; others have none. */
typedef enum antler_mask_rule {
    ANTLER_MASK_END,  /* it does not go on */
    ANTLER_MASK_PASS, /* that of the first input goes on as it came */
    ANTLER_MASK_MAKE, /* forward writes mask_out (B, dim[1] of the output) */
    ANTLER_MASK_ALL,  /* forward writes mask_out if every input has a mask */
    ANTLER_MASK_ANY   /* forward writes mask_out if any input has one */
} antler_mask_rule;

enum {
    ANTLER_SOURCE = 1,   /* takes no input: infer gives the model's input shape (`in` is NULL) */
    ANTLER_VIEW = 2,     /* y is x under another shape: no forward, no backward */
    ANTLER_IN_PLACE = 4, /* y may be any one x of its size, and one dx may be dy, if nobody else needs them */
    ANTLER_NEEDS_X = 8,  /* backward reads x, beside dy and what was saved */
    ANTLER_NEEDS_Y = 16, /* backward reads y */
    ANTLER_FUSES = 32,   /* forward and backward apply the activation themselves, piece by piece: antler_epilogue_ */
    ANTLER_BATCH_STATISTICS = 64 /* in ANTLER_TRAIN a sample's output depends on the rest of the batch */
};

typedef struct antler_layer_ops {
    antler_type type;
    unsigned flags;
    int inputs; /* the most tensors it takes; 0 stands for one */
    antler_mask_rule mask;

    /* optional, overrides `mask` where it depends on the config */
    antler_mask_rule (*mask_rule)(const void *config);
    /* Shapes of the outputs, from those of the inputs: both lists end with a shape of rank 0, and `out` has
       ANTLER_MAX_OUTPUTS zeroed places. dim[0] is the batch: pass it on, do not compute with it. Refuses inputs that do
       not fit. */
    antler_status (*infer)(const void *config, const antler_shape *in, antler_shape *out, antler_error *err);
    /* optional: declares what the layer owns, once: parameters, states, noise sites, children. Their sizes do not
       depend on the batch; in->dim[0] is ANTLER_BATCH. */
    void (*variables)(const void *config, const antler_shape *in, antler_plan *plan);
    /* optional: declares the buffers of a call, for a context of the mode and batch (in->dim[0]) that it is made for.
     */
    void (*buffers)(const void *config, const antler_shape *in, antler_plan *plan);
    antler_status (*forward)(const void *config, antler_run *run);
    antler_status (*backward)(const void *config, antler_run *run);
    /* optional: the activation f of y = f(z), where z is what forward writes to y. The core applies it, gives backward
       the gradient of z in dy, and leaves it out where the loss takes the logits: the layer computes z alone. NULL or
       type NULL: none. Without `forward`, z is x. */
    const antler_object *(*activation)(const void *config);
    /* optional: changes a parameter after its initializer filled it (LSTM's unit_forget_bias) */
    void (*initialize)(const void *config, int slot, antler_tensor *param);
    /* optional: input 0 takes integers in [0, tokens) alone; 0: any numbers */
    int64_t (*tokens)(const void *config);
} antler_layer_ops;

/* ---- what `variables` may call. Failures (overflow, too many) stay in the plan; the core reports them. ---------- */

/* A trained parameter. `name` is Keras's name for it. `fields` names its settings in the config: with "kernel" they are
   kernel_initializer, kernel_regularizer, kernel_constraint; a field that the config has not counts as none, and
   without an initializer the parameter starts at 0. Slots are numbered from 0, without gaps, in the order of Keras's
   weights: one that a setting switches off has none, and those after it move up. */
ANTLER_API void antler_plan_param(antler_plan *plan, int slot, const char *name, const char *fields,
                                  const antler_shape *shape);
/* A variable that is stored but not trained. `fields` as above. Its order in files is after all parameters. */
ANTLER_API void antler_plan_state(antler_plan *plan, int slot, const char *name, const char *fields,
                                  const antler_shape *shape);
/* The group of a weights file that holds the variables declared after this ("cell", "query_dense"); NULL: the layer's
   own. The text must outlive the model. */
ANTLER_API void antler_plan_group(antler_plan *plan, const char *group);
/* A noise site of every call. seed is the config's: ANTLER_NULL for the model's own. */
ANTLER_API void antler_plan_noise(antler_plan *plan, int slot, int64_t seed);
/* A layer inside this one; `name` is its attribute in Keras ("forward_layer"). Its inputs have the shapes `in` (a list
   as infer has it), and its batch is `times` this layer's: the core multiplies batch and places in the noise. */
ANTLER_API void antler_plan_child(antler_plan *plan, int slot, const char *name, antler_object layer,
                                  const antler_shape *in, int64_t times);

/* ---- what `buffers` may call ------------------------------------------------------------------------------------ */

/* Buffers, by shape (a batch axis included). Saved ones and bits exist in ANTLER_TRAIN only. A slot that is left out
   has no data. */
ANTLER_API void antler_plan_saved(antler_plan *plan, int slot, const antler_shape *shape);
ANTLER_API void antler_plan_bits(antler_plan *plan, int slot, const antler_shape *shape);
ANTLER_API void antler_plan_scratch(antler_plan *plan, int slot, const antler_shape *shape);
ANTLER_API void antler_plan_carry(antler_plan *plan, int slot, const antler_shape *shape);
/* The mode of the context. Its workers, at least 1. */
ANTLER_API antler_mode antler_plan_mode(const antler_plan *plan);
ANTLER_API int antler_plan_workers(const antler_plan *plan);

/* ---- what infer, forward and backward may call ------------------------------------------------------------------ */

/* Shapes of the outputs of a layer that is a child, as infer has them. */
ANTLER_API antler_status antler_child_infer(antler_object layer, const antler_shape *in, antler_shape *out,
                                            antler_error *err);
/* The tensors of a child's run, as in antler_run: arrays of its inputs and outputs. mask NULL: none of its inputs has
   one; mask_out NULL, dx NULL: not wanted. */
typedef struct antler_io {
    const antler_tensor *x, *mask;
    antler_tensor *y, *mask_out;
    const antler_tensor *dy;
    antler_tensor *dx;
} antler_io;
/* Runs child `slot`; its variables, buffers and noise are set up by the core. Forward takes x, mask, y, mask_out,
   backward all but mask_out. */
ANTLER_API antler_status antler_child_forward(antler_run *run, int slot, const antler_io *io);
ANTLER_API antler_status antler_child_backward(antler_run *run, int slot, const antler_io *io);

/* The functions of an activation in a config; NULL for none and for the linear one. */
ANTLER_API const antler_activation_ops *antler_activation_of(antler_object activation);

/* For layers flagged ANTLER_FUSES. Rows are of the last axis. forward: z is whole in these rows of y; applies the
   activation to them. backward: gives the gradient of z in these rows, which lies in dy, in a buffer of the core, or,
   if nobody needs it whole (dx is not wanted), in `space`, which has room for the rows. */
ANTLER_API void antler_epilogue_forward(antler_run *run, int64_t first, int64_t rows);
ANTLER_API const antler_real *antler_epilogue_backward(antler_run *run, int64_t first, int64_t rows,
                                                       antler_real *space);
/* The whole gradient of z, once all its rows were made; where dx is wanted. */
ANTLER_API const antler_real *antler_epilogue_dz(const antler_run *run);

/* Calls fn(arg, i, worker) for i = 0 .. n - 1, each once, by the workers; worker < run->workers->count is the number of
   the one that does it. Divide work by outputs, never by the number of workers: n depends on shapes alone. */
static inline void antler_parallel(const antler_run *run, void (*fn)(void *arg, int64_t i, int worker), void *arg,
                                   int64_t n)
{
    run->workers->run(run->workers->pool, fn, arg, n);
}

/* Reports a data-dependent error from forward or backward: fills run->err, returns status. */
ANTLER_API antler_status antler_run_fail(antler_run *run, antler_status status, const char *format, ...)
    ANTLER_PRINTF(3, 4);

/* ---- the other kinds -------------------------------------------------------------------------------------------- */

/* y = f(x). `rows` rows of n; elementwise functions see one row. y may be x, dx may be dy. */
struct antler_activation_ops {
    antler_type type;
    bool needs_x; /* backward needs x, not y alone */
    bool rowwise; /* works on whole rows (softmax); else elementwise */
    int kernel;   /* for the library's own: ANTLER_ACT_..., where the recurrent kernels have a step for it; 0: none */
    void (*forward)(antler_real *y, const antler_real *x, int64_t rows, int64_t n);
    void (*backward)(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x, int64_t rows,
                     int64_t n);
};

/* Fills w with initial values, from the stream (key, position 0 on) of src/kernels/kernels.h. */
typedef struct antler_initializer_ops {
    antler_type type;
    antler_status (*fill)(const void *config, antler_tensor *w, uint64_t key, antler_error *err);
} antler_initializer_ops;

typedef struct antler_regularizer_ops {
    antler_type type;
    double (*penalty)(const void *config, const antler_real *w, int64_t n);
    void (*gradient)(const void *config, antler_real *g, const antler_real *w, int64_t n, double scale); /* g += scale *
                                                                                              d penalty / d w */
} antler_regularizer_ops;

typedef struct antler_constraint_ops {
    antler_type type;
    void (*apply)(const void *config, antler_tensor *w);
} antler_constraint_ops;

typedef struct antler_schedule_ops {
    antler_type type;
    double (*rate)(const void *config, int64_t iteration);
} antler_schedule_ops;

/* A loss over `rows` predictions of n numbers (all axes but the last are rows). */
typedef struct antler_loss_call {
    const antler_real *p; /* (rows, n) predictions, or logits */
    const antler_real *y; /* (rows, n), or (rows, 1) for a loss with sparse targets */
    int64_t rows, n;
    bool logits;          /* p are logits, for the activation that `from` names */
    antler_real *value;   /* (rows) */
    antler_real *dp;      /* (rows, n) gradient of each row's value, or NULL */
    antler_real *scratch; /* (rows, n) */
    antler_real *counts;  /* (rows) of 1, or NULL: a loss sets 0 where a row is no part of the mean (ignore_class) */
    antler_error *err;
} antler_loss_call;

typedef struct antler_loss_ops {
    antler_type type;
    bool sparse;                             /* y holds one class index a row */
    const char *from;                        /* activation whose logits it takes: "softmax", "sigmoid", or NULL. Behind
                                                the one it takes those of the other, too, as Keras on TensorFlow does */
    bool (*from_logits)(const void *config); /* optional: the config says that predictions are logits */
    antler_status (*compute)(const void *config, const antler_loss_call *call); /* labels outside the classes: DATA */
} antler_loss_ops;

/* A metric is a few sums over rows. */
typedef struct antler_metric_call {
    const antler_real *p, *y;  /* (rows, n); y (rows, y_n) */
    const antler_real *logits; /* (rows, n) of a last softmax or sigmoid, where the loss took them; or NULL */
    const antler_real *weight; /* (rows), or NULL */
    int64_t rows, n, y_n;
    antler_real *value;   /* (rows) work space */
    antler_real *scratch; /* (rows, n) work space */
} antler_metric_call;

typedef struct antler_metric_ops {
    antler_type type;
    int sums; /* at most ANTLER_MAX_SUMS */
    void (*update)(const void *config, double *sum, const antler_metric_call *call);
    double (*result)(const void *config, const double *sum);
    bool larger_is_better; /* for EarlyStopping's mode "auto" */
} antler_metric_ops;

/* One optimizer step over a run of consecutive elements; elementwise, so that any cut gives the same bits. */
typedef struct antler_step {
    antler_real *w;
    const antler_real *g;
    antler_real *slot[ANTLER_MAX_OPTIMIZER_SLOTS];
    int64_t n;
    double rate;
    int64_t iteration; /* from 0 */
    const struct antler_kernels *k;
} antler_step;

typedef struct antler_optimizer_ops {
    antler_type type;
    int (*slots)(const void *config); /* state arrays of the parameters' size, which start at 0 */
    bool interleaved;                 /* files hold slots by variable (m0 v0 m1 v1), not by slot (m0 m1 v0 v1) */
    void (*step)(const void *config, const antler_step *step);
} antler_optimizer_ops;

/* What a callback sees at the end of an epoch. */
typedef struct antler_epoch {
    int64_t epoch;           /* from 0 */
    bool start;              /* true for the call before the first epoch: no logs yet */
    const char *const *name; /* [n] "loss", "accuracy", "val_loss" ... */
    const double *value;     /* [n] */
    int n;
    bool stop;    /* set: training ends after this epoch */
    bool keep;    /* set: the core keeps a copy of the weights as they are now */
    bool restore; /* set: the core puts the kept copy back */
    antler_error *err;
    antler_error *warning; /* what the user should know of, by antler_error_set with ANTLER_OK: the core adds it to
                              antler_model_warning, once */
} antler_epoch;

/* state: `numbers` doubles, zeroed at the start, saved with checkpoints. */
typedef struct antler_callback_ops {
    antler_type type;
    int numbers;
    antler_status (*epoch)(const void *config, double *state, antler_epoch *epoch);
    antler_status (*end)(const void *config, double *state, antler_epoch *epoch); /* optional: after the last epoch */
} antler_callback_ops;

#ifdef __cplusplus
}
#endif
#endif
