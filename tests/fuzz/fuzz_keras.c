/* .keras archives. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    antler_guard_files(true); /* libhdf5 crashes; what becomes of what it reads is ours */
    const char *path = fuzz_file(data, size, ".keras");
    antler_model_free(antler_load(path, NULL));
    unlink(path);
    return 0;
}
