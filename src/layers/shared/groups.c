#include "layers/shared/groups.h"

#include <string.h>

/* ---- axes -------------------------------------------------------------------------------------------------------- */

/* Appends an axis, or makes the last one longer where both are one run, in the sample and in the parameters. */
static void append(antler_groups *g, int first, antler_group_axis axis)
{
    antler_group_axis *last = g->axes > first ? &g->axis[g->axes - 1] : NULL;
    if (last && last->step == axis.step * axis.size && last->place == axis.place * axis.size) {
        last->size *= axis.size;
        last->step = axis.step;
        last->place = axis.place;
    } else {
        g->axis[g->axes++] = axis;
    }
}

static void append_all(antler_groups *g, const antler_sample_axis *axis, int axes, bool summed)
{
    int64_t step[ANTLER_GROUP_AXES], place[ANTLER_GROUP_AXES], in_sample = 1, in_param = 1;
    for (int i = axes - 1; i >= 0; i--) {
        step[i] = in_sample;
        place[i] = axis[i].varies ? in_param : 0;
        in_sample *= axis[i].size;
        in_param *= axis[i].varies ? axis[i].size : 1;
    }
    const int first = g->axes;
    for (int i = 0; i < axes; i++)
        if (axis[i].summed == summed && axis[i].size > 1)
            append(g, first, (antler_group_axis){.size = axis[i].size, .step = step[i], .place = place[i]});
}

antler_groups antler__groups_of(const antler_sample_axis *axis, int axes)
{
    antler_groups g = {.groups = 1, .n = 1, .wide = 1};
    append_all(&g, axis, axes, false);
    g.kept = g.axes;
    append_all(&g, axis, axes, true);
    int64_t after = 1;
    for (int i = g.axes - 1; i >= 0; i--) {
        g.axis[i].after = after;
        after *= g.axis[i].size;
        *(i < g.kept ? &g.groups : &g.n) *= g.axis[i].size;
    }
    bool vary = false;
    for (int i = 0; i < g.kept; i++)
        vary = vary || g.axis[i].place;
    g.wide = vary ? g.groups : 1;
    g.side_by_side = g.as_they_are = true;
    for (int i = g.kept; i < g.axes; i++)
        g.side_by_side = g.side_by_side && g.axis[i].step == g.axis[i].after;
    for (int i = vary ? 0 : g.kept; i < g.axes; i++)
        g.as_they_are = g.as_they_are && g.axis[i].place == g.axis[i].after;
    return g;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

int64_t antler__group_start(const antler_groups *g, int64_t group)
{
    int64_t start = 0;
    for (int i = g->kept - 1; i >= 0; i--) {
        start += group % g->axis[i].size * g->axis[i].step;
        group /= g->axis[i].size;
    }
    return start;
}

static void gather(const antler_group_axis *axis, int axes, antler_real *row, const antler_real *at)
{
    if (axes == 0) {
        *row = *at;
    } else if (axes == 1 && axis->step == 1) {
        memcpy(row, at, (size_t)axis->size * sizeof *row);
    } else if (axes == 1) {
        for (int64_t i = 0; i < axis->size; i++)
            row[i] = at[i * axis->step];
    } else {
        for (int64_t i = 0; i < axis->size; i++)
            gather(axis + 1, axes - 1, row + i * axis->after, at + i * axis->step);
    }
}

void antler__group_gather(const antler_groups *g, antler_real *row, const antler_real *at)
{
    gather(g->axis + g->kept, g->axes - g->kept, row, at);
}

static void scatter(const antler_group_axis *axis, int axes, antler_real *at, const antler_real *row)
{
    if (axes == 0) {
        *at = *row;
    } else if (axes == 1 && axis->step == 1) {
        memcpy(at, row, (size_t)axis->size * sizeof *row);
    } else if (axes == 1) {
        for (int64_t i = 0; i < axis->size; i++)
            at[i * axis->step] = row[i];
    } else {
        for (int64_t i = 0; i < axis->size; i++)
            scatter(axis + 1, axes - 1, at + i * axis->step, row + i * axis->after);
    }
}

void antler__group_scatter(const antler_groups *g, antler_real *at, const antler_real *row)
{
    scatter(g->axis + g->kept, g->axes - g->kept, at, row);
}

static double sum_up(const antler_group_axis *axis, int axes, const antler_real *at)
{
    double sum = 0;
    if (axes == 0)
        return (double)*at;
    for (int64_t i = 0; i < axis->size; i++)
        sum += sum_up(axis + 1, axes - 1, at + i * axis->step);
    return sum;
}

double antler__group_sum(const antler_groups *g, const antler_real *at)
{
    return sum_up(g->axis + g->kept, g->axes - g->kept, at);
}

static double sum_deviations(const antler_group_axis *axis, int axes, const antler_real *at, double mean)
{
    double sum = 0, d = (double)*at - mean;
    if (axes == 0)
        return d * d;
    for (int64_t i = 0; i < axis->size; i++)
        sum += sum_deviations(axis + 1, axes - 1, at + i * axis->step, mean);
    return sum;
}

double antler__group_deviations(const antler_groups *g, const antler_real *at, double mean)
{
    return sum_deviations(g->axis + g->kept, g->axes - g->kept, at, mean);
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

/* The axes of a (wide, n) block, those first that parameters vary along; and how many these are. */
static int varying_first(const antler_groups *g, antler_group_axis *axis, int *axes)
{
    int varying = 0;
    *axes = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = g->wide > 1 ? 0 : g->kept; i < g->axes; i++)
            if ((g->axis[i].place != 0) == (pass == 0)) {
                axis[(*axes)++] = g->axis[i];
                varying += pass == 0;
            }
    return varying;
}

static void spread(const antler_group_axis *axis, int axes, antler_real *wide, const antler_real *param)
{
    if (axes == 0)
        *wide = *param;
    else
        for (int64_t i = 0; i < axis->size; i++)
            spread(axis + 1, axes - 1, wide + i * axis->after, param + i * axis->place);
}

void antler__group_spread(const antler_groups *g, antler_real *wide, const antler_real *param)
{
    antler_group_axis axis[ANTLER_GROUP_AXES];
    int axes;
    varying_first(g, axis, &axes);
    spread(axis, axes, wide, param);
}

static double total(const antler_group_axis *axis, int axes, const antler_real *wide)
{
    double sum = 0;
    if (axes == 0)
        return (double)*wide;
    for (int64_t i = 0; i < axis->size; i++)
        sum += total(axis + 1, axes - 1, wide + i * axis->after);
    return sum;
}

static void fold(const antler_group_axis *axis, int varying, int axes, antler_real *param, const antler_real *wide)
{
    if (varying == 0)
        *param = (antler_real)total(axis, axes, wide);
    else
        for (int64_t i = 0; i < axis->size; i++)
            fold(axis + 1, varying - 1, axes - 1, param + i * axis->place, wide + i * axis->after);
}

void antler__group_fold(const antler_groups *g, antler_real *param, const antler_real *wide)
{
    antler_group_axis axis[ANTLER_GROUP_AXES];
    int axes, varying = varying_first(g, axis, &axes);
    fold(axis, varying, axes, param, wide);
}
