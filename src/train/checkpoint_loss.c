#include "train/checkpoint_loss.h"

#include "config/json.h"
#include "core/status.h"
#include "model/compile.h"
#include "model/unread.h"

#include <string.h>

/* Values as texts, both as a parser gives them back. */
static antler_status compare(const antler_json *ours, const antler_json *theirs, bool *same, antler_error *err)
{
    char *one = antler__json_print(ours, false), *other = antler__json_print(theirs, false);
    *same = one && other && strcmp(one, other) == 0;
    const antler_status status = one && other ? ANTLER_OK : antler__no_memory(err);
    antler_text_free(one);
    antler_text_free(other);
    return status;
}

/* The settings that a file of this model would have. */
static antler_status settings_of(const antler_model *model, antler_json **settings, antler_error *err)
{
    antler_json *written = antler__json_object(NULL, NULL);
    bool fits = antler__unread_write(model, &antler__compile_type, model->compile, ANTLER_STYLE_KERAS, written);
    char *text = fits ? antler__json_print(written, false) : NULL;
    antler_status status = text ? antler__json_parse(text, strlen(text), settings, err) : antler__no_memory(err);
    antler_text_free(text);
    antler__json_free(written);
    return status;
}

antler_status antler__checkpoint_loss(const antler_model *model, const char *config, size_t size, antler_error *err)
{
    static const char *const keys[] = {"loss", "loss_weights"};
    antler_json *theirs, *ours = NULL;
    ANTLER_TRY(antler__json_parse(config, size, &theirs, err));
    antler_status status = settings_of(model, &ours, err);
    for (int i = 0; i < 2 && status == ANTLER_OK; i++) {
        const antler_json *one = antler__json_get(ours, keys[i]),
                          *other = antler__json_get(antler__json_get(theirs, "compile_config"), keys[i]);
        bool same = !one && !other;
        if (one && other)
            status = compare(one, other, &same, err);
        if (status == ANTLER_OK && !same)
            status = antler_error_set(err, ANTLER_VALUE, NULL, "a checkpoint of another loss");
    }
    antler__json_free(ours);
    antler__json_free(theirs);
    return status;
}
