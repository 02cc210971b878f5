/* The metrics, as their files share them. */
#ifndef ANTLER_METRICS_H
#define ANTLER_METRICS_H

#include "antler/layer.h"

/* The table of a metric: its head. The last arguments are its other names, of which the first is the one in logs. */
#define ANTLER_METRIC_HEAD(class, line, config, rows, ...)        \
    .type = {.size = sizeof(antler_metric_ops),                   \
             .kind = ANTLER_KIND_METRIC,                          \
             .class_name = (class),                               \
             .aliases = (const char *const[]){__VA_ARGS__, NULL}, \
             .doc = (line),                                       \
             .config_size = sizeof(config),                       \
             .fields = (rows)}

/* metrics.c: means over rows or elements */
extern const antler_metric_ops antler__accuracy, antler__metric_accuracy, antler__binary_accuracy,
    antler__categorical_accuracy, antler__sparse_categorical_accuracy, antler__top_k, antler__sparse_top_k,
    antler__pearson, antler__concordance;
/* metrics_losses.c: of losses of rows */
extern const antler_metric_ops antler__metric_mean_squared_error, antler__metric_mean_absolute_error,
    antler__metric_mean_absolute_percentage_error, antler__metric_mean_squared_logarithmic_error, antler__metric_huber,
    antler__metric_log_cosh, antler__metric_cosine_similarity, antler__metric_poisson, antler__metric_kl_divergence,
    antler__metric_hinge, antler__metric_squared_hinge, antler__metric_categorical_hinge,
    antler__metric_binary_crossentropy, antler__metric_categorical_crossentropy,
    antler__metric_sparse_categorical_crossentropy,

    antler__metric_binary_focal_crossentropy, antler__metric_categorical_focal_crossentropy,
    antler__root_mean_squared_error;
/* metrics_confusion.c: from true and false positives and negatives */
extern const antler_metric_ops antler__true_positives, antler__false_positives, antler__true_negatives,
    antler__false_negatives, antler__precision, antler__recall, antler__specificity, antler__negative_predictive_value,
    antler__sensitivity_at_specificity, antler__specificity_at_sensitivity, antler__precision_at_recall,
    antler__recall_at_precision;
/* metrics_auc.c */
extern const antler_metric_ops antler__auc;
/* metrics_columns.c: from sums for each class */
extern const antler_metric_ops antler__f1_score, antler__fbeta_score, antler__r2_score;
/* metrics_iou.c: from a matrix of classes */
extern const antler_metric_ops antler__iou, antler__binary_iou, antler__mean_iou, antler__one_hot_iou,
    antler__one_hot_mean_iou;

static inline double antler__metric_weight(const antler_metric_call *call, int64_t row)
{
    return call->weight ? (double)call->weight[row] : 1;
}

/* a / b, 0 where b is 0. */
static inline double antler__share(double a, double b)
{
    return b == 0 ? 0 : a / b;
}

/* The first of the largest. */
int64_t antler__argmax(const antler_real *x, int64_t n);

/* sum[0] / sum[1] */
double antler__metric_mean(const void *config, const double *sum, int64_t n, int64_t index);
/* A target for each prediction. */
antler_status antler__metric_pairs(const void *config, int64_t n, int64_t y_n, antler_error *err);

#endif
