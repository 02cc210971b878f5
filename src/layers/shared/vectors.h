/* The vectors of a tensor along one axis. */
#ifndef ANTLER_LAYERS_VECTORS_H
#define ANTLER_LAYERS_VECTORS_H

#include "antler/layer.h"

/* Of one sample: `blocks` matrices of (free, depth) numbers, whose rows are the vectors. */
typedef struct antler_vectors {
    int64_t blocks, free, depth;
    int64_t free_step, depth_step; /* one of them is 1: either may lie side by side in memory */
} antler_vectors;

antler_vectors antler__vectors_along(const antler_shape *shape, int64_t axis);
int64_t antler__vectors_size(const antler_vectors *v); /* numbers of a sample */

/* u = x r, r = min(1 / sqrt(sum x^2), 1e7) for each vector, as Keras's normalize has it. factor gets r: (samples,
 * blocks free). */
void antler__to_unit(antler_run *run, const antler_vectors *v, int64_t samples, antler_real *u, antler_real *factor,
                     const antler_real *x);
/* dx = r (du - u (u . du)), or r du where r was cut off; in the place of du. dots is work space, as long as factor. */
void antler__to_unit_backward(antler_run *run, const antler_vectors *v, int64_t samples, antler_real *dx,
                              const antler_real *u, const antler_real *factor, antler_real *dots);

#endif
