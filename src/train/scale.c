/* Whether inputs and targets are of a size that training starts well from: weights begin as if they were about 1. */
#include "core/memory.h"
#include "train/adapt.h"
#include "train/data.h"

#include "antler/parts.h"

#include <math.h>
#include <stdio.h>

enum { LOOKED_AT = 1000, NUMBERS = 1 << 20 }; /* rows, and numbers of them */
static const double large = 100, wide = 30;

/* Of some numbers. */
typedef struct spread {
    double largest, deviation;
} spread;

static spread spread_of(const antler_real *x, int64_t n)
{
    spread s = {0};
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        double difference = (double)x[i] - mean;
        mean += difference / (double)(i + 1);
        squares += difference * ((double)x[i] - mean);
        s.largest = fmax(s.largest, fabs((double)x[i]));
    }
    s.deviation = n > 0 ? sqrt(squares / (double)n) : 0;
    return s;
}

static bool is_far(spread s)
{
    return s.largest > large || s.deviation > wide;
}

/* The first call with a kernel, if it takes numbers: one whose weights are looked up, or scale each number by itself
   (batch normalization), takes any. -1: none. */
static int64_t first_weights(const antler_model *model)
{
    for (int64_t i = 0; i < model->calls; i++) {
        const antler_layer *layer = &model->layer[model->call[i].layer];
        bool kernel = false;
        for (int p = 0; p < layer->params; p++)
            kernel |= model->variable[antler__variable_at(layer, p)].view.value.shape.rank > 1;
        if (layer->params > 0 || layer->children > 0)
            return kernel && !layer->ops->tokens && model->call[i].inputs == 1 ? i : -1;
    }
    return -1;
}

/* Rows that are looked at. */
static int64_t few(const antler_data *data)
{
    int64_t rows = antler_data_shape(data)->dim[0], width = antler_count(antler_data_shape(data), 1);
    int64_t most = width > NUMBERS / LOOKED_AT ? NUMBERS / width + 1 : LOOKED_AT;
    return rows < most ? rows : most;
}

static void warn(antler_model *model, const char *what, spread s, const char *cure)
{
    antler_error warning = {0};
    snprintf(warning.message, sizeof warning.message, "%s up to %.4g, of a standard deviation of %.4g: %s", what,
             s.largest, s.deviation, cure);
    antler__model_warn(model, &warning);
}

static antler_status look_at_inputs(antler_model *model, const antler_data *x, antler_error *err)
{
    int64_t call = first_weights(model), n;
    antler_real *values;
    if (call < 0)
        return ANTLER_OK;
    ANTLER_TRY(antler__call_inputs(model, x, call, few(x), &values, &n, err));
    spread s = spread_of(values, few(x) * n);
    antler__free(values);
    if (is_far(s))
        warn(model, "the first weights take numbers", s, "a Normalization layer before them makes them about 1");
    return ANTLER_OK;
}

static bool learns_of_targets(const antler_model *model)
{
    bool last = false;
    for (int64_t i = 0; i < model->calls; i++)
        last |= antler__call_of_targets(model, &model->call[i]);
    return last;
}

static antler_status look_at_targets(antler_model *model, const antler_data *y, antler_error *err)
{
    antler_object object;
    int64_t n = y->parts ? 0 : antler_count(antler_data_shape(y), 1), rows = few(y);
    antler_model_object(model, ANTLER_KIND_LOSS, 0, &object);
    const antler_loss_ops *loss = (const antler_loss_ops *)object.type;
    if (!loss || loss->sparse || loss->loose || loss->from || learns_of_targets(model) || n == 0)
        return ANTLER_OK;
    antler_real *values = antler__allocate((size_t)(rows * n), sizeof *values);
    antler_status status = values ? ANTLER_OK : antler__no_memory(err);
    for (int64_t row = 0; status == ANTLER_OK && row < rows; row++)
        status = antler_data_gather(y, &row, 1, values + row * n, err);
    spread s = status == ANTLER_OK ? spread_of(values, rows * n) : (spread){0};
    antler__free(values);
    if (is_far(s))
        warn(model, "the targets go", s, "a last layer Normalization with \"invert\": true learns their scale");
    return status;
}

antler_status antler__scale_warn(antler_model *model, const antler_data *x, const antler_data *y, antler_error *err)
{
    ANTLER_TRY(look_at_inputs(model, x, err));
    return look_at_targets(model, y, err);
}
