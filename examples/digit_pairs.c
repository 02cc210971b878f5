/* pair: two handwritten digits. Are they the same one, and how far apart are they? Half of the pairs are of one digit.
   Pairs of the file's x_train are to train, pairs of its x_test to test. */
#include "make_data.h"

#include <stdio.h>
#include <stdlib.h>

enum { USE_PAIRS = 1 << 16 }; /* of the seed's streams: none of the others' */
enum { TRAIN = 4000, TEST = 800, SIDE = 8, PIXELS = SIDE * SIDE };

/* Images and their digits. */
typedef struct images {
    int64_t n;
    antler_real *pixels, *digit; /* (n, 8, 8), (n) */
} images;

/* All rows of a data set; NULL and *err on failure. */
static antler_real *read_rows(const char *path, const char *name, int64_t width, int64_t *n, antler_error *err)
{
    antler_data *data = antler_data_open(path, name, err);
    if (!data)
        return NULL;
    const antler_shape *shape = antler_data_shape(data);
    *n = shape->dim[0];
    int64_t *order = malloc((size_t)*n * sizeof *order);
    antler_real *values = malloc((size_t)(*n * width) * sizeof *values);
    for (int64_t i = 0; order && i < *n; i++)
        order[i] = i;
    if (antler_count(shape, 1) != width)
        antler_error_set(err, ANTLER_SHAPE, name, "%lld numbers a row; expected %lld",
                         (long long)antler_count(shape, 1), (long long)width);
    else if (!order || !values)
        antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    else
        antler_data_gather(data, order, *n, values, err);
    free(order);
    antler_data_free(data);
    if (err->status == ANTLER_OK)
        return values;
    free(values);
    return NULL;
}

static antler_status read_images(const char *path, const char *part, images *to, antler_error *err)
{
    char x[16], y[16];
    int64_t digits = 0;
    snprintf(x, sizeof x, "x_%s", part);
    snprintf(y, sizeof y, "y_%s", part);
    to->pixels = read_rows(path, x, PIXELS, &to->n, err);
    to->digit = to->pixels ? read_rows(path, y, 1, &digits, err) : NULL;
    if (err->status == ANTLER_OK && digits != to->n)
        antler_error_set(err, ANTLER_SHAPE, y, "%lld rows; expected %lld", (long long)digits, (long long)to->n);
    return err->status;
}

/* The sets of one part of the file: x_train/left, x_train/right, y_train/same, y_train/far. */
enum { LEFT, RIGHT, SAME, FAR, SETS };

static void copy_image(const images *from, int64_t row, uint8_t *image)
{
    for (int i = 0; i < PIXELS; i++)
        image[i] = (uint8_t)from->pixels[row * PIXELS + i];
}

static void draw_pair(const images *from, generator *g, int64_t i, const rows *set)
{
    bool same = generator_below(g, 2) == 1;
    int64_t left = generator_below(g, from->n), right;
    do
        right = generator_below(g, from->n);
    while ((from->digit[left] == from->digit[right]) != same);
    copy_image(from, left, (uint8_t *)set[LEFT].values + i * PIXELS);
    copy_image(from, right, (uint8_t *)set[RIGHT].values + i * PIXELS);
    ((uint8_t *)set[SAME].values)[i] = same;
    ((uint8_t *)set[FAR].values)[i] = (uint8_t)abs((int)from->digit[left] - (int)from->digit[right]);
}

static antler_status draw_part(const char *path, const char *part, int64_t n, generator *g, rows *set,
                               antler_error *err)
{
    static const int64_t shape[] = {SIDE, SIDE}, one[] = {1};
    images from = {0};
    for (int k = 0; k < SETS; k++)
        set[k] = k < SAME ? rows_make(ANTLER_UINT8, n, shape, 2) : rows_make(ANTLER_UINT8, n, one, 1);
    bool room = set[LEFT].values && set[RIGHT].values && set[SAME].values && set[FAR].values;
    antler_status status =
        room ? read_images(path, part, &from, err) : antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    for (int64_t i = 0; status == ANTLER_OK && i < n; i++)
        draw_pair(&from, g, i, set);
    free(from.pixels);
    free(from.digit);
    return status;
}

antler_status make_pair(const char *digits, const char *path, int64_t seed, antler_error *err)
{
    static const char about[] = "Pairs of the digits of digits.h5 (UCI, CC BY 4.0).";
    static const char *const name[] = {"x_train/left", "x_train/right", "y_train/same", "y_train/far",
                                       "x_test/left",  "x_test/right",  "y_test/same",  "y_test/far"};
    generator g = generator_make(seed, USE_PAIRS);
    rows set[2 * SETS] = {{0}};
    antler_array array[2 * SETS];
    antler_status status = draw_part(digits, "train", TRAIN, &g, set, err);
    if (status == ANTLER_OK)
        status = draw_part(digits, "test", TEST, &g, set + SETS, err);
    for (int k = 0; k < 2 * SETS; k++)
        array[k] = (antler_array){name[k], set[k].dtype, set[k].shape, set[k].values};
    if (status == ANTLER_OK)
        status = antler_data_save(path, about, array, 2 * SETS, err);
    if (status == ANTLER_OK)
        printf("%s: %d samples to train, %d to test. %s\n", path, TRAIN, TEST, about);
    for (int k = 0; k < 2 * SETS; k++)
        free(set[k].values);
    return status;
}
