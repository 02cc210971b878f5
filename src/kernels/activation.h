/* The activations of ANTLER_ACTIVATION_MAP on 16 lanes, shared by elementwise.c and recurrent.c: name_value(x, a)
   and name_gradient(dy, y, x, a), which takes the gradient from y unless the map says that x is needed. At kinks the
   gradient is TensorFlow's. */
#ifndef ANTLER_ACTIVATION_H
#define ANTLER_ACTIVATION_H

#include "vmath.h"

ANTLER_INLINE v16 linear_value(v16 x, v16 a)
{
    (void)a;
    return x;
}

ANTLER_INLINE v16 linear_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)y, (void)x, (void)a;
    return dy;
}

ANTLER_INLINE v16 relu_value(v16 x, v16 a)
{
    (void)a;
    return vmax(vset(0), x);
}

ANTLER_INLINE v16 relu_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x, (void)a;
    return vselect(vlt(vset(0), y), dy, vset(0));
}

ANTLER_INLINE v16 relu6_value(v16 x, v16 a)
{
    (void)a;
    return vmin(vset(6), vmax(vset(0), x));
}

ANTLER_INLINE v16 relu6_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x, (void)a;
    return vselect(mand(vlt(vset(0), y), vlt(y, vset(6))), dy, vset(0));
}

ANTLER_INLINE v16 leaky_relu_value(v16 x, v16 a)
{
    return vselect(vlt(x, vset(0)), vmul(a, x), x);
}

ANTLER_INLINE v16 leaky_relu_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x;
    return vselect(vlt(vset(0), y), dy, vmul(a, dy));
}

ANTLER_INLINE v16 elu_value(v16 x, v16 a)
{
    return vselect(vlt(x, vset(0)), vmul(a, vexpm1(x)), x);
}

/* a e^x is y + a. */
ANTLER_INLINE v16 elu_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x;
    return vselect(vlt(vset(0), y), dy, vmul(dy, vadd(y, a)));
}

#define ANTLER_SELU_SCALE 1.0507009873554805
#define ANTLER_SELU_SCALE_ALPHA (1.0507009873554805 * 1.6732632423543772)

ANTLER_INLINE v16 selu_value(v16 x, v16 a)
{
    (void)a;
    const v16 scale = vset((antler_real)ANTLER_SELU_SCALE), scale_alpha = vset((antler_real)ANTLER_SELU_SCALE_ALPHA);
    return vselect(vlt(x, vset(0)), vmul(scale_alpha, vexpm1(x)), vmul(scale, x));
}

ANTLER_INLINE v16 selu_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x, (void)a;
    const v16 scale = vset((antler_real)ANTLER_SELU_SCALE), scale_alpha = vset((antler_real)ANTLER_SELU_SCALE_ALPHA);
    return vmul(dy, vselect(vlt(y, vset(0)), vadd(y, scale_alpha), scale));
}

ANTLER_INLINE v16 sigmoid_value(v16 x, v16 a)
{
    (void)a;
    return vsigmoid(x);
}

ANTLER_INLINE v16 sigmoid_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x, (void)a;
    return vmul(dy, vmul(y, vsub(vset(1), y)));
}

ANTLER_INLINE v16 tanh_value(v16 x, v16 a)
{
    (void)a;
    return vtanh(x);
}

ANTLER_INLINE v16 tanh_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x, (void)a;
    return vmul(dy, vfnma(y, y, vset(1)));
}

ANTLER_INLINE v16 hard_sigmoid_value(v16 x, v16 a)
{
    (void)a;
    return vdiv(vmin(vset(6), vmax(vset(0), vadd(x, vset(3)))), vset(6));
}

ANTLER_INLINE v16 hard_sigmoid_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x, (void)a;
    return vselect(mand(vlt(vset(0), y), vlt(y, vset(1))), vdiv(dy, vset(6)), vset(0));
}

ANTLER_INLINE v16 hard_sigmoid_keras2_value(v16 x, v16 a)
{
    (void)a;
    return vmin(vset(1), vmax(vset(0), vfma(vset((antler_real)0.2), x, vset((antler_real)0.5))));
}

