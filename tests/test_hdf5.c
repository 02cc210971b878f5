/* HDF5 in and out: strangers' and damaged files, rows, threads, memory that runs out. */
#include "build.h"
#include "core/memory.h"
#include "entries.h"
#include "files/file.h"
#include "files/guard.h"
#include "files/hdf5.h"
#include "lcg.h"
#include "scratch.h"
#include "suite.h"
#include "torture.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#ifdef ANTLER_WITH_HDF5

#define FILES ANTLER_SOURCE_DIR "/tests/files/"

static const float kernel[6] = {1, -2, 3.5f, 0, 1e-30f, 6};
static const char names[] = "dense/kernel\0\0caf\xc3\xa9";

static antler_entries sample(void)
{
    antler_entries e = {0};
    const int64_t wide[2] = {-1, (int64_t)1 << 40};
    const uint8_t narrow = 200;
    const double rate = 0.1;
    add(&e, "/@model_config", ANTLER_TEXT, (antler_shape){0}, "{\"a\": 1}", 9);
    add(&e, "/layers/dense/vars/0", ANTLER_FLOAT32, (antler_shape){2, {2, 3}}, kernel, sizeof kernel);
    add(&e, "/layers/dropout/vars", ANTLER_GROUP, (antler_shape){0}, NULL, 0);
    add(&e, "/layers@weight_names", ANTLER_TEXT, (antler_shape){1, {3}}, names, sizeof names);
    add(&e, "/layers@none", ANTLER_TEXT, (antler_shape){1, {0}}, "", 0);
    add(&e, "/layers/dense/vars/0@rate", ANTLER_FLOAT64, (antler_shape){0}, &rate, sizeof rate);
    add(&e, "/wide", ANTLER_INT64, (antler_shape){1, {2}}, wide, sizeof wide);
    add(&e, "/narrow", ANTLER_UINT8, (antler_shape){0}, &narrow, 1);
    add(&e, "/zero", ANTLER_FLOAT32, (antler_shape){2, {0, 4}}, kernel, 0);
    return e;
}

static void expect_same(const antler_entries *wrote, const antler_entries *read)
{
    for (int64_t i = 0; i < wrote->n; i++) {
        const antler_entry *a = &wrote->entry[i], *b = antler__entries_find(read, a->name);
        ck_assert_msg(b != NULL, "%s is missing", a->name);
        ck_assert_int_eq(a->dtype, b->dtype);
        ck_assert(antler_shape_equal(&a->shape, &b->shape));
        ck_assert_uint_eq(a->bytes, b->bytes);
        if (a->bytes > 0)
            ck_assert_mem_eq(a->data, b->data, a->bytes);
    }
}

START_TEST(writes_what_it_reads)
{
    antler_entries wrote = sample(), read = {0}, again = {0};
    const char *path = scratch_path("a.h5");
    void *image;
    size_t bytes;
    ck_assert_int_eq(antler__hdf5_write(NULL, &wrote, &image, &bytes, NULL), ANTLER_OK);
    nanosleep(&(struct timespec){1, 100000000}, NULL); /* the clock that stamps go by has seconds */
    ck_assert_int_eq(antler__hdf5_write(path, &wrote, NULL, NULL, NULL), ANTLER_OK);
    ck_assert_int_eq(antler__hdf5_read(path, NULL, 0, &read, NULL), ANTLER_OK);
    ck_assert_int_eq(antler__hdf5_read("image", image, bytes, &again, NULL), ANTLER_OK);
    expect_same(&wrote, &read);
    expect_same(&read, &again);
    ck_assert_int_eq(read.n, wrote.n + 4); /* /layers, /layers/dense, .../vars, /layers/dropout */
    void *file;
    size_t size;
    ck_assert_int_eq(antler__file_read(path, 1 << 20, &file, &size, NULL), ANTLER_OK);
    ck_assert_uint_eq(size, bytes);
    ck_assert_mem_eq(file, image, size);
    antler__free(file);
    antler__free(image);
    antler__entries_free(&wrote);
    antler__entries_free(&read);
    antler__entries_free(&again);
    ck_assert_int_eq(scratch_files(), 1);
}
END_TEST

