/* Checkpoints: all that a fit needs to go on. */
#ifndef ANTLER_CHECKPOINT_H
#define ANTLER_CHECKPOINT_H

#include "model/model.h"

/* A fit under way, as a checkpoint sees it. */
typedef struct antler_training {
    antler_model *model;
    double rate;             /* that it began with; NaN: a schedule's */
    antler_context *context; /* whose stateful layers carry on from batch to batch, and from epoch to epoch */
    int64_t epoch;           /* epochs done */
    int64_t batch, batches;  /* batches done of the running one, of how many */
    int64_t batch_size;
    bool stop;          /* a callback has ended the training */
    antler_real *kept;  /* [model->size] room for weights that a callback puts aside, or NULL */
    bool has_kept;      /* they lie there */
    int64_t kept_epoch; /* of the history: whose they are; -1: nobody knows */
    bool restored;      /* the model has them */
    const antler_objects *callbacks;
    double *callback_state; /* [callback_numbers] */
    int64_t callback_numbers;
    bool calls_batches; /* some are called after batches */
    bool terminates;    /* where the loss is no finite number */
} antler_training;

/* How often checkpoints are written: after so many epochs, or batches; 0 for the other one. */
typedef struct antler_save_freq {
    int64_t epochs, batches;
} antler_save_freq;
/* "epoch", "10 epochs", "500". */
antler_status antler__save_freq_read(const char *text, antler_save_freq *freq, antler_error *err);

/* Makes the room for weights that are put aside, unless it is there. */
antler_status antler__kept_room(antler_training *training, antler_error *err);

/* Writes the whole state to `folder`, replacing the last one's; reads it back, when there is one (*found): what is
   refused has changed nothing of the model. In the midst of an epoch its running sums are part of the state. */
antler_status antler__checkpoint_write(const char *folder, const antler_training *training, antler_error *err);
antler_status antler__checkpoint_read(const char *folder, antler_training *training, bool *found, antler_error *err);

#endif
