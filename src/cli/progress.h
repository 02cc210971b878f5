/* What a training shows and writes while it runs. */
#ifndef ANTLER_PROGRESS_H
#define ANTLER_PROGRESS_H

#include "cli/command.h"

#include <signal.h>

/* history.csv of --log-dir: a line an epoch, each in the file before the next epoch begins. */
typedef struct antler_history_file {
    char path[4096];
    FILE *file;
    bool resume; /* lines of earlier epochs stay */
} antler_history_file;
/* Makes the folder, and settings.json in it: what this run was asked to do. */
antler_status antler__history_begin(antler_history_file *history, const antler_arguments *a, const char *settings,
                                    antler_error *err);
antler_status antler__history_line(antler_history_file *history, const antler_progress *progress, antler_error *err);
void antler__history_end(antler_history_file *history);

/* antler_fit's `user`. */
typedef struct antler_display {
    bool quiet, terminal;
    const antler_model *model;
    int64_t warnings;             /* of the model, that have been printed */
    antler_history_file *history; /* or NULL */
    double shown;                 /* antler__seconds() when the line was last drawn */
    int64_t epoch;                /* the running one */
    const volatile sig_atomic_t *interrupted;
    antler_error err; /* of the history file; it stops the training */
} antler_display;
bool antler__display(void *user, const antler_progress *progress);

#endif
