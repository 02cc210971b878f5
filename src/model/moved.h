/* Calls whose layer sees tensors with the channels moved to the end (channels.h): memory for these, and the moves there
   and back. Outside of the call nothing is known of it. */
#ifndef ANTLER_MOVED_H
#define ANTLER_MOVED_H

#include "model/plan.h"

/* Where the node's layer sees other tensors than its call has, makes them (node->moved is NULL else), and asks for the
   memory of their numbers. `in` and `out` are the call's shapes. */
antler_status antler__moved_plan(antler_plan *plan, const antler_shape *in, const antler_shape *out);
void antler__moved_connect(antler_node *node, const antler_arena *arena);

/* Forward and backward of such a layer, between the moves there and back. */
antler_status antler__moved_forward(antler_node *node);
antler_status antler__moved_backward(antler_node *node);

#endif
