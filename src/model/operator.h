/* Operators of a Functional: `a + b`, ops.mean(x, axis=1), in Keras 3 objects of their own among the layers, in
   tf-keras layers of the classes TFOpLambda and SlicingOpLambda. */
#ifndef ANTLER_OPERATOR_H
#define ANTLER_OPERATOR_H

#include "config/fields.h"
#include "model/tree.h"

/* Whether an item of "layers" is one: its module says so; in the legacy .h5, which names no modules, what its config
   lacks and how it is called. */
bool antler__is_operator(const antler_json *node, bool legacy); /* legacy: of a whole-model .h5, without modules */

/* Reads its name and keeps the rest as it is in the form of Keras 3, one argument after the other (mask_operator): only
   when all calls are known, it is known whether it computes. */
antler_status antler__operator_keep(const antler_json *node, const antler_place *place, antler_report *report,
                                    antler_tree_member *member);

/* Those that an output depends on, other than through masks, become layers; the others go on carrying masks. The calls
   are there; `layers` is the place of the list. */
antler_status antler__operators_settle(antler_tree *tree, const antler_place *layers, antler_report *report);

/* An index, in JSON and as Python spells it: ":, 1:3, -1, None, ...". */
bool antler__index_text(const antler_json *node, char *text, size_t size); /* false: it is none, or too long */
bool antler__index_write(const char *text, antler_json *parent);           /* appends it */

#endif
