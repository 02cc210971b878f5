/* Whole files: read, and replaced atomically. */
#include "files/file.h"
#include "core/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

/* Without O_NONBLOCK, opening a pipe waits for somebody who writes to it; to a regular file it makes no difference. */
antler_status antler__file_open(const char *path, int *file, int64_t *bytes, antler_error *err)
{
    struct stat info;
    *file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*file < 0)
        return antler__file_error(path, "open", err);
    if (fstat(*file, &info) == 0 && S_ISREG(info.st_mode)) {
        *bytes = (int64_t)info.st_size;
        return ANTLER_OK;
    }
    close(*file);
    *file = -1;
    antler_error_set(err, ANTLER_FILE, NULL, "not a regular file");
    antler__error_file(err, path);
    return ANTLER_FILE;
}

bool antler__file_take(int file, void *data, size_t bytes)
{
    for (size_t used = 0; used < bytes;) {
        ssize_t n = read(file, (char *)data + used, bytes - used < SSIZE_MAX ? bytes - used : SSIZE_MAX);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        used += (size_t)n;
    }
    return true;
}

/* Reads to the end of the file, which may grow meanwhile: its size is only a first guess. */
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
    int file;
    int64_t size;
    *data = NULL;
    *bytes = 0;
    most = most < SIZE_MAX / 4 ? most : SIZE_MAX / 4;
    ANTLER_TRY(antler__file_open(path, &file, &size, err));
    char *text = NULL;
    antler_status status = read_all(file, path, (uintmax_t)size < most ? (size_t)size : most, most, &text, bytes, err);
    close(file);
    if (status != ANTLER_OK) {
        antler__free(text);
        antler__error_file(err, path);
        return status;
    }
    *data = text;
    return ANTLER_OK;
}

antler_status antler__file_read_input(size_t most, void **data, size_t *bytes, antler_error *err)
{
    char *text = NULL;
    antler_status status = read_all(STDIN_FILENO, "standard input", 0, most, &text, bytes, err);
    if (status != ANTLER_OK) {
        antler__free(text);
        text = NULL;
        antler__error_file(err, "standard input");
    }
    *data = text;
    return status;
}

bool antler__file_take_at(int file, void *data, size_t bytes, int64_t offset)
{
    for (size_t used = 0; used < bytes;) {
        ssize_t n = pread(file, (char *)data + used, bytes - used < SSIZE_MAX ? bytes - used : SSIZE_MAX,
                          (off_t)(offset + (int64_t)used));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        used += (size_t)n;
    }
    return true;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

bool antler__file_put(int file, const void *data, size_t bytes)
{
    for (size_t used = 0; used < bytes;) {
        ssize_t n = write(file, (const char *)data + used, bytes - used < SSIZE_MAX ? bytes - used : SSIZE_MAX);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        used += (size_t)n;
    }
    return true;
}

/* Where a write to `path` goes: through its links, the last of which may lead to a file that is not there yet. */
typedef struct target {
    char path[PATH_MAX];
    struct stat old;
    bool exists;
} target;

/* Takes the place of the last part of a path, or of all of it. */
static bool follow(char *path, const char *link)
{
    char *slash = strrchr(path, '/');
    size_t kept = slash && link[0] != '/' ? (size_t)(slash + 1 - path) : 0;
    if (kept + strlen(link) >= PATH_MAX)
        return false;
    memcpy(path + kept, link, strlen(link) + 1);
    return true;
}

/* False with errno. */
static bool find_target(const char *path, target *t)
{
    enum { MOST_LINKS = 40 };
    char link[PATH_MAX];
    t->path[0] = '\0';
    errno = ENOENT;
    if (path[0] == '\0')
        return false;
    bool fits = strlen(path) < PATH_MAX && follow(t->path, path);
    for (int links = 0; fits && links <= MOST_LINKS; links++) {
        ssize_t length = readlink(t->path, link, sizeof link - 1);
        if (length < 0) {
            t->exists = stat(t->path, &t->old) == 0;
            return t->exists || errno == ENOENT;
        }
        link[length] = '\0';
        fits = follow(t->path, link);
    }
    errno = fits ? ELOOP : ENAMETOOLONG;
    return false;
}

/* A device, which no file may take the place of. */
static antler_status write_through(const char *path, const void *data, size_t bytes, antler_error *err)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return antler__file_error(path, "open", err);
    bool good = antler__file_put(file, data, bytes);
    int error = errno;
    if (close(file) != 0 && good) {
        good = false;
        error = errno;
    }
    errno = error;
    return good ? ANTLER_OK : antler__file_error(path, "write", err);
}

/* Files are written under a name of their own beside their target's: of one length, whatever the target's name, and
   telling who writes. Path and number of "antler.PID.N.tmp" in the directory of a path; false if it is too long. */
