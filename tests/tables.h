/* What the suites of the kernels share: numbers nice and nasty, and the comparison of bits. */
#ifndef TABLES_H
#define TABLES_H

#include "isas.h"
#include "lcg.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state = 0x853c49e6748fea9bu;

static uint32_t random_word(void)
{
    lcg64(&random_state);
    return (uint32_t)(random_state >> 32);
}

/* An integer of lo .. hi. */
static int64_t between(int64_t lo, int64_t hi)
{
    return lo + (int64_t)(random_word() % (uint64_t)(hi - lo + 1));
}

static antler_real nice_number(void)
{
    return (antler_real)random_word() / 2147483648 - 1;
}

/* Zeros of both signs, denormals, the largest numbers, infinities and such. */
static antler_real nasty_number(void)
{
    static const float special[] = {0.0f,        -0.0f,      1e-45f,    -1e-45f, 1.1754942e-38f, 3.4028235e38f,
                                    -3e38f,      INFINITY,   -INFINITY, 1e-20f,  -1e-20f,        1e20f,
                                    0.99999994f, 1.0000001f, 1.5e-23f,  -2e-30f, 16777216,       0.33333334f};
    const size_t count = sizeof special / sizeof *special;
    return random_word() % 4 ? nice_number() : (antler_real)special[random_word() % count];
}

/* n numbers in a block of their own, so that a sanitizer sees a read beyond. */
static antler_real *numbers(int64_t n, bool nasty)
{
    antler_real *x = malloc((size_t)(n > 0 ? n : 1) * sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (int64_t i = 0; i < n; i++)
        x[i] = nasty ? nasty_number() : nice_number();
    return x;
}

static antler_real *copy_of(const antler_real *x, int64_t n)
{
    antler_real *y = malloc((size_t)(n > 0 ? n : 1) * sizeof *y);
    ck_assert_ptr_nonnull(y);
    memcpy(y, x, (size_t)n * sizeof *y);
    return y;
}

/* Not-a-numbers are all the same; else every bit counts. */
static bool same_number(antler_real a, antler_real b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static void check_same(const antler_real *got, const antler_real *expected, int64_t n, const char *table,
                       const char *what)
{
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(same_number(got[i], expected[i]), "%s: %s: number %lld is %a, not %a", table, what, (long long)i,
                      (double)got[i], (double)expected[i]);
}

/* a * b + c, rounded as the kernels do. */
static antler_real fused(antler_real a, antler_real b, antler_real c)
{
#ifdef ANTLER_DOUBLE
    return a * b + c;
#else
    return fmaf(a, b, c);
#endif
}

#endif
