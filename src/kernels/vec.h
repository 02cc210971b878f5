/* A vector of 16 lanes, whatever the machine: one register on AVX-512, two on AVX2, four on NEON, an array elsewhere.
   Kernels are written once, on these functions; this is the only file that includes intrinsics. The instruction set is
   what ANTLER_ISA_SUFFIX says, so that the baseline is plain C under any compiler flags.

     v16  16 antler_reals      w16  16 words of 32 bits      m16  16 truth values

   Every function gives the same bits on every backend, under these definitions:
     vfma(a, b, c)    a * b + c with one rounding (two in ANTLER_DOUBLE builds, which have one backend only)
     vmin(a, b)       a < b ? a : b: so b where one is NaN, or both are zeros; vmax(a, b) is a > b ? a : b
     vlt vle veq      false where one is NaN
     vround           to the nearest integer, ties to even; keeps the sign of zero
     w_of_int         of a real that is an integer in the range of int32_t; any word else
     vsum, vmaximum   lane i with lane i + 8, then + 4, + 2, + 1
     vlow             lanes 8 .. 15 are not needed, and may be anything: spares work where they are a register
   Functions with _n take n of 0 .. 16 lanes: other lanes load as 0, and memory beyond is neither read nor written. */
#ifndef ANTLER_VEC_H
#define ANTLER_VEC_H

#include "variants.h"
#include <math.h>
#include <string.h>

/* The suffix as a number, for #if. */
#define ANTLER_LEVEL_baseline 0
#define ANTLER_LEVEL_neon 1
#define ANTLER_LEVEL_avx2 2
#define ANTLER_LEVEL_avx512 3
#define ANTLER_LEVEL ANTLER_PASTE(ANTLER_LEVEL, ANTLER_ISA_SUFFIX)

#if ANTLER_LEVEL != ANTLER_LEVEL_baseline && defined(ANTLER_DOUBLE)
#error "double has only the baseline"
#endif

/* ANTLER_SIMDE: the intrinsics of another machine, in software, so that tests can run its variant here. */
#if ANTLER_LEVEL == ANTLER_LEVEL_avx512
#ifdef ANTLER_SIMDE
#include "simde.h"
#else
#include <immintrin.h>
#endif
#elif ANTLER_LEVEL == ANTLER_LEVEL_avx2
#include <immintrin.h>
#elif ANTLER_LEVEL == ANTLER_LEVEL_neon
#include <arm_neon.h>
#endif

ANTLER_DECLARE_VARIANT(ANTLER_ISA_SUFFIX);

/* Vectors of the baseline are arrays, which stay in memory: inlining them gains nothing beside a software fma, and
   takes compilers minutes. */
#if ANTLER_LEVEL == ANTLER_LEVEL_baseline
#define ANTLER_INLINE static __attribute__((unused))
#else
#define ANTLER_INLINE static inline __attribute__((always_inline))
#endif

/* Before a loop of a few constant turns over an array of vectors, which must end up in registers. */
#if ANTLER_LEVEL == ANTLER_LEVEL_baseline
#define ANTLER_UNROLL
#elif defined(__clang__)
#define ANTLER_UNROLL _Pragma("clang loop unroll(full)")
#else
#define ANTLER_UNROLL _Pragma("GCC unroll 16")
#endif

/* ------------------------------------------------------------------------------------------------ AVX-512 */
#if ANTLER_LEVEL == ANTLER_LEVEL_avx512

typedef __m512 v16;
typedef __m512i w16;
typedef __mmask16 m16;

ANTLER_INLINE m16 mof(uint16_t bits)
{
    return bits;
}

ANTLER_INLINE uint16_t mbits(m16 m)
{
    return m;
}

ANTLER_INLINE m16 mand(m16 a, m16 b)
{
    return (m16)(a & b);
}

ANTLER_INLINE m16 mor(m16 a, m16 b)
{
    return (m16)(a | b);
}

ANTLER_INLINE m16 mnot(m16 a)
{
    return (m16)~a;
}

/* The first n lanes. */
ANTLER_INLINE m16 first_lanes(int n)
{
    return (m16)((1u << n) - 1);
}

ANTLER_INLINE v16 vload(const float *p)
{
    return _mm512_loadu_ps(p);
}

ANTLER_INLINE v16 vload_n(const float *p, int n)
{
    return _mm512_maskz_loadu_ps(first_lanes(n), p);
}

ANTLER_INLINE void vstore(float *p, v16 v)
{
    _mm512_storeu_ps(p, v);
}

ANTLER_INLINE void vstore_n(float *p, v16 v, int n)
{
    _mm512_mask_storeu_ps(p, first_lanes(n), v);
}

ANTLER_INLINE v16 vset(float x)
{
    return _mm512_set1_ps(x);
}

ANTLER_INLINE v16 vadd(v16 a, v16 b)
{
    return _mm512_add_ps(a, b);
}

ANTLER_INLINE v16 vsub(v16 a, v16 b)
{
    return _mm512_sub_ps(a, b);
}

