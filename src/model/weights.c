/* Which variable lies where in a weights file: Keras's .weights.h5 (also inside .keras) and its legacy .h5. */
#include "core/memory.h"
#include "model/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PATH = 512 };

static antler_status write_real(antler_entries *entries, const char *name, const antler_shape *shape,
                                const antler_real *data, antler_error *err)
{
    return antler__entries_add(entries, name, ANTLER_DTYPE_REAL, shape, data,
                               (size_t)antler_count(shape, 0) * sizeof *data, err);
}

static antler_status write_text(antler_entries *entries, const char *name, const char *text, antler_error *err)
{
    const antler_shape scalar = {0, {0}};
    return antler__entries_add(entries, name, ANTLER_TEXT, &scalar, text, strlen(text) + 1, err);
}

static antler_status wrong_shape(const antler_entry *entry, const antler_shape *wanted, antler_error *err)
{
    char a[128], b[128];
    return antler_error_set(err, ANTLER_SHAPE, entry->name, "weights of shape %s; the model's have %s",
                            antler_shape_text(&entry->shape, a, sizeof a), antler_shape_text(wanted, b, sizeof b));
}

static antler_status read_real(const antler_entry *entry, const antler_shape *wanted, antler_real *data,
                               antler_error *err)
{
    int64_t n = antler_count(wanted, 0);
    if (!antler_shape_equal(&entry->shape, wanted))
        return wrong_shape(entry, wanted, err);
    for (int64_t i = 0; i < n; i++) {
        if (entry->dtype == ANTLER_FLOAT32)
            data[i] = (antler_real)((const float *)entry->data)[i];
        else if (entry->dtype == ANTLER_FLOAT64)
            data[i] = (antler_real)((const double *)entry->data)[i];
        else
            return antler_error_set(err, ANTLER_FORMAT, entry->name, "weights of type %s; expected float32 or float64",
                                    antler__dtype_name(entry->dtype));
    }
    return ANTLER_OK;
}

/* ---- .weights.h5: by class, numbered in the order of the layers ---- */

/* One visit of a layer's variables: its groups are base and base[/cell]. Writing, or (to != NULL) reading. */
typedef struct visit {
    const antler_model *model;
    antler_entries *write;
    const antler_entries *read;
    antler_real *to; /* [total], in the layout of model->parameters */
    antler_error *err;
} visit;

static antler_status visit_group(const visit *v, const char *path, const char *name)
{
    char group[PATH], attribute[PATH + 8];
    snprintf(group, sizeof group, "%s/vars", path);
    snprintf(attribute, sizeof attribute, "%s@name", group);
    if (!v->write)
        return ANTLER_OK;
    const antler_shape none = {0, {0}};
    ANTLER_TRY(antler__entries_add(v->write, group, ANTLER_GROUP, &none, NULL, 0, v->err));
    return write_text(v->write, attribute, name, v->err);
}

static int64_t datasets_in(const antler_entries *entries, const char *path)
{
    char name[PATH + 32];
    int64_t n = 0;
    for (; n < INT32_MAX; n++) {
        snprintf(name, sizeof name, "%s/vars/%" PRId64, path, n);
        if (!antler__entries_find(entries, name))
            break;
    }
    return n;
}

/* Variables [first, first + n) of the model, which one group holds. */
static antler_status visit_variables(const visit *v, int64_t first, int64_t n, const char *layer, const char *path)
{
    if (v->read && datasets_in(v->read, path) != n)
        return antler_error_set(v->err, ANTLER_SHAPE, path,
                                "the file has %" PRId64 " variables, the model's layer \"%s\" has %" PRId64,
                                datasets_in(v->read, path), layer, n);
    for (int64_t i = 0; i < n; i++) {
        const antler_model_variable_entry *variable = &v->model->variable[first + i];
        char name[PATH + 32];
        snprintf(name, sizeof name, "%s/vars/%" PRId64, path, i);
        if (v->write)
            ANTLER_TRY(write_real(v->write, name, &variable->view.value.shape, variable->view.value.data, v->err));
        else
            ANTLER_TRY(read_real(antler__entries_find(v->read, name), &variable->view.value.shape,
                                 v->to + variable->offset, v->err));
    }
    return ANTLER_OK;
}

