/* The plan: what a layer's declare writes into. The same calls serve two times: when a model is built they count
   variables, noise sites and children; when a context is made they ask for buffers, which are then placed in one arena
   so that those whose lifetimes do not meet share memory. */
#ifndef ANTLER_PLAN_H
#define ANTLER_PLAN_H

#include "kernels/kernels.h"
#include "model/model.h"

/* A piece of an arena. It is alive from step `birth` to step `death`, both included, and (scratch, which serves forward
   and backward) at step `again`, -1 for none; see context.c for the steps. */
typedef struct antler_buffer {
    int64_t bytes;
    int birth, death, again;
    int64_t offset;
} antler_buffer;

typedef struct antler_arena {
    int64_t n, room;
    antler_buffer *buffer;
    int64_t bytes; /* of all, once placed */
    char *memory;
} antler_arena;

/* Adds a buffer of a shape (elements of `size` bytes); its number, or -1 with *err set. */
int64_t antler__arena_add(antler_arena *arena, const antler_shape *shape, size_t size, int birth, int death,
                          antler_error *err);
/* Gives every buffer its offset, and the arena its memory, zeroed. */
antler_status antler__arena_place(antler_arena *arena, antler_error *err);
void *antler__arena_at(const antler_arena *arena, int64_t buffer); /* NULL for -1 */
void antler__arena_free(antler_arena *arena);

/* A layer in a context: its run, prepared, and the buffers behind it. */
typedef struct antler_node {
    const antler_layer *layer;
    antler_run run;
    antler_tensor param[ANTLER_MAX_SLOTS], grad[ANTLER_MAX_SLOTS], state[ANTLER_MAX_SLOTS], saved[ANTLER_MAX_SLOTS],
        scratch[ANTLER_MAX_SLOTS], carry[ANTLER_MAX_SLOTS];
    uint64_t *bits[ANTLER_MAX_SLOTS];
    antler_shape bits_shape[ANTLER_MAX_SLOTS];
    antler_noise noise[ANTLER_MAX_SLOTS];
    int64_t saved_buffer[ANTLER_MAX_SLOTS], bits_buffer[ANTLER_MAX_SLOTS], scratch_buffer[ANTLER_MAX_SLOTS],
        carry_buffer[ANTLER_MAX_SLOTS]; /* -1: none */
    struct antler_node *child;          /* [layer->children] */
    antler_run *child_run;              /* [layer->children]: where run.child points */
} antler_node;

struct antler_plan {
    antler_status status; /* the first failure */
    antler_error *err;
    antler_mode mode;
    int threads;
    /* building: */
    antler_model *model;
    antler_layer *layer;
    const char *top;  /* name of the model's layer that this one is or lies in */
    const char *path; /* of a child: "forward_layer/"; else "" */
    bool trainable;
    /* making a context: */
    antler_node *node;
    antler_arena *arena;
    int forward, backward; /* the steps at which the layer runs; backward is -1 where it does not */
    bool keep;             /* bits stay after the pass back, for antler_read */
};

antler_status antler__plan_fail(antler_plan *plan, antler_status status, const char *format, ...) ANTLER_PRINTF(3, 4);

/* Builds `layer` (ops, object and in are set) and its children in model. */
antler_status antler__plan_layer(antler_model *model, antler_layer *layer, const char *top, const char *path,
                                 bool trainable, antler_error *err);
void antler__layer_clear(antler_layer *layer);

/* Asks a layer and its children for their buffers. in has the real batch. */
antler_status antler__plan_node(const antler_plan *settings, antler_node *node, const antler_layer *layer,
                                const antler_shape *in);
void antler__node_clear(antler_node *node);
/* After the arena is placed: fills in the pointers. */
void antler__node_connect(antler_node *node, const antler_arena *arena);

#endif
