#include "model/weights_old.h"

#include "core/memory.h"
#include "model/model_json.h"
#include "model/weights_names.h"

#include <stdio.h>
#include <string.h>

enum { KERAS2 = 200 };

/* ---- who wrote it ------------------------------------------------------------------------------------------------ */

/* An attribute of the weights' group, or of the file. */
static const char *attribute_of(const antler_entries *entries, const char *root, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "%s@%s", root, name);
    const char *text = *root ? antler__entries_text(entries, path) : NULL;
    snprintf(path, sizeof path, "/@%s", name);
    return text ? text : antler__entries_text(entries, path);
}

static bool has_tensorflow_names(const antler_entries *entries, const char *root)
{
    char attribute[ANTLER_LONGEST_PATH];
    antler_names layers = antler__names_of(entries, *root ? "/model_weights@layer_names" : "/@layer_names");
    for (const char *layer, *weight; (layer = antler__names_next(&layers));) {
        snprintf(attribute, sizeof attribute, "%s/%s@weight_names", root, layer);
        antler_names weights = antler__names_of(entries, attribute);
        if ((weight = antler__names_next(&weights)))
            return strchr(weight, ':');
    }
    return true;
}

antler_origin antler__origin_of(const antler_entries *entries, const char *root)
{
    const char *backend = attribute_of(entries, root, "backend");
    antler_origin origin = {.keras = antler__keras_version(attribute_of(entries, root, "keras_version"))};
    if (backend)
        origin.theano = strcmp(backend, "theano") == 0;
    else
        origin.theano = origin.keras > 0 && origin.keras < KERAS2 && !has_tensorflow_names(entries, root);
    return origin;
}

antler_status antler__origin_check(const antler_model *model, antler_origin origin, antler_error *err)
{
    antler_error error = {0};
    for (int64_t i = 0; i < model->layers; i++)
        if (antler__old_check(model->layer[i].object, origin, &error) != ANTLER_OK)
            return antler_error_set(err, error.status, model->layer[i].name, "%s: %s", error.place, error.message);
    return ANTLER_OK;
}

/* ---- as they are ------------------------------------------------------------------------------------------------- */

static antler_status no_weight(const antler_weight_list *list, const antler_model_variable_entry *variable,
                               antler_error *err)
{
    return antler_error_set(err, ANTLER_SHAPE, list->place, "no weight for %s of layer \"%s\"", variable->view.name,
                            list->layer);
}

static antler_status read_plain(const antler_source *source, antler_weight_list *list,
                                const antler_model_variable_entry *const *run, int n, antler_error *err)
{
    for (int i = 0; i < n; i++) {
        if (list->next == list->n)
            return no_weight(list, run[i], err);
        ANTLER_TRY(antler__source_take(source, list->entry[list->next++], run[i], err));
    }
    return ANTLER_OK;
}

/* ---- in another form --------------------------------------------------------------------------------------------- */

/* What is left of the list, as far as one layer may have it. */
static antler_status open_old(const antler_weight_list *list, antler_old_weights *old, antler_error *err)
{
    for (; old->n < ANTLER_OLD_ARRAYS && list->next + old->n < list->n; old->n++) {
        const antler_entry *entry = list->entry[list->next + old->n];
        antler_tensor *array = &old->array[old->n];
        array->shape = entry->shape;
        array->data = antler__allocate((size_t)antler_count(&entry->shape, 0), sizeof *array->data);
        if (!array->data)
            return antler__no_memory(err);
        ANTLER_TRY(antler__weights_take(entry, &entry->shape, array->data, err));
    }
    return ANTLER_OK;
}

static antler_status take_old(const antler_source *source, antler_weight_list *list, const antler_old_weights *old,
                              const antler_model_variable_entry *const *run, int n, antler_error *err)
{
    for (int i = 0; i < n; i++) {
        const antler_shape *wanted = &run[i]->view.value.shape;
        if (list->next + i >= list->n)
            return no_weight(list, run[i], err);
        if (!antler_shape_equal(&old->array[i].shape, wanted))
            return antler__weights_misfit(list->entry[list->next + i], &old->array[i].shape, wanted, err);
        memcpy(source->to + run[i]->offset, old->array[i].data, (size_t)antler_count(wanted, 0) * sizeof *source->to);
    }
    for (int i = 0; i < old->used; i++)
        source->used[list->entry[list->next++] - source->entries->entry] = true;
    return ANTLER_OK;
}

static antler_status read_old(const antler_source *source, antler_origin origin, antler_weight_list *list,
                              const antler_model_variable_entry *const *run, int n, antler_error *err)
{
    antler_old_weights old = {.used = n};
    antler_status status = open_old(list, &old, err);
    if (status == ANTLER_OK)
        status = antler__old_weights(run[0]->layer->object, origin, &old, err);
    if (status == ANTLER_OK)
        status = take_old(source, list, &old, run, n, err);
    for (int i = 0; i < ANTLER_OLD_ARRAYS; i++)
        antler__free(old.array[i].data);
    return status;
}

antler_status antler__run_read(const antler_source *source, antler_origin origin, antler_weight_list *list,
                               const antler_model_variable_entry *const *run, int n, antler_error *err)
{
    return antler__old_has_weights(run[0]->layer->object, origin) ? read_old(source, origin, list, run, n, err)
                                                                  : read_plain(source, list, run, n, err);
}
