/* Calls the callbacks of a fit. */
#ifndef ANTLER_CALL_BACK_H
#define ANTLER_CALL_BACK_H

#include "train/checkpoint.h"

/* Room for what they remember; with it, whether any of them is called after batches. The list is borrowed. */
antler_status antler__callbacks_make(antler_training *training, const antler_objects *callbacks, antler_error *err);
/* Frees that, and the weights put aside. */
void antler__callbacks_free(antler_training *training);

typedef enum antler_hook {
    ANTLER_AT_START,
    ANTLER_AT_EPOCH,
    ANTLER_AFTER_BATCH,
    ANTLER_AFTER_EPOCH,
    ANTLER_AT_END
} antler_hook;

/* One hook of all of them, in their order. `where`: epoch, epochs, batch, batches, foreign. They may add to the logs.
 */
antler_status antler__call_back(antler_training *training, antler_hook hook, const antler_moment *where,
                                antler_logs *logs, antler_error *err);

#endif
