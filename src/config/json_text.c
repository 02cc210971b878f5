/* JSON as text (RFC 8259): the check that cJSON does not make, and where a value lies. */
#include "config/json.h"
#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DEPTH = 200,
    MAX_VALUES = 1 << 19, /* a tree takes 80 bytes for each, 40 times the text of [0,0,0 ... */
    MAX_NUMBER = 63,      /* bytes; cJSON cuts longer ones */
    OFF = -1              /* not on the way to the wanted place */
};

typedef struct scanner {
    const char *text;
    size_t size, at;
    int64_t values; /* so far */
    antler_error *err;
    const char *wanted; /* the place looked for, or NULL */
    int found;          /* how many bytes of it the value at found_at agrees with, or OFF */
    size_t found_at;
} scanner;

/* Where a value lies: in which place, how deep, and how many bytes of scanner.wanted lead to it. */
typedef struct spot {
    antler_place place;
    int depth, matched;
} spot;

static void place_piece(const antler_place *place, char *piece, size_t size)
{
    if (place->key)
        snprintf(piece, size, "%s%.*s", place->up && *place->key != '[' ? "." : "",
                 (int)(place->length < 200 ? place->length : 200), place->key);
    else
        snprintf(piece, size, "[%lld]", (long long)place->index);
}

const char *antler__place_text(const antler_place *place, char *text, size_t size)
{
    if (!place) {
        text[0] = '\0';
        return text;
    }
    antler__place_text(place->up, text, size);
    char piece[256];
    place_piece(place, piece, sizeof piece);
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", piece);
    return text;
}

/* The scanner hands NULL down for the root, whose spot has neither key nor index. */
static const antler_place *place_of(const spot *here)
{
    return here->depth > 0 ? &here->place : NULL;
}

