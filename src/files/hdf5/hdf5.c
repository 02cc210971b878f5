/* HDF5 in and out of flat tables; the only file that includes hdf5.h. What a stranger's file declares is held against
   the file's size before anything is allocated. libhdf5 is not thread-safe: one lock around every use. */
#define H5_USE_110_API
#include "core/memory.h"
#include "files/files.h"

#ifdef ANTLER_WITH_HDF5

#include <hdf5.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Bounds on a stranger's file. The ratio and the 4 GiB are Keras's own. */
enum { MAX_DEPTH = 64, MAX_NAME = 1024, MAX_ENTRIES = 1 << 20, MAX_RATIO = 1000 };
static const int64_t max_packed = (int64_t)4 << 30;      /* bytes of compressed data, unpacked */
static const int64_t free_chunk = (int64_t)64 << 20;     /* bytes of a chunk that are never too many */
static const hsize_t max_attribute = 64512;              /* bytes: an object header's message, less what h5py keeps */
static const size_t max_chunk_cache = (size_t)256 << 20; /* bytes, per data set read by rows */

/* ---- the lock, and libhdf5's words ------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static H5E_auto2_t program_print; /* what the program had set up for errors: ours stay silent */
static void *program_data;

static void enter(void)
{
    pthread_mutex_lock(&lock);
    H5Eget_auto2(H5E_DEFAULT, &program_print, &program_data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static void leave(void)
{
    H5Eclear2(H5E_DEFAULT);
    H5Eset_auto2(H5E_DEFAULT, program_print, program_data);
    pthread_mutex_unlock(&lock);
}

static herr_t keep_text(unsigned n, const H5E_error2_t *error, void *user)
{
    if (n == 0 && error->desc)
        snprintf(user, 128, "%s", error->desc);
    return 0;
}

/* A failure of libhdf5; the innermost of its messages says most. To be called before anything is closed. */
static antler_status failed(antler_status status, const char *place, const char *what, antler_error *err)
{
    char text[128] = "";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_text, text);
    return antler_error_set(err, status, place, text[0] ? "%s (%s)" : "%s", what, text);
}

static antler_status damaged(const char *place, antler_error *err)
{
    return failed(ANTLER_FORMAT, place, "damaged, cut short, or not HDF5", err);
}

static antler_status cannot_write(const char *place, antler_error *err)
{
    return failed(ANTLER_FILE, place, "HDF5 cannot write it", err);
}

static void close_id(hid_t id)
{
    if (id >= 0)
        H5Idec_ref(id);
}

/* ---- what lies in a data set or attribute ------------------------------------------------------------------------ */

typedef struct content {
    antler_dtype dtype;
    hid_t memory; /* the type to read as; for text the file's own */
    size_t size;  /* bytes of an element in memory */
    bool variable;
    antler_shape shape;
    int64_t count; /* elements */
} content;

static hid_t native(antler_dtype dtype)
{
    const hid_t types[] = {
        [ANTLER_FLOAT32] = H5T_NATIVE_FLOAT, [ANTLER_FLOAT64] = H5T_NATIVE_DOUBLE, [ANTLER_INT8] = H5T_NATIVE_INT8,
        [ANTLER_UINT8] = H5T_NATIVE_UINT8,   [ANTLER_INT16] = H5T_NATIVE_INT16,    [ANTLER_UINT16] = H5T_NATIVE_UINT16,
        [ANTLER_INT32] = H5T_NATIVE_INT32,   [ANTLER_UINT32] = H5T_NATIVE_UINT32,  [ANTLER_INT64] = H5T_NATIVE_INT64,
        [ANTLER_UINT64] = H5T_NATIVE_UINT64,
    };
    return (size_t)dtype < sizeof types / sizeof types[0] && dtype != ANTLER_FLOAT16 ? types[dtype] : -1;
}

static bool integer_dtype(size_t size, bool is_signed, antler_dtype *dtype)
{
    switch (size) {
    case 1:
        *dtype = is_signed ? ANTLER_INT8 : ANTLER_UINT8;
        return true;
    case 2:
        *dtype = is_signed ? ANTLER_INT16 : ANTLER_UINT16;
        return true;
    case 4:
        *dtype = is_signed ? ANTLER_INT32 : ANTLER_UINT32;
        return true;
    case 8:
        *dtype = is_signed ? ANTLER_INT64 : ANTLER_UINT64;
        return true;
    default:
        return false;
    }
}

/* h5py's bool is an enumeration over one byte. */
static bool is_byte_enum(hid_t type)
{
    hid_t base = H5Tget_super(type);
    bool yes = base >= 0 && H5Tget_class(base) == H5T_INTEGER && H5Tget_size(base) == 1;
    close_id(base);
    return yes;
}

/* The number or text type of ours for one of the file's; false if there is none. */
static bool understand(hid_t type, content *c)
{
    size_t size = H5Tget_size(type);
    bool known = false;
    switch (H5Tget_class(type)) {
    case H5T_INTEGER:
        known = integer_dtype(size, H5Tget_sign(type) == H5T_SGN_2, &c->dtype);
        break;
    case H5T_FLOAT: /* float16 and its like are read as float32, which holds them */
        known = size >= 1 && size <= 8;
        c->dtype = size <= 4 ? ANTLER_FLOAT32 : ANTLER_FLOAT64;
        break;
    case H5T_ENUM:
        known = is_byte_enum(type);
        c->dtype = ANTLER_UINT8;
        break;
    case H5T_STRING:
        c->dtype = ANTLER_TEXT;
        c->variable = H5Tis_variable_str(type) > 0;
        c->size = c->variable ? sizeof(char *) : size;
        c->memory = type;
        return c->size > 0;
    default:
        break;
    }
    if (!known)
        return false;
    c->size = antler__dtype_size(c->dtype);
    c->memory = native(c->dtype);
    return true;
}

/* Shape and number of elements of a dataspace. */
static antler_status measure(hid_t space, const char *place, content *c, antler_error *err)
{
    hsize_t size[H5S_MAX_RANK];
    c->shape = (antler_shape){0};
    if (H5Sget_simple_extent_type(space) == H5S_NULL) { /* h5py's Empty */
        c->shape.rank = 1;
        c->count = 0;
        return ANTLER_OK;
    }
    int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > H5S_MAX_RANK || H5Sget_simple_extent_dims(space, size, NULL) < 0)
        return damaged(place, err);
    if (rank > ANTLER_MAX_RANK)
        return antler_error_set(err, ANTLER_FORMAT, place, "has %d axes, expected at most %d", rank, ANTLER_MAX_RANK);
    c->shape.rank = rank;
    for (int i = 0; i < rank; i++) {
        if (size[i] > INT64_MAX)
            return damaged(place, err);
        c->shape.dim[i] = (int64_t)size[i];
    }
    int64_t bytes;
    if (!antler__count(&c->shape, 0, &c->count) || !antler__size_multiply(c->count, (int64_t)c->size, &bytes))
        return antler_error_set(err, ANTLER_FORMAT, place, "its sizes multiply beyond 64 bits");
    return ANTLER_OK;
}

