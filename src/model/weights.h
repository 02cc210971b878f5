/* Between the files that know which variable lies where in a weights file. */
#ifndef ANTLER_WEIGHTS_H
#define ANTLER_WEIGHTS_H

#include "model/model.h"

enum { ANTLER_LONGEST_PATH = 1024 }; /* bytes of an entry's name: three names of a model and what is between */

/* ---- weights.c: what both layouts need --------------------------------------------------------------------------- */

antler_status antler__weights_put(antler_entries *entries, const char *name, const antler_shape *shape,
                                  const antler_real *data, antler_error *err);
antler_status antler__weights_put_text(antler_entries *entries, const char *name, const char *text, antler_error *err);
antler_status antler__weights_put_group(antler_entries *entries, const char *name, antler_error *err);
/* The entry's numbers, which must have this shape, to `data`. */
antler_status antler__weights_take(const antler_entry *entry, const antler_shape *wanted, antler_real *data,
                                   antler_error *err);
/* Variables of the layer of this name (compared by address), from *first on: they lie one after the other in
   model->variable, in the order of the layers. Moves *first past them. */
int64_t antler__weights_of_layer(const antler_model *model, const char *layer, int64_t *first);

/* ---- the two layouts. `to` is in the layout of model->parameters. ------------------------------------------------ */

/* weights_keras.c: .weights.h5, also inside .keras */
antler_status antler__keras_weights_write(const antler_model *model, antler_entries *entries, antler_error *err);
antler_status antler__keras_weights_read(const antler_model *model, const antler_entries *entries, antler_real *to,
                                         antler_error *err);

/* weights_legacy.c: .h5 of a whole model, or of weights alone */
bool antler__is_legacy_weights(const antler_entries *entries);
antler_status antler__legacy_weights_write(const antler_model *model, antler_entries *entries, antler_error *err);
antler_status antler__legacy_weights_read(const antler_model *model, const antler_entries *entries, antler_real *to,
                                          antler_error *err);

/* ---- weights_optimizer.c: the optimizer's state, and where training stands --------------------------------------- */

antler_status antler__optimizer_write(const antler_model *model, antler_style style, antler_entries *entries,
                                      antler_error *err);
/* Leaves a state out that does not fit, as Keras does; a number of steps that is none is an error. */
antler_status antler__optimizer_read(antler_model *model, const antler_entries *entries, antler_error *err);
antler_status antler__position_write(const antler_model *model, antler_entries *entries, antler_error *err);
/* Where a training stands: batches and epochs done. */
typedef struct antler_position {
    int64_t step, epoch;
} antler_position;
/* Leaves *position as it is where the file says nothing. */
antler_status antler__position_read(const antler_entries *entries, antler_position *position, antler_error *err);

/* ---- lists of strings in attributes (weights_legacy.c) ----------------------------------------------------------- */

/* Walks the strings of a list, which Keras cuts into attribute0, attribute1 ... when it is long. */
typedef struct antler_names {
    const antler_entries *entries;
    const char *attribute;
    int64_t part; /* of the list: -1 before it is cut */
    int64_t left; /* strings from `next` on */
    const char *next;
} antler_names;

antler_names antler__names_of(const antler_entries *entries, const char *attribute);
const char *antler__names_next(antler_names *names); /* NULL past the last */

/* Zero-ended strings, one after the other, to be written as such a list. */
typedef struct antler_name_list {
    char *text;
    size_t bytes;
    int64_t n;
} antler_name_list;

antler_status antler__name_list_add(antler_name_list *list, const char *name, antler_error *err);
/* Writes and releases the list. */
antler_status antler__name_list_write(antler_name_list *list, const char *attribute, antler_entries *entries,
                                      antler_error *err);

#endif
