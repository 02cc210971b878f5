#include "train/slopes.h"

#include "antler/random.h"

#include <math.h>

enum { CHOSEN = 20, STEPS = 5 };
#ifdef ANTLER_DOUBLE
static const double tolerance = 1e-6, epsilon = 4e-16;
static const double steps[STEPS] = {1e-3, 1e-4, 1e-5, 1e-6, 1e-7};
static const bool coarse = false;
#else /* has not the digits for more, nor for steps that pass by every kink: half of the elements tell a fault */
static const double tolerance = 1e-2, epsilon = 5e-7;
static const double steps[STEPS] = {0x1p-4, 0x1p-6, 0x1p-8, 0x1p-10, 0x1p-12};
static const bool coarse = true;
#endif

static antler_status value_at(const antler_slopes *s, antler_real *w, double at, double *value, antler_error *err)
{
    const antler_real kept = *w;
    *w = (antler_real)at;
    antler_status status = s->f(s->arg, value, err);
    *w = kept;
    return status;
}

/* Central difference of fourth order: (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h. */
static antler_status central(const antler_slopes *s, antler_real *w, double h, double *slope, antler_error *err)
{
    static const double at[4] = {1, -1, 2, -2};
    double value = (double)*w, f[4];
    for (int i = 0; i < 4; i++)
        ANTLER_TRY(value_at(s, w, value + at[i] * h, &f[i], err));
    *slope = (8 * (f[0] - f[1]) - (f[2] - f[3])) / (12 * h);
    return ANTLER_OK;
}

/* At a kink (of relu, of a maximum) the slopes on the two sides differ, and any gradient between them is right. */
static antler_status at_kink(const antler_slopes *s, antler_real *w, double analytic, double h, double slack,
                             bool *kink, antler_error *err)
{
    double value = (double)*w, middle, above, below;
    ANTLER_TRY(s->f(s->arg, &middle, err));
    ANTLER_TRY(value_at(s, w, value + h, &above, err));
    ANTLER_TRY(value_at(s, w, value - h, &below, err));
    double right = (above - middle) / h, left = (middle - below) / h;
    double least = fmin(left, right), most = fmax(left, right);
    *kink = most - least > 100 * slack && analytic >= least - slack && analytic <= most + slack;
    return ANTLER_OK;
}

/* A kink within the reach of one step is out of that of a smaller one, so an element passes with the first that agrees.
   Steps so small that rounding hides what is looked for are not taken. */
static antler_status compare(const antler_slopes *s, antler_real *w, double analytic, int64_t i,
                             antler_slope_outcome *o, antler_error *err)
{
    double allowed = tolerance * o->largest, noise = epsilon * fmax(1, s->size), least = INFINITY, slack = 0;
    bool agrees = false, kink = false;
    int k;
    for (k = 0; k < STEPS && !agrees && (k == 0 || coarse || noise / steps[k] <= fmax(allowed, 1e-9)); k++) {
        double slope;
        ANTLER_TRY(central(s, w, steps[k], &slope, err));
        slack = allowed + noise / steps[k];
        least = fmin(least, fabs(slope - analytic));
        agrees = least <= slack;
    }
    if (!agrees)
        ANTLER_TRY(at_kink(s, w, analytic, steps[k - 1], slack, &kink, err));
    o->checked++;
    o->kinks += kink;
    o->wrong += !agrees && !kink;
    if (!kink && least > o->difference) {
        o->difference = least;
        o->worst = i;
    }
    return ANTLER_OK;
}

/* In [0, n), the number-th of a fixed sequence. */
static int64_t random_below(uint64_t *number, int64_t n)
{
    uint32_t word[2];
    antler_random_words((antler_stream){.key = 2, .position = 2 * (*number)++}, word, 2);
    return (int64_t)((((uint64_t)word[0] << 32) | word[1]) % (uint64_t)n);
}

/* The i-th element to look at of n: the one of the largest gradient, and random ones, every second of those from where
   the gradient is not 0 (few rows of an embedding have one). */
static int64_t choose(const antler_real *gradient, int64_t n, int64_t i, int64_t largest, uint64_t *number)
{
    int64_t at = largest;
    for (int attempt = 0; i > 0 && attempt < 200; attempt++) {
        at = random_below(number, n);
        if (i % 2 || gradient[at] != 0)
            break;
    }
    return at;
}

antler_status antler__slopes_compare(const antler_slopes *s, antler_real *w, const antler_real *gradient, int64_t n,
                                     bool all, antler_slope_outcome *o, antler_error *err)
{
    int64_t largest = 0, elements = all || n <= CHOSEN ? n : CHOSEN;
    uint64_t number = 0;
    *o = (antler_slope_outcome){0};
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)gradient[i]) <= o->largest)) {
            o->largest = fabs((double)gradient[i]);
            largest = i;
        }
    for (int64_t i = 0; i < elements; i++) {
        int64_t at = elements == n ? i : choose(gradient, n, i, largest, &number);
        ANTLER_TRY(compare(s, w + at, (double)gradient[at], at, o, err));
    }
    o->ok = (coarse ? 2 * o->wrong <= o->checked : o->wrong == 0) && isfinite(o->largest) && isfinite(o->difference);
    return ANTLER_OK;
}
