/* HDF5: whole files as flat tables, and single data sets by rows. */
#ifndef ANTLER_HDF5_H
#define ANTLER_HDF5_H

#include "files/entries.h"

/* Reads a whole HDF5 file (path), or an image in memory (path is then its name for errors). Of strangers' files, links
   soft or external, external or virtual storage, unknown types, and sizes beyond the file's are refused. Attributes of
   unknown types are left out, and strings of variable length that belong to a data set or are called "name": nobody
   needs them, and libhdf5 crashes on damaged ones. float16 becomes float32, bool uint8. Guards itself. */
antler_status antler__hdf5_read(const char *path, const void *image, size_t bytes, antler_entries *entries,
                                antler_error *err);
/* Writes a file as h5py would: whole or not at all (path), or to memory (path NULL; *image is for antler__free). The
   same entries give the same bytes. image and bytes are NULL with a path. */
antler_status antler__hdf5_write(const char *path, const antler_entries *entries, void **image, size_t *bytes,
                                 antler_error *err);

/* One data set of a file. */
typedef struct antler_hdf5_rows antler_hdf5_rows;
typedef struct antler_hdf5_set {
    bool group; /* none, but a group: values is the names in it, each ended by 0, the whole by an empty one */
    antler_dtype dtype;
    antler_shape shape;
    void *values;           /* read whole: for antler__free; */
    antler_hdf5_rows *rows; /* or larger than it should be in memory: its rows (dim[0]) are read as they are used */
} antler_hdf5_set;
/* Reads a data set (or the names in a group) of at most `most` bytes whole; opens a larger one. Guards itself: a larger
   one was read through once by the child if it is in chunks, as the crashes are in what unpacks them. */
antler_status antler__hdf5_open(const char *path, const char *name, int64_t most, antler_hdf5_set *set,
                                antler_error *err);
/* May be called by several threads. */
antler_status antler__hdf5_rows_read(antler_hdf5_rows *rows, int64_t first, int64_t n, void *out, antler_error *err);
void antler__hdf5_rows_close(antler_hdf5_rows *rows);

#endif
