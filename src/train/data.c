/* Data: rows of one shape, kept in the number type they came in and converted when a batch is gathered. */
#include "core/memory.h"
#include "files/files.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const int64_t in_memory = (int64_t)1 << 30; /* bytes of a data set that are read whole */

/* What a float holds exactly, and at all. The double library refuses the same integers, so that it proves the same. */
#define MAX_INTEGER 16777216
static const double max_real = sizeof(antler_real) == sizeof(float) ? FLT_MAX : DBL_MAX;

struct antler_data {
    antler_shape shape;
    antler_dtype dtype;
    int64_t row_elements;
    size_t row_bytes;
    int64_t first;               /* our row 0 in the source */
    bool borrowed;               /* the source belongs to the caller or to other data */
    const unsigned char *values; /* the source is this array, ... */
    antler_hdf5_rows *rows;      /* ... or this, ... */
    antler_npy npy;              /* ... or this (file >= 0) */
    char file[256], name[256];   /* for errors */
};

/* ---- conversion -------------------------------------------------------------------------------------------------- */

/* Each converts n elements to `out` and says whether all were good. */
typedef bool (*converter)(const void *source, int64_t n, antler_real *out);

/* float32: the bits above infinity's are NaN and it: adding the exponent's unit then reaches the top bit. Copying and
   looking in one pass, without a branch, runs as fast as memory. */
static bool from_float32(const void *source, int64_t n, antler_real *out)
{
    const float *from = source;
    uint32_t bad = 0, bits;
    for (int64_t i = 0; i < n; i++) {
        memcpy(&bits, &from[i], sizeof bits);
        bad |= (bits & 0x7fffffffu) + 0x00800000u;
        out[i] = from[i];
    }
    return bad >> 31 == 0;
}

/* The same: what has to be added to reach the top bit is what the largest good number lacks. */
static bool from_float64(const void *source, int64_t n, antler_real *out)
{
    const double *from = source;
    uint64_t bad = 0, bits, most;
    memcpy(&most, &max_real, sizeof most);
    const uint64_t lack = (UINT64_C(1) << 63) - 1 - most;
    for (int64_t i = 0; i < n; i++) {
        memcpy(&bits, &from[i], sizeof bits);
        bad |= (bits & (UINT64_MAX >> 1)) + lack;
        out[i] = (antler_real)from[i];
    }
    return bad >> 63 == 0;
}

/* float16: shifted into float32's place, exponent and fraction read as the value times 2^-112, zero and subnormals too.
 */
static bool from_float16(const void *source, int64_t n, antler_real *out)
{
    const uint16_t *from = source;
    bool good = true;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)(from[i] & 0x7fff) << 13 | (uint32_t)(from[i] & 0x8000) << 16;
        float value;
        memcpy(&value, &bits, sizeof value);
        bool finite = (from[i] & 0x7c00) != 0x7c00;
        good &= finite;
        out[i] = finite ? value * 0x1p112f : (from[i] & 0x3ff) ? NAN : INFINITY;
    }
    return good;
}

/* Integers that every float holds. */
#define FROM_SMALL(type)                                                     \
    static bool from_##type(const void *source, int64_t n, antler_real *out) \
    {                                                                        \
        const type##_t *from = source;                                       \
        for (int64_t i = 0; i < n; i++)                                      \
            out[i] = from[i];                                                \
        return true;                                                         \
    }
FROM_SMALL(int8)
FROM_SMALL(uint8)
FROM_SMALL(int16)
FROM_SMALL(uint16)

/* Integers that may be too large. Out of int64's range they are so as a double, too. */
#define FROM_WIDE(type)                                                      \
    static bool from_##type(const void *source, int64_t n, antler_real *out) \
    {                                                                        \
        const type##_t *from = source;                                       \
        int bad = 0;                                                         \
        for (int64_t i = 0; i < n; i++) {                                    \
            bad |= fabs((double)from[i]) > MAX_INTEGER;                      \
            out[i] = (antler_real)from[i];                                   \
        }                                                                    \
        return bad == 0;                                                     \
    }
FROM_WIDE(int32)
FROM_WIDE(uint32)
FROM_WIDE(int64)
FROM_WIDE(uint64)

