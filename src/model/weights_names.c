#include "model/weights_names.h"

#include "core/memory.h"
#include "model/weights_entries.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

antler_names antler__names_of(const antler_entries *entries, const char *attribute)
{
    antler_names names = {.entries = entries, .attribute = attribute, .part = -1};
    const antler_entry *whole = antler__entries_find(entries, attribute);
    if (whole && whole->dtype == ANTLER_TEXT) {
        names.left = antler_count(&whole->shape, 0);
        names.next = whole->data;
    }
    return names;
}

/* Goes on to the next part of a list that was cut; false past the last. */
static bool next_part(antler_names *names)
{
    char name[ANTLER_LONGEST_PATH + 32];
    snprintf(name, sizeof name, "%s%" PRId64, names->attribute, ++names->part);
    const antler_entry *part = antler__entries_find(names->entries, name);
    if (!part || part->dtype != ANTLER_TEXT)
        return false;
    names->left = antler_count(&part->shape, 0);
    names->next = part->data;
    return true;
}

const char *antler__names_next(antler_names *names)
{
    while (names->left == 0)
        if (!next_part(names))
            return NULL;
    const char *name = names->next;
    names->next += strlen(name) + 1;
    names->left--;
    return name;
}

antler_status antler__name_list_add(antler_name_list *list, const char *name, antler_error *err)
{
    size_t length = strlen(name) + 1;
    if (!antler__grow_by(&list->text, list->bytes, length, 1))
        return antler__no_memory(err);
    memcpy(list->text + list->bytes, name, length);
    list->bytes += length;
    list->n++;
    return ANTLER_OK;
}

enum { MOST_NAMES = 3000 }; /* in one attribute: HDF5 holds 64 KB, of 16 bytes a string */

static antler_status write_names(const antler_name_list *list, const char *attribute, antler_entries *entries,
                                 antler_error *err)
{
    char part_name[ANTLER_LONGEST_PATH + 32];
    antler_shape shape = {1, {list->n}};
    if (list->n == 0) /* how h5py stores an empty list */
        return antler__entries_add(entries, attribute, ANTLER_FLOAT64, &shape, NULL, 0, err);
    if (list->n <= MOST_NAMES)
        return antler__entries_add(entries, attribute, ANTLER_TEXT, &shape, list->text, list->bytes, err);
    const char *text = list->text;
    for (int64_t first = 0, part = 0; first < list->n; first += MOST_NAMES, part++) {
        const char *begin = text;
        shape.dim[0] = list->n - first < MOST_NAMES ? list->n - first : MOST_NAMES;
        for (int64_t i = 0; i < shape.dim[0]; i++)
            text += strlen(text) + 1;
        snprintf(part_name, sizeof part_name, "%s%" PRId64, attribute, part);
        ANTLER_TRY(antler__entries_add(entries, part_name, ANTLER_TEXT, &shape, begin, (size_t)(text - begin), err));
    }
    return ANTLER_OK;
}

antler_status antler__name_list_write(antler_name_list *list, const char *attribute, antler_entries *entries,
                                      antler_error *err)
{
    antler_status status = write_names(list, attribute, entries, err);
    antler__free(list->text);
    *list = (antler_name_list){0};
    return status;
}
