/* What stands in a model's tree for a layer that could not be read, so that the others can be looked at. */
#ifndef ANTLER_STAND_IN_H
#define ANTLER_STAND_IN_H

#include "config/fields.h"
#include "model/tree.h"

/* Fills a member that could not be read: with its layer, if all that is wrong are values on which no shape depends, and
   these left out; else with one of which nothing is known but its name. A model whose own layers have stand-ins stays.
 */
antler_status antler__stand_in(const antler_json *node, const antler_report *report, antler_tree_member *member);
/* Whether it is such a layer of which nothing is known. */
bool antler__is_stand_in(antler_object layer);

#endif
