/* Operators as TF 2.0 to 2.3 kept them, in the form of later versions. */
#ifndef ANTLER_OLD_OPERATION_H
#define ANTLER_OLD_OPERATION_H

#include "config/json.h"

#include <stdbool.h>

/* Fills `to`, an empty object, from a layer that is a node of TensorFlow's graph. *known: it is one that can be said;
   else `to` stays empty. False without memory. */
bool antler__old_operation(const antler_json *node, antler_json *to, bool *known);

#endif
