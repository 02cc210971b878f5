/* Callbacks: what is done after each epoch. */
#include "config/registry.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- EarlyStopping: ends the training when a value has not become better for `patience` epochs ------------------- */

typedef struct early_stopping {
    const char *monitor, *mode;
    double min_delta, baseline;
    int64_t patience, start_from_epoch;
    bool restore_best_weights;
} early_stopping;

enum { WAIT, BEST, HAS_BEST, KEPT, NUMBERS };

/* 1: larger is better, -1: smaller is; 0: the mode is "auto", and no metric has this name. */
static int direction_of(const early_stopping *c)
{
    if (strcmp(c->mode, "auto") != 0)
        return strcmp(c->mode, "max") == 0 ? 1 : -1;
    const char *name = strncmp(c->monitor, "val_", 4) == 0 ? c->monitor + 4 : c->monitor;
    if (strcmp(name, "loss") == 0)
        return -1;
    const antler_type *type = antler_type_find(ANTLER_KIND_METRIC, name);
    for (; !type && (name = strchr(name, '_')); type = antler_type_find(ANTLER_KIND_METRIC, name))
        if (strcmp(++name, "loss") == 0) /* "kind_loss", "kind_accuracy": of an output */
            return -1;
    return !type ? 0 : ((const antler_metric_ops *)(const void *)type)->larger_is_better ? 1 : -1;
}

static bool is_better(const early_stopping *c, double value, double than)
{
    return direction_of(c) > 0 ? value - fabs(c->min_delta) > than : value + fabs(c->min_delta) < than;
}

static antler_status early_stopping_start(const early_stopping *c, antler_epoch *epoch)
{
    if (direction_of(c) != 0)
        return ANTLER_OK;
    return antler_error_set(epoch->err, ANTLER_VALUE, NULL,
                            "EarlyStopping cannot tell whether \"%s\" should grow or shrink: "
                            "give \"mode\": \"max\" or \"min\"",
                            c->monitor);
}

/* Keras warns and goes on where the monitored value does not exist (no validation data, say), and so do we. */
static void warn_of_absence(const early_stopping *c, const antler_epoch *epoch)
{
    char names[256] = "";
    size_t used = 0;
    for (int i = 0; i < epoch->n && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "", epoch->name[i]);
    antler_error_set(
        epoch->warning, ANTLER_OK, NULL,
        "EarlyStopping watches \"%.100s\", which is not logged; the training goes on without it. There are %s",
        c->monitor, names);
}

static antler_status early_stopping_epoch(const void *config, double *state, antler_epoch *epoch)
{
    const early_stopping *c = config;
    if (epoch->start)
        return early_stopping_start(c, epoch);
    int at = 0;
    while (at < epoch->n && strcmp(epoch->name[at], c->monitor) != 0)
        at++;
    if (at == epoch->n)
        warn_of_absence(c, epoch);
    if (at == epoch->n || epoch->epoch < c->start_from_epoch)
        return ANTLER_OK;
    const double value = epoch->value[at];
    const bool better = state[HAS_BEST] == 0 || is_better(c, value, state[BEST]);
    epoch->keep = c->restore_best_weights && (better || state[KEPT] == 0);
    if (epoch->keep)
        state[KEPT] = 1;
    state[WAIT]++;
    if (better) {
        state[BEST] = value;
        state[HAS_BEST] = 1;
        if (isnan(c->baseline) || is_better(c, value, c->baseline))
            state[WAIT] = 0;
    } else if (state[WAIT] >= (double)c->patience && epoch->epoch > 0) {
        epoch->stop = true;
    }
    return ANTLER_OK;
}

/* Also when the epochs ran out first. */
static antler_status early_stopping_end(const void *config, double *state, antler_epoch *epoch)
{
    (void)config;
    epoch->restore = state[KEPT] != 0;
    return ANTLER_OK;
}

static bool early_stopping_keeps(const void *config)
{
    return ((const early_stopping *)config)->restore_best_weights;
}

static const char *const modes[] = {"auto", "min", "max", NULL};

static const antler_field early_stopping_fields[] = {
    {.key = "monitor",
     .kind = ANTLER_STRING,
     .offset = offsetof(early_stopping, monitor),
     .def = "\"val_loss\"",
     .doc = "name of the value to watch"},
    {.key = "min_delta",
     .kind = ANTLER_REAL,
     .offset = offsetof(early_stopping, min_delta),
     .def = "0",
     .doc = "a smaller change is no improvement"},
    {.key = "patience",
     .kind = ANTLER_INT,
     .offset = offsetof(early_stopping, patience),
     .def = "0",
     .min = 0,
     .max = 1e15,
     .doc = "epochs without improvement before the end"},
    {.key = "verbose", .kind = ANTLER_ANY},
    {.key = "mode",
     .kind = ANTLER_STRING,
     .offset = offsetof(early_stopping, mode),
     .def = "\"auto\"",
     .choices = modes,
     .doc = "which direction is better; \"auto\": by the name"},
    {.key = "baseline",
     .kind = ANTLER_REAL,
     .offset = offsetof(early_stopping, baseline),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "only what is better than this resets the patience"},
    {.key = "restore_best_weights",
     .kind = ANTLER_BOOL,
     .offset = offsetof(early_stopping, restore_best_weights),
     .def = "false",
     .doc = "ends with the weights of the best epoch"},
    {.key = "start_from_epoch",
     .kind = ANTLER_INT,
     .offset = offsetof(early_stopping, start_from_epoch),
     .def = "0",
     .min = 0,
     .max = 1e15,
     .doc = "epochs before this one (from 0) are not looked at"},
    ANTLER_FIELD_END,
};

static const antler_callback_ops early_stopping_ops = {
    .type = {.size = sizeof(antler_callback_ops),
             .kind = ANTLER_KIND_CALLBACK,
             .class_name = "EarlyStopping",
             .doc = "ends the training when a value does not become better",
             .config_size = sizeof(early_stopping),
             .fields = early_stopping_fields},
    .numbers = NUMBERS,
    .epoch = early_stopping_epoch,
    .end = early_stopping_end,
    .keeps = early_stopping_keeps,
};

const antler_type *const antler__callbacks[] = {&early_stopping_ops.type, NULL};
