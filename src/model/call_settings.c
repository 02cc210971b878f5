#include "model/call_settings.h"

#include "config/fields.h"

#include <string.h>

static bool is_a(antler_json_type kind, const antler_json *node)
{
    return node && antler__json_type(node) == kind;
}

const antler_field *antler__call_setting(const antler_tree_member *member, const char *key)
{
    const antler_field *field = member->layer.type ? antler__field_find(member->layer.type, key) : NULL;
    return field && field->flags & ANTLER_CALL ? field : NULL;
}

/* What is given by name in a call of either form; NULL: nothing. */
static const antler_json *named_of(const antler_json *call)
{
    if (is_a(ANTLER_JSON_OBJECT, call))
        return antler__json_get(call, "kwargs");
    const antler_json *first = is_a(ANTLER_JSON_ARRAY, call) ? antler__json_first(call) : NULL;
    const antler_json *named = first && is_a(ANTLER_JSON_ARRAY, first) ? antler__json_first(first) : NULL;
    for (int i = 0; named && i < 3; i++)
        named = antler__json_next(named);
    return named;
}

/* NULL: not given. */
static const antler_json *setting_in(const antler_json *call, const char *key)
{
    const antler_json *named = named_of(call);
    const antler_json *value = named && is_a(ANTLER_JSON_OBJECT, named) ? antler__json_get(named, key) : NULL;
    return value && antler__json_type(value) == ANTLER_JSON_BOOL ? value : NULL;
}

/* Settings that Keras takes with the call become the layer's: all of its calls have the same. */
antler_status antler__call_settings(antler_report *report, antler_tree_member *member, const antler_json *first,
                                    const antler_json *call, const antler_place *place)
{
    if (!member->layer.type)
        return ANTLER_OK;
    antler_field_walk walk = antler__fields_of(member->layer.type);
    for (const antler_field *field; (field = antler__field_next(&walk));) {
        if (!(field->flags & ANTLER_CALL))
            continue;
        const antler_json *a = setting_in(first, field->key), *b = setting_in(call, field->key);
        if ((a && antler__json_bool(a)) != (b && antler__json_bool(b)))
            return antler__report_error(report, ANTLER_UNSUPPORTED, place, "\"%s\" differs from the layer's first call",
                                        field->key);
        if (a)
            *(bool *)antler_object_field(member->layer, field->key) = antler__json_bool(a);
    }
    return ANTLER_OK;
}
