/* A model's parts, and looking at them. */
#include "model/model.h"

#include "config/json.h"
#include "config/registry.h"
#include "core/memory.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    MOST_WARNINGS = 64
}; /* that are kept: of a stranger's file each is one for a key, and has its line looked for */

const char *antler_version(void)
{
    return ANTLER_VERSION;
}

const char *antler_isa(const char **complaint)
{
    const char *name = antler__kernels()->name;
    if (complaint)
        *complaint = antler__kernels_error();
    return name;
}

antler_status antler__model_fail(antler_model *model, const antler_error *error)
{
    if (model->error.status == ANTLER_OK)
        model->error = *error;
    return model->error.status;
}

void antler__model_warn(antler_model *model, const antler_error *warning)
{
    static const antler_error rest = {.message = "there are more warnings, which are not kept"};
    for (int64_t i = 0; i < model->warnings; i++)
        if (strcmp(model->warning[i].place, warning->place) == 0 &&
            strcmp(model->warning[i].message, warning->message) == 0)
            return;
    if (model->warnings <= MOST_WARNINGS &&
        antler__grow_by(&model->warning, (size_t)model->warnings, 1, sizeof *model->warning)) {
        model->warning[model->warnings] = model->warnings < MOST_WARNINGS ? *warning : rest;
        model->warnings++;
    }
}

antler_status antler__model_status(const antler_model *model)
{
    return model ? model->error.status : ANTLER_MEMORY;
}

antler_model *antler__model_new(const char *name, bool sequential, antler_error *err)
{
    antler_model *model = antler__allocate_zeroed(1, sizeof *model);
    name = name ? name : sequential ? "sequential" : "functional";
    antler_tree *tree = model ? antler__tree_new(name, sequential, err) : NULL;
    if (!tree) {
        antler__free(model);
        antler__no_memory(err);
        return NULL;
    }
    model->tree = tree;
    model->last.member = model->part = -1;
    model->keras = ANTLER_KERAS;
    return model;
}

antler_status antler__model_append(antler_model *model, antler_tree_member member, antler_error *err)
{
    member.place = model->tree->members;
    if (!model->built)
        return antler__tree_add(model->tree, member, err);
    antler__member_free(&member);
    return antler_error_set(err, ANTLER_VALUE, NULL, "the model is built: no layer can be added");
}

antler_status antler__source_make(const int64_t *batch_shape, antler_object *layer, antler_error *err)
{
    const antler_layer_ops *source = antler__source_layer();
    antler_json *config = antler__json_object(NULL, NULL),
                *list = antler__json_array(config, "batch_input_shape"); /* the spelling that every layer has */
    bool fits = list;
    for (int i = 0; fits && i < ANTLER_MAX_RANK && batch_shape[i] != 0; i++)
        fits = batch_shape[i] == ANTLER_NULL ? antler__json_add_null(list, NULL) != NULL
                                             : antler__json_add_number(list, NULL, (double)batch_shape[i]) != NULL;
    antler_report report = {.err = err};
    antler_place place = antler__at(NULL, "config.layers[0].config");
    *layer = (antler_object){&source->type, NULL};
    antler_status status =
        fits ? antler__config_read(&source->type, config, &place, &report, &layer->config) : antler__no_memory(err);
    antler__json_free(config);
    return status;
}

int64_t antler_model_seed(const antler_model *model)
{
    return model ? model->seed : 0;
}

const char *antler_model_name(const antler_model *model)
{
    return model && model->tree && model->tree->name ? model->tree->name : "";
}

const antler_error *antler_model_error(const antler_model *model)
{
    static const antler_error none = {.status = ANTLER_MEMORY, .message = "out of memory"};
    return !model ? &none : model->error.status != ANTLER_OK ? &model->error : &model->failure;
}

const antler_error *antler_model_warning(const antler_model *model, int64_t index)
{
    int64_t unreads = model ? model->unreads : 0;
    if (index >= 0 && index < unreads)
        return &model->unread[index].error;
    index -= index < 0 ? 0 : unreads;
    return model && index >= 0 && index < model->warnings ? &model->warning[index] : NULL;
}

const antler_shape *antler_input_shape(const antler_model *model)
{
    return model && model->built ? &model->wire[model->input[0]].shape : NULL;
}

const antler_shape *antler_output_shape(const antler_model *model)
{
    return model && model->built ? &model->wire[model->output[0]].shape : NULL;
}

int64_t antler_model_batch(const antler_model *model)
{
    const antler_shape *input = antler_input_shape(model);
    if (input && input->dim[0] > 0)
        return input->dim[0];
    return model && model->fit && model->fit->args.batch_size > 0 ? model->fit->args.batch_size : 32;
}

/* The least that a layer which reads the input takes. Whole numbers that nobody looks up in a table (pixels) are as
   good as 0 and 1. */