static const converter converters[] = {
    [ANTLER_FLOAT16] = from_float16, [ANTLER_FLOAT32] = from_float32, [ANTLER_FLOAT64] = from_float64,
    [ANTLER_INT8] = from_int8,       [ANTLER_UINT8] = from_uint8,     [ANTLER_INT16] = from_int16,
    [ANTLER_UINT16] = from_uint16,   [ANTLER_INT32] = from_int32,     [ANTLER_UINT32] = from_uint32,
    [ANTLER_INT64] = from_int64,     [ANTLER_UINT64] = from_uint64,
};

static bool is_integer(antler_dtype dtype)
{
    return dtype >= ANTLER_INT8;
}

/* Names the first bad element of the rows from `row` on. */
static antler_status complain(const antler_data *data, int64_t row, const unsigned char *source, int64_t n,
                              antler_error *err)
{
    antler_real value = 0;
    int64_t i = 0;
    size_t size = antler__dtype_size(data->dtype);
    while (i < n && converters[data->dtype](source + (size_t)i * size, 1, &value))
        i++;
    row += i / data->row_elements;
    if (is_integer(data->dtype))
        antler_error_set(err, ANTLER_DATA, data->name,
                         "row %lld, element %lld: an integer beyond 2^24 (%.0f), which a "
                         "float does not hold",
                         (long long)row, (long long)(i % data->row_elements), (double)value);
    else
        antler_error_set(err, ANTLER_DATA, data->name, "row %lld, element %lld: %s, expected a finite number",
                         (long long)row, (long long)(i % data->row_elements),
                         isnan(value) ? "NaN" : "infinite, or beyond what a float holds");
    antler__error_file(err, data->file);
    return ANTLER_DATA;
}

/* ---- gathering --------------------------------------------------------------------------------------------------- */

static antler_status convert(const antler_data *data, int64_t row, const unsigned char *source, int64_t rows,
                             antler_real *out, antler_error *err)
{
    int64_t n = rows * data->row_elements;
    return converters[data->dtype](source, n, out) ? ANTLER_OK : complain(data, row, source, n, err);
}

/* Rows [row, row + n) of a source that is not in memory, by way of `staging`. */
static antler_status load(const antler_data *data, int64_t row, int64_t n, void *staging, antler_error *err)
{
    antler_status status = data->rows ? antler__hdf5_rows_read(data->rows, row, n, staging, err)
                                      : antler__npy_read(&data->npy, row, n, staging, err);
    antler__error_file(err, data->file);
    return status;
}

/* How many of the rows asked for lie one behind the other, up to `most`. */
static int64_t run_length(const int64_t *row, int64_t n, int64_t most)
{
    int64_t run = 1;
    while (run < n && run < most && row[run] == row[run - 1] + 1)
        run++;
    return run;
}

/* Runs of rows; those not in memory go through `staging`, which holds `most` rows. */
static antler_status gather(const antler_data *data, const int64_t *row, int64_t n, unsigned char *staging,
                            int64_t most, antler_real *out, antler_error *err)
{
    for (int64_t i = 0; i < n;) {
        int64_t run = run_length(row + i, n - i, most), source = data->first + row[i];
        const unsigned char *from = staging ? staging : data->values + (size_t)source * data->row_bytes;
        if (staging)
            ANTLER_TRY(load(data, source, run, staging, err));
        ANTLER_TRY(convert(data, source, from, run, out, err));
        out += run * data->row_elements;
        i += run;
    }
    return ANTLER_OK;
}

