/* The callbacks against Keras's: callbacks.json, which make_callbacks.py wrote. */
#include "core/memory.h"
#include "train/call_back.h"
#include "train/history.h"
#include "types.h"

#include "files/file.h"
#include "scratch.h"

static antler_json *all;

static void open_cases(void)
{
    antler_error err = {0};
    void *text;
    size_t size;
    ck_assert_int_eq(antler__file_read(ANTLER_SOURCE_DIR "/tests/callbacks.json", SIZE_MAX, &text, &size, &err),
                     ANTLER_OK);
    ck_assert_int_eq(antler__json_parse(text, size, &all, &err), ANTLER_OK);
    antler__free(text);
}

static void close_cases(void)
{
    antler__json_free(all);
}

static antler_model *small_model(void)
{
    antler_error err = {0};
    antler_model *m = antler_sequential("m", (int[]){1}, 1, &err);
    antler_add(m, dense, .units = 1);
    antler_compile(m, .optimizer = "sgd", .learning_rate = 0.1, .loss = "mse");
    ck_assert_int_eq(antler_build(m), ANTLER_OK);
    return m;
}

/* A training of one callback, told values. */
typedef struct told {
    const antler_json *of; /* the case */
    antler_model *model;
    antler_object callback;
    antler_objects list;
    antler_training training;
    antler_logs logs;
    antler_moment where;
    int64_t epochs, saved;
} told;

static void hook(told *t, antler_hook which)
{
    antler_error err = {0};
    char text[1200];
    ck_assert_msg(antler__call_back(&t->training, which, &t->where, &t->logs, &err) == ANTLER_OK, "%s",
                  antler_error_text(&err, text, sizeof text));
}

/* Keras saved so many files by now, and has the next one; no other is there. */
static void check_saved(told *t)
{
    const antler_json *name = antler__json_first(antler__json_get(t->of, "saved"));
    if (scratch_files() == 0)
        return;
    for (int64_t i = 0; name && i < t->saved; i++)
        name = antler__json_next(name);
    ck_assert_msg(name && access(antler__json_string(name), F_OK) == 0, "there is no %s", antler__json_string(name));
    unlink(antler__json_string(name));
    ck_assert_int_eq(scratch_files(), 0);
    t->saved++;
}

static void check_epoch(told *t, int64_t e)
{
    const antler_json *rate = antler__json_first(antler__json_get(t->of, "rates"));
    for (int64_t i = 0; rate && i < e; i++)
        rate = antler__json_next(rate);
    if (rate)
        check_near("rate", e, antler_learning_rate(t->model), antler__json_number(rate), 1e-6, 1e-8);
}

static void tell_epoch(told *t, double value)
{
    antler_error err = {0};
    const int64_t batches = (int64_t)antler__json_number(antler__json_get(t->of, "batches"));
    const char *name = antler__json_string(antler__json_get(t->of, "name"));
    t->where.epoch = t->epochs;
    t->logs = (antler_logs){.n = 2, .name = {"loss", name}, .value = {2 * value, value}};
    t->logs.n -= strcmp(name, "loss") == 0;
    hook(t, ANTLER_AT_EPOCH);
    for (t->where.batch = 0; t->where.batch < batches; t->where.batch++) {
        hook(t, ANTLER_AFTER_BATCH);
        check_saved(t);
    }
    hook(t, ANTLER_AFTER_EPOCH);
    if (antler__json_get(t->of, "saved"))
        check_saved(t);
    check_epoch(t, t->epochs);
    ck_assert_int_eq(antler__history_add(t->model, &t->logs, &err), ANTLER_OK);
    t->epochs++;
}

static void tell_all(told *t)
{
    antler_error err = {0};
    const antler_json *value = antler__json_first(antler__json_get(t->of, "values"));
    const char *name = antler__json_string(antler__json_get(t->of, "name"));
    ck_assert_int_eq(antler__callbacks_make(&t->training, &t->list, &err), ANTLER_OK);
    t->logs = (antler_logs){.n = 2, .name = {"loss", name}, .value = {NAN, NAN}};
    hook(t, ANTLER_AT_START);
    for (; value && !t->training.stop; value = antler__json_next(value))
        tell_epoch(t, antler__json_number(value));
    hook(t, ANTLER_AT_END);
}

static void check_text(const antler_json *text)
{
    antler_error err = {0};
    void *read;
    size_t size;
    ck_assert_int_eq(antler__file_read("log.csv", SIZE_MAX, &read, &size, &err), ANTLER_OK);
    ck_assert_str_eq(read, antler__json_string(text));
    antler__free(read);
}

/* What Keras said of the end. */
static void check_end(const told *t)
{
    const antler_json *kept = antler__json_get(t->of, "kept"), *saved = antler__json_get(t->of, "saved");
    if (kept) {
        ck_assert_int_eq(t->epochs, (int64_t)antler__json_number(antler__json_get(t->of, "epochs")));
        ck_assert_int_eq(t->training.stop, antler__json_bool(antler__json_get(t->of, "stops")));
        ck_assert_int_eq(t->training.restored ? t->training.kept_epoch : -1, (int64_t)antler__json_number(kept));
    }
    if (saved)
        ck_assert_int_eq(t->saved, antler__json_length(saved));
}

static void run_case(const antler_json *of)
{
    const char *name = antler__json_string(antler__json_get(of, "class_name"));
    const bool appends = antler__json_get(antler__json_get(of, "config"), "append");
    antler_json *object = antler__json_object(NULL, NULL);
    antler__json_add_string(object, "class_name", name);
    antler__json_add_copy(object, "config", antler__json_get(of, "config"));
    char *config = antler__json_print(object, false);
    antler_object callback = read_object(ANTLER_KIND_CALLBACK, config);
    for (int times = 0; times < 1 + appends; times++) {
        told t = {.of = of, .model = small_model(), .callback = callback};
        t.list = (antler_objects){1, &t.callback};
        t.training.model = t.model;
        t.where = (antler_moment){.epochs = 20, .batches = 5, .foreign = true};
        antler__history_begin(t.model);
        tell_all(&t);
        check_end(&t);
        antler__callbacks_free(&t.training);
        antler_model_free(t.model);
    }
    if (antler__json_get(of, "text"))
        check_text(antler__json_get(of, "text"));
    antler_object_free(callback);
    antler__free(config);
    antler__json_free(object);
}

static const char *const kinds[] = {"ReduceLROnPlateau", "EarlyStopping", "ModelCheckpoint", "LearningRateScheduler",
                                    "CSVLogger"};
enum { KINDS = sizeof kinds / sizeof *kinds };

START_TEST(does_what_keras_does)
{
    int n = 0;
    if (strcmp(kinds[_i], "ModelCheckpoint") == 0 && !HAS_ZIP)
        return;
    const antler_json *of = antler__json_first(antler__json_get(all, "cases"));
    for (; of; of = antler__json_next(of)) {
        if (strcmp(antler__json_string(antler__json_get(of, "class_name")), kinds[_i]) != 0)
            continue;
        scratch_make();
        ck_assert_int_eq(chdir(scratch), 0);
        run_case(of);
        ck_assert_int_eq(chdir("/"), 0);
        scratch_remove();
        n++;
    }
    ck_assert_int_ge(n, 3);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("callbacks_keras");
    tcase_add_unchecked_fixture(tests, open_cases, close_cases);
    tcase_add_loop_test(tests, does_what_keras_does, 0, KINDS);
    return run_suite("callbacks_keras", tests);
}