int64_t antler_input_tokens(const antler_model *model, int64_t index)
{
    int64_t least = 0;
    if (!antler_model_input(model, index, NULL))
        return 0;
    const antler_wire *input = &model->wire[model->input[index]];
    for (int64_t i = 0; i < input->users; i++) {
        const antler_call *call = &model->call[input->user[i]];
        const antler_layer *layer = &model->layer[call->layer];
        int64_t tokens =
            call->in[0] == model->input[index] && layer->ops->tokens ? layer->ops->tokens(layer->object.config) : 0;
        least = tokens > 0 && (least == 0 || tokens < least) ? tokens : least;
    }
    const char *dtype = antler__layer_keys(model->layer[model->source[index]].object)->dtype;
    return least > 0 ? least : antler__is_integer(dtype) ? 2 : 0;
}

int64_t antler_model_tokens(const antler_model *model)
{
    return antler_input_tokens(model, 0);
}

bool antler_model_random(const antler_model *model)
{
    return model && model->sites > 0;
}

const char *antler_model_activation(const antler_model *model, int64_t index)
{
    if (!antler_model_output(model, index, NULL))
        return NULL;
    const antler_wire *output = &model->wire[model->output[index]];
    const antler_activation_ops *f = output->giver < 0 ? NULL : model->layer[model->call[output->giver].layer].f;
    return f ? f->type.class_name : NULL;
}

const char *antler_output_activation(const antler_model *model)
{
    return antler_model_activation(model, 0);
}

/* The index-th of all metrics. */
static bool find_metric(const antler_by_output *metrics, int64_t index, antler_object *object)
{
    *object = (antler_object){NULL, NULL};
    for (int64_t i = 0; index >= 0 && i < metrics->n; index -= metrics->item[i++].objects.n)
        if (index < metrics->item[i].objects.n) {
            *object = metrics->item[i].objects.item[index];
            return true;
        }
    return false;
}

/* The loss of an output; before the model is built, of a place in the list. */
static bool find_loss(const antler_model *model, const antler_compile_settings *compile, int64_t index,
                      antler_object *object)
{
    *object = (antler_object){NULL, NULL};
    if (!antler__compile_has_loss(compile) || index < 0 ||
        index >= (compile->settled ? model->outputs : compile->loss.n))
        return false;
    for (int64_t i = 0; i < compile->targets; i++)
        if (compile->target[i].output == index)
            *object = compile->target[i].loss;
    if (!compile->settled && compile->loss.item[index].objects.n)
        *object = compile->loss.item[index].objects.item[0];
    return true;
}

bool antler_model_object(const antler_model *model, antler_kind kind, int64_t index, antler_object *object)
{
    static const antler_compile_settings not_compiled;
    const antler_compile_settings *compile = model && model->compile ? model->compile : &not_compiled;
    antler_fit_settings *fit = model ? model->fit : NULL;
    const antler_object settings = {&antler__fit_type, fit}, *list = NULL;
    int64_t n = 0, weighted = index;
    if (kind == ANTLER_KIND_LAYER) {
        bool there = model && index >= 0 && index < model->layers;
        *object = there ? model->layer[index].object : (antler_object){NULL, NULL};
        return there;
    }
    if (kind == ANTLER_KIND_METRIC) {
        const antler_by_output *metrics = &compile->metrics;
        for (int64_t i = 0; i < metrics->n; i++)
            weighted -= metrics->item[i].objects.n;
        return find_metric(metrics, index, object) || find_metric(&compile->weighted_metrics, weighted, object);
    } else if (kind == ANTLER_KIND_CALLBACK && fit) {
        list = fit->callbacks.item;
        n = fit->callbacks.n;
    } else if (kind == ANTLER_KIND_LOSS) {
        return find_loss(model, compile, index, object);
    } else if (kind == ANTLER_KIND_OPTIMIZER) {
        list = &compile->optimizer;
        n = list->type != NULL;
    } else if (kind == ANTLER_KIND_SETTINGS && fit) {
        list = &settings;
        n = 1;
    }
    bool found = index >= 0 && index < n;
    *object = found ? list[index] : (antler_object){NULL, NULL};
    return found;
}

const antler_variable *antler_model_variable(const antler_model *model, int64_t index)
{
    return model && index >= 0 && index < model->variables ? &model->variable[index].view : NULL;
}

const antler_layer_view *antler_model_layer(const antler_model *model, int64_t index)
{
    return model && model->built && index >= 0 && index < model->layers ? &model->view[index] : NULL;
}

int64_t antler_history(const antler_model *model, const antler_logs **logs)
{
    if (logs)
        *logs = model ? model->history : NULL;
    return model ? model->epochs_logged : 0;
}

antler_outcome antler_fit_outcome(const antler_model *model)
{
    return model && model->epochs_logged ? model->outcome : (antler_outcome){.best = -1, .kept = -1};
}

void antler_text_free(char *text)
{
    antler__free(text);
}
