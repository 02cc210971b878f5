/* Evaluating and predicting, from one thread and from several. */
#include "fits.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

START_TEST(order_and_batches_do_not_matter_to_evaluate)
{
    antler_real x[ROWS * WIDTH], y[ROWS];
    antler_error err = {0};
    antler_logs first, logs;
    bench b = set_up("");
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 2), b.model);
    must(antler_evaluate(b.model, b.x, b.y, ROWS, 1, &first, &err), &err);
    for (int i = 0; i < ROWS; i++) { /* backwards */
        memcpy(x + i * WIDTH, x_values + (ROWS - 1 - i) * WIDTH, WIDTH * sizeof *x);
        y[i] = y_values[ROWS - 1 - i];
    }
    antler_data *x_back = rows_of(x, ROWS, WIDTH), *y_back = rows_of(y, ROWS, 1);
    static const int batches[] = {1, 7, 44, 1000};
    for (int i = 0; i < 8; i++) {
        must(antler_evaluate(b.model, i % 2 ? x_back : b.x, i % 2 ? y_back : b.y, batches[i / 2], 2, &logs, &err),
             &err);
        ck_assert(fabs(logs.value[0] - first.value[0]) <= 1e-6 * first.value[0]);
        ck_assert(logs.value[1] == first.value[1]);
    }
    antler_data_free(x_back);
    antler_data_free(y_back);
    tear_down(&b);
}
END_TEST

START_TEST(predictions_are_repeatable)
{
    static const int batches[] = {ROWS, ROWS, 1, 7, 1000};
    antler_real first[ROWS * CLASSES], again[ROWS * CLASSES];
    antler_error err = {0};
    bench b = set_up("");
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 2), b.model);
    uint64_t weights = hash_weights(b.model);
    must(antler_predict(b.model, b.x, 32, 0, first, &err), &err);
    for (int i = 0; i < 5; i++) {
        must(antler_predict(b.model, b.x, batches[i], 1 + i % 3, again, &err), &err);
        ck_assert_mem_eq(first, again, sizeof first);
    }
    ck_assert_uint_eq(hash_weights(b.model), weights);
    tear_down(&b);
}
END_TEST

/* One of two threads that predict at the same time. */
typedef struct predictor {
    antler_context *context;
    antler_real y[ROWS * CLASSES];
} predictor;

static void *predict_often(void *arg)
{
    predictor *p = arg;
    for (int i = 0; i < 200; i++)
        if (antler_forward(p->context, x_values, ROWS, p->y, NULL) != ANTLER_OK)
            return p;
    return NULL;
}

