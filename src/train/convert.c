/* Numbers of every type, as antler_real, and which of them are refused. */
#include "core/number.h"
#include "core/status.h"
#include "train/data.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Each converts n elements to `out` and says whether all were good. */
typedef bool (*converter)(const void *source, int64_t n, antler_real *out);

/* Without its sign, the bits of a float32 that is infinite or NaN are those of infinity or more, and adding one unit of
   the exponent to them sets the top bit. One pass that copies and looks, without a branch, runs as fast as memory. */
static bool from_float32(const void *source, int64_t n, antler_real *out)
{
    const float *from = source;
    uint32_t bad = 0, bits;
    for (int64_t i = 0; i < n; i++) {
        memcpy(&bits, &from[i], sizeof bits);
        bad |= (bits & 0x7fffffffu) + 0x00800000u;
        out[i] = from[i];
    }
    return bad >> 31 == 0;
}

/* A number is bad from max_real's successor on, which may be a float's: the number added to the bits is the one with
   which the largest good number just does not set the top bit. */
static bool from_float64(const void *source, int64_t n, antler_real *out)
{
    const double *from = source;
    double max_real = ANTLER_REAL_MAX;
    uint64_t bad = 0, bits, most;
    memcpy(&most, &max_real, sizeof most);
    const uint64_t lack = (UINT64_C(1) << 63) - 1 - most;
    for (int64_t i = 0; i < n; i++) {
        memcpy(&bits, &from[i], sizeof bits);
        bad |= (bits & (UINT64_MAX >> 1)) + lack;
        out[i] = (antler_real)from[i];
    }
    return bad >> 63 == 0;
}

/* The bits of a float16, shifted to where a float32 has its exponent and fraction, are the value times 2^-112, for zero
   and subnormal numbers too. */
static bool from_float16(const void *source, int64_t n, antler_real *out)
{
    const uint16_t *from = source;
    bool good = true;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)(from[i] & 0x7fff) << 13 | (uint32_t)(from[i] & 0x8000) << 16;
        float value;
        memcpy(&value, &bits, sizeof value);
        bool finite = (from[i] & 0x7c00) != 0x7c00;
        good &= finite;
        out[i] = finite ? value * 0x1p112f : (from[i] & 0x3ff) ? NAN : INFINITY;
    }
    return good;
}

/* Integers that every float holds. */
#define FROM_SMALL(type)                                                     \
    static bool from_##type(const void *source, int64_t n, antler_real *out) \
    {                                                                        \
        const type##_t *from = source;                                       \
        for (int64_t i = 0; i < n; i++)                                      \
            out[i] = from[i];                                                \
        return true;                                                         \
    }
FROM_SMALL(int8)
FROM_SMALL(uint8)
FROM_SMALL(int16)
FROM_SMALL(uint16)

/* Integers that a float may not hold; libantler64 refuses the same ones, so that it proves the same. One too large
   stays so when it is rounded to a double. */
#define FROM_WIDE(type)                                                      \
    static bool from_##type(const void *source, int64_t n, antler_real *out) \
    {                                                                        \
        const type##_t *from = source;                                       \
        int bad = 0;                                                         \
        for (int64_t i = 0; i < n; i++) {                                    \
            bad |= fabs((double)from[i]) > ANTLER_FLOAT_EXACT;               \
            out[i] = (antler_real)from[i];                                   \
        }                                                                    \
        return bad == 0;                                                     \
    }
FROM_WIDE(int32)
FROM_WIDE(uint32)
FROM_WIDE(int64)
FROM_WIDE(uint64)

static const converter converters[] = {
#define ROW(NAME, name, kind, bytes, memory, disk) [ANTLER_##NAME] = from_##name,
    ANTLER_DTYPE_MAP(ROW)
#undef ROW
};

static bool is_integer(antler_dtype dtype)
{
    return dtype >= ANTLER_INT8;
}

/* The integers that can be beyond 2^24, as they stand in the data. */
static void integer_text(antler_dtype dtype, const void *value, char text[24])
{
    int64_t number = 0;
    uint64_t whole = 0;
    if (dtype == ANTLER_INT64)
        memcpy(&number, value, sizeof number);
    else if (dtype == ANTLER_INT32)
        number = *(const int32_t *)value;
    else if (dtype == ANTLER_UINT32)
        number = *(const uint32_t *)value;
    else
        memcpy(&whole, value, sizeof whole);
    snprintf(text, 24, whole > 0 ? "%" PRIu64 : "%" PRId64, whole > 0 ? whole : (uint64_t)number);
}

/* Names the first bad element of the rows from `row` on. */
static antler_status complain(const antler_data *data, int64_t row, const unsigned char *source, int64_t n,
                              antler_error *err)
{
    antler_real value = 0;
    int64_t i = 0;
    size_t size = antler_dtype_size(data->dtype);
    while (i < n && converters[data->dtype](source + (size_t)i * size, 1, &value))
        i++;
    row += i / data->row_elements;
    long long element = (long long)(i % data->row_elements);
    char text[24];
    if (is_integer(data->dtype)) {
        integer_text(data->dtype, source + (size_t)i * size, text);
        antler_error_set(err, ANTLER_DATA, data->name,
                         "row %lld, element %lld: %s, an integer beyond 2^24, which a float does not hold",
                         (long long)row, element, text);
    } else {
        antler_error_set(err, ANTLER_DATA, data->name, "row %lld, element %lld: %s, expected a finite number",
                         (long long)row, element, isnan(value) ? "NaN" : "infinite, or beyond what a float holds");
    }
    antler__error_file(err, data->file);
    return ANTLER_DATA;
}

antler_status antler__data_convert(const antler_data *data, int64_t row, const unsigned char *source, int64_t rows,
                                   antler_real *out, antler_error *err)
{
    int64_t n = rows * data->row_elements;
    return converters[data->dtype](source, n, out) ? ANTLER_OK : complain(data, row, source, n, err);
}
