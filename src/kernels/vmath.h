/* Elementary functions of 16 lanes. In float they are ours: made of + - * / fma sqrt and integer operations, so that
   every machine gets the same bits; the polynomials were fitted for this file (least squares, reweighted until the
   error is level, coefficients rounded to float from the lowest order on). Errors are given in units of the last place
   of the exact result, denormal results included, and are the largest over ALL floats. In double (antler64) it is libm.

     vexp      1.00    vlog    0.97    vtanh      1.21    verf   1.24
     vexpm1    1.46    vlog1p  1.11    vsigmoid   1.65

   Not a number gives not a number. Noise needs logarithm, sine and cosine in float even in antler64, whose masks and
   initial draws are those of antler: flog and fcircle compute in float in both builds. */
#ifndef ANTLER_VMATH_H
#define ANTLER_VMATH_H

#include "vec.h"

/* ------------------------------------------------------------------------------------- ends of an array */

/* Lanes of the vector at element i of n. */
ANTLER_INLINE int lanes_at(int64_t i, int64_t n)
{
    return n - i < 16 ? (int)(n - i) : 16;
}

ANTLER_INLINE v16 vload_upto(const antler_real *p, int lanes)
{
    return lanes == 16 ? vload(p) : vload_n(p, lanes);
}

ANTLER_INLINE void vstore_upto(antler_real *p, v16 v, int lanes)
{
    if (lanes == 16)
        vstore(p, v);
    else
        vstore_n(p, v, lanes);
}

ANTLER_INLINE w16 wload_upto(const uint32_t *p, int lanes)
{
    return lanes == 16 ? wload(p) : wload_n(p, lanes);
}

/* ------------------------------------------------------------------------- float arithmetic in both builds */

#ifdef ANTLER_DOUBLE

/* A sum, product or root of floats that is rounded to double and then to float is rounded right: 53 > 2 * 24 + 1. */
ANTLER_INLINE v16 to_float(v16 a)
{
    for (int i = 0; i < 16; i++)
        a.v[i] = (float)a.v[i];
    return a;
}

ANTLER_INLINE v16 fadd(v16 a, v16 b)
{
    return to_float(vadd(a, b));
}

ANTLER_INLINE v16 fmul(v16 a, v16 b)
{
    return to_float(vmul(a, b));
}

ANTLER_INLINE v16 froot(v16 a)
{
    return to_float(vsqrt(a));
}

ANTLER_INLINE v16 ffma(v16 a, v16 b, v16 c)
{
    for (int i = 0; i < 16; i++)
        a.v[i] = fmaf((float)a.v[i], (float)b.v[i], (float)c.v[i]);
    return a;
}

ANTLER_INLINE w16 fbits(v16 a)
{
    w16 w;
    for (int i = 0; i < 16; i++) {
        float x = (float)a.v[i];
        memcpy(&w.v[i], &x, sizeof x);
    }
    return w;
}

ANTLER_INLINE v16 bitsf(w16 w)
{
    v16 a;
    for (int i = 0; i < 16; i++) {
        float x;
        memcpy(&x, &w.v[i], sizeof x);
        a.v[i] = x;
    }
    return a;
}

#else

ANTLER_INLINE v16 fadd(v16 a, v16 b)
{
    return vadd(a, b);
}

ANTLER_INLINE v16 fmul(v16 a, v16 b)
{
    return vmul(a, b);
}

ANTLER_INLINE v16 froot(v16 a)
{
    return vsqrt(a);
}

ANTLER_INLINE v16 ffma(v16 a, v16 b, v16 c)
{
    return vfma(a, b, c);
}

ANTLER_INLINE w16 fbits(v16 a)
{
    return vbits(a);
}

ANTLER_INLINE v16 bitsf(w16 w)
{
    return bitsv(w);
}

#endif

/* a + b * x, coefficients of a polynomial. */
ANTLER_INLINE v16 line(float a, float b, v16 x)
{
    return ffma(vset((antler_real)b), x, vset((antler_real)a));
}

