/* From a list of layers to a model with shapes, variables in one block, and initial weights. */
#include "model/structure.h"

#include "config/names.h"
#include "core/memory.h"
#include "model/channels.h"
#include "model/context.h"
#include "model/ends.h"
#include "model/kept.h"
#include "model/layout.h"
#include "model/model.h"
#include "model/plan.h"
#include "model/sizes.h"
#include "model/stand_in.h"
#include "model/steps.h"
#include "model/targets.h"
#include "model/views.h"

#include <stdio.h>
#include <string.h>

/* ---- layers and calls -------------------------------------------------------------------------------------------- */

static antler_status add_wire(antler_model *model, int64_t giver, int output, const antler_shape *shape, int64_t times,
                              antler_error *err)
{
    if (!antler__grow_by(&model->wire, (size_t)model->wires, 1, sizeof *model->wire))
        return antler__no_memory(err);
    model->wire[model->wires++] = (antler_wire){.giver = giver, .output = output, .shape = *shape, .times = times};
    return ANTLER_OK;
}

/* The model's inputs: a wire each, in the order of its tree; with the lengths of an attempt for axes that are open. */
static antler_status make_inputs(antler_model *model, int attempt, antler_error *err)
{
    size_t inputs = (size_t)model->tree->inputs;
    model->input = antler__allocate(inputs, sizeof *model->input);
    model->source = antler__allocate(inputs, sizeof *model->source);
    if (!model->input || !model->source)
        return antler__no_memory(err);
    for (int64_t k = 0; k < model->tree->inputs; k++) {
        int64_t i = model->tree->member[model->tree->input[k].member].flat;
        antler_layer *layer = &model->layer[i];
        antler_error error = {0};
        if (!layer->outputs &&
            antler__plan_layer(model, layer, NULL, &(antler_within){.top = layer->name, .path = "", .trainable = true},
                               &error) != ANTLER_OK)
            return antler__blame_call(model, i, layer, &error, err);
        model->source[k] = i;
        model->input[k] = model->wires;
        model->length = antler__is_open(&layer->out[0]) ? ANTLER_A_LENGTH : model->length;
        antler_shape shape =
            antler__with_length(&layer->out[0], antler__length_to_try(ANTLER_A_LENGTH, model, attempt, k));
        ANTLER_TRY(add_wire(model, -1, (int)model->inputs++, &shape, 1, err));
    }
    return ANTLER_OK;
}

/* The wire of an output of a call; `place` is where it is taken. */
static antler_status find_wire(const antler_model *model, antler_ref ref, const char *place, int64_t *wire,
                               antler_error *err)
{
    if (ref.call < 0) {
        *wire = model->input[-1 - ref.call];
        return ANTLER_OK;
    }
    const antler_call *giver = &model->call[ref.call];
    if (ref.output == ANTLER_ONLY_OUTPUT && giver->outputs > 1)
        return antler_error_set(err, ANTLER_VALUE, giver->of->place,
                                "%s (%s) has %d outputs, and layers of a Sequential have one", giver->of->name,
                                giver->of->ops->type.class_name, giver->outputs);
    if (ref.output >= giver->outputs)
        return antler_error_set(err, ANTLER_VALUE, place, "%s (%s) has %d output%s, not %d", giver->of->name,
                                giver->of->ops->type.class_name, giver->outputs, giver->outputs > 1 ? "s" : "",
                                ref.output + 1);
    *wire = giver->out + (ref.output == ANTLER_ONLY_OUTPUT ? 0 : ref.output);
    return ANTLER_OK;
}

static antler_status use_wire(antler_model *model, int64_t wire, int64_t call, antler_error *err)
{
    antler_wire *w = &model->wire[wire];
    if (!antler__grow_by(&w->user, (size_t)w->users, 1, sizeof *w->user))
        return antler__no_memory(err);
    w->user[w->users++] = call;
    return ANTLER_OK;
}

