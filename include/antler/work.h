/* Work that a layer's forward and backward hand out: products, sums, loops on the workers' threads, random numbers,
   mathematics. All of it gives the same bits on every machine and for any number of workers, which the C library's exp
   or a sum of one's own that is cut by threads does not. */
#ifndef ANTLER_WORK_H
#define ANTLER_WORK_H

#include "antler/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct antler_run;   /* layer.h */
struct antler_noise; /* layer.h */

/* ---- shapes ----------------------------------------------------------------------------------------------------- */

/* Axis counted from 0 where negative ones count from the end; -1 when there is no such axis. */
ANTLER_API int antler_axis(int64_t axis, int rank);

/* infer of a layer whose output has its input's shape. */
ANTLER_API antler_status antler_infer_same(const void *config, const antler_shape *in, antler_shape *out,
                                           antler_error *err);

/* ---- products and sums ------------------------------------------------------------------------------------------ */

/* Terms of one uncut sum of a product. */
enum { ANTLER_PART = 1024 };

/* C (m, n) = op(A) (m, k) op(B) (k, n) [+ bias]. Element (i, p) of A is a[i * a_row + p * a_col], (p, j) of B is
   b[p * b_row + j * b_col], (i, j) of C is c[i * c_row + j]. One of b_row and b_col should be 1 (any other pair is
   legal and slow). Strides may be 0: A of one 1.0 with strides 0 sums the columns of B. */
typedef struct antler_product {
    int64_t m, n, k;         /* sizes: C has m rows and n columns, sums have k terms */
    const antler_real *a;    /* borrowed for the call, as b and bias are */
    int64_t a_row, a_col;    /* strides of A, in numbers */
    const antler_real *b;    /* op(B) */
    int64_t b_row, b_col;    /* strides of B */
    antler_real *c;          /* written; apart from a and b */
    int64_t c_row;           /* stride of C's rows; columns lie together */
    const antler_real *bias; /* NULL, or what is added to the finished sum: element (i, j) is bias[i * bias_row + j] */
    int64_t bias_row;        /* 0 for one row shared by all; bias may be c itself (with bias_row == c_row) */
    bool resume;             /* sums go on from what c holds instead of +0; k must then be at most ANTLER_PART */
} antler_product;

/* All of a product, cut into blocks where it is worth a second thread. */
ANTLER_API void antler_run_product(struct antler_run *run, const antler_product *p);

/* y (n) = sum over the rows of x (rows, n), in a product's order: the gradient of a bias. */
ANTLER_API void antler_run_column_sums(struct antler_run *run, antler_real *y, const antler_real *x, int64_t rows,
                                       int64_t n);

/* In 16 lanes, folded 8, 4, 2, 1; dot by fma. */
ANTLER_API antler_real antler_array_sum(const antler_real *x, int64_t n);
ANTLER_API antler_real antler_array_dot(const antler_real *a, const antler_real *b, int64_t n);

/* ---- loops ------------------------------------------------------------------------------------------------------ */

/* Calls fn over the pieces of 0 .. n - 1 that [first, first + count) gives, on the workers. A piece has about 16,384 /
   cost items, so cost says how many elements of simple arithmetic one item is worth; with cost 1, first is a multiple
   of 64 (bit masks). */
ANTLER_API void antler_run_ranges(struct antler_run *run, int64_t n, int64_t cost,
                                  void (*fn)(void *arg, int64_t first, int64_t count), void *arg);

/* The same with at most `most` pieces, for work that has a part of its own in each. */
ANTLER_API void antler_run_pieces(struct antler_run *run, int64_t n, int64_t cost, int64_t most,
                                  void (*fn)(void *arg, int64_t first, int64_t count), void *arg);

/* y = a + b for n numbers; y may be a or b. */
ANTLER_API void antler_run_add(struct antler_run *run, antler_real *y, const antler_real *a, const antler_real *b,
                               int64_t n);

/* y = x for n numbers, unless they are the same. */
ANTLER_API void antler_run_copy(struct antler_run *run, antler_real *y, const antler_real *x, int64_t n);

/* ---- mathematics: y may be x ------------------------------------------------------------------------------------ */

/* Of each of n numbers; the same bits on every machine. */
ANTLER_API void antler_array_exp(antler_real *y, const antler_real *x, int64_t n);
ANTLER_API void antler_array_log(antler_real *y, const antler_real *x, int64_t n);
ANTLER_API void antler_array_tanh(antler_real *y, const antler_real *x, int64_t n);
ANTLER_API void antler_array_sigmoid(antler_real *y, const antler_real *x, int64_t n);
/* Of each of `rows` rows of n. */
ANTLER_API void antler_array_softmax(antler_real *y, const antler_real *x, int64_t rows, int64_t n);

/* ---- noise ------------------------------------------------------------------------------------------------------ */

/* Numbers of elements [first, first + n) of a batch whose samples have `per_sample` elements: uniform in [0, 1), or
   normal with mean 0 and deviation 1. A function of the site, the step and the element's place in all the data. */
ANTLER_API void antler_noise_uniform(const struct antler_noise *noise, int64_t per_sample, int64_t first,
                                     antler_real *u, int64_t n);
ANTLER_API void antler_noise_normal(const struct antler_noise *noise, int64_t per_sample, int64_t first, antler_real *z,
                                    int64_t n);

/* ---- data ------------------------------------------------------------------------------------------------------- */

/* ANTLER_DATA unless every number of the run's first input is an integer in [0, limit). */
ANTLER_API antler_status antler_run_check_tokens(struct antler_run *run, int64_t limit);

#ifdef __cplusplus
}
#endif
#endif
