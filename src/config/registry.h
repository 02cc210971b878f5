/* The types, of every kind: the library's lists and what was registered at run time. */
#ifndef ANTLER_REGISTRY_H
#define ANTLER_REGISTRY_H

#include "antler/layer.h"

/* The built-in types by kind, NULL-terminated lists. Filled where the types are (src/layers/builtin.c): the registry
   knows none of them. */
extern const antler_type *const *const antler__builtin[ANTLER_KINDS];

/* The layer that gives a model its input (ANTLER_SOURCE). */
const antler_layer_ops *antler__source_layer(void);
/* Keras's snake case: "MaxPooling2D" gives "max_pooling2d". Returns text. */
const char *antler__snake_case(const char *class_name, char *text, size_t size);

#endif
