/* Layers that have their channels elsewhere than on the last axis, as Keras's data_format "channels_first" says: which
   ones these are, a row of their table tells (ANTLER_CHANNELS). Their methods see the channels of every tensor moved to
   the end; this is what becomes of shapes. What becomes of numbers is in moved.h. */
#ifndef ANTLER_CHANNELS_H
#define ANTLER_CHANNELS_H

#include "antler/layer.h"

/* The row; NULL: all tensors are seen as they are. */
const antler_field *antler__channels_field(antler_object layer);

/* The axis of the channels in a tensor of that rank which the layer takes or gives, where they are to be moved; 0: it
   is seen as it is. */
int antler__channels_axis(antler_object layer, int rank);

/* The shape with that axis moved to the end; 0: the same. */
antler_shape antler__channels_last(const antler_shape *shape, int axis);

/* A list of shapes (ended by rank 0) as the layer sees them: for antler__free. NULL without memory. */
antler_shape *antler__channels_seen(antler_object layer, const antler_shape *list);

#endif
