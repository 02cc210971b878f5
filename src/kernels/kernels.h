/* The kernels: the only code that is compiled once per instruction set. Layers and the core reach them through one
   table of functions, chosen when the program starts (ANTLER_ISA=avx512|avx2|baseline overrides the choice).

   All kernels are written once, on the 16-lane vector of vec.h; the baseline is the same source on plain C lanes, with
   an exact fma in software. So every row of the table gives the same bits, by the rules of docs/design.md:
   - a product's k terms are added in index order by fma from +0; where k exceeds ANTLER_PART it is cut at multiples of
     it and the parts are added in a fixed binary tree (antler__tree in product.c); the bias is added last;
   - a contiguous reduction runs in 16 lanes (element i in lane i % 16), folded 8, 4, 2, 1;
   - long sums (ANTLER_CHUNK) are cut into chunks, whose sums are added in double, in order.
   A kernel never starts threads and never allocates; callers cut work by outputs (rows, columns, elements). Pointers
   need only the alignment of antler_real. Arguments may not overlap unless the comment says so. */
#ifndef ANTLER_KERNELS_H
#define ANTLER_KERNELS_H

#include "antler/random.h"
#include "antler/work.h"

#include <float.h>

/* The same bits everywhere: every operation rounds to its own type, as it is written. */
#if defined(__FAST_MATH__) || (FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16) /* 16: half precision has its own too */
#error "Antler needs float arithmetic in float (on i386 -msse2 -mfpmath=sse), without -ffast-math"
#endif

/* Elements of one chunk of a long sum. */
enum { ANTLER_CHUNK = 4096 };

/* Activations with a kernel: X(name, a, needs_x, y). `a` is the activation's one number, slope of leaky_relu and alpha
   of elu, where the activation is given by its name alone; TensorFlow keeps that slope in float whatever x is. needs_x:
   the gradient cannot be had from y alone. */
#define ANTLER_ACTIVATION_MAP(X)                                                  \
    X(linear, 0, false, "x")                                                      \
    X(relu, 0, false, "max(x, 0)")                                                \
    X(relu6, 0, false, "min(max(x, 0), 6)")                                       \
    X(leaky_relu, 0.2f, false, "x, or a * x below 0 (a is 0.2)")                  \
    X(elu, 1, false, "x, or a * (exp(x) - 1) below 0 (a is 1)")                   \
    X(selu, 0, false, "1.0507009873554805 times elu with a = 1.6732632423543772") \
    X(sigmoid, 0, false, "1 / (1 + exp(-x))")                                     \
    X(tanh, 0, false, "tanh(x)")                                                  \
    X(hard_sigmoid, 0, false, "min(max(x + 3, 0), 6) / 6")                        \
    X(hard_sigmoid_keras2, 0, false, "min(max(0.2 x + 0.5, 0), 1)")               \
    X(softplus, 0, false, "log(1 + exp(x))")                                      \
    X(softsign, 0, true, "x / (1 + |x|)")                                         \
    X(silu, 0, true, "x * sigmoid(x)")                                            \
    X(gelu, 0, true, "x * (1 + erf(x / sqrt 2)) / 2")                             \
    X(mish, 0, true, "x * tanh(softplus(x))")                                     \
    X(exponential, 0, false, "exp(x)")                                            \
    X(celu, 0, false, "x, or exp(x) - 1 below 0")                                 \
    X(hard_silu, 0, true, "x * hard_sigmoid(x)")                                  \
    X(hard_tanh, 0, true, "min(max(x, -1), 1)")                                   \
    X(hard_shrink, 0, false, "x, or 0 where |x| <= 0.5")                          \
    X(soft_shrink, 0, false, "x - 0.5 above 0.5, x + 0.5 below -0.5, else 0")     \
    X(tanh_shrink, 0, true, "x - tanh(x)")                                        \
    X(squareplus, 0, true, "(x + sqrt(x^2 + 4)) / 2")                             \
    X(sparse_plus, 0, true, "0 up to -1, x from 1 on, (x + 1)^2 / 4 between")     \
    X(sparse_sigmoid, 0, true, "0 up to -1, 1 from 1 on, (x + 1) / 2 between")    \
    X(log_sigmoid, 0, false, "-log(1 + exp(-x))")

enum {
    ANTLER_ACT_none, /* 0: what an activation from outside has, that says nothing of kernels */
#define ANTLER_ACTIVATION_ENUM(name, ...) ANTLER_ACT_##name,
    ANTLER_ACTIVATION_MAP(ANTLER_ACTIVATION_ENUM)
#undef ANTLER_ACTIVATION_ENUM
        ANTLER_ACTIVATIONS
};

