/* Data: HDF5, .npy, .csv, directories, memory; what is refused and how the error says it. */
#include "build.h"
#include "core/memory.h"
#include "files/hdf5.h"
#include "scratch.h"
#include "torture.h"
#include "train/data.h"

#include "locales.h"
#include "suite.h"

#include <math.h>
#include <sys/stat.h>

#define FILES ANTLER_SOURCE_DIR "/tests/files/"

static const char *text_of(const antler_error *err)
{
    static char text[1200];
    return antler_error_text(err, text, sizeof text);
}

/* Opens, checks the shape, gathers all rows and compares them. */
static void expect_data(const char *path, const char *name, antler_shape shape, const double *values)
{
    antler_error err = {0};
    antler_data *data = antler_data_open(path, name, &err);
    ck_assert_msg(data != NULL, "%s", text_of(&err));
    char text[128];
    ck_assert_msg(antler_shape_equal(antler_data_shape(data), &shape), "%s",
                  antler_shape_text(antler_data_shape(data), text, sizeof text));
    int64_t n = antler_count(&shape, 0), row[100];
    antler_real out[100];
    for (int64_t i = 0; i < shape.dim[0]; i++)
        row[i] = i;
    ck_assert_msg(antler_data_gather(data, row, shape.dim[0], out, &err) == ANTLER_OK, "%s", text_of(&err));
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(out[i] == (antler_real)values[i], "[%d] %g %g", (int)i, (double)out[i], values[i]);
    antler_data_free(data);
}

static void refuse(const char *path, const char *name, antler_status status, const char *what)
{
    antler_error err = {0};
    ck_assert_ptr_null(antler_data_open(path, name, &err));
    expect_error(&err, status, what);
    ck_assert_ptr_null(antler_data_open(path, name, NULL));
}

/* ---- memory: every type, good and bad ---------------------------------------------------------------------------- */

static antler_status gather_one(const void *values, antler_dtype dtype, int64_t n, antler_real *out, antler_error *err)
{
    antler_data *data = antler_data_from(values, dtype, &(antler_shape){1, {n}}, err);
    ck_assert_ptr_nonnull(data);
    int64_t row[64];
    for (int64_t i = 0; i < n; i++)
        row[i] = n - 1 - i;
    antler_status status = antler_data_gather(data, row, n, out, err);
    antler_data_free(data);
    return status;
}

START_TEST(converts_every_type)
{
    const uint16_t half[4] = {0x3c00, 0xc000, 0x7bff, 0x8001};
    const float f32[4] = {1, -2.5f, 3e38f, -0.0f};
    const double f64[4] = {1, -2.5, 0.1, 3e38};
    const int8_t i8[4] = {-128, 127, 0, 1};
    const uint8_t u8[4] = {0, 255, 128, 1};
    const int16_t i16[4] = {-32768, 32767, 0, 1};
    const uint16_t u16[4] = {0, 65535, 128, 1};
    const int32_t i32[4] = {-16777216, 16777216, 0, 1};
    const uint32_t u32[4] = {16777216, 0, 1, 2};
    const int64_t i64[4] = {-16777216, 16777216, 0, 1};
    const uint64_t u64[4] = {16777216, 0, 1, 2};
    const struct {
        const void *values;
        antler_dtype dtype;
        double expected[4];
    } all[] = {
        {half, ANTLER_FLOAT16, {1, -2, 65504, -0x1p-24}},
        {f32, ANTLER_FLOAT32, {1, -2.5, 3e38f, 0}},
        {f64, ANTLER_FLOAT64, {1, -2.5, 0.1, 3e38}},
        {i8, ANTLER_INT8, {-128, 127, 0, 1}},
        {u8, ANTLER_UINT8, {0, 255, 128, 1}},
        {i16, ANTLER_INT16, {-32768, 32767, 0, 1}},
        {u16, ANTLER_UINT16, {0, 65535, 128, 1}},
        {i32, ANTLER_INT32, {-16777216, 16777216, 0, 1}},
        {u32, ANTLER_UINT32, {16777216, 0, 1, 2}},
        {i64, ANTLER_INT64, {-16777216, 16777216, 0, 1}},
        {u64, ANTLER_UINT64, {16777216, 0, 1, 2}},
    };
    for (size_t t = 0; t < sizeof all / sizeof all[0]; t++) {
        antler_real out[4];
        ck_assert_int_eq(gather_one(all[t].values, all[t].dtype, 4, out, NULL), ANTLER_OK);
        for (int i = 0; i < 4; i++)
            ck_assert(out[i] == (antler_real)all[t].expected[3 - i]);
    }
}
END_TEST

