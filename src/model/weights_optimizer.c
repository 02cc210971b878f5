/* What a weights file holds beside the weights: the optimizer's state (iteration, rate unless a schedule gives it, then
   its slots over the trained variables), and where training stands, in a group that is Antler's and that Keras never
   visits. */
#include "model/weights_optimizer.h"

#include "config/names.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "model/optimizer_arrays.h"
#include "model/structure.h"
#include "model/weights_entries.h"
#include "model/weights_legacy.h"
#include "model/weights_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- counters ---------------------------------------------------------------------------------------------------- */

static bool number_at(const antler_entry *entry, int64_t index, double *value)
{
    switch (entry->dtype) {
    case ANTLER_INT64:
    case ANTLER_UINT64:
    case ANTLER_INT32:
    case ANTLER_UINT32:
        *value = antler__entry_integer(entry, index);
        return true;
    case ANTLER_FLOAT32: /* the first Keras 2 */
        *value = (double)((const float *)entry->data)[index];
        return true;
    case ANTLER_FLOAT64:
        *value = ((const double *)entry->data)[index];
        return true;
    default:
        return false;
    }
}

antler_status antler__counter_read(const antler_entry *entry, int64_t index, int64_t *value, antler_error *err)
{
    double number = 0;
    if (index >= antler_count(&entry->shape, 0) || !number_at(entry, index, &number))
        return antler_error_set(err, ANTLER_FORMAT, entry->name, "no count here: %s", antler__dtype_name(entry->dtype));
    if (!(number >= 0 && number <= ANTLER_DOUBLE_EXACT /* no run gets there, and no sum overflows */) ||
        number != (double)(int64_t)number)
        return antler_error_set(err, ANTLER_FORMAT, entry->name, "%.17g is not a count in [0, 2^53]", number);
    *value = (int64_t)number;
    return ANTLER_OK;
}

/* ---- the optimizer ----------------------------------------------------------------------------------------------- */

static const antler_object *optimizer_of(const antler_model *model)
{
    return model->compile && model->compile->optimizer.type ? &model->compile->optimizer : NULL;
}

/* Whether the rate is a number, which files hold, and not a schedule. */
static bool has_rate(const antler_object *optimizer, float *rate)
{
    antler_object schedule = ((const antler_optimizer_keys *)optimizer->config)->learning_rate;
    *rate = (float)((const antler_schedule_ops *)schedule.type)->rate(schedule.config, 0);
    return schedule.type->flags & ANTLER_TYPE_BARE;
}

/* ---- writing it -------------------------------------------------------------------------------------------------- */

/* Where a state goes: data sets 0, 1 ... of a group; in a legacy file the list has their names. */
typedef struct target {
    const char *group;
    int64_t n;
    antler_layout layout;
    antler_name_list *list;
    antler_entries *entries;
} target;

/* The path of the next data set. What counts the steps of an older optimizer is known by its name. */
static antler_status name_next(target *t, char path[64], antler_error *err)
{
    const bool counts = t->n == 0 && t->layout == ANTLER_LAYOUT_OLDER;
    const int before = snprintf(path, 64, "%s/", t->group);
    snprintf(path + before, 64 - (size_t)before, counts ? "iter" : "vars/%" PRId64, t->n);
    t->n++;
    return t->list ? antler__name_list_add(t->list, path + before, err) : ANTLER_OK;
}

static antler_status write_number(target *t, antler_dtype dtype, const void *number, antler_error *err)
{
    const antler_shape scalar = {0, {0}};
    char path[64];
    ANTLER_TRY(name_next(t, path, err));
    return antler__entries_add(t->entries, path, dtype, &scalar, number, antler_dtype_size(dtype), err);
}

static antler_status write_array(target *t, const antler_shape *shape, const antler_real *data, antler_error *err)
{
    char path[64];
    ANTLER_TRY(name_next(t, path, err));
    return antler__weights_put(t->entries, path, shape, data, err);
}