START_TEST(refuses_to_write)
{
    static const char text[] = "two\0strings";
    static const struct {
        const char *name;
        antler_dtype dtype;
        antler_shape shape;
        size_t bytes;
        const char *error;
    } bad[] = {
        {"no_slash", ANTLER_UINT8, {0}, 1, "not a path"},
        {"/a", ANTLER_FLOAT32, {1, {2}}, 4, "4 bytes do not fit its shape"},
        {"/a", ANTLER_FLOAT16, {1, {2}}, 4, "float16 is not written here"},
        {"/a", ANTLER_TEXT, {1, {2}}, 12, "text is not written here"},
        {"/@a", ANTLER_TEXT, {1, {1}}, 12, "text that is not 1 strings"},
        {"/@a", ANTLER_TEXT, {1, {3}}, 12, "text that is not 3 strings"},
        {"/@a", ANTLER_TEXT, {1, {2}}, 11, "text that is not 2 strings"},
        {"/@a", ANTLER_UINT8, {1, {70000}}, 70000, "more than HDF5 holds"},
    };
    static char zeros[70000];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        antler_entries e = {0};
        antler_error err = {0};
        add(&e, bad[i].name, bad[i].dtype, bad[i].shape, bad[i].bytes > 12 ? zeros : text, bad[i].bytes);
        ck_assert_int_ne(antler__hdf5_write(scratch_path("a.h5"), &e, NULL, NULL, &err), ANTLER_OK);
        expect_error(&err, err.status, bad[i].error);
        antler__entries_free(&e);
    }
    ck_assert_int_eq(scratch_files(), 0);
}
END_TEST

static const antler_entry *get(const antler_entries *entries, const char *name, antler_dtype dtype, int rank)
{
    const antler_entry *e = antler__entries_find(entries, name);
    ck_assert_msg(e != NULL, "%s is missing", name);
    ck_assert_msg(e->dtype == dtype, "%s is %s", name, antler__dtype_name(e->dtype));
    ck_assert_int_eq(e->shape.rank, rank);
    return e;
}

/* What h5py writes: kinds.h5 of make_files.py. */
START_TEST(reads_all_kinds)
{
    antler_entries e;
    antler_error err = {0};
    ck_assert_msg(antler__hdf5_read(FILES "kinds.h5", NULL, 0, &e, &err) == ANTLER_OK, "%s: %s", err.place,
                  err.message);
    ck_assert_str_eq(get(&e, "/@vlen", ANTLER_TEXT, 0)->data, "caf\xc3\xa9");
    ck_assert_str_eq(get(&e, "/@vlen_bytes", ANTLER_TEXT, 0)->data, "ascii");
    ck_assert_str_eq(get(&e, "/@fixed", ANTLER_TEXT, 0)->data, "null padded");
    ck_assert_mem_eq(get(&e, "/@spaces", ANTLER_TEXT, 1)->data, "ab\0c", 5);
    ck_assert_mem_eq(get(&e, "/@list", ANTLER_TEXT, 1)->data, "one\0\0three", 11);
    ck_assert_uint_eq(get(&e, "/@empty", ANTLER_FLOAT64, 1)->bytes, 0);
    ck_assert(*(float *)get(&e, "/@number", ANTLER_FLOAT32, 0)->data == 1.5f);
    ck_assert_int_eq(get(&e, "/@null", ANTLER_FLOAT32, 1)->shape.dim[0], 0);
    const float *half = get(&e, "/float16", ANTLER_FLOAT32, 2)->data;
    ck_assert(half[0] == 0.5f && half[1] == -2 && half[2] == 65504 && half[3] == 0x1p-24f && half[5] == 1);
    ck_assert(((double *)get(&e, "/float64", ANTLER_FLOAT64, 1)->data)[0] == 1e300);
    ck_assert_int_eq(((int64_t *)get(&e, "/int64", ANTLER_INT64, 2)->data)[3], 1 << 24);
    ck_assert(((float *)get(&e, "/big", ANTLER_FLOAT32, 1)->data)[1] == -3.5f);
    ck_assert_int_eq(((int16_t *)get(&e, "/big_int", ANTLER_INT16, 1)->data)[1], 258);
    ck_assert_mem_eq(get(&e, "/bool", ANTLER_UINT8, 1)->data, "\1\0\1", 3);
    ck_assert_int_eq(*(int32_t *)get(&e, "/scalar", ANTLER_INT32, 0)->data, 7);
    ck_assert(((float *)get(&e, "/gzip", ANTLER_FLOAT32, 2)->data)[5999] == 5999);
    ck_assert_int_eq(get(&e, "/none", ANTLER_FLOAT32, 2)->shape.dim[1], 4);
    get(&e, "/group", ANTLER_GROUP, 0);
    ck_assert_mem_eq(get(&e, "/group/inner@weight_names", ANTLER_TEXT, 1)->data, "a\0b/c", 6);
    ck_assert_str_eq(get(&e, "/int64@name", ANTLER_TEXT, 0)->data, "read");
    ck_assert_ptr_null(antler__entries_find(&e, "/group/inner@name"));
    ck_assert_ptr_null(antler__entries_find(&e, "/int64@vlen"));
    antler__entries_free(&e);
}
END_TEST

