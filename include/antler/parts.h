/* For those who add an activation, initializer, regularizer, constraint, schedule, loss, metric, optimizer or callback:
   the tables of these kinds. antler/type.h has what all tables share; antler/work.h the mathematics that gives the same
   bits everywhere. */
#ifndef ANTLER_PARTS_H
#define ANTLER_PARTS_H

#include "antler/type.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Keys that every optimizer, loss and metric has; the first member of its config struct. */
typedef struct antler_optimizer_keys {
    const char *name;                            /* of the optimizer, as Keras has it */
    antler_object learning_rate;                 /* a SCHEDULE; a number is a constant one */
    double weight_decay;                         /* NaN for none */
    double clipnorm, clipvalue, global_clipnorm; /* NaN for none; at most one of them */
    bool use_ema;                                /* keeps running means of the weights */
    double ema_momentum;                         /* 0.99; how long they remember */
    int64_t ema_overwrite_frequency;             /* updates after which they become the weights; ANTLER_NULL: at the
                                                    end of a fit alone */
    double loss_scale_factor;                    /* NaN for none; changes nothing: there is no half precision here */
    int64_t gradient_accumulation_steps;         /* batches of one update, 2 or more; ANTLER_NULL for one */
} antler_optimizer_keys;

/* Keys of every loss. */
typedef struct antler_loss_keys {
    const char *name;      /* of the loss, as Keras has it */
    const char *reduction; /* "sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none" */
} antler_loss_keys;

/* Keys of every metric. */
typedef struct antler_metric_keys {
    const char *name; /* what logs call it */
} antler_metric_keys;

enum { ANTLER_MAX_SUMS = 8 };            /* of a metric that has a fixed number of them */
enum { ANTLER_MAX_OPTIMIZER_SLOTS = 8 }; /* state arrays of an optimizer */

/* y = f(x). `rows` rows of n; elementwise functions see one row. y may be x, dx may be dy. */
typedef struct antler_activation_ops {
    antler_type type; /* the head that all tables have */
    bool needs_x;     /* backward needs x, not y alone */
    bool rowwise;     /* works on whole rows (softmax); else elementwise */
    int kernel; /* for the library's own: ANTLER_ACT_..., where the recurrent kernels have a step for it; 0: none */
    void (*forward)(antler_real *y, const antler_real *x, int64_t rows, int64_t n); /* y = f(x), (rows, n) */
    /* dx = dy * f'(x); reads x only with needs_x */
    void (*backward)(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x, int64_t rows,
                     int64_t n);
    const char *keras; /* how a file of Keras 3, which has no name for it, says it: JSON, which is read back, too; NULL:
                          by its name */
} antler_activation_ops;

/* Fills w with initial values, from the stream {key, 0, 0} of antler/random.h. */
typedef struct antler_initializer_ops {
    antler_type type; /* the head that all tables have */
    /* writes all of w */
    antler_status (*fill)(const void *config, antler_tensor *w, uint64_t key, antler_error *err);
    bool fans; /* w's shape is asked for the fans alone: where a layer says them, it is a matrix (inputs, outputs) */
} antler_initializer_ops;

/* A penalty on a variable or an output, added to the loss. */
typedef struct antler_regularizer_ops {
    antler_type type;                                              /* the head that all tables have */
    double (*penalty)(const void *config, const antler_tensor *w); /* the penalty itself */
    /* g += scale * d penalty / d w */
    void (*gradient)(const void *config, antler_real *g, const antler_tensor *w, double scale);
    int rank; /* axes that w has to have; 0: any number */
} antler_regularizer_ops;

/* What a variable is made to keep to after each update. */
typedef struct antler_constraint_ops {
    antler_type type;                                    /* the head that all tables have */
    void (*apply)(const void *config, antler_tensor *w); /* changes w in its place */
} antler_constraint_ops;

/* A learning rate that depends on the number of updates done. */
typedef struct antler_schedule_ops {
    antler_type type;                                      /* the head that all tables have */
    double (*rate)(const void *config, int64_t iteration); /* iteration: from 0 */
} antler_schedule_ops;

/* What a loss has values of: of each row, of each sample (which may be several rows), or one of the whole batch. */
typedef enum antler_loss_scope { ANTLER_LOSS_OF_ROWS, ANTLER_LOSS_OF_SAMPLES, ANTLER_LOSS_OF_BATCH } antler_loss_scope;

