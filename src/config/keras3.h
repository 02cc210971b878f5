/* What today's Keras does not take of old files: a const table that is filled where layers are known. */
#ifndef ANTLER_KERAS3_H
#define ANTLER_KERAS3_H

#include "antler/type.h"

typedef struct antler_keras3_fault {
    antler_kind kind;
    const char *class_name; /* NULL: all types of the kind */
    const char *key;        /* in the config; NULL: the class itself */
    const char *why;        /* of Keras 3: "has no such class"; NULL ends the table */
    bool always;            /* of files of Keras 3, too */
} antler_keras3_fault;

extern const antler_keras3_fault antler__keras3_faults[];

#endif
