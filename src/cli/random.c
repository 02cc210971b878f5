/* Random data of the shape and kind that a model takes: for bench and gradcheck, where only that matters. */
#include "antler/random.h"
#include "cli/command.h"

#include <stdlib.h>
#include <string.h>

static uint32_t next(antler_source *source)
{
    enum { WORDS = sizeof source->word / sizeof source->word[0] };
    if (source->left == 0) {
        antler_stream at = {.key = source->seed, .position = source->position};
        antler_random_words(at, source->word, WORDS);
        source->position += WORDS;
        source->left = WORDS;
    }
    return source->word[--source->left];
}

double antler__random_uniform(antler_source *source)
{
    uint32_t high = next(source) >> 5, low = next(source) >> 6; /* 53 bits, which a double holds */
    return ((double)high * 0x1p26 + (double)low) * 0x1p-53;
}

int64_t antler__random_below(antler_source *source, int64_t n)
{
    int64_t at = (int64_t)(antler__random_uniform(source) * (double)n);
    return at < n ? at : n - 1;
}

/* n numbers: integers below `limit`, or uniform in [0, 1) where limit is 0. */
static void fill(antler_real *out, int64_t n, int64_t limit, antler_source *source)
{
    for (int64_t i = 0; i < n; i++)
        out[i] =
            (antler_real)(limit > 0 ? (double)antler__random_below(source, limit) : antler__random_uniform(source));
}

static void fill_one_hot(antler_real *out, int64_t rows, int64_t n, antler_source *source)
{
    memset(out, 0, (size_t)(rows * n) * sizeof *out);
    for (int64_t i = 0; i < rows; i++)
        out[i * n + antler__random_below(source, n)] = 1;
}

/* Elements of rows of a shape, which were checked when the model was built; -1 when they are too many. */
static int64_t count(const antler_shape *shape)
{
    int64_t sample = antler_count(shape, 1);
    return sample > 0 && shape->dim[0] > INT64_MAX / sample ? -1 : shape->dim[0] * sample;
}

static antler_status make(const antler_model *model, const antler_loss_ops *loss, antler_random_data *data,
                          antler_error *err)
{
    antler_shape *y = &data->y_shape;
    antler_source source = {.seed = 1};
    int64_t n = y->rank > 1 ? y->dim[y->rank - 1] : 1;
    if (loss->sparse)
        y->dim[y->rank - 1] = 1;
    int64_t x_count = count(&data->x_shape), y_count = count(y);
    data->x = antler__room(x_count, sizeof *data->x, err);
    data->y = data->x ? antler__room(y_count, sizeof *data->y, err) : NULL;
    if (!data->y)
        return err->status;
    fill(data->x, x_count, antler_model_tokens(model), &source);
    if (loss->sparse)
        fill(data->y, y_count, n, &source);
    else if (loss->from && strcmp(loss->from, "softmax") == 0)
        fill_one_hot(data->y, y_count / n, n, &source);
    else
        fill(data->y, y_count, loss->from ? 2 : 0, &source);
    return ANTLER_OK;
}

antler_status antler__random_data_make(const antler_model *model, const char *path, int64_t rows,
                                       antler_random_data *data, antler_error *err)
{
    const antler_loss_ops *loss = antler__loss(model);
    antler_object optimizer;
    if (!loss || !antler_model_object(model, ANTLER_KIND_OPTIMIZER, 0, &optimizer)) {
        antler_error_set(err, ANTLER_VALUE, "compile_config", "the model has no %s; it needs an optimizer and a loss",
                         loss ? "optimizer" : "loss");
        antler__blame(path, err);
        return err->status;
    }
    data->x_shape = *antler_input_shape(model);
    data->y_shape = *antler_output_shape(model);
    data->x_shape.dim[0] = data->y_shape.dim[0] = rows;
    return make(model, loss, data, err);
}

void antler__random_data_free(antler_random_data *data)
{
    free(data->x);
    free(data->y);
    *data = (antler_random_data){0};
}
