/* Metrics from sums for each column of the output: F scores of classes, and the coefficient of determination. */
#include "parts/metrics.h"

#include <math.h>
#include <string.h>

/* ---- F scores: (1 + b^2) precision recall / (b^2 precision + recall) --------------------------------------------- */

typedef struct score_config {
    antler_metric_keys keys;
    const char *average; /* NULL: a value for each class */
    double beta, threshold;
} score_config;

/* Of a class; with "micro" of all together. */
typedef struct score_sums {
    double tp, fp, fn, weight;
} score_sums;
enum { SCORE_SUMS = sizeof(score_sums) / sizeof(double) };

static bool is(const char *average, const char *name)
{
    return average && strcmp(average, name) == 0;
}

static int64_t score_classes(const score_config *c, int64_t n)
{
    return is(c->average, "micro") ? 1 : n;
}

static int64_t score_room(const void *config, int64_t n)
{
    return SCORE_SUMS * score_classes(config, n);
}

static int64_t score_values(const void *config, int64_t n)
{
    return ((const score_config *)config)->average ? 1 : n;
}

/* Without a threshold the largest predictions of a row are positive, if they are not 0. */
static bool is_positive(const score_config *c, antler_real p, antler_real most)
{
    return isnan(c->threshold) ? p >= most && fabs((double)p) > 1e-9 : p > (antler_real)c->threshold;
}

static void score_update(const void *config, double *sum, const antler_metric_call *call)
{
    const score_config *c = config;
    const bool micro = is(c->average, "micro");
    for (int64_t r = 0; r < call->rows; r++) {
        const antler_real *p = call->p + r * call->n, *y = call->y + r * call->n, most = p[antler__argmax(p, call->n)];
        const double w = antler__metric_weight(call, r);
        for (int64_t i = 0; i < call->n; i++) {
            double *at = sum + (micro ? 0 : SCORE_SUMS * i);
            const double positive = is_positive(c, p[i], most), truth = (double)y[i];
            at[0] += w * positive * truth;
            at[1] += w * positive * (1 - truth);
            at[2] += w * (1 - positive) * truth;
            at[3] += w * truth;
        }
    }
}

static double score_of(const score_config *c, const double *sum)
{
    const double e = 1e-7, square = c->beta * c->beta;
    const double precision = sum[0] / (sum[0] + sum[1] + e), recall = sum[0] / (sum[0] + sum[2] + e);
    return precision * recall / (square * precision + recall + e) * (1 + square);
}

static double score_result(const void *config, const double *sum, int64_t n, int64_t index)
{
    const score_config *c = config;
    const int64_t classes = score_classes(c, n);
    double all = 0, weights = 0;
    if (!c->average)
        return score_of(c, sum + SCORE_SUMS * index);
    for (int64_t i = 0; i < classes; i++)
        weights += sum[SCORE_SUMS * i + 3];
    for (int64_t i = 0; i < classes; i++) {
        const double weight =
            is(c->average, "weighted") ? sum[SCORE_SUMS * i + 3] / (weights + 1e-7) : 1 / (double)classes;
        all += weight * score_of(c, sum + SCORE_SUMS * i);
    }
    return all;
}

static antler_status check_f1(void *config, antler_error *err)
{
    (void)err;
    ((score_config *)config)->beta = 1;
    return ANTLER_OK;
}

/* ---- coefficient of determination: 1 - sum((y - p)^2) / sum((y - mean(y))^2) ------------------------------------- */

typedef struct r2_config {
    antler_metric_keys keys;
    const char *class_aggregation; /* NULL: a value for each column */
    int64_t num_regressors;
} r2_config;

/* Of each column: the weighted sums of y^2, y, (y - p)^2 and 1; behind them the number of targets. */
enum { SQUARES, TARGETS, ERRORS, WEIGHTS, R2_SUMS };

static int64_t r2_room(const void *config, int64_t n)
{
    (void)config;
    return R2_SUMS * n + 1;
}

static int64_t r2_values(const void *config, int64_t n)
{
    return ((const r2_config *)config)->class_aggregation ? 1 : n;
}

static void r2_update(const void *config, double *sum, const antler_metric_call *call)
{
    (void)config;
    for (int64_t r = 0; r < call->rows; r++) {
        const double w = antler__metric_weight(call, r);
        for (int64_t i = 0; i < call->n; i++) {
            const double y = (double)call->y[r * call->n + i], d = y - (double)call->p[r * call->n + i];
            double *at = sum + R2_SUMS * i;
            at[SQUARES] += w * y * y;
            at[TARGETS] += w * y;
            at[ERRORS] += w * d * d;
            at[WEIGHTS] += w;
        }
    }
    sum[R2_SUMS * call->n] += (double)(call->rows * call->n);
}

static double spread_of(const double *at)
{
    return at[SQUARES] - at[TARGETS] * (at[TARGETS] / at[WEIGHTS]);
}

