/* What reading and writing HDF5 share: the lock, libhdf5's errors, number types, and what a stranger's data set must
   hold to before anything is allocated for it. */
#include "files/hdf5/common.h"

#ifdef ANTLER_WITH_HDF5

#include "core/memory.h"
#include "files/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

pthread_mutex_t antler__h5_lock = PTHREAD_MUTEX_INITIALIZER;
/* What a stranger's file may make of little: deflate's own bound, and what is small enough whatever it comes from. */
enum { MAX_RATIO = 1032 };
static const int64_t free_bytes = (int64_t)64 << 20;

static H5E_auto2_t program_print; /* what the program had set up for errors: ours stay silent */
static void *program_data;

void antler__h5_enter(void)
{
    pthread_mutex_lock(&antler__h5_lock);
    H5Eget_auto2(H5E_DEFAULT, &program_print, &program_data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void antler__h5_leave(void)
{
    H5Eclear2(H5E_DEFAULT);
    H5Eset_auto2(H5E_DEFAULT, program_print, program_data);
    pthread_mutex_unlock(&antler__h5_lock);
}

static herr_t keep_text(unsigned n, const H5E_error2_t *error, void *user)
{
    if (n == 0 && error->desc)
        snprintf(user, 128, "%s", error->desc);
    return 0;
}

/* libhdf5's innermost message. */
static void innermost(char text[128])
{
    text[0] = '\0';
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_text, text);
}

antler_status antler__h5_failed(antler_status status, const char *place, const char *what, antler_error *err)
{
    char text[128];
    innermost(text);
    return antler_error_set(err, status, place, text[0] ? "%s (%s)" : "%s", what, text);
}

antler_status antler__h5_damaged(const char *place, antler_error *err)
{
    return antler__h5_failed(ANTLER_FORMAT, place, "damaged, cut short, or not HDF5", err);
}

void antler__h5_close(hid_t id)
{
    if (id >= 0)
        H5Idec_ref(id);
}

hid_t antler__h5_native(antler_dtype dtype)
{
    const hid_t types[] = {
#define ROW(NAME, name, kind, bytes, memory, disk) [ANTLER_##NAME] = H5T_##memory,
        ANTLER_DTYPE_MAP(ROW)
#undef ROW
    };
    return (size_t)dtype < sizeof types / sizeof types[0] ? types[dtype] : -1;
}

/* h5py's bool is an enumeration over one byte. */
static bool is_byte_enum(hid_t type)
{
    hid_t base = H5Tget_super(type);
    bool yes = base >= 0 && H5Tget_class(base) == H5T_INTEGER && H5Tget_size(base) == 1;
    antler__h5_close(base);
    return yes;
}

bool antler__h5_understand(hid_t type, antler_h5_content *c)
{
    size_t size = H5Tget_size(type);
    bool known = false;
    c->disk = size;
    switch (H5Tget_class(type)) {
    case H5T_INTEGER: /* of fewer bits than its bytes have, libhdf5 1.10 forgets the sign */
        known = H5Tget_precision(type) == 8 * size &&
                antler__dtype_find(H5Tget_sign(type) == H5T_SGN_2 ? 'i' : 'u', size, &c->dtype);
        break;
    case H5T_FLOAT: /* float16 and its like are read as float32, which holds them */
        known = size >= 1 && size <= 8;
        c->dtype = size <= 4 ? ANTLER_FLOAT32 : ANTLER_FLOAT64;
        break;
    case H5T_ENUM:
        known = is_byte_enum(type);
        c->dtype = ANTLER_UINT8;
        break;
    case H5T_OPAQUE: /* NumPy's type of two bytes; whether they are a bfloat16, the data set says */
        known = c->brain = size == 2;
        c->dtype = ANTLER_FLOAT32;
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
    c->size = antler_dtype_size(c->dtype);
    c->memory = antler__h5_native(c->dtype);
    return true;
}

/* Keras marks a data set of bfloat16 by an attribute "dtype". */
static bool is_brain(hid_t set)
{
    bool yes = false;
    hid_t attribute = H5Aexists(set, "dtype") > 0 ? H5Aopen(set, "dtype", H5P_DEFAULT) : -1;
    hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
    antler_h5_content c = {.count = 1};
    char *text;
    size_t bytes;
    if (type >= 0 && antler__h5_understand(type, &c) && c.dtype == ANTLER_TEXT && H5Aget_storage_size(attribute) < 64 &&
        antler__h5_text(attribute, type, &c, 64, &text, &bytes, NULL, NULL) == ANTLER_OK) {
        yes = strcmp(text, "bfloat16") == 0;
        antler__free(text);
    }
    antler__h5_close(type);
    antler__h5_close(attribute);
    return yes;
}

/* The upper half of a float32. They are read to the end of the room, and spread from its beginning on. */
static bool take_brain(hid_t set, hid_t memory, hid_t file, int64_t count, unsigned char *out)
{
    hid_t type = H5Dget_type(set);
    unsigned char *half = out + 2 * count;
    bool good = type >= 0 && H5Dread(set, type, memory, file, H5P_DEFAULT, half) >= 0;
    for (int64_t i = 0; good && i < count; i++) {
        uint32_t bits = (uint32_t)half[2 * i] << 16 | (uint32_t)half[2 * i + 1] << 24;
        memcpy(out + 4 * i, &bits, sizeof bits);
    }
    antler__h5_close(type);
    return good;
}

bool antler__h5_take(hid_t set, const antler_h5_content *c, hid_t memory, hid_t file, int64_t count, void *out)
{
    return c->brain ? take_brain(set, memory, file, count, out)
                    : H5Dread(set, c->memory, memory, file, H5P_DEFAULT, out) >= 0;
}

antler_status antler__h5_measure(hid_t space, const char *place, antler_h5_content *c, antler_error *err)
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
        return antler__h5_damaged(place, err);
    if (rank > ANTLER_MAX_RANK)
        return antler_error_set(err, ANTLER_FORMAT, place, "has %d axes, expected at most %d", rank, ANTLER_MAX_RANK);
    c->shape.rank = rank;
    for (int i = 0; i < rank; i++) {
        if (size[i] > INT64_MAX)
            return antler__h5_damaged(place, err);
        c->shape.dim[i] = (int64_t)size[i];
    }
    int64_t bytes;
    if (!antler__count(&c->shape, 0, &c->count) || !antler__size_multiply(c->count, (int64_t)c->size, &bytes))
        return antler_error_set(err, ANTLER_FORMAT, place, "its sizes multiply beyond 64 bits");
    return ANTLER_OK;
}

/* ---- how a data set is stored ------------------------------------------------------------------------------------ */

/* Filters of others, by their registered numbers. */
static const char *filter_name(H5Z_filter_t filter, const char *own)
{
    static const struct {
        H5Z_filter_t filter;
        const char *name;
    } names[] = {{H5Z_FILTER_SZIP, "szip"}, {32000, "lzf"}, {32001, "blosc"}, {307, "bzip2"}, {32004, "lz4"},
                 {32008, "bitshuffle"},     {32013, "zfp"}, {32015, "zstd"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].filter == filter)
            return names[i].name;
    return own[0] ? own : "a filter without a name";
}

/* Any other than libhdf5's own would have it load a plugin from the disk; szip is one, but not in every build. */
static antler_status check_filters(hid_t plist, const char *place, antler_error *err)
{
    int n = H5Pget_nfilters(plist);
    for (int i = 0; i < n; i++) {
        unsigned flags;
        size_t values = 0;
        char name[64] = "";
        H5Z_filter_t filter = H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL, sizeof name, name, NULL);
        name[sizeof name - 1] = '\0';
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32 &&
            filter != H5Z_FILTER_NBIT && filter != H5Z_FILTER_SCALEOFFSET)
            return antler_error_set(err, ANTLER_UNSUPPORTED, place,
                                    "compressed by %s (filter %d); expected gzip, shuffle, fletcher32, n-bit, "
                                    "scale-offset or none: h5repack -f GZIP=6 rewrites it",
                                    filter_name(filter, name), (int)filter);
    }
    return n < 0 ? antler__h5_damaged(place, err) : ANTLER_OK;
}

