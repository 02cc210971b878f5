/* antler__exp, log, pow and cos against libm: at most 2 units of the last place, and the special cases of Annex F. */
#include "core/mathematics.h"
#include "lcg.h"
#include "suite.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

static uint64_t state = 1;

static double uniform(double low, double high)
{
    lcg64(&state);
    return low + (high - low) * (double)(state >> 11) * 0x1p-53;
}

/* Whether a is b, or within two units of its last place. */
static int near(double a, double b)
{
    if (isnan(b))
        return isnan(a);
    if (a == b)
        return signbit(a) == signbit(b);
    return fabs(a - b) <= 2 * (nextafter(fabs(b), INFINITY) - fabs(b));
}

static const double special[] = {0,       -0.0,      1,   -1,    2,      -2,     0.5,   -0.5,         3,
                                 -3,      INFINITY,  NAN, 1e300, -1e300, 1e-310, 2.5,   -INFINITY,    0x1p53,
                                 -0x1p53, 0x1p-1074, 745, 709.8, -745.2, -708.5, 1e-20, 1.0000000001, 0.99999};
enum { SPECIALS = sizeof special / sizeof *special };

START_TEST(one_argument)
{
    for (int i = 0; i < 100000; i++) {
        double x = uniform(-745, 709.7), y = exp(uniform(-700, 700)), z = uniform(-1, 1) * (i % 2 ? 1 : 1e5);
        ck_assert_msg(near(antler__exp(x), exp(x)), "exp(%a)", x);
        ck_assert_msg(near(antler__log(y), log(y)), "log(%a)", y);
        ck_assert_msg(near(antler__log(1 + z / 1e6), log(1 + z / 1e6)), "log(%a)", 1 + z / 1e6);
        ck_assert_msg(near(antler_cos(z), cos(z)), "cos(%a)", z);
    }
    for (int i = 0; i < SPECIALS; i++) {
        double x = special[i];
        ck_assert_msg(near(antler__exp(x), exp(x)), "exp(%a)", x);
        ck_assert_msg(near(antler__log(x), log(x)), "log(%a)", x);
        if (!(fabs(x) >= 0x1p20) || isinf(x))
            ck_assert_msg(near(antler_cos(x), cos(x)), "cos(%a)", x);
    }
    for (int n = -20; n < 20; n++)
        ck_assert_msg(near(antler_cos(n * acos(0)), cos(n * acos(0))), "cos(%d pi/2)", n);
    ck_assert(fabs(antler_cos(1e300)) <= 1);
}
END_TEST

START_TEST(powers)
{
    for (int i = 0; i < 100000; i++) {
        double x = exp(uniform(-10, 10)), y = uniform(-70, 70);
        ck_assert_msg(near(antler__pow(x, y), pow(x, y)), "pow(%a, %a)", x, y);
    }
    for (int i = 0; i < SPECIALS; i++)
        for (int j = 0; j < SPECIALS; j++)
            ck_assert_msg(near(antler__pow(special[i], special[j]), pow(special[i], special[j])), "pow(%a, %a)",
                          special[i], special[j]);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("mathematics");
    tcase_add_test(tests, one_argument);
    tcase_add_test(tests, powers);
    return run_suite("mathematics", tests);
}
