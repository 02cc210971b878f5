/* Attention with one head: what Attention and AdditiveAttention come to. See attention.c. */
#ifndef ANTLER_LAYERS_ONE_HEAD_H
#define ANTLER_LAYERS_ONE_HEAD_H

#include "layers/shared/attend.h"

typedef enum antler_score { ANTLER_SCORE_DOT, ANTLER_SCORE_CONCAT, ANTLER_SCORE_ADDITIVE } antler_score;

/* What the two layers' configs come to. */
typedef struct antler_one_head {
    antler_score score;
    bool use_scale, causal, scores;
    double dropout;
    int64_t seed;
} antler_one_head;

antler_status antler__one_head_infer(const antler_one_head *c, const antler_shape *in, antler_shape *out,
                                     antler_error *err);
void antler__one_head_variables(const antler_one_head *c, const antler_shape *in, antler_plan *plan);
void antler__one_head_buffers(const antler_one_head *c, const antler_shape *in, antler_plan *plan);
antler_status antler__one_head_forward(const antler_one_head *c, antler_run *run);
antler_status antler__one_head_backward(const antler_one_head *c, antler_run *run);

#endif
