/* Which variable lies where in a file. The model has been built. */
#ifndef ANTLER_WEIGHTS_H
#define ANTLER_WEIGHTS_H

#include "model/model.h"

/* All variables, and the optimizer's state where there is one: as .weights.h5 (and in .keras), or as legacy .h5. */
antler_status antler__weights_write(const antler_model *model, antler_style style, antler_entries *entries,
                                    antler_error *err);
/* Whether entries are those of weights, in either layout. */
bool antler__is_weights(const antler_entries *entries);
/* All or nothing: every weight of the model has one in the file, and every one of the file its place. An optimizer
   state that does not fit is left out, as in Keras. */
antler_status antler__weights_read(antler_model *model, const antler_entries *entries, antler_error *err);
/* The weights of the layers whose names the file has; all others, and the optimizer, stay as they are. */
antler_status antler__weights_read_by_name(antler_model *model, const antler_entries *entries, antler_error *err);

#endif
