#include "layers/shared/batch_rows.h"

#include <string.h>

void antler__spread(const antler_batch_rows *r, antler_real *row)
{
    for (int64_t c = r->channels - 1; r->inner > 1 && c >= 0; c--) {
        antler_real value = row[c];
        for (int64_t i = 0; i < r->inner; i++)
            row[c * r->inner + i] = value;
    }
}

/* (width) to (channels), in place. */
static void fold(const antler_batch_rows *r, antler_real *sum)
{
    for (int64_t c = 0; r->inner > 1 && c < r->channels; c++) {
        double total = 0;
        for (int64_t i = 0; i < r->inner; i++)
            total += (double)sum[c * r->inner + i];
        sum[c] = (antler_real)total;
    }
}

static void add_values(const antler_batch_rows *r, const antler_real *x, const antler_real *dy, antler_real *sum)
{
    (void)dy;
    for (int64_t i = 0; i < r->width; i++)
        sum[i] += x[i];
}

static void add_squares(const antler_batch_rows *r, const antler_real *x, const antler_real *dy, antler_real *sum)
{
    (void)dy;
    for (int64_t i = 0; i < r->width; i++)
        sum[i] += (x[i] - r->mean[i]) * (x[i] - r->mean[i]);
}

/* dy, and in the second half dy * (x - mean). */
static void add_gradients(const antler_batch_rows *r, const antler_real *x, const antler_real *dy, antler_real *sum)
{
    antler_real *sum_2 = sum + r->width;
    for (int64_t i = 0; i < r->width; i++) {
        sum[i] += dy[i];
        sum_2[i] += dy[i] * (x[i] - r->mean[i]);
    }
}

static void sum_parts(void *arg, int64_t first, int64_t count)
{
    const antler_batch_rows *r = arg;
    int64_t width = r->width;
    for (int64_t part = first; part < first + count; part++) {
        antler_real *sum = r->sum + part * 2 * width;
        memset(sum, 0, (size_t)(2 * width) * sizeof *sum);
        for (int64_t row = part * ANTLER_PART_ROWS; row < (part + 1) * ANTLER_PART_ROWS && row < r->rows; row++)
            if (!r->mask || r->mask[row] != 0)
                r->add_row(r, r->x + row * width, r->dy ? r->dy + row * width : NULL, sum);
    }
}

static void add_up(antler_run *run, antler_batch_rows *r,
                   void (*add_row)(const antler_batch_rows *r, const antler_real *x, const antler_real *dy,
                                   antler_real *sum))
{
    r->add_row = add_row;
    antler_run_ranges(run, r->parts, ANTLER_PART_ROWS * r->width, sum_parts, r);
    run->k->tree(r->sum, r->sum, r->parts, 2 * r->width, 2 * r->width);
    fold(r, r->sum);
    fold(r, r->sum + r->width);
}

void antler__sum_values(antler_run *run, antler_batch_rows *r)
{
    add_up(run, r, add_values);
}

void antler__sum_squares(antler_run *run, antler_batch_rows *r)
{
    add_up(run, r, add_squares);
}

void antler__sum_gradients(antler_run *run, antler_batch_rows *r)
{
    add_up(run, r, add_gradients);
}

static void normalize(void *arg, int64_t first, int64_t count)
{
    const antler_batch_rows *r = arg;
    int64_t width = r->width;
    for (int64_t row = first; row < first + count; row++) {
        const antler_real *x = r->x + row * width;
        antler_real *y = r->to + row * width;
        for (int64_t i = 0; i < width; i++)
            y[i] = (x[i] - r->mean[i]) * r->a[i] + r->b[i];
    }
}

void antler__normalize(antler_run *run, antler_batch_rows *r)
{
    antler_run_ranges(run, r->rows, r->width, normalize, r);
}

static void normalize_backward(void *arg, int64_t first, int64_t count)
{
    const antler_batch_rows *r = arg;
    int64_t width = r->width;
    for (int64_t row = first; row < first + count; row++) {
        const antler_real *x = r->x + row * width, *dy = r->dy + row * width;
        antler_real *dx = r->to + row * width;
        bool counted = r->b && (!r->mask || r->mask[row] != 0);
        for (int64_t i = 0; counted && i < width; i++)
            dx[i] = r->a[i] * (dy[i] - (r->b[i] + (x[i] - r->mean[i]) * r->c[i]));
        for (int64_t i = 0; !counted && i < width; i++)
            dx[i] = r->a[i] * dy[i];
    }
}

void antler__normalize_backward(antler_run *run, antler_batch_rows *r)
{
    antler_run_ranges(run, r->rows, r->width, normalize_backward, r);
}
