#include "cli/command.h"
#include "core/fields.h"
#include "core/registry.h"

#include <string.h>

static antler_status list(antler_error *err)
{
    antler_table table = {.columns = 3};
    const antler_type *type;
    static const char *const heading[] = {"kind", "class", ""};
    for (int i = 0; i < table.columns; i++)
        antler__table_add(&table, "%s", heading[i]);
    for (int kind = 0; kind < ANTLER_KINDS; kind++)
        for (int64_t i = 0; (type = antler__type_at((antler_kind)kind, i)); i++) {
            antler__table_add(&table, "%s", antler__kind_name((antler_kind)kind));
            antler__table_add(&table, "%s", type->class_name);
            antler__table_add(&table, "%s", type->doc ? type->doc : "");
        }
    return antler__table_print(&table, 0, err);
}

static const char *kind_text(const antler_field *f, char *text, size_t size)
{
    static const char *const names[] = {
        [ANTLER_INT] = "integer",      [ANTLER_REAL] = "number",       [ANTLER_BOOL] = "true or false",
        [ANTLER_STRING] = "text",      [ANTLER_INTS] = "integers",     [ANTLER_STRINGS] = "texts",
        [ANTLER_OBJECT] = "an object", [ANTLER_OBJECTS] = "a list of", [ANTLER_ANY] = "not used",
    };
    if (f->kind == ANTLER_OBJECT || f->kind == ANTLER_OBJECTS)
        snprintf(text, size, "%s%s", f->kind == ANTLER_OBJECTS ? "list of " : "", antler__kind_name(f->of));
    else if (f->kind == ANTLER_INTS && f->count > 0)
        snprintf(text, size, "%d integers", f->count);
    else
        snprintf(text, size, "%s", names[f->kind]);
    return text;
}

static const char *range_text(const antler_field *f, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; f->choices && f->choices[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", f->choices[i]);
    if (f->min != f->max && used < size)
        used += (size_t)snprintf(text + used, size - used, "%c%g, %g%c", f->flags & ANTLER_OPEN_MIN ? '(' : '[', f->min,
                                 f->max, f->flags & ANTLER_OPEN_MAX ? ')' : ']');
    if (f->flags & ANTLER_NULLABLE && used < size)
        snprintf(text + used, size - used, "%snull", used ? " or " : "");
    return text;
}

static void add_fields(antler_table *table, const antler_type *type)
{
    char text[256];
    for (const antler_field *field = antler__field_next(type, NULL); field; field = antler__field_next(type, field)) {
        antler__table_add(table, "%s", field->key);
        antler__table_add(table, "%s", kind_text(field, text, sizeof text));
        antler__table_add(table, "%s", field->def ? field->def : field->kind == ANTLER_ANY ? "" : "required");
        antler__table_add(table, "%s", range_text(field, text, sizeof text));
        antler__table_add(table, "%s", field->doc ? field->doc : "");
    }
}

static antler_status describe(const antler_type *type, antler_error *err)
{
    antler_table table = {.columns = 5};
    static const char *const heading[] = {"key", "kind", "default", "range", ""};
    printf("%s (%s): %s\n", type->class_name, antler__kind_name(type->kind), type->doc ? type->doc : "");
    for (int i = 0; type->aliases && type->aliases[i]; i++)
        printf("%s%s", i ? ", " : "also called ", type->aliases[i]);
    printf("%s\n", type->aliases && type->aliases[0] ? "\n" : "");
    for (int i = 0; i < table.columns; i++)
        antler__table_add(&table, "%s", heading[i]);
    add_fields(&table, type);
    ANTLER_TRY(antler__table_print(&table, 0, err));
    for (int i = 0; type->samples && type->samples[i]; i++)
        printf("%s%s\n", i ? "  " : "\nsamples: input shape without the batch, config\n  ", type->samples[i]);
    return ANTLER_OK;
}

/* Types of several kinds may share a name ("Softmax" is a layer and an activation): all are shown. */
static antler_status describe_all(const char *name, antler_error *err)
{
    const char *nearest = NULL;
    int found = 0;
    for (int kind = 0; kind < ANTLER_KINDS; kind++) {
        const antler_type *type = antler__type_find((antler_kind)kind, name);
        if (!type) {
            nearest = nearest ? nearest : antler__type_nearest((antler_kind)kind, name);
            continue;
        }
        printf("%s", found++ ? "\n" : "");
        ANTLER_TRY(describe(type, err));
    }
    if (found)
        return ANTLER_OK;
    if (nearest)
        return antler_error_set(err, ANTLER_NAME, NULL, "unknown class \"%s\"; did you mean \"%s\"?", name, nearest);
    return antler_error_set(err, ANTLER_NAME, NULL, "unknown class \"%s\"; 'antler layers' lists them all", name);
}

static int run(const antler_arguments *a)
{
    antler_error err = {0};
    if ((a->argument[0] ? describe_all(a->argument[0], &err) : list(&err)) != ANTLER_OK)
        return antler__fail(&err);
    return 0;
}

const antler_command antler__layers = {
    "layers", "[NAME]", 0, 1, 0, "lists layers, losses, optimizers ..., or tells all about one", run,
};
