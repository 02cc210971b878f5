/* Nodes: a call in a context, from its plan to its runs. See plan.h. */
#include "core/memory.h"
#include "model/moved.h"

/* ---- making ------------------------------------------------------------------------------------------------------ */

static void clear_slots(antler_slots *slots)
{
    antler__free(slots->tensor);
    antler__free(slots->buffer);
}

void antler__node_clear(antler_node *node)
{
    for (int i = 0; node->child && i < node->layer->children; i++)
        antler__node_clear(&node->child[i]);
    antler__free(node->child);
    clear_slots(&node->saved);
    clear_slots(&node->scratch);
    clear_slots(&node->carry);
    clear_slots(&node->words);
    antler__free(node->bits);
    antler__free(node->x);
    antler__free(node->moved);
    antler__free(node->seen_x);
    *node = (antler_node){0};
}

/* The tensors of a run, in one block. */
static antler_status make_tensors(antler_node *node, const antler_shape *in, const antler_shape *out, antler_error *err)
{
    const antler_layer *layer = node->layer;
    int inputs = layer->inputs, outputs = layer->outputs;
    size_t n = (size_t)(3 * inputs + 2 * outputs + 1 + 2 * layer->params + layer->states);
    antler_tensor *t = antler__allocate_zeroed(n, sizeof *t);
    if (!t)
        return antler__no_memory(err);
    node->x = t;
    node->dx = node->x + inputs;
    node->mask = node->dx + inputs;
    node->y = node->mask + inputs;
    node->dy = node->y + outputs;
    node->mask_out = node->dy + outputs;
    node->param = node->mask_out + 1;
    node->grad = node->param + layer->params;
    node->state = node->grad + layer->params;
    for (int i = 0; i < inputs; i++)
        node->x[i].shape = node->dx[i].shape = in[i];
    for (int i = 0; i < outputs; i++)
        node->y[i].shape = node->dy[i].shape = out[i];
    return ANTLER_OK;
}

/* Whether the layer applies its activation itself; it cannot where it sees other tensors than the activation works on.
 */
static bool fuses(const antler_node *node)
{
    return node->layer->ops->flags & ANTLER_FUSES && !node->moved;
}

/* Whether y is not x with another shape. */
static bool computes(const antler_node *node)
{
    return node->layer->ops->forward || node->moved;
}

/* z, where backward or the loss reads it, and its gradient. */
static void plan_epilogue(antler_plan *plan, const antler_shape *out)
{
    antler_node *node = plan->node;
    const antler_layer *layer = node->layer;
    bool train = plan->mode == ANTLER_TRAIN;
    node->epilogue = (antler_epilogue){.f = layer->f, .linear = plan->linear, .width = out->dim[out->rank - 1]};
    if (!layer->f || !computes(node))
        return;
    bool kept = train && layer->f->needs_x;
    if (plan->linear || kept)
        node->z_buffer = antler__plan_buffer(plan, out, sizeof(antler_real), plan->forward,
                                             kept && plan->backward > plan->loss ? plan->backward : plan->loss);
    if (plan->backward >= 0 && (plan->whole || !fuses(node)))
        node->dz_buffer = antler__plan_buffer(plan, out, sizeof(antler_real), plan->backward, plan->backward);
}

/* Shapes of a child's tensors for the batch of its parent. */
static void with_batch(antler_shape *to, const antler_shape *from, int n, int64_t batch)
{
    for (int i = 0; i < n; i++) {
        to[i] = from[i];
        to[i].dim[0] = batch;
    }
    to[n].rank = 0;
}

static antler_status plan_children(const antler_plan *settings, antler_node *node, int64_t batch, antler_error *err)
{
    const antler_layer *layer = node->layer;
    node->child = antler__allocate_zeroed((size_t)layer->children, sizeof *node->child);
    if (!node->child)
        return antler__no_memory(err);
    for (int i = 0; i < layer->children; i++)
        node->child[i].layer = &layer->child[i];
    for (int i = 0; i < layer->children; i++) {
        const antler_layer *child = &layer->child[i];
        antler_shape *in = antler__allocate((size_t)child->inputs + 1, sizeof *in), out[ANTLER_MAX_OUTPUTS + 1];
        int64_t times;
        if (!in)
            return antler__no_memory(err);
        antler_status status = antler__size_multiply(batch, child->times, &times)
                                   ? ANTLER_OK
                                   : antler_error_set(err, ANTLER_SHAPE, NULL, "a batch is too large");
        with_batch(in, child->in, child->inputs, times);
        with_batch(out, child->out, child->outputs, times);
        if (status == ANTLER_OK)
            status = antler__plan_node(settings, &node->child[i], child, in, out);
        antler__free(in);
        ANTLER_TRY(status);
    }
    return ANTLER_OK;
}

static antler_status plan_buffers(antler_plan *plan, const antler_shape *in)
{
    const antler_node *node = plan->node;
    const antler_layer *layer = node->layer;
    if (!layer->ops->buffers)
        return plan->status;
    antler_shape *seen = node->moved ? antler__allocate_zeroed((size_t)layer->inputs + 1, sizeof *seen) : NULL;
    if (node->moved && !seen)
        return antler__no_memory(plan->err);
    for (int k = 0; seen && k < layer->inputs; k++)
        seen[k] = node->seen_x[k].shape;
    layer->ops->buffers(layer->object.config, seen ? seen : in, plan);
    antler__free(seen);
    return plan->status;
}

