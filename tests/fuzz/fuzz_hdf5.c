/* HDF5 files: as a table, as a model, and as data read whole and by rows. */
#include "files/hdf5.h"
#include "fuzz.h"
#include "train/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    antler_guard_files(true); /* libhdf5 crashes; what becomes of what it reads is ours */
    antler_entries entries;
    const char *path = fuzz_file(data, size, ".h5");
    antler__hdf5_read(path, NULL, 0, &entries, NULL);
    antler__entries_free(&entries);
    antler_model_free(antler_load(path, NULL));
    antler_data_free(antler__data_open(path, "x_train", 1 << 20, NULL));
    antler_data_free(antler__data_open(path, "x_train", 0, NULL));
    unlink(path);
    return 0;
}
