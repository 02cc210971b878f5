/* JSON texts: parsed, printed, and parsed again. */
#include "config/json.h"
#include "core/memory.h"
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    antler_json *root, *again;
    if (antler__json_parse((const char *)data, size, &root, NULL) != ANTLER_OK)
        return 0;
    char *text = antler__json_print(root, true);
    if (!text || antler__json_parse(text, strlen(text), &again, NULL) != ANTLER_OK)
        abort(); /* what we print, we read */
    antler__json_free(again);
    antler__json_free(root);
    antler__free(text);
    return 0;
}
