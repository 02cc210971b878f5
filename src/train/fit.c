/* Training: epochs of shuffled batches, validation, callbacks, history. */

#include "config/given.h"
#include "core/memory.h"
#include "model/compile.h"
#include "model/structure.h"
#include "model/unread.h"
#include "train/diverged.h"
#include "train/fit_run.h"
#include "train/history.h"
#include "train/monitor.h"
#include "train/shuffle.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- callbacks --------------------------------------------------------------------------------------------------- */

static antler_status call_back(antler_fit_run *f, antler_hook hook, antler_error *err)
{
    const antler_moment where = {.epoch = f->state.epoch - (hook == ANTLER_AFTER_EPOCH),
                                 .epochs = f->args->epochs,
                                 .batch = f->state.batch - 1,
                                 .batches = f->batches,
                                 .foreign = f->foreign};
    return antler__call_back(&f->state, hook, &where, &f->logs, err);
}

/* At the start there are names alone. */
static antler_status start_callbacks(antler_fit_run *f, antler_error *err)
{
    const antler_compile_settings *compile = f->model->compile;
    f->logs.n = 0;
    for (int validation = 0; validation <= (f->validation != NULL); validation++)
        for (int i = 0; i < compile->logs; i++) {
            f->logs.name[f->logs.n] = compile->log_name[validation][i];
            f->logs.value[f->logs.n++] = (double)NAN;
        }
    ANTLER_TRY(call_back(f, ANTLER_AT_START, err));
    if (!f->state.terminates)
        return ANTLER_OK;
    f->last = antler__allocate_aligned((size_t)f->model->size, sizeof *f->last);
    return f->last ? ANTLER_OK : antler__no_memory(err);
}

/* ---- a loss that is no number ------------------------------------------------------------------------------------ */

static void remember(antler_fit_run *f)
{
    f->last_step = f->model->step;
    if (f->last)
        memcpy(f->last, f->model->parameters, (size_t)f->model->size * sizeof *f->last);
}

