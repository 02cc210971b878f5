/* Settings that Keras takes with the call of a layer (use_causal_mask), which here are the layer's: fields flagged
   ANTLER_CALL, or those of a call that has its own. */
#ifndef ANTLER_CALL_SETTINGS_H
#define ANTLER_CALL_SETTINGS_H

#include "config/fields.h"
#include "config/json.h"
#include "model/tree.h"

/* The field of that name; NULL: the layer has no such setting. */
const antler_field *antler__call_setting(const antler_tree_member *member, const char *key);
/* Takes those of the member's last call, which `json` has: of its first call into the layer's config, of one that
   differs from that into a copy, which is the call's own. */
antler_status antler__call_settings(antler_tree_member *member, const antler_json *json, antler_error *err);
/* Refuses such settings of a member of a Sequential, whose calls a file does not have. */
antler_status antler__refuse_call_settings(const antler_tree_member *member, antler_error *err);
/* The layer with the settings of a call. */
antler_object antler__layer_of_call(const antler_tree_member *member, const antler_member_call *call);

#endif
