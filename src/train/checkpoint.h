/* Checkpoints: all that a fit needs to go on. */
#ifndef ANTLER_CHECKPOINT_H
#define ANTLER_CHECKPOINT_H

#include "model/model.h"

/* A fit under way, as a checkpoint sees it. */
typedef struct antler_training {
    antler_model *model;
    antler_context *context; /* whose stateful layers carry on from batch to batch, and from epoch to epoch */
    int64_t epoch;           /* epochs done */
    bool stop;               /* a callback has ended the training */
    antler_real *kept;       /* [model->size] room for weights that a callback puts aside, or NULL */
    bool has_kept;           /* they lie there */
    double *callback_state;  /* [callback_numbers] */
    int64_t callback_numbers;
} antler_training;

/* Makes the room for weights that are put aside, unless it is there. */
antler_status antler__kept_room(antler_training *training, antler_error *err);

/* Writes the whole state to `folder`, replacing the last one's; reads it back, when there is one (*found): what is
   refused has changed nothing of the model. */
antler_status antler__checkpoint_write(const char *folder, const antler_training *training, antler_error *err);
antler_status antler__checkpoint_read(const char *folder, antler_training *training, bool *found, antler_error *err);

#endif
