/* One step of an optimizer, in one pass over its arrays. Every loop is the one below, around an operation on 16 lanes,
   which ANTLER_DESCENT_MAP says. */
#include "vmath.h"

/* Returns the new w, and changes its slots. */
typedef v16 step_function(const antler_descent *u, v16 w, v16 g, v16 *slot);

enum { MOST_SLOTS = 3 };

/* The `lanes` values from i on. */
ANTLER_INLINE void descend_block(const antler_descent *u, int slots, step_function *f, int64_t i, int lanes)
{
    v16 slot[MOST_SLOTS];
    ANTLER_UNROLL
    for (int s = 0; s < MOST_SLOTS; s++) /* a constant, where slots is one only once this is inlined */
        if (s < slots)
            slot[s] = vload_upto(u->slot[s] + i, lanes);
    const v16 w = f(u, vload_upto(u->w + i, lanes), vload_upto(u->g + i, lanes), slot);
    ANTLER_UNROLL
    for (int s = 0; s < MOST_SLOTS; s++)
        if (s < slots)
            vstore_upto(u->slot[s] + i, slot[s], lanes);
    vstore_upto(u->w + i, w, lanes);
}

/* Whole blocks, in which nothing asks how many lanes there are, and the rest. */
ANTLER_INLINE void descend(const antler_descent *u, int slots, step_function *f)
{
    int64_t i = 0;
    for (; i + 16 <= u->n; i += 16)
        descend_block(u, slots, f, i, 16);
    if (i < u->n)
        descend_block(u, slots, f, i, lanes_at(i, u->n));
}

ANTLER_INLINE v16 sgd_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    (void)slot;
    return vsub(w, vmul(vset(u->rate), g));
}

ANTLER_INLINE v16 momentum_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    slot[0] = vsub(vmul(vset(u->a), slot[0]), vmul(vset(u->rate), g));
    return vadd(w, slot[0]);
}

ANTLER_INLINE v16 nesterov_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    const v16 step = vmul(vset(u->rate), g);
    slot[0] = vsub(vmul(vset(u->a), slot[0]), step);
    return vadd(w, vsub(vmul(vset(u->a), slot[0]), step));
}

/* mean + (x - mean) * share */
ANTLER_INLINE v16 towards(v16 mean, v16 x, antler_real share)
{
    return vadd(mean, vmul(vsub(x, mean), vset(share)));
}

/* a * mean + b * x */
ANTLER_INLINE v16 blend(const antler_descent *u, v16 mean, v16 x)
{
    return vadd(vmul(vset(u->a), mean), vmul(vset(u->b), x));
}

ANTLER_INLINE void moments(const antler_descent *u, v16 g, v16 *slot)
{
    slot[0] = towards(slot[0], g, u->a);
    slot[1] = towards(slot[1], vmul(g, g), u->b);
}

ANTLER_INLINE v16 adam_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    moments(u, g, slot);
    return vsub(w, vdiv(vmul(vset(u->rate), slot[0]), vadd(vsqrt(slot[1]), vset(u->c))));
}

ANTLER_INLINE v16 amsgrad_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    moments(u, g, slot);
    slot[2] = vmax(slot[2], slot[1]);
    return vsub(w, vdiv(vmul(vset(u->rate), slot[0]), vadd(vsqrt(slot[2]), vset(u->c))));
}

/* rate * g / sqrt(below + c) */
ANTLER_INLINE v16 over_root(const antler_descent *u, v16 g, v16 below)
{
    return vdiv(vmul(vset(u->rate), g), vsqrt(vadd(below, vset(u->c))));
}

ANTLER_INLINE v16 rmsprop_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    slot[0] = blend(u, slot[0], vmul(g, g));
    return vsub(w, over_root(u, g, slot[0]));
}

