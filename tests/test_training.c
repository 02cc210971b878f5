/* Training, evaluating and predicting through the public API: what a fit does with its data and settings, and that it
   can be repeated, stopped and resumed bit for bit. */
#include "networks.h"
#include "scratch.h"
#include "train/fit.h"

#include <math.h>
#include <pthread.h>

enum { ROWS = 45, WIDTH = 6, CLASSES = 3 };

/* Layers and an optimizer with state of every sort: noise, moving statistics, slots, a schedule. */
static const char *const layers = "{'class_name': 'Dropout', 'config': {'rate': 0.2}},"
                                  "{'class_name': 'Dense', 'config': {'units': 9, 'activation': 'relu'}},"
                                  "{'class_name': 'BatchNormalization', 'config': {}},"
                                  "{'class_name': 'GaussianDropout', 'config': {'rate': 0.1}},"
                                  "{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'softmax'}}";

static const char *const compiled =
    ", 'compile_config': {'optimizer': {'class_name': 'Adam', 'config': {'learning_rate': {'class_name': "
    "'ExponentialDecay', 'config': {'initial_learning_rate': 0.02, 'decay_steps': 4, 'decay_rate': 0.9}}}}, "
    "'loss': 'sparse_categorical_crossentropy', 'metrics': ['accuracy']}";

/* The data of most tests: `ROWS` samples with classes that the first number tells, mostly. */
static antler_real x_values[ROWS * WIDTH], y_values[ROWS];

static antler_data *x_data(void)
{
    random_numbers(x_values, ROWS * WIDTH, 1);
    return rows_of(x_values, ROWS, WIDTH);
}

static antler_data *y_data(void)
{
    random_classes(y_values, ROWS, CLASSES, 2);
    for (int i = 0; i < ROWS; i += 2)
        y_values[i] = x_values[i * WIDTH] > 0;
    return rows_of(y_values, ROWS, 1);
}

static antler_model *model_with(const char *fit)
{
    char more[1024];
    snprintf(more, sizeof more, "%s, 'fit': {'seed': 4%s}", compiled, fit);
    return network("6", layers, more);
}

/* The usual model and data, set up. */
typedef struct bench {
    antler_data *x, *y;
    antler_model *model;
} bench;

static bench set_up(const char *fit)
{
    bench b = {.x = x_data(), .y = y_data()};
    b.model = model_with(fit);
    return b;
}

static void tear_down(bench *b)
{
    antler_data_free(b->x);
    antler_data_free(b->y);
    antler_model_free(b->model);
}

static void fitted(antler_status status, const antler_model *model)
{
    must(status, antler_model_error(model));
}

/* ---- which rows, in which order ---- */

/* What Keras gives: floor(rows * (1 - split)) rows to train on, in doubles. */
static const struct {
    double split;
    int64_t rows, trained;
} splits[] = {
    {0.2, 10, 8}, {0.33, 10, 6}, {0.5, 3, 1},    {0.1, 7, 6}, {0.29, 45, 31},
    {0.7, 10, 3}, {0.6, 5, 2},   {0.999, 45, 0}, {0.9, 5, 0}, {1e-20, 10, 0}, /* 1 - 1e-20 is 1 */
};

static bool count_batches(void *user, const antler_progress *progress)
{
    *(int64_t *)user = progress->batches;
    return true;
}