antler_status antler_data_gather(const antler_data *data, const int64_t *row, int64_t n, antler_real *out,
                                 antler_error *err)
{
    enum { STAGING = 1 << 22 }; /* bytes, or one row if that is larger */
    for (int64_t i = 0; i < n; i++)
        if (row[i] < 0 || row[i] >= data->shape.dim[0])
            return antler_error_set(err, ANTLER_VALUE, data->name, "row %lld of %lld", (long long)row[i],
                                    (long long)data->shape.dim[0]);
    if (n <= 0 || data->row_elements == 0)
        return ANTLER_OK;
    if (data->values)
        return gather(data, row, n, NULL, INT64_MAX, out, err);
    int64_t most = data->row_bytes < STAGING ? (int64_t)(STAGING / data->row_bytes) : 1;
    unsigned char *staging = antler__allocate((size_t)(most < n ? most : n), data->row_bytes);
    if (!staging)
        return antler_error_set(err, ANTLER_MEMORY, data->name, "out of memory");
    antler_status status = gather(data, row, n, staging, most < n ? most : n, out, err);
    antler__free(staging);
    return status;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static antler_data *no_memory(antler_error *err)
{
    antler__no_memory(err);
    return NULL;
}

/* Data without a source yet. */
static antler_data *create(const char *file, const char *name, antler_error *err)
{
    antler_data *data = antler__allocate_zeroed(1, sizeof *data);
    if (!data)
        return no_memory(err);
    data->npy.file = -1;
    snprintf(data->file, sizeof data->file, "%s", file);
    snprintf(data->name, sizeof data->name, "%s", name);
    return data;
}

static antler_status set_shape(antler_data *data, antler_dtype dtype, const antler_shape *shape, antler_error *err)
{
    int64_t all, bytes;
    if (dtype >= ANTLER_TEXT || shape->rank < 1 || shape->rank > ANTLER_MAX_RANK || !antler__count(shape, 0, &all) ||
        !antler__count(shape, 1, &data->row_elements) ||
        !antler__size_multiply(all, (int64_t)antler__dtype_size(dtype), &bytes) || (uint64_t)bytes > SIZE_MAX)
        return antler_error_set(err, ANTLER_SHAPE, data->name, "not a type and shape that rows of numbers can have");
    data->shape = *shape;
    data->dtype = dtype;
    data->row_bytes = (size_t)data->row_elements * antler__dtype_size(dtype);
    return ANTLER_OK;
}

void antler_data_free(antler_data *data)
{
    if (!data)
        return;
    if (!data->borrowed) {
        antler__free((void *)(uintptr_t)data->values);
        antler__hdf5_rows_close(data->rows);
        antler__npy_close(&data->npy);
    }
    antler__free(data);
}

antler_data *antler_data_from(const void *values, antler_dtype dtype, const antler_shape *shape, antler_error *err)
{
    antler_data *data = create("", "data in memory", err);
    if (!data)
        return NULL;
    data->borrowed = true;
    data->values = values;
    if (set_shape(data, dtype, shape, err) == ANTLER_OK && (values || data->row_elements == 0 || shape->dim[0] == 0))
        return data;
    antler_error_set(err, ANTLER_VALUE, data->name, "no array");
    antler_data_free(data);
    return NULL;
}

antler_data *antler_data_rows(const antler_data *data, int64_t first, int64_t n, antler_error *err)
{
    if (first < 0 || n < 0 || n > data->shape.dim[0] || first > data->shape.dim[0] - n) {
        antler_error_set(err, ANTLER_VALUE, data->name, "rows from %lld, %lld of them, of %lld", (long long)first,
                         (long long)n, (long long)data->shape.dim[0]);
        antler__error_file(err, data->file);
        return NULL;
    }
    antler_data *view = antler__allocate(1, sizeof *view);
    if (!view)
        return no_memory(err);
    *view = *data;
    view->borrowed = true;
    view->first += first;
    view->shape.dim[0] = n;
    return view;
}

const antler_shape *antler_data_shape(const antler_data *data)
{
    return &data->shape;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* Reads a source whole, and closes it, if it is not too large. */
static antler_status settle(antler_data *data, int64_t most_in_memory, antler_error *err)
{
    int64_t bytes = data->shape.dim[0] * (int64_t)data->row_bytes;
    if (bytes > most_in_memory)
        return ANTLER_OK;
    void *values = antler__allocate((size_t)bytes, 1);
    if (!values)
        return antler_error_set(err, ANTLER_MEMORY, data->name, "out of memory (%lld bytes)", (long long)bytes);
    antler_status status = load(data, 0, data->shape.dim[0], values, err);
    data->values = values;
    antler__hdf5_rows_close(data->rows);
    data->rows = NULL;
    antler__npy_close(&data->npy);
    return status;
}

static antler_status open_hdf5(antler_data *data, const char *path, const char *name, int64_t most, antler_error *err)
{
    antler_dtype dtype;
    antler_shape shape;
    ANTLER_TRY(antler__hdf5_rows_open(path, name ? name : "", &data->rows, &dtype, &shape, err));
    ANTLER_TRY(set_shape(data, dtype, &shape, err));
    return settle(data, most, err);
}

static antler_status open_npy(antler_data *data, const char *path, const char *name, int64_t most, antler_error *err)
{
    (void)name;
    ANTLER_TRY(antler__npy_open(path, &data->npy, err));
    ANTLER_TRY(set_shape(data, data->npy.dtype, &data->npy.shape, err));
    return settle(data, most, err);
}

static antler_status open_csv(antler_data *data, const char *path, const char *name, int64_t most, antler_error *err)
{
    (void)most;
    antler_real *values;
    antler_shape shape;
    ANTLER_TRY(antler__csv_read(path, name, &values, &shape, err));
    data->values = (const unsigned char *)values;
    return set_shape(data, sizeof *values == sizeof(float) ? ANTLER_FLOAT32 : ANTLER_FLOAT64, &shape, err);
}

typedef antler_status (*opener)(antler_data *data, const char *path, const char *name, int64_t most_in_memory,
                                antler_error *err);

static bool has_suffix(const char *path, const char *suffix)
{
    size_t length = strlen(path), size = strlen(suffix);
    return length >= size && strcmp(path + length - size, suffix) == 0;
}

/* By suffix; a file of any other name by how it begins. */
static opener opener_of(const char *path)
{
    static const struct {
        const char *suffix;
        opener open;
    } suffixes[] = {{".h5", open_hdf5}, {".hdf5", open_hdf5}, {".npy", open_npy}, {".csv", open_csv}};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (has_suffix(path, suffixes[i].suffix))
            return suffixes[i].open;
    char start[8] = "";
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    size_t n = fread(start, 1, sizeof start, file);
    fclose(file);
    if (n == 8 && memcmp(start, "\x89HDF\r\n\x1a\n", 8) == 0)
        return open_hdf5;
    return n == 8 && memcmp(start, "\x93NUMPY", 6) == 0 ? open_npy : NULL;
}

static antler_status open_source(antler_data *data, const char *path, const char *name, int64_t most, antler_error *err)
{
    opener open = opener_of(path);
    if (open)
        return open(data, path, name, most, err);
    struct stat info;
    if (stat(path, &info) != 0)
        return antler__file_error(path, "open", err);
    return antler_error_set(err, ANTLER_FORMAT, NULL, "neither HDF5, .npy, .csv nor a directory of the latter two");
}

/* NAME.npy or NAME.csv of a directory. */
static antler_status open_in_directory(antler_data *data, const char *path, const char *name, int64_t most,
                                       antler_error *err)
{
    char inside[4096];
    struct stat info;
    const char *const suffixes[] = {"npy", "csv"};
    for (int i = 0; name && i < 2; i++) {
        int length = snprintf(inside, sizeof inside, "%s/%s.%s", path, name, suffixes[i]);
        if (length > 0 && (size_t)length < sizeof inside && stat(inside, &info) == 0) {
            snprintf(data->file, sizeof data->file, "%.255s", inside);
            return open_source(data, inside, NULL, most, err);
        }
    }
    return antler_error_set(err, ANTLER_NAME, NULL, "the directory has neither %s.npy nor %s.csv", name ? name : "NAME",
                            name ? name : "NAME");
}

antler_data *antler__data_open(const char *path, const char *name, int64_t most_in_memory, antler_error *err)
{
    struct stat info;
    antler_data *data = create(path, name ? name : "", err);
    if (!data)
        return NULL;
    bool directory = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    antler_status status = directory ? open_in_directory(data, path, name, most_in_memory, err)
                                     : open_source(data, path, name, most_in_memory, err);
    if (status == ANTLER_OK)
        return data;
    antler__error_file(err, data->file);
    antler_data_free(data);
    return NULL;
}

antler_data *antler_data_open(const char *path, const char *name, antler_error *err)
{
    return antler__data_open(path, name, in_memory, err);
}
