/* Allocation torture: a call is made again and again, its 1st, 2nd, ... allocation failing, until it gets through. */
#ifndef ANTLER_TORTURE_H
#define ANTLER_TORTURE_H

#include "antler/base.h"

#include <check.h>
#include <stdlib.h>

typedef struct torture_count {
    long left;  /* allocations until one fails */
    long alive; /* blocks not released */
} torture_count;

static void *torture_allocate(size_t bytes, void *user)
{
    torture_count *count = user;
    if (count->left-- == 0)
        return NULL;
    void *memory = malloc(bytes);
    count->alive += memory != NULL;
    return memory;
}

static void torture_release(void *memory, void *user)
{
    torture_count *count = user;
    count->alive -= memory != NULL;
    free(memory);
}

/* call must give ANTLER_MEMORY whenever an allocation fails, ANTLER_OK in the end, and release all it took. */
static inline void torture(antler_status (*call)(void *arg), void *arg)
{
    for (long n = 0;; n++) {
        torture_count count = {.left = n};
        antler_set_allocator(&(antler_allocator){torture_allocate, torture_release, &count});
        antler_status status = call(arg);
        antler_set_allocator(NULL);
        ck_assert_int_eq(count.alive, 0);
        if (count.left >= 0) {
            ck_assert_int_eq(status, ANTLER_OK);
            return;
        }
        ck_assert_int_eq(status, ANTLER_MEMORY);
    }
}

#endif
