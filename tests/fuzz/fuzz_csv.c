/* .csv files: all columns, those of x, and two by name. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size, ".csv");
    antler_data_free(antler_data_open(path, NULL, NULL));
    antler_data_free(antler_data_open(path, "x_train", NULL));
    antler_data_free(antler_data_open(path, "a,b", NULL));
    unlink(path);
    return 0;
}
