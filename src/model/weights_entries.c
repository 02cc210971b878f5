#include "model/weights_entries.h"

#include <string.h>

antler_status antler__weights_put(antler_entries *entries, const char *name, const antler_shape *shape,
                                  const antler_real *data, antler_error *err)
{
    return antler__entries_add(entries, name, ANTLER_DTYPE_REAL, shape, data,
                               (size_t)antler_count(shape, 0) * sizeof *data, err);
}

antler_status antler__weights_put_text(antler_entries *entries, const char *name, const char *text, antler_error *err)
{
    const antler_shape scalar = {0, {0}};
    return antler__entries_add(entries, name, ANTLER_TEXT, &scalar, text, strlen(text) + 1, err);
}

antler_status antler__weights_put_group(antler_entries *entries, const char *name, antler_error *err)
{
    const antler_shape none = {0, {0}};
    return antler__entries_add(entries, name, ANTLER_GROUP, &none, NULL, 0, err);
}

static antler_status wrong_shape(const antler_entry *entry, const antler_shape *wanted, antler_error *err)
{
    char a[128], b[128];
    return antler_error_set(err, ANTLER_SHAPE, entry->name, "weights of shape %s; the model's have %s",
                            antler_shape_text(&entry->shape, a, sizeof a), antler_shape_text(wanted, b, sizeof b));
}

antler_status antler__weights_take(const antler_entry *entry, const antler_shape *wanted, antler_real *data,
                                   antler_error *err)
{
    int64_t n = antler_count(wanted, 0);
    if (!antler_shape_equal(&entry->shape, wanted))
        return wrong_shape(entry, wanted, err);
    for (int64_t i = 0; i < n; i++) {
        if (entry->dtype == ANTLER_FLOAT32)
            data[i] = (antler_real)((const float *)entry->data)[i];
        else if (entry->dtype == ANTLER_FLOAT64)
            data[i] = (antler_real)((const double *)entry->data)[i];
        else if (entry->dtype == ANTLER_INT32) /* counts */
            data[i] = (antler_real)((const int32_t *)entry->data)[i];
        else if (entry->dtype == ANTLER_INT64)
            data[i] = (antler_real)((const int64_t *)entry->data)[i];
        else
            return antler_error_set(err, ANTLER_FORMAT, entry->name, "weights of type %s; expected float32 or float64",
                                    antler__dtype_name(entry->dtype));
    }
    return ANTLER_OK;
}

int64_t antler__variables_of(const antler_layer *layer)
{
    int64_t n = layer->params + layer->states - (layer->borrows != NULL);
    for (int i = 0; i < layer->children; i++)
        n += antler__variables_of(&layer->child[i]);
    return n;
}
