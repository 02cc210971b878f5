/* .h5 of a whole model, or of weights alone. */
#ifndef ANTLER_WEIGHTS_LEGACY_H
#define ANTLER_WEIGHTS_LEGACY_H

#include "model/weights_entries.h"

bool antler__is_legacy_weights(const antler_entries *entries);
antler_status antler__legacy_weights_write(const antler_model *model, antler_style style, antler_entries *entries,
                                           antler_error *err);
antler_status antler__legacy_weights_read(const antler_model *model, const antler_source *source, antler_error *err);

#endif
