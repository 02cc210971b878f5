/* One block of memory for buffers whose lifetimes are known: those that are never alive together may share bytes. */
#include "model/arena.h"
#include "core/memory.h"
#include "core/status.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

int64_t antler__arena_add(antler_arena *arena, const antler_shape *shape, size_t size, int birth, int death,
                          antler_error *err)
{
    int64_t count, bytes;
    if (!antler__count(shape, 0, &count) || !antler__size_multiply(count, (int64_t)size, &bytes) ||
        bytes > INT64_MAX / 1024) {
        char text[128];
        antler_error_set(err, ANTLER_SHAPE, NULL, "a buffer of shape %s is too large",
                         antler_shape_text(shape, text, sizeof text));
        return -1;
    }
    if (arena->n == arena->room) {
        int64_t room = arena->room ? 2 * arena->room : 32;
        if (!antler__grow(&arena->buffer, (size_t)arena->room, (size_t)room, sizeof *arena->buffer)) {
            antler__no_memory(err);
            return -1;
        }
        arena->room = room;
    }
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    arena->buffer[arena->n] = (antler_buffer){.bytes = bytes, .birth = birth, .death = death, .again = -1};
    return arena->n++;
}

static bool alive_at(const antler_buffer *b, int step)
{
    return (step >= b->birth && step <= b->death) || (b->again >= 0 && step == b->again);
}

static bool alive_together(const antler_buffer *a, const antler_buffer *b)
{
    return (a->birth <= b->death && b->birth <= a->death) || (a->again >= 0 && alive_at(b, a->again)) ||
           (b->again >= 0 && alive_at(a, b->again));
}

static int larger_first(const void *a, const void *b)
{
    const antler_buffer *x = *(const antler_buffer *const *)a, *y = *(const antler_buffer *const *)b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : (x > y) - (x < y);
}

/* The lowest offset at which `buffer` meets none of placed[0..n), by offset, that is alive with it: the first gap among
   those that is large enough. */
static int64_t lowest(const antler_buffer *buffer, antler_buffer *const *placed, int64_t n)
{
    int64_t offset = 0;
    for (int64_t i = 0; i < n && placed[i]->offset < offset + buffer->bytes; i++) {
        int64_t end = placed[i]->offset + placed[i]->bytes;
        if (end > offset && alive_together(buffer, placed[i]))
            offset = end;
    }
    return offset;
}

static void insert(antler_buffer *buffer, antler_buffer **placed, int64_t n)
{
    for (; n > 0 && placed[n - 1]->offset > buffer->offset; n--)
        placed[n] = placed[n - 1];
    placed[n] = buffer;
}

antler_status antler__arena_place(antler_arena *arena, antler_error *err)
{
    antler_buffer **order = antler__allocate((size_t)arena->n, 2 * sizeof *order), **placed = order + arena->n;
    if (!order)
        return antler__no_memory(err);
    for (int64_t i = 0; i < arena->n; i++)
        order[i] = &arena->buffer[i];
    qsort(order, (size_t)arena->n, sizeof *order, larger_first);
    bool fits = true;
    for (int64_t i = 0; fits && i < arena->n; i++) {
        int64_t end;
        order[i]->offset = lowest(order[i], placed, i);
        insert(order[i], placed, i);
        fits = antler__size_add(order[i]->offset, order[i]->bytes, &end);
        if (fits && end > arena->bytes)
            arena->bytes = end;
    }
    antler__free(order);
    arena->memory = fits ? antler__allocate_aligned((size_t)arena->bytes, 1) : NULL;
    if (!arena->memory)
        return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: this batch needs %lld MiB",
                                (long long)(arena->bytes >> 20));
    memset(arena->memory, 0, (size_t)arena->bytes);
    return ANTLER_OK;
}

void *antler__arena_at(const antler_arena *arena, int64_t buffer)
{
    return buffer < 0 ? NULL : arena->memory + arena->buffer[buffer].offset;
}

void antler__arena_free(antler_arena *arena)
{
    antler__free(arena->buffer);
    antler__free_aligned(arena->memory);
    *arena = (antler_arena){0};
}
