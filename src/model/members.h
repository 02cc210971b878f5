/* The next layer of a model that a C program makes. */
#ifndef ANTLER_MEMBERS_H
#define ANTLER_MEMBERS_H

#include "model/model.h"

/* What a C caller gave: a struct of settings, its size, and the text that tells its members. */
typedef struct antler_given {
    const void *settings;
    size_t size;
    const char *text;
} antler_given;

/* The next layer, from a C caller's settings; the next layer or model, from JSON. Nothing is left on failure. */
antler_status antler__layer_given(const antler_model *model, const antler_layer_ops *ops, const antler_given *given,
                                  antler_object *layer, antler_error *err);
antler_status antler__member_json(const antler_model *model, const char *text, antler_tree_member *member,
                                  antler_error *err);

#endif