/* ---- how a data set is stored ------------------------------------------------------------------------------------ */

static antler_status check_filters(hid_t plist, const char *place, antler_error *err)
{
    int n = H5Pget_nfilters(plist);
    for (int i = 0; i < n; i++) {
        unsigned flags;
        size_t values = 0;
        char name[64] = "";
        H5Z_filter_t filter = H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL, sizeof name, name, NULL);
        /* Any other would have libhdf5 load a plugin from the disk. */
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32)
            return antler_error_set(err, ANTLER_UNSUPPORTED, place, "compressed by filter %d %s, expected gzip or none",
                                    (int)filter, name);
    }
    return n < 0 ? damaged(place, err) : ANTLER_OK;
}

/* A chunked data set: the whole, and each chunk, in proportion to what is stored. */
static antler_status check_chunks(hid_t plist, const content *c, int64_t stored, const char *place, antler_error *err)
{
    ANTLER_TRY(check_filters(plist, place, err));
    hsize_t size[H5S_MAX_RANK];
    int rank = H5Pget_chunk(plist, H5S_MAX_RANK, size);
    if (rank != c->shape.rank)
        return damaged(place, err);
    int64_t chunk = (int64_t)c->size;
    for (int i = 0; i < rank; i++)
        if (size[i] > INT64_MAX || !antler__size_multiply(chunk, (int64_t)size[i], &chunk))
            return damaged(place, err);
    if (c->count * (int64_t)c->size / MAX_RATIO > stored || (chunk > free_chunk && chunk / MAX_RATIO > stored))
        return antler_error_set(err, ANTLER_FORMAT, place,
                                "%lld bytes in chunks of %lld from %lld stored ones: more than %d "
                                "times, which no sound file has",
                                (long long)(c->count * (int64_t)c->size), (long long)chunk, (long long)stored,
                                MAX_RATIO);
    return ANTLER_OK;
}

