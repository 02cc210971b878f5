/* What lies in a file, as a flat table. Formats know nothing of models: src/model/weights.c and model_file.c say what
   lies where. */
#ifndef ANTLER_ENTRIES_H
#define ANTLER_ENTRIES_H

#include "antler/antler.h"
#include "core/status.h"

/* The number types of files: name, kind (float, int, unsigned) and bytes, HDF5's names for it in memory and on disk.
   float16 is read as float32, and not written. */
#define ANTLER_DTYPE_MAP(X)                                \
    X(FLOAT16, float16, 'f', 2, NATIVE_FLOAT, IEEE_F32LE)  \
    X(FLOAT32, float32, 'f', 4, NATIVE_FLOAT, IEEE_F32LE)  \
    X(FLOAT64, float64, 'f', 8, NATIVE_DOUBLE, IEEE_F64LE) \
    X(INT8, int8, 'i', 1, NATIVE_INT8, STD_I8LE)           \
    X(UINT8, uint8, 'u', 1, NATIVE_UINT8, STD_U8LE)        \
    X(INT16, int16, 'i', 2, NATIVE_INT16, STD_I16LE)       \
    X(UINT16, uint16, 'u', 2, NATIVE_UINT16, STD_U16LE)    \
    X(INT32, int32, 'i', 4, NATIVE_INT32, STD_I32LE)       \
    X(UINT32, uint32, 'u', 4, NATIVE_UINT32, STD_U32LE)    \
    X(INT64, int64, 'i', 8, NATIVE_INT64, STD_I64LE)       \
    X(UINT64, uint64, 'u', 8, NATIVE_UINT64, STD_U64LE)

const char *antler__dtype_name(antler_dtype dtype);
/* The number type of this kind and size; false if there is none. */
bool antler__dtype_find(char kind, size_t bytes, antler_dtype *dtype);

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
/* The text of an entry, its first string; NULL: there is none of this name, or it is no text, or one without strings.
 */
const char *antler__entries_text(const antler_entries *entries, const char *name);

/* Element i of an entry of integers, which a double holds up to 2^53; 0 of any other type. */
double antler__entry_integer(const antler_entry *entry, int64_t i);

#endif