START_TEST(validation_takes_the_last_part)
{
    int64_t batches = 0, trained = splits[_i].trained, rows = splits[_i].rows;
    bench b = set_up("");
    antler_data *x = rows_of(x_values, rows, WIDTH), *y = rows_of(y_values, rows, 1);
    antler_status status = antler_fit(b.model, x, y, .validation_split = splits[_i].split, .batch_size = 1,
                                      .progress = count_batches, .user = &batches);
    if (trained == 0) {
        ck_assert_int_eq(status, ANTLER_VALUE);
        ck_assert_str_eq(antler_model_error(b.model)->place, "fit.validation_split");
    } else {
        fitted(status, b.model);
        ck_assert_int_eq(batches, trained);
        antler_error err = {0};
        antler_logs logs;
        const antler_logs *history;
        antler_data *x_end = antler_data_rows(x, trained, rows - trained, &err);
        antler_data *y_end = antler_data_rows(y, trained, rows - trained, &err);
        must(antler_evaluate(b.model, x_end, y_end, 1, 1, &logs, &err), &err);
        ck_assert_int_eq(antler_history(b.model, &history), 1);
        ck_assert(history[0].value[2] == logs.value[0] && history[0].value[3] == logs.value[1]);
        antler_data_free(x_end);
        antler_data_free(y_end);
    }
    antler_data_free(x);
    antler_data_free(y);
    tear_down(&b);
}
END_TEST

START_TEST(history_has_keras_names)
{
    static const char *const names[] = {"loss", "accuracy", "val_loss", "val_accuracy"};
    const antler_logs *history;
    bench b = set_up("");
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 4, .initial_epoch = 1, .validation_x = b.x, .validation_y = b.y),
           b.model);
    ck_assert_int_eq(antler_history(b.model, &history), 3);
    for (int e = 0; e < 3; e++) {
        ck_assert_int_eq(history[e].n, 4);
        for (int i = 0; i < 4; i++)
            ck_assert_str_eq(history[e].name[i], names[i]);
    }
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 1), b.model);
    ck_assert_int_eq(antler_history(b.model, &history), 1); /* of the last fit */
    ck_assert_int_eq(history[0].n, 2);
    tear_down(&b);
}
END_TEST

/* Without noise and with weights that stand still, an epoch's running means are what evaluate finds. */
START_TEST(running_means_weigh_batches_by_their_rows)
{
    antler_error err = {0};
    antler_logs logs;
    const antler_logs *history;
    bench b = {.x = x_data(), .y = y_data()};
    b.model = network("6", "{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'softmax'}}",
                      ", 'compile_config': {'optimizer': {'class_name': 'SGD', 'config': {'learning_rate': 0.0}}, "
                      "'loss': 'sparse_categorical_crossentropy', 'metrics': ['accuracy']}");
    fitted(antler_fit(b.model, b.x, b.y, .batch_size = 32), b.model); /* 32 and 13 rows */
    antler_history(b.model, &history);
    must(antler_evaluate(b.model, b.x, b.y, ROWS, 1, &logs, &err), &err);
    ck_assert(fabs(history[0].value[0] - logs.value[0]) < 1e-6);
    ck_assert(history[0].value[1] == logs.value[1]);
    tear_down(&b);
}
END_TEST

static bool is_permutation(const int64_t *row, int64_t n)
{
    bool *seen = calloc((size_t)n, sizeof *seen), good = true;
    for (int64_t i = 0; i < n; i++) {
        good = good && row[i] >= 0 && row[i] < n && !seen[row[i]];
        if (good)
            seen[row[i]] = true;
    }
    free(seen);
    return good;
}

static const int64_t counts[] = {1, 2, 3, 10, 1000, 12345}, windows[] = {0, 1, 2, 7, 100, 12344, 99999};

START_TEST(shuffles_are_permutations)
{
    const int64_t n = counts[_i];
    int64_t *row = malloc((size_t)n * sizeof *row), *other = malloc((size_t)n * sizeof *other);
    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++) {
        const int64_t window = windows[w];
        antler__shuffle(row, n, window, 5, 0);
        ck_assert_msg(is_permutation(row, n), "%lld rows, window %lld", (long long)n, (long long)window);
        antler__shuffle(other, n, window, 5, 0);
        ck_assert_mem_eq(row, other, (size_t)n * sizeof *row);
        antler__shuffle(other, n, window, 5, 1);
        ck_assert(n < 10 || memcmp(row, other, (size_t)n * sizeof *row) != 0);
        antler__shuffle(other, n, window, 6, 0);
        ck_assert(n < 10 || memcmp(row, other, (size_t)n * sizeof *row) != 0);
        for (int64_t i = 0, last = -1; window > 0 && window < n && i < n; i++) { /* a window's rows stay together */
            const int64_t of = row[i] / window, size = of == n / window ? n % window : window;
            if (of == last)
                continue;
            for (int64_t j = i; j < i + size; j++)
                ck_assert_int_eq(row[j] / window, of);
            last = of;
        }
    }
    free(row);
    free(other);
}
END_TEST

