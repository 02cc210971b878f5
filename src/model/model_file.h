/* Model files. */
#ifndef ANTLER_MODEL_FILE_H
#define ANTLER_MODEL_FILE_H

#include "model/model.h"

/* Who hears of all errors in a model's JSON, while the loading goes on as far as it makes sense. */
typedef struct antler_listener {
    /* at: where in the file's JSON the place is, for their order */
    void (*hear)(void *user, const antler_error *error, size_t at);
    void *user;
    bool strict; /* also of what only training needs */
} antler_listener;
/* antler_load; listener may be NULL. */
antler_model *antler__load(const char *path, const antler_listener *listener, antler_error *err);

/* A .keras file of a model that has been built, with more entries beside the weights (NULL: none). */
antler_status antler__save_keras(antler_model *model, const char *path, const antler_entries *extra, antler_error *err);

#endif
