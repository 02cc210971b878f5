/* What the suites about dropout share. */
#ifndef ANTLER_DROPOUTS_H
#define ANTLER_DROPOUTS_H

#include "networks.h"

#include <math.h>

enum { BATCH = 64 };

static const double rates[] = {0.1, 0.5, 0.9};

/* `count` numbers, for free. */
static inline antler_real *numbers(int64_t count, uint64_t stream)
{
    antler_real *x = malloc((size_t)count * sizeof *x);
    random_numbers(x, count, stream);
    return x;
}

static inline antler_real *room(int64_t count)
{
    return calloc((size_t)count, sizeof(antler_real));
}

/* A model of one Dropout, "d". */
static inline antler_model *dropout(const char *shape, double rate, const char *more)
{
    char layer[256];
    snprintf(layer, sizeof layer, "{'class_name': 'Dropout', 'config': {'name': 'd', 'rate': %.17g%s}}", rate, more);
    return network(shape, layer, ", 'fit': {'seed': 7}");
}

static inline antler_tensor mask_of(antler_context *context, const char *layer)
{
    antler_error err = {0};
    antler_tensor mask;
    must(antler_read(context, layer, ANTLER_MASK_BITS, 0, &mask, &err), &err);
    return mask;
}

static inline uint64_t hash_mask(uint64_t hash, antler_context *context, const char *layer)
{
    antler_tensor mask = mask_of(context, layer);
    for (int64_t i = 0; i < antler_count(&mask.shape, 0); i++)
        hash = hash_bytes(hash, mask.data[i] != 0 ? "1" : "0", 1);
    return hash;
}

/* The mask of a training pass at (step, row) over n samples. */
static inline uint64_t drawn(antler_context *context, const antler_real *x, int64_t n, int64_t step, int64_t row)
{
    antler_context_seek(context, step, row);
    forward(context, x, n, NULL);
    return hash_mask(hash_start, context, "d");
}

static inline bool same_bits(const antler_real *a, const antler_real *b, int64_t n)
{
    return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

#endif