/* Of three rows, each of the six orders equally often. */
START_TEST(shuffles_are_fair)
{
    enum { EPOCHS = 6000 };
    int64_t row[3];
    int count[27] = {0};
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        antler__shuffle(row, 3, 0, 1, epoch);
        count[row[0] * 9 + row[1] * 3 + row[2]]++;
    }
    for (int i = 0; i < 27; i++)
        ck_assert(count[i] == 0 || fabs(count[i] - EPOCHS / 6.0) <= 6 * sqrt(EPOCHS * 5 / 36.0));
}
END_TEST

START_TEST(a_batch_may_be_larger_than_the_data)
{
    bench a = set_up(""), b = set_up("");
    fitted(antler_fit(a.model, a.x, a.y, .epochs = 3, .batch_size = ROWS), a.model);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 3, .batch_size = 100000), b.model);
    ck_assert_uint_eq(hash_weights(a.model), hash_weights(b.model));
    tear_down(&a);
    tear_down(&b);
}
END_TEST

START_TEST(settings_come_from_the_model_and_the_caller)
{
    const antler_logs *history;
    bench b = set_up(", 'epochs': 3, 'batch_size': 15, 'validation_split': 0.2");
    int64_t batches = 0;
    fitted(antler_fit(b.model, b.x, b.y, .progress = count_batches, .user = &batches), b.model);
    ck_assert_int_eq(antler_history(b.model, &history), 3);
    ck_assert_int_eq(batches, 3);
    ck_assert_str_eq(history[0].name[2], "val_loss");
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 2, .batch_size = 9, .validation_split = 0, .progress = count_batches,
                      .user = &batches),
           b.model);
    ck_assert_int_eq(antler_history(b.model, &history), 2);
    ck_assert_int_eq(batches, 5);
    ck_assert_int_eq(history[0].n, 2);
    tear_down(&b);
}
END_TEST

/* Neither validating nor looking on changes what is learned. */
START_TEST(validation_changes_nothing)
{
    int64_t batches;
    bench a = set_up(""), b = set_up("");
    fitted(antler_fit(a.model, a.x, a.y, .epochs = 3, .batch_size = 8, .threads = 1), a.model);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 3, .batch_size = 8, .threads = 3, .validation_x = b.x,
                      .validation_y = b.y, .progress = count_batches, .user = &batches),
           b.model);
    ck_assert_uint_eq(hash_weights(a.model), hash_weights(b.model));
    tear_down(&a);
    tear_down(&b);
}
END_TEST

START_TEST(seeds_decide)
{
    bench a = set_up(""), b = set_up(""), c = set_up(""), d = set_up("");
    fitted(antler_fit(a.model, a.x, a.y, .epochs = 2), a.model);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 2, .seed = 4), b.model);
    must(antler_set_seed(c.model, 9), antler_model_error(c.model)); /* comes before the seed of the model's "fit" */
    fitted(antler_fit(c.model, c.x, c.y, .epochs = 2), c.model);
    fitted(antler_fit(d.model, d.x, d.y, .epochs = 2, .seed = 9), d.model);
    ck_assert_uint_eq(hash_weights(a.model), hash_weights(b.model));
    ck_assert_uint_eq(hash_weights(c.model), hash_weights(d.model));
    ck_assert(hash_weights(a.model) != hash_weights(c.model));
    tear_down(&a);
    tear_down(&b);
    tear_down(&c);
    tear_down(&d);
}
END_TEST

