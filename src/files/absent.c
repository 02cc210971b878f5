/* What stands in for HDF5 and ZIP in a build without them. */
#include "files/archive.h"
#include "files/hdf5.h"

#if !defined(ANTLER_WITH_HDF5) || !defined(ANTLER_WITH_ZIP)

static antler_status absent(const char *path, const char *what, antler_error *err)
{
    antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "this build of Antler has no %s", what);
    antler__error_file(err, path);
    return ANTLER_UNSUPPORTED;
}

#endif
#ifndef ANTLER_WITH_HDF5

static const char hdf5[] = "HDF5 (ANTLER_HDF5 is off)";

antler_status antler__hdf5_read(const char *path, const void *image, size_t bytes, antler_entries *entries,
                                antler_error *err)
{
    (void)image;
    (void)bytes;
    *entries = (antler_entries){0};
    return absent(path, hdf5, err);
}

antler_status antler__hdf5_write(const char *path, const antler_entries *entries, void **image, size_t *bytes,
                                 antler_error *err)
{
    (void)entries;
    (void)image;
    (void)bytes;
    return absent(path ? path : "", hdf5, err);
}

antler_status antler__hdf5_open(const char *path, const char *name, int64_t most, antler_hdf5_set *set,
                                antler_error *err)
{
    (void)name;
    (void)most;
    *set = (antler_hdf5_set){0};
    return absent(path, hdf5, err);
}

antler_status antler__hdf5_rows_read(antler_hdf5_rows *rows, int64_t first, int64_t n, void *out, antler_error *err)
{
    (void)rows;
    (void)first;
    (void)n;
    (void)out;
    return absent("", hdf5, err);
}

void antler__hdf5_rows_close(antler_hdf5_rows *rows)
{
    (void)rows;
}

#endif
#ifndef ANTLER_WITH_ZIP

static const char zip[] = ".keras archives (ANTLER_ZIP is off)";

antler_status antler__archive_read(const char *path, antler_member *member, int members, antler_error *err)
{
    (void)member;
    (void)members;
    return absent(path, zip, err);
}

antler_status antler__archive_write(const char *path, const antler_member *member, int members, antler_error *err)
{
    (void)member;
    (void)members;
    return absent(path, zip, err);
}

#endif
