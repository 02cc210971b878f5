/* One block of memory for buffers whose lifetimes are known. */
#ifndef ANTLER_ARENA_H
#define ANTLER_ARENA_H

#include "antler/base.h"

/* A piece of an arena. It is alive from step `birth` to step `death`, both included, and (scratch, which serves forward
   and backward) at step `again`, -1 for none; see lifetimes.h for the steps. */
typedef struct antler_buffer {
    int64_t bytes;
    int birth, death, again;
    int64_t offset;
} antler_buffer;

typedef struct antler_arena {
    int64_t n, room;
    antler_buffer *buffer;
    int64_t bytes; /* of all, once placed */
    char *memory;
} antler_arena;

/* Adds a buffer of a shape (elements of `size` bytes); its number, or -1 with *err set. */
int64_t antler__arena_add(antler_arena *arena, const antler_shape *shape, size_t size, int birth, int death,
                          antler_error *err);
/* Gives every buffer its offset, and the arena its memory, zeroed. */
antler_status antler__arena_place(antler_arena *arena, antler_error *err);
void *antler__arena_at(const antler_arena *arena, int64_t buffer); /* NULL for -1 */
void antler__arena_free(antler_arena *arena);

#endif
