/* What a command writes: files and folders, tried before hours of work, and the reader of its standard output. */
#include "cli/command.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool antler__has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcmp(path + n - m, suffix) == 0;
}

antler_status antler__check_output(const char *path, const char *const *suffixes, antler_error *err)
{
    char list[128] = "";
    bool known = false;
    size_t used = 0;
    for (int i = 0; suffixes[i]; i++) {
        known = known || antler__has_suffix(path, suffixes[i]);
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? (suffixes[i + 1] ? ", " : " or ") : "",
                                 suffixes[i]);
    }
    if (known)
        return antler_file_check(path, err);
    antler_error_set(err, ANTLER_VALUE, NULL, "the name of the output must end in %s", list);
    antler__blame(path, err);
    return err->status;
}

antler_status antler__check_apart(const char *data, const char *output, antler_error *err)
{
    struct stat a, b;
    if (!data || !output || stat(data, &a) != 0 || stat(output, &b) != 0 || a.st_dev != b.st_dev ||
        a.st_ino != b.st_ino)
        return ANTLER_OK;
    antler_error_set(err, ANTLER_VALUE, NULL, "the output would take the place of the data");
    antler__blame(output, err);
    return err->status;
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

enum { PATH = 4096 };

static antler_status fail(const char *path, antler_error *err)
{
    antler_error_set(err, ANTLER_FILE, NULL, "cannot make the folder: %s", strerror(errno));
    antler__blame(path, err);
    return err->status;
}

/* The first n characters of path. */
static const char *part_of(const char *path, size_t n, char *part)
{
    memcpy(part, path, n);
    part[n] = '\0';
    return part;
}

antler_status antler__folder_make(antler_folder *folder, const char *path, const char *file, antler_error *err)
{
    char part[PATH];
    size_t n = strlen(path);
    errno = ENAMETOOLONG;
    if (n + strlen(file) + 2 > sizeof part)
        return fail(path, err);
    *folder = (antler_folder){path, n};
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        if (mkdir(part_of(path, i, part), 0777) == 0)
            folder->there = folder->there < i ? folder->there : i - 1;
        else if (errno != EEXIST)
            return fail(path, err);
    }
    snprintf(part, sizeof part, "%s/%s", path, file);
    return antler_file_check(part, err);
}

void antler__folder_drop(const antler_folder *folder)
{
    char part[PATH];
    for (size_t i = folder->path ? strlen(folder->path) : 0; i > folder->there; i--)
        if (folder->path[i] == '/' || folder->path[i] == '\0')
            rmdir(part_of(folder->path, i, part)); /* fails where something was written */
}

/* ---- standard output --------------------------------------------------------------------------------------------- */

void antler__flush(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    if (poll(&out, 1, 0) == 1 && out.revents & POLLERR) /* a pipe that nobody reads */
        (void)!freopen("/dev/null", "w", stdout);
}
