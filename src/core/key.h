/* Keys of random streams: a hash of (seed, purpose, site). */
#ifndef ANTLER_KEY_H
#define ANTLER_KEY_H

#include "antler/base.h"

typedef enum antler_purpose {
    ANTLER_FOR_INIT = 1,
    ANTLER_FOR_SHUFFLE,
    ANTLER_FOR_NOISE,
    ANTLER_FOR_SYNTHESIS
} antler_purpose;

uint64_t antler__key(int64_t seed, antler_purpose purpose, int64_t site);

#endif
