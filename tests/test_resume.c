/* Going on, bit for bit: from a saved model and from a checkpoint. */
#include "build.h"
#include "fits.h"
#include "scratch.h"

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

/* Of the same seed and layers: what differs is found before anything is put in place. */
START_TEST(a_refused_checkpoint_changes_nothing)
{
    static const struct {
        const char *optimizer, *metrics, *loss, *message;
    } others[] = {
        {"sgd", "mae", "sparse_categorical_crossentropy", "a checkpoint of another optimizer"},
        {"adam", "mse", "sparse_categorical_crossentropy", "a checkpoint of other metrics"},
        {"adam", "mae", "{\"class_name\": \"SparseCategoricalCrossentropy\", \"config\": {\"ignore_class\": 7}}",
         "a checkpoint of another loss"},
    };
    killer never = {-1, 0};
    const antler_logs *history;
    scratch_make();
    const char *folder = scratch_path("checkpoints");
    bench b = set_up("");
    antler_compile(b.model, .optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"mae"});
    fitted(fit_to_the_end(&b, NULL, folder, 2, &never), b.model);
    tear_down(&b);
    b = set_up("");
    antler_compile(b.model, .optimizer = others[_i].optimizer, .loss = others[_i].loss,
                   .metrics = {others[_i].metrics});
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 1, .batch_size = 8), b.model);
    uint64_t before = hash_weights(b.model);
    double loss = antler_history(b.model, &history) == 1 ? history[0].value[0] : 0;
    ck_assert_int_eq(fit_to_the_end(&b, NULL, folder, 4, &never), ANTLER_VALUE);
    ck_assert_str_eq(antler_model_error(b.model)->message, others[_i].message);
    ck_assert_uint_eq(hash_weights(b.model), before);
    ck_assert_int_eq(antler_history(b.model, &history), 1);
    ck_assert(history[0].value[0] == loss);
    ck_assert_str_eq(history[0].name[1], others[_i].metrics);
    ck_assert_int_eq(antler_fit(b.model, b.x, b.y, .seed = 5, .checkpoint = folder, .resume = true), ANTLER_VALUE);
    ck_assert_int_eq(antler_model_seed(b.model), 4);
    remove_checkpoint(folder);
    scratch_remove();
    tear_down(&b);
}
END_TEST

/* What stateful layers carry goes on from epoch to epoch, and so from a checkpoint. */
static const char *const stateful[] = {
    "{'class_name': 'SimpleRNN', 'config': {'units': 4, 'stateful': true}}",
    "{'class_name': 'GRU', 'config': {'units': 4, 'stateful': true}}",
    "{'class_name': 'LSTM', 'config': {'units': 4, 'stateful': true, 'return_sequences': true}}, "
    "{'class_name': 'Bidirectional', 'config': {'layer': {'class_name': 'LSTM', 'config': {'units': 3, 'stateful': "
    "true}}}}",
};

static antler_model *stateful_model(int which)
{
    char text[1024];
    snprintf(text, sizeof text,
             "{'class_name': 'Reshape', 'config': {'target_shape': [3, 2]}}, %s, "
             "{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'softmax'}}",
             stateful[which]);
    return network("6", text, compiled);
}

static antler_status fit_stateful(bench *b, int64_t epochs, int64_t batch, const char *folder)
{
    return antler_fit(b->model, b->x, b->y, .epochs = epochs, .batch_size = batch, .shuffle = false,
                      .checkpoint = folder, .resume = true);
}

START_TEST(stateful_layers_resume)
{
    bench whole = {x_data(), y_data(), stateful_model(_i)}, first = {x_data(), y_data(), stateful_model(_i)},
          second = {x_data(), y_data(), stateful_model(_i)};
    scratch_make();
    const char *folder = scratch_path("checkpoints");
    fitted(antler_fit(whole.model, whole.x, whole.y, .epochs = 4, .batch_size = 15, .shuffle = false), whole.model);
    fitted(fit_stateful(&first, 2, 15, folder), first.model);
    ck_assert_int_eq(fit_stateful(&second, 4, 5, folder), ANTLER_FORMAT); /* it carries 5 rows */
    fitted(fit_stateful(&second, 4, 15, folder), second.model);
    ck_assert_uint_eq(hash_weights(second.model), hash_weights(whole.model));
    same_history(second.model, whole.model);
    remove_checkpoint(folder);
    scratch_remove();
    tear_down(&whole);
    tear_down(&first);
    tear_down(&second);
}
END_TEST

/* Under whatever names, and where later epochs log other values than the first. */
START_TEST(checkpoints_keep_the_history)
{
    static const char *const more =
        ", 'compile_config': {'optimizer': 'sgd', 'loss': 'mse', 'metrics': [{'class_name': 'MeanAbsoluteError', "
        "'config': {'name': 'a/./b'}}, {'class_name': 'MeanSquaredError', 'config': {'name': '/'}}]}";
    static const char *const layer = "{'class_name': 'Dense', 'config': {'units': 6}}";
    const antler_logs *history, *again;
    bench b = {x_data(), y_data(), network("6", layer, more)}, c = {x_data(), y_data(), network("6", layer, more)};
    scratch_make();
    const char *folder = scratch_path("checkpoints");
    fitted(antler_fit(b.model, b.x, b.x, .epochs = 2, .checkpoint = folder), b.model);
    fitted(antler_fit(b.model, b.x, b.x, .epochs = 5, .checkpoint = folder, .resume = true, .validation_x = b.x,
                      .validation_y = b.x),
           b.model);
    ck_assert_int_eq(antler_history(b.model, &history), 5);
    for (int e = 0; e < 5; e++)
        ck_assert_int_eq(history[e].n, e < 2 ? 3 : 6);
    ck_assert_str_eq(history[4].name[4], "val_a/./b");
    fitted(antler_fit(c.model, c.x, c.x, .epochs = 5, .checkpoint = folder, .resume = true), c.model);
    ck_assert_int_eq(antler_history(c.model, &again), 5);
    same_history(b.model, c.model);
    remove_checkpoint(folder);
    scratch_remove();
    tear_down(&b);
    tear_down(&c);
}
END_TEST

int main(void)
{
    if (!HAS_ZIP) /* all of it reads and writes .keras files */
        return SKIPPED;
    TCase *tests = tcase_create("resume");
    tcase_add_loop_test(tests, a_saved_model_goes_on, 0, 3);
    tcase_add_loop_test(tests, a_killed_fit_resumes, 0, 4);
    tcase_add_test(tests, a_stopped_fit_does_not_resume);
    tcase_add_test(tests, checkpoints_of_another_fit_are_refused);
    tcase_add_loop_test(tests, a_refused_checkpoint_changes_nothing, 0, 3);
    tcase_add_loop_test(tests, stateful_layers_resume, 0, sizeof stateful / sizeof stateful[0]);
    tcase_add_test(tests, checkpoints_keep_the_history);
    return run_suite("resume", tests);
}
