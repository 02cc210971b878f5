/* Operators of every element alone: y = f(x), with up to two numbers of the config. Gradients are TensorFlow's: Clip's
   is dy where x is within its bounds, both included; Absolute's at 0 is 0. */
#include "layers/operations/operation.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 512 };

typedef struct element {
    ANTLER_LAYER_KEYS
    double a, b;
    bool approximate;
} element;

typedef void forward_fn(const element *cfg, antler_real *y, const antler_real *x, int64_t n);
typedef void backward_fn(const element *cfg, antler_real *dx, const antler_real *dy, const antler_real *x,
                         const antler_real *y, int64_t n);

typedef struct job {
    const element *cfg;
    const antler_run *run;
    forward_fn *forward;
    backward_fn *backward;
} job;

static void forward_piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    j->forward(j->cfg, j->run->y->data + first, j->run->x->data + first, count);
}

/* x and y are there where the table's flags say so. */
static void backward_piece(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const antler_real *x = j->run->x->data, *y = j->run->y->data;
    j->backward(j->cfg, j->run->dx->data + first, j->run->dy->data + first, x ? x + first : NULL, y ? y + first : NULL,
                count);
}

static antler_status forward(const void *config, antler_run *run, forward_fn *f, int64_t cost)
{
    job j = {.cfg = config, .run = run, .forward = f};
    antler_run_ranges(run, antler_count(&run->y->shape, 0), cost, forward_piece, &j);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run, backward_fn *f, int64_t cost)
{
    job j = {.cfg = config, .run = run, .backward = f};
    if (run->dx->data)
        antler_run_ranges(run, antler_count(&run->dy->shape, 0), cost, backward_piece, &j);
    return ANTLER_OK;
}

/* ---- the functions ----------------------------------------------------------------------------------------------- */

#define ELEMENT(name, value, gradient)                                                                        \
    static void name##_of(const element *cfg, antler_real *y, const antler_real *x, int64_t n)                \
    {                                                                                                         \
        (void)cfg;                                                                                            \
        for (int64_t i = 0; i < n; i++)                                                                       \
            y[i] = (value);                                                                                   \
    }                                                                                                         \
    static void name##_back(const element *cfg, antler_real *dx, const antler_real *dy, const antler_real *x, \
                            const antler_real *y, int64_t n)                                                  \
    {                                                                                                         \
        (void)cfg, (void)x, (void)y;                                                                          \
        for (int64_t i = 0; i < n; i++)                                                                       \
            dx[i] = (gradient);                                                                               \
    }

static antler_real root(antler_real x)
{
    return (antler_real)sqrt((double)x); /* correctly rounded in both */
}

ELEMENT(negative, -x[i], -dy[i])
ELEMENT(absolute, x[i]<0 ? -x[i] : x[i] + 0, x[i]> 0 ? dy[i] : x[i] < 0 ? -dy[i] : 0)
ELEMENT(square, x[i] * x[i], dy[i] * (2 * x[i]))
ELEMENT(sqrt, root(x[i]), dy[i] * (antler_real)0.5 / y[i])
ELEMENT(rsqrt, 1 / root(x[i]), dy[i] * ((antler_real)-0.5 * y[i] * y[i] * y[i]))
ELEMENT(reciprocal, 1 / x[i], -dy[i] * y[i] * y[i])
ELEMENT(clip, x[i]<(antler_real)cfg->a ? (antler_real)cfg->a : x[i]>(antler_real) cfg->b ? (antler_real)cfg->b : x[i],
        x[i]<(antler_real)cfg->a || x[i]>(antler_real) cfg->b ? 0 : dy[i])

static void stop_gradient_of(const element *cfg, antler_real *y, const antler_real *x, int64_t n)
{
    (void)cfg;
    memmove(y, x, (size_t)n * sizeof *y);
}

static void stop_gradient_back(const element *cfg, antler_real *dx, const antler_real *dy, const antler_real *x,
                               const antler_real *y, int64_t n)
{
    (void)cfg, (void)dy, (void)x, (void)y;
    memset(dx, 0, (size_t)n * sizeof *dx);
}