START_TEST(frozen_layers_stand_still)
{
    static const char *const head = ", {'class_name': 'Dense', 'config': {'units': 3, 'activation': 'softmax'%s}}";
    static const char *const body =
        "{'class_name': 'Dense', 'config': {'units': 4, 'trainable': false}}, {'class_name': 'BatchNormalization', "
        "'config': {'trainable': false}}, {'class_name': 'LSTM', 'config': {'units': 3, 'trainable': false}}";
    for (int all = 0; all < 2; all++) {
        char text[1024], end[128];
        bench b = {.x = x_data(), .y = y_data()};
        snprintf(end, sizeof end, head, all ? ", 'trainable': false" : "");
        snprintf(text, sizeof text, "{'class_name': 'Reshape', 'config': {'target_shape': [2, 3]}}, %s%s", body, end);
        b.model = network("6", text, compiled);
        antler_real first = antler_model_variable(b.model, 0)->value.data[0];
        uint64_t before = hash_weights(b.model);
        fitted(antler_fit(b.model, b.x, b.y, .epochs = 2), b.model);
        ck_assert((hash_weights(b.model) == before) == (all == 1));
        ck_assert(antler_model_variable(b.model, 0)->value.data[0] == first);
        tear_down(&b);
    }
}
END_TEST

/* ---- stopping early ---- */

/* What is learned is wrong for the rows that are validated on: the loss there grows in the end. */
static void spoil(void)
{
    for (int i = 0; i < ROWS; i++)
        y_values[i] = (x_values[i * WIDTH] > 0) == (i < 30);
}

#define STOPPING "{'class_name': 'EarlyStopping', 'config': {'patience': 2, 'restore_best_weights': %s}}"

/* Epochs that ran, the first of those with the least loss in validation (from 1), and a hash of the weights. */
typedef struct outcome {
    int64_t epochs, best;
    uint64_t hash;
} outcome;

static outcome train_spoilt(const char *stopping, int64_t epochs)
{
    const antler_logs *history;
    char callbacks[256] = "[]";
    bench b = set_up("");
    spoil();
    if (stopping)
        snprintf(callbacks, sizeof callbacks, "[" STOPPING "]", stopping);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = epochs, .validation_split = 1.0 / 3, .callbacks = quoted(callbacks)),
           b.model);
    outcome o = {.epochs = antler_history(b.model, &history), .best = 1, .hash = hash_weights(b.model)};
    for (int64_t e = 1; e < o.epochs; e++)
        if (history[e].value[2] < history[o.best - 1].value[2])
            o.best = e + 1;
    tear_down(&b);
    return o;
}

START_TEST(early_stopping_stops_and_restores)
{
    outcome stopped = train_spoilt("false", 100), restored = train_spoilt("true", 100);
    ck_assert_int_lt(stopped.epochs, 100);
    ck_assert_int_eq(stopped.epochs, stopped.best + 2); /* patience 2 */
    ck_assert_int_eq(restored.epochs, stopped.epochs);
    ck_assert_uint_eq(stopped.hash, train_spoilt(NULL, stopped.epochs).hash);
    ck_assert_uint_eq(restored.hash, train_spoilt(NULL, restored.best).hash);
    restored = train_spoilt("true", stopped.best + 1); /* the epochs ran out first */
    ck_assert_uint_eq(restored.hash, train_spoilt(NULL, stopped.best).hash);
}
END_TEST

/* ---- going on, bit for bit ---- */

static uint64_t in_one_go(void)
{
    bench b = set_up("");
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 5, .batch_size = 8), b.model);
    uint64_t hash = hash_weights(b.model);
    tear_down(&b);
    return hash;
}

