/* Contexts: planning a run's memory, and running forward and backward.

   Steps, by which buffers live: forward of layer i is step i, the loss is step L (L layers), backward of layer i is
   step 2 L - i. */
#include "model/context.h"

#include "core/memory.h"

#include <string.h>

enum { FOREVER = INT32_MAX };

static const antler_layer *layer_of(const antler_context *c, int64_t i)
{
    return &c->model->layer[i];
}

static int backward_step(const antler_context *c, int64_t i)
{
    return (int)(2 * c->layers - i);
}

static bool has_flag(const antler_context *c, int64_t i, unsigned flag)
{
    return layer_of(c, i)->ops->flags & flag;
}

static bool trains(const antler_layer *layer)
{
    bool any = layer->trainable && layer->params > 0;
    for (int i = 0; i < layer->children; i++)
        any = any || trains(&layer->child[i]);
    return any;
}

/* ---- planning ---- */

/* Backward runs from the last layer down to the first that has something to train, or to the input when its gradient is
   wanted. */
static void plan_backward(antler_context *c)
{
    bool wanted = c->flags & ANTLER_INPUT_GRADIENT;
    for (int64_t i = 1; i < c->layers; i++) {
        wanted =
            wanted || trains(layer_of(c, i)) || antler__layer_keys(layer_of(c, i)->object)->activity_regularizer_.type;
        c->runs_backward[i] = c->mode == ANTLER_TRAIN && wanted;
    }
}

static antler_shape with_batch(antler_shape shape, int64_t batch)
{
    shape.dim[0] = batch;
    return shape;
}

/* Step until which the output of layer i is read. */
static int output_death(const antler_context *c, int64_t i)
{
    bool last = i == c->layers - 1;
    bool penalized = antler__layer_keys(layer_of(c, i)->object)->activity_regularizer_.type;
    int death = penalized ? (int)c->layers : (int)i + 1; /* a penalty on it is part of the loss */
    if (c->flags & ANTLER_KEEP || last)                  /* of the last: metrics read it after the pass back */
        return FOREVER;
    if (c->mode != ANTLER_TRAIN)
        return death;
    if ((penalized || layer_of(c, i)->needs & ANTLER_NEEDS_Y) && backward_step(c, i) > death)
        death = backward_step(c, i);
    if (layer_of(c, i + 1)->needs & ANTLER_NEEDS_X && backward_step(c, i + 1) > death)
        death = backward_step(c, i + 1);
    return death;
}

/* Whether the output of layer i may take the place of its input: nobody reads that later. */
static bool output_replaces_input(const antler_context *c, int64_t i)
{
    int64_t root = c->y_buffer[i - 1];
    return has_flag(c, i, ANTLER_IN_PLACE) && root >= 0 && !(c->flags & ANTLER_KEEP) &&
           c->arena.buffer[root].death <= i;
}

static antler_status plan_outputs(antler_context *c, antler_error *err)
{
    c->y_buffer[0] = -1;
    for (int64_t i = 1; i < c->layers; i++) {
        antler_shape shape = with_batch(layer_of(c, i)->out, c->batch);
        int death = output_death(c, i);
        c->y[i].shape = shape;
        if (has_flag(c, i, ANTLER_VIEW) || output_replaces_input(c, i)) {
            int64_t root = c->y_buffer[i] = c->y_buffer[i - 1];
            if (root >= 0 && c->arena.buffer[root].death < death)
                c->arena.buffer[root].death = death;
            continue;
        }
        c->y_buffer[i] = antler__arena_add(&c->arena, &shape, sizeof(antler_real), (int)i, death, err);
        if (c->y_buffer[i] < 0)
            return err->status;
    }
    return ANTLER_OK;
}

