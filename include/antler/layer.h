/* For those who add a layer. docs/adding-a-layer.md goes through a whole one in five steps. antler/type.h has what the
   tables of all kinds share, antler/parts.h the other kinds, antler/work.h what forward and backward may call. */
#ifndef ANTLER_LAYER_H
#define ANTLER_LAYER_H

#include "antler/parts.h"
#include "antler/type.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A layer owns a config and variables. A *call* is one use of it: tensors in and out, buffers, noise. A model is a list
   of calls; what a method below is given is the one call that it is for. */

enum { ANTLER_MAX_OUTPUTS = 8 }; /* of one call */
enum { ANTLER_KERAS = 315 };     /* the version of Keras whose rules are ours: 3.15 */
enum { ANTLER_MAX_CALL_ARGUMENTS = 8 };
enum { ANTLER_MANY = 1024 }; /* inputs of a layer that takes any number of them */

/* A position in the random stream of one noise site. Opaque to most layers: see antler/work.h. */
typedef struct antler_noise {
    uint64_t key, step; /* of the site; the batch, or the Monte Carlo sample */
    uint64_t row;       /* global index of the batch's first sample: the position of element e of a sample is
                           (row + sample) * elements_per_sample + e */
} antler_noise;

/* One bit an element, 64 in a word, the first in the lowest place. */
typedef struct antler_bits {
    antler_shape shape; /* of the elements */
    uint64_t *word;     /* [elements / 64 + 1] */
} antler_bits;

/* Threads that share the work of a run, and scratch for each. A context has them; so may a program without one. */
typedef struct antler_workers {
    int count;                   /* at least 1: the caller's own thread is worker 0 */
    antler_real *const *scratch; /* [count] room for the products of one worker */
    /* calls fn for i = 0 .. n - 1, each once, and returns when all are done: antler_run_parallel */
    void (*run)(void *pool, void (*fn)(void *arg, int64_t i, int worker), void *arg, int64_t n);
    void *pool; /* handed to `run` */
} antler_workers;

/* One run of one call; all that changes is here. x, y, dy, dx and mask have the batch's real size in dim[0]; buffers
   have that of the largest batch, which they were declared for. Arrays are as long as is said behind them, or as what
   was declared; a pointer to an array is never NULL where it is not empty. */
typedef struct antler_run {
    antler_mode mode; /* of the run */
    bool trainable;   /* the layer's `trainable` */
    bool noisy;       /* noise is on: ANTLER_TRAIN or ANTLER_MC, in a context that is not silenced */
    int keras;        /* whose rules hold where versions differ, 100 * major + minor: ANTLER_KERAS, or an old file's */
    int inputs, outputs;     /* lengths of the lists of tensors */
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
    const antler_workers *workers;          /* for antler_run_parallel */
    const struct antler_kernels *k;         /* the library's own layers use it; others have antler/work.h */
    antler_error *err;                      /* where to tell what is wrong; may be NULL */
} antler_run;

/* Opaque: where `variables` and `buffers` declare what a layer needs. */
typedef struct antler_plan antler_plan;

/* What becomes of a mask that comes with an input. It is that of the first output; others have none, except with
   ANTLER_MASK_BOTH. */
typedef enum antler_mask_rule {
    ANTLER_MASK_END,  /* it does not go on */
    ANTLER_MASK_PASS, /* that of the first input goes on as it came */
    ANTLER_MASK_BOTH, /* the same, with the first two outputs */
    ANTLER_MASK_MAKE, /* forward writes mask_out (B, dim[1] of the output) */
    ANTLER_MASK_ALL,  /* forward writes mask_out if every input has a mask; in a file of Keras 2, as ANY */
    ANTLER_MASK_ANY   /* forward writes mask_out if any input has one */
} antler_mask_rule;

enum {
    ANTLER_SOURCE = 1,   /* takes no input: infer gives the model's input shape (`in` is NULL) */
    ANTLER_VIEW = 2,     /* y is x under another shape: no forward, no backward */
    ANTLER_IN_PLACE = 4, /* y may be any one x of its size, and one dx may be dy, if nobody else needs them */
    ANTLER_NEEDS_X = 8,  /* backward reads x, beside dy and what was saved */
    ANTLER_NEEDS_Y = 16, /* backward reads y */
    ANTLER_FUSES = 32,   /* forward and backward apply the activation themselves, piece by piece: antler_epilogue_ */
    ANTLER_BATCH_STATISTICS = 64, /* in ANTLER_TRAIN a sample's output depends on the rest of the batch */
    ANTLER_MOVES_PARAMS = 256,    /* forward in ANTLER_TRAIN changes a param, see antler_plan_shared: another pass is
                                     another function */
    ANTLER_PASSES = 128 /* without noise and activation y is x: in Keras the same tensor, so that a loss finds the
                           logits of a softmax before it */
};

/* What `adapt` learns from. */
typedef struct antler_adaptation {
    antler_tensor x;      /* its first input, of all samples; may be changed */
    antler_tensor *state; /* [slot] as declared */
    antler_error *err;    /* where to tell what is wrong; may be NULL */
    antler_real *space;   /* the core's: antler_adaptation_space */
} antler_adaptation;

