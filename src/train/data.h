/* Data beyond antler.h. */
#ifndef ANTLER_DATA_H
#define ANTLER_DATA_H

#include "antler/antler.h"

/* antler_data_open with the bytes up to which a data set is read into memory. */
antler_data *antler__data_open(const char *path, const char *name, int64_t most_in_memory, antler_error *err);

#endif
