#include "cli/progress.h"
#include "files/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static antler_status fail(const char *path, antler_error *err)
{
    antler_error_set(err, ANTLER_FILE, NULL, "cannot be written: %s", strerror(errno));
    snprintf(err->file, sizeof err->file, "%s", path);
    return err->status;
}

/* Makes a folder and those above it. */
static antler_status make_folder(const char *path, antler_error *err)
{
    char part[4096];
    struct stat info;
    size_t n = strlen(path);
    if (n >= sizeof part)
        return antler_error_set(err, ANTLER_FILE, NULL, "the path of the folder is too long");
    for (size_t i = 1; i <= n; i++)
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(part, path, i);
            part[i] = '\0';
            if (mkdir(part, 0777) != 0 && errno != EEXIST)
                return fail(path, err);
        }
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return ANTLER_OK;
    errno = ENOTDIR;
    return fail(path, err);
}

antler_status antler__history_begin(antler_history_file *history, const antler_arguments *a, const char *settings,
                                    antler_error *err)
{
    char path[4096];
    ANTLER_TRY(make_folder(a->log_dir, err));
    int n = snprintf(path, sizeof path, "%s/settings.json", a->log_dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return antler_error_set(err, ANTLER_FILE, NULL, "the path of the folder is too long");
    snprintf(history->path, sizeof history->path, "%s/history.csv", a->log_dir);
    history->resume = a->resume;
    return antler__file_write(path, settings, strlen(settings), err);
}

/* Cuts off the lines from `epoch` on: the run that was killed may have written more than its checkpoint knows of. */
static bool cut(FILE *file, int64_t epoch)
{
    char line[1024];
    long end = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] >= '0' && line[0] <= '9' && strtoll(line, NULL, 10) >= epoch)
            break;
        end = ftell(file);
    }
    return end >= 0 && ftruncate(fileno(file), end) == 0 && fseek(file, end, SEEK_SET) == 0;
}

static bool open_file(antler_history_file *history, const antler_progress *p)
{
    if (history->resume && p->epoch > 0 && (history->file = fopen(history->path, "r+")))
        return cut(history->file, p->epoch);
    history->file = fopen(history->path, "w");
    if (!history->file || fprintf(history->file, "epoch") < 0)
        return false;
    for (int i = 0; i < p->logs->n; i++)
        fprintf(history->file, ",%s", p->logs->name[i]);
    return fprintf(history->file, "\n") > 0;
}

antler_status antler__history_line(antler_history_file *history, const antler_progress *progress, antler_error *err)
{
    bool written = history->file || open_file(history, progress);
    if (written) {
        fprintf(history->file, "%" PRId64, progress->epoch);
        for (int i = 0; i < progress->logs->n; i++)
            fprintf(history->file, ",%.9g", progress->logs->value[i]);
        written = fprintf(history->file, "\n") > 0 && fflush(history->file) == 0 && !ferror(history->file);
    }
    return written ? ANTLER_OK : fail(history->path, err);
}

void antler__history_end(antler_history_file *history)
{
    if (history->file)
        fclose(history->file);
}