/* The table of a layer's type. config is the struct that its fields fill. */
typedef struct antler_layer_ops {
    antler_type type;      /* the head that all tables have */
    unsigned flags;        /* ANTLER_SOURCE ... */
    int inputs;            /* the most tensors it takes; 0 stands for one */
    antler_mask_rule mask; /* what becomes of a mask */

    /* optional, overrides `mask` where it depends on the config */
    antler_mask_rule (*mask_rule)(const void *config);
    /* Shapes of the outputs, from those of the inputs: both lists end with a shape of rank 0, and `out` has
       ANTLER_MAX_OUTPUTS zeroed places. dim[0] is the batch: pass it on, do not compute with it. Refuses inputs that do
       not fit. */
    antler_status (*infer)(const void *config, const antler_shape *in, antler_shape *out, antler_error *err);
    /* optional: declares what the layer owns, once: parameters, states, noise sites, children. Their sizes do not
       depend on the batch; in->dim[0] is ANTLER_BATCH. */
    void (*variables)(const void *config, const antler_shape *in, antler_plan *plan);
    /* optional: declares the buffers of a call, for a context of one mode and the batch in->dim[0]. */
    void (*buffers)(const void *config, const antler_shape *in, antler_plan *plan);
    antler_status (*forward)(const void *config, antler_run *run);  /* writes y from x */
    antler_status (*backward)(const void *config, antler_run *run); /* writes dx and grad from dy */
    /* optional: the activation f of y = f(z), where z is what forward writes to y. The core applies it, gives backward
       the gradient of z in dy, and leaves it out where the loss takes the logits: the layer computes z alone. NULL or
       type NULL: none. Without `forward`, z is x. */
    const antler_object *(*activation)(const void *config);
    /* optional: changes a parameter after its initializer filled it (LSTM's unit_forget_bias) */
    void (*initialize)(const void *config, int slot, antler_tensor *param);
    /* optional: input 0 takes integers in [0, tokens) alone; 0: any numbers */
    int64_t (*tokens)(const void *config);
    /* optional: names of the tensors of Keras's call(), ended by NULL, in the order of the inputs; the last may be a
       list of several: {"sequences", "initial_state", NULL}. "key=value": if key is left out and the next is not,
       value's tensor is taken for it, too. NULL: one tensor, or one list of tensors. */
    const char *const *arguments;
    /* optional: the key of the config where Keras lets a model stand in a layer's place. The core then lays the model
       out on a batch of all steps (axis 1) of all samples; the layer is not asked. */
    const char *model_on_steps;
    /* optional: changes a state after its initializer filled it */
    void (*initialize_state)(const void *config, int slot, antler_tensor *state);
    /* optional: learns of its inputs before training, for antler_adapt: writes states, or the config, if `adapts` says
       that there is something to learn. The output keeps its shape. */
    bool (*adapts)(const void *config);
    antler_status (*adapt)(void *config, antler_adaptation *adaptation); /* learns of adaptation->x */
    /* optional: the name of Keras's class where it is not class_name; names and groups of files are made of it */
    const char *python_name;
    /* optional: where the last of `arguments` is a list of lists in Keras ([[h, c], [h]]), the size of its i-th; 0 past
       them, and for a plain list */
    int (*list_size)(const void *config, int i);
    /* optional: whether, where it gives the model's output, `adapt` is to learn of the targets: what it gives is to be
       like them */
    bool (*of_targets)(const void *config);
} antler_layer_ops;

/* A function of TensorFlow that is an operator's like, as tf-keras names it in files ("math.reduce_mean"). */
typedef struct antler_spelling {
    const char *function; /* NULL ends a list */
    const char *takes;    /* its arguments in their order, with our names where those differ: "input_tensor=x axis" */
} antler_spelling;

/* An operator of a Functional: `a + b`, ops.mean(x, axis=1). A layer without variables, of kind ANTLER_KIND_OPERATION,
   that stands in files alone. Every argument of its call is among `arguments`; one that is no tensor (the 1.5 of
   x + 1.5) is given in a field of the config by that name: a REAL, NaN where it is a tensor; or a STRING for an index,
   as Python spells it (":, 1:3"). Such fields are flagged ANTLER_UNSAVED: they are written with the call. */
typedef struct antler_operation_ops {
    antler_layer_ops layer;          /* the head: its methods as a layer */
    const char *module;              /* of Keras: "keras.src.ops.numpy" */
    const antler_spelling *spelling; /* NULL: none */
} antler_operation_ops;

/* How the loop around a cell runs: RNN's keys. */
typedef struct antler_loop {
    bool return_sequences, return_state, go_backwards, stateful, zero_output_for_mask; /* see layers/rnn.h */
} antler_loop;

/* A cell of an RNN, of kind ANTLER_KIND_CELL: a recurrent layer, whose config does not have the loop's keys. It takes a
   whole sequence, then, if they are given, its first states; it gives what the loop asks for, then its last states. */
