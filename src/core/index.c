#include "core/index.h"

#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    const antler_index_row *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* Rows in the last of the runs that n rows are in: the lowest binary digit. */
static size_t last_run(size_t n)
{
    return n & (~n + 1);
}

int64_t *antler__index_find_part(const antler_index *index, const char *text, size_t length)
{
    const antler_index_row key = {text, length, 0};
    for (size_t end = index->n, run; end > 0; end -= run) {
        run = last_run(end);
        antler_index_row *found = bsearch(&key, index->row + end - run, run, sizeof key, compare);
        if (found)
            return &found->value;
    }
    return NULL;
}

int64_t *antler__index_find(const antler_index *index, const char *text)
{
    return antler__index_find_part(index, text, strlen(text));
}

/* As adding 1 to a number carries over digits, the new row joins runs of its length to one of twice that. */
bool antler__index_add_part(antler_index *index, const char *text, size_t length, int64_t value)
{
    if (!antler__grow_by(&index->row, index->n, 1, sizeof *index->row))
        return false;
    index->row[index->n++] = (antler_index_row){text, length, value};
    size_t run = last_run(index->n);
    if (run > 1)
        qsort(index->row + index->n - run, run, sizeof *index->row, compare);
    return true;
}

bool antler__index_add(antler_index *index, const char *text, int64_t value)
{
    return antler__index_add_part(index, text, strlen(text), value);
}

int64_t *antler__index_count(antler_index *index, const char *text)
{
    int64_t *count = antler__index_find(index, text);
    return count || !antler__index_add(index, text, 0) ? count : antler__index_find(index, text);
}

void antler__index_free(antler_index *index)
{
    antler__free(index->row);
    *index = (antler_index){0};
}
