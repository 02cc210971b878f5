/* Files: replaced whole or not at all, locked and swept; and reading in a process of its own. */
#include "core/memory.h"
#include "entries.h"
#include "files/file.h"
#include "files/guard.h"
#include "scratch.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- plain files ------------------------------------------------------------------------------------------------- */

static void expect_content(const char *path, const char *content)
{
    void *data;
    size_t bytes;
    ck_assert_int_eq(antler__file_read(path, 1 << 20, &data, &bytes, NULL), ANTLER_OK);
    ck_assert_uint_eq(bytes, strlen(content));
    ck_assert_str_eq(data, content);
    antler__free(data);
}

START_TEST(replaces)
{
    const char *path = scratch_path("a"), *link = scratch_path("link");
    struct stat info;
    ck_assert_int_eq(antler__file_write(path, "one", 3, NULL), ANTLER_OK);
    expect_content(path, "one");
    ck_assert_int_eq(chmod(path, 0640), 0);
    ck_assert_int_eq(symlink(path, link), 0);
    ck_assert_int_eq(antler__file_write(link, "three", 5, NULL), ANTLER_OK);
    expect_content(path, "three");
    ck_assert_int_eq(lstat(link, &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0640);
    ck_assert_int_eq(antler__file_write(path, "", 0, NULL), ANTLER_OK);
    expect_content(path, "");
    ck_assert_int_eq(scratch_files(), 2);
}
END_TEST

START_TEST(reads_with_a_limit)
{
    void *data;
    size_t bytes;
    antler_error err = {0};
    const char *path = scratch_path("a");
    scratch_write(path, "12345", 5);
    ck_assert_int_eq(antler__file_read(path, 5, &data, &bytes, NULL), ANTLER_OK);
    antler__free(data);
    ck_assert_int_eq(antler__file_read(path, 4, &data, &bytes, &err), ANTLER_FORMAT);
    expect_error(&err, ANTLER_FORMAT, "/a: larger than 4 bytes");
    err = (antler_error){0};
    antler__file_read(scratch_path("no"), 4, &data, &bytes, &err);
    expect_error(&err, ANTLER_FILE, "/no: cannot open: No such file");
    err = (antler_error){0};
    antler__file_read(scratch, 4, &data, &bytes, &err);
    expect_error(&err, ANTLER_FILE, ": not a regular file");
}
END_TEST

/* The mode that a new file has when its own is given to it, -1 for never. This function of the C library is the test's,
   for the library. */
static int mode_before;
ANTLER_API int fchmod(int file, mode_t mode);

int fchmod(int file, mode_t mode)
{
    struct stat info;
    char path[64];
    ck_assert_int_eq(fstat(file, &info), 0);
    mode_before = info.st_mode & 0777;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return chmod(path, mode);
}

/* What nobody else may read is never in a file that others could have opened. */
START_TEST(stays_private)
{
    const char *path = scratch_path("a");
    struct stat info;
    umask(0);
    mode_before = -1;
    scratch_write(path, "old", 3);
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_int_eq(antler__file_write(path, "new", 3, NULL), ANTLER_OK);
    ck_assert_int_eq(mode_before, 0600);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0600);
}
END_TEST

