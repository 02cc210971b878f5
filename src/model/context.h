/* A context: what changes in a run. Private to the library. */
#ifndef ANTLER_CONTEXT_H
#define ANTLER_CONTEXT_H

#include "core/parallel.h"
#include "model/plan.h"
#include "model/sizes.h"

/* A wire in a context: its tensors, and the buffers behind them (-1: none). */
typedef struct antler_edge {
    antler_tensor y, dy, mask; /* dy.data NULL: not wanted; mask.data NULL: none */
    int64_t y_buffer;          /* -1: a model's input, or a view of it: the caller's memory */
    int64_t dy_buffer, mask_buffer;
    bool settled; /* its numbers, and those of dy, lie as the layers see them that give and take it: channels last */
    bool zero;    /* dy is set to 0 before the call that gives the wire runs back: only what follows adds to it */
    int64_t logits_buffer;
    antler_real *logits; /* gradient of the logits, from losses; dy has that of all else. NULL: dy has all */
} antler_edge;

enum { ANTLER_NO_LOGITS = -1, ANTLER_NO_LOSS = -2 };

/* An output of the model, and where its loss begins. */
typedef struct antler_end {
    int64_t logits; /* the call whose logits the loss takes, or ANTLER_NO_... */
    bool apart;     /* what the call gives is read or penalized beside: the loss's gradient goes to the logits alone */
    int64_t buffer; /* where the loss's part of the gradient is written; -1: nowhere, as nothing is trained by it */
    antler_real *from_loss;
} antler_end;

/* What is added up after a call has run back: to = a + b, or a copy of a where b is -1. */
typedef struct antler_addition {
    int64_t call;     /* `calls`: before any */
    int64_t to, a, b; /* buffers */
    int64_t elements; /* of a sample */
} antler_addition;

/* Of a layer that is called again, all calls but the last write gradients of their own: what is added to those that the
   calls behind it left in context->gradients, once the call has run back. */
typedef struct antler_share {
    int64_t call, variable, buffer;
} antler_share;

/* A part of the trained block. */
typedef struct antler_span {
    int64_t first, n;
    double factor; /* of the rate */
} antler_span;

struct antler_objective; /* train/objective.h */

struct antler_context {
    const antler_model *model;
    antler_model *writable; /* the model, for ANTLER_TRAIN; else NULL */
    antler_mode mode;
    unsigned flags;
    int64_t batch, n; /* the largest batch, and the last one's size */
    int64_t seed;     /* of the model, when the keys of the noise were made from it */
    antler_pool *pool;
    antler_workers *workers;
    antler_sizes *sizes; /* of a model with open axes; NULL: of another, and of one whose lengths are not known yet */
    antler_arena arena;
    int64_t calls, wires; /* the model's */
    antler_node *node;    /* [calls]; NULL: lengths are not known yet, and nothing below is there */
    antler_edge *edge;    /* [wires] */
    bool *runs_backward;  /* [calls] */
    int64_t *dx_buffer;   /* [places] where each call writes the gradient of each of its inputs; -1: nowhere */
    int64_t sums;
    antler_addition *sum; /* [sums] by call, the last first, and before them those of the losses */
    int64_t shares;
    antler_share *share;    /* [shares] by call, the last first */
    antler_end *end;        /* [outputs of the model] */
    bool *linear;           /* [calls] a loss takes its logits */
    antler_noise *noise;    /* [model->sites] */
    int64_t *times;         /* [model->sites] samples of the site for one of the batch */
    antler_real *gradients; /* [model->trained_size], for ANTLER_TRAIN */
    double *factor;         /* [variables] of the rate: 0 for one that an update does not change */
    int64_t spans, idles;
    antler_span *span,
        *idle; /* [spans] pieces that an update changes; [idles] what no call writes, but penalties add to */
    antler_real **scratch; /* [threads] product_scratch numbers each */
    const int64_t *rows;   /* [n] which rows of the data this batch is, for errors of its targets; NULL: not known */
    struct antler_objective *objective;       /* train/'s: NULL for no loss, or not wanted */
    void (*release)(antler_context *context); /* frees it with its objective */
    const antler_real *x;                     /* the caller's inputs of the last pass, and how many samples it had */
    int64_t x_rows;
    int64_t step, row;
    bool ran_forward, ran_backward; /* a pass back, or an update, may follow */
    antler_real *noise_view;        /* the mask that was read last, as numbers, for antler_read */
};

/* A layer as the call sees it, with the shapes of this context. */
static inline const antler_layer *antler__called(const antler_context *c, int64_t call)
{
    return c->sizes ? &c->sizes->of[call] : c->model->call[call].of;
}

/* dim[0] is the model's. */
static inline const antler_shape *antler__wire_shape(const antler_context *c, int64_t wire)
{
    return c->sizes ? &c->sizes->wire[wire].shape : &c->model->wire[wire].shape;
}

static inline int64_t antler__wire_times(const antler_context *c, int64_t wire)
{
    return c->sizes ? c->sizes->wire[wire].times : c->model->wire[wire].times;
}

enum {
    ANTLER_WITH_OBJECTIVE = 1 << 16 /* private flag: evaluation, so that an inference context has a loss */
};

#endif
