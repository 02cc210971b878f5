#include "cli/sampling.h"
#include "cli/serve.h"

#include <stdlib.h>
#include <string.h>

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

static bool is_open(const antler_model *model)
{
    const antler_shape *shape;
    for (int64_t k = 0; (shape = antler_model_input(model, k, NULL)); k++)
        for (int i = 1; i < shape->rank; i++)
            if (shape->dim[i] < 0)
                return true;
    return false;
}

antler_status antler__pool_make(antler_pool *pool, antler_model *model, int64_t batch, int contexts, antler_error *err)
{
    pthread_mutex_init(&pool->mutex, NULL);
    pool->model = model;
    pool->batch = batch;
    if (antler_build(model) != ANTLER_OK) {
        *err = *antler_model_error(model);
        return err->status;
    }
    pool->open = is_open(model);
    for (; pool->contexts < contexts; pool->idle = ++pool->contexts) {
        antler_context *c = antler_context_create(model, pool->samples ? ANTLER_MC : ANTLER_INFER, batch, 1, 0, err);
        if (!c)
            return err->status;
        pool->context[pool->contexts] = c;
    }
    return ANTLER_OK;
}

void antler__pool_free(antler_pool *pool)
{
    for (int i = 0; i < pool->contexts; i++)
        antler_context_free(pool->context[i]);
    if (pool->model)
        pthread_mutex_destroy(&pool->mutex);
    antler_model_free(pool->model);
}

static antler_context *take(antler_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    antler_context *context = pool->idle > 0 ? pool->context[--pool->idle] : NULL;
    pthread_mutex_unlock(&pool->mutex);
    return context;
}

static void give(antler_pool *pool, antler_context *context)
{
    pthread_mutex_lock(&pool->mutex);
    pool->context[pool->idle++] = context;
    pthread_mutex_unlock(&pool->mutex);
}

/* ---- one request ------------------------------------------------------------------------------------------------- */

/* Rows [first, first + n) of each input. */
static antler_status gather(void *arg, int64_t first, int64_t n, antler_real *x, antler_error *err)
{
    const antler_request *q = arg;
    (void)err;
    for (int i = 0; i < q->inputs; i++) {
        const antler_request_input *in = &q->input[i];
        int64_t width = antler_count(&in->shape, 1);
        memcpy(x, in->values + first * width, (size_t)(n * width) * sizeof *x);
        x += n * width;
    }
    return ANTLER_OK;
}

/* The shapes of the outputs for these rows; for free. */
static antler_shape *measure(const antler_pool *pool, antler_context *context, const antler_request *q,
                             antler_error *err)
{
    int64_t outputs = antler__outputs(pool->model);
    antler_shape *lengths = antler__room(q->inputs, sizeof *lengths, err);
    antler_shape *output = antler__room(outputs, sizeof *output, err);
    for (int i = 0; lengths && i < q->inputs; i++)
        lengths[i] = q->input[i].shape;
    for (int64_t k = 0; output && k < outputs; k++)
        output[k] = *antler_model_output(pool->model, k, NULL);
    if (err->status == ANTLER_OK && pool->open)
        antler_context_at(context, lengths, output, err);
    for (int64_t k = 0; output && k < outputs; k++)
        output[k].dim[0] = q->rows;
    free(lengths);
    return output;
}

/* Predicts, and writes the answer. */
static char *answer(const antler_pool *pool, antler_context *context, antler_request *q, size_t *length,
                    antler_error *err)
{
    antler_shape *output = measure(pool, context, q, err);
    antler_sampling s = {.context = context,
                         .model = pool->model,
                         .samples = pool->samples,
                         .rows = q->rows,
                         .batch = pool->batch,
                         .output = output,
                         .gather = gather,
                         .arg = q};
    int64_t numbers = 0;
    char *text = NULL;
    for (int i = 0; i < q->inputs; i++)
        s.x_width += antler_count(&q->input[i].shape, 1);
    for (int64_t k = 0; err->status == ANTLER_OK && k < antler__outputs(pool->model); k++)
        numbers += antler_count(&output[k], 0);
    s.y = antler__room(numbers, sizeof *s.y, err);
    s.deviation = pool->samples ? antler__room(numbers, sizeof *s.deviation, err) : NULL;
    if (err->status == ANTLER_OK && antler__sample(&s, err) == ANTLER_OK) {
        text = antler__request_answer(q, pool->model, output, s.y, s.deviation, length);
        if (!text)
            antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    }
    free(output);
    free(s.y);
    free(s.deviation);
    return text;
}

char *antler__pool_answer(antler_pool *pool, const char *body, size_t size, size_t *length, antler_error *err)
{
    antler_request q;
    char *text = NULL;
    if (antler__request_read(&q, pool->model, body, size, &pool->limits, err) == ANTLER_OK) {
        antler_context *context = take(pool);
        if (context) {
            text = answer(pool, context, &q, length, err);
            give(pool, context);
        } else {
            antler_error_set(err, ANTLER_MEMORY, NULL, "all threads are at work");
        }
    }
    antler__request_free(&q);
    return text;
}
