/* What a weights file holds beside the weights: the optimizer's state (iteration, rate unless a schedule gives it, then
   its slots over the trained variables), and where training stands, in a group that is Antler's and that Keras never
   visits. */
#include "model/weights_optimizer.h"

#include "config/names.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
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
        *value = (double)((const int64_t *)entry->data)[index];
        return true;
    case ANTLER_UINT64:
        *value = (double)((const uint64_t *)entry->data)[index];
        return true;
    case ANTLER_INT32:
        *value = ((const int32_t *)entry->data)[index];
        return true;
    case ANTLER_UINT32:
        *value = ((const uint32_t *)entry->data)[index];
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

/* One array of the state in a file. */
typedef struct array {
    antler_shape shape;
    bool dummy; /* a 0 that nobody reads */
    antler_real *data;
} array;

/* Walks the arrays in the order of files: by their slots' order, then by variable, then by slot. */
typedef struct walk {
    const antler_model *model;
    int order, slot;
    int64_t variable;
} walk;

static walk walk_slots(const antler_model *model)
{
    return (walk){.model = model, .slot = -1};
}

/* Goes on to the next slot, of this variable, the next one, or the next order; false past the last. */
static bool step_on(walk *w)
{
    if (++w->slot < w->model->slots)
        return true;
    w->slot = 0;
    if (++w->variable >= w->model->variables) {
        w->variable = 0;
        w->order++;
    }
    return w->order < w->model->slots && w->model->slots > 0;
}

/* What a slot is to a variable, as its optimizer says; the core's own are arrays. */
static antler_slot_use use_of(const antler_model *model, int slot, const antler_variable *variable, antler_shape *shape)
{
    const antler_object *optimizer = &model->compile->optimizer;
    const antler_optimizer_ops *ops = (const antler_optimizer_ops *)optimizer->type;
    *shape = variable->value.shape;
    return slot < model->own_slot || !ops->use ? ANTLER_SLOT_ARRAY
                                               : ops->use(optimizer->config, slot - model->own_slot, variable, shape);
}

static bool next_array(walk *w, array *next)
{
    const antler_model *model = w->model;
    while (step_on(w)) {
        const antler_slot *kind = &model->slot_kind[w->slot];
        const antler_model_variable_entry *v = model->variables ? &model->variable[w->variable] : NULL;
        *next = (array){.data = model->slot[w->slot]};
        if (kind->order != w->order)
            continue;
        if (kind->shared) {
            if (w->variable == 0)
                return true;
            continue;
        }
        if (!v || !v->view.trainable)
            continue;
        const antler_slot_use use = use_of(model, w->slot, &v->view, &next->shape);
        next->data += v->offset;
        next->dummy = use == ANTLER_SLOT_DUMMY;
        next->shape = next->dummy ? (antler_shape){0, {0}} : next->shape;
        if (use != ANTLER_SLOT_NONE)
            return true;
    }
    return false;
}

static antler_status write_array(const array *a, const char *name, antler_entries *entries, antler_error *err)
{
    static const int32_t none;
    return a->dummy ? antler__entries_add(entries, name, ANTLER_INT32, &a->shape, &none, sizeof none, err)
                    : antler__weights_put(entries, name, &a->shape, a->data, err);
}

/* Writes the state as data sets prefix/0, prefix/1 ...; *n is how many. */
static antler_status write_state(const antler_model *model, const char *prefix, int64_t *n, antler_entries *entries,
                                 antler_error *err)
{
    const antler_shape scalar = {0, {0}};
    array next;
    walk w = walk_slots(model);
    char name[64];
    float rate;
    *n = 0;
    snprintf(name, sizeof name, "%s/%" PRId64, prefix, (*n)++);
    ANTLER_TRY(
        antler__entries_add(entries, name, ANTLER_INT64, &scalar, &model->iteration, sizeof model->iteration, err));
    if (has_rate(optimizer_of(model), &rate)) {
        snprintf(name, sizeof name, "%s/%" PRId64, prefix, (*n)++);
        ANTLER_TRY(antler__entries_add(entries, name, ANTLER_FLOAT32, &scalar, &rate, sizeof rate, err));
    }
    while (next_array(&w, &next)) {
        snprintf(name, sizeof name, "%s/%" PRId64, prefix, (*n)++);
        ANTLER_TRY(write_array(&next, name, entries, err));
    }
    return ANTLER_OK;
}

static antler_status write_legacy(const antler_model *model, antler_entries *entries, antler_error *err)
{
    antler_name_list list = {0};
    antler_status status = ANTLER_OK;
    char name[64];
    int64_t n;
    ANTLER_TRY(write_state(model, "/optimizer_weights/vars", &n, entries, err));
    for (int64_t i = 0; status == ANTLER_OK && i < n; i++) {
        snprintf(name, sizeof name, "vars/%" PRId64, i);
        status = antler__name_list_add(&list, name, err);
    }
    if (status == ANTLER_OK)
        return antler__name_list_write(&list, "/optimizer_weights@weight_names", entries, err);
    antler__free(list.text);
    return status;
}

