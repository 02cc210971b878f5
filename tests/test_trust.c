/* Trainings that fail, diverge or are cut off in the midst of an epoch, and callbacks of a program's own. */
#include "build.h"
#include "fits.h"
#include "scratch.h"

#include "antler/parts.h"

#include <math.h>

/* ---- a callback of a program's own: one table, and a line ---- */

/* What it saw, for the tests to look at. */
static struct {
    int starts, begins, batches, epochs, ends;
    double last_loss;
    antler_status fails;
} seen;

static const double huge = sizeof(antler_real) == sizeof(float) ? 1e38 : 1e300; /* a rate that no weights survive */

typedef struct explosion {
    int64_t epoch; /* at whose begin the rate explodes; -1: never */
} explosion;

enum { CALLS, NUMBERS };

static antler_status count_start(const void *config, double *state, antler_moment *m)
{
    (void)config;
    (void)state;
    seen.starts++;
    ck_assert_int_ge(m->n, 2);
    ck_assert_str_eq(m->name[0], "loss");
    ck_assert(isnan(m->value[0]));
    return ANTLER_OK;
}

static antler_status explode(const void *config, double *state, antler_moment *m)
{
    const explosion *c = config;
    (void)state;
    seen.begins++;
    if (m->epoch == c->epoch)
        m->rate = huge;
    return ANTLER_OK;
}

static antler_status count_batch(const void *config, double *state, antler_moment *m)
{
    (void)config;
    state[CALLS]++;
    seen.batches++;
    seen.last_loss = m->value[0];
    ck_assert_int_lt(m->batch, m->batches);
    return seen.fails == ANTLER_OK ? ANTLER_OK : antler_error_set(m->err, seen.fails, NULL, "it had to be");
}

/* What it remembers is the number of batches, whatever was killed. */
static antler_status count_epoch(const void *config, double *state, antler_moment *m)
{
    (void)config;
    seen.epochs++;
    m->log_rate = true;
    ck_assert_int_eq((int64_t)state[CALLS], (m->epoch + 1) * m->batches);
    return ANTLER_OK;
}

static antler_status count_end(const void *config, double *state, antler_moment *m)
{
    (void)config;
    (void)state;
    (void)m;
    seen.ends++;
    return ANTLER_OK;
}

static const antler_field fields[] = {
    ANTLER_FIELD_NUMBER(explosion, epoch, ANTLER_INT, "-1", -1, 1e9, "when"),
    ANTLER_FIELD_END,
};

static const antler_callback_ops counting = {
    .type = {.size = sizeof(antler_callback_ops),
             .kind = ANTLER_KIND_CALLBACK,
             .class_name = "Counting",
             .config_size = sizeof(explosion),
             .fields = fields},
    .numbers = NUMBERS,
    .start = count_start,
    .epoch_begin = explode,
    .batch = count_batch,
    .epoch = count_epoch,
    .end = count_end,
};

static void register_it(void)
{
    antler_error err = {0};
    must(antler_register(&counting.type, &err), &err);
}

#define COUNTING ANTLER_JSON([ {"class_name" : "Counting", "config" : {}} ])

/* The bench with a rate that is a number. */
static bench plain_bench(void)
{
    bench b = set_up("");
    antler_error err = {0};
    must(antler_set_learning_rate(b.model, 0.02, &err), &err);
    return b;
}

START_TEST(hooks_are_called)
{
    const antler_logs *logs;
    bench b = plain_bench();
    memset(&seen, 0, sizeof seen);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 3, .batch_size = 10, .callbacks = COUNTING), b.model);
    ck_assert_int_eq(seen.starts, 1);
    ck_assert_int_eq(seen.begins, 3);
    ck_assert_int_eq(seen.batches, 3 * 5);
    ck_assert_int_eq(seen.epochs, 3);
    ck_assert_int_eq(seen.ends, 1);
    ck_assert_int_eq(antler_history(b.model, &logs), 3);
    ck_assert(seen.last_loss == logs[2].value[0]);
    ck_assert_str_eq(logs[2].name[2], "learning_rate");
    ck_assert(logs[2].value[2] == (double)(antler_real)0.02);
    tear_down(&b);
}
END_TEST

