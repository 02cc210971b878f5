/* Files as flat tables. Formats know nothing of models: src/model/weights.c and model_file.c say what lies where. */
#ifndef ANTLER_FILES_H
#define ANTLER_FILES_H

#include "antler/antler.h"
#include "core/status.h"

/* A data set ("/layers/dense/vars/0"), a group ("/layers/flatten/vars", ANTLER_GROUP) or an attribute of either
   ("/model_weights@layer_names"; of the root "/@model_config"). */
typedef struct antler_entry {
    char *name;
    antler_dtype dtype;
    antler_shape shape; /* rank 0: a scalar */
    void *data;         /* native byte order; NULL for a group */
    size_t bytes;
} antler_entry;

typedef struct antler_entries {
    int64_t n;
    antler_entry *entry; /* sorted by name when read; written in the order given */
    bool unsorted;       /* entries were added in another order than by name */
} antler_entries;

void antler__entries_free(antler_entries *entries); /* contents and array; leaves {0} */
/* Appends a copy. data may be NULL for a group; for ANTLER_TEXT bytes holds the strings with their zeros. */
antler_status antler__entries_add(antler_entries *entries, const char *name, antler_dtype dtype,
                                  const antler_shape *shape, const void *data, size_t bytes, antler_error *err);
/* The same with data still to be filled in by the caller, at *data. */
antler_status antler__entries_reserve(antler_entries *entries, const char *name, antler_dtype dtype,
                                      const antler_shape *shape, size_t bytes, void **data, antler_error *err);
void antler__entries_sort(antler_entries *entries);
const antler_entry *antler__entries_find(const antler_entries *entries, const char *name); /* NULL if absent */

/* Reads a whole HDF5 file (path), or an image in memory (path is then its name for errors). Strangers' files: links
   soft or external, external or virtual storage, unknown types, sizes beyond the file's are refused; see KERAS-FORMATS.
   Attributes of unknown types are left out, and strings of variable length that belong to a data set or are called
   "name": nobody needs them, and libhdf5 crashes on damaged ones. float16 becomes float32, bool uint8. Guards itself.
 */
antler_status antler__hdf5_read(const char *path, const void *image, size_t bytes, antler_entries *entries,
                                antler_error *err);
/* Writes a file as h5py would: whole or not at all (path), or to memory (path NULL; *image is for antler__free). The
   same entries give the same bytes. image and bytes are NULL with a path. */
antler_status antler__hdf5_write(const char *path, const antler_entries *entries, void **image, size_t *bytes,
                                 antler_error *err);

/* One data set of a file, read by rows (dim[0]), for data sets larger than memory should hold. May be read by several
   threads. Opening guards itself. */
typedef struct antler_hdf5_rows antler_hdf5_rows;
antler_status antler__hdf5_rows_open(const char *path, const char *name, antler_hdf5_rows **rows, antler_dtype *dtype,
                                     antler_shape *shape, antler_error *err);
antler_status antler__hdf5_rows_read(antler_hdf5_rows *rows, int64_t first, int64_t n, void *out, antler_error *err);
void antler__hdf5_rows_close(antler_hdf5_rows *rows);

/* The array of a .npy file, read by rows. */
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

/* Columns of a .csv file (antler_data_open says which) as numbers (rows, columns), for antler__free. */
antler_status antler__csv_read(const char *path, const char *columns, antler_real **values, antler_shape *shape,
                               antler_error *err);

/* antler_data_open with the bytes up to which a data set is read into memory. */
antler_data *antler__data_open(const char *path, const char *name, int64_t most_in_memory, antler_error *err);

/* A .keras archive: its members by name, whole. Refuses members beyond 4 GiB or compressed more than 100 times. */
typedef struct antler_member {
    const char *name;
    void *data;
    size_t bytes;
} antler_member;
antler_status antler__archive_read(const char *path, antler_member *member, int members, antler_error *err); /* names
                              given; data (zero-terminated beyond bytes) is filled, for antler__free; NULL if absent */
/* Members are stored, not compressed. The file is replaced whole or left as it was; the same members, the same bytes.
 */
antler_status antler__archive_write(const char *path, const antler_member *member, int members, antler_error *err);

/* A text or binary file, whole, zero-terminated beyond *bytes; for antler__free. */
antler_status antler__file_read(const char *path, size_t most, void **data, size_t *bytes, antler_error *err);
/* Replaces the file at path by these bytes, atomically: on failure it is as it was. Devices and pipes are written to.
 */
antler_status antler__file_write(const char *path, const void *data, size_t bytes, antler_error *err);
/* ANTLER_FILE, "cannot <what>: <text of errno>". */
antler_status antler__file_error(const char *path, const char *what, antler_error *err);

/* With antler_guard_files(true): runs read(arg) in a child with limits first, for the caller to do it again; a crash or
   hang of it is ANTLER_FORMAT, "damaged". Without, and inside such a child: does nothing. */
antler_status antler__guarded(const char *path, antler_status (*read)(void *arg, antler_error *err), void *arg,
                              antler_error *err);

size_t antler__dtype_size(antler_dtype dtype); /* 0 for text and group */
const char *antler__dtype_name(antler_dtype dtype);

#endif