/* Where the data lies, and that its declared size agrees with what is there. *packed: chunked, maybe compressed. */
static antler_status check_layout(hid_t set, hid_t plist, const content *c, int64_t file_bytes, const char *place,
                                  bool *packed, antler_error *err)
{
    H5D_layout_t layout = H5Pget_layout(plist);
    if (layout == H5D_VIRTUAL)
        return antler_error_set(err, ANTLER_FORMAT, place, "a virtual data set, whose data is in other files: refused");
    if (H5Pget_external_count(plist) != 0)
        return antler_error_set(err, ANTLER_FORMAT, place, "its data is in another file: refused");
    if (layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED)
        return damaged(place, err);
    *packed = layout == H5D_CHUNKED;
    if (c->count == 0)
        return ANTLER_OK;
    hsize_t stored = H5Dget_storage_size(set);
    if (stored > (hsize_t)file_bytes)
        return antler_error_set(err, ANTLER_FORMAT, place, "%llu stored bytes in a file of %lld: damaged",
                                (unsigned long long)stored, (long long)file_bytes);
    if (*packed)
        return check_chunks(plist, c, (int64_t)stored, place, err);
    hid_t type = H5Dget_type(set);
    int64_t needed = 0;
    bool good = type >= 0 && antler__size_multiply(c->count, (int64_t)H5Tget_size(type), &needed);
    close_id(type);
    if (!good || needed > (int64_t)stored)
        return antler_error_set(err, ANTLER_FORMAT, place, "%llu stored bytes, its shape needs %lld",
                                (unsigned long long)stored, (long long)needed);
    return ANTLER_OK;
}

/* Type, shape and storage of a data set of numbers, all checked. */
static antler_status describe(hid_t set, int64_t file_bytes, const char *place, content *c, bool *packed,
                              antler_error *err)
{
    *c = (content){0};
    hid_t type = H5Dget_type(set), space = H5Dget_space(set), plist = H5Dget_create_plist(set);
    antler_status status;
    if (type < 0 || space < 0 || plist < 0)
        status = damaged(place, err);
    else if (!understand(type, c) || c->dtype == ANTLER_TEXT)
        status = antler_error_set(err, ANTLER_FORMAT, place, "its type is not a number of at most 64 bits");
    else if ((status = measure(space, place, c, err)) == ANTLER_OK)
        status = check_layout(set, plist, c, file_bytes, place, packed, err);
    close_id(plist);
    close_id(space);
    close_id(type);
    return status;
}

/* ---- reading a whole file ---------------------------------------------------------------------------------------- */

typedef struct reader {
    antler_entries *entries;
    int64_t file_bytes, plain, packed; /* bytes read so far of either storage */
    int depth;
    haddr_t above[MAX_DEPTH]; /* addresses of the groups that we are in */
    char path[MAX_NAME];      /* of the object that we are at; "" for the root */
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
    r->status = antler_error_set(r->err, ANTLER_FORMAT, where(r), "holds a name longer than %d bytes", MAX_NAME);
    return -1;
}

static antler_status reserve(reader *r, const content *c, size_t bytes, void **data)
{
    if (r->entries->n >= MAX_ENTRIES)
        return antler_error_set(r->err, ANTLER_FORMAT, NULL, "holds more than %d objects", MAX_ENTRIES);
    return antler__entries_reserve(r->entries, r->path, c->dtype, &c->shape, bytes, data, r->err);
}

