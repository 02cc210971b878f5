/* Windows that slide over the spatial axes of (batch, height, width, channels): what convolution and pooling share.

   Output o and tap k of a window meet input o * stride - before + k * dilation; outside of the input lie zeros. */
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

/* The matrix of patches (batch * h.out * w.out, h.taps * w.taps * channels): each row is what one window sees of
   (batch, h.in, w.in, channels). It never exists whole: tiles of a few rows stay in a cache. */
typedef struct antler_patches {
    antler_window h, w;
    int64_t channels, columns, rows, tile; /* tile: rows of a tile */
    bool plain;                            /* the matrix is the input: windows of one tap that skip nothing */
} antler_patches;

antler_patches antler__patches(const antler_window *h, const antler_window *w, int64_t channels, int64_t batch);

/* Rows of a tile that has so many columns. */
int64_t antler__tile_rows(int64_t columns);

/* Rows [first, first + count) of x's patches; in `space`, unless they are in x. */
const antler_real *antler__patches_of(const antler_patches *p, const antler_real *x, int64_t first, int64_t count,
                                      antler_real *space);
/* The way back: adds rows [first, first + count) of a matrix, of which `from` is the first, to what their windows see
   of x, row after row. */
void antler__patches_add(const antler_patches *p, antler_real *x, int64_t first, int64_t count,
                         const antler_real *from);

#endif
