/* The memory plan of a context: which calls run back, and where every wire's output, gradient and mask lie.

   Steps, by which buffers live: forward of call i is step i, the loss is step L (L calls), backward of call i is step
   L + 1 + 2 (L - 1 - i), and what is added up after it one step later. */
#ifndef ANTLER_LIFETIMES_H
#define ANTLER_LIFETIMES_H

#include "model/context.h"

int antler__backward_step(const antler_context *c, int64_t call);

/* Fills c->runs_backward and the buffers of c->edge, and of c->node's inputs (dx_buffer, sums). */
antler_status antler__plan_lifetimes(antler_context *c, antler_error *err);

#endif
