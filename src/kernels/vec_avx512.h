/* The vector of vec.h in one AVX-512 register. */
#ifndef ANTLER_VEC_AVX512_H
#define ANTLER_VEC_AVX512_H

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

ANTLER_INLINE m16 vlt(v16 a, v16 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
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
