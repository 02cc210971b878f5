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
/* Whether the library has the type itself; else a program registered it. */
bool antler__is_builtin(const antler_type *type);
/* The layer that gives a model its input (ANTLER_SOURCE). */
const antler_layer_ops *antler__source_layer(void);

#endif
