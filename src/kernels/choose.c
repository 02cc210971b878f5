/* Which table of kernels is used. Compiled once; knows by ANTLER_HAVE_... which variants are linked. */
#include "kernels.h"
#include "variants.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ANTLER_DECLARE_VARIANT(baseline);
#ifdef ANTLER_HAVE_AVX2
ANTLER_DECLARE_VARIANT(avx2);
#endif
#ifdef ANTLER_HAVE_AVX512
ANTLER_DECLARE_VARIANT(avx512);
#endif
#ifdef ANTLER_HAVE_NEON
ANTLER_DECLARE_VARIANT(neon);
#endif

typedef struct variant {
    const char *name;
    bool (*runs)(void); /* on this machine */
    void (*fill[8])(antler_kernels *k);
} variant;

#define VARIANT(isa, runs)                                                                                   \
    {                                                                                                        \
#isa, runs,                                                                                          \
        {                                                                                                    \
            antler__product_kernels_##isa, antler__elementwise_kernels_##isa, antler__reduce_kernels_##isa,  \
                antler__normalize_kernels_##isa, antler__stencil_kernels_##isa, antler__noise_kernels_##isa, \
                antler__recurrent_kernels_##isa, antler__update_kernels_##isa                                \
        }                                                                                                    \
    }

static bool always(void)
{
    return true;
}

/* The compiler's run time asks the processor for the features and the system for the registers' state. It knows no
   levels (x86-64-v3) under older clang, so their features are asked for one by one. */
#ifdef ANTLER_HAVE_AVX2
static bool runs_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
}
#endif

#ifdef ANTLER_HAVE_AVX512
static bool runs_avx512(void)
{
#ifdef ANTLER_SIMDE
    return runs_avx2();
#else
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && runs_avx2();
#endif
}
#endif

/* The slowest first: the last one that runs is the best. */
static const variant variants[] = {
    VARIANT(baseline, always),
#if defined(ANTLER_HAVE_AVX512) && defined(ANTLER_SIMDE)
    VARIANT(avx512, runs_avx512),
#endif
#ifdef ANTLER_HAVE_AVX2
    VARIANT(avx2, runs_avx2),
#endif
#if defined(ANTLER_HAVE_AVX512) && !defined(ANTLER_SIMDE)
    VARIANT(avx512, runs_avx512),
#endif
#ifdef ANTLER_HAVE_NEON
    VARIANT(neon, always),
#endif
};

enum { VARIANTS = sizeof variants / sizeof *variants };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static antler_kernels tables[VARIANTS]; /* name is NULL where the machine has it not */
static const antler_kernels *chosen;
static char error[160];

static const antler_kernels *find(const char *name)
{
    for (int i = 0; i < VARIANTS; i++)
        if (tables[i].name && strcmp(tables[i].name, name) == 0)
            return &tables[i];
    return NULL;
}

static void choose(void)
{
    for (int i = 0; i < VARIANTS; i++) {
        if (!variants[i].runs())
            continue;
        tables[i].name = variants[i].name;
        for (size_t f = 0; f < sizeof variants[i].fill / sizeof *variants[i].fill; f++)
            variants[i].fill[f](&tables[i]);
        chosen = &tables[i];
    }
    const char *wish = getenv("ANTLER_ISA");
    if (!wish || *wish == 0)
        return;
    const antler_kernels *wanted = find(wish);
    if (wanted)
        chosen = wanted;
    else
        snprintf(error, sizeof error, "ANTLER_ISA=%.80s: this machine or this build has no such kernels; %s is used",
                 wish, chosen->name);
}

const antler_kernels *antler__kernels(void)
{
    pthread_once(&once, choose);
    return chosen;
}

const char *antler__kernels_error(void)
{
    pthread_once(&once, choose);
    return error[0] ? error : NULL;
}

const antler_kernels *antler__kernels_of(const char *name)
{
    pthread_once(&once, choose);
    return find(name);
}

void antler__philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t x[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};
    for (int round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)0xD2511F53u * x[0], q = (uint64_t)0xCD9E8D57u * x[2];
        uint32_t next[4] = {(uint32_t)(q >> 32) ^ x[1] ^ k[0], (uint32_t)q, (uint32_t)(p >> 32) ^ x[3] ^ k[1],
                            (uint32_t)p};
        memcpy(x, next, sizeof x);
        k[0] += 0x9E3779B9u; /* golden ratio, and sqrt 3 - 1 */
        k[1] += 0xBB67AE85u;
    }
    memcpy(out, x, sizeof x);
}
