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

antler_status antler__weights_misfit(const antler_entry *entry, const antler_shape *shape, const antler_shape *wanted,
                                     antler_error *err)
{
    char a[128], b[128];
    return antler_error_set(err, ANTLER_SHAPE, entry->name, "weights of shape %s; the model's have %s",
                            antler_shape_text(shape, a, sizeof a), antler_shape_text(wanted, b, sizeof b));
}

antler_status antler__weights_take(const antler_entry *entry, const antler_shape *wanted, antler_real *data,
                                   antler_error *err)
{
    int64_t n = antler_count(wanted, 0);
    if (!antler_shape_equal(&entry->shape, wanted))
        return antler__weights_misfit(entry, &entry->shape, wanted, err);
    if (entry->dtype == ANTLER_INT8 || entry->dtype == ANTLER_UINT8)
        return antler_error_set(err, ANTLER_UNSUPPORTED, entry->name,
                                "weights of type %s: those of quantized models are not read; save the model before "
                                "quantize(), or as float32",
                                antler__dtype_name(entry->dtype));
    if (antler_dtype_size(entry->dtype) == 0)
        return antler_error_set(err, ANTLER_FORMAT, entry->name, "weights of type %s; expected numbers",
                                antler__dtype_name(entry->dtype));
    for (int64_t i = 0; i < n; i++) {
        if (entry->dtype == ANTLER_FLOAT32)
            data[i] = (antler_real)((const float *)entry->data)[i];
        else if (entry->dtype == ANTLER_FLOAT64)
            data[i] = (antler_real)((const double *)entry->data)[i];
        else
            data[i] = (antler_real)antler__entry_integer(entry, i);
    }
    return ANTLER_OK;
}

antler_status antler__source_take(const antler_source *source, const antler_entry *entry,
                                  const antler_model_variable_entry *variable, antler_error *err)
{
    source->used[entry - source->entries->entry] = true;
    return antler__weights_take(entry, &variable->view.value.shape, source->to + variable->offset, err);
}

int64_t antler__variables_of(const antler_layer *layer)
{
    int64_t n = layer->params + layer->states - (layer->borrows != NULL);
    for (int i = 0; i < layer->children; i++)
        n += antler__variables_of(&layer->child[i]);
    return n;
}
