/* Making contexts. */
#ifndef ANTLER_CONTEXT_CREATE_H
#define ANTLER_CONTEXT_CREATE_H

#include "model/context.h"

/* One share of the pool becomes the context's, also on failure; NULL (a pool that could not be made) gives NULL.
   end: what is known of the loss of each output (logits, apart); NULL: there are no losses.
   in: shapes of the inputs, of which those of a model with open axes are planned; NULL: not known yet. */
antler_context *antler__context_create(const antler_model *model, antler_model *writable, antler_mode mode,
                                       int64_t batch, antler_pool *pool, unsigned flags, const antler_end *end,
                                       const antler_shape *in, antler_error *err);
/* All but the objective. */
void antler__context_free(antler_context *context);

#endif
