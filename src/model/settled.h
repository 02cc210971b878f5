/* Between two calls whose layers both see the channels last (channels.h), a tensor lies so in memory: nobody moves it
   there and back. A chain of such layers moves numbers where it begins and where it ends. */
#ifndef ANTLER_SETTLED_H
#define ANTLER_SETTLED_H

#include "model/context.h"

/* Sets c->edge's `settled`. The losses are set. */
void antler__settle(antler_context *c);

/* The shape in which a wire's numbers lie, from that of the wire. */
antler_shape antler__settled_shape(const antler_context *c, int64_t wire, const antler_shape *shape);

#endif