/* How many of the variables from `first` on, before `end`, lie in the same group. */
static int64_t same_group(const visit *v, int64_t first, int64_t end)
{
    const char *group = v->model->variable[first].group;
    int64_t n = 1;
    for (; first + n < end; n++) {
        const char *next = v->model->variable[first + n].group;
        if (!group != !next || (group && strcmp(group, next) != 0))
            break;
    }
    return n;
}

static antler_status visit_layer(const visit *v, const antler_layer *layer, const char *path)
{
    char inner[PATH], name[160];
    int64_t first = layer->variable, end = first + layer->params + layer->states;
    ANTLER_TRY(visit_group(v, path, layer->name));
    if (first == end)
        ANTLER_TRY(visit_variables(v, first, 0, layer->name, path));
    for (int64_t n; first < end; first += n) {
        const char *group = v->model->variable[first].group;
        n = same_group(v, first, end);
        if (group) {
            snprintf(inner, sizeof inner, "%s/%s", path, group);
            snprintf(name, sizeof name, "%s_%s", layer->name, group);
            ANTLER_TRY(visit_group(v, inner, name));
        }
        ANTLER_TRY(visit_variables(v, first, n, layer->name, group ? inner : path));
    }
    for (int i = 0; i < layer->children; i++) {
        snprintf(inner, sizeof inner, "%s/%s", path, layer->child[i].name);
        ANTLER_TRY(visit_layer(v, &layer->child[i], inner));
    }
    return ANTLER_OK;
}

static antler_status visit_model(const visit *v, const char *root)
{
    ANTLER_TRY(visit_group(v, "", v->model->name));
    for (int64_t i = 1; i < v->model->layers; i++) {
        const char *class_name = v->model->layer[i].ops->type.class_name;
        char base[128], path[PATH];
        int64_t before = 0;
        for (int64_t j = 1; j < i; j++)
            before += strcmp(v->model->layer[j].ops->type.class_name, class_name) == 0;
        antler__snake_case(class_name, base, sizeof base);
        if (before)
            snprintf(path, sizeof path, "/%s/%s_%" PRId64, root, base, before);
        else
            snprintf(path, sizeof path, "/%s/%s", root, base);
        ANTLER_TRY(visit_layer(v, &v->model->layer[i], path));
    }
    return ANTLER_OK;
}

/* ---- the optimizer: iteration, rate (unless a schedule), then its slots over the trained variables ---- */

/* The index-th array of the optimizer's slots: its slot and variable. False past the last. */
static bool slot_at(const antler_model *model, int64_t index, int *slot, const antler_model_variable_entry **variable)
{
    const antler_optimizer_ops *ops = (const antler_optimizer_ops *)model->compile->optimizer.type;
    int64_t trained = 0, wanted;
    for (int64_t i = 0; i < model->variables; i++)
        trained += model->variable[i].view.trainable;
    if (trained == 0 || index >= trained * model->slots)
        return false;
    *slot = (int)(ops->interleaved ? index % model->slots : index / trained);
    wanted = ops->interleaved ? index / model->slots : index % trained;
    for (int64_t i = 0; i < model->variables; i++)
        if (model->variable[i].view.trainable && wanted-- == 0)
            *variable = &model->variable[i];
    return true;
}

static const antler_object *optimizer_of(const antler_model *model)
{
    return model->compile && model->compile->optimizer.type ? &model->compile->optimizer : NULL;
}

