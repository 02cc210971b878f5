/* Data that is read while it is trained on: the bits are those of data in memory, errors too, and memory stays small.
 */
#include "build.h"
#include "networks.h"
#include "scratch.h"
#include "suite.h"
#include "train/data.h"

#include <math.h>
#include <signal.h>

#define FILES ANTLER_SOURCE_DIR "/tests/files/"

enum { ROWS = 100, WIDTH = 60 };

/* An array as NumPy writes it. */
static const char *write_npy(const char *name, const float *values, int width)
{
    char text[128];
    int length = snprintf(text + 10, sizeof text - 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d)}",
                          ROWS, width);
    memcpy(text, "\x93NUMPY\1\0", 8);
    text[8] = (char)length;
    text[9] = 0;
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "wb");
    ck_assert(file && fwrite(text, 1, (size_t)length + 10, file) == (size_t)length + 10);
    ck_assert(fwrite(values, sizeof *values, (size_t)(ROWS * width), file) == (size_t)(ROWS * width));
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

static antler_data *open_with(const char *path, const char *name, int64_t most)
{
    antler_error err = {0};
    antler_data *data = antler__data_open(path, name, most, &err);
    must(err.status, &err);
    ck_assert_int_eq(antler__data_waits(data), most == 0);
    return data;
}

static antler_model *make(void)
{
    return network("60",
                   "{'class_name': 'Rescaling', 'config': {'scale': 0.0001}},"
                   "{'class_name': 'Dense', 'config': {'units': 5, 'activation': 'tanh'}},"
                   "{'class_name': 'Dropout', 'config': {'rate': 0.2}},"
                   "{'class_name': 'Dense', 'config': {'units': 1}}",
                   ", 'compile_config': {'optimizer': 'adam', 'loss': 'mse'}");
}

static bool same_weights(const antler_model *a, const antler_model *b)
{
    const antler_variable *v, *w;
    for (int64_t i = 0; (v = antler_model_variable(a, i)) && (w = antler_model_variable(b, i)); i++)
        if (memcmp(v->value.data, w->value.data, (size_t)antler_count(&v->value.shape, 0) * sizeof *v->value.data))
            return false;
    return true;
}

typedef struct source {
    const char *x, *name, *y;
} source;

static antler_model *fit(const source *s, int64_t most, int64_t window, int threads)
{
    antler_data *x = open_with(s->x, s->name, most), *y = open_with(s->y, NULL, most);
    antler_model *model = make();
    must(antler_fit(model, x, y, .epochs = 2, .batch_size = 7, .validation_split = 0.2, .window = window,
                    .threads = threads, .seed = 3),
         antler_model_error(model));
    antler_data_free(x);
    antler_data_free(y);
    return model;
}

static void expect_same_bits(const source *s)
{
    for (int64_t window = 0; window <= 30; window += 30) {
        antler_model *memory = fit(s, 1 << 20, window, 1);
        for (int threads = 1; threads <= 3; threads += 2) {
            antler_model *streamed = fit(s, 0, window, threads);
            ck_assert(same_weights(memory, streamed));
            antler_model_free(streamed);
        }
        antler_model_free(memory);
    }
}

static float x_values[ROWS * WIDTH], y_values[ROWS];

static source make_files(void)
{
    for (int i = 0; i < ROWS * WIDTH; i++)
        x_values[i] = (float)((i * 7919) % 6007);
    for (int i = 0; i < ROWS; i++)
        y_values[i] = (float)(i % 13);
    return (source){write_npy("x.npy", x_values, WIDTH), NULL, write_npy("y.npy", y_values, 1)};
}

START_TEST(npy_has_the_bits_of_memory)
{
    source s = make_files();
    expect_same_bits(&s);
}
END_TEST

START_TEST(hdf5_has_the_bits_of_memory)
{
    source s = make_files();
    s.x = FILES "kinds.h5";
    s.name = "gzip";
    antler_guard_files(_i);
    expect_same_bits(&s);
}
END_TEST

