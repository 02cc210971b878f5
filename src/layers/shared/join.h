/* Two sequences into one: f from the first step to the last, g from the last to the first.

     concat: y = [f, g]    sum: y = f + g    mul: y = f g    ave: y = (f + g) / 2, with g turned round in time */
#ifndef ANTLER_LAYERS_MERGE_H
#define ANTLER_LAYERS_MERGE_H

#include "antler/layer.h"

enum { ANTLER_JOIN_CONCAT, ANTLER_JOIN_SUM, ANTLER_JOIN_MUL, ANTLER_JOIN_AVE };
extern const char *const antler__join_modes[]; /* their names, NULL-terminated */

typedef struct antler_join {
    const char *mode; /* one of the names */
    int64_t batch, steps;
    int64_t places;           /* of a step; 1 where it is a vector */
    int64_t nf, ng;           /* numbers of a place; equal but for concat */
    const antler_real *f, *g; /* (batch, steps, places, nf), (batch, steps, places, ng) */
} antler_join;

void antler__join(antler_run *run, const antler_join *merge, antler_real *y);
/* The gradients of f and g, each in its own order, from that of y. */
void antler__split(antler_run *run, const antler_join *merge, const antler_real *dy, antler_real *df, antler_real *dg);

#endif