static antler_status read_set(reader *r, hid_t set)
{
    content c;
    bool packed = false;
    ANTLER_TRY(describe(set, r->file_bytes, where(r), &c, &packed, r->err));
    int64_t bytes = c.count * (int64_t)c.size, *total = packed ? &r->packed : &r->plain;
    /* float16 doubles; objects that are linked twice would count twice and let a small file fill the memory. */
    int64_t most = packed ? max_packed : r->file_bytes < INT64_MAX / 4 ? 4 * r->file_bytes : INT64_MAX;
    if (bytes > most - *total)
        return antler_error_set(r->err, ANTLER_FORMAT, where(r), "its data sets are larger than %lld bytes together",
                                (long long)most);
    *total += bytes;
    void *data;
    ANTLER_TRY(reserve(r, &c, (size_t)bytes, &data));
    if (c.count > 0 && H5Dread(set, c.memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        return damaged(where(r), r->err);
    return ANTLER_OK;
}

/* Copies a string of at most `size` bytes without its padding; returns the bytes written, the final zero counted. */
static size_t put_string(char *to, const char *text, size_t size, bool space_padded)
{
    size_t length = 0;
    while (length < size && text[length])
        length++;
    while (space_padded && length > 0 && text[length - 1] == ' ')
        length--;
    memcpy(to, text, length);
    to[length] = '\0';
    return length + 1;
}

/* Strings of fixed size, all in one block of count * size bytes. */
static antler_status read_fixed_text(reader *r, hid_t attribute, const content *c)
{
    size_t count = (size_t)c->count, used = 0;
    bool spaces = H5Tget_strpad(c->memory) == H5T_STR_SPACEPAD;
    char *raw = antler__allocate(count, c->size);
    char *text = antler__allocate(count, c->size + 1);
    void *data;
    antler_status status = ANTLER_OK;
    if (!raw || !text)
        status = antler_error_set(r->err, ANTLER_MEMORY, r->path, "out of memory");
    else if (count > 0 && H5Aread(attribute, c->memory, raw) < 0)
        status = damaged(r->path, r->err);
    for (size_t i = 0; i < count && status == ANTLER_OK; i++)
        used += put_string(text + used, raw + i * c->size, c->size, spaces);
    if (status == ANTLER_OK && (status = reserve(r, c, used, &data)) == ANTLER_OK)
        memcpy(data, text, used);
    antler__free(raw);
    antler__free(text);
    return status;
}

static antler_status join(reader *r, const content *c, char *const *strings)
{
    int64_t bytes = 0;
    for (int64_t i = 0; i < c->count; i++)
        bytes += (int64_t)(strings[i] ? strlen(strings[i]) : 0) + 1;
    if (bytes > r->file_bytes + c->count)
        return antler_error_set(r->err, ANTLER_FORMAT, r->path, "strings of more bytes than the file has");
    void *data;
    ANTLER_TRY(reserve(r, c, (size_t)bytes, &data));
    char *to = data;
    for (int64_t i = 0; i < c->count; i++)
        to += put_string(to, strings[i] ? strings[i] : "", SIZE_MAX, false);
    return ANTLER_OK;
}

/* Strings of variable length, which libhdf5 allocates one by one. */
static antler_status read_variable_text(reader *r, hid_t attribute, hid_t space, const content *c)
{
    char **strings = antler__allocate_zeroed((size_t)c->count, sizeof *strings);
    if (!strings)
        return antler_error_set(r->err, ANTLER_MEMORY, r->path, "out of memory");
    antler_status status = ANTLER_OK;
    if (c->count > 0 && H5Aread(attribute, c->memory, strings) < 0)
        status = damaged(r->path, r->err);
    if (status == ANTLER_OK)
        status = join(r, c, strings);
    if (c->count > 0)
        H5Dvlen_reclaim(c->memory, space, H5P_DEFAULT, strings);
    antler__free(strings);
    return status;
}

static antler_status read_attribute(reader *r, hid_t attribute, hid_t type, hid_t space, bool variable_too)
{
    content c = {0};
    if (!understand(type, &c) || (c.variable && !variable_too))
        return ANTLER_OK;
    ANTLER_TRY(measure(space, r->path, &c, r->err));
    if (c.count > r->file_bytes / (int64_t)c.size)
        return antler_error_set(r->err, ANTLER_FORMAT, r->path, "declares more bytes than the file has");
    if (c.variable)
        return read_variable_text(r, attribute, space, &c);
    if (c.dtype == ANTLER_TEXT)
        return read_fixed_text(r, attribute, &c);
    void *data;
    ANTLER_TRY(reserve(r, &c, (size_t)c.count * c.size, &data));
    return c.count > 0 && H5Aread(attribute, c.memory, data) < 0 ? damaged(r->path, r->err) : ANTLER_OK;
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
        r->status = damaged(r->path, r->err);
    else
        r->status = read_attribute(r, attribute, type, space, variable_too);
    close_id(space);
    close_id(type);
    close_id(attribute);
    r->path[length] = '\0';
    return r->status == ANTLER_OK ? 0 : -1;
}

static antler_status read_attributes(reader *r, hid_t object)
{
    if (H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit_attribute, r) < 0 && r->status == ANTLER_OK)
        return damaged(where(r), r->err);
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
        ANTLER_TRY(reserve(r, &(content){.dtype = ANTLER_GROUP}, 0, &data));
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
        r->status = object < 0 ? damaged(where(r), r->err) : read_object(r, object, info->u.address);
        close_id(object);
    }
    r->path[length] = '\0';
    return r->status == ANTLER_OK ? 0 : -1;
}

