#include "model/weights.h"

#include "core/memory.h"
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

static antler_status read_all(antler_model *model, const antler_entries *entries, antler_real *to, antler_error *err)
{
    ANTLER_TRY(antler__is_legacy_weights(entries) ? antler__legacy_weights_read(model, entries, to, err)
                                                  : antler__keras_weights_read(model, entries, to, err));
    antler_position position = {model->step, model->epoch};
    ANTLER_TRY(antler__position_read(entries, &position, err));
    ANTLER_TRY(antler__optimizer_read(model, entries, err)); /* last, as it changes the model */
    model->step = position.step;
    model->epoch = position.epoch;
    return ANTLER_OK;
}

antler_status antler__weights_read(antler_model *model, const antler_entries *entries, antler_error *err)
{
    antler_real *staged = antler__allocate_aligned((size_t)model->size, sizeof *staged);
    if (!staged)
        return antler__no_memory(err);
    memcpy(staged, model->parameters, (size_t)model->size * sizeof *staged);
    antler_status status = read_all(model, entries, staged, err);
    if (status == ANTLER_OK) {
        memcpy(model->parameters, staged, (size_t)model->size * sizeof *staged);
        model->initialized = true;
    }
    antler__free_aligned(staged);
    return status;
}
