/* Evaluating and predicting: rows in order, in inference, batch by batch. */
#include "train/evaluate.h"

#include "core/memory.h"
#include "model/build.h"
#include "model/compile.h"
#include "model/unread.h"
#include "train/spare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- data that fits ---------------------------------------------------------------------------------------------- */

antler_status antler__feeds_make(const antler_model *model, const antler_data *x, const antler_data *y,
                                 antler_feeds *feeds, antler_error *err)
{
    *feeds = (antler_feeds){0};
    if (!x || !y)
        return antler_error_set(err, ANTLER_VALUE, NULL, "no data: x and y are needed");
    ANTLER_TRY(antler__feed_x(model, x, &feeds->x, err));
    int64_t ny = antler_data_shape(y)->dim[0];
    feeds->rows = antler_data_shape(x)->dim[0];
    antler_status status = feeds->rows == ny ? antler__feed_y(model, y, &feeds->y, err)
                                             : antler_error_set(err, ANTLER_SHAPE, "y", "x has %lld rows, y has %lld",
                                                                (long long)feeds->rows, (long long)ny);
    if (status == ANTLER_OK)
        status = antler__feed_w(&feeds->y, &feeds->w, err);
    if (status != ANTLER_OK)
        antler__feeds_free(feeds);
    return status;
}

void antler__feeds_free(antler_feeds *feeds)
{
    antler__feed_free(&feeds->x);
    antler__feed_free(&feeds->y);
    antler__feed_free(&feeds->w);
}

