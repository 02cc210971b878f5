/* Functional models in JSON: read, ordered, laid out, written, and what was written read again. */
#include "core/memory.h"
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

/* A model of a few bytes may ask for all memory. */
static void *allocate(size_t bytes, void *user)
{
    (void)user;
    return bytes > (size_t)1 << 24 ? NULL : malloc(bytes);
}

static void release(void *memory, void *user)
{
    (void)user;
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    antler_error err = {0};
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    antler_set_allocator(&(antler_allocator){allocate, release, NULL});
    antler_model *model = antler_load_json(text, "fuzz.json", &err);
    char *json = model && antler_build(model) == ANTLER_OK ? antler_model_json(model, &err) : NULL;
    antler_model *again = json ? antler_load_json(json, "written.json", &err) : NULL;
    if (json && !again && err.status != ANTLER_MEMORY) { /* what is written is read */
        fprintf(stderr, "%s: %s, of what was written for\n%s\n", err.place, err.message, text);
        abort();
    }
    antler_model_free(again);
    antler_text_free(json);
    antler_model_free(model);
    antler_set_allocator(NULL);
    free(text);
    return 0;
}
