/* A flat table as an HDF5 file. */
#include "files/hdf5/common.h"

#ifdef ANTLER_WITH_HDF5

#include "core/memory.h"
#include "files/file.h"

#include <stdio.h>
#include <string.h>

static const hsize_t max_attribute = 64512; /* bytes: an object header's message, less what h5py keeps */

static antler_status cannot_write(const char *place, antler_error *err)
{
    return antler__h5_failed(ANTLER_FILE, place, "HDF5 cannot write it", err);
}

static hid_t on_disk(antler_dtype dtype)
{
    const hid_t types[] = {
#define ROW(NAME, name, kind, bytes, memory, disk) [ANTLER_##NAME] = H5T_##disk,
        ANTLER_DTYPE_MAP(ROW)
#undef ROW
    };
    return (size_t)dtype < sizeof types / sizeof types[0] ? types[dtype] : -1;
}

/* Property lists shared by all objects of a file that is written. */
typedef struct writer {
    hid_t file;
    hid_t link;      /* groups on the way are made; names are UTF-8 */
    hid_t set;       /* no time stamps, so that the same content gives the same bytes */
    hid_t group;     /* the same */
    hid_t attribute; /* names are UTF-8 */
    hid_t text;      /* variable-length UTF-8, as h5py stores str */
} writer;

static hid_t space_of(const antler_shape *shape)
{
    hsize_t size[ANTLER_MAX_RANK];
    for (int i = 0; i < shape->rank; i++)
        size[i] = (hsize_t)shape->dim[i];
    return shape->rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(shape->rank, size, NULL);
}

static antler_status write_group(const writer *w, const char *name, antler_error *err)
{
    if (strcmp(name, "/") == 0 || H5Lexists(w->file, name, H5P_DEFAULT) > 0)
        return ANTLER_OK;
    H5Eclear2(H5E_DEFAULT);
    hid_t group = H5Gcreate2(w->file, name, w->link, w->group, H5P_DEFAULT);
    antler__h5_close(group);
    return group < 0 ? cannot_write(name, err) : ANTLER_OK;
}

/* The group that holds `name`, made here rather than by libhdf5, which would stamp it with the time. */
static antler_status write_parents(const writer *w, const char *name, antler_error *err)
{
    char part[ANTLER_H5_MAX_NAME];
    if (strlen(name) >= sizeof part)
        return antler_error_set(err, ANTLER_VALUE, name, "a name longer than %d bytes", ANTLER_H5_MAX_NAME);
    for (size_t i = 1; name[0] && name[i]; i++) {
        if (name[i] != '/')
            continue;
        memcpy(part, name, i);
        part[i] = '\0';
        ANTLER_TRY(write_group(w, part, err));
    }
    return ANTLER_OK;
}

static antler_status write_set(const writer *w, const antler_entry *e, int64_t count, antler_error *err)
{
    hid_t space = space_of(&e->shape);
    hid_t set = H5Dcreate2(w->file, e->name, on_disk(e->dtype), space, w->link, w->set, H5P_DEFAULT);
    bool good = set >= 0 &&
                (count == 0 || H5Dwrite(set, antler__h5_native(e->dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, e->data) >= 0);
    antler_status status = good ? ANTLER_OK : cannot_write(e->name, err);
    antler__h5_close(set);
    antler__h5_close(space);
    return status;
}

/* The strings of an entry, one pointer each; NULL if they are not `count` or there is no memory (*status says which).
 */
static const char **split(const antler_entry *e, int64_t count, antler_status *status, antler_error *err)
{
    const char **strings = antler__allocate((size_t)count, sizeof *strings);
    if (!strings) {
        *status = antler_error_set(err, ANTLER_MEMORY, e->name, "out of memory");
        return NULL;
    }
    const char *at = e->data, *end = at + e->bytes;
    int64_t n = 0;
    for (; n < count && at < end; n++) {
        const char *zero = memchr(at, '\0', (size_t)(end - at));
        if (!zero)
            break;
        strings[n] = at;
        at = zero + 1;
    }
    if (n == count && at == end)
        return strings;
    antler__free(strings);
    *status = antler_error_set(err, ANTLER_VALUE, e->name, "text that is not %lld strings", (long long)count);
    return NULL;
}

static antler_status write_value(const writer *w, const antler_entry *e, hid_t attribute, int64_t count,
                                 antler_error *err)
{
    if (e->dtype != ANTLER_TEXT)
        return count > 0 && H5Awrite(attribute, antler__h5_native(e->dtype), e->data) < 0 ? cannot_write(e->name, err)
                                                                                          : ANTLER_OK;
    antler_status status = ANTLER_OK;
    const char **strings = split(e, count, &status, err);
    if (!strings)
        return status;
    if (count > 0 && H5Awrite(attribute, w->text, strings) < 0)
        status = cannot_write(e->name, err);
    antler__free(strings);
    return status;
}

static antler_status write_attribute(const writer *w, const antler_entry *e, const char *at, int64_t count,
                                     antler_error *err)
{
    char owner[ANTLER_H5_MAX_NAME];
    snprintf(owner, sizeof owner, "%.*s", (int)(at - e->name), e->name);
    if (owner[0] == '\0')
        snprintf(owner, sizeof owner, "/");
    bool text = e->dtype == ANTLER_TEXT;
    if ((hsize_t)count > max_attribute / (text ? 16 : antler__dtype_size(e->dtype)))
        return antler_error_set(err, ANTLER_VALUE, e->name, "an attribute of %lld elements, more than HDF5 holds",
                                (long long)count);
    ANTLER_TRY(write_group(w, owner, err));
    hid_t object = H5Oopen(w->file, owner, H5P_DEFAULT), space = space_of(&e->shape);
    hid_t attribute = H5Acreate2(object, at + 1, text ? w->text : on_disk(e->dtype), space, w->attribute, H5P_DEFAULT);
    antler_status status = attribute < 0 ? cannot_write(e->name, err) : write_value(w, e, attribute, count, err);
    antler__h5_close(attribute);
    antler__h5_close(space);
    antler__h5_close(object);
    return status;
}

static antler_status write_entry(const writer *w, const antler_entry *e, antler_error *err)
{
    int64_t count, bytes;
    if (!antler__count(&e->shape, 0, &count) || e->name[0] != '/')
        return antler_error_set(err, ANTLER_VALUE, e->name, "not a path and a shape that can be written");
    ANTLER_TRY(write_parents(w, e->name, err));
    if (e->dtype == ANTLER_GROUP)
        return write_group(w, e->name, err);
    const char *at = strrchr(strrchr(e->name, '/'), '@');
    if (e->dtype == ANTLER_TEXT ? !at : e->dtype == ANTLER_FLOAT16)
        return antler_error_set(err, ANTLER_UNSUPPORTED, e->name, "%s is not written here",
                                antler__dtype_name(e->dtype));
    if (e->dtype != ANTLER_TEXT &&
        (!antler__size_multiply(count, (int64_t)antler__dtype_size(e->dtype), &bytes) || (size_t)bytes != e->bytes))
        return antler_error_set(err, ANTLER_VALUE, e->name, "%zu bytes do not fit its shape", e->bytes);
    return at ? write_attribute(w, e, at, count, err) : write_set(w, e, count, err);
}

/* A file in memory only, that grows by about an eighth of its size at a time. */
static hid_t create_file(const antler_entries *entries)
{
    size_t bytes = 0;
    for (int64_t i = 0; i < entries->n; i++)
        bytes += entries->entry[i].bytes;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), create = H5Pcreate(H5P_FILE_CREATE), file = -1;
    if (access >= 0 && create >= 0 && H5Pset_fapl_core(access, bytes / 8 + (1 << 16), false) >= 0 &&
        H5Pset_obj_track_times(create, false) >= 0)
        file = H5Fcreate("antler", H5F_ACC_TRUNC, create, access);
    antler__h5_close(create);
    antler__h5_close(access);
    return file;
}

