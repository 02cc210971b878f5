#include "model/sayable.h"

#include "core/text.h"
#include "model/tree_write.h"

#include <stdio.h>

static bool is_legacy(const char *path)
{
    return (antler__ends_with(path, ".h5") && !antler__ends_with(path, ".weights.h5")) ||
           antler__ends_with(path, ".hdf5");
}

/* A model of Keras 2 goes back to it, as it came; one with operators of Keras 3 cannot. */
antler_style antler__legacy_style(const antler_model *model)
{
    return model->keras < 300 && !antler__tree_has_operators(model->tree) ? ANTLER_STYLE_KERAS2 : ANTLER_STYLE_LEGACY;
}

/* A file of today's Keras means today's rules, and an older one treats the masks of several inputs otherwise: where
   tensors are joined up to 3.3, of attention and of states in Keras 2. */
static antler_status check_masks(const antler_model *model, const antler_call *call, antler_error *err)
{
    int masked = 0;
    for (int k = 0; k < call->inputs; k++)
        masked += model->wire[call->in[k]].masked;
    bool joins = call->of->mask == ANTLER_MASK_ALL;
    if (call->inputs < 2 || !masked || call->of->mask == ANTLER_MASK_ANY || model->keras >= (joins ? 304 : 300))
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_UNSUPPORTED, NULL,
                            "layer \"%.80s\" treats the masks of its inputs as Keras %d.%d does, which a file of Keras "
                            "3.15 cannot say%s",
                            call->of->name, model->keras / 100, model->keras % 100,
                            model->keras < 300 ? "; a .h5 can, for Keras 2" : "");
}

antler_status antler_save_check(const antler_model *model, const char *path, antler_error *err)
{
    antler_error error = {0};
    ANTLER_TRY(antler__require(model, "model", err));
    ANTLER_TRY(antler__require(path, "path", err));
    if (!model->built || antler__ends_with(path, ".weights.h5") ||
        (is_legacy(path) && antler__legacy_style(model) == ANTLER_STYLE_KERAS2))
        return ANTLER_OK;
    for (int64_t i = 0; i < model->calls && error.status == ANTLER_OK; i++)
        check_masks(model, &model->call[i], &error);
    antler__error_file(&error, path);
    return antler__error_copy(err, &error);
}

/* An activation in the object's config, or in those of objects in it, that Keras 3 has under no name. */
static const antler_type *find_nameless(antler_object object)
{
    const antler_type *found = NULL;
    if (object.type && object.type->kind == ANTLER_KIND_ACTIVATION)
        return ((const antler_activation_ops *)object.type)->keras ? object.type : NULL;
    antler_field_walk walk = antler__fields_of(object.type);
    for (const antler_field *field; !found && (field = antler__field_next(&walk));) {
        const void *at = (const char *)object.config + field->offset;
        const antler_objects *several = at;
        if (field->kind == ANTLER_OBJECT && ((const antler_object *)at)->type)
            found = find_nameless(*(const antler_object *)at);
        for (int64_t i = 0; field->kind == ANTLER_OBJECTS && !found && i < several->n; i++)
            found = find_nameless(several->item[i]);
    }
    return found;
}

void antler__names_tell(antler_model *model, const char *path)
{
    const antler_type *found = NULL;
    if (!is_legacy(path) || antler__legacy_style(model) != ANTLER_STYLE_KERAS2)
        return;
    for (int64_t i = 0; !found && i < model->layers; i++)
        found = find_nameless(model->layer[i].object);
    if (!found)
        return;
    antler_error told = {0};
    snprintf(told.file, sizeof told.file, "%s", path);
    snprintf(
        told.message, sizeof told.message,
        "the file is for Keras 2: Keras 3 takes a name in it for another function than %s; a .keras says it to Keras 3",
        found->doc);
    antler__model_warn(model, &told);
}
