/* The registry: built-in types by kind, then those registered at run time. Append-only, behind one lock; a reader takes
   the lock too, as finding a type is never on a hot path. */
#include "config/registry.h"

#include "config/fields.h"
#include "config/json.h"
#include "config/names.h"
#include "core/lock.h"
#include "core/memory.h"
#include "core/status.h"

#include <string.h>

static const antler_type **registered;
static size_t registered_count;
static struct completed {
    const antler_type *given, *whole;
} * completed; /* tables of older versions, and what stands for them */
static size_t completed_count;

enum { MOST_NUMBERS = 1 << 20 }; /* of a callback's state */

static bool is_named(const antler_type *type, const char *name)
{
    if (strcmp(type->class_name, name) == 0)
        return true;
    for (const char *const *alias = type->aliases; alias && *alias; alias++)
        if (strcmp(*alias, name) == 0)
            return true;
    return false;
}

/* The caller holds the lock. */
static const antler_type *type_at(antler_kind kind, int64_t index)
{
    if ((unsigned)kind >= ANTLER_KINDS)
        return NULL;
    for (const antler_type *const *list = antler__builtin[kind]; *list; list++)
        if (index-- == 0)
            return *list;
    for (size_t i = 0; i < registered_count; i++)
        if (registered[i]->kind == kind && index-- == 0)
            return registered[i];
    return NULL;
}

bool antler__is_builtin(const antler_type *type)
{
    for (const antler_type *const *list = antler__builtin[type->kind]; *list; list++)
        if (*list == type)
            return true;
    return false;
}

static const antler_type *find(antler_kind kind, const char *name)
{
    const antler_type *type;
    for (int64_t i = 0; (type = type_at(kind, i)) != NULL; i++)
        if (is_named(type, name))
            return type;
    return NULL;
}

const antler_type *antler_type_at(antler_kind kind, int64_t index)
{
    antler__lock();
    const antler_type *type = type_at(kind, index);
    antler__unlock();
    return type;
}

const antler_type *antler_type_find(antler_kind kind, const char *name)
{
    antler__lock();
    const antler_type *type = find(kind, name);
    antler__unlock();
    return type;
}

const char *antler_type_nearest(antler_kind kind, const char *name)
{
    const char *nearest = NULL;
    int best = (int)(strlen(name) / 3) + 1; /* farther is no likeness */
    const antler_type *type;
    for (int64_t i = 0; (type = antler_type_at(kind, i)) != NULL; i++) {
        int distance = antler_name_distance(type->class_name, name);
        if (distance <= best) {
            if (distance < best || !nearest)
                nearest = type->class_name;
            best = distance;
        }
        for (const char *const *alias = type->aliases; alias && *alias; alias++)
            if (antler_name_distance(*alias, name) < best) {
                best = antler_name_distance(*alias, name);
                nearest = *alias;
            }
    }
    return nearest;
}

const antler_layer_ops *antler__source_layer(void)
{
    const antler_type *type;
    for (int64_t i = 0; (type = antler_type_at(ANTLER_KIND_LAYER, i)) != NULL; i++)
        if (((const antler_layer_ops *)type)->flags & ANTLER_SOURCE)
            return (const antler_layer_ops *)type;
    return NULL;
}

/* The methods that a kind cannot do without. */
#define METHOD(kind, table, member)                                   \
    {                                                                 \
        ANTLER_KIND_##kind, offsetof(antler_##table, member), #member \
    }