static void log_of(const element *cfg, antler_real *y, const antler_real *x, int64_t n)
{
    (void)cfg;
    antler_array_log(y, x, n);
}

static void log_back(const element *cfg, antler_real *dx, const antler_real *dy, const antler_real *x,
                     const antler_real *y, int64_t n)
{
    (void)cfg, (void)y;
    for (int64_t i = 0; i < n; i++)
        dx[i] = dy[i] / x[i];
}

/* An activation's kernel with the config's number. */
#define KERNEL(name)                                                                                          \
    static void name##_of(const element *cfg, antler_real *y, const antler_real *x, int64_t n)                \
    {                                                                                                         \
        antler__kernels()->activation[ANTLER_ACT_##name].forward(y, x, n, (antler_real)cfg->a);               \
    }                                                                                                         \
    static void name##_back(const element *cfg, antler_real *dx, const antler_real *dy, const antler_real *x, \
                            const antler_real *y, int64_t n)                                                  \
    {                                                                                                         \
        antler__kernels()->activation[ANTLER_ACT_##name].backward(dx, dy, y, x, n, (antler_real)cfg->a);      \
    }
KERNEL(elu)
KERNEL(leaky_relu)

/* 0.5 x (1 + tanh(u)), u = sqrt(2 / pi) (x + 0.044715 x^3). */
static void bend(antler_real *t, const antler_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        t[i] = (antler_real)0.79788456080286535588 * (x[i] + (antler_real)0.044715 * x[i] * x[i] * x[i]);
    antler_array_tanh(t, t, n);
}

static void gelu_of(const element *cfg, antler_real *y, const antler_real *x, int64_t n)
{
    antler_real t[CHUNK];
    if (!cfg->approximate)
        antler__kernels()->activation[ANTLER_ACT_gelu].forward(y, x, n, 0);
    for (int64_t at = 0, m; cfg->approximate && at < n; at += m) {
        m = n - at < CHUNK ? n - at : CHUNK;
        bend(t, x + at, m);
        for (int64_t i = 0; i < m; i++)
            y[at + i] = (antler_real)0.5 * x[at + i] * (1 + t[i]);
    }
}

static void gelu_back(const element *cfg, antler_real *dx, const antler_real *dy, const antler_real *x,
                      const antler_real *y, int64_t n)
{
    antler_real t[CHUNK];
    if (!cfg->approximate)
        antler__kernels()->activation[ANTLER_ACT_gelu].backward(dx, dy, y, x, n, 0);
    for (int64_t at = 0, m; cfg->approximate && at < n; at += m) {
        m = n - at < CHUNK ? n - at : CHUNK;
        bend(t, x + at, m);
        for (int64_t i = 0; i < m; i++) {
            antler_real v = x[at + i];
            antler_real slope = (antler_real)0.79788456080286535588 * (1 + (antler_real)(3 * 0.044715) * v * v);
            dx[at + i] = dy[at + i] * (antler_real)0.5 * (1 + t[i] + v * (1 - t[i] * t[i]) * slope);
        }
    }
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

#define NUMBER(name, member, json, line)                                                                      \
    {                                                                                                         \
        .key = (name), .kind = ANTLER_REAL, .offset = offsetof(element, member), .def = (json), .doc = (line) \
    }
/* The gradient is had from y, whose sign is then x's. */
#define SLOPE(name, json, line)                                                                                       \
    {                                                                                                                 \
        .key = (name), .kind = ANTLER_REAL, .offset = offsetof(element, a), .def = (json), .max = 1e30, .doc = (line) \
    }
static const antler_field clip_fields[] = {
    NUMBER("x_min", a, NULL, "what is less becomes it"),
    NUMBER("x_max", b, NULL, "what is more becomes it"),
    ANTLER_FIELD_END,
};
static const antler_field elu_fields[] = {
    SLOPE("alpha", "1.0", "times exp(x) - 1, below 0"),
    ANTLER_FIELD_END,
};
static const antler_field leaky_fields[] = {
    SLOPE("negative_slope", "0.2", "times x, below 0"),
    ANTLER_FIELD_END,
};
static const antler_field gelu_fields[] = {
    ANTLER_FIELD_BOOL(element, approximate, "true", "by tanh instead of erf"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {"(4, 3) {}", NULL};
static const char *const clip_samples[] = {"(4, 3) {\"x_min\": -0.3, \"x_max\": 0.4}", NULL};
static const char *const elu_samples[] = {"(4, 3) {}", "(4, 3) {\"alpha\": 0.5}", NULL};
static const char *const leaky_samples[] = {"(4, 3) {}", "(4, 3) {\"negative_slope\": 0.5}", NULL};
static const char *const gelu_samples[] = {"(4, 3) {}", "(4, 3) {\"approximate\": false}", NULL};

#define OPERATION(name, class, home, rows, tries, does, cost, line, ...)                             \
    static antler_status name##_forward(const void *config, antler_run *run)                         \
    {                                                                                                \
        return forward(config, run, name##_of, cost);                                                \
    }                                                                                                \
    static antler_status name##_backward(const void *config, antler_run *run)                        \
    {                                                                                                \
        return backward(config, run, name##_back, cost);                                             \
    }                                                                                                \
    const antler_operation_ops antler__operation_##name = {                                          \
        .layer = {.type = ANTLER_OPERATION_TYPE(class, element, rows, tries, line, .aliases = NULL), \
                  .flags = ANTLER_IN_PLACE | (does),                                                 \
                  .mask = ANTLER_MASK_END,                                                           \
                  .infer = antler_infer_same,                                                        \
                  .forward = name##_forward,                                                         \
                  .backward = name##_backward,                                                       \
                  .arguments = antler__one_tensor},                                                  \
        .module = (home),                                                                            \
        .spelling = (const antler_spelling[]){__VA_ARGS__, {NULL, NULL}},                            \
    };

enum { X = ANTLER_NEEDS_X, Y = ANTLER_NEEDS_Y };
#define CORE "keras.src.ops.core"
#define MATH "keras.src.ops.math"

OPERATION(absolute, "Absolute", ANTLER_NUMPY, NULL, samples, X, 1, "|x|", {"math.abs", "x"})
OPERATION(clip, "Clip", ANTLER_NUMPY, clip_fields, clip_samples, X, 1, "x within two bounds",
          {"clip_by_value", "t=x clip_value_min=x_min clip_value_max=x_max"})
OPERATION(elu, "Elu", ANTLER_NN, elu_fields, elu_samples, Y, 4, "x, or alpha * (exp(x) - 1) below 0",
          {"nn.elu", "features=x"})
OPERATION(gelu, "Gelu", ANTLER_NN, gelu_fields, gelu_samples, X | Y, 8, "x * P(X <= x), X normal", {NULL, NULL})
OPERATION(leaky_relu, "LeakyRelu", ANTLER_NN, leaky_fields, leaky_samples, Y, 1, "x, or a slope of it below 0",
          {"nn.leaky_relu", "features=x alpha=negative_slope"})
OPERATION(log, "Log", ANTLER_NUMPY, NULL, NULL, X, 4, "natural logarithm", {"math.log", "x"})
OPERATION(negative, "Negative", ANTLER_NUMPY, NULL, samples, 0, 1, "-x", {"math.negative", "x"})
OPERATION(reciprocal, "Reciprocal", ANTLER_NUMPY, NULL, samples, Y, 1, "1 / x", {"math.reciprocal", "x"})
OPERATION(rsqrt, "Rsqrt", MATH, NULL, NULL, Y, 2, "1 / square root of x", {"math.rsqrt", "x"})
OPERATION(sqrt, "Sqrt", ANTLER_NUMPY, NULL, NULL, Y, 2, "square root", {"math.sqrt", "x"})
OPERATION(square, "Square", ANTLER_NUMPY, NULL, samples, X, 1, "x * x", {"math.square", "x"})
OPERATION(stop_gradient, "StopGradient", CORE, NULL, NULL, 0, 1, "x, of which the gradient is 0",
          {"stop_gradient", "input=x"})