antler_status antler__optimizer_write(const antler_model *model, antler_style style, antler_entries *entries,
                                      antler_error *err)
{
    char snake[128];
    int64_t n;
    if (!optimizer_of(model))
        return ANTLER_OK;
    if (style != ANTLER_STYLE_KERAS)
        return write_legacy(model, entries, err);
    antler__snake_case(optimizer_of(model)->type->class_name, snake, sizeof snake);
    ANTLER_TRY(antler__weights_put_group(entries, "/optimizer/vars", err));
    ANTLER_TRY(antler__weights_put_text(entries, "/optimizer/vars@name", snake, err));
    return write_state(model, "/optimizer/vars", &n, entries, err);
}

/* The entries of a state in their order, in either layout; ends with NULL. For antler__free; NULL without memory. */
static const antler_entry **find_state(const antler_entries *entries)
{
    const antler_entry **state = antler__allocate((size_t)entries->n + 1, sizeof *state);
    char path[ANTLER_LONGEST_PATH];
    int64_t n = 0;
    if (!state)
        return NULL;
    if (antler__is_legacy_weights(entries)) {
        antler_names names = antler__names_of(entries, "/optimizer_weights@weight_names");
        for (const char *name; n < entries->n && (name = antler__names_next(&names)); n++) {
            snprintf(path, sizeof path, "/optimizer_weights/%s", name);
            if (!(state[n] = antler__entries_find(entries, path)))
                break;
            if (antler__ends_with(name, "/dynamic_scale")) /* the last of a LossScaleOptimizer's own */
                n = -1;
        }
    } else { /* that of a LossScaleOptimizer lies deeper */
        const bool deeper = antler__entries_find(entries, "/optimizer/inner_optimizer/vars/0");
        for (; n < entries->n; n++) {
            snprintf(path, sizeof path, "/optimizer/%svars/%" PRId64, deeper ? "inner_optimizer/" : "", n);
            if (!(state[n] = antler__entries_find(entries, path)))
                break;
        }
    }
    state[n] = NULL;
    return state;
}

/* Whether every array is there with its shape; Keras, too, starts afresh when they are not. */
static bool slots_fit(const antler_model *model, const antler_entry *const *entry)
{
    array next;
    walk w = walk_slots(model);
    for (; next_array(&w, &next); entry++)
        if (!*entry || !antler_shape_equal(&(*entry)->shape, &next.shape) ||
            (!next.dummy && (*entry)->dtype != ANTLER_FLOAT32 && (*entry)->dtype != ANTLER_FLOAT64))
            return false;
    return !*entry;
}

/* The slots of a state that fits the compiled optimizer, and the steps that it had done; NULL and -1 for any other. */
static antler_status check_state(antler_model *model, const antler_entry *const *state,
                                 const antler_entry *const **slots, int64_t *steps, antler_error *err)
{
    float rate;
    int64_t iteration;
    bool counted = state[0] && state[0]->shape.rank == 0 && state[0]->dtype != ANTLER_FLOAT32;
    *slots = NULL;
    *steps = -1;
    if (!counted)
        return ANTLER_OK;
    ANTLER_TRY(antler__counter_read(state[0], 0, &iteration, err));
    ANTLER_TRY(antler__model_slots(model, err));
    const antler_entry *const *first = state + 1;
    if (has_rate(optimizer_of(model), &rate) && *first)
        first++;
    if (slots_fit(model, first)) {
        *slots = first;
        *steps = iteration;
    }
    return ANTLER_OK;
}

static antler_status read_state(antler_model *model, const antler_entry *const *state, antler_error *err)
{
    array next;
    const antler_entry *const *slots;
    int64_t steps;
    ANTLER_TRY(check_state(model, state, &slots, &steps, err));
    if (!slots)
        return ANTLER_OK;
    walk w = walk_slots(model);
    for (; next_array(&w, &next); slots++)
        if (!next.dummy)
            ANTLER_TRY(antler__weights_take(*slots, &next.shape, next.data, err));
    model->iteration = steps;
    return ANTLER_OK;
}

antler_status antler__optimizer_steps(antler_model *model, const antler_entries *entries, int64_t *steps,
                                      antler_error *err)
{
    const antler_entry *const *slots;
    *steps = -1;
    if (!optimizer_of(model))
        return ANTLER_OK;
    const antler_entry **state = find_state(entries);
    antler_status status = state ? check_state(model, state, &slots, steps, err) : antler__no_memory(err);
    antler__free(state);
    return status;
}

antler_status antler__optimizer_read(antler_model *model, const antler_entries *entries, antler_error *err)
{
    if (!optimizer_of(model))
        return ANTLER_OK;
    const antler_entry **state = find_state(entries);
    antler_status status = state ? read_state(model, state, err) : antler__no_memory(err);
    antler__free(state);
    return status;
}

/* ---- where training stands --------------------------------------------------------------------------------------- */

antler_status antler__position_write(const antler_model *model, antler_entries *entries, antler_error *err)
{
    const antler_shape scalar = {0, {0}};
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
