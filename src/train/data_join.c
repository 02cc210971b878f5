/* Data of several parts: for a model of several inputs or outputs. */
#include "core/memory.h"
#include "core/status.h"
#include "core/text.h"
#include "train/data.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- parts ------------------------------------------------------------------------------------------------------- */

void antler__parts_free(antler_data *data)
{
    for (int64_t i = 0; i < data->parts; i++) {
        if (!data->borrowed)
            antler_data_free(data->part[i]);
        if (data->part_name)
            antler__free(data->part_name[i]);
    }
    antler__free(data->part);
    antler__free(data->part_name);
}

/* Room for n parts, named or not. */
static antler_status make_room(antler_data *data, int64_t n, bool named, antler_error *err)
{
    data->part = antler__allocate_zeroed((size_t)n, sizeof *data->part);
    data->part_name = named ? antler__allocate_zeroed((size_t)n, sizeof *data->part_name) : NULL;
    return data->part && (data->part_name || !named) ? ANTLER_OK : antler__no_memory(err);
}

static antler_status add_part(antler_data *data, antler_data *part, const char *name, antler_error *err)
{
    int64_t i = data->parts++;
    data->part[i] = part;
    if (data->part_name && !(data->part_name[i] = antler__copy_text(name)))
        return antler__no_memory(err);
    return ANTLER_OK;
}

static const char *name_of(const antler_data *data, int64_t i)
{
    return data->part_name ? data->part_name[i] : data->part[i]->name;
}

/* All parts are there: as many rows in each, and no name twice. */
static antler_status finish(antler_data *data, antler_error *err)
{
    data->shape = (antler_shape){1, {data->part[0]->shape.dim[0]}};
    for (int64_t i = 0; i < data->parts; i++) {
        int64_t rows = data->part[i]->shape.dim[0];
        if (data->part[i]->parts)
            return antler_error_set(err, ANTLER_VALUE, data->name, "part %lld has parts itself", (long long)i);
        if (rows != data->shape.dim[0])
            return antler_error_set(err, ANTLER_SHAPE, data->name,
                                    "\"%.80s\" has %lld rows and \"%.80s\" has %lld; they must have the same number",
                                    name_of(data, 0), (long long)data->shape.dim[0], name_of(data, i), (long long)rows);
        for (int64_t j = 0; data->part_name && j < i; j++)
            if (strcmp(data->part_name[i], data->part_name[j]) == 0)
                return antler_error_set(err, ANTLER_NAME, data->name, "two parts have the name \"%.80s\"",
                                        data->part_name[i]);
    }
    return ANTLER_OK;
}

antler_status antler__parts_gather(const antler_data *data, const int64_t *row, int64_t n, antler_real *out,
                                   antler_error *err)
{
    for (int64_t i = 0; i < data->parts; i++) {
        ANTLER_TRY(antler_data_gather(data->part[i], row, n, out, err));
        out += n * data->part[i]->row_elements;
    }
    return ANTLER_OK;
}

antler_data *antler__parts_view(const antler_data *data, antler_viewer look, const void *arg, antler_error *err)
{
    antler_data *view = antler__data_create(data->file, data->name, err);
    antler_status status = view ? make_room(view, data->parts, data->part_name, err) : ANTLER_MEMORY;
    for (int64_t i = 0; status == ANTLER_OK && i < data->parts; i++) {
        antler_data *part = look(data->part[i], arg, err);
        status = part ? add_part(view, part, data->part_name ? data->part_name[i] : NULL, err) : ANTLER_MEMORY;
    }
    if (status == ANTLER_OK) {
        view->shape = (antler_shape){1, {view->part[0]->shape.dim[0]}};
        return view;
    }
    antler_data_free(view);
    return NULL;
}

static antler_data *rows_of(const antler_data *part, const void *arg, antler_error *err)
{
    const int64_t *range = arg;
    return antler_data_rows(part, range[0], range[1], err);
}

antler_data *antler__parts_rows(const antler_data *data, int64_t first, int64_t n, antler_error *err)
{
    return antler__parts_view(data, rows_of, (const int64_t[]){first, n}, err);
}

const antler_data *antler_data_part(const antler_data *data, int64_t index, const char **name)
{
    bool found = data && index >= 0 && index < (data->parts ? data->parts : 1);
    if (name)
        *name = found && data->part_name ? data->part_name[index] : NULL;
    return !found ? NULL : data->parts ? data->part[index] : data;
}

/* ---- joining ----------------------------------------------------------------------------------------------------- */

static int64_t length_of(const char *const *name)
{
    int64_t n = 0;
    while (name && name[n])
        n++;
    return n;
}

