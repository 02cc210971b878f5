/* One optimizer step, in Keras's order: penalties' gradients (already in), clipping, weight decay, the optimizer, then
   constraints. */
#include "core/memory.h"
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
            sum +=
                ((const antler_regularizer_ops *)v->regularizer.type)->penalty(v->regularizer.config, &v->view.value);
    }
    return sum;
}

void antler__penalty_gradients(antler_context *c)
{
    for (int64_t i = 0; i < c->model->variables; i++) {
        const antler_model_variable_entry *v = &c->model->variable[i];
        if (v->view.trainable && v->regularizer.type)
            ((const antler_regularizer_ops *)v->regularizer.type)
                ->gradient(v->regularizer.config, c->gradients + v->offset, &v->view.value, 1);
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

/* ---- what a step does not change --------------------------------------------------------------------------------- */

enum { PIECE = 1 << 14 }; /* elements of one task: any cut gives the same bits */

/* Of a layer that runs back, and its children. */
static void reach(const antler_layer *layer, bool *reached)
{
    for (int s = 0; s < layer->params; s++)
        reached[antler__variable_at(layer, s)] = true;
    for (int i = 0; i < layer->children; i++)
        reach(&layer->child[i], reached);
}

/* Whether what lies from `offset` on may go to the last span. */
static bool adds_to_last(const antler_context *c, int64_t offset, double factor)
{
    const antler_span *last = c->spans ? &c->span[c->spans - 1] : NULL;
    return last && last->first + last->n == offset && !(last->factor > factor) && !(last->factor < factor);
}

/* Appends what lies from `offset` on, in pieces. */
static antler_status add_span(antler_context *c, int64_t offset, int64_t n, double factor, antler_error *err)
{
    for (int64_t piece; n > 0; offset += piece, n -= piece) {
        int64_t room = adds_to_last(c, offset, factor) ? PIECE - c->span[c->spans - 1].n : 0;
        piece = n < (room ? room : PIECE) ? n : room ? room : PIECE;
        if (room == 0) {
            if (!antler__grow_by(&c->span, (size_t)c->spans, 1, sizeof *c->span))
                return antler__no_memory(err);
            c->span[c->spans++] = (antler_span){.first = offset, .factor = factor};
        }
        c->span[c->spans - 1].n += piece;
    }
    return ANTLER_OK;
}

static antler_status add_idle(antler_context *c, const antler_model_variable_entry *v, antler_error *err)
{
    if (!antler__grow_by(&c->idle, (size_t)c->idles, 1, sizeof *c->idle))
        return antler__no_memory(err);
    c->idle[c->idles++] = (antler_span){.first = v->offset, .n = v->length};
    return ANTLER_OK;
}

/* Trained variables lie in their order, each up to a multiple of 64 bytes. A penalty is part of the loss, too. */
static antler_status make_spans(antler_context *c, const bool *reached, antler_error *err)
{
    const int64_t step = 64 / (int64_t)sizeof(antler_real);
    for (int64_t i = 0; i < c->model->variables; i++) {
        const antler_model_variable_entry *v = &c->model->variable[i];
        if (!v->view.trainable || (!reached[i] && !v->regularizer.type)) {
            c->factor[i] = 0;
            continue;
        }
        if (c->factor[i] > 0)
            ANTLER_TRY(add_span(c, v->offset, (v->length + step - 1) / step * step, c->factor[i], err));
        if (!reached[i])
            ANTLER_TRY(add_idle(c, v, err));
    }
    return ANTLER_OK;
}

/* Variables of the layer of that name, or of a model's layers: "base" is all of "base/dense" too. */
static bool is_of(const char *layer, const char *name)
{
    const size_t n = strlen(name);
    return strncmp(layer, name, n) == 0 && (layer[n] == 0 || layer[n] == '/');
}

static antler_status take_multiplier(antler_context *c, const antler_output_value *item, antler_error *err)
{
    bool found = false;
    for (int64_t i = 0; i < c->model->variables; i++)
        if (is_of(c->model->variable[i].view.layer, item->name)) {
            c->factor[i] = item->number;
            found = true;
        }
    for (int64_t i = 0; !found && i < c->model->layers; i++) /* one without variables does no harm */
        found = is_of(c->model->view[i].name, item->name);
    return found ? ANTLER_OK
                 : antler_error_set(err, ANTLER_VALUE, "fit.learning_rate_multipliers", "no layer is named \"%s\"",
                                    item->name);
}

antler_status antler__spans_make(antler_context *c, const antler_by_output *multipliers, antler_error *err)
{
    const antler_model *m = c->model;
    c->spans = c->idles = 0;
    if (!c->factor)
        c->factor = antler__allocate((size_t)m->variables, sizeof *c->factor);
    bool *reached = antler__allocate_zeroed((size_t)m->variables, sizeof *reached);
    if (!reached || !c->factor) {
        antler__free(reached);
        return antler__no_memory(err);
    }
    for (int64_t i = 0; c->node && i < c->calls; i++)
        if (c->runs_backward[i])
            reach(&m->layer[m->call[i].layer], reached);
    for (int64_t i = 0; i < m->variables; i++)
        c->factor[i] = 1;
    antler_status status = ANTLER_OK;
    for (int64_t i = 0; status == ANTLER_OK && multipliers && i < multipliers->n; i++)
        status = take_multiplier(c, &multipliers->item[i], err);
    if (status == ANTLER_OK)
        status = make_spans(c, reached, err);
    antler__free(reached);
    return status;
}

/* ---- the step ---------------------------------------------------------------------------------------------------- */

typedef struct sweep {
    antler_context *context;
    const antler_optimizer_ops *ops;
    const antler_optimizer_keys *keys;
    antler_step step;
} sweep;

/* w = w - decay w; decay is rate * weight_decay, NaN for none. */
static void decay_weights(antler_real *w, int64_t n, double decay)
{
    for (int64_t i = 0; !isnan(decay) && decay != 0 && i < n; i++)
        w[i] -= (antler_real)decay * w[i];
}

/* The step for what lies from `first` on. */
static antler_step step_at(const sweep *s, int64_t first, int64_t n, double factor)
{
    const antler_model *model = s->context->writable;
    antler_step step = s->step;
    step.w = model->parameters + first;
    step.g = s->context->gradients + first;
    step.n = n;
    step.rate *= factor;
    for (int i = model->own_slot; i < model->slots; i++)
        step.slot[i - model->own_slot] = model->slot[i] + (model->slot_kind[i].shared ? 0 : first);
    return step;
}

static void sweep_span(void *arg, int64_t i, int worker)
{
    (void)worker;
    const sweep *s = arg;
    const antler_span *span = &s->context->span[i];
    const antler_step step = step_at(s, span->first, span->n, span->factor);
    decay_weights(step.w, step.n, step.rate * s->keys->weight_decay);
    s->ops->step(s->keys, &step);
}

/* One variable after the other: their steps share their work out. */
static void sweep_variables(const sweep *s)
{
    antler_context *c = s->context;
    antler_run run = {.workers = c->workers, .k = s->step.k};
    for (int64_t i = 0; i < c->model->variables; i++) {
        const antler_model_variable_entry *v = &c->model->variable[i];
        if (!(c->factor[i] > 0))
            continue;
        antler_step step = step_at(s, v->offset, v->length, c->factor[i]);
        step.variable = &v->view;
        step.room = c->model->optimizer_room;
        step.run = &run;
        const double decay = s->ops->decay ? s->ops->decay(s->keys, &v->view) : s->keys->weight_decay;
        decay_weights(step.w, step.n, step.rate * decay);
        s->ops->step(s->keys, &step);
    }
}

/* The optimizer takes no step with a weight that no loss reaches, nor does it decay. */
static void sweep_all(const sweep *s)
{
    antler_context *c = s->context;
    if (s->ops->begin) {
        const antler_step all = step_at(s, 0, 0, 1);
        s->ops->begin(s->keys, &all);
    }
    if (s->ops->whole)
        sweep_variables(s);
    else
        antler__pool_run(c->pool, sweep_span, (void *)(uintptr_t)s, c->spans);
}

/* Adds the gradients to those of the batches before; true where an update is due, which takes the mean of all. */
static bool accumulate(antler_context *c, int64_t steps)
{
    antler_model *model = c->writable;
    antler_real *sum = model->slot[model->own_slot - 1];
    const bool due = (model->iteration + 1) % steps == 0;
    for (int64_t i = 0; i < model->trained_size; i++) {
        const antler_real g = c->gradients[i] + sum[i];
        c->gradients[i] = g / (antler_real)steps;
        sum[i] = due ? 0 : g;
    }
    return due;
}

/* The running means of the weights; and the weights from them, where their time has come. */
static void average(antler_model *model, const antler_optimizer_keys *keys, int64_t updates)
{
    const antler_real momentum = (antler_real)(updates ? keys->ema_momentum : 0);
    antler_real *mean = model->slot[0];
    for (int64_t i = 0; i < model->trained_size; i++)
        mean[i] = momentum * mean[i] + (1 - momentum) * model->parameters[i];
    if (keys->ema_overwrite_frequency != ANTLER_NULL && (updates + 1) % keys->ema_overwrite_frequency == 0)
        memcpy(model->parameters, mean, (size_t)model->trained_size * sizeof *mean);
}

void antler__update_finish(antler_model *model)
{
    const antler_object *optimizer = &model->compile->optimizer;
    if (optimizer->type && ((const antler_optimizer_keys *)optimizer->config)->use_ema && model->iteration > 0)
        memcpy(model->parameters, model->slot[0], (size_t)model->trained_size * sizeof(antler_real));
}

static void constrain(const antler_context *c, antler_model *model)
{
    for (int64_t i = 0; i < model->variables; i++) {
        antler_model_variable_entry *v = &model->variable[i];
        if (v->constraint.type && c->factor[i] > 0)
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
    const int64_t batches = keys->gradient_accumulation_steps;
    const int64_t updates = batches == ANTLER_NULL ? model->iteration : model->iteration / batches;
    /* Keras keeps a rate in a variable of the weights' type: in float, 0.1 is the float nearest to it. A schedule sees
       batches, all else updates. */
    double rate = (double)(antler_real)schedule->rate(keys->learning_rate.config, model->iteration);
    sweep s = {.context = c,
               .ops = (const antler_optimizer_ops *)optimizer.type,
               .keys = keys,
               .step = {.rate = rate, .iteration = updates, .k = antler__kernels()}};
    if (batches == ANTLER_NULL || accumulate(c, batches)) {
        clip(c, keys);
        sweep_all(&s);
    }
    if (keys->use_ema)
        average(model, keys, updates);
    constrain(c, model);
    model->iteration++;
    return ANTLER_OK;
}
