/* One step of an optimizer, in one pass over its arrays. */
#include "vmath.h"

static void sgd(const antler_descent *u)
{
    const v16 rate = vset(u->rate);
    for (int64_t i = 0; i < u->n; i += 16) {
        const int lanes = lanes_at(i, u->n);
        const v16 step = vmul(rate, vload_upto(u->g + i, lanes));
        vstore_upto(u->w + i, vsub(vload_upto(u->w + i, lanes), step), lanes);
    }
}

/* The new velocity of the vector at element i, which is stored; *step is rate * g. */
ANTLER_INLINE v16 velocity(const antler_descent *u, int64_t i, int lanes, v16 *step)
{
    antler_real *m = u->slot[0] + i;
    *step = vmul(vset(u->rate), vload_upto(u->g + i, lanes));
    const v16 v = vsub(vmul(vset(u->a), vload_upto(m, lanes)), *step);
    vstore_upto(m, v, lanes);
    return v;
}

static void momentum(const antler_descent *u)
{
    for (int64_t i = 0; i < u->n; i += 16) {
        const int lanes = lanes_at(i, u->n);
        v16 step;
        const v16 v = velocity(u, i, lanes, &step);
        vstore_upto(u->w + i, vadd(vload_upto(u->w + i, lanes), v), lanes);
    }
}

static void nesterov(const antler_descent *u)
{
    for (int64_t i = 0; i < u->n; i += 16) {
        const int lanes = lanes_at(i, u->n);
        v16 step;
        const v16 v = velocity(u, i, lanes, &step), ahead = vsub(vmul(vset(u->a), v), step);
        vstore_upto(u->w + i, vadd(vload_upto(u->w + i, lanes), ahead), lanes);
    }
}

static void adam(const antler_descent *u)
{
    const v16 rate = vset(u->rate), a = vset(u->a), b = vset(u->b), epsilon = vset(u->c);
    for (int64_t i = 0; i < u->n; i += 16) {
        const int lanes = lanes_at(i, u->n);
        antler_real *at_m = u->slot[0] + i, *at_v = u->slot[1] + i;
        const v16 g = vload_upto(u->g + i, lanes);
        v16 m = vload_upto(at_m, lanes), v = vload_upto(at_v, lanes);
        m = vadd(m, vmul(vsub(g, m), a));
        v = vadd(v, vmul(vsub(vmul(g, g), v), b));
        vstore_upto(at_m, m, lanes);
        vstore_upto(at_v, v, lanes);
        const v16 step = vdiv(vmul(rate, m), vadd(vsqrt(v), epsilon));
        vstore_upto(u->w + i, vsub(vload_upto(u->w + i, lanes), step), lanes);
    }
}

void ANTLER_VARIANT(antler__update_kernels)(antler_kernels *k)
{
    k->sgd = sgd;
    k->momentum = momentum;
    k->nesterov = nesterov;
    k->adam = adam;
}
