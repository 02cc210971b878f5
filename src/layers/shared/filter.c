#include "layers/shared/filter.h"

#include "antler/work.h"

#include <string.h>

void antler__filter_run(const antler_filter *f, const int64_t *shape, bool back, antler_real *y, const antler_real *x)
{
    const int64_t height = shape[0], width = shape[1], n = shape[2];
    const int64_t above = f->rows / 2, before = f->columns / 2, last = f->rows * f->columns - 1;
    memset(y, 0, (size_t)(height * width * n) * sizeof *y);
    for (int64_t row = 0; row < height; row++)
        for (int64_t column = 0; column < width; column++, y += n)
            for (int64_t k = 0; k <= last; k++) {
                const int64_t i = row + k / f->columns - above, j = column + k % f->columns - before;
                const antler_real weight = f->weight[back ? last - k : k];
                if (i < 0 || i >= height || j < 0 || j >= width)
                    continue;
                for (int64_t c = 0; c < n; c++)
                    y[c] += weight * x[(i * width + j) * n + c];
            }
}

void antler__gaussian_weights(antler_real *weight, int64_t n, double sigma)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = ((double)i - (double)(n - 1) / 2) / sigma;
        weight[i] = (antler_real)(-0.5 * d * d);
    }
    antler_array_exp(weight, weight, n);
    for (int64_t i = 0; i < n; i++)
        sum += (double)weight[i];
    for (int64_t i = 0; i < n; i++)
        weight[i] = (antler_real)((double)weight[i] / sum);
}
