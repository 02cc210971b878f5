#include "model/call_settings.h"

#include "config/fields.h"

#include <stdio.h>
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

antler_object antler__layer_of_call(const antler_tree_member *member, const antler_member_call *call)
{
    return call->layer.type ? call->layer : member->layer;
}

antler_status antler__call_settings(antler_tree_member *member, const antler_json *json, antler_error *err)
{
    if (!member->layer.type)
        return ANTLER_OK;
    antler_member_call *call = &member->call[member->calls - 1];
    antler_field_walk walk = antler__fields_of(member->layer.type);
    for (const antler_field *field; (field = antler__field_next(&walk));) {
        if (!(field->flags & ANTLER_CALL))
            continue;
        const antler_json *value = setting_in(json, field->key);
        bool *first = antler_object_field(member->layer, field->key);
        const bool wanted = value && antler__json_bool(value);
        if (member->calls == 1 && value)
            *first = wanted;
        if (member->calls == 1 || *first == wanted)
            continue;
        if (!call->layer.type)
            ANTLER_TRY(antler_object_copy(member->layer, &call->layer, err));
        *(bool *)antler_object_field(call->layer, field->key) = wanted;
    }
    return ANTLER_OK;
}

antler_status antler__refuse_call_settings(const antler_tree_member *member, antler_error *err)
{
    char place[128];
    if (!member->layer.type || ((const antler_layer_ops *)member->layer.type)->inputs > 1) /* refused for that */
        return ANTLER_OK;
    antler_field_walk walk = antler__fields_of(member->layer.type);
    for (const antler_field *field; (field = antler__field_next(&walk));) {
        if (!(field->flags & ANTLER_CALL) || !*(const bool *)antler_object_field(member->layer, field->key))
            continue;
        snprintf(place, sizeof place, "config.layers[%lld].config.%s", (long long)member->place, field->key);
        return antler_error_set(
            err, ANTLER_UNSUPPORTED, place,
            "Keras takes it with the call of a layer, and a Sequential has none: make a Functional");
    }
    return ANTLER_OK;
}