/* The gradient of layer i's output is written by the loss or by layer i + 1, and read by layer i. */
static antler_status plan_gradients(antler_context *c, antler_error *err)
{
    for (int64_t i = c->layers - 1; i >= 0; i--) {
        c->dy_buffer[i] = -1;
        bool wanted = i > 0 ? c->runs_backward[i] : c->flags & ANTLER_INPUT_GRADIENT;
        if (c->mode != ANTLER_TRAIN || !wanted)
            continue;
        int birth = i == c->layers - 1 ? (int)c->layers : backward_step(c, i + 1), death = backward_step(c, i);
        antler_shape shape = with_batch(layer_of(c, i)->out, c->batch);
        c->dy[i].shape = shape;
        bool shares = i < c->layers - 1 && (has_flag(c, i + 1, ANTLER_VIEW) ||
                                            (has_flag(c, i + 1, ANTLER_IN_PLACE) && !(c->flags & ANTLER_KEEP)));
        if (shares) {
            c->dy_buffer[i] = c->dy_buffer[i + 1];
            antler_buffer *buffer = &c->arena.buffer[c->dy_buffer[i]];
            buffer->death = buffer->death < death ? death : buffer->death;
            continue;
        }
        c->dy_buffer[i] = antler__arena_add(&c->arena, &shape, sizeof(antler_real), birth,
                                            c->flags & ANTLER_KEEP ? FOREVER : death, err);
        if (c->dy_buffer[i] < 0)
            return err->status;
    }
    return ANTLER_OK;
}

/* Masks are small and live through the run. */
static antler_status plan_masks(antler_context *c, antler_error *err)
{
    for (int64_t i = 0; i < c->layers; i++) {
        const antler_layer *layer = layer_of(c, i);
        c->mask_buffer[i] = -1;
        if (i == 0 || layer->mask == ANTLER_MASK_END)
            continue;
        if (layer->mask == ANTLER_MASK_PASS) {
            c->mask[i].shape = c->mask[i - 1].shape;
            c->mask_buffer[i] = c->mask_buffer[i - 1];
            continue;
        }
        c->mask[i].shape = (antler_shape){2, {c->batch, layer->in.rank > 1 ? layer->in.dim[1] : 1}};
        c->mask_buffer[i] = antler__arena_add(&c->arena, &c->mask[i].shape, sizeof(antler_real), 0, FOREVER, err);
        if (c->mask_buffer[i] < 0)
            return err->status;
    }
    return ANTLER_OK;
}

static antler_status plan_layers(antler_context *c, antler_error *err)
{
    antler_plan settings = {.err = err,
                            .mode = c->mode,
                            .threads = antler__pool_threads(c->pool),
                            .keep = c->flags & ANTLER_KEEP,
                            .arena = &c->arena};
    for (int64_t i = 1; i < c->layers; i++) {
        settings.forward = (int)i;
        settings.backward = c->mode == ANTLER_TRAIN ? backward_step(c, i) : -1;
        antler_shape in = with_batch(layer_of(c, i)->in, c->batch);
        ANTLER_TRY(antler__plan_node(&settings, &c->node[i], layer_of(c, i), &in));
    }
    return ANTLER_OK;
}

static antler_status plan_logits(antler_context *c, antler_error *err)
{
    c->logits_buffer = -1;
    const antler_layer *last = layer_of(c, c->layers - 1);
    if (!c->objective || !c->objective->logits || !last->ops->logits || !last->ops->logits(last->object.config))
        return ANTLER_OK;
    c->logits.shape = with_batch(last->out, c->batch);
    c->logits_buffer =
        antler__arena_add(&c->arena, &c->logits.shape, sizeof(antler_real), (int)c->layers - 1, (int)c->layers, err);
    return c->logits_buffer < 0 ? err->status : ANTLER_OK;
}

/* ---- connecting runs to memory ---- */