START_TEST(writes_through_links)
{
    const char *link = scratch_path("link");
    antler_error err = {0};
    struct stat info;
    ck_assert_int_eq(symlink("middle", link), 0);
    ck_assert_int_eq(symlink("there", scratch_path("middle")), 0);
    ck_assert_int_eq(antler_file_check(link, NULL), ANTLER_OK);
    ck_assert_int_eq(scratch_files(), 2);
    ck_assert_int_eq(antler__file_write(link, "one", 3, NULL), ANTLER_OK);
    ck_assert_int_eq(lstat(link, &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
    expect_content(scratch_path("there"), "one");
    ck_assert_int_eq(symlink("loop", scratch_path("loop")), 0);
    ck_assert_int_eq(antler__file_write(scratch_path("loop"), "one", 3, &err), ANTLER_FILE);
    expect_error(&err, ANTLER_FILE, "/loop: cannot write: Too many levels of symbolic links");
    ck_assert_int_eq(scratch_files(), 4);
}
END_TEST

/* Checking and writing must agree, whatever the path. */
static void expect_both(const char *path, const char *error)
{
    for (int write = 0; write < 2; write++) {
        antler_error err = {0};
        antler_status status = write ? antler__file_write(path, "x", 1, &err) : antler_file_check(path, &err);
        ck_assert_msg(status == (error ? ANTLER_FILE : ANTLER_OK), "%s: %s", path, err.message);
        if (error)
            expect_error(&err, ANTLER_FILE, error);
    }
}

START_TEST(checks_as_it_writes)
{
    char name[300];
    for (int length = 240; length <= 256; length++) {
        memset(name, 'a', sizeof name);
        name[length] = '\0';
        expect_both(scratch_path(name), length <= 255 ? NULL : "cannot write: File name too long");
        unlink(scratch_path(name));
    }
    ck_assert_int_eq(mkdir(scratch_path("folder"), 0777), 0);
    expect_both(scratch_path("folder"), "/folder: cannot write: it is a directory, expected a file");
    rmdir(scratch_path("folder"));
    ck_assert_int_eq(mkfifo(scratch_path("pipe"), 0666), 0);
    expect_both(scratch_path("pipe"), "/pipe: cannot write: it is a pipe, expected a file");
    ck_assert_int_eq(symlink("/proc/none", scratch_path("link")), 0);
    expect_both(scratch_path("link"), "/link: cannot write: No such file or directory");
    expect_both(scratch_path("no/such"), "/such: cannot write: No such file or directory");
    expect_both("", "cannot write: No such file or directory");
    expect_both("/dev/null", NULL);
    scratch_write(scratch_path("old"), "old", 3);
    ck_assert_int_eq(antler_file_check(scratch_path("old"), NULL), ANTLER_OK);
    expect_content(scratch_path("old"), "old");
    expect_both(scratch_path("old"), NULL);
    ck_assert_int_eq(scratch_files(), 3);
}
END_TEST

/* A child that has a file's lock, or none, and waits for the end of its input. */
static pid_t start_writer(int *input, const char *locked)
{
    int to[2], from[2];
    char byte;
    ck_assert(pipe(to) == 0 && pipe(from) == 0);
    pid_t child = fork();
    if (child == 0) {
        int file = locked ? open(locked, O_WRONLY) : -1;
        if (locked && fcntl(file, F_SETLK, &(struct flock){.l_type = F_WRLCK}) != 0)
            _exit(1);
        close(to[1]);
        _exit(write(from[1], "", 1) != 1 || read(to[0], &byte, 1) != 0);
    }
    close(to[0]);
    ck_assert_int_eq(read(from[0], &byte, 1), 1);
    *input = to[1];
    return child;
}

static void end_writer(pid_t child, int input)
{
    int how;
    close(input);
    ck_assert_int_eq(waitpid(child, &how, 0), child);
    ck_assert(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

/* What killed writers left behind goes; what somebody writes stays, here or on another machine (whose processes have
   no number here, but whose locks are seen). */
START_TEST(sweeps)
{
    int input, other;
    char dead[64], alive[64], locked[64];
    pid_t first = start_writer(&input, NULL);
    end_writer(first, input);
    pid_t second = start_writer(&input, NULL);
    snprintf(dead, sizeof dead, "antler.%ld.7.tmp", (long)first);
    snprintf(locked, sizeof locked, "antler.%ld.8.tmp", (long)first);
    snprintf(alive, sizeof alive, "antler.%ld.9.tmp", (long)second);
    scratch_write(scratch_path(dead), "x", 1);
    scratch_write(scratch_path(locked), "x", 1);
    scratch_write(scratch_path(alive), "x", 1);
    scratch_write(scratch_path("antler.x.7.tmp"), "x", 1);
    pid_t third = start_writer(&other, scratch_path(locked));
    ck_assert_int_eq(antler__file_write(scratch_path("a"), "one", 3, NULL), ANTLER_OK);
    ck_assert_int_ne(access(scratch_path(dead), F_OK), 0);
    ck_assert_int_eq(scratch_files(), 4);
    end_writer(third, other);
    ck_assert_int_eq(antler__file_write(scratch_path("a"), "two", 3, NULL), ANTLER_OK);
    ck_assert_int_ne(access(scratch_path(locked), F_OK), 0);
    ck_assert_int_eq(scratch_files(), 3);
    end_writer(second, input);
}
END_TEST

/* No space: a limit on the size of files stands for the full disk. */
START_TEST(stays_as_it_was_when_the_disk_is_full)
{
    static char large[100000];
    antler_error err = {0};
    const char *path = scratch_path("a");
    ck_assert_int_eq(antler__file_write(path, "old", 3, NULL), ANTLER_OK);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){5000, 5000}), 0);
    ck_assert_int_eq(antler__file_write(path, large, sizeof large, &err), ANTLER_FILE);
    expect_error(&err, ANTLER_FILE, "/a: cannot write: ");
    ck_assert_int_eq(antler__file_write(scratch_path("new"), large, sizeof large, NULL), ANTLER_FILE);
    expect_content(path, "old");
    ck_assert_int_eq(scratch_files(), 1);
}
END_TEST

START_TEST(writes_to_devices)
{
    antler_error err = {0};
    struct stat info;
    ck_assert_int_eq(antler__file_write("/dev/null", "x", 1, NULL), ANTLER_OK);
    if (stat("/dev/full", &info) == 0) {
        ck_assert_int_eq(antler__file_write("/dev/full", "x", 1, &err), ANTLER_FILE);
        expect_error(&err, ANTLER_FILE, "/dev/full: cannot write: No space left on device");
        ck_assert_int_eq(stat("/dev/full", &info), 0);
        ck_assert(S_ISCHR(info.st_mode));
    }
    err = (antler_error){0};
    ck_assert_int_eq(antler__file_write(scratch_path("no/such"), "x", 1, &err), ANTLER_FILE);
    expect_error(&err, ANTLER_FILE, "cannot write: No such file or directory");
}
END_TEST

/* ---- guarded reading --------------------------------------------------------------------------------------------- */

static antler_status crash(void *arg, antler_error *err)
{
    (void)err;
    raise(*(int *)arg);
    return ANTLER_OK;
}

static antler_status say(void *arg, antler_error *err)
{
    return antler_error_set(err, ANTLER_DATA, arg, "said");
}

static antler_status guarded(antler_status (*read)(void *arg, antler_error *err), void *arg, antler_error *err)
{
    return antler__guarded("f", &(antler_guarded){.read = read}, arg, err);
}

static antler_status nest(void *arg, antler_error *err)
{
    int signal_number = SIGSEGV; /* in a child of a child, were there one */
    return *(bool *)arg ? guarded(crash, &signal_number, err) : ANTLER_OK;
}

START_TEST(guards)
{
    int number = SIGSEGV;
    bool no = false;
    antler_error err = {0};
    ck_assert_int_eq(guarded(nest, &no, &err), ANTLER_OK);
    antler_guard_files(true);
    ck_assert_int_eq(guarded(nest, &no, &err), ANTLER_OK);
    ck_assert_int_eq(guarded(crash, &number, &err), ANTLER_FORMAT);
    expect_error(&err, ANTLER_FORMAT, "f: damaged: reading it crashes");
    err = (antler_error){0};
    number = SIGXCPU;
    ck_assert_int_eq(guarded(crash, &number, &err), ANTLER_FORMAT);
    expect_error(&err, ANTLER_FORMAT, "f: damaged: reading it does not end");
    err = (antler_error){0};
    ck_assert_int_eq(guarded(say, "here", &err), ANTLER_DATA);
    expect_error(&err, ANTLER_DATA, "here: said");
}
END_TEST

START_TEST(guards_do_not_nest)
{
    bool yes = true;
    antler_error err = {0};
    antler_guard_files(true);
    ck_assert_int_eq(guarded(nest, &yes, &err), ANTLER_FORMAT);
    expect_error(&err, ANTLER_FORMAT, "f: damaged: reading it crashes");
}
END_TEST

/* The child gives its standard output away; the parent may have none, and its pipe that number. */
START_TEST(guards_without_standard_descriptors)
{
    bool no = false;
    antler_guard_files(true);
    int output = dup(STDOUT_FILENO), error = dup(STDERR_FILENO);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    antler_status status = guarded(nest, &no, NULL);
    dup2(output, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    ck_assert_int_eq(status, ANTLER_OK);
}
END_TEST

/* ---- tables ------------------------------------------------------------------------------------------------------ */

START_TEST(finds_entries)
{
    antler_entries entries = {0};
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "/%d", i * 7 % 100);
        add(&entries, name, ANTLER_INT32, (antler_shape){0}, &i, sizeof i);
    }
    ck_assert(entries.unsorted);
    for (int sorted = 0; sorted < 2; sorted++) {
        for (int i = 0; i < 100; i++) {
            snprintf(name, sizeof name, "/%d", i * 7 % 100);
            ck_assert_int_eq(*(int *)antler__entries_find(&entries, name)->data, i);
        }
        ck_assert_ptr_null(antler__entries_find(&entries, "/100"));
        antler__entries_sort(&entries);
    }
    antler__entries_free(&entries);
    ck_assert_int_eq(entries.n, 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("files");
    tcase_add_checked_fixture(tests, scratch_make, scratch_remove);
    tcase_add_test(tests, replaces);
    tcase_add_test(tests, reads_with_a_limit);
    tcase_add_test(tests, stays_as_it_was_when_the_disk_is_full);
    tcase_add_test(tests, writes_to_devices);
    tcase_add_test(tests, stays_private);
    tcase_add_test(tests, writes_through_links);
    tcase_add_test(tests, checks_as_it_writes);
    tcase_add_test(tests, sweeps);
    tcase_add_test(tests, guards);
    tcase_add_test(tests, guards_do_not_nest);
    tcase_add_test(tests, guards_without_standard_descriptors);
    tcase_add_test(tests, finds_entries);
    return run_suite("files", tests);
}
