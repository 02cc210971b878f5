/* Weights that outlast the structure they were made in. */
#ifndef ANTLER_KEPT_H
#define ANTLER_KEPT_H

#include "model/model.h"

/* Copies a model's weights, if it has any, to its tree. */
antler_status antler__kept_take(const antler_model *model, antler_error *err);
/* Puts what the tree and its parts keep in place of what was drawn. */
antler_status antler__kept_put(antler_model *model, antler_error *err);

#endif