static const struct method {
    antler_kind kind;
    size_t offset;
    const char *name;
} required[] = {
    METHOD(LAYER, layer_ops, infer),
    METHOD(LAYER, layer_ops, forward),
    METHOD(LAYER, layer_ops, backward),
    METHOD(ACTIVATION, activation_ops, forward),
    METHOD(ACTIVATION, activation_ops, backward),
    METHOD(INITIALIZER, initializer_ops, fill),
    METHOD(REGULARIZER, regularizer_ops, penalty),
    METHOD(REGULARIZER, regularizer_ops, gradient),
    METHOD(CONSTRAINT, constraint_ops, apply),
    METHOD(LOSS, loss_ops, compute),
    METHOD(METRIC, metric_ops, update),
    METHOD(METRIC, metric_ops, result),
    METHOD(OPTIMIZER, optimizer_ops, step),
    METHOD(SCHEDULE, schedule_ops, rate),
    METHOD(OPERATION, operation_ops, layer.infer),
    METHOD(OPERATION, operation_ops, layer.forward),
    METHOD(OPERATION, operation_ops, layer.backward),
    METHOD(CELL, cell_ops, layer.infer),
    METHOD(CELL, cell_ops, layer.forward),
    METHOD(CELL, cell_ops, layer.backward),
    METHOD(CELL, cell_ops, loop),
    METHOD(CELL, cell_ops, states),
};
#undef METHOD

/* A layer that computes nothing has its shape alone. */
static bool is_excused(const antler_type *type, size_t offset)
{
    bool runs = type->kind == ANTLER_KIND_LAYER || type->kind == ANTLER_KIND_OPERATION;
    return runs && offset != offsetof(antler_layer_ops, infer) &&
           ((const antler_layer_ops *)type)->flags & (ANTLER_SOURCE | ANTLER_VIEW);
}

static const char *missing_method(const antler_type *type)
{
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        void (*method)(void);
        if (required[i].kind != type->kind || is_excused(type, required[i].offset))
            continue;
        memcpy(&method, (const char *)type + required[i].offset, sizeof method);
        if (!method)
            return required[i].name;
    }
    return NULL;
}

/* Size of a kind's table in this version. A longer one is of a later version, with methods that are unknown here; a
   shorter one of an older version, which the methods that a kind cannot do without must have had. */
static const size_t table_size[ANTLER_KINDS] = {
    [ANTLER_KIND_LAYER] = sizeof(antler_layer_ops),
    [ANTLER_KIND_ACTIVATION] = sizeof(antler_activation_ops),
    [ANTLER_KIND_INITIALIZER] = sizeof(antler_initializer_ops),
    [ANTLER_KIND_REGULARIZER] = sizeof(antler_regularizer_ops),
    [ANTLER_KIND_CONSTRAINT] = sizeof(antler_constraint_ops),
    [ANTLER_KIND_LOSS] = sizeof(antler_loss_ops),
    [ANTLER_KIND_METRIC] = sizeof(antler_metric_ops),
    [ANTLER_KIND_OPTIMIZER] = sizeof(antler_optimizer_ops),
    [ANTLER_KIND_SCHEDULE] = sizeof(antler_schedule_ops),
    [ANTLER_KIND_CALLBACK] = sizeof(antler_callback_ops),
    [ANTLER_KIND_OPERATION] = sizeof(antler_operation_ops),
    [ANTLER_KIND_CELL] = sizeof(antler_cell_ops),
};

static antler_status check_head(const antler_type *type, antler_error *err)
{
    if (!type || !type->class_name || !*type->class_name || type->kind >= ANTLER_KINDS ||
        type->kind == ANTLER_KIND_SETTINGS)
        return antler_error_set(err, ANTLER_VALUE, NULL, "a type to register needs a class name and a kind");
    if (type->size < sizeof *type || type->size > table_size[type->kind])
        return antler_error_set(err, ANTLER_VALUE, type->class_name,
                                "its table has %zu bytes, expected %zu to %zu: set .type.size, and compile it with "
                                "the headers of this version or an older one",
                                type->size, sizeof *type, table_size[type->kind]);
    return ANTLER_OK;
}

/* The caller holds the lock. NULL without memory. */
static const antler_type *complete(const antler_type *type)
{
    for (size_t i = 0; i < completed_count; i++)
        if (completed[i].given == type)
            return completed[i].whole;
    if (!antler__grow(&completed, completed_count, completed_count + 1, sizeof *completed))
        return NULL;
    antler_type *whole = antler__allocate_zeroed(1, table_size[type->kind]);
    if (whole) {
        memcpy(whole, type, type->size);
        whole->size = table_size[type->kind];
        completed[completed_count++] = (struct completed){type, whole};
    }
    return whole;
}

