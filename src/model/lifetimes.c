#include "model/lifetimes.h"

#include "core/memory.h"
#include "model/channels.h"
#include "model/settled.h"

enum { FOREVER = INT32_MAX };

/* Whether the layer of a call sees a wire of its own with the channels moved (moved.h), and whether any. */
static bool moves_wire(const antler_context *c, int64_t call, int64_t w)
{
    return !c->edge[w].settled && antler__channels_axis(antler__called(c, call)->object, c->model->wire[w].shape.rank);
}

static bool moves(const antler_context *c, int64_t call)
{
    const antler_call *k = &c->model->call[call];
    bool any = false;
    for (int i = 0; i < k->inputs; i++)
        any = any || moves_wire(c, call, k->in[i]);
    for (int i = 0; i < k->outputs; i++)
        any = any || moves_wire(c, call, k->out + i);
    return any;
}

static bool has_flag(const antler_context *c, int64_t call, unsigned flag)
{
    unsigned flags = antler__called(c, call)->ops->flags;
    if (flags & ANTLER_VIEW && moves(c, call)) /* it is none here */
        flags &= ~(unsigned)(ANTLER_VIEW | ANTLER_IN_PLACE);
    return flags & flag;
}

/* Whether the output is more than the input under another shape. */
static bool computes(const antler_context *c, int64_t call)
{
    return antler__called(c, call)->ops->forward || moves(c, call);
}

int antler__backward_step(const antler_context *c, int64_t call)
{
    return (int)(3 * c->calls - 1 - 2 * call);
}

/* A penalty on the layer's output is part of the loss. */
static bool is_penalized(const antler_context *c, int64_t call)
{
    return antler__layer_keys(antler__called(c, call)->object)->activity_regularizer_.type;
}

static bool trains(const antler_layer *layer)
{
    bool any = layer->trainable && layer->params > 0;
    for (int i = 0; i < layer->children; i++)
        any = any || trains(&layer->child[i]);
    return any;
}

/* A wire's shape with the largest batch; false if that is no number. */
static bool with_batch(const antler_context *c, int64_t w, antler_shape *shape)
{
    *shape = antler__settled_shape(c, w, antler__wire_shape(c, w));
    return antler__size_multiply(c->batch, antler__wire_times(c, w), &shape->dim[0]);
}

static int64_t add(antler_context *c, const antler_shape *shape, int birth, int death, antler_error *err)
{
    return antler__arena_add(&c->arena, shape, sizeof(antler_real), birth, death, err);
}

static void outlive(antler_context *c, int64_t buffer, int step)
{
    if (buffer >= 0 && c->arena.buffer[buffer].death < step)
        c->arena.buffer[buffer].death = step;
}

/* ---- which calls run back ---------------------------------------------------------------------------------------- */

/* The gradient of a wire is wanted when what gives it has something to train, to penalize, or before it. */
static bool is_wanted(const antler_context *c, int64_t wire)
{
    int64_t giver = c->model->wire[wire].giver;
    return giver < 0 ? c->flags & ANTLER_INPUT_GRADIENT : c->runs_backward[giver];
}

/* Whether a loss's gradient begins at a wire, or at the logits of the call that gives it. */
static bool has_loss(const antler_context *c, int64_t w)
{
    for (int64_t k = 0; k < c->model->outputs; k++) {
        const antler_end *end = &c->end[k];
        bool here = end->apart ? c->model->call[end->logits].out == w : c->model->output[k] == w;
        if (end->logits != ANTLER_NO_LOSS && here)
            return true;
    }
    return false;
}

/* Whether a gradient comes to some output of a call. */
static bool is_reached(const antler_context *c, int64_t call)
{
    const antler_call *k = &c->model->call[call];
    for (int64_t w = k->out; w < k->out + k->outputs; w++) {
        const antler_wire *wire = &c->model->wire[w];
        if (has_loss(c, w))
            return true;
        for (int64_t u = 0; u < wire->users; u++)
            if (c->runs_backward[wire->user[u]])
                return true;
    }
    return is_penalized(c, call);
}

static void plan_backward(antler_context *c)
{
    if (c->mode != ANTLER_TRAIN)
        return;
    for (int64_t i = 0; i < c->calls; i++) {
        const antler_call *call = &c->model->call[i];
        bool wants = trains(antler__called(c, i)) || is_penalized(c, i);
        for (int k = 0; k < call->inputs; k++)
            wants = wants || is_wanted(c, call->in[k]);
        c->runs_backward[i] = wants;
    }
    for (int64_t i = c->calls - 1; i >= 0; i--)
        c->runs_backward[i] = c->runs_backward[i] && is_reached(c, i);
}

/* ---- outputs ----------------------------------------------------------------------------------------------------- */

