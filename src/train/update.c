/* One optimizer step, in Keras's order: penalties' gradients (already in), clipping, weight decay, the optimizer, then
   constraints. */
#include "model/structure.h"
#include "train/objective.h"

#include <math.h>
#include <string.h>

/* ---- penalties --------------------------------------------------------------------------------------------------- */

double antler__penalties(const antler_model *model)
{
    double sum = 0;
    for (int64_t i = 0; i < model->variables; i++) {
        const antler_model_variable_entry *v = &model->variable[i];
        if (v->view.trainable && v->regularizer.type)
            sum += ((const antler_regularizer_ops *)v->regularizer.type)
                       ->penalty(v->regularizer.config, v->view.value.data, v->length);
    }
    return sum;
}

void antler__penalty_gradients(antler_context *c)
{
    for (int64_t i = 0; i < c->model->variables; i++) {
        const antler_model_variable_entry *v = &c->model->variable[i];
        if (v->view.trainable && v->regularizer.type)
            ((const antler_regularizer_ops *)v->regularizer.type)
                ->gradient(v->regularizer.config, c->gradients + v->offset, v->view.value.data, v->length, 1);
    }
}

/* ---- clipping ---------------------------------------------------------------------------------------------------- */

static void scale(antler_real *g, int64_t n, antler_real factor, antler_real divisor)
{
    for (int64_t i = 0; i < n; i++)
        g[i] = g[i] * factor / divisor;
}

/* g * clip / max(norm, clip), each variable by itself. */
static void clip_norm(antler_context *c, double clip)
{
    const antler_kernels *k = antler__kernels();
    for (int64_t i = 0; i < c->model->variables; i++) {
        const antler_model_variable_entry *v = &c->model->variable[i];
        if (!v->view.trainable)
            continue;
        double norm = sqrt(k->long_sum_squares(c->gradients + v->offset, v->length));
        scale(c->gradients + v->offset, v->length, (antler_real)clip, (antler_real)(norm > clip ? norm : clip));
    }
}

/* The same with the norm of all gradients together. */
static void clip_global_norm(antler_context *c, double clip)
{
    const antler_kernels *k = antler__kernels();
    double sum = 0;
    for (int64_t i = 0; i < c->model->variables; i++)
        if (c->model->variable[i].view.trainable)
            sum += k->long_sum_squares(c->gradients + c->model->variable[i].offset, c->model->variable[i].length);
    double norm = sqrt(sum);
    if (norm > clip)
        scale(c->gradients, c->model->trained_size, (antler_real)clip, (antler_real)norm);
}

static void clip_value(antler_context *c, double clip)
{
    antler_real most = (antler_real)clip;
    for (int64_t i = 0; i < c->model->trained_size; i++)
        c->gradients[i] = c->gradients[i] > most ? most : c->gradients[i] < -most ? -most : c->gradients[i];
}

static void clip(antler_context *c, const antler_optimizer_keys *keys)
{
    if (!isnan(keys->clipnorm))
        clip_norm(c, keys->clipnorm);
    else if (!isnan(keys->global_clipnorm))
        clip_global_norm(c, keys->global_clipnorm);
    else if (!isnan(keys->clipvalue))
        clip_value(c, keys->clipvalue);
}

/* ---- the step ---------------------------------------------------------------------------------------------------- */

enum { PIECE = 1 << 14 }; /* elements of one task: any cut gives the same bits */

typedef struct sweep {
    antler_context *context;
    const antler_optimizer_ops *ops;
    const void *config;
    antler_step step;
    antler_real decay; /* rate * weight_decay, 0 for none */
} sweep;

static void sweep_piece(void *arg, int64_t piece, int worker)
{
    (void)worker;
    const sweep *s = arg;
    const antler_model *model = s->context->writable;
    int64_t first = piece * PIECE, n = model->trained_size - first < PIECE ? model->trained_size - first : PIECE;
    antler_step step = s->step;
    step.w = model->parameters + first;
    step.g = s->context->gradients + first;
    step.n = n;
    for (int i = 0; i < model->slots; i++)
        step.slot[i] = model->slot[i] + first;
    for (int64_t i = 0; s->decay != 0 && i < n; i++)
        step.w[i] -= s->decay * step.w[i];
    s->ops->step(s->config, &step);
}

static void constrain(antler_model *model)
{
    for (int64_t i = 0; i < model->variables; i++) {
        antler_model_variable_entry *v = &model->variable[i];
        if (v->view.trainable && v->constraint.type)
            ((const antler_constraint_ops *)v->constraint.type)->apply(v->constraint.config, &v->view.value);
    }
}

antler_status antler_update(antler_context *c, antler_error *err)
{
    antler_model *model = c ? c->writable : NULL;
    if (!model)
        return antler_error_set(err, ANTLER_VALUE, NULL, "an update needs a context made for training");
    if (!c->ran_backward)
        return antler_error_set(err, ANTLER_VALUE, NULL, "an update needs a pass back before it");
    ANTLER_TRY(antler__model_slots(model, err));
    antler_object optimizer = model->compile->optimizer;
    const antler_optimizer_keys *keys = optimizer.config;
    const antler_schedule_ops *schedule = (const antler_schedule_ops *)keys->learning_rate.type;
    /* Keras keeps a rate in a variable of the weights' type: in float, 0.1 is the float nearest to it. */
    double rate = (double)(antler_real)schedule->rate(keys->learning_rate.config, model->iteration);
    sweep s = {.context = c,
               .ops = (const antler_optimizer_ops *)optimizer.type,
               .config = optimizer.config,
               .step = {.rate = rate, .iteration = model->iteration, .k = antler__kernels()},
               .decay = isnan(keys->weight_decay) ? 0 : (antler_real)(rate * keys->weight_decay)};
    clip(c, keys);
    antler__pool_run(c->pool, sweep_piece, &s, (model->trained_size + PIECE - 1) / PIECE);
    constrain(model);
    model->iteration++;
    return ANTLER_OK;
}