ANTLER_INLINE v16 vmul(v16 a, v16 b)
{
    return _mm512_mul_ps(a, b);
}

ANTLER_INLINE v16 vdiv(v16 a, v16 b)
{
    return _mm512_div_ps(a, b);
}

ANTLER_INLINE v16 vfma(v16 a, v16 b, v16 c)
{
    return _mm512_fmadd_ps(a, b, c);
}

ANTLER_INLINE v16 vfnma(v16 a, v16 b, v16 c)
{
    return _mm512_fnmadd_ps(a, b, c);
}

ANTLER_INLINE v16 vmin(v16 a, v16 b)
{
    return _mm512_min_ps(a, b);
}

ANTLER_INLINE v16 vmax(v16 a, v16 b)
{
    return _mm512_max_ps(a, b);
}

ANTLER_INLINE v16 vsqrt(v16 a)
{
    return _mm512_sqrt_ps(a);
}

ANTLER_INLINE w16 vbits(v16 v)
{
    return _mm512_castps_si512(v);
}

ANTLER_INLINE v16 bitsv(w16 w)
{
    return _mm512_castsi512_ps(w);
}

ANTLER_INLINE v16 vround(v16 a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

ANTLER_INLINE m16 vlt(v16 a, v16 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

ANTLER_INLINE m16 vle(v16 a, v16 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}

ANTLER_INLINE m16 veq(v16 a, v16 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}

ANTLER_INLINE v16 vselect(m16 m, v16 a, v16 b)
{
    return _mm512_mask_blend_ps(m, b, a);
}

ANTLER_INLINE w16 wload(const uint32_t *p)
{
    return _mm512_loadu_si512(p);
}

ANTLER_INLINE w16 wload_n(const uint32_t *p, int n)
{
    return _mm512_maskz_loadu_epi32(first_lanes(n), p);
}

ANTLER_INLINE void wstore(uint32_t *p, w16 w)
{
    _mm512_storeu_si512(p, w);
}

ANTLER_INLINE void wstore_n(uint32_t *p, w16 w, int n)
{
    _mm512_mask_storeu_epi32(p, first_lanes(n), w);
}

ANTLER_INLINE w16 wset(uint32_t x)
{
    return _mm512_set1_epi32((int)x);
}

ANTLER_INLINE w16 wadd(w16 a, w16 b)
{
    return _mm512_add_epi32(a, b);
}

ANTLER_INLINE w16 wsub(w16 a, w16 b)
{
    return _mm512_sub_epi32(a, b);
}

ANTLER_INLINE w16 wand(w16 a, w16 b)
{
    return _mm512_and_si512(a, b);
}

ANTLER_INLINE w16 wor(w16 a, w16 b)
{
    return _mm512_or_si512(a, b);
}

ANTLER_INLINE w16 wxor(w16 a, w16 b)
{
    return _mm512_xor_si512(a, b);
}

ANTLER_INLINE w16 wshl(w16 a, int n)
{
    return _mm512_sllv_epi32(a, _mm512_set1_epi32(n));
}

ANTLER_INLINE w16 wshr(w16 a, int n)
{
    return _mm512_srlv_epi32(a, _mm512_set1_epi32(n));
}

ANTLER_INLINE void wmul_wide(w16 a, w16 b, w16 *hi, w16 *lo)
{
    __m512i even = _mm512_mul_epu32(a, b);
    __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32));
    *lo = _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32));
    *hi = _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 32), odd);
}

ANTLER_INLINE m16 wge(w16 a, w16 b)
{
    return _mm512_cmpge_epu32_mask(a, b);
}

ANTLER_INLINE w16 w_of_int(v16 v)
{
    return _mm512_cvtps_epi32(v);
}

ANTLER_INLINE v16 v_of_int(w16 w)
{
    return _mm512_cvtepi32_ps(w);
}

ANTLER_INLINE v16 vlow(v16 v)
{
    return v;
}

ANTLER_INLINE void halves(v16 v, __m256 *low, __m256 *high)
{
    *low = _mm512_castps512_ps256(v);
    *high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1));
}

#endif

/* --------------------------------------------------------------------------------------------------- AVX2 */
#if ANTLER_LEVEL == ANTLER_LEVEL_avx2

typedef struct {
    __m256 lo, hi;
} v16;

typedef struct {
    __m256i lo, hi;
} w16;

typedef struct {
    __m256 lo, hi; /* a lane is all ones or all zeros */
} m16;

/* One function of both halves. */
#define ANTLER_PAIR_1(type, name, op)      \
    ANTLER_INLINE type name(type a)        \
    {                                      \
        return (type){op(a.lo), op(a.hi)}; \
    }
#define ANTLER_PAIR_2(type, name, op)                  \
    ANTLER_INLINE type name(type a, type b)            \
    {                                                  \
        return (type){op(a.lo, b.lo), op(a.hi, b.hi)}; \
    }