/* The layer as the call sees it: at its first call itself. */
static antler_layer *layer_for(const antler_model *model, const antler_use *use)
{
    antler_layer *first = &model->layer[use->layer];
    if (!first->calls++ && !use->enters)
        return first;
    antler_layer *again = antler__allocate_zeroed(1, sizeof *again);
    if (again)
        *again = (antler_layer){
            .ops = first->ops, .object = first->object, .name = first->name, .frozen = first->frozen, .times = 1};
    return again;
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

/* How many of the call's inputs have a mask. */
static int count_masks(const antler_model *model, const antler_call *call)
{
    int masked = 0;
    for (int k = 0; k < call->inputs; k++)
        masked += model->wire[call->in[k]].masked;
    return masked;
}

/* Keras 3.0 to 3.3 did not look for masks in a list of tensors. */
static bool loses_masks(const antler_model *model, const antler_call *call)
{
    return model->keras >= 300 && model->keras < 304 && call->inputs > 1 && !call->of->ops->arguments;
}

/* Whether a mask goes with output k: by the layer's rule, and by how many of the inputs have one. */
static bool is_masked(const antler_model *model, const antler_call *call, int k)
{
    const int masked = loses_masks(model, call) ? 0 : count_masks(model, call);
    antler_mask_rule rule = call->of->mask;
    if (call->entered >= 0) /* a model on steps passes on what came to it */
        return model->wire[model->call[call->entered].in[0]].masked;
    if (rule == ANTLER_MASK_ALL && model->keras < 304)
        rule = ANTLER_MASK_ANY;
    switch (rule) {
    case ANTLER_MASK_PASS:
        return k == 0 && masked > 0 && model->wire[call->in[0]].masked;
    case ANTLER_MASK_BOTH:
        return k < 2 && masked > 0 && model->wire[call->in[0]].masked;
    case ANTLER_MASK_MAKE:
        return k == 0;
    case ANTLER_MASK_ALL:
        return k == 0 && masked == call->inputs;
    case ANTLER_MASK_ANY:
        return k == 0 && masked > 0;
    default:
        return false;
    }
}

/* Keras 3 writes the masks that layers make and pass on beside their calls: such a one is made here, too. Any other is
   the program's that made the model. A mask is of axis 1: it says nothing of channels. */
static antler_status check_masks(const antler_model *model, const antler_use *use, const antler_call *call,
                                 antler_error *err)
{
    if (use->given_mask && count_masks(model, call) == 0)
        return antler_error_set(err, ANTLER_UNSUPPORTED, NULL,
                                "\"mask\" that no layer before makes and passes on is not supported");
    for (int k = 0; k < call->inputs; k++)
        if (model->wire[call->in[k]].masked && antler__channels_axis(call->of->object, call->of->in[k].rank) == 1)
            return antler_error_set(err, ANTLER_UNSUPPORTED, antler__channels_field(call->of->object)->key,
                                    "axis 1 has a mask, so that it cannot be that of the channels");
    return ANTLER_OK;
}

/* Appends a call: shapes, and at a layer's first one its variables. */
static antler_status add_call(antler_model *model, const antler_use *use, antler_error *err)
{
    antler_layer *first = &model->layer[use->layer];
    antler_call *call = &model->call[model->calls];
    antler_shape *in = antler__allocate_zeroed((size_t)use->inputs + 1, sizeof *in);
    antler_error error = {0};
    *call = (antler_call){.layer = use->layer,
                          .number = first->calls,
                          .entered = use->leaves ? use->entered : -1,
                          .inputs = use->inputs,
                          .out = model->wires,
                          .place = model->places,
                          .site = model->sites};
    call->in = antler__allocate((size_t)use->inputs, sizeof *call->in);
    call->of = layer_for(model, use);
    int64_t index = model->calls++;
    antler_status status = in && call->in && call->of ? ANTLER_OK : antler__no_memory(err);
    model->places += use->inputs;
    for (int i = 0; status == ANTLER_OK && i < use->inputs; i++) {
        status = find_wire(model, use->in[i], first->place, &call->in[i], err);
        in[i] = status == ANTLER_OK ? model->wire[call->in[i]].shape : in[i];
    }
    if (status != ANTLER_OK) {
        antler__free(in);
        return status;
    }
    call->of->inputs = use->inputs;
    int64_t times = model->wire[call->in[0]].times;
    if (use->enters || use->leaves) {
        int64_t steps = use->leaves ? model->call[use->entered].of->in->dim[1] : 0;
        if (antler__plan_steps(call->of, in, steps, &times, &error) != ANTLER_OK)
            return antler__blame_call(model, use->layer, call->of, &error, err);
        ANTLER_TRY(use_wire(model, call->in[0], index, err));
        call->outputs = first->outputs = 1;
        if (use->leaves) /* what the layer as a whole gives */
            first->out[0] = call->of->out[0];
        ANTLER_TRY(add_wire(model, index, 0, &call->of->out[0], times, err));
        model->wire[call->out].masked = use->leaves && is_masked(model, call, 0);
        return ANTLER_OK;
    }
    if (use->object.type)
        call->of->object = use->object;
    const antler_within within = {
        .top = first->name, .path = "", .trainable = !first->frozen, .first = call->of == first ? NULL : first};
    if (antler__plan_layer(model, call->of, in, &within, &error) != ANTLER_OK ||
        check_masks(model, use, call, &error) != ANTLER_OK)
        return antler__blame_call(model, use->layer, call->of, &error, err);
    model->sites += antler__layer_sites(call->of);
    for (int i = 0; i < use->inputs; i++)
        ANTLER_TRY(use_wire(model, call->in[i], index, err));
    for (; call->outputs < call->of->outputs; call->outputs++) {
        ANTLER_TRY(add_wire(model, index, call->outputs, &call->of->out[call->outputs], times, err));
        model->wire[call->out + call->outputs].masked = is_masked(model, call, call->outputs);
    }
    return ANTLER_OK;
}

static bool fits(const antler_shape *wanted, const antler_shape *given)
{
    bool same = wanted->rank == given->rank;
    for (int i = 0; same && i < wanted->rank; i++)
        same = wanted->dim[i] == given->dim[i] || (i > 0 && wanted->dim[i] == ANTLER_OPEN);
    return same;
}

/* A model in the model takes what its InputLayer says; of an axis of any size that says nothing. */
static antler_status check_taken(const antler_model *model, const antler_taken *taken, antler_error *err)
{
    antler_shape wanted[ANTLER_MAX_OUTPUTS] = {0};
    antler_error error = {0};
    int64_t wire = 0;
    char want[128], got[128];
    const antler_layer_ops *source = (const antler_layer_ops *)taken->source.type;
    ANTLER_TRY(find_wire(model, taken->given, NULL, &wire, err));
    const antler_shape *given = &model->wire[wire].shape;
    if (source->infer(taken->source.config, NULL, wanted, &error) != ANTLER_OK || fits(wanted, given))
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, NULL, "model \"%s\" takes %s, and is given %s", taken->model,
                            antler_shape_text(wanted, want, sizeof want), antler_shape_text(given, got, sizeof got));
}

