#include "model/sizes.h"

#include "core/memory.h"
#include "model/plan.h"
#include "model/steps.h"

#include <stdio.h>
#include <string.h>

antler_status antler__blame_call(const antler_model *model, int64_t i, const antler_layer *call,
                                 const antler_error *error, antler_error *err)
{
    const antler_layer *layer = &model->layer[i];
    char place[512], in[256] = "", one[128], batch[128] = "";
    const int64_t alone = call->inputs && call->in[0].rank == 1 ? call->in[0].dim[0] : 0; /* the axis that there is */
    if (alone > 0)
        snprintf(batch, sizeof batch, "; for samples of %lld numbers the model's input is [null, %lld]",
                 (long long)alone, (long long)alone);
    for (int k = 0; k < call->inputs && strlen(in) + sizeof one < sizeof in; k++)
        snprintf(in + strlen(in), sizeof in - strlen(in), "%s%s", k ? ", " : "",
                 antler_shape_text(&call->in[k], one, sizeof one));
    if (model->length) /* the numbers are not the file's */
        snprintf(in + strlen(in), sizeof in - strlen(in), " (tried with %lld for null)", (long long)model->length);
    snprintf(place, sizeof place, "%s%s%s", layer->place, *error->place ? ".config." : "", error->place);
    return antler_error_set(err, error->status, place, "%s (%s), input %s: %s%s", layer->name,
                            layer->ops->type.class_name, in, error->message, batch);
}

/* ---- shapes at some lengths -------------------------------------------------------------------------------------- */

void antler__sizes_free(antler_sizes *s)
{
    if (!s)
        return;
    for (int64_t i = 0; i < s->calls; i++)
        antler__layer_clear(&s->of[i]);
    antler__free(s->of);
    antler__free(s->wire);
    antler__free(s);
}

static antler_status plan_call(antler_sizes *s, const antler_model *model, const antler_call *call, antler_layer *of,
                               int64_t *times, antler_error *err)
{
    antler_shape *in = antler__allocate_zeroed((size_t)call->inputs + 1, sizeof *in);
    if (!in)
        return antler__no_memory(err);
    for (int k = 0; k < call->inputs; k++)
        in[k] = s->wire[call->in[k]].shape;
    if (antler__is_steps(of))
        return antler__plan_steps(of, in, call->entered < 0 ? 0 : s->of[call->entered].in->dim[1], times, err);
    const antler_layer *first = &model->layer[call->layer];
    const antler_within within = {
        .top = first->name, .path = "", .trainable = !first->frozen, .first = first, .resized = true};
    /* a layer that is planned again adds nothing to the model */
    return antler__plan_layer((antler_model *)(uintptr_t)model, of, in, &within, err);
}

static antler_status size_call(antler_sizes *s, const antler_model *model, int64_t i, antler_error *err)
{
    const antler_call *call = &model->call[i];
    antler_layer *of = &s->of[s->calls++];
    int64_t times = s->wire[call->in[0]].times;
    antler_error error = {0};
    *of = (antler_layer){.ops = call->of->ops,
                         .object = call->of->object,
                         .name = call->of->name,
                         .frozen = call->of->frozen,
                         .inputs = call->inputs,
                         .times = 1};
    if (plan_call(s, model, call, of, &times, &error) == ANTLER_OK && of->outputs != call->outputs)
        antler_error_set(&error, ANTLER_SHAPE, NULL, "%d outputs, where there were %d", of->outputs, call->outputs);
    if (error.status != ANTLER_OK)
        return of->in ? antler__blame_call(model, call->layer, of, &error, err) : antler__error_copy(err, &error);
    for (int k = 0; k < call->outputs; k++)
        s->wire[call->out + k] = (antler_sized_wire){of->out[k], times};
    return ANTLER_OK;
}

/* Programs count on the sizes that the outputs of a model have. */
static antler_status check_outputs(const antler_sizes *s, const antler_model *model, antler_error *err)
{
    for (int64_t k = 0; model->built && k < model->outputs; k++) {
        const antler_shape *own = &model->wire[model->output[k]].shape, *now = &s->wire[model->output[k]].shape;
        char a[128], b[128];
        for (int i = 1; i < own->rank; i++)
            if (own->dim[i] != ANTLER_OPEN && own->dim[i] != now->dim[i])
                return antler_error_set(err, ANTLER_SHAPE, NULL, "output \"%s\" is %s at this length; expected %s",
                                        model->output_name[k], antler_shape_text(now, a, sizeof a),
                                        antler_shape_text(own, b, sizeof b));
    }
    return ANTLER_OK;
}

