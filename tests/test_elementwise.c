/* The elementwise kernels: accuracy against libm in double over floats of all sizes, gradients, special values, ends of
   arrays, and the same bits from every instruction set. */
#include "isas.h"
#include "suite.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SWEEP = 1 << 17, ENDS = 70, GUARD = 8 };

static const bool is_float = sizeof(antler_real) == sizeof(float);
static const antler_real slope = (antler_real)0.3;

/* Floats of all sizes and both signs, zeros, infinities and a NaN among them. */
static antler_real *sweep(void)
{
    antler_real *x = malloc(SWEEP * sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (uint32_t i = 0; i < SWEEP; i++) {
        uint32_t bits = i * 32749; /* prime: steps through all exponents some times, and all last bits */
        float f;
        if (i % 4 != 0)
            bits = 0x30000000u + bits % 0x13800000u + (i & 1) * 0x80000000u; /* 2^-31 to 256 */
        memcpy(&f, &bits, sizeof f);
        x[i] = isnan(f) ? 0 : (antler_real)f;
    }
    const antler_real special[] = {0, (antler_real)-0.0, INFINITY, -INFINITY, NAN, 1, -1, FLT_MAX, -FLT_MAX, FLT_MIN};
    memcpy(x, special, sizeof special);
    return x;
}

static antler_real *array(int64_t n)
{
    antler_real *p = malloc((size_t)n * sizeof *p);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* |got - want| in units of the last place of want as a number of this build. */
static double error_in_ulp(antler_real got, long double want)
{
    const antler_real near = (antler_real)want;
    if (isnan(want))
        return isnan(got) ? 0 : INFINITY;
    if (isinf(near) || isinf(got) || near == got)
        return near == got                                                                           ? 0
               : fabsl(want) > 0.9999999L * (is_float ? (long double)FLT_MAX : (long double)DBL_MAX) ? 1
                                                                                                     : INFINITY;
    const int digits = is_float ? FLT_MANT_DIG : DBL_MANT_DIG, least = is_float ? FLT_MIN_EXP : DBL_MIN_EXP;
    int exponent;
    frexpl(want, &exponent);
    if (exponent < least)
        exponent = least;
    return (double)(fabsl((long double)got - want) / ldexpl(1, exponent - digits));
}

static long double logistic(long double x)
{
    return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x));
}

static long double value(int id, long double x)
{
    const long double alpha = 1.6732632423543772L, scale = 1.0507009873554805L;
    switch (id) {
    case ANTLER_ACT_linear:
        return x;
    case ANTLER_ACT_relu:
        return x < 0 ? 0 : x;
    case ANTLER_ACT_leaky_relu:
        return x < 0 ? (long double)slope * x : x;
    case ANTLER_ACT_elu:
        return x < 0 ? (long double)slope * expm1l(x) : x;
    case ANTLER_ACT_selu:
        return scale * (x < 0 ? alpha * expm1l(x) : x);
    case ANTLER_ACT_sigmoid:
        return logistic(x);
    case ANTLER_ACT_tanh:
        return tanhl(x);
    case ANTLER_ACT_hard_sigmoid:
        return x < -3 ? 0 : x > 3 ? 1 : (x + 3) / 6;
    case ANTLER_ACT_hard_sigmoid_keras2:
        return x < -2.5L ? 0 : x > 2.5L ? 1 : (long double)(antler_real)0.2 * x + 0.5L;
    case ANTLER_ACT_softplus:
        return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x));
    case ANTLER_ACT_relu6:
        return x < 0 ? 0 : x > 6 ? 6 : x;
    case ANTLER_ACT_softsign:
        return x / (1 + fabsl(x));
    case ANTLER_ACT_silu:
        return x * logistic(x);
    case ANTLER_ACT_mish:
        return x * tanhl(x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x)));
    case ANTLER_ACT_gelu:
        return x * (1 + erfl(x * 0.707106781f)) / 2;
    case ANTLER_ACT_celu:
        return x < 0 ? expm1l(x) : x;
    case ANTLER_ACT_hard_silu:
        return x * (x < -3 ? 0 : x > 3 ? 1 : (x + 3) / 6);
    case ANTLER_ACT_hard_tanh:
        return x < -1 ? -1 : x > 1 ? 1 : x;
    case ANTLER_ACT_hard_shrink:
        return fabsl(x) > 0.5L ? x : 0;
    case ANTLER_ACT_soft_shrink:
        return x > 0.5L ? x - 0.5L : x < -0.5L ? x + 0.5L : 0;
    case ANTLER_ACT_tanh_shrink:
        return x - tanhl(x);
    case ANTLER_ACT_squareplus:
        return (x + sqrtl(x * x + 4)) / 2;
    case ANTLER_ACT_sparse_plus:
        return x <= -1 ? 0 : x >= 1 ? x : (x + 1) * (x + 1) / 4;
    case ANTLER_ACT_sparse_sigmoid:
        return x <= -1 ? 0 : x >= 1 ? 1 : (x + 1) / 2;
    case ANTLER_ACT_log_sigmoid:
        return x < 0 ? x - log1pl(expl(x)) : -log1pl(expl(-x));
    default:
        return expl(x);
    }
}

