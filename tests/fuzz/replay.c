/* Runs a fuzz target over files, whole and cut short, where there is no libFuzzer. */
#include "fuzz.h"

int main(int argc, char **argv)
{
    static uint8_t data[1 << 20];
    antler_guard_files(true); /* some of these files crash libhdf5 */
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file)
            return perror(argv[i]), 1;
        size_t size = fread(data, 1, sizeof data, file);
        fclose(file);
        LLVMFuzzerTestOneInput(data, size);
        LLVMFuzzerTestOneInput(data, size / 2);
    }
    printf("%d files\n", argc - 1);
    return argc == 1;
}
