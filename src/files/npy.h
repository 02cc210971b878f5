/* The array of a .npy file, read by rows. */
#ifndef ANTLER_NPY_H
#define ANTLER_NPY_H

#include "antler/antler.h"
#include "core/status.h"

typedef struct antler_npy {
    int file; /* descriptor */
    antler_dtype dtype;
    antler_shape shape;
    int64_t offset; /* of the data, bytes */
    bool swap;      /* the file has the other byte order */
} antler_npy;

antler_status antler__npy_open(const char *path, antler_npy *npy, antler_error *err);
antler_status antler__npy_read(const antler_npy *npy, int64_t first, int64_t n, void *out, antler_error *err);
void antler__npy_close(antler_npy *npy);
/* Turns the bytes of n numbers round. */
void antler__swap_bytes(void *values, size_t size, int64_t n);

#endif