START_TEST(a_callback_can_fail)
{
    bench b = plain_bench();
    memset(&seen, 0, sizeof seen);
    seen.fails = ANTLER_FILE;
    ck_assert_int_eq(antler_fit(b.model, b.x, b.y, .epochs = 3, .callbacks = COUNTING), ANTLER_FILE);
    ck_assert_str_eq(antler_model_error(b.model)->message, "it had to be");
    seen.fails = ANTLER_OK;
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 3, .callbacks = COUNTING), b.model);
    tear_down(&b);
}
END_TEST

/* ---- a model after a failure ---- */

static void predict(const bench *b, antler_real *y)
{
    antler_error err = {0};
    must(antler_predict(b->model, b->x, 0, 1, y, &err), &err);
}

/* Everything still works, with the weights of `before`. */
static void check_usable(bench *b, uint64_t before)
{
    antler_error err = {0};
    antler_real y[ROWS * CLASSES];
    ck_assert_uint_eq(hash_weights(b->model), before);
    predict(b, y);
    for (int i = 0; i < ROWS * CLASSES; i++)
        ck_assert(isfinite(y[i]));
    char *json = antler_model_json(b->model, &err);
    ck_assert_ptr_nonnull(json);
    antler_text_free(json);
    if (HAS_ZIP) {
        scratch_make();
        must(antler_save(b->model, scratch_path("m.keras"), &err), &err);
        scratch_remove();
    }
    fitted(antler_fit(b->model, b->x, b->y, .epochs = 2), b->model);
    ck_assert_int_eq(antler_model_error(b->model)->status, ANTLER_OK);
}

START_TEST(bad_data_leaves_a_model)
{
    bench b = plain_bench();
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 2), b.model);
    const uint64_t before = hash_weights(b.model);
    const antler_real x = x_values[WIDTH], y = y_values[0];
    x_values[WIDTH] = (antler_real)NAN;
    ck_assert_int_eq(antler_fit(b.model, b.x, b.y, .epochs = 2, .batch_size = ROWS), ANTLER_DATA);
    x_values[WIDTH] = x;
    ck_assert_int_eq(antler_fit(b.model, b.y, b.y), ANTLER_SHAPE);
    ck_assert_int_eq(antler_fit(b.model, b.x, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_fit(b.model, b.x, b.y, .save_freq = "often"), ANTLER_VALUE);
    check_usable(&b, before);
    y_values[0] = CLASSES;
    ck_assert_int_eq(antler_fit(b.model, b.x, b.y), ANTLER_DATA);
    y_values[0] = y;
    check_usable(&b, hash_weights(b.model));
    tear_down(&b);
}
END_TEST

/* A rate that explodes in the epoch of this number; the model has the weights of the epoch before. */
START_TEST(divergence_leaves_a_model)
{
    char callbacks[128], text[1200];
    const antler_logs *logs;
    bench b = plain_bench(), same = plain_bench();
    fitted(antler_fit(same.model, same.x, same.y, .epochs = 2 + _i), same.model);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 2), b.model);
    memset(&seen, 0, sizeof seen);
    snprintf(callbacks, sizeof callbacks, "[{\"class_name\": \"Counting\", \"config\": {\"epoch\": %d}}]", _i);
    ck_assert_int_eq(
        antler_fit(b.model, b.x, b.y, .epochs = 9, .batch_size = ROWS / 4, .callbacks = callbacks, .initial_epoch = 0),
        ANTLER_DIVERGED);
    antler_error_text(antler_model_error(b.model), text, sizeof text);
    ck_assert_msg(strstr(text, "no finite number in epoch ") && strstr(text, "Largest input 1") == NULL, "%s", text);
    ck_assert_int_eq(antler_history(b.model, &logs), _i);
    ck_assert_int_eq(seen.ends, 0);
    antler_set_learning_rate(b.model, 0.01, NULL);
    if (_i == 0) /* of before the fit */
        check_usable(&b, hash_weights(same.model));
    else
        check_usable(&b, hash_weights(b.model));
    tear_down(&b);
    tear_down(&same);
}
END_TEST

