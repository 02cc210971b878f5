/* Training: epochs of shuffled batches, validation, callbacks, history. */

#include "config/given.h"
#include "core/memory.h"
#include "model/compile.h"
#include "model/structure.h"
#include "model/unread.h"
#include "train/checkpoint.h"
#include "train/class_weight.h"
#include "train/doubts.h"
#include "train/evaluate.h"
#include "train/fit_settings.h"
#include "train/history.h"
#include "train/shuffle.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MOST_RESERVED = 1000 }; /* epochs whose logs have room before the first step */

/* All that one fit needs; made before its first step. */
typedef struct fit {
    antler_model *model;
    antler_fit_settings *settings;
    const struct antler_fit *args;
    const antler_data *x, *y, *validation_x, *validation_y;
    antler_data *part[4]; /* of a validation split; owned */
    int64_t batches;
    antler_feeds feeds, validation_feeds;
    antler_context *train, *validation; /* validation NULL: none */
    antler_rooms rooms, validation_rooms;
    antler_class_weights classes;
    int64_t *order; /* [rows of the feeds] */
    bool batch_given;
    antler_training state;
    antler_logs logs;
    double began; /* the epoch, in seconds */
} fit;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- setting up -------------------------------------------------------------------------------------------------- */

static antler_status split_data(fit *f, antler_error *err)
{
    double split = f->args->validation_split;
    f->validation_x = f->args->validation_x;
    f->validation_y = f->args->validation_y;
    if (!f->validation_x != !f->validation_y)
        return antler_error_set(err, ANTLER_VALUE, "validation_x", "validation needs both x and y");
    if (f->validation_x || split == 0)
        return ANTLER_OK;
    ANTLER_TRY(antler_data_split(f->x, split, &f->part[0], &f->part[2], err));
    ANTLER_TRY(antler_data_split(f->y, split, &f->part[1], &f->part[3], err));
    f->x = f->part[0];
    f->y = f->part[1];
    f->validation_x = f->part[2];
    f->validation_y = f->part[3];
    return ANTLER_OK;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static antler_status make_validation(fit *f, antler_pool *pool, antler_error *err)
{
    antler_feeds *feeds = &f->validation_feeds;
    ANTLER_TRY(antler__feeds_make(f->model, f->validation_x, f->validation_y, feeds, err));
    int64_t n = smaller(f->args->batch_size, feeds->rows);
    f->validation = antler__training_context_on(f->model, NULL, ANTLER_INFER, n, antler__pool_share(pool),
                                                ANTLER_WITH_OBJECTIVE, feeds->x.shape, err);
    if (!f->validation)
        return err->status;
    ANTLER_TRY(antler__feed_fits(&feeds->y, &feeds->w, f->validation->objective, f->model, err));
    return antler__rooms_make(&f->validation_rooms, n, feeds->x.width, feeds->y.width, feeds->w.width, err);
}

/* Weights of classes take the place of sample weights. */
static antler_status make_class_weights(fit *f, int64_t *w_width, antler_error *err)
{
    *w_width = f->feeds.w.width;
    ANTLER_TRY(antler__class_weights_make(&f->settings->class_weight, &f->classes, err));
    if (f->classes.n == 0)
        return ANTLER_OK;
    if (f->model->outputs > 1)
        return antler_error_set(err, ANTLER_UNSUPPORTED, "fit.class_weight",
                                "a model of %lld outputs: use sample weights, which each output can have its own of",
                                (long long)f->model->outputs);
    if (f->feeds.w.parts)
        return antler_error_set(err, ANTLER_VALUE, "fit.class_weight", "there are sample weights; only one of both");
    *w_width = f->train->objective->goal[0].inner;
    return antler__goal_weights(&f->train->objective->goal[0], f->model, *w_width, err);
}

/* The two contexts never run at a time, so one pool serves both. */
static antler_status make_contexts(fit *f, antler_error *err)
{
    ANTLER_TRY(antler__feeds_make(f->model, f->x, f->y, &f->feeds, err));
    int64_t batch = smaller(f->args->batch_size, f->feeds.rows);
    f->batches = (f->feeds.rows + batch - 1) / batch;
    f->train =
        antler__training_context(f->model, f->model, ANTLER_TRAIN, batch, f->args->threads, 0, f->feeds.x.shape, err);
    if (!f->train)
        return err->status;
    ANTLER_TRY(antler__spans_make(f->train, &f->settings->multipliers, err));
    ANTLER_TRY(antler__feed_fits(&f->feeds.y, &f->feeds.w, f->train->objective, f->model, err));
    ANTLER_TRY(antler__doubt_targets(f->model, f->train->objective, &f->feeds.y, f->feeds.rows, err));
    int64_t w_width;
    ANTLER_TRY(make_class_weights(f, &w_width, err));
    ANTLER_TRY(antler__rooms_make(&f->rooms, batch, f->feeds.x.width, f->feeds.y.width, w_width, err));
    f->order = antler__allocate((size_t)f->feeds.rows, sizeof *f->order);
    if (!f->order)
        return antler__no_memory(err);
    return f->validation_x ? make_validation(f, f->train->pool, err) : ANTLER_OK;
}

static const antler_callback_ops *callback_ops(const fit *f, int64_t i)
{
    return (const antler_callback_ops *)f->settings->callbacks.item[i].type;
}

static antler_status make_callbacks(fit *f, antler_error *err)
{
    f->state.model = f->model;
    for (int64_t i = 0; i < f->settings->callbacks.n; i++)
        f->state.callback_numbers += callback_ops(f, i)->numbers;
    f->state.callback_state = antler__allocate_zeroed((size_t)f->state.callback_numbers, sizeof(double));
    if (!f->state.callback_state)
        return antler__no_memory(err);
    for (int64_t i = 0; i < f->settings->callbacks.n; i++)
        if (callback_ops(f, i)->keeps && callback_ops(f, i)->keeps(f->settings->callbacks.item[i].config))
            return antler__kept_room(&f->state, err);
    return ANTLER_OK;
}

/* The whole data, before a part of it is put aside. */
static antler_status check_data(const fit *f, antler_error *err)
{
    antler_feeds feeds;
    ANTLER_TRY(antler__compile_ready(f->model, "the model has no loss to train with", err));
    ANTLER_TRY(antler__feeds_make(f->model, f->x, f->y, &feeds, err));
    antler__feeds_free(&feeds);
    return ANTLER_OK;
}

static antler_status set_up(fit *f, antler_error *err)
{
    ANTLER_TRY(check_data(f, err));
    ANTLER_TRY(antler__model_slots(f->model, err));
    ANTLER_TRY(split_data(f, err));
    ANTLER_TRY(make_contexts(f, err));
    if (f->args->adapt)
        ANTLER_TRY(antler_adapt(f->model, f->x, err));
    ANTLER_TRY(antler__history_reserve(f->model, smaller(f->args->epochs, MOST_RESERVED), err));
    return make_callbacks(f, err);
}

static void tear_down(fit *f)
{
    antler_context_free(f->train);
    antler_context_free(f->validation);
    for (int i = 0; i < 4; i++)
        antler_data_free(f->part[i]);
    antler__feeds_free(&f->feeds);
    antler__feeds_free(&f->validation_feeds);
    antler__rooms_free(&f->rooms);
    antler__rooms_free(&f->validation_rooms);
    antler__class_weights_free(&f->classes);
    antler__free(f->order);
    antler__free_aligned(f->state.kept);
    antler__free(f->state.callback_state);
}

/* ---- callbacks --------------------------------------------------------------------------------------------------- */

static antler_status keep_weights(fit *f, antler_error *err)
{
    ANTLER_TRY(antler__kept_room(&f->state, err));
    memcpy(f->state.kept, f->model->parameters, (size_t)f->model->size * sizeof(antler_real));
    f->state.has_kept = true;
    return ANTLER_OK;
}

typedef enum moment { AT_START, AFTER_EPOCH, AT_END } moment;

static antler_status call_back(fit *f, moment when, antler_error *err)
{
    double *state = f->state.callback_state;
    for (int64_t i = 0; i < f->settings->callbacks.n; i++) {
        const antler_callback_ops *ops = callback_ops(f, i);
        antler_error warning = {0};
        antler_epoch epoch = {.epoch = f->state.epoch - (when != AT_START),
                              .start = when == AT_START,
                              .name = f->logs.name,
                              .value = f->logs.value,
                              .n = when == AT_START ? 0 : f->logs.n,
                              .err = err,
                              .warning = &warning};
        antler_status (*call)(const void *, double *, antler_epoch *) = when == AT_END ? ops->end : ops->epoch;
        if (call)
            ANTLER_TRY(call(f->settings->callbacks.item[i].config, state, &epoch));
        if (*warning.message) {
            snprintf(warning.place, sizeof warning.place, "fit.callbacks[%lld]", (long long)i);
            antler__model_warn(f->model, &warning);
        }
        if (epoch.keep)
            ANTLER_TRY(keep_weights(f, err));
        if (epoch.restore && f->state.has_kept)
            memcpy(f->model->parameters, f->state.kept, (size_t)f->model->size * sizeof(antler_real));
        f->state.stop = f->state.stop || epoch.stop;
        state += ops->numbers;
    }
    return ANTLER_OK;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static antler_status report_progress(fit *f, int64_t batch, bool end_of_epoch, antler_error *err)
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
                                .logs = &f->logs};
    if (!f->args->progress(f->args->user, &progress))
        return antler_error_set(err, ANTLER_STOPPED, NULL, "stopped in epoch %lld", (long long)progress.epoch + 1);
    return ANTLER_OK;
}

