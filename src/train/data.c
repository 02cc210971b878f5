/* Data: rows of one shape, kept in the number type they came in and converted when a batch is gathered. */
#include "train/data.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "files/container.h"
#include "files/csv.h"
#include "files/entries.h"
#include "files/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t in_memory = (int64_t)1 << 30; /* bytes of a data set that are read whole */

/* ---- conversion -------------------------------------------------------------------------------------------------- */

/* Each converts n elements to `out` and says whether all were good. */
typedef bool (*converter)(const void *source, int64_t n, antler_real *out);

/* Without its sign, the bits of a float32 that is infinite or NaN are those of infinity or more, and adding one unit of
   the exponent to them sets the top bit. One pass that copies and looks, without a branch, runs as fast as memory. */
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

/* A number is bad from max_real's successor on, which may be a float's: the number added to the bits is the one with
   which the largest good number just does not set the top bit. */
static bool from_float64(const void *source, int64_t n, antler_real *out)
{
    const double *from = source;
    double max_real = ANTLER_REAL_MAX;
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

/* The bits of a float16, shifted to where a float32 has its exponent and fraction, are the value times 2^-112, for zero
   and subnormal numbers too. */
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

/* Integers that a float may not hold; libantler64 refuses the same ones, so that it proves the same. One too large
   stays so when it is rounded to a double. */
#define FROM_WIDE(type)                                                      \
    static bool from_##type(const void *source, int64_t n, antler_real *out) \
    {                                                                        \
        const type##_t *from = source;                                       \
        int bad = 0;                                                         \
        for (int64_t i = 0; i < n; i++) {                                    \
            bad |= fabs((double)from[i]) > ANTLER_FLOAT_EXACT;               \
            out[i] = (antler_real)from[i];                                   \
        }                                                                    \
        return bad == 0;                                                     \
    }
FROM_WIDE(int32)
FROM_WIDE(uint32)
FROM_WIDE(int64)
FROM_WIDE(uint64)

static const converter converters[] = {
#define ROW(NAME, name, kind, bytes, memory, disk) [ANTLER_##NAME] = from_##name,
    ANTLER_DTYPE_MAP(ROW)
#undef ROW
};

static bool is_integer(antler_dtype dtype)
{
    return dtype >= ANTLER_INT8;
}

/* The integers that can be beyond 2^24, as they stand in the data. */
static void integer_text(antler_dtype dtype, const void *value, char text[24])
{
    int64_t number = 0;
    uint64_t whole = 0;
    if (dtype == ANTLER_INT64)
        memcpy(&number, value, sizeof number);
    else if (dtype == ANTLER_INT32)
        number = *(const int32_t *)value;
    else if (dtype == ANTLER_UINT32)
        number = *(const uint32_t *)value;
    else
        memcpy(&whole, value, sizeof whole);
    snprintf(text, 24, whole > 0 ? "%" PRIu64 : "%" PRId64, whole > 0 ? whole : (uint64_t)number);
}

/* Names the first bad element of the rows from `row` on. */
static antler_status complain(const antler_data *data, int64_t row, const unsigned char *source, int64_t n,
                              antler_error *err)
{
    antler_real value = 0;
    int64_t i = 0;
    size_t size = antler_dtype_size(data->dtype);
    while (i < n && converters[data->dtype](source + (size_t)i * size, 1, &value))
        i++;
    row += i / data->row_elements;
    long long element = (long long)(i % data->row_elements);
    char text[24];
    if (is_integer(data->dtype)) {
        integer_text(data->dtype, source + (size_t)i * size, text);
        antler_error_set(err, ANTLER_DATA, data->name,
                         "row %lld, element %lld: %s, an integer beyond 2^24, which a float does not hold",
                         (long long)row, element, text);
    } else {
        antler_error_set(err, ANTLER_DATA, data->name, "row %lld, element %lld: %s, expected a finite number",
                         (long long)row, element, isnan(value) ? "NaN" : "infinite, or beyond what a float holds");
    }
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
    ANTLER_TRY(antler__require(data, "data", err));
    if (data->parts)
        return antler__parts_gather(data, row, n, out, err);
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

antler_data *antler__data_create(const char *file, const char *name, antler_error *err)
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
        !antler__size_multiply(all, (int64_t)antler_dtype_size(dtype), &bytes) || (uint64_t)bytes > SIZE_MAX)
        return antler_error_set(err, ANTLER_SHAPE, data->name, "not a type and shape that rows of numbers can have");
    data->shape = *shape;
    data->dtype = dtype;
    data->row_bytes = (size_t)data->row_elements * antler_dtype_size(dtype);
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
    antler__parts_free(data);
    antler__weights_drop(data);
    antler__free(data);
}