static antler_status read_group(reader *r, hid_t group)
{
    ANTLER_TRY(read_attributes(r, group));
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit_link, r) < 0 && r->status == ANTLER_OK)
        return damaged(where(r), r->err);
    return r->status;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static antler_status file_size(const char *path, int64_t *bytes, antler_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return antler__file_error(path, "open", err);
    if (!S_ISREG(info.st_mode))
        return antler_error_set(err, ANTLER_FILE, NULL, "not a regular file");
    *bytes = (int64_t)info.st_size;
    return ANTLER_OK;
}

/* An image must not have the name of a file that exists: this one can not. */
static antler_status open_file(const char *path, const void *image, size_t bytes, hid_t *file, antler_error *err)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    bool ready = access >= 0;
    *file = -1;
    if (image) { /* set_file_image copies and will not write to what it is given */
        ready = ready && H5Pset_fapl_core(access, 1 << 20, false) >= 0 &&
                H5Pset_file_image(access, (void *)(uintptr_t)image, bytes) >= 0;
        path = "/dev/null/image";
    }
    if (ready)
        *file = H5Fopen(path, H5F_ACC_RDONLY, access);
    antler_status status = *file < 0 ? damaged(NULL, err) : ANTLER_OK;
    close_id(access);
    return status;
}

static antler_status read_file(reader *r, const char *path, const void *image, size_t bytes)
{
    hid_t file;
    ANTLER_TRY(open_file(path, image, bytes, &file, r->err));
    hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
    antler_status status = root < 0 ? damaged("/", r->err) : read_group(r, root);
    close_id(root);
    close_id(file);
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
        status = file_size(w->path, &r.file_bytes, err);
    if (status == ANTLER_OK) {
        enter();
        status = read_file(&r, w->path, w->image, w->bytes);
        leave();
    }
    if (status == ANTLER_OK)
        antler__entries_sort(w->entries);
    else
        antler__entries_free(w->entries);
    antler__error_file(err, w->path);
    return status;
}

antler_status antler__hdf5_read(const char *path, const void *image, size_t bytes, antler_entries *entries,
                                antler_error *err)
{
    *entries = (antler_entries){0};
    whole w = {path, image, bytes, entries};
    ANTLER_TRY(antler__guarded(path, read_whole, &w, err));
    return read_whole(&w, err);
}

/* ---- one data set, by rows --------------------------------------------------------------------------------------- */

struct antler_hdf5_rows {
    hid_t file, set;
    content content;
    char name[256], path[256];
};

/* That every link on the way to `name` is a hard one. */
static bool hard_links(hid_t file, const char *name)
{
    char part[MAX_NAME];
    for (size_t i = 1; name[0] && i < sizeof part; i++) {
        if (name[i] != '/' && name[i] != '\0')
            continue;
        memcpy(part, name, i);
        part[i] = '\0';
        H5L_info_t info;
        if (part[i - 1] != '/' && (H5Lget_info(file, part, &info, H5P_DEFAULT) < 0 || info.type != H5L_TYPE_HARD))
            return false;
        if (name[i] == '\0')
            return true;
    }
    return false;
}

typedef struct list {
    char text[200];
    size_t used;
} list;