static long double derivative(int id, long double x)
{
    const long double alpha = 1.6732632423543772L, scale = 1.0507009873554805L;
    switch (id) {
    case ANTLER_ACT_linear:
        return 1;
    case ANTLER_ACT_relu:
        return x > 0;
    case ANTLER_ACT_leaky_relu:
        return x > 0 ? 1 : (long double)slope;
    case ANTLER_ACT_elu:
        return x > 0 ? 1 : (long double)slope * expl(x);
    case ANTLER_ACT_selu:
        return scale * (x < 0 ? alpha * expl(x) : 1);
    case ANTLER_ACT_sigmoid:
        return logistic(x) * logistic(-x);
    case ANTLER_ACT_tanh:
        return 1 - tanhl(x) * tanhl(x);
    case ANTLER_ACT_hard_sigmoid:
        return x > -3 && x < 3 ? 1 / 6.0L : 0;
    case ANTLER_ACT_hard_sigmoid_keras2:
        return x > -2.5L && x < 2.5L ? (long double)(antler_real)0.2 : 0;
    case ANTLER_ACT_softplus:
        return logistic(x);
    case ANTLER_ACT_relu6:
        return x > 0 && x < 6;
    case ANTLER_ACT_softsign:
        return 1 / ((1 + fabsl(x)) * (1 + fabsl(x)));
    case ANTLER_ACT_silu:
        return logistic(x) * (1 + x * logistic(-x));
    case ANTLER_ACT_mish: {
        const long double t = tanhl(x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x)));
        return t + x * (1 - t * t) * logistic(x);
    }
    case ANTLER_ACT_gelu: {
        const long double t = x * 0.707106781f;
        return (1 + erfl(t)) / 2 + x * expl(-t * t) * 0.56418958354775628695L * 0.707106781f;
    }
    case ANTLER_ACT_celu:
        return x > 0 ? 1 : x < 0 ? expl(x) : 2;
    case ANTLER_ACT_hard_silu:
        return x < -3 ? 0 : x > 3 ? 1 : (x + 3) / 6 + (x > -3 && x < 3 ? x / 6 : 0);
    case ANTLER_ACT_hard_tanh:
        return fabsl(x) <= 1;
    case ANTLER_ACT_hard_shrink:
    case ANTLER_ACT_soft_shrink:
        return fabsl(x) > 0.5L;
    case ANTLER_ACT_tanh_shrink:
        return tanhl(x) * tanhl(x);
    case ANTLER_ACT_squareplus:
        return (1 + x / sqrtl(x * x + 4)) / 2;
    case ANTLER_ACT_sparse_plus:
        return x <= -1 ? 0 : x >= 1 ? 1 : (x + 1) / 2;
    case ANTLER_ACT_sparse_sigmoid:
        return x > -1 && x < 1 ? 0.5L : 0;
    case ANTLER_ACT_log_sigmoid:
        return logistic(-x);
    default:
        return expl(x);
    }
}

/* Largest errors in units of the last place, in float; libm's in double may be larger by one. gelu, silu,
   mish and the like are compared in units of x: 1 + erf and 0.2 x + 0.5 lose digits as in Keras, and a tail that is
   denormal has few. */
static const double bound[ANTLER_ACTIVATIONS] = {
    [ANTLER_ACT_relu] = 0,         [ANTLER_ACT_leaky_relu] = 0.5,   [ANTLER_ACT_elu] = 2.2,
    [ANTLER_ACT_selu] = 2.2,       [ANTLER_ACT_sigmoid] = 1.7,      [ANTLER_ACT_tanh] = 1.3,
    [ANTLER_ACT_hard_sigmoid] = 2, [ANTLER_ACT_softplus] = 2,       [ANTLER_ACT_exponential] = 1.1,
    [ANTLER_ACT_softsign] = 1.5,   [ANTLER_ACT_celu] = 2.2,         [ANTLER_ACT_soft_shrink] = 0.5,
    [ANTLER_ACT_sparse_plus] = 2,  [ANTLER_ACT_sparse_sigmoid] = 1, [ANTLER_ACT_log_sigmoid] = 2,
};

