/* `antler schema`: a JSON Schema (draft 2020-12) of model files, from the tables that the reader goes by. A type is one
   definition on one line; the keys that all types of a kind have are definitions of their own. */
#include "cli/command.h"

#include <string.h>

static void put_string(const char *text)
{
    putchar('"');
    for (const char *c = text; *c; c++)
        printf(*c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    putchar('"');
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void put_bounds(const antler_field *f)
{
    if (f->min == f->max)
        return;
    printf(", \"%s\": %.17g", f->flags & ANTLER_OPEN_MIN ? "exclusiveMinimum" : "minimum", f->min);
    printf(", \"%s\": %.17g", f->flags & ANTLER_OPEN_MAX ? "exclusiveMaximum" : "maximum", f->max);
}

/* A number, or, of a list, numbers; bounds are of every number. Keras's own tuples are objects. */
static void put_number(const antler_field *f, const char *number, bool list)
{
    const char *null = f->flags & ANTLER_NULLABLE ? ", \"null\"" : "";
    if (list)
        printf("\"type\": [\"%s\", \"array\", \"object\"%s], \"items\": {\"type\": [\"%s\", \"array\", \"null\"]",
               number, null, number);
    else
        printf("\"type\": [\"%s\"%s]", number, null);
    put_bounds(f);
    if (list) {
        putchar('}');
        put_bounds(f);
    }
}

static void put_choices(const antler_field *f)
{
    printf("\"enum\": [");
    for (int i = 0; f->choices[i]; i++) {
        printf("%s", i ? ", " : "");
        put_string(f->choices[i]);
    }
    printf("%s]", f->flags & ANTLER_NULLABLE ? ", null" : "");
}

/* An object of a kind, or several of them, or one for each output. */
static void put_objects(const antler_field *f)
{
    const char *kind = antler_kind_name(f->of);
    if (f->of == ANTLER_KIND_SETTINGS)
        printf("\"type\": [\"object\", \"null\"]");
    else if (f->flags & ANTLER_BY_OUTPUT)
        printf("\"$ref\": \"#/$defs/each %s\"", kind);
    else if (f->kind == ANTLER_OBJECTS)
        printf("\"type\": [\"array\"%s], \"items\": {\"$ref\": \"#/$defs/%s\"}",
               f->flags & ANTLER_NULLABLE ? ", \"null\"" : "", kind);
    else if (f->flags & ANTLER_NULLABLE)
        printf("\"anyOf\": [{\"$ref\": \"#/$defs/%s\"}, {\"type\": \"null\"}]", kind);
    else
        printf("\"$ref\": \"#/$defs/%s\"", kind);
}

static void put_value(const antler_field *f)
{
    const bool null = f->flags & ANTLER_NULLABLE;
    switch (f->kind) {
    case ANTLER_INT:
        put_number(f, "integer", false);
        break;
    case ANTLER_INTS:
        put_number(f, "integer", true);
        break;
    case ANTLER_REAL:
        if (f->flags & ANTLER_BY_OUTPUT)
            printf("\"type\": [\"number\", \"array\", \"object\", \"null\"]");
        else
            put_number(f, "number", false);
        break;
    case ANTLER_REALS:
    case ANTLER_NUMBERS:
        put_number(f, "number", true);
        break;
    case ANTLER_BOOL:
        printf("\"type\": [\"boolean\"%s]", null ? ", \"null\"" : "");
        break;
    case ANTLER_STRING:
        if (f->choices)
            put_choices(f);
        else
            printf("\"type\": [\"string\", \"object\"%s]", null ? ", \"null\"" : "");
        break;
    case ANTLER_STRINGS:
        printf("\"type\": [\"string\", \"array\"%s], \"items\": {\"type\": \"string\"}", null ? ", \"null\"" : "");
        break;
    case ANTLER_OBJECT:
    case ANTLER_OBJECTS:
        put_objects(f);
        break;
    default: /* ANTLER_ANY: what Keras has, and we have not */
        if (f->def)
            printf("\"enum\": [%s%s]", f->def, strcmp(f->def, "null") ? ", null" : "");
    }
}

static void put_field(const char *key, const antler_field *f)
{
    const bool empty = f->kind == ANTLER_ANY && !f->def; /* any value */
    put_string(key);
    printf(": {");
    put_value(f);
    if (f->doc)
        printf("%s\"description\": ", empty ? "" : ", ");
    if (f->doc)
        put_string(f->doc);
    if (f->def && f->kind != ANTLER_ANY)
        printf(", \"default\": %s", f->def);
    printf("}");
}

/* ---- types ------------------------------------------------------------------------------------------------------- */

static bool is_own(const antler_type *type, const antler_field *field)
{
    for (const antler_field *f = type->fields; f && f->kind != ANTLER_END; f++)
        if (f == field)
            return true;
    return false;
}

static bool is_required(const antler_field *f)
{
    return !f->def && f->kind != ANTLER_ANY && !f->legacy;
}

static bool requires(const antler_type *type)
{
    const antler_field *f;
    for (int64_t i = 0; (f = antler_type_field(type, i)); i++)
        if (is_required(f))
            return true;
    return false;
}

/* A type's config: its own keys, those of its kind by reference, and such others as say nothing. */
static void put_config(const antler_type *type)
{
    const antler_field *f;
    const char *kind = antler_kind_name(type->kind);
    bool more = false;
    printf("{\"type\": [\"object\"%s], \"properties\": {", requires(type) ? "" : ", \"null\"");
    for (int64_t i = 0; (f = antler_type_field(type, i)); i++) {
        printf("%s", i ? ", " : "");
        if (is_own(type, f)) {
            put_field(f->key, f);
        } else {
            put_string(f->key);
            printf(": {\"$ref\": \"#/$defs/%s key %s\"}", kind, f->key);
        }
        if (f->legacy) {
            printf(", ");
            put_field(f->legacy, f);
        }
    }
    printf("}");
    for (int64_t i = 0; (f = antler_type_field(type, i)); i++)
        if (is_required(f)) {
            printf("%s", more ? ", " : ", \"required\": [");
            put_string(f->key);
            more = true;
        }
    printf("%s, \"additionalProperties\": {\"enum\": [null, false]}}", more ? "]" : "");
}

/* Of another version of Keras, which a file of that version means by the name before the sign. */
static bool is_old(const antler_type *type)
{
    return strchr(type->class_name, '@') != NULL;
}

/* All names of a type, the class first. */
static const char *name_of(const antler_type *type, int i)
{
    return i == 0 ? type->class_name : type->aliases ? type->aliases[i - 1] : NULL;
}

/* ["Adam", "adam", ...]; those alone that need no config, or all. */
static void put_names(antler_kind kind, bool alone)
{
    const antler_type *type;
    const char *name;
    bool more = false;
    for (int64_t i = 0; (type = antler_type_at(kind, i)); i++)
        for (int k = 0; !is_old(type) && !(alone && requires(type)) && (name = name_of(type, k)); k++) {
            printf("%s", more ? ", " : "");
            put_string(name);
            more = true;
        }
}

/* Which config goes with which class. */
static void put_configs(antler_kind kind)
{
    const antler_type *type;
    bool more = kind == ANTLER_KIND_LAYER;
    printf("\"allOf\": [");
    if (more)
        printf("\n    {\"if\": {\"required\": [\"class_name\"], \"properties\": {\"class_name\": {\"enum\": "
               "[\"Sequential\", \"Functional\", \"Model\"]}}}, \"then\": {\"properties\": {\"config\": {\"$ref\": "
               "\"#/$defs/model\"}}}}");
    for (int64_t i = 0; (type = antler_type_at(kind, i)); i++) {
        if (is_old(type))
            continue;
        printf("%s\n    {\"if\": {\"required\": [\"class_name\"], \"properties\": {\"class_name\": {\"enum\": [",
               more ? "," : "");
        const char *name;
        for (int k = 0; (name = name_of(type, k)); k++) {
            printf("%s", k ? ", " : "");
            put_string(name);
        }
        printf("]}}}, \"then\": {\"properties\": {\"config\": {\"$ref\": \"#/$defs/%s %s\"}}%s}}",
               antler_kind_name(kind), type->class_name, requires(type) ? ", \"required\": [\"config\"]" : "");
        more = true;
    }
    printf("]");
}

/* The keys that every type of a kind has. */
static void put_kind_keys(antler_kind kind)
{
    const antler_field *f;
    const antler_type *type;
    char known[64][64] = {{0}};
    int n = 0;
    for (int64_t i = 0; (type = antler_type_at(kind, i)); i++)
        for (int64_t j = 0; (f = antler_type_field(type, j)); j++) {
            bool is_new = !is_own(type, f) && n < 64;
            for (int k = 0; is_new && k < n; k++)
                is_new = strcmp(known[k], f->key) != 0;
            if (!is_new)
                continue;
            snprintf(known[n++], sizeof known[0], "%s", f->key);
            char key[128];
            snprintf(key, sizeof key, "%s key %s", antler_kind_name(kind), f->key);
            printf(",\n  ");
            put_field(key, f);
        }
}

static void put_kind_configs(antler_kind kind)
{
    const antler_type *type;
    put_kind_keys(kind);
    for (int64_t i = 0; (type = antler_type_at(kind, i)); i++) {
        if (is_old(type))
            continue;
        printf(",\n  \"%s %s\": ", antler_kind_name(kind), type->class_name);
        put_config(type);
    }
}

/* A kind but the layers: a name, a number for a schedule, a function of Keras, or an object. */
static void put_kind(antler_kind kind)
{
    const char *name = antler_kind_name(kind);
    const antler_type *type;
    bool number = false, list = false;
    for (int64_t i = 0; (type = antler_type_at(kind, i)); i++) {
        number |= type->flags & ANTLER_TYPE_BARE && type->fields && type->fields->kind == ANTLER_REAL;
        list |= type->flags & ANTLER_TYPE_LIST;
    }
    printf(",\n  \"%s\": {\"if\": {\"type\": \"string\"}, \"then\": {\"enum\": [", name);
    put_names(kind, true);
    printf(
        "]}, \"else\": {\"type\": [\"object\"%s%s], \"required\": [\"class_name\"], \"properties\": {\"class_name\": "
        "{\"anyOf\": [{\"enum\": [\"function\", ",
        number ? ", \"number\"" : "", list ? ", \"array\"" : "");
    put_names(kind, false);
    printf("]}, {\"pattern\": \">\"}]}},\n   ");
    put_configs(kind);
    printf("}}");
    printf(",\n  \"each %s\": {\"anyOf\": [{\"$ref\": \"#/$defs/%s\"}, {\"type\": \"null\"}, {\"type\": \"array\", "
           "\"items\": "
           "{\"$ref\": \"#/$defs/each %s\"}}, {\"type\": \"object\", \"not\": {\"required\": [\"class_name\"]}, "
           "\"additionalProperties\": {\"$ref\": \"#/$defs/each %s\"}}]}",
           name, name, name, name);
    put_kind_configs(kind);
}

/* ---- models ------------------------------------------------------------------------------------------------------ */

/* What stands beside the config of a model and of a layer is read by rules of its own. */
static const char head[] =
    "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
    " \"title\": \"A model of Antler, which is one of Keras\",\n"
    " \"type\": \"object\", \"required\": [\"class_name\", \"config\"],\n"
    " \"properties\": {\"$schema\": {\"type\": \"string\"}, \"module\": {}, \"registered_name\": {}, \"build_config\": "
    "{},\n"
    "  \"keras_version\": {}, \"backend\": {}, \"shared_object_id\": {},\n"
    "  \"class_name\": {\"enum\": [\"Sequential\", \"Functional\", \"Model\"]},\n"
    "  \"config\": {\"$ref\": \"#/$defs/model\"},\n"
    "  \"compile_config\": {\"anyOf\": [{\"$ref\": \"#/$defs/settings compile_config\"}, {\"type\": \"null\"}]},\n"
    "  \"fit\": {\"anyOf\": [{\"$ref\": \"#/$defs/settings fit\"}, {\"type\": \"null\"}]}},\n"
    " \"additionalProperties\": {\"enum\": [null, false]},\n"
    " \"$defs\": {\n"
    "  \"model\": {\"type\": [\"object\", \"array\"], \"required\": [\"layers\"],\n"
    "   \"items\": {\"$ref\": \"#/$defs/layer\"},\n"
    "   \"properties\": {\"name\": {\"type\": [\"string\", \"null\"]},\n"
    "    \"layers\": {\"type\": \"array\", \"minItems\": 1, \"items\": {\"$ref\": \"#/$defs/layer\"}},\n"
    "    \"input_layers\": {}, \"output_layers\": {}, \"build_input_shape\": {\"type\": [\"array\", \"object\", "
    "\"null\"]},\n"
    "    \"trainable\": {\"type\": [\"boolean\", \"null\"]}, \"dtype\": {}},\n"
    "   \"additionalProperties\": {\"enum\": [null, false]}},\n"
    "  \"layer\": {\"type\": \"object\", \"required\": [\"class_name\"],\n"
    "   \"properties\": {\"module\": {}, \"class_name\": {}, \"config\": {}, \"registered_name\": {}, "
    "\"build_config\": {},\n"
    "    \"compile_config\": {}, \"name\": {}, \"inbound_nodes\": {\"type\": [\"array\", \"null\"]}, "
    "\"shared_object_id\": {}},\n"
    "   \"additionalProperties\": {\"enum\": [null, false]},\n"
    "   \"if\": {\"anyOf\": [{\"properties\": {\"module\": {\"pattern\": \"ops\"}}, \"required\": [\"module\"]},\n"
    "    {\"properties\": {\"class_name\": {\"pattern\": \"OpLambda$\"}}}]}, \"then\": {},\n"
    "   \"else\": {\"properties\": {\"class_name\": {\"enum\": [\"Sequential\", \"Functional\", \"Model\", ";

static int run(const antler_arguments *a)
{
    (void)a;
    fputs(head, stdout);
    put_names(ANTLER_KIND_LAYER, false);
    printf(", ");
    put_names(ANTLER_KIND_OPERATION, false);
    printf("]}},\n   ");
    put_configs(ANTLER_KIND_LAYER);
    printf("}}");
    put_kind_configs(ANTLER_KIND_LAYER);
    for (int kind = ANTLER_KIND_LAYER + 1; kind < ANTLER_KINDS; kind++)
        if (kind == ANTLER_KIND_SETTINGS)
            put_kind_configs(ANTLER_KIND_SETTINGS);
        else if (kind != ANTLER_KIND_OPERATION) /* those stand in files alone, by names of Keras */
            put_kind((antler_kind)kind);
    printf("}}\n");
    return 0;
}

const antler_command antler__command_schema = {
    "schema", "", 0, 0, 0, "prints a JSON Schema of model files, for editors", run, "antler schema >antler.schema.json",
};
