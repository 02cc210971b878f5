/* Attention with heads: what MultiHeadAttention and GroupQueryAttention come to. See multi_head_attention.c. */
#ifndef ANTLER_LAYERS_HEADS_H
#define ANTLER_LAYERS_HEADS_H

#include "layers/shared/attend.h"

typedef enum projection { QUERY, KEY, GATE, VALUE, OUTPUT } projection; /* in the order of Keras's weights */
enum {
    CHOICE,
    Q,
    K,
    V,
    P,
    O,
    G, /* scratch, or in training saved, from Q on */
    DROPPED,
    GATED,
    DOUT,
    DP,
    DQ,
    DK,
    DV,
    DG
}; /* scratch */

/* What the two layers' configs come to. */
typedef struct antler_heads {
    int64_t heads, sharing, key_dim, value_dim, window; /* window 0: none */
    bool use_bias, gate, causal, scores, flat;          /* flat: three axes alone */
    double dropout;
    int64_t seed;
    const int64_t *axes, *output; /* ended by 0; none: the default */
    const char *const *group;
} antler_heads;

/* Of the config of either layer. */
antler_heads antler__multi_head(const void *config);
antler_heads antler__group_query(const void *config);

antler_status antler__heads_infer(const antler_heads *c, const antler_shape *in, antler_shape *out, antler_error *err);
void antler__heads_variables(const antler_heads *c, const antler_shape *in, antler_plan *plan);
void antler__heads_buffers(const antler_heads *c, const antler_shape *in, antler_plan *plan);
antler_status antler__heads_forward(const antler_heads *c, antler_run *run);
antler_status antler__heads_backward(const antler_heads *c, antler_run *run);

/* What attention sees of a call's shapes, of inputs that infer has seen. */
antler_attend antler__heads_sizes(const antler_heads *c, const antler_shape *query, const antler_shape *value);
/* What becomes of the scores of masked steps. */
antler_attend_rule antler__heads_rule(const antler_heads *c, int keras, const antler_shape *query);
/* Slot of a map's kernel; its bias has the next. */
int antler__heads_kernel(const antler_heads *c, projection p);

#endif
