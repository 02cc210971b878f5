#include "cli/sampling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Room for a batch, and sums over the samples: of each number and its square, less the first sample, so that a small
   deviation beside a large mean is not lost. */
typedef struct rooms {
    int64_t outputs, numbers;
    antler_real *x, *y;
    double *sum;
} rooms;

/* What a pass over rows [first, first + n) gave, to its place. */
static void scatter(const antler_sampling *s, const rooms *r, int64_t first, int64_t n, int64_t sample)
{
    const antler_real *from = r->y;
    int64_t at = 0;
    for (int64_t k = 0; k < r->outputs; k++) {
        int64_t width = antler_count(&s->output[k], 1), start = at + first * width;
        if (sample == 0)
            memcpy(s->y + start, from, (size_t)(n * width) * sizeof *from);
        for (int64_t i = 0; r->sum && i < n * width; i++) {
            double d = (double)from[i] - (double)s->y[start + i];
            r->sum[2 * (start + i)] += d;
            r->sum[2 * (start + i) + 1] += d * d;
        }
        from += n * width;
        at += s->rows * width;
    }
}

/* All rows once. What stateful layers carry goes on from batch to batch, as in antler_predict. */
static antler_status pass(const antler_sampling *s, const rooms *r, int64_t sample, antler_error *err)
{
    antler_context_reset(s->context);
    for (int64_t first = 0, n; first < s->rows; first += n) {
        n = s->rows - first < s->batch ? s->rows - first : s->batch;
        ANTLER_TRY(s->gather(s->arg, first, n, r->x, err));
        antler_context_seek(s->context, sample, first);
        ANTLER_TRY(antler_forward(s->context, r->x, n, r->y, err));
        scatter(s, r, first, n, sample);
    }
    return ANTLER_OK;
}

/* Mean and deviation, by the same sums as antler_predict_mc. */
static void finish(const antler_sampling *s, const rooms *r)
{
    double samples = (double)s->samples;
    for (int64_t i = 0; i < r->numbers; i++) {
        double d = r->sum[2 * i] / samples, variance = r->sum[2 * i + 1] / samples - d * d;
        s->deviation[i] = (antler_real)sqrt(variance > 0 ? variance : 0);
        if (d != 0)
            s->y[i] = (antler_real)((double)s->y[i] + d);
    }
}

antler_status antler__sample(const antler_sampling *s, antler_error *err)
{
    rooms r = {.outputs = antler__outputs(s->model)};
    int64_t width = 0, batch = s->rows < s->batch ? s->rows : s->batch;
    for (int64_t k = 0; k < r.outputs; k++)
        width += antler_count(&s->output[k], 1);
    r.numbers = s->rows * width;
    r.x = antler__room(batch * s->x_width, sizeof *r.x, err);
    r.y = antler__room(batch * width, sizeof *r.y, err);
    r.sum = s->samples ? antler__room(2 * r.numbers, sizeof *r.sum, err) : NULL;
    for (int64_t i = 0; err->status == ANTLER_OK && i < (s->samples ? s->samples : 1); i++)
        pass(s, &r, i, err);
    if (err->status == ANTLER_OK && s->samples)
        finish(s, &r);
    free(r.x);
    free(r.y);
    free(r.sum);
    return err->status;
}
