/* Layers that learn of their inputs before training: each is shown all that the layers before it make of the data. */
#include "train/adapt.h"
#include "core/memory.h"
#include "model/build.h"
#include "model/run.h"
#include "train/data.h"
#include "train/evaluate.h"
#include "train/spare.h"

#include <string.h>

typedef struct adapting {
    antler_model *model;
    int64_t call;
    antler_feed x;
    antler_context *context;
    int64_t rows, row_elements; /* row_elements: of the call's input, for one row of the data */
    antler_real *all;           /* [rows * row_elements] */
} adapting;

antler_real *antler_adaptation_space(antler_adaptation *a, int64_t n)
{
    a->space = n < 0 || a->space ? NULL : antler__allocate((size_t)n, sizeof *a->space);
    if (!a->space)
        antler__no_memory(a->err);
    return a->space;
}

/* The wire of the call's input. */
static int64_t input_of(const adapting *a)
{
    return a->model->call[a->call].in[0];
}

static antler_status run_batches(adapting *a, antler_rooms *r, antler_error *err)
{
    antler_context *c = a->context;
    antler_context_reset(c);
    for (int64_t first = 0, n; first < a->rows; first += n) {
        n = a->rows - first < r->batch ? a->rows - first : r->batch;
        for (int64_t i = 0; i < n; i++)
            r->row[i] = first + i;
        ANTLER_TRY(antler__gather_x(c, &a->x, r->row, n, r->x, err));
        ANTLER_TRY(antler__forward_to(c, r->x, n, a->call, err));
        memcpy(a->all + first * a->row_elements, c->node[a->call].x->data,
               (size_t)(n * a->row_elements) * sizeof *a->all);
    }
    return ANTLER_OK;
}

static antler_status gather(adapting *a, antler_error *err)
{
    antler_rooms r = {0};
    int64_t elements;
    bool fits = antler__count(antler__wire_shape(a->context, input_of(a)), 1, &a->row_elements) &&
                antler__size_multiply(a->row_elements, antler__wire_times(a->context, input_of(a)), &a->row_elements) &&
                antler__size_multiply(a->row_elements, a->rows, &elements);
    a->all = fits ? antler__allocate((size_t)elements, sizeof *a->all) : NULL;
    if (!a->all)
        return antler__no_memory(err);
    antler_status status = antler__rooms_make(&r, a->context->batch, a->x.width, 0, 0, err);
    if (status == ANTLER_OK)
        status = run_batches(a, &r, err);
    antler__rooms_free(&r);
    return status;
}

static antler_status teach(adapting *a, antler_error *err)
{
    const antler_layer *layer = &a->model->layer[a->model->call[a->call].layer];
    antler_error inner = {0};
    antler_adaptation given = {.x = {*antler__wire_shape(a->context, input_of(a)), a->all}, .err = &inner};
    given.x.shape.dim[0] = a->rows * antler__wire_times(a->context, input_of(a));
    given.state = antler__allocate_zeroed((size_t)layer->states, sizeof *given.state);
    if (!given.state)
        return antler__no_memory(err);
    for (int s = 0; s < layer->states; s++)
        given.state[s] = a->model->variable[antler__variable_at(layer, layer->params + s)].view.value;
    antler_status status = layer->ops->adapt(layer->object.config, &given);
    antler__free(given.state);
    antler__free(given.space);
    return status == ANTLER_OK ? ANTLER_OK
                               : antler_error_set(err, status, layer->place, "\"%s\" cannot adapt: %s", layer->name,
                                                  *inner.message ? inner.message : antler_status_text(status));
}

/* Takes what the call takes, for all rows. */
static antler_status run_to(adapting *a, antler_error *err)
{
    int64_t batch = antler_model_batch(a->model);
    batch = batch < a->rows ? batch : a->rows;
    a->context = antler__spare_take(a->model, ANTLER_INFER, batch, 0, 0, a->x.shape, err);
    return a->context ? gather(a, err) : err->status;
}

static antler_status adapt_call(adapting *a, antler_error *err)
{
    antler_status status = run_to(a, err);
    if (status == ANTLER_OK)
        status = teach(a, err);
    antler__free(a->all);
    antler__spare_give(a->model, a->context);
    return status;
}

antler_status antler__call_inputs(antler_model *model, const antler_data *x, int64_t call, int64_t rows,
                                  antler_real **values, int64_t *row_elements, antler_error *err)
{
    adapting a = {.model = model, .call = call, .rows = rows};
    *values = NULL;
    ANTLER_TRY(antler__feed_x(model, x, &a.x, err));
    antler_status status = run_to(&a, err);
    *row_elements = a.row_elements;
    antler__spare_give(model, a.context);
    antler__feed_free(&a.x);
    if (status == ANTLER_OK)
        *values = a.all;
    else
        antler__free(a.all);
    return status;
}

