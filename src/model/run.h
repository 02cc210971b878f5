/* Running a context. */
#ifndef ANTLER_RUN_H
#define ANTLER_RUN_H

#include "model/context.h"

/* x (of several inputs: one after the other) stays the caller's, and must stay until the pass back. The outputs are the
   context's. */
antler_status antler__forward(antler_context *context, const antler_real *x, int64_t n, antler_error *err);
/* The same up to before call `end`, whose inputs are then those of this pass; nothing may follow but a forward pass. */
antler_status antler__forward_to(antler_context *context, const antler_real *x, int64_t n, int64_t end,
                                 antler_error *err);
const antler_tensor *antler__output(const antler_context *context, int64_t index);
/* Those that the loss of the output takes; NULL: it takes none. */
const antler_real *antler__logits(const antler_context *context, int64_t index);
/* Calls visit for each tensor that stateful layers carry from pass to pass: calls in order, children after them. */
void antler__context_carry(antler_context *context, void (*visit)(void *arg, antler_tensor *carry), void *arg);
/* From the gradients in the outputs' edges (of the logits, where the loss takes them) down to the parameters and
   inputs. The activity penalties' gradients are added with `penalties`. */
antler_status antler__run_backward(antler_context *context, bool penalties, antler_error *err);
/* A pass back may follow: it is a training context, and a forward pass has run. The caller clears ran_forward. */
antler_status antler__ready_for_backward(antler_context *context, antler_error *err);
/* The error of a caller who did not look whether the context was made. */
antler_status antler__no_context(antler_error *err);

/* A model whose input is of integers takes no fractions, where Keras cuts them off without a word: what they are meant
   to be is not known here. row: numbers of the n samples for the error; NULL: from 0 on. */
antler_status antler__check_input(const antler_context *context, const antler_real *x, const int64_t *row, int64_t n,
                                  antler_error *err);

#endif
