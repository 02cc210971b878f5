/* Archives of .keras files: in and out, damaged ones, memory that runs out. */
#include "build.h"
#include "core/memory.h"
#include "files/archive.h"
#include "files/file.h"
#include "scratch.h"
#include "suite.h"
#include "torture.h"

#include <time.h>

#ifdef ANTLER_WITH_ZIP

#define FILES ANTLER_SOURCE_DIR "/tests/files/"

static antler_status archive_read(const char *path, antler_member *member, antler_error *err)
{
    member[0] = (antler_member){.name = "config.json", .most = 1000000};
    member[1] = (antler_member){.name = "absent", .refused = "for a reason"};
    member[2] = (antler_member){.name = "model.weights.h5"};
    return antler__archive_read(path, member, 3, err);
}

static void archive_free(antler_member *member)
{
    for (int i = 0; i < 3; i++)
        antler__free(member[i].data);
}

/* Two members, the second 100,000 bytes long. */
static const char *archive_sample(void)
{
    static char weights[100000];
    const antler_member members[] = {{.name = "config.json", .data = "{}", .bytes = 2},
                                     {.name = "model.weights.h5", .data = weights, .bytes = sizeof weights}};
    const char *path = scratch_path("a.keras");
    for (size_t i = 0; i < sizeof weights; i++)
        weights[i] = (char)(i * i);
    ck_assert_int_eq(antler__archive_write(path, members, 2, NULL), ANTLER_OK);
    return path;
}

START_TEST(archives)
{
    const char *path = archive_sample();
    antler_member member[3];
    antler_error err = {0};
    ck_assert_int_eq(archive_read(path, member, &err), ANTLER_OK);
    ck_assert_str_eq(member[0].data, "{}");
    ck_assert_uint_eq(member[0].bytes, 2);
    ck_assert_ptr_null(member[1].data);
    ck_assert_uint_eq(member[2].bytes, 100000);
    ck_assert_int_eq(((char *)member[2].data)[99999], (char)(99999u * 99999u));
    archive_free(member);
    void *first, *second;
    size_t size, again;
    ck_assert_int_eq(antler__file_read(path, 1 << 20, &first, &size, NULL), ANTLER_OK);
    ck_assert_uint_lt(size, 100000 + 500);             /* stored */
    nanosleep(&(struct timespec){2, 100000000}, NULL); /* ZIP's time stamps have two seconds */
    archive_sample();
    ck_assert_int_eq(antler__file_read(path, 1 << 20, &second, &again, NULL), ANTLER_OK);
    ck_assert_uint_eq(size, again);
    ck_assert_mem_eq(first, second, size);
    antler__free(first);
    antler__free(second);
    ck_assert_int_eq(scratch_files(), 1);
}
END_TEST

START_TEST(refuses_bad_archives)
{
    const char *path = archive_sample();
    antler_member member[3];
    antler_error err = {0};
    void *bytes;
    size_t size;
    ck_assert_int_eq(antler__file_read(path, 1 << 20, &bytes, &size, NULL), ANTLER_OK);
    scratch_write(path, bytes, size / 2);
    ck_assert_int_eq(archive_read(path, member, &err), ANTLER_FORMAT);
    expect_error(&err, ANTLER_FORMAT, "a.keras: not a ZIP archive that can be read");
    ((char *)bytes)[50000] ^= 1;
    scratch_write(path, bytes, size);
    err = (antler_error){0};
    ck_assert_int_eq(archive_read(path, member, &err), ANTLER_FORMAT);
    expect_error(&err, ANTLER_FORMAT, "a.keras: model.weights.h5: damaged or cut short");
    /* The directory at the end may claim any sizes: four gigabytes, stored, in this case. */
    unsigned char *entry = bytes;
    for (size_t i = 0; i + 46 < size; i++)
        if (memcmp((unsigned char *)bytes + i, "PK\1\2", 4) == 0)
            entry = (unsigned char *)bytes + i;
    memset(entry + 20, 0xee, 8);
    scratch_write(path, bytes, size);
    err = (antler_error){0};
    ck_assert_int_eq(archive_read(path, member, &err), ANTLER_FORMAT);
    expect_error(&err, ANTLER_FORMAT, "a.keras: model.weights.h5: 4008636142 stored bytes in a file of 100");
    antler__free(bytes);
    err = (antler_error){0};
    ck_assert_int_eq(archive_read(FILES "bomb.keras", member, &err), ANTLER_FORMAT);
    expect_error(&err, ANTLER_FORMAT, "bomb.keras: config.json: 1000000 bytes from ");
    err = (antler_error){0};
    ck_assert_int_eq(archive_read(FILES "twice.keras", member, &err), ANTLER_FORMAT);
    expect_error(&err, ANTLER_FORMAT, "twice.keras: config.json: a member that occurs twice");
    err = (antler_error){0};
    ck_assert_int_eq(archive_read(scratch_path("no"), member, &err), ANTLER_FILE);
    ck_assert_int_eq(archive_read(scratch, member, NULL), ANTLER_FILE);
    ck_assert_int_eq(
        antler__archive_write("/dev/full", &(antler_member){.name = "a", .data = "b", .bytes = 1}, 1, NULL),
        ANTLER_FILE);
}
END_TEST