static herr_t list_name(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    (void)group;
    (void)info;
    list *l = user;
    int n = snprintf(l->text + l->used, sizeof l->text - l->used, "%s%s", l->used ? ", " : "", name);
    if (n < 0 || (size_t)n >= sizeof l->text - l->used) {
        memcpy(l->text + sizeof l->text - 4, "...", 4);
        return 1;
    }
    l->used += (size_t)n;
    return 0;
}

static antler_status no_such_set(hid_t file, const char *name, antler_error *err)
{
    list l = {"", 0};
    H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, NULL, list_name, &l);
    return antler_error_set(err, ANTLER_NAME, NULL, "no data set \"%s\"; the file has %s", name,
                            l.text[0] ? l.text : "none");
}

/* Reading rows takes whole chunks: the cache holds some of them, or every row of a chunk would unpack it again. */
static hid_t cached(hid_t set, const content *c)
{
    hsize_t size[H5S_MAX_RANK];
    hid_t plist = H5Dget_create_plist(set);
    int64_t chunk = (int64_t)c->size;
    int rank = H5Pget_layout(plist) == H5D_CHUNKED ? H5Pget_chunk(plist, H5S_MAX_RANK, size) : 0;
    for (int i = 0; i < rank; i++)
        antler__size_multiply(chunk, (int64_t)size[i], &chunk); /* checked by check_chunks */
    close_id(plist);
    if (rank == 0)
        return H5P_DEFAULT;
    hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    size_t bytes = (size_t)chunk < max_chunk_cache / 8 ? 8 * (size_t)chunk : max_chunk_cache;
    H5Pset_chunk_cache(access, 10007, bytes > (1 << 20) ? bytes : 1 << 20, 0.75);
    return access;
}

static antler_status open_set(antler_hdf5_rows *rows, const char *path, int64_t file_bytes, antler_error *err)
{
    ANTLER_TRY(open_file(path, NULL, 0, &rows->file, err));
    if (!hard_links(rows->file, rows->name))
        return no_such_set(rows->file, rows->name, err);
    rows->set = H5Oopen(rows->file, rows->name, H5P_DEFAULT);
    if (rows->set < 0)
        return damaged(rows->name, err);
    if (H5Iget_type(rows->set) != H5I_DATASET)
        return antler_error_set(err, ANTLER_NAME, rows->name, "not a data set");
    bool packed;
    ANTLER_TRY(describe(rows->set, file_bytes, rows->name, &rows->content, &packed, err));
    if (rows->content.shape.rank == 0)
        return antler_error_set(err, ANTLER_SHAPE, rows->name, "a single number, expected rows");
    hid_t access = cached(rows->set, &rows->content);
    close_id(rows->set);
    rows->set = H5Dopen2(rows->file, rows->name, access);
    antler_status status = rows->set < 0 ? damaged(rows->name, err) : ANTLER_OK;
    if (access != H5P_DEFAULT)
        close_id(access);
    return status;
}

typedef struct opening {
    const char *path, *name;
    antler_hdf5_rows *rows;
} opening;

static antler_status open_rows(void *arg, antler_error *err)
{
    opening *o = arg;
    int64_t file_bytes;
    *o->rows = (antler_hdf5_rows){.file = -1, .set = -1};
    snprintf(o->rows->path, sizeof o->rows->path, "%s", o->path);
    antler_status status = file_size(o->path, &file_bytes, err);
    if (status == ANTLER_OK && strlen(o->name) >= sizeof o->rows->name)
        status = antler_error_set(err, ANTLER_NAME, NULL, "a name of %zu bytes", strlen(o->name));
    if (status == ANTLER_OK) {
        snprintf(o->rows->name, sizeof o->rows->name, "%s", o->name);
        enter();
        status = open_set(o->rows, o->path, file_bytes, err);
        leave();
    }
    antler__error_file(err, o->path);
    return status;
}

antler_status antler__hdf5_rows_open(const char *path, const char *name, antler_hdf5_rows **rows, antler_dtype *dtype,
                                     antler_shape *shape, antler_error *err)
{
    *rows = NULL;
    antler_hdf5_rows *made = antler__allocate_zeroed(1, sizeof *made);
    if (!made)
        return antler__no_memory(err);
    opening o = {path, name, made};
    made->file = made->set = -1;
    antler_status status = antler__guarded(path, open_rows, &o, err);
    if (status == ANTLER_OK)
        status = open_rows(&o, err);
    if (status != ANTLER_OK) {
        antler__hdf5_rows_close(made);
        return status;
    }
    *rows = made;
    *dtype = made->content.dtype;
    *shape = made->content.shape;
    return ANTLER_OK;
}