/* Of a check: whether the call cannot be tried. */
static bool is_unknown(const antler_model *model, const antler_use *use)
{
    const antler_layer *layer = &model->layer[use->layer];
    bool unknown = layer->unknown || antler__is_stand_in(layer->object);
    for (int k = 0; k < use->inputs; k++)
        unknown = unknown || (use->in[k].call >= 0 && model->call[use->in[k].call].unknown);
    return unknown;
}

/* Of a check: goes on after a call that does not fit. */
static antler_status try_call(antler_model *model, const antler_use *use, antler_error *err)
{
    antler_error error = {0};
    const int64_t index = model->calls;
    if (is_unknown(model, use)) {
        model->call[model->calls++].unknown = true;
        return ANTLER_SHAPE;
    }
    antler_status status = add_call(model, use, &error);
    model->call[index].unknown = model->layer[use->layer].unknown = status != ANTLER_OK;
    if (status != ANTLER_OK)
        model->hear(model->hearer, &error);
    return antler__error_copy(err, &error);
}

static antler_status try_calls(antler_model *model, const antler_graph *graph, antler_error *err)
{
    antler_status status = ANTLER_OK;
    for (int64_t i = 0; i < graph->uses && status != ANTLER_MEMORY; i++) {
        antler_status one = try_call(model, &graph->use[i], err);
        status = status == ANTLER_OK || one == ANTLER_MEMORY ? one : status;
    }
    return status;
}

