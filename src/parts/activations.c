/* Activations: y = f(x), with Keras's names and constants. The elementwise ones are kernels. */
#include "kernels/kernels.h"
#include "parts/parts.h"

#include <math.h>

/* ---- elementwise: one pair of functions for each row of ANTLER_ACTIVATION_MAP ------------------------------------ */

static const char *const silu_aliases[] = {"swish", NULL};
static const char *const hard_silu_aliases[] = {"hard_swish", NULL};
static const char *const hard_sigmoid_keras2_aliases[] = {"hard_sigmoid@2", NULL}; /* in a file of Keras 1 or 2 */

/* Keras 3 takes whatever can be called for an activation: layers, too, which compute the same to the last bit. */
static const char hard_sigmoid_keras2_layers[] =
    "{\"module\": \"keras\", \"class_name\": \"Sequential\", \"config\": {\"name\": \"hard_sigmoid_keras2\", "
    "\"layers\": ["
    "{\"module\": \"keras.layers\", \"class_name\": \"Rescaling\", \"config\": {\"scale\": 0.2, \"offset\": 0.5}, "
    "\"registered_name\": null}, "
    "{\"module\": \"keras.layers\", \"class_name\": \"ReLU\", \"config\": {\"max_value\": 1.0, \"negative_slope\": "
    "0.0, "
    "\"threshold\": 0.0}, \"registered_name\": null}]}, \"registered_name\": null}";