ANTLER_PAIR_2(m16, mand, _mm256_and_ps)
ANTLER_PAIR_2(m16, mor, _mm256_or_ps)
ANTLER_PAIR_2(v16, vadd, _mm256_add_ps)
ANTLER_PAIR_2(v16, vsub, _mm256_sub_ps)
ANTLER_PAIR_2(v16, vmul, _mm256_mul_ps)
ANTLER_PAIR_2(v16, vdiv, _mm256_div_ps)
ANTLER_PAIR_2(v16, vmin, _mm256_min_ps)
ANTLER_PAIR_2(v16, vmax, _mm256_max_ps)
ANTLER_PAIR_1(v16, vsqrt, _mm256_sqrt_ps)
ANTLER_PAIR_2(w16, wadd, _mm256_add_epi32)
ANTLER_PAIR_2(w16, wsub, _mm256_sub_epi32)
ANTLER_PAIR_2(w16, wand, _mm256_and_si256)
ANTLER_PAIR_2(w16, wor, _mm256_or_si256)
ANTLER_PAIR_2(w16, wxor, _mm256_xor_si256)

#undef ANTLER_PAIR_1
#undef ANTLER_PAIR_2

ANTLER_INLINE m16 mof(uint16_t bits)
{
    const __m256i low = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128), high = _mm256_slli_epi32(low, 8);
    const __m256i all = _mm256_set1_epi32(bits);
    return (m16){_mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(all, low), low)),
                 _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(all, high), high))};
}

ANTLER_INLINE uint16_t mbits(m16 m)
{
    return (uint16_t)(_mm256_movemask_ps(m.lo) | _mm256_movemask_ps(m.hi) << 8);
}

ANTLER_INLINE m16 mnot(m16 a)
{
    const __m256 ones = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
    return (m16){_mm256_xor_ps(a.lo, ones), _mm256_xor_ps(a.hi, ones)};
}

/* The first n lanes of eight; none for n <= 0. */
ANTLER_INLINE __m256i first_lanes(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* Stores n of eight lanes. In pieces: a masked store takes a dozen cycles and more on some machines. */
ANTLER_INLINE void store_lanes(float *p, __m256 v, int n)
{
    if (n >= 8) {
        _mm256_storeu_ps(p, v);
        return;
    }
    __m128 x = _mm256_castps256_ps128(v);
    if (n & 4) {
        _mm_storeu_ps(p, x);
        x = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, x);
        x = _mm_movehl_ps(x, x);
        p += 2;
    }
    if (n & 1)
        _mm_store_ss(p, x);
}

ANTLER_INLINE v16 vload(const float *p)
{
    return (v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}

ANTLER_INLINE v16 vload_n(const float *p, int n)
{
    return (v16){_mm256_maskload_ps(p, first_lanes(n)), _mm256_maskload_ps(p + 8, first_lanes(n - 8))};
}

ANTLER_INLINE void vstore(float *p, v16 v)
{
    _mm256_storeu_ps(p, v.lo);
    _mm256_storeu_ps(p + 8, v.hi);
}

ANTLER_INLINE void vstore_n(float *p, v16 v, int n)
{
    store_lanes(p, v.lo, n);
    if (n > 8)
        store_lanes(p + 8, v.hi, n - 8);
}

ANTLER_INLINE v16 vset(float x)
{
    return (v16){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}

ANTLER_INLINE v16 vfma(v16 a, v16 b, v16 c)
{
    return (v16){_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}

ANTLER_INLINE v16 vfnma(v16 a, v16 b, v16 c)
{
    return (v16){_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi)};
}

ANTLER_INLINE w16 vbits(v16 v)
{
    return (w16){_mm256_castps_si256(v.lo), _mm256_castps_si256(v.hi)};
}

ANTLER_INLINE v16 bitsv(w16 w)
{
    return (v16){_mm256_castsi256_ps(w.lo), _mm256_castsi256_ps(w.hi)};
}

ANTLER_INLINE v16 vround(v16 a)
{
    return (v16){_mm256_round_ps(a.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                 _mm256_round_ps(a.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

ANTLER_INLINE m16 vlt(v16 a, v16 b)
{
    return (m16){_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)};
}

ANTLER_INLINE m16 vle(v16 a, v16 b)
{
    return (m16){_mm256_cmp_ps(a.lo, b.lo, _CMP_LE_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LE_OQ)};
}

ANTLER_INLINE m16 veq(v16 a, v16 b)
{
    return (m16){_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ)};
}

ANTLER_INLINE v16 vselect(m16 m, v16 a, v16 b)
{
    return (v16){_mm256_blendv_ps(b.lo, a.lo, m.lo), _mm256_blendv_ps(b.hi, a.hi, m.hi)};
}

ANTLER_INLINE w16 wload(const uint32_t *p)
{
    return (w16){_mm256_loadu_si256((const __m256i *)(const void *)p),
                 _mm256_loadu_si256((const __m256i *)(const void *)(p + 8))};
}

ANTLER_INLINE w16 wload_n(const uint32_t *p, int n)
{
    const int *q = (const int *)p;
    return (w16){_mm256_maskload_epi32(q, first_lanes(n)), _mm256_maskload_epi32(q + 8, first_lanes(n - 8))};
}

ANTLER_INLINE void wstore(uint32_t *p, w16 w)
{
    _mm256_storeu_si256((__m256i *)(void *)p, w.lo);
    _mm256_storeu_si256((__m256i *)(void *)(p + 8), w.hi);
}

ANTLER_INLINE void wstore_n(uint32_t *p, w16 w, int n)
{
    _mm256_maskstore_epi32((int *)p, first_lanes(n), w.lo);
    _mm256_maskstore_epi32((int *)p + 8, first_lanes(n - 8), w.hi);
}

ANTLER_INLINE w16 wset(uint32_t x)
{
    return (w16){_mm256_set1_epi32((int)x), _mm256_set1_epi32((int)x)};
}

ANTLER_INLINE w16 wshl(w16 a, int n)
{
    return (w16){_mm256_slli_epi32(a.lo, n), _mm256_slli_epi32(a.hi, n)};
}

ANTLER_INLINE w16 wshr(w16 a, int n)
{
    return (w16){_mm256_srli_epi32(a.lo, n), _mm256_srli_epi32(a.hi, n)};
}

ANTLER_INLINE void mul_wide_8(__m256i a, __m256i b, __m256i *hi, __m256i *lo)
{
    __m256i even = _mm256_mul_epu32(a, b);
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
    *lo = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
    *hi = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
}

ANTLER_INLINE void wmul_wide(w16 a, w16 b, w16 *hi, w16 *lo)
{
    mul_wide_8(a.lo, b.lo, &hi->lo, &lo->lo);
    mul_wide_8(a.hi, b.hi, &hi->hi, &lo->hi);
}

ANTLER_INLINE m16 wge(w16 a, w16 b)
{
    return (m16){_mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_max_epu32(a.lo, b.lo), a.lo)),
                 _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_max_epu32(a.hi, b.hi), a.hi))};
}

