/* A sample as a picture in the page: a BMP in base64, which needs no library. */
#include "cli/report.h"

#include <math.h>
#include <stdlib.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_base64(FILE *file, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i += 3) {
        unsigned v =
            (unsigned)bytes[i] << 16 | (i + 1 < n ? (unsigned)bytes[i + 1] << 8 : 0) | (i + 2 < n ? bytes[i + 2] : 0);
        putc(letters[v >> 18], file);
        putc(letters[v >> 12 & 63], file);
        putc(i + 1 < n ? letters[v >> 6 & 63] : '=', file);
        putc(i + 2 < n ? letters[v & 63] : '=', file);
    }
}

static void put_int(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

static unsigned char shade(double value, double low, double high)
{
    double part = high > low ? (value - low) / (high - low) : 0;
    return (unsigned char)lrint(255 * part);
}

void antler__picture_put(FILE *file, const antler_real *x, int64_t height, int64_t width, int64_t channels)
{
    enum { HEADER = 54 };
    size_t line = ((size_t)width * 3 + 3) / 4 * 4, size = HEADER + line * (size_t)height;
    unsigned char *bytes = calloc(size, 1);
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < height * width * channels; i++) {
        low = fmin(low, (double)x[i]);
        high = fmax(high, (double)x[i]);
    }
    if (!bytes)
        return;
    bytes[0] = 'B';
    bytes[1] = 'M';
    put_int(bytes + 2, (uint32_t)size);
    put_int(bytes + 10, HEADER);
    put_int(bytes + 14, 40);
    put_int(bytes + 18, (uint32_t)width);
    put_int(bytes + 22, (uint32_t)height);
    bytes[26] = 1;
    bytes[28] = 24;
    for (int64_t row = 0; row < height; row++)
        for (int64_t column = 0; column < width; column++) {
            unsigned char *pixel = bytes + HEADER + (size_t)(height - 1 - row) * line + (size_t)column * 3;
            const antler_real *value = x + (row * width + column) * channels;
            for (int c = 0; c < 3; c++) /* blue, green, red */
                pixel[c] = shade((double)value[channels == 3 ? 2 - c : 0], low, high);
        }
    fputs("<img alt=\"the sample\" src=\"data:image/bmp;base64,", file);
    put_base64(file, bytes, size);
    fputs("\">", file);
    free(bytes);
}