/* The momentum that SGD has in Keras 2 where it takes none: zeros beside each trained variable. */
static antler_status write_unread(const antler_model *model, target *t, antler_error *err)
{
    antler_status status = ANTLER_OK;
    for (int64_t i = 0; status == ANTLER_OK && i < model->variables; i++) {
        const antler_shape *shape = &model->variable[i].view.value.shape;
        if (!model->variable[i].view.trainable)
            continue;
        antler_real *zeros = antler__allocate_zeroed((size_t)antler_count(shape, 0), sizeof *zeros);
        status = zeros ? write_array(t, shape, zeros, err) : antler__no_memory(err);
        antler__free(zeros);
    }
    return status;
}

static antler_status write_state(const antler_model *model, target *t, antler_error *err)
{
    static const int32_t none;
    antler_state_array next;
    antler_state_walk w = antler__state_walk(model, t->layout);
    float rate;
    ANTLER_TRY(write_number(t, ANTLER_INT64, &model->iteration, err));
    if (has_rate(optimizer_of(model), &rate) && t->layout == ANTLER_LAYOUT_KERAS3)
        ANTLER_TRY(write_number(t, ANTLER_FLOAT32, &rate, err));
    while (antler__state_next(&w, &next))
        ANTLER_TRY(next.dummy ? write_number(t, ANTLER_INT32, &none, err)
                              : write_array(t, &next.shape, next.data, err));
    return t->layout == ANTLER_LAYOUT_KERAS2 && model->slots == model->own_slot ? write_unread(model, t, err)
                                                                                : ANTLER_OK;
}

/* A model that came from Keras 2 goes back there, with the kind of optimizer that it had. */
static antler_layout layout_of(const antler_model *model, antler_style style)
{
    if (style != ANTLER_STYLE_KERAS2)
        return ANTLER_LAYOUT_KERAS3;
    return model->compile->older_optimizer ? ANTLER_LAYOUT_OLDER : ANTLER_LAYOUT_KERAS2;
}

static antler_status write_legacy(const antler_model *model, antler_style style, antler_entries *entries,
                                  antler_error *err)
{
    antler_name_list list = {0};
    target t = {"/optimizer_weights", 0, layout_of(model, style), &list, entries};
    antler_status status = write_state(model, &t, err);
    if (status == ANTLER_OK)
        return antler__name_list_write(&list, "/optimizer_weights@weight_names", entries, err);
    antler__free(list.text);
    return status;
}

antler_status antler__optimizer_write(const antler_model *model, antler_style style, antler_entries *entries,
                                      antler_error *err)
{
    char snake[128];
    target t = {"/optimizer", 0, ANTLER_LAYOUT_KERAS3, NULL, entries};
    if (!optimizer_of(model))
        return ANTLER_OK;
    if (style != ANTLER_STYLE_KERAS)
        return write_legacy(model, style, entries, err);
    antler__snake_case(optimizer_of(model)->type->class_name, snake, sizeof snake);
    ANTLER_TRY(antler__weights_put_group(entries, "/optimizer/vars", err));
    ANTLER_TRY(antler__weights_put_text(entries, "/optimizer/vars@name", snake, err));
    return write_state(model, &t, err);
}

/* ---- reading it -------------------------------------------------------------------------------------------------- */

/* The entries of a state in a file, in their order; ends with NULL. */
typedef struct state {
    const antler_entry **entry; /* for antler__free */
    bool older;                 /* by the name of its count of steps, or as it has none */
} state;

/* "Adam/iter:0" and "Adam/iterations:0" of the older ones, "iteration:0" and "adam/iteration" of the newer. */
static bool is_older(const char *name)
{
    const char *base = strrchr(name, '/');
    base = base ? base + 1 : name;
    return strncmp(base, "iter", 4) == 0 && !(strncmp(base, "iteration", 9) == 0 && base[9] != 's');
}

