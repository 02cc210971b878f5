/* A directory of the test's own, and small helpers about files. */
#ifndef ANTLER_SCRATCH_H
#define ANTLER_SCRATCH_H

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch[64];

static inline void scratch_make(void)
{
    snprintf(scratch, sizeof scratch, "/tmp/antler-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch));
}

/* The path of a file in it; four of them may be in use at a time. */
static inline const char *scratch_path(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

static inline int scratch_files(void)
{
    int n = 0;
    DIR *directory = opendir(scratch);
    ck_assert_ptr_nonnull(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(directory);
    return n;
}

static inline void scratch_remove(void)
{
    DIR *directory = opendir(scratch);
    for (struct dirent *entry; directory && (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.')
            unlink(scratch_path(entry->d_name));
    if (directory)
        closedir(directory);
    rmdir(scratch);
}

static inline void scratch_write(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
    ck_assert_int_eq(fclose(file), 0);
}

#endif