START_TEST(a_saved_model_goes_on)
{
    static const char *const names[] = {"m.keras", "m.h5", "m.weights.h5"};
    const uint64_t whole = in_one_go();
    antler_error err = {0};
    bench b = set_up("");
    scratch_make();
    const char *path = scratch_path(names[_i]);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 2, .batch_size = 8), b.model);
    must(antler_save(b.model, path, &err), &err);
    antler_model *again = _i == 2 ? model_with("") : antler_load(path, &err);
    must(again ? ANTLER_OK : err.status, &err);
    if (_i == 2)
        must(antler_load_weights(again, path, &err), &err);
    fitted(antler_fit(again, b.x, b.y, .epochs = 5, .initial_epoch = 2, .batch_size = 8), again);
    ck_assert_uint_eq(hash_weights(again), whole);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 5, .initial_epoch = 2, .batch_size = 8), b.model); /* the old one */
    ck_assert_uint_eq(hash_weights(b.model), whole);
    antler_model_free(again);
    tear_down(&b);
    scratch_remove();
}
END_TEST

/* When a fit is to be killed. */
typedef struct killer {
    int64_t epoch, batch; /* batch 0: at the end of the epoch */
} killer;

static bool kill_there(void *user, const antler_progress *progress)
{
    const killer *k = user;
    bool there = progress->epoch == k->epoch && (k->batch ? progress->batch == k->batch : progress->end_of_epoch);
    return !there;
}

static const char *const patient =
    "[{'class_name': 'EarlyStopping', 'config': {'monitor': 'loss', 'mode': 'max', 'patience': 3, "
    "'restore_best_weights': true}}]"; /* of the largest loss: the first epochs' weights are kept */

static void remove_checkpoint(const char *folder)
{
    char path[600];
    snprintf(path, sizeof path, "%s/checkpoint.keras", folder);
    unlink(path);
    rmdir(folder);
}

static antler_status fit_to_the_end(bench *b, const char *callbacks, const char *folder, int64_t epochs, killer *k)
{
    return antler_fit(b->model, b->x, b->y, .epochs = epochs, .batch_size = 8, .validation_split = 0.2,
                      .callbacks = callbacks, .checkpoint = folder, .resume = true, .progress = kill_there, .user = k);
}

static void same_history(const antler_model *a, const antler_model *b)
{
    const antler_logs *one, *two;
    int64_t n = antler_history(a, &one);
    ck_assert_int_eq(antler_history(b, &two), n);
    for (int64_t e = 0; e < n; e++) {
        ck_assert_int_eq(one[e].n, two[e].n);
        for (int i = 0; i < one[e].n; i++) {
            ck_assert_str_eq(one[e].name[i], two[e].name[i]);
            ck_assert(one[e].value[i] == two[e].value[i]);
        }
    }
}

START_TEST(a_killed_fit_resumes)
{
    static const killer when[] = {{0, 0}, {2, 0}, {1, 3}, {0, 2}};
    killer never = {-1, 0}, k = when[_i];
    char callbacks[256];
    snprintf(callbacks, sizeof callbacks, "%s", patient);
    quoted(callbacks);
    scratch_make();
    char whole_folder[128], folder[128];
    snprintf(whole_folder, sizeof whole_folder, "%s", scratch_path("whole"));
    snprintf(folder, sizeof folder, "%s", scratch_path("killed"));
    bench whole = set_up(""), killed = set_up(""), resumed = set_up("");
    fitted(fit_to_the_end(&whole, callbacks, whole_folder, 4, &never), whole.model);
    ck_assert_int_eq(fit_to_the_end(&killed, callbacks, folder, 4, &k), ANTLER_STOPPED);
    ck_assert_int_eq(antler_model_error(killed.model)->status, ANTLER_OK); /* no failure of the model */
    fitted(fit_to_the_end(&resumed, callbacks, folder, 4, &never), resumed.model);
    ck_assert_uint_eq(hash_weights(resumed.model), hash_weights(whole.model));
    same_history(resumed.model, whole.model);
    fitted(fit_to_the_end(&killed, callbacks, folder, 4, &never), killed.model); /* nothing left to do */
    ck_assert_uint_eq(hash_weights(killed.model), hash_weights(whole.model));
    same_history(killed.model, whole.model);
    remove_checkpoint(whole_folder);
    remove_checkpoint(folder);
    scratch_remove();
    tear_down(&whole);
    tear_down(&killed);
    tear_down(&resumed);
}
END_TEST