antler_data *antler_data_from(const void *values, antler_dtype dtype, const antler_shape *shape, antler_error *err)
{
    antler_data *data =
        antler__require(shape, "shape", err) == ANTLER_OK ? antler__data_create("", "data in memory", err) : NULL;
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
    if (antler__require(data, "data", err) != ANTLER_OK)
        return NULL;
    if (first < 0 || n < 0 || n > data->shape.dim[0] || first > data->shape.dim[0] - n) {
        antler_error_set(err, ANTLER_VALUE, data->name, "rows from %lld, %lld of them, of %lld", (long long)first,
                         (long long)n, (long long)data->shape.dim[0]);
        antler__error_file(err, data->file);
        return NULL;
    }
    if (data->parts)
        return antler__weights_rows(antler__parts_rows(data, first, n, err), data, first, n, err);
    antler_data *view = antler__allocate(1, sizeof *view);
    if (!view)
        return no_memory(err);
    *view = *data;
    view->borrowed = true;
    view->weight = NULL;
    view->owns_weight = false;
    view->first += first;
    view->shape.dim[0] = n;
    return antler__weights_rows(view, data, first, n, err);
}

const antler_error *antler_data_warning(const antler_data *data)
{
    return data && *data->warning.message ? &data->warning : NULL;
}

const antler_shape *antler_data_shape(const antler_data *data)
{
    return data ? &data->shape : NULL;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static antler_status open_hdf5(antler_data *data, const char *path, const char *name, int64_t most, antler_error *err)
{
    antler_hdf5_set set;
    ANTLER_TRY(antler__hdf5_open(path, name ? name : "", most, &set, err));
    if (set.group)
        return antler__parts_open(data, path, name, set.values, most, err);
    data->values = set.values;
    data->rows = set.rows;
    return set_shape(data, set.dtype, &set.shape, err);
}

/* A file that is not too large is read whole, and closed. */
static antler_status open_npy(antler_data *data, const char *path, const char *name, int64_t most, antler_error *err)
{
    (void)name;
    ANTLER_TRY(antler__npy_open(path, &data->npy, err));
    ANTLER_TRY(set_shape(data, data->npy.dtype, &data->npy.shape, err));
    int64_t bytes = data->shape.dim[0] * (int64_t)data->row_bytes;
    if (bytes > most)
        return ANTLER_OK;
    void *values = antler__allocate((size_t)bytes, 1);
    if (!values)
        return antler_error_set(err, ANTLER_MEMORY, data->name, "out of memory (%lld bytes)", (long long)bytes);
    antler_status status = load(data, 0, data->shape.dim[0], values, err);
    data->values = values;
    antler__npy_close(&data->npy);
    return status;
}

static antler_status open_csv(antler_data *data, const char *path, const char *name, int64_t most, antler_error *err)
{
    (void)most;
    antler_real *values;
    antler_shape shape;
    ANTLER_TRY(antler__csv_read(path, name, &values, &shape, &data->warning, err));
    if (*data->warning.message)
        snprintf(data->warning.file, sizeof data->warning.file, "%s", data->file);
    data->values = (const unsigned char *)values;
    return set_shape(data, ANTLER_DTYPE_REAL, &shape, err);
}

typedef antler_status (*opener)(antler_data *data, const char *path, const char *name, int64_t most_in_memory,
                                antler_error *err);

/* By how it begins; a text, and what is damaged, by its suffix. */
static antler_status find_opener(const char *path, opener *open, antler_error *err)
{
    antler_container container;
    const char *what;
    ANTLER_TRY(antler__container_find(path, &container, &what, err));
    bool text = container == ANTLER_CONTAINER_OTHER;
    if (container == ANTLER_CONTAINER_HDF5 ||
        (text && (antler__ends_with(path, ".h5") || antler__ends_with(path, ".hdf5"))))
        *open = open_hdf5;
    else if (container == ANTLER_CONTAINER_NPY || (text && antler__ends_with(path, ".npy")))
        *open = open_npy;
    else if ((antler__ends_with(path, ".csv") || antler__ends_with(path, ".tsv")) &&
             container != ANTLER_CONTAINER_FOREIGN)
        *open = open_csv;
    else
        return antler_error_set(err, ANTLER_FORMAT, NULL,
                                "%s%s; expected HDF5, .npy, .csv or a directory of the latter two",
                                text ? "" : "it is ", text ? "no data file" : what);
    return ANTLER_OK;
}

static antler_status open_source(antler_data *data, const char *path, const char *name, int64_t most, antler_error *err)
{
    opener open;
    ANTLER_TRY(find_opener(path, &open, err));
    return open(data, path, name, most, err);
}

/* NAME.npy or NAME.csv of a directory, or what a directory NAME in it has. */
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
    int length = name ? snprintf(inside, sizeof inside, "%s/%s", path, name) : 0;
    if (length > 0 && (size_t)length < sizeof inside && stat(inside, &info) == 0 && S_ISDIR(info.st_mode)) {
        snprintf(data->file, sizeof data->file, "%.255s", inside);
        return antler__parts_open(data, inside, NULL, NULL, most, err);
    }
    return antler_error_set(err, ANTLER_NAME, NULL, "the directory has neither %s.npy nor %s.csv", name ? name : "NAME",
                            name ? name : "NAME");
}

antler_data *antler__data_open(const char *path, const char *name, int64_t most_in_memory, antler_error *err)
{
    struct stat info;
    antler_data *data = antler__data_create(path, name ? name : "", err);
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
    return antler__require(path, "path", err) == ANTLER_OK ? antler__data_open(path, name, in_memory, err) : NULL;
}
