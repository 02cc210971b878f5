/* The vector of vec.h in plain C: an array, with an exact fma in software where the machine has none. */
#ifndef ANTLER_VEC_PLAIN_H
#define ANTLER_VEC_PLAIN_H

typedef struct v16 {
    antler_real v[16];
} v16;

typedef struct w16 {
    uint32_t v[16];
} w16;

typedef struct m16 {
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
ANTLER_LANES(v16, vselect, (m16 m, v16 a, v16 b), m.v[i] ? a.v[i] : b.v[i])
ANTLER_LANES(v16, v_of_int, (w16 w), (antler_real)(int32_t)w.v[i])
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
ANTLER_LANES(m16, veq, (v16 a, v16 b), a.v[i] == b.v[i])
ANTLER_LANES(m16, mand, (m16 a, m16 b), a.v[i] & b.v[i])
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
