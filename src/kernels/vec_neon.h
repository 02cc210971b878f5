/* The vector of vec.h in four NEON registers. */
#ifndef ANTLER_VEC_NEON_H
#define ANTLER_VEC_NEON_H

typedef struct v16 {
    float32x4_t q[4];
} v16;

typedef struct w16 {
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
ANTLER_QUAD_1(w16, vbits, v16, vreinterpretq_u32_f32)
ANTLER_QUAD_1(v16, bitsv, w16, vreinterpretq_f32_u32)
ANTLER_QUAD_1(v16, v_of_int, w16, quad_real)
ANTLER_QUAD_2(m16, mand, m16, vandq_u32)
ANTLER_QUAD_2(m16, vlt, v16, vcltq_f32)
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
