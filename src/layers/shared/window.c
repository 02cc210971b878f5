/* Windows: sizes, padding, and the rows of the matrices whose products are convolutions. */
#include "layers/shared/window.h"

#include <string.h>

enum {
    TILE = 65536,     /* numbers of a tile: a part of a second-level cache */
    TILE_STEP = 48,   /* its rows are a multiple of the tiles' of all products */
    TILE_MOST = 1008, /* and fewer than a part of a long sum */
    FEW = 32
};

const char *const antler__paddings[] = {"valid", "same", NULL};
const char *const antler__causal_paddings[] = {"valid", "same", "causal", NULL};

antler_status antler__window(antler_window *w, int64_t in, int64_t taps, int64_t stride, int64_t dilation,
                             const char *padding, antler_error *err)
{
    const int64_t reach = (taps - 1) * dilation + 1;
    *w = (antler_window){.in = in, .taps = taps, .stride = stride, .dilation = dilation};
    if (strcmp(padding, "valid") != 0) {
        w->out = (in + stride - 1) / stride;
        const int64_t missing = (w->out - 1) * stride + reach - in;
        w->before = strcmp(padding, "causal") == 0 ? reach - 1 : missing > 0 ? missing / 2 : 0;
        return ANTLER_OK;
    }
    if (in < reach)
        return antler_error_set(err, ANTLER_SHAPE, NULL,
                                "input has %lld positions along an axis, the window needs %lld", (long long)in,
                                (long long)reach);
    w->out = (in - reach) / stride + 1;
    return ANTLER_OK;
}

antler_status antler__spatial(int axes, const antler_shape *in, antler_error *err)
{
    static const char *const expected[] = {"(batch, steps, channels)", "(batch, height, width, channels)",
                                           "(batch, depth, height, width, channels)"};
    char text[128];
    if (in->rank == axes + 2)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected %s",
                            antler_shape_text(in, text, sizeof text), expected[axes - 1]);
}

antler_status antler__windows(antler_window w[ANTLER_SPATIAL], const antler_window_config *c, const antler_shape *in,
                              antler_error *err)
{
    ANTLER_TRY(antler__spatial(c->axes, in, err));
    const int absent = ANTLER_SPATIAL - c->axes;
    for (int i = 0; i < absent; i++)
        w[i] = (antler_window){.in = 1, .out = 1, .taps = 1, .stride = 1, .dilation = 1};
    for (int i = 0; i < c->axes; i++) {
        const int64_t stride = c->strides && c->strides[i] > 0 ? c->strides[i] : c->taps[i];
        ANTLER_TRY(antler__window(&w[absent + i], in->dim[1 + i], c->taps[i], stride, c->dilation ? c->dilation[i] : 1,
                                  c->padding, err));
    }
    return ANTLER_OK;
}

void antler__windows_center(antler_window w[ANTLER_SPATIAL], const char *padding)
{
    for (int i = 0; i < ANTLER_SPATIAL; i++)
        w[i].before = strcmp(padding, "same") == 0 ? w[i].taps / 2 : w[i].before;
}

antler_shape antler__windows_shape(const antler_window w[ANTLER_SPATIAL], int axes, int64_t batch, int64_t channels)
{
    antler_shape shape = {axes + 2, {batch}};
    for (int i = 0; i < axes; i++)
        shape.dim[1 + i] = w[ANTLER_SPATIAL - axes + i].out;
    shape.dim[axes + 1] = channels;
    return shape;
}

antler_status antler__check_strides(const int64_t *strides, const int64_t *dilation, antler_error *err)
{
    bool steps = false, holes = false;
    for (int i = 0; i < ANTLER_SPATIAL; i++) {
        steps = steps || strides[i] > 1;
        holes = holes || dilation[i] > 1;
    }
    return steps && holes
               ? antler_error_set(err, ANTLER_VALUE, "strides", "strides and dilation_rate cannot both be above 1")
               : ANTLER_OK;
}

int64_t antler__inputs(const antler_window w[ANTLER_SPATIAL])
{
    return w[0].in * w[1].in * w[2].in;
}

int64_t antler__outputs(const antler_window w[ANTLER_SPATIAL])
{
    return w[0].out * w[1].out * w[2].out;
}

int64_t antler__taps(const antler_window w[ANTLER_SPATIAL])
{
    return w[0].taps * w[1].taps * w[2].taps;
}

