/* Layers that learn of the data before training. */
#ifndef ANTLER_ADAPT_H
#define ANTLER_ADAPT_H

#include "train/feed.h"

/* As antler_adapt, and a layer that gives the model's output and is to be like the targets learns of y. Without
   `all`, those that have not learned yet, of a model that has not been trained: what others trained stays. */
antler_status antler__adapt(antler_model *model, const antler_data *x, const antler_data *y, bool all,
                            antler_error *err);
/* Warns of inputs and targets that are far from 1 where weights meet them as they are. */
antler_status antler__scale_warn(antler_model *model, const antler_data *x, const antler_data *y, antler_error *err);

/* What the layers before call `call` make of the first rows of x: (rows, *row_elements), for antler__free. */
antler_status antler__call_inputs(antler_model *model, const antler_data *x, int64_t call, int64_t rows,
                                  antler_real **values, int64_t *row_elements, antler_error *err);
/* Whether the call gives the output of a model that has one alone. */
bool antler__call_is_last(const antler_model *model, const antler_call *call);
/* Whether the layer of the call is to give what the targets are like. */
bool antler__call_of_targets(const antler_model *model, const antler_call *call);

#endif
