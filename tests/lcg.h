/* Fixed sequences of numbers for tests: two linear congruential generators, of which the high bits are good. */
#ifndef ANTLER_LCG_H
#define ANTLER_LCG_H

#include <stdint.h>

static inline uint64_t lcg64(uint64_t *state)
{
    return *state = *state * 6364136223846793005u + 1442695040888963407u;
}

static inline uint32_t lcg32(uint32_t *state)
{
    return *state = *state * 1664525u + 1013904223u;
}

#endif
