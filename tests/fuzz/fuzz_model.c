/* Models in JSON. */
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    antler_model_free(antler_load_json(text, "fuzz.json", NULL));
    free(text);
    return 0;
}
