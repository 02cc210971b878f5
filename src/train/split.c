/* The last part of the data, put aside to validate on. */
#include "antler/antler.h"

#include "core/status.h"

#include <math.h>

antler_status antler_data_split(const antler_data *data, double split, antler_data **first, antler_data **rest,
                                antler_error *err)
{
    antler_error error = {0};
    ANTLER_TRY(antler__require(data, "data", err));
    int64_t rows = antler_data_shape(data)->dim[0];
    int64_t n = split > 0 && split < 1 ? (int64_t)floor((double)rows * (1 - split)) : 0;
    *first = *rest = NULL;
    if (n < 1 || n >= rows)
        antler_error_set(&error, ANTLER_VALUE, "fit.validation_split",
                         "%g of %lld rows leaves none to train on or none to validate on", split, (long long)rows);
    else if ((*first = antler_data_rows(data, 0, n, &error)) &&
             !(*rest = antler_data_rows(data, n, rows - n, &error))) {
        antler_data_free(*first);
        *first = NULL;
    }
    return antler__error_copy(err, &error);
}
