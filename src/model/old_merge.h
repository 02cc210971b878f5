/* The Sequential of Keras 1 that begins with a Merge of other models, which is a graph. */
#ifndef ANTLER_OLD_MERGE_H
#define ANTLER_OLD_MERGE_H

#include "config/json.h"

#include <stdbool.h>

bool antler__old_joins(const antler_json *model);
/* The same as the Functional of Keras 1 that computes it, its layers one beside the other; NULL without memory. */
antler_json *antler__old_join(const antler_json *model);

#endif
