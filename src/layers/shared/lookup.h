/* Where the places of an IntegerLookup begin: see integer_lookup.c. */
#ifndef ANTLER_LAYERS_LOOKUP_H
#define ANTLER_LAYERS_LOOKUP_H

#include "antler/layers.h"

typedef struct antler_lookup_places {
    bool masks;
    int64_t oov, token; /* the first place of those that are in no vocabulary, and of the vocabulary's */
    int64_t special;    /* numbers in front of the vocabulary that are none of its */
    int64_t depth;      /* of rows of 0 and 1 */
} antler_lookup_places;

antler_lookup_places antler__lookup_places(const struct antler_integer_lookup *config);

#endif
