/* A whole HDF5 file as a flat table. */
#include "files/hdf5/common.h"

#ifdef ANTLER_WITH_HDF5

#include "core/memory.h"
#include "files/file.h"
#include "files/guard.h"

#include <stdio.h>
#include <string.h>

/* Bounds on a stranger's file. The 4 GiB are Keras's own. */
enum { MAX_DEPTH = 64, MAX_ENTRIES = 1 << 18 };
static const int64_t max_packed = (int64_t)4 << 30;  /* bytes of compressed data, unpacked */
static const int64_t free_beside = (int64_t)1 << 20; /* bytes of all that is no data set, see charge */

typedef struct reader {
    antler_entries *entries;
    int64_t file_bytes, plain, packed; /* bytes read so far of either storage */
    int64_t image_bytes;               /* those of the file, if it is in memory: libhdf5 makes a copy */
    int64_t unpacked;                  /* the same of the packed ones, as they are in the file */
    int64_t beside;                    /* bytes of names, attributes and the table */
    int depth;
    haddr_t above[MAX_DEPTH];      /* addresses of the groups that we are in */
    char path[ANTLER_H5_MAX_NAME]; /* of the object that we are at; "" for the root */
    antler_status status;
    antler_error *err;
} reader;

static const char *where(const reader *r)
{
    return r->path[0] ? r->path : "/";
}

/* Appends to the path; the old length, or -1 if the name is too long. */
static int push(reader *r, char separator, const char *name)
{
    size_t used = strlen(r->path);
    int added = snprintf(r->path + used, sizeof r->path - used, "%s%c%s", used == 0 && separator == '@' ? "/" : "",
                         separator, name);
    if (added > 0 && (size_t)added < sizeof r->path - used)
        return (int)used;
    r->path[used] = '\0';
    r->status =
        antler_error_set(r->err, ANTLER_FORMAT, where(r), "holds a name longer than %d bytes", ANTLER_H5_MAX_NAME);
    return -1;
}

/* What a file holds beside its data is in it once; but a group that is linked twice on each of 20 levels is a million
   groups, with the attributes of each. */
static antler_status charge(reader *r, int64_t bytes)
{
    int64_t most = free_beside + (r->file_bytes < INT64_MAX / 8 ? 4 * r->file_bytes : INT64_MAX / 2);
    r->beside += bytes;
    if (r->beside <= most)
        return ANTLER_OK;
    return antler_error_set(r->err, ANTLER_FORMAT, where(r),
                            "names and attributes of more than %lld bytes together in a file of %lld: groups that are "
                            "linked again and again?",
                            (long long)most, (long long)r->file_bytes);
}

static antler_status reserve(reader *r, const antler_h5_content *c, size_t bytes, void **data)
{
    if (r->entries->n >= MAX_ENTRIES)
        return antler_error_set(r->err, ANTLER_FORMAT, NULL, "holds more than %d objects", MAX_ENTRIES);
    ANTLER_TRY(charge(r, (int64_t)(sizeof *r->entries->entry + strlen(r->path) + 1)));
    return antler__entries_reserve(r->entries, r->path, c->dtype, &c->shape, bytes, data, r->err);
}

static antler_status read_set(reader *r, hid_t set)
{
    antler_h5_content c;
    bool packed = false;
    ANTLER_TRY(antler__h5_describe(set, r->file_bytes, INT64_MAX, where(r), &c, &packed, r->err));
    int64_t bytes = c.count * (int64_t)c.size, *total = packed ? &r->packed : &r->plain;
    /* float16 doubles; objects that are linked twice would count twice and let a small file fill the memory. */
    int64_t most = packed ? max_packed : r->file_bytes < INT64_MAX / 4 ? 4 * r->file_bytes : INT64_MAX;
    if (bytes > most - *total)
        return antler_error_set(r->err, ANTLER_FORMAT, where(r), "its data sets are larger than %lld bytes together",
                                (long long)most);
    *total += bytes;
    r->unpacked += packed ? c.count * (int64_t)c.disk : 0;
    if (!antler__h5_plausible(r->unpacked, r->file_bytes))
        return antler_error_set(r->err, ANTLER_FORMAT, where(r),
                                "its data sets are %lld bytes together, more times those of the file than can be "
                                "compressed",
                                (long long)r->unpacked);
    void *data;
    antler__guard_expect(r->image_bytes + r->plain + r->packed);
    ANTLER_TRY(reserve(r, &c, (size_t)bytes, &data));
    if (c.count > 0 && !antler__h5_take(set, &c, H5S_ALL, H5S_ALL, c.count, data))
        return antler__h5_damaged(where(r), r->err);
    return ANTLER_OK;
}