/* log(1 + f) for f in [sqrt(1/2) - 1, 1/2] is f + f^2 q(f); returns f^2 q(f). q has degree 9, and the error of the
   whole is 2.2e-9 of log(1 + f). */
ANTLER_INLINE v16 log_tail(v16 f)
{
    v16 f2 = fmul(f, f), f4 = fmul(f2, f2);
    v16 low = ffma(f2, line(-0x1.0000b6p-2f, 0x1.99a2e4p-3f, f), line(-0.5f, 0x1.55554cp-2f, f));
    v16 high = ffma(f2, line(-0x1.02d36ep-3f, 0x1.f0d3eep-4f, f), line(-0x1.5512aep-3f, 0x1.232616p-3f, f));
    high = ffma(f4, line(-0x1.ac1634p-4f, 0x1.894340p-5f, f), high);
    return fmul(f2, ffma(f4, high, low));
}

/* Natural logarithm, in float. x = m 2^e with m in [sqrt(1/2), sqrt(2)); e log 2 is added in two parts, of which the
   first times any e is exact. */
ANTLER_INLINE v16 flog(v16 x)
{
    const w16 half_root = wset(0x3f3504f3u); /* the bits of sqrt(1/2) */
    const m16 denormal = vlt(x, vset((antler_real)0x1p-126f));
    const w16 bits = fbits(vselect(denormal, fmul(x, vset((antler_real)0x1p24f)), x));
    const w16 biased = wshr(wadd(wsub(bits, half_root), wset(128u << 23)), 23); /* e + 128: never negative */
    v16 e = v_of_int(wsub(biased, wset(128)));
    v16 f = fadd(bitsf(wsub(bits, wshl(wsub(biased, wset(128)), 23))), vset(-1));
    e = vselect(denormal, fadd(e, vset(-24)), e);
    v16 part = fadd(f, ffma(e, vset((antler_real)0x1.7f7d1cp-20f), log_tail(f)));
    v16 y = ffma(e, vset((antler_real)0x1.62e4p-1f), part);
    y = vselect(vlt(x, vset((antler_real)INFINITY)), y, x);
    y = vselect(veq(x, vset(0)), vset((antler_real)-INFINITY), y);
    return vselect(vlt(x, vset(0)), vset((antler_real)NAN), y);
}

/* Cosine and sine of 2 pi u, u in [0, 1] a multiple of 2^-24, in float. The quarter n nearest to u is taken out
   exactly; what is left, r in [-1/2, 1/2] quarters, goes through polynomials in r^2 of degree 4 (cosine) and 3 (sine).
 */
ANTLER_INLINE void fcircle(v16 u, v16 *cosine, v16 *sine)
{
    const v16 magic = vset((antler_real)0x1.8p23f); /* its last bit is worth 1 */
    v16 shifted = ffma(u, vset(4), magic);
    v16 r = ffma(u, vset(4), fadd(vset((antler_real)0x1.8p23f), vneg(shifted)));
    w16 quarter = fbits(shifted), sign = wset(0x80000000u);
    v16 s = fmul(r, r), s2 = fmul(s, s);
    v16 high = ffma(s2, vset((antler_real)0x1.d4f632p-11f), line(0x1.03c1b0p-2f, -0x1.55b2b4p-6f, s));
    v16 c = ffma(s2, high, line(1.0f, -0x1.3bd3ccp+0f, s));
    v16 d = ffma(s2, line(0x1.467faap-4f, -0x1.32e89cp-8f, s), line(0x1.921fb6p+0f, -0x1.4abc22p-1f, s));
    d = fmul(r, d);
    /* quarters 1 and 3 swap the two; the cosine is negative in 1 and 2, the sine in 2 and 3 */
    const m16 swap = wge(wand(quarter, wset(1)), wset(1));
    v16 x = vselect(swap, d, c), y = vselect(swap, c, d);
    *cosine = bitsf(wxor(fbits(x), wand(wshl(wadd(quarter, wset(1)), 30), sign)));
    *sine = bitsf(wxor(fbits(y), wand(wshl(quarter, 30), sign)));
}

