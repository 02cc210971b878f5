/* Metrics: sums over rows in double, in order, so that batches and threads do not matter. Here are means of what each
   row has: hits and correlations. The losses are in metrics_losses.c. */
#include "parts/metrics.h"
#include "parts/losses.h"
#include "parts/parts.h"

#include <math.h>

enum { TOTAL, COUNT, SUMS };

double antler__metric_mean(const void *config, const double *sum, int64_t n, int64_t index)
{
    (void)config;
    (void)n;
    (void)index;
    return sum[COUNT] == 0 ? 0 : sum[TOTAL] / sum[COUNT];
}

int64_t antler__argmax(const antler_real *x, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

antler_status antler__metric_pairs(const void *config, int64_t n, int64_t y_n, antler_error *err)
{
    (void)config;
    if (n == y_n)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, NULL,
                            "%lld predictions a row and %lld target%s: it wants as many (classes as one-hot rows)",
                            (long long)n, (long long)y_n, y_n > 1 ? "s" : "");
}

/* The mean of call->ops->row. */
static void row_update(const void *config, double *sum, const antler_metric_call *call)
{
    for (int64_t r = 0; r < call->rows; r++) {
        const double w = antler__metric_weight(call, r);
        sum[TOTAL] += w * call->ops->row(config, call->p + r * call->n, call->y + r * call->y_n, call->n, call->y_n);
        sum[COUNT] += w;
    }
}

/* ---- accuracies -------------------------------------------------------------------------------------------------- */

typedef struct binary_config {
    antler_metric_keys keys;
    double threshold;
} binary_config;

/* Elements count, not rows. One target may stand for all predictions of a row. */
static void binary_update(const void *config, double *sum, const antler_metric_call *call)
{
    const antler_real threshold = (antler_real)((const binary_config *)config)->threshold;
    for (int64_t r = 0; r < call->rows; r++) {
        int64_t hits = 0;
        for (int64_t i = 0; i < call->n; i++) {
            const antler_real guess = call->p[r * call->n + i] > threshold ? 1 : 0;
            hits += call->y[r * call->y_n + (call->y_n == 1 ? 0 : i)] == guess;
        }
        sum[TOTAL] += antler__metric_weight(call, r) * (double)hits;
        sum[COUNT] += antler__metric_weight(call, r) * (double)call->n;
    }
}

/* Elements count. */
static double equal_row(const void *config, const antler_real *p, const antler_real *y, int64_t n, int64_t y_n)
{
    int64_t hits = 0;
    (void)config;
    for (int64_t i = 0; i < n; i++)
        hits += p[i] == y[y_n == 1 ? 0 : i];
    return (double)hits / (double)n;
}

static double categorical_row(const void *config, const antler_real *p, const antler_real *y, int64_t n, int64_t y_n)
{
    (void)config;
    return antler__argmax(p, n) == antler__argmax(y, y_n);
}

static double sparse_row(const void *config, const antler_real *p, const antler_real *y, int64_t n, int64_t y_n)
{
    (void)config;
    (void)y_n;
    return (antler_real)antler__argmax(p, n) == y[0];
}

/* Keras's rule for what "accuracy" means: by the widths of output and target. */
static void accuracy_update(const void *config, double *sum, const antler_metric_call *call)
{
    const binary_config binary = {.threshold = 0.5};
    antler_metric_call c = *call;
    c.ops = call->y_n == 1 ? &antler__sparse_categorical_accuracy : &antler__categorical_accuracy;
    if (call->n == 1)
        binary_update(&binary, sum, call);
    else
        row_update(config, sum, &c);
}

typedef struct top_k_config {
    antler_metric_keys keys;
    int64_t k;
    bool from_sorted_ids;
} top_k_config;

/* Fewer than k are larger; so of equal ones all are among the k, as in TensorFlow. */
static bool is_in_top(const antler_real *p, int64_t n, antler_real label, int64_t k)
{
    if (!(label >= 0 && label < (antler_real)n))
        return false;
    int64_t larger = 0;
    for (int64_t i = 0; i < n; i++)
        larger += p[i] > p[(int64_t)label];
    return larger < k;
}

static double top_k_row(const void *config, const antler_real *p, const antler_real *y, int64_t n, int64_t y_n)
{
    return is_in_top(p, n, (antler_real)antler__argmax(y, y_n), ((const top_k_config *)config)->k);
}

