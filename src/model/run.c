/* Running a context: forward, backward, and looking at what the last pass left. */
#include "model/run.h"

#include "core/memory.h"
#include "core/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* Where the noise of this pass begins. */
static void set_position(antler_context *c)
{
    for (int64_t s = 0; s < c->model->sites; s++) {
        c->noise[s].step = (uint64_t)c->step;
        c->noise[s].row = (uint64_t)(c->row * c->times[s]);
    }
}

static void set_batch(antler_context *c, int64_t n)
{
    if (c->n == n)
        return;
    c->n = n;
    for (int64_t w = 0; w < c->wires; w++)
        c->edge[w].y.shape.dim[0] = c->edge[w].dy.shape.dim[0] = c->edge[w].mask.shape.dim[0] =
            n * antler__wire_times(c, w);
    for (int64_t i = 0; i < c->calls; i++) {
        antler_node *node = &c->node[i];
        const antler_call *call = &c->model->call[i];
        for (int k = 0; k < node->run.inputs; k++)
            node->x[k].shape.dim[0] = node->dx[k].shape.dim[0] = node->mask[k].shape.dim[0] =
                n * antler__wire_times(c, call->in[k]);
        for (int k = 0; k < node->run.outputs; k++)
            node->y[k].shape.dim[0] = node->dy[k].shape.dim[0] = n * antler__wire_times(c, call->out);
        node->mask_out->shape.dim[0] = n * antler__wire_times(c, call->out);
    }
}

/* The caller's numbers become the model's inputs, and the views of these. A layer never writes what it reads. */
static void set_inputs(antler_context *c, const antler_real *x, int64_t n)
{
    const antler_model *m = c->model;
    if (x == c->x && n == c->x_rows)
        return;
    c->x = x;
    c->x_rows = n;
    for (int64_t k = 0; k < m->inputs; k++) {
        antler_edge *edge = &c->edge[m->input[k]];
        edge->y.data = (antler_real *)(uintptr_t)x;
        x += n * antler_count(&edge->y.shape, 1);
    }
    for (int64_t i = 0; i < c->calls; i++) {
        const antler_call *call = &m->call[i];
        for (int k = 0; k < call->inputs; k++)
            c->node[i].x[k].data = c->edge[call->in[k]].y.data;
        if (c->edge[call->out].y_buffer < 0) /* a view */
            c->edge[call->out].y.data = c->node[i].y->data = c->node[i].x->data;
    }
}

antler_status antler__no_context(antler_error *err)
{
    return antler_error_set(err, ANTLER_VALUE, NULL, "no context: it could not be made");
}

/* Whether the context knows how long the open axes are. */
static antler_status check_lengths(const antler_context *c, antler_error *err)
{
    char text[128];
    int64_t k = 0;
    if (c->node)
        return ANTLER_OK;
    while (!antler__is_open(&c->model->wire[c->model->input[k]].shape))
        k++;
    return antler_error_set(err, ANTLER_VALUE, NULL,
                            "input \"%s\" %s has axes of variable length: antler_context_at has "
                            "to say how long they are",
                            c->model->input_name[k],
                            antler_shape_text(&c->model->wire[c->model->input[k]].shape, text, sizeof text));
}

static antler_status named(antler_context *c, int64_t i, const antler_error *inner, antler_status status,
                           antler_error *err)
{
    const antler_layer *layer = c->node[i].layer;
    return antler_error_set(err, status, inner->place, "%s (%s): %s", layer->name, layer->ops->type.class_name,
                            *inner->message ? inner->message : antler_status_text(status));
}

/* A call that computes nothing: another shape of its input. */
static bool is_view(const antler_node *node)
{
    return node->layer->ops->flags & ANTLER_VIEW && !node->layer->f && !node->moved;
}

