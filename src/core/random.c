/* The public face of the kernels' random numbers. */
#include "antler/random.h"
#include "kernels/kernels.h"

void antler_random_words(antler_stream at, uint32_t *words, int64_t n)
{
    antler__kernels()->words(at, words, n);
}

void antler_random_uniform(antler_stream at, antler_real *numbers, int64_t n)
{
    antler__kernels()->uniform(at, numbers, n);
}

void antler_random_normal(antler_stream at, antler_real *numbers, int64_t n)
{
    antler__kernels()->normal(at, numbers, n);
}