/* Strings end with a zero each, in one block. */
static antler_status read_text(reader *r, hid_t attribute, hid_t type, const antler_h5_content *c)
{
    char *text;
    size_t bytes;
    void *data;
    ANTLER_TRY(antler__h5_text(attribute, type, c, r->file_bytes, &text, &bytes, r->path, r->err));
    antler_status status = reserve(r, c, bytes, &data);
    if (status == ANTLER_OK)
        memcpy(data, text, bytes);
    antler__free(text);
    return status;
}

static antler_status read_attribute(reader *r, hid_t attribute, hid_t type, hid_t space, bool variable_too)
{
    antler_h5_content c = {0};
    if (!antler__h5_understand(type, &c) || c.brain || (c.variable && !variable_too))
        return ANTLER_OK;
    ANTLER_TRY(antler__h5_measure(space, r->path, &c, r->err));
    if (c.count > r->file_bytes / (int64_t)c.disk)
        return antler_error_set(r->err, ANTLER_FORMAT, r->path, "declares more bytes than the file has");
    ANTLER_TRY(charge(r, c.count * (int64_t)c.disk));
    if (c.dtype == ANTLER_TEXT)
        return read_text(r, attribute, type, &c);
    void *data;
    ANTLER_TRY(reserve(r, &c, (size_t)c.count * c.size, &data));
    return c.count > 0 && H5Aread(attribute, c.memory, data) < 0 ? antler__h5_damaged(r->path, r->err) : ANTLER_OK;
}

static herr_t visit_attribute(hid_t object, const char *name, const H5A_info_t *info, void *user)
{
    (void)info;
    reader *r = user;
    int length = push(r, '@', name);
    if (length < 0)
        return -1;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
    hid_t space = attribute < 0 ? -1 : H5Aget_space(attribute);
    /* Keras puts a variable-length "name" on every group of a weights file, and reads none of them. */
    bool variable_too = H5Iget_type(object) == H5I_GROUP && strcmp(name, "name") != 0;
    if (type < 0 || space < 0)
        r->status = antler__h5_damaged(r->path, r->err);
    else
        r->status = read_attribute(r, attribute, type, space, variable_too);
    antler__h5_close(space);
    antler__h5_close(type);
    antler__h5_close(attribute);
    r->path[length] = '\0';
    return r->status == ANTLER_OK ? 0 : -1;
}

static antler_status read_attributes(reader *r, hid_t object)
{
    if (H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit_attribute, r) < 0 && r->status == ANTLER_OK)
        return antler__h5_damaged(where(r), r->err);
    return r->status;
}

static antler_status read_group(reader *r, hid_t group);

static antler_status read_object(reader *r, hid_t object, haddr_t address)
{
    void *data;
    switch (H5Iget_type(object)) {
    case H5I_DATASET:
        ANTLER_TRY(read_set(r, object));
        return read_attributes(r, object);
    case H5I_GROUP:
        for (int i = 0; i < r->depth; i++)
            if (r->above[i] == address)
                return antler_error_set(r->err, ANTLER_FORMAT, where(r), "a group that contains itself");
        if (r->depth == MAX_DEPTH)
            return antler_error_set(r->err, ANTLER_FORMAT, where(r), "groups nested deeper than %d", MAX_DEPTH);
        ANTLER_TRY(reserve(r, &(antler_h5_content){.dtype = ANTLER_GROUP}, 0, &data));
        r->above[r->depth++] = address;
        ANTLER_TRY(read_group(r, object));
        r->depth--;
        return ANTLER_OK;
    default:
        return antler_error_set(r->err, ANTLER_FORMAT, where(r), "neither a data set nor a group");
    }
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    reader *r = user;
    int length = push(r, '/', name);
    if (length < 0)
        return -1;
    if (info->type != H5L_TYPE_HARD) {
        r->status = antler_error_set(r->err, ANTLER_FORMAT, where(r), "a soft or external link: refused");
    } else {
        hid_t object = H5Oopen(group, name, H5P_DEFAULT);
        r->status = object < 0 ? antler__h5_damaged(where(r), r->err) : read_object(r, object, info->u.address);
        antler__h5_close(object);
    }
    r->path[length] = '\0';
    return r->status == ANTLER_OK ? 0 : -1;
}

