/* A model as its file has it: layers, and models in models, with the calls of each. All that runs is laid out flat from
   this (layout.c); what a file needs beside, its names and its order, stays here. */
#ifndef ANTLER_TREE_H
#define ANTLER_TREE_H

#include "antler/layer.h"
#include "config/json.h"
#include "core/status.h"

enum {
    ANTLER_DEEPEST = 16, /* models in models */
    /* Layers of a model, and calls of all its layers, those of models in it counted: a file of a few kilobytes, of
       models in models that are called many times, asks for any number, and each takes some kilobytes. */
    ANTLER_MOST_CALLS = 1 << 14
};

/* A tensor of a tree: an output of a call of a member; member -1: what the tree is given, its input `output`. */
typedef struct antler_from {
    int64_t member, call;
    int output;
} antler_from;

typedef struct antler_member_call {
    int inputs, parents;
    antler_from *in;     /* [inputs] what it computes with */
    antler_from *parent; /* [parents] what it depends on, in the order in which Keras asks; NULL: in */
    antler_object layer; /* owned: the member's as settings of this call make it; type NULL: as it is */
    antler_json *mask;   /* "mask" of a file of Keras 3, which is kept for writing: the core makes masks itself */
    int64_t flat;        /* the first of the model's calls that this became; -1: none */
    int64_t number;      /* among those that the outputs need, which alone are written; -1: they do not need it */
} antler_member_call;

/* A layer (an operator that computes is one too), a model, or (neither) an operator that only carries masks. While a
   file is read, all operators are such. */
typedef struct antler_tree_member {
    antler_object layer; /* owned */
    struct antler_tree *model;
    antler_json *mask_operator; /* in the form of Keras 3, kept for writing */
    char *name;                 /* of a member that is no layer; a layer's is in its config */
    int64_t place;              /* in the file's list */
    int64_t calls;
    antler_member_call *call;
    int64_t flat; /* the model's layer that this became; -1: none */
} antler_tree_member;

/* Weights of a model that had them before it became a part of another, in the order of its variables. */
typedef struct antler_kept {
    int64_t n;
    antler_shape *shape; /* [n] */
    antler_real *value;  /* one after the other */
} antler_kept;

typedef struct antler_turn {
    int64_t member, call;
} antler_turn;

typedef struct antler_tree {
    char *name;
    bool sequential; /* each member takes what the one before gives; else a Functional */
    bool trainable;
    int64_t members;
    antler_tree_member *member;
    int64_t inputs, outputs;
    antler_from *input, *output;
    char **input_key, **output_key; /* of dicts: [inputs], [outputs]; else NULL */
    antler_kept *kept;              /* to start from in place of weights that are drawn; or NULL */
    /* antler__tree_order: */
    int64_t ordered;
    int64_t *order; /* [ordered] members in the order of Keras's model.layers; one that nothing needs is left out */
    int64_t steps;
    antler_turn *step; /* [steps] calls in the order in which Keras makes them; none of sources */
} antler_tree;

antler_tree *antler__tree_new(const char *name, bool sequential, antler_error *err); /* NULL without memory */
void antler__tree_free(antler_tree *tree);
void antler__kept_free(antler_kept *kept);
void antler__member_free(antler_tree_member *member); /* what it holds */
/* Puts a source layer (taken over, also on failure) in front. */
antler_status antler__tree_source(antler_tree *tree, antler_object layer, antler_error *err);
/* Appends a member, which is the tree's from then on, also on failure. */
antler_status antler__tree_add(antler_tree *tree, antler_tree_member member, antler_error *err);
/* Appends a call of a member, copies `in`. */
antler_status antler__tree_call(antler_tree *tree, int64_t member, const antler_from *in, int inputs,
                                antler_error *err);
antler_status antler__tree_output(antler_tree *tree, antler_from output, antler_error *err);
antler_status antler__tree_input(antler_tree *tree, int64_t member, antler_error *err);

/* Forgets which layers and calls of a model it became. */
void antler__tree_lift(antler_tree *tree);
int antler__tree_depth(const antler_tree *tree); /* models in it, one in the other: 0 for none */

const char *antler__member_name(const antler_tree_member *member);                 /* NULL: none yet */
antler_status antler__member_rename(antler_tree_member *member, const char *name); /* ANTLER_MEMORY, or done */
const char *antler__member_class(const antler_tree_member *member);
/* The name of its class in Keras, as "dense" and "dense_1" are made of it. */
const char *antler__member_python_name(const antler_tree_member *member);
bool antler__member_is_source(const antler_tree_member *member);
/* The model that a member is; NULL for a layer, also for one that runs a model on each step. */
struct antler_tree *antler__called_model(const antler_tree_member *member);
bool antler__member_is_operator(const antler_tree_member *member); /* of either kind */
bool antler__is_source(antler_object layer);
/* The name of an argument of a call, without what may stand for it ("key" of "key=value"). */
void antler__argument_name(const char *argument, char *text, size_t size);
int antler__argument_find(const char *const *arguments, const char *name); /* -1: none is called so */
/* The argument whose tensors are taken for the i-th where that is left out before others; -1: none is. */
int antler__argument_stand_in(const char *const *arguments, int i);

/* Gives names to members that have none, in all of the tree; refuses two of one name. `place` is that of its "config".
 */
antler_status antler__tree_name(antler_tree *tree, const antler_place *place, antler_error *err);
/* Fills in order and steps, in all of the tree: those of Keras (keras/src/ops/function.py, map_graph), which a file's
   numbers of variables and optimizer slots follow. */
antler_status antler__tree_order(antler_tree *tree, const antler_place *place, antler_error *err);

#endif
