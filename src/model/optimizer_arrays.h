/* The arrays of an optimizer's state, in the order in which files have them. */
#ifndef ANTLER_OPTIMIZER_ARRAYS_H
#define ANTLER_OPTIMIZER_ARRAYS_H

#include "model/model.h"

/* How a program lays the state out. All begin with the count of steps, but for some of the oldest. */
typedef enum antler_layout {
    ANTLER_LAYOUT_KERAS3, /* then the rate, unless a schedule gives it, and the slots as their optimizer says */
    ANTLER_LAYOUT_KERAS2, /* of 2.11 and later: without the rate and without what variables share; an optimizer that
                             has no slots has one that nobody reads */
    ANTLER_LAYOUT_OLDER   /* of Keras before 2.11: without the rate; first what variables share, then slot after slot
                             but for one that is always interleaved */
} antler_layout;

/* One array of the state in a file. */
typedef struct antler_state_array {
    antler_shape shape;
    bool dummy; /* a 0 that nobody reads */
    antler_real *data;
} antler_state_array;

/* A walk over them: by their slots' order, then by variable, then by slot. */
typedef struct antler_state_walk {
    const antler_model *model;
    antler_layout layout;
    int order, slot;
    int64_t variable;
} antler_state_walk;

/* Begins one; the model has its slots. */
antler_state_walk antler__state_walk(const antler_model *model, antler_layout layout);
bool antler__state_next(antler_state_walk *walk, antler_state_array *next); /* false past the last */

#endif