/* Where the config of a table must not end yet: behind the last value of these rows. */
static size_t end_of(const antler_field *field)
{
    size_t end = 0;
    for (; field && field->kind != ANTLER_END; field++) {
        size_t value = field->kind == ANTLER_ANY ? 0 : field->offset + antler__field_size(field);
        size_t text = field->text ? field->text + sizeof(char *) : 0;
        end = value > end ? value : end;
        end = text > end ? text : end;
    }
    return end;
}

static antler_status check_number(const antler_type *type, const char *what, int number, int most, antler_error *err)
{
    if (number >= 0 && number <= most)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_VALUE, type->class_name,
                            most > 0 ? "its `%s` is %d, expected 0 to %d" : "its `%s` is %d, expected 0", what, number,
                            most);
}

/* A default that is no JSON would be found by the first config that leaves the key out. */
static antler_status check_defaults(const antler_type *type, antler_error *err)
{
    for (const antler_field *field = type->fields; field && field->kind != ANTLER_END; field++) {
        antler_error inner = {0};
        if (field->def && antler__json_check(field->def, strlen(field->def), &inner) != ANTLER_OK)
            return antler_error_set(err, ANTLER_VALUE, type->class_name,
                                    "the default of its \"%s\", %.40s, is no JSON: %s", field->key, field->def,
                                    inner.message);
    }
    return ANTLER_OK;
}

/* Sizes that the core relies on. */
static antler_status check_sizes(const antler_type *type, antler_error *err)
{
    size_t of_kind = end_of(antler__kind_fields(type->kind)), own = end_of(type->fields);
    size_t least = of_kind > own ? of_kind : own;
    if (type->config_size < least)
        return antler_error_set(err, ANTLER_VALUE, type->class_name,
                                "its config_size is %zu, less than the %zu bytes of its keys", type->config_size,
                                least);
    if (type->kind == ANTLER_KIND_METRIC)
        return check_number(type, "sums", ((const antler_metric_ops *)type)->sums, ANTLER_MAX_SUMS, err);
    if (type->kind == ANTLER_KIND_CALLBACK)
        return check_number(type, "numbers", ((const antler_callback_ops *)type)->numbers, MOST_NUMBERS, err);
    return ANTLER_OK;
}

antler_status antler__type_whole(const antler_type *type, const antler_type **whole, antler_error *err)
{
    ANTLER_TRY(check_head(type, err));
    *whole = type;
    if (type->size < table_size[type->kind]) {
        antler__lock();
        *whole = complete(type);
        antler__unlock();
        if (!*whole)
            return antler__no_memory(err);
    }
    const char *method = missing_method(*whole);
    if (method)
        return antler_error_set(err, ANTLER_VALUE, type->class_name, "its table has no `%s`", method);
    return check_sizes(*whole, err);
}

/* The caller holds the lock. */
static antler_status append(const antler_type *type, antler_error *err)
{
    const char *taken = find(type->kind, type->class_name) ? type->class_name : NULL;
    for (const char *const *alias = type->aliases; !taken && alias && *alias; alias++)
        taken = find(type->kind, *alias) ? *alias : NULL;
    if (taken)
        return antler_error_set(err, ANTLER_NAME, taken, "this name is registered already");
    if (!antler__grow(&registered, registered_count, registered_count + 1, sizeof *registered))
        return antler__no_memory(err);
    registered[registered_count++] = type;
    return ANTLER_OK;
}

antler_status antler_register(const antler_type *type, antler_error *err)
{
    ANTLER_TRY(antler__type_whole(type, &type, err));
    ANTLER_TRY(check_defaults(type, err));
    if (type->kind == ANTLER_KIND_ACTIVATION)
        ANTLER_TRY(check_number(type, "kernel", ((const antler_activation_ops *)type)->kernel, 0, err));
    antler__lock();
    antler_status status = append(type, err);
    antler__unlock();
    return status;
}