antler_status antler__forward_to(antler_context *c, const antler_real *x, int64_t n, int64_t end, antler_error *err)
{
    ANTLER_TRY(check_lengths(c, err));
    if (n < 1 || n > c->batch)
        return antler_error_set(err, ANTLER_VALUE, NULL, "a batch of %lld samples: this context takes 1 to %lld",
                                (long long)n, (long long)c->batch);
    set_batch(c, n);
    set_position(c);
    set_inputs(c, x, n);
    c->ran_forward = c->ran_backward = false; /* until all of it has run */
    antler_error inner;
    antler__error_clear(&inner);
    for (int64_t i = 0; i < end; i++) {
        if (is_view(&c->node[i]))
            continue;
        c->node[i].run.err = &inner;
        antler_status status = antler__node_forward(&c->node[i]);
        if (status != ANTLER_OK)
            return named(c, i, &inner, status, err);
    }
    return ANTLER_OK;
}

antler_status antler__forward(antler_context *c, const antler_real *x, int64_t n, antler_error *err)
{
    ANTLER_TRY(antler__forward_to(c, x, n, c->calls, err));
    c->ran_forward = true;
    return ANTLER_OK;
}

const antler_tensor *antler__output(const antler_context *c, int64_t index)
{
    return &c->edge[c->model->output[index]].y;
}

const antler_real *antler__logits(const antler_context *c, int64_t index)
{
    int64_t logits = c->end[index].logits;
    return logits >= 0 ? c->node[logits].epilogue.z : NULL;
}

antler_status antler__check_input(const antler_context *c, const antler_real *x, const int64_t *row, int64_t n,
                                  antler_error *err)
{
    const antler_model *model = c->model;
    for (int64_t k = 0; k < model->inputs; k++) {
        const char *dtype = antler__layer_keys(model->layer[model->source[k]].object)->dtype;
        int64_t width = antler_count(antler__wire_shape(c, model->input[k]), 1);
        bool integers = antler__is_integer(dtype);
        for (int64_t i = 0; integers && i < n * width; i++)
            if (x[i] != floor((double)x[i]))
                return antler_error_set(err, ANTLER_DATA, NULL,
                                        "row %lld of the input holds %.9g; the model takes integers (dtype \"%.40s\")",
                                        (long long)(row ? row[i / width] : i / width), (double)x[i], dtype);
        x += n * width;
    }
    return ANTLER_OK;
}

antler_status antler_forward(antler_context *c, const antler_real *x, int64_t n, antler_real *y, antler_error *err)
{
    if (!c)
        return antler__no_context(err);
    ANTLER_TRY(antler__require(x, "input", err));
    if (n <= c->batch && c->node) /* else refused below */
        ANTLER_TRY(antler__check_input(c, x, NULL, n, err));
    ANTLER_TRY(antler__forward(c, x, n, err));
    for (int64_t k = 0; y && k < c->model->outputs; k++) {
        const antler_tensor *output = &c->edge[c->model->output[k]].y;
        int64_t count = antler_count(&output->shape, 0);
        memcpy(y, output->data, (size_t)count * sizeof *y);
        y += count;
    }
    return ANTLER_OK;
}

void antler_context_seek(antler_context *c, int64_t step, int64_t row)
{
    if (!c)
        return;
    c->step = step;
    c->row = row;
}

static void visit_carry(antler_node *node, void (*visit)(void *arg, antler_tensor *carry), void *arg)
{
    for (int s = 0; s < node->carry.n; s++)
        if (node->carry.tensor[s].data)
            visit(arg, &node->carry.tensor[s]);
    for (int i = 0; i < node->layer->children; i++)
        visit_carry(&node->child[i], visit, arg);
}

void antler__context_carry(antler_context *c, void (*visit)(void *arg, antler_tensor *carry), void *arg)
{
    for (int64_t i = 0; c->node && i < c->calls; i++)
        visit_carry(&c->node[i], visit, arg);
}

