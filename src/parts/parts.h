/* The built-in types of the small kinds: NULL-terminated lists, one file a kind. */
#ifndef ANTLER_PARTS_LISTS_H
#define ANTLER_PARTS_LISTS_H

#include "antler/layer.h"

extern const antler_type *const antler__activations[];
extern const antler_type *const antler__initializers[];
extern const antler_type *const antler__regularizers[];
extern const antler_type *const antler__constraints[];
extern const antler_type *const antler__losses[];
extern const antler_type *const antler__metrics[];
extern const antler_type *const antler__optimizers[];
extern const antler_type *const antler__schedules[];
extern const antler_type *const antler__callbacks[];

/* Those that a layer or an operator applies by their own name. */
extern const antler_activation_ops antler__softmax, antler__log_softmax;
extern const antler_activation_ops antler__elementwise[]; /* by ANTLER_ACT_... */

#endif
