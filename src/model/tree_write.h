/* A tree, to Keras's JSON. */
#ifndef ANTLER_TREE_WRITE_H
#define ANTLER_TREE_WRITE_H

#include "config/fields.h"
#include "model/model.h"

/* Fills in "module", "class_name", "config", "registered_name" of a tree of this built model. False without memory. */
bool antler__tree_write(const antler_model *model, const antler_tree *tree, antler_json *object, antler_style style);

/* ["x", 0, 0]; `more` is added to the number of the call. NULL without memory. */
antler_json *antler__reference_write(const antler_tree *tree, antler_from from, int more, antler_json *parent,
                                     const char *key);
/* The settings that Keras takes with the call, where they are on, and where `named` is an object. */
bool antler__call_settings_write(antler_object layer, antler_json *named);

/* Whether argument k of a call only stands in for one that was left out ("key=value"): it is not written. */
bool antler__stands_in(const char *const *names, const antler_member_call *call, int k);

/* The forms of Keras 2 (tree_write_lists.c), which has no operators of Keras 3. */
bool antler__tree_has_operators(const antler_tree *tree);
int antler__calls_before(const antler_tree_member *member);
bool antler__call_write_list(const antler_tree *tree, const antler_tree_member *member, const antler_member_call *call,
                             antler_json *calls);
/* What a layer's config says in Keras 2 of the shapes of its arguments, for those that ask for it: "query_shape". */
bool antler__shapes_write(const antler_model *model, const antler_tree_member *member, antler_json *object);

#endif
