/* Integers as rows of 0 and 1, or as counts: what CategoryEncoding and IntegerLookup do.

     one_hot    (B, ..., n) to (B, ..., n, depth), a last axis of 1 is replaced: 1 at the index, 0 elsewhere
     multi_hot  (B, ..., n) to (B, ..., depth): 1 at each of the n indices
     count      (B, n) to (B, depth): how often each occurs */
#ifndef ANTLER_LAYERS_ENCODE_H
#define ANTLER_LAYERS_ENCODE_H

#include "antler/layer.h"

typedef enum antler_encoding_mode { ANTLER_ONE_HOT, ANTLER_MULTI_HOT, ANTLER_COUNT } antler_encoding_mode;

typedef struct antler_encoding {
    antler_encoding_mode mode;
    int64_t depth;
    /* The index of a number of x; one outside of [0, depth) has no place. */
    int64_t (*index)(const void *arg, antler_real x);
    const void *arg;
} antler_encoding;

antler_status antler__encode_infer(const antler_encoding *e, const antler_shape *in, antler_shape *out,
                                   antler_error *err);
void antler__encode(antler_run *run, const antler_encoding *e);
/* Integers have no gradient: dx = 0. */
antler_status antler__encode_backward(const void *config, antler_run *run);

#endif
