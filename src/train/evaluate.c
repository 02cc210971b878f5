/* Evaluating and predicting: rows in order, in inference, batch by batch. */
#include "train/evaluate.h"

#include "core/memory.h"
#include "model/build.h"
#include "train/spare.h"

#include <math.h>
#include <string.h>

/* ---- data that fits ---------------------------------------------------------------------------------------------- */

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

/* ---- batches ----------------------------------------------------------------------------------------------------- */

void antler__rooms_free(antler_rooms *r)
{
    antler__free_aligned(r->x);
    antler__free_aligned(r->y);
    antler__free(r->row);
}

antler_status antler__rooms_make(antler_rooms *r, int64_t batch, int64_t x_width, int64_t y_width, antler_error *err)
{
    int64_t x = 0, y = 0;
    bool fits = antler__size_multiply(batch, x_width, &x) && antler__size_multiply(batch, y_width, &y);
    *r = (antler_rooms){.batch = batch};
    r->x = fits ? antler__allocate_aligned((size_t)x, sizeof *r->x) : NULL;
    r->y = fits ? antler__allocate_aligned((size_t)y, sizeof *r->y) : NULL;
    r->row = antler__allocate((size_t)batch, sizeof *r->row);
    if (r->x && r->y && r->row)
        return ANTLER_OK;
    antler__rooms_free(r);
    *r = (antler_rooms){0};
    return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: a batch of %lld", (long long)batch);
}

/* Rows [first, first + *n) of x into their room; *n is a batch, or what is left. */
static antler_status take_rows(const antler_model *model, antler_rooms *r, const antler_data *x, int64_t first,
                               int64_t *n, antler_error *err)
{
    int64_t left = antler_data_shape(x)->dim[0] - first;
    *n = left < r->batch ? left : r->batch;
    for (int64_t i = 0; i < *n; i++)
        r->row[i] = first + i;
    return antler__gather_x(model, x, r->row, *n, r->x, err);
}

/* No larger a batch than there are rows. */
static antler_status choose_batch(const antler_model *model, const antler_data *x, int64_t batch_size, int64_t *batch,
                                  antler_error *err)
{
    int64_t rows = antler_data_shape(x)->dim[0], wanted = batch_size ? batch_size : antler_model_batch(model);
    if (wanted < 1)
        return antler_error_set(err, ANTLER_VALUE, "batch_size", "%lld is less than 0", (long long)batch_size);
    *batch = wanted < rows ? wanted : rows;
    return ANTLER_OK;
}

/* ---- evaluating -------------------------------------------------------------------------------------------------- */

antler_status antler__evaluate(antler_context *c, const antler_data *x, const antler_data *y, antler_rooms *r,
                               antler_error *err)
{
    int64_t rows = antler_data_shape(x)->dim[0], n;
    antler__objective_reset(c->objective);
    antler_context_reset(c);
    for (int64_t first = 0; first < rows; first += n) {
        double loss;
        ANTLER_TRY(take_rows(c->model, r, x, first, &n, err));
        ANTLER_TRY(antler_data_gather(y, r->row, n, r->y, err));
        ANTLER_TRY(antler__forward(c, r->x, n, err));
        ANTLER_TRY(antler__objective_loss(c, r->y, false, &loss, err));
        antler__objective_track(c, r->y, loss);
    }
    return ANTLER_OK;
}

static antler_status evaluate_on(antler_context *c, const antler_data *x, const antler_data *y, int64_t batch,
                                 antler_logs *logs, antler_error *err)
{
    antler_rooms r;
    ANTLER_TRY(antler__check_data(c->model, c->objective, x, y, err));
    ANTLER_TRY(antler__rooms_make(&r, batch, antler_count(antler_data_shape(x), 1),
                                  antler_count(antler_data_shape(y), 1), err));
    antler_status status = antler__evaluate(c, x, y, &r, err);
    antler__rooms_free(&r);
    if (status == ANTLER_OK && logs)
        antler__objective_logs(c->objective, false, logs);
    return status;
}

