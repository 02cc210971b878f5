/* Names: as Keras makes them, and how like two are. */
#include "config/names.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* Where Keras's two substitutions put an underscore: before a capital that a small letter follows, and between a small
   letter and a capital. */
const char *antler__snake_case(const char *class_name, char *text, size_t size)
{
    size_t n = 0;
    for (const char *c = class_name; *c && n + 2 < size; c++) {
        bool starts = c > class_name && isupper((unsigned char)*c) && islower((unsigned char)c[1]);
        bool follows = c > class_name && isupper((unsigned char)*c) && islower((unsigned char)c[-1]);
        if ((starts || follows) && n && text[n - 1] != '_')
            text[n++] = '_';
        if (isalnum((unsigned char)*c) || *c == '_')
            text[n++] = (char)tolower((unsigned char)*c);
    }
    text[n] = 0;
    return text;
}

enum { MOST = 64 }; /* letters that are compared */

static bool same_name(const char *a, const char *b)
{
    for (; *a && tolower((unsigned char)*a) == tolower((unsigned char)*b); a++)
        b++;
    return !*a && !*b;
}

int antler_name_distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b);
    if (m >= MOST || n >= MOST)
        return same_name(a, b) ? 0 : m > n ? (int)m : (int)n;
    int row[3][MOST + 1] = {{0}}; /* of edits: the row before last, the last, this one */
    for (size_t j = 0; j <= n; j++)
        row[1][j] = (int)j;
    for (size_t i = 1; i <= m; i++) {
        row[2][0] = (int)i;
        for (size_t j = 1; j <= n; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            int best = row[1][j - 1] + (x != y);
            if (row[1][j] + 1 < best)
                best = row[1][j] + 1;
            if (row[2][j - 1] + 1 < best)
                best = row[2][j - 1] + 1;
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && y == tolower((unsigned char)a[i - 2]) &&
                row[0][j - 2] + 1 < best)
                best = row[0][j - 2] + 1;
            row[2][j] = best;
        }
        memcpy(row[0], row[1], sizeof row[0]);
        memcpy(row[1], row[2], sizeof row[1]);
    }
    return row[1][n];
}

/* ---- what is meant by a name ------------------------------------------------------------------------------------- */

static bool begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* The first letters of all words, and between them some others of the same order: "scce" of
   "sparse_categorical_crossentropy". */
static bool abbreviates(const char *given, const char *name)
{
    size_t length = strlen(given);
    uint64_t at = 1; /* bit i: the first i letters are found */
    bool starts = true;
    for (; *name && length < MOST; name++) {
        uint64_t next = 0;
        for (size_t i = 0; i < length; i++)
            if (at >> i & 1 && given[i] == *name)
                next |= (uint64_t)2 << i;
        at = starts ? next : at | next;
        starts = *name == '_';
    }
    return length < MOST && at >> length & 1;
}

/* Whether `name` is in `given` as its first or last words. */
static bool surrounds(const char *given, const char *name)
{
    size_t all = strlen(given), length = strlen(name);
    return length >= 4 && all > length &&
           ((begins(given, name) && given[length] == '_') ||
            (strcmp(given + all - length, name) == 0 && given[all - length - 1] == '_'));
}

int antler__name_unlike(const char *given, const char *name)
{
    char own[2 * MOST], other[2 * MOST];
    int distance = antler_name_distance(given, name);
    antler__snake_case(given, own, sizeof own);
    antler__snake_case(name, other, sizeof other);
    size_t length = strlen(own);
    bool shorter = length >= 2 && 2 * length <= strlen(other) + 1;
    bool meant = (shorter && (abbreviates(own, other) || begins(other, own))) || surrounds(own, other);
    return meant && distance > 1 ? 3 : 2 * distance;
}
