/* AVX-512 in software, for tests on machines that have only AVX2 (option ANTLER_SIMDE). SIMDe has most of it; what
   Debian's 0.7.4 lacks is here. */
#ifndef ANTLER_SIMDE_H
#define ANTLER_SIMDE_H

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

static inline __m512 soft_maskz_loadu_ps(__mmask16 mask, const float *p)
{
    float lane[16] = {0};
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            lane[i] = p[i];
    return simde_mm512_loadu_ps(lane);
}

static inline void soft_mask_storeu_ps(float *p, __mmask16 mask, __m512 v)
{
    float lane[16];
    simde_mm512_storeu_ps(lane, v);
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            p[i] = lane[i];
}

static inline __m512i soft_maskz_loadu_epi32(__mmask16 mask, const uint32_t *p)
{
    uint32_t lane[16] = {0};
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            lane[i] = p[i];
    return simde_mm512_loadu_si512(lane);
}

static inline __m512 soft_cvtepi32_ps(__m512i w)
{
    float lane[16];
    int32_t word[16];
    simde_mm512_storeu_si512(word, w);
    for (int i = 0; i < 16; i++)
        lane[i] = (float)word[i];
    return simde_mm512_loadu_ps(lane);
}

#define _mm512_maskz_loadu_ps soft_maskz_loadu_ps
#define _mm512_mask_storeu_ps soft_mask_storeu_ps
#define _mm512_maskz_loadu_epi32 soft_maskz_loadu_epi32
#define _mm512_cvtepi32_ps soft_cvtepi32_ps

#endif