/* ---- of targets -------------------------------------------------------------------------------------------------- */

bool antler__call_is_last(const antler_model *model, const antler_call *call)
{
    return model->outputs == 1 && model->output[0] == call->out;
}

bool antler__call_of_targets(const antler_model *model, const antler_call *call)
{
    const antler_layer *layer = &model->layer[call->layer];
    return antler__call_is_last(model, call) && layer->ops->of_targets && layer->ops->of_targets(layer->object.config);
}

/* All targets, in the shape of the output. */
static antler_status adapt_to_targets(antler_model *model, int64_t call, const antler_data *y, antler_error *err)
{
    const antler_layer *layer = &model->layer[model->call[call].layer];
    antler_adaptation given = {.x = {.shape = layer->out[0]}, .err = err};
    int64_t rows = antler_data_shape(y)->dim[0], width = y->parts ? -1 : antler_count(antler_data_shape(y), 1), n;
    if (antler__is_open(&layer->out[0]) || antler_count(&layer->out[0], 1) != width)
        return antler_error_set(err, ANTLER_SHAPE, layer->place, "\"%s\" learns of targets of the output's shape",
                                layer->name);
    given.x.shape.dim[0] = rows;
    given.x.data = antler__size_multiply(rows, width, &n) ? antler__allocate((size_t)n, sizeof(antler_real)) : NULL;
    given.state = antler__allocate_zeroed((size_t)layer->states, sizeof *given.state);
    antler_status status = given.x.data && given.state ? ANTLER_OK : antler__no_memory(err);
    for (int64_t row = 0; status == ANTLER_OK && row < rows; row++)
        status = antler_data_gather(y, &row, 1, given.x.data + row * width, err);
    for (int s = 0; status == ANTLER_OK && s < layer->states; s++)
        given.state[s] = model->variable[antler__variable_at(layer, layer->params + s)].view.value;
    if (status == ANTLER_OK)
        status = layer->ops->adapt(layer->object.config, &given);
    antler__free(given.x.data);
    antler__free(given.state);
    antler__free(given.space);
    return status;
}

/* ---- which layers ------------------------------------------------------------------------------------------------ */

static bool wants(const antler_model *model, const antler_call *call)
{
    const antler_layer *layer = &model->layer[call->layer];
    return call->number == 0 && layer->ops->adapt && (!layer->ops->adapts || layer->ops->adapts(layer->object.config));
}

/* *taught: it has states, and one is not as it began. */
static antler_status find_taught(const antler_model *model, const antler_layer *layer, bool *taught, antler_error *err)
{
    *taught = layer->states == 0;
    for (int s = 0; s < layer->states; s++) {
        const antler_model_variable_entry *variable = &model->variable[antler__variable_at(layer, layer->params + s)];
        antler_tensor before = variable->view.value;
        size_t n = (size_t)antler_count(&before.shape, 0);
        before.data = antler__allocate_zeroed(n, sizeof *before.data);
        if (!before.data)
            return antler__no_memory(err);
        if (layer->ops->initialize_state)
            layer->ops->initialize_state(layer->object.config, variable->slot, &before);
        *taught |= memcmp(before.data, variable->view.value.data, n * sizeof *before.data) != 0;
        antler__free(before.data);
    }
    return ANTLER_OK;
}

/* y NULL: layers that learn of targets are left alone. */
static antler_status adapt(adapting *a, const antler_data *y, bool all, antler_error *err)
{
    for (a->call = 0; a->call < a->model->calls; a->call++) {
        const antler_call *call = &a->model->call[a->call];
        bool targets = antler__call_of_targets(a->model, call), taught = false;
        if (!wants(a->model, call) || (targets && !y))
            continue;
        if (!all)
            ANTLER_TRY(find_taught(a->model, &a->model->layer[call->layer], &taught, err));
        if (!taught)
            ANTLER_TRY(targets ? adapt_to_targets(a->model, a->call, y, err) : adapt_call(a, err));
    }
    return ANTLER_OK;
}

antler_status antler__adapt(antler_model *model, const antler_data *x, const antler_data *y, bool all,
                            antler_error *err)
{
    antler_error error = {0};
    adapting a = {.model = model, .rows = antler_data_shape(x)->dim[0]};
    if (!all && (model->read || model->step > 0))
        return ANTLER_OK;
    ANTLER_TRY(antler__feed_x(model, x, &a.x, err));
    antler_status status = adapt(&a, y, all, &error);
    antler__feed_free(&a.x);
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}

antler_status antler_adapt(antler_model *model, const antler_data *x, antler_error *err)
{
    antler_status status = antler_build(model);
    if (status != ANTLER_OK)
        return model ? antler__error_copy(err, antler_model_error(model)) : antler__no_memory(err);
    ANTLER_TRY(antler__require(x, "data", err));
    return antler__adapt(model, x, NULL, true, err);
}
