/* Axes in two sets: some are kept, statistics are taken over the others. Seen so, a sample is (groups, n): one number
   of a statistic for each place on the kept axes, from n numbers; a group is a row of them. In memory its numbers lie
   side by side where the axes that are summed over come last; else they are gathered.

   Parameters vary along some of the axes, kept or not. Spread out to rows they are (wide, n), where wide is 1 if they
   are the same for all groups. */
#ifndef ANTLER_LAYERS_GROUPS_H
#define ANTLER_LAYERS_GROUPS_H

#include "antler/base.h"

enum { ANTLER_GROUP_AXES = ANTLER_MAX_RANK + 1 }; /* one may be split in two */

typedef struct antler_group_axis {
    int64_t size;
    int64_t step;  /* in the sample */
    int64_t place; /* in the parameters; 0: they do not vary along it */
    int64_t after; /* numbers of a (groups, n) block behind one index of this axis */
} antler_group_axis;

typedef struct antler_groups {
    int kept, axes; /* axis[0 .. kept) are kept, the others up to `axes` summed over */
    antler_group_axis axis[ANTLER_GROUP_AXES];
    int64_t groups, n, wide;
    bool side_by_side; /* a group's numbers */
    bool as_they_are;  /* parameters are (wide, n) already */
} antler_groups;

/* An axis of a sample, for antler__groups_of. */
typedef struct antler_sample_axis {
    int64_t size;
    bool summed, varies; /* the statistic goes over it; parameters vary along it, row-major */
} antler_sample_axis;

antler_groups antler__groups_of(const antler_sample_axis *axis, int axes);

/* Where row `group` of a sample begins. */
int64_t antler__group_start(const antler_groups *g, int64_t group);
/* A group's numbers, from the sample to row (n) and back; `at` is where the group begins in the sample. */
void antler__group_gather(const antler_groups *g, antler_real *row, const antler_real *at);
void antler__group_scatter(const antler_groups *g, antler_real *at, const antler_real *row);
/* Sum of a group's numbers, and of the squares of what they differ from the mean by, in their order. */
double antler__group_sum(const antler_groups *g, const antler_real *at);
double antler__group_deviations(const antler_groups *g, const antler_real *at, double mean);
/* Parameters to (wide, n), and sums over what they do not vary along, in double, back. */
void antler__group_spread(const antler_groups *g, antler_real *wide, const antler_real *param);
void antler__group_fold(const antler_groups *g, antler_real *param, const antler_real *wide);

#endif