static double sparse_top_k_row(const void *config, const antler_real *p, const antler_real *y, int64_t n, int64_t y_n)
{
    const top_k_config *c = config;
    (void)y_n;
    for (int64_t i = 0; c->from_sorted_ids && i < n && i < c->k; i++)
        if (p[i] == y[0])
            return 1;
    return !c->from_sorted_ids && is_in_top(p, n, y[0], c->k);
}

/* ---- correlations ------------------------------------------------------------------------------------------------ */

typedef struct moments {
    double p, y, p_var, y_var; /* means, and population variances */
} moments;

static moments moments_of(const antler_real *p, const antler_real *y, int64_t n)
{
    moments m = {0};
    for (int64_t i = 0; i < n; i++) {
        m.p += (double)p[i] / (double)n;
        m.y += (double)y[i] / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        m.p_var += ((double)p[i] - m.p) * ((double)p[i] - m.p) / (double)n;
        m.y_var += ((double)y[i] - m.y) * ((double)y[i] - m.y) / (double)n;
    }
    return m;
}

static double pearson_row(const void *config, const antler_real *p, const antler_real *y, int64_t n, int64_t y_n)
{
    const moments m = moments_of(p, y, n);
    double sum = 0;
    (void)config;
    (void)y_n;
    for (int64_t i = 0; i < n; i++)
        sum += ((double)p[i] - m.p) * ((double)y[i] - m.y);
    return sum / (double)n / (sqrt(m.p_var) * sqrt(m.y_var));
}

