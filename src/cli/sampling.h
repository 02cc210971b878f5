/* Predictions by passes of a given context, which antler_predict does not take: one, or as many as Monte Carlo asks
 * for.
 */
#ifndef ANTLER_SAMPLING_H
#define ANTLER_SAMPLING_H

#include "cli/command.h"

typedef struct antler_sampling {
    antler_context *context; /* of mode ANTLER_INFER, or ANTLER_MC */
    const antler_model *model;
    int64_t samples;            /* 0: one pass, without deviation */
    int64_t rows, batch;        /* batch: the context's */
    int64_t x_width;            /* numbers of a row, of all inputs */
    const antler_shape *output; /* of each output; dim[0] is rows */
    /* Rows [first, first + n) as antler_forward takes them. */
    antler_status (*gather)(void *arg, int64_t first, int64_t n, antler_real *x, antler_error *err);
    void *arg;
    antler_real *y, *deviation; /* results, of all rows, one output after the other */
} antler_sampling;
antler_status antler__sample(const antler_sampling *s, antler_error *err);

#endif
