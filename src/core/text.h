/* Text: suffixes, and numbers in text whatever locale the program has. */
#ifndef ANTLER_CORE_TEXT_H
#define ANTLER_CORE_TEXT_H

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>

bool antler__ends_with(const char *text, const char *end);
/* Bytes of the byte order mark that a text begins with: 3, or 0. Some editors and spreadsheets write one. */
size_t antler__mark_of(const char *text, size_t size);

/* snprintf, strtod and cJSON write and read numbers as the program's locale has them. Between these two calls the
   thread has the locale "C"; other threads, and what the program set, are left alone. */
locale_t antler__plain_numbers(void); /* what to give back */
void antler__own_numbers(locale_t before);

#endif
