/* Running a context: forward, backward, children, and what layers may ask for while they run. */
#include "model/run.h"

#include "core/memory.h"
#include "model/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- what layers call ---- */

void antler_parallel(antler_run *run, void (*fn)(void *arg, int64_t i, int worker), void *arg, int64_t n)
{
    antler__pool_run(run->context->pool, fn, arg, n);
}

int antler_run_threads(const antler_run *run)
{
    return antler__pool_threads(run->context->pool);
}

antler_real *antler__worker_scratch(antler_run *run, int worker)
{
    return run->context->worker[worker];
}

antler_status antler_run_fail(antler_run *run, antler_status status, const char *format, ...)
{
    char message[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return antler_error_set(run->err, status, NULL, "%s", message);
}

antler_status antler_child_forward(antler_run *run, int slot, const antler_tensor *x, const antler_tensor *mask,
                                   antler_tensor *y)
{
    antler_run *child = &run->child[slot];
    child->err = run->err;
    child->x = x;
    child->mask = mask;
    child->y = y;
    return child->layer->ops->forward(child->layer->object.config, child);
}

antler_status antler_child_backward(antler_run *run, int slot, const antler_tensor *x, const antler_tensor *mask,
                                    antler_tensor *y, const antler_tensor *dy, antler_tensor *dx)
{
    antler_run *child = &run->child[slot];
    child->err = run->err;
    child->x = x;
    child->mask = mask;
    child->y = y;
    child->dy = dy;
    child->dx = dx;
    return child->layer->ops->backward(child->layer->object.config, child);
}

/* ---- forward ---- */

static void set_position(antler_node *node, int64_t step, int64_t row)
{
    for (int s = 0; s < node->layer->sites; s++) {
        node->noise[s].step = (uint64_t)step;
        node->noise[s].row = (uint64_t)row;
    }
    for (int i = 0; i < node->layer->children; i++)
        set_position(&node->child[i], step, row);
}

static void set_batch(antler_context *c, int64_t n)
{
    if (c->n == n)
        return;
    c->n = n;
    for (int64_t i = 0; i < c->layers; i++) {
        c->y[i].shape.dim[0] = n;
        c->dy[i].shape.dim[0] = n;
        c->mask[i].shape.dim[0] = n;
    }
    c->logits.shape.dim[0] = n;
}

/* What a caller passes who did not look whether the context was made. */
static antler_status no_context(antler_error *err)
{
    return antler_error_set(err, ANTLER_VALUE, NULL, "no context: it could not be made");
}

static antler_status named(antler_context *c, int64_t i, const antler_error *inner, antler_status status,
                           antler_error *err)
{
    const antler_layer *layer = &c->model->layer[i];
    return antler_error_set(err, status, inner->place, "%s (%s): %s", layer->name, layer->ops->type.class_name,
                            *inner->message ? inner->message : antler_status_text(status));
}

antler_status antler__forward(antler_context *c, const antler_real *x, int64_t n, antler_error *err)
{
    if (n < 1 || n > c->batch)
        return antler_error_set(err, ANTLER_VALUE, NULL, "a batch of %lld samples: this context takes 1 to %lld",
                                (long long)n, (long long)c->batch);
    set_batch(c, n);
    c->ran_forward = false; /* until all of it has run */
    antler_error inner = {0};
    for (int64_t i = 0; i < c->layers; i++) {
        if (c->y_buffer[i] < 0)
            c->y[i].data = (antler_real *)(uintptr_t)x; /* read only: a layer never writes its input */
        if (i == 0 || c->model->layer[i].ops->flags & ANTLER_VIEW)
            continue;
        antler_run *run = &c->node[i].run;
        set_position(&c->node[i], c->step, c->row);
        run->err = &inner;
        antler_status status = c->model->layer[i].ops->forward(c->model->layer[i].object.config, run);
        if (status != ANTLER_OK)
            return named(c, i, &inner, status, err);
    }
    c->ran_forward = true;
    return ANTLER_OK;
}

const antler_tensor *antler__output(const antler_context *c)
{
    return &c->y[c->layers - 1];
}

antler_status antler_forward(antler_context *c, const antler_real *x, int64_t n, antler_real *y, antler_error *err)
{
    if (!c)
        return no_context(err);
    ANTLER_TRY(antler__forward(c, x, n, err));
    const antler_tensor *output = antler__output(c);
    if (y)
        memcpy(y, output->data, (size_t)antler_count(&output->shape, 0) * sizeof *y);
    return ANTLER_OK;
}

void antler_context_seek(antler_context *c, int64_t step, int64_t row)
{
    if (!c)
        return;
    c->step = step;
    c->row = row;
}

static void reset_node(antler_node *node)
{
    for (int s = 0; s < ANTLER_MAX_SLOTS; s++)
        if (node->carry[s].data)
            memset(node->carry[s].data, 0, (size_t)antler_count(&node->carry[s].shape, 0) * sizeof(antler_real));
    for (int i = 0; i < node->layer->children; i++)
        reset_node(&node->child[i]);
}

void antler_context_reset(antler_context *c)
{
    for (int64_t i = 1; c && i < c->layers; i++)
        reset_node(&c->node[i]);
}

/* ---- backward ---- */

/* Adds the gradient of the penalty on a layer's output, which is divided by the batch size. */
static void add_activity_gradient(antler_context *c, int64_t i)
{
    antler_object activity = antler__layer_keys(c->model->layer[i].object)->activity_regularizer_;
    if (!activity.type)
        return;
    const antler_regularizer_ops *ops = (const antler_regularizer_ops *)activity.type;
    ops->gradient(activity.config, c->dy[i].data, c->y[i].data, antler_count(&c->y[i].shape, 0), 1.0 / (double)c->n);
}

static antler_status run_backward(antler_context *c, bool penalties, antler_error *err)
{
    antler_error inner = {0};
    for (int64_t i = c->layers - 1; i > 0 && c->runs_backward[i]; i--) {
        if (penalties)
            add_activity_gradient(c, i);
        if (c->model->layer[i].ops->flags & ANTLER_VIEW)
            continue;
        antler_run *run = &c->node[i].run;
        run->err = &inner;
        antler_status status = c->model->layer[i].ops->backward(c->model->layer[i].object.config, run);
        if (status != ANTLER_OK)
            return named(c, i, &inner, status, err);
    }
    return ANTLER_OK;
}

static antler_status ready_for_backward(antler_context *c, antler_error *err)
{
    if (!c)
        return no_context(err);
    if (c->mode != ANTLER_TRAIN)
        return antler_error_set(err, ANTLER_VALUE, NULL, "gradients need a context made for training");
    if (!c->ran_forward)
        return antler_error_set(err, ANTLER_VALUE, NULL, "a pass back needs a forward pass before it");
    c->ran_forward = false; /* its outputs are used up */
    return ANTLER_OK;
}

antler_status antler_backward(antler_context *c, const antler_real *y, double *loss, antler_error *err)
{
    ANTLER_TRY(ready_for_backward(c, err));
    if (!c->objective)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.loss", "the model has no loss");
    double value;
    ANTLER_TRY(antler__objective_loss(c, y, true, &value, err));
    ANTLER_TRY(run_backward(c, true, err));
    antler__penalty_gradients(c);
    if (loss)
        *loss = value;
    return ANTLER_OK;
}

antler_status antler_backward_from(antler_context *c, const antler_real *dy, antler_real *dx, antler_error *err)
{
    ANTLER_TRY(ready_for_backward(c, err));
    if (dx && !(c->flags & ANTLER_INPUT_GRADIENT))
        return antler_error_set(err, ANTLER_VALUE, NULL,
                                "the gradient of the input needs a context made with ANTLER_INPUT_GRADIENT");
    antler_tensor *last = &c->dy[c->layers - 1];
    if (!last->data)
        return ANTLER_OK; /* nothing is trained */
    antler_run *run = &c->node[c->layers - 1].run;
    antler_tensor *logits = run->logits;
    run->logits = NULL; /* dy is of the output itself */
    memcpy(last->data, dy, (size_t)antler_count(&last->shape, 0) * sizeof *dy);
    antler_status status = run_backward(c, false, err);
    run->logits = logits;
    if (status == ANTLER_OK && dx)
        memcpy(dx, c->dy[0].data, (size_t)antler_count(&c->dy[0].shape, 0) * sizeof *dx);
    return status;
}

/* ---- looking at the last pass ---- */

const antler_real *antler_gradient(const antler_context *c, int64_t variable)
{
    if (!c || !c->gradients || variable < 0 || variable >= c->model->variables ||
        !c->model->variable[variable].view.trainable)
        return NULL;
    return c->gradients + c->model->variable[variable].offset;
}

static antler_status find_layer(const antler_context *c, const char *name, int64_t *index, antler_error *err)
{
    for (*index = 0; *index < c->layers; ++*index)
        if (strcmp(c->model->layer[*index].name, name) == 0)
            return ANTLER_OK;
    return antler_error_set(err, ANTLER_NAME, NULL, "the model has no layer \"%s\"", name);
}

/* Bits to numbers, in the context's one view: the next call takes its place. */
static antler_status read_noise(antler_context *c, int64_t i, int index, antler_tensor *tensor, antler_error *err)
{
    antler_node *node = &c->node[i];
    const uint64_t *bits = index >= 0 && index < ANTLER_MAX_SLOTS ? node->bits[index] : NULL;
    if (!bits)
        return antler_error_set(err, ANTLER_NAME, NULL, "layer \"%s\" keeps no mask %d", node->layer->name, index);
    antler_shape shape = node->bits_shape[index];
    if (shape.dim[0] == c->batch)
        shape.dim[0] = c->n;
    int64_t n = antler_count(&shape, 0);
    antler_real *view = antler__grow(&c->noise_view, 0, (size_t)n, sizeof *view) ? c->noise_view : NULL;
    if (!view)
        return antler__no_memory(err);
    for (int64_t e = 0; e < n; e++)
        view[e] = (antler_real)(bits[e / 64] >> (e % 64) & 1);
    *tensor = (antler_tensor){shape, view};
    return ANTLER_OK;
}

antler_status antler_read(antler_context *c, const char *layer, antler_what what, int index, antler_tensor *tensor,
                          antler_error *err)
{
    int64_t i;
    if (!c)
        return no_context(err);
    ANTLER_TRY(find_layer(c, layer, &i, err));
    if (!(c->flags & ANTLER_KEEP))
        return antler_error_set(err, ANTLER_VALUE, NULL, "reading a layer needs a context made with ANTLER_KEEP");
    switch (what) {
    case ANTLER_OUTPUT:
        *tensor = c->y[i];
        break;
    case ANTLER_GRADIENT:
        *tensor = c->dy[i];
        break;
    case ANTLER_PARAMETER_GRADIENT:
        if (i == 0 || index < 0 || index >= c->model->layer[i].params)
            return antler_error_set(err, ANTLER_NAME, NULL, "layer \"%s\" has no parameter %d", layer, index);
        *tensor = c->node[i].grad[index];
        break;
    case ANTLER_NOISE_MASK:
        if (i == 0)
            return antler_error_set(err, ANTLER_NAME, NULL, "layer \"%s\" keeps no mask", layer);
        return read_noise(c, i, index, tensor, err);
    }
    if (!tensor->data)
        return antler_error_set(err, ANTLER_NAME, NULL, "layer \"%s\" has no such gradient in this mode", layer);
    return ANTLER_OK;
}
