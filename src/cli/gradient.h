/* A gradient against central differences of the loss. */
#ifndef ANTLER_GRADIENT_H
#define ANTLER_GRADIENT_H

#include "cli/command.h"

enum { ANTLER_CHECK_ROWS = 3 }; /* samples of the batch */

typedef struct antler_gradient_check {
    antler_model *model;
    unsigned flags; /* of the context */
    antler_random_data random;
    antler_context *context; /* of a training pass over them */
    bool all;                /* every element, not a sample */
    int64_t length;          /* of open axes; 0: as antler__random_data_make has it */
    antler_source source;    /* of the choice of elements */
    double noise;            /* what rounding may do to a difference of losses */
    int failed;              /* weights */
} antler_gradient_check;

/* What is told of one weight. */
typedef struct antler_gradient_outcome {
    double largest, difference; /* |analytic|, |analytic - numeric| */
    int64_t checked, kinks;     /* elements */
    bool ok;
} antler_gradient_outcome;

/* The loss of the training pass with the masks of step 1; its gradients stay in the context. */
antler_status antler__gradient_loss(antler_gradient_check *c, double *loss, antler_error *err);
/* gradient: a copy, as every evaluation of the loss writes the context's. */
antler_status antler__gradient_check(antler_gradient_check *c, const antler_variable *v, const antler_real *gradient,
                                     antler_gradient_outcome *o, antler_error *err);

#endif
