/* Columns of numbers of a table. */
#ifndef ANTLER_CSV_H
#define ANTLER_CSV_H

#include "antler/antler.h"
#include "core/status.h"
#include "files/sheet.h"

/* Columns of a .csv file (antler_data_open says which) as numbers (rows, columns), for antler__free. The other columns
   may hold any text. *warning: what is read and may be meant otherwise; status ANTLER_OK, no message for nothing. */
antler_status antler__csv_read(const char *path, const char *columns, antler_real **values, antler_shape *shape,
                               antler_error *warning, antler_error *err);

/* The same of a table that is open. */
antler_status antler__sheet_read(const antler_sheet *sheet, const char *columns, antler_real **values,
                                 antler_shape *shape, antler_error *err);

#endif