/* Whether the pass back of a call reads one of its wires, beside gradients; what its layer sees moved, it has kept so.
   Its activation reads y, and z, which without sums is x. */
static bool reads_x(const antler_context *c, int64_t call, int64_t w)
{
    const antler_layer *layer = antler__called(c, call);
    return (has_flag(c, call, ANTLER_NEEDS_X) && !moves_wire(c, call, w)) ||
           (layer->f && layer->f->needs_x && !computes(c, call));
}

static bool reads_y(const antler_context *c, int64_t call, int64_t w)
{
    return (has_flag(c, call, ANTLER_NEEDS_Y) && !moves_wire(c, call, w)) || antler__called(c, call)->f ||
           is_penalized(c, call);
}

/* Step until which a wire is read. */
static int output_death(const antler_context *c, int64_t w)
{
    const antler_wire *wire = &c->model->wire[w];
    int death = wire->giver < 0 ? 0 : (int)wire->giver;
    if (c->flags & ANTLER_KEEP || wire->is_output) /* metrics read an output after the pass back */
        return FOREVER;
    if (wire->giver >= 0 && is_penalized(c, wire->giver))
        death = (int)c->calls;
    for (int64_t u = 0; u < wire->users; u++) {
        int64_t user = wire->user[u];
        int until = (int)user;
        if (c->mode == ANTLER_TRAIN && reads_x(c, user, w))
            until = antler__backward_step(c, user);
        else if (c->linear[user] && !computes(c, user)) /* it is the logits */
            until = (int)c->calls;
        death = until > death ? until : death;
    }
    if (c->mode == ANTLER_TRAIN && wire->giver >= 0 && reads_y(c, wire->giver, w)) {
        int until = antler__backward_step(c, wire->giver);
        death = until > death ? until : death;
    }
    return death;
}

static int64_t elements(const antler_context *c, int64_t w)
{
    return antler_count(antler__wire_shape(c, w), 1) * antler__wire_times(c, w);
}

/* The buffer of an input that call i's first output may take the place of: nobody reads that later. -1 for none. */
static int64_t place_of_input(const antler_context *c, int64_t i)
{
    const antler_call *call = &c->model->call[i];
    if (!has_flag(c, i, ANTLER_IN_PLACE) || c->flags & ANTLER_KEEP)
        return -1;
    for (int k = 0; k < call->inputs; k++) {
        int64_t root = c->edge[call->in[k]].y_buffer;
        if (root >= 0 && c->arena.buffer[root].death <= i && elements(c, call->in[k]) == elements(c, call->out))
            return root;
    }
    return -1;
}

static antler_status plan_outputs(antler_context *c, antler_error *err)
{
    for (int64_t w = 0; w < c->wires; w++) {
        const antler_wire *wire = &c->model->wire[w];
        antler_edge *edge = &c->edge[w];
        int death = output_death(c, w);
        int64_t count;
        if (!with_batch(c, w, &edge->y.shape) || !antler__count(&edge->y.shape, 0, &count) || count > INT64_MAX / 1024)
            return antler_error_set(err, ANTLER_SHAPE, NULL, "a batch of %lld samples is too large",
                                    (long long)c->batch);
        edge->y_buffer = -1;
        if (wire->giver < 0) /* the caller's memory */
            continue;
        bool view = has_flag(c, wire->giver, ANTLER_VIEW) && !antler__called(c, wire->giver)->f;
        int64_t shared = view                ? c->edge[c->model->call[wire->giver].in[0]].y_buffer
                         : wire->output == 0 ? place_of_input(c, wire->giver)
                                             : -1;
        edge->y_buffer = shared;
        if (view || shared >= 0)
            outlive(c, shared, death);
        else if ((edge->y_buffer = add(c, &edge->y.shape, (int)wire->giver, death, err)) < 0)
            return err->status;
    }
    return ANTLER_OK;
}

/* ---- gradients --------------------------------------------------------------------------------------------------

   A wire's gradient is a sum of contributions: the loss's, then those of its users from the last to the first. The
   first is written where the sum begins; each later one is written elsewhere, and added there: "the sum lives where the
   later contribution was written", so nothing that has another name is ever added to. */

/* The call that contributes next to wire w, after call i (c->calls: the loss) for its input k; -1 for none. */
static int64_t next_contribution(const antler_context *c, int64_t w, int64_t i, int k)
{
    const antler_wire *wire = &c->model->wire[w];
    for (int next = k + 1; i < c->calls && next < c->model->call[i].inputs; next++)
        if (c->model->call[i].in[next] == w)
            return i;
    for (int64_t u = wire->users - 1; u >= 0; u--)
        if (wire->user[u] < i && c->runs_backward[wire->user[u]])
            return wire->user[u];
    return -1;
}

