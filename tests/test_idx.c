/* IDX files, as MNIST's: every type, packed or not, in memory or by rows, the four names, and what is refused. */
#include "scratch.h"
#include "suite.h"
#include "torture.h"
#include "train/data.h"

#define FILES ANTLER_SOURCE_DIR "/tests/files/"

#define WRITE(path, bytes) scratch_write(path, bytes, sizeof(bytes) - 1)

static void expect(const char *path, const char *name, antler_shape shape, const double *values)
{
    for (int64_t most = 0; most <= 1000; most += 1000) {
        antler_error err = {0};
        antler_real out[8];
        antler_data *data = antler__data_open(path, name, most, &err);
        must(err.status, &err);
        ck_assert(antler_shape_equal(antler_data_shape(data), &shape));
        must(antler_data_gather(data, (int64_t[]){0, 1, 2}, shape.dim[0], out, &err), &err);
        for (int64_t i = 0; i < antler_count(&shape, 0); i++)
            ck_assert(out[i] == (antler_real)values[i]);
        antler_data_free(data);
    }
}

START_TEST(reads_every_type)
{
    static const struct {
        const char *bytes;
        size_t size;
        double values[2];
    } all[] = {
        {"\0\0\x08\1\0\0\0\2\1\xff", 10, {1, 255}},
        {"\0\0\x09\1\0\0\0\2\1\xff", 10, {1, -1}},
        {"\0\0\x0b\1\0\0\0\2\1\0\xff\xfe", 12, {256, -2}},
        {"\0\0\x0c\1\0\0\0\2\0\1\0\0\xff\xff\xff\xfe", 16, {65536, -2}},
        {"\0\0\x0d\1\0\0\0\2\x3f\x80\0\0\xc0\0\0\0", 16, {1, -2}},
        {"\0\0\x0e\1\0\0\0\2\x3f\xf0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0", 24, {1, -2}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *path = scratch_path("a");
        scratch_write(path, all[i].bytes, all[i].size);
        expect(path, NULL, (antler_shape){1, {2}}, all[i].values);
        expect(path, "x_train", (antler_shape){1, {2}}, all[i].values);
    }
}
END_TEST

START_TEST(finds_the_files_of_mnist)
{
    WRITE(scratch_path("train-images-idx3-ubyte"), "\0\0\x08\3\0\0\0\2\0\0\0\1\0\0\0\2\1\2\3\xff");
    WRITE(scratch_path("train-labels.idx1-ubyte"), "\0\0\x08\1\0\0\0\2\7\x09");
    WRITE(scratch_path("t10k-images.idx3-ubyte"), "\0\0\x08\3\0\0\0\1\0\0\0\1\0\0\0\2\5\6");
    WRITE(scratch_path("t10k-labels-idx1-ubyte"), "\0\0\x08\1\0\0\0\1\3");
    expect(scratch, "x_train", (antler_shape){3, {2, 1, 2}}, (double[]){1, 2, 3, 255});
    expect(scratch, "y_train", (antler_shape){1, {2}}, (double[]){7, 9});
    expect(scratch, "x_test", (antler_shape){3, {1, 1, 2}}, (double[]){5, 6});
    expect(scratch, "y_test", (antler_shape){1, {1}}, (double[]){3});
    antler_error err = {0};
    ck_assert_ptr_null(antler_data_open(scratch, "x_val", &err));
    expect_error(&err, ANTLER_NAME, "the directory has neither x_val.npy nor x_val.csv");
}
END_TEST

static void refuse(const char *path, antler_status status, const char *error)
{
    antler_error err = {0};
    ck_assert_ptr_null(antler_data_open(path, NULL, &err));
    expect_error(&err, status, error);
}

START_TEST(refuses_bad_files)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *error;
    } all[] = {
        {"\0\0\x08\2\0\0\0\2\0", 9, "cut short"},
        {"\0\0\x08\1\0\0\0\3\1\2", 10, "cut short: its shape needs 3 bytes of data"},
        {"\0\0\x0e\1\0\0\0\2\1\2", 10, "cut short: its shape needs 16 bytes of data"},
        {"\0\0\x08\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16, "its sizes multiply beyond 64 bits"},
        {"\0\0\x0a\1\0\0\0\1\1", 9, "no data file"},
        {"\0\0\x08\0\1", 5, "no data file"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *path = scratch_path("a");
        scratch_write(path, all[i].bytes, all[i].size);
        refuse(path, ANTLER_FORMAT, all[i].error);
    }
}
END_TEST

#ifdef ANTLER_WITH_GZIP

START_TEST(reads_packed_files)
{
    expect(FILES "packed.idx.gz", NULL, (antler_shape){1, {3}}, (double[]){1, -2, 300});
    refuse(FILES "packed_cut.idx.gz", ANTLER_FORMAT, "packed_cut.idx.gz: damaged or cut short");
    refuse(FILES "packed_bomb.idx.gz", ANTLER_FORMAT, "its shape needs 1000000000 bytes of data");
}
END_TEST

#endif

static antler_status open_one(void *arg)
{
    antler_error err = {0};
    antler_data *data = antler_data_open(arg, NULL, &err);
    antler_data_free(data);
    return err.status;
}

START_TEST(memory_runs_out)
{
    const char *path = scratch_path("a");
    WRITE(path, "\0\0\x08\1\0\0\0\2\1\xff");
    torture(open_one, (void *)(uintptr_t)path);
#ifdef ANTLER_WITH_GZIP
    torture(open_one, (void *)(uintptr_t)FILES "packed.idx.gz");
#endif
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("idx");
    tcase_add_checked_fixture(tests, scratch_make, scratch_remove);
    tcase_add_test(tests, reads_every_type);
    tcase_add_test(tests, finds_the_files_of_mnist);
    tcase_add_test(tests, refuses_bad_files);
#ifdef ANTLER_WITH_GZIP
    tcase_add_test(tests, reads_packed_files);
#endif
    tcase_add_test(tests, memory_runs_out);
    return run_suite("idx", tests);
}
