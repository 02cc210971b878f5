/* The last part of the data, put aside to validate on. */
#include "core/status.h"
#include "train/data.h"

#include <math.h>

/* One of the two parts. Of windows, as if the series had been cut. */
static antler_data *part(const antler_data *data, double split, bool rest, antler_error *err)
{
    int64_t rows = data->shape.dim[0], n = (int64_t)floor((double)rows * (1 - split));
    if (antler__is_windows(data))
        return antler__windows_cut(data, split, rest, err);
    return antler_data_rows(data, rest ? n : 0, rest ? rows - n : n, err);
}

antler_status antler_data_split(const antler_data *data, double split, antler_data **first, antler_data **rest,
                                antler_error *err)
{
    antler_error error = {0};
    ANTLER_TRY(antler__require(data, "data", err));
    bool fits = split > 0 && split < 1;
    *first = fits ? part(data, split, false, &error) : NULL;
    *rest = *first ? part(data, split, true, &error) : NULL;
    if (error.status == ANTLER_OK && (!fits || (*first)->shape.dim[0] < 1 || (*rest)->shape.dim[0] < 1))
        antler_error_set(&error, ANTLER_VALUE, "fit.validation_split",
                         "%g of %lld rows leaves none to train on or none to validate on", split,
                         (long long)data->shape.dim[0]);
    if (error.status == ANTLER_OK)
        return ANTLER_OK;
    antler_data_free(*first);
    antler_data_free(*rest);
    *first = *rest = NULL;
    return antler__error_copy(err, &error);
}
