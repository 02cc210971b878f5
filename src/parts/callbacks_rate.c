/* Callbacks that change the learning rate between epochs. */
#include "parts/callbacks.h"

#include <math.h>

/* A rate that a schedule decides is not theirs to change. */
static antler_status check_rate(const char *callback, antler_moment *moment)
{
    return !isnan(moment->rate)
               ? ANTLER_OK
               : antler_error_set(moment->err, ANTLER_VALUE, NULL,
                                  "%s changes the learning rate, which a schedule of the optimizer decides; "
                                  "expected one of both",
                                  callback);
}

/* ---- ReduceLROnPlateau ------------------------------------------------------------------------------------------- */

typedef struct plateau {
    antler_monitor_keys keys;
    double factor, min_lr;
    int64_t patience, cooldown;
} plateau;

enum { WAIT, BEST, HAS_BEST, COOLING, NUMBERS };

static const char plateau_name[] = "ReduceLROnPlateau";

static antler_status plateau_start(const void *config, double *state, antler_moment *moment)
{
    (void)state;
    ANTLER_TRY(check_rate(plateau_name, moment));
    return antler__monitor_check(&((const plateau *)config)->keys, plateau_name, moment);
}

/* As in Keras, a rate that is the least already starts no cooldown, and the wait goes on. */
static void reduce(const plateau *c, double *state, antler_moment *moment)
{
    if (!(moment->rate > (double)(float)c->min_lr))
        return;
    moment->rate = fmax(moment->rate * c->factor, c->min_lr);
    state[COOLING] = (double)c->cooldown;
    state[WAIT] = 0;
}

static antler_status plateau_epoch(const void *config, double *state, antler_moment *moment)
{
    const plateau *c = config;
    moment->log_rate = true;
    const int at = antler__monitor_at(&c->keys, plateau_name, "the rate stays as it is", moment);
    if (at < 0)
        return ANTLER_OK;
    if (state[COOLING] > 0) {
        state[COOLING]--;
        state[WAIT] = 0;
    }
    if (state[HAS_BEST] == 0 || antler__monitor_better(&c->keys, moment->value[at], state[BEST])) {
        state[BEST] = moment->value[at];
        state[HAS_BEST] = 1;
        state[WAIT] = 0;
    } else if (state[COOLING] == 0 && ++state[WAIT] >= (double)c->patience) {
        reduce(c, state, moment);
    }
    return ANTLER_OK;
}

static const antler_field plateau_fields[] = {
    ANTLER_FIELDS_MONITOR(plateau, keys),
    {.key = "factor",
     .kind = ANTLER_REAL,
     .offset = offsetof(plateau, factor),
     .def = "0.1",
     .min = 0,
     .max = 1,
     .flags = ANTLER_OPEN_MAX,
     .doc = "what the rate is multiplied by"},
    {.key = "patience",
     .kind = ANTLER_INT,
     .offset = offsetof(plateau, patience),
     .def = "10",
     .min = 0,
     .max = 1e15,
     .doc = "epochs without improvement before that"},
    {.key = "verbose", .kind = ANTLER_ANY},
    {.key = "min_delta",
     .kind = ANTLER_REAL,
     .offset = offsetof(plateau, keys.min_delta),
     .def = "0.0001",
     .doc = "a smaller change is no improvement"},
    {.key = "cooldown",
     .kind = ANTLER_INT,
     .offset = offsetof(plateau, cooldown),
     .def = "0",
     .min = 0,
     .max = 1e15,
     .doc = "epochs after a reduction that do not count"},
    {.key = "min_lr",
     .kind = ANTLER_REAL,
     .offset = offsetof(plateau, min_lr),
     .def = "0",
     .min = 0,
     .max = 1e30,
     .doc = "the rate does not fall below it"},
    ANTLER_FIELD_END,
};

const antler_callback_ops antler__reduce_lr_on_plateau = {
    .type = {.size = sizeof(antler_callback_ops),
             .kind = ANTLER_KIND_CALLBACK,
             .class_name = plateau_name,
             .doc = "lowers the learning rate when a value does not become better",
             .config_size = sizeof(plateau),
             .fields = plateau_fields},
    .numbers = NUMBERS,
    .start = plateau_start,
    .epoch = plateau_epoch,
};

/* ---- LearningRateScheduler: a schedule of epochs, not of steps --------------------------------------------------- */

typedef struct scheduler {
    antler_object schedule;
} scheduler;

static const char scheduler_name[] = "LearningRateScheduler";

static antler_status scheduler_start(const void *config, double *state, antler_moment *moment)
{
    (void)config;
    (void)state;
    return check_rate(scheduler_name, moment);
}

static antler_status scheduler_begin(const void *config, double *state, antler_moment *moment)
{
    const antler_object schedule = ((const scheduler *)config)->schedule;
    (void)state;
    moment->rate = ((const antler_schedule_ops *)schedule.type)->rate(schedule.config, moment->epoch);
    return ANTLER_OK;
}

static antler_status scheduler_epoch(const void *config, double *state, antler_moment *moment)
{
    (void)config;
    (void)state;
    moment->log_rate = true;
    return ANTLER_OK;
}

static const antler_field scheduler_fields[] = {
    {.key = "schedule",
     .kind = ANTLER_OBJECT,
     .offset = offsetof(scheduler, schedule),
     .of = ANTLER_KIND_SCHEDULE,
     .doc = "the rate by the number of the epoch, from 0, in place of the step"},
    {.key = "verbose", .kind = ANTLER_ANY},
    ANTLER_FIELD_END,
};

const antler_callback_ops antler__learning_rate_scheduler = {
    .type = {.size = sizeof(antler_callback_ops),
             .kind = ANTLER_KIND_CALLBACK,
             .class_name = scheduler_name,
             .doc = "sets the learning rate at the beginning of each epoch",
             .config_size = sizeof(scheduler),
             .fields = scheduler_fields},
    .start = scheduler_start,
    .epoch_begin = scheduler_begin,
    .epoch = scheduler_epoch,
};
