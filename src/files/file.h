/* Whole files: read, and replaced atomically. */
#ifndef ANTLER_FILE_H
#define ANTLER_FILE_H

#include "antler/antler.h"
#include "core/status.h"

/* Opens a regular file to read, and nothing else: of a pipe nobody writes to, opening and reading wait for ever.
 *bytes is its size. */
antler_status antler__file_open(const char *path, int *file, int64_t *bytes, antler_error *err);
/* A text or binary file, whole, zero-terminated beyond *bytes; for antler__free. */
antler_status antler__file_read(const char *path, size_t most, void **data, size_t *bytes, antler_error *err);
/* The same of standard input, up to its end. */
antler_status antler__file_read_input(size_t most, void **data, size_t *bytes, antler_error *err);
/* Replaces the file at path by these bytes, atomically: on failure it is as it was. A link stays and its file is
   replaced; a device is written to. antler_file_check tells beforehand whether it can be done. */
antler_status antler__file_write(const char *path, const void *data, size_t bytes, antler_error *err);
/* ANTLER_FILE, "cannot <what>: <text of errno>". */
antler_status antler__file_error(const char *path, const char *what, antler_error *err);

/* All of the bytes to or from a descriptor; false on failure, or at its end. */
bool antler__file_put(int file, const void *data, size_t bytes);
bool antler__file_take(int file, void *data, size_t bytes);
bool antler__file_take_at(int file, void *data, size_t bytes, int64_t offset);

#endif
