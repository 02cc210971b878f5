/* Numbers of a sample picked by steps along axes: slices, transposed axes, axes turned round. */
#ifndef ANTLER_LAYERS_PICK_H
#define ANTLER_LAYERS_PICK_H

#include "antler/layer.h"

/* Element (i, j, ...) of a sample of y is number first + i step[0] + j step[1] + ... of that of x; no two are the same
   one. */
typedef struct antler_pick {
    int rank;
    int64_t first, size; /* size: numbers of a sample of x */
    int64_t dim[ANTLER_MAX_RANK], step[ANTLER_MAX_RANK];
} antler_pick;

/* All of x as it is, to begin with. */
antler_pick antler__pick(const antler_shape *x);
/* Axis i of y is axis order[i] of x, for i = 1 .. rank - 1; both count the batch's, 0. */
antler_pick antler__pick_axes(const antler_shape *x, const int *order);
/* What GetItem picks, by its config. */
antler_status antler__pick_items(const void *config, const antler_shape *x, antler_pick *p);
/* The shape of y. */
antler_shape antler__picked_shape(const antler_pick *p, int64_t batch);
void antler__pick_forward(antler_run *run, const antler_pick *p);
/* What was not picked has gradient 0. */
void antler__pick_backward(antler_run *run, const antler_pick *p);

#endif
