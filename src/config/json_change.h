/* Changes of a place in a JSON tree. */
#ifndef ANTLER_JSON_CHANGE_H
#define ANTLER_JSON_CHANGE_H

#include "config/json.h"

/* "config.layers[1].config.units=64": puts the value, JSON or a bare word, at the place, in a new tree for *root. A key
   may be new where its reader knows what there is: in a "config", "compile_config" or "fit". */
antler_status antler__json_change(antler_json **root, const char *change, antler_error *err);

#endif
