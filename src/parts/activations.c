/* Activations: y = f(x), with Keras's names and constants. The elementwise ones are kernels. */
#include "kernels/kernels.h"
#include "parts/parts.h"

/* ---- elementwise: one pair of functions for each row of ANTLER_ACTIVATION_MAP ---- */

/* The kernels' one number: slope of leaky_relu (the LeakyReLU layer has another), alpha of elu. TensorFlow keeps the
   slope in float whatever x is. */
static antler_real constant_of(int kernel)
{
    return (antler_real)(kernel == ANTLER_ACT_leaky_relu ? 0.2f : kernel == ANTLER_ACT_elu ? 1.0f : 0.0f);
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

/* ---- elementwise, made of others: in blocks, on the stack ---- */

enum { BLOCK = 256 };

static int64_t block_of(int64_t left)
{
    return left < BLOCK ? left : BLOCK;
}

static void kernel_forward(int kernel, antler_real *y, const antler_real *x, int64_t n)
{
    antler__kernels()->activation[kernel].forward(y, x, n, 0);
}

/* min(max(x, 0), 6) */
static void relu6_forward(antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows * n; i++)
        y[i] = x[i] < 0 ? 0 : x[i] > 6 ? 6 : x[i];
}

static void relu6_backward(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x,
                           int64_t rows, int64_t n)
{
    (void)x;
    for (int64_t i = 0; i < rows * n; i++)
        dx[i] = y[i] > 0 && y[i] < 6 ? dy[i] : 0;
}

/* x / (1 + |x|), whose derivative is 1 / (1 + |x|)^2 */
static void softsign_forward(antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows * n; i++)
        y[i] = x[i] / (1 + (x[i] < 0 ? -x[i] : x[i]));
}

static void softsign_backward(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x,
                              int64_t rows, int64_t n)
{
    (void)y;
    for (int64_t i = 0; i < rows * n; i++) {
        const antler_real d = 1 + (x[i] < 0 ? -x[i] : x[i]);
        dx[i] = dy[i] / (d * d);
    }
}

/* x s, s = sigmoid(x); its derivative is s (1 + x (1 - s)) */
static void silu_forward(antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    antler_real s[BLOCK];
    for (int64_t i = 0; i < rows * n; i += BLOCK) {
        const int64_t m = block_of(rows * n - i);
        kernel_forward(ANTLER_ACT_sigmoid, s, x + i, m);
        for (int64_t j = 0; j < m; j++)
            y[i + j] = x[i + j] * s[j];
    }
}

static void silu_backward(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x,
                          int64_t rows, int64_t n)
{
    antler_real s[BLOCK];
    (void)y;
    for (int64_t i = 0; i < rows * n; i += BLOCK) {
        const int64_t m = block_of(rows * n - i);
        kernel_forward(ANTLER_ACT_sigmoid, s, x + i, m);
        for (int64_t j = 0; j < m; j++)
            dx[i + j] = dy[i + j] * (s[j] * (1 + x[i + j] * (1 - s[j])));
    }
}

/* x t, t = tanh(softplus(x)); its derivative is t + x (1 - t^2) sigmoid(x) */
static void mish_forward(antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    antler_real t[BLOCK];
    for (int64_t i = 0; i < rows * n; i += BLOCK) {
        const int64_t m = block_of(rows * n - i);
        kernel_forward(ANTLER_ACT_softplus, t, x + i, m);
        kernel_forward(ANTLER_ACT_tanh, t, t, m);
        for (int64_t j = 0; j < m; j++)
            y[i + j] = x[i + j] * t[j];
    }
}

static void mish_backward(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x,
                          int64_t rows, int64_t n)
{
    antler_real t[BLOCK], s[BLOCK];
    (void)y;
    for (int64_t i = 0; i < rows * n; i += BLOCK) {
        const int64_t m = block_of(rows * n - i);
        kernel_forward(ANTLER_ACT_sigmoid, s, x + i, m);
        kernel_forward(ANTLER_ACT_softplus, t, x + i, m);
        kernel_forward(ANTLER_ACT_tanh, t, t, m);
        for (int64_t j = 0; j < m; j++)
            dx[i + j] = dy[i + j] * (t[j] + x[i + j] * (1 - t[j] * t[j]) * s[j]);
    }
}

static const char *const silu_aliases[] = {"swish", NULL};

#define ANTLER_COMPOSED(name, others, x_too, line)      \
    static const antler_activation_ops name##_ops = {   \
        .type = {.size = sizeof(antler_activation_ops), \
                 .kind = ANTLER_KIND_ACTIVATION,        \
                 .class_name = #name,                   \
                 .aliases = (others),                   \
                 .doc = (line)},                        \
        .needs_x = (x_too),                             \
        .kernel = -1,                                   \
        .forward = name##_forward,                      \
        .backward = name##_backward,                    \
    }
ANTLER_COMPOSED(relu6, NULL, false, "min(max(x, 0), 6)");
ANTLER_COMPOSED(softsign, NULL, true, "x / (1 + |x|)");
ANTLER_COMPOSED(silu, silu_aliases, true, "x * sigmoid(x)");
ANTLER_COMPOSED(mish, NULL, true, "x * tanh(softplus(x))");
#undef ANTLER_COMPOSED

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

const antler_activation_ops antler__softmax = {
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
    const antler_kernels *k = antler__kernels();
    antler_real p[BLOCK];
    (void)x;
    for (int64_t r = 0; r < rows; r++, y += n, dy += n, dx += n) {
        const antler_real sum = k->sum(dy, n);
        for (int64_t i = 0; i < n; i += BLOCK) {
            const int64_t m = block_of(n - i);
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
    &antler__softmax.type,
    &log_softmax_ops.type,
    &relu6_ops.type,
    &softsign_ops.type,
    &silu_ops.type,
    &mish_ops.type,
#define ANTLER_ELEMENTWISE(name) &name##_ops.type,
    ANTLER_ACTIVATION_MAP(ANTLER_ELEMENTWISE)
#undef ANTLER_ELEMENTWISE
        NULL,
};