/* An elementwise activation. y may be x; dx may be dy. backward gets y always, and x only where needs_x. */
typedef struct antler_activation_kernel {
    const char *name;
    antler_real a; /* the map's */
    bool needs_x;  /* the map's */
    void (*forward)(antler_real *y, const antler_real *x, int64_t n, antler_real a);
    void (*backward)(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x, int64_t n,
                     antler_real a);
} antler_activation_kernel;

/* One step of an optimizer over n consecutive elements. Which fields an optimizer uses is said at its kernel. */
typedef struct antler_descent {
    antler_real *w;
    const antler_real *g;
    antler_real *slot[4]; /* the optimizer's own state, in its own order */
    int64_t n;
    antler_real rate, a, b, c, d, e, f; /* rate, and the optimizer's constants */
} antler_descent;

/* The steps of optimizers: X(name, slots, what). w is changed in place; all in antler_real, in the order written. */
#define ANTLER_DESCENT_MAP(X)                                                                                  \
    X(sgd, 0, "w = w - rate * g")                                                                              \
    X(momentum, 1, "m = a * m - rate * g; w = w + m")                                                          \
    X(nesterov, 1, "m = a * m - rate * g; w = w + (a * m - rate * g)")                                         \
    X(adam, 2, "m = m + (g - m) * a; v = v + (g * g - v) * b; w = w - rate * m / (sqrt(v) + c)")               \
    X(amsgrad, 3, "the same m and v; h = max(h, v); w = w - rate * m / (sqrt(h) + c)")                         \
    X(rmsprop, 1, "v = a * v + b * (g * g); w = w - rate * g / sqrt(v + c)")                                   \
    X(rmsprop_momentum, 2, "the same v; m = d * m + rate * g / sqrt(v + c); w = w - m")                        \
    X(rmsprop_centered, 2, "the same v; h = a * h + b * g; w = w - rate * g / sqrt(v - h * h + c)")            \
    X(rmsprop_centered_momentum, 3, "slots v, m, h: as both of them")                                          \
    X(adamax, 2, "m = m + (g - m) * a; u = max(b * u, |g|); w = w - rate * m / (d * (u + c))")                 \
    X(nadam, 2, "m and v of adam; w = w - rate * (d * m + e * g) / (sqrt(v / f) + c)")                         \
    X(adagrad, 1, "s = s + g * g; w = w - rate * g / sqrt(s + c)")                                             \
    X(adadelta, 2,                                                                                             \
      "s = a * s + b * (g * g); x = sqrt(t + c) * g / sqrt(s + c); t = a * t + b * (x * x); w = w - rate * x") \
    X(schedule_free, 2,                                                                                        \
      "n = m - rate * g / (sqrt((v of adam) / d) + c); x = (1 - e) * (w - a * m) / f + e * n; m = n; "         \
      "w = a * n + f * x")                                                                                     \
    X(lion, 1, "w = w - rate * sign(a * m + b * g); m = c * m + d * g")

/* Recurrent layers. A sequence kernel runs rows [row0, row1) of a batch through all steps, so that threads take rows.
   Time-major scratch would save nothing: all arrays are (batch, steps, ...) with the sizes below; step t of processing
   is time step t, or steps - 1 - t when backwards. h of a row is kept where the mask is 0 (mask NULL: all 1).
   Products over units run in index order from +0 by fma, then the projected input is added: z = xw + (h U). */