static void zero(void *arg, antler_tensor *carry)
{
    (void)arg;
    memset(carry->data, 0, (size_t)antler_count(&carry->shape, 0) * sizeof(antler_real));
}

void antler_context_reset(antler_context *c)
{
    if (c)
        antler__context_carry(c, zero, NULL);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* Adds the gradient of the penalty on a layer's output, which is divided by the batch size. */
static void add_activity_gradient(antler_context *c, int64_t i)
{
    antler_object activity = antler__layer_keys(c->node[i].layer->object)->activity_regularizer_;
    if (!activity.type)
        return;
    const antler_regularizer_ops *ops = (const antler_regularizer_ops *)activity.type;
    const antler_tensor *y = c->node[i].y;
    ops->gradient(activity.config, c->node[i].dy->data, y, 1.0 / (double)c->n);
}

/* What is added up after call i; the sums come in the order in which the calls run back. */
static void add_up(antler_context *c, int64_t i, int64_t *next)
{
    antler_run *run = &c->node[i < c->calls ? i : 0].run; /* any one's workers will do */
    for (; *next < c->sums && c->sum[*next].call == i; ++*next) {
        const antler_addition *s = &c->sum[*next];
        antler_real *to = antler__arena_at(&c->arena, s->to);
        const antler_real *a = antler__arena_at(&c->arena, s->a), *b = antler__arena_at(&c->arena, s->b);
        if (b)
            antler_run_add(run, to, a, b, s->elements * c->n);
        else
            antler_run_copy(run, to, a, s->elements * c->n);
    }
}

/* The same for the gradients of a layer that is called again. */
static void add_shares(antler_context *c, int64_t i, int64_t *next)
{
    for (; *next < c->shares && c->share[*next].call == i; ++*next) {
        const antler_model_variable_entry *variable = &c->model->variable[c->share[*next].variable];
        antler_real *sum = c->gradients + variable->offset;
        antler_run_add(&c->node[i].run, sum, sum, antler__arena_at(&c->arena, c->share[*next].buffer),
                       variable->length);
    }
}

/* dy becomes the gradient of the logits: of what reads the output, by way of the activation, and of the losses that
   take the logits. For a caller's gradients nothing takes them: the call itself will go by way of the activation. */
static void join_logits(antler_context *c, int64_t i)
{
    antler_node *node = &c->node[i];
    const antler_epilogue *e = &node->epilogue;
    int64_t elements = antler_count(&node->dy->shape, 0);
    antler_real *dy = node->dy->data;
    if (e->linear)
        antler__activate_backward(&node->run, e->f, dy, dy, node->y->data, e->z, elements / e->width, e->width);
    antler_run_add(&node->run, dy, dy, c->edge[c->model->call[i].out].logits, elements);
}

static void begin_backward(antler_context *c, int64_t i, bool penalties)
{
    const antler_edge *edge = &c->edge[c->model->call[i].out];
    if (edge->zero)
        memset(edge->dy.data, 0, (size_t)antler_count(&edge->dy.shape, 0) * sizeof *edge->dy.data);
    if (penalties)
        add_activity_gradient(c, i);
    if (edge->logits)
        join_logits(c, i);
}

antler_status antler__run_backward(antler_context *c, bool penalties, antler_error *err)
{
    antler_error inner;
    int64_t next = 0, share = 0;
    antler__error_clear(&inner);
    for (int64_t i = 0; i < c->idles; i++)
        memset(c->gradients + c->idle[i].first, 0, (size_t)c->idle[i].n * sizeof *c->gradients);
    if (c->sums)
        add_up(c, c->calls, &next);
    for (int64_t i = c->calls - 1; i >= 0; i--) {
        if (!c->runs_backward[i])
            continue;
        begin_backward(c, i, penalties);
        if (!is_view(&c->node[i])) {
            c->node[i].run.err = &inner;
            antler_status status = antler__node_backward(&c->node[i]);
            if (status != ANTLER_OK)
                return named(c, i, &inner, status, err);
        }
        if (next < c->sums)
            add_up(c, i, &next);
        if (share < c->shares)
            add_shares(c, i, &share);
    }
    c->ran_backward = true;
    return ANTLER_OK;
}

antler_status antler__ready_for_backward(antler_context *c, antler_error *err)
{
    if (!c)
        return antler__no_context(err);
    if (c->mode != ANTLER_TRAIN)
        return antler_error_set(err, ANTLER_VALUE, NULL, "gradients need a context made for training");
    if (!c->ran_forward)
        return antler_error_set(err, ANTLER_VALUE, NULL, "a pass back needs a forward pass before it");
    return ANTLER_OK;
}

/* dy of the model's outputs from the caller, one after the other. */
static void set_gradients(antler_context *c, const antler_real *dy)
{
    for (int64_t k = 0; k < c->model->outputs; k++) {
        int64_t count = antler_count(&antler__output(c, k)->shape, 0);
        if (c->end[k].from_loss) /* else nothing before it is trained */
            memcpy(c->end[k].from_loss, dy, (size_t)count * sizeof *dy);
        dy += count;
    }
}

/* An output without a loss has no gradient where others have one. */
static antler_status check_ends(const antler_context *c, antler_error *err)
{
    for (int64_t k = 0; k < c->model->outputs; k++)
        if (c->end[k].logits == ANTLER_NO_LOSS)
            return antler_error_set(err, ANTLER_UNSUPPORTED, NULL,
                                    "output \"%s\" has no loss, and so no gradient in this context",
                                    c->model->output_name[k]);
    return ANTLER_OK;
}

/* Whether a caller's gradients are of the outputs themselves, or a loss's where it takes the logits of these. */
static void set_linear(antler_context *c, bool linear)
{
    for (int64_t k = 0; k < c->model->outputs; k++)
        if (c->end[k].logits >= 0)
            c->node[c->end[k].logits].epilogue.linear = linear;
}

static void get_gradients(const antler_context *c, antler_real *dx)
{
    for (int64_t k = 0; k < c->model->inputs; k++) {
        const antler_tensor *edge = &c->edge[c->model->input[k]].dy;
        int64_t count = antler_count(&edge->shape, 0);
        if (edge->data)
            memcpy(dx, edge->data, (size_t)count * sizeof *dx);
        else /* no output depends on it */
            memset(dx, 0, (size_t)count * sizeof *dx);
        dx += count;
    }
}

antler_status antler_backward_from(antler_context *c, const antler_real *dy, antler_real *dx, antler_error *err)
{
    ANTLER_TRY(antler__ready_for_backward(c, err));
    ANTLER_TRY(antler__require(dy, "gradient of the output", err));
    if (dx && !(c->flags & ANTLER_INPUT_GRADIENT))
        return antler_error_set(err, ANTLER_VALUE, NULL,
                                "the gradient of the input needs a context made with ANTLER_INPUT_GRADIENT");
    ANTLER_TRY(check_ends(c, err));
    c->ran_forward = false; /* its outputs are used up */
    set_gradients(c, dy);
    set_linear(c, false);
    antler_status status = antler__run_backward(c, false, err);
    set_linear(c, true);
    if (status == ANTLER_OK && dx)
        get_gradients(c, dx);
    return status;
}

/* ---- looking at the last pass ------------------------------------------------------------------------------------ */

const antler_real *antler_gradient(const antler_context *c, int64_t variable)
{
    if (!c || !c->gradients || variable < 0 || variable >= c->model->variables ||
        !c->model->variable[variable].view.trainable)
        return NULL;
    return c->gradients + c->model->variable[variable].offset;
}

/* "base/dense:1" is the second call of that layer. */
static bool is_named(const antler_call *call, const char *name)
{
    const char *own = call->of->name;
    size_t length = strlen(own);
    if (strncmp(name, own, length) != 0)
        return false;
    char *end;
    long number = name[length] == ':' ? strtol(name + length + 1, &end, 10) : 0;
    return number == call->number && (name[length] == ':' ? *end == 0 && end > name + length + 1 : name[length] == 0);
}

/* The call of a layer, -1 - k for input k of the model, by name. */
static antler_status find_call(const antler_context *c, const char *name, int64_t *call, antler_error *err)
{
    const antler_model *m = c->model;
    for (*call = 0; *call < c->calls; ++*call)
        if (is_named(&m->call[*call], name))
            return ANTLER_OK;
    for (*call = -1; *call >= -m->inputs; --*call)
        if (strcmp(m->layer[m->source[-1 - *call]].name, name) == 0)
            return ANTLER_OK;
    return antler_error_set(err, ANTLER_NAME, NULL, "the model has no layer \"%s\"", name);
}

/* Bits to numbers, in the context's one view: the next call takes its place. */
static antler_status read_noise(antler_context *c, int64_t i, int index, antler_tensor *tensor, antler_error *err)
{
    antler_node *node = &c->node[i];
    const uint64_t *bits = index >= 0 && index < node->words.n ? node->bits[index].word : NULL;
    bool silent = node->layer->sites && !node->run.noisy; /* nothing was drawn, nothing dropped */
    if (!bits)
        return antler_error_set(err, ANTLER_NAME, NULL, "layer \"%s\" keeps no mask %d", node->layer->name, index);
    antler_shape shape = node->bits[index].shape;
    int64_t times = antler__wire_times(c, c->model->call[i].out);
    if (shape.dim[0] == c->batch * times)
        shape.dim[0] = c->n * times;
    int64_t n = antler_count(&shape, 0);
    antler_real *view = antler__grow(&c->noise_view, 0, (size_t)n, sizeof *view) ? c->noise_view : NULL;
    if (!view)
        return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    for (int64_t e = 0; e < n; e++)
        view[e] = silent ? 1 : (antler_real)(bits[e / 64] >> (e % 64) & 1);
    *tensor = (antler_tensor){shape, view};
    return ANTLER_OK;
}

antler_status antler_read(antler_context *c, const char *layer, antler_what what, int index, antler_tensor *tensor,
                          antler_error *err)
{
    int64_t i;
    if (!c)
        return antler__no_context(err);
    ANTLER_TRY(antler__require(layer, "layer's name", err));
    ANTLER_TRY(antler__require(tensor, "tensor", err));
    ANTLER_TRY(find_call(c, layer, &i, err));
    ANTLER_TRY(check_lengths(c, err));
    if (!(c->flags & ANTLER_KEEP))
        return antler_error_set(err, ANTLER_VALUE, NULL, "reading a layer needs a context made with ANTLER_KEEP");
    const antler_edge *edge = &c->edge[i < 0 ? c->model->input[-1 - i] : c->model->call[i].out];
    switch (what) {
    case ANTLER_OUTPUT:
        *tensor = edge->y;
        break;
    case ANTLER_GRADIENT:
        *tensor = edge->dy;
        break;
    case ANTLER_PARAMETER_GRADIENT:
        if (i < 0 || index < 0 || index >= c->node[i].layer->params)
            return antler_error_set(err, ANTLER_NAME, NULL, "layer \"%s\" has no parameter %d", layer, index);
        *tensor = c->node[i].grad[index];
        break;
    case ANTLER_MASK_BITS:
        if (i < 0)
            return antler_error_set(err, ANTLER_NAME, NULL, "layer \"%s\" keeps no mask", layer);
        return read_noise(c, i, index, tensor, err);
    default:
        return antler_error_set(err, ANTLER_VALUE, NULL, "%d is nothing that can be read of a layer", (int)what);
    }
    if (!tensor->data)
        return antler_error_set(err, ANTLER_NAME, NULL, "layer \"%s\" has no such gradient in this mode", layer);
    return ANTLER_OK;
}
