/* Contexts: making one, and connecting its runs to the memory that was planned (lifetimes.c). */
#include "model/context_create.h"

#include "core/memory.h"
#include "model/lifetimes.h"

#include <string.h>

/* ---- buffers of the calls ---------------------------------------------------------------------------------------- */

static bool wants_dx(const antler_context *c, const antler_call *call)
{
    for (int k = 0; k < call->inputs; k++)
        if (c->dx_buffer[call->place + k] >= 0)
            return true;
    return false;
}

static antler_status plan_call(antler_context *c, int64_t i, antler_plan *settings, antler_error *err)
{
    const antler_call *call = &c->model->call[i];
    antler_shape *in = antler__allocate_zeroed((size_t)call->inputs + 1, sizeof *in);
    bool *settled = antler__allocate((size_t)(call->inputs + call->outputs), sizeof *settled);
    antler_shape out[ANTLER_MAX_OUTPUTS] = {0};
    antler_status status = in && settled ? ANTLER_OK : antler__no_memory(err);
    for (int k = 0; status == ANTLER_OK && k < call->inputs; k++) {
        in[k] = c->edge[call->in[k]].y.shape;
        settled[k] = c->edge[call->in[k]].settled;
    }
    for (int k = 0; status == ANTLER_OK && k < call->outputs; k++) {
        out[k] = c->edge[call->out + k].y.shape;
        settled[call->inputs + k] = c->edge[call->out + k].settled;
    }
    settings->forward = (int)i;
    settings->backward = c->runs_backward[i] ? antler__backward_step(c, i) : -1;
    settings->linear = c->linear[i];
    settings->whole = wants_dx(c, call);
    settings->settled = settled;
    if (status == ANTLER_OK)
        status = antler__plan_node(settings, &c->node[i], antler__called(c, i), in, out);
    antler__free(settled);
    antler__free(in);
    return status;
}

/* From batch to batch. */
static bool keeps_state(const antler_node *node)
{
    bool any = node->carry.n > 0;
    for (int i = 0; i < node->layer->children; i++)
        any = any || keeps_state(&node->child[i]);
    return any;
}

static antler_status plan_calls(antler_context *c, antler_error *err)
{
    antler_plan settings = {.err = err,
                            .mode = c->mode,
                            .workers = c->workers->count,
                            .loss = (int)c->calls,
                            .keep = c->flags & ANTLER_KEEP,
                            .arena = &c->arena,
                            .built = c->model};
    for (int64_t i = 0; i < c->calls; i++) {
        ANTLER_TRY(plan_call(c, i, &settings, err));
        if (c->model->call[i].number > 0 && keeps_state(&c->node[i]))
            return antler_error_set(err, ANTLER_UNSUPPORTED, c->model->layer[c->model->call[i].layer].place,
                                    "\"%s\" is stateful and is called more than once", antler__called(c, i)->name);
    }
    return ANTLER_OK;
}

/* ---- connecting runs to memory ----------------------------------------------------------------------------------- */

/* Where call i writes the gradient of a variable. */
static antler_real *gradient_of(const antler_context *c, int64_t call, int64_t variable)
{
    for (int64_t i = 0; i < c->shares; i++)
        if (c->share[i].call == call && c->share[i].variable == variable)
            return antler__arena_at(&c->arena, c->share[i].buffer);
    return c->gradients + c->model->variable[variable].offset;
}

static void connect_variables(const antler_context *c, int64_t call, antler_node *node)
{
    const antler_layer *layer = node->layer;
    for (int s = 0; s < layer->params + layer->states; s++) {
        int64_t index = antler__variable_at(layer, s);
        const antler_model_variable_entry *variable = &c->model->variable[index];
        if (s >= layer->params) {
            node->state[s - layer->params] = variable->view.value;
            continue;
        }
        node->param[s] = variable->view.value;
        node->grad[s] = (antler_tensor){variable->view.value.shape, NULL};
        if (c->gradients && variable->view.trainable)
            node->grad[s].data = gradient_of(c, call, index);
    }
}

