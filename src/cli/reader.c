#include "cli/reader.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 64 };

antler_reader antler__reader(const char *text, size_t size, antler_error *err)
{
    return (antler_reader){.start = text, .at = text, .end = text + size, .err = err};
}

bool antler__reader_fail(antler_reader *r, const char *format, ...)
{
    char message[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    antler_error_set(r->err, ANTLER_FORMAT, NULL, "byte %lld: %s", (long long)(r->at - r->start), message);
    return false;
}

static bool failed(const antler_reader *r)
{
    return r->err->status != ANTLER_OK;
}

static void pass_blanks(antler_reader *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
        r->at++;
}

char antler__reader_peek(antler_reader *r)
{
    pass_blanks(r);
    return r->at < r->end && !failed(r) ? *r->at : '\0';
}

/* Passes the character, or complains of what is in its place. */
static bool take(antler_reader *r, char c)
{
    char next = antler__reader_peek(r);
    if (failed(r))
        return false;
    if (r->at < r->end && next == c) {
        r->at++;
        return true;
    }
    if (r->at == r->end)
        return antler__reader_fail(r, "the JSON text ends, expected '%c'", c);
    return antler__reader_fail(r, "expected '%c'", c);
}

bool antler__reader_enter(antler_reader *r, char open)
{
    if (!take(r, open))
        return false;
    return ++r->depth <= DEEPEST || antler__reader_fail(r, "nested deeper than %d", DEEPEST);
}

bool antler__reader_more(antler_reader *r, char open, bool *first)
{
    char close = open == '{' ? '}' : ']', next = antler__reader_peek(r);
    bool was_first = *first;
    *first = false;
    if (failed(r))
        return false;
    if (next == close && r->at < r->end) {
        r->at++;
        r->depth--;
        return false;
    }
    return was_first || take(r, ',');
}

/* Four hexadecimal digits; -1 for none. */
static long hexadecimal(antler_reader *r)
{
    char digits[5] = "", *end;
    if (r->end - r->at < 4)
        return -1;
    memcpy(digits, r->at, 4);
    if (strspn(digits, "0123456789abcdefABCDEF") != 4)
        return -1;
    r->at += 4;
    return strtol(digits, &end, 16);
}

/* A character that was escaped as \u, in UTF-8; its length, or 0. */
static size_t unicode(antler_reader *r, char *out)
{
    long c = hexadecimal(r);
    if (c >= 0xd800 && c < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
        r->at += 2;
        long low = hexadecimal(r);
        c = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : -1;
    }
    if (c <= 0 || (c >= 0xd800 && c < 0xe000))
        return 0;
    size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
    for (size_t i = more; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(first[more] | c);
    return more + 1;
}

/* One character of a string, escaped or not, to out[4]; its length, or 0. */
static size_t character(antler_reader *r, char *out)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char c = *r->at++;
    out[0] = c;
    if (c != '\\')
        return (unsigned char)c >= 0x20;
    c = r->at < r->end ? *r->at++ : '\0';
    if (c == 'u')
        return unicode(r, out);
    const char *letter = c ? strchr(letters, c) : NULL;
    out[0] = letter ? meanings[letter - letters] : '\0';
    return letter != NULL;
}

bool antler__reader_string(antler_reader *r, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    if (!take(r, '"'))
        return false;
    while (r->at < r->end && *r->at != '"') {
        char c[4];
        size_t n = character(r, c);
        if (n == 0)
            return antler__reader_fail(r, "no character of a string");
        if (used + n < size) {
            memcpy(text + used, c, n);
            text[used += n] = '\0';
        } else {
            size = used; /* nothing more fits, not even a shorter character */
        }
    }
    return take(r, '"');
}

bool antler__reader_key(antler_reader *r, char *text, size_t size)
{
    return antler__reader_string(r, text, size) && take(r, ':');
}

static size_t digits(const char *at)
{
    return strspn(at, "0123456789");
}

/* Length of the number at `at` by the grammar of JSON; 0 for none. The text ends with a 0. */
static size_t number_length(const char *at)
{
    const char *start = at;
    at += *at == '-';
    size_t whole = digits(at);
    if (whole == 0 || (*at == '0' && whole > 1))
        return 0;
    at += whole;
    if (*at == '.') {
        if (!digits(at + 1))
            return 0;
        at += 1 + digits(at + 1);
    }
    if (*at == 'e' || *at == 'E') {
        const char *power = at + 1 + (at[1] == '+' || at[1] == '-');
        if (!digits(power))
            return 0;
        at = power + digits(power);
    }
    return (size_t)(at - start);
}

bool antler__reader_number(antler_reader *r, double *value)
{
    antler__reader_peek(r);
    size_t length = failed(r) ? 0 : number_length(r->at);
    if (failed(r))
        return false;
    if (length == 0) {
        if (strncmp(r->at, "NaN", 3) == 0 || strncmp(r->at, "Inf", 3) == 0 || strncmp(r->at, "-Inf", 4) == 0)
            return antler__reader_fail(r, "NaN and infinities are no numbers of JSON");
        return antler__reader_fail(r, "expected a number");
    }
    *value = strtod(r->at, NULL);
    if (!isfinite((antler_real)*value))
        return antler__reader_fail(r, "the number is too large");
    r->at += length;
    return true;
}

static bool word(antler_reader *r, const char *text)
{
    size_t n = strlen(text);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, text, n) != 0)
        return antler__reader_fail(r, "no value of JSON");
    r->at += n;
    return true;
}

/* Passes a value that has no others in it. */
static bool skip_plain(antler_reader *r, char next)
{
    char text[8];
    double value;
    if (next == '"')
        return antler__reader_string(r, text, sizeof text);
    if (next == 't' || next == 'f' || next == 'n')
        return word(r, next == 't' ? "true" : next == 'f' ? "false" : "null");
    return antler__reader_number(r, &value);
}

/* Recursive, to the depth that antler__reader_enter allows. */
bool antler__reader_skip(antler_reader *r)
{
    char open = antler__reader_peek(r), key[8];
    if (open != '{' && open != '[')
        return skip_plain(r, open);
    bool first = true;
    if (!antler__reader_enter(r, open))
        return false;
    while (antler__reader_more(r, open, &first))
        if ((open == '{' && !antler__reader_key(r, key, sizeof key)) || !antler__reader_skip(r))
            return false;
    return !failed(r);
}

bool antler__reader_end(antler_reader *r)
{
    antler__reader_peek(r);
    if (failed(r))
        return false;
    return r->at == r->end || antler__reader_fail(r, "more text after the value");
}
