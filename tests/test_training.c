/* Training through the public API: what a fit does with its data and settings, and that it can be repeated. */
#include "build.h"
#include "fits.h"
#include "scratch.h"
#include "train/shuffle.h"

#include <math.h>

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

START_TEST(a_monitor_that_does_not_exist_is_told)
{
    char callbacks[] = "[{'class_name': 'EarlyStopping', 'config': {'patience': 1}}, "
                       "{'class_name': 'EarlyStopping', 'config': {'monitor': 'val_acc', 'patience': 1}}]";
    bench b = set_up("");
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 4, .callbacks = quoted(callbacks)), b.model);
    ck_assert_int_eq(antler_history(b.model, NULL), 4);
    ck_assert_str_eq(antler_model_warning(b.model, 0)->place, "fit.callbacks[0]");
    ck_assert_ptr_nonnull(strstr(antler_model_warning(b.model, 0)->message, "\"val_loss\""));
    ck_assert_ptr_nonnull(strstr(antler_model_warning(b.model, 1)->message, "There are loss, accuracy"));
    ck_assert_ptr_null(antler_model_warning(b.model, 2)); /* once, not every epoch */
    tear_down(&b);
}
END_TEST

#define LONG "precise_share_of_right_answers_among_all_of_the_answers_there_are"

START_TEST(long_names_are_watched)
{
    const antler_logs *history;
    char callbacks[] = "[{'class_name': 'EarlyStopping', 'config': {'monitor': 'val_" LONG "', 'mode': 'min'}}]";
    bench b = {x_data(), y_data(),
               network("6", "{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'softmax'}}",
                       ", 'compile_config': {'optimizer': {'class_name': 'SGD', 'config': {'learning_rate': 0.0}}, "
                       "'loss': 'sparse_categorical_crossentropy', 'metrics': [{'class_name': "
                       "'SparseCategoricalAccuracy', 'config': {'name': '" LONG "'}}]}")};
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 9, .validation_x = b.x, .validation_y = b.y,
                      .callbacks = quoted(callbacks)),
           b.model);
    ck_assert_int_eq(antler_history(b.model, &history), 2); /* nothing changes: the second epoch is no better */
    ck_assert_str_eq(history[0].name[3], "val_" LONG);
    tear_down(&b);
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
                      "[{'class_name': 'EarlyStopping', 'config': {'patience': 100, 'restore_best_weights': true}}]}");
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

START_TEST(a_refused_fit_leaves_the_seed)
{
    antler_error err = {0};
    bench b = set_up("");
    antler_data *fewer = rows_of(y_values, ROWS - 1, 1);
    ck_assert_int_eq(antler_fit(b.model, NULL, NULL, .seed = 5), ANTLER_VALUE);
    ck_assert_int_eq(antler_fit(b.model, b.x, fewer, .seed = 5), ANTLER_SHAPE);
    ck_assert_int_eq(antler_model_seed(b.model), 4);
    fitted(antler_fit(b.model, b.x, b.y, .seed = 5), b.model);
    ck_assert_int_eq(antler_model_seed(b.model), 5);
    antler_model_free(b.model);
    b.model = antler_sequential("m", (int[]){WIDTH}, 1, &err);
    antler_add(b.model, dense, .units = CLASSES);
    antler_compile(b.model, .loss = "mse");
    ck_assert_int_eq(antler_fit(b.model, NULL, NULL, .seed = 5), ANTLER_VALUE); /* no weights are drawn */
    ck_assert_int_eq(antler_model_seed(b.model), 0);
    antler_data_free(fewer);
    tear_down(&b);
}
END_TEST

