/* The compiled losses and metrics: from rows to one number, by Keras's reductions, masks and habits about logits. */
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

/* Where the loss of a target begins: at the logits of a call if it takes some, and the last call that does not hand on
   its input as it is ends with sigmoid or softmax. Keras on TensorFlow takes them whichever of the two the loss is for,
   even where the loss's from_logits says that the output is such, and where something else reads the output or
   penalizes it: the gradient of the loss then goes to the logits by itself. */
static antler_end find_end(const antler_model *model, const antler_compile_settings *s, int64_t target,
                           antler_mode mode)
{
    antler_object object = s->target[target].loss;
    const antler_loss_ops *loss = (const antler_loss_ops *)object.type;
    bool plain = !loss->from || (loss->from_output && loss->from_output(object.config)), seen = false;
    int64_t wire = model->output[s->target[target].output], call = model->wire[wire].giver, handed_on = 0;
    for (int64_t i = 0; i < s->targets; i++)
        seen = seen || (i != target && model->output[s->target[i].output] == wire);
    for (; call >= 0 && passes(model, call, mode); handed_on = 1) {
        seen = seen || is_seen(model, call, handed_on);
        wire = model->call[call].in[0];
        call = model->wire[wire].giver;
        seen = seen || model->wire[wire].is_output;
    }
    const antler_layer *last = call >= 0 ? layer_of(model, call) : NULL;
    const char *from = last && last->f ? last->f->type.class_name : NULL;
    if (plain || !from || (strcmp(from, "sigmoid") != 0 && strcmp(from, "softmax") != 0))
        return (antler_end){.logits = ANTLER_NO_LOGITS};
    return (antler_end){.logits = call, .apart = seen || is_seen(model, call, handed_on)};
}

static bool is_mean(const char *reduction)
{
    static const char *const means[] = {"sum_over_batch_size", "mean", "auto", "mean_with_sample_weight"};
    for (size_t i = 0; reduction && i < sizeof means / sizeof *means; i++)
        if (strcmp(reduction, means[i]) == 0)
            return true;
    return false;
}

static antler_status make_goal(const antler_model *model, const antler_target *target, int64_t batch, antler_goal *goal,
                               antler_error *err)
{
    const antler_shape *out = antler_model_output(model, target->output, NULL);
    int64_t width = out->rank > 1 ? out->dim[out->rank - 1] : 1, inner = antler_count(out, 1) / width, rows = 0;
    int64_t numbers = 0;
    bool fits = antler__size_multiply(inner, batch, &rows) && antler__size_multiply(rows, width + 3, &numbers);
    antler_real *space = fits ? antler__allocate_aligned((size_t)numbers, sizeof *space) : NULL;
    if (!space)
        return antler__no_memory(err);
    const char *reduction = ((const antler_loss_keys *)target->loss.config)->reduction;
    *goal = (antler_goal){.target = target,
                          .loss = (const antler_loss_ops *)target->loss.type,
                          .is_mean = is_mean(reduction),
                          .is_sum = reduction && strcmp(reduction, "sum") == 0,
                          .inner = inner,
                          .width = width,
                          .scratch = space,
                          .losses = space + rows * width,
                          .weight = space + rows * (width + 1),
                          .counts = space + rows * (width + 2)};
    return antler__goal_targets(goal, model, NULL, err);
}

static void free_objective(antler_objective *o)
{
    if (!o)
        return;
    for (int64_t i = 0; i < o->goals; i++)
        antler__free_aligned(o->goal[i].scratch);
    antler__compile_free(o->compile);
    antler__free(o);
}

/* The objective, or NULL. */
static antler_objective *create_objective(const antler_model *model, int64_t batch, antler_error *err)
{
    int64_t goals = model->compile->targets;
    antler_objective *o = antler__allocate_zeroed(1, sizeof *o + (size_t)goals * sizeof *o->goal);
    if (!o) {
        antler__no_memory(err);
        return NULL;
    }
    o->compile = antler__compile_share(model->compile);
    for (; o->goals < goals; o->goals++)
        if (make_goal(model, &o->compile->target[o->goals], batch, &o->goal[o->goals], err) != ANTLER_OK) {
            free_objective(o);
            return NULL;
        }
    return o;
}

static const antler_metric_ops *metric_ops(const antler_goal *g, int64_t i)
{
    return (const antler_metric_ops *)g->target->metric[i].type;
}

