/* antler_layer_view of a model's layers. */
#ifndef ANTLER_VIEWS_H
#define ANTLER_VIEWS_H

#include "model/model.h"

/* Of layers, calls, wires and variables that are there. For antler__views_free, on failure too. */
antler_status antler__views_make(antler_model *model, antler_error *err);
void antler__views_free(antler_model *model);

#endif
