/* Images under a filter: each pixel becomes a weighted sum of those around it, 0 beyond the image. */
#ifndef ANTLER_LAYERS_FILTER_H
#define ANTLER_LAYERS_FILTER_H

#include "antler/base.h"

/* Of odd sizes. */
typedef struct antler_filter {
    const antler_real *weight; /* (rows, columns) */
    int64_t rows, columns;
} antler_filter;

/* y of x, both of the shape (height, width, channels); with `back` by the transpose: the weights turned round. */
void antler__filter_run(const antler_filter *f, const int64_t *shape, bool back, antler_real *y, const antler_real *x);

/* n weights of a normal curve around the middle, whose sum is 1. */
void antler__gaussian_weights(antler_real *weight, int64_t n, double sigma);

#endif
