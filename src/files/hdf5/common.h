/* Between the files of this folder, the only ones that include HDF5's header. */
#ifndef ANTLER_HDF5_COMMON_H
#define ANTLER_HDF5_COMMON_H

#include "files/hdf5.h"

#ifdef ANTLER_WITH_HDF5

#define H5_USE_110_API
#include <hdf5.h>
#include <pthread.h>

enum { ANTLER_H5_MAX_NAME = 1024 }; /* bytes of a path in a file */

/* libhdf5 is not thread-safe: this lock is around every use. Its messages go nowhere meanwhile; what the program had
   set for them comes back after. */
extern pthread_mutex_t antler__h5_lock;
void antler__h5_enter(void);
void antler__h5_leave(void);

/* A failure of libhdf5; the innermost of its messages says most. To be called before anything is closed. */
antler_status antler__h5_failed(antler_status status, const char *place, const char *what, antler_error *err);
antler_status antler__h5_damaged(const char *place, antler_error *err);

void antler__h5_close(hid_t id); /* of any kind; a negative one is none */

/* What lies in a data set or attribute. */
typedef struct antler_h5_content {
    antler_dtype dtype;
    hid_t memory; /* the type to read as; for text the file's own */
    size_t size;  /* bytes of an element in memory */
    size_t disk;  /* and in the file */
    bool variable;
    bool brain; /* bfloat16, which libhdf5 does not know: opaque, to be read by antler__h5_take */
    antler_shape shape;
    int64_t count; /* elements */
} antler_h5_content;

hid_t antler__h5_native(antler_dtype dtype); /* -1 for text and group */
/* The number or text type of ours for one of the file's; false if there is none. */
bool antler__h5_understand(hid_t type, antler_h5_content *c);
/* Shape and number of elements of a dataspace. */
antler_status antler__h5_measure(hid_t space, const char *place, antler_h5_content *c, antler_error *err);
/* Type, shape and storage of a data set of numbers, all checked against the file's size. *packed: its bytes are not
   simply there, but in chunks that may be compressed, or nowhere when none were written. What is larger than `most` is
   read a few chunks at a time: how much of it was written, and in how many, does not matter. */
antler_status antler__h5_describe(hid_t set, int64_t file_bytes, int64_t most, const char *place, antler_h5_content *c,
                                  bool *packed, antler_error *err);
/* The chosen part of a data set, of `count` elements, as c says; false: damaged. */
bool antler__h5_take(hid_t set, const antler_h5_content *c, hid_t memory, hid_t file, int64_t count, void *out);
/* The strings of an attribute, of `most` bytes together, each ended by 0, in a block for antler__free. */
antler_status antler__h5_text(hid_t attribute, hid_t type, const antler_h5_content *c, int64_t most, char **text,
                              size_t *bytes, const char *place, antler_error *err);
/* That so many bytes may come from so many stored ones. */
bool antler__h5_plausible(int64_t bytes, int64_t stored);

antler_status antler__h5_file_size(const char *path, int64_t *bytes, antler_error *err);
antler_status antler__h5_open(const char *path, const void *image, size_t bytes, hid_t *file, antler_error *err);

#endif
#endif