/* A batch that is refused has trained nothing; it has been seen by what follows the inputs (antler.h says so). */
START_TEST(a_refused_batch_trains_nothing)
{
    const antler_variable *v;
    bench b = set_up(""), fresh = set_up("");
    y_values[3] = 7;
    ck_assert_int_eq(antler_fit(b.model, b.x, b.y, .shuffle = false, .batch_size = 10), ANTLER_DATA);
    for (int64_t i = 0; (v = antler_model_variable(b.model, i)); i++)
        if (v->trainable)
            ck_assert_mem_eq(v->value.data, antler_model_variable(fresh.model, i)->value.data,
                             (size_t)antler_count(&v->value.shape, 0) * sizeof(antler_real));
    tear_down(&b);
    tear_down(&fresh);
}
END_TEST

START_TEST(bad_data_is_told)
{
    static const double labels[] = {3, -1, 0.5};
    for (int i = 0; i < 3; i++) {
        bench b = set_up("");
        y_values[27] = (antler_real)labels[i];
        check_refusal(
            &b, antler_fit(b.model, b.x, b.y, .batch_size = 10), ANTLER_DATA,
            i == 0   ? "row 27 of the data: 3 is no class; expected an integer in [0, 2], as classes count from 0"
            : i == 1 ? "row 27 of the data: -1 is no class; expected an integer in [0, 2], as classes count from 0"
                     : "row 27 of the data: 0.5 is no class; expected an integer in [0, 2], as classes count from 0");
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
    check_refusal(&b, antler_fit(b.model, wider, b.y, .epochs = 1), ANTLER_SHAPE,
                  "x: data of shape (22, 12) does not fit the model's input (None, 6)");
    check_refusal(&b, antler_fit(b.model, b.x, b.x, .epochs = 1), ANTLER_SHAPE, "targets of shape (45, 6)");
    check_refusal(&b, antler_fit(b.model, b.x, NULL, .epochs = 1), ANTLER_VALUE, "no data: x and y are needed");
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .validation_x = b.x), ANTLER_VALUE, "validation needs both");
    antler_model_free(b.model);
    b.model = network("6", layers, "");
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .epochs = 1), ANTLER_VALUE, "the model has no loss to train with");
    antler_data_free(fewer);
    antler_data_free(wider);
    tear_down(&b);
}
END_TEST

/* A model that was trained can be used whatever a later call on it did not like. */
static void check_usable(bench *b)
{
    antler_real p[ROWS * CLASSES];
    antler_error err = {0};
    antler_logs logs;
    must(antler_build(b->model), antler_model_error(b->model));
    must(antler_predict(b->model, b->x, 8, 1, p, &err), &err);
    must(antler_evaluate(b->model, b->x, b->y, 8, 1, &logs, &err), &err);
    char *json = antler_model_json(b->model, &err);
    must(json ? ANTLER_OK : err.status, &err);
    antler_text_free(json);
    scratch_make();
    must(antler_save(b->model, scratch_path("m.keras"), &err), &err);
    must(antler_load_weights(b->model, scratch_path("m.keras"), &err), &err);
    scratch_remove();
    fitted(antler_fit(b->model, b->x, b->y, .epochs = 1), b->model);
    ck_assert_int_eq(antler_model_error(b->model)->status, ANTLER_OK);
}

START_TEST(a_failed_fit_leaves_the_model_usable)
{
    bench b = set_up("");
    antler_data *wide = rows_of(x_values, ROWS / 2, 2 * WIDTH);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 1), b.model);
    antler_real label = y_values[7], number = x_values[9];
    uint64_t before = hash_weights(b.model);
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .epochs = -1), ANTLER_VALUE,
                  "fit.epochs: -1 is not in [1, 1000000000]");
    check_usable(&b);
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .callbacks = "[7]"), ANTLER_VALUE, "fit.callbacks[0]");
    check_usable(&b);
    check_refusal(&b, antler_fit(b.model, wide, b.y, .epochs = 1), ANTLER_SHAPE, "does not fit the model's input");
    check_usable(&b);
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .threads = 1000), ANTLER_VALUE, "threads: 1000");
    check_usable(&b);
    ck_assert(hash_weights(b.model) != before);
    y_values[7] = 3;
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .epochs = 1), ANTLER_DATA, "3 is no class");
    y_values[7] = label;
    check_usable(&b);
    x_values[9] = (antler_real)NAN;
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .epochs = 1), ANTLER_DATA, "NaN");
    x_values[9] = number;
    check_usable(&b);
    antler_data_free(wide);
    tear_down(&b);
}
END_TEST