static antler_status make_calls(antler_model *model, const antler_graph *graph, antler_error *err)
{
    model->call = antler__allocate_zeroed((size_t)graph->uses, sizeof *model->call);
    model->output = antler__allocate((size_t)graph->outputs, sizeof *model->output);
    if (!model->call || !model->output)
        return antler__no_memory(err);
    if (model->hear)
        ANTLER_TRY(try_calls(model, graph, err));
    for (int64_t i = model->calls; i < graph->uses; i++)
        ANTLER_TRY(add_call(model, &graph->use[i], err));
    for (int64_t i = 0; i < graph->takings; i++)
        ANTLER_TRY(check_taken(model, &graph->taken[i], err));
    for (; model->outputs < graph->outputs; model->outputs++) {
        int64_t *wire = &model->output[model->outputs];
        ANTLER_TRY(find_wire(model, graph->output[model->outputs], "config.output_layers", wire, err));
        model->wire[*wire].is_output = true;
    }
    return ANTLER_OK;
}

/* A Sequential has one input, its first layer. */
static antler_status check_chain(const antler_model *model, antler_error *err)
{
    const antler_tree *tree = model->tree;
    char place[64];
    if (tree->sequential && tree->inputs > 1) {
        const antler_tree_member *second = &tree->member[tree->input[1].member];
        snprintf(place, sizeof place, "config.layers[%lld]", (long long)second->place);
        return antler_error_set(err, ANTLER_VALUE, place, "only the first layer can be an %s",
                                second->layer.type->class_name);
    }
    return ANTLER_OK;
}

/* ---- variables --------------------------------------------------------------------------------------------------- */

static void move_variables(antler_layer *layer, int64_t by)
{
    layer->variable += by;
    layer->lent += by;
    for (int i = 0; i < layer->children; i++)
        move_variables(&layer->child[i], by);
}

/* The variables were made call by call; their order is that of the layers. */
static antler_status order_variables(antler_model *model, antler_error *err)
{
    antler_model_variable_entry *ordered = antler__allocate((size_t)model->variables, sizeof *ordered);
    int64_t n = 0;
    if (!ordered)
        return antler__no_memory(err);
    for (int64_t i = 0; i < model->layers; i++) {
        antler_layer *layer = &model->layer[i];
        int64_t first = layer->variable, begin = n;
        while (first < model->variables && model->variable[first].view.layer == layer->name)
            ordered[n++] = model->variable[first++];
        move_variables(layer, begin - layer->variable);
    }
    for (int64_t i = 0; i < model->calls; i++)
        if (model->call[i].of != &model->layer[model->call[i].layer])
            antler__layer_follow(model->call[i].of, &model->layer[model->call[i].layer]);
    antler__free(model->variable);
    model->variable = ordered;
    return ANTLER_OK;
}

static antler_status too_large(const antler_model *model, antler_error *err)
{
    return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory: the weights need %lld MiB",
                            (long long)(model->size / (1 << 20) * (int64_t)sizeof(antler_real)));
}

/* Each variable starts at a multiple of 64 bytes; trained ones come first. */
static antler_status place_variables(antler_model *model, antler_error *err)
{
    const int64_t step = 64 / (int64_t)sizeof(antler_real);
    int64_t offset = 0;
    bool fits = true;
    for (int trained = 1; trained >= 0; trained--) {
        for (int64_t i = 0; i < model->variables; i++) {
            antler_model_variable_entry *variable = &model->variable[i];
            if (variable->view.trainable != (trained == 1))
                continue;
            variable->offset = offset;
            fits = fits && antler__size_add(offset, (variable->length + step - 1) / step * step, &offset);
        }
        if (trained)
            model->trained_size = offset;
    }
    model->size = offset;
    return fits ? ANTLER_OK : too_large(model, err);
}