/* As Keras does without its TerminateOnNaN. */
START_TEST(divergence_may_go_on)
{
    bench b = plain_bench();
    antler_set_learning_rate(b.model, huge, NULL);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 2, .terminate_on_nan = false), b.model);
    ck_assert_int_eq(antler_fit(b.model, b.x, b.y, .epochs = 2, .terminate_on_nan = false,
                                .callbacks = ANTLER_JSON(["TerminateOnNaN"])),
                     ANTLER_DIVERGED);
    tear_down(&b);
}
END_TEST

/* ---- the rate, and what became of a fit ---- */

START_TEST(the_rate_is_set)
{
    antler_error err = {0};
    antler_model *m = model_with("");
    ck_assert(isnan(antler_learning_rate(m))); /* a schedule's */
    must(antler_set_learning_rate(m, 0.25, &err), &err);
    ck_assert(antler_learning_rate(m) == 0.25);
    ck_assert_int_eq(antler_set_learning_rate(m, -1, &err), ANTLER_VALUE);
    ck_assert_int_eq(antler_set_learning_rate(m, NAN, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_set_learning_rate(m, 10 * huge * huge, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_set_learning_rate(NULL, 1, NULL), ANTLER_VALUE);
    ck_assert(isnan(antler_learning_rate(NULL)));
    char *json = antler_model_json(m, NULL);
    ck_assert_ptr_nonnull(strstr(json, "\"learning_rate\": 0.25"));
    antler_text_free(json);
    antler_model_free(m);
}
END_TEST

START_TEST(the_outcome_is_told)
{
    char callbacks[256];
    bench b = set_up("");
    ck_assert_int_eq(antler_fit_outcome(b.model).best, -1);
    ck_assert_int_eq(antler_fit_outcome(NULL).kept, -1);
    spoil();
    snprintf(callbacks, sizeof callbacks, "[" STOPPING "]", "true");
    quoted(callbacks);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 30, .validation_split = 0.3, .callbacks = callbacks), b.model);
    const antler_logs *logs;
    const int64_t n = antler_history(b.model, &logs);
    antler_outcome outcome = antler_fit_outcome(b.model);
    ck_assert(outcome.stopped_early);
    ck_assert_str_eq(outcome.monitor, "val_loss");
    ck_assert_int_eq(outcome.best, n - 3);
    ck_assert_int_eq(outcome.kept, n - 3);
    ck_assert(outcome.value == logs[n - 3].value[2]);
    fitted(antler_fit(b.model, b.x, b.y, .epochs = 2), b.model);
    outcome = antler_fit_outcome(b.model);
    ck_assert(!outcome.stopped_early);
    ck_assert_str_eq(outcome.monitor, "loss");
    ck_assert_int_eq(outcome.kept, 1);
    tear_down(&b);
}
END_TEST

/* ---- in the midst of an epoch ---- */

static int64_t calls_left;

static bool stop_later(void *user, const antler_progress *progress)
{
    (void)user;
    (void)progress;
    return --calls_left != 0;
}

/* A killed process leaves what was written last: the copy of a checkpoint that is made before the stop's own. */
static const char *const freqs[] = {"1", "3", "4 batches", "epoch", "2 epochs", "1000"};
enum { FREQS = sizeof freqs / sizeof *freqs };

static antler_status fit_freq(bench *b, const char *folder, const char *freq)
{
    return antler_fit(b->model, b->x, b->y, .epochs = 4, .batch_size = 10, .validation_split = 0.2,
                      .checkpoint = folder, .resume = true, .save_freq = freq, .callbacks = COUNTING,
                      .progress = stop_later);
}

