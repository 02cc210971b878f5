/* The types, of every kind: the library's lists and what was registered at run time. */
#ifndef ANTLER_REGISTRY_H
#define ANTLER_REGISTRY_H

#include "antler/layer.h"

/* The built-in types by kind, NULL-terminated lists. Filled where the types are (src/layers/builtin.c): the registry
   knows none of them. */
extern const antler_type *const *const antler__builtin[ANTLER_KINDS];

/* The type with all of this version's methods, for a table of the caller's: itself, or, where an older version's
   headers made it shorter, a copy whose missing methods are NULL; the same one each time. Refuses tables that cannot
   serve. */
antler_status antler__type_whole(const antler_type *type, const antler_type **whole, antler_error *err);
/* By class name or alias; NULL for none. */
const antler_type *antler__type_find(antler_kind kind, const char *name);
/* The index-th type of a kind, NULL past the last. */
const antler_type *antler__type_at(antler_kind kind, int64_t index);
/* The name of a kind that is most like `name` ("Dnese" gives "Dense"), NULL when none is near. */
const char *antler__type_nearest(antler_kind kind, const char *name);
/* The layer that gives a model its input (ANTLER_SOURCE). */
const antler_layer_ops *antler__source_layer(void);
/* Keras's snake case: "MaxPooling2D" gives "max_pooling2d". Returns text. */
const char *antler__snake_case(const char *class_name, char *text, size_t size);
/* Edits (insert, delete, change, swap neighbours) between two names, without regard to case. */
int antler__distance(const char *a, const char *b);

#endif