typedef struct antler_recurrence {
    int64_t batch, steps, units;
    bool backwards;             /* steps are taken from the last to the first */
    const antler_real *mask;    /* (batch, steps) of 0 and 1, or NULL; indexed by time, not by processing order */
    const antler_real *xw;      /* (batch, steps, gates * units): x W + bias, by time */
    const antler_real *u;       /* (units, gates * units) recurrent kernel */
    const antler_real *u_t;     /* (gates * units, units): its transpose, for backward */
    const antler_real *rb;      /* (gates * units) recurrent bias (GRU with reset_after), or NULL */
    const antler_real *keep;    /* (batch, units) multiplies h before U (recurrent dropout: 0 or 1/(1-rate)), or NULL */
    const antler_real *h0, *c0; /* (batch, units) initial state, or NULL for zeros */
    bool reset_after;           /* GRU */
    int act, gate_act;          /* ANTLER_ACT_...: activation and recurrent_activation; elementwise, no needs_x */
    antler_real act_a, gate_a;  /* their numbers */
    /* written by forward, read by backward */
    antler_real *h;     /* (batch, steps, units) state after each step, in PROCESSING order */
    antler_real *c;     /* (batch, steps, units) LSTM: cell state, in processing order */
    antler_real *gates; /* (batch, steps, saved * units), processing order: what backward needs of the gates:
                           LSTM i, f, c~, o; GRU z, r, hh and (reset_after) the recurrent part of hh; SimpleRNN none.
                           NULL in inference: then h and c may be one step long when last_only */
    bool last_only;     /* h is (batch, units) and c is (batch, units): only the last state is wanted (inference) */
    /* backward */
    const antler_real *dh; /* (batch, steps, units) gradient of h, processing order; or, when dh_last_only,
                              (batch, units) for the last step, or NULL for zeros */
    bool dh_last_only;
    const antler_real *dh_end, *dc_end; /* (batch, units) gradients of the states after the last step, beside dh; or
                                           NULL for zeros */
    antler_real *dh0, *dc0;             /* (batch, units) gradients of the states before the first step; NULL: not
                                           wanted */
    antler_real *dz; /* (batch, steps, gates * units) gradient of the pre-activations, by TIME: equals the gradient of
                        xw; zeros at masked steps */
    antler_real *dr; /* (batch, steps, gates * units), by TIME; GRU only: gradient of the recurrent products
                        (reset_after: of h U + rb; reset before: its last third is the gradient of (r * h) U, equal to
                        dz's, and it may be NULL). For LSTM and SimpleRNN it equals dz and is NULL */
} antler_recurrence;

/* A window that moves over positions whose channels lie side by side, each channel for itself: depthwise convolution,
   and, with other steps, the gradient of its input. All taps are inside of x.

     y (o, c) = sum over i, j, k of x (o, i, j, k, c) w (i, j, k, c) + bias (c)

   by fma in that order from +0; o, i, j and k have the steps below, c has 1. */
typedef struct antler_stencil {
    int64_t n, channels; /* positions, channels */
    int64_t taps[3];     /* of i, j, k; 0: y is the bias */
    const antler_real *x;
    int64_t x_step, x_tap[3];
    const antler_real *w;
    int64_t w_tap[3];
    const antler_real *bias; /* (channels), or NULL for none */
    antler_real *y;
    int64_t y_step;
} antler_stencil;

/* The gradient of such weights, of one row of taps: fma in the order of o on what sum (j, c) holds.

     sum (j, c) += sum over o of x (o, j, c) dy (o, c) */
typedef struct antler_stencil_sums {
    int64_t n, channels, taps;
    const antler_real *x;
    int64_t x_step, x_tap;
    const antler_real *dy;
    int64_t dy_step;
    antler_real *sum;
    int64_t sum_tap;
} antler_stencil_sums;

/* A row of n numbers that are normalized: y = (x - shift) * s * gamma + beta. */
typedef struct antler_row {
    int64_t n;
    const antler_real *x, *dy;
    const antler_real *gamma, *beta; /* (n), or NULL for 1 and 0 */
    antler_real shift, s, mean;      /* mean: what deviations are from in backward */
} antler_row;

