/* Making contexts. */
#ifndef ANTLER_CONTEXT_CREATE_H
#define ANTLER_CONTEXT_CREATE_H

#include "model/context.h"

/* One share of the pool becomes the context's, also on failure; NULL (a pool that could not be made) gives NULL.
   linear: the call whose logits the loss takes, so that its activation has no part in the pass back; -1 for none. */
antler_context *antler__context_create(const antler_model *model, antler_model *writable, antler_mode mode,
                                       int64_t batch, antler_pool *pool, unsigned flags, int64_t linear,
                                       antler_error *err);
/* All but the objective. */
void antler__context_free(antler_context *context);

#endif