ANTLER_INLINE v16 hard_sigmoid_keras2_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x, (void)a;
    return vselect(mand(vlt(vset(0), y), vlt(y, vset(1))), vmul(dy, vset((antler_real)0.2)), vset(0));
}

/* max(x, 0) + log(1 + e^-|x|): nothing overflows. */
ANTLER_INLINE v16 softplus_value(v16 x, v16 a)
{
    (void)a;
    return vadd(vmax(vset(0), x), vlog1p(vexp(vneg(vabs(x)))));
}

/* sigmoid(x) is 1 - e^-y, which for a small y has its digits from expm1. */
ANTLER_INLINE v16 softplus_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x, (void)a;
    return vmul(dy, vneg(vexpm1(vneg(y))));
}

ANTLER_INLINE v16 softsign_value(v16 x, v16 a)
{
    (void)a;
    return vdiv(x, vadd(vset(1), vabs(x)));
}

/* 1 / (1 + |x|)^2 */
ANTLER_INLINE v16 softsign_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)y, (void)a;
    const v16 d = vadd(vset(1), vabs(x));
    return vdiv(dy, vmul(d, d));
}

ANTLER_INLINE v16 silu_value(v16 x, v16 a)
{
    (void)a;
    return vmul(x, vsigmoid(x));
}

/* s (1 + x (1 - s)), s = sigmoid(x) */
ANTLER_INLINE v16 silu_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)y, (void)a;
    const v16 s = vsigmoid(x), one = vset(1);
    return vmul(dy, vmul(s, vadd(one, vmul(x, vsub(one, s)))));
}

ANTLER_INLINE v16 mish_value(v16 x, v16 a)
{
    return vmul(x, vtanh(softplus_value(x, a)));
}

/* t + x (1 - t^2) sigmoid(x), t = tanh(softplus(x)) */
ANTLER_INLINE v16 mish_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)y;
    const v16 t = vtanh(softplus_value(x, a));
    return vmul(dy, vadd(t, vmul(vmul(x, vsub(vset(1), vmul(t, t))), vsigmoid(x))));
}

/* 1 / sqrt 2. TensorFlow's is a float whatever the type of x, and Keras's results in double are made with it. */
static const antler_real root_half = (antler_real)0.707106781f;

/* The normal distribution function of x, from x / sqrt 2. */
ANTLER_INLINE v16 normal_below(v16 over_root)
{
    const v16 half = vset((antler_real)0.5);
    return vfma(half, verf(over_root), half);
}

ANTLER_INLINE v16 gelu_value(v16 x, v16 a)
{
    (void)a;
    return vmul(x, normal_below(vmul(x, vset(root_half))));
}

/* d/dx x P(x) = P(x) + x P'(x), P' the normal density exp(-x^2 / 2) / sqrt(2 pi). */
ANTLER_INLINE v16 gelu_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)y, (void)a;
    const v16 t = vmul(x, vset(root_half));
    const v16 density = vmul(vexp(vneg(vmul(t, t))), vset((antler_real)(0.56418958354775629 * 0.707106781f)));
    return vmul(dy, vfma(x, density, normal_below(t)));
}

ANTLER_INLINE v16 exponential_value(v16 x, v16 a)
{
    (void)a;
    return vexp(x);
}

ANTLER_INLINE v16 exponential_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x, (void)a;
    return vmul(dy, y);
}

ANTLER_INLINE v16 celu_value(v16 x, v16 a)
{
    (void)a;
    return vadd(vmax(vset(0), x), vexpm1(vmin(vset(0), x)));
}

/* At 0 the gradients of TensorFlow's max and min are both 1. */
ANTLER_INLINE v16 celu_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x, (void)a;
    const v16 zero = vset(0), below = vmul(dy, vadd(y, vset(1)));
    return vselect(vlt(zero, y), dy, vselect(veq(y, zero), vadd(dy, dy), below));
}

ANTLER_INLINE v16 hard_silu_value(v16 x, v16 a)
{
    return vmul(x, hard_sigmoid_value(x, a));
}

