/* What a training shows and writes while it runs. */
#ifndef ANTLER_PROGRESS_H
#define ANTLER_PROGRESS_H

#include "cli/command.h"

#include <signal.h>

/* history.csv of --log-dir: a line an epoch, each in the file before the next epoch begins; and settings.json, what the
   run was asked to do. Both are written when the first epoch ends: a run that fails before it leaves them as they were.
 */
typedef struct antler_history_file {
    antler_folder folder;
    char path[4096], settings_path[4096];
    char *settings; /* to be written */
    FILE *file;     /* open since the first line */
} antler_history_file;
/* Makes the folder, and tries whether the files can be written. `settings` is malloc's, and the history's from here on.
 */
antler_status antler__history_begin(antler_history_file *history, const char *folder, char *settings,
                                    antler_error *err);
/* The line of the epoch that the model logged last, and first those of all before. */
antler_status antler__history_line(antler_history_file *history, const antler_model *model, int64_t epoch,
                                   antler_error *err);
antler_status antler__history_end(antler_history_file *history, antler_error *err);

/* antler_fit's `user`. */
typedef struct antler_display {
    bool quiet, terminal, json; /* json: a line of JSON an epoch */
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
