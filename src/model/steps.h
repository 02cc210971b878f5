/* A model on the steps of a sequence: views where it begins and where it ends, which make axis 1 a part of the batch.
 */
#ifndef ANTLER_STEPS_H
#define ANTLER_STEPS_H

#include "model/model.h"

/* Plans such a call for an input of the shape *in (taken over), and how many times its output's batch is the model's;
 *times is that of its input. steps: how many there were where the model began, at its end; 0: it begins here. */
antler_status antler__plan_steps(antler_layer *of, antler_shape *in, int64_t steps, int64_t *times, antler_error *err);
bool antler__is_steps(const antler_layer *of);

#endif
