#include "model/stand_in.h"

#include "core/memory.h"

#include <stdio.h>
#include <string.h>

/* Never planned: what takes its outputs is passed over. */
static const antler_layer_ops unknown = {.type = {.size = sizeof(antler_layer_ops),
                                                  .kind = ANTLER_KIND_LAYER,
                                                  .class_name = "layer",
                                                  .config_size = sizeof(struct antler_layer_keys)}};

bool antler__is_stand_in(antler_object layer)
{
    return layer.type == &unknown.type;
}

enum { MOST_LEFT_OUT = 32 };

/* The keys of a config that are wrong. */
typedef struct faults {
    char key[MOST_LEFT_OUT][64];
    int n;
    bool other; /* something else is wrong, too */
} faults;

static void hear(void *user, const antler_error *error)
{
    faults *f = user;
    const char *key = error->place + strlen("config.");
    size_t length = strncmp(error->place, "config.", strlen("config.")) == 0 ? strcspn(key, ".[") : 0;
    if (length == 0 || length >= sizeof f->key[0] || f->n == MOST_LEFT_OUT)
        f->other = true;
    else
        snprintf(f->key[f->n++], sizeof f->key[0], "%.*s", (int)length, key);
}

static bool is_wrong(const faults *f, const char *key)
{
    for (int i = 0; i < f->n; i++)
        if (strcmp(f->key[i], key) == 0)
            return true;
    return false;
}

/* Whether shapes may depend on a key's value. */
static bool shapes(const antler_field *field)
{
    const bool function = field && field->kind == ANTLER_OBJECT &&
                          (field->of == ANTLER_KIND_ACTIVATION || field->of == ANTLER_KIND_INITIALIZER ||
                           field->of == ANTLER_KIND_REGULARIZER || field->of == ANTLER_KIND_CONSTRAINT);
    return !function && !(field && field->kind == ANTLER_REAL);
}

/* The layer without its wrong values; type NULL: it cannot do without. */
static antler_object without(const antler_json *node, const faults *f, antler_report *quiet)
{
    const char *name = antler__string_at(node, "class_name");
    const antler_type *type = name ? antler_type_find(ANTLER_KIND_LAYER, name) : NULL;
    antler_json *root = antler__json_object(NULL, NULL), *config = antler__json_object(root, "config");
    antler_object layer = {NULL, NULL};
    bool fits = type && config && !f->other && antler__json_add_string(root, "class_name", name);
    const antler_json *item = antler__json_first(antler__json_get(node, "config"));
    for (; fits && item; item = antler__json_next(item))
        if (!is_wrong(f, antler__json_key(item)))
            fits = antler__json_add_copy(config, antler__json_key(item), item) != NULL;
    for (int i = 0; fits && i < f->n; i++) {
        const antler_field *field = antler__field_find(type, f->key[i]);
        fits = !shapes(field);
        if (fits && !field->def && !antler__json_get(config, field->key)) /* any will do */
            fits = antler__json_add_real(config, field->key, field->min <= field->max ? field->min : 0) != NULL;
    }
    if (fits)
        antler__object_read(ANTLER_KIND_LAYER, root, NULL, quiet, &layer);
    antler__json_free(root);
    return layer;
}

static antler_status make_unknown(const antler_json *node, antler_object *layer)
{
    const char *name = antler__string_at(antler__json_get(node, "config"), "name");
    antler_error error = {0};
    void *config = antler__allocate_zeroed(1, sizeof(struct antler_layer_keys));
    if (!config)
        return ANTLER_MEMORY;
    *layer = (antler_object){&unknown.type, config};
    struct antler_layer_keys *keys = config;
    keys->trainable = true;
    keys->name = name && antler__name_check(name, "/", "name", &error) == ANTLER_OK ? antler__copy_text(name) : NULL;
    return ANTLER_OK;
}

antler_status antler__stand_in(const antler_json *node, const antler_report *report, antler_tree_member *member)
{
    faults f = {.n = 0};
    antler_report quiet = {.on_error = hear, .user = &f, .legacy = report->legacy, .keras = report->keras};
    antler_object layer = {NULL, NULL};
    int64_t place = member->place;
    if (member->model)
        return ANTLER_OK;
    antler__member_free(member);
    *member = (antler_tree_member){.flat = -1, .place = place};
    if (antler__json_type(node) == ANTLER_JSON_OBJECT)
        antler__object_read(ANTLER_KIND_LAYER, node, NULL, &quiet, &layer);
    quiet.on_error = NULL;
    if (!layer.type && f.n)
        layer = without(node, &f, &quiet);
    member->layer = layer;
    return layer.type ? ANTLER_OK : make_unknown(node, &member->layer);
}
