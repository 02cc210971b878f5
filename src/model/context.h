/* A context: what changes in a run. Private to the library. */
#ifndef ANTLER_CONTEXT_H
#define ANTLER_CONTEXT_H

#include "core/parallel.h"
#include "model/plan.h"
#include "model/run.h"

/* The compiled loss and metrics over one shape of output. */
typedef struct antler_objective {
    const antler_loss_ops *loss; /* NULL: none */
    antler_object loss_object;
    const char *reduction;
    bool logits;          /* predictions are logits for the loss: of the last layer, or by the loss's config */
    int64_t inner, width; /* rows a sample, and the last axis */
    int64_t y_width;      /* numbers of a target for one row: width, or 1 for classes */
    int metrics;
    antler_object metric[ANTLER_MAX_METRICS]; /* borrowed from the model */
    antler_object accuracy;                   /* what the name "accuracy" means for these shapes; own */
    const char *metric_name[ANTLER_MAX_METRICS];
    double sum[ANTLER_MAX_METRICS][ANTLER_MAX_SLOTS]; /* of the metrics, since the last reset */
    double loss_sum, loss_weight;
    antler_real *value, *weight, *counts, *scratch; /* (rows), (rows), (rows), (rows, width); one allocation */
} antler_objective;

struct antler_context {
    const antler_model *model;
    antler_model *trained; /* the model, for ANTLER_TRAIN; else NULL */
    antler_mode mode;
    unsigned flags;
    int64_t batch, n; /* the largest batch, and the last one's size */
    int64_t layers;
    antler_pool *pool;
    antler_arena arena;
    antler_node *node;            /* [layers]; the source's is empty */
    antler_tensor *y, *dy, *mask; /* [layers]: output, its gradient, the mask that goes on from the layer (data NULL) */
    int64_t *y_buffer, *dy_buffer, *mask_buffer; /* [layers]; y: -1 is the caller's input; mask: -1 none or passed on */
    bool *runs_backward;                         /* [layers] */
    antler_tensor logits;
    int64_t logits_buffer;
    antler_real *gradients;      /* [model->trained], for ANTLER_TRAIN */
    antler_real **worker;        /* [threads] product_scratch numbers each */
    antler_objective *objective; /* NULL: no loss, or not wanted */
    int64_t step, row;
    int64_t *rows; /* [batch] row numbers, for evaluation */
    bool ran_forward;
    antler_real *noise_view; /* the mask that was read last, as numbers, for antler_read */
};

enum {
    ANTLER_WITH_OBJECTIVE = 1 << 16 /* private flag: evaluation, so that an inference context has a loss */
};

antler_context *antler__context_create(const antler_model *model, antler_model *trained, antler_mode mode,
                                       int64_t batch, int threads, unsigned flags, antler_error *err);

/* x stays the caller's, and must stay until the pass back. The output is the context's. */
antler_status antler__forward(antler_context *context, const antler_real *x, int64_t n, antler_error *err);
const antler_tensor *antler__output(const antler_context *context);

/* ---- objective.c ---- */

/* The loss and metrics of a model for a context. Decides whether the loss is taken from logits. */
antler_status antler__objective_create(const antler_model *model, int64_t batch, antler_objective **objective,
                                       antler_error *err);
void antler__objective_free(antler_objective *objective);
/* Targets that are y_shape fit the output: sets y_width, and what "accuracy" means. */
antler_status antler__objective_targets(antler_objective *objective, const antler_model *model,
                                        const antler_shape *y_shape, antler_error *err);
void antler__objective_reset(antler_objective *objective);
/* Loss of the last forward pass against y, penalties included; with `gradient` into the last dy, which becomes that of
   the logits where the loss takes them. */
antler_status antler__objective_loss(antler_context *context, const antler_real *y, bool gradient, double *loss,
                                     antler_error *err);
/* Adds the last pass to the metrics and the running loss. */
void antler__objective_track(antler_context *context, const antler_real *y, double loss);
/* Appends "loss" and the metrics, names with a prefix ("" or "val_"). */
void antler__objective_logs(const antler_objective *objective, bool validation, antler_logs *logs);

/* Sum of all penalties on weights, and their gradients added to the context's. */
double antler__penalties(const antler_model *model);
void antler__penalty_gradients(antler_context *context);

#endif
