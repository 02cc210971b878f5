#include "model/ends.h"

#include "core/memory.h"

#include <stdio.h>
#include <string.h>

static bool is_taken(char *const *names, int64_t n, const char *name)
{
    for (int64_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* names[n] becomes a copy of `name`, with a number where the others have it. */
static bool add_name(char **names, int64_t n, const char *name)
{
    if (!is_taken(names, n, name))
        return (names[n] = antler__copy_text(name)) != NULL;
    size_t size = strlen(name) + 32;
    char *numbered = names[n] = antler__allocate(size, 1);
    for (long long i = 1; numbered && (i == 1 || is_taken(names, n, numbered)); i++)
        snprintf(numbered, size, "%s_%lld", name, i);
    return numbered;
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
    bool fits = model->input_name && model->output_name;
    for (int64_t k = 0; fits && k < model->inputs; k++)
        fits = add_name(model->input_name, k, input_name(model, k));
    for (int64_t k = 0; fits && k < model->outputs; k++)
        fits = add_name(model->output_name, k, output_name(model, k));
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