typedef struct antler_kernels {
    const char *name; /* "avx512", "avx2", "neon" or "baseline" */

    /* ---- product.c ---- */

    /* Rows [i0, i1) and columns [j0, j1) of the product; any cut gives the same bits. scratch holds
       product_scratch numbers. */
    void (*product)(const antler_product *p, int64_t i0, int64_t i1, int64_t j0, int64_t j1, antler_real *scratch);
    size_t product_scratch; /* antler_reals that one call may use */
    int64_t tile_m, tile_n; /* cut at multiples of these for speed */

    /* Adds `parts` arrays of n numbers, `stride` apart, in the tree's order, into y (which may be the first part):
       for sums that a caller cuts into parts of ANTLER_PART terms itself. Uses the parts as work space. */
    void (*tree)(antler_real *y, antler_real *parts, int64_t count, int64_t stride, int64_t n);

    /* ---- elementwise.c ---- */

    antler_activation_kernel activation[ANTLER_ACTIVATIONS];
    void (*exp)(antler_real *y, const antler_real *x, int64_t n);
    void (*log)(antler_real *y, const antler_real *x, int64_t n);
    void (*add)(antler_real *y, const antler_real *a, const antler_real *b, int64_t n);      /* y may be a or b */
    void (*multiply)(antler_real *y, const antler_real *a, const antler_real *b, int64_t n); /* y may be a or b */
    void (*fma)(antler_real *y, const antler_real *a, const antler_real *b, const antler_real *c, int64_t n); /* y =
                                                                          fma(a, b, c); y may be any of them */
    void (*affine)(antler_real *y, const antler_real *x, int64_t n, antler_real a, antler_real b); /* a*x + b, two
                                                                          roundings (Rescaling); y may be x */
    void (*axpy)(antler_real *y, antler_real a, const antler_real *x, int64_t n); /* y = fma(a, x, y) */

    /* ---- reduce.c ---- */

    antler_real (*sum)(const antler_real *x, int64_t n);                       /* 16 lanes */
    antler_real (*dot)(const antler_real *a, const antler_real *b, int64_t n); /* 16 lanes, fma */
    double (*long_sum)(const antler_real *x, int64_t n);         /* chunks of ANTLER_CHUNK, added in double */
    double (*long_sum_squares)(const antler_real *x, int64_t n); /* the same of x * x */
    /* Softmax of each of `rows` rows of n: exp(x - max) / sum. y may be x. */
    void (*softmax)(antler_real *y, const antler_real *x, int64_t rows, int64_t n);
    /* dx = y * (dy - dot(dy, y)) a row. dx may be dy. */
    void (*softmax_backward)(antler_real *dx, const antler_real *dy, const antler_real *y, int64_t rows, int64_t n);
    /* y = x - max - log(sum(exp(x - max))) a row. y may be x. */
    void (*log_softmax)(antler_real *y, const antler_real *x, int64_t rows, int64_t n);

    /* ---- normalize.c: g is dy * gamma, d is x - mean ---- */

    double (*deviations)(const antler_real *x, int64_t n, antler_real mean); /* sum of (x - mean)^2 */
    void (*normalize)(antler_real *y, const antler_row *r);                  /* y may be x */
    void (*normalize_sums)(const antler_row *r, double *g, double *gd);      /* sums of g, and of g * d */
    void (*normalize_parameters)(antler_real *gamma, antler_real *beta, const antler_row *r);       /* (n) each: dy *
                                                                                (x - shift) * s, and dy, are added */
    void (*normalize_backward)(antler_real *dx, const antler_row *r, antler_real a, antler_real b); /* dx = s *
                                                                          (g - (a + d * b)); may be dy, or x */

    /* ---- stencil.c ---- */

    void (*stencil)(const antler_stencil *s);
    void (*stencil_sums)(const antler_stencil_sums *s);

    /* ---- noise.c ---- */

    /* Words of the stream as they are, and as uniforms in [0, 1): (word >> 8) * 2^-24. */
    void (*words)(antler_stream at, uint32_t *w, int64_t n);
    void (*uniform)(antler_stream at, antler_real *u, int64_t n);
    /* Standard normal numbers, one a stream position, by Box and Muller on our own log, sin and cos: word pairs
       (e, e ^ 16) of a 64-block share a radius and an angle. */
    void (*normal)(antler_stream at, antler_real *z, int64_t n);
    /* Dropout. An element is kept where its word >= threshold (threshold = ceil(rate * 2^32), < 2^32: rate 1 is the
       caller's). y = keep ? x / scale : 0; bit i of `bits` (little-endian in 64-bit words, (n + 63) / 64 of them, bit 0
       is element 0 of this call) remembers it. y may be x; bits may be NULL (Monte Carlo). */
    void (*drop)(antler_stream at, uint32_t threshold, antler_real scale, antler_real *y, const antler_real *x,
                 uint64_t *bits, int64_t n);
    /* y = bit ? x / scale : 0 for the n elements from bit `first` of bits on; y may be x. */
    void (*drop_again)(const uint64_t *bits, int64_t first, antler_real scale, antler_real *y, const antler_real *x,
                       int64_t n);

    /* ---- recurrent.c ---- */

    void (*simple_rnn_forward)(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch);
    void (*simple_rnn_backward)(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch);
    void (*lstm_forward)(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch);
    void (*lstm_backward)(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch);
    void (*gru_forward)(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch);
    void (*gru_backward)(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch);
    /* antler_reals of scratch for one call, by units */
    size_t (*recurrence_scratch)(int64_t units);

    /* ---- update.c ---- */

#define ANTLER_DESCENT(name, slots, what) void (*name)(const antler_descent *u);
    ANTLER_DESCENT_MAP(ANTLER_DESCENT)
#undef ANTLER_DESCENT
} antler_kernels;

/* The table in use: chosen at the first call, never changed after. An ANTLER_ISA that is unknown, or that this machine
   cannot run, is reported by antler__kernels_error (NULL: all is well), and the best possible table is used. */
const antler_kernels *antler__kernels(void);
const char *antler__kernels_error(void);

/* The table of one instruction set; NULL where this build or machine has it not. For tests. */
const antler_kernels *antler__kernels_of(const char *name);

/* Philox4x32-10 (Salmon, Moraes, Dror and Shaw, SC 2011), one block, for scalar callers: shuffles and tests. */
void antler__philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