static void find_legacy(const antler_entries *entries, state *s)
{
    antler_names names = antler__names_of(entries, "/optimizer_weights@weight_names");
    char path[ANTLER_LONGEST_PATH];
    int64_t n = 0;
    for (const char *name; n < entries->n && (name = antler__names_next(&names)); n++) {
        snprintf(path, sizeof path, "/optimizer_weights/%s", name);
        if (!(s->entry[n] = antler__entries_find(entries, path)))
            break;
        if (n == 0)
            s->older = is_older(name) || s->entry[0]->shape.rank > 0;
        if (antler__ends_with(name, "/dynamic_scale")) /* the last of a LossScaleOptimizer's own */
            n = -1;
    }
    s->entry[n] = NULL;
}

static void find_keras(const antler_entries *entries, state *s)
{
    /* that of a LossScaleOptimizer lies deeper */
    const bool deeper = antler__entries_find(entries, "/optimizer/inner_optimizer/vars/0");
    char path[ANTLER_LONGEST_PATH];
    int64_t n = 0;
    for (; n < entries->n; n++) {
        snprintf(path, sizeof path, "/optimizer/%svars/%" PRId64, deeper ? "inner_optimizer/" : "", n);
        if (!(s->entry[n] = antler__entries_find(entries, path)))
            break;
    }
    s->entry[n] = NULL;
}

static antler_status find_state(const antler_entries *entries, state *s, antler_error *err)
{
    *s = (state){.entry = antler__allocate((size_t)entries->n + 1, sizeof *s->entry)};
    if (!s->entry)
        return antler__no_memory(err);
    (antler__is_legacy_weights(entries) ? find_legacy : find_keras)(entries, s);
    return ANTLER_OK;
}

static bool holds_reals(const antler_entry *entry)
{
    return entry->dtype == ANTLER_FLOAT32 || entry->dtype == ANTLER_FLOAT64;
}

/* Whether the rest is empty, or what Keras 2 keeps beside what it reads: a number or an array for each trained
   variable. */
static bool is_unread(const antler_model *model, antler_layout layout, const antler_entry *const *rest)
{
    if (!*rest)
        return true;
    for (int64_t i = 0; i < model->variables; i++) {
        const antler_shape *shape = &model->variable[i].view.value.shape;
        if (!model->variable[i].view.trainable)
            continue;
        if (!*rest || !(antler_shape_equal(&(*rest)->shape, shape) || antler_count(&(*rest)->shape, 0) == 1))
            return false;
        rest++;
    }
    return !*rest && layout != ANTLER_LAYOUT_KERAS3;
}

/* Whether every array of a layout is there with its shape. */
static bool slots_fit(const antler_model *model, antler_layout layout, const antler_entry *const *entry)
{
    antler_state_array next;
    antler_state_walk w = antler__state_walk(model, layout);
    for (; antler__state_next(&w, &next); entry++)
        if (!*entry || !antler_shape_equal(&(*entry)->shape, &next.shape) || (!next.dummy && !holds_reals(*entry)))
            return false;
    return is_unread(model, layout, entry);
}

/* What a file's state is to the model. */
typedef struct found {
    const antler_entry *const *slots; /* NULL: it does not fit, and as in Keras the optimizer starts afresh */
    antler_layout layout;
    int64_t steps; /* -1: it does not fit */
} found;

static antler_status check_state(antler_model *model, const state *s, found *f, antler_error *err)
{
    float rate;
    int64_t steps = 0;
    const antler_entry *const *first = s->entry;
    *f = (found){.steps = -1};
    const bool counted = first[0] && first[0]->shape.rank == 0;
    if (!first[0] || (!counted && !s->older) || (first[0]->dtype == ANTLER_FLOAT32 && !s->older))
        return ANTLER_OK;
    if (counted)
        ANTLER_TRY(antler__counter_read(*first++, 0, &steps, err));
    ANTLER_TRY(antler__model_slots(model, err));
    const bool rated = has_rate(optimizer_of(model), &rate) && *first && (*first)->shape.rank == 0;
    const struct {
        antler_layout layout;
        bool possible;
    } tries[] = {{ANTLER_LAYOUT_OLDER, s->older},
                 {ANTLER_LAYOUT_KERAS3, !s->older && rated == has_rate(optimizer_of(model), &rate)},
                 {ANTLER_LAYOUT_KERAS2, !s->older}};
    for (size_t i = 0; !f->slots && i < sizeof tries / sizeof *tries; i++) {
        const antler_layout layout = tries[i].layout;
        const antler_entry *const *slots = first + (layout == ANTLER_LAYOUT_KERAS3 && rated);
        if (tries[i].possible && slots_fit(model, layout, slots))
            *f = (found){slots, layout, steps};
    }
    return ANTLER_OK;
}