antler_sizes *antler__sizes_make(const antler_model *model, const antler_shape *in, antler_error *err)
{
    antler_sizes *s = antler__allocate_zeroed(1, sizeof *s);
    bool fits = s;
    if (fits) {
        s->of = antler__allocate_zeroed((size_t)model->calls, sizeof *s->of);
        s->wire = antler__allocate_zeroed((size_t)model->wires, sizeof *s->wire);
        fits = s->of && s->wire;
    }
    antler_status status = fits ? ANTLER_OK : antler__no_memory(err);
    for (int64_t k = 0; status == ANTLER_OK && k < model->inputs; k++) {
        antler_sized_wire *wire = &s->wire[model->input[k]];
        *wire = (antler_sized_wire){in[k], 1};
        wire->shape.dim[0] = model->wire[model->input[k]].shape.dim[0];
    }
    for (int64_t i = 0; status == ANTLER_OK && i < model->calls; i++)
        status = size_call(s, model, i, err);
    if (status == ANTLER_OK)
        status = check_outputs(s, model, err);
    if (status == ANTLER_OK)
        return s;
    antler__sizes_free(s);
    return NULL;
}

/* ---- open axes --------------------------------------------------------------------------------------------------- */

static void open_shape(antler_shape *shape, const antler_shape *other)
{
    for (int i = 1; i < shape->rank; i++)
        if (i >= other->rank || shape->dim[i] != other->dim[i])
            shape->dim[i] = ANTLER_OPEN;
}

static void open_layer(antler_layer *layer, const antler_layer *other)
{
    for (int k = 0; k < layer->inputs; k++)
        open_shape(&layer->in[k], &other->in[k]);
    for (int k = 0; k < layer->outputs; k++)
        open_shape(&layer->out[k], &other->out[k]);
    if (layer->times != other->times)
        layer->times = ANTLER_OPEN;
    for (int i = 0; i < layer->children; i++)
        open_layer(&layer->child[i], &other->child[i]);
}

static void open_all(antler_model *model, const antler_sizes *other)
{
    for (int64_t w = 0; w < model->wires; w++) {
        antler_wire *wire = &model->wire[w];
        open_shape(&wire->shape, &other->wire[w].shape);
        if (wire->times != other->wire[w].times)
            wire->times = ANTLER_OPEN;
    }
    for (int64_t k = 0; k < model->inputs; k++)
        model->layer[model->source[k]].out[0] = model->wire[model->input[k]].shape;
    for (int64_t i = 0; i < model->calls; i++) {
        const antler_call *call = &model->call[i];
        open_layer(call->of, &other->of[i]);
        if (call->entered >= 0) /* what the layer as a whole gives */
            model->layer[call->layer].out[0] = call->of->out[0];
    }
}

int64_t antler__length_to_try(int64_t length, const antler_model *model, int attempt, int64_t k)
{
    enum { NEAR = 12, INPUTS = 3, MULTIPLES = 2 /* bits of the power of two of each input */ };
    const int64_t inputs = model->tree->inputs < INPUTS ? model->tree->inputs : INPUTS;
    int powers = attempt - NEAR + 1;
    if (attempt < NEAR)
        return length + attempt;
    if (inputs < 2 || powers >= 1 << MULTIPLES * inputs)
        return 0;
    return k < INPUTS ? length << (powers >> MULTIPLES * k & ((1 << MULTIPLES) - 1)) : length;
}

/* At the lengths of an attempt that begin at `length`. */
static antler_sizes *plan_again(antler_model *model, int64_t length, int attempt, antler_error *err)
{
    antler_shape *in = antler__allocate((size_t)model->inputs, sizeof *in);
    antler_sizes *sizes = NULL;
    for (int64_t k = 0; in && k < model->inputs; k++) { /* what the file has: the first plan took numbers */
        antler_object source = model->layer[model->source[k]].object;
        antler_shape out[ANTLER_MAX_OUTPUTS] = {0};
        ((const antler_layer_ops *)source.type)->infer(source.config, NULL, out, NULL);
        in[k] = antler__with_length(&out[0], antler__length_to_try(length, model, attempt, k));
    }
    if (in) {
        model->length = length;
        sizes = antler__sizes_make(model, in, err);
        model->length = 0;
    } else {
        antler__no_memory(err);
    }
    antler__free(in);
    return sizes;
}

/* What is cut off at some length is open, too: the first 100 steps, of 50. Lengths that a layer does not take are none.
 */
static antler_status plan_short(antler_model *model, int attempt, antler_error *err)
{
    antler_sizes *other = NULL;
    antler_error error = {0};
    for (int64_t length = 1; !other && length < ANTLER_A_LENGTH && error.status != ANTLER_MEMORY; length *= 2) {
        antler__error_clear(&error);
        other = plan_again(model, length, attempt, &error);
    }
    if (other)
        open_all(model, other);
    antler__sizes_free(other);
    return error.status == ANTLER_MEMORY ? antler__error_copy(err, &error) : ANTLER_OK;
}

antler_status antler__open_axes(antler_model *model, antler_error *err)
{
    antler_error first = {0}, last = {.status = ANTLER_SHAPE};
    for (int i = 0; last.status == ANTLER_SHAPE && antler__length_to_try(1, model, i, 0) > 0; i++) {
        antler__error_clear(&last);
        antler_sizes *other = plan_again(model, ANTLER_ANOTHER_LENGTH, i, &last);
        if (other) {
            open_all(model, other);
            antler__sizes_free(other);
            return plan_short(model, i, err);
        }
        first = i == 0 ? last : first;
    }
    return antler__error_copy(err, last.status == ANTLER_SHAPE ? &first : &last);
}
