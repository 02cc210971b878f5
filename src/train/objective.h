/* The compiled loss and metrics. */
#ifndef ANTLER_OBJECTIVE_H
#define ANTLER_OBJECTIVE_H

#include "model/context_create.h"
#include "model/run.h"

/* The compiled loss and metrics over one shape of output. */
typedef struct antler_objective {
    const antler_loss_ops *loss; /* NULL: none */
    antler_object loss_object;
    bool is_mean, is_sum;             /* its reduction; neither: one value a row, of which the mean is logged */
    int64_t inner, width;             /* rows a sample, and the last axis */
    int64_t y_width;                  /* numbers of a target for one row: width, or 1 for classes */
    antler_compile_settings *compile; /* a share: the model may be compiled anew meanwhile */
    double sum[ANTLER_MAX_METRICS][ANTLER_MAX_SUMS]; /* of the metrics, since the last reset */
    double loss_sum, loss_weight;
    antler_real *value, *weight, *counts, *scratch; /* (rows), (rows), (rows), (rows, width); one allocation */
} antler_objective;

/* A context with the model's objective (in ANTLER_TRAIN, or with ANTLER_WITH_OBJECTIVE). For antler_context_free. */
antler_context *antler__training_context(const antler_model *model, antler_model *writable, antler_mode mode,
                                         int64_t batch, int threads, unsigned flags, antler_error *err);
/* The same on a pool that contexts share which never run at a time: one share of it becomes the context's, also on
   failure; NULL (a pool that could not be made) gives NULL. */
antler_context *antler__training_context_on(const antler_model *model, antler_model *writable, antler_mode mode,
                                            int64_t batch, antler_pool *pool, unsigned flags, antler_error *err);

/* Targets that are y_shape fit the output: sets y_width. */
antler_status antler__objective_targets(antler_objective *objective, const antler_model *model,
                                        const antler_shape *y_shape, antler_error *err);
void antler__objective_reset(antler_objective *objective);
/* Loss of the last forward pass against y, penalties included; with `gradient` into the last dy, which becomes that of
   the logits where the loss takes them. */
antler_status antler__objective_loss(antler_context *context, const antler_real *y, bool gradient, double *loss,
                                     antler_error *err);
/* antler_backward, with the pass added to the metrics and the running loss. */
antler_status antler__backward_tracked(antler_context *context, const antler_real *y, antler_error *err);
/* Adds the last pass to the metrics and the running loss. */
void antler__objective_track(antler_context *context, const antler_real *y, double loss);
/* Appends "loss" and the metrics, or "val_loss" and so on. */
void antler__objective_logs(const antler_objective *objective, bool validation, antler_logs *logs);

/* Sum of all penalties on weights, and their gradients added to the context's. */
double antler__penalties(const antler_model *model);
void antler__penalty_gradients(antler_context *context);

#endif