static bool has_rate(const antler_object *optimizer, float *rate)
{
    antler_object schedule = ((const antler_optimizer_keys *)optimizer->config)->learning_rate;
    *rate = (float)((const antler_schedule_ops *)schedule.type)->rate(schedule.config, 0);
    return strcmp(schedule.type->class_name, "Constant") == 0;
}

static antler_status write_optimizer(const antler_model *model, const char *prefix, antler_entries *entries,
                                     antler_error *err)
{
    const antler_object *optimizer = optimizer_of(model);
    const antler_shape scalar = {0, {0}};
    char name[PATH];
    float rate;
    int64_t next = 0;
    snprintf(name, sizeof name, "%s/%" PRId64, prefix, next++);
    ANTLER_TRY(
        antler__entries_add(entries, name, ANTLER_INT64, &scalar, &model->iteration, sizeof model->iteration, err));
    if (has_rate(optimizer, &rate)) {
        snprintf(name, sizeof name, "%s/%" PRId64, prefix, next++);
        ANTLER_TRY(antler__entries_add(entries, name, ANTLER_FLOAT32, &scalar, &rate, sizeof rate, err));
    }
    const antler_model_variable_entry *variable;
    int slot;
    for (int64_t i = 0; slot_at(model, i, &slot, &variable); i++) {
        snprintf(name, sizeof name, "%s/%" PRId64, prefix, next++);
        ANTLER_TRY(write_real(entries, name, &variable->view.value.shape, model->slot[slot] + variable->offset, err));
    }
    return ANTLER_OK;
}

/* entry(i) of the optimizer's i-th variable, by either format. */
typedef const antler_entry *(*entry_fn)(const antler_entries *entries, int64_t index);

static int64_t integer_of(const antler_entry *entry)
{
    switch (entry->dtype) {
    case ANTLER_INT64:
    case ANTLER_UINT64:
        return *(const int64_t *)entry->data;
    case ANTLER_INT32:
    case ANTLER_UINT32:
        return *(const int32_t *)entry->data;
    default:
        return -1;
    }
}

/* Whether every entry is there with its shape; Keras, too, starts afresh when they are not. */
static bool optimizer_fits(const antler_model *model, const antler_entries *entries, entry_fn entry_at, int64_t first)
{
    const antler_model_variable_entry *variable;
    const antler_entry *iteration = entry_at(entries, 0), *entry;
    int slot;
    int64_t i = 0;
    if (!iteration || iteration->shape.rank != 0 || integer_of(iteration) < 0)
        return false;
    for (; slot_at(model, i, &slot, &variable); i++) {
        entry = entry_at(entries, first + i);
        if (!entry || !antler_shape_equal(&entry->shape, &variable->view.value.shape) ||
            (entry->dtype != ANTLER_FLOAT32 && entry->dtype != ANTLER_FLOAT64))
            return false;
    }
    return !entry_at(entries, first + i);
}

static antler_status read_optimizer(antler_model *model, const antler_entries *entries, entry_fn entry_at,
                                    antler_error *err)
{
    const antler_object *optimizer = optimizer_of(model);
    float rate;
    if (!optimizer || !entry_at(entries, 0))
        return ANTLER_OK;
    ANTLER_TRY(antler__model_slots(model, err));
    int64_t first = has_rate(optimizer, &rate) ? 2 : 1;
    if (!optimizer_fits(model, entries, entry_at, first))
        return ANTLER_OK;
    const antler_model_variable_entry *variable;
    int slot;
    for (int64_t i = 0; slot_at(model, i, &slot, &variable); i++)
        ANTLER_TRY(read_real(entry_at(entries, first + i), &variable->view.value.shape,
                             model->slot[slot] + variable->offset, err));
    model->iteration = integer_of(entry_at(entries, 0));
    return ANTLER_OK;
}

static const antler_entry *keras_slot(const antler_entries *entries, int64_t index)
{
    char name[64];
    snprintf(name, sizeof name, "/optimizer/vars/%" PRId64, index);
    return antler__entries_find(entries, name);
}