ANTLER_INLINE v16 rmsprop_momentum_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    slot[0] = blend(u, slot[0], vmul(g, g));
    slot[1] = vadd(vmul(vset(u->d), slot[1]), over_root(u, g, slot[0]));
    return vsub(w, slot[1]);
}

/* The step of a centered one, with the mean in *h. */
ANTLER_INLINE v16 centered(const antler_descent *u, v16 g, v16 *v, v16 *h)
{
    *v = blend(u, *v, vmul(g, g));
    *h = blend(u, *h, g);
    return over_root(u, g, vsub(*v, vmul(*h, *h)));
}

ANTLER_INLINE v16 rmsprop_centered_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    return vsub(w, centered(u, g, &slot[0], &slot[1]));
}

ANTLER_INLINE v16 rmsprop_centered_momentum_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    const v16 step = centered(u, g, &slot[0], &slot[2]);
    slot[1] = vadd(vmul(vset(u->d), slot[1]), step);
    return vsub(w, slot[1]);
}

ANTLER_INLINE v16 adamax_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    slot[0] = towards(slot[0], g, u->a);
    slot[1] = vmax(vmul(vset(u->b), slot[1]), vabs(g));
    return vsub(w, vdiv(vmul(vset(u->rate), slot[0]), vmul(vset(u->d), vadd(slot[1], vset(u->c)))));
}

ANTLER_INLINE v16 nadam_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    moments(u, g, slot);
    const v16 m = vadd(vmul(vset(u->d), slot[0]), vmul(vset(u->e), g));
    return vsub(w, vdiv(vmul(vset(u->rate), m), vadd(vsqrt(vdiv(slot[1], vset(u->f))), vset(u->c))));
}

ANTLER_INLINE v16 adagrad_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    slot[0] = vadd(slot[0], vmul(g, g));
    return vsub(w, over_root(u, g, slot[0]));
}

ANTLER_INLINE v16 adadelta_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    const v16 epsilon = vset(u->c);
    slot[0] = blend(u, slot[0], vmul(g, g));
    const v16 x = vdiv(vmul(vsqrt(vadd(slot[1], epsilon)), g), vsqrt(vadd(slot[0], epsilon)));
    slot[1] = blend(u, slot[1], vmul(x, x));
    return vsub(w, vmul(vset(u->rate), x));
}

ANTLER_INLINE v16 lion_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    const v16 x = blend(u, slot[0], g), zero = vset(0), rate = vset(u->rate);
    const v16 step = vselect(vlt(zero, x), rate, vselect(vlt(x, zero), vneg(rate), x)); /* of 0 is 0, NaN stays */
    slot[0] = vadd(vmul(vset(u->c), slot[0]), vmul(vset(u->d), g));
    return vsub(w, step);
}

ANTLER_INLINE v16 schedule_free_step(const antler_descent *u, v16 w, v16 g, v16 *slot)
{
    const v16 a = vset(u->a), e = vset(u->e), f = vset(u->f);
    slot[1] = towards(slot[1], vmul(g, g), u->b);
    slot[0] = vsub(slot[0], vdiv(vmul(vset(u->rate), g), vadd(vsqrt(vdiv(slot[1], vset(u->d))), vset(u->c))));
    const v16 x = vdiv(vsub(w, vmul(a, slot[0])), f); /* of the new m: what Keras does on TensorFlow */
    const v16 mean = vadd(vmul(vset(1 - u->e), x), vmul(e, slot[0]));
    return vadd(vmul(a, slot[0]), vmul(f, mean));
}

#define DESCENT(name, slots, what)            \
    static void name(const antler_descent *u) \
    {                                         \
        descend(u, slots, name##_step);       \
    }
ANTLER_DESCENT_MAP(DESCENT)
#undef DESCENT

void ANTLER_VARIANT(antler__update_kernels)(antler_kernels *k)
{
#define DESCENT(name, slots, what) k->name = name;
    ANTLER_DESCENT_MAP(DESCENT)
#undef DESCENT
}
