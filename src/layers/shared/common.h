/* What the built-in layers share beside the contract: the masks of dropout, and normal noise. */
#ifndef ANTLER_LAYERS_COMMON_H
#define ANTLER_LAYERS_COMMON_H

#include "antler/layer.h"
#include "antler/layers.h"
#include "antler/work.h"
#include "kernels/kernels.h"

/* ---- dropout ----------------------------------------------------------------------------------------------------- */

/* Dropout with one random choice for each element of `drawn`: its axes are the input's, or 1 where the mask is shared
   along them; drawn.dim[0] is ANTLER_BATCH where each sample has a mask of its own, 1 where all share one. Uses bits,
   noise and scratch of the given slot. */

/* noise_shape, ended by 0, against the input's: empty, or an entry for each axis. */
antler_shape antler__drawn_shape(const int64_t *noise_shape, const antler_shape *in);
/* In `variables` and in `buffers`. */
void antler__drop_site(antler_plan *plan, int slot, double rate, int64_t seed);
void antler__drop_buffers(antler_plan *plan, int slot, double rate, const antler_shape *in, const antler_shape *drawn);
/* y may be x, dx may be dy. Both are the identity where no noise is on. */
void antler__drop(antler_run *run, int slot, double rate, const antler_shape *drawn, antler_real *y,
                  const antler_tensor *x);
void antler__drop_backward(antler_run *run, int slot, double rate, const antler_shape *drawn, antler_real *dx,
                           const antler_tensor *dy);
/* The mask as numbers, for what is multiplied by the same one many times: keep (samples, width) becomes 1 / (1 - rate)
   and 0. NULL where nothing is dropped. */
const antler_real *antler__drop_mask(const antler_run *run, int slot, double rate, antler_real *keep, int64_t samples,
                                     int64_t width);
/* Smallest word of the stream that keeps an element: ceil(rate * 2^32), for rate < 1. */
uint32_t antler__drop_threshold(double rate);

/* y = x * (1 + n) with `multiply`, else x + n: n normal with mean 0 and this standard deviation, drawn from noise site
   `slot`; the same at every call of a step. Without noise, and at deviation 0, y = x. y may be x->data. */
void antler__normal_noise(antler_run *run, int slot, double deviation, bool multiply, antler_real *y,
                          const antler_tensor *x);

#endif