/* filters.h5 of make_files.py: a chunk at a time, compact, and bfloat16, which libhdf5 does not know. */
START_TEST(reads_all_filters)
{
    antler_entries e;
    antler_error err = {0};
    antler_hdf5_set set;
    float row[2];
    ck_assert_msg(antler__hdf5_read(FILES "filters.h5", NULL, 0, &e, &err) == ANTLER_OK, "%s: %s", err.place,
                  err.message);
    const int32_t *offset = get(&e, "/scaleoffset", ANTLER_INT32, 2)->data,
                  *n = get(&e, "/nbit", ANTLER_INT32, 2)->data;
    const float *decimals = get(&e, "/decimals", ANTLER_FLOAT32, 2)->data;
    for (int i = 0; i < 600; i++)
        ck_assert(offset[i] == i - 300 && n[i] == i - 300 && fabsf(decimals[i] - (float)(i - 300) / 4) < 0.005f);
    ck_assert(((float *)get(&e, "/compact", ANTLER_FLOAT32, 1)->data)[2] == 3);
    for (int i = 0; i < 2; i++) {
        const float *brain = get(&e, i ? "/packed" : "/bfloat16", ANTLER_FLOAT32, 2)->data;
        ck_assert(brain[0] == 1.5f && brain[1] == -2 && brain[2] == 0 && brain[3] > 2.9e38f && brain[3] <= 3e38f);
    }
    antler__entries_free(&e);
    ck_assert_int_eq(antler__hdf5_open(FILES "filters.h5", "packed", 0, &set, NULL), ANTLER_OK);
    ck_assert_int_eq(antler__hdf5_rows_read(set.rows, 0, 1, row, NULL), ANTLER_OK);
    ck_assert(row[0] == 1.5f && row[1] == -2);
    antler__hdf5_rows_close(set.rows);
}
END_TEST

/* What a child has read is what this process would have. */
START_TEST(reads_the_same_guarded)
{
    antler_entries here, there;
    antler_error err = {0};
    ck_assert_int_eq(antler__hdf5_read(FILES "kinds.h5", NULL, 0, &here, &err), ANTLER_OK);
    antler_guard_files(true);
    ck_assert_int_eq(antler__hdf5_read(FILES "kinds.h5", NULL, 0, &there, &err), ANTLER_OK);
    ck_assert_int_eq(here.n, there.n);
    expect_same(&here, &there);
    antler__entries_free(&here);
    antler__entries_free(&there);
}
END_TEST

/* All zeros in gzip, which makes a thousandth of them, and data sets that were made and never written. */
START_TEST(reads_much_from_little)
{
    antler_entries e;
    antler_error err = {0};
    ck_assert_msg(antler__hdf5_read(FILES "zeros.h5", NULL, 0, &e, &err) == ANTLER_OK, "%s: %s", err.place,
                  err.message);
    ck_assert_uint_eq(get(&e, "/gzip", ANTLER_FLOAT32, 2)->bytes, 24000000);
    ck_assert(((float *)get(&e, "/unwritten", ANTLER_FLOAT32, 2)->data)[2999] == 0);
    ck_assert(((float *)get(&e, "/chunks", ANTLER_FLOAT32, 2)->data)[2999] == 2.5f);
    antler__entries_free(&e);
}
END_TEST