ANTLER_INLINE w16 w_of_int(v16 v)
{
    return (w16){_mm256_cvtps_epi32(v.lo), _mm256_cvtps_epi32(v.hi)};
}

ANTLER_INLINE v16 v_of_int(w16 w)
{
    return (v16){_mm256_cvtepi32_ps(w.lo), _mm256_cvtepi32_ps(w.hi)};
}

ANTLER_INLINE v16 vlow(v16 v)
{
    return (v16){v.lo, _mm256_setzero_ps()};
}

ANTLER_INLINE void halves(v16 v, __m256 *low, __m256 *high)
{
    *low = v.lo;
    *high = v.hi;
}

#endif

/* --------------------------------------------------------------------------------- both AVX-512 and AVX2 */
#if ANTLER_LEVEL == ANTLER_LEVEL_avx512 || ANTLER_LEVEL == ANTLER_LEVEL_avx2

ANTLER_INLINE float vsum(v16 v)
{
    __m256 low, high;
    halves(v, &low, &high);
    low = _mm256_add_ps(low, high);
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(low), _mm256_extractf128_ps(low, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
}

ANTLER_INLINE float vmaximum(v16 v)
{
    __m256 low, high;
    halves(v, &low, &high);
    low = _mm256_max_ps(low, high);
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(low), _mm256_extractf128_ps(low, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_shuffle_ps(x, x, 1)));
}

/* Four numbers of two rows, the second row's in the upper half. */
ANTLER_INLINE __m256 load_rows(const float *a, const float *b)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(a)), _mm_loadu_ps(b), 1);
}

/* Columns 0 .. 3 of eight rows become four rows of eight. */
ANTLER_INLINE void transpose_8x4(float *to, int64_t to_row, const float *from, int64_t row)
{
    __m256 a = load_rows(from, from + 4 * row), b = load_rows(from + row, from + 5 * row);
    __m256 c = load_rows(from + 2 * row, from + 6 * row), d = load_rows(from + 3 * row, from + 7 * row);
    __m256 ab = _mm256_unpacklo_ps(a, b), cd = _mm256_unpacklo_ps(c, d);
    _mm256_storeu_ps(to, _mm256_shuffle_ps(ab, cd, 0x44));
    _mm256_storeu_ps(to + to_row, _mm256_shuffle_ps(ab, cd, 0xee));
    ab = _mm256_unpackhi_ps(a, b);
    cd = _mm256_unpackhi_ps(c, d);
    _mm256_storeu_ps(to + 2 * to_row, _mm256_shuffle_ps(ab, cd, 0x44));
    _mm256_storeu_ps(to + 3 * to_row, _mm256_shuffle_ps(ab, cd, 0xee));
}

/* to[j * to_row + i] = from[i * from_row + j] for i and j in 0 .. 15. */
ANTLER_INLINE void vtranspose(float *to, int64_t to_row, const float *from, int64_t from_row)
{
    for (int i = 0; i < 16; i += 8)
        for (int j = 0; j < 16; j += 4)
            transpose_8x4(to + j * to_row + i, to_row, from + i * from_row + j, from_row);
}

#endif

