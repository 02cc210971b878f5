/* Windows: sizes, padding, and the rows of the matrices whose products are convolutions. */
#include "layers/shared/window.h"

#include <string.h>

enum {
    TILE = 65536,     /* numbers of a tile: a part of a second-level cache */
    TILE_STEP = 48,   /* its rows are a multiple of the tiles' of all products */
    TILE_MOST = 1008, /* and fewer than a part of a long sum */
    FEW = 32
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

int64_t antler__tile_rows(int64_t columns)
{
    const int64_t rows = TILE / columns / TILE_STEP * TILE_STEP;
    return rows < TILE_STEP ? TILE_STEP : rows < TILE_MOST ? rows : TILE_MOST;
}

antler_patches antler__patches(const antler_window *h, const antler_window *w, int64_t channels, int64_t batch)
{
    const int64_t columns = h->taps * w->taps * channels;
    return (antler_patches){.h = *h,
                            .w = *w,
                            .channels = channels,
                            .columns = columns,
                            .rows = batch * h->out * w->out,
                            .tile = antler__tile_rows(columns),
                            .plain = h->taps == 1 && w->taps == 1 && h->out == h->in && w->out == w->in};
}

/* What is done with n numbers of a patch and of the input, in place of which x is NULL in the padding. */
typedef void move(antler_real *patch, antler_real *x, int64_t n);

/* A run of few numbers is copied without a call, which the compiler would make of a loop. */
static inline void copy_out(antler_real *patch, antler_real *x, int64_t n)
{
    if (!x) {
        memset(patch, 0, (size_t)n * sizeof *patch);
        return;
    }
    if (n > FEW) {
        memcpy(patch, x, (size_t)n * sizeof *patch);
        return;
    }
    for (; n >= 4; n -= 4, patch += 4, x += 4)
        memcpy(patch, x, 4 * sizeof *patch);
    for (; n > 0; n--)
        *patch++ = *x++;
}

static inline void add_in(antler_real *patch, antler_real *x, int64_t n)
{
    for (int64_t i = 0; x && i < n; i++)
        x[i] += patch[i];
}

/* One line of a window at column `at` of the input. Where taps are neighbours, what is inside is one run. */
static inline void move_line(antler_real *patch, antler_real *line, const antler_window *w, int64_t channels,
                             int64_t at, move *run)
{
    if (!line) {
        run(patch, NULL, w->taps * channels);
    } else if (w->dilation == 1) {
        const int64_t first = at < 0 ? -at : 0, last = at + w->taps > w->in ? w->in - at : w->taps;
        if (first > 0)
            run(patch, NULL, first * channels);
        run(patch + first * channels, line + (at + first) * channels, (last - first) * channels);
        if (last < w->taps)
            run(patch + last * channels, NULL, (w->taps - last) * channels);
    } else {
        for (int64_t k = 0; k < w->taps; k++, at += w->dilation)
            run(patch + k * channels, at < 0 || at >= w->in ? NULL : line + at * channels, channels);
    }
}

static inline void move_patches(const antler_patches *p, antler_real *x, int64_t first, int64_t count,
                                antler_real *patch, move *run)
{
    const antler_window *const h = &p->h, *const w = &p->w;
    const int64_t line = w->in * p->channels, lines = first / w->out;
    int64_t column = first % w->out, row = lines % h->out;
    antler_real *image = x + lines / h->out * h->in * line;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = row * h->stride - h->before;
        for (int64_t k = 0; k < h->taps; k++, at += h->dilation, patch += w->taps * p->channels)
            move_line(patch, at < 0 || at >= h->in ? NULL : image + at * line, w, p->channels,
                      column * w->stride - w->before, run);
        if (++column == w->out) {
            column = 0;
            if (++row == h->out) {
                row = 0;
                image += h->in * line;
            }
        }
    }
}

const antler_real *antler__patches_of(const antler_patches *p, const antler_real *x, int64_t first, int64_t count,
                                      antler_real *space)
{
    if (p->plain)
        return x + first * p->columns;
    move_patches(p, (antler_real *)(uintptr_t)x, first, count, space, copy_out); /* which only reads x */
    return space;
}

void antler__patches_add(const antler_patches *p, antler_real *x, int64_t first, int64_t count, const antler_real *from)
{
    move_patches(p, x, first, count, (antler_real *)(uintptr_t)from, add_in); /* which only reads patches */
}