/* Whether file systems lack locks. This function of the C library is the test's, for libhdf5. */
static bool no_locks;
ANTLER_API int flock(int file, int operation);

int flock(int file, int operation)
{
    (void)file;
    (void)operation;
    errno = ENOLCK;
    return no_locks ? -1 : 0;
}

START_TEST(needs_no_locks)
{
    antler_entries e;
    antler_error err = {0};
    no_locks = true;
    ck_assert_msg(antler__hdf5_read(FILES "kinds.h5", NULL, 0, &e, &err) == ANTLER_OK, "%s", err.message);
    antler__entries_free(&e);
}
END_TEST

static atomic_bool done;
static atomic_int reads;
static atomic_bool reads_fail;

/* Allocates nothing without the lock, as Check's assertions would: the sanitizer's allocator, unlike the C library's,
   leaves its own locks taken in the child of another thread. */
static void *read_on(void *rows)
{
    float out[6000];
    for (; !atomic_load(&done); atomic_fetch_add(&reads, 1))
        if (antler__hdf5_rows_read(rows, 0, 100, out, NULL) != ANTLER_OK)
            atomic_store(&reads_fail, true);
    return rows;
}

/* A thread that reads HDF5 holds its lock, and the child of another's guarded reading has no such thread. */
START_TEST(guards_while_others_read)
{
    pthread_t thread;
    antler_hdf5_set set;
    antler_entries e;
    antler_error err = {0};
    ck_assert_int_eq(antler__hdf5_open(FILES "kinds.h5", "gzip", 0, &set, NULL), ANTLER_OK);
    ck_assert_int_eq(pthread_create(&thread, NULL, read_on, set.rows), 0);
    while (atomic_load(&reads) < 2)
        sched_yield();
    antler_guard_files(true);
    for (int i = 0; i < 50; i++) {
        ck_assert_msg(antler__hdf5_read(FILES "kinds.h5", NULL, 0, &e, &err) == ANTLER_OK, "%s", err.message);
        antler__entries_free(&e);
    }
    atomic_store(&done, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(!atomic_load(&reads_fail));
    antler__hdf5_rows_close(set.rows);
}
END_TEST

static const struct {
    const char *file, *error;
} strangers[] = {
    {"soft.h5", "/b: a soft or external link"},
    {"external_link.h5", "/b: a soft or external link"},
    {"external_data.h5", "/a: its data is in another file"},
    {"virtual.h5", "/a: a virtual data set"},
    {"cycle.h5", "/a/b/c: a group that contains itself"},
    {"bomb.h5", "/a: 0 stored bytes, its shape needs 268435456, more times as many than can be compressed"},
    {"strings.h5", "/a: its type is not a number"},
    {"rank9.h5", "/a: has 9 axes, expected at most 8"},
    {"lzf.h5", "/a: compressed by lzf (filter 32000); expected gzip"},
    {"szip.h5", "/a: compressed by szip (filter 4)"},
    {"opaque.h5", "/a: its type is not a number"},
    {"narrow.h5", "/a: its type is not a number"},
    {"linked.h5", "names and attributes of more than 1"},
    {"references.h5", "/@list: strings of more bytes than the file has"},
    {"chunks.h5", "/a: 16777216 chunks in a file of 1400 bytes"},
    {"big.npy", "damaged, cut short, or not HDF5"},
    {"no.h5", "cannot open: No such file"},
    {"", "not a regular file"},
};

START_TEST(refuses_strangers)
{
    char path[512];
    antler_entries e;
    antler_error err = {0};
    snprintf(path, sizeof path, FILES "%s", strangers[_i].file);
    ck_assert_int_ne(antler__hdf5_read(path, NULL, 0, &e, &err), ANTLER_OK);
    expect_error(&err, err.status, strangers[_i].error);
    ck_assert_str_eq(err.file, path);
    ck_assert_int_eq(e.n, 0);
}
END_TEST

/* Files cut short, and with 1 to 4 bytes changed: read whole or refused, and the process lives. */
static void read_copy(const char *path, const void *bytes, size_t size)
{
    antler_entries e;
    antler_error err = {0};
    scratch_write(path, bytes, size);
    antler_status status = antler__hdf5_read(path, NULL, 0, &e, &err);
    ck_assert_int_eq(status, err.status);
    if (status != ANTLER_OK)
        ck_assert_str_eq(err.file, path);
    antler__entries_free(&e);
}

START_TEST(survives_damage)
{
    antler_entries wrote = sample();
    unsigned char *good, *copy;
    void *image;
    size_t size;
    uint32_t random = 12345;
    const char *path = scratch_path("copy.h5");
    if (_i == 0)
        ck_assert_int_eq(antler__hdf5_write(NULL, &wrote, &image, &size, NULL), ANTLER_OK);
    else
        ck_assert_int_eq(antler__file_read(FILES "kinds.h5", 1 << 20, &image, &size, NULL), ANTLER_OK);
    good = image;
    copy = malloc(size);
    antler_guard_files(true);
    for (int i = 0; i < 16; i++)
        read_copy(path, good, size * (size_t)i / 16);
    for (int i = 0; i < 75; i++) {
        memcpy(copy, good, size);
        for (int changes = 0; changes <= i % 4; changes++) {
            lcg32(&random);
            copy[(random >> 4) % size] = (unsigned char)(random >> 24);
        }
        read_copy(path, copy, size);
    }
    free(copy);
    antler__free(image);
    antler__entries_free(&wrote);
}
END_TEST

static void refuse_set(const char *path, const char *name, antler_status status, const char *error)
{
    antler_hdf5_set set;
    antler_error err = {0};
    ck_assert_int_eq(antler__hdf5_open(path, name, 0, &set, &err), status);
    expect_error(&err, status, error);
    ck_assert_ptr_null(set.rows);
}

START_TEST(reads_rows)
{
    antler_hdf5_set set;
    antler_error err = {0};
    float out[120];
    const char *path = FILES "kinds.h5";
    antler_guard_files(_i == 1);
    ck_assert_int_eq(antler__hdf5_open(path, "gzip", 23999, &set, &err), ANTLER_OK);
    ck_assert_int_eq(set.dtype, ANTLER_FLOAT32);
    ck_assert(antler_shape_equal(&set.shape, &(antler_shape){2, {100, 60}}));
    ck_assert_ptr_null(set.values);
    ck_assert_int_eq(antler__hdf5_rows_read(set.rows, 98, 2, out, &err), ANTLER_OK);
    ck_assert(out[0] == 5880 && out[119] == 5999);
    ck_assert_int_eq(antler__hdf5_rows_read(set.rows, 99, 2, out, &err), ANTLER_VALUE);
    antler__hdf5_rows_close(set.rows);
    ck_assert_int_eq(antler__hdf5_open(path, "gzip", 24000, &set, NULL), ANTLER_OK);
    ck_assert_ptr_null(set.rows);
    ck_assert(((float *)set.values)[5999] == 5999);
    antler__free(set.values);
    for (int64_t most = 0; most <= 48; most += 48) { /* this one lies in the file as in memory */
        int64_t plain[6] = {0}, *values = plain;
        ck_assert_int_eq(antler__hdf5_open(path, "int64", most, &set, NULL), ANTLER_OK);
        if (most == 0)
            ck_assert_int_eq(antler__hdf5_rows_read(set.rows, 1, 2, plain + 2, NULL), ANTLER_OK);
        else
            values = set.values;
        ck_assert(values[2] == 3 && values[3] == 1 << 24 && values[4] == 5 && values[5] == 6);
        antler__hdf5_rows_close(set.rows);
        antler__free(set.values);
    }
    refuse_set(path, "x_train", ANTLER_NAME, "no data set \"x_train\"; the file has big, big_int, bool");
    refuse_set(path, "scalar", ANTLER_SHAPE, "scalar: a single number");
    must(antler__hdf5_open(path, "group/inner", 0, &set, &err), &err);
    ck_assert(set.group && set.dtype == ANTLER_UINT8 && !set.rows);
    ck_assert_mem_eq(set.values, "", 1); /* it has attributes alone */
    antler__free(set.values);
    must(antler__hdf5_open(path, "group", 0, &set, &err), &err);
    ck_assert(set.group);
    ck_assert_mem_eq(set.values, "inner\0", 7);
    antler__free(set.values);
    refuse_set(FILES "soft.h5", "b", ANTLER_NAME, "b: \"b\" is a soft link, which is not followed");
    refuse_set(FILES "external_link.h5", "b", ANTLER_NAME, "b: \"b\" is an external link, which is not followed");
    refuse_set(FILES "external_link.h5", "b/big", ANTLER_NAME, "b/big: \"b\" is an external link");
}
END_TEST

static antler_status write_and_read(void *arg)
{
    antler_entries *wrote = arg, read = {0};
    void *image = NULL;
    size_t bytes;
    antler_error err = {0};
    antler_status status = antler__hdf5_write(NULL, wrote, &image, &bytes, &err);
    if (status == ANTLER_OK)
        status = antler__hdf5_read("image", image, bytes, &read, &err);
    antler__free(image);
    antler__entries_free(&read);
    return status;
}

static antler_status rows_once(void *arg)
{
    antler_hdf5_set set;
    antler_status status = antler__hdf5_open(arg, "gzip", 0, &set, NULL);
    antler__hdf5_rows_close(set.rows);
    return status;
}

static antler_status read_once(void *arg)
{
    antler_entries read;
    antler_status status = antler__hdf5_read(arg, NULL, 0, &read, NULL);
    antler__entries_free(&read);
    return status;
}

static antler_status plain_once(void *arg)
{
    antler_hdf5_set set;
    antler_status status = antler__hdf5_open(arg, "int64", 48, &set, NULL);
    antler__free(set.values);
    return status;
}

static antler_status set_once(void *arg)
{
    antler_hdf5_set set;
    antler_status status = antler__hdf5_open(arg, "gzip", 24000, &set, NULL);
    antler__free(set.values);
    return status;
}

static antler_status file_once(void *arg)
{
    void *data;
    size_t bytes;
    antler_status status = antler__file_read(arg, 1 << 20, &data, &bytes, NULL);
    antler__free(data);
    return status;
}

/* Of a guarded call the child's n-th allocation fails, and of this process's. */
static void torture_guarded(antler_status (*call)(void *arg), void *arg)
{
    antler_status status = ANTLER_MEMORY;
    antler_guard_files(true);
    for (long n = 0; status != ANTLER_OK; n++) {
        torture_count count = {.left = n};
        antler_set_allocator(&(antler_allocator){torture_allocate, torture_release, &count});
        status = call(arg);
        antler_set_allocator(NULL);
        ck_assert_int_eq(count.alive, 0);
        ck_assert(status == ANTLER_MEMORY || status == ANTLER_OK);
    }
    antler_guard_files(false);
}

START_TEST(memory_runs_out)
{
    antler_entries wrote = sample();
    char path[] = FILES "kinds.h5";
    torture(write_and_read, &wrote);
    torture(rows_once, path);
    torture(set_once, path);
    torture(plain_once, path);
    torture(file_once, path);
    torture_guarded(set_once, path);
    torture_guarded(plain_once, path);
    torture_guarded(read_once, path);
    antler__entries_free(&wrote);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("hdf5");
    tcase_add_checked_fixture(tests, scratch_make, scratch_remove);
    tcase_add_test(tests, writes_what_it_reads);
    tcase_add_test(tests, refuses_to_write);
    tcase_add_test(tests, reads_all_kinds);
    tcase_add_test(tests, reads_all_filters);
    tcase_add_loop_test(tests, refuses_strangers, 0, sizeof strangers / sizeof strangers[0]);
    tcase_add_loop_test(tests, survives_damage, 0, 2);
    tcase_add_loop_test(tests, reads_rows, 0, 2);
    tcase_add_test(tests, reads_the_same_guarded);
    tcase_add_test(tests, reads_much_from_little);
    tcase_add_test(tests, needs_no_locks);
    tcase_add_test(tests, guards_while_others_read);
    tcase_add_test(tests, memory_runs_out);
    return run_suite("hdf5", tests);
}

#else

int main(void)
{
    printf("SKIP: HDF5 is not in this build\n");
    return SKIPPED;
}

#endif
