/* Settings that Keras takes with the call of a layer (use_causal_mask), which here are the layer's: fields flagged
   ANTLER_CALL. */
#ifndef ANTLER_CALL_SETTINGS_H
#define ANTLER_CALL_SETTINGS_H

#include "config/fields.h"
#include "config/json.h"
#include "model/tree.h"

/* The field of that name; NULL: the layer has no such setting. */
const antler_field *antler__call_setting(const antler_tree_member *member, const char *key);
/* Takes those of a call into the layer's config; refuses ones that differ from the layer's first call. */
antler_status antler__call_settings(antler_report *report, antler_tree_member *member, const antler_json *first,
                                    const antler_json *call, const antler_place *place);

#endif
