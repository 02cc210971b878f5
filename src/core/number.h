/* What the number types hold. */
#ifndef ANTLER_NUMBER_H
#define ANTLER_NUMBER_H

#include "antler/base.h"

#include <float.h>

#define ANTLER_FLOAT_EXACT 16777216.0          /* 2^24: up to here a float holds every whole number */
#define ANTLER_DOUBLE_EXACT 9007199254740992.0 /* 2^53: up to here a double does */
#ifdef ANTLER_DOUBLE
#define ANTLER_REAL_MAX DBL_MAX
#else
#define ANTLER_REAL_MAX ((double)FLT_MAX)
#endif

#endif
