/* Weights of samples by the class of their target: class_weight of a fit. */
#ifndef ANTLER_CLASS_WEIGHT_H
#define ANTLER_CLASS_WEIGHT_H

#include "train/objective.h"

typedef struct antler_class_weight {
    int64_t label;
    antler_real weight;
} antler_class_weight;

typedef struct antler_class_weights {
    int64_t n; /* 0: none */
    antler_class_weight *item;
} antler_class_weights;

/* From {"0": 1, "1": 5}, or from [1, 5]; for antler__class_weights_free. */
antler_status antler__class_weights_make(const antler_by_output *given, antler_class_weights *weights,
                                         antler_error *err);
void antler__class_weights_free(antler_class_weights *weights);
/* Of each row of n samples' targets; 1 for a class that has none. A class is the target rounded, or where the largest
   of a row is. w: (n, rows of a sample). */
void antler__class_weights_fill(const antler_class_weights *weights, const antler_goal *goal, const antler_real *y,
                                int64_t n, antler_real *w);

#endif
