/* Whether a checkpoint is of the model's loss, of which nothing but its config.json tells. */
#ifndef ANTLER_CHECKPOINT_LOSS_H
#define ANTLER_CHECKPOINT_LOSS_H

#include "model/model.h"

/* config: the text of config.json. */
antler_status antler__checkpoint_loss(const antler_model *model, const char *config, size_t size, antler_error *err);

#endif