/* ---- legacy .h5: by the layers' names, with lists that give the order ---- */

static antler_status add_names(antler_entries *entries, const char *attribute, const char *names, size_t bytes,
                               int64_t n, antler_error *err)
{
    const antler_shape list = {1, {n}};
    if (n == 0) /* how h5py stores an empty list */
        return antler__entries_add(entries, attribute, ANTLER_FLOAT64, &list, NULL, 0, err);
    return antler__entries_add(entries, attribute, ANTLER_TEXT, &list, names, bytes, err);
}

/* Grows a list of zero-ended strings. */
typedef struct names {
    char *text;
    size_t bytes;
    int64_t n;
} names;

static antler_status push_name(names *list, const char *name, antler_error *err)
{
    size_t length = strlen(name) + 1;
    if (!antler__grow(&list->text, list->bytes, list->bytes + length, 1))
        return antler__no_memory(err);
    memcpy(list->text + list->bytes, name, length);
    list->bytes += length;
    list->n++;
    return ANTLER_OK;
}

static antler_status write_legacy_layer(const antler_model *model, const antler_layer *layer, antler_entries *entries,
                                        antler_error *err)
{
    names list = {0};
    antler_status status = ANTLER_OK;
    char name[PATH], path[2 * PATH];
    for (int64_t i = 0; status == ANTLER_OK && i < model->variables; i++) {
        const antler_variable *view = &model->variable[i].view;
        if (view->layer != layer->name)
            continue;
        snprintf(name, sizeof name, "%s/%s/%s", model->name, layer->name, view->name);
        snprintf(path, sizeof path, "/model_weights/%s/%s", layer->name, name);
        status = push_name(&list, name, err);
        if (status == ANTLER_OK)
            status = write_real(entries, path, &view->value.shape, view->value.data, err);
    }
    snprintf(path, sizeof path, "/model_weights/%s@weight_names", layer->name);
    if (status == ANTLER_OK)
        status = add_names(entries, path, list.text, list.bytes, list.n, err);
    antler__free(list.text);
    return status;
}

static antler_status write_legacy_layers(const antler_model *model, antler_entries *entries, antler_error *err)
{
    const antler_shape none = {0, {0}};
    names list = {0};
    antler_status status = antler__entries_add(entries, "/model_weights", ANTLER_GROUP, &none, NULL, 0, err);
    for (int64_t i = 1; status == ANTLER_OK && i < model->layers; i++) {
        char path[PATH];
        snprintf(path, sizeof path, "/model_weights/%s", model->layer[i].name);
        status = push_name(&list, model->layer[i].name, err);
        if (status == ANTLER_OK)
            status = antler__entries_add(entries, path, ANTLER_GROUP, &none, NULL, 0, err);
        if (status == ANTLER_OK)
            status = write_legacy_layer(model, &model->layer[i], entries, err);
    }
    if (status == ANTLER_OK)
        status = add_names(entries, "/model_weights@layer_names", list.text, list.bytes, list.n, err);
    antler__free(list.text);
    ANTLER_TRY(status);
    ANTLER_TRY(write_text(entries, "/model_weights@backend", "tensorflow", err));
    return write_text(entries, "/model_weights@keras_version", ANTLER_KERAS_VERSION, err);
}

static antler_status write_legacy_optimizer(const antler_model *model, antler_entries *entries, antler_error *err)
{
    char snake[128], name[PATH];
    float rate;
    const antler_object *optimizer = optimizer_of(model);
    antler__snake_case(optimizer->type->class_name, snake, sizeof snake);
    ANTLER_TRY(write_optimizer(model, "/optimizer_weights/vars", entries, err));
    names list = {0};
    antler_status status = ANTLER_OK;
    int64_t n = has_rate(optimizer, &rate) ? 2 : 1, i = 0;
    const antler_model_variable_entry *variable;
    for (int slot; slot_at(model, i, &slot, &variable); i++)
        n++;
    for (i = 0; status == ANTLER_OK && i < n; i++) {
        snprintf(name, sizeof name, "vars/%" PRId64, i);
        status = push_name(&list, name, err);
    }
    if (status == ANTLER_OK)
        status = add_names(entries, "/optimizer_weights@weight_names", list.text, list.bytes, list.n, err);
    antler__free(list.text);
    return status;
}

