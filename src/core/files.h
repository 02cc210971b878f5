/* Files as flat tables. Formats know nothing of models: src/core/weights.c and model_file.c say what lies where. */
#ifndef ANTLER_FILES_H
#define ANTLER_FILES_H

#include "antler/antler.h"

/* Adds the file to an error that was set and has none yet; err may be NULL or clean. */
void antler__error_file(antler_error *err, const char *file);

/* A data set ("/layers/dense/vars/0"), a group ("/layers/dropout/vars", ANTLER_GROUP) or an attribute of either
   ("/model_weights@layer_names"; of the root "/@model_config"). */
typedef struct antler_entry {
    char *name;
    antler_dtype dtype;
    antler_shape shape; /* rank 0: a scalar */
    void *data;         /* native byte order */
    size_t bytes;
} antler_entry;

typedef struct antler_entries {
    int64_t n;
    antler_entry *entry; /* sorted by name when read; written in the order given */
} antler_entries;

void antler__entries_free(antler_entries *entries); /* contents and array; leaves {0} */
/* Appends a copy. data may be NULL for a group; for ANTLER_TEXT bytes holds the strings with their zeros. */
antler_status antler__entries_add(antler_entries *entries, const char *name, antler_dtype dtype,
                                  const antler_shape *shape, const void *data, size_t bytes, antler_error *err);
const antler_entry *antler__entries_find(const antler_entries *entries, const char *name); /* NULL if absent */

/* Reads a whole HDF5 file (path), or an image in memory (path is then its name for errors). Strangers' files: links
   soft or external, external or virtual storage, unknown types, sizes beyond the file's are refused; see KERAS-FORMATS. */
antler_status antler__hdf5_read(const char *path, const void *image, size_t bytes, antler_entries *entries,
                                antler_error *err);
/* Writes a file as h5py would: whole or not at all (path), or to memory (path NULL; *image is for antler__free). */
antler_status antler__hdf5_write(const char *path, const antler_entries *entries, void **image, size_t *bytes,
                                 antler_error *err);

/* One data set of a file, read by rows (dim[0]), for data sets larger than memory should hold. */
typedef struct antler_hdf5_rows antler_hdf5_rows;
antler_status antler__hdf5_rows_open(const char *path, const char *name, antler_hdf5_rows **rows, antler_dtype *dtype,
                                     antler_shape *shape, antler_error *err);
antler_status antler__hdf5_rows_read(antler_hdf5_rows *rows, int64_t first, int64_t n, void *out, antler_error *err);
void antler__hdf5_rows_close(antler_hdf5_rows *rows);

/* A .keras archive: its members by name, whole. Refuses members beyond 4 GiB or compressed more than 100 times. */
typedef struct antler_member {
    const char *name;
    void *data;
    size_t bytes;
} antler_member;
antler_status antler__archive_read(const char *path, antler_member *member, int members, antler_error *err); /* names
                              given; data (zero-terminated beyond bytes) is filled, for antler__free; NULL if absent */
antler_status antler__archive_write(const char *path, const antler_member *member, int members, antler_error *err);

/* A text or binary file, whole, zero-terminated beyond *bytes; for antler__free. */
antler_status antler__file_read(const char *path, size_t most, void **data, size_t *bytes, antler_error *err);
/* Replaces the file at path by these bytes, atomically: on failure it is as it was. */
antler_status antler__file_write(const char *path, const void *data, size_t bytes, antler_error *err);

/* With antler_guard_files(true): runs read(arg) in a child with limits first; a crash or hang of it is ANTLER_FORMAT,
   "damaged". Without: does nothing. */
antler_status antler__guarded(const char *path, antler_status (*read)(void *arg, antler_error *err), void *arg,
                              antler_error *err);

size_t antler__dtype_size(antler_dtype dtype); /* 0 for text and group */
const char *antler__dtype_name(antler_dtype dtype);

#endif
