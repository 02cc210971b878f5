#include "model/ends.h"

#include "core/index.h"
#include "core/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* names[n] becomes a copy of `name`, with a number where others have it: `taken` has them, and the number last tried.
 */
static bool add_name(antler_index *taken, char **names, int64_t n, const char *name)
{
    size_t size = strlen(name) + 32;
    int64_t *tried = antler__index_find(taken, name);
    char *numbered = names[n] = antler__allocate(size, 1);
    if (!numbered)
        return false;
    snprintf(numbered, size, "%s", name);
    while (tried && antler__index_find(taken, numbered))
        snprintf(numbered, size, "%s_%" PRId64, name, ++*tried);
    return antler__index_add(taken, numbered, 0);
}

/* Of an object of tensors its key, else the name of the layer or model that gives it. */
static const char *input_name(const antler_model *model, int64_t k)
{
    return model->tree->input_key ? model->tree->input_key[k] : model->layer[model->source[k]].name;
}

static const char *output_name(const antler_model *model, int64_t k)
{
    const antler_tree *tree = model->tree;
    const antler_wire *wire = &model->wire[model->output[k]];
    if (tree->output_key)
        return tree->output_key[k];
    if (!tree->sequential)
        return antler__member_name(&tree->member[tree->output[k].member]);
    return wire->giver < 0 ? model->input_name[wire->output] : model->call[wire->giver].of->name;
}

antler_status antler__ends_name(antler_model *model, antler_error *err)
{
    model->input_name = antler__allocate_zeroed((size_t)model->inputs, sizeof *model->input_name);
    model->output_name = antler__allocate_zeroed((size_t)model->outputs, sizeof *model->output_name);
    antler_index inputs = {0}, outputs = {0};
    bool fits = model->input_name && model->output_name;
    for (int64_t k = 0; fits && k < model->inputs; k++)
        fits = add_name(&inputs, model->input_name, k, input_name(model, k));
    for (int64_t k = 0; fits && k < model->outputs; k++)
        fits = add_name(&outputs, model->output_name, k, output_name(model, k));
    antler__index_free(&inputs);
    antler__index_free(&outputs);
    return fits ? ANTLER_OK : antler__no_memory(err);
}

void antler__ends_free(antler_model *model)
{
    for (int64_t k = 0; model->input_name && k < model->inputs; k++)
        antler__free(model->input_name[k]);
    for (int64_t k = 0; model->output_name && k < model->outputs; k++)
        antler__free(model->output_name[k]);
    antler__free(model->input_name);
    antler__free(model->output_name);
    model->input_name = model->output_name = NULL;
}

const char *antler__name_near(char *const *names, int64_t n, const char *name)
{
    const char *nearest = NULL;
    int best = (int)strlen(name) / 3 + 2;
    for (int64_t i = 0; i < n; i++) {
        int distance = antler_name_distance(names[i], name);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

const char *antler__names_text(char *const *names, int64_t n, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int64_t i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s\"%s\"", i ? ", " : "", names[i]);
    return text;
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

static const antler_shape *shape_of(const antler_model *model, const int64_t *wire, char *const *names, int64_t n,
                                    int64_t index, const char **name)
{
    bool found = index >= 0 && index < n;
    if (name)
        *name = found ? names[index] : NULL;
    return found ? &model->wire[wire[index]].shape : NULL;
}

const antler_shape *antler_model_input(const antler_model *model, int64_t index, const char **name)
{
    bool built = model && model->built;
    return shape_of(model, built ? model->input : NULL, built ? model->input_name : NULL, built ? model->inputs : 0,
                    index, name);
}

const antler_shape *antler_model_output(const antler_model *model, int64_t index, const char **name)
{
    bool built = model && model->built;
    return shape_of(model, built ? model->output : NULL, built ? model->output_name : NULL, built ? model->outputs : 0,
                    index, name);
}
