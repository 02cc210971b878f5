#include "model/moved.h"

#include "core/memory.h"
#include "model/channels.h"

/* ---- plan -------------------------------------------------------------------------------------------------------- */

enum { VALUE, GRADIENT };

/* A layer without sums of its own: what it sees of x is what it gives. */
static bool is_view(const antler_node *node)
{
    return !node->layer->ops->forward;
}

static bool find_axes(antler_node *node, const bool *settled, const antler_shape *in, const antler_shape *out)
{
    const antler_layer *layer = node->layer;
    bool any = false;
    for (int k = 0; k < layer->inputs + layer->outputs; k++) {
        int rank = k < layer->inputs ? in[k].rank : out[k - layer->inputs].rank;
        int axis = settled && settled[k] ? 0 : antler__channels_axis(layer->object, rank);
        node->moved[k] = (antler_moved){.axis = axis, .buffer = {-1, -1}};
        any = any || axis;
    }
    return any;
}

/* The tensors that the layer sees, in one block. */
static antler_status make_seen(antler_node *node, const antler_shape *in, const antler_shape *out, antler_error *err)
{
    const int inputs = node->layer->inputs, outputs = node->layer->outputs;
    antler_tensor *t = antler__allocate_zeroed((size_t)(2 * (inputs + outputs)), sizeof *t);
    if (!t)
        return antler__no_memory(err);
    node->seen_x = t;
    node->seen_dx = node->seen_x + inputs;
    node->seen_y = node->seen_dx + inputs;
    node->seen_dy = node->seen_y + outputs;
    for (int k = 0; k < inputs; k++)
        node->seen_x[k].shape = node->seen_dx[k].shape = antler__channels_last(&in[k], node->moved[k].axis);
    for (int k = 0; k < outputs; k++)
        node->seen_y[k].shape = node->seen_dy[k].shape = antler__channels_last(&out[k], node->moved[inputs + k].axis);
    return ANTLER_OK;
}

/* Memory of moved numbers: until the pass back where that reads them, and that of their gradient in it. */
static void plan_tensor(antler_plan *plan, antler_moved *m, const antler_shape *seen, bool read_back, bool gradient)
{
    bool back = plan->backward >= 0;
    if (!m->axis)
        return;
    m->buffer[VALUE] = antler__plan_buffer(plan, seen, sizeof(antler_real), plan->forward,
                                           back && read_back ? plan->backward : plan->forward);
    if (back && gradient)
        m->buffer[GRADIENT] = antler__plan_buffer(plan, seen, sizeof(antler_real), plan->backward, plan->backward);
}

antler_status antler__moved_plan(antler_plan *plan, const antler_shape *in, const antler_shape *out)
{
    antler_node *node = plan->node;
    const antler_layer *layer = node->layer;
    if (!antler__channels_field(layer->object))
        return ANTLER_OK;
    node->moved = antler__allocate((size_t)(layer->inputs + layer->outputs), sizeof *node->moved);
    if (!node->moved)
        return antler__no_memory(plan->err);
    if (!find_axes(node, plan->settled, in, out)) {
        antler__free(node->moved);
        node->moved = NULL;
        return ANTLER_OK;
    }
    ANTLER_TRY(make_seen(node, in, out, plan->err));
    for (int k = 0; k < layer->inputs && !is_view(node); k++)
        plan_tensor(plan, &node->moved[k], &node->seen_x[k].shape, layer->ops->flags & ANTLER_NEEDS_X, plan->whole);
    for (int k = 0; k < layer->outputs; k++)
        plan_tensor(plan, &node->moved[layer->inputs + k], &node->seen_y[k].shape, layer->ops->flags & ANTLER_NEEDS_Y,
                    true);
    node->bare.width = node->seen_y->shape.dim[node->seen_y->shape.rank - 1];
    return plan->status;
}

