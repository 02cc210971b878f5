/* Callbacks: what is done before, in and after epochs. This one ends the training; and the list of all. */
#include "parts/callbacks.h"
#include "train/monitor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- what they watch --------------------------------------------------------------------------------------------- */

/* "loss, accuracy": what there is. */
static const char *names_of(const antler_moment *m, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < m->n && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "", m->name[i]);
    return text;
}

antler_status antler__monitor_check(const antler_monitor_keys *keys, const char *callback, antler_moment *moment)
{
    char names[256];
    if (antler__direction(keys->monitor, keys->mode) != 0)
        return ANTLER_OK;
    if (moment->n > 0 && antler__monitor_find(keys->monitor, moment->name, moment->n) < 0)
        return antler_error_set(moment->err, ANTLER_NAME, "monitor", "\"%.100s\" is not logged; there are %s",
                                keys->monitor, names_of(moment, names, sizeof names));
    return antler_error_set(moment->err, ANTLER_VALUE, NULL,
                            "%s cannot tell whether \"%s\" should grow or shrink: give \"mode\": \"max\" or \"min\"",
                            callback, keys->monitor);
}

int antler__monitor_at(const antler_monitor_keys *keys, const char *callback, const char *goes_on,
                       antler_moment *moment)
{
    const int at = antler__monitor_find(keys->monitor, moment->name, moment->n);
    char names[256];
    if (at < 0)
        antler_error_set(moment->warning, ANTLER_OK, NULL,
                         "%s watches \"%.100s\", which is not logged; %s. There are %s", callback, keys->monitor,
                         goes_on, names_of(moment, names, sizeof names));
    return at;
}

bool antler__monitor_better(const antler_monitor_keys *keys, double value, double than)
{
    return antler__is_better(antler__direction(keys->monitor, keys->mode), keys->min_delta, value, than);
}

/* ---- EarlyStopping: ends the training when a value has not become better for `patience` epochs ------------------- */

typedef struct early_stopping {
    antler_monitor_keys keys;
    double baseline;
    int64_t patience, start_from_epoch;
    bool restore_best_weights;
} early_stopping;

enum { WAIT, BEST, HAS_BEST, KEPT, NUMBERS };

static const char early_name[] = "EarlyStopping";

static antler_status early_stopping_start(const void *config, double *state, antler_moment *moment)
{
    (void)state;
    return antler__monitor_check(&((const early_stopping *)config)->keys, early_name, moment);
}

static antler_status early_stopping_epoch(const void *config, double *state, antler_moment *moment)
{
    const early_stopping *c = config;
    /* Keras warns and goes on where the monitored value does not exist (no validation data, say), and so do we. */
    const int at = antler__monitor_at(&c->keys, early_name, "the training goes on without it", moment);
    if (at < 0 || moment->epoch < c->start_from_epoch)
        return ANTLER_OK;
    const double value = moment->value[at];
    const bool better = state[HAS_BEST] == 0 || antler__monitor_better(&c->keys, value, state[BEST]);
    moment->keep = c->restore_best_weights && (better || state[KEPT] == 0);
    if (moment->keep)
        state[KEPT] = 1;
    state[WAIT]++;
    if (better) {
        state[BEST] = value;
        state[HAS_BEST] = 1;
        if (isnan(c->baseline) || antler__monitor_better(&c->keys, value, c->baseline))
            state[WAIT] = 0;
    } else if (state[WAIT] >= (double)c->patience && moment->epoch > 0) {
        moment->stop = true;
    }
    return ANTLER_OK;
}

/* Also when the epochs ran out first. */
static antler_status early_stopping_end(const void *config, double *state, antler_moment *moment)
{
    (void)config;
    moment->restore = state[KEPT] != 0;
    return ANTLER_OK;
}

static bool early_stopping_keeps(const void *config)
{
    return ((const early_stopping *)config)->restore_best_weights;
}

static const antler_field early_stopping_fields[] = {
    ANTLER_FIELDS_MONITOR(early_stopping, keys),
    {.key = "min_delta",
     .kind = ANTLER_REAL,
     .offset = offsetof(early_stopping, keys.min_delta),
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
    .start = early_stopping_start,
    .epoch = early_stopping_epoch,
    .end = early_stopping_end,
    .keeps = early_stopping_keeps,
};

/* ---- TerminateOnNaN: what a fit does anyway, unless it is told otherwise --------------------------------- */

static antler_status terminate_on_nan(const void *config, double *state, antler_moment *moment)
{
    (void)config;
    (void)state;
    moment->terminate_on_nan = true;
    return ANTLER_OK;
}

static const antler_callback_ops terminate_on_nan_ops = {
    .type = {.size = sizeof(antler_callback_ops),
             .kind = ANTLER_KIND_CALLBACK,
             .class_name = "TerminateOnNaN",
             .doc = "ends the training when the loss is no finite number: so does every fit, unless told otherwise"},
    .start = terminate_on_nan,
};

const antler_type *const antler__callbacks[] = {
    &early_stopping_ops.type,           &antler__model_checkpoint.type,
    &antler__reduce_lr_on_plateau.type, &antler__learning_rate_scheduler.type,
    &antler__csv_logger.type,           &antler__tensorboard.type,
    &terminate_on_nan_ops.type,         NULL,
};