/* --------------------------------------------------------------------------------------------------- NEON */
#if ANTLER_LEVEL == ANTLER_LEVEL_neon

typedef struct {
    float32x4_t q[4];
} v16;

typedef struct {
    uint32x4_t q[4];
} w16;

typedef w16 m16; /* a lane is all ones or all zeros */

/* One function of all quarters. */
#define ANTLER_QUAD_1(type, name, from, op)                              \
    ANTLER_INLINE type name(from a)                                      \
    {                                                                    \
        return (type){{op(a.q[0]), op(a.q[1]), op(a.q[2]), op(a.q[3])}}; \
    }
#define ANTLER_QUAD_2(type, name, from, op)                                                              \
    ANTLER_INLINE type name(from a, from b)                                                              \
    {                                                                                                    \
        return (type){{op(a.q[0], b.q[0]), op(a.q[1], b.q[1]), op(a.q[2], b.q[2]), op(a.q[3], b.q[3])}}; \
    }
#define ANTLER_QUAD_3(type, name, first, from, op)                                                         \
    ANTLER_INLINE type name(first a, from b, from c)                                                       \
    {                                                                                                      \
        return (type){{op(a.q[0], b.q[0], c.q[0]), op(a.q[1], b.q[1], c.q[1]), op(a.q[2], b.q[2], c.q[2]), \
                       op(a.q[3], b.q[3], c.q[3])}};                                                       \
    }

ANTLER_INLINE float32x4_t quad_fma(float32x4_t a, float32x4_t b, float32x4_t c)
{
    return vfmaq_f32(c, a, b);
}

ANTLER_INLINE float32x4_t quad_fnma(float32x4_t a, float32x4_t b, float32x4_t c)
{
    return vfmsq_f32(c, a, b);
}

ANTLER_INLINE float32x4_t quad_min(float32x4_t a, float32x4_t b)
{
    return vbslq_f32(vcltq_f32(a, b), a, b);
}