ANTLER_INLINE v16 hard_silu_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    const v16 h = hard_sigmoid_value(x, a);
    (void)y;
    return vadd(vmul(dy, h), hard_sigmoid_gradient(vmul(dy, x), h, x, a));
}

/* -1, 1 or, between, x. */
ANTLER_INLINE v16 hard_tanh_value(v16 x, v16 a)
{
    (void)a;
    return vmin(vset(1), vmax(vset(-1), x));
}

ANTLER_INLINE v16 hard_tanh_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)y, (void)a;
    return vselect(vlt(vset(1), vabs(x)), vset(0), dy);
}

ANTLER_INLINE v16 hard_shrink_value(v16 x, v16 a)
{
    (void)a;
    return vselect(vlt(vset((antler_real)0.5), vabs(x)), x, vset(0));
}

ANTLER_INLINE v16 hard_shrink_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x, (void)a;
    return vselect(veq(y, vset(0)), vset(0), dy);
}

ANTLER_INLINE v16 soft_shrink_value(v16 x, v16 a)
{
    (void)a;
    const v16 half = vset((antler_real)0.5);
    return vselect(vlt(half, x), vsub(x, half), vselect(vlt(x, vneg(half)), vadd(x, half), vset(0)));
}

ANTLER_INLINE v16 soft_shrink_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    return hard_shrink_gradient(dy, y, x, a);
}

ANTLER_INLINE v16 tanh_shrink_value(v16 x, v16 a)
{
    (void)a;
    return vsub(x, vtanh(x));
}

/* 1 - (1 - tanh^2) */
ANTLER_INLINE v16 tanh_shrink_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)y, (void)a;
    const v16 t = vtanh(x);
    return vmul(dy, vmul(t, t));
}

ANTLER_INLINE v16 squareplus_root(v16 x)
{
    return vsqrt(vadd(vmul(x, x), vset(4)));
}

ANTLER_INLINE v16 squareplus_value(v16 x, v16 a)
{
    (void)a;
    return vmul(vadd(x, squareplus_root(x)), vset((antler_real)0.5));
}

ANTLER_INLINE v16 squareplus_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)y, (void)a;
    const v16 half = vset((antler_real)0.5);
    return vmul(dy, vadd(vmul(vdiv(x, squareplus_root(x)), half), half));
}

/* low up to -1, high from 1 on and for NaN, else `between`. */
ANTLER_INLINE v16 in_parts(v16 x, v16 low, v16 between, v16 high)
{
    return vselect(vlt(x, vset(1)), vselect(vlt(vset(-1), x), between, low), high);
}

ANTLER_INLINE v16 sparse_plus_value(v16 x, v16 a)
{
    (void)a;
    const v16 s = vadd(x, vset(1));
    return in_parts(x, vset(0), vmul(vset((antler_real)0.25), vmul(s, s)), x);
}

ANTLER_INLINE v16 sparse_plus_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)y, (void)a;
    return in_parts(x, vset(0), vmul(dy, vmul(vset((antler_real)0.5), vadd(x, vset(1)))), dy);
}

ANTLER_INLINE v16 sparse_sigmoid_value(v16 x, v16 a)
{
    (void)a;
    const v16 one = vset(1), high = vselect(veq(x, x), one, x);
    return in_parts(x, vset(0), vmul(vset((antler_real)0.5), vadd(x, one)), high);
}

ANTLER_INLINE v16 sparse_sigmoid_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)y, (void)a;
    return in_parts(x, vset(0), vmul(vset((antler_real)0.5), dy), vset(0));
}

ANTLER_INLINE v16 log_sigmoid_value(v16 x, v16 a)
{
    return vneg(softplus_value(vneg(x), a));
}

/* sigmoid(-x) is 1 - e^y. */
ANTLER_INLINE v16 log_sigmoid_gradient(v16 dy, v16 y, v16 x, v16 a)
{
    (void)x, (void)a;
    return vmul(dy, vneg(vexpm1(y)));
}

#endif
