/* .keras archives. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size, ".keras");
    antler_model_free(antler_load(path, NULL));
    unlink(path);
    return 0;
}
