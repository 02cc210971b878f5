/* The library's memory: one replaceable allocator under a few checked calls. */
#ifndef ANTLER_MEMORY_H
#define ANTLER_MEMORY_H

#include "antler/base.h"

/* count * size bytes; NULL when that overflows or there is none. At least 1 byte is asked for. */
void *antler__allocate(size_t count, size_t size);
void *antler__allocate_zeroed(size_t count, size_t size);
/* 64-byte aligned; to be released by antler__free_aligned. */
void *antler__allocate_aligned(size_t count, size_t size);
void antler__free(void *memory);
void antler__free_aligned(void *memory);

/* A grown copy: *memory (count elements of size, may be NULL) is replaced; false and unchanged without memory. */
bool antler__grow(void *memory, size_t count, size_t new_count, size_t size);
/* Room for `more` elements after the count of an array that has only ever grown by this: it doubles. */
bool antler__grow_by(void *memory, size_t count, size_t more, size_t size);

char *antler__copy_text(const char *text); /* NULL for NULL, or without memory */

/* a * b, a + b into *result; false on overflow or for a negative argument. */
bool antler__size_multiply(int64_t a, int64_t b, int64_t *result);
bool antler__size_add(int64_t a, int64_t b, int64_t *result);

/* Number of elements from axis `from` on, checked: false on overflow or a negative size. */
bool antler__count(const antler_shape *shape, int from, int64_t *count);

#endif
