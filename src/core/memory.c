/* The library's memory: one replaceable allocator under a few checked calls. */
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 }; /* bytes: a cache line, and the widest vector */

static void *heap_allocate(size_t bytes, void *user)
{
    (void)user;
    return malloc(bytes);
}

static void heap_release(void *memory, void *user)
{
    (void)user;
    free(memory);
}

static const antler_allocator heap = {heap_allocate, heap_release, NULL};
static antler_allocator current = {heap_allocate, heap_release, NULL};

void antler_set_allocator(const antler_allocator *allocator)
{
    current = allocator ? *allocator : heap;
}

void *antler__allocate(size_t count, size_t size)
{
    if (size > 0 && count > SIZE_MAX / size)
        return NULL;
    size_t bytes = count * size;
    return current.allocate(bytes > 0 ? bytes : 1, current.user);
}

void *antler__allocate_zeroed(size_t count, size_t size)
{
    void *memory = antler__allocate(count, size);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

/* The pointer to release lies just before the aligned block. */
void *antler__allocate_aligned(size_t count, size_t size)
{
    const size_t extra = ALIGNMENT + sizeof(void *);
    if (size > 0 && count > (SIZE_MAX - extra) / size)
        return NULL;
    char *whole = antler__allocate(count * size + extra, 1);
    if (!whole)
        return NULL;
    char *memory = whole + sizeof(void *);
    memory += (ALIGNMENT - (uintptr_t)memory % ALIGNMENT) % ALIGNMENT;
    memcpy(memory - sizeof whole, &whole, sizeof whole);
    return memory;
}

void antler__free(void *memory)
{
    if (memory)
        current.release(memory, current.user);
}

void antler__free_aligned(void *memory)
{
    if (!memory)
        return;
    void *whole;
    memcpy(&whole, (char *)memory - sizeof whole, sizeof whole);
    antler__free(whole);
}

bool antler__grow(void *memory, size_t count, size_t new_count, size_t size)
{
    void *old; /* *memory is a pointer of some type: copied, because void ** may not alias it */
    memcpy(&old, memory, sizeof old);
    void *grown = antler__allocate(new_count, size);
    if (!grown)
        return false;
    if (count > 0)
        memcpy(grown, old, count * size);
    antler__free(old);
    memcpy(memory, &grown, sizeof grown);
    return true;
}

/* The room of such an array: the least power of two that holds the count, or 0. */
static size_t room_for(size_t count)
{
    size_t room = count > 0;
    while (room < count && room <= SIZE_MAX / 2)
        room *= 2;
    return room;
}

bool antler__grow_by(void *memory, size_t count, size_t more, size_t size)
{
    size_t room = room_for(count), wanted = room_for(count + more);
    return wanted == room || (wanted >= count + more && antler__grow(memory, count, wanted, size));
}

char *antler__copy_text(const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = antler__allocate(size, 1);
    return copy ? memcpy(copy, text, size) : NULL;
}

bool antler__size_multiply(int64_t a, int64_t b, int64_t *result)
{
    if (a < 0 || b < 0 || (b > 0 && a > INT64_MAX / b))
        return false;
    *result = a * b;
    return true;
}

bool antler__size_add(int64_t a, int64_t b, int64_t *result)
{
    if (a < 0 || b < 0 || a > INT64_MAX - b)
        return false;
    *result = a + b;
    return true;
}

bool antler__count(const antler_shape *shape, int from, int64_t *count)
{
    *count = 1;
    for (int i = from; i < shape->rank; i++)
        if (!antler__size_multiply(*count, shape->dim[i], count))
            return false;
    return true;
}
