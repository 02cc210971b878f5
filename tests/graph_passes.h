/* Passes through models, and what they leave, for suites that compare them bit for bit. */
#ifndef ANTLER_GRAPH_PASSES_H
#define ANTLER_GRAPH_PASSES_H

#include "model/context.h"
#include "random_graphs.h"

#include <math.h>

enum { BATCH = 3, NUMBERS = MOST_ENDS * BATCH * WIDTH };

/* Those of the random graphs that the library has not. */
static inline void register_layers(void)
{
    antler_error err = {0};
    must(register_merging_layers(&err), &err);
    must(antler_register(&powers.type, &err), &err);
}

typedef struct pass {
    antler_real x[NUMBERS], y[NUMBERS], targets[NUMBERS], dx[NUMBERS];
    antler_real gradients[1 << 14];
    double loss;
} pass;

static inline pass *pass_new(void)
{
    pass *p = calloc(1, sizeof *p);
    random_numbers(p->x, NUMBERS, 1);
    random_classes(p->targets, NUMBERS, 2, 2);
    return p;
}

/* A training context; its memory is NaN, so that what is read before it is written shows. */
static inline antler_context *context_with(antler_model *m, int threads, unsigned flags)
{
    antler_error err = {0};
    antler_context *c = antler_context_create_train(m, BATCH, threads, flags | ANTLER_INPUT_GRADIENT, &err);
    must(c ? ANTLER_OK : err.status, &err);
    memset(c->arena.memory, 0xff, (size_t)c->arena.bytes);
    antler_context_seek(c, 5, 7);
    return c;
}

/* Forward, and back from the loss. */
static inline double run_loss(antler_context *c, pass *p)
{
    antler_error err = {0};
    must(antler_forward(c, p->x, BATCH, p->y, &err), &err);
    must(antler_backward(c, p->targets, &p->loss, &err), &err);
    ck_assert_uint_le((size_t)c->model->trained_size, sizeof p->gradients / sizeof *p->gradients);
    memcpy(p->gradients, c->gradients, (size_t)c->model->trained_size * sizeof *p->gradients);
    for (int64_t k = 0; k < c->model->inputs; k++)
        if (c->edge[c->model->input[k]].dy.data) /* else no output depends on it */
            memcpy(p->dx + k * BATCH * WIDTH, c->edge[c->model->input[k]].dy.data, BATCH * WIDTH * sizeof *p->dx);
    return p->loss;
}

/* One pass of a new context. For free. */
static inline pass *pass_of(antler_model *m, int threads, unsigned flags)
{
    pass *p = pass_new();
    antler_context *c = context_with(m, threads, flags);
    run_loss(c, p);
    antler_context_free(c);
    return p;
}

static inline void check_same(const pass *a, const pass *b)
{
    ck_assert_mem_eq(a->y, b->y, sizeof a->y);
    ck_assert_mem_eq(&a->loss, &b->loss, sizeof a->loss);
    ck_assert_mem_eq(a->dx, b->dx, sizeof a->dx);
    ck_assert_mem_eq(a->gradients, b->gradients, sizeof a->gradients);
}

#endif
