/* A tree, to Keras's JSON. */
#ifndef ANTLER_TREE_WRITE_H
#define ANTLER_TREE_WRITE_H

#include "config/fields.h"
#include "model/model.h"

/* Fills in "module", "class_name", "config", "registered_name" of a tree of this built model. False without memory. */
bool antler__tree_write(const antler_model *model, const antler_tree *tree, antler_json *object, antler_style style);

#endif
