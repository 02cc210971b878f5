/* The contexts that antler_predict and antler_evaluate run on: kept by the model when a call is done, so that the next
   one neither starts threads nor plans memory. Whoever predicts takes the spare context away, so that no two threads
   run it; where it is taken, or does not fit, a new one is made, and the last to be given back stays. Parameters are
   read through the model, which may be trained in between. */
#include "train/spare.h"

#include "train/lengths.h"

static bool fits(const antler_context *c, int64_t batch, int threads, unsigned flags)
{
    return c->batch >= batch && (c->flags & flags) == flags && c->seed == c->model->seed &&
           antler__pool_serves(c->pool, threads);
}

antler_context *antler__spare_take(antler_model *model, antler_mode mode, int64_t batch, int threads, unsigned flags,
                                   const antler_shape *in, antler_error *err)
{
    antler_context *c = atomic_exchange(&model->spare[mode == ANTLER_MC], NULL);
    if (c && fits(c, batch, threads, flags)) {
        antler_context_reset(c);
        if (antler__context_move(c, in, err) == ANTLER_OK)
            return c;
        antler_context_free(c);
        return NULL;
    }
    antler_context_free(c);
    return antler__training_context(model, NULL, mode, batch, threads, flags, in, err);
}

void antler__spare_give(antler_model *model, antler_context *c)
{
    if (c)
        antler_context_free(atomic_exchange(&model->spare[c->mode == ANTLER_MC], c));
}
