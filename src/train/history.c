#include "train/history.h"

#include "core/memory.h"
#include "model/compile.h"

void antler__history_begin(antler_model *model)
{
    model->epochs_logged = 0;
    antler__compile_free(model->logged);
    model->logged = antler__compile_share(model->compile);
}

antler_status antler__history_reserve(antler_model *model, int64_t epochs, antler_error *err)
{
    if (epochs <= model->history_room)
        return ANTLER_OK;
    if (!antler__grow(&model->history, (size_t)model->epochs_logged, (size_t)epochs, sizeof *model->history))
        return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: the history");
    model->history_room = epochs;
    return ANTLER_OK;
}

antler_status antler__history_add(antler_model *model, const antler_logs *logs, antler_error *err)
{
    if (model->epochs_logged == model->history_room)
        ANTLER_TRY(antler__history_reserve(model, 2 * model->history_room + 1, err));
    model->history[model->epochs_logged++] = *logs;
    return ANTLER_OK;
}