void antler__parameters_take(antler_model *model, antler_real *block)
{
    model->parameters = block;
    for (int64_t i = 0; i < model->variables; i++)
        model->variable[i].view.value.data = block + model->variable[i].offset;
}

/* Room for the weights, as late as they come: the shapes that a file asks for need not be those of the weights in it.
 */
static antler_status make_room(antler_model *model, antler_error *err)
{
    if (model->parameters)
        return ANTLER_OK;
    antler_real *block = antler__allocate_aligned((size_t)model->size, sizeof *block);
    if (!block)
        return too_large(model, err);
    memset(block, 0, (size_t)model->size * sizeof *block);
    antler__parameters_take(model, block);
    return ANTLER_OK;
}

void antler__slots_free(antler_model *model)
{
    for (; model->slots > 0; model->slots--)
        antler__free_aligned(model->slot[model->slots - 1]);
    antler__free_aligned(model->optimizer_room);
    model->optimizer_room = NULL;
    model->has_slots = false;
}

void antler__spare_drop(antler_model *model)
{
    for (int i = 0; i < 2; i++) {
        antler_context *c = atomic_exchange(&model->spare[i], NULL);
        if (c)
            c->release(c);
    }
}

void antler__structure_free(antler_model *model)
{
    antler__spare_drop(model);
    for (int64_t i = 0; i < model->calls; i++) {
        antler_call *call = &model->call[i];
        if (call->of && call->of != &model->layer[call->layer]) {
            antler__layer_clear(call->of);
            antler__free(call->of);
        }
        antler__free(call->in);
    }
    for (int64_t i = 0; model->layer && i < model->layers; i++)
        antler__layer_clear(&model->layer[i]);
    antler__free(model->layer);
    antler__views_free(model);
    antler__free(model->call);
    for (int64_t i = 0; i < model->wires; i++)
        antler__free(model->wire[i].user);
    antler__free(model->wire);
    antler__ends_free(model);
    antler__free(model->input);
    antler__free(model->source);
    antler__free(model->output);
    for (int64_t i = 0; i < model->variables; i++)
        antler__free((void *)(uintptr_t)model->variable[i].view.name);
    antler__free(model->variable);
    antler__free_aligned(model->parameters);
    antler__slots_free(model);
    model->layer = NULL;
    model->call = NULL;
    model->wire = NULL;
    model->input = model->source = model->output = NULL;
    model->variable = NULL;
    model->parameters = NULL;
    model->layers = model->calls = model->wires = model->places = model->inputs = model->outputs = 0;
    model->variables = model->sites = model->trained_size = model->size = 0;
    model->built = model->initialized = false;
}

/* With the lengths of an attempt for axes that are open. */
static antler_status connect(antler_model *model, const antler_graph *graph, int attempt, antler_error *err)
{
    antler_graph laid_out = {0};
    antler_status status = model->tree->members ? antler__layout(model, &laid_out, err) : ANTLER_OK;
    if (status == ANTLER_OK && !laid_out.uses) /* or none that the outputs need */
        status = antler_error_set(err, ANTLER_VALUE, "config.layers", "the model has no layers");
    if (status == ANTLER_OK && !graph)
        status = check_chain(model, err);
    status = status == ANTLER_OK ? make_inputs(model, attempt, err) : status;
    status = status == ANTLER_OK ? make_calls(model, graph ? graph : &laid_out, err) : status;
    model->open = model->length > 0;
    model->length = 0;
    if (status == ANTLER_OK && model->open)
        status = antler__open_axes(model, err);
    status = status == ANTLER_OK ? order_variables(model, err) : status;
    status = status == ANTLER_OK ? place_variables(model, err) : status;
    status = status == ANTLER_OK ? antler__views_make(model, err) : status;
    antler__graph_free(&laid_out);
    status = status == ANTLER_OK ? antler__ends_name(model, err) : status;
    model->built = status == ANTLER_OK;
    status = status == ANTLER_OK ? antler__targets_settle(model, model->compile, err) : status;
    antler__targets_doubt(model);
    if (status != ANTLER_OK)
        antler__structure_free(model);
    return status;
}