/* A loss over `rows` predictions of n numbers (all axes but the last are rows). */
typedef struct antler_loss_call {
    const antler_real *p;      /* (rows, n) predictions, or logits */
    const antler_real *y;      /* (rows, n); (rows, 1) for a loss with sparse targets; (samples, y_n) for a loose one */
    int64_t rows, n;           /* of p */
    bool logits;               /* p are logits, for the activation that `from` names */
    antler_real *value;        /* (rows), or (samples), or (1) */
    antler_real *dp;           /* (rows, n) gradient of each row's value, or NULL */
    antler_real *scratch;      /* (rows, n) */
    antler_real *counts;       /* as value, of 1, or NULL: a loss that leaves values out of the mean sets 0 */
    int64_t samples, y_n;      /* for a loss of another scope than rows, or with loose targets */
    int rank;                  /* of the output, the batch axis included */
    const antler_real *factor; /* as value, of such a loss with dp: what each value counts for; dp is the
                                  gradient of the sum of factor * value */
    antler_error *err;         /* where to tell what is wrong; may be NULL */
    const int64_t *row;        /* (samples) which rows of the data they are, for errors; NULL: that is not known */
} antler_loss_call;

/* The table of a loss's type. */
typedef struct antler_loss_ops {
    antler_type type;                        /* the head that all tables have */
    bool sparse;                             /* y holds one class index a row */
    const char *from;                        /* activation whose logits it takes: "softmax", "sigmoid", or NULL. Behind
                                                the one it takes those of the other, too, as Keras on TensorFlow does */
    bool (*from_logits)(const void *config); /* optional: the config says that predictions are logits */
    bool (*from_output)(const void *config); /* optional: the config wants the output itself in any case */
    antler_status (*compute)(const void *config, const antler_loss_call *call); /* labels outside the classes: DATA */
    antler_loss_scope (*scope)(const void *config); /* optional: ANTLER_LOSS_OF_ROWS without. A loss of another scope is
                                                       called twice, for its values and then for its gradient */
    bool loose; /* sparse: y holds any one integer a row; else any number of integers a sample */
    bool (*leaves_out)(const void *config); /* optional: it may set counts; without, it never does */
    bool either;                            /* y holds one class index a row, or as many numbers as the output */
    bool probabilities;                     /* predictions are, and targets that are no classes: others are warned of */
} antler_loss_ops;

struct antler_metric_ops;

/* A metric is a few sums over rows. */
typedef struct antler_metric_call {
    const antler_real *p, *y;            /* (rows, n); y (rows, y_n) */
    const antler_real *logits;           /* (rows, n) of a last softmax or sigmoid, where the loss took them; or NULL */
    const antler_real *weight;           /* (rows), or NULL */
    int64_t rows, n, y_n;                /* sizes of p and y */
    antler_real *value;                  /* (rows) work space */
    antler_real *scratch;                /* (rows, n) work space */
    antler_real *counts;                 /* (rows) work space, or NULL */
    const struct antler_metric_ops *ops; /* the metric's own table, where one function serves several */
} antler_metric_call;

/* The table of a metric's type. */
typedef struct antler_metric_ops {
    antler_type type;                                                                /* the head that all tables have */
    int sums;                                                                        /* at most ANTLER_MAX_SUMS */
    void (*update)(const void *config, double *sum, const antler_metric_call *call); /* adds these rows to sum */
    /* The index-th of its values. n: the last axis of the output. */
    double (*result)(const void *config, const double *sum, int64_t n, int64_t index);
    bool larger_is_better;                            /* for EarlyStopping's mode "auto" */
    int64_t (*room)(const void *config, int64_t n);   /* optional: how many sums it has, in place of `sums` */
    int64_t (*values)(const void *config, int64_t n); /* optional: how many values it has; 1 without */
    bool all_rows;                                    /* rows under a mask count, too */
    const antler_loss_ops *loss;                      /* optional: what it is the mean of, for `update` */
    double (*row)(const void *config, const antler_real *p, const antler_real *y, int64_t n,
                  int64_t y_n); /* the same */
    /* optional: whether it can measure an output of n with targets of y_n a row */
    antler_status (*fits)(const void *config, int64_t n, int64_t y_n, antler_error *err);
} antler_metric_ops;

struct antler_variable; /* antler.h */

/* A step of an optimizer: over a run of consecutive elements, which any cut must give the same bits; or, for one that
   is `whole`, over one variable. */
typedef struct antler_step {
    antler_real *w;                                /* [n] weights, to be changed */
    const antler_real *g;                          /* [n] their gradients */
    antler_real *slot[ANTLER_MAX_OPTIMIZER_SLOTS]; /* [n] state, as `slots` declared it */
    int64_t n;                                     /* elements */
    double rate;                                   /* the learning rate of this step */
    int64_t iteration;                             /* from 0 */
    const struct antler_kernels *k;                /* for the library's own */
    /* of a `whole` one: */
    const struct antler_variable *variable;
    antler_real *room;      /* as much as `room` asked for */
    struct antler_run *run; /* for antler_run_product, antler_run_ranges and the like */
} antler_step;

