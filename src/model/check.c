/* antler_check: all mistakes of a model's file at once. */
#include "core/memory.h"
#include "core/status.h"
#include "model/model_file.h"

#include <stdlib.h>
#include <string.h>

typedef struct mistake {
    antler_error error;
    size_t at; /* in the text */
    int64_t number;
} mistake;

typedef struct mistakes {
    mistake *item;
    int64_t n;
    bool no_memory;
} mistakes;

static bool is_told(const mistakes *m, const antler_error *error)
{
    for (int64_t i = 0; i < m->n; i++)
        if (strcmp(m->item[i].error.message, error->message) == 0 && strcmp(m->item[i].error.place, error->place) == 0)
            return true;
    return false;
}

static void hear(void *user, const antler_error *error, size_t at)
{
    mistakes *m = user;
    if (is_told(m, error))
        return;
    if (antler__grow_by(&m->item, (size_t)m->n, 1, sizeof *m->item)) {
        m->item[m->n] = (mistake){*error, at, m->n};
        m->n++;
    } else {
        m->no_memory = true;
    }
}

static int by_place(const void *a, const void *b)
{
    const mistake *one = a, *other = b;
    if (one->at != other->at)
        return one->at < other->at ? -1 : 1;
    return one->number < other->number ? -1 : 1;
}

antler_status antler_check(const char *path, antler_finding_fn tell, void *user)
{
    mistakes m = {NULL, 0, false};
    antler_error error = {0};
    const antler_listener listener = {.hear = hear, .user = &m, .strict = true};
    if (!path || !tell)
        return ANTLER_VALUE;
    antler_model *model = antler__load(path, &listener, &error);
    if (!model && !m.n) /* not of its JSON's content */
        hear(&m, &error, 0);
    if (m.n)
        qsort(m.item, (size_t)m.n, sizeof *m.item, by_place);
    for (int64_t i = 0; i < m.n; i++)
        tell(user, ANTLER_FOUND_FAULT, &m.item[i].error);
    for (int64_t i = 0; model && i < model->warnings; i++)
        if (model->warning[i].status == ANTLER_OK) /* else it has been told */
            tell(user, ANTLER_FOUND_IGNORED, &model->warning[i]);
    antler_status status = m.n ? m.item[0].error.status : m.no_memory ? ANTLER_MEMORY : ANTLER_OK;
    antler_model_free(model);
    antler__free(m.item);
    return status;
}
