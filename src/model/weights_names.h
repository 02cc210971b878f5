/* Lists of strings in attributes, as Keras keeps the names of layers and weights. */
#ifndef ANTLER_WEIGHTS_NAMES_H
#define ANTLER_WEIGHTS_NAMES_H

#include "files/entries.h"

/* Walks the strings of a list, which Keras cuts into attribute0, attribute1 ... when it is long. */
typedef struct antler_names {
    const antler_entries *entries;
    const char *attribute;
    int64_t part; /* of the list: -1 before it is cut */
    int64_t left; /* strings from `next` on */
    const char *next;
} antler_names;

antler_names antler__names_of(const antler_entries *entries, const char *attribute);
const char *antler__names_next(antler_names *names); /* NULL past the last */

/* Zero-ended strings, one after the other, to be written as such a list. */
typedef struct antler_name_list {
    char *text;
    size_t bytes;
    int64_t n;
} antler_name_list;

antler_status antler__name_list_add(antler_name_list *list, const char *name, antler_error *err);
/* Writes and releases the list. */
antler_status antler__name_list_write(antler_name_list *list, const char *attribute, antler_entries *entries,
                                      antler_error *err);

#endif
