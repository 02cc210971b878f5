/* A fuzz target takes any bytes, as libFuzzer or replay.c hand them to it, and must neither crash nor leak. */
#ifndef ANTLER_FUZZ_H
#define ANTLER_FUZZ_H

#include "antler/antler.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes as a file of the given suffix: its path, until the next call. */
static inline const char *fuzz_file(const uint8_t *data, size_t size, const char *suffix)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/antler-fuzz-%ld%s", (long)getpid(), suffix);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        abort();
    return path;
}

#endif
