#include "train/fit_run.h"

#include "core/memory.h"
#include "model/compile.h"
#include "model/structure.h"
#include "model/unread.h"
#include "train/adapt.h"
#include "train/history.h"

enum { MOST_RESERVED = 1000 }; /* epochs whose logs have room before the first step */

static antler_status split_data(antler_fit_run *f, antler_error *err)
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

static antler_status make_validation(antler_fit_run *f, antler_pool *pool, antler_error *err)
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
static antler_status make_class_weights(antler_fit_run *f, int64_t *w_width, antler_error *err)
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
static antler_status make_contexts(antler_fit_run *f, antler_error *err)
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
    int64_t w_width;
    ANTLER_TRY(make_class_weights(f, &w_width, err));
    ANTLER_TRY(antler__rooms_make(&f->rooms, batch, f->feeds.x.width, f->feeds.y.width, w_width, err));
    f->order = antler__allocate((size_t)f->feeds.rows, sizeof *f->order);
    if (!f->order)
        return antler__no_memory(err);
    return f->validation_x ? make_validation(f, f->train->pool, err) : ANTLER_OK;
}

/* The whole data, before a part of it is put aside. */
static antler_status check_data(const antler_fit_run *f, antler_error *err)
{
    antler_feeds feeds;
    ANTLER_TRY(antler__compile_ready(f->model, "the model has no loss to train with", err));
    ANTLER_TRY(antler__feeds_make(f->model, f->x, f->y, &feeds, err));
    antler__feeds_free(&feeds);
    return ANTLER_OK;
}

antler_status antler__fit_make(antler_fit_run *f, antler_error *err)
{
    ANTLER_TRY(check_data(f, err));
    ANTLER_TRY(antler__model_slots(f->model, err));
    ANTLER_TRY(split_data(f, err));
    ANTLER_TRY(make_contexts(f, err));
    ANTLER_TRY(antler__adapt(f->model, f->x, f->y, f->args->adapt, err));
    ANTLER_TRY(antler__scale_warn(f->model, f->x, f->y, err));
    ANTLER_TRY(antler__history_reserve(f->model, smaller(f->args->epochs, MOST_RESERVED), err));
    if (f->args->save_freq)
        ANTLER_TRY(antler__save_freq_read(f->args->save_freq, &f->save_freq, err));
    f->state.model = f->model;
    f->state.context = f->train;
    f->state.batches = f->batches;
    f->state.batch_size = f->train->batch;
    f->state.terminates = f->args->terminate_on_nan;
    return antler__callbacks_make(&f->state, &f->settings->callbacks, err);
}

void antler__fit_free(antler_fit_run *f)
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
    antler__free_aligned(f->last);
    antler__callbacks_free(&f->state);
}