static antler_status read_state(antler_model *model, const state *s, antler_error *err)
{
    antler_state_array next;
    found f;
    ANTLER_TRY(check_state(model, s, &f, err));
    if (!f.slots)
        return ANTLER_OK;
    antler_state_walk w = antler__state_walk(model, f.layout);
    for (; antler__state_next(&w, &next); f.slots++)
        if (!next.dummy)
            ANTLER_TRY(antler__weights_take(*f.slots, &next.shape, next.data, err));
    model->iteration = f.steps;
    return ANTLER_OK;
}

/* Another optimizer's state may have the same shapes. Files of Antler say whose it is; Keras's do not. */
static bool is_of_another(const antler_model *model, const antler_entries *entries)
{
    const antler_entry *name = antler__entries_find(entries, "/antler/optimizer");
    const char *own = optimizer_of(model)->type->class_name;
    return name && (name->dtype != ANTLER_UINT8 || antler_count(&name->shape, 0) != (int64_t)strlen(own) ||
                    memcmp(name->data, own, strlen(own)) != 0);
}

antler_status antler__optimizer_steps(antler_model *model, const antler_entries *entries, int64_t *steps,
                                      antler_error *err)
{
    state s;
    found f = {.steps = -1};
    *steps = -1;
    if (!optimizer_of(model) || is_of_another(model, entries))
        return ANTLER_OK;
    ANTLER_TRY(find_state(entries, &s, err));
    antler_status status = check_state(model, &s, &f, err);
    antler__free(s.entry);
    *steps = f.steps;
    return status;
}

antler_status antler__optimizer_read(antler_model *model, const antler_entries *entries, antler_error *err)
{
    state s;
    if (!optimizer_of(model) || is_of_another(model, entries))
        return ANTLER_OK;
    ANTLER_TRY(find_state(entries, &s, err));
    antler_status status = read_state(model, &s, err);
    antler__free(s.entry);
    return status;
}

/* ---- where training stands --------------------------------------------------------------------------------------- */

antler_status antler__position_write(const antler_model *model, antler_entries *entries, antler_error *err)
{
    const antler_shape scalar = {0, {0}};
    const char *name = optimizer_of(model) ? optimizer_of(model)->type->class_name : NULL;
    if (name)
        ANTLER_TRY(antler__entries_add(entries, "/antler/optimizer", ANTLER_UINT8,
                                       &(antler_shape){1, {(int64_t)strlen(name)}}, name, strlen(name), err));
    ANTLER_TRY(
        antler__entries_add(entries, "/antler/step", ANTLER_INT64, &scalar, &model->step, sizeof model->step, err));
    return antler__entries_add(entries, "/antler/epoch", ANTLER_INT64, &scalar, &model->epoch, sizeof model->epoch,
                               err);
}

antler_status antler__position_read(const antler_entries *entries, antler_position *position, antler_error *err)
{
    const antler_entry *step = antler__entries_find(entries, "/antler/step");
    const antler_entry *epoch = antler__entries_find(entries, "/antler/epoch");
    if (!step || !epoch)
        return ANTLER_OK;
    ANTLER_TRY(antler__counter_read(step, 0, &position->step, err));
    return antler__counter_read(epoch, 0, &position->epoch, err);
}
