/* Windows that slide over the spatial axes of (batch, height, width, channels): what convolution and pooling share.

   Output o and tap k of a window read input o * stride - before + k * dilation; outside of the input lie zeros. */
#ifndef ANTLER_LAYERS_WINDOW_H
#define ANTLER_LAYERS_WINDOW_H

#include "antler/layer.h"

/* One axis. */
typedef struct antler_window {
    int64_t in, out, taps, stride, dilation;
    int64_t before; /* padding in front */
} antler_window;

/* Padding "same" keeps ceil(in / stride) outputs, with the smaller half of what is missing in front, as TensorFlow
   does; "valid" never leaves the input. Refuses an input that is smaller than the window. */
antler_status antler__window(antler_window *w, int64_t in, int64_t taps, int64_t stride, int64_t dilation, bool same,
                             antler_error *err);

/* Where row r of one side of a window and its tap k meet the other side: the quotient of r * scale + offset + k * step
   and divisor, if there is no remainder and it is in [0, from). */
typedef struct antler_taps {
    int64_t rows, from, taps;
    int64_t scale, offset, step, divisor;
} antler_taps;

/* Rows are outputs, taps find inputs. */
static inline antler_taps antler__taps_in(const antler_window *w)
{
    return (antler_taps){w->out, w->in, w->taps, w->stride, -w->before, w->dilation, 1};
}

/* Rows are inputs, taps find the outputs that read them: the way gradients go. */
static inline antler_taps antler__taps_out(const antler_window *w)
{
    return (antler_taps){w->in, w->out, w->taps, 1, w->before, -w->dilation, w->stride};
}

/* The index, or -1 for none. */
static inline int64_t antler__tap(const antler_taps *t, int64_t row, int64_t tap)
{
    const int64_t at = row * t->scale + t->offset + tap * t->step;
    return at >= 0 && at % t->divisor == 0 && at / t->divisor < t->from ? at / t->divisor : -1;
}

/* A matrix of patches (batch * h.rows * w.rows, h.taps * w.taps * channels): in each row what the row's taps find in
   `from` (batch, h.from, w.from, channels), zeros where they find nothing. It is made in tiles of a few rows, of a size
   that stays in a cache. */
typedef struct antler_patches {
    antler_taps h, w;
    int64_t channels, columns, rows, tile; /* tile: rows of a tile */
    bool plain;                            /* the matrix is `from`: windows of one tap that skip nothing */
    const antler_real *from;
    antler_real *space; /* tile * columns numbers for each thread */
} antler_patches;

antler_patches antler__patches(antler_taps h, antler_taps w, int64_t channels, int64_t batch, const antler_real *from,
                               antler_real *space);

/* Rows of a tile that has so many columns. */
int64_t antler__tile_rows(int64_t columns);

/* Rows [first, first + count), at most a tile; they last until the worker's next call. */
const antler_real *antler__patches_rows(const antler_patches *p, int64_t first, int64_t count, int worker);

#endif