antler_status antler__plan_node(const antler_plan *settings, antler_node *node, const antler_layer *layer,
                                const antler_shape *in, const antler_shape *out)
{
    antler_plan plan = *settings;
    plan.node = node;
    node->layer = layer;
    node->z_buffer = node->dz_buffer = -1;
    ANTLER_TRY(make_tensors(node, in, out, plan.err));
    ANTLER_TRY(antler__moved_plan(&plan, in, out));
    plan_epilogue(&plan, out);
    ANTLER_TRY(plan_buffers(&plan, in));
    antler_plan inner = *settings;
    inner.linear = false;
    inner.whole = true;
    inner.settled = NULL;
    return layer->children ? plan_children(&inner, node, in[0].dim[0], plan.err) : ANTLER_OK;
}

static void connect_slots(antler_slots *slots, const antler_arena *arena)
{
    for (int i = 0; i < slots->n; i++)
        slots->tensor[i].data = antler__arena_at(arena, slots->buffer[i]);
}

antler_status antler__node_connect(antler_node *node, const antler_arena *arena, antler_error *err)
{
    connect_slots(&node->saved, arena);
    connect_slots(&node->scratch, arena);
    connect_slots(&node->carry, arena);
    antler__moved_connect(node, arena);
    node->epilogue.z = antler__arena_at(arena, node->z_buffer);
    node->epilogue.dz = antler__arena_at(arena, node->dz_buffer);
    node->bits = antler__allocate_zeroed((size_t)node->words.n, sizeof *node->bits);
    if (!node->bits)
        return antler__no_memory(err);
    for (int i = 0; i < node->words.n; i++)
        node->bits[i] = (antler_bits){node->words.tensor[i].shape, antler__arena_at(arena, node->words.buffer[i])};
    for (int i = 0; i < node->layer->children; i++)
        ANTLER_TRY(antler__node_connect(&node->child[i], arena, err));
    return ANTLER_OK;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static int64_t rows_of(const antler_node *node)
{
    return antler_count(&node->y->shape, 0) / node->epilogue.width;
}

static antler_status compute(antler_node *node)
{
    return node->moved ? antler__moved_forward(node)
                       : node->layer->ops->forward(node->layer->object.config, &node->run);
}

antler_status antler__node_forward(antler_node *node)
{
    antler_epilogue *e = &node->epilogue;
    antler_run *run = &node->run;
    e->y = node->y->data;
    if (!computes(node)) /* a view: z is x */
        e->z = node->x->data;
    else {
        if (e->z)
            node->y->data = e->z;
        antler_status status = compute(node);
        node->y->data = e->y;
        ANTLER_TRY(status);
    }
    if (e->f && !fuses(node))
        antler__activate(run, e->f, e->y, e->z ? e->z : e->y, rows_of(node), e->width);
    else if (!e->f && !computes(node))
        antler_run_copy(run, e->y, e->z, antler_count(&node->y->shape, 0));
    return ANTLER_OK;
}

static antler_status compute_back(antler_node *node)
{
    return node->moved ? antler__moved_backward(node)
                       : node->layer->ops->backward(node->layer->object.config, &node->run);
}

antler_status antler__node_backward(antler_node *node)
{
    antler_epilogue *e = &node->epilogue;
    antler_run *run = &node->run;
    bool bends = e->f && !e->linear; /* dy is not dz */
    antler_real *dy = node->dy->data;
    if (!computes(node)) {
        if (node->dx->data && bends)
            antler__activate_backward(run, e->f, node->dx->data, dy, node->y->data, e->z, rows_of(node), e->width);
        else if (node->dx->data)
            antler_run_copy(run, node->dx->data, dy, antler_count(&node->dy->shape, 0));
        return ANTLER_OK;
    }
    if (bends && !fuses(node)) {
        antler__activate_backward(run, e->f, e->dz, dy, node->y->data, e->z, rows_of(node), e->width);
        node->dy->data = e->dz;
    }
    antler_status status = compute_back(node);
    node->dy->data = dy;
    return status;
}

static antler_node *set_io(antler_run *run, int slot, const antler_io *io)
{
    antler_node *child = &run->child[slot];
    int inputs = child->layer->inputs, outputs = child->layer->outputs;
    child->run.err = run->err;
    for (int i = 0; i < inputs; i++) {
        child->x[i] = io->x[i];
        child->mask[i] = io->mask ? io->mask[i] : (antler_tensor){0};
        child->dx[i] = io->dx ? io->dx[i] : (antler_tensor){0};
    }
    for (int i = 0; i < outputs; i++) {
        child->y[i] = io->y[i];
        child->dy[i] = io->dy ? io->dy[i] : (antler_tensor){0};
    }
    *child->mask_out = io->mask_out ? *io->mask_out : (antler_tensor){0};
    return child;
}

antler_status antler_child_forward(antler_run *run, int slot, const antler_io *io)
{
    return antler__node_forward(set_io(run, slot, io));
}

antler_status antler_child_backward(antler_run *run, int slot, const antler_io *io)
{
    return antler__node_backward(set_io(run, slot, io));
}