/* Sites are numbered call by call, children's after their parent's; *site is the next one's number. */
static void connect_node(antler_context *c, int64_t call, antler_node *node, int64_t times, int64_t *site)
{
    const antler_layer *layer = node->layer;
    antler_noise *noise = c->noise + *site;
    connect_variables(c, call, node);
    for (int s = 0; s < layer->sites; s++, ++*site) {
        int64_t seed = layer->seed[s] == ANTLER_NULL ? c->model->seed : layer->seed[s];
        c->noise[*site] = (antler_noise){.key = antler__key(seed, ANTLER_FOR_NOISE, *site)};
        c->times[*site] = times;
    }
    node->run = (antler_run){.mode = c->mode,
                             .trainable = layer->trainable,
                             .noisy = c->mode != ANTLER_INFER && !(c->flags & ANTLER_SILENT),
                             .keras = c->model->keras,
                             .inputs = layer->inputs,
                             .outputs = layer->outputs,
                             .x = node->moved ? node->seen_x : node->x,
                             .y = node->moved ? node->seen_y : node->y,
                             .dy = node->moved ? node->seen_dy : node->dy,
                             .dx = node->moved ? node->seen_dx : node->dx,
                             .mask = node->mask,
                             .mask_out = node->mask_out,
                             .param = node->param,
                             .grad = node->grad,
                             .state = node->state,
                             .saved = node->saved.tensor,
                             .bits = node->bits,
                             .scratch = node->scratch.tensor,
                             .carry = node->carry.tensor,
                             .noise = noise,
                             .epilogue = node->moved ? &node->bare : &node->epilogue,
                             .child = node->child,
                             .workers = c->workers,
                             .k = antler__kernels()};
    for (int i = 0; i < layer->children; i++)
        connect_node(c, call, &node->child[i], times * layer->child[i].times, site);
}

/* The tensors of a call; those of a model's input follow in the pass. */
static void connect_call(antler_context *c, int64_t i)
{
    const antler_call *call = &c->model->call[i];
    antler_node *node = &c->node[i];
    for (int k = 0; k < call->inputs; k++) {
        node->x[k] = c->edge[call->in[k]].y;
        node->mask[k] = c->edge[call->in[k]].mask;
        node->dx[k].data = antler__arena_at(&c->arena, c->dx_buffer[call->place + k]);
    }
    for (int k = 0; k < call->outputs; k++) {
        node->y[k] = c->edge[call->out + k].y;
        node->dy[k] = c->edge[call->out + k].dy;
    }
    if (node->layer->mask >= ANTLER_MASK_MAKE)
        *node->mask_out = c->edge[call->out].mask;
}

static antler_status connect(antler_context *c, antler_error *err)
{
    int64_t site = 0;
    for (int64_t w = 0; w < c->wires; w++) {
        c->edge[w].y.data = antler__arena_at(&c->arena, c->edge[w].y_buffer);
        c->edge[w].dy.data = antler__arena_at(&c->arena, c->edge[w].dy_buffer);
        c->edge[w].logits = antler__arena_at(&c->arena, c->edge[w].logits_buffer);
        c->edge[w].mask.data = antler__arena_at(&c->arena, c->edge[w].mask_buffer);
    }
    for (int64_t k = 0; k < c->model->outputs; k++)
        c->end[k].from_loss = antler__arena_at(&c->arena, c->end[k].buffer);
    for (int64_t i = 0; i < c->calls; i++) {
        ANTLER_TRY(antler__node_connect(&c->node[i], &c->arena, err));
        connect_node(c, i, &c->node[i], antler__wire_times(c, c->model->call[i].out), &site);
        connect_call(c, i);
    }
    return ANTLER_OK;
}

/* ---- creating ---------------------------------------------------------------------------------------------------- */

static void run_on_pool(void *pool, void (*fn)(void *arg, int64_t i, int worker), void *arg, int64_t n)
{
    antler__pool_run(pool, fn, arg, n);
}

static bool allocate_tables(antler_context *c)
{
    size_t sites = (size_t)c->model->sites, places = (size_t)c->model->places;
    c->node = antler__allocate_zeroed((size_t)c->calls, sizeof *c->node);
    c->edge = antler__allocate_zeroed((size_t)c->wires, sizeof *c->edge);
    c->runs_backward = antler__allocate_zeroed((size_t)c->calls, sizeof *c->runs_backward);
    c->linear = antler__allocate_zeroed((size_t)c->calls, sizeof *c->linear);
    c->end = antler__allocate((size_t)c->model->outputs, sizeof *c->end);
    c->dx_buffer = antler__allocate(places, sizeof *c->dx_buffer);
    c->noise = antler__allocate_zeroed(sites, sizeof *c->noise);
    c->times = antler__allocate_zeroed(sites, sizeof *c->times);
    for (size_t i = 0; c->dx_buffer && i < places; i++)
        c->dx_buffer[i] = -1;
    return c->node && c->edge && c->runs_backward && c->linear && c->end && c->dx_buffer && c->noise && c->times;
}