/* Step until which what call i wrote for its input k is read. */
static int gradient_death(const antler_context *c, int64_t w, int64_t i, int k)
{
    int64_t next = next_contribution(c, w, i, k), giver = c->model->wire[w].giver;
    if (c->flags & ANTLER_KEEP)
        return FOREVER;
    return next >= 0    ? antler__backward_step(c, next) + 1
           : giver >= 0 ? antler__backward_step(c, giver)
                        : 3 * (int)c->calls; /* read after the pass */
}

static antler_status add_sum(antler_context *c, int64_t call, int64_t to, int64_t a, int64_t b, int64_t w,
                             antler_error *err)
{
    if (!antler__grow_by(&c->sum, (size_t)c->sums, 1, sizeof *c->sum))
        return antler__no_memory(err);
    c->sum[c->sums++] = (antler_addition){.call = call, .to = to, .a = a, .b = b, .elements = elements(c, w)};
    outlive(c, a, antler__backward_step(c, call) + 1);
    outlive(c, b, antler__backward_step(c, call) + 1);
    return ANTLER_OK;
}

static int64_t *dx_buffer(const antler_context *c, int64_t call, int k)
{
    return &c->dx_buffer[c->model->call[call].place + k];
}

/* A view has no backward: its gradient is that of its output, or a copy, or a part of a sum. */
static antler_status contribute_view(antler_context *c, int64_t i, int64_t w, antler_error *err)
{
    int64_t dy = c->edge[c->model->call[i].out].dy_buffer, giver = c->model->wire[w].giver;
    antler_edge *edge = &c->edge[w];
    int step = antler__backward_step(c, i), death = gradient_death(c, w, i, 0);
    bool changed = giver >= 0 && (is_penalized(c, giver) || edge->logits_buffer >= 0); /* the core adds to it */
    bool alone = !(c->flags & ANTLER_KEEP) && c->arena.buffer[dy].death <= step;
    if (edge->dy_buffer < 0 && (alone || !changed)) {
        edge->dy_buffer = dy;
        outlive(c, dy, death);
        return ANTLER_OK;
    }
    int64_t whole = add(c, &edge->dy.shape, step + 1, death, err), before = edge->dy_buffer;
    if (whole < 0)
        return err->status;
    edge->dy_buffer = whole;
    return add_sum(c, i, whole, dy, before, w, err);
}

/* Where call i writes the gradient of its input k. */
static antler_status contribute(antler_context *c, int64_t i, int k, antler_error *err)
{
    const antler_call *call = &c->model->call[i];
    int64_t w = call->in[k], dy = c->edge[call->out].dy_buffer;
    antler_edge *edge = &c->edge[w];
    int step = antler__backward_step(c, i), death = gradient_death(c, w, i, k);
    int64_t before = edge->dy_buffer, written = -1;
    bool free = dy >= 0 && c->arena.buffer[dy].death <= step && !(c->flags & ANTLER_KEEP);
    if (before < 0 && free && has_flag(c, i, ANTLER_IN_PLACE) && elements(c, w) == elements(c, call->out)) {
        written = dy;
        outlive(c, dy, death);
    } else if ((written = add(c, &edge->dy.shape, step, death, err)) < 0) {
        return err->status;
    }
    *dx_buffer(c, i, k) = edge->dy_buffer = written;
    return before < 0 ? ANTLER_OK : add_sum(c, i, written, before, written, w, err);
}

/* A gradient of 0, where only a penalty or a loss that takes the logits adds to it. */
static antler_status begin_gradient(antler_context *c, int64_t w, int step, antler_error *err)
{
    antler_edge *edge = &c->edge[w];
    if (edge->dy_buffer >= 0)
        return ANTLER_OK;
    edge->zero = true;
    edge->dy_buffer = add(c, &edge->dy.shape, step, gradient_death(c, w, c->calls, 0), err);
    return edge->dy_buffer < 0 ? err->status : ANTLER_OK;
}

/* The gradient that the loss of an output gives; of several that begin at a wire the sum. */
static antler_status contribute_loss(antler_context *c, int64_t k, antler_error *err)
{
    antler_end *end = &c->end[k];
    int64_t w = end->apart ? c->model->call[end->logits].out : c->model->output[k];
    int64_t *whole = end->apart ? &c->edge[w].logits_buffer : &c->edge[w].dy_buffer, before = *whole;
    if (end->logits == ANTLER_NO_LOSS || !is_wanted(c, w))
        return ANTLER_OK;
    int death = end->apart ? antler__backward_step(c, end->logits) : gradient_death(c, w, c->calls, 0);
    end->buffer = *whole = add(c, &c->edge[w].dy.shape, (int)c->calls, death, err);
    if (end->buffer < 0)
        return err->status;
    return before < 0 ? ANTLER_OK : add_sum(c, c->calls, end->buffer, before, end->buffer, w, err);
}

