/* The compiled losses and metrics: from rows to one number, by Keras's reductions, masks and habits about logits. */
#include "train/objective.h"
#include "model/compile.h"
#include "model/targets.h"

#include <string.h>

static antler_status check_metrics(const antler_goal *g, const char *name, antler_error *err)
{
    antler_error inner = {0};
    for (int64_t i = 0; i < g->target->metrics; i++) {
        const antler_metric_ops *ops = antler__goal_metric(g, i);
        if (ops->fits && ops->fits(g->target->metric[i].config, g->width, g->y_width, &inner) != ANTLER_OK)
            return antler_error_set(err, inner.status, name, "%s: %s", ops->type.class_name, inner.message);
    }
    return ANTLER_OK;
}

antler_status antler__goal_targets(antler_goal *g, const antler_model *model, const antler_shape *y, antler_error *err)
{
    const char *name;
    antler_model_output(model, g->target->output, &name);
    const bool classes = g->loss->sparse, any = g->loss->loose && !classes;
    int64_t sample = y ? antler_count(y, 1) : classes || any ? g->inner : g->inner * g->width;
    g->y_width = any ? sample : sample == g->inner * g->width && !classes ? g->width : 1;
    g->y_numbers = any ? sample : g->inner * g->y_width;
    bool fits = sample == g->y_numbers && (classes || any || g->loss->either || g->y_width == g->width);
    name = model->outputs > 1 ? name : NULL;
    if (!fits) {
        char got[128], out[128];
        antler_shape_text(y, got, sizeof got);
        antler_shape_text(&g->output, out, sizeof out);
        return antler_error_set(err, ANTLER_SHAPE, name,
                                classes ? "targets of shape %s: %s of an output %s wants one class a row"
                                        : "targets of shape %s: %s of an output %s wants the output's shape",
                                got, g->loss->type.class_name, out);
    }
    return y ? check_metrics(g, name, err) : ANTLER_OK;
}

antler_status antler__goal_weights(antler_goal *g, const antler_model *model, int64_t w_numbers, antler_error *err)
{
    const char *name;
    antler_model_output(model, g->target->output, &name);
    bool fits = w_numbers <= 1 || (g->scope == ANTLER_LOSS_OF_ROWS && g->inner % w_numbers == 0);
    g->w_numbers = w_numbers;
    if (fits)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, model->outputs > 1 ? name : NULL,
                            "%lld sample weights a sample: %s of an output of %lld rows a sample wants 1%s",
                            (long long)w_numbers, g->loss->type.class_name, (long long)g->inner,
                            g->scope == ANTLER_LOSS_OF_ROWS && g->inner > 1 ? ", or one for each step" : "");
}

void antler__objective_weigh(antler_objective *o, const antler_real *w, int64_t n)
{
    for (antler_goal *g = o->goal; g < o->goal + o->goals; g++) {
        g->w = w && g->w_numbers ? w : NULL;
        w = w ? w + n * g->w_numbers : NULL;
    }
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

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

/* Multiplies weight[i] of `count` values, which `weighted` says are there, by the sample weights: those of `n` samples.
   True where there are weights after that. */
static bool weigh_by_sample(antler_goal *g, int64_t n, int64_t count, bool weighted)
{
    if (!g->w)
        return weighted;
    int64_t each = count / (n * g->w_numbers);
    for (int64_t i = 0; i < count; i++)
        g->weight[i] = (weighted ? g->weight[i] : 1) * g->w[i / each];
    return true;
}

static double sum_of_weights(const antler_goal *g, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)g->weight[i];
    return sum;
}

/* weight[i] of the values of the loss and of the gradient: from the mask, from values that the loss does not count, and
   from the sample weights. The first two stretch a mean to those that count, as in Keras. */
static bool weigh_values(const antler_context *c, antler_goal *g, int64_t count)
{
    bool weighted = g->scope == ANTLER_LOSS_OF_ROWS && weigh_by_mask(c, g, count);
    for (int64_t i = 0; g->leaves_out && i < count; i++)
        g->weight[i] = weighted ? g->weight[i] * g->counts[i] : g->counts[i];
    weighted = weighted || g->leaves_out;
    if (weighted && g->reduction == ANTLER_REDUCE_MEAN) {
        double valid = sum_of_weights(g, count);
        antler_real stretch = (antler_real)(valid > 0 ? (double)count / valid : 0);
        for (int64_t i = 0; i < count; i++)
            g->weight[i] *= stretch;
    }
    return weigh_by_sample(g, c->n, count, weighted);
}

