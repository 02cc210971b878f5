/* The types, of every kind: the library's lists and what was registered at run time. */
#ifndef ANTLER_REGISTRY_H
#define ANTLER_REGISTRY_H

#include "antler/layer.h"

/* NULL-terminated lists of the built-in types, one file a kind. */
extern const antler_type *const antler__activations[];
extern const antler_type *const antler__initializers[];
extern const antler_type *const antler__regularizers[];
extern const antler_type *const antler__constraints[];
extern const antler_type *const antler__losses[];
extern const antler_type *const antler__metrics[];
extern const antler_type *const antler__optimizers[];
extern const antler_type *const antler__schedules[];
extern const antler_type *const antler__callbacks[];
extern const antler_type *const antler__settings[];

/* By class name or alias; NULL for none. */
const antler_type *antler__type_find(antler_kind kind, const char *name);
/* The index-th type of a kind, NULL past the last. */
const antler_type *antler__type_at(antler_kind kind, int64_t index);
/* The name of a kind that is most like `name` ("Dnese" gives "Dense"), NULL when none is near. */
const char *antler__type_nearest(antler_kind kind, const char *name);
/* The layer that gives a model its input (ANTLER_SOURCE). */
const antler_layer_ops *antler__source_layer(void);
/* Edits (insert, delete, change, swap neighbours) between two names, without regard to case. */
int antler__distance(const char *a, const char *b);

#endif
