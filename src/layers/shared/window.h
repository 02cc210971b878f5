/* Windows that slide over the spatial axes of (batch, depth, height, width, channels): what convolution and pooling
   share. Of fewer axes than three the first ones are not there: they have one position and one tap.

   Output o and tap k of a window meet input o * stride - before + k * dilation; outside of the input lie zeros. */
#ifndef ANTLER_LAYERS_WINDOW_H
#define ANTLER_LAYERS_WINDOW_H

#include "antler/layer.h"

enum { ANTLER_SPATIAL = 3 };

/* One axis. */
typedef struct antler_window {
    int64_t in, out, taps, stride, dilation;
    int64_t before; /* padding in front */
} antler_window;

/* Padding "valid" never leaves the input, and refuses one that is smaller than the window. "same" keeps ceil(in /
   stride) outputs, with the smaller half of what is missing in front, as TensorFlow does. With "causal" all of it is in
   front: no output sees an input behind it. */
extern const char *const antler__paddings[];        /* "valid", "same" */
extern const char *const antler__causal_paddings[]; /* "causal" too */

/* A window's config on some axes, the channels' not among them: entries that are there. */
typedef struct antler_window_config {
    int axes;
    const int64_t *taps, *strides, *dilation; /* strides may be NULL or not positive: the taps; dilation NULL: 1 */
    const char *padding;
} antler_window_config;

/* The windows over `in`, (batch, axes ..., channels); refuses an input of another rank. */
antler_status antler__windows(antler_window w[ANTLER_SPATIAL], const antler_window_config *c, const antler_shape *in,
                              antler_error *err);
/* The same on an axis of its own. */
antler_status antler__window(antler_window *w, int64_t in, int64_t taps, int64_t stride, int64_t dilation,
                             const char *padding, antler_error *err);
/* The padding "same" of locally connected layers: half a window in front, whatever its stride. */
void antler__windows_center(antler_window w[ANTLER_SPATIAL], const char *padding);
/* That an input has as many axes. */
antler_status antler__spatial(int axes, const antler_shape *in, antler_error *err);
/* (batch, outputs of the axes ..., channels) */
antler_shape antler__windows_shape(const antler_window w[ANTLER_SPATIAL], int axes, int64_t batch, int64_t channels);
/* `strides` and `dilation_rate`, of up to three entries, must not both be above 1. */
antler_status antler__check_strides(const int64_t *strides, const int64_t *dilation, antler_error *err);

/* Positions of the inputs, of the outputs, and taps of a window, over all axes. */
int64_t antler__inputs(const antler_window w[ANTLER_SPATIAL]);
int64_t antler__outputs(const antler_window w[ANTLER_SPATIAL]);
int64_t antler__taps(const antler_window w[ANTLER_SPATIAL]);

/* The matrix of patches (batch * outputs, taps * channels): each row is what one window sees of some channels of
   (batch, inputs, step). It never exists whole: tiles of a few rows stay in a cache. */
typedef struct antler_patches {
    antler_window w[ANTLER_SPATIAL];
    int64_t channels, step;      /* channels that are taken, and all that the input has */
    int64_t columns, rows, tile; /* tile: rows of a tile */
    int64_t row;                 /* distance of two rows: columns, or `step` where they are the input's own */
    bool plain;                  /* the matrix is in the input: windows of one tap that skip nothing */
} antler_patches;

antler_patches antler__patches(const antler_window w[ANTLER_SPATIAL], int64_t channels, int64_t step, int64_t batch);

/* Rows of a tile that has so many columns. */
int64_t antler__tile_rows(int64_t columns);

/* Rows [first, first + count) of x's patches; in `space`, unless they are in x. x is at the first channel taken. */
const antler_real *antler__patches_of(const antler_patches *p, const antler_real *x, int64_t first, int64_t count,
                                      antler_real *space);
/* The way back: adds rows [first, first + count) of a matrix, of which `from` is the first, to what their windows see
   of x, row after row. */
void antler__patches_add(const antler_patches *p, antler_real *x, int64_t first, int64_t count,
                         const antler_real *from);

#endif