static bool allocate_workers(antler_context *c)
{
    int threads = antler__pool_threads(c->pool);
    c->workers = antler__allocate_zeroed(1, sizeof *c->workers);
    c->scratch = antler__allocate_zeroed((size_t)threads, sizeof *c->scratch);
    for (int i = 0; c->scratch && i < threads; i++) {
        c->scratch[i] = antler__allocate_aligned(antler__kernels()->product_scratch, sizeof **c->scratch);
        if (!c->scratch[i])
            return false;
    }
    if (!c->workers || !c->scratch)
        return false;
    *c->workers = (antler_workers){.count = threads, .scratch = c->scratch, .run = run_on_pool, .pool = c->pool};
    return true;
}

static bool allocate_gradients(antler_context *c)
{
    if (c->mode != ANTLER_TRAIN)
        return true;
    c->gradients = antler__allocate_aligned((size_t)c->model->trained_size, sizeof *c->gradients);
    if (c->gradients)
        memset(c->gradients, 0, (size_t)c->model->trained_size * sizeof *c->gradients);
    return c->gradients;
}

/* Where the losses begin; without any a caller may give gradients of all outputs. */
static void set_ends(antler_context *c, const antler_end *end)
{
    for (int64_t k = 0; k < c->model->outputs; k++) {
        c->end[k] = end ? end[k] : (antler_end){.logits = ANTLER_NO_LOGITS};
        c->end[k].buffer = -1;
        if (c->end[k].logits >= 0)
            c->linear[c->end[k].logits] = true;
    }
}

static antler_status set_up(antler_context *c, const antler_end *end, const antler_shape *in, antler_error *err)
{
    if (!allocate_workers(c) || !allocate_gradients(c))
        return antler__no_memory(err);
    if (c->model->open && !in)
        return ANTLER_OK;
    if (c->model->open && !(c->sizes = antler__sizes_make(c->model, in, err)))
        return err->status;
    if (!allocate_tables(c))
        return antler__no_memory(err);
    set_ends(c, end);
    ANTLER_TRY(antler__plan_lifetimes(c, err));
    ANTLER_TRY(plan_calls(c, err));
    ANTLER_TRY(antler__arena_place(&c->arena, err));
    return connect(c, err);
}

antler_context *antler__context_create(const antler_model *model, antler_model *writable, antler_mode mode,
                                       int64_t batch, antler_pool *pool, unsigned flags, const antler_end *end,
                                       const antler_shape *in, antler_error *err)
{
    antler_error error = {0};
    if (!pool)
        return NULL;
    antler_context *c = NULL;
    if (!model || !model->built || !model->initialized)
        antler_error_set(&error, ANTLER_VALUE, NULL, "the model has not been built: call antler_build first");
    else if (batch < 1)
        antler_error_set(&error, ANTLER_VALUE, NULL, "a batch of %lld is not possible", (long long)batch);
    else if (!(c = antler__allocate_zeroed(1, sizeof *c)))
        antler__no_memory(&error);
    if (c) {
        *c = (antler_context){.model = model,
                              .writable = writable,
                              .mode = mode,
                              .flags = flags,
                              .batch = batch,
                              .n = batch,
                              .seed = model->seed,
                              .pool = pool,
                              .calls = model->calls,
                              .wires = model->wires};
        if (set_up(c, end, in, &error) == ANTLER_OK)
            return c;
        antler__context_free(c);
    } else {
        antler__pool_free(pool);
    }
    antler__error_copy(err, &error);
    return NULL;
}

void antler__context_free(antler_context *c)
{
    if (!c)
        return;
    for (int i = 0; c->scratch && i < antler__pool_threads(c->pool); i++)
        antler__free_aligned(c->scratch[i]);
    antler__free(c->scratch);
    antler__free(c->workers);
    antler__pool_free(c->pool);
    for (int64_t i = 0; c->node && i < c->calls; i++)
        if (c->node[i].layer)
            antler__node_clear(&c->node[i]);
    antler__free(c->node);
    antler__sizes_free(c->sizes);
    antler__free(c->edge);
    antler__free(c->runs_backward);
    antler__free(c->linear);
    antler__free(c->end);
    antler__free(c->span);
    antler__free(c->idle);
    antler__free(c->factor);
    antler__free(c->dx_buffer);
    antler__free(c->sum);
    antler__free(c->share);
    antler__free(c->noise);
    antler__free(c->times);
    antler__free(c->noise_view);
    antler__arena_free(&c->arena);
    antler__free_aligned(c->gradients);
    antler__free(c);
}
