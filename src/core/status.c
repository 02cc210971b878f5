/* Status, error and shape as text. */
#include "core/status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *antler_status_text(int status)
{
    switch (status) {
#define ANTLER_STATUS_CASE(name, code, text) \
    case code:                               \
        return text;
        ANTLER_STATUS_MAP(ANTLER_STATUS_CASE)
#undef ANTLER_STATUS_CASE
    default:
        return "unknown status";
    }
}

/* Bytes of the character that begins with c in UTF-8; of no UTF-8, 1. */
static int length_of(unsigned char c)
{
    return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 1;
}

char *antler_one_line(char *text)
{
    unsigned char *c = (unsigned char *)text;
    while (*c) {
        int length = length_of(*c);
        bool control = *c < 0x20 || *c == 0x7f || (*c & 0xe0) == 0x80 || (*c == 0xc2 && (c[1] & 0xe0) == 0x80);
        do
            *c = control ? '?' : *c;
        while (*++c && --length > 0 && (*c & 0xc0) == 0x80); /* all of the character */
    }
    return text;
}

static void put(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "");
    antler_one_line(to);
}

antler_status antler_error_set(antler_error *err, antler_status status, const char *place, const char *format, ...)
{
    if (!err || err->status != ANTLER_OK)
        return status;
    err->status = status;
    put(err->place, sizeof err->place, place);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
    antler_one_line(err->message);
    return status;
}

antler_status antler__missing(const char *what, antler_error *err)
{
    return antler_error_set(err, ANTLER_VALUE, NULL, "the %s is NULL", what);
}

antler_status antler__no_memory(antler_error *err)
{
    return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
}

antler_status antler__error_copy(antler_error *to, const antler_error *from)
{
    if (to && to->status == ANTLER_OK)
        *to = *from;
    return from->status;
}

void antler__error_file(antler_error *err, const char *file)
{
    if (err && err->status != ANTLER_OK && err->file[0] == '\0')
        put(err->file, sizeof err->file, file);
}

const char *antler_error_text(const antler_error *err, char *text, size_t size)
{
    if (size == 0)
        return text;
    char line[16] = "";
    if (err->line > 0)
        snprintf(line, sizeof line, err->file[0] ? ":%d" : "line %d", err->line);
    const char *after_line = err->file[0] || err->line > 0 ? ": " : "";
    const char *message = err->message[0] ? err->message : antler_status_text(err->status);
    snprintf(text, size, "%s%s%s%s%s%s", err->file, line, after_line, err->place, err->place[0] ? ": " : "", message);
    return text;
}

/* As Python prints it: "()", "(28,)", "(None, 28, 28)". */
const char *antler_shape_text(const antler_shape *shape, char *text, size_t size)
{
    char whole[ANTLER_MAX_RANK * 24 + 4] = "(";
    size_t used = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] == ANTLER_BATCH)
            used += (size_t)snprintf(whole + used, sizeof whole - used, "None");
        else
            used += (size_t)snprintf(whole + used, sizeof whole - used, "%" PRId64, shape->dim[i]);
        if (i + 1 < shape->rank || shape->rank == 1)
            used += (size_t)snprintf(whole + used, sizeof whole - used, shape->rank == 1 ? "," : ", ");
    }
    snprintf(text, size, "%s)", whole);
    return text;
}

bool antler_shape_equal(const antler_shape *a, const antler_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

bool antler__is_open(const antler_shape *shape)
{
    bool open = false;
    for (int i = 1; i < shape->rank; i++)
        open = open || shape->dim[i] == ANTLER_OPEN;
    return open;
}

antler_shape antler__with_length(const antler_shape *shape, int64_t length)
{
    antler_shape sized = *shape;
    for (int i = 1; i < sized.rank; i++)
        sized.dim[i] = sized.dim[i] == ANTLER_OPEN ? length : sized.dim[i];
    return sized;
}
