/* Data beyond antler.h. */
#ifndef ANTLER_DATA_H
#define ANTLER_DATA_H

#include "antler/antler.h"
#include "files/hdf5.h"
#include "files/npy.h"

struct antler_data {
    antler_shape shape; /* of parts: the rows alone */
    antler_dtype dtype;
    int64_t row_elements;
    size_t row_bytes;
    int64_t first;               /* our row 0 in the source */
    bool borrowed;               /* the source belongs to the caller or to other data */
    const unsigned char *values; /* the source is this array, ... */
    antler_hdf5_rows *rows;      /* ... or this, ... */
    antler_npy npy;              /* ... or this (file >= 0), ... */
    int64_t parts;               /* ... or other data, for as many inputs or outputs */
    antler_data **part;          /* [parts], freed with it unless borrowed */
    char **part_name;            /* [parts], or NULL: by their order */
    const antler_data *weight;   /* sample weights of these targets, or NULL */
    bool owns_weight;            /* it is freed with the data */
    char file[256], name[256];   /* for errors */
    antler_error warning;        /* of reading it; no message: none */
};

/* antler_data_open with the bytes up to which a data set is read into memory. */
antler_data *antler__data_open(const char *path, const char *name, int64_t most_in_memory, antler_error *err);
/* Data without a source yet. */
antler_data *antler__data_create(const char *file, const char *name, antler_error *err);

/* Weights of a view's own (data_weights.c): frees them; gives the view the rows that other data has some for, and
   returns it, or frees it and returns NULL. */
void antler__weights_drop(antler_data *data);
antler_data *antler__weights_rows(antler_data *view, const antler_data *of, int64_t first, int64_t n,
                                  antler_error *err);

/* What data does that has parts (data_join.c). */
antler_status antler__parts_gather(const antler_data *data, const int64_t *row, int64_t n, antler_real *out,
                                   antler_error *err);
antler_data *antler__parts_rows(const antler_data *data, int64_t first, int64_t n, antler_error *err);
void antler__parts_free(antler_data *data);
/* Opens as parts the data sets of a group, whose names are `list` (each ended by 0, the whole by an empty one; freed by
   this), or without a list those of a folder. */
antler_status antler__parts_open(antler_data *data, const char *path, const char *group, char *list,
                                 int64_t most_in_memory, antler_error *err);

#endif