/* Of the functions that are compared in a unit of their own, that; 0: of all others. */
static long double unit_of(int id, long double x)
{
    switch (id) {
    case ANTLER_ACT_gelu:
    case ANTLER_ACT_silu:
    case ANTLER_ACT_mish:
    case ANTLER_ACT_hard_silu:
    case ANTLER_ACT_tanh_shrink:
        return fabsl(x);
    case ANTLER_ACT_hard_sigmoid_keras2:
        return fabsl(x) + 0.5L;
    case ANTLER_ACT_squareplus: /* whose x^2 may overflow, as in Keras */
        return x * x > (is_float ? 1e38L : 1e308L) ? INFINITY : fabsl(x) + 1;
    default:
        return 0;
    }
}

START_TEST(values)
{
    const antler_kernels *k = antler__kernels();
    antler_real *x = sweep(), *y = array(SWEEP);
    for (int id = ANTLER_ACT_none + 1; id < ANTLER_ACTIVATIONS; id++) {
        k->activation[id].forward(y, x, SWEEP, slope);
        for (int i = 0; i < SWEEP; i++) {
            const long double want = value(id, (long double)x[i]);
            const long double unit = unit_of(id, 1);
            if (unit > 0) {
                if (isfinite(x[i]) && isfinite(unit_of(id, (long double)x[i])))
                    ck_assert_msg(fabsl((long double)y[i] - want) <=
                                      (is_float ? 2e-7L : 4e-16L) * unit_of(id, (long double)x[i]) + FLT_MIN,
                                  "%s(%a) = %a", k->activation[id].name, (double)x[i], (double)y[i]);
                continue;
            }
            const double error = error_in_ulp(y[i], want);
            ck_assert_msg(error <= bound[id] + (is_float ? 0 : 1), "%s(%a) = %a, error %g", k->activation[id].name,
                          (double)x[i], (double)y[i], error);
        }
    }
    k->log(y, x, SWEEP);
    for (int i = 0; i < SWEEP; i++)
        ck_assert_msg(error_in_ulp(y[i], logl((long double)x[i])) <= 1, "log(%a) = %a", (double)x[i], (double)y[i]);
    k->exp(y, x, SWEEP);
    for (int i = 0; i < SWEEP; i++)
        ck_assert_msg(error_in_ulp(y[i], expl((long double)x[i])) <= 1.1, "exp(%a) = %a", (double)x[i], (double)y[i]);
    free(x);
    free(y);
}
END_TEST

START_TEST(gradients)
{
    const antler_kernels *k = antler__kernels();
    antler_real *x = array(SWEEP), *y = array(SWEEP), *dy = array(SWEEP), *dx = array(SWEEP);
    for (int i = 0; i < SWEEP; i++) {
        x[i] = (antler_real)(i - SWEEP / 2 + 0.25) / 4096;
        dy[i] = (antler_real)(i % 7 - 3);
    }
    for (int id = ANTLER_ACT_none + 1; id < ANTLER_ACTIVATIONS; id++) {
        const antler_activation_kernel *act = &k->activation[id];
        const bool twice = id == ANTLER_ACT_silu || id == ANTLER_ACT_mish; /* two functions, each rounded */
        act->forward(y, x, SWEEP, slope);
        act->backward(dx, dy, y, act->needs_x ? x : NULL, SWEEP, slope);
        for (int i = 0; i < SWEEP; i++) {
            const double want = (double)(dy[i] * derivative(id, (long double)x[i]));
            ck_assert_msg(fabs((double)dx[i] - want) <= (is_float ? 1e-6
                                                         : twice  ? 4e-15
                                                                  : 2e-15) *
                                                            fmax(1, fabs(want)),
                          "%s'(%a): %.17g, not %.17g", act->name, (double)x[i], (double)dx[i], want);
        }
    }
    free(x);
    free(y);
    free(dy);
    free(dx);
}
END_TEST

/* Where x is very small or y rounds to 0, softplus still has its gradient's digits. */
START_TEST(softplus_tail)
{
    const antler_real x[] = {-20, -50, -80}, one[] = {1, 1, 1};
    antler_real y[3], dx[3];
    const antler_activation_kernel *act = &antler__kernels()->activation[ANTLER_ACT_softplus];
    act->forward(y, x, 3, 0);
    act->backward(dx, one, y, NULL, 3, 0);
    for (int i = 0; i < 3; i++)
        ck_assert(error_in_ulp(dx[i], logistic((long double)x[i])) <= 4);
}
END_TEST

