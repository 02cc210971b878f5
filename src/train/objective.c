/* The compiled loss and metrics: from rows to one number, by Keras's reductions, masks and habits about logits. */
#include "train/objective.h"
#include "config/registry.h"
#include "core/memory.h"
#include "model/compile.h"

#include <string.h>

/* ---- creating ---------------------------------------------------------------------------------------------------- */

static const antler_layer *layer_of(const antler_model *model, int64_t call)
{
    return &model->layer[model->call[call].layer];
}

/* Whether the call hands on its input as it is. */
static bool passes(const antler_model *model, int64_t call, antler_mode mode)
{
    const antler_layer *layer = layer_of(model, call);
    return layer->ops->flags & ANTLER_PASSES && !layer->f && (layer->sites == 0 || mode == ANTLER_INFER);
}

/* Whether the output of a call is penalized, or read by another than the call that hands it on. */
static bool is_seen(const antler_model *model, int64_t call, int64_t handed_on)
{
    return model->wire[model->call[call].out].users > handed_on ||
           antler__layer_keys(layer_of(model, call)->object)->activity_regularizer_.type;
}

/* The call from whose logits the loss is taken, or -1: the loss takes some, and the last call that does not hand on its
   input as it is ends with sigmoid or softmax. Keras on TensorFlow takes them whichever of the two the loss is for, and
   even where the loss's from_logits says that the output is such. Where something else reads the output, or penalizes
   it, the gradient of the output itself is needed: then the plain formula must do, which is the same for the pair that
   belongs together alone. */
static antler_status find_logits(const antler_model *model, const antler_compile_settings *compile, antler_mode mode,
                                 int64_t *logits, antler_error *err)
{
    const antler_loss_ops *loss = (const antler_loss_ops *)compile->loss.type;
    bool plain = !loss->from || (loss->from_output && loss->from_output(compile->loss.config)), seen = false;
    int64_t call = model->wire[model->output[0]].giver, handed_on = 0;
    *logits = -1;
    for (; call >= 0 && passes(model, call, mode); handed_on = 1) {
        seen = seen || is_seen(model, call, handed_on);
        call = model->wire[model->call[call].in[0]].giver;
    }
    const antler_layer *last = call >= 0 ? layer_of(model, call) : NULL;
    const char *from = last && last->f ? last->f->type.class_name : NULL;
    if (plain || !from || (strcmp(from, "sigmoid") != 0 && strcmp(from, "softmax") != 0))
        return ANTLER_OK;
    if (!seen && !is_seen(model, call, handed_on))
        *logits = call;
    if (*logits >= 0 || strcmp(from, loss->from) == 0)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_UNSUPPORTED, "compile_config.loss",
                            "%s behind %s cannot be taken from logits where the output is penalized or used again; "
                            "put it through an Activation layer of its own",
                            loss->type.class_name, from);
}

static bool is_mean(const char *reduction)
{
    static const char *const means[] = {"sum_over_batch_size", "mean", "auto", "mean_with_sample_weight"};
    for (size_t i = 0; reduction && i < sizeof means / sizeof *means; i++)
        if (strcmp(reduction, means[i]) == 0)
            return true;
    return false;
}

static antler_status create_objective(const antler_model *model, int64_t batch, antler_objective **objective,
                                      antler_error *err)
{
    const antler_shape *out = antler_output_shape(model);
    antler_objective *o = antler__allocate_zeroed(1, sizeof *o);
    int64_t width = out->rank > 1 ? out->dim[out->rank - 1] : 1, inner = antler_count(out, 1) / width, rows = 0;
    int64_t numbers = 0;
    bool fits = antler__size_multiply(inner, batch, &rows) && antler__size_multiply(rows, width + 3, &numbers);
    antler_real *space = o && fits ? antler__allocate_aligned((size_t)numbers, sizeof *space) : NULL;
    if (!space) {
        antler__free(o);
        return antler__no_memory(err);
    }
    antler_compile_settings *compile = o->compile = antler__compile_share(model->compile);
    o->loss = (const antler_loss_ops *)compile->loss.type;
    o->loss_object = compile->loss;
    const char *reduction = ((const antler_loss_keys *)compile->loss.config)->reduction;
    o->is_mean = is_mean(reduction);
    o->is_sum = reduction && strcmp(reduction, "sum") == 0;
    o->inner = inner;
    o->width = width;
    o->scratch = space;
    o->value = space + rows * width;
    o->weight = o->value + rows;
    o->counts = o->weight + rows;
    *objective = o;
    return antler__objective_targets(o, model, NULL, err);
}

