/* What today's Keras does not take of old files: a const table that is filled where layers are known. */
#ifndef ANTLER_KERAS3_H
#define ANTLER_KERAS3_H

#include "antler/type.h"

typedef struct antler_keras3_fault {
    antler_kind kind;
    const char *class_name; /* NULL: all types of the kind */
    const char *key;        /* in the config; NULL: the class itself */
    const char *why;        /* of Keras 3: "has no such class"; NULL ends the table */
    enum {
        ANTLER_KERAS3_OLD,    /* of files of Keras 1 and 2 */
        ANTLER_KERAS3_ALWAYS, /* of Keras 3, too */
        ANTLER_KERAS3_HDF5    /* of a .h5, whoever wrote it */
    } when;
} antler_keras3_fault;

extern const antler_keras3_fault antler__keras3_faults[];

#endif
