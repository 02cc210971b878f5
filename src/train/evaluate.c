/* Evaluating and predicting: rows in order, in inference, batch by batch. */
#include "core/memory.h"
#include "train/fit.h"

#include <math.h>
#include <string.h>

/* ---- data that fits ---- */

static bool same_sample(const antler_shape *a, const antler_shape *b)
{
    int rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 1; i < rank; i++) /* a missing last axis is one of 1 */
        if ((i < a->rank ? a->dim[i] : 1) != (i < b->rank ? b->dim[i] : 1))
            return false;
    return true;
}

static antler_status check_x(const antler_model *model, const antler_data *x, antler_error *err)
{
    const antler_shape *got = antler_data_shape(x), *wanted = antler_input_shape(model);
    char a[128], b[128];
    if (got->dim[0] < 1)
        return antler_error_set(err, ANTLER_SHAPE, "x", "the data has no rows");
    if (!same_sample(got, wanted))
        return antler_error_set(err, ANTLER_SHAPE, "x", "data of shape %s does not fit the model's input %s",
                                antler_shape_text(got, a, sizeof a), antler_shape_text(wanted, b, sizeof b));
    return ANTLER_OK;
}

antler_status antler__check_data(const antler_model *model, antler_objective *objective, const antler_data *x,
                                 const antler_data *y, antler_error *err)
{
    if (!x || !y)
        return antler_error_set(err, ANTLER_VALUE, NULL, "no data: x and y are needed");
    ANTLER_TRY(check_x(model, x, err));
    int64_t nx = antler_data_shape(x)->dim[0], ny = antler_data_shape(y)->dim[0];
    if (nx != ny)
        return antler_error_set(err, ANTLER_SHAPE, "y", "x has %lld rows, y has %lld", (long long)nx, (long long)ny);
    return objective ? antler__objective_targets(objective, model, antler_data_shape(y), err) : ANTLER_OK;
}

antler_status antler__gather_x(const antler_model *model, const antler_data *x, const int64_t *row, int64_t n,
                               antler_real *out, antler_error *err)
{
    ANTLER_TRY(antler_data_gather(x, row, n, out, err));
    return antler__check_input(model, out, row, n, err);
}

/* ---- batches ---- */

/* Room for one batch of x and of targets. */
typedef struct rooms {
    antler_real *x, *y;
} rooms;

static void free_rooms(rooms *r)
{
    antler__free_aligned(r->x);
    antler__free_aligned(r->y);
}

static antler_status make_rooms(rooms *r, const antler_model *model, int64_t batch, int64_t y_width, antler_error *err)
{
    int64_t x_width = antler_count(antler_input_shape(model), 1), x = 0, y = 0;
    bool fits = antler__size_multiply(batch, x_width, &x) && antler__size_multiply(batch, y_width, &y);
    r->x = fits ? antler__allocate_aligned((size_t)x, sizeof *r->x) : NULL;
    r->y = fits ? antler__allocate_aligned((size_t)y, sizeof *r->y) : NULL;
    if (r->x && r->y)
        return ANTLER_OK;
    free_rooms(r);
    return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: a batch of %lld", (long long)batch);
}

static int64_t take_rows(int64_t *row, int64_t first, int64_t batch, int64_t rows)
{
    int64_t n = rows - first < batch ? rows - first : batch;
    for (int64_t i = 0; i < n; i++)
        row[i] = first + i;
    return n;
}

/* ---- evaluating ---- */

antler_status antler__evaluate(antler_context *c, const antler_data *x, const antler_data *y, antler_real *x_room,
                               antler_real *y_room, antler_error *err)
{
    int64_t rows = antler_data_shape(x)->dim[0];
    antler__objective_reset(c->objective);
    antler_context_reset(c);
    for (int64_t first = 0; first < rows; first += c->batch) {
        int64_t n = take_rows(c->rows, first, c->batch, rows);
        double loss;
        ANTLER_TRY(antler__gather_x(c->model, x, c->rows, n, x_room, err));
        ANTLER_TRY(antler_data_gather(y, c->rows, n, y_room, err));
        ANTLER_TRY(antler__forward(c, x_room, n, err));
        ANTLER_TRY(antler__objective_loss(c, y_room, false, &loss, err));
        antler__objective_track(c, y_room, loss);
    }
    return ANTLER_OK;
}

/* A context for these rows; no larger a batch than there are rows. */
static antler_context *context_for(antler_model *model, antler_mode mode, const antler_data *x, int64_t batch_size,
                                   int threads, unsigned flags, antler_error *err)
{
    int64_t rows = antler_data_shape(x)->dim[0], batch = batch_size > 0 ? batch_size : 32;
    return antler__training_context(model, NULL, mode, batch < rows ? batch : rows, threads, flags, err);
}

