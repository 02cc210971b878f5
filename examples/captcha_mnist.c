/* captcha_mnist: few digits. Of the MNIST subset's x_train, rows 0 .. 499 train and rows 500 .. 749 test. */
#include "make_data.h"

#include <stdlib.h>

enum { SAMPLES = 750, TRAIN = 500 };

/* The first SAMPLES rows of a data set of numbers 0 .. 255. */
static antler_status read_bytes(const char *path, const char *name, rows *r, antler_error *err)
{
    antler_data *data = antler_data_open(path, name, err);
    if (!data)
        return err->status;
    const antler_shape *shape = antler_data_shape(data);
    int64_t order[SAMPLES], n = antler_count(shape, 1);
    for (int i = 0; i < SAMPLES; i++)
        order[i] = i;
    antler_status status = ANTLER_OK;
    antler_real *values = NULL;
    if (shape->dim[0] < SAMPLES) {
        status =
            antler_error_set(err, ANTLER_SHAPE, name, "%lld rows; %d are needed", (long long)shape->dim[0], SAMPLES);
        goto done;
    }
    *r = rows_make(ANTLER_UINT8, SAMPLES, shape->dim + 1, shape->rank - 1);
    values = malloc((size_t)(SAMPLES * n) * sizeof *values);
    if (!values || !r->values) {
        status = antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
        goto done;
    }
    status = antler_data_gather(data, order, SAMPLES, values, err);
    for (int64_t i = 0; status == ANTLER_OK && i < SAMPLES * n; i++)
        ((uint8_t *)r->values)[i] = (uint8_t)values[i];
done:
    free(values);
    antler_data_free(data);
    return status;
}

antler_status make_captcha_mnist(const char *mnist, const char *path, antler_error *err)
{
    rows x = {0}, y = {0};
    antler_status status = read_bytes(mnist, "x_train", &x, err);
    if (status == ANTLER_OK)
        status = read_bytes(mnist, "y_train", &y, err);
    if (status == ANTLER_OK)
        status =
            write_split(path, "The first 750 training rows of mnist5k.h5 (MNIST, CC BY-SA 3.0).", &x, &y, TRAIN, err);
    free(x.values);
    free(y.values);
    return status;
}