/* How many chunks there are, of `size` along each axis; more than 64 bits hold: INT64_MAX. */
static int64_t count_chunks(const antler_shape *shape, const hsize_t *size)
{
    int64_t n = 1;
    for (int i = 0; i < shape->rank; i++) {
        int64_t chunk = (int64_t)size[i];
        if (!antler__size_multiply(n, chunk > 0 ? (shape->dim[i] - 1) / chunk + 1 : 1, &n))
            return INT64_MAX;
    }
    return n;
}

/* Filters, the size of a chunk in proportion to what is stored, and the number of chunks to the file: libhdf5 keeps a
   node for each that it reads, whether anything was written to it or not. */
static antler_status check_chunks(hid_t plist, const antler_h5_content *c, int64_t stored, int64_t file_bytes,
                                  int64_t most, const char *place, antler_error *err)
{
    enum { FREE_CHUNKS = 1 << 16, INDEX = 16 /* bytes of the file for each chunk that is in it, at least */ };
    ANTLER_TRY(check_filters(plist, place, err));
    hsize_t size[H5S_MAX_RANK];
    int rank = H5Pget_chunk(plist, H5S_MAX_RANK, size);
    if (rank != c->shape.rank)
        return antler__h5_damaged(place, err);
    int64_t chunk = (int64_t)c->disk;
    for (int i = 0; i < rank; i++)
        if (size[i] > INT64_MAX || !antler__size_multiply(chunk, (int64_t)size[i], &chunk))
            return antler__h5_damaged(place, err);
    if (!antler__h5_plausible(chunk, stored))
        return antler_error_set(err, ANTLER_FORMAT, place,
                                "chunks of %lld bytes from %lld stored ones: more than %d times", (long long)chunk,
                                (long long)stored, MAX_RATIO);
    int64_t chunks = count_chunks(&c->shape, size);
    if (c->count * (int64_t)c->disk <= most && chunks > FREE_CHUNKS + file_bytes / INDEX)
        return antler_error_set(err, ANTLER_FORMAT, place, "%lld chunks in a file of %lld bytes", (long long)chunks,
                                (long long)file_bytes);
    return ANTLER_OK;
}

