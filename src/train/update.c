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

/* ---- weights that a loss reaches --------------------------------------------------------------------------------- */

enum { PIECE = 1 << 14 }; /* elements of one task: any cut gives the same bits */

/* Of a layer that runs back, and its children. */
static void reach(const antler_layer *layer, bool *reached)
{
    for (int s = 0; s < layer->params; s++)
        reached[layer->variable + s] = true;
    for (int i = 0; i < layer->children; i++)
        reach(&layer->child[i], reached);
}

static bool adds_to_last(const antler_context *c, int64_t offset)
{
    const antler_span *last = c->spans ? &c->span[c->spans - 1] : NULL;
    return last && last->first + last->n == offset;
}

/* Appends what lies from `offset` on: to the last span, if it ends there. */
static antler_status add_span(antler_context *c, int64_t offset, int64_t n, antler_error *err)
{
    for (int64_t piece; n > 0; offset += piece, n -= piece) {
        int64_t room = adds_to_last(c, offset) ? PIECE - c->span[c->spans - 1].n : 0;
        piece = n < (room ? room : PIECE) ? n : room ? room : PIECE;
        if (room == 0) {
            if (!antler__grow(&c->span, (size_t)c->spans, (size_t)c->spans + 1, sizeof *c->span))
                return antler__no_memory(err);
            c->span[c->spans++] = (antler_span){.first = offset};
        }
        c->span[c->spans - 1].n += piece;
    }
    return ANTLER_OK;
}

static antler_status add_idle(antler_context *c, const antler_model_variable_entry *v, antler_error *err)
{
    if (!antler__grow(&c->idle, (size_t)c->idles, (size_t)c->idles + 1, sizeof *c->idle))
        return antler__no_memory(err);
    c->idle[c->idles++] = (antler_span){v->offset, v->length};
    return ANTLER_OK;
}

/* Trained variables lie in their order, each up to a multiple of 64 bytes. A penalty is part of the loss, too. */
static antler_status make_spans(antler_context *c, const bool *reached, antler_error *err)
{
    const int64_t step = 64 / (int64_t)sizeof(antler_real);
    c->passes_over = true;
    for (int64_t i = 0; i < c->model->variables; i++) {
        const antler_model_variable_entry *v = &c->model->variable[i];
        if (!v->view.trainable || (!reached[i] && !v->regularizer.type))
            continue;
        ANTLER_TRY(add_span(c, v->offset, (v->length + step - 1) / step * step, err));
        if (!reached[i])
            ANTLER_TRY(add_idle(c, v, err));
    }
    return ANTLER_OK;
}

antler_status antler__spans_make(antler_context *c, antler_error *err)
{
    const antler_model *m = c->model;
    bool all = true, *reached = antler__allocate_zeroed((size_t)m->variables, sizeof *reached);
    if (!reached)
        return antler__no_memory(err);
    for (int64_t i = 0; i < c->calls; i++)
        if (c->runs_backward[i])
            reach(&m->layer[m->call[i].layer], reached);
    for (int64_t i = 0; i < m->variables; i++)
        all = all && (reached[i] || !m->variable[i].view.trainable);
    antler_status status = all ? ANTLER_OK : make_spans(c, reached, err);
    antler__free(reached);
    return status;
}

/* ---- the step ---------------------------------------------------------------------------------------------------- */

typedef struct sweep {
    antler_context *context;
    const antler_optimizer_ops *ops;
    const void *config;
    antler_step step;
    antler_real decay; /* rate * weight_decay, 0 for none */
} sweep;

static void sweep_range(const sweep *s, int64_t first, int64_t n)
{
    const antler_model *model = s->context->writable;
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

static void sweep_piece(void *arg, int64_t piece, int worker)
{
    (void)worker;
    const sweep *s = arg;
    int64_t first = piece * PIECE, size = s->context->model->trained_size;
    sweep_range(s, first, size - first < PIECE ? size - first : PIECE);
}

static void sweep_span(void *arg, int64_t i, int worker)
{
    (void)worker;
    const sweep *s = arg;
    sweep_range(s, s->context->span[i].first, s->context->span[i].n);
}

/* The optimizer takes no step with a weight that no loss reaches, nor does it decay. */
static void sweep_all(antler_context *c, sweep *s)
{
    if (c->passes_over)
        antler__pool_run(c->pool, sweep_span, s, c->spans);
    else
        antler__pool_run(c->pool, sweep_piece, s, (c->model->trained_size + PIECE - 1) / PIECE);
}

static bool is_passed_over(const antler_context *c, const antler_model_variable_entry *v)
{
    for (int64_t i = 0; c->passes_over && i < c->spans; i++)
        if (v->offset >= c->span[i].first && v->offset < c->span[i].first + c->span[i].n)
            return false;
    return c->passes_over;
}

static void constrain(const antler_context *c, antler_model *model)
{
    for (int64_t i = 0; i < model->variables; i++) {
        antler_model_variable_entry *v = &model->variable[i];
        if (v->view.trainable && v->constraint.type && !is_passed_over(c, v))
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
    sweep_all(c, &s);
    constrain(c, model);
    model->iteration++;
    return ANTLER_OK;
}