static void connect_run(antler_context *c, antler_node *node, antler_error *err)
{
    const antler_layer *layer = node->layer;
    for (int s = 0; s < layer->params + layer->states; s++) {
        const antler_model_variable_entry *variable = &c->model->variable[layer->variable + s];
        if (s >= layer->params) {
            node->state[s - layer->params] = variable->view.value;
            continue;
        }
        node->param[s] = variable->view.value;
        node->grad[s] = (antler_tensor){variable->view.value.shape, NULL};
        if (c->gradients && variable->view.trainable)
            node->grad[s].data = c->gradients + variable->offset;
    }
    for (int s = 0; s < layer->sites; s++) {
        int64_t seed = layer->seed[s] == ANTLER_NULL ? c->model->seed : layer->seed[s];
        node->noise[s].key = antler__key(seed, ANTLER_FOR_NOISE, layer->site + s);
    }
    node->run = (antler_run){.mode = c->mode,
                             .trainable = layer->trainable,
                             .param = node->param,
                             .grad = node->grad,
                             .state = node->state,
                             .saved = node->saved,
                             .bits = node->bits,
                             .scratch = node->scratch,
                             .carry = node->carry,
                             .noise = node->noise,
                             .child = node->child_run,
                             .context = c,
                             .layer = layer,
                             .k = antler__kernels(),
                             .err = err};
    for (int i = 0; i < layer->children; i++) {
        connect_run(c, &node->child[i], err);
        node->child_run[i] = node->child[i].run;
    }
}

static void connect(antler_context *c)
{
    for (int64_t i = 0; i < c->layers; i++) {
        c->y[i].data = antler__arena_at(&c->arena, c->y_buffer[i]);
        c->dy[i].data = antler__arena_at(&c->arena, c->dy_buffer[i]);
        c->mask[i].data = antler__arena_at(&c->arena, c->mask_buffer[i]);
    }
    c->logits.data = antler__arena_at(&c->arena, c->logits_buffer);
    for (int64_t i = 1; i < c->layers; i++) {
        antler__node_connect(&c->node[i], &c->arena);
        connect_run(c, &c->node[i], NULL);
        antler_run *run = &c->node[i].run;
        run->x = &c->y[i - 1];
        run->y = &c->y[i];
        run->mask = c->mask[i - 1].data ? &c->mask[i - 1] : NULL;
        run->mask_out = layer_of(c, i)->mask == ANTLER_MASK_MAKE ? &c->mask[i] : NULL;
        run->logits = i == c->layers - 1 && c->logits.data ? &c->logits : NULL;
        run->dy = &c->dy[i];
        run->dx = c->dy[i - 1].data ? &c->dy[i - 1] : NULL;
    }
}

/* ---- creating ---- */

static bool allocate_tables(antler_context *c)
{
    size_t n = (size_t)c->layers;
    c->node = antler__allocate_zeroed(n, sizeof *c->node);
    c->y = antler__allocate_zeroed(n, sizeof *c->y);
    c->dy = antler__allocate_zeroed(n, sizeof *c->dy);
    c->mask = antler__allocate_zeroed(n, sizeof *c->mask);
    c->y_buffer = antler__allocate_zeroed(n, sizeof *c->y_buffer);
    c->dy_buffer = antler__allocate_zeroed(n, sizeof *c->dy_buffer);
    c->mask_buffer = antler__allocate_zeroed(n, sizeof *c->mask_buffer);
    c->runs_backward = antler__allocate_zeroed(n, sizeof *c->runs_backward);
    c->rows = antler__allocate((size_t)c->batch, sizeof *c->rows);
    return c->rows && c->node && c->y && c->dy && c->mask && c->y_buffer && c->dy_buffer && c->mask_buffer &&
           c->runs_backward;
}

static bool allocate_workers(antler_context *c)
{
    int threads = antler__pool_threads(c->pool);
    c->worker = antler__allocate_zeroed((size_t)threads, sizeof *c->worker);
    for (int i = 0; c->worker && i < threads; i++) {
        c->worker[i] = antler__allocate_aligned(antler__kernels()->product_scratch, sizeof **c->worker);
        if (!c->worker[i])
            return false;
    }
    return c->worker != NULL;
}