/* A fit that a callback has ended stays ended. */
START_TEST(a_stopped_fit_does_not_resume)
{
    killer never = {-1, 0};
    char callbacks[256];
    snprintf(callbacks, sizeof callbacks, "[" STOPPING "]", "true");
    quoted(callbacks);
    scratch_make();
    const char *folder = scratch_path("checkpoints");
    bench first = set_up(""), again = set_up("");
    spoil();
    fitted(fit_to_the_end(&first, callbacks, folder, 30, &never), first.model);
    ck_assert_int_lt(antler_history(first.model, NULL), 30);
    fitted(fit_to_the_end(&again, callbacks, folder, 30, &never), again.model);
    same_history(first.model, again.model);
    ck_assert_uint_eq(hash_weights(first.model), hash_weights(again.model));
    remove_checkpoint(folder);
    scratch_remove();
    tear_down(&first);
    tear_down(&again);
}
END_TEST

START_TEST(checkpoints_of_another_fit_are_refused)
{
    killer never = {-1, 0};
    antler_error err = {0};
    char text[1100];
    scratch_make();
    const char *folder = scratch_path("checkpoints");
    bench b = set_up(""), other = set_up("");
    fitted(fit_to_the_end(&b, NULL, folder, 1, &never), b.model);
    ck_assert_int_eq(antler_fit(other.model, other.x, other.y, .seed = 5, .checkpoint = folder, .resume = true),
                     ANTLER_VALUE);
    antler_error_text(antler_model_error(other.model), text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "checkpoint.keras: a checkpoint of seed 4, not of seed 5"));
    tear_down(&other);
    other = (bench){.x = x_data(), .y = y_data()};
    other.model = network("6", "{'class_name': 'Dense', 'config': {'units': 3}}",
                          ", 'compile_config': {'optimizer': 'sgd', 'loss': 'mse'}, 'fit': {'seed': 4}");
    uint64_t before = hash_weights(other.model);
    ck_assert_int_ne(antler_fit(other.model, other.x, other.x, .checkpoint = folder, .resume = true), ANTLER_OK);
    ck_assert_uint_eq(hash_weights(other.model), before);
    must(err.status, &err);
    remove_checkpoint(folder);
    scratch_remove();
    tear_down(&b);
    tear_down(&other);
}
END_TEST

/* ---- memory ---- */

static long allocations; /* so far */

static void *count_allocate(size_t bytes, void *user)
{
    (void)user;
    __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    return malloc(bytes);
}

static void count_release(void *memory, void *user)
{
    (void)user;
    free(memory);
}

/* After each batch and each epoch: as many as after the first step. */
static bool check_allocations(void *user, const antler_progress *progress)
{
    long *first = user;
    if (*first == 0)
        *first = allocations;
    ck_assert_msg(allocations == *first, "%ld allocations until batch %lld of epoch %lld", allocations - *first,
                  (long long)progress->batch, (long long)progress->epoch);
    return true;
}

