/* What predictions are worth: against targets, as charts. */
#ifndef ANTLER_ANALYSIS_H
#define ANTLER_ANALYSIS_H

#include "cli/chart.h"
#include "cli/predictions.h"

enum { ANTLER_MOST_CHARTS = 4 };

/* Of one output. */
typedef struct antler_analysis {
    const antler_prediction *p;
    int64_t classes; /* 0: numbers */
    int64_t *label;  /* [lines]; -1: none of the classes */
    double *target;  /* [lines * last], of numbers */
    double *wrong; /* [rows] how far off each is: 1 - the probability of the true class, or the root of the mean square;
                      the mean of its lines */
    int64_t *count; /* [classes * classes]: line of targets, column of predictions; of up to 100 classes, or NULL */
    int charts;
    antler_chart chart[ANTLER_MOST_CHARTS];
    double *room; /* that the charts' points lie in */
} antler_analysis;

/* Compares an output with its targets, and draws: matrix, ROC and reliability of classes; predictions and residuals of
   numbers. ANTLER_UNSUPPORTED for targets of another shape. To be freed whatever comes. */
antler_status antler__analysis_make(antler_analysis *n, const antler_prediction *p, const antler_data *y,
                                    antler_error *err);
void antler__analysis_free(antler_analysis *n);

/* Indices 0 .. n - 1, by value from the largest on; the first of equals first. For free. */
int64_t *antler__by_size(const double *value, int64_t n, antler_error *err);

#endif
