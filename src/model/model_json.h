/* A model's JSON. */
#ifndef ANTLER_MODEL_JSON_H
#define ANTLER_MODEL_JSON_H

#include "model/model.h"

/* The Keras version that files claim: that of ANTLER_KERAS, whose rules they follow. Every Keras 3 reads them. */
#define ANTLER_KERAS_VERSION "3.15.0"

/* "2.15.0" as 215; 0 for NULL, and for what is no version. */
int antler__keras_version(const char *text);
/* Whether it is TensorFlow's own Keras: "2.2.4-tf". NULL: no. */
bool antler__keras_is_tensorflow(const char *text);
/* What a file of that style claims of this model. Returns text. */
const char *antler__version_claimed(const antler_model *model, antler_style style, char *text, size_t size);

/* Reads a model's JSON tree into an empty model. */
antler_status antler__model_read(antler_model *model, const antler_json *root, antler_report *report);
antler_status antler__fit_read(antler_model *model, const char *json, antler_report *report); /* "fit" by itself */
/* with_settings: compile_config and "fit" too. Without, compile_config is there all the same where it names no
   optimizer: training_config, the legacy place, must have one. NULL without memory. */
antler_json *antler__model_write(const antler_model *model, antler_style style, bool with_settings);

#endif