antler_status antler__gather_x(const antler_context *c, const antler_feed *x, const int64_t *row, int64_t n,
                               antler_real *out, antler_error *err)
{
    ANTLER_TRY(antler__feed_gather(x, row, n, out, err));
    return antler__check_input(c, out, row, n, err);
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

void antler__rooms_free(antler_rooms *r)
{
    antler__free_aligned(r->x);
    antler__free_aligned(r->y);
    antler__free_aligned(r->w);
    antler__free(r->row);
}

antler_status antler__rooms_make(antler_rooms *r, int64_t batch, int64_t x_width, int64_t y_width, int64_t w_width,
                                 antler_error *err)
{
    int64_t x = 0, y = 0, w = 0;
    bool fits = antler__size_multiply(batch, x_width, &x) && antler__size_multiply(batch, y_width, &y) &&
                antler__size_multiply(batch, w_width, &w);
    *r = (antler_rooms){.batch = batch};
    r->x = fits ? antler__allocate_aligned((size_t)x, sizeof *r->x) : NULL;
    r->y = fits ? antler__allocate_aligned((size_t)y, sizeof *r->y) : NULL;
    r->w = fits ? antler__allocate_aligned((size_t)w, sizeof *r->w) : NULL;
    r->row = antler__allocate((size_t)batch, sizeof *r->row);
    if (r->x && r->y && r->w && r->row)
        return ANTLER_OK;
    antler__rooms_free(r);
    *r = (antler_rooms){0};
    return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: a batch of %lld", (long long)batch);
}

/* Rows [first, first + *n) of x into their room; *n is a batch, or what is left of `rows`. */
static antler_status take_rows(const antler_context *c, antler_rooms *r, const antler_feed *x, int64_t rows,
                               int64_t first, int64_t *n, antler_error *err)
{
    *n = rows - first < r->batch ? rows - first : r->batch;
    for (int64_t i = 0; i < *n; i++)
        r->row[i] = first + i;
    return antler__gather_x(c, x, r->row, *n, r->x, err);
}

/* No larger a batch than there are rows. */
static antler_status choose_batch(const antler_model *model, int64_t rows, int64_t batch_size, int64_t *batch,
                                  antler_error *err)
{
    int64_t wanted = batch_size ? batch_size : antler_model_batch(model);
    if (wanted < 1)
        return antler_error_set(err, ANTLER_VALUE, "batch_size", "%lld is less than 0", (long long)batch_size);
    *batch = wanted < rows ? wanted : rows;
    return ANTLER_OK;
}

/* ---- evaluating -------------------------------------------------------------------------------------------------- */

antler_status antler__evaluate(antler_context *c, const antler_feeds *f, antler_rooms *r, antler_error *err)
{
    int64_t n;
    antler__objective_reset(c->objective);
    antler_context_reset(c);
    for (int64_t first = 0; first < f->rows; first += n) {
        double loss;
        ANTLER_TRY(take_rows(c, r, &f->x, f->rows, first, &n, err));
        ANTLER_TRY(antler__feed_gather(&f->y, r->row, n, r->y, err));
        c->rows = r->row;
        ANTLER_TRY(antler__feed_gather(&f->w, r->row, n, r->w, err));
        antler__objective_weigh(c->objective, f->w.parts ? r->w : NULL, n);
        ANTLER_TRY(antler__forward(c, r->x, n, err));
        ANTLER_TRY(antler__objective_loss(c, r->y, false, &loss, err));
        antler__objective_track(c, r->y, loss);
    }
    return ANTLER_OK;
}

static antler_status evaluate_on(antler_context *c, const antler_feeds *f, int64_t batch, antler_logs *logs,
                                 antler_error *err)
{
    antler_rooms r;
    ANTLER_TRY(antler__feed_fits(&f->y, &f->w, c->objective, c->model, err));
    ANTLER_TRY(antler__rooms_make(&r, batch, f->x.width, f->y.width, f->w.width, err));
    antler_status status = antler__evaluate(c, f, &r, err);
    antler__rooms_free(&r);
    if (status == ANTLER_OK && logs)
        antler__objective_logs(c->objective, false, logs);
    return status;
}

static antler_status evaluate(antler_model *model, const antler_feeds *f, int64_t batch_size, int threads,
                              antler_logs *logs, antler_error *err)
{
    int64_t batch = 0;
    ANTLER_TRY(choose_batch(model, f->rows, batch_size, &batch, err));
    antler_context *c = antler__spare_take(model, ANTLER_INFER, batch, threads, ANTLER_WITH_OBJECTIVE, f->x.shape, err);
    antler_status status = c ? evaluate_on(c, f, batch, logs, err) : err->status;
    antler__spare_give(model, c);
    return status;
}

/* Weights that the call itself draws: what it gives means nothing. A model that has been built is not written to. */
static void warn_of_drawn(antler_model *model, bool had_weights)
{
    antler_error warning = {0};
    if (had_weights || !model->initialized || model->variables == 0)
        return;
    antler_error_set(&warning, ANTLER_OK, NULL,
                     "the model has no weights from training: they are drawn at random, and what comes out means "
                     "nothing");
    if (model->file)
        snprintf(warning.file, sizeof warning.file, "%s", model->file);
    antler__model_warn(model, &warning);
}

antler_status antler_evaluate(antler_model *model, const antler_data *x, const antler_data *y, int64_t batch_size,
                              int threads, antler_logs *logs, antler_error *err)
{
    antler_error error = {0};
    antler_feeds feeds;
    if (logs)
        logs->n = 0;
    bool had_weights = !model || model->initialized;
    ANTLER_TRY(antler__model_ready(model, err));
    warn_of_drawn(model, had_weights);
    ANTLER_TRY(antler__compile_ready(model, "the model has no loss", err));
    ANTLER_TRY(antler__feeds_make(model, x, y, &feeds, err));
    antler_status status = evaluate(model, &feeds, batch_size, threads, logs, &error);
    antler__feeds_free(&feeds);
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}

/* ---- predicting -------------------------------------------------------------------------------------------------- */

/* What one call of antler_predict or antler_predict_mc asks for. */
typedef struct prediction {
    antler_model *model;
    const antler_data *data;
    antler_mode mode;
    int64_t samples, batch_size;
    int threads;
    antler_real *mean, *deviation; /* (rows, output 0), (rows, output 1) ...; deviation may be NULL */
    antler_sample_fn each;         /* or NULL */
    void *user;
    int64_t rows;
    antler_feed x;
    antler_context *context; /* that it runs on */
} prediction;

static int64_t width_of(const prediction *p, int64_t output)
{
    return antler_count(&antler__output(p->context, output)->shape, 1);
}

static int64_t width_of_all(const prediction *p)
{
    int64_t width = 0;
    for (int64_t k = 0; k < p->model->outputs; k++)
        width += width_of(p, k);
    return width;
}

/* Copies what a context gave for rows [first, first + n). */
static void take_outputs(const prediction *p, const antler_context *c, int64_t first, int64_t n)
{
    antler_real *mean = p->mean;
    for (int64_t k = 0; k < p->model->outputs; k++) {
        int64_t width = width_of(p, k);
        memcpy(mean + first * width, antler__output(c, k)->data, (size_t)(n * width) * sizeof *mean);
        mean += p->rows * width;
    }
}

/* Sums and sums of squares of samples, shifted by the first sample, so that a small deviation beside a large mean is
   not lost: of rows [first, first + rows) as p->mean has them, two numbers for each. */
typedef struct sums {
    int64_t first, rows;
    double *sum;
} sums;

/* Adds sample s of rows [first, first + n). */
static antler_status add_sample(const prediction *p, antler_context *c, const antler_real *x, int64_t first, int64_t n,
                                int64_t s, const sums *to, antler_error *err)
{
    const antler_real *mean = p->mean;
    double *sum = to->sum;
    antler_context_seek(c, s, first);
    ANTLER_TRY(antler_forward(c, x, n, NULL, err));
    if (s == 0)
        take_outputs(p, c, first, n);
    for (int64_t k = 0; k < p->model->outputs; k++) {
        int64_t width = width_of(p, k), at = (first - to->first) * width;
        const antler_real *y = antler__output(c, k)->data;
        if (p->each)
            p->each(p->user, k, first, n, y);
        for (int64_t i = 0; i < n * width; i++) {
            double d = (double)y[i] - (double)mean[first * width + i];
            sum[2 * (at + i)] += d;
            sum[2 * (at + i) + 1] += d * d;
        }
        sum += 2 * to->rows * width;
        mean += p->rows * width;
    }
    return ANTLER_OK;
}

/* Mean and deviation of n numbers from their sums. */
static void finish(const prediction *p, antler_real *mean, antler_real *deviation, int64_t n, const double *sum)
{
    for (int64_t i = 0; i < n; i++) {
        double d = sum[2 * i] / (double)p->samples, variance = sum[2 * i + 1] / (double)p->samples - d * d;
        if (deviation)
            deviation[i] = (antler_real)sqrt(variance > 0 ? variance : 0);
        if (d != 0) /* adding 0 would turn -0 into 0 */
            mean[i] = (antler_real)((double)mean[i] + d);
    }
}

/* Those of the first n rows that the sums are of. */
static void finish_samples(const prediction *p, int64_t n, const sums *from)
{
    const double *sum = from->sum;
    int64_t start = 0; /* of the output in mean and deviation */
    for (int64_t k = 0; k < p->model->outputs; k++) {
        int64_t width = width_of(p, k), at = start + from->first * width;
        finish(p, p->mean + at, p->deviation ? p->deviation + at : NULL, n * width, sum);
        sum += 2 * from->rows * width;
        start += p->rows * width;
    }
}

/* All samples of a batch, then the next batch: each row is gathered once. */
static antler_status sample_by_batches(const prediction *p, antler_context *c, antler_rooms *r, sums *to,
                                       antler_error *err)
{
    size_t bytes = (size_t)(2 * to->rows * width_of_all(p)) * sizeof *to->sum;
    for (int64_t n; to->first < p->rows; to->first += n) {
        ANTLER_TRY(take_rows(c, r, &p->x, p->rows, to->first, &n, err));
        memset(to->sum, 0, bytes);
        for (int64_t s = 0; s < p->samples; s++)
            ANTLER_TRY(add_sample(p, c, r->x, to->first, n, s, to, err));
        finish_samples(p, n, to);
    }
    return ANTLER_OK;
}

/* All batches of a sample, then the next sample: each starts anew and carries on from batch to batch, as one pass of
   antler_predict does. The sums are the same, added in the same order. */
static antler_status sample_by_passes(const prediction *p, antler_context *c, antler_rooms *r, sums *to,
                                      antler_error *err)
{
    memset(to->sum, 0, (size_t)(2 * to->rows * width_of_all(p)) * sizeof *to->sum);
    for (int64_t s = 0, n; s < p->samples; s++) {
        antler_context_reset(c);
        for (int64_t first = 0; first < p->rows; first += n) {
            ANTLER_TRY(take_rows(c, r, &p->x, p->rows, first, &n, err));
            ANTLER_TRY(add_sample(p, c, r->x, first, n, s, to, err));
        }
    }
    finish_samples(p, p->rows, to);
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
    sums to = {.rows = carries ? p->rows : r->batch};
    to.sum = antler__allocate((size_t)to.rows, 2 * (size_t)width_of_all(p) * sizeof *to.sum);
    if (!to.sum)
        return antler__no_memory(err);
    antler_status status = (carries ? sample_by_passes : sample_by_batches)(p, c, r, &to, err);
    antler__free(to.sum);
    return status;
}

static antler_status predict_once(const prediction *p, antler_context *c, antler_rooms *r, antler_error *err)
{
    antler_context_reset(c); /* a kept one carries what ran before */
    for (int64_t first = 0, n; first < p->rows; first += n) {
        ANTLER_TRY(take_rows(c, r, &p->x, p->rows, first, &n, err));
        ANTLER_TRY(antler_forward(c, r->x, n, NULL, err));
        take_outputs(p, c, first, n);
    }
    return ANTLER_OK;
}

static antler_status predict_rows(prediction *p, antler_error *err)
{
    antler_rooms r = {0};
    int64_t batch = 0;
    ANTLER_TRY(choose_batch(p->model, p->rows, p->batch_size, &batch, err));
    antler_context *c = p->context = antler__spare_take(p->model, p->mode, batch, p->threads, 0, p->x.shape, err);
    antler_status status = c ? antler__rooms_make(&r, batch, p->x.width, 0, 0, err) : err->status;
    if (status == ANTLER_OK)
        status = p->mode == ANTLER_MC ? predict_samples(p, c, &r, err) : predict_once(p, c, &r, err);
    antler__rooms_free(&r);
    antler__spare_give(p->model, c);
    return status;
}

static antler_status predict(prediction *p, antler_error *err)
{
    antler_error error = {0};
    bool had_weights = !p->model || p->model->initialized;
    if (antler__model_build(p->model) != ANTLER_OK)
        return antler__error_copy(err, antler_model_error(p->model));
    warn_of_drawn(p->model, had_weights);
    if (!p->data || p->samples < 1)
        return antler_error_set(err, ANTLER_VALUE, NULL, p->data ? "predict needs at least one sample" : "no data");
    ANTLER_TRY(antler__require(p->mean, "array of predictions", err));
    ANTLER_TRY(antler__feed_x(p->model, p->data, &p->x, err));
    p->rows = antler_data_shape(p->data)->dim[0];
    antler_status status = predict_rows(p, &error);
    antler__feed_free(&p->x);
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}

antler_status antler_predict(antler_model *model, const antler_data *x, int64_t batch_size, int threads, antler_real *y,
                             antler_error *err)
{
    prediction p = {.model = model,
                    .data = x,
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
    return antler_predict_samples(model, x, samples, batch_size, threads, mean, deviation, NULL, NULL, err);
}

antler_status antler_predict_samples(antler_model *model, const antler_data *x, int64_t samples, int64_t batch_size,
                                     int threads, antler_real *mean, antler_real *deviation, antler_sample_fn each,
                                     void *user, antler_error *err)
{
    prediction p = {.model = model,
                    .data = x,
                    .mode = ANTLER_MC,
                    .samples = samples,
                    .batch_size = batch_size,
                    .threads = threads,
                    .mean = mean,
                    .deviation = deviation,
                    .each = each,
                    .user = user};
    return predict(&p, err);
}
