/* .weights.h5, also inside .keras. `to` is in the layout of model->parameters. */
#ifndef ANTLER_WEIGHTS_KERAS_H
#define ANTLER_WEIGHTS_KERAS_H

#include "model/model.h"

antler_status antler__keras_weights_write(const antler_model *model, antler_entries *entries, antler_error *err);
antler_status antler__keras_weights_read(const antler_model *model, const antler_entries *entries, antler_real *to,
                                         antler_error *err);

#endif
