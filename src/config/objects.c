/* What is done with whole objects. */
#include "config/fields.h"
#include "config/names.h"
#include "core/memory.h"
#include "core/status.h"

#include <stdio.h>
#include <string.h>

antler_status antler_object_copy(antler_object object, antler_object *copy, antler_error *err)
{
    *copy = (antler_object){NULL, NULL};
    if (!object.type)
        return ANTLER_OK;
    antler_json *config = antler__config_write(object.type, object.config, NULL, NULL, ANTLER_STYLE_KERAS);
    if (!config)
        return antler__no_memory(err);
    antler_report report = {.err = err};
    void *filled;
    antler_status status = antler__config_read(object.type, config, NULL, &report, &filled);
    antler__json_free(config);
    if (status == ANTLER_OK)
        *copy = (antler_object){object.type, filled};
    return status;
}

antler_status antler_object_rename(antler_object layer, const char *prefix, antler_object like, antler_error *err)
{
    const char *const *given = antler_object_field(like, "name");
    const char **name = antler_object_field(layer, "name");
    size_t length = strlen(prefix);
    char own[256], text[512];
    const char *base = given && *given ? *given : antler__snake_case(like.type->class_name, own, sizeof own);
    snprintf(text, sizeof text, "%s%s", prefix, strncmp(base, prefix, length) == 0 ? base + length : base);
    char *copy = antler__copy_text(text);
    if (!name || !copy) {
        antler__free(copy);
        return antler__no_memory(err);
    }
    antler__free((void *)(uintptr_t)*name);
    *name = copy;
    return ANTLER_OK;
}
