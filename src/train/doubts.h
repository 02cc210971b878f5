/* What is suspicious of data before the first step. */
#ifndef ANTLER_DOUBTS_H
#define ANTLER_DOUBTS_H

#include "train/feed.h"

/* Warns of targets beyond [0, 1] where a loss takes them for probabilities, as far as the first and the last `rows`
   rows show it. What cannot be read is left to who reads it next; the one error is
   ANTLER_MEMORY. */
antler_status antler__doubt_targets(antler_model *model, const antler_objective *objective, const antler_feed *y,
                                    int64_t rows, antler_error *err);

#endif
