#include "layers/shared/intervals.h"

#include <math.h>

antler_status antler__interval_check(double *factor, double least, double most, bool strict, const char *key,
                                     antler_error *err)
{
    const bool one = isnan(factor[1]);
    const double low = factor[0], high = one ? low : factor[1];
    bool fits =
        one || strict ? low >= least && low <= most && high >= least && high <= most : low <= most && high >= least;
    if (!fits && one)
        return antler_error_set(err, ANTLER_VALUE, key, "%g is not in [%g, %g]", low, least, most);
    if (!fits)
        return antler_error_set(err, ANTLER_VALUE, key, "[%g, %g] is not within [%g, %g]", low, high, least, most);
    factor[0] = one ? fmax(-fabs(low), least) : fmin(low, high);
    factor[1] = one ? fabs(low) : fmax(low, high);
    return ANTLER_OK;
}

bool antler__interval_is_open(const double *factor)
{
    return factor[0] < factor[1];
}

double antler__interval_at(const double *factor, double u)
{
    return factor[0] + u * (factor[1] - factor[0]);
}

antler_status antler__image_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    char text[128];
    (void)config;
    *out = *in;
    if (in->rank == 4)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected (batch, height, width, channels)",
                            antler_shape_text(in, text, sizeof text));
}
