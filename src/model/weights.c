#include "model/weights.h"

#include "core/memory.h"
#include "model/structure.h"
#include "model/weights_keras.h"
#include "model/weights_legacy.h"
#include "model/weights_optimizer.h"

#include <string.h>

antler_status antler__weights_write(const antler_model *model, antler_style style, antler_entries *entries,
                                    antler_error *err)
{
    ANTLER_TRY(antler__position_write(model, entries, err));
    ANTLER_TRY(style != ANTLER_STYLE_KERAS ? antler__legacy_weights_write(model, style, entries, err)
                                           : antler__keras_weights_write(model, entries, err));
    return antler__optimizer_write(model, style, entries, err);
}

bool antler__is_weights(const antler_entries *entries)
{
    return antler__is_legacy_weights(entries) || antler__is_keras_weights(entries);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Integers are the seeds of noise. */
static bool holds_weights(const antler_entry *entry)
{
    static const char *const others[] = {"/antler", "/optimizer", "/optimizer_weights", "/metrics"};
    bool own = entry->dtype == ANTLER_FLOAT16 || entry->dtype == ANTLER_FLOAT32 || entry->dtype == ANTLER_FLOAT64;
    const size_t root = strcspn(entry->name + 1, "/\\") + 1;
    for (size_t i = 0; own && i < sizeof others / sizeof *others; i++)
        own = strlen(others[i]) != root || strncmp(entry->name, others[i], root) != 0;
    return own && !strchr(entry->name, '@');
}

/* Weights that the file has beyond the model's: it is of another model. Keras passes over them. */
static antler_status refuse_more(const antler_model *model, const antler_source *source, antler_error *err)
{
    for (int64_t e = 0; e < source->entries->n; e++) {
        const antler_entry *entry = &source->entries->entry[e];
        const char *name = entry->name + (strncmp(entry->name, "/layers/", 8) == 0 ? 8 : 1);
        const char *end = strstr(name, "/vars/");
        if (!source->used[e] && holds_weights(entry))
            return antler_error_set(err, ANTLER_SHAPE, entry->name,
                                    "the file has weights for \"%.*s\" more than the model \"%.80s\" of %lld layers",
                                    (int)(end ? end - name : (int)strlen(name)), name, model->tree->name,
                                    (long long)(model->layers - model->inputs));
    }
    return ANTLER_OK;
}

static antler_status read_weights(const antler_model *model, const antler_source *source, antler_error *err)
{
    if (antler__is_legacy_weights(source->entries))
        return antler__legacy_weights_read(model, source, err);
    const bool keras = antler__is_keras_weights(source->entries);
    for (int64_t e = 0; e < source->entries->n && !keras; e++)
        if (holds_weights(&source->entries->entry[e]))
            return antler_error_set(err, ANTLER_FORMAT, NULL,
                                    "no weights of layers are in it, but \"%.80s\": data, perhaps",
                                    source->entries->entry[e].name + 1);
    return antler__keras_weights_read(model, source, err);
}

static antler_status read_all(antler_model *model, const antler_source *source, antler_error *err)
{
    ANTLER_TRY(read_weights(model, source, err));
    if (source->by_name)
        return ANTLER_OK;
    ANTLER_TRY(refuse_more(model, source, err));
    antler_position position = {model->step, model->epoch};
    ANTLER_TRY(antler__position_read(source->entries, &position, err));
    ANTLER_TRY(antler__optimizer_read(model, source->entries, err)); /* last, as it changes the model */
    model->step = position.step;
    model->epoch = position.epoch;
    return ANTLER_OK;
}

/* Before memory is taken for a large model, that the file has as many numbers: an architecture of 400 bytes may ask for
   gigabytes. Of a small one the weights say more about what does not fit. */
static antler_status check_room(const antler_model *model, const antler_entries *entries, antler_error *err)
{
    enum { FREE = (64 << 20) / sizeof(antler_real) };
    int64_t wanted = 0, numbers = 0;
    for (int64_t i = 0; i < model->variables; i++)
        wanted += model->variable[i].length;
    for (int64_t i = 0; i < entries->n; i++)
        if (antler_dtype_size(entries->entry[i].dtype) > 0 && !strchr(entries->entry[i].name, '@'))
            numbers += antler_count(&entries->entry[i].shape, 0);
    if (model->size <= FREE || wanted <= numbers)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, NULL, "the model has %lld weights, the file %lld numbers",
                            (long long)wanted, (long long)numbers);
}

/* Contexts point into a block that is there. */
static void put_in_place(antler_model *model, antler_real *staged)
{
    if (!model->parameters) {
        antler__parameters_take(model, staged);
        return;
    }
    memcpy(model->parameters, staged, (size_t)model->size * sizeof *staged);
    antler__free_aligned(staged);
}

static antler_status read_staged(antler_model *model, const antler_entries *entries, bool by_name, antler_error *err)
{
    antler_source source = {.entries = entries, .by_name = by_name};
    size_t bytes = (size_t)model->size * sizeof *source.to;
    if (!model->parameters)
        ANTLER_TRY(check_room(model, entries, err));
    source.to = antler__allocate_aligned((size_t)model->size, sizeof *source.to);
    source.used = antler__allocate_zeroed((size_t)entries->n, sizeof *source.used);
    antler_status status = source.to && source.used ? ANTLER_OK : antler__no_memory(err);
    if (status == ANTLER_OK && model->parameters)
        memcpy(source.to, model->parameters, bytes);
    else if (status == ANTLER_OK)
        memset(source.to, 0, bytes);
    if (status == ANTLER_OK)
        status = read_all(model, &source, err);
    if (status == ANTLER_OK) {
        put_in_place(model, source.to);
        model->initialized = true;
        antler__slots_follow(model);
    } else {
        antler__free_aligned(source.to);
    }
    antler__free(source.used);
    return status;
}

antler_status antler__weights_read(antler_model *model, const antler_entries *entries, antler_error *err)
{
    return read_staged(model, entries, false, err);
}

antler_status antler__weights_read_by_name(antler_model *model, const antler_entries *entries, antler_error *err)
{
    ANTLER_TRY(antler__model_initialize(model, err)); /* what the file has not, must be there */
    return read_staged(model, entries, true, err);
}
