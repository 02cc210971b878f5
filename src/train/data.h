/* Data beyond antler.h. */
#ifndef ANTLER_DATA_H
#define ANTLER_DATA_H

#include "antler/antler.h"
#include "files/hdf5.h"
#include "files/npy.h"

/* What rows are read from as they are used: rows [first, first + n) in the data's number type, to out. By any thread,
   and by several at a time. */
typedef struct antler_source {
    void *self;
    antler_status (*read)(void *self, int64_t first, int64_t n, void *out, antler_error *err);
    void (*close)(void *self);
} antler_source;

/* Rows of other data that make a row of this: row r is rows from + r * stride + k * rate, k < length. Those of a sample
   (a window and its target) reach `reach` rows beyond the window's first, `from` - offset; none passes `end`. */
typedef struct antler_windows {
    int64_t from, stride, length, rate, offset, reach, end;
} antler_windows;

/* Names of classes, which targets are numbers of. */
typedef struct antler_class_list {
    char **name; /* [n] */
    int64_t n;
} antler_class_list;
void antler__classes_free(antler_class_list *classes);

struct antler_data {
    antler_shape shape; /* of parts: the rows alone */
    antler_dtype dtype;
    int64_t row_elements;
    size_t row_bytes;
    int64_t first;               /* our row 0 in the source */
    bool borrowed;               /* the source belongs to the caller or to other data */
    const unsigned char *values; /* the source is this array, ... */
    antler_source source;        /* ... or this, ... */
    const antler_data *of;       /* ... or windows of other data, ... */
    antler_windows windows;
    int64_t parts;             /* ... or other data, for as many inputs or outputs */
    antler_data **part;        /* [parts], freed with it unless borrowed */
    char **part_name;          /* [parts], or NULL: by their order */
    const antler_data *weight; /* sample weights of these targets, or NULL */
    bool owns_weight;          /* it is freed with the data */
    antler_class_list classes; /* of targets that came with names; a view borrows them */
    char file[256], name[256]; /* for errors */
    antler_error warning;      /* of reading it; no message: none */
};

/* antler_data_open with the bytes up to which a data set is read into memory. */
antler_data *antler__data_open(const char *path, const char *name, int64_t most_in_memory, antler_error *err);
/* The type and shape that it has; of a source of no more than `most` bytes: reads it whole and closes it. */
antler_status antler__data_set_shape(antler_data *data, antler_dtype dtype, const antler_shape *shape,
                                     antler_error *err);
antler_status antler__data_settle(antler_data *data, int64_t most, antler_error *err);
/* Whether any rows have to be read when they are used. */
bool antler__data_waits(const antler_data *data);
/* Rows from number `row` of the source on, which lie at `from`, as antler_real (convert.c). */
antler_status antler__data_convert(const antler_data *data, int64_t row, const unsigned char *from, int64_t rows,
                                   antler_real *out, antler_error *err);
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
/* What `view` makes of each part, joined as they are. */
typedef antler_data *(*antler_viewer)(const antler_data *part, const void *arg, antler_error *err);
antler_data *antler__parts_view(const antler_data *data, antler_viewer view, const void *arg, antler_error *err);
void antler__parts_free(antler_data *data);
/* Opens as parts the data sets of a group, whose names are `list` (each ended by 0, the whole by an empty one; freed by
   this), or without a list those of a folder. */
antler_status antler__parts_open(antler_data *data, const char *path, const char *group, char *list,
                                 int64_t most_in_memory, antler_error *err);

/* Windows (windows.c): their rows; moved on by `rows` of them; and cut so that none reaches over the border. */
antler_status antler__windows_gather(const antler_data *data, const int64_t *row, int64_t n, antler_real *out,
                                     antler_error *err);
void antler__windows_move(antler_data *view, int64_t rows);
bool antler__is_windows(const antler_data *data); /* or parts that are */
antler_data *antler__windows_cut(const antler_data *data, double split, bool rest, antler_error *err);

#endif