antler_status antler__hdf5_rows_read(antler_hdf5_rows *rows, int64_t first, int64_t n, void *out, antler_error *err)
{
    const antler_shape *shape = &rows->content.shape;
    if (first < 0 || n < 0 || first > shape->dim[0] - n)
        return antler_error_set(err, ANTLER_VALUE, rows->name, "rows %lld to %lld of %lld", (long long)first,
                                (long long)(first + n), (long long)shape->dim[0]);
    if (n == 0 || rows->content.count == 0)
        return ANTLER_OK;
    hsize_t start[ANTLER_MAX_RANK] = {(hsize_t)first}, count[ANTLER_MAX_RANK] = {(hsize_t)n};
    for (int i = 1; i < shape->rank; i++)
        count[i] = (hsize_t)shape->dim[i];
    enter();
    hid_t file = H5Dget_space(rows->set), memory = H5Screate_simple(shape->rank, count, NULL);
    antler_status status = ANTLER_OK;
    if (file < 0 || memory < 0 || H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
        H5Dread(rows->set, rows->content.memory, memory, file, H5P_DEFAULT, out) < 0)
        status = damaged(rows->name, err);
    close_id(memory);
    close_id(file);
    leave();
    antler__error_file(err, rows->path);
    return status;
}

void antler__hdf5_rows_close(antler_hdf5_rows *rows)
{
    if (!rows)
        return;
    enter();
    close_id(rows->set);
    close_id(rows->file);
    leave();
    antler__free(rows);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static hid_t on_disk(antler_dtype dtype)
{
    const hid_t types[] = {
        [ANTLER_FLOAT32] = H5T_IEEE_F32LE, [ANTLER_FLOAT64] = H5T_IEEE_F64LE, [ANTLER_INT8] = H5T_STD_I8LE,
        [ANTLER_UINT8] = H5T_STD_U8LE,     [ANTLER_INT16] = H5T_STD_I16LE,    [ANTLER_UINT16] = H5T_STD_U16LE,
        [ANTLER_INT32] = H5T_STD_I32LE,    [ANTLER_UINT32] = H5T_STD_U32LE,   [ANTLER_INT64] = H5T_STD_I64LE,
        [ANTLER_UINT64] = H5T_STD_U64LE,
    };
    return (size_t)dtype < sizeof types / sizeof types[0] && dtype != ANTLER_FLOAT16 ? types[dtype] : -1;
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
    close_id(group);
    return group < 0 ? cannot_write(name, err) : ANTLER_OK;
}

/* The group that holds `name`, made here rather than by libhdf5, which would stamp it with the time. */
static antler_status write_parents(const writer *w, const char *name, antler_error *err)
{
    char part[MAX_NAME];
    if (strlen(name) >= sizeof part)
        return antler_error_set(err, ANTLER_VALUE, name, "a name longer than %d bytes", MAX_NAME);
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
    bool good =
        set >= 0 && (count == 0 || H5Dwrite(set, native(e->dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, e->data) >= 0);
    antler_status status = good ? ANTLER_OK : cannot_write(e->name, err);
    close_id(set);
    close_id(space);
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
        return count > 0 && H5Awrite(attribute, native(e->dtype), e->data) < 0 ? cannot_write(e->name, err) : ANTLER_OK;
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
    char owner[MAX_NAME];
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
    close_id(attribute);
    close_id(space);
    close_id(object);
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
    if (e->dtype == ANTLER_TEXT ? !at : native(e->dtype) < 0)
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
    close_id(create);
    close_id(access);
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
    close_id(w->text);
    close_id(w->attribute);
    close_id(w->group);
    close_id(w->set);
    close_id(w->link);
    close_id(w->file);
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
    enter();
    writer w;
    antler_status status = writer_open(&w, entries) ? ANTLER_OK : cannot_write(NULL, err);
    for (int64_t i = 0; i < entries->n && status == ANTLER_OK; i++)
        status = write_entry(&w, &entries->entry[i], err);
    if (status == ANTLER_OK)
        status = take_image(w.file, image, bytes, err);
    writer_close(&w);
    leave();
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
