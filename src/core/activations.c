/* Activations: y = f(x), with Keras's names and constants. The elementwise ones are kernels. */
#include "core/registry.h"
#include "kernels/kernels.h"

/* ---- elementwise: one pair of functions for each row of ANTLER_ACTIVATION_MAP ---- */

/* The kernels' one number: slope of leaky_relu (the LeakyReLU layer has another), alpha of elu. */
static antler_real constant_of(int kernel)
{
    return (antler_real)(kernel == ANTLER_ACT_leaky_relu ? 0.2 : kernel == ANTLER_ACT_elu ? 1.0 : 0.0);
}

#define ANTLER_ELEMENTWISE(name)                                                                                    \
    static void name##_forward(antler_real *y, const antler_real *x, int64_t rows, int64_t n)                       \
    {                                                                                                               \
        antler__kernels()->activation[ANTLER_ACT_##name].forward(y, x, rows *n, constant_of(ANTLER_ACT_##name));    \
    }                                                                                                               \
    static void name##_backward(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x, \
                                int64_t rows, int64_t n)                                                            \
    {                                                                                                               \
        antler__kernels()->activation[ANTLER_ACT_##name].backward(dx, dy, y, x, rows *n,                            \
                                                                  constant_of(ANTLER_ACT_##name));                  \
    }                                                                                                               \
    static const antler_activation_ops name##_ops = {                                                               \
        .type = {.size = sizeof(antler_activation_ops),                                                             \
                 .kind = ANTLER_KIND_ACTIVATION,                                                                    \
                 .class_name = #name,                                                                               \
                 .doc = "elementwise; see docs/activations.md"},                                                    \
        .needs_x = ANTLER_ACT_##name == ANTLER_ACT_gelu,                                                            \
        .kernel = ANTLER_ACT_##name,                                                                                \
        .forward = name##_forward,                                                                                  \
        .backward = name##_backward,                                                                                \
    };
ANTLER_ACTIVATION_MAP(ANTLER_ELEMENTWISE)
#undef ANTLER_ELEMENTWISE

/* ---- over rows ---- */

static void softmax_forward(antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    antler__kernels()->softmax(y, x, rows, n);
}

static void softmax_backward(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x,
                             int64_t rows, int64_t n)
{
    (void)x;
    antler__kernels()->softmax_backward(dx, dy, y, rows, n);
}

static const antler_activation_ops softmax_ops = {
    .type = {.size = sizeof(antler_activation_ops),
             .kind = ANTLER_KIND_ACTIVATION,
             .class_name = "softmax",
             .doc = "exp(x) / sum(exp(x)) over the last axis"},
    .rowwise = true,
    .kernel = -1,
    .forward = softmax_forward,
    .backward = softmax_backward,
};

static void log_softmax_forward(antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    antler__kernels()->log_softmax(y, x, rows, n);
}

/* dx = dy - softmax(x) sum(dy), softmax(x) = exp(y). */
static void log_softmax_backward(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x,
                                 int64_t rows, int64_t n)
{
    enum { BLOCK = 256 };
    const antler_kernels *k = antler__kernels();
    antler_real p[BLOCK];
    (void)x;
    for (int64_t r = 0; r < rows; r++, y += n, dy += n, dx += n) {
        const antler_real sum = k->sum(dy, n);
        for (int64_t i = 0; i < n; i += BLOCK) {
            const int64_t m = n - i < BLOCK ? n - i : BLOCK;
            k->exp(p, y + i, m);
            for (int64_t j = 0; j < m; j++)
                dx[i + j] = dy[i + j] - p[j] * sum;
        }
    }
}

static const antler_activation_ops log_softmax_ops = {
    .type = {.size = sizeof(antler_activation_ops),
             .kind = ANTLER_KIND_ACTIVATION,
             .class_name = "log_softmax",
             .doc = "log of softmax, over the last axis"},
    .rowwise = true,
    .kernel = -1,
    .forward = log_softmax_forward,
    .backward = log_softmax_backward,
};

const antler_type *const antler__activations[] = {
#define ANTLER_ELEMENTWISE(name) &name##_ops.type,
    ANTLER_ACTIVATION_MAP(ANTLER_ELEMENTWISE)
#undef ANTLER_ELEMENTWISE
        & softmax_ops.type,
    &log_softmax_ops.type,
    NULL,
};