/* One array of an optimizer's state. */
typedef struct antler_slot {
    int order;    /* in files: arrays of the lowest order first; those of one order by variable (m0 v0 m1 v1) */
    double start; /* what all of it starts at */
    bool shared;  /* one number, for all variables together */
    bool weights; /* it starts at the weights; `start` does not count */
} antler_slot;

/* What a slot is to one variable. */
typedef enum antler_slot_use {
    ANTLER_SLOT_ARRAY, /* an array of *shape, which has no more elements than the variable */
    ANTLER_SLOT_DUMMY, /* nothing; files hold a 0 in its place */
    ANTLER_SLOT_NONE   /* nothing */
} antler_slot_use;

/* The table of an optimizer's type. */
typedef struct antler_optimizer_ops {
    antler_type type;                 /* the head that all tables have */
    int (*slots)(const void *config); /* state arrays; by default of the variables' shapes, starting at 0 */
    bool interleaved;                 /* files hold slots by variable (m0 v0 m1 v1), not by slot (m0 m1 v0 v1) */
    void (*step)(const void *config, const antler_step *step); /* one update */
    /* optional: changes what *slot says of the index-th (order: 0 if interleaved, else index) */
    void (*slot)(const void *config, int index, antler_slot *slot);
    /* optional: changes *shape, the variable's */
    antler_slot_use (*use)(const void *config, int index, const struct antler_variable *variable, antler_shape *shape);
    /* optional: before the variables' steps, on one thread; of `slot` it may use shared ones */
    void (*begin)(const void *config, const antler_step *step);
    bool whole; /* its step takes a variable at a time, on the caller's thread, and shares the work out itself */
    int64_t (*room)(const void *config, const antler_shape *shape); /* optional, whole: numbers of room for a step */
    /* optional: weight decay of a variable, NaN for none; NULL: weight_decay for all */
    double (*decay)(const void *config, const struct antler_variable *variable);
    bool always_interleaved; /* in files of Keras before 2.11, too, which have slot after slot of all others */
} antler_optimizer_ops;

/* What a callback sees; what it sets is done when its hook returns. */
typedef struct antler_moment {
    struct antler_model *model; /* being trained: its weights may be read and changed, and it may be saved */
    int64_t epoch, epochs;      /* the running epoch, or the one that has just ended, from 0; where the last one ends */
    int64_t batch, batches;     /* of this epoch; batch: the one that has just ended, from 0 */
    const char *const *name;    /* [n] "loss", "accuracy", "val_loss" ... */
    const double *value;        /* [n] of the epoch; after a batch, the running means; at the start, NaN */
    int n;                      /* how many names and values */
    double rate;                /* the learning rate; NaN: a schedule decides. Set: that of the steps from now on */
    bool log_rate;              /* set: the rate is among the logs of this epoch, as "learning_rate" */
    bool stop;                  /* set: training ends after this epoch */
    bool keep;                  /* set: the core keeps a copy of the weights as they are now */
    bool restore;               /* set: the core puts the kept copy back */
    bool terminate_on_nan;      /* at the start; set: a loss that is no finite number ends the training with an error */
    bool foreign; /* the callback's config comes from a model's file, whoever wrote that: paths in it stay below the
                     current directory */
    antler_error *err;     /* where to tell what is wrong; may be NULL */
    antler_error *warning; /* what the user should know of, by antler_error_set with ANTLER_OK: the core adds it to
                              antler_model_warning, once */
} antler_moment;

/* Hooks may be NULL; those of several callbacks are called in the order of "callbacks". What a callback has to remember
   from one call to the next is in `state`: `numbers` doubles, zeroed at the start and saved with checkpoints, so that a
   resumed training goes on with the same. */
typedef antler_status antler_callback_hook(const void *config, double *state, antler_moment *moment);
/* The table of a callback's type. */
typedef struct antler_callback_ops {
    antler_type type;                    /* the head that all tables have */
    int numbers;                         /* of `state` */
    antler_callback_hook *start;         /* before the first step: refuses what cannot work; a checkpoint's state comes
                                            after it */
    antler_callback_hook *epoch_begin;   /* also of an epoch that goes on in its midst */
    antler_callback_hook *batch;         /* after each step */
    antler_callback_hook *epoch;         /* after each epoch */
    antler_callback_hook *end;           /* after the last epoch */
    bool (*keeps)(const void *config);   /* it may set `keep`, so that the copy has its room before the first step */
    bool (*batches)(const void *config); /* whether it needs `batch`, for the running means cost time; NULL: it does */
} antler_callback_ops;

#ifdef __cplusplus
}
#endif
#endif