#define ANTLER_ELEMENTWISE(name, ...)                                                                               \
    static void name##_forward(antler_real *y, const antler_real *x, int64_t rows, int64_t n)                       \
    {                                                                                                               \
        const antler_activation_kernel *k = &antler__kernels()->activation[ANTLER_ACT_##name];                      \
        k->forward(y, x, rows *n, k->a);                                                                            \
    }                                                                                                               \
    static void name##_backward(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x, \
                                int64_t rows, int64_t n)                                                            \
    {                                                                                                               \
        const antler_activation_kernel *k = &antler__kernels()->activation[ANTLER_ACT_##name];                      \
        k->backward(dx, dy, y, x, rows *n, k->a);                                                                   \
    }
ANTLER_ACTIVATION_MAP(ANTLER_ELEMENTWISE)
#undef ANTLER_ELEMENTWISE

#define ALIASES(activation)                                                         \
    ((activation) == ANTLER_ACT_silu                  ? silu_aliases                \
     : (activation) == ANTLER_ACT_hard_silu           ? hard_silu_aliases           \
     : (activation) == ANTLER_ACT_hard_sigmoid_keras2 ? hard_sigmoid_keras2_aliases \
                                                      : NULL)

#define LAYERS(activation) ((activation) == ANTLER_ACT_hard_sigmoid_keras2 ? hard_sigmoid_keras2_layers : NULL)

const antler_activation_ops antler__elementwise[ANTLER_ACTIVATIONS] = {
#define ANTLER_ELEMENTWISE(name, number, x_too, line)                      \
    [ANTLER_ACT_##name] = {.type = {.size = sizeof(antler_activation_ops), \
                                    .kind = ANTLER_KIND_ACTIVATION,        \
                                    .class_name = #name,                   \
                                    .aliases = ALIASES(ANTLER_ACT_##name), \
                                    .doc = (line)},                        \
                           .kernel = ANTLER_ACT_##name,                    \
                           .keras = LAYERS(ANTLER_ACT_##name),             \
                           .needs_x = (x_too),                             \
                           .forward = name##_forward,                      \
                           .backward = name##_backward},
    ANTLER_ACTIVATION_MAP(ANTLER_ELEMENTWISE)
#undef ANTLER_ELEMENTWISE
};

/* ---- over rows --------------------------------------------------------------------------------------------------- */

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
    enum { BLOCK = 256 };
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

const antler_activation_ops antler__log_softmax = {
    .type = {.size = sizeof(antler_activation_ops),
             .kind = ANTLER_KIND_ACTIVATION,
             .class_name = "log_softmax",
             .doc = "log of softmax, over the last axis"},
    .rowwise = true,
    .forward = log_softmax_forward,
    .backward = log_softmax_backward,
};

/* Sum and number of what is above t. */
static double sum_above(const antler_real *x, int64_t n, double t, int64_t *count)
{
    double sum = 0;
    *count = 0;
    for (int64_t i = 0; i < n; i++)
        if ((double)x[i] > t) {
            sum += (double)x[i];
            ++*count;
        }
    return sum;
}

/* The t that would make max(x - t, 0) add up to 1: that of all numbers at first, then of those above the last t, until
   nothing more is left out. *count is how many are above it. */
static double simplex_threshold(const antler_real *x, int64_t n, int64_t *count)
{
    double t = -INFINITY;
    int64_t left = n + 1, before;
    do {
        before = left;
        const double sum = sum_above(x, n, t, &left);
        t = left > 0 ? (sum - 1) / (double)left : t;
    } while (left > 0 && left < before);
    *count = left;
    return t;
}

/* How often x[i] counts in Keras's threshold, which adds sums up that it should not: the largest of the `count` numbers
   `count` times, the least once. Of the same numbers the first one is the larger. */
static double times_counted(const antler_real *x, int64_t n, int64_t i, int64_t count)
{
    int64_t larger = 0;
    for (int64_t j = 0; j < n; j++)
        larger += x[j] > x[i] || (j < i && !(x[j] < x[i]));
    return (double)(count - larger);
}

/* The threshold that Keras takes, and in *support what it depends on: numbers above it. */
static double sparsemax_threshold(const antler_real *x, int64_t n, double *support, int64_t *count)
{
    double sum = 0;
    *support = simplex_threshold(x, n, count);
    for (int64_t i = 0; i < n; i++)
        if ((double)x[i] > *support)
            sum += times_counted(x, n, i, *count) * (double)x[i];
    return (sum - 1) / (double)*count;
}

static void sparsemax_forward(antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    for (int64_t r = 0; r < rows; r++, x += n, y += n) {
        double support;
        int64_t count;
        const double t = sparsemax_threshold(x, n, &support, &count);
        for (int64_t i = 0; i < n; i++)
            y[i] = (antler_real)((double)x[i] <= t ? 0 : (double)x[i] - t);
    }
}

/* Every y that is not 0 falls as the threshold rises. */
static void sparsemax_backward(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x,
                               int64_t rows, int64_t n)
{
    (void)y;
    for (int64_t r = 0; r < rows; r++, x += n, dy += n, dx += n) {
        double support, sum = 0;
        int64_t count;
        const double t = sparsemax_threshold(x, n, &support, &count);
        for (int64_t i = 0; i < n; i++)
            sum += (double)x[i] >= t ? (double)dy[i] : 0;
        for (int64_t i = 0; i < n; i++) {
            const double own = (double)x[i] >= t ? (double)dy[i] : 0;
            const double share = (double)x[i] > support ? times_counted(x, n, i, count) / (double)count : 0;
            dx[i] = (antler_real)(own - sum * share);
        }
    }
}

static const antler_activation_ops sparsemax = {
    .type = {.size = sizeof(antler_activation_ops),
             .kind = ANTLER_KIND_ACTIVATION,
             .class_name = "sparsemax",
             .doc = "max(x - t, 0) over the last axis, with the t that Keras takes"},
    .rowwise = true,
    .needs_x = true,
    .forward = sparsemax_forward,
    .backward = sparsemax_backward,
};

const antler_type *const antler__activations[] = {
    &antler__softmax.type,
    &sparsemax.type,
    &antler__log_softmax.type,
#define ANTLER_ELEMENTWISE(name, ...) &antler__elementwise[ANTLER_ACT_##name].type,
    ANTLER_ACTIVATION_MAP(ANTLER_ELEMENTWISE)
#undef ANTLER_ELEMENTWISE
        NULL,
};