antler_status antler_evaluate(antler_model *model, const antler_data *x, const antler_data *y, int64_t batch_size,
                              int threads, antler_logs *logs, antler_error *err)
{
    antler_error error = {0};
    if (logs)
        logs->n = 0;
    ANTLER_TRY(antler__model_ready(model, err));
    if (!model->compile || !model->compile->loss.type)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.loss", "the model has no loss");
    ANTLER_TRY(antler__check_data(model, NULL, x, y, err));
    int64_t batch = 0;
    ANTLER_TRY(choose_batch(model, x, batch_size, &batch, err));
    antler_context *c = antler__spare_take(model, ANTLER_INFER, batch, threads, ANTLER_WITH_OBJECTIVE, &error);
    antler_status status = c ? evaluate_on(c, x, y, batch, logs, &error) : error.status;
    antler__spare_give(model, c);
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}

/* ---- predicting -------------------------------------------------------------------------------------------------- */

/* What one call of antler_predict or antler_predict_mc asks for. */
typedef struct prediction {
    antler_model *model;
    const antler_data *x;
    antler_mode mode;
    int64_t samples, batch_size;
    int threads;
    antler_real *mean, *deviation; /* (rows, output); deviation may be NULL */
} prediction;

/* Adds sample s of a batch to its sums and sums of squares, shifted by the first sample, so that a small deviation
   beside a large mean is not lost. sums: (n, output, 2). */
static antler_status add_sample(const prediction *p, antler_context *c, const antler_real *x, int64_t first, int64_t n,
                                int64_t s, double *sums, antler_error *err)
{
    int64_t width = antler_count(&antler__output(c)->shape, 1);
    antler_real *mean = p->mean + first * width;
    antler_context_seek(c, s, first);
    ANTLER_TRY(antler_forward(c, x, n, s == 0 ? mean : NULL, err));
    const antler_real *y = antler__output(c)->data;
    for (int64_t i = 0; i < n * width; i++) {
        double d = (double)y[i] - (double)mean[i];
        sums[2 * i] += d;
        sums[2 * i + 1] += d * d;
    }
    return ANTLER_OK;
}

/* Mean and deviation from sums of n numbers, of which the first is number `first` of the output. */
static void finish_samples(const prediction *p, int64_t first, int64_t n, const double *sums)
{
    antler_real *mean = p->mean + first;
    for (int64_t i = 0; i < n; i++) {
        double d = sums[2 * i] / (double)p->samples, variance = sums[2 * i + 1] / (double)p->samples - d * d;
        if (p->deviation)
            p->deviation[first + i] = (antler_real)sqrt(variance > 0 ? variance : 0);
        if (d != 0) /* adding 0 would turn -0 into 0 */
            mean[i] = (antler_real)((double)mean[i] + d);
    }
}

/* All samples of a batch, then the next batch: each row is gathered once. */
static antler_status sample_by_batches(const prediction *p, antler_context *c, antler_rooms *r, double *sums,
                                       antler_error *err)
{
    int64_t rows = antler_data_shape(p->x)->dim[0], width = antler_count(&antler__output(c)->shape, 1), n;
    for (int64_t first = 0; first < rows; first += n) {
        ANTLER_TRY(take_rows(p->model, r, p->x, first, &n, err));
        memset(sums, 0, (size_t)(2 * n * width) * sizeof *sums);
        for (int64_t s = 0; s < p->samples; s++)
            ANTLER_TRY(add_sample(p, c, r->x, first, n, s, sums, err));
        finish_samples(p, first * width, n * width, sums);
    }
    return ANTLER_OK;
}

/* All batches of a sample, then the next sample: each starts anew and carries on from batch to batch, as one pass of
   antler_predict does. The sums are the same, added in the same order. */