static bool writer_open(writer *w, const antler_entries *entries)
{
    w->file = create_file(entries);
    w->link = H5Pcreate(H5P_LINK_CREATE);
    w->set = H5Pcreate(H5P_DATASET_CREATE);
    w->group = H5Pcreate(H5P_GROUP_CREATE);
    w->attribute = H5Pcreate(H5P_ATTRIBUTE_CREATE);
    w->text = H5Tcopy(H5T_C_S1);
    return w->file >= 0 && H5Pset_char_encoding(w->link, H5T_CSET_UTF8) >= 0 &&
           H5Pset_obj_track_times(w->set, false) >= 0 && H5Pset_obj_track_times(w->group, false) >= 0 &&
           H5Pset_char_encoding(w->attribute, H5T_CSET_UTF8) >= 0 && H5Tset_size(w->text, H5T_VARIABLE) >= 0 &&
           H5Tset_cset(w->text, H5T_CSET_UTF8) >= 0;
}

static void writer_close(writer *w)
{
    antler__h5_close(w->text);
    antler__h5_close(w->attribute);
    antler__h5_close(w->group);
    antler__h5_close(w->set);
    antler__h5_close(w->link);
    antler__h5_close(w->file);
}

static antler_status take_image(hid_t file, void **image, size_t *bytes, antler_error *err)
{
    ssize_t size = H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(file, NULL, 0);
    if (size < 0)
        return cannot_write(NULL, err);
    *image = antler__allocate((size_t)size, 1);
    if (!*image)
        return antler__no_memory(err);
    *bytes = (size_t)size;
    if (H5Fget_file_image(file, *image, *bytes) == size)
        return ANTLER_OK;
    antler__free(*image);
    *image = NULL;
    return cannot_write(NULL, err);
}

/* The image is always built in memory: libhdf5 does not survive a full disk (it tries to flush again at exit). */
static antler_status build_image(const antler_entries *entries, void **image, size_t *bytes, antler_error *err)
{
    antler__h5_enter();
    writer w;
    antler_status status = writer_open(&w, entries) ? ANTLER_OK : cannot_write(NULL, err);
    for (int64_t i = 0; i < entries->n && status == ANTLER_OK; i++)
        status = write_entry(&w, &entries->entry[i], err);
    if (status == ANTLER_OK)
        status = take_image(w.file, image, bytes, err);
    writer_close(&w);
    antler__h5_leave();
    return status;
}

antler_status antler__hdf5_write(const char *path, const antler_entries *entries, void **image, size_t *bytes,
                                 antler_error *err)
{
    void *made = NULL;
    size_t size = 0;
    antler_status status = build_image(entries, &made, &size, err);
    if (!path) {
        *image = made;
        *bytes = size;
        return status;
    }
    if (status == ANTLER_OK)
        status = antler__file_write(path, made, size, err);
    antler__free(made);
    antler__error_file(err, path);
    return status;
}

#endif
