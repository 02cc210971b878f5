/* What a file's format can say of a model, beside antler_save_check. */
#ifndef ANTLER_SAYABLE_H
#define ANTLER_SAYABLE_H

#include "model/model.h"

/* The style of its legacy .h5. */
antler_style antler__legacy_style(const antler_model *model);
/* Warns of names in the file at path that Keras 3 would take for something else. */
void antler__names_tell(antler_model *model, const char *path);

#endif