static int line_at(const char *text, size_t at)
{
    int line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

ANTLER_PRINTF(3, 4) static antler_status fail(scanner *s, const spot *here, const char *format, ...)
{
    if (!s->err || s->err->status != ANTLER_OK)
        return ANTLER_FORMAT;
    char message[256], place[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    antler_error_set(s->err, ANTLER_FORMAT, antler__place_text(place_of(here), place, sizeof place), "%s", message);
    s->err->line = line_at(s->text, s->at);
    return ANTLER_FORMAT;
}

/* What lies at the scanner, for "expected ..., not %s". */
static const char *came(const scanner *s, char text[16])
{
    if (s->at >= s->size)
        return "the end of the text";
    unsigned char c = (unsigned char)s->text[s->at];
    snprintf(text, 16, c >= 0x20 && c < 0x7f ? "'%c'" : "byte 0x%02x", c);
    return text;
}

static antler_status expected(scanner *s, const spot *here, const char *what)
{
    char text[16];
    return fail(s, here, "expected %s, not %s", what, came(s, text));
}

static int peek(const scanner *s)
{
    return s->at < s->size ? (unsigned char)s->text[s->at] : -1;
}

static bool take(scanner *s, char c)
{
    if (peek(s) != (unsigned char)c)
        return false;
    s->at++;
    return true;
}

static void skip_space(scanner *s)
{
    while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\n' || peek(s) == '\r')
        s->at++;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static size_t skip_digits(scanner *s)
{
    size_t start = s->at;
    while (is_digit(peek(s)))
        s->at++;
    return s->at - start;
}

size_t antler__utf8(const char *text, size_t size)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t length = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;
    if (length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    /* Overlong forms, surrogates, and beyond U+10FFFF. */
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf0 && c[1] < 0x90) ||
        (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    return length;
}

/* The four digits of \uXXXX, or -1. */
static int hex4(scanner *s)
{
    int value = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        int c = peek(s);
        int digit = is_digit(c)            ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static antler_status escape(scanner *s, const spot *here)
{
    if (!take(s, 'u')) {
        if (peek(s) <= 0 || !strchr("\"\\/bfnrt", peek(s)))
            return expected(s, here, "one of \"\\/bfnrtu after a backslash");
        s->at++;
        return ANTLER_OK;
    }
    int unit = hex4(s);
    if (unit < 0)
        return expected(s, here, "four hexadecimal digits after \\u");
    if (unit == 0)
        return fail(
            s, here,
            "a string with \\u0000 in it: no text of a model, but the Python code of a Lambda, which is not run");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return fail(s, here, "\\u%04x is the second half of a surrogate pair without the first", (unsigned)unit);
    if (unit >= 0xd800 && unit <= 0xdbff) {
        int second = take(s, '\\') && take(s, 'u') ? hex4(s) : -1;
        if (second < 0xdc00 || second > 0xdfff)
            return fail(s, here, "\\u%04x is the first half of a surrogate pair without the second", (unsigned)unit);
    }
    return ANTLER_OK;
}

/* From the opening quote; *content and *length are what lies between the quotes. */
static antler_status string(scanner *s, const spot *here, const char **content, size_t *length)
{
    s->at++;
    size_t start = s->at;
    while (!take(s, '"')) {
        int c = peek(s);
        if (c < 0)
            return fail(s, here, "the text ends inside a string");
        if (c < 0x20)
            return expected(s, here, "a string to have its control characters escaped");
        size_t step = antler__utf8(s->text + s->at, s->size - s->at);
        if (step == 0)
            return fail(s, here, "byte 0x%02x is not UTF-8", (unsigned)c);
        s->at += step;
        if (c == '\\')
            ANTLER_TRY(escape(s, here));
    }
    *content = s->text + start;
    *length = s->at - 1 - start;
    return ANTLER_OK;
}

static antler_status number(scanner *s, const spot *here)
{
    size_t start = s->at;
    take(s, '-');
    if (!take(s, '0') && skip_digits(s) == 0)
        return expected(s, here, "a digit");
    if (take(s, '.') && skip_digits(s) == 0)
        return expected(s, here, "a digit after the decimal point");
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            take(s, '-');
        if (skip_digits(s) == 0)
            return expected(s, here, "a digit in the exponent");
    }
    if (s->at - start > MAX_NUMBER)
        return fail(s, here, "a number of %zu characters, expected at most %d", s->at - start, MAX_NUMBER);
    return ANTLER_OK;
}

static antler_status literal(scanner *s, const spot *here)
{
    static const char *const words[] = {"true", "false", "null", NULL};
    for (const char *const *word = words; *word; word++) {
        size_t length = strlen(*word);
        if (s->size - s->at >= length && memcmp(s->text + s->at, *word, length) == 0) {
            s->at += length;
            return ANTLER_OK;
        }
    }
    return expected(s, here, "a value (JSON has neither NaN nor Infinity)");
}

static antler_status value(scanner *s, const spot *here);

/* How many bytes of a text are the last piece of a place, as place_piece writes it; OFF: it begins with another. */
static int piece_in(const char *text, const antler_place *place)
{
    const char *at = text;
    if (place->key) {
        size_t length = place->length < 200 ? place->length : 200;
        if (place->up && *place->key != '[' && *at++ != '.')
            return OFF;
        return strncmp(at, place->key, length) == 0 ? (int)(at - text + (ptrdiff_t)length) : OFF;
    }
    char *end;
    if (*at++ != '[' || !is_digit((unsigned char)*at) || strtoll(at, &end, 10) != place->index || *end != ']')
        return OFF;
    return (int)(end + 1 - text);
}

/* The spot of a child, and with it how much of the wanted place leads there. */
static spot child_spot(const scanner *s, const spot *here, const char *key, size_t length, int64_t index)
{
    spot child = {{place_of(here), key, length, index}, here->depth + 1, OFF};
    if (here->matched == OFF)
        return child;
    const char *rest = s->wanted + here->matched;
    int size = piece_in(rest, &child.place);
    if (size != OFF && (rest[size] == '\0' || rest[size] == '.' || rest[size] == '['))
        child.matched = here->matched + size;
    return child;
}

static antler_status object(scanner *s, const spot *here)
{
    s->at++;
    skip_space(s);
    if (take(s, '}'))
        return ANTLER_OK;
    for (;;) {
        const char *key;
        size_t length;
        skip_space(s);
        if (peek(s) != '"')
            return expected(s, here, "a key in double quotes");
        ANTLER_TRY(string(s, here, &key, &length));
        spot child = child_spot(s, here, key, length, 0);
        skip_space(s);
        if (!take(s, ':'))
            return expected(s, &child, "':' after a key");
        ANTLER_TRY(value(s, &child));
        skip_space(s);
        if (take(s, '}'))
            return ANTLER_OK;
        if (!take(s, ','))
            return expected(s, here, "',' or '}' after a value");
    }
}

static antler_status array(scanner *s, const spot *here)
{
    s->at++;
    skip_space(s);
    if (take(s, ']'))
        return ANTLER_OK;
    for (int64_t i = 0;; i++) {
        spot child = child_spot(s, here, NULL, 0, i);
        ANTLER_TRY(value(s, &child));
        skip_space(s);
        if (take(s, ']'))
            return ANTLER_OK;
        if (!take(s, ','))
            return expected(s, here, "',' or ']' after a value");
    }
}

static antler_status value(scanner *s, const spot *here)
{
    skip_space(s);
    if (here->matched != OFF && here->matched >= s->found) {
        s->found = here->matched;
        s->found_at = s->at;
    }
    if (s->values++ == MAX_VALUES)
        return fail(s, here, "more than %d values", MAX_VALUES);
    if (here->depth >= MAX_DEPTH)
        return fail(s, here, "nested deeper than %d", MAX_DEPTH);
    const char *content;
    size_t length;
    int c = peek(s);
    switch (c) {
    case '{':
        return object(s, here);
    case '[':
        return array(s, here);
    case '"':
        return string(s, here, &content, &length);
    default:
        return c == '-' || is_digit(c) ? number(s, here) : literal(s, here);
    }
}

antler_status antler__json_check(const char *text, size_t size, antler_error *err)
{
    /* a byte order mark says nothing of UTF-8; cJSON passes over it, too */
    scanner s = {.text = text, .size = size, .at = antler__mark_of(text, size), .err = err, .found = OFF};
    spot root = {.matched = OFF};
    ANTLER_TRY(value(&s, &root));
    skip_space(&s);
    return s.at < size ? expected(&s, &root, "the end of the text") : ANTLER_OK;
}

size_t antler__json_offset(const char *text, size_t size, const char *place)
{
    scanner s = {
        .text = text, .size = size, .at = antler__mark_of(text, size), .wanted = place ? place : "", .found = OFF};
    spot root = {.matched = 0};
    value(&s, &root);
    return s.found_at;
}

int antler__json_line(const char *text, size_t size, const char *place)
{
    return size > 0 ? line_at(text, antler__json_offset(text, size, place)) : 0;
}
