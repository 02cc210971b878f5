/* Windows: sizes, padding, and the rows of the matrices whose products are convolutions. */
#include "layers/window.h"
#include <string.h>

enum {
    TILE = 65536,    /* numbers of a tile: a part of a second-level cache */
    TILE_STEP = 48,  /* its rows are a multiple of the tiles' of all products */
    TILE_MOST = 1008 /* and fewer than a part of a long sum */
};

antler_status antler__window(antler_window *w, int64_t in, int64_t taps, int64_t stride, int64_t dilation, bool same,
                             antler_error *err)
{
    const int64_t reach = (taps - 1) * dilation + 1;
    *w = (antler_window){.in = in, .taps = taps, .stride = stride, .dilation = dilation};
    if (same) {
        w->out = (in + stride - 1) / stride;
        const int64_t missing = (w->out - 1) * stride + reach - in;
        w->before = missing > 0 ? missing / 2 : 0;
        return ANTLER_OK;
    }
    if (in < reach)
        return antler_error_set(err, ANTLER_SHAPE, NULL,
                                "input has %lld positions along an axis, the window needs %lld", (long long)in,
                                (long long)reach);
    w->out = (in - reach) / stride + 1;
    return ANTLER_OK;
}

/* One tap row of one row: the taps along w. Where neighbours among the taps are neighbours in x, all are one copy. */
static void patch_line(antler_real *to, const antler_real *line, const antler_taps *w, int64_t channels, int64_t row)
{
    const size_t pixel = (size_t)channels * sizeof *to;
    if (w->step == 1 && w->divisor == 1) {
        const int64_t at = row * w->scale + w->offset;
        int64_t first = at < 0 ? -at : 0, last = w->from - at < w->taps ? w->from - at : w->taps;
        first = first < w->taps ? first : w->taps;
        last = last > first ? last : first;
        memset(to, 0, (size_t)first * pixel);
        memcpy(to + first * channels, line + (at + first) * channels, (size_t)(last - first) * pixel);
        memset(to + last * channels, 0, (size_t)(w->taps - last) * pixel);
        return;
    }
    for (int64_t k = 0; k < w->taps; k++) {
        const int64_t at = antler__tap(w, row, k);
        if (at < 0)
            memset(to + k * channels, 0, pixel);
        else
            memcpy(to + k * channels, line + at * channels, pixel);
    }
}

int64_t antler__tile_rows(int64_t columns)
{
    const int64_t rows = TILE / columns / TILE_STEP * TILE_STEP;
    return rows < TILE_STEP ? TILE_STEP : rows < TILE_MOST ? rows : TILE_MOST;
}

antler_patches antler__patches(antler_taps h, antler_taps w, int64_t channels, int64_t batch, const antler_real *from,
                               antler_real *space)
{
    const int64_t columns = h.taps * w.taps * channels;
    return (antler_patches){.h = h,
                            .w = w,
                            .channels = channels,
                            .columns = columns,
                            .rows = batch * h.rows * w.rows,
                            .tile = antler__tile_rows(columns),
                            .plain = h.taps == 1 && w.taps == 1 && h.rows == h.from && w.rows == w.from,
                            .from = from,
                            .space = space};
}

static void patch(antler_real *to, const antler_patches *p, int64_t image, int64_t row, int64_t column)
{
    const int64_t line = p->w.taps * p->channels;
    const antler_real *from = p->from + image * p->h.from * p->w.from * p->channels;
    for (int64_t k = 0; k < p->h.taps; k++, to += line) {
        const int64_t at = antler__tap(&p->h, row, k);
        if (at < 0)
            memset(to, 0, (size_t)line * sizeof *to);
        else
            patch_line(to, from + at * p->w.from * p->channels, &p->w, p->channels, column);
    }
}

const antler_real *antler__patches_rows(const antler_patches *p, int64_t first, int64_t count, int worker)
{
    if (p->plain)
        return p->from + first * p->columns;
    antler_real *const to = p->space + worker * p->tile * p->columns;
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = (first + i) / p->w.rows;
        patch(to + i * p->columns, p, row / p->h.rows, row % p->h.rows, (first + i) % p->w.rows);
    }
    return to;
}
