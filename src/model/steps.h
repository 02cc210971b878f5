/* A model on the steps of a sequence: views where it begins and where it ends, which make axis 1 a part of the batch.
 */
#ifndef ANTLER_STEPS_H
#define ANTLER_STEPS_H

#include "model/model.h"

/* Plans such a call: call->of, for an input of the shape *in (taken over), and how many times its output's batch is the
   model's; *times is that of its input. */
antler_status antler__plan_steps(antler_model *model, const antler_use *use, antler_call *call, antler_shape *in,
                                 int64_t *times, antler_error *err);

#endif
