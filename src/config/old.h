/* What files of Keras 1 and 2 call things: const tables, which are filled where the types are (src/layers/old), as
   nobody else knows a layer. src/model/old.c renames by them before the field tables read. */
#ifndef ANTLER_OLD_H
#define ANTLER_OLD_H

#include "antler/layer.h"

/* Who wrote a file. */
typedef struct antler_origin {
    int keras;   /* 100 * major + minor; 0: it does not say */
    bool theano; /* whose convolutions turn their kernels */
} antler_origin;

/* One key of a config, or several that became one. */
typedef struct antler_old_key {
    const char *key;    /* in the file; "nb_row nb_col" becomes a list of both. NULL ends a table */
    const char *today;  /* NULL: it changes no number, and is left out */
    const char *values; /* "th=channels_first tf=channels_last *=true": words for words; others stay. NULL: all do */
    const char *only;   /* JSON: any other value is refused, for this reason: */
    const char *why;
    const char *idle;    /* JSON: left out where it is that */
    const char *missing; /* JSON: what is meant where neither key stands there; NULL: today's default */
    bool sure;           /* Keras 1 alone has this key: a file that does not say who wrote it is told by it */
    const char *warning; /* what a value other than null and 0 meant, in files of Keras that are not TensorFlow's */
} antler_old_key;

/* A class, in files of versions below `before`. Rows hold in their order: a name that one row changes is looked for in
   those after it. */
typedef struct antler_old_class {
    int before;       /* 0 ends the table */
    const char *name; /* NULL: every type of this kind: */
    antler_kind kind;
    const char *today;     /* NULL: the same */
    const char *when, *is; /* the row holds where this key is that word; NULL: always */
    const antler_old_key *keys;
    const char *refused; /* why there is nothing today that computes the same */
} antler_old_class;

extern const antler_old_class antler__old_classes[];

/* An operator of TF 2.0 to 2.3, which files name by its node in the graph. */
typedef struct antler_old_function {
    const char *op;       /* NULL ends the table */
    const char *function; /* what tf.keras called it later (antler_spelling) */
    const char *takes;    /* its arguments in their order; a third is what the node says by "keep_dims" */
} antler_old_function;

extern const antler_old_function antler__old_functions[];

/* The arrays that an old file has for one layer, or for what is left of a group's list. */
enum { ANTLER_OLD_ARRAYS = 12 };
typedef struct antler_old_weights {
    int n;    /* that there are */
    int used; /* that are the layer's: as many as it has variables, unless old ones had more */
    antler_tensor array[ANTLER_OLD_ARRAYS]; /* data: of antler__allocate */
} antler_old_weights;

/* Whether a layer's arrays have to be looked at by antler__old_weights. */
bool antler__old_has_weights(antler_object layer, antler_origin origin);
/* Makes the layer's variables of the first arrays, in their places: today's order, shapes and layout. What does not
   look like an old form stays as it is, for the caller to compare the shapes. */
antler_status antler__old_weights(antler_object layer, antler_origin origin, antler_old_weights *weights,
                                  antler_error *err);
/* Refuses a layer that computed otherwise where the file was written, by no number that the file holds. */
antler_status antler__old_check(antler_object layer, antler_origin origin, antler_error *err);

#endif