bool antler__h5_plausible(int64_t bytes, int64_t stored)
{
    return bytes <= free_bytes || bytes / MAX_RATIO <= stored;
}

/* Where the data lies, and that its declared size agrees with what is there. Of a data set that was created and never
   written nothing is there: it reads as its fill value. */
static antler_status check_layout(hid_t set, hid_t plist, const antler_h5_content *c, int64_t file_bytes, int64_t most,
                                  const char *place, bool *packed, antler_error *err)
{
    H5D_layout_t layout = H5Pget_layout(plist);
    if (layout == H5D_VIRTUAL)
        return antler_error_set(err, ANTLER_FORMAT, place, "a virtual data set, whose data is in other files: refused");
    if (H5Pget_external_count(plist) != 0)
        return antler_error_set(err, ANTLER_FORMAT, place, "its data is in another file: refused");
    if (layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED)
        return antler__h5_damaged(place, err);
    int64_t stored = (int64_t)H5Dget_storage_size(set), bytes = c->count * (int64_t)c->disk;
    *packed = layout == H5D_CHUNKED || stored == 0;
    if (c->count == 0)
        return ANTLER_OK;
    if (stored < 0 || stored > file_bytes)
        return antler_error_set(err, ANTLER_FORMAT, place, "%llu stored bytes in a file of %lld: damaged",
                                (unsigned long long)stored, (long long)file_bytes);
    if (layout == H5D_CHUNKED)
        ANTLER_TRY(check_chunks(plist, c, stored, file_bytes, most, place, err));
    if (layout == H5D_CHUNKED && bytes > most)
        return ANTLER_OK;
    if (*packed ? antler__h5_plausible(bytes, stored) : bytes <= stored)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_FORMAT, place, "%lld stored bytes, its shape needs %lld%s", (long long)stored,
                            (long long)bytes, *packed ? ", more times as many than can be compressed" : "");
}

antler_status antler__h5_describe(hid_t set, int64_t file_bytes, int64_t most, const char *place, antler_h5_content *c,
                                  bool *packed, antler_error *err)
{
    *c = (antler_h5_content){0};
    hid_t type = H5Dget_type(set), space = H5Dget_space(set), plist = H5Dget_create_plist(set);
    antler_status status;
    if (type < 0 || space < 0 || plist < 0)
        status = antler__h5_damaged(place, err);
    else if (!antler__h5_understand(type, c) || c->dtype == ANTLER_TEXT || (c->brain && !is_brain(set)))
        status = antler_error_set(err, ANTLER_FORMAT, place, "its type is not a number of at most 64 bits");
    else if ((status = antler__h5_measure(space, place, c, err)) == ANTLER_OK)
        status = check_layout(set, plist, c, file_bytes, most, place, packed, err);
    antler__h5_close(plist);
    antler__h5_close(space);
    antler__h5_close(type);
    return status;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

antler_status antler__h5_file_size(const char *path, int64_t *bytes, antler_error *err)
{
    int file;
    ANTLER_TRY(antler__file_open(path, &file, bytes, err));
    close(file);
    return ANTLER_OK;
}

/* That a file was refused because its file system has no locks, rather than because somebody writes it. */
static bool lacks_locks(void)
{
    char text[128];
    int error;
    innermost(text);
    return sscanf(text, "unable to lock file, errno = %d", &error) == 1 && error != EAGAIN && error != EWOULDBLOCK;
}

#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
static bool without_locks(hid_t access)
{
    return H5Pset_file_locking(access, false, true) >= 0;
}
#else /* HDF5_USE_FILE_LOCKING=FALSE in the environment is left */
static bool without_locks(hid_t access)
{
    (void)access;
    return false;
}
#endif

/* An image must not have the name of a file that exists: this one does not. */
antler_status antler__h5_open(const char *path, const void *image, size_t bytes, hid_t *file, antler_error *err)
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
    if (ready && *file < 0 && lacks_locks() && without_locks(access)) {
        H5Eclear2(H5E_DEFAULT);
        *file = H5Fopen(path, H5F_ACC_RDONLY, access);
    }
    antler_status status = *file < 0 ? antler__h5_damaged(NULL, err) : ANTLER_OK;
    antler__h5_close(access);
    return status;
}

#endif
