/* True and false positives and negatives at thresholds, which many metrics are made from. */
#ifndef ANTLER_CONFUSION_H
#define ANTLER_CONFUSION_H

#include "parts/metrics.h"

/* The config of all of them. A metric lacks most of the keys, whose values are then 0. */
typedef struct antler_confusion {
    antler_metric_keys keys;
    antler_numbers thresholds; /* none: 0.5, or with top_k below all predictions */
    int64_t top_k, class_id;   /* ANTLER_NULL for none */
    int64_t num_thresholds;    /* of evenly spaced ones; 0: those of `thresholds` */
    double constraint;         /* what the other rate must reach */
    const char *curve;         /* of an AUC; NULL: it is none */
    const char *summation_method;
    bool multi_label, from_logits;
    int64_t num_labels;
    antler_numbers label_weights;
} antler_confusion;

typedef struct antler_counts {
    double tp, fp, tn, fn;
} antler_counts;

/* Thresholds of a config: how many, and how they count. */
int64_t antler__thresholds(const antler_confusion *config);
/* Columns that are counted each for itself. */
int64_t antler__labels(const antler_confusion *config, int64_t n);
int64_t antler__confusion_room(const void *config, int64_t n);
void antler__confusion_update(const void *config, double *sum, const antler_metric_call *call);
antler_status antler__confusion_fits(const void *config, int64_t n, int64_t y_n, antler_error *err);
/* Goes from the last threshold to the first: call with t = antler__thresholds - 1, ..., 0 and counts zeroed at first.
 */
void antler__counts_at(const antler_confusion *config, const double *sum, int64_t label, int64_t t,
                       antler_counts *counts);
/* A type's check: thresholds in [0, 1]. Sorts those of an AUC. */
antler_status antler__confusion_check(void *config, antler_error *err);

#endif