typedef struct antler_cell_ops {
    antler_layer_ops layer;                              /* the head: its methods as a layer */
    void (*loop)(void *config, const antler_loop *loop); /* called by the RNN's `check`, perhaps more than once */
    int (*states)(const void *config);                   /* how many tensors its state has */
} antler_cell_ops;

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
/* How many inputs of a unit the params declared after this have, for initializers that scale by them; the outputs are
   what is left of the elements. 0: as the shape says, of which the last axis but one is the inputs. */
ANTLER_API void antler_plan_fan_in(antler_plan *plan, int64_t inputs);
/* A noise site of every call. seed is the config's: ANTLER_NULL for the model's own. */
ANTLER_API void antler_plan_noise(antler_plan *plan, int slot, int64_t seed);
/* A layer inside this one; `name` is its attribute in Keras ("forward_layer"); with a slash at its end, that of a list
   ("cells/"), to which the core adds the class, numbered ("cells/lstm_cell_1"). Its inputs have the shapes `in` (a list
   as infer has it), and its batch is `times` this layer's: the core multiplies batch and places in the noise. */
ANTLER_API void antler_plan_child(antler_plan *plan, int slot, const char *name, antler_object layer,
                                  const antler_shape *in, int64_t times);

/* Param `name` of a child, in the child's own group, as one of this layer's, too: both have the one variable, and
   weights files hold it with both. The child's backward writes its gradient. Writes its shape; false where the child
   has none by that name, which is a failure. A layer writes to a param nowhere but to such a one, in forward in
   ANTLER_TRAIN. */
ANTLER_API bool antler_plan_shared(antler_plan *plan, int slot, int child, const char *name, antler_shape *shape);

/* ---- what `buffers` may call ------------------------------------------------------------------------------------ */

/* Buffers, by shape (a batch axis included). Saved ones and bits exist in ANTLER_TRAIN only. A slot that is left out
   below the highest that is declared has no data; above it there is none to look at. */
ANTLER_API void antler_plan_saved(antler_plan *plan, int slot, const antler_shape *shape);
ANTLER_API void antler_plan_bits(antler_plan *plan, int slot, const antler_shape *shape);
ANTLER_API void antler_plan_scratch(antler_plan *plan, int slot, const antler_shape *shape);
ANTLER_API void antler_plan_carry(antler_plan *plan, int slot, const antler_shape *shape);
/* The shape of a param. */
ANTLER_API const antler_shape *antler_plan_param_shape(const antler_plan *plan, int slot);
/* The mode of the context. Its workers, at least 1. (In `variables`: ANTLER_TRAIN, and 1.) */
ANTLER_API antler_mode antler_plan_mode(const antler_plan *plan);
ANTLER_API int antler_plan_workers(const antler_plan *plan);

/* ---- what infer, forward and backward may call ------------------------------------------------------------------ */

/* Shapes of the outputs of a layer that is a child, as infer has them. */
ANTLER_API antler_status antler_child_infer(antler_object layer, const antler_shape *in, antler_shape *out,
                                            antler_error *err);
/* The tensors of a child's run, as in antler_run: arrays of its inputs and outputs. mask NULL: none of its inputs has
   one; mask_out NULL, dx NULL: not wanted. */
typedef struct antler_io {
    const antler_tensor *x, *mask; /* [inputs] */
    antler_tensor *y, *mask_out;   /* [outputs], [1] */
    const antler_tensor *dy;       /* [outputs] */
    antler_tensor *dx;             /* [inputs] */
} antler_io;
/* Runs child `slot`; its variables, buffers and noise are set up by the core. Forward takes x, mask, y, mask_out,
   backward all but mask_out. */
ANTLER_API antler_status antler_child_forward(antler_run *run, int slot, const antler_io *io);
ANTLER_API antler_status antler_child_backward(antler_run *run, int slot, const antler_io *io);

/* Room for n numbers until `adapt` returns, to be asked for once; NULL without memory, of which *err tells. */
ANTLER_API antler_real *antler_adaptation_space(antler_adaptation *adaptation, int64_t n);

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
static inline void antler_run_parallel(const antler_run *run, void (*fn)(void *arg, int64_t i, int worker), void *arg,
                                       int64_t n)
{
    run->workers->run(run->workers->pool, fn, arg, n);
}

/* Whether a layer keeps the contract, tried on its samples: JSON, inference that is repeatable and the same in any
   batch, gradients that are written whole, right (see antler_gradcheck) and the same for
   any number of threads, without its input's gradient, frozen, and beside layers that share memory with it. Registers a
   layer that is not yet. ANTLER_VALUE: it does not, *err says what is wrong with which sample. Nothing else may run in
   the meantime. */
ANTLER_API antler_status antler_check_layer(const antler_layer_ops *ops, antler_error *err);

/* Reports a data-dependent error from forward or backward: fills run->err, returns status. */
ANTLER_API antler_status antler_run_fail(antler_run *run, antler_status status, const char *format, ...)
    ANTLER_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif
#endif
