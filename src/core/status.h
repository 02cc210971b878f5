/* What the library does with errors beyond base.h. */
#ifndef ANTLER_STATUS_H
#define ANTLER_STATUS_H

#include "antler/base.h"

/* ANTLER_MEMORY, "out of memory". */
antler_status antler__no_memory(antler_error *err);

/* ANTLER_VALUE, "the <what> is NULL". */
antler_status antler__missing(const char *what, antler_error *err);

/* That, unless the caller gave one. */
static inline antler_status antler__require(const void *argument, const char *what, antler_error *err)
{
    return argument ? ANTLER_OK : antler__missing(what, err);
}

/* As {0}, without filling its kilobyte: that is seen in the step of a small network. */
static inline void antler__error_clear(antler_error *err)
{
    err->status = ANTLER_OK;
    err->line = 0;
    *err->file = *err->place = *err->message = 0;
}

/* Copies an error as it is (file and line too), unless *to has one; returns from's status. */
antler_status antler__error_copy(antler_error *to, const antler_error *from);

/* Whether an axis beside the batch is open; and the shape with a length for each such. */
bool antler__is_open(const antler_shape *shape);
antler_shape antler__with_length(const antler_shape *shape, int64_t length);

/* Adds the file to an error that was set and has none yet; err may be NULL or clean. */
void antler__error_file(antler_error *err, const char *file);

#endif
