/* Tables of arrays, for the suites that read and write them. */
#ifndef ANTLER_TEST_ENTRIES_H
#define ANTLER_TEST_ENTRIES_H

#include "files/entries.h"

#include <check.h>

static inline void add(antler_entries *entries, const char *name, antler_dtype dtype, antler_shape shape,
                       const void *data, size_t bytes)
{
    ck_assert_int_eq(antler__entries_add(entries, name, dtype, &shape, data, bytes, NULL), ANTLER_OK);
}

#endif
