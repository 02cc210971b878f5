#include "layers/shared/pick.h"

#include "antler/work.h"

#include <string.h>

antler_pick antler__pick(const antler_shape *x)
{
    antler_pick p = {.rank = x->rank - 1, .size = antler_count(x, 1)};
    for (int i = 0; i < p.rank; i++) {
        p.dim[i] = x->dim[i + 1];
        p.step[i] = antler_count(x, i + 2);
    }
    return p;
}

antler_pick antler__pick_axes(const antler_shape *x, const int *order)
{
    antler_pick all = antler__pick(x), p = all;
    for (int i = 1; i < x->rank; i++) {
        p.dim[i - 1] = all.dim[order[i] - 1];
        p.step[i - 1] = all.step[order[i] - 1];
    }
    return p;
}

antler_shape antler__picked_shape(const antler_pick *p, int64_t batch)
{
    antler_shape shape = {.rank = p->rank + 1, .dim = {batch}};
    for (int i = 0; i < p->rank; i++)
        shape.dim[i + 1] = p->dim[i];
    return shape;
}

typedef struct job {
    const antler_pick *p;
    int64_t rows, width, step; /* of y's sample: rows of its last axis; from one number of x to the next in it */
    antler_real *y, *dx;
    const antler_real *x, *dy;
} job;

static job job_of(const antler_pick *p)
{
    job j = {.p = p, .rows = 1, .width = 1, .step = 1};
    for (int i = 0; i < p->rank - 1; i++)
        j.rows *= p->dim[i];
    if (p->rank > 0) {
        j.width = p->dim[p->rank - 1];
        j.step = p->step[p->rank - 1];
    }
    return j;
}

/* The place in x of each row in turn. */
static int64_t next_row(const antler_pick *p, int64_t at, int64_t place[])
{
    for (int i = p->rank - 2; i >= 0; i--) {
        at += p->step[i];
        if (++place[i] < p->dim[i])
            break;
        at -= p->dim[i] * p->step[i];
        place[i] = 0;
    }
    return at;
}

static void pick_row(const job *j, antler_real *y, const antler_real *x)
{
    if (j->step == 1)
        memcpy(y, x, (size_t)j->width * sizeof *y);
    else
        for (int64_t i = 0; i < j->width; i++)
            y[i] = x[i * j->step];
}

static void pick_samples(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t sample = first; sample < first + count; sample++) {
        antler_real *y = j->y + sample * j->rows * j->width;
        const antler_real *x = j->x + sample * j->p->size;
        int64_t place[ANTLER_MAX_RANK] = {0}, at = j->p->first;
        for (int64_t row = 0; row < j->rows; row++, at = next_row(j->p, at, place))
            pick_row(j, y + row * j->width, x + at);
    }
}

static void put_samples(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t sample = first; sample < first + count; sample++) {
        antler_real *dx = j->dx + sample * j->p->size;
        const antler_real *dy = j->dy + sample * j->rows * j->width;
        int64_t place[ANTLER_MAX_RANK] = {0}, at = j->p->first;
        if (j->rows * j->width < j->p->size)
            memset(dx, 0, (size_t)j->p->size * sizeof *dx);
        for (int64_t row = 0; row < j->rows; row++, at = next_row(j->p, at, place))
            for (int64_t i = 0; i < j->width; i++)
                dx[at + i * j->step] = dy[row * j->width + i];
    }
}

void antler__pick_forward(antler_run *run, const antler_pick *p)
{
    job j = job_of(p);
    j.y = run->y->data;
    j.x = run->x->data;
    antler_run_ranges(run, run->y->shape.dim[0], j.rows * j.width, pick_samples, &j);
}

void antler__pick_backward(antler_run *run, const antler_pick *p)
{
    job j = job_of(p);
    j.dx = run->dx->data;
    j.dy = run->dy->data;
    if (j.dx)
        antler_run_ranges(run, run->dy->shape.dim[0], p->size, put_samples, &j);
}