/* The i-th string of a list attribute, which Keras cuts into attribute0, attribute1 ... when it is long; NULL past the
   last. */
static const char *name_at(const antler_entries *entries, const char *attribute, int64_t index)
{
    char part_name[PATH];
    const antler_entry *part = antler__entries_find(entries, attribute);
    for (int number = part ? -1 : 0;; number++) {
        if (number >= 0) {
            snprintf(part_name, sizeof part_name, "%s%d", attribute, number);
            part = antler__entries_find(entries, part_name);
        }
        if (!part || part->dtype != ANTLER_TEXT)
            return NULL;
        int64_t n = antler_count(&part->shape, 0);
        if (index < n) {
            const char *text = part->data;
            for (; index > 0; index--)
                text += strlen(text) + 1;
            return text;
        }
        if (number < 0)
            return NULL;
        index -= n;
    }
}

static const antler_entry *legacy_slot(const antler_entries *entries, int64_t index)
{
    char path[PATH];
    const char *name = name_at(entries, "/optimizer_weights@weight_names", index);
    if (!name)
        return NULL;
    snprintf(path, sizeof path, "/optimizer_weights/%s", name);
    return antler__entries_find(entries, path);
}

/* The next layer, from *index on in the file's list, that has weights; its name, or NULL. */
static const char *next_legacy_layer(const antler_entries *entries, const char *root, int64_t *index)
{
    char attribute[PATH];
    snprintf(attribute, sizeof attribute, "%s@layer_names", root);
    for (const char *name; (name = name_at(entries, attribute, *index)) != NULL;) {
        char weights[PATH];
        ++*index;
        snprintf(weights, sizeof weights, "%s/%s@weight_names", root, name);
        if (name_at(entries, weights, 0))
            return name;
    }
    return NULL;
}

static antler_status read_legacy_layer(const visit *v, const char *root, const char *name, const char *layer)
{
    char attribute[PATH], path[2 * PATH];
    snprintf(attribute, sizeof attribute, "%s/%s@weight_names", root, name);
    int64_t n = 0;
    for (int64_t i = 0; i < v->model->variables; i++) {
        const antler_model_variable_entry *variable = &v->model->variable[i];
        if (variable->view.layer != layer)
            continue;
        const char *weight = name_at(v->read, attribute, n++);
        snprintf(path, sizeof path, "%s/%s/%s", root, name, weight ? weight : "");
        const antler_entry *entry = weight ? antler__entries_find(v->read, path) : NULL;
        if (!entry)
            return antler_error_set(v->err, ANTLER_SHAPE, attribute, "no weight for %s of layer \"%s\"",
                                    variable->view.name, layer);
        ANTLER_TRY(read_real(entry, &variable->view.value.shape, v->to + variable->offset, v->err));
    }
    if (name_at(v->read, attribute, n))
        return antler_error_set(v->err, ANTLER_SHAPE, attribute,
                                "more weights than the %" PRId64 " of the model's layer \"%s\"", n, layer);
    return ANTLER_OK;
}

static antler_status read_legacy(const visit *v)
{
    const char *root = antler__entries_find(v->read, "/model_weights") ? "/model_weights" : "";
    int64_t next = 0;
    for (int64_t i = 1; i < v->model->layers; i++) {
        const char *layer = v->model->layer[i].name;
        if (v->model->view[i].parameters == 0)
            continue;
        const char *name = next_legacy_layer(v->read, root, &next);
        if (!name)
            return antler_error_set(v->err, ANTLER_SHAPE, NULL, "no weights for layer \"%s\"", layer);
        ANTLER_TRY(read_legacy_layer(v, root, name, layer));
    }
    const char *extra = next_legacy_layer(v->read, root, &next);
    if (extra)
        return antler_error_set(v->err, ANTLER_SHAPE, NULL, "weights for a layer \"%s\" that the model has not", extra);
    return ANTLER_OK;
}

