/* What stands in for hdf5.c in a build without HDF5. */
#include "files/files.h"

#ifndef ANTLER_WITH_HDF5

static antler_status absent(const char *path, antler_error *err)
{
    antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "this build of Antler has no HDF5 (ANTLER_HDF5 is off)");
    antler__error_file(err, path);
    return ANTLER_UNSUPPORTED;
}

antler_status antler__hdf5_read(const char *path, const void *image, size_t bytes, antler_entries *entries,
                                antler_error *err)
{
    (void)image;
    (void)bytes;
    *entries = (antler_entries){0};
    return absent(path, err);
}

antler_status antler__hdf5_write(const char *path, const antler_entries *entries, void **image, size_t *bytes,
                                 antler_error *err)
{
    (void)entries;
    (void)image;
    (void)bytes;
    return absent(path ? path : "", err);
}

antler_status antler__hdf5_rows_open(const char *path, const char *name, antler_hdf5_rows **rows, antler_dtype *dtype,
                                     antler_shape *shape, antler_error *err)
{
    (void)name;
    (void)dtype;
    (void)shape;
    *rows = NULL;
    return absent(path, err);
}

antler_status antler__hdf5_rows_read(antler_hdf5_rows *rows, int64_t first, int64_t n, void *out, antler_error *err)
{
    (void)rows;
    (void)first;
    (void)n;
    (void)out;
    return absent("", err);
}

void antler__hdf5_rows_close(antler_hdf5_rows *rows)
{
    (void)rows;
}

#endif
