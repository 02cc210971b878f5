/* One fit: what it needs, and how that is made. */
#ifndef ANTLER_FIT_RUN_H
#define ANTLER_FIT_RUN_H

#include "train/call_back.h"
#include "train/class_weight.h"
#include "train/evaluate.h"
#include "train/fit_settings.h"
#include "train/objective.h"

/* All that one fit needs; made before its first step. */
typedef struct antler_fit_run {
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
    bool foreign; /* the callbacks are a file's */
    antler_training state;
    antler_logs logs;
    antler_save_freq save_freq;
    int64_t unsaved;      /* epochs or batches since the last checkpoint */
    double began, saving; /* the epoch, in seconds; those that checkpoints took of it */
    antler_real *last;    /* [model->size] the weights before the epoch; NULL: not needed */
    int64_t last_step;    /* and the model's step */
} antler_fit_run;

/* Makes what has not been given; for antler__fit_free on failure, too. */
antler_status antler__fit_make(antler_fit_run *fit, antler_error *err);
void antler__fit_free(antler_fit_run *fit);

#endif
