/* Arrays as the data sets of an HDF5 file. */
#include "core/memory.h"
#include "files/hdf5.h"

#include <string.h>

/* "set", or "group/set": none of the parts empty, or standing for a group. */
static bool is_name(const char *name)
{
    size_t length = strcspn(name, "/");
    bool dots = strncmp(name, "..", length) == 0 && length <= 2; /* none, one or two of them */
    return !dots && !strchr(name, '@') && (!name[length] || is_name(name + length + 1));
}

/* Whether one of two paths leads on from the other, which then is a group, or both are one. */
static bool meet(const char *a, const char *b)
{
    size_t i = 0;
    while (a[i] && a[i] == b[i])
        i++;
    return (!a[i] || !b[i]) && (a[i] == b[i] || a[i] == '/' || b[i] == '/');
}

static antler_status add(antler_entries *entries, const antler_array *array, antler_error *err)
{
    char name[256];
    size_t length = array->name ? strlen(array->name) : 0;
    if (length == 0 || length + 2 > sizeof name || !is_name(array->name))
        return antler_error_set(err, ANTLER_VALUE, NULL,
                                "\"%.80s\" is no name for a data set: expected 1 to %zu characters without @, in parts "
                                "that a / ends",
                                array->name ? array->name : "", sizeof name - 2);
    size_t size = antler_dtype_size(array->dtype);
    int64_t bytes;
    if (size == 0)
        return antler_error_set(err, ANTLER_VALUE, array->name, "its type holds no numbers");
    if (array->dtype == ANTLER_FLOAT16)
        return antler_error_set(err, ANTLER_UNSUPPORTED, array->name, "float16 is read, not written");
    if (!antler__count(&array->shape, 0, &bytes) || !antler__size_multiply(bytes, (int64_t)size, &bytes))
        return antler_error_set(err, ANTLER_SHAPE, array->name, "its shape is negative or too large");
    name[0] = '/';
    memcpy(name + 1, array->name, length + 1);
    for (int64_t i = 0; i < entries->n; i++)
        if (meet(entries->entry[i].name, name))
            return antler_error_set(err, ANTLER_VALUE, array->name,
                                    "two arrays have this name, or one lies in another");
    return antler__entries_add(entries, name, array->dtype, &array->shape, array->values, (size_t)bytes, err);
}

antler_status antler_data_save(const char *path, const char *about, const antler_array *array, int arrays,
                               antler_error *err)
{
    antler_entries entries = {0};
    antler_error error = {0};
    const antler_shape scalar = {0};
    ANTLER_TRY(antler__require(path, "path", err));
    if (about)
        antler__entries_add(&entries, "/@about", ANTLER_TEXT, &scalar, about, strlen(about) + 1, &error);
    for (int i = 0; i < arrays && error.status == ANTLER_OK; i++)
        add(&entries, &array[i], &error);
    if (error.status == ANTLER_OK)
        antler__hdf5_write(path, &entries, NULL, NULL, &error);
    antler__error_file(&error, path);
    antler__entries_free(&entries);
    return antler__error_copy(err, &error);
}
