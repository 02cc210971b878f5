/* Windows over channels that lie side by side. A vector has 16 channels; a few neighbouring positions, or taps, are
   summed at a time, in registers. */
#include "vmath.h"

enum { GROUP = 4 };

/* `count` positions of 16 channels or fewer: channel 0 at x, w, bias and y. */
ANTLER_INLINE void positions(const antler_stencil *s, int64_t x, int64_t c, int64_t y, int lanes, int count)
{
    v16 sum[GROUP];
    ANTLER_UNROLL
    for (int o = 0; o < count; o++)
        sum[o] = vset(0);
    for (int64_t i = 0; i < s->taps[0]; i++)
        for (int64_t j = 0; j < s->taps[1]; j++)
            for (int64_t k = 0; k < s->taps[2]; k++) {
                const antler_real *const at = s->x + (x + c + i * s->x_tap[0] + j * s->x_tap[1] + k * s->x_tap[2]);
                const v16 w = vload_upto(s->w + (c + i * s->w_tap[0] + j * s->w_tap[1] + k * s->w_tap[2]), lanes);
                ANTLER_UNROLL
                for (int o = 0; o < count; o++)
                    sum[o] = vfma(vload_upto(at + o * s->x_step, lanes), w, sum[o]);
            }
    if (s->bias) {
        const v16 bias = vload_upto(s->bias + c, lanes);
        ANTLER_UNROLL
        for (int o = 0; o < count; o++)
            sum[o] = vadd(sum[o], bias);
    }
    ANTLER_UNROLL
    for (int o = 0; o < count; o++)
        vstore_upto(s->y + (y + c + o * s->y_step), sum[o], lanes);
}

/* All channels of `count` positions. */
ANTLER_INLINE void all_channels(const antler_stencil *s, int64_t o, int count)
{
    int64_t c = 0;
    for (; c + 16 <= s->channels; c += 16)
        positions(s, o * s->x_step, c, o * s->y_step, 16, count);
    if (c < s->channels)
        positions(s, o * s->x_step, c, o * s->y_step, lanes_at(c, s->channels), count);
}

static void stencil(const antler_stencil *s)
{
    int64_t o = 0;
    for (; o + GROUP <= s->n; o += GROUP)
        all_channels(s, o, GROUP);
    for (; o < s->n; o++)
        all_channels(s, o, 1);
}

/* `count` taps from tap j on, of 16 channels or fewer from channel c on. */
ANTLER_INLINE void taps(const antler_stencil_sums *s, int64_t j, int64_t c, int lanes, int count)
{
    antler_real *const to = s->sum + (j * s->sum_tap + c);
    const antler_real *const x = s->x + (j * s->x_tap + c), *const dy = s->dy + c;
    v16 sum[GROUP];
    ANTLER_UNROLL
    for (int t = 0; t < count; t++)
        sum[t] = vload_upto(to + t * s->sum_tap, lanes);
    for (int64_t o = 0; o < s->n; o++) {
        const v16 d = vload_upto(dy + o * s->dy_step, lanes);
        ANTLER_UNROLL
        for (int t = 0; t < count; t++)
            sum[t] = vfma(vload_upto(x + (o * s->x_step + t * s->x_tap), lanes), d, sum[t]);
    }
    ANTLER_UNROLL
    for (int t = 0; t < count; t++)
        vstore_upto(to + t * s->sum_tap, sum[t], lanes);
}

/* All channels of `count` taps. */
ANTLER_INLINE void tap_channels(const antler_stencil_sums *s, int64_t j, int count)
{
    int64_t c = 0;
    for (; c + 16 <= s->channels; c += 16)
        taps(s, j, c, 16, count);
    if (c < s->channels)
        taps(s, j, c, lanes_at(c, s->channels), count);
}

static void stencil_sums(const antler_stencil_sums *s)
{
    int64_t j = 0;
    for (; j + GROUP <= s->taps; j += GROUP)
        tap_channels(s, j, GROUP);
    switch (s->taps - j) {
    case 3:
        tap_channels(s, j, 3);
        break;
    case 2:
        tap_channels(s, j, 2);
        break;
    case 1:
        tap_channels(s, j, 1);
        break;
    default:
        break;
    }
}

void ANTLER_VARIANT(antler__stencil_kernels)(antler_kernels *k)
{
    k->stencil = stencil;
    k->stencil_sums = stencil_sums;
}
