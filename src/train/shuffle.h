/* The order of the rows. */
#ifndef ANTLER_SHUFFLE_H
#define ANTLER_SHUFFLE_H

#include "antler/base.h"

/* The order of n rows in an epoch, a function of (seed, epoch, n, window): windows of `window` rows (0: one of all) are
   shuffled among each other and within. row holds n numbers. */
void antler__shuffle(int64_t *row, int64_t n, int64_t window, int64_t seed, int64_t epoch);

#endif
