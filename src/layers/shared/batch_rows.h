/* Rows of BatchNormalization: sums over them, and what is done to each. A row is the channels' numbers, `inner` of each
   channel side by side where axes follow the channels' one; coefficients are spread over it, sums are folded back. */
#ifndef ANTLER_LAYERS_BATCH_ROWS_H
#define ANTLER_LAYERS_BATCH_ROWS_H

#include "layers/shared/common.h"

/* Rows that one thread adds up in their order; a fixed tree adds the parts. */
enum { ANTLER_PART_ROWS = 256 };

typedef struct antler_batch_rows {
    int64_t rows, channels, inner, width, parts; /* width is channels * inner */
    const antler_real *x, *dy;                   /* (rows, width) */
    const antler_real *mask;                     /* (rows), or NULL; rows of 0 are no part of the sums */
    const antler_real *mean, *a, *b, *c;         /* (width) coefficients */
    antler_real *sum;                            /* (parts, 2, width) work space; the first (2, width) is the result */
    antler_real *to;                             /* (rows, width): y, or dx */
    void (*add_row)(const struct antler_batch_rows *r, const antler_real *x, const antler_real *dy, antler_real *sum);
} antler_batch_rows;

/* (channels) to (width), in place. */
void antler__spread(const antler_batch_rows *r, antler_real *row);

/* Sums over all rows, (channels) each. The second one begins at sum + width. */
void antler__sum_values(antler_run *run, antler_batch_rows *r);    /* x */
void antler__sum_squares(antler_run *run, antler_batch_rows *r);   /* (x - mean)^2 */
void antler__sum_gradients(antler_run *run, antler_batch_rows *r); /* dy; dy * (x - mean) */

/* to = (x - mean) * a + b */
void antler__normalize(antler_run *run, antler_batch_rows *r);
/* to = a * (dy - (b + (x - mean) * c)); a * dy in masked rows, and everywhere with b NULL. to may be dy. */
void antler__normalize_backward(antler_run *run, antler_batch_rows *r);

#endif
