/* IDX files, as MNIST's own: two zeros, a type, the number of axes, their sizes, the numbers; all high byte first. */
#ifndef ANTLER_IDX_H
#define ANTLER_IDX_H

#include "files/npy.h"

/* Whether a file begins as one, gzip's unpacked. */
bool antler__idx_is(const char *path);
/* Opens one, whose rows are then read as those of a .npy file, ... */
antler_status antler__idx_open(const char *path, antler_npy *npy, antler_error *err);
/* ... or, of a file that gzip has packed (npy->file is then -1), its values are unpacked whole, for antler__free: up to
   `most` bytes. */
antler_status antler__idx_unpack(const char *path, const antler_npy *npy, int64_t most, void **values,
                                 antler_error *err);

#endif
