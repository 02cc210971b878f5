/* Elementwise kernels: activations, exp, log, and a few sums and products. Every loop is one of the two below, around
   an operation on 16 lanes. */
#include "activation.h"

typedef v16 map_function(v16 x, v16 a);
typedef v16 gradient_function(v16 dy, v16 y, v16 x, v16 a);
typedef v16 pair_function(v16 x, v16 y);

ANTLER_INLINE void map(antler_real *y, const antler_real *x, int64_t n, antler_real a, map_function *f)
{
    for (int64_t i = 0; i < n; i += 16) {
        const int lanes = lanes_at(i, n);
        vstore_upto(y + i, f(vload_upto(x + i, lanes), vset(a)), lanes);
    }
}

/* Without needs_x, x may be NULL: y stands in for it. */
ANTLER_INLINE void gradient(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x,
                            int64_t n, antler_real a, bool needs_x, gradient_function *f)
{
    if (!needs_x)
        x = y;
    for (int64_t i = 0; i < n; i += 16) {
        const int lanes = lanes_at(i, n);
        vstore_upto(dx + i, f(vload_upto(dy + i, lanes), vload_upto(y + i, lanes), vload_upto(x + i, lanes), vset(a)),
                    lanes);
    }
}

ANTLER_INLINE void pairs(antler_real *y, const antler_real *a, const antler_real *b, int64_t n, pair_function *f)
{
    for (int64_t i = 0; i < n; i += 16) {
        const int lanes = lanes_at(i, n);
        vstore_upto(y + i, f(vload_upto(a + i, lanes), vload_upto(b + i, lanes)), lanes);
    }
}

#define ACTIVATION(name, number, x_too, line)                                                                       \
    static void name##_forward(antler_real *y, const antler_real *x, int64_t n, antler_real a)                      \
    {                                                                                                               \
        map(y, x, n, a, name##_value);                                                                              \
    }                                                                                                               \
    static void name##_backward(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x, \
                                int64_t n, antler_real a)                                                           \
    {                                                                                                               \
        gradient(dx, dy, y, x, n, a, x_too, name##_gradient);                                                       \
    }
ANTLER_ACTIVATION_MAP(ACTIVATION)
#undef ACTIVATION

static const antler_activation_kernel activations[ANTLER_ACTIVATIONS] = {
#define ACTIVATION(name, number, x_too, line) \
    [ANTLER_ACT_##name] = {#name, (antler_real)number, x_too, name##_forward, name##_backward},
    ANTLER_ACTIVATION_MAP(ACTIVATION)
#undef ACTIVATION
};

ANTLER_INLINE v16 log_value(v16 x, v16 a)
{
    (void)a;
    return vlog(x);
}

static void log_all(antler_real *y, const antler_real *x, int64_t n)
{
    map(y, x, n, 0, log_value);
}

static void exp_all(antler_real *y, const antler_real *x, int64_t n)
{
    map(y, x, n, 0, exponential_value);
}

static void add(antler_real *y, const antler_real *a, const antler_real *b, int64_t n)
{
    pairs(y, a, b, n, vadd);
}

static void multiply(antler_real *y, const antler_real *a, const antler_real *b, int64_t n)
{
    pairs(y, a, b, n, vmul);
}

static void fma_all(antler_real *y, const antler_real *a, const antler_real *b, const antler_real *c, int64_t n)
{
    for (int64_t i = 0; i < n; i += 16) {
        const int lanes = lanes_at(i, n);
        vstore_upto(y + i, vfma(vload_upto(a + i, lanes), vload_upto(b + i, lanes), vload_upto(c + i, lanes)), lanes);
    }
}

static void affine(antler_real *y, const antler_real *x, int64_t n, antler_real a, antler_real b)
{
    for (int64_t i = 0; i < n; i += 16) {
        const int lanes = lanes_at(i, n);
        vstore_upto(y + i, vadd(vmul(vset(a), vload_upto(x + i, lanes)), vset(b)), lanes);
    }
}

static void axpy(antler_real *y, antler_real a, const antler_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i += 16) {
        const int lanes = lanes_at(i, n);
        vstore_upto(y + i, vfma(vset(a), vload_upto(x + i, lanes), vload_upto(y + i, lanes)), lanes);
    }
}

void ANTLER_VARIANT(antler__elementwise_kernels)(antler_kernels *k)
{
    memcpy(k->activation, activations, sizeof activations);
    k->exp = exp_all;
    k->log = log_all;
    k->add = add;
    k->multiply = multiply;
    k->fma = fma_all;
    k->affine = affine;
    k->axpy = axpy;
}
