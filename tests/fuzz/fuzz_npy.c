/* .npy files: the first and the last row, if there are any. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size, ".npy");
    antler_data *rows = antler_data_open(path, NULL, NULL);
    const antler_shape *shape = rows ? antler_data_shape(rows) : NULL;
    if (shape && shape->dim[0] > 0) {
        int64_t row[2] = {0, shape->dim[0] - 1};
        antler_real *out = malloc((size_t)antler_count(shape, 1) * 2 * sizeof *out + 1);
        antler_data_gather(rows, row, 2, out, NULL);
        free(out);
    }
    antler_data_free(rows);
    unlink(path);
    return 0;
}