/* ---- the loss ---------------------------------------------------------------------------------------------------- */

/* By what the sum of the weighted values is divided. */
static double divisor_of(const antler_goal *g, int64_t count, bool weighted)
{
    return weighted && g->reduction == ANTLER_REDUCE_WEIGHTED_MEAN ? sum_of_weights(g, count) : (double)count;
}

/* What the gradients of the values are multiplied by. */
typedef struct factors {
    bool weighted;     /* by the goal's weight[i], which has the scale in it */
    antler_real scale; /* else by this */
} factors;

/* The loss of the output from `count` values. */
static double reduce(const antler_context *c, antler_goal *g, int64_t count, factors *f)
{
    const antler_kernels *k = antler__kernels();
    f->weighted = weigh_values(c, g, count);
    bool is_sum = g->reduction == ANTLER_REDUCE_SUM;
    double divisor = divisor_of(g, count, f->weighted), share = g->target->weight;
    for (int64_t i = 0; f->weighted && i < count; i++)
        g->losses[i] *= g->weight[i];
    double sum = k->long_sum(g->losses, count);
    bool is_mean = !is_sum && g->reduction != ANTLER_REDUCE_NONE;
    f->scale = (antler_real)(!is_mean ? share : divisor != 0 ? share / divisor : 0);
    for (int64_t i = 0; f->weighted && i < count; i++) /* padding rows of the mask included */
        g->weight[i] *= f->scale;
    return is_sum ? sum : divisor != 0 ? sum / divisor : 0;
}

static void scale_gradient(const antler_goal *g, antler_real *dp, int64_t rows, const factors *f)
{
    for (int64_t i = 0; !f->weighted && i < rows * g->width; i++)
        dp[i] *= f->scale;
    for (int64_t r = 0; f->weighted && r < rows; r++)
        for (int64_t j = 0; j < g->width; j++)
            dp[r * g->width + j] *= g->weight[r];
}

/* How many values the loss has. One for the batch is taken as many times as there are sample weights, as Keras does,
   which multiplies it by each. */
static int64_t value_count(const antler_goal *g, int64_t n)
{
    if (g->scope == ANTLER_LOSS_OF_ROWS)
        return n * g->inner;
    return g->scope == ANTLER_LOSS_OF_SAMPLES || g->w ? n : 1;
}

/* The values of a loss of another scope than rows have been reduced: its gradient, by the factors. */
static antler_status whole_gradient(const antler_goal *g, antler_loss_call *call, antler_real *dp, int64_t count,
                                    const factors *f)
{
    for (int64_t i = 0; !f->weighted && i < count; i++)
        g->weight[i] = f->scale;
    for (int64_t i = 1; g->scope == ANTLER_LOSS_OF_BATCH && i < count; i++)
        g->weight[0] += g->weight[i];
    call->dp = dp;
    call->factor = g->weight;
    call->counts = NULL;
    return g->loss->compute(g->target->loss.config, call);
}

static double activity_penalty(const antler_context *c)
{
    double sum = 0;
    for (int64_t i = 0; i < c->calls; i++) {
        antler_object activity = antler__layer_keys(c->node[i].layer->object)->activity_regularizer_;
        if (activity.type)
            sum +=
                ((const antler_regularizer_ops *)activity.type)->penalty(activity.config, c->node[i].y) / (double)c->n;
    }
    return sum;
}

static antler_status compute(antler_context *c, antler_goal *g, antler_loss_call *call, antler_real *dp)
{
    const bool whole = g->scope != ANTLER_LOSS_OF_ROWS;
    int64_t count = value_count(g, c->n);
    for (int64_t i = 0; g->leaves_out && i < count; i++)
        g->counts[i] = 1;
    call->dp = whole ? NULL : dp;
    ANTLER_TRY(g->loss->compute(g->target->loss.config, call));
    for (int64_t i = 1; g->scope == ANTLER_LOSS_OF_BATCH && i < count; i++)
        g->losses[i] = g->losses[0];
    factors f;
    g->value = reduce(c, g, count, &f);
    if (dp && whole)
        return whole_gradient(g, call, dp, count, &f);
    if (dp)
        scale_gradient(g, dp, count, &f);
    return ANTLER_OK;
}

