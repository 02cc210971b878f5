/* .weights.h5, also inside .keras. */
#ifndef ANTLER_WEIGHTS_KERAS_H
#define ANTLER_WEIGHTS_KERAS_H

#include "model/weights_entries.h"

antler_status antler__keras_weights_write(const antler_model *model, antler_entries *entries, antler_error *err);
bool antler__is_keras_weights(const antler_entries *entries);
antler_status antler__keras_weights_read(const antler_model *model, const antler_source *source, antler_error *err);

#endif