START_TEST(refuses_bad_numbers)
{
    const float nan32[3] = {1, NAN, 2}, inf32[3] = {1, 2, -INFINITY};
    const double nan64[2] = {NAN, 0}, large[2] = {0, INFINITY};
    const uint16_t half[2] = {0x7c00, 0};
    const int32_t i32[3] = {0, 16777217, 0};
    const int64_t i64[2] = {INT64_MIN, 0};
    const uint32_t u32[2] = {0, UINT32_MAX};
    const uint64_t u64[2] = {0, UINT64_MAX};
    const struct {
        const void *values;
        antler_dtype dtype;
        int64_t n;
        const char *error;
    } all[] = {
        {nan32, ANTLER_FLOAT32, 3, "data in memory: row 1, element 0: NaN, expected a finite number"},
        {inf32, ANTLER_FLOAT32, 3, "row 2, element 0: infinite"},
        {nan64, ANTLER_FLOAT64, 2, "row 0, element 0: NaN"},
        {large, ANTLER_FLOAT64, 2, "row 1, element 0: infinite"},
        {half, ANTLER_FLOAT16, 2, "row 0, element 0: infinite"},
        {i32, ANTLER_INT32, 3, "row 1, element 0: 16777217, an integer beyond 2^24, which a float does not hold"},
        {i64, ANTLER_INT64, 2, "row 0, element 0: -9223372036854775808, an integer beyond 2^24"},
        {u32, ANTLER_UINT32, 2, "row 1, element 0: 4294967295, an integer beyond 2^24"},
        {u64, ANTLER_UINT64, 2, "row 1, element 0: 18446744073709551615, an integer beyond 2^24"},
    };
    for (size_t t = 0; t < sizeof all / sizeof all[0]; t++) {
        antler_real out[4];
        antler_error err = {0};
        ck_assert_int_eq(gather_one(all[t].values, all[t].dtype, all[t].n, out, &err), ANTLER_DATA);
        expect_error(&err, ANTLER_DATA, all[t].error);
    }
}
END_TEST

START_TEST(views_and_bounds)
{
    float values[12];
    antler_real out[4];
    antler_error err = {0};
    for (int i = 0; i < 12; i++)
        values[i] = (float)i;
    values[10] = NAN;
    antler_data *all = antler_data_from(values, ANTLER_FLOAT32, &(antler_shape){2, {6, 2}}, &err);
    antler_data *part = antler_data_rows(all, 1, 5, &err), *less = antler_data_rows(part, 2, 3, &err);
    ck_assert_int_eq(antler_data_shape(less)->dim[0], 3);
    ck_assert_int_eq(antler_data_shape(less)->dim[1], 2);
    ck_assert_int_eq(antler_data_gather(less, (int64_t[]){1, 0}, 2, out, &err), ANTLER_OK);
    ck_assert(out[0] == 8 && out[1] == 9 && out[2] == 6 && out[3] == 7);
    ck_assert_int_eq(antler_data_gather(less, (int64_t[]){0, 2}, 2, out, &err), ANTLER_DATA);
    expect_error(&err, ANTLER_DATA, "row 5, element 0: NaN"); /* as the source counts */
    err = (antler_error){0};
    ck_assert_int_eq(antler_data_gather(less, (int64_t[]){3}, 1, out, &err), ANTLER_VALUE);
    expect_error(&err, ANTLER_VALUE, "row 3 of 3");
    ck_assert_int_eq(antler_data_gather(less, (int64_t[]){-1}, 1, out, NULL), ANTLER_VALUE);
    ck_assert_int_eq(antler_data_gather(less, NULL, 0, out, NULL), ANTLER_OK);
    ck_assert_ptr_null(antler_data_rows(part, 3, 3, NULL));
    ck_assert_ptr_null(antler_data_rows(part, -1, 3, NULL));
    ck_assert_ptr_null(antler_data_from(values, ANTLER_TEXT, &(antler_shape){1, {2}}, NULL));
    ck_assert_ptr_null(antler_data_from(values, ANTLER_FLOAT32, &(antler_shape){0}, NULL));
    ck_assert_ptr_null(antler_data_from(values, ANTLER_FLOAT32, &(antler_shape){2, {INT64_MAX, 4}}, NULL));
    ck_assert_ptr_null(antler_data_from(NULL, ANTLER_FLOAT32, &(antler_shape){1, {2}}, NULL));
    antler_data_free(less);
    antler_data_free(part);
    antler_data_free(all);
    antler_data_free(NULL);
}
END_TEST

