/* Add, Subtract, Multiply, Average, Maximum, Minimum: an operation each, and a row that names it. What they share, all
   but that, is in shared/elementwise.h. */
#include "layers/shared/common.h"
#include "layers/shared/elementwise.h"

/* ---- the operations ---------------------------------------------------------------------------------------------- */

static void add(antler_real *y, const antler_real *a, const antler_real *b, int64_t n)
{
    antler__kernels()->add(y, a, b, n);
}

static void subtract(antler_real *y, const antler_real *a, const antler_real *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] - b[i];
}

static void multiply(antler_real *y, const antler_real *a, const antler_real *b, int64_t n)
{
    antler__kernels()->multiply(y, a, b, n);
}

static void maximum(antler_real *y, const antler_real *a, const antler_real *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] >= b[i] || a[i] != a[i] ? a[i] : b[i];
}

static void minimum(antler_real *y, const antler_real *a, const antler_real *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] <= b[i] || a[i] != a[i] ? a[i] : b[i];
}

static const antler_elementwise sum = {.pair = add, .sign = 1}, difference = {.pair = subtract, .sign = -1};
static const antler_elementwise average = {.pair = add, .sign = 1, .averages = true};
static const antler_elementwise product = {.pair = multiply, .form = ANTLER_PRODUCT};
static const antler_elementwise largest = {.pair = maximum, .form = ANTLER_CHOICE, .sign = 1};
static const antler_elementwise smallest = {.pair = minimum, .form = ANTLER_CHOICE, .sign = -1};

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static const antler_field fields[] = {ANTLER_FIELD_END};

static const char *const pair_samples[] = {"(4, 3) (4, 3) {}", "(2, 1, 3) (4, 1) {}", "(3) (2, 4, 3) {}", NULL};
static const char *const samples[] = {
    "(4, 3) (4, 3) {}", "(5) (5) (5) {}", "(4, 3) (3) (4, 1) {}", "(3, 1, 2) (1, 2, 1) (2, 2) {}", NULL,
};

/* Subtract's table says that it takes two, and infer that it takes no fewer. */
#define MERGING(name, class, operation, most, does, line, tries)              \
    static antler_status name##_forward(const void *config, antler_run *run)  \
    {                                                                         \
        (void)config;                                                         \
        return antler__elementwise_forward(run, &(operation));                \
    }                                                                         \
    static antler_status name##_backward(const void *config, antler_run *run) \
    {                                                                         \
        (void)config;                                                         \
        return antler__elementwise_backward(run, &(operation));               \
    }                                                                         \
    const antler_layer_ops antler_layer_##name = {                            \
        .type = {.size = sizeof(antler_layer_ops),                            \
                 .kind = ANTLER_KIND_LAYER,                                   \
                 .class_name = (class),                                       \
                 .doc = (line),                                               \
                 .config_size = sizeof(struct antler_##name),                 \
                 .fields = fields,                                            \
                 .samples = (tries)},                                         \
        .flags = (does),                                                      \
        .inputs = (most),                                                     \
        .mask = ANTLER_MASK_ALL,                                              \
        .infer = antler__elementwise_infer,                                   \
        .buffers = antler__elementwise_buffers,                               \
        .forward = name##_forward,                                            \
        .backward = name##_backward,                                          \
    };

MERGING(add, "Add", sum, ANTLER_MANY, ANTLER_IN_PLACE, "adds tensors", samples)
MERGING(subtract, "Subtract", difference, 2, ANTLER_IN_PLACE, "the first of two tensors less the other", pair_samples)
MERGING(multiply, "Multiply", product, ANTLER_MANY, ANTLER_IN_PLACE | ANTLER_NEEDS_X, "multiplies tensors", samples)
MERGING(average, "Average", average, ANTLER_MANY, ANTLER_IN_PLACE, "the mean of tensors", samples)
MERGING(maximum, "Maximum", largest, ANTLER_MANY, ANTLER_IN_PLACE | ANTLER_NEEDS_X, "the largest of tensors' numbers",
        samples)
MERGING(minimum, "Minimum", smallest, ANTLER_MANY, ANTLER_IN_PLACE | ANTLER_NEEDS_X, "the smallest of tensors' numbers",
        samples)