/* ---------------------------------------------------------------------------------------------- functions */

#ifdef ANTLER_DOUBLE

ANTLER_INLINE v16 vexp(v16 x)
{
    return vmap(exp, x);
}

ANTLER_INLINE v16 vexpm1(v16 x)
{
    return vmap(expm1, x);
}

ANTLER_INLINE v16 vlog(v16 x)
{
    return vmap(log, x);
}

ANTLER_INLINE v16 vlog1p(v16 x)
{
    return vmap(log1p, x);
}

ANTLER_INLINE v16 vtanh(v16 x)
{
    return vmap(tanh, x);
}

ANTLER_INLINE v16 verf(v16 x)
{
    return vmap(erf, x);
}

/* Of |x|, so that nothing overflows and small results keep their digits. */
ANTLER_INLINE v16 vsigmoid(v16 x)
{
    v16 e = vmap(exp, vneg(vabs(x)));
    return vdiv(vselect(vlt(x, vset(0)), e, vset(1)), vadd(vset(1), e));
}

#else

/* e^x = 2^n (1 + p): n the integer nearest to x / log 2, p = e^r - 1, r = x - n log 2 in [-0.3467, 0.3467]. */
typedef struct power {
    w16 n; /* n in the low 22 bits, two's complement, below constant bits that shifts by 23 and more push out */
    v16 p;
} power;

/* 2^n, for n in -126 .. 127. */
ANTLER_INLINE v16 two_to(w16 n)
{
    return bitsv(wadd(wshl(n, 23), wset(127u << 23)));
}

/* p = r + r^2 q(r), q of degree 5; the error is 4.3e-10 of p. |x| < 2^20. */
ANTLER_INLINE power power_of(v16 x)
{
    const v16 magic = vset(0x1.8p23f); /* a sum with it is rounded to an integer, which is then in its low bits */
    v16 shifted = vfma(x, vset(0x1.715476p+0f), magic);
    v16 n = vsub(shifted, magic);
    v16 r = vfnma(n, vset(0x1.62e430p-1f), x);
    r = vfnma(n, vset(-0x1.05c610p-29f), r);
    v16 r2 = vmul(r, r);
    v16 q = vfma(r2, line(0x1.6d3a4ap-10f, 0x1.9e7380p-13f, r), line(0x1.5554f8p-5f, 0x1.1112d8p-7f, r));
    q = vfma(r2, q, line(0.5f, 0x1.555554p-3f, r));
    return (power){vbits(shifted), vfma(r2, q, r)};
}

ANTLER_INLINE v16 vexp(v16 x)
{
    power p = power_of(vmin(vset(89.0f), vmax(vset(-104.0f), x)));
    w16 half = wshr(p.n, 1); /* two factors: 2^n may be out of range where e^x is not, and denormal */
    v16 s = two_to(half);
    return vmul(vfma(s, p.p, s), two_to(wsub(p.n, half)));
}

/* In halves: 2^n may overflow where e^x - 1 does not. Below 2^-25 e^x - 1 is x. */
ANTLER_INLINE v16 vexpm1(v16 x)
{
    power p = power_of(vmin(vset(89.0f), vmax(vset(-30.0f), x)));
    v16 s = two_to(wsub(p.n, wset(1)));
    v16 y = vmul(vset(2), vfma(s, p.p, vsub(s, vset(0.5f))));
    return vselect(vlt(vabs(x), vset(0x1p-25f)), x, y);
}

ANTLER_INLINE v16 vlog(v16 x)
{
    return flog(x);
}