static antler_status sample_by_passes(const prediction *p, antler_context *c, antler_rooms *r, double *sums,
                                      antler_error *err)
{
    int64_t rows = antler_data_shape(p->x)->dim[0], width = antler_count(&antler__output(c)->shape, 1), n;
    memset(sums, 0, (size_t)(2 * rows * width) * sizeof *sums);
    for (int64_t s = 0; s < p->samples; s++) {
        antler_context_reset(c);
        for (int64_t first = 0; first < rows; first += n) {
            ANTLER_TRY(take_rows(p->model, r, p->x, first, &n, err));
            ANTLER_TRY(add_sample(p, c, r->x, first, n, s, sums + 2 * first * width, err));
        }
    }
    finish_samples(p, 0, rows * width, sums);
    return ANTLER_OK;
}

static void found(void *arg, antler_tensor *carry)
{
    (void)carry;
    *(bool *)arg = true;
}

static antler_status predict_samples(const prediction *p, antler_context *c, antler_rooms *r, antler_error *err)
{
    bool carries = false;
    antler__context_carry(c, found, &carries);
    size_t width = (size_t)antler_count(&antler__output(c)->shape, 1);
    size_t rows = (size_t)(carries ? antler_data_shape(p->x)->dim[0] : r->batch);
    double *sums = antler__allocate(rows, 2 * width * sizeof *sums);
    if (!sums)
        return antler__no_memory(err);
    antler_status status = (carries ? sample_by_passes : sample_by_batches)(p, c, r, sums, err);
    antler__free(sums);
    return status;
}

static antler_status predict_once(const prediction *p, antler_context *c, antler_rooms *r, antler_error *err)
{
    int64_t rows = antler_data_shape(p->x)->dim[0], width = antler_count(&antler__output(c)->shape, 1), n;
    antler_context_reset(c); /* a kept one carries what ran before */
    for (int64_t first = 0; first < rows; first += n) {
        ANTLER_TRY(take_rows(p->model, r, p->x, first, &n, err));
        ANTLER_TRY(antler_forward(c, r->x, n, p->mean + first * width, err));
    }
    return ANTLER_OK;
}

static antler_status predict(const prediction *p, antler_error *err)
{
    antler_error error = {0};
    antler_rooms r = {0};
    if (antler__model_build(p->model) != ANTLER_OK)
        return antler__error_copy(err, antler_model_error(p->model));
    if (!p->x || p->samples < 1)
        return antler_error_set(err, ANTLER_VALUE, NULL, p->x ? "predict needs at least one sample" : "no data");
    ANTLER_TRY(antler__require(p->mean, "array of predictions", err));
    ANTLER_TRY(check_x(p->model, p->x, err));
    int64_t batch = 0;
    ANTLER_TRY(choose_batch(p->model, p->x, p->batch_size, &batch, err));
    antler_context *c = antler__spare_take(p->model, p->mode, batch, p->threads, 0, &error);
    antler_status status =
        c ? antler__rooms_make(&r, batch, antler_count(antler_data_shape(p->x), 1), 0, &error) : error.status;
    if (status == ANTLER_OK)
        status = p->mode == ANTLER_MC ? predict_samples(p, c, &r, &error) : predict_once(p, c, &r, &error);
    antler__rooms_free(&r);
    antler__spare_give(p->model, c);
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}

antler_status antler_predict(antler_model *model, const antler_data *x, int64_t batch_size, int threads, antler_real *y,
                             antler_error *err)
{
    const prediction p = {.model = model,
                          .x = x,
                          .mode = ANTLER_INFER,
                          .samples = 1,
                          .batch_size = batch_size,
                          .threads = threads,
                          .mean = y};
    return predict(&p, err);
}

antler_status antler_predict_mc(antler_model *model, const antler_data *x, int64_t samples, int64_t batch_size,
                                int threads, antler_real *mean, antler_real *deviation, antler_error *err)
{
    const prediction p = {.model = model,
                          .x = x,
                          .mode = ANTLER_MC,
                          .samples = samples,
                          .batch_size = batch_size,
                          .threads = threads,
                          .mean = mean,
                          .deviation = deviation};
    return predict(&p, err);
}
