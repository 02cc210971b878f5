/* The vector of vec.h in two AVX2 registers. */
#ifndef ANTLER_VEC_AVX2_H
#define ANTLER_VEC_AVX2_H

typedef struct v16 {
    __m256 lo, hi;
} v16;

typedef struct w16 {
    __m256i lo, hi;
} w16;

typedef struct m16 {
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

ANTLER_INLINE m16 vlt(v16 a, v16 b)
{
    return (m16){_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)};
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
