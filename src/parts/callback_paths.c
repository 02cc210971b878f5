/* Where callbacks write. */
#include "core/text.h"
#include "files/file.h"
#include "parts/callbacks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether each part is the name of a file that is not hidden, or ".". */
static bool is_below(const char *path)
{
    for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (*part == '/' || (part[0] == '.' && part[1] != '/'))
            return false;
    return true;
}

antler_status antler__path_check(const char *path, const char *key, const antler_moment *moment)
{
    if (!*path || path[strlen(path) - 1] == '/')
        return antler_error_set(moment->err, ANTLER_VALUE, key, "\"%.100s\" is no name of a file", path);
    return !moment->foreign || is_below(path)
               ? ANTLER_OK
               : antler_error_set(moment->err, ANTLER_VALUE, key,
                                  "\"%.100s\" of a model's file: expected a path below the current directory, without "
                                  "\"..\" or hidden names",
                                  path);
}

antler_status antler__path_folders(const char *path, antler_error *err)
{
    char folder[PATH_MAX];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            return antler__file_error(folder, "make the folder", err);
    }
    return ANTLER_OK;
}

antler_status antler__path_append(const char *path, const void *data, size_t size, double *bytes, antler_error *err)
{
    const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
        return antler__file_error(path, "write", err);
    const off_t end = lseek(file, 0, SEEK_END), start = end < (off_t)*bytes ? end : (off_t)*bytes;
    bool good = end >= 0 && ftruncate(file, start) == 0 && lseek(file, start, SEEK_SET) == start &&
                antler__file_put(file, data, size);
    const int error = errno;
    good = close(file) == 0 && good;
    errno = error;
    *bytes = (double)start + (double)size;
    return good ? ANTLER_OK : antler__file_error(path, "write", err);
}

/* ---- numbers in text --------------------------------------------------------------------------------------------- */

const char *antler__number_text(double value, char text[40])
{
    const locale_t before = antler__plain_numbers();
    int digits = 1;
    do
        snprintf(text, 40, "%.*e", digits - 1, value);
    while (isfinite(value) && strtod(text, NULL) != value && ++digits <= 17);
    const char *e = strchr(text, 'e');
    const long exponent = isfinite(value) && e ? strtol(e + 1, NULL, 10) : 0;
    if (!isfinite(value))
        snprintf(text, 40, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    else if (exponent >= -4 && exponent < 16)
        snprintf(text, 40, "%.*f", digits - 1 - (int)exponent > 1 ? digits - 1 - (int)exponent : 1, value);
    antler__own_numbers(before);
    return text;
}

/* ---- Python's format --------------------------------------------------------------------------------------------- */

/* "02d", ".4f": what stands behind the colon. */
typedef struct spec {
    bool zeros;
    int width, precision; /* precision -1: none is given */
    char type;            /* 0: none is given */
} spec;

enum { MOST_DIGITS = 30 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_spec(const char *text, size_t length, spec *s)
{
    char copy[16], *at = copy;
    *s = (spec){.precision = -1};
    if (length >= sizeof copy)
        return false;
    snprintf(copy, sizeof copy, "%.*s", (int)length, text);
    s->zeros = *at == '0';
    if (is_digit(*at))
        s->width = (int)strtol(at, &at, 10);
    if (*at == '.') {
        if (!is_digit(at[1]))
            return false;
        s->precision = (int)strtol(at + 1, &at, 10);
    }
    if (*at)
        s->type = *at++;
    return *at == '\0' && s->width <= MOST_DIGITS && s->precision <= MOST_DIGITS;
}

static bool format_whole(const spec *s, int64_t value, char *text, size_t size)
{
    if ((s->type != 0 && s->type != 'd') || s->precision >= 0)
        return false;
    snprintf(text, size, s->zeros ? "%0*lld" : "%*lld", s->width, (long long)value);
    return true;
}

static bool format_number(const spec *s, double value, char *text, size_t size)
{
    char format[8] = "%*.*f";
    const int precision = s->precision < 0 ? 6 : s->precision, percent = s->type == '%';
    if (s->type == 0) {
        antler__number_text(value, text);
        return s->width == 0 && s->precision < 0;
    }
    if (!strchr("fFeEgG%", s->type))
        return false;
    snprintf(format, sizeof format, s->zeros ? "%%0*.*%c" : "%%*.*%c", percent ? 'f' : s->type);
    const locale_t before = antler__plain_numbers();
    const int used = snprintf(text, size, format, s->width - percent > 0 ? s->width - percent : 0, precision,
                              percent ? 100 * value : value);
    antler__own_numbers(before);
    if (percent && used > 0)
        snprintf(text + used, size - (size_t)used, "%%");
    return true;
}

/* The value of a name; false for an unknown one. */
static bool put_value(const char *name, size_t length, const spec *s, const antler_moment *m, int64_t batch, bool *fits,
                      char *text, size_t size)
{
    if (length == 5 && strncmp(name, "epoch", length) == 0) {
        *fits = format_whole(s, m->epoch + 1, text, size);
        return true;
    }
    if (batch >= 0 && length == 5 && strncmp(name, "batch", length) == 0) {
        *fits = format_whole(s, batch + 1, text, size);
        return true;
    }
    for (int i = 0; i < m->n; i++)
        if (strlen(m->name[i]) == length && strncmp(m->name[i], name, length) == 0) {
            *fits = format_number(s, isnan(m->value[i]) ? 0 : m->value[i], text, size);
            return true;
        }
    return false;
}

static antler_status unknown(const char *name, size_t length, const antler_moment *m, bool batches)
{
    char names[256] = "";
    size_t used = 0;
    for (int i = 0; i < m->n && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, ", %s", m->name[i]);
    return antler_error_set(m->err, ANTLER_NAME, "filepath", "\"{%.*s}\" is not logged; there are epoch%s%s",
                            length < 60 ? (int)length : 60, name, batches ? ", batch" : "", names);
}

antler_status antler__path_format(const char *format, const antler_moment *m, int64_t batch, char *path, size_t size)
{
    size_t used = 0;
    for (const char *c = format; *c; c++) {
        char text[400] = {*c};
        if (*c == '{' && c[1] != '{') {
            const char *end = strchr(c, '}'), *colon = end ? memchr(c, ':', (size_t)(end - c)) : NULL;
            const size_t length = end ? (size_t)((colon ? colon : end) - c - 1) : 0;
            spec s;
            bool fits = end && read_spec(colon ? colon + 1 : "", colon ? (size_t)(end - colon - 1) : 0, &s);
            if (fits && !put_value(c + 1, length, &s, m, batch, &fits, text, sizeof text))
                return unknown(c + 1, length, m, batch >= 0);
            if (!fits)
                return antler_error_set(m->err, ANTLER_VALUE, "filepath",
                                        "\"%.60s\" is no format; expected such as {epoch:02d}, {val_loss:.4f}", c);
            c = end;
        } else if (*c == '{' || *c == '}') {
            c += c[1] == *c;
        }
        used += (size_t)snprintf(path + used, size - used, "%s", text);
        if (used >= size)
            return antler_error_set(m->err, ANTLER_VALUE, "filepath", "longer than %zu bytes", size - 1);
    }
    return ANTLER_OK;
}
