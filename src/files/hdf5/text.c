/* Strings of an attribute: of fixed size, or of variable length, which lie in the file's global heap. */
#include "files/hdf5/common.h"

#ifdef ANTLER_WITH_HDF5

#include "core/memory.h"

#include <string.h>

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
static antler_status read_fixed(hid_t attribute, hid_t type, const antler_h5_content *c, char **text, size_t *bytes,
                                const char *place, antler_error *err)
{
    size_t count = (size_t)c->count;
    bool spaces = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
    char *raw = antler__allocate(count, c->size);
    *text = antler__allocate(count, c->size + 1);
    antler_status status = ANTLER_OK;
    *bytes = 0;
    if (!raw || !*text)
        status = antler_error_set(err, ANTLER_MEMORY, place, "out of memory");
    else if (count > 0 && H5Aread(attribute, type, raw) < 0)
        status = antler__h5_damaged(place, err);
    for (size_t i = 0; i < count && status == ANTLER_OK; i++)
        *bytes += put_string(*text + *bytes, raw + i * c->size, c->size, spaces);
    antler__free(raw);
    return status;
}

/* ---- of variable length ------------------------------------------------------------------------------------------ */

enum { LENGTH = 4 }; /* bytes of the length, in a reference to a string in the heap */
static const char tag[] = "antler: lengths";

static bool is_length(hid_t type)
{
    char *own = H5Tget_class(type) == H5T_OPAQUE ? H5Tget_tag(type) : NULL;
    bool yes = own && strcmp(own, tag) == 0;
    H5free_memory(own);
    return yes;
}

/* A conversion for libhdf5: of a reference, as it lies in the file, its length is kept. */
static herr_t keep_lengths(hid_t from, hid_t to, H5T_cdata_t *data, size_t n, size_t stride, size_t background_stride,
                           void *values, void *background, hid_t transfer)
{
    (void)background_stride;
    (void)background;
    (void)transfer;
    if (data->command == H5T_CONV_INIT)
        return H5Tis_variable_str(from) > 0 && is_length(to) ? 0 : -1;
    if (data->command != H5T_CONV_CONV)
        return 0;
    char *at = values;
    size_t step = stride ? stride : H5Tget_size(from), next = stride ? stride : LENGTH;
    for (size_t i = 0; i < n; i++)
        memmove(at + i * next, at + i * step, LENGTH);
    return 0;
}

/* Bytes of all strings of an attribute, before libhdf5 makes a copy of each: a thousand of them may be references to
   one. */
static antler_status measure(hid_t attribute, hid_t type, int64_t count, int64_t *bytes, const char *place,
                             antler_error *err)
{
    unsigned char *length = antler__allocate((size_t)count, LENGTH);
    if (!length)
        return antler_error_set(err, ANTLER_MEMORY, place, "out of memory");
    hid_t lengths = H5Tcreate(H5T_OPAQUE, LENGTH);
    bool ready = lengths >= 0 && H5Tset_tag(lengths, tag) >= 0 &&
                 H5Tregister(H5T_PERS_SOFT, tag, type, lengths, keep_lengths) >= 0;
    antler_status status =
        ready && H5Aread(attribute, lengths, length) >= 0 ? ANTLER_OK : antler__h5_damaged(place, err);
    if (ready)
        H5Tunregister(H5T_PERS_SOFT, tag, -1, -1, keep_lengths);
    *bytes = 0;
    for (unsigned char *at = length; status == ANTLER_OK && at < length + count * LENGTH; at += LENGTH)
        *bytes += at[0] | at[1] << 8 | at[2] << 16 | (int64_t)at[3] << 24;
    antler__h5_close(lengths);
    antler__free(length);
    return status;
}

static antler_status join(const antler_h5_content *c, char *const *strings, char **text, size_t *bytes,
                          const char *place, antler_error *err)
{
    *bytes = 0;
    for (int64_t i = 0; i < c->count; i++)
        *bytes += (strings[i] ? strlen(strings[i]) : 0) + 1;
    *text = antler__allocate(*bytes, 1);
    if (!*text)
        return antler_error_set(err, ANTLER_MEMORY, place, "out of memory");
    char *to = *text;
    for (int64_t i = 0; i < c->count; i++)
        to += put_string(to, strings[i] ? strings[i] : "", SIZE_MAX, false);
    return ANTLER_OK;
}

static antler_status read_variable(hid_t attribute, hid_t type, const antler_h5_content *c, int64_t most, char **text,
                                   size_t *bytes, const char *place, antler_error *err)
{
    int64_t needed = 0;
    if (c->count > 0)
        ANTLER_TRY(measure(attribute, type, c->count, &needed, place, err));
    if (needed > most)
        return antler_error_set(err, ANTLER_FORMAT, place, "strings of more bytes than the file has");
    char **strings = antler__allocate_zeroed((size_t)c->count, sizeof *strings);
    hid_t space = H5Aget_space(attribute);
    antler_status status = ANTLER_OK;
    if (!strings)
        status = antler_error_set(err, ANTLER_MEMORY, place, "out of memory");
    else if (c->count > 0 && H5Aread(attribute, type, strings) < 0)
        status = antler__h5_damaged(place, err);
    if (status == ANTLER_OK)
        status = join(c, strings, text, bytes, place, err);
    if (strings && c->count > 0)
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, strings);
    antler__h5_close(space);
    antler__free(strings);
    return status;
}

antler_status antler__h5_text(hid_t attribute, hid_t type, const antler_h5_content *c, int64_t most, char **text,
                              size_t *bytes, const char *place, antler_error *err)
{
    *text = NULL;
    antler_status status = c->variable ? read_variable(attribute, type, c, most, text, bytes, place, err)
                                       : read_fixed(attribute, type, c, text, bytes, place, err);
    if (status != ANTLER_OK) {
        antler__free(*text);
        *text = NULL;
    }
    return status;
}

#endif
