/* Regularizers: l1 sum|w| + l2 sum w^2, added to the loss. No half, no division by the batch. */
#include "kernels/kernels.h"
#include "parts/parts.h"

#include <math.h>
#include <string.h>

typedef struct factors {
    double l1, l2;
} factors;

/* In double, too, Keras rounds the factors to float. */
static double rounded(double factor)
{
    return (double)(float)factor;
}

static double penalty(const void *config, const antler_tensor *tensor)
{
    const antler_real *w = tensor->data;
    const int64_t n = antler_count(&tensor->shape, 0);
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
static void gradient(const void *config, antler_real *g, const antler_tensor *tensor, double scale)
{
    const antler_real *w = tensor->data;
    const int64_t n = antler_count(&tensor->shape, 0);
    const factors *f = config;
    const antler_real step = (antler_real)(rounded(f->l1) * scale);
    if (f->l1 != 0)
        for (int64_t i = 0; i < n; i++)
            g[i] += w[i] > 0 ? step : w[i] < 0 ? -step : 0;
    if (f->l2 != 0)
        antler__kernels()->axpy(g, (antler_real)(2 * rounded(f->l2) * scale), w, n);
}

/* ---- orthogonal rows or columns: factor times the mean of |cosine| over all pairs ---------------------------------
 */

typedef struct orthogonal {
    double factor;
    const char *mode;
} orthogonal;

/* The vectors of a matrix, and how they lie. */
typedef struct vectors {
    const antler_real *w;
    int64_t count, length, from, step; /* from one to the next, and within one */
} vectors;

static vectors vectors_of(const orthogonal *config, const antler_tensor *w)
{
    const int64_t rows = w->shape.dim[0], columns = w->shape.dim[1];
    return strcmp(config->mode, "rows") == 0 ? (vectors){w->data, rows, columns, columns, 1}
                                             : (vectors){w->data, columns, rows, 1, columns};
}

static double dot(const vectors *v, int64_t i, int64_t j)
{
    double sum = 0;
    for (int64_t k = 0; k < v->length; k++)
        sum += (double)v->w[i * v->from + k * v->step] * (double)v->w[j * v->from + k * v->step];
    return sum;
}

/* One over its length; of none 0. */
static double inverse_length(const vectors *v, int64_t i)
{
    const double square = dot(v, i, i);
    return square > 0 ? 1 / sqrt(square) : 0;
}

/* Of a pair; with one vector alone there is none, and Keras divides by 0. */
static double share_of(const orthogonal *config, const vectors *v)
{
    return rounded(config->factor) / ((double)v->count * ((double)v->count - 1) / 2);
}

static double orthogonal_penalty(const void *config, const antler_tensor *w)
{
    const vectors v = vectors_of(config, w);
    double sum = 0;
    for (int64_t i = 0; i < v.count; i++)
        for (int64_t j = 0; j < i; j++)
            sum += fabs(dot(&v, i, j) * inverse_length(&v, i) * inverse_length(&v, j));
    return sum * share_of(config, &v);
}

/* d cosine / d w_i is (w_j / |w_j| - cosine w_i / |w_i|) / |w_i|. */
static void orthogonal_gradient(const void *config, antler_real *g, const antler_tensor *w, double scale)
{
    const vectors v = vectors_of(config, w);
    const double share = share_of(config, &v) * scale;
    for (int64_t i = 0; i < v.count; i++)
        for (int64_t j = 0; j < v.count; j++) {
            const double a = inverse_length(&v, i), b = inverse_length(&v, j), cosine = dot(&v, i, j) * a * b;
            const double factor = i == j ? 0 : cosine > 0 ? share : cosine < 0 ? -share : 0;
            for (int64_t k = 0; factor != 0 && k < v.length; k++)
                g[i * v.from + k * v.step] += (antler_real)(factor * a *
                                                            ((double)v.w[j * v.from + k * v.step] * b -
                                                             cosine * a * (double)v.w[i * v.from + k * v.step]));
        }
}

static const char *const modes[] = {"rows", "columns", NULL};
static const antler_field orthogonal_fields[] = {
    ANTLER_FIELD_NUMBER(orthogonal, factor, ANTLER_REAL, "0.01", 0, 1e30, "factor of the mean of |cosine| of pairs"),
    {.key = "mode",
     .kind = ANTLER_STRING,
     .offset = offsetof(orthogonal, mode),
     .def = "\"rows\"",
     .choices = modes,
     .doc = "which vectors of the matrix"},
    ANTLER_FIELD_END,
};

static const antler_regularizer_ops orthogonal_regularizer = {
    .type = {.size = sizeof(antler_regularizer_ops),
             .kind = ANTLER_KIND_REGULARIZER,
             .class_name = "OrthogonalRegularizer",
             .aliases = (const char *const[]){"orthogonal_regularizer", NULL},
             .doc = "the mean of |cosine| over all pairs of rows or columns",
             .config_size = sizeof(orthogonal),
             .fields = orthogonal_fields},
    .penalty = orthogonal_penalty,
    .gradient = orthogonal_gradient,
    .rank = 2,
};

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

const antler_type *const antler__regularizers[] = {&l1.type, &l2.type, &l1_l2.type, &orthogonal_regularizer.type, NULL};
