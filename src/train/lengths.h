/* Contexts at the lengths that the data has along open axes. */
#ifndef ANTLER_LENGTHS_H
#define ANTLER_LENGTHS_H

#include "train/objective.h"

/* Makes the context one for inputs of the shapes `in`, which fit the model: as if it had been made for them, but for
   what stateful layers carry, or as it was. */
antler_status antler__context_move(antler_context *context, const antler_shape *in, antler_error *err);

#endif
