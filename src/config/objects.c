/* What is done with whole objects. */
#include "config/fields.h"
#include "config/names.h"
#include "core/memory.h"
#include "core/status.h"

#include <stdio.h>
#include <string.h>

static bool says_list(const antler_json *node, const antler_json *other)
{
    const antler_json *item = antler__json_first(node);
    int64_t more = antler__json_length(node) - antler__json_length(other);
    bool same = antler__json_type(node) == ANTLER_JSON_ARRAY && (more == 0 || more == 1);
    if (same && more)
        item = antler__json_next(item);
    for (const antler_json *one = antler__json_first(other); same && one; one = antler__json_next(one)) {
        same = antler__json_says(item, one);
        item = antler__json_next(item);
    }
    return same;
}

bool antler__json_says(const antler_json *node, const antler_json *other)
{
    bool same = antler__json_type(node) == antler__json_type(other);
    if (!same || antler__json_is_null(other))
        return same;
    switch (antler__json_type(other)) {
    case ANTLER_JSON_BOOL:
        return antler__json_bool(node) == antler__json_bool(other);
    case ANTLER_JSON_NUMBER:
        return antler__json_number(node) == antler__json_number(other);
    case ANTLER_JSON_STRING:
        return strcmp(antler__json_string(node), antler__json_string(other)) == 0;
    case ANTLER_JSON_ARRAY:
        return says_list(node, other);
    default:
        break;
    }
    for (const antler_json *item = antler__json_first(other); same && item; item = antler__json_next(item))
        same = antler__json_says(antler__json_get(node, antler__json_key(item)), item);
    return same;
}

static bool copy_string(const char *from, const char **to)
{
    *to = antler__copy_text(from);
    return *to || !from;
}

antler_status antler__objects_copy(const antler_objects *from, antler_objects *to, antler_error *err)
{
    to->item = antler__allocate_zeroed((size_t)from->n, sizeof *to->item);
    if (!to->item)
        return antler__no_memory(err);
    for (; to->n < from->n; to->n++)
        ANTLER_TRY(antler_object_copy(from->item[to->n], &to->item[to->n], err));
    return ANTLER_OK;
}

/* `to` is zeroed. */
static antler_status copy_value(const antler_field *field, const void *from, void *to, antler_error *err)
{
    const char *const *strings = from;
    bool fits = true;
    if (field->flags & ANTLER_BY_OUTPUT)
        return antler__by_output_copy(from, to, err);
    switch (field->kind) {
    case ANTLER_STRING:
        if (!field->choices)
            return copy_string(*strings, to) ? ANTLER_OK : antler__no_memory(err);
        break;
    case ANTLER_STRINGS:
        for (int i = 0; fits && strings[i]; i++)
            fits = copy_string(strings[i], (const char **)to + i);
        return fits ? ANTLER_OK : antler__no_memory(err);
    case ANTLER_OBJECT:
        return antler_object_copy(*(const antler_object *)from, to, err);
    case ANTLER_OBJECTS:
        return antler__objects_copy(from, to, err);
    case ANTLER_REALS:
    case ANTLER_NUMBERS:
        if (!field->count)
            return antler__numbers_copy(from, to, err);
        break;
    default:
        break;
    }
    memcpy(to, from, antler__field_size(field));
    return ANTLER_OK;
}

antler_status antler_object_copy(antler_object object, antler_object *copy, antler_error *err)
{
    *copy = (antler_object){NULL, NULL};
    if (!object.type)
        return ANTLER_OK;
    void *config = antler__allocate_zeroed(1, object.type->config_size);
    antler_status status = config ? ANTLER_OK : antler__no_memory(err);
    antler_field_walk walk = antler__fields_of(object.type);
    for (const antler_field *field; status == ANTLER_OK && (field = antler__field_next(&walk));)
        status = copy_value(field, (const char *)object.config + field->offset, (char *)config + field->offset, err);
    if (status == ANTLER_OK)
        *copy = (antler_object){object.type, config};
    else
        antler__config_free(object.type, config);
    return status;
}

antler_status antler_object_rename(antler_object layer, const char *prefix, antler_object like, antler_error *err)
{
    const char *const *given = antler_object_field(like, "name");
    const char **name = antler_object_field(layer, "name");
    if (!name || !like.type)
        return antler_error_set(err, ANTLER_VALUE, NULL, "only a layer can be named, after another one");
    size_t length = strlen(prefix);
    char own[256], text[512];
    const char *base = given && *given ? *given : antler__snake_case(like.type->class_name, own, sizeof own);
    snprintf(text, sizeof text, "%s%s", prefix, strncmp(base, prefix, length) == 0 ? base + length : base);
    char *copy = antler__copy_text(text);
    if (!copy)
        return antler__no_memory(err);
    antler__free((void *)(uintptr_t)*name);
    *name = copy;
    return ANTLER_OK;
}
