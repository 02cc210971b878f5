/* What callbacks share: what they watch, and where they write. */
#ifndef ANTLER_CALLBACKS_H
#define ANTLER_CALLBACKS_H

#include "antler/antler.h"
#include "antler/parts.h"

extern const antler_callback_ops antler__reduce_lr_on_plateau, antler__learning_rate_scheduler,
    antler__model_checkpoint, antler__csv_logger, antler__tensorboard;

/* The keys of a callback that watches a value; the first member of its config. */
typedef struct antler_monitor_keys {
    const char *monitor, *mode;
    double min_delta;
} antler_monitor_keys;

#define ANTLER_FIELDS_MONITOR(type, member)                                                             \
    {.key = "monitor",                                                                                  \
     .kind = ANTLER_STRING,                                                                             \
     .offset = offsetof(type, member.monitor),                                                          \
     .def = "\"val_loss\"",                                                                             \
     .doc = "name of the value to watch"},                                                              \
    {                                                                                                   \
        .key = "mode", .kind = ANTLER_STRING, .offset = offsetof(type, member.mode), .def = "\"auto\"", \
        .choices = (const char *const[]){"auto", "min", "max", NULL},                                   \
        .doc = "which direction is better; \"auto\": by the name"                                       \
    }

/* That it is known which direction is better. */
antler_status antler__monitor_check(const antler_monitor_keys *keys, const char *callback, antler_moment *moment);
/* Where the value is among the moment's; -1, and a warning that it `goes on` without, where it is not. */
int antler__monitor_at(const antler_monitor_keys *keys, const char *callback, const char *goes_on,
                       antler_moment *moment);
/* Whether the value is better than `than`. */
bool antler__monitor_better(const antler_monitor_keys *keys, double value, double than);

/* That what is written to `path`, as given in `key`, may lie there: the path of a file that a stranger may have written
   stays below the current directory and clear of hidden files. */
antler_status antler__path_check(const char *path, const char *key, const antler_moment *moment);
/* Makes the directories that the path has before its last part. */
antler_status antler__path_folders(const char *path, antler_error *err);
/* Appends to the file, cut to *bytes before, which becomes its size: what a training wrote that was killed after its
   last checkpoint is written once more. 0: the file is replaced. */
antler_status antler__path_append(const char *path, const void *data, size_t size, double *bytes, antler_error *err);
/* Python's format of names: "m{epoch:02d}-{val_loss:.4f}.keras". epoch and batch count from 1; batch < 0: there is
   none. Values not known yet (NaN at the start) become 0. */
antler_status antler__path_format(const char *format, const antler_moment *moment, int64_t batch, char *path,
                                  size_t size);
/* The shortest text that reads back as the number, as Python's repr: "0.1", "1e-05", "nan", "3.0". */
const char *antler__number_text(double value, char text[40]);

#endif
