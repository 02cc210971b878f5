/* Text: suffixes, and numbers in text whatever locale the program has. */
#include "core/text.h"

#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t plain; /* 0 without memory for it: the program's locale stays then */

static void make_plain(void)
{
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

bool antler__ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);
    return length >= size && memcmp(text + length - size, end, size) == 0;
}

size_t antler__mark_of(const char *text, size_t size)
{
    return size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

locale_t antler__plain_numbers(void)
{
    pthread_once(&once, make_plain);
    return uselocale(plain); /* of 0, uselocale only tells which one is in use */
}

void antler__own_numbers(locale_t before)
{
    uselocale(before);
}
