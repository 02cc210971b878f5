/* Locales that write numbers in other ways, made where the machine has their sources. */
#ifndef ANTLER_LOCALES_H
#define ANTLER_LOCALES_H

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

/* A decimal point of two bytes, and a comma. */
static const char *const locales[] = {"ps_AF", "de_DE"};
enum { LOCALES = sizeof locales / sizeof locales[0] };

/* Sets the process's locale; false, with a word about it, where it cannot be made. */
static inline bool locale_set(const char *name)
{
    char folder[] = "/tmp/antler-locale-XXXXXX", command[256], full[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(full, sizeof full, "%s.UTF-8", name);
    snprintf(command, sizeof command, "localedef -f UTF-8 -i %s %s/%s >%s/words 2>&1", name, folder, full, folder);
    bool made = system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 && setlocale(LC_ALL, full) != NULL;
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
    if (!made)
        fprintf(stderr, "locale %s: not to be made on this machine, so not tried\n", name);
    return made;
}

#endif