static void free_objective(antler_objective *o)
{
    if (!o)
        return;
    antler__compile_free(o->compile);
    antler__free_aligned(o->scratch);
    antler__free(o);
}

static const antler_metric_ops *metric_ops(const antler_objective *o, int64_t i)
{
    return (const antler_metric_ops *)o->compile->metrics.item[i].type;
}

antler_status antler__objective_targets(antler_objective *o, const antler_model *model, const antler_shape *y,
                                        antler_error *err)
{
    int64_t sample = y ? antler_count(y, 1) : o->loss->sparse ? o->inner : o->inner * o->width;
    o->y_width = sample == o->inner * o->width && !o->loss->sparse ? o->width : 1;
    bool fits = sample == o->inner * o->y_width && (o->loss->sparse || o->y_width == o->width);
    if (!fits) {
        char got[128], out[128];
        antler_shape_text(y, got, sizeof got);
        antler_shape_text(antler_output_shape(model), out, sizeof out);
        return antler_error_set(err, ANTLER_SHAPE, NULL,
                                o->loss->sparse ? "targets of shape %s: %s of an output %s wants one class a row"
                                                : "targets of shape %s: %s of an output %s wants the output's shape",
                                got, o->loss->type.class_name, out);
    }
    return ANTLER_OK;
}

/* ---- the loss ---------------------------------------------------------------------------------------------------- */

/* weight[row] from the mask that reaches the output; false where there is none. */
static bool weigh_by_mask(antler_context *c, int64_t rows)
{
    antler_objective *o = c->objective;
    const antler_tensor *mask = &c->edge[c->model->output[0]].mask;
    int64_t steps = mask->data ? mask->shape.dim[1] : 0;
    if (steps == 0 || o->inner % steps != 0)
        return false;
    for (int64_t r = 0; r < rows; r++)
        o->weight[r] = mask->data[r / (o->inner / steps)];
    return true;
}

/* weight[row] of the loss and of the gradient, from the mask and from rows that the loss does not count. Returns their
   sum. */
static double weigh_rows(antler_context *c, int64_t rows, bool *weighted)
{
    antler_objective *o = c->objective;
    double valid = 0;
    *weighted = weigh_by_mask(c, rows);
    for (int64_t r = 0; r < rows; r++) {
        o->weight[r] = *weighted ? o->weight[r] * o->counts[r] : o->counts[r];
        valid += (double)o->weight[r];
    }
    *weighted = *weighted || valid < (double)rows;
    return valid;
}

static double reduce(antler_context *c, int64_t rows, antler_real *gradient_scale)
{
    antler_objective *o = c->objective;
    const antler_kernels *k = antler__kernels();
    bool weighted, mean = o->is_mean;
    double valid = weigh_rows(c, rows, &weighted);
    antler_real stretch = mean && weighted ? (antler_real)(valid > 0 ? (double)rows / valid : 0) : 1;
    for (int64_t r = 0; weighted && r < rows; r++) {
        o->weight[r] *= stretch;
        o->value[r] *= o->weight[r];
    }
    double sum = k->long_sum(o->value, rows);
    *gradient_scale = mean ? (antler_real)(1.0 / (double)rows) : 1;
    for (int64_t r = 0; r < rows; r++) /* one factor a row; padding rows of the mask included */
        o->weight[r] = weighted ? o->weight[r] * *gradient_scale : *gradient_scale;
    return o->is_sum ? sum : sum / (double)rows;
}