antler_status antler__goal_targets(antler_goal *g, const antler_model *model, const antler_shape *y, antler_error *err)
{
    const char *name;
    const antler_shape *output = antler_model_output(model, g->target->output, &name);
    int64_t sample = y ? antler_count(y, 1) : g->loss->sparse ? g->inner : g->inner * g->width;
    g->y_width = sample == g->inner * g->width && !g->loss->sparse ? g->width : 1;
    g->y_numbers = g->inner * g->y_width;
    bool fits = sample == g->y_numbers && (g->loss->sparse || g->y_width == g->width);
    if (!fits) {
        char got[128], out[128];
        antler_shape_text(y, got, sizeof got);
        antler_shape_text(output, out, sizeof out);
        return antler_error_set(err, ANTLER_SHAPE, model->outputs > 1 ? name : NULL,
                                g->loss->sparse ? "targets of shape %s: %s of an output %s wants one class a row"
                                                : "targets of shape %s: %s of an output %s wants the output's shape",
                                got, g->loss->type.class_name, out);
    }
    return ANTLER_OK;
}

/* ---- the loss ---------------------------------------------------------------------------------------------------- */

/* weight[row] from the mask that reaches the output; false where there is none. */
static bool weigh_by_mask(const antler_context *c, antler_goal *g, int64_t rows)
{
    const antler_tensor *mask = &c->edge[c->model->output[g->target->output]].mask;
    int64_t steps = mask->data ? mask->shape.dim[1] : 0;
    if (steps == 0 || g->inner % steps != 0)
        return false;
    for (int64_t r = 0; r < rows; r++)
        g->weight[r] = mask->data[r / (g->inner / steps)];
    return true;
}

/* weight[row] of the loss and of the gradient, from the mask and from rows that the loss does not count. Returns their
   sum. */
static double weigh_rows(const antler_context *c, antler_goal *g, int64_t rows, bool *weighted)
{
    double valid = 0;
    *weighted = weigh_by_mask(c, g, rows);
    for (int64_t r = 0; r < rows; r++) {
        g->weight[r] = *weighted ? g->weight[r] * g->counts[r] : g->counts[r];
        valid += (double)g->weight[r];
    }
    *weighted = *weighted || valid < (double)rows;
    return valid;
}

/* The loss of the output from its rows; weight[row] becomes the factor of the row's gradient. */
static double reduce(const antler_context *c, antler_goal *g, int64_t rows)
{
    const antler_kernels *k = antler__kernels();
    bool weighted;
    double valid = weigh_rows(c, g, rows, &weighted), share = g->target->weight;
    antler_real stretch = g->is_mean && weighted ? (antler_real)(valid > 0 ? (double)rows / valid : 0) : 1;
    for (int64_t r = 0; weighted && r < rows; r++) {
        g->weight[r] *= stretch;
        g->losses[r] *= g->weight[r];
    }
    double sum = k->long_sum(g->losses, rows);
    antler_real scale = (antler_real)(g->is_mean ? share / (double)rows : share);
    for (int64_t r = 0; r < rows; r++) /* one factor a row; padding rows of the mask included */
        g->weight[r] = weighted ? g->weight[r] * scale : scale;
    return g->is_sum ? sum : sum / (double)rows;
}

static void scale_gradient(const antler_goal *g, antler_real *dp, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < g->width; j++)
            dp[r * g->width + j] *= g->weight[r];
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

/* The loss of one output, unweighted, and its weighted gradient. */
static antler_status goal_loss(antler_context *c, antler_goal *g, const antler_real *y, bool gradient,
                               antler_error *err)
{
    int64_t rows = c->n * g->inner, output = g->target->output;
    antler_real *dp = gradient ? c->end[output].from_loss : NULL;
    for (int64_t r = 0; r < rows; r++)
        g->counts[r] = 1;
    const antler_real *logits = antler__logits(c, output);
    antler_object loss = g->target->loss;
    antler_error inner;
    antler__error_clear(&inner);
    antler_loss_call call = {.p = logits ? logits : antler__output(c, output)->data,
                             .y = y,
                             .rows = rows,
                             .n = g->width,
                             .logits = logits || (g->loss->from_logits && g->loss->from_logits(loss.config)),
                             .value = g->losses,
                             .dp = dp,
                             .scratch = g->scratch,
                             .counts = g->counts,
                             .err = &inner};
    antler_status status = g->loss->compute(loss.config, &call);
    if (status != ANTLER_OK)
        return antler_error_set(err, status, c->model->outputs > 1 ? c->model->output_name[output] : NULL, "%s: %s",
                                g->loss->type.class_name, inner.message);
    g->value = reduce(c, g, rows);
    if (dp)
        scale_gradient(g, dp, rows);
    return ANTLER_OK;
}

antler_status antler__objective_loss(antler_context *c, const antler_real *y, bool gradient, double *loss,
                                     antler_error *err)
{
    antler_objective *o = c->objective;
    *loss = 0;
    for (antler_goal *g = o->goal; g < o->goal + o->goals; g++) {
        ANTLER_TRY(goal_loss(c, g, y, gradient, err));
        *loss += g->target->weight * g->value;
        y += c->n * g->y_numbers;
    }
    *loss += antler__penalties(c->model) + activity_penalty(c);
    return ANTLER_OK;
}

/* ---- running sums ------------------------------------------------------------------------------------------------ */

