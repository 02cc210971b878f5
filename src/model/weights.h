/* Which variable lies where in a file. The model has been built. */
#ifndef ANTLER_WEIGHTS_H
#define ANTLER_WEIGHTS_H

#include "model/model.h"

/* All variables, and the optimizer's state where there is one: as .weights.h5 (and in .keras), or as legacy .h5. */
antler_status antler__weights_write(const antler_model *model, antler_style style, antler_entries *entries,
                                    antler_error *err);
/* All or nothing; an optimizer state that does not fit is left out, as in Keras. */
antler_status antler__weights_read(antler_model *model, const antler_entries *entries, antler_error *err);

#endif
