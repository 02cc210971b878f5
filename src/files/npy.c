/* NumPy's .npy files, versions 1.0 to 3.0: magic, version, length of the header, the header (a Python dict that gives
   type, order and shape), the data. */
#include "files/npy.h"
#include "core/memory.h"
#include "files/entries.h"
#include "files/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_HEADER = 1 << 16 };

static bool big_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 0;
}

static antler_status fail(antler_error *err, const char *message)
{
    return antler_error_set(err, ANTLER_FORMAT, NULL, "%s", message);
}

/* ---- the header -------------------------------------------------------------------------------------------------- */

static void skip_space(const char **at)
{
    while (**at == ' ' || **at == '\t' || **at == '\n')
        (*at)++;
}

static bool take(const char **at, const char *text)
{
    skip_space(at);
    size_t length = strlen(text);
    if (strncmp(*at, text, length) != 0)
        return false;
    *at += length;
    return true;
}

/* 'text' or "text", without escapes. */
static bool take_string(const char **at, char *text, size_t size)
{
    skip_space(at);
    char quote = **at;
    if (quote != '\'' && quote != '"')
        return false;
    const char *end = strchr(*at + 1, quote);
    if (!end || (size_t)(end - *at) > size)
        return false;
    size_t length = (size_t)(end - *at) - 1;
    memcpy(text, *at + 1, length);
    text[length] = '\0';
    *at = end + 1;
    return true;
}

/* "<f4": byte order, kind, bytes; "|b1" is a bool of one byte. */
static antler_status read_type(const char **at, antler_npy *npy, antler_error *err)
{
    char code[16];
    if (!take_string(at, code, sizeof code))
        return fail(err, "its elements are not plain numbers");
    bool plain = strlen(code) == 3 && strchr("<>=|", code[0]) && code[2] >= '1' && code[2] <= '8';
    char kind = !plain ? 0 : strcmp(code + 1, "b1") == 0 ? 'u' : code[1];
    if (!plain || !antler__dtype_find(kind, (size_t)(code[2] - '0'), &npy->dtype))
        return antler_error_set(err, ANTLER_FORMAT, NULL, "elements of type '%s', expected a number of at most 64 bits",
                                code);
    npy->swap = code[2] != '1' && code[0] == (big_endian() ? '<' : '>');
    return ANTLER_OK;
}

static antler_status read_shape(const char **at, antler_npy *npy, antler_error *err)
{
    if (!take(at, "("))
        return fail(err, "damaged header: no tuple for the shape");
    while (!take(at, ")")) {
        char *end;
        skip_space(at);
        long long size = strtoll(*at, &end, 10);
        if (end == *at || size < 0 || size == INT64_MAX)
            return fail(err, "damaged header: a size that is not a number");
        if (npy->shape.rank == ANTLER_MAX_RANK)
            return antler_error_set(err, ANTLER_FORMAT, NULL, "more than %d axes", ANTLER_MAX_RANK);
        npy->shape.dim[npy->shape.rank++] = size;
        *at = end + (*end == 'L'); /* as Python 2 wrote it */
        take(at, ",");
    }
    return ANTLER_OK;
}

