/* Gradients against central differences, for suites of samples; in double alone. */
#ifndef ANTLER_DIFFERENCES_H
#define ANTLER_DIFFERENCES_H

#include "samples.h"

#include <math.h>

#ifdef ANTLER_DOUBLE
/* sum(dy * y) with the same noise each time: the context stays where it was. */
static inline double objective(bench *b)
{
    double sum = 0;
    forward(b, b->x, BATCH, b->y);
    for (int64_t i = 0; i < b->ny; i++)
        sum += b->dy[i] * b->y[i];
    return sum;
}

/* Of f, which runs forward, by n values in turn. */
static inline void check_gradient_of(double (*f)(bench *b), bench *b, const char *name, antler_real *value,
                                     const antler_real *gradient, int64_t n)
{
    const double h = 1e-5;
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(gradient[i]));
    for (int64_t i = 0; i < n; i++) {
        antler_real kept = value[i];
        value[i] = kept + h;
        double above = f(b);
        value[i] = kept - h;
        double below = f(b);
        value[i] = kept;
        double numeric = (above - below) / (2 * h), bound = 1e-6 * fmax(most, 1e-3);
        ck_assert_msg(fabs(numeric - gradient[i]) <= bound, "%s[%d]: analytic %.12g, numeric %.12g, bound %.3g", name,
                      (int)i, gradient[i], numeric, bound);
    }
}

static inline void check_gradient(bench *b, const char *name, antler_real *value, const antler_real *gradient,
                                  int64_t n)
{
    check_gradient_of(objective, b, name, value, gradient, n);
}
#endif

#endif