static antler_status train_batch(fit *f, const int64_t *row, int64_t n, antler_error *err)
{
    ANTLER_TRY(antler__gather_x(f->train, &f->feeds.x, row, n, f->rooms.x, err));
    ANTLER_TRY(antler__feed_gather(&f->feeds.y, row, n, f->rooms.y, err));
    ANTLER_TRY(antler__feed_gather(&f->feeds.w, row, n, f->rooms.w, err));
    if (f->classes.n)
        antler__class_weights_fill(&f->classes, &f->train->objective->goal[0], f->rooms.y, n, f->rooms.w);
    antler__objective_weigh(f->train->objective, f->classes.n || f->feeds.w.parts ? f->rooms.w : NULL, n);
    f->train->rows = row;
    antler_context_seek(f->train, f->model->step, 0);
    ANTLER_TRY(antler__forward(f->train, f->rooms.x, n, err));
    ANTLER_TRY(antler__backward_tracked(f->train, f->rooms.y, err));
    ANTLER_TRY(antler_update(f->train, err));
    f->model->step++;
    return ANTLER_OK;
}

static antler_status log_epoch(fit *f, antler_error *err)
{
    f->logs.n = 0;
    antler__objective_logs(f->train->objective, false, &f->logs);
    if (f->validation) {
        ANTLER_TRY(antler__evaluate(f->validation, &f->validation_feeds, &f->validation_rooms, err));
        antler__objective_logs(f->validation->objective, true, &f->logs);
    }
    return antler__history_add(f->model, &f->logs, err);
}

