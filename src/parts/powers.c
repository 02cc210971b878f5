#include "parts/powers.h"

#include "core/mathematics.h"

void antler__powers(antler_real *y, const antler_real *a, const antler_real *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = b[i] == 2 ? a[i] * a[i] : b[i] == 1 ? a[i] : (antler_real)antler__pow((double)a[i], (double)b[i]);
}

void antler__logs_above_0(antler_real *y, const antler_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > 0 ? (antler_real)antler__log((double)x[i]) : 0;
}
