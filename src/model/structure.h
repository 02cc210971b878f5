/* From a list of layers to calls, shapes and variables. */
#ifndef ANTLER_STRUCTURE_H
#define ANTLER_STRUCTURE_H

#include "model/model.h"

/* Structure: calls, shapes, variables, sites; of a Sequential, or with the calls that are given. antler_build also
   draws the initial weights. */
antler_status antler__model_structure(antler_model *model, antler_error *err);
antler_status antler__model_connect(antler_model *model, const antler_graph *graph, antler_error *err);
void antler__spare_drop(antler_model *model); /* wherever the contexts that it keeps go stale */
void antler__structure_free(antler_model *model);
void antler__slots_free(antler_model *model);
antler_status antler__model_initialize(antler_model *model, antler_error *err); /* draws, unless it has weights */
/* Makes an aligned block of model->size numbers the weights of a model that has none; the model owns it. */
void antler__parameters_take(antler_model *model, antler_real *block);
antler_status antler__model_slots(antler_model *model,
                                  antler_error *err); /* allocates optimizer slots at their start */
/* Slots that start at the weights have those of now, unless the optimizer has made steps. */
void antler__slots_follow(antler_model *model);
/* The optimizer starts anew, with the weights of now. */
void antler__slots_restart(antler_model *model);

#endif