ANTLER_INLINE float32x4_t quad_max(float32x4_t a, float32x4_t b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

ANTLER_INLINE uint32x4_t quad_int(float32x4_t a)
{
    return vreinterpretq_u32_s32(vcvtq_s32_f32(a));
}

ANTLER_INLINE float32x4_t quad_real(uint32x4_t a)
{
    return vcvtq_f32_s32(vreinterpretq_s32_u32(a));
}

ANTLER_QUAD_2(v16, vadd, v16, vaddq_f32)
ANTLER_QUAD_2(v16, vsub, v16, vsubq_f32)
ANTLER_QUAD_2(v16, vmul, v16, vmulq_f32)
ANTLER_QUAD_2(v16, vdiv, v16, vdivq_f32)
ANTLER_QUAD_2(v16, vmin, v16, quad_min)
ANTLER_QUAD_2(v16, vmax, v16, quad_max)
ANTLER_QUAD_3(v16, vfma, v16, v16, quad_fma)
ANTLER_QUAD_3(v16, vfnma, v16, v16, quad_fnma)
ANTLER_QUAD_3(v16, vselect, m16, v16, vbslq_f32)
ANTLER_QUAD_1(v16, vsqrt, v16, vsqrtq_f32)
ANTLER_QUAD_1(v16, vround, v16, vrndnq_f32)
ANTLER_QUAD_1(w16, vbits, v16, vreinterpretq_u32_f32)
ANTLER_QUAD_1(v16, bitsv, w16, vreinterpretq_f32_u32)
ANTLER_QUAD_1(w16, w_of_int, v16, quad_int)
ANTLER_QUAD_1(v16, v_of_int, w16, quad_real)
ANTLER_QUAD_1(m16, mnot, m16, vmvnq_u32)
ANTLER_QUAD_2(m16, mand, m16, vandq_u32)
ANTLER_QUAD_2(m16, mor, m16, vorrq_u32)
ANTLER_QUAD_2(m16, vlt, v16, vcltq_f32)
ANTLER_QUAD_2(m16, vle, v16, vcleq_f32)
ANTLER_QUAD_2(m16, veq, v16, vceqq_f32)
ANTLER_QUAD_2(m16, wge, w16, vcgeq_u32)
ANTLER_QUAD_2(w16, wadd, w16, vaddq_u32)
ANTLER_QUAD_2(w16, wsub, w16, vsubq_u32)
ANTLER_QUAD_2(w16, wand, w16, vandq_u32)
ANTLER_QUAD_2(w16, wor, w16, vorrq_u32)
ANTLER_QUAD_2(w16, wxor, w16, veorq_u32)

#undef ANTLER_QUAD_1
#undef ANTLER_QUAD_2
#undef ANTLER_QUAD_3

ANTLER_INLINE v16 vload(const float *p)
{
    return (v16){{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
}

ANTLER_INLINE void vstore(float *p, v16 v)
{
    for (int i = 0; i < 4; i++)
        vst1q_f32(p + 4 * i, v.q[i]);
}

ANTLER_INLINE v16 vset(float x)
{
    float32x4_t q = vdupq_n_f32(x);
    return (v16){{q, q, q, q}};
}

ANTLER_INLINE w16 wload(const uint32_t *p)
{
    return (w16){{vld1q_u32(p), vld1q_u32(p + 4), vld1q_u32(p + 8), vld1q_u32(p + 12)}};
}

ANTLER_INLINE void wstore(uint32_t *p, w16 w)
{
    for (int i = 0; i < 4; i++)
        vst1q_u32(p + 4 * i, w.q[i]);
}

ANTLER_INLINE w16 wset(uint32_t x)
{
    uint32x4_t q = vdupq_n_u32(x);
    return (w16){{q, q, q, q}};
}

ANTLER_INLINE w16 wload_n(const uint32_t *p, int n)
{
    uint32_t all[16] = {0};
    memcpy(all, p, (size_t)n * sizeof *p);
    return wload(all);
}

ANTLER_INLINE void wstore_n(uint32_t *p, w16 w, int n)
{
    uint32_t all[16];
    wstore(all, w);
    memcpy(p, all, (size_t)n * sizeof *p);
}

ANTLER_INLINE v16 vload_n(const float *p, int n)
{
    float all[16] = {0};
    memcpy(all, p, (size_t)n * sizeof *p);
    return vload(all);
}

ANTLER_INLINE void vstore_n(float *p, v16 v, int n)
{
    float all[16];
    vstore(all, v);
    memcpy(p, all, (size_t)n * sizeof *p);
}

ANTLER_INLINE w16 wshl(w16 a, int n)
{
    int32x4_t s = vdupq_n_s32(n);
    return (w16){{vshlq_u32(a.q[0], s), vshlq_u32(a.q[1], s), vshlq_u32(a.q[2], s), vshlq_u32(a.q[3], s)}};
}

/* NEON shifts right by shifting left by less than nothing. */
ANTLER_INLINE w16 wshr(w16 a, int n)
{
    return wshl(a, -n);
}

ANTLER_INLINE void wmul_wide(w16 a, w16 b, w16 *hi, w16 *lo)
{
    for (int i = 0; i < 4; i++) {
        uint32x4_t low = vreinterpretq_u32_u64(vmull_u32(vget_low_u32(a.q[i]), vget_low_u32(b.q[i])));
        uint32x4_t high = vreinterpretq_u32_u64(vmull_u32(vget_high_u32(a.q[i]), vget_high_u32(b.q[i])));
        lo->q[i] = vuzp1q_u32(low, high);
        hi->q[i] = vuzp2q_u32(low, high);
    }
}

ANTLER_INLINE m16 mof(uint16_t bits)
{
    const uint32_t ones[4] = {1, 2, 4, 8};
    uint32x4_t one = vld1q_u32(ones), all = vdupq_n_u32(bits);
    return (m16){{vtstq_u32(all, one), vtstq_u32(all, vshlq_n_u32(one, 4)), vtstq_u32(all, vshlq_n_u32(one, 8)),
                  vtstq_u32(all, vshlq_n_u32(one, 12))}};
}

ANTLER_INLINE uint16_t mbits(m16 m)
{
    const uint32_t ones[4] = {1, 2, 4, 8};
    uint32x4_t one = vld1q_u32(ones);
    uint32_t bits = 0;
    for (int i = 0; i < 4; i++)
        bits |= vaddvq_u32(vandq_u32(m.q[i], one)) << 4 * i;
    return (uint16_t)bits;
}

ANTLER_INLINE float vsum(v16 v)
{
    float32x4_t q = vaddq_f32(vaddq_f32(v.q[0], v.q[2]), vaddq_f32(v.q[1], v.q[3]));
    float32x2_t d = vadd_f32(vget_low_f32(q), vget_high_f32(q));
    return vget_lane_f32(d, 0) + vget_lane_f32(d, 1);
}

ANTLER_INLINE float vmaximum(v16 v)
{
    float32x4_t q = quad_max(quad_max(v.q[0], v.q[2]), quad_max(v.q[1], v.q[3]));
    float32x2_t low = vget_low_f32(q), high = vget_high_f32(q);
    float32x2_t d = vbsl_f32(vcgt_f32(low, high), low, high);
    float x = vget_lane_f32(d, 0), y = vget_lane_f32(d, 1);
    return x > y ? x : y;
}

ANTLER_INLINE v16 vlow(v16 v)
{
    return (v16){{v.q[0], v.q[1], vdupq_n_f32(0), vdupq_n_f32(0)}};
}

ANTLER_INLINE void transpose_4x4(float *to, int64_t to_row, const float *from, int64_t row)
{
    float32x4_t a = vld1q_f32(from), b = vld1q_f32(from + row);
    float32x4_t c = vld1q_f32(from + 2 * row), d = vld1q_f32(from + 3 * row);
    float32x4_t ac = vzip1q_f32(a, c), bd = vzip1q_f32(b, d);
    vst1q_f32(to, vzip1q_f32(ac, bd));
    vst1q_f32(to + to_row, vzip2q_f32(ac, bd));
    ac = vzip2q_f32(a, c);
    bd = vzip2q_f32(b, d);
    vst1q_f32(to + 2 * to_row, vzip1q_f32(ac, bd));
    vst1q_f32(to + 3 * to_row, vzip2q_f32(ac, bd));
}

/* to[j * to_row + i] = from[i * from_row + j] for i and j in 0 .. 15. */
ANTLER_INLINE void vtranspose(float *to, int64_t to_row, const float *from, int64_t from_row)
{
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 16; j += 4)
            transpose_4x4(to + j * to_row + i, to_row, from + i * from_row + j, from_row);
}

#endif

/* ------------------------------------------------------------------------------------------------ plain C */
#if ANTLER_LEVEL == ANTLER_LEVEL_baseline

typedef struct {
    antler_real v[16];
} v16;

typedef struct {
    uint32_t v[16];
} w16;

typedef struct {
    uint32_t v[16]; /* 0 or 1 */
} m16;

/* One expression for all lanes i of r. */
#define ANTLER_LANES(type, name, parameters, expression) \
    ANTLER_INLINE type name parameters                   \
    {                                                    \
        type r;                                          \
        for (int i = 0; i < 16; i++)                     \
            r.v[i] = (expression);                       \
        return r;                                        \
    }

/* a * b + c with one rounding, on machines without an fma. The product of two floats is exact in double, so is the
   error of its sum with c; the sum is then rounded to odd (the last bit is set where anything was lost, on the side of
   the loss), which makes the second rounding, to float, the right one. Infinities and NaNs have no error > or < 0. */
ANTLER_INLINE antler_real fma_1(antler_real a, antler_real b, antler_real c)
{
#if defined(ANTLER_DOUBLE)
    return a * b + c;
#elif defined(__FP_FAST_FMAF)
    return __builtin_fmaf(a, b, c);
#else
    double product = (double)a * b, sum = product + c;
    double c_part = sum - product, lost = (product - (sum - c_part)) + (c - c_part);
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    uint64_t even = ~bits & 1, outwards = ((lost > 0) & (sum > 0)) | ((lost < 0) & (sum < 0));
    uint64_t inwards = ((lost > 0) & (sum < 0)) | ((lost < 0) & (sum > 0));
    bits += even * outwards - even * inwards;
    memcpy(&sum, &bits, sizeof sum);
    return (float)sum;
#endif
}

/* Adding and taking away 2^23 (2^52) rounds what is smaller to an integer. */
ANTLER_INLINE antler_real round_1(antler_real x)
{
#ifdef ANTLER_DOUBLE
    const double whole = 0x1p52;
    return fabs(x) < whole ? copysign((fabs(x) + whole) - whole, x) : x;
#else
    const float whole = 0x1p23f;
    return fabsf(x) < whole ? copysignf((fabsf(x) + whole) - whole, x) : x;
#endif
}

ANTLER_INLINE antler_real sqrt_1(antler_real x)
{
#ifdef ANTLER_DOUBLE
    return sqrt(x);
#else
    return sqrtf(x);
#endif
}

ANTLER_INLINE antler_real abs_1(antler_real x)
{
#ifdef ANTLER_DOUBLE
    return fabs(x);
#else
    return fabsf(x);
#endif
}

ANTLER_INLINE uint32_t int_1(antler_real x)
{
    return x >= (antler_real)-0x1p31 && x < (antler_real)0x1p31 ? (uint32_t)(int32_t)x : 0x80000000u;
}

ANTLER_LANES(v16, vload, (const antler_real *p), p[i])
ANTLER_LANES(v16, vload_n, (const antler_real *p, int n), i < n ? p[i] : 0)
ANTLER_LANES(v16, vset, (antler_real x), x)
ANTLER_LANES(v16, vadd, (v16 a, v16 b), a.v[i] + b.v[i])
ANTLER_LANES(v16, vsub, (v16 a, v16 b), a.v[i] - b.v[i])
ANTLER_LANES(v16, vmul, (v16 a, v16 b), a.v[i] * b.v[i])
ANTLER_LANES(v16, vdiv, (v16 a, v16 b), a.v[i] / b.v[i])
ANTLER_LANES(v16, vfma, (v16 a, v16 b, v16 c), fma_1(a.v[i], b.v[i], c.v[i]))
ANTLER_LANES(v16, vfnma, (v16 a, v16 b, v16 c), fma_1(-a.v[i], b.v[i], c.v[i]))
ANTLER_LANES(v16, vmin, (v16 a, v16 b), a.v[i] < b.v[i] ? a.v[i] : b.v[i])
ANTLER_LANES(v16, vmax, (v16 a, v16 b), a.v[i] > b.v[i] ? a.v[i] : b.v[i])
ANTLER_LANES(v16, vsqrt, (v16 a), sqrt_1(a.v[i]))
ANTLER_LANES(v16, vabs, (v16 a), abs_1(a.v[i]))
ANTLER_LANES(v16, vneg, (v16 a), -a.v[i])
ANTLER_LANES(v16, vround, (v16 a), round_1(a.v[i]))
ANTLER_LANES(v16, vselect, (m16 m, v16 a, v16 b), m.v[i] ? a.v[i] : b.v[i])
ANTLER_LANES(v16, v_of_int, (w16 w), (antler_real)(int32_t)w.v[i])
ANTLER_LANES(w16, w_of_int, (v16 v), int_1(v.v[i]))
ANTLER_LANES(w16, wload, (const uint32_t *p), p[i])
ANTLER_LANES(w16, wload_n, (const uint32_t *p, int n), i < n ? p[i] : 0)
ANTLER_LANES(w16, wset, (uint32_t x), x)
ANTLER_LANES(w16, wadd, (w16 a, w16 b), a.v[i] + b.v[i])
ANTLER_LANES(w16, wsub, (w16 a, w16 b), a.v[i] - b.v[i])
ANTLER_LANES(w16, wand, (w16 a, w16 b), a.v[i] & b.v[i])
ANTLER_LANES(w16, wor, (w16 a, w16 b), a.v[i] | b.v[i])
ANTLER_LANES(w16, wxor, (w16 a, w16 b), a.v[i] ^ b.v[i])
ANTLER_LANES(w16, wshl, (w16 a, int n), a.v[i] << n)
ANTLER_LANES(w16, wshr, (w16 a, int n), a.v[i] >> n)
ANTLER_LANES(m16, wge, (w16 a, w16 b), a.v[i] >= b.v[i])
ANTLER_LANES(m16, vlt, (v16 a, v16 b), a.v[i] < b.v[i])
ANTLER_LANES(m16, vle, (v16 a, v16 b), a.v[i] <= b.v[i])
ANTLER_LANES(m16, veq, (v16 a, v16 b), a.v[i] == b.v[i])
ANTLER_LANES(m16, mand, (m16 a, m16 b), a.v[i] & b.v[i])
ANTLER_LANES(m16, mor, (m16 a, m16 b), a.v[i] | b.v[i])
ANTLER_LANES(m16, mnot, (m16 a), a.v[i] ^ 1)
ANTLER_LANES(m16, mof, (uint16_t bits), (uint32_t)bits >> i & 1)
#ifdef ANTLER_DOUBLE
ANTLER_LANES(v16, vmap, (double (*f)(double), v16 v), f(v.v[i]))
#endif

#undef ANTLER_LANES

ANTLER_INLINE void vstore(antler_real *p, v16 v)
{
    memcpy(p, v.v, sizeof v.v);
}

ANTLER_INLINE void vstore_n(antler_real *p, v16 v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = v.v[i];
}

ANTLER_INLINE void wstore(uint32_t *p, w16 w)
{
    memcpy(p, w.v, sizeof w.v);
}

ANTLER_INLINE void wstore_n(uint32_t *p, w16 w, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = w.v[i];
}

ANTLER_INLINE v16 vlow(v16 v)
{
    return v;
}

ANTLER_INLINE uint16_t mbits(m16 m)
{
    uint32_t bits = 0;
    for (int i = 0; i < 16; i++)
        bits |= m.v[i] << i;
    return (uint16_t)bits;
}

ANTLER_INLINE void wmul_wide(w16 a, w16 b, w16 *hi, w16 *lo)
{
    for (int i = 0; i < 16; i++) {
        uint64_t product = (uint64_t)a.v[i] * b.v[i];
        hi->v[i] = (uint32_t)(product >> 32);
        lo->v[i] = (uint32_t)product;
    }
}

ANTLER_INLINE antler_real vsum(v16 v)
{
    for (int half = 8; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            v.v[i] += v.v[i + half];
    return v.v[0];
}

ANTLER_INLINE antler_real vmaximum(v16 v)
{
    for (int half = 8; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            v.v[i] = v.v[i] > v.v[i + half] ? v.v[i] : v.v[i + half];
    return v.v[0];
}

/* to[j * to_row + i] = from[i * from_row + j] for i and j in 0 .. 15. */
ANTLER_INLINE void vtranspose(antler_real *to, int64_t to_row, const antler_real *from, int64_t from_row)
{
    for (int j = 0; j < 16; j++)
        for (int i = 0; i < 16; i++)
            to[j * to_row + i] = from[i * from_row + j];
}

#ifndef ANTLER_DOUBLE

ANTLER_INLINE w16 vbits(v16 v)
{
    w16 w;
    memcpy(&w, &v, sizeof w);
    return w;
}

ANTLER_INLINE v16 bitsv(w16 w)
{
    v16 v;
    memcpy(&v, &w, sizeof v);
    return v;
}

#endif
#endif

/* --------------------------------------------------------------------------------------- all but plain C */
#if ANTLER_LEVEL != ANTLER_LEVEL_baseline

ANTLER_INLINE v16 vabs(v16 a)
{
    return bitsv(wand(vbits(a), wset(0x7fffffffu)));
}

ANTLER_INLINE v16 vneg(v16 a)
{
    return bitsv(wxor(vbits(a), wset(0x80000000u)));
}

#endif

#endif