/* ---- .npy -------------------------------------------------------------------------------------------------------- */

/* A .npy file as numpy writes it, of the given version. */
static void write_npy(const char *path, int version, const char *header, const void *data, size_t bytes)
{
    char text[512];
    size_t length = strlen(header), wide = version > 1 ? 4 : 2;
    memcpy(text, "\x93NUMPY", 6);
    text[6] = (char)version;
    text[7] = 0;
    memset(text + 8, 0, 4);
    text[8] = (char)length;
    memcpy(text + 8 + wide, header, length);
    memcpy(text + 8 + wide + length, data, bytes);
    scratch_write(path, text, 8 + wide + length + bytes);
}

START_TEST(reads_npy)
{
    const double big[] = {1, 2, 3, 4, 5, 70000}, half[] = {0.5, -2, 65504, 0x1p-24, 0, 1};
    expect_data(FILES "big.npy", NULL, (antler_shape){2, {3, 2}}, big);
    expect_data(FILES "big.npy", "x_train", (antler_shape){2, {3, 2}}, big);
    expect_data(FILES "float16.npy", NULL, (antler_shape){2, {2, 3}}, half);
    expect_data(FILES "bool.npy", NULL, (antler_shape){1, {2}}, (double[]){1, 0});
    const char *path = scratch_path("a.npy");
    const uint8_t bytes[] = {1, 2, 3};
    for (int version = 1; version <= 3; version++) {
        write_npy(path, version, "{'shape': (3L, 1), \"descr\": '|u1', 'fortran_order': False}  \n", bytes, 3);
        expect_data(path, NULL, (antler_shape){2, {3, 1}}, (double[]){1, 2, 3});
    }
}
END_TEST

START_TEST(refuses_bad_npy)
{
    static const struct {
        const char *header, *error;
        int version;
    } bad[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "cut short: its shape needs 8 bytes", 1},
        {"{'descr': '|u1', 'fortran_order': True, 'shape': (1, 3)}", "in Fortran order", 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': ()}", "a single number, expected rows", 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", "more than 8 axes", 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}", "a size that is not a number", 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775806, 4)}", "beyond 64 bits", 1},
        {"{'descr': '|u1', 'fortran_order': False}", "are not all there", 1},
        {"{'descr': '|u1', 'fortran_order': None, 'shape': (3,)}", "neither True nor False", 1},
        {"{'descr': '|u1', 'x': False, 'shape': (3,)}", "an unknown key", 1},
        {"{'descr': '|u1', 'fortran_order'", "no key", 1},
        {"{'descr': '<U7', 'fortran_order': False, 'shape': (3,)}", "elements of type '<U7'", 1},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}", "not plain numbers", 1},
        {"[]", "not a dict", 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", "version 4 of the .npy format", 4},
    };
    const char *path = scratch_path("a.npy");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        antler_error err = {0};
        write_npy(path, bad[i].version, bad[i].header, "abc", 3);
        ck_assert_ptr_null(antler_data_open(path, NULL, &err));
        expect_error(&err, err.status, bad[i].error);
        ck_assert_str_eq(err.file, path);
    }
    refuse(FILES "fortran.npy", NULL, ANTLER_UNSUPPORTED, "in Fortran order");
    refuse(FILES "complex.npy", NULL, ANTLER_FORMAT, "elements of type '<c8'");
    scratch_write(path, "\x93NUMPY\x01", 7);
    refuse(path, NULL, ANTLER_FORMAT, "not a .npy file");
    scratch_write(path, "\x93NUMPY\x01\0\xff\0abc", 13);
    refuse(path, NULL, ANTLER_FORMAT, "cut short");
}
END_TEST

/* ---- .csv -------------------------------------------------------------------------------------------------------- */

