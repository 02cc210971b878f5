#include "layers/shared/encode.h"

#include "antler/work.h"

#include <string.h>

antler_status antler__encode_infer(const antler_encoding *e, const antler_shape *in, antler_shape *out,
                                   antler_error *err)
{
    *out = *in;
    if (in->rank < 2 || (e->mode == ANTLER_COUNT && in->rank != 2))
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input has %d axes; expected (batch, %stokens)", in->rank,
                                e->mode == ANTLER_COUNT ? "" : "..., ");
    if (e->mode == ANTLER_ONE_HOT && in->dim[in->rank - 1] != 1)
        out->rank++;
    if (out->rank > ANTLER_MAX_RANK)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "the output would have %d axes", out->rank);
    out->dim[out->rank - 1] = e->depth;
    return ANTLER_OK;
}

typedef struct job {
    const antler_encoding *e;
    const antler_real *x; /* (rows, group) */
    antler_real *y;       /* (rows, depth) */
    int64_t group;
    antler_real most; /* a place holds no more than this */
} job;

static void encode(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const int64_t depth = j->e->depth;
    for (int64_t row = first; row < first + count; row++) {
        antler_real *y = j->y + row * depth;
        memset(y, 0, (size_t)depth * sizeof *y);
        for (int64_t i = 0; i < j->group; i++) {
            const int64_t place = j->e->index(j->e->arg, j->x[row * j->group + i]);
            if (place >= 0 && place < depth && y[place] < j->most)
                y[place] += 1;
        }
    }
}

void antler__encode(antler_run *run, const antler_encoding *e)
{
    const antler_shape *in = &run->x->shape;
    job j = {.e = e, .x = run->x->data, .y = run->y->data};
    j.group = e->mode == ANTLER_ONE_HOT ? 1 : in->dim[in->rank - 1];
    j.most = e->mode == ANTLER_COUNT ? (antler_real)j.group : 1;
    antler_run_ranges(run, antler_count(in, 0) / j.group, e->depth, encode, &j);
}

antler_status antler__encode_backward(const void *config, antler_run *run)
{
    (void)config;
    if (run->dx->data)
        memset(run->dx->data, 0, (size_t)antler_count(&run->dx->shape, 0) * sizeof *run->dx->data);
    return ANTLER_OK;
}
