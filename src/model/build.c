/* Making a model from C. */
#include "model/build.h"

#include "config/registry.h"
#include "core/memory.h"
#include "files/columns.h"
#include "model/compile.h"
#include "model/structure.h"
#include "model/unread.h"

#include <stdio.h>
#include <string.h>

void antler_model_free(antler_model *model)
{
    if (!model || model->whole)
        return;
    antler__structure_free(model);
    antler__tree_free(model->tree);
    while (model->parts) {
        antler_model *part = model->parts;
        model->parts = part->next_part;
        part->tree = part->part < 0 ? part->tree : NULL; /* it was this model's */
        part->whole = NULL;
        antler_model_free(part);
    }
    antler__compile_free(model->compile);
    antler__compile_free(model->logged);
    antler__config_free(&antler__fit_type, model->fit);
    antler__columns_free(model->columns);
    antler__free(model->history);
    antler__free(model->warning);
    antler__free(model->note);
    antler__unread_free(model);
    antler__free(model->file);
    antler__free(model);
}

antler_model *antler_sequential(const char *name, const int *shape, int rank, antler_error *err)
{
    antler_model *model = antler__model_new(name, true, err);
    if (!model)
        return NULL;
    antler_error error = {0};
    antler__name_check(model->tree->name, "/", "config.name", &error);
    if (error.status == ANTLER_OK && (rank < 1 || rank >= ANTLER_MAX_RANK)) {
        antler_error_set(&error, ANTLER_SHAPE, NULL, "an input of rank %d: expected 1 to %d", rank,
                         ANTLER_MAX_RANK - 1);
    } else if (error.status == ANTLER_OK && antler__require(shape, "shape", &error) == ANTLER_OK) {
        int64_t batch_shape[ANTLER_MAX_RANK + 1] = {ANTLER_NULL};
        for (int i = 0; i < rank && error.status == ANTLER_OK; i++) {
            batch_shape[i + 1] = shape[i] == ANTLER_OPEN ? ANTLER_NULL : shape[i];
            if (shape[i] == 0) /* it would end the list */
                antler_error_set(&error, ANTLER_VALUE, NULL, "axis %d of the input has size 0", i + 1);
        }
        antler_object source;
        if (error.status == ANTLER_OK && antler__source_make(batch_shape, &source, &error) == ANTLER_OK)
            antler__tree_source(model->tree, source, &error);
    }
    if (error.status != ANTLER_OK) {
        antler__model_fail(model, &error);
        antler__error_copy(err, &error);
    }
    return model;
}

antler_status antler_set_seed(antler_model *model, int64_t seed)
{
    if (!model)
        return ANTLER_MEMORY;
    model->seed = seed;
    if (model->fit) /* it would be put back by the next fit */
        model->fit->args.seed = seed;
    return model->error.status;
}

antler_status antler__model_build(antler_model *model)
{
    if (model && model->initialized)
        return ANTLER_OK;
    ANTLER_TRY(antler__model_status(model));
    antler_error error = {0};
    antler_status status = antler__model_structure(model, &error);
    if (status == ANTLER_OK)
        status = antler__model_initialize(model, &error);
    if (status != ANTLER_OK && model->file)
        snprintf(error.file, sizeof error.file, "%s", model->file);
    return status == ANTLER_OK ? ANTLER_OK : antler__model_fail(model, &error);
}

antler_status antler_build(antler_model *model)
{
    ANTLER_TRY(antler__model_build(model));
    return antler__model_status(model); /* what failed after the model was built */
}

antler_status antler__model_ready(antler_model *model, antler_error *err)
{
    antler__model_build(model);
    antler_status status = antler__model_status(model);
    return status == ANTLER_OK ? status : antler__error_copy(err, antler_model_error(model));
}
