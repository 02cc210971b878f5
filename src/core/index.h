/* Texts that are looked up while more of them come, with a number for each: names of layers, of columns, of classes.
   Whatever a stranger calls them, n of them take n (log n)^2 comparisons: there is no hash to aim at. */
#ifndef ANTLER_INDEX_H
#define ANTLER_INDEX_H

#include "antler/base.h"

typedef struct antler_index_row {
    const char *text;
    size_t length;
    int64_t value;
} antler_index_row;

typedef struct antler_index {
    antler_index_row *row; /* runs, each sorted, of the lengths that the binary digits of n say, the longest first */
    size_t n;
} antler_index;

/* The number of a text, to read or change until the next one is added; NULL if it is not there. */
int64_t *antler__index_find(const antler_index *index, const char *text);
int64_t *antler__index_find_part(const antler_index *index, const char *text, size_t length);
int64_t *antler__index_count(antler_index *index, const char *text); /* of one that is not there 0; NULL: no memory */
/* Adds one that is not there. The text is not copied. False without memory. */
bool antler__index_add(antler_index *index, const char *text, int64_t value);
bool antler__index_add_part(antler_index *index, const char *text, size_t length, int64_t value);
void antler__index_free(antler_index *index); /* leaves {0} */

#endif
