/* Keras's JSON of a model, to a tree. */
#ifndef ANTLER_TREE_READ_H
#define ANTLER_TREE_READ_H

#include "config/fields.h"
#include "model/tree.h"

/* "Sequential", "Functional", "Model". */
bool antler__is_model_class(const char *class_name);
/* Reads {"class_name", "config"} of a model, at `place` (NULL: the root); *tree is NULL on failure. */
antler_status antler__tree_read(const antler_json *node, const antler_place *place, antler_report *report, int depth,
                                antler_tree **tree);
/* Reads an item of "layers": a layer, a model, or a layer with a model in it. */
antler_status antler__member_read(const antler_json *node, const antler_place *place, antler_report *report, int depth,
                                  antler_tree_member *member);
/* The keys of a JSON object whose values are read by other rules: a misspelt one would be lost without a word. The
   type's fields are all ANTLER_ANY. */
antler_status antler__envelope_check(const antler_type *type, const antler_json *node, const antler_place *place,
                                     antler_report *report);
/* "inbound_nodes" of a layer that stands where calls cannot be told: outside a Functional's file. */
antler_status antler__refuse_calls(const antler_json *node, const antler_place *place, antler_report *report);
/* The calls of a Functional, its inputs and outputs (graph_read.c): the members are there, in the order of the list
   "layers" of `config`. */
antler_status antler__graph_read(antler_tree *tree, const antler_json *config, const antler_place *place,
                                 antler_report *report);

#endif
