#include "files/idx.h"
#include "core/memory.h"
#include "files/entries.h"
#include "files/file.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#ifdef ANTLER_WITH_GZIP
#include <zlib.h>
#endif

/* ---- a file, packed or not --------------------------------------------------------------------------------------- */

typedef struct stream {
    int file;
    int64_t bytes;
    bool packed;
    void *unpacking; /* gzFile */
} stream;

static antler_status open_stream(const char *path, stream *s, antler_error *err)
{
    unsigned char start[2];
    *s = (stream){.file = -1};
    ANTLER_TRY(antler__file_open(path, &s->file, &s->bytes, err));
    s->packed = antler__file_take_at(s->file, start, 2, 0) && start[0] == 0x1f && start[1] == 0x8b;
#ifdef ANTLER_WITH_GZIP
    int copy = s->packed ? dup(s->file) : -1;
    s->unpacking = copy >= 0 ? gzdopen(copy, "rb") : NULL;
    if (s->packed && !s->unpacking) {
        close(copy);
        return antler__no_memory(err);
    }
#else
    if (s->packed)
        return antler_error_set(err, ANTLER_UNSUPPORTED, NULL,
                                "compressed by gzip: unpack it first (ANTLER_GZIP is off)");
#endif
    return ANTLER_OK;
}

static void close_stream(stream *s)
{
#ifdef ANTLER_WITH_GZIP
    if (s->unpacking)
        gzclose(s->unpacking);
#endif
    if (s->file >= 0)
        close(s->file);
    *s = (stream){.file = -1};
}

static bool take(stream *s, void *out, size_t bytes)
{
    if (!s->packed)
        return antler__file_take(s->file, out, bytes);
#ifdef ANTLER_WITH_GZIP
    for (size_t used = 0; used < bytes;) {
        unsigned most = bytes - used < INT_MAX ? (unsigned)(bytes - used) : INT_MAX;
        int n = gzread(s->unpacking, (char *)out + used, most);
        if (n <= 0)
            return false;
        used += (size_t)n;
    }
    return true;
#else
    return false;
#endif
}

/* ---- the header -------------------------------------------------------------------------------------------------- */

static bool type_of(unsigned code, antler_dtype *dtype)
{
    static const antler_dtype types[] = {[0x8] = ANTLER_UINT8, [0x9] = ANTLER_INT8,    [0xb] = ANTLER_INT16,
                                         [0xc] = ANTLER_INT32, [0xd] = ANTLER_FLOAT32, [0xe] = ANTLER_FLOAT64};
    bool known = code >= 0x8 && code <= 0xe && code != 0xa;
    if (known)
        *dtype = types[code];
    return known;
}

static bool take_start(stream *s, unsigned char start[4])
{
    antler_dtype dtype;
    return take(s, start, 4) && start[0] == 0 && start[1] == 0 && type_of(start[2], &dtype) && start[3] >= 1 &&
           start[3] <= ANTLER_MAX_RANK;
}

bool antler__idx_is(const char *path)
{
    stream s;
    unsigned char start[4];
    bool is = open_stream(path, &s, NULL) == ANTLER_OK && take_start(&s, start);
    close_stream(&s);
    return is;
}

/* Type, shape, and that all numbers are there, or may be. */
static antler_status read_header(stream *s, antler_npy *npy, antler_error *err)
{
    enum { MOST_RATIO = 1100 }; /* of gzip */
    const uint16_t one = 1;
    unsigned char start[4], size[4];
    int64_t count, bytes;
    if (!take_start(s, start))
        return antler_error_set(err, ANTLER_FORMAT, NULL, "not an IDX file");
    type_of(start[2], &npy->dtype);
    npy->shape.rank = start[3];
    for (int i = 0; i < npy->shape.rank; i++) {
        if (!take(s, size, 4))
            return antler_error_set(err, ANTLER_FORMAT, NULL, "cut short");
        npy->shape.dim[i] = (int64_t)size[0] << 24 | (int64_t)size[1] << 16 | (int64_t)size[2] << 8 | size[3];
    }
    npy->offset = 4 + 4 * (int64_t)npy->shape.rank;
    npy->swap = antler_dtype_size(npy->dtype) > 1 && *(const unsigned char *)&one == 1;
    if (!antler__count(&npy->shape, 0, &count) ||
        !antler__size_multiply(count, (int64_t)antler_dtype_size(npy->dtype), &bytes))
        return antler_error_set(err, ANTLER_FORMAT, NULL, "its sizes multiply beyond 64 bits");
    if (s->packed ? bytes / MOST_RATIO > s->bytes : bytes > s->bytes - npy->offset)
        return antler_error_set(err, ANTLER_FORMAT, NULL, "cut short: its shape needs %lld bytes of data",
                                (long long)bytes);
    return ANTLER_OK;
}

antler_status antler__idx_open(const char *path, antler_npy *npy, antler_error *err)
{
    stream s;
    *npy = (antler_npy){.file = -1};
    antler_status status = open_stream(path, &s, err);
    if (status == ANTLER_OK)
        status = read_header(&s, npy, err);
    if (status == ANTLER_OK && !s.packed) {
        npy->file = s.file;
        s.file = -1;
    }
    close_stream(&s);
    antler__error_file(err, path);
    return status;
}

static antler_status unpack(stream *s, const antler_npy *npy, size_t bytes, void *values, antler_error *err)
{
    unsigned char header[4 + 4 * ANTLER_MAX_RANK];
    if (!take(s, header, (size_t)npy->offset) || !take(s, values, bytes))
        return antler_error_set(err, ANTLER_FORMAT, NULL, "damaged or cut short");
    if (npy->swap)
        antler__swap_bytes(values, antler_dtype_size(npy->dtype), antler_count(&npy->shape, 0));
    return ANTLER_OK;
}

antler_status antler__idx_unpack(const char *path, const antler_npy *npy, int64_t most, void **values,
                                 antler_error *err)
{
    stream s;
    int64_t bytes = antler_count(&npy->shape, 0) * (int64_t)antler_dtype_size(npy->dtype);
    *values = NULL;
    if (bytes > most)
        return antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "%lld bytes, more than %lld: unpack it first (gunzip)",
                                (long long)bytes, (long long)most);
    antler_status status = open_stream(path, &s, err);
    if (status == ANTLER_OK && !(*values = antler__allocate((size_t)bytes, 1)))
        status = antler__no_memory(err);
    if (status == ANTLER_OK)
        status = unpack(&s, npy, (size_t)bytes, *values, err);
    close_stream(&s);
    if (status != ANTLER_OK) {
        antler__free(*values);
        *values = NULL;
    }
    return status;
}
