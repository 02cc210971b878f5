/* Random data of the shape and kind that a model takes: for bench and gradcheck, where only that matters. */
#include "cli/command.h"
#include "core/memory.h"
#include "model/model.h"

#include <string.h>

uint64_t antler__random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double uniform(uint64_t *state)
{
    return (double)(antler__random_next(state) >> 11) * 0x1p-53;
}

/* n numbers: integers below `limit`, or uniform in [0, 1) where limit is 0. */
static void fill(antler_real *out, int64_t n, int64_t limit, uint64_t *state)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = limit > 0 ? (antler_real)(antler__random_next(state) % (uint64_t)limit) : (antler_real)uniform(state);
}

static void fill_one_hot(antler_real *out, int64_t rows, int64_t n, uint64_t *state)
{
    memset(out, 0, (size_t)(rows * n) * sizeof *out);
    for (int64_t i = 0; i < rows; i++)
        out[i * n + (int64_t)(antler__random_next(state) % (uint64_t)n)] = 1;
}

/* Integers below this are what the model takes; 0 for any numbers. A table's size is known to the layer that looks
   things up; integer inputs without a table (pixels) are as good as 0 and 1. */
static int64_t input_limit(const antler_model *model)
{
    static const char *const keys[] = {"input_dim", "num_tokens"};
    const char *const *dtype = antler_object_field(model->object[0], "dtype");
    for (int i = 0; i < 2 && model->layers > 1; i++) {
        const int64_t *size = antler_object_field(model->object[1], keys[i]);
        if (size && *size > 0)
            return *size;
    }
    return dtype && *dtype && (strncmp(*dtype, "int", 3) == 0 || strncmp(*dtype, "uint", 4) == 0) ? 2 : 0;
}

static antler_status make(const antler_model *model, const antler_loss_ops *loss, antler_random_data *data,
                          antler_error *err)
{
    antler_shape *y = &data->y_shape;
    int64_t x_count, y_count, n = y->rank > 1 ? y->dim[y->rank - 1] : 1;
    uint64_t state = 1;
    if (loss->sparse)
        y->dim[y->rank - 1] = 1;
    if (!antler__count(&data->x_shape, 0, &x_count) || !antler__count(y, 0, &y_count))
        return antler_error_set(err, ANTLER_SHAPE, NULL, "too large");
    data->x = antler__allocate((size_t)x_count, sizeof *data->x);
    data->y = antler__allocate((size_t)y_count, sizeof *data->y);
    if (!data->x || !data->y)
        return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    fill(data->x, x_count, input_limit(model), &state);
    if (loss->sparse)
        fill(data->y, y_count, n, &state);
    else if (loss->from && strcmp(loss->from, "softmax") == 0)
        fill_one_hot(data->y, y_count / n, n, &state);
    else
        fill(data->y, y_count, loss->from ? 2 : 0, &state);
    return ANTLER_OK;
}

antler_status antler__random_data_make(const antler_model *model, int64_t rows, antler_random_data *data,
                                       antler_error *err)
{
    if (!model->compile || !model->compile->loss.type || !model->compile->optimizer.type) {
        antler_error_set(err, ANTLER_VALUE, "compile_config", "expected an optimizer and a loss");
        snprintf(err->file, sizeof err->file, "%s", model->file ? model->file : "");
        return err->status;
    }
    data->x_shape = *antler_input_shape(model);
    data->y_shape = *antler_output_shape(model);
    data->x_shape.dim[0] = data->y_shape.dim[0] = rows;
    return make(model, (const antler_loss_ops *)model->compile->loss.type, data, err);
}

void antler__random_data_free(antler_random_data *data)
{
    antler__free(data->x);
    antler__free(data->y);
    *data = (antler_random_data){0};
}