static const char *const many_layers[] = {
    "{'class_name': 'Dropout', 'config': {'rate': 0.2}}, {'class_name': 'Reshape', 'config': {'target_shape': [3, "
    "2]}}, "
    "{'class_name': 'Masking', 'config': {}}, {'class_name': 'Bidirectional', 'config': {'layer': {'class_name': "
    "'LSTM', "
    "'config': {'units': 4, 'return_sequences': true, 'dropout': 0.1, 'recurrent_dropout': 0.1}}}}, "
    "{'class_name': 'SpatialDropout1D', 'config': {'rate': 0.2}}, {'class_name': 'GRU', 'config': {'units': 5}}, "
    "{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'softmax', 'kernel_regularizer': 'l2', "
    "'kernel_constraint': 'MaxNorm'}}",
    "{'class_name': 'Reshape', 'config': {'target_shape': [3, 2, 1]}}, {'class_name': 'Conv2D', 'config': {'filters': "
    "4, "
    "'kernel_size': 2, 'padding': 'same'}}, {'class_name': 'BatchNormalization', 'config': {}}, {'class_name': "
    "'MaxPooling2D', 'config': {'pool_size': [3, 1]}}, {'class_name': 'Flatten', 'config': {}}, {'class_name': "
    "'GaussianDropout', 'config': {'rate': 0.1}}, {'class_name': 'Dense', 'config': {'units': 3, 'activation': "
    "'gelu'}}, "
    "{'class_name': 'Softmax', 'config': {}}",
};

START_TEST(nothing_is_allocated_after_the_first_step)
{
    long first = 0;
    antler_set_allocator(&(antler_allocator){count_allocate, count_release, NULL});
    bench b = {.x = x_data(), .y = y_data()};
    b.model = network("6", many_layers[_i],
                      ", 'compile_config': {'optimizer': {'class_name': 'Adam', 'config': {'global_clipnorm': 1.0}}, "
                      "'loss': 'sparse_categorical_crossentropy', 'metrics': ['accuracy']}, 'fit': {'callbacks': "
                      "[{'class_name': 'EarlyStopping', 'config': {'patience': 100}}]}");
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 4, .batch_size = 8, .validation_split = 0.25, .threads = 2,
                      .progress = check_allocations, .user = &first),
           b.model);
    ck_assert_int_gt(first, 0);
    tear_down(&b);
    antler_set_allocator(NULL);
}
END_TEST

/* ---- data that does not do ---- */

static void check_refusal(bench *b, antler_status status, antler_status wanted, const char *part)
{
    char text[1100];
    ck_assert_int_eq(status, wanted);
    antler_error_text(antler_model_error(b->model), text, sizeof text);
    ck_assert_msg(strstr(text, part) != NULL, "%s", text);
}

START_TEST(bad_data_is_told)
{
    static const double labels[] = {3, -1, 0.5};
    for (int i = 0; i < 3; i++) {
        bench b = set_up("");
        y_values[7] = (antler_real)labels[i];
        check_refusal(&b, antler_fit(b.model, b.x, b.y, .shuffle = false, .batch_size = 10), ANTLER_DATA,
                      i == 0   ? "row 7 of the batch: 3 is no class; expected an integer in [0, 2]"
                      : i == 1 ? "row 7 of the batch: -1 is no class; expected an integer in [0, 2]"
                               : "row 7 of the batch: 0.5 is no class; expected an integer in [0, 2]");
        tear_down(&b);
    }
    bench b = set_up("");
    x_values[4 * WIDTH + 2] = (antler_real)NAN;
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .epochs = 1), ANTLER_DATA,
                  "row 4, element 2: NaN, expected a finite number");
    antler_real p[ROWS * CLASSES];
    antler_error err = {0};
    antler_model *other = model_with("");
    ck_assert_int_eq(antler_predict(other, b.x, 8, 1, p, &err), ANTLER_DATA);
    ck_assert_int_eq(antler_evaluate(other, b.x, b.y, 8, 1, &(antler_logs){0}, NULL), ANTLER_DATA);
    antler_model_free(other);
    tear_down(&b);
    b = set_up("");
    antler_data *fewer = rows_of(y_values, ROWS - 1, 1), *wider = rows_of(x_values, ROWS / 2, 2 * WIDTH);
    check_refusal(&b, antler_fit(b.model, b.x, fewer, .epochs = 1), ANTLER_SHAPE, "y: x has 45 rows, y has 44");
    antler_model_free(b.model);
    b.model = model_with("");
    check_refusal(&b, antler_fit(b.model, wider, b.y, .epochs = 1), ANTLER_SHAPE,
                  "x: data of shape (22, 12) does not fit the model's input (None, 6)");
    antler_model_free(b.model);
    b.model = model_with("");
    check_refusal(&b, antler_fit(b.model, b.x, b.x, .epochs = 1), ANTLER_SHAPE, "targets of shape (45, 6)");
    antler_model_free(b.model);
    b.model = model_with("");
    check_refusal(&b, antler_fit(b.model, b.x, NULL, .epochs = 1), ANTLER_VALUE, "no data: x and y are needed");
    antler_model_free(b.model);
    b.model = model_with("");
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .validation_x = b.x), ANTLER_VALUE, "validation needs both");
    antler_model_free(b.model);
    b.model = network("6", layers, "");
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .epochs = 1), ANTLER_VALUE, "the model has no loss to train with");
    antler_data_free(fewer);
    antler_data_free(wider);
    tear_down(&b);
}
END_TEST

