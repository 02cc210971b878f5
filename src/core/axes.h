/* Numbers with their axes in another order. */
#ifndef ANTLER_AXES_H
#define ANTLER_AXES_H

#include "antler/base.h"

enum { ANTLER_MOST_AXES = ANTLER_MAX_RANK + 2 };

/* Axis i of `to` is axis order[i] of `from`, whose sizes are those in `size`; rank: up to ANTLER_MOST_AXES. */
void antler__turn_axes(antler_real *to, const antler_real *from, int rank, const int64_t *size, const int *order);

#endif