static bool temporary_name(const char *beside, unsigned serial, char name[PATH_MAX])
{
    const char *slash = strrchr(beside, '/');
    int folder = slash ? (int)(slash + 1 - beside) : 0;
    int length = snprintf(name, PATH_MAX, "%.*santler.%ld.%u.tmp", folder, beside, (long)getpid(), serial);
    errno = ENAMETOOLONG;
    return length > 0 && length < PATH_MAX;
}

/* Locks a file for this process; false if another has it, or the file system has no locks. */
static bool lock(int file)
{
    return fcntl(file, F_SETLK, &(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET}) == 0;
}

/* A new, empty file beside the target, as private as the target. It is locked for as long as it is written. -1 and
   errno without one, and no name then. */
static int make_temporary(const target *t, char name[PATH_MAX])
{
    static atomic_uint serial;
    int file = -1;
    for (int tries = 0; file < 0 && tries < 100; tries++) {
        if (!temporary_name(t->path, atomic_fetch_add(&serial, 1), name))
            break;
        file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, t->exists ? t->old.st_mode & 0777 : 0666);
        if (file < 0 && errno != EEXIST)
            break;
    }
    if (file < 0)
        name[0] = '\0';
    else
        lock(file);
    return file;
}

/* Writes a new file beside the target, down to the disk; its name goes to temporary, "" if there is none. */
static bool write_beside(const target *t, const void *data, size_t bytes, char temporary[PATH_MAX])
{
    int file = make_temporary(t, temporary);
    if (file < 0)
        return false;
    bool good = (!t->exists || fchmod(file, t->old.st_mode & 0777) == 0) && antler__file_put(file, data, bytes) &&
                fsync(file) == 0;
    int error = errno;
    if (close(file) != 0 && good) {
        good = false;
        error = errno;
    }
    errno = error;
    return good;
}

/* That the writer of a temporary file is dead: no process has its number (here; the directory may be another machine's
   too), and nobody holds its lock. */
static bool abandoned(int directory, const char *name)
{
    long writer;
    unsigned serial;
    int used = 0;
    if (sscanf(name, "antler.%ld.%u.tmp%n", &writer, &serial, &used) != 2 || used == 0 || name[used] != '\0' ||
        writer <= 0 || kill((pid_t)writer, 0) == 0 || errno != ESRCH)
        return false;
    int file = openat(directory, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool dead = file >= 0 && lock(file);
    if (file >= 0)
        close(file);
    return dead;
}

/* The new name reaches the disk too, which not every file system can do, and the file is good already. And what killed
   writers left in the directory goes. */
static void settle_directory(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path ? 1 : 0] = '\0';
    DIR *directory = opendir(slash ? path : ".");
    if (!directory)
        return;
    fsync(dirfd(directory));
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (abandoned(dirfd(directory), entry->d_name))
            unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
}

/* What nothing can be written to is refused. A pipe is, for whether anybody reads it cannot be tried beforehand: who
   does would take the trial's end for the end of all. */
static antler_status check_kind(const char *path, const target *t, antler_error *err)
{
    mode_t mode = t->old.st_mode;
    if (!t->exists || S_ISREG(mode) || S_ISCHR(mode) || S_ISBLK(mode))
        return ANTLER_OK;
    antler_error_set(err, ANTLER_FILE, NULL, "cannot write: it is a %s, expected a file",
                     S_ISDIR(mode)    ? "directory"
                     : S_ISFIFO(mode) ? "pipe"
                                      : "socket");
    antler__error_file(err, path);
    return ANTLER_FILE;
}

antler_status antler__file_write(const char *path, const void *data, size_t bytes, antler_error *err)
{
    target t;
    char temporary[PATH_MAX];
    if (!find_target(path, &t))
        return antler__file_error(path, "write", err);
    ANTLER_TRY(check_kind(path, &t, err));
    if (t.exists && !S_ISREG(t.old.st_mode))
        return write_through(path, data, bytes, err);
    if (write_beside(&t, data, bytes, temporary) && rename(temporary, t.path) == 0) {
        settle_directory(t.path);
        return ANTLER_OK;
    }
    antler__file_error(path, "write", err);
    if (temporary[0])
        unlink(temporary);
    return ANTLER_FILE;
}

antler_status antler_file_check(const char *path, antler_error *err)
{
    target t;
    char temporary[PATH_MAX];
    ANTLER_TRY(antler__require(path, "path", err));
    if (!find_target(path, &t))
        return antler__file_error(path, "write", err);
    ANTLER_TRY(check_kind(path, &t, err));
    bool device = t.exists && !S_ISREG(t.old.st_mode);
    int file = device ? open(path, O_WRONLY | O_CLOEXEC) : make_temporary(&t, temporary);
    if (file < 0)
        return antler__file_error(path, "write", err);
    close(file);
    if (!device)
        unlink(temporary);
    return ANTLER_OK;
}