antler_status antler_evaluate(antler_model *model, const antler_data *x, const antler_data *y, int64_t batch_size,
                              int threads, antler_logs *logs, antler_error *err)
{
    logs->n = 0;
    antler_error error = {0};
    if (antler_build(model) != ANTLER_OK)
        return antler__error_copy(err, antler_model_error(model));
    if (!model->compile || !model->compile->loss.type)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.loss", "the model has no loss");
    ANTLER_TRY(antler__check_data(model, NULL, x, y, err));
    antler_context *c = context_for(model, ANTLER_INFER, x, batch_size, threads, ANTLER_WITH_OBJECTIVE, &error);
    rooms r = {0};
    antler_status status = c ? antler__check_data(model, c->objective, x, y, &error) : error.status;
    if (status == ANTLER_OK)
        status = make_rooms(&r, model, c->batch, antler_count(antler_data_shape(y), 1), &error);
    if (status == ANTLER_OK) {
        status = antler__evaluate(c, x, y, r.x, r.y, &error);
        free_rooms(&r);
    }
    if (status == ANTLER_OK)
        antler__objective_logs(c->objective, false, logs);
    antler_context_free(c);
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}

/* ---- predicting ---- */

/* Sum and sum of squares over the samples of one batch, in the samples' order: shifted by the first sample, so that a
   small deviation beside a large mean is not lost. */
static antler_status predict_batch(antler_context *c, const antler_real *x, int64_t first, int64_t n, int64_t samples,
                                   antler_real *mean, antler_real *deviation, double *sums, antler_error *err)
{
    int64_t width = antler_count(&antler__output(c)->shape, 1);
    for (int64_t s = 0; s < samples; s++) {
        antler_context_seek(c, s, first);
        ANTLER_TRY(antler__forward(c, x, n, err));
        const antler_real *y = antler__output(c)->data;
        if (s == 0) {
            memcpy(mean, y, (size_t)(n * width) * sizeof *y);
            memset(sums, 0, (size_t)(2 * n * width) * sizeof *sums);
        }
        for (int64_t i = 0; samples > 1 && i < n * width; i++) {
            double d = (double)y[i] - (double)mean[i];
            sums[2 * i] += d;
            sums[2 * i + 1] += d * d;
        }
    }
    for (int64_t i = 0; i < n * width; i++) {
        double d = sums[2 * i] / (double)samples, variance = sums[2 * i + 1] / (double)samples - d * d;
        if (deviation)
            deviation[i] = (antler_real)sqrt(variance > 0 ? variance : 0);
        mean[i] = (antler_real)((double)mean[i] + d);
    }
    return ANTLER_OK;
}

static antler_status predict_all(antler_context *c, const antler_data *x, rooms *r, int64_t samples, antler_real *mean,
                                 antler_real *deviation, double *sums, antler_error *err)
{
    int64_t rows = antler_data_shape(x)->dim[0], width = antler_count(&antler__output(c)->shape, 1);
    for (int64_t first = 0; first < rows; first += c->batch) {
        int64_t n = take_rows(c->rows, first, c->batch, rows);
        ANTLER_TRY(antler__gather_x(c->model, x, c->rows, n, r->x, err));
        ANTLER_TRY(predict_batch(c, r->x, first, n, samples, mean + first * width,
                                 deviation ? deviation + first * width : NULL, sums, err));
    }
    return ANTLER_OK;
}

static antler_status predict(antler_model *model, antler_mode mode, const antler_data *x, int64_t samples,
                             int64_t batch_size, int threads, antler_real *mean, antler_real *deviation,
                             antler_error *err)
{
    if (antler_build(model) != ANTLER_OK)
        return antler__error_copy(err, antler_model_error(model));
    if (!x || samples < 1)
        return antler_error_set(err, ANTLER_VALUE, NULL, x ? "predict needs at least one sample" : "no data");
    ANTLER_TRY(check_x(model, x, err));
    antler_error error = {0};
    antler_context *c = context_for(model, mode, x, batch_size, threads, 0, &error);
    rooms r = {0};
    antler_status status = c ? make_rooms(&r, model, c->batch, 1, &error) : error.status;
    if (status == ANTLER_OK) {
        size_t width = (size_t)antler_count(&antler__output(c)->shape, 1);
        double *sums = antler__allocate((size_t)c->batch, 2 * width * sizeof *sums);
        status = sums ? predict_all(c, x, &r, samples, mean, deviation, sums, &error) : antler__no_memory(&error);
        antler__free(sums);
        free_rooms(&r);
    }
    antler_context_free(c);
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}

antler_status antler_predict(antler_model *model, const antler_data *x, int64_t batch_size, int threads, antler_real *y,
                             antler_error *err)
{
    return predict(model, ANTLER_INFER, x, 1, batch_size, threads, y, NULL, err);
}

antler_status antler_predict_mc(antler_model *model, const antler_data *x, int64_t samples, int64_t batch_size,
                                int threads, antler_real *mean, antler_real *deviation, antler_error *err)
{
    return predict(model, ANTLER_MC, x, samples, batch_size, threads, mean, deviation, err);
}
