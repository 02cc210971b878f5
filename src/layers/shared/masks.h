/* The masks of several tensors made one. */
#ifndef ANTLER_LAYERS_MASKS_H
#define ANTLER_LAYERS_MASKS_H

#include "antler/layer.h"

/* Keras 3.4: a step is there if it is in any tensor, and masks act on the values of merging layers. In Keras 2 a step
   was there if it was in all; Keras 3.0 to 3.3 lost the masks of several tensors (model/structure.c). */
static inline bool antler__masks_join_by_or(int keras)
{
    return keras >= 304;
}

/* Writes mask_out, where it is wanted, step by step. A mask of one step is for all; a tensor without a mask, or with
   one of another length than y's, has all its steps. */
void antler__join_masks(const antler_run *run);

#endif