static antler_status train_epoch(fit *f, antler_error *err)
{
    f->began = seconds();
    if (f->args->shuffle)
        antler__shuffle(f->order, f->feeds.rows, f->args->window, f->model->seed, f->model->epoch);
    for (int64_t i = 0; !f->args->shuffle && i < f->feeds.rows; i++)
        f->order[i] = i;
    antler__objective_reset(f->train->objective);
    for (int64_t b = 0; b < f->batches; b++) {
        int64_t first = b * f->train->batch;
        ANTLER_TRY(train_batch(f, f->order + first, smaller(f->train->batch, f->feeds.rows - first), err));
        ANTLER_TRY(report_progress(f, b + 1, false, err));
    }
    f->model->epoch++;
    f->state.epoch++;
    return log_epoch(f, err);
}

/* All that can refuse this fit before its first step. */
static antler_status start(fit *f, antler_error *err)
{
    bool found = false;
    ANTLER_TRY(set_up(f, err));
    f->state.context = f->train;
    f->state.epoch = f->args->initial_epoch;
    ANTLER_TRY(call_back(f, AT_START, err));
    if (f->args->resume && f->args->checkpoint)
        ANTLER_TRY(antler__checkpoint_read(f->args->checkpoint, &f->state, &found, err));
    if (!found)
        antler__history_begin(f->model);
    return ANTLER_OK;
}

static antler_status train(fit *f, antler_error *err)
{
    while (f->state.epoch < f->args->epochs && !f->state.stop) {
        ANTLER_TRY(train_epoch(f, err));
        ANTLER_TRY(call_back(f, AFTER_EPOCH, err));
        if (f->args->checkpoint)
            ANTLER_TRY(antler__checkpoint_write(f->args->checkpoint, &f->state, err));
        ANTLER_TRY(report_progress(f, f->batches, true, err));
    }
    antler__update_finish(f->model);
    return call_back(f, AT_END, err);
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
static antler_status run(fit *f, bool seeded, antler_error *err)
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
    tear_down(f);
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
        fit f = {.model = model, .settings = settings, .args = &settings->args, .x = x, .y = y};
        f.batch_given = antler__given(given, "batch_size");
        status = run(&f, antler__given(given, "seed") || model->fit, &error);
    }
    antler__config_free(&antler__fit_type, settings);
    model->failure = status == ANTLER_STOPPED ? (antler_error){0} : error; /* to stop is the caller's wish */
    return status;
}