static const char *csv(const char *text)
{
    const char *path = scratch_path("a.csv");
    scratch_write(path, text, strlen(text));
    return path;
}

START_TEST(reads_csv)
{
    const char *path = csv("\xef\xbb\xbf"
                           "a, \"b, c\" ,y\r\n1,2.5,-3\r\n\r\n\"4\", +5e1 ,.5\r\n");
    expect_data(path, NULL, (antler_shape){2, {2, 3}}, (double[]){1, 2.5, -3, 4, 50, .5});
    expect_data(path, "b, c", (antler_shape){2, {2, 1}}, (double[]){2.5, 50});
    expect_data(path, "a,y", (antler_shape){2, {2, 2}}, (double[]){1, -3, 4, .5});
    expect_data(path, "x_train", (antler_shape){2, {2, 2}}, (double[]){1, 2.5, 4, 50});
    expect_data(path, "y_train", (antler_shape){2, {2, 1}}, (double[]){-3, .5});
    path = csv("1,2\n3,4");
    expect_data(path, NULL, (antler_shape){2, {2, 2}}, (double[]){1, 2, 3, 4});
    expect_data(path, "x_test", (antler_shape){2, {2, 1}}, (double[]){1, 3});
    path = csv("y_1,x_1\n1,2\n");
    expect_data(path, "x_1", (antler_shape){2, {1, 1}}, (double[]){2});
    expect_data(csv("a,b\n"), NULL, (antler_shape){2, {0, 2}}, NULL);
}
END_TEST

START_TEST(reads_csv_in_any_locale)
{
    if (locale_set(locales[_i]))
        expect_data(csv("a,b\n1.5,-2.25e1\n"), NULL, (antler_shape){2, {1, 2}}, (double[]){1.5, -22.5});
}
END_TEST

