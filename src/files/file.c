/* Whole files: read, replaced atomically, and read first by a child that a damaged file may crash. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "core/memory.h"
#include "files/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

antler_status antler__file_error(const char *path, const char *what, antler_error *err)
{
    char text[128];
    if (strerror_r(errno, text, sizeof text) != 0)
        snprintf(text, sizeof text, "error %d", errno);
    antler_error_set(err, ANTLER_FILE, NULL, "cannot %s: %s", what, text);
    antler__error_file(err, path);
    return ANTLER_FILE;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Reads to the end of the file, which may be a pipe: its size is only a first guess. */
static antler_status read_all(int file, const char *path, size_t guess, size_t most, char **data, size_t *bytes,
                              antler_error *err)
{
    size_t room = guess, used = 0;
    *data = antler__allocate(room + 1, 1);
    while (*data) {
        ssize_t n = read(file, *data + used, room + 1 - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return antler__file_error(path, "read", err);
        used += (size_t)n;
        if (n == 0) {
            (*data)[used] = '\0';
            *bytes = used;
            return ANTLER_OK;
        }
        if (used > most) {
            antler_error_set(err, ANTLER_FORMAT, NULL, "larger than %zu bytes", most);
            return ANTLER_FORMAT;
        }
        if (used > room) {
            size_t larger = room < most / 2 ? 2 * room + 4096 : most;
            if (!antler__grow(data, used, larger + 1, 1))
                break;
            room = larger;
        }
    }
    return antler__no_memory(err);
}

antler_status antler__file_read(const char *path, size_t most, void **data, size_t *bytes, antler_error *err)
{
    *data = NULL;
    *bytes = 0;
    most = most < SIZE_MAX / 4 ? most : SIZE_MAX / 4;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return antler__file_error(path, "open", err);
    struct stat info;
    size_t guess = 0;
    if (fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0)
        guess = (uintmax_t)info.st_size < most ? (size_t)info.st_size : most;
    char *text = NULL;
    antler_status status = read_all(file, path, guess, most, &text, bytes, err);
    close(file);
    if (status != ANTLER_OK) {
        antler__free(text);
        antler__error_file(err, path);
        return status;
    }
    *data = text;
    return ANTLER_OK;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool write_all(int file, const char *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(file, data, bytes < SSIZE_MAX ? bytes : SSIZE_MAX);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        bytes -= (size_t)n;
    }
    return true;
}

/* A device or a pipe, which no other file may take the place of. */
static antler_status write_through(const char *path, const void *data, size_t bytes, antler_error *err)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return antler__file_error(path, "open", err);
    bool good = write_all(file, data, bytes);
    int error = errno;
    if (close(file) != 0 && good) {
        good = false;
        error = errno;
    }
    errno = error;
    return good ? ANTLER_OK : antler__file_error(path, "write", err);
}

/* Writes a new file beside `target`, down to the disk; its name goes to temporary, "" if there is none. */
static bool write_beside(const char *target, const struct stat *old, const void *data, size_t bytes, char *temporary,
                         size_t size)
{
    static atomic_uint serial;
    int file = -1;
    for (int tries = 0; file < 0 && tries < 100; tries++) {
        int length = snprintf(temporary, size, "%s.%ld.%u.tmp", target, (long)getpid(), atomic_fetch_add(&serial, 1));
        if (length < 0 || (size_t)length >= size) {
            errno = ENAMETOOLONG;
            break;
        }
        file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file < 0 && errno != EEXIST)
            break;
    }
    if (file < 0) {
        temporary[0] = '\0';
        return false;
    }
    bool good = (!old || fchmod(file, old->st_mode & 0777) == 0) && write_all(file, data, bytes) && fsync(file) == 0;
    int error = errno;
    if (close(file) != 0 && good) {
        good = false;
        error = errno;
    }
    errno = error;
    return good;
}

/* The new name reaches the disk too. Not every file system can do this, and the file is good already. */
static void sync_directory(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path ? 1 : 0] = '\0';
    int directory = open(slash ? path : ".", O_RDONLY | O_CLOEXEC);
    if (directory < 0)
        return;
    fsync(directory);
    close(directory);
}

