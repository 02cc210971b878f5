/* The contexts that a model keeps for its next prediction. */
#ifndef ANTLER_SPARE_H
#define ANTLER_SPARE_H

#include "train/objective.h"

/* An inference context of at least these properties, for inputs of the shapes `in`, that nobody else runs, its state
   reset: one that the model keeps, or a new one. `give` lets the model keep it; NULL is fine. Both may be called from
   several threads. */
antler_context *antler__spare_take(antler_model *model, antler_mode mode, int64_t batch, int threads, unsigned flags,
                                   const antler_shape *in, antler_error *err);
void antler__spare_give(antler_model *model, antler_context *context);

#endif
