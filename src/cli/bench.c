/* What a user's fit does, timed: per step the gather of a shuffled batch, forward, loss, backward, update. */
#include "cli/command.h"
#include "core/memory.h"
#include "model/model.h"

#include <stdlib.h>

enum { MOST_EPOCHS = 4096, LEAST_EPOCHS = 5, PREDICTIONS = 200, LEAST_PREDICTIONS = 10 };
static const double EPOCHS_SECONDS = 3, PREDICTIONS_SECONDS = 1;

typedef struct bench {
    antler_model *model;
    antler_random_data random;
    antler_data *x, *y;
    int64_t batch, steps;
    int64_t *order;             /* [batch * steps] */
    antler_real *x_row, *y_row; /* one batch */
    antler_context *context;
    int64_t step; /* done so far */
    uint64_t state;
    double *times; /* [MOST_EPOCHS] */
} bench;

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *value, int n)
{
    qsort(value, (size_t)n, sizeof *value, compare);
    return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

/* Steps an epoch: 64, more of small batches, and no more than 64 MB of inputs. */
static int64_t steps_for(int64_t batch, int64_t sample)
{
    int64_t steps = batch < 64 ? 4096 / batch : 64;
    int64_t room = (int64_t)64000000 / (int64_t)sizeof(antler_real) / sample / batch;
    steps = steps < room ? steps : room;
    return steps > 0 ? steps : 1;
}

static antler_status prepare(bench *b, int threads, antler_error *err)
{
    int64_t sample = antler_count(antler_input_shape(b->model), 1), rows;
    antler_dtype dtype = ANTLER_DTYPE_REAL;
    b->steps = steps_for(b->batch, sample);
    rows = b->batch * b->steps;
    ANTLER_TRY(antler__random_data_make(b->model, rows, &b->random, err));
    b->x = antler_data_from(b->random.x, dtype, &b->random.x_shape, err);
    b->y = antler_data_from(b->random.y, dtype, &b->random.y_shape, err);
    b->order = antler__allocate((size_t)rows, sizeof *b->order);
    b->times = antler__allocate(MOST_EPOCHS, sizeof *b->times);
    b->x_row = antler__allocate_aligned((size_t)(b->batch * sample), sizeof *b->x_row);
    b->y_row = antler__allocate_aligned((size_t)(b->batch * antler_count(&b->random.y_shape, 1)), sizeof *b->y_row);
    if (!b->order || !b->times || !b->x_row || !b->y_row)
        return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    for (int64_t i = 0; i < rows; i++)
        b->order[i] = i;
    b->context = antler_context_create_train(b->model, b->batch, threads, 0, err);
    return b->context ? ANTLER_OK : err->status;
}

static void shuffle(bench *b)
{
    for (int64_t i = b->batch * b->steps - 1; i > 0; i--) {
        int64_t j = (int64_t)(antler__random_next(&b->state) % (uint64_t)(i + 1)), other = b->order[j];
        b->order[j] = b->order[i];
        b->order[i] = other;
    }
}

static antler_status epoch(bench *b, antler_error *err)
{
    double loss;
    shuffle(b);
    for (int64_t i = 0; i < b->steps; i++) {
        const int64_t *rows = b->order + i * b->batch;
        ANTLER_TRY(antler_data_gather(b->x, rows, b->batch, b->x_row, err));
        ANTLER_TRY(antler_data_gather(b->y, rows, b->batch, b->y_row, err));
        antler_context_seek(b->context, b->step++, 0);
        ANTLER_TRY(antler_forward(b->context, b->x_row, b->batch, NULL, err));
        ANTLER_TRY(antler_backward(b->context, b->y_row, &loss, err));
        ANTLER_TRY(antler_update(b->context, err));
    }
    return ANTLER_OK;
}

/* Median over the epochs, milliseconds a step. */
static antler_status time_training(bench *b, double *milliseconds, antler_error *err)
{
    double sum = 0;
    int n = 0;
    ANTLER_TRY(epoch(b, err));
    while (n < LEAST_EPOCHS || (sum < EPOCHS_SECONDS && n < MOST_EPOCHS)) {
        double start = antler__seconds();
        ANTLER_TRY(epoch(b, err));
        sum += b->times[n++] = antler__seconds() - start;
    }
    *milliseconds = 1e3 * median(b->times, n) / (double)b->steps;
    return ANTLER_OK;
}

/* Median over predictions of one sample, microseconds. */
static antler_status time_prediction(bench *b, int threads, double *microseconds, antler_error *err)
{
    antler_real *y = antler__allocate((size_t)antler_count(antler_output_shape(b->model), 1), sizeof *y);
    double sum = 0;
    int n = 0;
    if (!y)
        return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    b->context = antler_context_create(b->model, ANTLER_INFER, 1, threads, 0, err);
    while (b->context && n < PREDICTIONS && (n < LEAST_PREDICTIONS || sum < PREDICTIONS_SECONDS)) {
        double start = antler__seconds();
        if (antler_forward(b->context, b->random.x, 1, y, err) != ANTLER_OK)
            break;
        sum += b->times[n++] = antler__seconds() - start;
    }
    antler__free(y);
    *microseconds = n ? 1e6 * median(b->times, n) : 0;
    return err->status;
}

static antler_status time_model(bench *b, int threads, antler_error *err)
{
    double milliseconds = 0, microseconds = 0;
    ANTLER_TRY(prepare(b, threads, err));
    ANTLER_TRY(time_training(b, &milliseconds, err));
    antler_context_free(b->context); /* a training context has the model to itself */
    b->context = NULL;
    ANTLER_TRY(time_prediction(b, threads, &microseconds, err));
    printf("%-10s antler%-8s %10.4f ms/step %10.1f us/predict\n", b->model->name ? b->model->name : "model", "",
           milliseconds, microseconds);
    return ANTLER_OK;
}

static int run(const antler_arguments *a)
{
    antler_error err = {0};
    bench b = {.model = antler__open_model(a, &err), .state = 1};
    if (b.model) {
        b.batch = antler__batch_size(a, b.model);
        time_model(&b, (int)a->threads, &err);
    }
    antler_context_free(b.context);
    antler_data_free(b.x);
    antler_data_free(b.y);
    antler__random_data_free(&b.random);
    antler__free(b.order);
    antler__free(b.times);
    antler__free_aligned(b.x_row);
    antler__free_aligned(b.y_row);
    antler_model_free(b.model);
    return err.status == ANTLER_OK ? 0 : antler__fail(&err);
}

const antler_command antler__command_bench = {
    "bench",
    "MODEL",
    1,
    1,
    ANTLER_OPTION_BATCH_SIZE | ANTLER_OPTION_THREADS | ANTLER_OPTION_WEIGHTS,
    "times a training step and a prediction on random data",
    run,
};
