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
