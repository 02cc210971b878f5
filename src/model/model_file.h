/* Model files. */
#ifndef ANTLER_MODEL_FILE_H
#define ANTLER_MODEL_FILE_H

#include "model/model.h"

/* A .keras file of a model that has been built, with more entries beside the weights (NULL: none). */
antler_status antler__save_keras(antler_model *model, const char *path, const antler_entries *extra, antler_error *err);

#endif
