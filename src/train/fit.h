/* Training. Private to the library. */
#ifndef ANTLER_FIT_H
#define ANTLER_FIT_H

#include "train/objective.h"

/* The type of "fit", NULL-terminated for the registry. */
extern const antler_type *const antler__settings[];

/* The settings of one fit: the model's "fit", with what the caller gave in its place. For antler__config_free. */
antler_status antler__fit_merge(const antler_model *model, const struct antler_fit *args, size_t size,
                                const char *given, antler_fit_settings **settings, antler_error *err);

/* The order of n rows in an epoch, a function of (seed, epoch, n, window): windows of `window` rows (0: one of all) are
   shuffled among each other and within. row holds n numbers. */
void antler__shuffle(int64_t *row, int64_t n, int64_t window, int64_t seed, int64_t epoch);

/* x's rows fit the model's input, and y's the objective (which may be NULL), and both are as many. */
antler_status antler__check_data(const antler_model *model, antler_objective *objective, const antler_data *x,
                                 const antler_data *y, antler_error *err);

/* Rows of x, as the model's input takes them. */
antler_status antler__gather_x(const antler_model *model, const antler_data *x, const int64_t *row, int64_t n,
                               antler_real *out, antler_error *err);

/* Room for a batch of x, of targets, and of the numbers of their rows. */
typedef struct antler_rooms {
    int64_t batch;
    antler_real *x, *y;
    int64_t *row;
} antler_rooms;
antler_status antler__rooms_make(antler_rooms *rooms, int64_t batch, int64_t x_width, int64_t y_width,
                                 antler_error *err);
void antler__rooms_free(antler_rooms *rooms);

/* Runs all of x and y through an inference context that has an objective and takes the rooms' batch. */
antler_status antler__evaluate(antler_context *context, const antler_data *x, const antler_data *y, antler_rooms *rooms,
                               antler_error *err);

/* Room for `epochs` logs in all; then antler__history_add only allocates beyond them. */
antler_status antler__history_reserve(antler_model *model, int64_t epochs, antler_error *err);
antler_status antler__history_add(antler_model *model, const antler_logs *logs, antler_error *err);

/* A fit under way, as a checkpoint sees it. */
typedef struct antler_training {
    antler_model *model;
    antler_context *context; /* whose stateful layers carry on from batch to batch, and from epoch to epoch */
    int64_t epoch;           /* epochs done */
    bool stop;               /* a callback has ended the training */
    antler_real *kept;       /* [model->size] weights that a callback had put aside, or NULL */
    double *callback_state;  /* [callback_numbers] */
    int64_t callback_numbers;
} antler_training;

/* Writes the whole state to `folder`, replacing the last one's; reads it back, when there is one (*found). */
antler_status antler__checkpoint_write(const char *folder, const antler_training *training, antler_error *err);
antler_status antler__checkpoint_read(const char *folder, antler_training *training, bool *found, antler_error *err);

#endif
