/* Powers, as layers need them: the same bits everywhere. */
#ifndef ANTLER_PARTS_POWERS_H
#define ANTLER_PARTS_POWERS_H

#include "antler/base.h"

/* y = a ^ b of n numbers; y may be a or b. */
void antler__powers(antler_real *y, const antler_real *a, const antler_real *b, int64_t n);
/* y = log(x), 0 where x is not above 0; y may be x. */
void antler__logs_above_0(antler_real *y, const antler_real *x, int64_t n);

#endif
