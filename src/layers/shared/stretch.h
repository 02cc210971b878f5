/* Broadcasting: tensors against a larger shape, into which their axes of size 1, and those that they have not, are
   stretched. Axes are compared from the last one; the batch axis is that of all and is not stretched. */
#ifndef ANTLER_LAYERS_STRETCH_H
#define ANTLER_LAYERS_STRETCH_H

#include "antler/layer.h"

/* How one tensor lies in the larger shape, whose axes are joined to as few groups as say it. */
typedef struct antler_stretch {
    int groups;
    int64_t dim[ANTLER_MAX_RANK];  /* of the larger shape: its numbers are dim[0] * dim[1] * ... */
    int64_t step[ANTLER_MAX_RANK]; /* from one to the next in the tensor; 0: the same one again */
} antler_stretch;

/* The shape that all of a list (ended by rank 0) are stretched to. */
antler_status antler__stretched_shape(const antler_shape *in, antler_shape *out, antler_error *err);

antler_stretch antler__stretch(const antler_shape *x, const antler_shape *to);

/* Numbers [first, first + n) of the stretched x: in x itself if it fills the shape, else in space (n). */
const antler_real *antler__stretched(const antler_stretch *s, const antler_real *x, int64_t first, int64_t n,
                                     antler_real *space);

/* The way back: to = sums of x, which has the larger shape, over what is stretched. Each sum runs in blocks of rows, in
   the order of memory. work: as many numbers as x has, where there are several stretched groups; else NULL will do. */
void antler__stretch_sums(antler_run *run, const antler_stretch *s, antler_real *to, const antler_real *x,
                          antler_real *work);
int antler__stretched_groups(const antler_stretch *s);

#endif
