#include "layers/shared/hues.h"

#include <math.h>

/* Of (x - lower) / length. */
antler_color antler__color_of(const antler_real *x, double lower, double length)
{
    antler_color p = {.first = 0};
    for (int c = 0; c < 3; c++) {
        p.x[c] = ((double)x[c] - lower) / length;
        p.first = p.x[c] > p.x[p.first] ? c : p.first;
        p.last = p.x[c] < p.x[p.last] ? c : p.last;
    }
    p.max = p.x[p.first];
    p.range = p.max - p.x[p.last];
    if (p.range > 0)
        p.hue = 2 * p.first + (p.x[(p.first + 1) % 3] - p.x[(p.first + 2) % 3]) / p.range;
    if (p.hue < 0)
        p.hue += 6;
    return p;
}

/* k_c of a hue, and its slope. */
static double distance(double hue, int channel, double *slope)
{
    const double along = fabs(hue - 2 * channel), turned = fabs(along - 3), k = 2 - turned;
    *slope = k <= 0 || k >= 1 ? 0 : (hue > 2 * channel ? 1 : -1) * (along < 3 ? 1 : -1);
    return k < 0 ? 0 : k > 1 ? 1 : k;
}

/* d is the gradient of p's numbers: that of its range goes to the largest and the smallest. */
static void range_back(const antler_color *p, double *d, double gradient)
{
    d[p->first] += gradient;
    d[p->last] -= gradient;
}

static double turned_by(const antler_color *p, double turns)
{
    const double hue = p->hue / 6 + turns;
    return 6 * (hue > 1 ? hue - 1 : hue < 0 ? hue + 1 : hue);
}

/* z_c = v - R k_c(h'), R being r, or 0 where v is not above 0: then TensorFlow has no saturation. */
void antler__turn(const antler_color *p, double turns, const double *bounds, const double *g, double *z, double *d)
{
    (void)bounds;
    const double range = p->max > 0 ? p->range : 0, hue = turned_by(p, turns);
    double of_hue = 0;
    for (int c = 0; c < 3; c++) {
        double slope;
        const double k = distance(hue, c, &slope);
        z[c] = p->max - range * k;
        const bool goes = g && z[c] >= 0 && z[c] <= 1;
        z[c] = z[c] < 0 ? 0 : z[c] > 1 ? 1 : z[c];
        if (!goes)
            continue;
        d[p->first] += g[c];
        if (p->max > 0)
            range_back(p, d, -g[c] * k);
        of_hue -= g[c] * range * slope;
    }
    if (!g || !(p->range > 0))
        return;
    const int next = (p->first + 1) % 3, after = (p->first + 2) % 3;
    d[next] += of_hue / p->range;
    d[after] -= of_hue / p->range;
    range_back(p, d, -of_hue * (p->x[next] - p->x[after]) / (p->range * p->range));
}

/* z_c = v - S v k_c, the saturation S being clip(a r / v). */
void antler__saturate(const antler_color *p, double a, const double *bounds, const double *g, double *z, double *d)
{
    const double v = p->max, own = v > 0 ? p->range / v * a : 0;
    const double s = own < bounds[0] ? bounds[0] : own > bounds[1] ? bounds[1] : own;
    const bool moves = v > 0 && s == own;
    for (int c = 0; c < 3; c++) {
        const double k = p->range > 0 ? (v - p->x[c]) / p->range : c != 0;
        z[c] = v - s * v * k;
        if (!g)
            continue;
        if (moves) {
            d[c] += a * g[c];
            d[p->first] += (1 - a) * g[c];
        } else {
            const double of_range = p->range > 0 ? s * v / p->range : 0;
            d[p->first] += g[c] * (1 - s * k - of_range);
            d[c] += g[c] * of_range;
            range_back(p, d, g[c] * of_range * k);
        }
    }
}
