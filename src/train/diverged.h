/* A loss that is no finite number: where it comes from. */
#ifndef ANTLER_DIVERGED_H
#define ANTLER_DIVERGED_H

#include "model/model.h"

/* The batch that gave it. */
typedef struct antler_divergence {
    antler_model *model; /* its moving statistics are changed once more */
    const antler_real *x, *y;
    int64_t n, x_width, y_width; /* samples, and numbers of each */
    const antler_shape *in;      /* as of antler__context_create */
    int64_t epoch, batch;        /* from 0 */
    double loss;                 /* the mean so far; finite: only weights are not */
} antler_divergence;

/* ANTLER_DIVERGED, with the first layer that gives what is no finite number, and the likely cause. */
antler_status antler__diverged(const antler_divergence *at, antler_error *err);
/* Whether all weights are finite numbers. */
bool antler__weights_finite(const antler_model *model);

#endif