static antler_status read_header(const char *at, antler_npy *npy, antler_error *err)
{
    bool type = false, order = false, shape = false, fortran = false;
    if (!take(&at, "{"))
        return fail(err, "damaged header: not a dict");
    while (!take(&at, "}")) {
        char key[32];
        if (!take_string(&at, key, sizeof key) || !take(&at, ":"))
            return fail(err, "damaged header: no key");
        if (strcmp(key, "descr") == 0 && !type) {
            type = true;
            ANTLER_TRY(read_type(&at, npy, err));
        } else if (strcmp(key, "shape") == 0 && !shape) {
            shape = true;
            ANTLER_TRY(read_shape(&at, npy, err));
        } else if (strcmp(key, "fortran_order") == 0 && !order) {
            order = true;
            fortran = take(&at, "True");
            if (!fortran && !take(&at, "False"))
                return fail(err, "damaged header: fortran_order is neither True nor False");
        } else {
            return fail(err, "damaged header: an unknown key");
        }
        take(&at, ",");
    }
    if (!type || !order || !shape)
        return fail(err, "damaged header: descr, fortran_order and shape are not all there");
    if (npy->shape.rank == 0)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "a single number, expected rows");
    if (fortran && npy->shape.rank > 1)
        return antler_error_set(err, ANTLER_UNSUPPORTED, NULL,
                                "in Fortran order; save it with numpy.ascontiguousarray(...)");
    return ANTLER_OK;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static antler_status read_start(antler_npy *npy, antler_error *err)
{
    unsigned char start[12];
    if (!antler__file_take_at(npy->file, start, 10, 0) || memcmp(start, "\x93NUMPY", 6) != 0)
        return fail(err, "not a .npy file");
    if (start[6] < 1 || start[6] > 3)
        return antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "version %d of the .npy format, expected 1 to 3",
                                start[6]);
    int wide = start[6] > 1; /* a length of 4 bytes */
    if (wide && !antler__file_take_at(npy->file, start, 12, 0))
        return fail(err, "cut short");
    uint32_t length = (uint32_t)(start[8] | start[9] << 8);
    if (wide)
        length |= (uint32_t)start[10] << 16 | (uint32_t)start[11] << 24;
    if (length > MAX_HEADER)
        return antler_error_set(err, ANTLER_FORMAT, NULL, "a header of %lu bytes: damaged", (unsigned long)length);
    char *header = antler__allocate(length + 1, 1);
    if (!header)
        return antler__no_memory(err);
    npy->offset = (wide ? 12 : 10) + (int64_t)length;
    header[length] = '\0';
    antler_status status = antler__file_take_at(npy->file, header, length, npy->offset - length)
                               ? read_header(header, npy, err)
                               : fail(err, "cut short");
    antler__free(header);
    return status;
}

static antler_status check_size(const antler_npy *npy, int64_t file_bytes, antler_error *err)
{
    int64_t count, bytes;
    if (!antler__count(&npy->shape, 0, &count) ||
        !antler__size_multiply(count, (int64_t)antler_dtype_size(npy->dtype), &bytes))
        return fail(err, "its sizes multiply beyond 64 bits");
    if (bytes > file_bytes - npy->offset)
        return antler_error_set(err, ANTLER_FORMAT, NULL, "cut short: its shape needs %lld bytes of data",
                                (long long)bytes);
    return ANTLER_OK;
}

antler_status antler__npy_open(const char *path, antler_npy *npy, antler_error *err)
{
    int64_t file_bytes;
    *npy = (antler_npy){.file = -1};
    ANTLER_TRY(antler__file_open(path, &npy->file, &file_bytes, err));
    antler_status status = read_start(npy, err);
    if (status == ANTLER_OK)
        status = check_size(npy, file_bytes, err);
    if (status != ANTLER_OK)
        antler__npy_close(npy);
    antler__error_file(err, path);
    return status;
}

void antler__swap_bytes(void *values, size_t size, int64_t n)
{
    unsigned char *data = values;
    for (; n > 0; n--, data += size)
        for (size_t i = 0; i < size / 2; i++) {
            unsigned char byte = data[i];
            data[i] = data[size - 1 - i];
            data[size - 1 - i] = byte;
        }
}

antler_status antler__npy_read(const antler_npy *npy, int64_t first, int64_t n, void *out, antler_error *err)
{
    size_t size = antler_dtype_size(npy->dtype);
    int64_t row = antler_count(&npy->shape, 1);
    if (first < 0 || n < 0 || first > npy->shape.dim[0] - n)
        return antler_error_set(err, ANTLER_VALUE, NULL, "rows %lld to %lld of %lld", (long long)first,
                                (long long)(first + n), (long long)npy->shape.dim[0]);
    if (!antler__file_take_at(npy->file, out, (size_t)(n * row) * size, npy->offset + first * row * (int64_t)size))
        return antler_error_set(err, ANTLER_FILE, NULL, "cannot read rows %lld to %lld", (long long)first,
                                (long long)(first + n));
    if (npy->swap)
        antler__swap_bytes(out, size, n * row);
    return ANTLER_OK;
}

void antler__npy_close(antler_npy *npy)
{
    if (npy->file >= 0)
        close(npy->file);
    npy->file = -1;
}
