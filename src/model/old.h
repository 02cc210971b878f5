/* JSON of Keras 1 and 2, in the words of today. */
#ifndef ANTLER_MODEL_OLD_H
#define ANTLER_MODEL_OLD_H

#include "config/fields.h"

/* The version whose words a model's JSON is in, which does not say it: Keras 1 where it has keys that no other has;
   else Keras 2 for a whole-model .h5 whose layers name no module, else 0. What was judged is a warning. */
int antler__old_version(const antler_json *root, antler_report *report);
/* *copy: the same as report->keras would be today, for antler__json_free; NULL: nothing has changed since. A value that
   cannot be said today is refused; report->keras is that of Keras 2 then, into whose words those of 1 are put. */
antler_status antler__old_read(const antler_json *node, const antler_place *place, antler_report *report,
                               antler_json **copy);

#endif
