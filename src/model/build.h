/* Building a model. */
#ifndef ANTLER_BUILD_H
#define ANTLER_BUILD_H

#include "model/model.h"

/* Builds; ANTLER_OK also where something failed after the model was built. */
antler_status antler__model_build(antler_model *model);
/* The status of a model that is to be built: builds it, and copies the error; ANTLER_MEMORY for NULL. */
antler_status antler__model_ready(antler_model *model, antler_error *err);

#endif