/* The loss of one output, unweighted, and its weighted gradient. */
static antler_status goal_loss(antler_context *c, antler_goal *g, const antler_real *y, bool gradient,
                               antler_error *err)
{
    int64_t output = g->target->output;
    const antler_real *logits = antler__logits(c, output);
    antler_error inner;
    antler__error_clear(&inner);
    antler_loss_call call = {.p = logits ? logits : antler__output(c, output)->data,
                             .y = y,
                             .rows = c->n * g->inner,
                             .n = g->width,
                             .logits = logits || (g->loss->from_logits && g->loss->from_logits(g->target->loss.config)),
                             .value = g->losses,
                             .scratch = g->scratch,
                             .counts = g->leaves_out ? g->counts : NULL,
                             .samples = c->n,
                             .y_n = g->y_numbers,
                             .rank = antler__output(c, output)->shape.rank,
                             .err = &inner};
    antler_status status = compute(c, g, &call, gradient ? c->end[output].from_loss : NULL);
    if (status == ANTLER_OK)
        return status;
    return antler_error_set(err, status, c->model->outputs > 1 ? c->model->output_name[output] : NULL, "%s: %s",
                            g->loss->type.class_name, inner.message);
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
        memset(g->sum[0], 0, (size_t)g->sums * sizeof *g->sum[0]);
        g->loss_sum = 0;
    }
}

int64_t antler__objective_sums(const antler_objective *o)
{
    int64_t n = 2;
    for (const antler_goal *g = o->goal; g < o->goal + o->goals; g++)
        n += 1 + g->sums;
    return n;
}

static double *copy_sums(double *own, int64_t n, double *sums, bool out)
{
    memcpy(out ? sums : own, out ? own : sums, (size_t)n * sizeof *sums);
    return sums + n;
}

void antler__objective_copy_sums(antler_objective *o, double *sums, bool out)
{
    sums = copy_sums(&o->loss_sum, 1, sums, out);
    sums = copy_sums(&o->samples, 1, sums, out);
    for (antler_goal *g = o->goal; g < o->goal + o->goals; g++) {
        sums = copy_sums(&g->loss_sum, 1, sums, out);
        sums = g->sums ? copy_sums(g->sum[0], g->sums, sums, out) : sums;
    }
}

/* weight[row] of a metric: the mask where it sees one, and the sample weights if it is one of the weighted ones. */
static const antler_real *metric_weight(const antler_context *c, antler_goal *g, int64_t i, int64_t rows)
{
    bool weighted = !antler__goal_metric(g, i)->all_rows && weigh_by_mask(c, g, rows);
    if (i >= g->target->unweighted)
        weighted = weigh_by_sample(g, c->n, rows, weighted);
    return weighted ? g->weight : NULL;
}

static void track_goal(antler_context *c, antler_goal *g, const antler_real *y)
{
    int64_t rows = c->n * g->inner, output = g->target->output;
    antler_metric_call call = {.p = antler__output(c, output)->data,
                               .y = y,
                               .logits = antler__logits(c, output),
                               .rows = rows,
                               .n = g->width,
                               .y_n = g->y_width,
                               .value = g->losses,
                               .scratch = g->scratch,
                               .counts = g->counts};
    g->loss_sum += g->value * (double)c->n;
    for (int64_t i = 0; i < g->target->metrics; i++) {
        call.ops = antler__goal_metric(g, i);
        call.weight = metric_weight(c, g, i, rows);
        call.ops->update(g->target->metric[i].config, g->sum[i], &call);
    }
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

/* The values of the metrics, or of the weighted ones; returns what is behind them. */
static double *write_metrics(const antler_goal *g, bool weighted, double *value)
{
    int64_t i = weighted ? g->target->unweighted : 0, end = weighted ? g->target->metrics : g->target->unweighted;
    for (; i < end; i++) {
        const antler_metric_ops *ops = antler__goal_metric(g, i);
        const void *config = g->target->metric[i].config;
        int64_t values = antler__metric_values(g->target->metric[i], g->width);
        for (int64_t j = 0; j < values; j++)
            *value++ = ops->result(config, g->sum[i], g->width, j);
    }
    return value;
}

void antler__objective_logs(const antler_objective *o, bool validation, antler_logs *logs)
{
    const char *const *name = o->compile->log_name[validation];
    double *value = logs->value + logs->n;
    *value++ = o->loss_sum / o->samples;
    for (int64_t i = 0; o->goals > 1 && i < o->goals; i++)
        *value++ = o->goal[i].loss_sum / o->samples;
    for (int weighted = 0; weighted < 2; weighted++)
        for (int64_t i = 0; i < o->goals; i++)
            value = write_metrics(&o->goal[i], weighted != 0, value);
    for (int i = 0; i < o->compile->logs; i++)
        logs->name[logs->n++] = name[i];
}
