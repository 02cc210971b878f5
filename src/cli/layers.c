#include "cli/command.h"

#include <string.h>

static antler_status list(antler_error *err)
{
    antler_table table = {.columns = 3};
    const antler_type *type;
    static const char *const heading[] = {"kind", "class", "what it is"};
    for (int i = 0; i < table.columns; i++)
        antler__table_add(&table, "%s", heading[i]);
    for (int kind = 0; kind < ANTLER_KINDS; kind++) {
        bool listed = kind != ANTLER_KIND_OPERATION; /* those stand in files alone */
        for (int64_t i = 0; listed && (type = antler_type_at((antler_kind)kind, i)); i++) {
            antler__table_add(&table, "%s", antler_kind_name((antler_kind)kind));
            antler__table_add(&table, "%s", type->class_name);
            antler__table_add(&table, "%s", type->doc ? type->doc : "");
        }
    }
    return antler__table_print(&table, 0, err);
}

static const char *kind_text(const antler_field *f, char *text, size_t size)
{
    static const char *const names[] = {
        [ANTLER_INT] = "integer",      [ANTLER_REAL] = "number",       [ANTLER_BOOL] = "true or false",
        [ANTLER_STRING] = "text",      [ANTLER_INTS] = "integers",     [ANTLER_STRINGS] = "texts",
        [ANTLER_OBJECT] = "an object", [ANTLER_OBJECTS] = "a list of", [ANTLER_ANY] = "not used",
        [ANTLER_REALS] = "numbers",    [ANTLER_NUMBERS] = "numbers",
    };
    if (f->kind == ANTLER_OBJECT || f->kind == ANTLER_OBJECTS)
        snprintf(text, size, "%s%s", f->kind == ANTLER_OBJECTS ? "list of " : "", antler_kind_name(f->of));
    else if (f->kind == ANTLER_INTS && f->count > 0)
        snprintf(text, size, "%d integer%s", f->count, f->count > 1 ? "s" : "");
    else if (f->kind == ANTLER_REALS && f->count > 0)
        snprintf(text, size, "%d numbers", f->count);
    else
        snprintf(text, size, "%s", names[f->kind]);
    return text;
}

/* "[0, 1)"; a bound that only guards against overflow is not told. */
static size_t bounds_text(const antler_field *f, char *text, size_t size)
{
    bool least = f->min > -1e9, most = f->max < 1e9;
    if (least && most)
        return (size_t)snprintf(text, size, "%c%g, %g%c", f->flags & ANTLER_OPEN_MIN ? '(' : '[', f->min, f->max,
                                f->flags & ANTLER_OPEN_MAX ? ')' : ']');
    if (least)
        return (size_t)snprintf(text, size, "%s %g", f->flags & ANTLER_OPEN_MIN ? ">" : ">=", f->min);
    return most ? (size_t)snprintf(text, size, "%s %g", f->flags & ANTLER_OPEN_MAX ? "<" : "<=", f->max) : 0;
}

static const char *range_text(const antler_field *f, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; f->choices && f->choices[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", f->choices[i]);
    if (f->min != f->max && used && used < size) /* words, or a number */
        used += (size_t)snprintf(text + used, size - used, " or ");
    if (f->min != f->max && used < size)
        used += bounds_text(f, text + used, size - used);
    if (f->flags & ANTLER_NULLABLE && used < size)
        snprintf(text + used, size - used, "%snull", used ? " or " : "");
    return text;
}

static void add_field(antler_table *table, const antler_field *field)
{
    char text[256];
    antler__table_add(table, "%s", field->key);
    antler__table_add(table, "%s", kind_text(field, text, sizeof text));
    antler__table_add(table, "%s", field->def ? field->def : field->kind == ANTLER_ANY ? "" : "required");
    antler__table_add(table, "%s", range_text(field, text, sizeof text));
    antler__table_add(table, "%s", field->doc ? field->doc : "");
}

/* The type's own keys before those of its kind. */
static antler_status print_fields(const antler_type *type, antler_error *err)
{
    static const char *const heading[] = {"key", "kind", "default", "range", "meaning"};
    antler_table table = {.columns = 5};
    const antler_field *field;
    if (!antler_type_field(type, 0))
        return ANTLER_OK;
    for (int i = 0; i < table.columns; i++)
        antler__table_add(&table, "%s", heading[i]);
    for (const antler_field *f = type->fields; f && f->kind != ANTLER_END; f++)
        add_field(&table, f);
    for (int64_t i = 0; (field = antler_type_field(type, i)) && field != type->fields; i++)
        add_field(&table, field);
    printf("\n");
    return antler__table_print(&table, 0, err);
}

static antler_status describe(const antler_type *type, antler_error *err)
{
    printf("%s (%s): %s\n", type->class_name, antler_kind_name(type->kind), type->doc ? type->doc : "");
    for (int i = 0; type->aliases && type->aliases[i]; i++)
        printf("%s%s", i ? ", " : "also called ", type->aliases[i]);
    if (type->aliases && type->aliases[0])
        putchar('\n');
    ANTLER_TRY(print_fields(type, err));
    for (int i = 0; type->samples && type->samples[i]; i++)
        printf("%s%s\n", i ? "  " : "\nsamples: input shape without the batch, config\n  ", type->samples[i]);
    return ANTLER_OK;
}

/* By class or alias, whatever the case. */
static const antler_type *find(antler_kind kind, const char *name)
{
    const antler_type *type = antler_type_find(kind, name);
    for (int64_t i = 0; !type && antler_type_at(kind, i); i++)
        if (antler_name_distance(name, antler_type_at(kind, i)->class_name) == 0)
            type = antler_type_at(kind, i);
    return type;
}

/* Types of several kinds may share a name (a layer and an activation do): all are shown. */
static antler_status describe_all(const char *name, antler_error *err)
{
    const char *nearest = NULL;
    int found = 0;
    for (int kind = 0; kind < ANTLER_KINDS; kind++) {
        const antler_type *type = find((antler_kind)kind, name);
        if (!type) {
            nearest = nearest ? nearest : antler_type_nearest((antler_kind)kind, name);
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

const antler_command antler__command_layers = {
    "layers", "[NAME]", 0, 1, 0, "lists layers, losses, optimizers ..., or tells all about one", run,
};
