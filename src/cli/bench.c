/* What a user's fit does, timed: per step the gather of a shuffled batch, forward, loss, backward, update. */
#include "cli/command.h"

#include <stdlib.h>

enum { MOST_EPOCHS = 4096, LEAST_EPOCHS = 5, PREDICTIONS = 200, LEAST_PREDICTIONS = 10 };
static const double EPOCHS_SECONDS = 3, PREDICTIONS_SECONDS = 1;

typedef struct bench {
    antler_model *model;
    antler_random_data random;
    int64_t batch, steps, length;
    int64_t *order;             /* [batch * steps] */
    antler_real *x_row, *y_row; /* one batch */
    antler_context *context;
    int64_t step;         /* done so far */
    antler_source source; /* of the shuffle */
    double *times;        /* [MOST_EPOCHS] */
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

/* Numbers of a sample of all inputs, for a guess at how many samples fit. */
static int64_t sample_of(const antler_model *model, int64_t length)
{
    const antler_shape *input;
    int64_t sample = 0;
    for (int64_t k = 0; (input = antler_model_input(model, k, NULL)); k++) {
        int64_t n = 1;
        for (int i = 1; i < input->rank; i++)
            n *= input->dim[i] == ANTLER_OPEN ? (length ? length : 32) : input->dim[i];
        sample += n;
    }
    return sample;
}

static antler_status prepare(bench *b, int threads, antler_error *err)
{
    b->steps = steps_for(b->batch, sample_of(b->model, b->length));
    int64_t rows = b->batch * b->steps;
    ANTLER_TRY(antler__random_data_make(b->model, rows, b->length, &b->random, err));
    b->order = antler__room(rows, sizeof *b->order, err);
    b->times = antler__room(MOST_EPOCHS, sizeof *b->times, err);
    b->x_row = antler__room(b->batch * b->random.x_width, sizeof *b->x_row, err);
    b->y_row = antler__room(b->batch * b->random.y_width, sizeof *b->y_row, err);
    if (err->status != ANTLER_OK)
        return err->status;
    for (int64_t i = 0; i < rows; i++)
        b->order[i] = i;
    b->context = antler_context_create_train(b->model, b->batch, threads, 0, err);
    return b->context ? antler_context_at(b->context, b->random.input, NULL, err) : err->status;
}

static void shuffle(bench *b)
{
    for (int64_t i = b->batch * b->steps - 1; i > 0; i--) {
        int64_t j = antler__random_below(&b->source, i + 1), other = b->order[j];
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
        ANTLER_TRY(antler_data_gather(b->random.x_data, rows, b->batch, b->x_row, err));
        ANTLER_TRY(antler_data_gather(b->random.y_data, rows, b->batch, b->y_row, err));
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
    int64_t width = 0;
    for (int64_t k = 0; k < antler__outputs(b->model); k++)
        width += antler_count(&b->random.output[k], 1);
    ANTLER_TRY(antler_data_gather(b->random.x_data, (const int64_t[]){0}, 1, b->x_row, err));
    antler_real *y = antler__room(width, sizeof *y, err);
    double sum = 0;
    int n = 0;
    if (!y)
        return err->status;
    b->context = antler_context_create(b->model, ANTLER_INFER, 1, threads, 0, err);
    bool ready = b->context && antler_context_at(b->context, b->random.input, NULL, err) == ANTLER_OK;
    while (ready && n < PREDICTIONS && (n < LEAST_PREDICTIONS || sum < PREDICTIONS_SECONDS)) {
        double start = antler__seconds();
        if (antler_forward(b->context, b->x_row, 1, y, err) != ANTLER_OK)
            break;
        sum += b->times[n++] = antler__seconds() - start;
    }
    free(y);
    *microseconds = n ? 1e6 * median(b->times, n) : 0;
    return err->status;
}

static antler_status time_model(bench *b, int threads, antler_error *err)
{
    double milliseconds = 0, microseconds = 0;
    char shown[256];
    ANTLER_TRY(prepare(b, threads, err));
    ANTLER_TRY(time_training(b, &milliseconds, err));
    antler_context_free(b->context); /* a training context has the model to itself */
    b->context = NULL;
    ANTLER_TRY(time_prediction(b, threads, &microseconds, err));
    printf("%-10s antler%-8s %10.4f ms/step %10.1f us/predict\n",
           antler__shown(antler_model_name(b->model), shown, sizeof shown), "", milliseconds, microseconds);
    return ANTLER_OK;
}

static int run(const antler_arguments *a)
{
    antler_error err = {0};
    bench b = {.model = antler__open_compiled(a, true, &err), .source.seed = 2};
    if (b.model) {
        b.batch = antler__batch_size(a, b.model);
        b.length = a->length;
        time_model(&b, (int)a->threads, &err);
    }
    antler_context_free(b.context);
    antler__random_data_free(&b.random);
    free(b.order);
    free(b.times);
    free(b.x_row);
    free(b.y_row);
    antler_model_free(b.model);
    return err.status == ANTLER_OK ? 0 : antler__fail(&err);
}

const antler_command antler__command_bench = {
    "bench",
    "MODEL",
    1,
    1,
    ANTLER_OPTION_BATCH_SIZE | ANTLER_OPTION_LENGTH | ANTLER_OPTION_THREADS | ANTLER_OPTION_WEIGHTS |
        ANTLER_OPTION_BY_NAME | ANTLER_OPTION_LOSS | ANTLER_OPTION_OPTIMIZER,
    "times a training step and a prediction on random data",
    run,
    "antler bench models/residual.json",
};
