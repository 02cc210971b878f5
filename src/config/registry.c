/* The registry: built-in types by kind, then those registered at run time. Append-only, behind one lock; a reader takes
   the lock too, as finding a type is never on a hot path. */
#include "config/registry.h"
#include "core/status.h"

#include "core/memory.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const antler_type **registered;
static size_t registered_count;
static struct completed {
    const antler_type *given, *whole;
} * completed; /* tables of older versions, and what stands for them */
static size_t completed_count;

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
    const antler_type *const *list = antler__builtin[kind];
    for (; *list; list++)
        if (index-- == 0)
            return *list;
    for (size_t i = 0; i < registered_count; i++)
        if (registered[i]->kind == kind && index-- == 0)
            return registered[i];
    return NULL;
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
    pthread_mutex_lock(&lock);
    const antler_type *type = type_at(kind, index);
    pthread_mutex_unlock(&lock);
    return type;
}

const antler_type *antler_type_find(antler_kind kind, const char *name)
{
    pthread_mutex_lock(&lock);
    const antler_type *type = find(kind, name);
    pthread_mutex_unlock(&lock);
    return type;
}

/* Where Keras's two substitutions put an underscore: before a capital that a small letter follows, and between a small
   letter and a capital. */
const char *antler__snake_case(const char *class_name, char *text, size_t size)
{
    size_t n = 0;
    for (const char *c = class_name; *c && n + 2 < size; c++) {
        bool starts = c > class_name && isupper((unsigned char)*c) && islower((unsigned char)c[1]);
        bool follows = c > class_name && isupper((unsigned char)*c) && islower((unsigned char)c[-1]);
        if ((starts || follows) && n && text[n - 1] != '_')
            text[n++] = '_';
        if (isalnum((unsigned char)*c) || *c == '_')
            text[n++] = (char)tolower((unsigned char)*c);
    }
    text[n] = 0;
    return text;
}

enum { LONGEST_NAME = 64 };

int antler_name_distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b);
    if (m >= LONGEST_NAME || n >= LONGEST_NAME)
        return LONGEST_NAME;
    int row[3][LONGEST_NAME + 1] = {{0}}; /* of edits: the row before last, the last, this one */
    for (size_t j = 0; j <= n; j++)
        row[1][j] = (int)j;
    for (size_t i = 1; i <= m; i++) {
        row[2][0] = (int)i;
        for (size_t j = 1; j <= n; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            int best = row[1][j - 1] + (x != y);
            if (row[1][j] + 1 < best)
                best = row[1][j] + 1;
            if (row[2][j - 1] + 1 < best)
                best = row[2][j - 1] + 1;
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && y == tolower((unsigned char)a[i - 2]) &&
                row[0][j - 2] + 1 < best)
                best = row[0][j - 2] + 1;
            row[2][j] = best;
        }
        memcpy(row[0], row[1], sizeof row[0]);
        memcpy(row[1], row[2], sizeof row[1]);
    }
    return row[1][n];
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

/* Whether the methods that a kind can not do without are there. */
static const char *missing_method(const antler_type *type)
{
    switch (type->kind) {
    case ANTLER_KIND_LAYER: {
        const antler_layer_ops *ops = (const antler_layer_ops *)type;
        bool runs = !(ops->flags & (ANTLER_SOURCE | ANTLER_VIEW));
        return !ops->infer ? "infer" : runs && !ops->forward ? "forward" : runs && !ops->backward ? "backward" : NULL;
    }
    case ANTLER_KIND_ACTIVATION: {
        const antler_activation_ops *ops = (const antler_activation_ops *)type;
        return !ops->forward ? "forward" : !ops->backward ? "backward" : NULL;
    }
    case ANTLER_KIND_INITIALIZER:
        return ((const antler_initializer_ops *)type)->fill ? NULL : "fill";
    case ANTLER_KIND_REGULARIZER: {
        const antler_regularizer_ops *ops = (const antler_regularizer_ops *)type;
        return !ops->penalty ? "penalty" : !ops->gradient ? "gradient" : NULL;
    }
    case ANTLER_KIND_CONSTRAINT:
        return ((const antler_constraint_ops *)type)->apply ? NULL : "apply";
    case ANTLER_KIND_LOSS:
        return ((const antler_loss_ops *)type)->compute ? NULL : "compute";
    case ANTLER_KIND_METRIC: {
        const antler_metric_ops *ops = (const antler_metric_ops *)type;
        return !ops->update ? "update" : !ops->result ? "result" : NULL;
    }
    case ANTLER_KIND_OPTIMIZER:
        return ((const antler_optimizer_ops *)type)->step ? NULL : "step";
    case ANTLER_KIND_SCHEDULE:
        return ((const antler_schedule_ops *)type)->rate ? NULL : "rate";
    case ANTLER_KIND_CALLBACK:
        return ((const antler_callback_ops *)type)->epoch ? NULL : "epoch";
    default:
        return "a kind that can be registered";
    }
}

/* Size of a kind's table in this version. A longer one is of a later version, with methods that are unknown here; a
   shorter one of an older version, which the methods that a kind can not do without must have had. */
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
};

static antler_status check_head(const antler_type *type, antler_error *err)
{
    if (!type || !type->class_name || type->kind >= ANTLER_KINDS || type->kind == ANTLER_KIND_SETTINGS)
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

antler_status antler__type_whole(const antler_type *type, const antler_type **whole, antler_error *err)
{
    ANTLER_TRY(check_head(type, err));
    *whole = type;
    if (type->size < table_size[type->kind]) {
        pthread_mutex_lock(&lock);
        *whole = complete(type);
        pthread_mutex_unlock(&lock);
        if (!*whole)
            return antler__no_memory(err);
    }
    const char *method = missing_method(*whole);
    if (method)
        return antler_error_set(err, ANTLER_VALUE, type->class_name, "its table has no `%s`", method);
    return ANTLER_OK;
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
    pthread_mutex_lock(&lock);
    antler_status status = append(type, err);
    pthread_mutex_unlock(&lock);
    return status;
}