void antler__moved_connect(antler_node *node, const antler_arena *arena)
{
    for (int k = 0; node->moved && k < node->layer->inputs + node->layer->outputs; k++)
        for (int i = VALUE; i <= GRADIENT; i++)
            node->moved[k].data[i] = antler__arena_at(arena, node->moved[k].buffer[i]);
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

/* Matrices (rows, columns) to (columns, rows). */
typedef struct transposition {
    antler_real *to;
    const antler_real *from;
    int64_t rows, columns;
} transposition;

enum { BLOCK = 16 }; /* of rows and of columns: what they touch stays in the nearest cache */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Columns [first, last) of one matrix. */
static void transpose_columns(const transposition *t, int64_t matrix, int64_t first, int64_t last)
{
    const antler_real *from = t->from + matrix * t->rows * t->columns;
    antler_real *to = t->to + matrix * t->rows * t->columns;
    for (int64_t j0 = first; j0 < last; j0 += BLOCK)
        for (int64_t i0 = 0; i0 < t->rows; i0 += BLOCK)
            for (int64_t j = j0; j < least(j0 + BLOCK, last); j++)
                for (int64_t i = i0; i < least(i0 + BLOCK, t->rows); i++)
                    to[j * t->rows + i] = from[i * t->columns + j];
}

static void transpose_piece(void *arg, int64_t first, int64_t count)
{
    const transposition *t = arg;
    for (int64_t n; count > 0; first += n, count -= n) {
        int64_t column = first % t->columns;
        n = least(t->columns - column, count);
        transpose_columns(t, first / t->columns, column, column + n);
    }
}

/* Numbers of `outside`, with the channels on `axis`, from it to where they are last; or back into it. */
static void move(antler_run *run, const antler_tensor *outside, antler_real *last, int axis, bool back)
{
    const antler_shape *shape = &outside->shape;
    int64_t channels = shape->dim[axis], behind = antler_count(shape, axis + 1), matrices = 1;
    for (int i = 0; i < axis; i++)
        matrices *= shape->dim[i];
    transposition t = back ? (transposition){outside->data, last, behind, channels}
                           : (transposition){last, outside->data, channels, behind};
    antler_run_ranges(run, matrices * t.columns, t.rows, transpose_piece, &t);
}

/* One tensor before the layer's run, into the memory that it sees, or after it back from there. */
static void carry(antler_node *node, const antler_tensor *outside, antler_real *seen, int axis, bool back)
{
    int64_t n = antler_count(&outside->shape, 0);
    if (axis)
        move(&node->run, outside, seen, axis, back);
    else
        antler_run_copy(&node->run, back ? outside->data : seen, back ? seen : outside->data, n);
}

/* The batch is the call's, and what is not moved lies where the call has it. A view's x lies in its y. */
static void show_values(antler_node *node)
{
    const antler_moved *m = node->moved;
    for (int k = node->layer->outputs - 1; k >= 0; k--) {
        node->seen_y[k].shape.dim[0] = node->seen_dy[k].shape.dim[0] = node->y[k].shape.dim[0];
        node->seen_y[k].data =
            m[node->layer->inputs + k].axis ? m[node->layer->inputs + k].data[VALUE] : node->y[k].data;
    }
    for (int k = 0; k < node->layer->inputs; k++) {
        node->seen_x[k].shape.dim[0] = node->seen_dx[k].shape.dim[0] = node->x[k].shape.dim[0];
        node->seen_x[k].data = is_view(node) ? node->seen_y->data : m[k].axis ? m[k].data[VALUE] : node->x[k].data;
    }
}

/* The same for gradients; those that are not wanted, or not there, have no data. */
static void show_gradients(antler_node *node)
{
    const antler_moved *m = node->moved;
    for (int k = 0; k < node->layer->outputs; k++) {
        bool moves = m[node->layer->inputs + k].axis && node->dy[k].data;
        node->seen_dy[k].data = moves ? m[node->layer->inputs + k].data[GRADIENT] : node->dy[k].data;
    }
    for (int k = 0; k < node->layer->inputs; k++) {
        bool moves = m[k].axis && node->dx[k].data;
        node->seen_dx[k].data = is_view(node) ? node->seen_dy->data : moves ? m[k].data[GRADIENT] : node->dx[k].data;
    }
}

antler_status antler__moved_forward(antler_node *node)
{
    const antler_layer *layer = node->layer;
    const antler_moved *m = node->moved, *of_y = m + layer->inputs;
    show_values(node);
    for (int k = 0; k < layer->inputs; k++)
        carry(node, &node->x[k], node->seen_x[k].data, m[k].axis, false);
    if (!is_view(node))
        ANTLER_TRY(layer->ops->forward(layer->object.config, &node->run));
    for (int k = 0; k < layer->outputs; k++)
        carry(node, &node->y[k], node->seen_y[k].data, of_y[k].axis, true);
    return ANTLER_OK;
}

antler_status antler__moved_backward(antler_node *node)
{
    const antler_layer *layer = node->layer;
    const antler_moved *m = node->moved, *of_y = m + layer->inputs;
    show_gradients(node);
    for (int k = 0; k < layer->outputs; k++)
        if (node->dy[k].data)
            carry(node, &node->dy[k], node->seen_dy[k].data, of_y[k].axis, false);
    if (!is_view(node))
        ANTLER_TRY(layer->ops->backward(layer->object.config, &node->run));
    for (int k = 0; k < layer->inputs; k++)
        if (node->dx[k].data)
            carry(node, &node->dx[k], node->seen_dx[k].data, m[k].axis, true);
    return ANTLER_OK;
}
