/* The flat table of a file's contents, and the number types. */
#include "files/entries.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    char kind;
    size_t size;
} dtypes[] = {
#define ROW(NAME, name, kind, bytes, memory, disk) [ANTLER_##NAME] = {#name, kind, bytes},
    ANTLER_DTYPE_MAP(ROW)
#undef ROW
        [ANTLER_TEXT] = {"text", 0, 0},
    [ANTLER_GROUP] = {"group", 0, 0},
};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

size_t antler_dtype_size(antler_dtype dtype)
{
    return (size_t)dtype < DTYPES ? dtypes[dtype].size : 0;
}

const char *antler__dtype_name(antler_dtype dtype)
{
    return (size_t)dtype < DTYPES ? dtypes[dtype].name : "unknown type";
}

bool antler__dtype_find(char kind, size_t bytes, antler_dtype *dtype)
{
    for (size_t i = 0; i < DTYPES; i++)
        if (dtypes[i].kind == kind && dtypes[i].size == bytes && bytes > 0) {
            *dtype = (antler_dtype)i;
            return true;
        }
    return false;
}

void antler__entries_free(antler_entries *entries)
{
    for (int64_t i = 0; i < entries->n; i++) {
        antler__free(entries->entry[i].name);
        antler__free(entries->entry[i].data);
    }
    antler__free(entries->entry);
    *entries = (antler_entries){0};
}

antler_status antler__entries_reserve(antler_entries *entries, const char *name, antler_dtype dtype,
                                      const antler_shape *shape, size_t bytes, void **data, antler_error *err)
{
    antler_entry entry = {antler__copy_text(name), dtype, *shape, NULL, bytes};
    bool group = dtype == ANTLER_GROUP;
    *data = NULL;
    if (!group)
        entry.data = antler__allocate(bytes, 1);
    if (!entry.name || (!group && !entry.data) ||
        !antler__grow_by(&entries->entry, (size_t)entries->n, 1, sizeof *entries->entry)) {
        antler__free(entry.name);
        antler__free(entry.data);
        if (entries->n == 0) {
            antler__free(entries->entry);
            entries->entry = NULL;
        }
        return antler_error_set(err, ANTLER_MEMORY, name, "out of memory (%zu bytes)", bytes);
    }
    if (entries->n > 0 && strcmp(entries->entry[entries->n - 1].name, name) >= 0)
        entries->unsorted = true;
    entries->entry[entries->n++] = entry;
    *data = entry.data;
    return ANTLER_OK;
}

antler_status antler__entries_add(antler_entries *entries, const char *name, antler_dtype dtype,
                                  const antler_shape *shape, const void *data, size_t bytes, antler_error *err)
{
    void *copy;
    ANTLER_TRY(antler__entries_reserve(entries, name, dtype, shape, bytes, &copy, err));
    if (copy && bytes > 0)
        memcpy(copy, data, bytes);
    return ANTLER_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const antler_entry *)a)->name, ((const antler_entry *)b)->name);
}

void antler__entries_sort(antler_entries *entries)
{
    if (entries->n > 1)
        qsort(entries->entry, (size_t)entries->n, sizeof *entries->entry, compare);
    entries->unsorted = false;
}

const antler_entry *antler__entries_find(const antler_entries *entries, const char *name)
{
    if (entries->unsorted) {
        for (int64_t i = 0; i < entries->n; i++)
            if (strcmp(entries->entry[i].name, name) == 0)
                return &entries->entry[i];
        return NULL;
    }
    for (int64_t low = 0, high = entries->n; low < high;) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(entries->entry[middle].name, name);
        if (order == 0)
            return &entries->entry[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *antler__entries_text(const antler_entries *entries, const char *name)
{
    const antler_entry *entry = antler__entries_find(entries, name);
    return entry && entry->dtype == ANTLER_TEXT && antler_count(&entry->shape, 0) > 0 ? entry->data : NULL;
}

double antler__entry_integer(const antler_entry *entry, int64_t i)
{
    switch (entry->dtype) {
    case ANTLER_INT8:
        return ((const int8_t *)entry->data)[i];
    case ANTLER_UINT8:
        return ((const uint8_t *)entry->data)[i];
    case ANTLER_INT16:
        return ((const int16_t *)entry->data)[i];
    case ANTLER_UINT16:
        return ((const uint16_t *)entry->data)[i];
    case ANTLER_INT32:
        return ((const int32_t *)entry->data)[i];
    case ANTLER_UINT32:
        return ((const uint32_t *)entry->data)[i];
    case ANTLER_INT64:
        return (double)((const int64_t *)entry->data)[i];
    case ANTLER_UINT64:
        return (double)((const uint64_t *)entry->data)[i];
    default:
        return 0;
    }
}