antler_status antler__file_write(const char *path, const void *data, size_t bytes, antler_error *err)
{
    struct stat old;
    bool exists = stat(path, &old) == 0;
    if (exists && !S_ISREG(old.st_mode))
        return write_through(path, data, bytes, err);
    char target[PATH_MAX], temporary[PATH_MAX];
    if (strlen(path) >= sizeof target)
        errno = ENAMETOOLONG;
    if (strlen(path) >= sizeof target || (exists && !realpath(path, target))) /* the file, not a link to it */
        return antler__file_error(path, "write", err);
    if (!exists)
        memcpy(target, path, strlen(path) + 1);
    bool good = write_beside(target, exists ? &old : NULL, data, bytes, temporary, sizeof temporary);
    if (good && rename(temporary, target) == 0) {
        sync_directory(target);
        return ANTLER_OK;
    }
    antler__file_error(path, "write", err);
    if (temporary[0])
        unlink(temporary);
    return ANTLER_FILE;
}

/* ---- guarded reading --------------------------------------------------------------------------------------------- */

/* The sanitizer's shadow is terabytes of address space: no limit on it then. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMIT_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define LIMIT_MEMORY 0
#endif
#endif
#ifndef LIMIT_MEMORY
#define LIMIT_MEMORY 1
#endif

static atomic_bool guard;

void antler_guard_files(bool on)
{
    atomic_store(&guard, on);
}

static void limit(int what, rlim_t value)
{
    struct rlimit now;
    if (getrlimit(what, &now) != 0)
        return;
    if (now.rlim_max == RLIM_INFINITY || value < now.rlim_max)
        now.rlim_max = value;
    now.rlim_cur = now.rlim_max;
    setrlimit(what, &now);
}

/* Address space in use, bytes: what the parent has mapped counts against the child's limit. */
static rlim_t in_use(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    if (fscanf(file, "%lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* The child: no core dump, no word on the terminal, no handlers of the program's; time and memory as a sound file of
   this size may need: 4 GiB of data and the copies made of it. */
static void restrict_child(rlim_t file_bytes)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGALRM};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_DFL);
    int null = open("/dev/null", O_WRONLY);
    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
    rlim_t seconds = 10 + file_bytes / (16 << 20);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, seconds);
    if (LIMIT_MEMORY)
        limit(RLIMIT_AS, in_use() + ((rlim_t)12 << 30) + 4 * file_bytes);
    alarm((unsigned)(6 * seconds));
}

static _Noreturn void run_child(int report, rlim_t file_bytes, antler_status (*read)(void *, antler_error *), void *arg)
{
    antler_guard_files(false);
    restrict_child(file_bytes);
    antler_error result = {0};
    result.status = read(arg, &result);
    write_all(report, (const char *)&result, sizeof result);
    _exit(0);
}

/* What the child found; false if it ended before it could say. */
static bool collect(int report, pid_t child, antler_error *result, int *how)
{
    size_t used = 0;
    while (used < sizeof *result) {
        ssize_t n = read(report, (char *)result + used, sizeof *result - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    *how = 0;
    while (waitpid(child, how, 0) < 0 && errno == EINTR)
        ;
    return used == sizeof *result;
}

antler_status antler__guarded(const char *path, antler_status (*read)(void *arg, antler_error *err), void *arg,
                              antler_error *err)
{
    if (!atomic_load(&guard))
        return ANTLER_OK;
    struct stat info;
    rlim_t file_bytes = stat(path, &info) == 0 && info.st_size > 0 ? (rlim_t)info.st_size : 0;
    int ends[2];
    if (pipe(ends) != 0)
        return antler__file_error(path, "make a pipe", err);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run_child(ends[1], file_bytes, read, arg);
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return antler__file_error(path, "start a process that reads it", err);
    }
    antler_error result = {0};
    int how;
    bool said = collect(ends[0], child, &result, &how);
    close(ends[0]);
    if (!said) {
        bool hung =
            WIFSIGNALED(how) && (WTERMSIG(how) == SIGXCPU || WTERMSIG(how) == SIGALRM || WTERMSIG(how) == SIGKILL);
        antler_error_set(err, ANTLER_FORMAT, NULL, "damaged: reading it %s", hung ? "does not end" : "crashes");
        antler__error_file(err, path);
        return ANTLER_FORMAT;
    }
    if (result.status != ANTLER_OK && err && err->status == ANTLER_OK)
        *err = result;
    return result.status;
}
