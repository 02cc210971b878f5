/* The optimizer's state in a file, and where training stands. */
#ifndef ANTLER_WEIGHTS_OPTIMIZER_H
#define ANTLER_WEIGHTS_OPTIMIZER_H

#include "model/model.h"

antler_status antler__optimizer_write(const antler_model *model, antler_style style, antler_entries *entries,
                                      antler_error *err);
/* Leaves a state out that does not fit, as Keras does; a number of steps that is none is an error. */
antler_status antler__optimizer_read(antler_model *model, const antler_entries *entries, antler_error *err);
/* The steps that the state in the file had done; -1: it does not fit. */
antler_status antler__optimizer_steps(antler_model *model, const antler_entries *entries, int64_t *steps,
                                      antler_error *err);
antler_status antler__position_write(const antler_model *model, antler_entries *entries, antler_error *err);
/* Where a training stands: batches and epochs done. */
typedef struct antler_position {
    int64_t step, epoch;
} antler_position;
/* Leaves *position as it is where the file says nothing. */
antler_status antler__position_read(const antler_entries *entries, antler_position *position, antler_error *err);

/* A count of steps or epochs from a file, the index-th number of the entry: what is no whole number in [0, 2^53] is an
   error. */
antler_status antler__counter_read(const antler_entry *entry, int64_t index, int64_t *value, antler_error *err);

#endif
