/* Graphs that a program makes. */
#ifndef ANTLER_FUNCTIONAL_H
#define ANTLER_FUNCTIONAL_H

#include "model/model.h"

/* Appends a layer or model, which is taken over, also on failure: to a Sequential, or called on the last value. */
antler_status antler__model_add(antler_model *model, antler_tree_member member, antler_error *err);
/* The same on these values; *value is what it gives. */
antler_status antler__model_call(antler_model *model, antler_tree_member member, const antler_value *in, int inputs,
                                 antler_value *value, antler_error *err);
/* Another call of a member. */
antler_status antler__model_call_again(antler_model *model, int64_t member, const antler_value *in, int inputs,
                                       antler_value *value, antler_error *err);

#endif