/* 1 + x = m 2^e with m in [3/4, 3/2); f = m - 1 = x 2^-e + (2^-e - 1), whose only rounding is the sum. */
ANTLER_INLINE v16 vlog1p(v16 x)
{
    const v16 sum = vadd(x, vset(1));
    const w16 shift = wand(wsub(vbits(sum), wset(0x3f400000u)), wset(0xff800000u)); /* e << 23 */
    v16 scale =
        vmax(bitsv(wsub(wset(0x3f800000u), shift)), vset(0)); /* e = 128 wraps to -Inf: 2^-128 is as good as 0 */
    v16 f = vadd(bitsv(wsub(vbits(x), shift)), vsub(scale, vset(1)));
    v16 e = vmul(v_of_int(shift), vset(0x1p-23f));
    v16 part = vadd(f, vfma(e, vset(0x1.7f7d1cp-20f), log_tail(f)));
    v16 y = vfma(e, vset(0x1.62e4p-1f), part);
    y = vselect(vlt(x, vset(INFINITY)), y, x);
    y = vselect(veq(x, vset(-1)), vset(-INFINITY), y);
    return vselect(vlt(x, vset(-1)), vset(NAN), y);
}

/* The sign of b on a, which is not negative. */
ANTLER_INLINE v16 with_sign(v16 a, v16 b)
{
    return bitsv(wor(vbits(a), wand(vbits(b), wset(0x80000000u))));
}

/* 1 - 2 / (e^2|x| + 1) from 0.625 on, and x + x^3 p(x^2) below, p of degree 4. Both go on at the same time: the longest
   chain, which is what a recurrent step waits for, is one exponential, one division and one subtraction. */
ANTLER_INLINE v16 vtanh(v16 x)
{
    const v16 a = vmin(vset(10.0f), vabs(x)); /* tanh(10) is 1 in float */
    power p = power_of(vadd(a, a));
    v16 s = two_to(p.n);
    v16 large = vsub(vset(1), vdiv(vset(2), vfma(s, p.p, vadd(s, vset(1)))));
    v16 t = vmul(a, a), t2 = vmul(t, t);
    v16 q = vfma(t2, vset(-0x1.75619ap-8f), line(-0x1.b83738p-5f, 0x1.5207b8p-6f, t));
    q = vfma(t2, q, line(-0x1.555532p-2f, 0x1.1106fcp-3f, t));
    v16 small = vfma(vmul(a, t), q, a);
    return with_sign(vselect(vlt(a, vset(0.625f)), small, large), x);
}

/* With e = e^-|x| and w = e / (1 + e), sigmoid is 1 - w for x > 0, w for x < 0, better e - e w where w is small: its
   error is then that of e. Nothing overflows, and small results keep their digits. */
ANTLER_INLINE v16 vsigmoid(v16 x)
{
    const v16 t = vneg(vabs(x));
    const m16 negative = vlt(x, vset(0));
    v16 e = vexp(t), w = vdiv(e, vadd(vset(1), e));
    v16 one = vselect(negative, e, vset(1));
    return vselect(mand(negative, vlt(vset(-1), t)), w, vfnma(one, w, one));
}

/* x + x p(x^2) below 1, p of degree 6; 1 - e^q(|x|) from there on, q of degree 7 fitted to log(erfc). */
ANTLER_INLINE v16 verf(v16 x)
{
    const v16 a = vmin(vset(4.0f), vabs(x)); /* erf(4) is 1 in float */
    v16 a2 = vmul(a, a), a4 = vmul(a2, a2);
    v16 q = vfma(a2, line(0x1.9d0d5ap-6f, -0x1.139bdep-8f, a), line(-0x1.4434e8p-1f, -0x1.bc1940p-4f, a));
    q = vfma(vmul(a2, a4), line(0x1.cef63cp-12f, -0x1.6c1816p-16f, a),
             vfma(a2, q, line(0x1.8b4048p-13f, -0x1.212c2ep+0f, a)));
    power p = power_of(q);
    v16 s = two_to(p.n);
    v16 large = vfnma(s, p.p, vsub(vset(1), s));
    v16 t = vfma(a4, vset(0x1.4771fep-14f), line(0x1.53f224p-8f, -0x1.a3515ep-11f, a2));
    t = vfma(a4, t, line(0x1.ce2ce6p-4f, -0x1.b7f71ap-6f, a2));
    t = vfma(a4, t, line(0x1.06eba8p-3f, -0x1.81273ep-2f, a2));
    v16 small = vfma(a, t, a);
    return with_sign(vselect(vlt(a, vset(1)), small, large), x);
}

#endif
#endif
