/* Contexts with the losses of their model: where the gradients of these begin, and the pass back from them. */
#include "core/memory.h"
#include "model/compile.h"
#include "model/unread.h"
#include "train/objective.h"

#include <string.h>

/* ---- where losses begin ------------------------------------------------------------------------------------------ */

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
    if (antler__unread_compile(model, err) == ANTLER_OK &&
        antler__error_copy(err, &model->compile->failure) == ANTLER_OK)
        objective = antler__objective_create(model, batch, err);
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
        antler__objective_free(objective);
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
    if (c && mode == ANTLER_TRAIN &&
        antler__spans_make(c, model->fit ? &model->fit->multipliers : NULL, &error) != ANTLER_OK) {
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
        antler__objective_free(c->objective);
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