static bool allocate_gradients(antler_context *c)
{
    if (c->mode != ANTLER_TRAIN)
        return true;
    c->gradients = antler__allocate_aligned((size_t)c->model->trained, sizeof *c->gradients);
    if (c->gradients)
        memset(c->gradients, 0, (size_t)c->model->trained * sizeof *c->gradients);
    return c->gradients != NULL;
}

static antler_status set_up(antler_context *c, int threads, antler_error *err)
{
    c->pool = antler__pool_create(threads, err);
    if (!c->pool)
        return err->status;
    if (!allocate_tables(c) || !allocate_workers(c) || !allocate_gradients(c))
        return antler__no_memory(err);
    bool objective = c->model->compile && c->model->compile->loss.type &&
                     (c->mode == ANTLER_TRAIN || c->flags & ANTLER_WITH_OBJECTIVE);
    if (objective)
        ANTLER_TRY(antler__objective_create(c->model, c->batch, &c->objective, err));
    plan_backward(c);
    c->y[0].shape = with_batch(layer_of(c, 0)->out, c->batch);
    ANTLER_TRY(plan_outputs(c, err));
    ANTLER_TRY(plan_gradients(c, err));
    ANTLER_TRY(plan_masks(c, err));
    ANTLER_TRY(plan_logits(c, err));
    ANTLER_TRY(plan_layers(c, err));
    ANTLER_TRY(antler__arena_place(&c->arena, err));
    connect(c);
    return ANTLER_OK;
}

antler_context *antler__context_create(const antler_model *model, antler_model *trained, antler_mode mode,
                                       int64_t batch, int threads, unsigned flags, antler_error *err)
{
    antler_error error = {0};
    antler_context *c = NULL;
    if (!model || !model->built || !model->initialized)
        antler_error_set(&error, ANTLER_VALUE, NULL, "the model has not been built: call antler_build first");
    else if (batch < 1)
        antler_error_set(&error, ANTLER_VALUE, NULL, "a batch of %lld is not possible", (long long)batch);
    else if (!(c = antler__allocate_zeroed(1, sizeof *c)))
        antler__no_memory(&error);
    if (c) {
        *c = (antler_context){.model = model,
                              .trained = trained,
                              .mode = mode,
                              .flags = flags,
                              .batch = batch,
                              .n = batch,
                              .layers = model->layers};
        if (set_up(c, threads, &error) == ANTLER_OK)
            return c;
        antler_context_free(c);
    }
    antler_error_set(err, error.status, error.place, "%s", error.message);
    return NULL;
}

antler_context *antler_context_create(const antler_model *model, antler_mode mode, int64_t batch, int threads,
                                      unsigned flags, antler_error *err)
{
    if (mode != ANTLER_INFER && mode != ANTLER_MC) {
        antler_error_set(err, ANTLER_VALUE, NULL, "mode %d is neither ANTLER_INFER nor ANTLER_MC", mode);
        return NULL;
    }
    return antler__context_create(model, NULL, mode, batch, threads, flags, err);
}

antler_context *antler_context_create_train(antler_model *model, int64_t batch, int threads, unsigned flags,
                                            antler_error *err)
{
    return antler__context_create(model, model, ANTLER_TRAIN, batch, threads, flags, err);
}

void antler_context_free(antler_context *c)
{
    if (!c)
        return;
    for (int i = 0; c->worker && i < antler__pool_threads(c->pool); i++)
        antler__free_aligned(c->worker[i]);
    antler__free(c->worker);
    antler__pool_free(c->pool);
    for (int64_t i = 1; c->node && i < c->layers; i++)
        if (c->node[i].layer)
            antler__node_clear(&c->node[i]);
    antler__free(c->node);
    antler__free(c->y);
    antler__free(c->dy);
    antler__free(c->mask);
    antler__free(c->y_buffer);
    antler__free(c->dy_buffer);
    antler__free(c->mask_buffer);
    antler__free(c->runs_backward);
    antler__free(c->noise_view);
    antler__free(c->rows);
    antler__arena_free(&c->arena);
    antler__free_aligned(c->gradients);
    antler__objective_free(c->objective);
    antler__free(c);
}