static void scale_gradient(const antler_context *c, antler_real *dp, int64_t rows)
{
    const antler_objective *o = c->objective;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < o->width; j++)
            dp[r * o->width + j] *= o->weight[r];
}

static double activity_penalty(const antler_context *c)
{
    double sum = 0;
    for (int64_t i = 0; i < c->calls; i++) {
        antler_object activity = antler__layer_keys(c->node[i].layer->object)->activity_regularizer_;
        if (activity.type)
            sum += ((const antler_regularizer_ops *)activity.type)
                       ->penalty(activity.config, c->node[i].y->data, antler_count(&c->node[i].y->shape, 0)) /
                   (double)c->n;
    }
    return sum;
}

antler_status antler__objective_loss(antler_context *c, const antler_real *y, bool gradient, double *loss,
                                     antler_error *err)
{
    antler_objective *o = c->objective;
    int64_t rows = c->n * o->inner;
    antler_real *dp = gradient ? c->edge[c->model->output[0]].from_loss : NULL, scale;
    for (int64_t r = 0; r < rows; r++)
        o->counts[r] = 1;
    const antler_real *logits = antler__logits(c);
    antler_error inner;
    antler__error_clear(&inner);
    antler_loss_call call = {.p = logits ? logits : antler__output(c)->data,
                             .y = y,
                             .rows = rows,
                             .n = o->width,
                             .logits = logits || (o->loss->from_logits && o->loss->from_logits(o->loss_object.config)),
                             .value = o->value,
                             .dp = dp,
                             .scratch = o->scratch,
                             .counts = o->counts,
                             .err = &inner};
    antler_status status = o->loss->compute(o->loss_object.config, &call);
    if (status != ANTLER_OK)
        return antler_error_set(err, status, NULL, "%s: %s", o->loss->type.class_name, inner.message);
    *loss = reduce(c, rows, &scale);
    if (dp)
        scale_gradient(c, dp, rows);
    *loss += antler__penalties(c->model) + activity_penalty(c);
    return ANTLER_OK;
}

/* ---- running sums ------------------------------------------------------------------------------------------------ */

void antler__objective_reset(antler_objective *o)
{
    memset(o->sum, 0, sizeof o->sum);
    o->loss_sum = o->loss_weight = 0;
}

void antler__objective_track(antler_context *c, const antler_real *y, double loss)
{
    antler_objective *o = c->objective;
    o->loss_sum += loss * (double)c->n;
    o->loss_weight += (double)c->n;
    bool masked = weigh_by_mask(c, c->n * o->inner);
    antler_metric_call call = {.p = antler__output(c)->data,
                               .y = y,
                               .logits = antler__logits(c),
                               .weight = masked ? o->weight : NULL,
                               .rows = c->n * o->inner,
                               .n = o->width,
                               .y_n = o->y_width,
                               .value = o->value,
                               .scratch = o->scratch};
    for (int64_t i = 0; i < o->compile->metrics.n; i++)
        metric_ops(o, i)->update(o->compile->metrics.item[i].config, o->sum[i], &call);
}

void antler__objective_logs(const antler_objective *o, bool validation, antler_logs *logs)
{
    const antler_objects *metrics = &o->compile->metrics;
    for (int64_t i = -1; i < metrics->n && logs->n < ANTLER_MAX_LOGS; i++) {
        logs->name[logs->n] = o->compile->log_name[validation][i + 1];
        logs->value[logs->n++] =
            i < 0 ? o->loss_sum / o->loss_weight : metric_ops(o, i)->result(metrics->item[i].config, o->sum[i]);
    }
}

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