/* ---- evaluating and predicting ---- */

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

static const char *const cells[] = {"SimpleRNN", "LSTM", "GRU"};

/* The second half of a sequence, after the first, ends where the whole sequence does. */
START_TEST(state_is_carried_until_it_is_reset)
{
    enum { N = 4, T = 8, F = 3, U = 5 };
    char stateful[128], plain[128];
    snprintf(stateful, sizeof stateful, "{'class_name': '%s', 'config': {'units': 5, 'stateful': true}}", cells[_i]);
    snprintf(plain, sizeof plain, "{'class_name': '%s', 'config': {'units': 5}}", cells[_i]);
    antler_model *half = network("4, 3", stateful, ", 'fit': {'seed': 3}");
    antler_model *whole = network("8, 3", plain, ", 'fit': {'seed': 3}");
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

int main(void)
{
    TCase *tests = tcase_create("training");
    tcase_add_loop_test(tests, validation_takes_the_last_part, 0, sizeof splits / sizeof splits[0]);
    tcase_add_test(tests, history_has_keras_names);
    tcase_add_test(tests, running_means_weigh_batches_by_their_rows);
    tcase_add_loop_test(tests, shuffles_are_permutations, 0, sizeof counts / sizeof counts[0]);
    tcase_add_test(tests, shuffles_are_fair);
    tcase_add_test(tests, a_batch_may_be_larger_than_the_data);
    tcase_add_test(tests, settings_come_from_the_model_and_the_caller);
    tcase_add_test(tests, validation_changes_nothing);
    tcase_add_test(tests, seeds_decide);
    tcase_add_test(tests, frozen_layers_stand_still);
    tcase_add_test(tests, early_stopping_stops_and_restores);
    if (HAS_HDF5)
        tcase_add_loop_test(tests, a_saved_model_goes_on, HAS_ZIP ? 0 : 1, 3);
    if (HAS_ZIP) {
        tcase_add_loop_test(tests, a_killed_fit_resumes, 0, 4);
        tcase_add_test(tests, a_stopped_fit_does_not_resume);
        tcase_add_test(tests, checkpoints_of_another_fit_are_refused);
    }
    tcase_add_loop_test(tests, nothing_is_allocated_after_the_first_step, 0,
                        sizeof many_layers / sizeof many_layers[0]);
    tcase_add_test(tests, bad_data_is_told);
    tcase_add_test(tests, order_and_batches_do_not_matter_to_evaluate);
    tcase_add_test(tests, predictions_are_repeatable);
    tcase_add_test(tests, contexts_share_a_model);
    tcase_add_loop_test(tests, state_is_carried_until_it_is_reset, 0, sizeof cells / sizeof cells[0]);
    return run_suite("training", tests);
}