static antler_status diverged(antler_fit_run *f, int64_t n, antler_error *err)
{
    antler__diverged(&(antler_divergence){.model = f->model,
                                          .x = f->rooms.x,
                                          .y = f->rooms.y,
                                          .n = n,
                                          .x_width = f->feeds.x.width,
                                          .y_width = f->feeds.y.width,
                                          .in = f->feeds.x.shape,
                                          .epoch = f->state.epoch,
                                          .batch = f->state.batch,
                                          .loss = f->train->objective->loss_sum},
                     err);
    memcpy(f->model->parameters, f->last, (size_t)f->model->size * sizeof *f->last);
    f->model->step = f->last_step;
    antler__slots_restart(f->model);
    return err->status;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static antler_status save(antler_fit_run *f, antler_error *err)
{
    const double start = seconds();
    f->unsaved = 0;
    ANTLER_TRY(antler__checkpoint_write(f->args->checkpoint, &f->state, err));
    f->saving += seconds() - start;
    return ANTLER_OK;
}

static antler_status report_progress(antler_fit_run *f, int64_t batch, bool end_of_epoch, antler_error *err)
{
    if (!f->args->progress)
        return ANTLER_OK;
    if (!end_of_epoch) {
        f->logs.n = 0;
        antler__objective_logs(f->train->objective, false, &f->logs);
    }
    antler_progress progress = {.epoch = f->state.epoch - end_of_epoch,
                                .epochs = f->args->epochs,
                                .batch = batch,
                                .batches = f->batches,
                                .seconds = seconds() - f->began,
                                .end_of_epoch = end_of_epoch,
                                .logs = &f->logs,
                                .checkpoint = f->saving};
    if (f->args->progress(f->args->user, &progress))
        return ANTLER_OK;
    if (f->args->checkpoint)
        ANTLER_TRY(save(f, err));
    return antler_error_set(err, ANTLER_STOPPED, NULL, "stopped in epoch %lld", (long long)progress.epoch + 1);
}

static antler_status train_batch(antler_fit_run *f, const int64_t *row, int64_t n, antler_error *err)
{
    ANTLER_TRY(antler__gather_x(f->train, &f->feeds.x, row, n, f->rooms.x, err));
    ANTLER_TRY(antler__feed_gather(&f->feeds.y, row, n, f->rooms.y, err));
    ANTLER_TRY(antler__feed_gather(&f->feeds.w, row, n, f->rooms.w, err));
    if (f->classes.n)
        antler__class_weights_fill(&f->classes, &f->train->objective->goal[0], f->rooms.y, n, f->rooms.w);
    antler__objective_weigh(f->train->objective, f->classes.n || f->feeds.w.parts ? f->rooms.w : NULL, n);
    antler_context_seek(f->train, f->model->step, 0);
    ANTLER_TRY(antler__forward(f->train, f->rooms.x, n, err));
    ANTLER_TRY(antler__backward_tracked(f->train, f->rooms.y, err));
    if (f->last && !isfinite(f->train->objective->loss_sum))
        return diverged(f, n, err);
    ANTLER_TRY(antler_update(f->train, err));
    f->model->step++;
    return ANTLER_OK;
}

static antler_status log_epoch(antler_fit_run *f, antler_error *err)
{
    f->logs.n = 0;
    antler__objective_logs(f->train->objective, false, &f->logs);
    if (f->validation) {
        ANTLER_TRY(antler__evaluate(f->validation, &f->validation_feeds, &f->validation_rooms, err));
        antler__objective_logs(f->validation->objective, true, &f->logs);
    }
    ANTLER_TRY(call_back(f, ANTLER_AFTER_EPOCH, err));
    return antler__history_add(f->model, &f->logs, err);
}

/* That of an epoch that is over comes after its callbacks. */
static antler_status save_batch(antler_fit_run *f, antler_error *err)
{
    if (!f->args->checkpoint || f->save_freq.batches == 0 || ++f->unsaved < f->save_freq.batches ||
        f->state.batch == f->batches)
        return ANTLER_OK;
    return save(f, err);
}

static antler_status save_epoch(antler_fit_run *f, antler_error *err)
{
    const bool last = f->state.epoch >= f->args->epochs || f->state.stop;
    const bool due = f->save_freq.batches ? f->unsaved >= f->save_freq.batches : ++f->unsaved >= f->save_freq.epochs;
    return f->args->checkpoint && (last || due) ? save(f, err) : ANTLER_OK;
}

static antler_status after_batch(antler_fit_run *f, antler_error *err)
{
    if (f->state.calls_batches) {
        f->logs.n = 0;
        antler__objective_logs(f->train->objective, false, &f->logs);
        ANTLER_TRY(call_back(f, ANTLER_AFTER_BATCH, err));
    }
    ANTLER_TRY(save_batch(f, err));
    return report_progress(f, f->state.batch, false, err);
}

static void make_order(antler_fit_run *f)
{
    if (f->args->shuffle)
        antler__shuffle(f->order, f->feeds.rows, f->args->window, f->model->seed, f->model->epoch);
    for (int64_t i = 0; !f->args->shuffle && i < f->feeds.rows; i++)
        f->order[i] = i;
}

static antler_status train_batches(antler_fit_run *f, antler_error *err)
{
    int64_t n = 0;
    while (f->state.batch < f->batches) {
        const int64_t first = f->state.batch * f->train->batch;
        n = smaller(f->train->batch, f->feeds.rows - first);
        ANTLER_TRY(train_batch(f, f->order + first, n, err));
        f->state.batch++;
        ANTLER_TRY(after_batch(f, err));
    }
    f->state.batch--; /* the last one, for an error */
    return f->last && !antler__weights_finite(f->model) ? diverged(f, n, err) : ANTLER_OK;
}

static antler_status train_epoch(antler_fit_run *f, antler_error *err)
{
    f->began = seconds();
    f->saving = 0;
    remember(f);
    make_order(f);
    if (f->state.batch == 0)
        antler__objective_reset(f->train->objective);
    f->logs.n = 0;
    ANTLER_TRY(call_back(f, ANTLER_AT_EPOCH, err));
    ANTLER_TRY(train_batches(f, err));
    f->state.batch = 0;
    f->model->epoch++;
    f->state.epoch++;
    return log_epoch(f, err);
}

/* All that can refuse this fit before its first step. */
static antler_status start(antler_fit_run *f, antler_error *err)
{
    bool found = false;
    ANTLER_TRY(antler__fit_make(f, err));
    f->state.epoch = f->args->initial_epoch;
    f->state.rate = antler_learning_rate(f->model);
    ANTLER_TRY(start_callbacks(f, err));
    if (f->args->resume && f->args->checkpoint)
        ANTLER_TRY(antler__checkpoint_read(f->args->checkpoint, &f->state, &found, err));
    if (!found)
        antler__history_begin(f->model);
    return ANTLER_OK;
}

static antler_status train(antler_fit_run *f, antler_error *err)
{
    while (f->state.epoch < f->args->epochs && !f->state.stop) {
        ANTLER_TRY(train_epoch(f, err));
        ANTLER_TRY(save_epoch(f, err));
        ANTLER_TRY(report_progress(f, f->batches, true, err));
    }
    antler__update_finish(f->model);
    ANTLER_TRY(call_back(f, ANTLER_AT_END, err));
    antler_outcome *outcome = &f->model->outcome;
    *outcome = antler__outcome_best(&f->settings->callbacks, f->model->history, f->model->epochs_logged);
    outcome->stopped_early = f->state.stop && f->state.epoch < f->args->epochs;
    if (f->state.restored)
        outcome->kept = f->state.kept_epoch;
    return ANTLER_OK;
}

static antler_status check_asked(const antler_model *model, const antler_data *x, const antler_data *y,
                                 antler_error *err)
{
    ANTLER_TRY(antler__compile_ready(model, "the model has no loss to train with", err));
    if (!x || !y)
        return antler_error_set(err, ANTLER_VALUE, NULL, "no data: x and y are needed");
    return ANTLER_OK;
}

/* `seeded`: with the seed of the settings. It stays the model's once weights were drawn from it, or a step is near. */
static antler_status run(antler_fit_run *f, bool seeded, antler_error *err)
{
    antler_model *model = f->model;
    int64_t seed = model->seed;
    bool drawn = model->initialized;
    if (seeded)
        model->seed = f->args->seed;
    antler_status status = antler_build(model);
    if (status != ANTLER_OK)
        return status;
    if (!f->batch_given)
        f->settings->args.batch_size = antler_model_batch(model);
    status = start(f, err);
    if (status != ANTLER_OK && drawn)
        model->seed = seed;
    if (status == ANTLER_OK)
        status = train(f, err);
    antler__fit_free(f);
    return status;
}

antler_status antler_fit_given(antler_model *model, const antler_data *x, const antler_data *y,
                               const struct antler_fit *args, size_t size, const char *given)
{
    antler_error error = {0};
    antler_fit_settings *settings = NULL;
    ANTLER_TRY(antler__model_status(model));
    antler_status status = antler__fit_merge(model, args, size, given, &settings, &error);
    if (status == ANTLER_OK)
        status = antler__unread_fit(model, given, &error);
    if (status == ANTLER_OK)
        status = check_asked(model, x, y, &error);
    if (status == ANTLER_OK) {
        antler_fit_run f = {.model = model, .settings = settings, .args = &settings->args, .x = x, .y = y};
        f.batch_given = antler__given(given, "batch_size");
        f.foreign = !antler__given(given, "callbacks");
        f.save_freq.epochs = 1;
        status = run(&f, antler__given(given, "seed") || model->fit, &error);
    }
    antler__config_free(&antler__fit_type, settings);
    model->failure = status == ANTLER_STOPPED ? (antler_error){0} : error; /* to stop is the caller's wish */
    return status;
}