int64_t antler__tile_rows(int64_t columns)
{
    const int64_t rows = TILE / columns / TILE_STEP * TILE_STEP;
    return rows < TILE_STEP ? TILE_STEP : rows < TILE_MOST ? rows : TILE_MOST;
}

antler_patches antler__patches(const antler_window w[ANTLER_SPATIAL], int64_t channels, int64_t step, int64_t batch)
{
    const int64_t columns = antler__taps(w) * channels;
    const bool plain = antler__taps(w) == 1 && antler__outputs(w) == antler__inputs(w);
    return (antler_patches){.w = {w[0], w[1], w[2]},
                            .channels = channels,
                            .step = step,
                            .columns = columns,
                            .rows = batch * antler__outputs(w),
                            .tile = antler__tile_rows(columns),
                            .row = plain ? step : columns,
                            .plain = plain};
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
static inline void move_line(antler_real *patch, antler_real *line, const antler_patches *p, int64_t at, move *run)
{
    const antler_window *const w = &p->w[2];
    const int64_t channels = p->channels;
    if (!line) {
        run(patch, NULL, w->taps * channels);
    } else if (w->dilation == 1 && channels == p->step) {
        const int64_t first = at < 0 ? -at : 0, last = at + w->taps > w->in ? w->in - at : w->taps;
        if (first > 0)
            run(patch, NULL, first * channels);
        run(patch + first * channels, line + (at + first) * channels, (last - first) * channels);
        if (last < w->taps)
            run(patch + last * channels, NULL, (w->taps - last) * channels);
    } else {
        for (int64_t k = 0; k < w->taps; k++, at += w->dilation)
            run(patch + k * channels, at < 0 || at >= w->in ? NULL : line + at * p->step, channels);
    }
}

/* The part of a window in one plane, line by line; plane NULL: in the padding. */
static inline antler_real *move_plane(antler_real *patch, antler_real *plane, const antler_patches *p, int64_t row,
                                      int64_t column, move *run)
{
    const antler_window *const h = &p->w[1], *const w = &p->w[2];
    const int64_t line = w->in * p->step, size = w->taps * p->channels;
    int64_t at = row * h->stride - h->before;
    for (int64_t k = 0; k < h->taps; k++, at += h->dilation, patch += size)
        move_line(patch, !plane || at < 0 || at >= h->in ? NULL : plane + at * line, p, column * w->stride - w->before,
                  run);
    return patch;
}

/* The window of an output, plane by plane. Where an image is one plane, it is that. */
static inline antler_real *move_window(antler_real *patch, antler_real *image, const antler_patches *p, int64_t level,
                                       int64_t row, int64_t column, move *run)
{
    const antler_window *const d = &p->w[0];
    if (d->in == 1 && d->taps == 1 && d->before == 0)
        return move_plane(patch, image, p, row, column, run);
    int64_t z = level * d->stride - d->before;
    for (int64_t i = 0; i < d->taps; i++, z += d->dilation)
        patch = move_plane(patch, z < 0 || z >= d->in ? NULL : image + z * p->w[1].in * p->w[2].in * p->step, p, row,
                           column, run);
    return patch;
}

static inline void move_patches(const antler_patches *patches, antler_real *x, int64_t first, int64_t count,
                                antler_real *patch, move *run)
{
    const antler_patches p = *patches; /* its own, so that it stays in registers while patches are written */
    const int64_t image = antler__inputs(p.w) * p.step, lines = first / p.w[2].out, levels = lines / p.w[1].out;
    int64_t column = first % p.w[2].out, row = lines % p.w[1].out, level = levels % p.w[0].out;
    x += levels / p.w[0].out * image;
    for (int64_t i = 0; i < count; i++) {
        patch = move_window(patch, x, &p, level, row, column, run);
        if (++column < p.w[2].out)
            continue;
        column = 0;
        if (++row < p.w[1].out)
            continue;
        row = 0;
        if (++level < p.w[0].out)
            continue;
        level = 0;
        x += image;
    }
}

const antler_real *antler__patches_of(const antler_patches *p, const antler_real *x, int64_t first, int64_t count,
                                      antler_real *space)
{
    if (p->plain)
        return x + first * p->row;
    move_patches(p, (antler_real *)(uintptr_t)x, first, count, space, copy_out); /* which only reads x */
    return space;
}

void antler__patches_add(const antler_patches *p, antler_real *x, int64_t first, int64_t count, const antler_real *from)
{
    move_patches(p, x, first, count, (antler_real *)(uintptr_t)from, add_in); /* which only reads patches */
}