static const struct {
    const char *name, *error; /* NULL: it is passed over */
} paths[] = {
    {"assets/words.txt", NULL},
    {"a..b/..c/...", NULL},
    {"/etc/passwd", "/etc/passwd: a member that would lie outside"},
    {"../config.json", "../config.json: a member that would lie outside"},
    {"assets/../../x", "a member that would lie outside"},
    {"assets\\..\\x", "a member that would lie outside"},
    {"assets/..", "a member that would lie outside"},
    {"c:\\x", "a member that would lie outside"},
    {"absent", "a.keras: absent: for a reason"},
};

START_TEST(looks_at_paths)
{
    const char *path = scratch_path("a.keras");
    const antler_member members[] = {{.name = "config.json", .data = "{}", .bytes = 2},
                                     {.name = paths[_i].name, .data = "x", .bytes = 1}};
    antler_member member[3];
    antler_error err = {0};
    ck_assert_int_eq(antler__archive_write(path, members, 2, NULL), ANTLER_OK);
    antler_status status = archive_read(path, member, &err);
    ck_assert_int_eq(status, paths[_i].error ? err.status : ANTLER_OK);
    if (paths[_i].error)
        expect_error(&err, err.status, paths[_i].error);
    archive_free(member);
}
END_TEST

/* ZIP64 with sizes after the data, as Python writes to what it cannot go back in; and what is compressed otherwise. */
START_TEST(reads_what_others_write)
{
    antler_member member[3];
    antler_error err = {0};
    static char large[1000001];
    ck_assert_int_eq(archive_read(FILES "descriptors.keras", member, &err), ANTLER_OK);
    ck_assert_str_eq(member[0].data, "{}");
    archive_free(member);
    ck_assert_int_eq(archive_read(FILES "bzip2.keras", member, &err), ANTLER_UNSUPPORTED);
    expect_error(&err, ANTLER_UNSUPPORTED, "config.json: compressed by bzip2 (method 12); expected stored or deflated");
    const char *path = scratch_path("a.keras");
    err = (antler_error){0};
    antler__archive_write(path, &(antler_member){.name = "config.json", .data = large, .bytes = sizeof large}, 1, NULL);
    ck_assert_int_eq(archive_read(path, member, &err), ANTLER_FORMAT);
    expect_error(&err, ANTLER_FORMAT, "config.json: 1000001 bytes, expected at most 1000000");
}
END_TEST

static antler_status archive_once(void *arg)
{
    antler_member member[3];
    antler_status status = archive_read(arg, member, NULL);
    archive_free(member);
    return status;
}

static antler_status archive_write_once(void *arg)
{
    return antler__archive_write(arg, &(antler_member){.name = "a", .data = "b", .bytes = 1}, 1, NULL);
}

START_TEST(memory_runs_out_for_archives)
{
    char path[256];
    snprintf(path, sizeof path, "%s", archive_sample());
    torture(archive_once, path);
    torture(archive_write_once, path);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("archive");
    tcase_add_checked_fixture(tests, scratch_make, scratch_remove);
    tcase_add_test(tests, archives);
    tcase_add_test(tests, refuses_bad_archives);
    tcase_add_loop_test(tests, looks_at_paths, 0, sizeof paths / sizeof paths[0]);
    tcase_add_test(tests, reads_what_others_write);
    tcase_add_test(tests, memory_runs_out_for_archives);
    return run_suite("archive", tests);
}

#else

int main(void)
{
    printf("SKIP: libzip is not in this build\n");
    return SKIPPED;
}

#endif
