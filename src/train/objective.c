/* The compiled losses and metrics: from rows to one number, by Keras's reductions, masks and habits about logits. */
#include "train/objective.h"
#include "config/registry.h"
#include "core/memory.h"
#include "model/compile.h"

#include <string.h>

/* ---- creating ---------------------------------------------------------------------------------------------------- */

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

void antler__objective_free(antler_objective *o)
{
    if (!o)
        return;
    for (int64_t i = 0; i < o->goals; i++)
        antler__free_aligned(o->goal[i].scratch);
    antler__compile_free(o->compile);
    antler__free(o);
}

antler_objective *antler__objective_create(const antler_model *model, int64_t batch, antler_error *err)
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
            antler__objective_free(o);
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
