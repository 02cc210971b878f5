/* Scores s_ts = sum over d of a_d tanh(c (q_td + k_sd)): see attention.c. */
#ifndef ANTLER_LAYERS_TANH_SCORES_H
#define ANTLER_LAYERS_TANH_SCORES_H

#include "layers/shared/attend.h"

typedef struct antler_tanh_scores {
    const antler_attend *a; /* of one head */
    const antler_real *q, *k;
    antler_real *factor, scale; /* a [D], c */
    antler_real *h, *hk;        /* room for a tanh of each query, of each key */
    antler_real *p;             /* scores */
    const antler_real *ds;      /* their gradient */
    antler_real *dq, *da, *dc;  /* of each query: its gradient, its shares of those of a and c */
    antler_real *dk;
    bool more; /* dk is added to */
} antler_tanh_scores;

void antler__tanh_scores(antler_run *run, const antler_tanh_scores *j);
void antler__tanh_scores_queries(antler_run *run, const antler_tanh_scores *j); /* dq, da, dc */
void antler__tanh_scores_keys(antler_run *run, const antler_tanh_scores *j);    /* dk */

#endif
