/* Data: rows of one shape, kept in the number type they came in and converted when a batch is gathered. */
#include "train/data.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/container.h"
#include "files/csv.h"
#include "files/entries.h"
#include "files/file.h"
#include "files/idx.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t in_memory = (int64_t)1 << 30; /* bytes of a data set that are read whole */

/* ---- gathering --------------------------------------------------------------------------------------------------- */

/* Rows [row, row + n) of a source that is not in memory, by way of `staging`. */
static antler_status load(const antler_data *data, int64_t row, int64_t n, void *staging, antler_error *err)
{
    antler_status status = data->source.read(data->source.self, row, n, staging, err);
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
        ANTLER_TRY(antler__data_convert(data, source, from, run, out, err));
        out += run * data->row_elements;
        i += run;
    }
    return ANTLER_OK;
}

static antler_status check_rows(const antler_data *data, const int64_t *row, int64_t n, antler_error *err)
{
    for (int64_t i = 0; i < n; i++)
        if (row[i] < 0 || row[i] >= data->shape.dim[0])
            return antler_error_set(err, ANTLER_VALUE, data->name, "row %lld of %lld", (long long)row[i],
                                    (long long)data->shape.dim[0]);
    return ANTLER_OK;
}

antler_status antler_data_gather(const antler_data *data, const int64_t *row, int64_t n, antler_real *out,
                                 antler_error *err)
{
    enum { STAGING = 1 << 22 }; /* bytes, or one row if that is larger */
    ANTLER_TRY(antler__require(data, "data", err));
    if (data->parts)
        return antler__parts_gather(data, row, n, out, err);
    ANTLER_TRY(check_rows(data, row, n, err));
    if (data->of)
        return antler__windows_gather(data, row, n, out, err);
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

antler_status antler__data_settle(antler_data *data, int64_t most, antler_error *err)
{
    int64_t bytes = data->shape.dim[0] * (int64_t)data->row_bytes;
    if (bytes > most)
        return ANTLER_OK;
    void *values = antler__allocate((size_t)bytes, 1);
    if (!values)
        return antler_error_set(err, ANTLER_MEMORY, data->name, "out of memory (%lld bytes)", (long long)bytes);
    antler_status status = load(data, 0, data->shape.dim[0], values, err);
    data->values = values;
    data->source.close(data->source.self);
    data->source = (antler_source){0};
    return status;
}

bool antler__data_waits(const antler_data *data)
{
    bool waits = data->source.read || (data->of && antler__data_waits(data->of));
    for (int64_t i = 0; !waits && i < data->parts; i++)
        waits = antler__data_waits(data->part[i]);
    return waits;
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
    snprintf(data->file, sizeof data->file, "%s", file);
    snprintf(data->name, sizeof data->name, "%s", name);
    return data;
}

antler_status antler__data_set_shape(antler_data *data, antler_dtype dtype, const antler_shape *shape,
                                     antler_error *err)
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
        if (data->source.close)
            data->source.close(data->source.self);
        antler__classes_free(&data->classes);
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
    if (antler__data_set_shape(data, dtype, shape, err) == ANTLER_OK &&
        (values || data->row_elements == 0 || shape->dim[0] == 0))
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
    if (view->of)
        antler__windows_move(view, first);
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

static antler_status read_hdf5(void *self, int64_t first, int64_t n, void *out, antler_error *err)
{
    return antler__hdf5_rows_read(self, first, n, out, err);
}

static void close_hdf5(void *self)
{
    antler__hdf5_rows_close(self);
}

static antler_status open_hdf5(antler_data *data, const char *path, const char *name, int64_t most, antler_error *err)
{
    antler_hdf5_set set;
    ANTLER_TRY(antler__hdf5_open(path, name ? name : "", most, &set, err));
    if (set.group)
        return antler__parts_open(data, path, name, set.values, most, err);
    data->values = set.values;
    if (set.rows)
        data->source = (antler_source){set.rows, read_hdf5, close_hdf5};
    return antler__data_set_shape(data, set.dtype, &set.shape, err);
}

static antler_status read_npy(void *self, int64_t first, int64_t n, void *out, antler_error *err)
{
    return antler__npy_read(self, first, n, out, err);
}

static void close_npy(void *self)
{
    antler__npy_close(self);
    antler__free(self);
}

/* A file that is not too large is read whole, and closed. */
static antler_status open_npy(antler_data *data, const char *path, const char *name, int64_t most, antler_error *err)
{
    (void)name;
    antler_npy *npy = antler__allocate(1, sizeof *npy);
    if (!npy)
        return antler__no_memory(err);
    npy->file = -1;
    data->source = (antler_source){npy, read_npy, close_npy};
    ANTLER_TRY(antler__npy_open(path, npy, err));
    ANTLER_TRY(antler__data_set_shape(data, npy->dtype, &npy->shape, err));
    return antler__data_settle(data, most, err);
}

/* MNIST's own files. What gzip has packed is read whole. */
static antler_status open_idx(antler_data *data, const char *path, const char *name, int64_t most, antler_error *err)
{
    (void)name;
    void *values;
    antler_npy *npy = antler__allocate(1, sizeof *npy);
    if (!npy)
        return antler__no_memory(err);
    npy->file = -1;
    data->source = (antler_source){npy, read_npy, close_npy};
    ANTLER_TRY(antler__idx_open(path, npy, err));
    ANTLER_TRY(antler__data_set_shape(data, npy->dtype, &npy->shape, err));
    if (npy->file >= 0)
        return antler__data_settle(data, most, err);
    ANTLER_TRY(antler__idx_unpack(path, npy, in_memory, &values, err));
    data->values = values;
    data->source = (antler_source){0};
    close_npy(npy);
    return ANTLER_OK;
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
    return antler__data_set_shape(data, ANTLER_DTYPE_REAL, &shape, err);
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
    else if (container == ANTLER_CONTAINER_IDX)
        *open = open_idx;
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

/* The four files of MNIST, and of those that are like it, under the names that they come with. */
static bool find_mnist(const char *path, const char *name, char *inside, size_t size)
{
    static const char *const files[][2] = {{"x_train", "train-images%cidx3-ubyte%s"},
                                           {"y_train", "train-labels%cidx1-ubyte%s"},
                                           {"x_test", "t10k-images%cidx3-ubyte%s"},
                                           {"y_test", "t10k-labels%cidx1-ubyte%s"}};
    for (int i = 0; i < 4; i++)
        for (int form = 0; form < 4 && strcmp(name, files[i][0]) == 0; form++) {
            char file[64];
            snprintf(file, sizeof file, files[i][1], form % 2 ? '.' : '-', form / 2 ? ".gz" : "");
            int length = snprintf(inside, size, "%s/%s", path, file);
            if (length > 0 && (size_t)length < size && access(inside, F_OK) == 0)
                return true;
        }
    return false;
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
    if (name && find_mnist(path, name, inside, sizeof inside)) {
        snprintf(data->file, sizeof data->file, "%.255s", inside);
        return open_source(data, inside, NULL, most, err);
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
