/* Contexts, and shapes, at the lengths of some data. */
#include "train/lengths.h"

#include "core/memory.h"
#include "model/build.h"
#include "train/feed.h"

#include <string.h>

/* Whether the context's open axes are as long as in `in`. */
static bool is_at(const antler_context *c, const antler_shape *in)
{
    bool same = c->node;
    for (int64_t k = 0; same && c->sizes && k < c->model->inputs; k++) {
        antler_shape shape = *antler__wire_shape(c, c->model->input[k]);
        shape.dim[0] = in[k].dim[0];
        same = antler_shape_equal(&shape, &in[k]);
    }
    return same;
}

/* What layers carry from pass to pass has no length: it goes along. */
typedef struct carried {
    int64_t n;
    antler_tensor *tensor; /* [n] */
} carried;

static void count_carry(void *arg, antler_tensor *carry)
{
    (void)carry;
    ++*(int64_t *)arg;
}

static void list_carry(void *arg, antler_tensor *carry)
{
    carried *list = arg;
    list->tensor[list->n++] = *carry;
}

static void take_carry(void *arg, antler_tensor *carry)
{
    const antler_tensor **from = arg;
    if (antler_shape_equal(&carry->shape, &(*from)->shape))
        memcpy(carry->data, (*from)->data, (size_t)antler_count(&carry->shape, 0) * sizeof *carry->data);
    ++*from;
}

static antler_status move_carry(antler_context *from, antler_context *to, antler_error *err)
{
    carried list = {0};
    int64_t n = 0;
    antler__context_carry(from, count_carry, &n);
    list.tensor = antler__allocate((size_t)n, sizeof *list.tensor);
    if (!list.tensor)
        return antler__no_memory(err);
    antler__context_carry(from, list_carry, &list);
    const antler_tensor *next = list.tensor;
    if (n > 0)
        antler__context_carry(to, take_carry, &next);
    antler__free(list.tensor);
    return ANTLER_OK;
}

/* A new context takes the old one's place, and its threads. */
antler_status antler__context_move(antler_context *c, const antler_shape *in, antler_error *err)
{
    antler_error error = {0};
    if (is_at(c, in))
        return ANTLER_OK;
    antler_context *next = antler__training_context_on(c->model, c->writable, c->mode, c->batch,
                                                       antler__pool_share(c->pool), c->flags, in, &error);
    if (next && move_carry(c, next, &error) == ANTLER_OK) {
        const antler_context old = *c;
        next->step = old.step;
        next->row = old.row;
        *c = *next;
        *next = old;
    }
    antler_context_free(next);
    return antler__error_copy(err, &error);
}

/* Of the shapes that a caller gave, which have no need of the batch. */
static antler_status check_shapes(const antler_model *model, const antler_shape *in, antler_error *err)
{
    for (int64_t k = 0; k < model->inputs; k++) {
        const char *name;
        const antler_shape *wanted = antler_model_input(model, k, &name);
        bool fits = in[k].rank == wanted->rank;
        char a[128], b[128];
        for (int i = 1; fits && i < wanted->rank; i++)
            fits = wanted->dim[i] == ANTLER_OPEN ? in[k].dim[i] >= 1 : in[k].dim[i] == wanted->dim[i];
        if (!fits)
            return antler_error_set(err, ANTLER_SHAPE, NULL, "shape %s does not fit the model's input \"%s\" %s",
                                    antler_shape_text(&in[k], a, sizeof a), name,
                                    antler_shape_text(wanted, b, sizeof b));
    }
    return ANTLER_OK;
}

antler_status antler_context_at(antler_context *c, const antler_shape *input, antler_shape *output, antler_error *err)
{
    if (!c)
        return antler__no_context(err);
    ANTLER_TRY(antler__require(input, "shapes of the inputs", err));
    ANTLER_TRY(check_shapes(c->model, input, err));
    ANTLER_TRY(antler__context_move(c, input, err));
    for (int64_t k = 0; output && k < c->model->outputs; k++)
        output[k] = *antler__wire_shape(c, c->model->output[k]);
    return ANTLER_OK;
}

/* dim[0] is the model's. */
static antler_status find_shapes(const antler_model *model, const antler_shape *in, antler_shape *output,
                                 antler_error *err)
{
    antler_sizes *sizes = model->open ? antler__sizes_make(model, in, err) : NULL;
    if (model->open && !sizes)
        return err->status;
    for (int64_t k = 0; k < model->outputs; k++)
        output[k] = sizes ? sizes->wire[model->output[k]].shape : model->wire[model->output[k]].shape;
    antler__sizes_free(sizes);
    return ANTLER_OK;
}

antler_status antler_output_shapes(antler_model *model, const antler_data *x, antler_shape *output, antler_error *err)
{
    antler_feed feed;
    antler_error error = {0};
    ANTLER_TRY(antler__model_ready(model, err));
    ANTLER_TRY(antler__require(x, "data", err));
    ANTLER_TRY(antler__require(output, "array of shapes", err));
    ANTLER_TRY(antler__feed_x(model, x, &feed, err));
    antler_status status = find_shapes(model, feed.shape, output, &error);
    for (int64_t k = 0; status == ANTLER_OK && k < model->outputs; k++)
        output[k].dim[0] = antler_data_shape(x)->dim[0];
    antler__feed_free(&feed);
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}