START_TEST(contexts_share_a_model)
{
    antler_real alone[ROWS * CLASSES];
    antler_error err = {0};
    bench b = set_up("");
    must(antler_predict(b.model, b.x, ROWS, 1, alone, &err), &err);
    predictor p[2];
    pthread_t thread[2];
    for (int i = 0; i < 2; i++) {
        p[i].context = context_of(b.model, ANTLER_INFER, ROWS, 0);
        ck_assert_int_eq(pthread_create(&thread[i], NULL, predict_often, &p[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        void *failed;
        pthread_join(thread[i], &failed);
        ck_assert_ptr_null(failed);
        ck_assert_mem_eq(p[i].y, alone, sizeof alone);
        antler_context_free(p[i].context);
    }
    tear_down(&b);
}
END_TEST

static const struct {
    const char *class_name, *size, *channels;
} cells[] = {
    {"SimpleRNN", "'units': 5", ""},
    {"LSTM", "'units': 5", ""},
    {"GRU", "'units': 5", ""},
    {"ConvLSTM1D", "'filters': 5, 'kernel_size': 3", ", 1"},
};

/* The second half of a sequence, after the first, ends where the whole sequence does. */
START_TEST(state_is_carried_until_it_is_reset)
{
    enum { N = 4, T = 8, F = 3, U = 5 };
    char layer[128], shape[32];
    snprintf(layer, sizeof layer, "{'class_name': '%s', 'config': {%s, 'stateful': true}}", cells[_i].class_name,
             cells[_i].size);
    snprintf(shape, sizeof shape, "4, 3%s", cells[_i].channels);
    antler_model *half = network(shape, layer, ", 'fit': {'seed': 3}");
    snprintf(layer, sizeof layer, "{'class_name': '%s', 'config': {%s}}", cells[_i].class_name, cells[_i].size);
    snprintf(shape, sizeof shape, "8, 3%s", cells[_i].channels);
    antler_model *whole = network(shape, layer, ", 'fit': {'seed': 3}");
    ck_assert_uint_eq(hash_weights(half), hash_weights(whole));
    antler_context *a = context_of(half, ANTLER_INFER, N, 0), *b = context_of(whole, ANTLER_INFER, N, 0);
    antler_real x[N * T * F], part[2][N * T / 2 * F], first[N * U], second[N * U], wanted[N * U];
    random_numbers(x, N * T * F, 1);
    for (int n = 0; n < N; n++)
        for (int h = 0; h < 2; h++)
            memcpy(&part[h][n * T / 2 * F], &x[(n * T + h * T / 2) * F], T / 2 * F * sizeof *x);
    forward(b, x, N, wanted);
    for (int round = 0; round < 2; round++) {
        forward(a, part[0], N, round ? second : first);
        ck_assert(!round || memcmp(first, second, sizeof first) == 0);
        forward(a, part[1], N, second);
        ck_assert_mem_eq(second, wanted, sizeof wanted);
        antler_context_reset(a);
    }
    antler_context_free(a);
    antler_context_free(b);
    antler_model_free(half);
    antler_model_free(whole);
}
END_TEST

/* ---- what antler_predict keeps ---- */

/* Blocks know their size, are counted, and are spoilt when they are released. */
static size_t allocated;

static void *counted(size_t bytes, void *user)
{
    (void)user;
    size_t *block = malloc(bytes + 64);
    if (!block)
        return NULL;
    *block = bytes;
    allocated += bytes;
    return (char *)block + 64;
}

static void spoilt(void *memory, void *user)
{
    (void)user;
    if (!memory)
        return;
    size_t *block = (size_t *)(void *)((char *)memory - 64);
    memset(memory, 0xa5, *block);
    free(block);
}

/* A context of one thread takes more than 64 KiB, for the workspace of its products alone. */
START_TEST(a_second_prediction_makes_no_context)
{
    antler_real y[ROWS * CLASSES], deviation[ROWS * CLASSES];
    antler_error err = {0};
    antler_set_allocator(&(antler_allocator){counted, spoilt, NULL});
    bench b = set_up("");
    for (int round = 0; round < 3; round++) {
        allocated = 0;
        must(antler_predict(b.model, b.x, 8, 2, y, &err), &err);
        must(antler_predict(b.model, b.x, 5, 2, y, &err), &err);
        must(antler_predict_mc(b.model, b.x, 2, 8, 2, y, deviation, &err), &err);
        must(antler_evaluate(b.model, b.x, b.y, 8, 2, NULL, &err), &err);
        ck_assert_msg((allocated > 65536) == (round == 0), "round %d: %zu bytes", round, allocated);
    }
    tear_down(&b);
    antler_set_allocator(NULL);
}
END_TEST

static void check_prediction(bench *b)
{
    antler_real wanted[ROWS * CLASSES], got[ROWS * CLASSES], deviation[ROWS * CLASSES];
    antler_error err = {0};
    antler_context *fresh = context_of(b->model, ANTLER_INFER, ROWS, 0);
    forward(fresh, x_values, ROWS, wanted);
    antler_context_free(fresh);
    must(antler_predict(b->model, b->x, ROWS, 2, got, &err), &err);
    ck_assert_mem_eq(got, wanted, sizeof wanted);
    fresh = context_of(b->model, ANTLER_MC, ROWS, 0);
    forward(fresh, x_values, ROWS, wanted);
    antler_context_free(fresh);
    must(antler_predict_mc(b->model, b->x, 1, ROWS, 2, got, deviation, &err), &err);
    ck_assert_mem_eq(got, wanted, sizeof wanted);
}

/* What antler_predict_samples showed, added up: (ROWS, CLASSES), and how often a row came. */
typedef struct shown {
    double sum[ROWS * CLASSES];
    int times[ROWS];
} shown;

static void add_shown(void *user, int64_t output, int64_t first, int64_t n, const antler_real *y)
{
    shown *s = user;
    ck_assert_int_eq(output, 0);
    for (int64_t row = 0; row < n; row++) {
        s->times[first + row]++;
        for (int64_t i = 0; i < CLASSES; i++)
            s->sum[(first + row) * CLASSES + i] += (double)y[row * CLASSES + i];
    }
}

/* Each row comes once a sample, and the mean is that of antler_predict_mc, to the bit. */
START_TEST(samples_are_shown)
{
    enum { SAMPLES = 6 };
    antler_error err = {0};
    antler_real wanted[ROWS * CLASSES], mean[ROWS * CLASSES], deviation[ROWS * CLASSES];
    bench b = set_up("");
    must(antler_predict_mc(b.model, b.x, SAMPLES, 5, 2, wanted, NULL, &err), &err);
    for (int batch = 1; batch <= ROWS; batch += ROWS - 1) {
        shown s = {{0}, {0}};
        must(antler_predict_samples(b.model, b.x, SAMPLES, batch, 2, mean, deviation, add_shown, &s, &err), &err);
        ck_assert_mem_eq(mean, wanted, sizeof mean);
        for (int i = 0; i < ROWS * CLASSES; i++)
            ck_assert(fabs(s.sum[i] / SAMPLES - (double)mean[i]) < 1e-6);
        for (int i = 0; i < ROWS; i++)
            ck_assert_int_eq(s.times[i], SAMPLES);
    }
    tear_down(&b);
}
END_TEST

/* What was kept from the last call is never older than the model. */
START_TEST(predictions_follow_the_model)
{
    antler_error err = {0};
    antler_logs before, after;
    bench b = set_up("");
    check_prediction(&b);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 1), b.model);
    check_prediction(&b);
    must(antler_set_seed(b.model, 77), antler_model_error(b.model)); /* other noise */
    check_prediction(&b);
    must(antler_evaluate(b.model, b.x, b.y, 8, 1, &before, &err), &err);
    fitted(
        antler_compile(b.model, .loss = "sparse_categorical_crossentropy", .metrics = {"sparse_categorical_accuracy"}),
        b.model);
    must(antler_evaluate(b.model, b.x, b.y, 8, 1, &after, &err), &err);
    ck_assert_str_eq(before.name[1], "accuracy");
    ck_assert_str_eq(after.name[1], "sparse_categorical_accuracy");
    check_prediction(&b);
    tear_down(&b);
}
END_TEST

/* A training context goes on with the loss and the metrics that it was made with. */
START_TEST(compiling_anew_spares_a_context)
{
    antler_error err = {0};
    double loss[2];
    antler_set_allocator(&(antler_allocator){counted, spoilt, NULL});
    for (int anew = 0; anew < 2; anew++) {
        bench b = {x_data(), y_data(),
                   network("6", "{'class_name': 'Dense', 'config': {'units': 1, 'activation': 'sigmoid'}}",
                           ", 'compile_config': {'optimizer': 'adam', 'loss': {'class_name': 'BinaryCrossentropy', "
                           "'config': {'label_smoothing': 0.3}}}")};
        antler_context *context = context_of(b.model, ANTLER_TRAIN, ROWS, 0);
        forward(context, x_values, ROWS, NULL);
        if (anew)
            fitted(antler_compile(b.model, .optimizer = "sgd", .loss = "mse"), b.model);
        must(antler_backward(context, y_values, &loss[anew], &err), &err);
        must(antler_update(context, &err), &err);
        antler_context_free(context);
        tear_down(&b);
    }
    ck_assert(loss[0] == loss[1]);
    antler_set_allocator(NULL);
}
END_TEST

/* ---- several threads, several processes ---- */

typedef struct client {
    bench *b;
    int batch;
    antler_real y[ROWS * CLASSES], mean[ROWS * CLASSES];
    antler_logs logs;
} client;

static void *ask_often(void *arg)
{
    client *c = arg;
    for (int i = 0; i < 30; i++)
        if (antler_predict(c->b->model, c->b->x, c->batch, 1 + i % 2, c->y, NULL) != ANTLER_OK ||
            antler_predict_mc(c->b->model, c->b->x, 3, c->batch, 1, c->mean, NULL, NULL) != ANTLER_OK ||
            antler_evaluate(c->b->model, c->b->x, c->b->y, ROWS, 1, &c->logs, NULL) != ANTLER_OK)
            return c;
    return NULL;
}

START_TEST(threads_may_predict_on_one_model)
{
    enum { CLIENTS = 4 };
    bench b = set_up("");
    client alone = {.b = &b, .batch = ROWS}, c[CLIENTS];
    pthread_t thread[CLIENTS];
    ck_assert_ptr_null(ask_often(&alone));
    for (int i = 0; i < CLIENTS; i++) {
        c[i] = (client){.b = &b, .batch = 7 + i};
        ck_assert_int_eq(pthread_create(&thread[i], NULL, ask_often, &c[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        void *failed;
        pthread_join(thread[i], &failed);
        ck_assert_ptr_null(failed);
        ck_assert_mem_eq(c[i].y, alone.y, sizeof alone.y);
        ck_assert_mem_eq(c[i].mean, alone.mean, sizeof alone.mean);
        ck_assert_mem_eq(c[i].logs.value, alone.logs.value, 2 * sizeof(double));
    }
    tear_down(&b);
}
END_TEST

/* In a child of fork, a context of the parent's works without the threads that it had, and can be freed. */
START_TEST(a_child_process_may_use_the_contexts)
{
    enum { N = 64, SIZE = 256, ROUNDS = 40 };
    static antler_real x[N * SIZE], y[N * SIZE], again[N * SIZE];
    antler_error err = {0};
    antler_model *model = network("256",
                                  "{'class_name': 'Dense', 'config': {'units': 256}},"
                                  "{'class_name': 'Dense', 'config': {'units': 256, 'activation': 'tanh'}}",
                                  "");
    random_numbers(x, N * SIZE, 1);
    antler_data *data = rows_of(x, N, SIZE);
    antler_context *context = antler_context_create(model, ANTLER_INFER, N, 4, 0, &err);
    must(antler_predict(model, data, N, 4, y, &err), &err);
    for (int round = 0; round < ROUNDS; round++) {
        forward(context, x, N, again);
        const struct timespec pause = {.tv_nsec = round % 8 * 50000}; /* the threads are at work, spin, or sleep */
        nanosleep(&pause, NULL);
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            bool good = antler_forward(context, x, N, again, NULL) == ANTLER_OK && memcmp(again, y, sizeof y) == 0;
            antler_context_free(context);
            memset(again, 0, sizeof again);
            good =
                good && antler_predict(model, data, N, 1, again, NULL) == ANTLER_OK && memcmp(again, y, sizeof y) == 0;
            antler_model_free(model);
            _exit(good ? 0 : 1);
        }
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    antler_context_free(context);
    antler_data_free(data);
    antler_model_free(model);
}
END_TEST

/* The address sanitizer of gcc 12 does not hold its own allocator over a fork: a child waits for ever if a thread of
   its parent was in malloc at that moment. */
#ifndef __SANITIZE_ADDRESS__
static atomic_bool parsing;

static void *parse_often(void *arg)
{
    while (atomic_load(&parsing))
        antler_model_free(antler_load_json(arg, NULL, NULL));
    return NULL;
}

/* No lock that another thread of the parent held is held in the child. */
START_TEST(a_child_process_may_load_models)
{
    enum { ROUNDS = 100 };
    static char text[] = "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"m\", \"layers\": [{\"class_name\": "
                         "\"Dense\", \"config\": {\"units\": 2, \"batch_input_shape\": [null, 3]}}]}}";
    pthread_t thread;
    atomic_store(&parsing, true);
    ck_assert_int_eq(pthread_create(&thread, NULL, parse_often, text), 0);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            antler_model *model = antler_load_json(text, NULL, NULL);
            _exit(model ? 0 : 1);
        }
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atomic_store(&parsing, false);
    pthread_join(thread, NULL);
}
END_TEST
#endif

/* ---- what is easily got wrong ---- */

START_TEST(minus_zero_stays)
{
    const antler_real x[2] = {(antler_real)-0.0, 1};
    antler_real y[2], mean[2];
    antler_error err = {0};
    antler_model *model = network("2", "{'class_name': 'Dropout', 'config': {'rate': 0.0}}", "");
    antler_data *data = rows_of(x, 1, 2);
    must(antler_predict(model, data, 1, 1, y, &err), &err);
    must(antler_predict_mc(model, data, 3, 1, 1, mean, NULL, &err), &err);
    ck_assert_mem_eq(y, x, sizeof x);
    ck_assert_mem_eq(mean, x, sizeof x);
    antler_data_free(data);
    antler_model_free(model);
}
END_TEST

START_TEST(logs_may_be_left_out)
{
    antler_error err = {0};
    bench b = set_up("");
    must(antler_evaluate(b.model, b.x, b.y, 8, 1, NULL, &err), &err);
    ck_assert_int_eq(antler_evaluate(b.model, NULL, NULL, 8, 1, NULL, &err), ANTLER_VALUE);
    ck_assert_int_eq(antler_evaluate(NULL, NULL, NULL, 8, 1, NULL, NULL), ANTLER_MEMORY);
    tear_down(&b);
}
END_TEST

START_TEST(only_what_there_is_can_be_read)
{
    antler_error err = {0};
    antler_tensor tensor;
    bench b = set_up("");
    antler_context *context = context_of(b.model, ANTLER_INFER, ROWS, ANTLER_KEEP);
    forward(context, x_values, ROWS, NULL);
    must(antler_read(context, "dense", ANTLER_OUTPUT, 0, &tensor, &err), &err);
    ck_assert_int_eq(antler_read(context, "dense", (antler_what)17, 0, &tensor, &err), ANTLER_VALUE);
    ck_assert_str_eq(err.message, "17 is nothing that can be read of a layer");
    antler_context_free(context);
    tear_down(&b);
}
END_TEST

/* A state is carried from batch to batch, not from call to call, nor from sample to sample: here without any noise, so
   that all samples are the prediction. */
START_TEST(each_sample_starts_anew)
{
    antler_error err = {0};
    antler_real x[ROWS], once[ROWS], again[ROWS], mean[ROWS], deviation[ROWS];
    antler_model *m = network("1, 1",
                              "{'class_name': 'SimpleRNN', 'config': {'units': 1, 'stateful': true, 'activation': "
                              "'linear', 'kernel_initializer': 'ones', 'recurrent_initializer': 'ones'}}",
                              "");
    for (int i = 0; i < ROWS; i++)
        x[i] = 1;
    antler_data *data = antler_data_from(x, ANTLER_DTYPE_REAL, &(antler_shape){3, {ROWS, 1, 1}}, &err);
    must(antler_predict(m, data, 1, 1, once, &err), &err);
    for (int i = 0; i < ROWS; i++)
        ck_assert(once[i] == (antler_real)(i + 1));
    must(antler_predict(m, data, 1, 1, again, &err), &err);
    ck_assert_mem_eq(again, once, sizeof once);
    must(antler_predict_mc(m, data, 3, 1, 1, mean, deviation, &err), &err);
    ck_assert_mem_eq(mean, once, sizeof once);
    for (int i = 0; i < ROWS; i++)
        ck_assert(deviation[i] == 0);
    antler_data_free(data);
    antler_model_free(m);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("predict");
    tcase_add_test(tests, order_and_batches_do_not_matter_to_evaluate);
    tcase_add_test(tests, predictions_are_repeatable);
    tcase_add_test(tests, contexts_share_a_model);
    tcase_add_loop_test(tests, state_is_carried_until_it_is_reset, 0, sizeof cells / sizeof cells[0]);
    tcase_add_test(tests, a_second_prediction_makes_no_context);
    tcase_add_test(tests, each_sample_starts_anew);
    tcase_add_test(tests, samples_are_shown);
    tcase_add_test(tests, predictions_follow_the_model);
    tcase_add_test(tests, compiling_anew_spares_a_context);
    tcase_add_test(tests, threads_may_predict_on_one_model);
    tcase_add_test(tests, a_child_process_may_use_the_contexts);
#ifndef __SANITIZE_ADDRESS__
    tcase_add_test(tests, a_child_process_may_load_models);
#endif
    tcase_add_test(tests, minus_zero_stays);
    tcase_add_test(tests, logs_may_be_left_out);
    tcase_add_test(tests, only_what_there_is_can_be_read);
    return run_suite("predict", tests);
}
