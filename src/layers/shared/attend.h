/* Attention, for every layer that has some: for each head of each sample, and each place in axes that are neither steps
   nor features,

     P = softmax(scale Q K^T, masked)        O = drop(P) V

     dV = drop(P)^T dO    dP = drop'(dO V^T)    dS = scale P (dP - sum(dP P))    dQ = dS K    dK = dS^T Q

   Q (B, before, T, behind, heads, depth), K (B, before, S, behind, heads / sharing, depth), V and O in the same way
   with width; P (B, before, behind, heads, T, S). */
#ifndef ANTLER_LAYERS_ATTEND_H
#define ANTLER_LAYERS_ATTEND_H

#include "layers/shared/common.h"

typedef struct antler_attend {
    int64_t samples, before, behind; /* the batch, and axes that attention leaves alone */
    int64_t queries, keys;           /* T, S */
    int64_t heads, sharing;          /* of the queries; how many neighbours have the same key and value */
    int64_t depth, width;            /* of a key, of a value */
} antler_attend;

/* What becomes of the score of a step that is masked; it matters where all steps are. */
typedef enum antler_attend_rule {
    ANTLER_ATTEND_LESS,    /* 1e9 less: no others, and it is as if there was no mask */
    ANTLER_ATTEND_REPLACE, /* a constant: no others, and all weigh the same */
    ANTLER_ATTEND_ZERO     /* its weight is 0 in any case */
} antler_attend_rule;

/* A step is seen if nothing forbids it. */
typedef struct antler_attend_mask {
    antler_attend_rule rule;
    bool causal;                            /* no step sees later ones */
    int64_t window;                         /* nor those so many away, before and behind; 0: no matter */
    const antler_real *query, *value, *key; /* (B, T), (B, S), (B, S) of 0 and 1, or NULL */
    const antler_tensor *seen;              /* (B, T, S) or (B, heads, T, S), or 1 in their place; or NULL */
} antler_attend_mask;

/* One tensor: its first number, and steps to the next; of two neighbouring heads `sharing` are the same. */
typedef struct antler_attend_side {
    antler_real *at;
    int64_t sample, behind, head, sharing, row, column;
} antler_attend_side;

antler_attend_side antler__attend_query(const antler_attend *a, const antler_real *q);
antler_attend_side antler__attend_key(const antler_attend *a, const antler_real *k);
antler_attend_side antler__attend_value(const antler_attend *a, const antler_real *v);
antler_attend_side antler__attend_output(const antler_attend *a, const antler_real *o);
antler_attend_side antler__attend_weights(const antler_attend *a, const antler_real *p);
antler_attend_side antler__attend_turned(antler_attend_side side); /* transposed */

/* c (m, n) = x (m, k) z (k, n) for all heads, samples and places, whose sum it is where heads share c; `more`: on top
   of what c holds. */
typedef struct antler_attend_sizes {
    int64_t m, n, k;
} antler_attend_sizes;
void antler__attend_multiply(antler_run *run, const antler_attend *a, antler_attend_sizes size, antler_attend_side x,
                             antler_attend_side z, antler_attend_side c, bool more);

/* p = softmax(scale p) where it is not masked, in place. */
void antler__attend_softmax(antler_run *run, const antler_attend *a, const antler_attend_mask *mask, antler_real scale,
                            antler_real *p);
/* dp = the gradient of what is under that softmax, before the scale, in place. */
void antler__attend_softmax_backward(antler_run *run, const antler_attend *a, const antler_attend_mask *mask,
                                     const antler_real *p, antler_real *dp);
/* x = scale x. */
void antler__attend_scale(antler_run *run, antler_real scale, antler_real *x, int64_t n);

/* All from scores to outputs, and back: what every layer of the family does. */
typedef struct antler_attend_work {
    const antler_attend_mask *mask;
    int choice; /* slot of bits and noise */
    double rate;
    antler_real *p, *dropped; /* weights, and those after dropout; the same where there is none */
    antler_real *scores;      /* an output for the weights, or NULL */
    bool scores_are_dropped;
} antler_attend_work;

/* p holds the scores. */
void antler__attend_forward(antler_run *run, const antler_attend *a, const antler_attend_work *w, antler_real scale,
                            const antler_real *v, antler_real *o);
/* dout: gradient of o; dscores, or NULL: of the other output. dp is scratch of p's size, and holds dS without the scale
   in the end; dv, or NULL. */
void antler__attend_backward(antler_run *run, const antler_attend *a, const antler_attend_work *w, const antler_real *v,
                             const antler_real *dout, const antler_real *dscores, antler_real *dv, antler_real *dp);

/* Rows that all of the family have; the last of a table. */
#define ANTLER_ATTENTION_FIELDS(type)                            \
    {.key = "dropout",                                           \
     .kind = ANTLER_REAL,                                        \
     .offset = offsetof(type, dropout),                          \
     .def = "0",                                                 \
     .min = 0,                                                   \
     .max = 1,                                                   \
     .doc = "probability that a weight is dropped"},             \
        ANTLER_FIELD_SEED(type),                                 \
        {.key = "use_causal_mask",                               \
         .kind = ANTLER_BOOL,                                    \
         .offset = offsetof(type, use_causal_mask),              \
         .def = "false",                                         \
         .flags = ANTLER_CALL,                                   \
         .doc = "of the call: no step sees later ones"},         \
        {.key = "return_attention_scores",                       \
         .kind = ANTLER_BOOL,                                    \
         .offset = offsetof(type, return_attention_scores),      \
         .def = "false",                                         \
         .flags = ANTLER_CALL,                                   \
         .doc = "of the call: the weights are a second output"}, \
        ANTLER_FIELD_END

/* Number of weights. */
int64_t antler__attend_count(const antler_attend *a);
/* In `buffers`: of that many numbers a sample. */
antler_shape antler__attend_flat(const antler_shape *in, int64_t numbers);
/* In `buffers`: bits for dropout. */
void antler__attend_buffers(antler_plan *plan, int choice, double rate, const antler_attend *a, const antler_shape *in);

#endif