static antler_status plan_gradients(antler_context *c, antler_error *err)
{
    for (int64_t w = 0; w < c->wires; w++) {
        c->edge[w].dy_buffer = c->edge[w].logits_buffer = -1;
        c->edge[w].dy.shape = c->edge[w].y.shape;
    }
    for (int64_t k = 0; k < c->model->outputs && c->mode == ANTLER_TRAIN; k++)
        ANTLER_TRY(contribute_loss(c, k, err));
    for (int64_t i = c->calls - 1; i >= 0; i--) {
        const antler_call *call = &c->model->call[i];
        if (!c->runs_backward[i])
            continue;
        if (is_penalized(c, i) || c->edge[call->out].logits_buffer >= 0)
            ANTLER_TRY(begin_gradient(c, call->out, antler__backward_step(c, i), err));
        for (int k = 0; k < call->inputs; k++)
            if (is_wanted(c, call->in[k]))
                ANTLER_TRY(has_flag(c, i, ANTLER_VIEW) && !antler__called(c, i)->f
                               ? contribute_view(c, i, call->in[k], err)
                               : contribute(c, i, k, err));
    }
    return ANTLER_OK;
}

/* ---- gradients of layers that are called again ---------------------------------------------------------------------
 */

static antler_status add_shares(antler_context *c, int64_t call, const antler_layer *layer, antler_error *err)
{
    int step = antler__backward_step(c, call);
    for (int s = 0; s < layer->params; s++) {
        int64_t index = antler__variable_at(layer, s);
        const antler_model_variable_entry *variable = &c->model->variable[index];
        if (!variable->view.trainable || (layer->borrows && s == layer->borrowed)) /* its parent's share is its own */
            continue;
        if (!antler__grow_by(&c->share, (size_t)c->shares, 1, sizeof *c->share))
            return antler__no_memory(err);
        int64_t buffer = add(c, &variable->view.value.shape, step, step + 1, err);
        if (buffer < 0)
            return err->status;
        c->share[c->shares++] = (antler_share){call, index, buffer};
    }
    for (int i = 0; i < layer->children; i++)
        ANTLER_TRY(add_shares(c, call, &layer->child[i], err));
    return ANTLER_OK;
}

static antler_status plan_shares(antler_context *c, antler_error *err)
{
    bool *written = antler__allocate_zeroed((size_t)c->model->layers, sizeof *written);
    antler_status status = written ? ANTLER_OK : antler__no_memory(err);
    for (int64_t i = c->calls - 1; status == ANTLER_OK && i >= 0; i--) {
        int64_t layer = c->model->call[i].layer;
        if (!c->runs_backward[i])
            continue;
        if (written[layer])
            status = add_shares(c, i, antler__called(c, i), err);
        written[layer] = true;
    }
    antler__free(written);
    return status;
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

static bool passes_mask(const antler_context *c, int64_t i)
{
    return antler__called(c, i)->mask == ANTLER_MASK_PASS || antler__called(c, i)->mask == ANTLER_MASK_BOTH;
}

/* Masks are small and live through the run. */
static antler_status plan_masks(antler_context *c, antler_error *err)
{
    for (int64_t w = 0; w < c->wires; w++)
        c->edge[w].mask_buffer = -1;
    for (int64_t i = 0; i < c->calls; i++) {
        const antler_call *call = &c->model->call[i];
        antler_edge *edge = &c->edge[call->out];
        if (call->entered >= 0) { /* a model on steps passes on what came to it */
            int64_t in = c->model->call[call->entered].in[0];
            edge->mask.shape = c->edge[in].mask.shape;
            edge->mask_buffer = c->edge[in].mask_buffer;
        } else if (passes_mask(c, i)) {
            for (int k = 0; k < (antler__called(c, i)->mask == ANTLER_MASK_BOTH ? 2 : 1); k++) {
                edge[k].mask.shape = c->edge[call->in[0]].mask.shape;
                edge[k].mask_buffer = c->edge[call->in[0]].mask_buffer;
            }
        } else if (c->model->wire[call->out].masked) {
            const antler_shape *out = antler__wire_shape(c, call->out);
            edge->mask.shape = (antler_shape){2, {edge->y.shape.dim[0], out->rank > 1 ? out->dim[1] : 1}};
            edge->mask_buffer = add(c, &edge->mask.shape, 0, FOREVER, err);
            if (edge->mask_buffer < 0)
                return err->status;
        }
    }
    return ANTLER_OK;
}

antler_status antler__plan_lifetimes(antler_context *c, antler_error *err)
{
    antler__settle(c);
    plan_backward(c);
    ANTLER_TRY(plan_outputs(c, err));
    ANTLER_TRY(plan_gradients(c, err));
    ANTLER_TRY(plan_shares(c, err));
    return plan_masks(c, err);
}
