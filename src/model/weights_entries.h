/* A model's numbers as entries of a file. */
#ifndef ANTLER_WEIGHTS_ENTRIES_H
#define ANTLER_WEIGHTS_ENTRIES_H

#include "model/model.h"

enum { ANTLER_LONGEST_PATH = 1024 }; /* bytes of an entry's name: three names of a model and what is between */

antler_status antler__weights_put(antler_entries *entries, const char *name, const antler_shape *shape,
                                  const antler_real *data, antler_error *err);
antler_status antler__weights_put_text(antler_entries *entries, const char *name, const char *text, antler_error *err);
antler_status antler__weights_put_group(antler_entries *entries, const char *name, antler_error *err);
/* The entry's numbers, which must have this shape, to `data`. */
antler_status antler__weights_take(const antler_entry *entry, const antler_shape *wanted, antler_real *data,
                                   antler_error *err);

/* ANTLER_SHAPE: the numbers of an entry, of this shape, are none for the model's weights of another. */
antler_status antler__weights_misfit(const antler_entry *entry, const antler_shape *shape, const antler_shape *wanted,
                                     antler_error *err);

/* A file that a model's weights are read from. */
typedef struct antler_source {
    const antler_entries *entries;
    bool *used;      /* [entries->n] */
    antler_real *to; /* in the layout of model->parameters */
    bool by_name;    /* what has no layer of its name is passed over, on either side */
} antler_source;
/* The entry's numbers to the place of the variable. */
antler_status antler__source_take(const antler_source *source, const antler_entry *entry,
                                  const antler_model_variable_entry *variable, antler_error *err);
/* How many variables a layer has, its children's counted: they lie one after the other in model->variable, from
   layer->variable on. */
int64_t antler__variables_of(const antler_layer *layer);

#endif
