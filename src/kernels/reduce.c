/* Sums, and what is made of them. A sum runs in 16 lanes, element i in lane i % 16, as if zeros filled up the last
   vector; the lanes are folded 8, 4, 2, 1. */
#include "vmath.h"

static antler_real sum(const antler_real *x, int64_t n)
{
    v16 s = vset(0);
    for (int64_t i = 0; i < n; i += 16)
        s = vadd(s, vload_upto(x + i, lanes_at(i, n)));
    return vsum(s);
}

static antler_real dot(const antler_real *a, const antler_real *b, int64_t n)
{
    v16 s = vset(0);
    for (int64_t i = 0; i < n; i += 16)
        s = vfma(vload_upto(a + i, lanes_at(i, n)), vload_upto(b + i, lanes_at(i, n)), s);
    return vsum(s);
}

/* Elements of the chunk at element i of n. */
static int64_t chunk_at(int64_t i, int64_t n)
{
    return n - i < ANTLER_CHUNK ? n - i : ANTLER_CHUNK;
}

static double long_sum(const antler_real *x, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i += ANTLER_CHUNK)
        s += (double)sum(x + i, chunk_at(i, n));
    return s;
}

static double long_sum_squares(const antler_real *x, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i += ANTLER_CHUNK)
        s += (double)dot(x + i, x + i, chunk_at(i, n));
    return s;
}

/* The lanes of v that exist, and x in the others. */
ANTLER_INLINE v16 or_else(v16 v, int lanes, antler_real x)
{
    return lanes == 16 ? v : vselect(mof((uint16_t)((1u << lanes) - 1)), v, vset(x));
}

/* The largest number; -INFINITY where none is a number. */
static antler_real maximum(const antler_real *x, int64_t n)
{
    v16 m = vset((antler_real)-INFINITY);
    for (int64_t i = 0; i < n; i += 16) {
        const int lanes = lanes_at(i, n);
        m = vmax(or_else(vload_upto(x + i, lanes), lanes, (antler_real)-INFINITY), m);
    }
    return vmaximum(m);
}

/* Sum of exp(x - shift), which are kept in y where it is not NULL. */
ANTLER_INLINE antler_real sum_exp(antler_real *y, const antler_real *x, int64_t n, antler_real shift)
{
    v16 s = vset(0);
    for (int64_t i = 0; i < n; i += 16) {
        const int lanes = lanes_at(i, n);
        const v16 e = vexp(vsub(vload_upto(x + i, lanes), vset(shift)));
        if (y)
            vstore_upto(y + i, e, lanes);
        s = vadd(s, or_else(e, lanes, 0));
    }
    return vsum(s);
}

static void softmax(antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    for (int64_t row = 0; row < rows; row++, y += n, x += n) {
        const v16 total = vset(sum_exp(y, x, n, maximum(x, n)));
        for (int64_t i = 0; i < n; i += 16) {
            const int lanes = lanes_at(i, n);
            vstore_upto(y + i, vdiv(vload_upto(y + i, lanes), total), lanes);
        }
    }
}

static void softmax_backward(antler_real *dx, const antler_real *dy, const antler_real *y, int64_t rows, int64_t n)
{
    for (int64_t row = 0; row < rows; row++, dx += n, dy += n, y += n) {
        const v16 mean = vset(dot(dy, y, n));
        for (int64_t i = 0; i < n; i += 16) {
            const int lanes = lanes_at(i, n);
            const v16 d = vsub(vload_upto(dy + i, lanes), mean);
            vstore_upto(dx + i, vmul(vload_upto(y + i, lanes), d), lanes);
        }
    }
}

static void log_softmax(antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    for (int64_t row = 0; row < rows; row++, y += n, x += n) {
        const antler_real most = maximum(x, n);
        const v16 shift = vset(most), total = vlog(vset(sum_exp(NULL, x, n, most)));
        for (int64_t i = 0; i < n; i += 16) {
            const int lanes = lanes_at(i, n);
            vstore_upto(y + i, vsub(vsub(vload_upto(x + i, lanes), shift), total), lanes);
        }
    }
}

void ANTLER_VARIANT(antler__reduce_kernels)(antler_kernels *k)
{
    k->sum = sum;
    k->dot = dot;
    k->long_sum = long_sum;
    k->long_sum_squares = long_sum_squares;
    k->softmax = softmax;
    k->softmax_backward = softmax_backward;
    k->log_softmax = log_softmax;
}
