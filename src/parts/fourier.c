/* See the header. All in double, on functions that give the same bits everywhere. */
#include "parts/fourier.h"

#include "core/mathematics.h"

#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

const char *const antler__window_names[] = {"hann", "hamming", "blackman", "boxcar", NULL};
const char *const antler__window_scalings[] = {"density", "spectrum", NULL};

/* The window at t of n: a sum of cosines. */
static double window_at(const antler_taper *taper, int64_t t, int64_t n)
{
    static const double terms[][3] = {{.5, .5, 0}, {.54, .46, 0}, {.42, .5, .08}}; /* in the order of the names */
    const double turn = 2 * pi * (double)t / (double)(taper->periodic ? n : n - 1);
    for (int i = 0; n > 1 && taper->window && i < 3; i++)
        if (strcmp(taper->window, antler__window_names[i]) == 0)
            return terms[i][0] - terms[i][1] * antler_cos(turn) + terms[i][2] * antler_cos(2 * turn);
    return 1; /* boxcar, and none */
}

/* What the window is divided by. */
static double window_size(const antler_taper *taper, int64_t n)
{
    const bool density = taper->scaling && strcmp(taper->scaling, "density") == 0;
    double sum = 0;
    if (!taper->window || !taper->scaling)
        return 1;
    for (int64_t t = 0; t < n; t++)
        sum += density ? window_at(taper, t, n) * window_at(taper, t, n) : fabs(window_at(taper, t, n));
    return density ? sqrt(sum) : sum;
}

void antler__waves(const antler_taper *taper, bool imag, bool rounded, int64_t frame, int64_t frequencies,
                   int64_t period, antler_real *w)
{
    const double size = window_size(taper, frame), shift = imag ? pi / 2 : 0; /* sin(-x) is cos(x + pi / 2) */
    for (int64_t t = 0; t < frame; t++) {
        const double height = window_at(taper, t, frame);
        for (int64_t f = 0; f < frequencies; f++) {
            const double wave = antler_cos(2 * pi * (double)(t * f % period) / (double)period + shift) * height / size;
            w[t * frequencies + f] = rounded ? (antler_real)(float)wave : (antler_real)wave;
        }
    }
}

void antler__window_of(const antler_taper *taper, int64_t n, antler_real *w)
{
    const double size = window_size(taper, n);
    for (int64_t t = 0; t < n; t++)
        w[t] = (antler_real)(window_at(taper, t, n) / size);
}

void antler__wave_circle(int64_t period, antler_real *cosine, antler_real *sine)
{
    for (int64_t r = 0; r < period; r++) {
        const double turn = 2 * pi * (double)r / (double)period;
        cosine[r] = (antler_real)antler_cos(turn);
        sine[r] = (antler_real)antler_cos(turn - pi / 2);
    }
}

/* ---- the mel scale ----------------------------------------------------------------------------------------------- */

static double mel(double hertz)
{
    return 1127 * antler__log(1 + hertz / 700);
}

void antler__mel_bands(int64_t rate, double low, double high, int64_t bands, int64_t frequencies, antler_real *w)
{
    const double first = mel(low), step = (mel(high) - first) / (double)(bands + 1);
    for (int64_t f = 0; f < frequencies; f++) {
        const double at = mel((double)rate / 2 * (double)f / (double)(frequencies > 1 ? frequencies - 1 : 1));
        for (int64_t b = 0; b < bands; b++) {
            const double place = (at - (first + (double)b * step)) / step; /* 0, 1, 2: its begin, its centre, its end */
            const double height = place < 1 ? place : 2 - place;
            w[b * frequencies + f] = f > 0 && height > 0 ? (antler_real)height : 0; /* 0 hertz is in no band */
        }
    }
}

/* ---- angles ------------------------------------------------------------------------------------------------------ */

/* Of t in [0, 1]: the angle of k / 8, the nearest eighth, and the series of what is left, (t - k/8) / (1 + t k/8), at
   most 1/16. */
static double arc_tangent(double t)
{
    static const double eighth[] = {0,
                                    0.12435499454676144,
                                    0.24497866312686414,
                                    0.35877067027057225,
                                    0.46364760900080609,
                                    0.55859931534356244,
                                    0.64350110879328437,
                                    0.71882999962162453,
                                    0.78539816339744828};
    const int k = (int)(t * 8 + 0.5);
    const double u = (t - k / 8.0) / (1 + t * (k / 8.0)), square = u * u;
    double series = 0;
    for (int n = 15; n > 1; n -= 2)
        series = (1.0 / n - series) * square;
    return eighth[k] + (u - u * series);
}

double antler__angle(double y, double x)
{
    const double a = fabs(x), b = fabs(y);
    if (isnan(x) || isnan(y))
        return x + y;
    double angle = a == 0 && b == 0 ? 0 : a >= b ? arc_tangent(isinf(b) ? 1 : b / a) : pi / 2 - arc_tangent(a / b);
    if (x < 0)
        angle = pi - angle;
    return y < 0 ? -angle : angle;
}
