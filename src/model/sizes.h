/* Axes of variable length: the shapes of a model where its inputs have a number for each of them.

   Layers are asked for shapes with numbers alone. So a model with open axes is planned twice when it is made, with
   another length each time: an axis that differs is open (ANTLER_OPEN) in the model's own shapes, and a weight that
   differs is refused. Every context then has the shapes of the lengths that it runs at, from the layers themselves. */
#ifndef ANTLER_SIZES_H
#define ANTLER_SIZES_H

#include "model/model.h"

/* Lengths to plan a model with: far from each other, so that strides and pooling leave no two alike, many times
   divisible, as what is halved and doubled again meets what is not, and small enough for the square of one to be a
   number of steps. */
enum { ANTLER_A_LENGTH = 3840, ANTLER_ANOTHER_LENGTH = 7680 };
/* The length of the open axes of input k in an attempt, from 0: one for all inputs; then, as there are layers that take
   but an odd one, those that follow it; then, of several inputs, one that is a multiple of another's. 0: no attempts
   are left. */
int64_t antler__length_to_try(int64_t length, const antler_model *model, int attempt, int64_t k);

typedef struct antler_sized_wire {
    antler_shape shape; /* dim[0] is the model's */
    int64_t times;
} antler_sized_wire;

typedef struct antler_sizes {
    int64_t calls;
    antler_layer *of;        /* [calls] what antler_call has, with numbers in its shapes */
    antler_sized_wire *wire; /* [wires] */
} antler_sizes;

/* For inputs of the shapes `in` ([inputs]; dim[0] is not looked at), whose calls have been made. NULL and *err where a
   layer does not take them. */
antler_sizes *antler__sizes_make(const antler_model *model, const antler_shape *in, antler_error *err);
void antler__sizes_free(antler_sizes *sizes); /* NULL too */

/* A model that was planned with a length from ANTLER_A_LENGTH: plans it with a longer and a short one, and opens the
   axes that differ. */
antler_status antler__open_axes(antler_model *model, antler_error *err);

/* A failure of a call of the i-th layer, with its place in the model's file and the inputs that it was given. */
antler_status antler__blame_call(const antler_model *model, int64_t i, const antler_layer *call,
                                 const antler_error *error, antler_error *err);

#endif