/* Keras's covariance takes the mean of p from both. */
static double concordance_row(const void *config, const antler_real *p, const antler_real *y, int64_t n, int64_t y_n)
{
    const moments m = moments_of(p, y, n);
    double sum = 0;
    (void)config;
    (void)y_n;
    for (int64_t i = 0; i < n; i++)
        sum += ((double)y[i] - m.p) * ((double)p[i] - m.p);
    return 2 * sum / (double)n / (m.p_var + m.y_var + (m.y - m.p) * (m.y - m.p) + 1e-7);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static const antler_field binary_fields[] = {
    {.key = "threshold",
     .kind = ANTLER_REAL,
     .offset = offsetof(binary_config, threshold),
     .def = "0.5",
     .doc = "a prediction above it stands for 1"},
    ANTLER_FIELD_END,
};

static const antler_field accuracy_fields[] = {
    {.key = "name",
     .kind = ANTLER_STRING,
     .offset = offsetof(antler_metric_keys, name),
     .def = "\"accuracy\"",
     .doc = "its name in logs"},
    ANTLER_FIELD_END,
};

#define ANTLER_K                                                                                               \
    {                                                                                                          \
        .key = "k", .kind = ANTLER_INT, .offset = offsetof(top_k_config, k), .def = "5", .min = 1, .max = 1e9, \
        .doc = "how many of the largest predictions"                                                           \
    }
static const antler_field top_k_fields[] = {ANTLER_K, ANTLER_FIELD_END};
static const antler_field sparse_top_k_fields[] = {
    ANTLER_K,
    {.key = "from_sorted_ids",
     .kind = ANTLER_BOOL,
     .offset = offsetof(top_k_config, from_sorted_ids),
     .def = "false",
     .flags = ANTLER_UNWRITTEN,
     .doc = "predictions are classes, the best first"},
    ANTLER_FIELD_END,
};
#undef ANTLER_K
static const antler_field axis_fields[] = {
    {.key = "axis", .kind = ANTLER_ANY, .def = "-1", .flags = ANTLER_UNWRITTEN, .doc = "of what is compared: the last"},
    ANTLER_FIELD_END,
};

const antler_metric_ops antler__accuracy = {
    .type = {.size = sizeof(antler_metric_ops),
             .kind = ANTLER_KIND_METRIC,
             .class_name = "accuracy",
             .aliases = (const char *const[]){"acc", NULL},
             .doc = "BinaryAccuracy, CategoricalAccuracy or SparseCategoricalAccuracy: what fits output and targets",
             .config_size = sizeof(antler_metric_keys),
             .fields = accuracy_fields,
             .flags = ANTLER_TYPE_BARE},
    .sums = SUMS,
    .update = accuracy_update,
    .result = antler__metric_mean,
    .larger_is_better = true,
};

const antler_metric_ops antler__binary_accuracy = {
    ANTLER_METRIC_HEAD("BinaryAccuracy", "share of predictions on the right side of the threshold", binary_config,
                       binary_fields, "binary_accuracy"),
    .sums = SUMS,
    .update = binary_update,
    .result = antler__metric_mean,
    .larger_is_better = true,
};

/* The table of the mean of a function of rows; the last arguments are its names. */
#define ANTLER_METRIC_OF_ROWS(symbol, class, line, config, rows, function, pairs, ...) \
    const antler_metric_ops symbol = {                                                 \
        ANTLER_METRIC_HEAD(class, line, config, rows, __VA_ARGS__),                    \
        .sums = SUMS,                                                                  \
        .update = row_update,                                                          \
        .result = antler__metric_mean,                                                 \
        .larger_is_better = true,                                                      \
        .row = (function),                                                             \
        .fits = (pairs),                                                               \
    }

ANTLER_METRIC_OF_ROWS(antler__metric_accuracy, "Accuracy", "share of predictions that are the target",
                      antler_metric_keys, accuracy_fields, equal_row, NULL, NULL);
ANTLER_METRIC_OF_ROWS(antler__categorical_accuracy, "CategoricalAccuracy",
                      "share of rows whose largest prediction is where the largest target is", antler_metric_keys, NULL,
                      categorical_row, NULL, "categorical_accuracy");
ANTLER_METRIC_OF_ROWS(antler__sparse_categorical_accuracy, "SparseCategoricalAccuracy",
                      "share of rows whose largest prediction is that of the target's class", antler_metric_keys, NULL,
                      sparse_row, NULL, "sparse_categorical_accuracy");
ANTLER_METRIC_OF_ROWS(antler__top_k, "TopKCategoricalAccuracy",
                      "share of rows where the largest target is among the k largest predictions", top_k_config,
                      top_k_fields, top_k_row, antler__metric_pairs, "top_k_categorical_accuracy");
ANTLER_METRIC_OF_ROWS(antler__sparse_top_k, "SparseTopKCategoricalAccuracy",
                      "share of rows where that of the target's class is among the k largest predictions", top_k_config,
                      sparse_top_k_fields, sparse_top_k_row, NULL, "sparse_top_k_categorical_accuracy");
ANTLER_METRIC_OF_ROWS(antler__pearson, "PearsonCorrelation", "correlation of predictions and targets within rows",
                      antler_metric_keys, axis_fields, pearson_row, antler__metric_pairs, "pearson_correlation");
ANTLER_METRIC_OF_ROWS(antler__concordance, "ConcordanceCorrelation", "agreement of predictions and targets within rows",
                      antler_metric_keys, axis_fields, concordance_row, antler__metric_pairs,
                      "concordance_correlation");
#undef ANTLER_METRIC_OF_ROWS

const antler_type *const antler__metrics[] = {
    &antler__accuracy.type,
    &antler__metric_accuracy.type,
    &antler__binary_accuracy.type,
    &antler__categorical_accuracy.type,
    &antler__sparse_categorical_accuracy.type,
    &antler__top_k.type,
    &antler__sparse_top_k.type,
    &antler__metric_mean_squared_error.type,
    &antler__metric_mean_absolute_error.type,
    &antler__metric_mean_absolute_percentage_error.type,
    &antler__metric_mean_squared_logarithmic_error.type,
    &antler__metric_log_cosh.type,
    &antler__metric_poisson.type,
    &antler__metric_kl_divergence.type,
    &antler__metric_hinge.type,
    &antler__metric_squared_hinge.type,
    &antler__metric_categorical_hinge.type,
    &antler__metric_huber.type,
    &antler__metric_binary_crossentropy.type,
    &antler__metric_categorical_crossentropy.type,
    &antler__metric_sparse_categorical_crossentropy.type,
    &antler__metric_binary_focal_crossentropy.type,
    &antler__metric_categorical_focal_crossentropy.type,
    &antler__metric_cosine_similarity.type,
    &antler__root_mean_squared_error.type,
    &antler__r2_score.type,
    &antler__pearson.type,
    &antler__concordance.type,
    &antler__true_positives.type,
    &antler__false_positives.type,
    &antler__true_negatives.type,
    &antler__false_negatives.type,
    &antler__precision.type,
    &antler__recall.type,
    &antler__specificity.type,
    &antler__negative_predictive_value.type,
    &antler__sensitivity_at_specificity.type,
    &antler__specificity_at_sensitivity.type,
    &antler__precision_at_recall.type,
    &antler__recall_at_precision.type,
    &antler__auc.type,
    &antler__f1_score.type,
    &antler__fbeta_score.type,
    &antler__iou.type,
    &antler__binary_iou.type,
    &antler__mean_iou.type,
    &antler__one_hot_iou.type,
    &antler__one_hot_mean_iou.type,
    NULL,
};