/* A batch that cannot be read is told when its turn comes, and those before it count. */
START_TEST(errors_come_in_their_turn)
{
    make_files();
    antler_model *models[2];
    x_values[33 * WIDTH + 2] = NAN;
    source s = {write_npy("x.npy", x_values, WIDTH), NULL, scratch_path("y.npy")};
    for (int i = 0; i < 2; i++) {
        antler_data *x = open_with(s.x, NULL, i << 20), *y = open_with(s.y, NULL, i << 20);
        models[i] = make();
        ck_assert_int_eq(antler_fit(models[i], x, y, .epochs = 2, .batch_size = 7, .shuffle = false), ANTLER_DATA);
        expect_error(antler_model_error(models[i]), ANTLER_DATA,
                     "x.npy: row 33, element 2: NaN, expected a finite number");
        antler_data_free(x);
        antler_data_free(y);
    }
    ck_assert(same_weights(models[0], models[1]));
    for (int i = 0; i < 2; i++)
        antler_model_free(models[i]);
}
END_TEST

static bool stop(void *user, const antler_progress *progress)
{
    return progress->batch < *(const int64_t *)user;
}

START_TEST(stops_while_it_reads)
{
    source s = make_files();
    for (int64_t after = 1; after < 16; after++) {
        antler_data *x = open_with(s.x, NULL, 0), *y = open_with(s.y, NULL, 0);
        antler_model *model = make();
        ck_assert_int_eq(antler_fit(model, x, y, .batch_size = 7, .progress = stop, .user = &after), ANTLER_STOPPED);
        antler_model_free(model);
        antler_data_free(x);
        antler_data_free(y);
    }
}
END_TEST

#ifdef __linux__

/* The most memory that the process had, KiB. */
static long peak(void)
{
    char line[256];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    if (file)
        fclose(file);
    return kib;
}

/* The child that reads is gone: an error, again and again, and nobody waits. */
START_TEST(a_child_may_die)
{
    char path[64];
    long child = 0;
    antler_guard_files(true);
    antler_data *x = open_with(FILES "kinds.h5", "gzip", 0);
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    FILE *file = fopen(path, "r");
    int found = file ? fscanf(file, "%ld", &child) : 0;
    if (file)
        fclose(file);
    antler_real out[WIDTH];
    antler_error err = {0};
    must(antler_data_gather(x, (int64_t[]){99}, 1, out, &err), &err);
    if (found == 1 && child > 0) { /* not every kernel tells */
        ck_assert_int_eq(kill((pid_t)child, SIGSEGV), 0);
        for (int i = 0; i < 2; i++) {
            err = (antler_error){0};
            ck_assert_int_eq(antler_data_gather(x, (int64_t[]){3}, 1, out, &err), ANTLER_FORMAT);
            expect_error(&err, ANTLER_FORMAT, "kinds.h5: damaged: reading it crashes");
        }
    }
    antler_data_free(x);
}
END_TEST

/* 20 GiB, which no disk has: nothing was written. */
START_TEST(large_files_take_little_memory)
{
    int64_t steps = 200;
    antler_guard_files(_i);
    antler_error err = {0};
    antler_data *x = antler_data_open(FILES "sparse.h5", "x_train", &err);
    antler_data *y = antler_data_open(FILES "sparse.h5", "y_train", &err);
    must(err.status, &err);
    ck_assert_int_eq(antler_data_shape(x)->dim[0], 436907);
    antler_model *model =
        network("64, 64, 3",
                "{'class_name': 'GlobalAveragePooling2D', 'config': {}},"
                "{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'softmax'}}",
                ", 'compile_config': {'optimizer': 'sgd', 'loss': 'sparse_categorical_crossentropy'}");
    ck_assert_int_eq(antler_fit(model, x, y, .batch_size = 32, .progress = stop, .user = &steps), ANTLER_STOPPED);
    ck_assert_int_gt(peak(), 0);
    ck_assert_int_lt(peak(), 200 << 10);
    antler_model_free(model);
    antler_data_free(x);
    antler_data_free(y);
}
END_TEST

#endif

int main(void)
{
    TCase *tests = tcase_create("streaming");
    tcase_add_checked_fixture(tests, scratch_make, scratch_remove);
    tcase_add_test(tests, npy_has_the_bits_of_memory);
    tcase_add_test(tests, errors_come_in_their_turn);
    tcase_add_test(tests, stops_while_it_reads);
    if (HAS_HDF5)
        tcase_add_loop_test(tests, hdf5_has_the_bits_of_memory, 0, 2);
#if defined(__linux__) && defined(ANTLER_WITH_HDF5)
    tcase_add_test(tests, a_child_may_die);
#endif
#if defined(__linux__) && defined(ANTLER_WITH_HDF5) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    tcase_add_loop_test(tests, large_files_take_little_memory, 0, 2);
#endif
    return run_suite("streaming", tests);
}
