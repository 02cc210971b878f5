/* What "fit" says of tables that is no setting. */
#ifndef ANTLER_TABLE_READ_H
#define ANTLER_TABLE_READ_H

#include "model/model.h"

/* Takes "table" of the "fit" `node` to model->columns. *plain: the node without it, and with "x" and "y" that are lists
   of columns as a text, for antler__json_free; NULL: it is so already. */
antler_status antler__table_read(antler_model *model, const antler_json *node, antler_report *report,
                                 antler_json **plain);

#endif