START_TEST(any_batch_resumes)
{
    scratch_make();
    bench whole = plain_bench();
    char folder[128], file[160];
    calls_left = -1;
    memset(&seen, 0, sizeof seen);
    fitted(fit_freq(&whole, NULL, NULL), whole.model);
    snprintf(folder, sizeof folder, "%s", scratch_path("state"));
    snprintf(file, sizeof file, "%s/checkpoint.keras", folder);
    antler_status status = ANTLER_STOPPED;
    for (int stops = 1; status == ANTLER_STOPPED; stops++) { /* a process after the other, each for some batches */
        bench b = plain_bench();
        calls_left = 1 + stops % 4;
        status = fit_freq(&b, folder, freqs[_i]);
        ck_assert_int_lt(stops, 40);
        if (status == ANTLER_OK)
            ck_assert_uint_eq(hash_weights(b.model), hash_weights(whole.model));
        const antler_logs *one, *two;
        const int64_t n = antler_history(b.model, &one);
        ck_assert_int_ge(antler_history(whole.model, &two), n);
        for (int64_t e = 0; e < n; e++)
            for (int i = 0; i < two[e].n; i++)
                ck_assert(one[e].value[i] == two[e].value[i]);
        tear_down(&b);
    }
    ck_assert_int_eq(status, ANTLER_OK);
    unlink(file);
    rmdir(folder);
    scratch_remove();
    tear_down(&whole);
}
END_TEST

/* A changed rate comes back with the checkpoint, and stays in the model. */
START_TEST(a_changed_rate_resumes)
{
    static const char *const falls = ANTLER_JSON([ {
        "class_name" : "ReduceLROnPlateau",
        "config" : {"monitor" : "loss", "min_delta" : 100, "patience" : 1, "factor" : 0.5}
    } ]);
    scratch_make();
    bench whole = plain_bench(), first = plain_bench(), second = plain_bench();
    const char *folder = scratch_path("state");
    char file[160];
    snprintf(file, sizeof file, "%s/checkpoint.keras", folder);
    fitted(antler_fit(whole.model, whole.x, whole.y, .epochs = 6, .callbacks = falls), whole.model);
    fitted(antler_fit(first.model, first.x, first.y, .epochs = 3, .callbacks = falls, .checkpoint = folder),
           first.model);
    fitted(antler_fit(second.model, second.x, second.y, .epochs = 6, .callbacks = falls, .checkpoint = folder,
                      .resume = true),
           second.model);
    ck_assert_uint_eq(hash_weights(second.model), hash_weights(whole.model));
    ck_assert(antler_learning_rate(second.model) == antler_learning_rate(whole.model));
    ck_assert(antler_learning_rate(whole.model) < 0.001);
    tear_down(&first); /* who begins with another rate has chosen it */
    first = plain_bench();
    antler_set_learning_rate(first.model, 0.125, NULL);
    fitted(antler_fit(first.model, first.x, first.y, .epochs = 7, .checkpoint = folder, .resume = true,
                      .callbacks = falls),
           first.model);
    ck_assert(antler_learning_rate(first.model) > 0.06);
    unlink(file);
    rmdir(folder);
    scratch_remove();
    tear_down(&whole);
    tear_down(&first);
    tear_down(&second);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("trust");
    tcase_add_unchecked_fixture(tests, register_it, NULL);
    tcase_add_test(tests, hooks_are_called);
    tcase_add_test(tests, a_callback_can_fail);
    tcase_add_test(tests, bad_data_leaves_a_model);
    tcase_add_loop_test(tests, divergence_leaves_a_model, 0, 4);
    tcase_add_test(tests, divergence_may_go_on);
    tcase_add_test(tests, the_rate_is_set);
    tcase_add_test(tests, the_outcome_is_told);
    if (HAS_ZIP) {
        tcase_add_loop_test(tests, any_batch_resumes, 0, FREQS);
        tcase_add_test(tests, a_changed_rate_resumes);
    }
    return run_suite("trust", tests);
}
