/* Scalar functions in double, without libm's: see the header. Logarithms are carried as a pair of doubles, high + low,
   because a power multiplies their error by up to 709; pairs are added and multiplied after Dekker (1971). */
#include "core/mathematics.h"
#include <math.h>
#include <stdbool.h>

/* high + low, |low| at most half a unit of high's last place. */
typedef struct pair {
    double high, low;
} pair;

/* a + b, without error, for |a| >= |b| or a = 0. */
static pair sum_of(double a, double b)
{
    double s = a + b;
    return (pair){s, b - (s - a)};
}

/* The upper 26 bits of a. */
static double upper(double a)
{
    double t = 0x1p27 * a + a;
    return t - (t - a);
}

/* a * b, without error; |a|, |b| < 2^990. */
static pair product_of(double a, double b)
{
    double p = a * b, a1 = upper(a), b1 = upper(b), a2 = a - a1, b2 = b - b1;
    return (pair){p, a2 * b2 - (((p - a1 * b1) - a2 * b1) - a1 * b2)};
}

static pair times(pair a, pair b)
{
    pair p = product_of(a.high, b.high);
    return sum_of(p.high, p.low + (a.high * b.low + a.low * b.high));
}

/* |a.high| >= |b.high|, or a is 0. */
static pair plus(pair a, pair b)
{
    pair s = sum_of(a.high, b.high);
    return sum_of(s.high, s.low + (a.low + b.low));
}

/* log 2, of which the first part times any exponent is exact. */
static const double log2_high = 0x1.62e42fefa38p-1, log2_low = 0x1.ef35793c7673p-45;

/* e^(x + low) = 2^n e^r, r in [-0.347, 0.347]; e^r by its Taylor series up to r^13. */
static double exp_of(double x, double low)
{
    if (x > 710)
        return INFINITY;
    if (x < -746)
        return 0;
    const double n = floor(x * 0x1.71547652b82fep+0 + 0.5);
    const double high = x - n * log2_high, rest = low - n * log2_low, r = high + rest;
    double q = 0;
    for (int k = 13; k >= 2; k--)
        q = (q * r + 1) / k; /* (e^r - 1 - r) / r = r / 2 + r^2 / 6 + ... is q r at the end */
    return ldexp(1 + (high + (rest + r * (q * r))), (int)n);
}

double antler__exp(double x)
{
    return isnan(x) ? x : exp_of(x, 0);
}

/* log x, x positive and finite. x = m 2^e with m in [sqrt(1/2), sqrt(2)); with s = (m - 1) / (m + 1),
   log m = 2 s + s (2/3 s^2 + 2/5 s^4 + ...). |s| < 0.172, so that terms up to s^26 are enough for 2^-66; of those after
   the first a double is enough. */
static pair log_of(double x)
{
    int e;
    double m = 2 * frexp(x, &e);
    e--;
    if (m > 1.4142135623730951) {
        m /= 2;
        e++;
    }
    const double f = m - 1;
    const pair g = m < 1 ? sum_of(1, m) : sum_of(m, 1);
    const double s0 = f / g.high;
    const pair back = product_of(s0, g.high);
    const pair s = sum_of(s0, (((f - back.high) - back.low) - s0 * g.low) / g.high);
    const pair z = times(s, s);
    double q = 0;
    for (int k = 27; k >= 5; k -= 2)
        q = q * z.high + 2.0 / k;
    const pair third = {0x1.5555555555555p-1, 0x1.5555555555555p-55}; /* 2/3 */
    const pair t = plus(third, product_of(q, z.high));
    const pair y = plus((pair){2 * s.high, 2 * s.low}, times(s, times(z, t)));
    return plus(plus((pair){e * log2_high, 0}, (pair){e * log2_low, 0}), y);
}

double antler__log(double x)
{
    if (isnan(x) || x == INFINITY)
        return x;
    if (x <= 0)
        return x == 0 ? -INFINITY : NAN;
    const pair y = log_of(x);
    return y.high + y.low;
}

/* (-1)^y for a whole y of any size. */
static double sign_of_power(double y)
{
    return fmod(y, 2) == 0 ? 1 : -1;
}

/* The cases of x^y that no logarithm answers: x or y is 0, infinite or not a number. */
static double special_power(double x, double y)
{
    const bool whole = floor(y) == y;
    if (y == 0 || x == 1)
        return 1;
    if (isnan(x) || isnan(y))
        return NAN;
    if (isinf(y)) {
        if (fabs(x) == 1)
            return 1;
        return (fabs(x) > 1) == (y > 0) ? INFINITY : 0;
    }
    const double size = (x == 0) == (y > 0) ? 0 : INFINITY;
    return signbit(x) && whole ? sign_of_power(y) * size : size;
}

double antler__pow(double x, double y)
{
    if (y == 0 || x == 0 || x == 1 || !isfinite(x) || !isfinite(y))
        return special_power(x, y);
    if (x < 0 && floor(y) != y)
        return NAN;
    const pair l = log_of(fabs(x));
    double size;
    if (l.high == 0)
        size = 1;
    else if (fabs(y) > 0x1p80) /* too large to split */
        size = (l.high > 0) == (y > 0) ? INFINITY : 0;
    else {
        const pair p = product_of(y, l.high);
        size = exp_of(p.high, p.low + y * l.low);
    }
    return x < 0 ? sign_of_power(y) * size : size;
}

/* Cosine and sine of r + low, |r| <= pi/4, by their Taylor series. */
static double cos_of(double r, double low)
{
    const double z = r * r;
    double q = 0;
    for (int k = 18; k >= 4; k -= 2)
        q = (1 - q * z) / (k * (k - 1)); /* 1/12 - z / 360 + ... at the end */
    const double half = 0.5 * z, one = 1 - half;
    return one + (((1 - half) - one) + ((1 - one) - half) + (0.5 * z * z * q - r * low));
}

static double sin_of(double r, double low)
{
    const double z = r * r;
    double q = 0;
    for (int k = 19; k >= 3; k -= 2)
        q = (1 - q * z) / (k * (k - 1)); /* 1/6 - z / 120 + ... at the end */
    return r + (low - r * z * q);
}

double antler_cos(double x)
{
    if (!isfinite(x))
        return NAN;
    /* pi/2 in three parts, the first two of 33 bits: times n < 2^20 they are exact */
    const double pi_1 = 0x1.921fb544p+0, pi_2 = 0x1.0b4611a6p-34, pi_3 = 0x1.3198a2e037073p-69;
    double n = floor(fabs(x) * 0x1.45f306dc9c883p-1 + 0.5);
    if (n >= 0x1p20)
        return antler_cos(fmod(fabs(x), 0x1.921fb54442d18p+2));
    const double a = fabs(x) - n * pi_1, r = a - n * pi_2, low = ((a - r) - n * pi_2) - n * pi_3;
    const double high = r + low, rest = (r - high) + low;
    switch ((int)n & 3) {
    case 0:
        return cos_of(high, rest);
    case 1:
        return -sin_of(high, rest);
    case 2:
        return -cos_of(high, rest);
    default:
        return sin_of(high, rest);
    }
}