/* ---- where training stands: a group of our own, which Keras never visits ---- */

static antler_status write_position(const antler_model *model, antler_entries *entries, antler_error *err)
{
    const antler_shape scalar = {0, {0}};
    ANTLER_TRY(
        antler__entries_add(entries, "/antler/step", ANTLER_INT64, &scalar, &model->step, sizeof model->step, err));
    return antler__entries_add(entries, "/antler/epoch", ANTLER_INT64, &scalar, &model->epoch, sizeof model->epoch,
                               err);
}

static void read_position(antler_model *model, const antler_entries *entries)
{
    const antler_entry *step = antler__entries_find(entries, "/antler/step");
    const antler_entry *epoch = antler__entries_find(entries, "/antler/epoch");
    if (step && epoch && step->shape.rank == 0 && epoch->shape.rank == 0 && integer_of(step) >= 0 &&
        integer_of(epoch) >= 0) {
        model->step = integer_of(step);
        model->epoch = integer_of(epoch);
    }
}

/* ---- both ---- */

antler_status antler__weights_write(const antler_model *model, antler_style style, antler_entries *entries,
                                    antler_error *err)
{
    const antler_shape none = {0, {0}};
    bool optimizer = optimizer_of(model) != NULL;
    ANTLER_TRY(write_position(model, entries, err));
    if (style == ANTLER_STYLE_LEGACY) {
        ANTLER_TRY(write_legacy_layers(model, entries, err));
        return optimizer ? write_legacy_optimizer(model, entries, err) : ANTLER_OK;
    }
    visit v = {.model = model, .write = entries, .err = err};
    ANTLER_TRY(visit_model(&v, "layers"));
    if (!optimizer)
        return ANTLER_OK;
    char snake[128];
    antler__snake_case(model->compile->optimizer.type->class_name, snake, sizeof snake);
    ANTLER_TRY(antler__entries_add(entries, "/optimizer/vars", ANTLER_GROUP, &none, NULL, 0, err));
    ANTLER_TRY(write_text(entries, "/optimizer/vars@name", snake, err));
    return write_optimizer(model, "/optimizer/vars", entries, err);
}

static bool has_prefix(const antler_entries *entries, const char *prefix)
{
    for (int64_t i = 0; i < entries->n; i++)
        if (strncmp(entries->entry[i].name, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

antler_status antler__weights_read(antler_model *model, const antler_entries *entries, antler_error *err)
{
    bool legacy = name_at(entries, "/model_weights@layer_names", 0) || name_at(entries, "/@layer_names", 0);
    /* Keras 2.13 to 2.15 spelt "layers" so */
    const char *root =
        has_prefix(entries, "/_layer_checkpoint_dependencies/") ? "_layer_checkpoint_dependencies" : "layers";
    antler_real *staged = antler__allocate_aligned((size_t)model->total, sizeof *staged);
    if (!staged)
        return antler__no_memory(err);
    memcpy(staged, model->parameters, (size_t)model->total * sizeof *staged);
    visit v = {.model = model, .read = entries, .to = staged, .err = err};
    antler_status status = legacy ? read_legacy(&v) : visit_model(&v, root);
    if (status == ANTLER_OK)
        status = read_optimizer(model, entries, legacy ? legacy_slot : keras_slot, err);
    if (status == ANTLER_OK) {
        memcpy(model->parameters, staged, (size_t)model->total * sizeof *staged);
        model->initialized = true;
        read_position(model, entries);
    }
    antler__free_aligned(staged);
    return status;
}
