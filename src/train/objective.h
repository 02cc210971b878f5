/* The compiled loss and metrics. */
#ifndef ANTLER_OBJECTIVE_H
#define ANTLER_OBJECTIVE_H

#include "model/context_create.h"
#include "model/run.h"

/* How values become one number; by none, their mean is logged. */
typedef enum antler_reduction {
    ANTLER_REDUCE_NONE,
    ANTLER_REDUCE_SUM,
    ANTLER_REDUCE_MEAN,
    ANTLER_REDUCE_WEIGHTED_MEAN /* divided by the sum of the weights, not by their number */
} antler_reduction;

/* The compiled loss and metrics of one output. */
typedef struct antler_goal {
    const antler_target *target; /* of the settings */
    antler_shape output;         /* that it is of; dim[0] is the model's */
    const antler_loss_ops *loss;
    antler_loss_scope scope;
    antler_reduction reduction;
    bool leaves_out;                  /* the loss may leave values out of the mean */
    int64_t inner, width;             /* rows a sample, and the last axis */
    int64_t y_width;                  /* numbers of a target for one row: width, or 1 for classes */
    int64_t y_numbers;                /* and for a sample */
    int64_t w_numbers;                /* sample weights of a sample: 0 for none, 1, or one for each of some steps */
    const antler_real *w;             /* (samples, w_numbers) of the next pass */
    double value;                     /* the loss of the last pass, unweighted */
    double loss_sum;                  /* of all passes since the last reset, each times its samples */
    double *sum[ANTLER_MOST_METRICS]; /* of the metrics, since then; one allocation, the first one's */
    int64_t sums;                     /* of all metrics */
    antler_real *losses, *weight, *counts, *scratch; /* (rows), (rows), (rows), (rows, width); one allocation */
} antler_goal;

static inline const antler_metric_ops *antler__goal_metric(const antler_goal *goal, int64_t index)
{
    return (const antler_metric_ops *)goal->target->metric[index].type;
}

/* Those of a model. */
typedef struct antler_objective {
    antler_compile_settings *compile; /* a share: the model may be compiled anew meanwhile */
    double loss_sum, samples;         /* of the whole loss */
    int64_t goals;
    antler_goal goal[]; /* [goals], of the outputs that have a loss, in their order */
} antler_objective;

/* For a context of a model that has a loss; NULL and *err on failure. */
antler_objective *antler__objective_create(const antler_context *context, antler_error *err);
void antler__objective_free(antler_objective *objective); /* NULL too */

/* A context with the model's objective (in ANTLER_TRAIN, or with ANTLER_WITH_OBJECTIVE). For antler_context_free.
   in: as of antler__context_create. */
antler_context *antler__training_context(const antler_model *model, antler_model *writable, antler_mode mode,
                                         int64_t batch, int threads, unsigned flags, const antler_shape *in,
                                         antler_error *err);
/* The same on a pool that contexts share which never run at a time: one share of it becomes the context's, also on
   failure; NULL (a pool that could not be made) gives NULL. */
antler_context *antler__training_context_on(const antler_model *model, antler_model *writable, antler_mode mode,
                                            int64_t batch, antler_pool *pool, unsigned flags, const antler_shape *in,
                                            antler_error *err);

/* Targets that are y_shape fit the output of a goal: sets y_width. */
antler_status antler__goal_targets(antler_goal *goal, const antler_model *model, const antler_shape *y_shape,
                                   antler_error *err);
/* There are w_numbers weights a sample of a goal; that fits it. */
antler_status antler__goal_weights(antler_goal *goal, const antler_model *model, int64_t w_numbers, antler_error *err);
/* Sample weights of the next passes over n samples: those of each goal after another; NULL: none. */
void antler__objective_weigh(antler_objective *objective, const antler_real *w, int64_t n);
void antler__objective_reset(antler_objective *objective);
/* The running sums, one after the other, out of it or back: so many numbers. */
int64_t antler__objective_sums(const antler_objective *objective);
void antler__objective_copy_sums(antler_objective *objective, double *sums, bool out);
/* Loss of the last forward pass against y (of several goals: one after the other), penalties included; with `gradient`
   into the outputs' ends, as the gradient of the logits where the loss takes them. */
antler_status antler__objective_loss(antler_context *context, const antler_real *y, bool gradient, double *loss,
                                     antler_error *err);
/* antler_backward, with the pass added to the metrics and the running loss. */
antler_status antler__backward_tracked(antler_context *context, const antler_real *y, antler_error *err);
/* Adds the last pass to the metrics and the running loss. */
void antler__objective_track(antler_context *context, const antler_real *y, double loss);
/* Appends "loss", the losses where there are several, and the metrics; or "val_loss" and so on. */
void antler__objective_logs(const antler_objective *objective, bool validation, antler_logs *logs);

/* Sum of all penalties on weights, and their gradients added to the context's. */
/* Leaves to the context the weights that an update changes; those that no loss reaches are passed over. */
/* `multipliers`: of the rate, by names of layers; NULL for none. May be called again. */
antler_status antler__spans_make(antler_context *context, const antler_by_output *multipliers, antler_error *err);
/* At the end of a fit: running means of the weights, if the optimizer keeps them, become the weights. */
void antler__update_finish(antler_model *model);
double antler__penalties(const antler_model *model);
void antler__penalty_gradients(antler_context *context);

#endif