antler_context *antler__training_context_on(const antler_model *model, antler_model *writable, antler_mode mode,
                                            int64_t batch, antler_pool *pool, unsigned flags, antler_error *err)
{
    antler_error error = {0};
    antler_objective *objective = NULL;
    int64_t logits = -1;
    bool wanted = model && model->built && model->compile && model->compile->loss.type && batch > 0 &&
                  (mode == ANTLER_TRAIN || flags & ANTLER_WITH_OBJECTIVE);
    antler_context *c = NULL;
    if (wanted && create_objective(model, batch, &objective, &error) == ANTLER_OK)
        find_logits(model, objective->compile, mode, &logits, &error);
    if (error.status == ANTLER_OK)
        c = antler__context_create(model, writable, mode, batch, pool, flags, logits, &error);
    else
        antler__pool_free(pool);
    if (c) {
        c->objective = objective;
        c->release = antler_context_free;
    } else {
        free_objective(objective);
    }
    antler__error_copy(err, &error);
    return c;
}

antler_context *antler__training_context(const antler_model *model, antler_model *writable, antler_mode mode,
                                         int64_t batch, int threads, unsigned flags, antler_error *err)
{
    antler_pool *pool = antler__pool_create(threads, err);
    return antler__training_context_on(model, writable, mode, batch, pool, flags, err);
}

/* A context of the caller's, who has the public flags alone. */
static antler_context *create(const antler_model *model, antler_model *writable, antler_mode mode, int64_t batch,
                              int threads, unsigned flags, antler_error *err)
{
    unsigned unknown = flags & ~(unsigned)(ANTLER_KEEP | ANTLER_INPUT_GRADIENT | ANTLER_SILENT);
    if (!unknown)
        return antler__training_context(model, writable, mode, batch, threads, flags, err);
    antler_error_set(err, ANTLER_VALUE, "flags", "0x%x is no flag of a context", unknown);
    return NULL;
}

antler_context *antler_context_create(const antler_model *model, antler_mode mode, int64_t batch, int threads,
                                      unsigned flags, antler_error *err)
{
    if (mode != ANTLER_INFER && mode != ANTLER_MC) {
        antler_error_set(err, ANTLER_VALUE, NULL, "mode %d is neither ANTLER_INFER nor ANTLER_MC", mode);
        return NULL;
    }
    return create(model, NULL, mode, batch, threads, flags, err);
}

antler_context *antler_context_create_train(antler_model *model, int64_t batch, int threads, unsigned flags,
                                            antler_error *err)
{
    return create(model, model, ANTLER_TRAIN, batch, threads, flags, err);
}

void antler_context_free(antler_context *c)
{
    if (c)
        free_objective(c->objective);
    antler__context_free(c);
}

/* The outputs after the first have no loss. */
static void clear_others(antler_context *c)
{
    for (int64_t k = 1; k < c->model->outputs; k++) {
        const antler_edge *edge = &c->edge[c->model->output[k]];
        if (edge->from_loss)
            memset(edge->from_loss, 0, (size_t)antler_count(&edge->dy.shape, 0) * sizeof *edge->from_loss);
    }
}

static antler_status backward(antler_context *c, const antler_real *y, bool track, double *loss, antler_error *err)
{
    ANTLER_TRY(antler__ready_for_backward(c, err));
    if (!c->objective)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.loss", "%s",
                                c->model->compile && c->model->compile->loss.type
                                    ? "this context was made before the model had a loss"
                                    : "the model has no loss");
    double value;
    c->ran_forward = false; /* its outputs are used up */
    ANTLER_TRY(antler__objective_loss(c, y, true, &value, err));
    if (track) /* now: the logits' memory serves others on the way back */
        antler__objective_track(c, y, value);
    clear_others(c);
    ANTLER_TRY(antler__run_backward(c, true, err));
    antler__penalty_gradients(c);
    if (loss)
        *loss = value;
    return ANTLER_OK;
}

antler_status antler_backward(antler_context *c, const antler_real *y, double *loss, antler_error *err)
{
    ANTLER_TRY(antler__require(y, "targets", err));
    return backward(c, y, false, loss, err);
}

antler_status antler__backward_tracked(antler_context *c, const antler_real *y, antler_error *err)
{
    return backward(c, y, true, NULL, err);
}