/* NaNs compare as equal: their signs and payloads are outside the promise. */
static bool same_bits(const antler_real *a, const antler_real *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i])))
            return false;
    return true;
}

START_TEST(bits)
{
    const antler_kernels *base = antler__kernels_of("baseline"), *k = antler__kernels_of(isa[_i]);
    if (k == NULL || k == base)
        return;
    antler_real *x = sweep(), *y = array(SWEEP), *z = array(SWEEP), *dy = array(SWEEP);
    for (int i = 0; i < SWEEP; i++)
        dy[i] = (antler_real)(i % 1001 - 500) / 64;
    for (int id = ANTLER_ACT_none + 1; id < ANTLER_ACTIVATIONS; id++) {
        base->activation[id].forward(y, x, SWEEP, slope);
        k->activation[id].forward(z, x, SWEEP, slope);
        ck_assert_msg(same_bits(y, z, SWEEP), "%s differs with %s", k->activation[id].name, isa[_i]);
        base->activation[id].backward(z, dy, y, x, SWEEP, slope);
        k->activation[id].backward(y, dy, y, x, SWEEP, slope);
        ck_assert_msg(same_bits(y, z, SWEEP), "%s' differs with %s", k->activation[id].name, isa[_i]);
    }
    base->log(y, x, SWEEP);
    k->log(z, x, SWEEP);
    ck_assert(same_bits(y, z, SWEEP));
    base->exp(y, x, SWEEP);
    k->exp(z, x, SWEEP);
    ck_assert(same_bits(y, z, SWEEP));
    free(x);
    free(y);
    free(z);
    free(dy);
}
END_TEST

typedef void filler(const antler_kernels *k, antler_real *y, const antler_real *x, int64_t n);

/* y is x on entry, so that axpy has something to add to. */
static void fill_add(const antler_kernels *k, antler_real *y, const antler_real *x, int64_t n)
{
    k->add(y, x, y, n);
}

static void fill_multiply(const antler_kernels *k, antler_real *y, const antler_real *x, int64_t n)
{
    k->multiply(y, y, x, n);
}

static void fill_affine(const antler_kernels *k, antler_real *y, const antler_real *x, int64_t n)
{
    k->affine(y, x, n, 3, (antler_real)-0.5);
}

static void fill_axpy(const antler_kernels *k, antler_real *y, const antler_real *x, int64_t n)
{
    k->axpy(y, (antler_real)0.7, x, n);
}

static void fill_tanh(const antler_kernels *k, antler_real *y, const antler_real *x, int64_t n)
{
    (void)x;
    k->activation[ANTLER_ACT_tanh].forward(y, y, n, 0);
}

static antler_real fused(antler_real a, antler_real b, antler_real c)
{
#ifdef ANTLER_DOUBLE
    return a * b + c;
#else
    return fmaf(a, b, c);
#endif
}

/* Every length up to some vectors, in place, between guards; simple ones against the formula. */
START_TEST(ends)
{
    static filler *const fill[] = {fill_add, fill_multiply, fill_affine, fill_axpy, fill_tanh};
    const antler_kernels *k = antler__kernels_of(isa[_i]);
    if (!k)
        return;
    antler_real x[ENDS], y[ENDS + 2 * GUARD];
    for (int i = 0; i < ENDS; i++)
        x[i] = (antler_real)(i - 30) / 7;
    for (int f = 0; f < 5; f++)
        for (int n = 0; n < ENDS; n++) {
            for (int i = 0; i < ENDS + 2 * GUARD; i++)
                y[i] = 99;
            memcpy(y + GUARD, x, (size_t)n * sizeof *x);
            fill[f](k, y + GUARD, x, n);
            for (int i = 0; i < n; i++) {
                const antler_real v = x[i], three = 3 * v;
                const antler_real want[] = {v + v, v * v, three - (antler_real)0.5, fused((antler_real)0.7, v, v)};
                if (f < 4)
                    ck_assert(y[GUARD + i] == want[f]);
                else
                    ck_assert(error_in_ulp(y[GUARD + i], tanhl((long double)v)) <= 1.3);
            }
            for (int i = 0; i < GUARD; i++)
                ck_assert(y[i] == 99 && y[GUARD + n + i] == 99);
        }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("elementwise");
    tcase_add_test(tests, values);
    tcase_add_test(tests, gradients);
    tcase_add_test(tests, softplus_tail);
    tcase_add_loop_test(tests, bits, 0, ISAS);
    tcase_add_loop_test(tests, ends, 0, ISAS);
    int failed = run_suite("elementwise", tests);
    say_tables();
    return failed;
}