/* Even one that was never built: its settings are sound. */
START_TEST(a_failed_fit_leaves_a_new_model_usable)
{
    antler_error err = {0};
    bench b = {.x = x_data(), .y = y_data(), .model = antler_sequential("m", (int[]){WIDTH}, 1, &err)};
    antler_add(b.model, dense, .units = CLASSES, .activation = "softmax");
    antler_compile(b.model, .loss = "sparse_categorical_crossentropy");
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .epochs = 0), ANTLER_VALUE, "fit.epochs");
    check_usable(&b);
    tear_down(&b);
}
END_TEST

/* What depends on a compile that failed is refused, until one succeeds: or else it would go on with the old settings.
 */
START_TEST(a_failed_compile_is_made_good)
{
    antler_real p[ROWS * CLASSES];
    antler_error err = {0};
    bench b = set_up("");
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 1), b.model);
    check_refusal(&b, antler_compile(b.model, .optimizer = "adm", .loss = "mse"), ANTLER_NAME, "\"adm\"");
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .epochs = 1), ANTLER_NAME, "\"adm\"");
    ck_assert_int_eq(antler_evaluate(b.model, b.x, b.y, 8, 1, NULL, &err), ANTLER_NAME);
    ck_assert_ptr_nonnull(strstr(err.message, "\"adm\""));
    err = (antler_error){0};
    must(antler_predict(b.model, b.x, 8, 1, p, &err), &err);
    scratch_make();
    must(antler_save(b.model, scratch_path("m.keras"), &err), &err);
    must(antler_load_weights(b.model, scratch_path("m.keras"), &err), &err);
    scratch_remove();
    check_refusal(&b, antler_compile(b.model, .loss = "mze"), ANTLER_NAME, "\"mze\"");
    fitted(antler_compile(b.model, .loss = "sparse_categorical_crossentropy"), b.model);
    check_usable(&b);
    tear_down(&b);
}
END_TEST

/* A chain is checked by its last call. */
START_TEST(a_failed_chain_stays_failed)
{
    antler_error err = {0};
    bench b = {.x = x_data(), .y = y_data(), .model = antler_sequential("m", (int[]){WIDTH}, 1, &err)};
    antler_add(b.model, dropout, .rate = 1.5);
    antler_add(b.model, dense, .units = CLASSES, .activation = "softmax");
    antler_compile(b.model, .loss = "sparse_categorical_crossentropy");
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .epochs = 1), ANTLER_VALUE, "1.5 is not in [0, 1]");
    ck_assert_int_eq(antler_build(b.model), ANTLER_VALUE);
    tear_down(&b);
    b = set_up("");
    check_refusal(&b, antler_add(b.model, dense, .units = 3), ANTLER_VALUE, "the model is built");
    check_refusal(&b, antler_fit(b.model, b.x, b.y, .epochs = 1), ANTLER_VALUE, "the model is built");
    tear_down(&b);
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
    tcase_add_test(tests, a_monitor_that_does_not_exist_is_told);
    tcase_add_test(tests, long_names_are_watched);
    tcase_add_loop_test(tests, nothing_is_allocated_after_the_first_step, 0,
                        sizeof many_layers / sizeof many_layers[0]);
    tcase_add_test(tests, a_refused_fit_leaves_the_seed);
    tcase_add_test(tests, a_refused_batch_trains_nothing);
    tcase_add_test(tests, bad_data_is_told);
    tcase_add_test(tests, a_failed_chain_stays_failed);
    if (HAS_ZIP) {
        tcase_add_test(tests, a_failed_fit_leaves_the_model_usable);
        tcase_add_test(tests, a_failed_fit_leaves_a_new_model_usable);
        tcase_add_test(tests, a_failed_compile_is_made_good);
    }
    return run_suite("training", tests);
}
