/* Slopes of a function by central differences, beside what is said to be its gradient. */
#ifndef ANTLER_SLOPES_H
#define ANTLER_SLOPES_H

#include "antler/base.h"

typedef struct antler_slopes {
    antler_status (*f)(void *arg, double *value, antler_error *err); /* of numbers that lie anywhere */
    void *arg;
    double size; /* of its values: rounding may change them by so much times an epsilon */
} antler_slopes;

typedef struct antler_slope_outcome {
    double largest, difference; /* of the gradient; between it and the slopes */
    int64_t checked, kinks;     /* elements that were looked at; those at a kink, where any gradient between the slopes
                                   on its two sides is right */
    int64_t wrong;              /* that differ */
    int64_t worst;              /* the element of that difference */
    bool ok;
} antler_slope_outcome;

/* n numbers at w and the gradient there: all of them, or a choice of up to 20. */
antler_status antler__slopes_compare(const antler_slopes *slopes, antler_real *w, const antler_real *gradient,
                                     int64_t n, bool all, antler_slope_outcome *outcome, antler_error *err);

#endif