void antler__objective_reset(antler_objective *o)
{
    o->loss_sum = o->samples = 0;
    for (antler_goal *g = o->goal; g < o->goal + o->goals; g++) {
        memset(g->sum, 0, (size_t)g->target->metrics * sizeof *g->sum);
        g->loss_sum = 0;
    }
}

static void track_goal(antler_context *c, antler_goal *g, const antler_real *y)
{
    int64_t rows = c->n * g->inner, output = g->target->output;
    bool masked = weigh_by_mask(c, g, rows);
    antler_metric_call call = {.p = antler__output(c, output)->data,
                               .y = y,
                               .logits = antler__logits(c, output),
                               .weight = masked ? g->weight : NULL,
                               .rows = rows,
                               .n = g->width,
                               .y_n = g->y_width,
                               .value = g->losses,
                               .scratch = g->scratch};
    g->loss_sum += g->value * (double)c->n;
    for (int64_t i = 0; i < g->target->metrics; i++)
        metric_ops(g, i)->update(g->target->metric[i].config, g->sum[i], &call);
}

void antler__objective_track(antler_context *c, const antler_real *y, double loss)
{
    antler_objective *o = c->objective;
    o->loss_sum += loss * (double)c->n;
    o->samples += (double)c->n;
    for (antler_goal *g = o->goal; g < o->goal + o->goals; g++) {
        track_goal(c, g, y);
        y += c->n * g->y_numbers;
    }
}

void antler__objective_logs(const antler_objective *o, bool validation, antler_logs *logs)
{
    const char *const *name = o->compile->log_name[validation];
    double *value = logs->value + logs->n;
    *value++ = o->loss_sum / o->samples;
    for (int64_t i = 0; o->goals > 1 && i < o->goals; i++)
        *value++ = o->goal[i].loss_sum / o->samples;
    for (int64_t i = 0; i < o->goals; i++)
        for (int64_t j = 0; j < o->goal[i].target->metrics; j++)
            *value++ = metric_ops(&o->goal[i], j)->result(o->goal[i].target->metric[j].config, o->goal[i].sum[j]);
    for (int i = 0; i < o->compile->logs; i++)
        logs->name[logs->n++] = name[i];
}

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

/* Where the losses begin; NULL without memory. */
static antler_end *find_ends(const antler_model *model, antler_mode mode)
{
    const antler_compile_settings *s = model->compile;
    antler_end *end = antler__allocate((size_t)model->outputs, sizeof *end);
    for (int64_t k = 0; end && k < model->outputs; k++)
        end[k] = (antler_end){.logits = ANTLER_NO_LOSS};
    for (int64_t i = 0; end && i < s->targets; i++)
        end[s->target[i].output] = find_end(model, s, i, mode);
    return end;
}

/* A context with an objective, of a model with a loss. */
static antler_context *create_compiled(const antler_model *model, antler_model *writable, antler_mode mode,
                                       int64_t batch, antler_pool *pool, unsigned flags, antler_error *err)
{
    antler_context *c = NULL;
    antler_end *end = NULL;
    antler_objective *objective = NULL;
    if (antler__error_copy(err, &model->compile->failure) == ANTLER_OK)
        objective = create_objective(model, batch, err);
    if (objective && !(end = find_ends(model, mode)))
        antler__no_memory(err);
    if (end)
        c = antler__context_create(model, writable, mode, batch, pool, flags, end, err);
    else
        antler__pool_free(pool);
    antler__free(end);
    if (c)
        c->objective = objective;
    else
        free_objective(objective);
    return c;
}

antler_context *antler__training_context_on(const antler_model *model, antler_model *writable, antler_mode mode,
                                            int64_t batch, antler_pool *pool, unsigned flags, antler_error *err)
{
    antler_error error = {0};
    bool wanted = model && model->built && antler__compile_has_loss(model->compile) && batch > 0 &&
                  (mode == ANTLER_TRAIN || flags & ANTLER_WITH_OBJECTIVE);
    antler_context *c = wanted ? create_compiled(model, writable, mode, batch, pool, flags, &error)
                               : antler__context_create(model, writable, mode, batch, pool, flags, NULL, &error);
    if (c && mode == ANTLER_TRAIN && antler__spans_make(c, &error) != ANTLER_OK) {
        antler_context_free(c);
        c = NULL;
    }
    if (c)
        c->release = antler_context_free;
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

static antler_status backward(antler_context *c, const antler_real *y, bool track, double *loss, antler_error *err)
{
    ANTLER_TRY(antler__ready_for_backward(c, err));
    if (!c->objective)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.loss", "%s",
                                antler__compile_has_loss(c->model->compile)
                                    ? "this context was made before the model had a loss"
                                    : "the model has no loss");
    double value;
    c->ran_forward = false; /* its outputs are used up */
    ANTLER_TRY(antler__objective_loss(c, y, true, &value, err));
    if (track) /* now: the logits' memory serves others on the way back */
        antler__objective_track(c, y, value);
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
