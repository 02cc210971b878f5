/* Sample weights, which go with targets. */
#include "core/status.h"
#include "train/data.h"

void antler__weights_drop(antler_data *data)
{
    if (data->owns_weight)
        antler_data_free((antler_data *)(uintptr_t)data->weight);
    data->owns_weight = false;
}

antler_status antler_data_weigh(antler_data *y, const antler_data *weight, antler_error *err)
{
    ANTLER_TRY(antler__require(y, "targets", err));
    if (weight && weight->parts)
        return antler_error_set(err, ANTLER_VALUE, weight->name,
                                "sample weights of several parts; expected one array, or each for its part of y");
    if (weight && weight->shape.dim[0] != y->shape.dim[0])
        return antler_error_set(err, ANTLER_SHAPE, weight->name, "%lld sample weights for %lld rows",
                                (long long)weight->shape.dim[0], (long long)y->shape.dim[0]);
    antler__weights_drop(y);
    y->weight = weight;
    return ANTLER_OK;
}

antler_data *antler__weights_rows(antler_data *view, const antler_data *of, int64_t first, int64_t n, antler_error *err)
{
    if (!view || !of->weight)
        return view;
    view->weight = antler_data_rows(of->weight, first, n, err);
    view->owns_weight = true;
    if (view->weight)
        return view;
    antler_data_free(view);
    return NULL;
}
