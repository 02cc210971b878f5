/* What programs may ask about the layers of a model and their calls. */
#include "model/views.h"

#include "core/memory.h"

/* A layer's variables lie one after the other. */
static int64_t count_weights(const antler_model *model, const antler_layer *layer, bool trained_only)
{
    int64_t count = 0;
    for (int64_t i = layer->variable; i < model->variables && model->variable[i].view.layer == layer->name; i++)
        if (!trained_only || model->variable[i].view.trainable)
            count += model->variable[i].length;
    return count;
}

/* What the view of a call points into: it is made with as many as all calls have. */
typedef struct call_views {
    antler_call_view *call;
    antler_giver *giver;
    antler_shape *shape;
    bool *is_output;
} call_views;

static antler_giver giver_of(const antler_model *model, const antler_wire *wire)
{
    if (wire->giver < 0)
        return (antler_giver){model->source[wire->output], 0, 0};
    const antler_call *giver = &model->call[wire->giver];
    return (antler_giver){giver->layer, giver->number, wire->output};
}

/* An input's one call. */
static void view_source(const antler_model *model, int64_t k, antler_call_view *view, call_views *rest)
{
    const antler_wire *wire = &model->wire[model->input[k]];
    *rest->shape = wire->shape;
    *rest->is_output = wire->is_output;
    *view = (antler_call_view){0, 1, rest->giver, rest->shape++, rest->is_output++};
}

static void view_call(const antler_model *model, const antler_call *call, antler_call_view *view, call_views *rest)
{
    *view = (antler_call_view){call->inputs, call->outputs, rest->giver, rest->shape, rest->is_output};
    for (int k = 0; k < call->inputs; k++)
        *rest->giver++ = giver_of(model, &model->wire[call->in[k]]);
    for (int k = 0; k < call->outputs; k++) {
        *rest->shape++ = model->wire[call->out + k].shape;
        *rest->is_output++ = model->wire[call->out + k].is_output;
    }
}

/* Each layer's calls stand in one row. */
static void view_calls(antler_model *model, call_views rest)
{
    for (int64_t i = 0; i < model->layers; i++) {
        antler_layer_view *view = &model->view[i];
        view->call = rest.call;
        rest.call += view->calls;
    }
    for (int64_t k = 0; k < model->inputs; k++)
        view_source(model, k, (antler_call_view *)(uintptr_t)model->view[model->source[k]].call, &rest);
    for (int64_t i = 0; i < model->calls; i++) {
        const antler_call *call = &model->call[i];
        antler_call_view *row = (antler_call_view *)(uintptr_t)model->view[call->layer].call;
        view_call(model, call, &row[call->number], &rest);
    }
}

antler_status antler__views_make(antler_model *model, antler_error *err)
{
    size_t calls = (size_t)(model->calls + model->inputs), wires = (size_t)model->wires;
    call_views rest = {.call = antler__allocate_zeroed(calls, sizeof *rest.call),
                       .giver = antler__allocate((size_t)model->places, sizeof *rest.giver),
                       .shape = antler__allocate(wires, sizeof *rest.shape),
                       .is_output = antler__allocate(wires, sizeof *rest.is_output)};
    model->view = antler__allocate_zeroed((size_t)model->layers, sizeof *model->view);
    model->call_view = rest.call;
    model->giver_view = rest.giver;
    model->shape_view = rest.shape;
    model->output_view = rest.is_output;
    if (!rest.call || !rest.giver || !rest.shape || !rest.is_output || !model->view)
        return antler__no_memory(err);
    for (int64_t i = 0; i < model->layers; i++) {
        const antler_layer *layer = &model->layer[i];
        bool source = antler__is_source(layer->object);
        model->view[i] = (antler_layer_view){.name = layer->name,
                                             .class_name = layer->ops->type.class_name,
                                             .output = layer->out[0],
                                             .parameters = count_weights(model, layer, false),
                                             .trainable = count_weights(model, layer, true),
                                             .calls = source ? 1 : layer->calls};
    }
    view_calls(model, rest);
    return ANTLER_OK;
}

void antler__views_free(antler_model *model)
{
    antler__free(model->view);
    antler__free(model->call_view);
    antler__free(model->giver_view);
    antler__free(model->shape_view);
    antler__free(model->output_view);
    model->view = NULL;
    model->call_view = NULL;
    model->giver_view = NULL;
    model->shape_view = NULL;
    model->output_view = NULL;
}
