/* history.csv and settings.json. The history is rewritten from what the training itself remembers when its first epoch
   ends, so that a file that a kill or a full disk left short, or glued, is mended by --resume. */
#include "cli/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static antler_status fail(const char *path, antler_error *err)
{
    antler_error_set(err, ANTLER_FILE, NULL, "cannot write: %s", strerror(errno));
    antler__blame(path, err);
    return err->status;
}

antler_status antler__history_begin(antler_history_file *history, const char *folder, char *settings, antler_error *err)
{
    history->settings = settings;
    snprintf(history->path, sizeof history->path, "%s/history.csv", folder);
    snprintf(history->settings_path, sizeof history->settings_path, "%s/settings.json", folder);
    ANTLER_TRY(antler__folder_make(&history->folder, folder, "history.csv", err));
    return antler_file_check(history->settings_path, err);
}

static bool write_settings(const antler_history_file *history)
{
    FILE *file = fopen(history->settings_path, "w");
    if (!file)
        return false;
    bool written = fputs(history->settings, file) >= 0;
    return fclose(file) == 0 && written;
}

/* A field of CSV (RFC 4180), on one line whatever the metric's name. */
static void write_name(FILE *file, const char *name)
{
    char shown[256];
    antler__shown(name, shown, sizeof shown);
    if (!strpbrk(shown, ",\"")) {
        fputs(shown, file);
        return;
    }
    putc('"', file);
    for (const char *c = shown; *c; c++)
        fprintf(file, *c == '"' ? "\"\"" : "%c", *c);
    putc('"', file);
}

static void write_line(FILE *file, int64_t epoch, const antler_logs *logs)
{
    fprintf(file, "%" PRId64, epoch);
    for (int i = 0; i < logs->n; i++)
        fprintf(file, ",%.9g", logs->value[i]);
    putc('\n', file);
}

/* The file with its heading and the lines of `n` epochs, the first of them number `first`. */
static bool rewrite(antler_history_file *history, const antler_logs *logs, int64_t first, int64_t n)
{
    history->file = fopen(history->path, "w");
    if (!history->file)
        return false;
    fputs("epoch", history->file);
    for (int i = 0; n > 0 && i < logs[0].n; i++) {
        putc(',', history->file);
        write_name(history->file, logs[0].name[i]);
    }
    putc('\n', history->file);
    for (int64_t i = 0; i < n; i++)
        write_line(history->file, first + i, &logs[i]);
    return true;
}

antler_status antler__history_line(antler_history_file *history, const antler_model *model, int64_t epoch,
                                   antler_error *err)
{
    const antler_logs *logs;
    int64_t n = antler_history(model, &logs);
    errno = 0;
    if (!history->file && !write_settings(history))
        return fail(history->settings_path, err);
    if (history->file)
        write_line(history->file, epoch, &logs[n - 1]);
    else if (!rewrite(history, logs, epoch + 1 - n, n))
        return fail(history->path, err);
    bool written = fflush(history->file) == 0 && !ferror(history->file);
    return written ? ANTLER_OK : fail(history->path, err);
}

antler_status antler__history_end(antler_history_file *history, antler_error *err)
{
    bool written = !history->file || fclose(history->file) == 0;
    history->file = NULL;
    antler__folder_drop(&history->folder);
    free(history->settings);
    history->settings = NULL;
    return written ? ANTLER_OK : fail(history->path, err);
}