static antler_status read_group(reader *r, hid_t group)
{
    ANTLER_TRY(read_attributes(r, group));
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit_link, r) < 0 && r->status == ANTLER_OK)
        return antler__h5_damaged(where(r), r->err);
    return r->status;
}

static antler_status read_file(reader *r, const char *path, const void *image, size_t bytes)
{
    hid_t file;
    ANTLER_TRY(antler__h5_open(path, image, bytes, &file, r->err));
    hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
    antler_status status = root < 0 ? antler__h5_damaged("/", r->err) : read_group(r, root);
    antler__h5_close(root);
    antler__h5_close(file);
    return status;
}

typedef struct whole {
    const char *path;
    const void *image;
    size_t bytes;
    antler_entries *entries;
} whole;

static antler_status read_whole(void *arg, antler_error *err)
{
    whole *w = arg;
    reader r = {.entries = w->entries, .err = err, .file_bytes = (int64_t)w->bytes};
    antler_status status = ANTLER_OK;
    if (w->bytes > INT64_MAX)
        status = antler_error_set(err, ANTLER_FORMAT, NULL, "an image of %zu bytes", w->bytes);
    else if (!w->image)
        status = antler__h5_file_size(w->path, &r.file_bytes, err);
    if (w->image)
        antler__guard_expect(r.image_bytes = r.file_bytes);
    if (status == ANTLER_OK) {
        antler__h5_enter();
        status = read_file(&r, w->path, w->image, w->bytes);
        antler__h5_leave();
    }
    if (status == ANTLER_OK)
        antler__entries_sort(w->entries);
    else
        antler__entries_free(w->entries);
    antler__error_file(err, w->path);
    return status;
}

/* How an entry goes from the child that reads to its parent, before its name and its data. */
typedef struct packet {
    size_t name_bytes, bytes;
    antler_dtype dtype;
    antler_shape shape;
} packet;

/* What was sent is released, or child and parent would both have all of it. */
static bool send(void *arg, int to)
{
    antler_entries *entries = ((whole *)arg)->entries;
    bool good = antler__file_put(to, &entries->n, sizeof entries->n);
    for (int64_t i = 0; i < entries->n && good; i++) {
        antler_entry *e = &entries->entry[i];
        packet p = {strlen(e->name), e->bytes, e->dtype, e->shape};
        good = antler__file_put(to, &p, sizeof p) && antler__file_put(to, e->name, p.name_bytes) &&
               antler__file_put(to, e->data, e->bytes);
        antler__free(e->data);
        e->data = NULL;
    }
    return good;
}

/* Entries come sorted. False if the child ended in the middle of one. */
static bool receive_entry(antler_entries *entries, int from, antler_error *err)
{
    packet p;
    char name[ANTLER_H5_MAX_NAME] = "";
    void *data;
    if (!antler__file_take(from, &p, sizeof p) || p.name_bytes >= sizeof name ||
        !antler__file_take(from, name, p.name_bytes))
        return false;
    if (antler__entries_reserve(entries, name, p.dtype, &p.shape, p.bytes, &data, err) != ANTLER_OK)
        return true;
    return antler__file_take(from, data, p.bytes);
}

static bool receive(void *arg, int from, antler_error *err)
{
    whole *w = arg;
    int64_t n;
    bool good = antler__file_take(from, &n, sizeof n);
    for (int64_t i = 0; i < n && good && err->status == ANTLER_OK; i++)
        good = receive_entry(w->entries, from, err);
    antler__error_file(err, w->path);
    if (!good || err->status != ANTLER_OK)
        antler__entries_free(w->entries);
    return good;
}

antler_status antler__hdf5_read(const char *path, const void *image, size_t bytes, antler_entries *entries,
                                antler_error *err)
{
    static const antler_guarded job = {.read = read_whole, .send = send, .receive = receive, .lock = &antler__h5_lock};
    *entries = (antler_entries){0};
    whole w = {path, image, bytes, entries};
    return antler__guarded(path, &job, &w, err);
}

#endif