static double r2_of(const double *at)
{
    const double score = 1 - at[ERRORS] / spread_of(at);
    return isinf(score) ? 0 : score;
}

/* Lessened by the number of regressors, as far as there are more targets than these. */
static double adjust(const r2_config *c, double score, double targets)
{
    const double p = (double)c->num_regressors;
    return p == 0 || p >= targets - 1 ? score : 1 - (1 - score) * (targets - 1) / (targets - p - 1);
}

static double r2_result(const void *config, const double *sum, int64_t n, int64_t index)
{
    const r2_config *c = config;
    const bool by_spread = is(c->class_aggregation, "variance_weighted_average");
    double all = 0, weights = 0;
    for (int64_t i = 0; i < n; i++) {
        const double weight = by_spread ? spread_of(sum + R2_SUMS * i) : 1;
        all += weight * r2_of(sum + R2_SUMS * i);
        weights += weight;
    }
    const double score = c->class_aggregation ? all / weights : r2_of(sum + R2_SUMS * index);
    return adjust(c, score, sum[R2_SUMS * n]);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static const char *const averages[] = {"micro", "macro", "weighted", NULL};
static const char *const aggregations[] = {"uniform_average", "variance_weighted_average", NULL};

#define ANTLER_SCORE_FIELDS                                                                                            \
    {.key = "average",                                                                                                 \
     .kind = ANTLER_STRING,                                                                                            \
     .offset = offsetof(score_config, average),                                                                        \
     .def = "null",                                                                                                    \
     .flags = ANTLER_NULLABLE,                                                                                         \
     .choices = averages,                                                                                              \
     .doc = "null: a value for each class; of all together, or the mean of the classes"},                              \
    {                                                                                                                  \
        .key = "threshold", .kind = ANTLER_REAL, .offset = offsetof(score_config, threshold), .def = "null", .min = 0, \
        .max = 1, .flags = ANTLER_NULLABLE | ANTLER_OPEN_MIN,                                                          \
        .doc = "a prediction above it is positive; null: the largest of a row"                                         \
    }

static const antler_field f1_fields[] = {ANTLER_SCORE_FIELDS, ANTLER_FIELD_END};
static const antler_field fbeta_fields[] = {
    ANTLER_SCORE_FIELDS,
    {.key = "beta",
     .kind = ANTLER_REAL,
     .offset = offsetof(score_config, beta),
     .def = "1.0",
     .min = 0,
     .max = 1e30,
     .flags = ANTLER_OPEN_MIN,
     .doc = "how much more recall counts than precision"},
    ANTLER_FIELD_END,
};
#undef ANTLER_SCORE_FIELDS

static const antler_field r2_fields[] = {
    {.key = "class_aggregation",
     .kind = ANTLER_STRING,
     .offset = offsetof(r2_config, class_aggregation),
     .def = "\"uniform_average\"",
     .flags = ANTLER_NULLABLE,
     .choices = aggregations,
     .doc = "mean of the columns, even or by their variance; null: a value for each"},
    {.key = "num_regressors",
     .kind = ANTLER_INT,
     .offset = offsetof(r2_config, num_regressors),
     .def = "0",
     .min = 0,
     .max = 1e15,
     .doc = "of an adjusted value"},
    ANTLER_FIELD_END,
};

const antler_metric_ops antler__f1_score = {
    .type = {.size = sizeof(antler_metric_ops),
             .kind = ANTLER_KIND_METRIC,
             .class_name = "F1Score",
             .aliases = (const char *const[]){"f1_score", NULL},
             .doc = "harmonic mean of precision and recall, of one-hot targets",
             .config_size = sizeof(score_config),
             .fields = f1_fields,
             .check = check_f1},
    .update = score_update,
    .result = score_result,
    .larger_is_better = true,
    .room = score_room,
    .values = score_values,
    .all_rows = true,
    .fits = antler__metric_pairs,
};

const antler_metric_ops antler__fbeta_score = {
    ANTLER_METRIC_HEAD("FBetaScore", "weighted harmonic mean of precision and recall, of one-hot targets", score_config,
                       fbeta_fields, "fbeta_score", "f_beta_score"),
    .update = score_update,
    .result = score_result,
    .larger_is_better = true,
    .room = score_room,
    .values = score_values,
    .all_rows = true,
    .fits = antler__metric_pairs,
};

const antler_metric_ops antler__r2_score = {
    ANTLER_METRIC_HEAD("R2Score", "coefficient of determination: 1 - sum((y - p)^2) / sum((y - mean(y))^2)", r2_config,
                       r2_fields, "r2_score"),
    .update = r2_update,
    .result = r2_result,
    .larger_is_better = true,
    .room = r2_room,
    .values = r2_values,
    .all_rows = true,
    .fits = antler__metric_pairs,
};
