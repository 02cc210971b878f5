/* What a file is by its first bytes, whatever its name. */
#ifndef ANTLER_CONTAINER_H
#define ANTLER_CONTAINER_H

#include "core/status.h"

typedef enum antler_container {
    ANTLER_CONTAINER_OTHER, /* none of these: text, or what only a name tells */
    ANTLER_CONTAINER_ZIP,
    ANTLER_CONTAINER_HDF5,
    ANTLER_CONTAINER_JSON, /* an object, perhaps behind a byte order mark */
    ANTLER_CONTAINER_NPY,
    ANTLER_CONTAINER_IDX,    /* gzip's unpacked */
    ANTLER_CONTAINER_FOREIGN /* of a format that is known, and not read */
} antler_container;

/* *what: "a ZIP archive", or of a foreign one what it is and what to do; static. */
antler_status antler__container_find(const char *path, antler_container *container, const char **what,
                                     antler_error *err);

#endif