antler_status antler__model_connect(antler_model *model, const antler_graph *graph, antler_error *err)
{
    antler_error first = {0}, last = {0};
    if (model->built)
        return ANTLER_OK;
    antler_status status = connect(model, graph, 0, &first);
    for (int i = 1; model->open && status == ANTLER_SHAPE && antler__length_to_try(1, model, i, 0) > 0; i++) {
        antler__error_clear(&last);
        status = connect(model, graph, i, &last);
    }
    if (status != ANTLER_OK)
        antler__error_copy(err, status == ANTLER_SHAPE || !last.status ? &first : &last);
    return status;
}

/* ---- a check ----------------------------------------------------------------------------------------------------- */

typedef struct faults {
    antler_error *item;
    int64_t n;
} faults;

static void keep_fault(void *user, const antler_error *error)
{
    faults *f = user;
    if (antler__grow_by(&f->item, (size_t)f->n, 1, sizeof *f->item))
        f->item[f->n++] = *error;
}

/* One attempt, as antler__model_connect makes them; returns whether there is another one. */
static bool attempt_check(antler_model *model, int attempt, faults *f)
{
    antler_error error = {0};
    model->hear = keep_fault;
    model->hearer = f;
    antler_status status = connect(model, NULL, attempt, &error);
    model->hear = NULL;
    if (error.status != ANTLER_OK && f->n == 0)
        keep_fault(f, &error);
    return model->open && status == ANTLER_SHAPE && antler__length_to_try(1, model, attempt + 1, 0) > 0;
}

void antler__model_check(antler_model *model, void (*hear)(void *user, const antler_error *error), void *user)
{
    faults least = {NULL, INT64_MAX};
    bool more = !model->built;
    for (int i = 0; more && least.n > 0; i++) {
        faults f = {NULL, 0};
        more = attempt_check(model, i, &f);
        bool better = f.n < least.n;
        antler__free(better ? least.item : f.item);
        least = better ? f : least;
    }
    for (int64_t i = 0; least.item && i < least.n; i++)
        hear(user, &least.item[i]);
    antler__free(least.item);
}

antler_status antler__model_structure(antler_model *model, antler_error *err)
{
    return antler__model_connect(model, NULL, err);
}

/* ---- initial weights --------------------------------------------------------------------------------------------- */

static antler_status fill(const antler_model *model, int64_t i, antler_error *err)
{
    const antler_model_variable_entry *variable = &model->variable[i];
    const antler_initializer_ops *ops = (const antler_initializer_ops *)variable->initializer.type;
    antler_tensor w = variable->view.value;
    if (!ops)
        return ANTLER_OK;
    if (ops->fans && variable->fan_in)
        w.shape = (antler_shape){2, {variable->fan_in, variable->length / variable->fan_in}};
    return ops->fill(variable->initializer.config, &w, antler__key(model->seed, ANTLER_FOR_INIT, i), err);
}

antler_status antler__model_initialize(antler_model *model, antler_error *err)
{
    if (model->initialized)
        return ANTLER_OK;
    ANTLER_TRY(make_room(model, err));
    for (int64_t i = 0; i < model->variables; i++) {
        antler_model_variable_entry *variable = &model->variable[i];
        antler_error error = {0};
        antler_status status = fill(model, i, &error);
        if (status != ANTLER_OK)
            return antler_error_set(err, status, NULL, "%s of layer %s: %s", variable->view.name, variable->view.layer,
                                    error.message);
        const antler_layer *layer = variable->layer;
        void (*change)(const void *, int, antler_tensor *) =
            variable->param ? layer->ops->initialize : layer->ops->initialize_state;
        if (change)
            change(layer->object.config, variable->slot, &variable->view.value);
    }
    ANTLER_TRY(antler__kept_put(model, err));
    model->initialized = true;
    antler__slots_follow(model);
    return ANTLER_OK;
}
