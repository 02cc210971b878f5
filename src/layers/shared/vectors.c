#include "layers/shared/vectors.h"

#include "antler/work.h"

#include <math.h>
#include <string.h>

antler_vectors antler__vectors_along(const antler_shape *shape, int64_t axis)
{
    int at = antler_axis(axis, shape->rank);
    int64_t after = antler_count(shape, at + 1), before = antler_count(shape, 1) / antler_count(shape, at);
    if (after == 1) /* all vectors are the rows of one matrix */
        return (antler_vectors){1, before, shape->dim[at], .free_step = shape->dim[at], .depth_step = 1};
    return (antler_vectors){before, after, shape->dim[at], .free_step = 1, .depth_step = after};
}

int64_t antler__vectors_size(const antler_vectors *v)
{
    return v->blocks * v->free * v->depth;
}

typedef struct unit {
    const antler_vectors *v;
    const antler_real *x; /* backward: u */
    antler_real *u, *factor_made, *dots, *dx;
    const antler_real *factor;
} unit;

/* to (free) = sums over the depth of a b. */
static void dot_vectors(antler_real *to, const antler_vectors *v, const antler_real *a, const antler_real *b)
{
    if (v->depth_step == 1) {
        for (int64_t i = 0; i < v->free; i++)
            to[i] = antler_array_dot(a + i * v->depth, b + i * v->depth, v->depth);
        return;
    }
    memset(to, 0, (size_t)v->free * sizeof *to);
    for (int64_t d = 0; d < v->depth; d++)
        for (int64_t i = 0; i < v->free; i++)
            to[i] += a[d * v->free + i] * b[d * v->free + i];
}

/* to = x f, or to - x f with `less`: each vector by its own f (free). to may be x. */
static void scale(antler_real *to, const antler_vectors *v, const antler_real *x, const antler_real *f, bool less)
{
    bool is_row = v->depth_step == 1; /* a vector is, else a column */
    int64_t rows = is_row ? v->free : v->depth, columns = is_row ? v->depth : v->free;
    for (int64_t row = 0; row < rows; row++, to += columns, x += columns)
        for (int64_t i = 0; i < columns; i++) {
            antler_real value = x[i] * (is_row ? f[row] : f[i]);
            to[i] = less ? to[i] - value : value;
        }
}

static const antler_real most = (antler_real)(1 / 1e-7); /* of the factor: Keras's epsilon */

/* Items are blocks. */
static void to_unit_piece(void *arg, int64_t first, int64_t count)
{
    const unit *j = arg;
    const antler_vectors *v = j->v;
    for (int64_t block = first; block < first + count; block++) {
        const antler_real *x = j->x + block * v->free * v->depth;
        antler_real *factor = j->factor_made + block * v->free;
        dot_vectors(factor, v, x, x);
        for (int64_t i = 0; i < v->free; i++) {
            antler_real root = (antler_real)sqrt(factor[i]);
            factor[i] = root * most > 1 ? 1 / root : most;
        }
        scale(j->u + block * v->free * v->depth, v, x, factor, false);
    }
}

static void backward_piece(void *arg, int64_t first, int64_t count)
{
    const unit *j = arg;
    const antler_vectors *v = j->v;
    for (int64_t block = first; block < first + count; block++) {
        const antler_real *u = j->x + block * v->free * v->depth, *factor = j->factor + block * v->free;
        antler_real *dx = j->dx + block * v->free * v->depth, *dots = j->dots + block * v->free;
        dot_vectors(dots, v, u, dx);
        for (int64_t i = 0; i < v->free; i++)
            dots[i] = factor[i] < most ? dots[i] : 0;
        scale(dx, v, u, dots, true);
        scale(dx, v, dx, factor, false);
    }
}

void antler__to_unit(antler_run *run, const antler_vectors *v, int64_t samples, antler_real *u, antler_real *factor,
                     const antler_real *x)
{
    unit j = {.v = v, .x = x, .u = u, .factor_made = factor};
    antler_run_ranges(run, samples * v->blocks, 3 * v->free * v->depth, to_unit_piece, &j);
}

void antler__to_unit_backward(antler_run *run, const antler_vectors *v, int64_t samples, antler_real *dx,
                              const antler_real *u, const antler_real *factor, antler_real *dots)
{
    unit j = {.v = v, .x = u, .dx = dx, .factor = factor, .dots = dots};
    antler_run_ranges(run, samples * v->blocks, 4 * v->free * v->depth, backward_piece, &j);
}