START_TEST(refuses_bad_csv)
{
    static const struct {
        const char *text, *name, *error;
        antler_status status;
    } bad[] = {
        {"", NULL, "a.csv:1: the file is empty", ANTLER_DATA},
        {"a,b\n1,2\n3,x\n", NULL, "a.csv:3: column 2 (b): \"x\" is not a finite number", ANTLER_DATA},
        {"a,b\n1,2\n\n3,nan\n", NULL, "a.csv:4: column 2 (b): \"nan\" is a missing value", ANTLER_DATA},
        {"nan,1\n", NULL, "a.csv:1: column 1: \"nan\" is a missing value", ANTLER_DATA},
        {"1,1e999\n", NULL, "a.csv:1: column 2: \"1e999\" is beyond what a float holds", ANTLER_DATA},
        {"1,\n", NULL, "a.csv:1: column 2: \"\" is a missing value", ANTLER_DATA},
        {"1,2\n3,\n", NULL, "a.csv:2: column 2: \"\" is a missing value", ANTLER_DATA},
        {"1,0x10\n", NULL, "a.csv:1: column 2: \"0x10\" is not a finite number", ANTLER_DATA},
        {"1,16777217\n", NULL, "a.csv:1: column 2: \"16777217\" is an integer beyond 2^24", ANTLER_DATA},
        {"1,2\n3,4,5\n", NULL, "a.csv:2: more columns than the 2 of the first line", ANTLER_DATA},
        {"1,2\n3\n", NULL, "a.csv:2: fewer columns than the 2 of the first line", ANTLER_DATA},
        {"\"1,2\n3\n", NULL, "a.csv:1: column 1: \"1,2\" has an opening quote", ANTLER_DATA},
        {"\"1\"2,3\n", NULL, "a.csv:1: column 1: \"1\" is followed by more", ANTLER_DATA},
        {"a,b\n1,2\n", "c", "a.csv: no column \"c\" in the header", ANTLER_NAME},
        {"a,b\n1,2\n", "a,a", "a.csv: column \"a\" is named twice", ANTLER_NAME},
        {"1,2\n", "c", "a.csv: no column \"c\"; the file has no header", ANTLER_NAME},
        {"1\n2\n", "x_train", "a.csv: \"x_train\" needs two columns", ANTLER_NAME},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse(csv(bad[i].text), bad[i].name, bad[i].status, bad[i].error);
    const char *path = scratch_path("zero.csv");
    scratch_write(path, "1,2\n3,4\n\0 5,6\n", 14);
    refuse(path, NULL, ANTLER_DATA, "a zero byte");
    refuse(scratch_path("no.csv"), NULL, ANTLER_FILE, "cannot open: No such file");
}
END_TEST

/* ---- directories and kinds of files ------------------------------------------------------------------------------ */

START_TEST(reads_directories)
{
    scratch_write(scratch_path("y_train.csv"), "1\n2\n", 4);
    write_npy(scratch_path("x_train.npy"), 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", "\1\2\3", 3);
    expect_data(scratch, "y_train", (antler_shape){2, {2, 1}}, (double[]){1, 2});
    expect_data(scratch, "x_train", (antler_shape){1, {3}}, (double[]){1, 2, 3});
    refuse(scratch, "z", ANTLER_NAME, "the directory has neither z.npy nor z.csv");
    refuse(scratch, NULL, ANTLER_NAME, "neither NAME.npy");
}
END_TEST

START_TEST(knows_the_kinds)
{
    const char *path = scratch_path("data.bin");
    write_npy(path, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", "\1\2\3", 3);
    expect_data(path, NULL, (antler_shape){1, {3}}, (double[]){1, 2, 3});
    scratch_write(path, "whatever", 8);
    refuse(path, NULL, ANTLER_FORMAT, "data.bin: no data file; expected HDF5, .npy, .csv");
    refuse(scratch_path("no"), NULL, ANTLER_FILE, "cannot open: No such file");
}
END_TEST

/* Nobody writes to these pipes: to open one would take for ever. */
START_TEST(refuses_pipes)
{
    const char *names[] = {"a.npy", "a.csv", "a.h5", "a"};
    for (int i = 0; i < (HAS_HDF5 ? 4 : 2); i++) {
        ck_assert_int_eq(mkfifo(scratch_path(names[i]), 0666), 0);
        refuse(scratch_path(names[i]), "x", ANTLER_FILE, ": not a regular file");
    }
    if (HAS_HDF5)
        refuse("/dev/null", "x", ANTLER_FILE, "/dev/null: not a regular file");
}
END_TEST

/* The same rows whether the source is in memory or read as they are used. */
static void expect_by_rows(const char *path, const char *name, antler_real first, antler_real last)
{
    antler_error err = {0};
    for (int64_t most = 0; most <= 1000000; most += 1000000) {
        antler_data *data = antler__data_open(path, name, most, &err);
        ck_assert_msg(data != NULL, "%s", text_of(&err));
        int64_t n = antler_data_shape(data)->dim[0], size = antler_count(antler_data_shape(data), 1);
        antler_data *view = antler_data_rows(data, 1, n - 1, &err);
        antler_real *out = malloc(sizeof *out * (size_t)(4 * size));
        ck_assert_int_eq(antler_data_gather(view, (int64_t[]){n - 2, 0, 1, n - 3}, 4, out, &err), ANTLER_OK);
        ck_assert(out[size - 1] == last && out[size] == first);
        free(out);
        antler_data_free(view);
        antler_data_free(data);
    }
}

START_TEST(reads_by_rows)
{
    float values[40];
    for (int i = 0; i < 40; i++)
        values[i] = (float)i;
    const char *path = scratch_path("a.npy");
    write_npy(path, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (20, 2)}", values, sizeof values);
    expect_by_rows(path, NULL, 2, 39);
#ifdef ANTLER_WITH_HDF5
    expect_by_rows(FILES "kinds.h5", "gzip", 60, 5999);
#endif
}
END_TEST

#ifdef ANTLER_WITH_HDF5

START_TEST(reads_hdf5)
{
    const char *path = FILES "kinds.h5";
    expect_data(path, "int64", (antler_shape){2, {3, 2}}, (double[]){1, -2, 3, 1 << 24, 5, 6});
    expect_data(path, "/big_int", (antler_shape){1, {2}}, (double[]){-2, 258});
    expect_data(path, "none", (antler_shape){2, {0, 4}}, NULL);
    refuse(path, "x_train", ANTLER_NAME, "no data set \"x_train\"; the file has");
    refuse(path, NULL, ANTLER_NAME, "no data set \"\"");
    refuse(path, "scalar", ANTLER_SHAPE, "a single number, expected rows");
    refuse(FILES "soft.h5", "b", ANTLER_NAME, "soft.h5: b: \"b\" is a soft link, which is not followed");
    refuse(scratch_path("no.h5"), "x", ANTLER_FILE, "cannot open: No such file");
    scratch_write(scratch_path("cut.h5"), "\x89HDF\r\n\x1a\n", 8);
    refuse(scratch_path("cut.h5"), "x", ANTLER_FORMAT, "cut.h5: damaged, cut short, or not HDF5");
    float nan[4] = {1, 2, NAN, 4};
    antler_entries e = {0};
    ck_assert_int_eq(antler__entries_add(&e, "/x", ANTLER_FLOAT32, &(antler_shape){2, {2, 2}}, nan, 16, NULL),
                     ANTLER_OK);
    path = scratch_path("nan.h5");
    ck_assert_int_eq(antler__hdf5_write(path, &e, NULL, NULL, NULL), ANTLER_OK);
    antler__entries_free(&e);
    antler_error err = {0};
    antler_data *data = antler_data_open(path, "x", &err);
    antler_real out[4];
    ck_assert_int_eq(antler_data_gather(data, (int64_t[]){0, 1}, 2, out, &err), ANTLER_DATA);
    expect_error(&err, ANTLER_DATA, "nan.h5: x: row 1, element 0: NaN, expected a finite number");
    antler_data_free(data);
}
END_TEST

/* Data sets whose chunks crash libhdf5 when they are unpacked (most often, and in one process, if not in another), read
   whole or by rows: with the guard, the program lives. */
START_TEST(survives_damaged_data)
{
    const char *files[] = {FILES "crash_chunk.h5", FILES "crash_checksum.h5", FILES "crash_scatter.h5"};
    antler_guard_files(true);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        for (int64_t most = 0; most <= 1 << 20; most += 1 << 20) {
            antler_error err = {0};
            antler_data *data = antler__data_open(files[i], "x_train", most, &err);
            if (!data)
                expect_error(&err, ANTLER_FORMAT, "damaged");
            antler_data_free(data);
        }
    expect_by_rows(FILES "kinds.h5", "gzip", 60, 5999);
}
END_TEST

#endif

/* ---- memory that runs out ---------------------------------------------------------------------------------------- */

typedef struct source {
    const char *path, *name;
    int64_t most;
} source;

static antler_status open_and_gather(void *arg)
{
    const source *s = arg;
    antler_real out[64];
    antler_error err = {0};
    antler_data *data = antler__data_open(s->path, s->name, s->most, &err);
    if (!data)
        return err.status;
    antler_data *view = antler_data_rows(data, 0, 2, &err);
    antler_status status = view ? antler_data_gather(view, (int64_t[]){1}, 1, out, &err) : err.status;
    antler_data_free(view);
    antler_data_free(data);
    return status;
}

START_TEST(memory_runs_out)
{
    const source all[] = {
        {csv("a,b\n1,2\n3,4\n"), "b", 100}, {FILES "big.npy", NULL, 0},       {FILES "big.npy", NULL, 100},
#ifdef ANTLER_WITH_HDF5
        {FILES "kinds.h5", "gzip", 0},      {FILES "kinds.h5", "int64", 100},
#endif
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        torture(open_and_gather, (void *)(uintptr_t)&all[i]);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("data");
    tcase_add_checked_fixture(tests, scratch_make, scratch_remove);
    tcase_add_test(tests, converts_every_type);
    tcase_add_test(tests, refuses_bad_numbers);
    tcase_add_test(tests, views_and_bounds);
    tcase_add_test(tests, reads_npy);
    tcase_add_test(tests, refuses_bad_npy);
    tcase_add_test(tests, reads_csv);
    tcase_add_loop_test(tests, reads_csv_in_any_locale, 0, LOCALES);
    tcase_add_test(tests, refuses_bad_csv);
    tcase_add_test(tests, refuses_pipes);
    tcase_add_test(tests, reads_directories);
    tcase_add_test(tests, knows_the_kinds);
    tcase_add_test(tests, reads_by_rows);
#ifdef ANTLER_WITH_HDF5
    tcase_add_test(tests, reads_hdf5);
    tcase_add_test(tests, survives_damaged_data);
#endif
    tcase_add_test(tests, memory_runs_out);
    return run_suite("data", tests);
}
