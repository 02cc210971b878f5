/* Regularizers: l1 sum|w| + l2 sum w^2, added to the loss. No half, no division by the batch. */
#include "kernels/kernels.h"
#include "parts/parts.h"

#include <math.h>

typedef struct factors {
    double l1, l2;
} factors;

/* In double, too, Keras rounds the factors to float. */
static double rounded(double factor)
{
    return (double)(float)factor;
}

static double penalty(const void *config, const antler_real *w, int64_t n)
{
    const factors *f = config;
    double sum = 0;
    if (f->l1 != 0) {
        for (int64_t i = 0; i < n; i++)
            sum += fabs((double)w[i]);
        sum *= rounded(f->l1);
    }
    if (f->l2 != 0)
        sum += rounded(f->l2) * antler__kernels()->long_sum_squares(w, n);
    return sum;
}

/* d|w|/dw at 0 is 0. */
static void gradient(const void *config, antler_real *g, const antler_real *w, int64_t n, double scale)
{
    const factors *f = config;
    const antler_real step = (antler_real)(rounded(f->l1) * scale);
    if (f->l1 != 0)
        for (int64_t i = 0; i < n; i++)
            g[i] += w[i] > 0 ? step : w[i] < 0 ? -step : 0;
    if (f->l2 != 0)
        antler__kernels()->axpy(g, (antler_real)(2 * rounded(f->l2) * scale), w, n);
}

#define ANTLER_FACTOR(member, json, line)                                                                  \
    {                                                                                                      \
        .key = #member, .kind = ANTLER_REAL, .offset = offsetof(factors, member), .def = (json), .min = 0, \
        .max = 1e30, .doc = (line)                                                                         \
    }

static const antler_field l1_fields[] = {
    ANTLER_FACTOR(l1, "0.01", "factor of sum|w|"),
    ANTLER_FIELD_END,
};
static const antler_field l2_fields[] = {
    ANTLER_FACTOR(l2, "0.01", "factor of sum w^2"),
    ANTLER_FIELD_END,
};
static const antler_field l1_l2_fields[] = {
    ANTLER_FACTOR(l1, "0.0", "factor of sum|w|"),
    ANTLER_FACTOR(l2, "0.0", "factor of sum w^2"),
    ANTLER_FIELD_END,
};
#undef ANTLER_FACTOR

static const antler_regularizer_ops l1 = {
    .type = {.size = sizeof(antler_regularizer_ops),
             .kind = ANTLER_KIND_REGULARIZER,
             .class_name = "L1",
             .aliases = (const char *const[]){"l1", NULL},
             .doc = "l1 * sum|w|",
             .config_size = sizeof(factors),
             .fields = l1_fields},
    .penalty = penalty,
    .gradient = gradient,
};

static const antler_regularizer_ops l2 = {
    .type = {.size = sizeof(antler_regularizer_ops),
             .kind = ANTLER_KIND_REGULARIZER,
             .class_name = "L2",
             .aliases = (const char *const[]){"l2", NULL},
             .doc = "l2 * sum w^2",
             .config_size = sizeof(factors),
             .fields = l2_fields},
    .penalty = penalty,
    .gradient = gradient,
};

static const antler_regularizer_ops l1_l2 = {
    .type = {.size = sizeof(antler_regularizer_ops),
             .kind = ANTLER_KIND_REGULARIZER,
             .class_name = "L1L2",
             .aliases = (const char *const[]){"l1_l2", NULL},
             .doc = "l1 * sum|w| + l2 * sum w^2",
             .config_size = sizeof(factors),
             .fields = l1_l2_fields},
    .penalty = penalty,
    .gradient = gradient,
};

const antler_type *const antler__regularizers[] = {&l1.type, &l2.type, &l1_l2.type, NULL};
