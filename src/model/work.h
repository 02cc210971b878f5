/* The activation that follows a layer, between the core and the layers that apply it themselves; the size of a task. */
#ifndef ANTLER_MODEL_WORK_H
#define ANTLER_MODEL_WORK_H

#include "antler/layer.h"
#include "antler/work.h"

/* Elements worth one task: some 10 us of one core, several times what it takes to wake another. Set by tests alone, so
   that small tensors are cut too. */
extern int64_t antler__task_elements;

/* y = f(z). Where z is not kept, it is written to y and f works in place. */
typedef struct antler_epilogue {
    const antler_activation_ops *f; /* NULL: none */
    bool linear;                    /* the loss takes z: its gradient comes in dy, and f has no part in backward */
    int64_t width;                  /* numbers of a row: the last axis */
    antler_real *z, *y;             /* z NULL: in y */
    antler_real *dz;                /* NULL: nobody needs it whole */
} antler_epilogue;

/* f over rows of n numbers, on the workers; y may be x. */
void antler__activate(antler_run *run, const antler_activation_ops *f, antler_real *y, const antler_real *x,
                      int64_t rows, int64_t n);
/* dx may be dy; x is read only where f->needs_x. */
void antler__activate_backward(antler_run *run, const antler_activation_ops *f, antler_real *dx, const antler_real *dy,
                               const antler_real *y, const antler_real *x, int64_t rows, int64_t n);

#endif