static antler_status join(antler_data *data, const char *const *name, const antler_data *const *part, int64_t n,
                          antler_error *err)
{
    if (name && length_of(name) != n)
        return antler_error_set(err, ANTLER_VALUE, data->name, "%lld names for %lld arrays", (long long)length_of(name),
                                (long long)n);
    ANTLER_TRY(make_room(data, n, name, err));
    for (int64_t i = 0; i < n; i++) /* never written through: they are borrowed */
        ANTLER_TRY(add_part(data, (antler_data *)(uintptr_t)part[i], name ? name[i] : NULL, err));
    return finish(data, err);
}

antler_data *antler_data_join(const char *const *name, const antler_data *const *part, antler_error *err)
{
    int64_t n = 0;
    if (antler__require(part, "list of data", err) != ANTLER_OK)
        return NULL;
    while (part[n])
        n++;
    antler_data *data = antler__data_create("", "joined data", err);
    if (!data)
        return NULL;
    data->borrowed = true;
    antler_status status =
        n ? join(data, name, part, n, err) : antler_error_set(err, ANTLER_VALUE, data->name, "no data to join");
    if (status == ANTLER_OK)
        return data;
    antler_data_free(data);
    return NULL;
}

/* ---- groups and folders ------------------------------------------------------------------------------------------ */

enum { PATH = 4096, LONGEST_LIST = 1 << 16 };

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "left" of "left.npy" and "left.csv"; NULL for another file. */
static char *set_name(const char *file)
{
    size_t length = strlen(file);
    if (!antler__ends_with(file, ".npy") && !antler__ends_with(file, ".csv"))
        return NULL;
    char *name = antler__copy_text(file);
    if (name)
        name[length - 4] = '\0';
    return name;
}

/* The names of a folder's data sets in order, as a list of a group's is. NULL and *err on failure. */
static char *list_folder(const char *path, antler_error *err)
{
    char **name = NULL, *list = NULL;
    size_t n = 0, bytes = 1;
    DIR *folder = opendir(path);
    bool fits = folder;
    for (struct dirent *entry; fits && (entry = readdir(folder));) {
        char *one = set_name(entry->d_name);
        if (!one)
            continue;
        fits = antler__grow_by(&name, n, 1, sizeof *name);
        if (fits)
            name[n++] = one;
        else
            antler__free(one);
        bytes += fits ? strlen(one) + 1 : 0;
    }
    if (folder)
        closedir(folder);
    if (fits && n > 0)
        qsort(name, n, sizeof *name, compare);
    list = fits ? antler__allocate_zeroed(bytes, 1) : NULL;
    char *end = list;
    for (size_t i = 0; i < n; i++) {
        if (list && (i == 0 || strcmp(name[i], name[i - 1]) != 0)) /* left.npy beside left.csv is one */
            end += strlen(strcpy(end, name[i])) + 1;
    }
    for (size_t i = 0; i < n; i++)
        antler__free(name[i]);
    antler__free(name);
    if (!list)
        antler_error_set(err, folder ? ANTLER_MEMORY : ANTLER_FILE, NULL,
                         folder ? "out of memory" : "cannot open the folder");
    return list;
}

static antler_status open_part(antler_data *data, const char *path, const char *group, const char *name, int64_t most,
                               antler_error *err)
{
    char inside[PATH];
    int length = snprintf(inside, sizeof inside, "%s%s%s", group ? group : "", group ? "/" : "", name);
    if (length < 0 || (size_t)length >= sizeof inside)
        return antler_error_set(err, ANTLER_NAME, NULL, "a name of %d bytes", length);
    antler_data *part = antler__data_open(path, inside, most, err);
    return part ? add_part(data, part, name, err) : err->status;
}

static antler_status open_parts(antler_data *data, const char *path, const char *group, const char *list, int64_t most,
                                antler_error *err)
{
    int64_t n = 0;
    for (const char *name = list; *name; name += strlen(name) + 1)
        n++;
    if (n == 0)
        return antler_error_set(err, ANTLER_NAME, group, "no data sets in the %s", group ? "group" : "folder");
    ANTLER_TRY(make_room(data, n, true, err));
    for (const char *name = list; *name; name += strlen(name) + 1)
        ANTLER_TRY(open_part(data, path, group, name, most, err));
    return finish(data, err);
}

antler_status antler__parts_open(antler_data *data, const char *path, const char *group, char *list, int64_t most,
                                 antler_error *err)
{
    antler_error error = {0};
    if (!list && !(list = list_folder(path, &error)))
        return antler__error_copy(err, &error);
    antler_status status = open_parts(data, path, group, list, most, &error);
    antler__free(list);
    return status == ANTLER_OK ? status : antler__error_copy(err, &error);
}
