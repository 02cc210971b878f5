/* The plan: what a layer's `variables` and `buffers` write into. The first runs when a model is built and counts
   variables, noise sites and children; the second runs when a context is made and asks for memory, which is then placed
   in one arena so that buffers whose lifetimes do not meet share it. */
#ifndef ANTLER_PLAN_H
#define ANTLER_PLAN_H

#include "kernels/kernels.h"
#include "model/arena.h"
#include "model/model.h"
#include "model/work.h"

/* Buffers of one sort, by slot. */
typedef struct antler_slots {
    int n;
    antler_tensor *tensor; /* [n] */
    int64_t *buffer;       /* [n] in the arena; -1: none */
} antler_slots;

/* A tensor of a call that its layer sees with the channels moved to the end; see moved.h. */
typedef struct antler_moved {
    int axis;             /* of the channels, to the call; 0: the layer sees the call's own tensor */
    int64_t buffer[2];    /* of its numbers as the layer sees them, and of their gradient; -1: none */
    antler_real *data[2]; /* the same */
} antler_moved;

/* A call in a context, or a child of one: its run, prepared, and the buffers behind it. */
typedef struct antler_node {
    const antler_layer *layer;
    antler_run run;
    antler_epilogue epilogue, bare; /* bare: without an activation, for a layer whose tensors are moved */
    int64_t z_buffer, dz_buffer;    /* of the epilogue; -1: none */
    antler_slots saved, scratch, carry, words;
    antler_bits *bits;                     /* [words.n] */
    antler_tensor *x, *y, *dy, *dx, *mask; /* of run, writable; all in one block that begins with x */
    antler_tensor *mask_out, *param, *grad, *state;
    antler_moved *moved; /* [inputs + outputs]; NULL: the layer sees its call's tensors */
    antler_tensor *seen_x, *seen_y, *seen_dy, *seen_dx; /* of run, where some are moved: one block, from seen_x on */
    struct antler_node *child;                          /* [layer->children] */
} antler_node;

/* Where a layer stands while it is planned. */
typedef struct antler_within {
    const char *top;           /* name of the model's layer that it is or lies in */
    const char *path;          /* of a child: "forward_layer/"; else "" */
    bool trainable;            /* what it lies in */
    const antler_layer *first; /* the same layer at its first call, whose variables it has; NULL: this is that call */
    bool resized;              /* it is the same call at other lengths of open axes (sizes.h) */
} antler_within;

struct antler_plan {
    antler_status status; /* the first failure */
    antler_error *err;
    /* in `variables`: */
    antler_model *model;
    antler_layer *layer; /* NULL in `buffers` */
    const antler_within *within;
    const char *group;
    int64_t fan_in;
    const char *wanted;  /* a look at a child: the param whose shape is asked for; else NULL */
    antler_shape *found; /* that shape; rank 0 until it is declared */
    /* in `buffers`: */
    const antler_model *built;
    antler_node *node;
    antler_arena *arena;
    antler_mode mode;
    int workers;
    int forward, loss, backward; /* the steps at which the call runs and the loss; backward is -1 where it does not */
    bool keep;                   /* bits stay after the pass back, for antler_read */
    bool linear;                 /* the loss takes the logits of this call */
    bool whole;                  /* the gradient of the input is wanted */
    const bool *settled;         /* [inputs + outputs] tensors whose channels are last already; NULL: none */
};

antler_status antler__plan_fail(antler_plan *plan, antler_status status, const char *format, ...) ANTLER_PRINTF(3, 4);

/* Asks the arena; -1 and the plan failed without memory. */
int64_t antler__plan_buffer(antler_plan *plan, const antler_shape *shape, size_t size, int birth, int death);

/* A call of `layer` (ops, object, inputs are set) with inputs of the shapes `in` ([inputs + 1], taken over, also on
   failure; NULL for a source): infers layer->out, and builds its children and, at a first call, its variables. */
antler_status antler__plan_layer(antler_model *model, antler_layer *layer, antler_shape *in,
                                 const antler_within *within, antler_error *err);
/* Takes the numbers of the variables from the layer's first call, children's too. */
void antler__layer_follow(antler_layer *layer, const antler_layer *first);
/* Noise sites of one call, children's included. */
int64_t antler__layer_sites(const antler_layer *layer);
void antler__layer_clear(antler_layer *layer);

/* Makes the node of a call of `layer` with `inputs` inputs of the shapes `in` (ended by rank 0) and outputs `out`, all
   with the real batch; asks the layer and its children for their buffers. */
antler_status antler__plan_node(const antler_plan *settings, antler_node *node, const antler_layer *layer,
                                const antler_shape *in, const antler_shape *out);
void antler__node_clear(antler_node *node);
/* After the arena is placed: fills in the pointers. */
antler_status antler__node_connect(antler_node *node, const antler_arena *arena, antler_error *err);

/* Runs a call whose tensors are set: the layer, then the activation that follows it. */
antler_status antler__node_forward(antler_node *node);
antler_status antler__node_backward(antler_node *node);

#endif
