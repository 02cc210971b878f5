#include "train/call_back.h"

#include "core/memory.h"
#include "model/compile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const antler_callback_ops *ops_of(const antler_training *t, int64_t i)
{
    return (const antler_callback_ops *)t->callbacks->item[i].type;
}

antler_status antler__callbacks_make(antler_training *t, const antler_objects *callbacks, antler_error *err)
{
    t->callbacks = callbacks;
    t->kept_epoch = -1;
    for (int64_t i = 0; i < callbacks->n; i++)
        t->callback_numbers += ops_of(t, i)->numbers;
    t->callback_state = antler__allocate_zeroed((size_t)t->callback_numbers, sizeof(double));
    if (!t->callback_state)
        return antler__no_memory(err);
    for (int64_t i = 0; i < callbacks->n; i++) {
        const antler_callback_ops *ops = ops_of(t, i);
        const void *config = callbacks->item[i].config;
        t->calls_batches = t->calls_batches || (ops->batch && (!ops->batches || ops->batches(config)));
        if (ops->keeps && ops->keeps(config))
            ANTLER_TRY(antler__kept_room(t, err));
    }
    return ANTLER_OK;
}

void antler__callbacks_free(antler_training *t)
{
    antler__free_aligned(t->kept);
    antler__free(t->callback_state);
}

static antler_callback_hook *hook_of(const antler_callback_ops *ops, antler_hook hook)
{
    switch (hook) {
    case ANTLER_AT_START:
        return ops->start;
    case ANTLER_AT_EPOCH:
        return ops->epoch_begin;
    case ANTLER_AFTER_BATCH:
        return ops->batch;
    case ANTLER_AFTER_EPOCH:
        return ops->epoch;
    case ANTLER_AT_END:
        return ops->end;
    }
    return NULL;
}

static void add_log(antler_logs *logs, const char *name, double value)
{
    for (int i = 0; i < logs->n; i++)
        if (strcmp(logs->name[i], name) == 0)
            return;
    if (logs->n < ANTLER_MAX_LOGS) {
        logs->name[logs->n] = name;
        logs->value[logs->n++] = value;
    }
}

static antler_status keep_weights(antler_training *t, antler_error *err)
{
    ANTLER_TRY(antler__kept_room(t, err));
    memcpy(t->kept, t->model->parameters, (size_t)t->model->size * sizeof *t->kept);
    t->has_kept = true;
    t->kept_epoch = t->model->epochs_logged; /* where its logs go */
    return ANTLER_OK;
}

/* What a callback has set. */
static antler_status do_wishes(antler_training *t, const antler_moment *m, double rate, antler_logs *logs,
                               antler_error *err)
{
    if (m->log_rate && !isnan(rate))
        add_log(logs, ANTLER_RATE_LOG, rate);
    if (!isnan(m->rate) && m->rate != rate)
        ANTLER_TRY(antler_set_learning_rate(t->model, m->rate, err));
    if (m->keep)
        ANTLER_TRY(keep_weights(t, err));
    if (m->restore && t->has_kept) {
        memcpy(t->model->parameters, t->kept, (size_t)t->model->size * sizeof *t->kept);
        t->restored = true;
    }
    t->stop = t->stop || m->stop;
    t->terminates = t->terminates || m->terminate_on_nan;
    return ANTLER_OK;
}

/* The error gets the callback's place; that of a file it has already. */
static antler_status call_hook(const antler_training *t, int64_t i, antler_callback_hook *call, double *state,
                               antler_moment *m)
{
    antler_error *err = m->err, error = {0};
    m->err = &error;
    antler_status status = call(t->callbacks->item[i].config, state, m);
    m->err = err;
    if (status == ANTLER_OK)
        return status;
    char place[sizeof error.place];
    snprintf(place, sizeof place, "fit.callbacks[%lld]%s%.200s", (long long)i, *error.place ? ".config." : "",
             error.place);
    if (!*error.file) {
        snprintf(error.place, sizeof error.place, "%s", place);
        if (m->foreign && t->model->file)
            antler__error_file(&error, t->model->file);
    }
    error.status = status;
    return antler__error_copy(err, &error);
}

antler_status antler__call_back(antler_training *t, antler_hook hook, const antler_moment *where, antler_logs *logs,
                                antler_error *err)
{
    double *state = t->callback_state;
    for (int64_t i = 0; i < t->callbacks->n; i++) {
        const antler_callback_ops *ops = ops_of(t, i);
        antler_callback_hook *call = hook_of(ops, hook);
        const double rate = antler_learning_rate(t->model);
        antler_error warning = {0};
        antler_moment m = *where;
        m.model = t->model;
        m.name = logs->name;
        m.value = logs->value;
        m.n = logs->n;
        m.rate = rate;
        m.err = err;
        m.warning = &warning;
        if (call)
            ANTLER_TRY(call_hook(t, i, call, state, &m));
        if (*warning.message) {
            snprintf(warning.place, sizeof warning.place, "fit.callbacks[%lld]", (long long)i);
            antler__model_warn(t->model, &warning);
        }
        if (call)
            ANTLER_TRY(do_wishes(t, &m, rate, logs, err));
        state += ops->numbers;
    }
    return ANTLER_OK;
}
