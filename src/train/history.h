/* What a fit logged. */
#ifndef ANTLER_HISTORY_H
#define ANTLER_HISTORY_H

#include "model/model.h"

/* Empties it, for a fit of what is compiled now. */
void antler__history_begin(antler_model *model);
/* Room for `epochs` logs in all; then antler__history_add only allocates beyond them. */
antler_status antler__history_reserve(antler_model *model, int64_t epochs, antler_error *err);
antler_status antler__history_add(antler_model *model, const antler_logs *logs, antler_error *err);

#endif
