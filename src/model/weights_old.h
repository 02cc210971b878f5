/* Weights as Keras 1 and 2 keep them, in a legacy file. */
#ifndef ANTLER_WEIGHTS_OLD_H
#define ANTLER_WEIGHTS_OLD_H

#include "config/old.h"
#include "model/weights_entries.h"

/* Who wrote the weights that lie in `root`: what they say of it, or the file does. Keras 1 names no backend, but takes
   the names of variables from it: "dense_1_W:0" of TensorFlow, "dense_1_W" of Theano. */
antler_origin antler__origin_of(const antler_entries *entries, const char *root);
/* Refuses a model that computed otherwise there. */
antler_status antler__origin_check(const antler_model *model, antler_origin origin, antler_error *err);

/* The weights that a file lists for a layer. */
typedef struct antler_weight_list {
    const char *place;          /* of the list, for errors */
    const char *layer;          /* of the model, that they are for */
    int64_t n, next;            /* next: the first that has not been taken */
    const antler_entry **entry; /* [n] */
} antler_weight_list;

enum { ANTLER_LONGEST_RUN = 16 }; /* variables: more than any layer has that old files kept otherwise */
/* Takes n variables of one layer off the list. */
antler_status antler__run_read(const antler_source *source, antler_origin origin, antler_weight_list *list,
                               const antler_model_variable_entry *const *run, int n, antler_error *err);

#endif
