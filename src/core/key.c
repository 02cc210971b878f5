/* Keys of random streams. */
#include "core/key.h"

/* Finalizer of the SplitMix64 generator (Steele, Lea and Flood, OOPSLA 2014): each bit in changes half of those out. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t antler__key(int64_t seed, antler_purpose purpose, int64_t site)
{
    const uint64_t golden = 0x9e3779b97f4a7c15u; /* 2^64 over the golden ratio */
    uint64_t key = mix((uint64_t)seed + golden);
    key = mix(key ^ ((uint64_t)purpose + golden));
    return mix(key ^ ((uint64_t)site + golden));
}
