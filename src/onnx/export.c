/* A model as an ONNX file: its calls in their order, each said by its layer's table (say.h). */
#include "config/fields.h"
#include "core/memory.h"
#include "files/file.h"
#include "model/build.h"
#include "onnx/say.h"

#include <string.h>

/* The terms of the model's wires, and of the masks that go with them. */
typedef struct wires {
    antler_term **term, **mask;
} wires;

static antler_onnx_type type_of(const char *dtype)
{
    static const struct {
        const char *name;
        antler_onnx_type type;
    } types[] = {{"int8", ANTLER_ONNX_INT8},     {"uint8", ANTLER_ONNX_UINT8},   {"int16", ANTLER_ONNX_INT16},
                 {"uint16", ANTLER_ONNX_UINT16}, {"int32", ANTLER_ONNX_INT32},   {"uint32", ANTLER_ONNX_UINT32},
                 {"int64", ANTLER_ONNX_INT64},   {"uint64", ANTLER_ONNX_UINT64}, {"bool", ANTLER_ONNX_BOOL}};
    for (size_t i = 0; dtype && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, dtype) == 0)
            return types[i].type;
    return ANTLER_ONNX_REAL;
}

/* Integers are numbers from the first node on. */
static void say_inputs(antler_onnx *o, wires *w)
{
    const antler_model *model = o->model;
    for (int64_t k = 0; k < model->inputs; k++) {
        const antler_layer *source = &model->layer[model->source[k]];
        antler_onnx_type type = type_of(antler__layer_keys(source->object)->dtype);
        o->prefix = source->name;
        antler_term *x = antler__graph_input(o, model->input_name[k], type, &model->wire[model->input[k]].shape);
        w->term[model->input[k]] = type == ANTLER_ONNX_REAL ? x : antler__cast(o, x, ANTLER_ONNX_REAL);
    }
}

/* What becomes of the masks that came in. */
static void hand_on_masks(antler_onnx *o, const antler_call *call, const antler_said *s, wires *w)
{
    antler_mask_rule rule = call->of->mask;
    for (int k = 0; k < call->outputs; k++) {
        if (!o->model->wire[call->out + k].masked)
            continue;
        bool passes = rule == ANTLER_MASK_PASS || rule == ANTLER_MASK_BOTH;
        w->mask[call->out + k] = passes ? s->mask[0] : s->mask_out;
        if (!w->mask[call->out + k])
            antler__onnx_refuse(o, "the mask that it makes cannot be said in ONNX");
    }
}

static void say_call(antler_onnx *o, const antler_call *call, wires *w)
{
    antler_term **x = antler__onnx_room(o, (size_t)call->inputs + 1, sizeof *x);
    antler_term **mask = antler__onnx_room(o, (size_t)call->inputs + 1, sizeof *mask);
    if (!x || !mask)
        return;
    for (int i = 0; i < call->inputs; i++) {
        x[i] = w->term[call->in[i]];
        mask[i] = w->mask[call->in[i]];
    }
    antler_said s = {.layer = call->of, .x = x, .mask = mask};
    if (call->entered >= 0)
        s.entered = w->term[o->model->call[call->entered].in[0]];
    o->prefix = o->model->layer[call->layer].name;
    antler__say(o, &s);
    for (int k = 0; k < call->outputs; k++)
        w->term[call->out + k] = s.y[k];
    if (o->status == ANTLER_OK)
        hand_on_masks(o, call, &s, w);
}

/* A name that an input has too gets more behind it. */
static const char *output_name(antler_onnx *o, int64_t k)
{
    const antler_model *model = o->model;
    const char *name = model->output_name[k];
    for (int64_t i = 0; i < model->inputs; i++)
        if (strcmp(model->input_name[i], name) == 0) {
            size_t length = strlen(name);
            char *longer = antler__onnx_room(o, length + sizeof "/output", 1);
            if (!longer)
                return NULL;
            memcpy(longer, name, length);
            memcpy(longer + length, "/output", sizeof "/output");
            return longer;
        }
    return name;
}

static void say_model(antler_onnx *o)
{
    const antler_model *model = o->model;
    wires w = {.term = antler__onnx_room(o, (size_t)model->wires + 1, sizeof *w.term),
               .mask = antler__onnx_room(o, (size_t)model->wires + 1, sizeof *w.mask)};
    if (!w.term || !w.mask)
        return;
    say_inputs(o, &w);
    for (int64_t c = 0; c < model->calls && o->status == ANTLER_OK; c++)
        say_call(o, &model->call[c], &w);
    o->prefix = "";
    for (int64_t k = 0; k < model->outputs && o->status == ANTLER_OK; k++) {
        const char *name = output_name(o, k);
        antler__graph_output(o, w.term[model->output[k]], name, &model->wire[model->output[k]].shape);
    }
}

antler_status antler_save_onnx(antler_model *model, const char *path, unsigned flags, antler_error *err)
{
    antler_error error = {0};
    antler_onnx o = {.noise = flags & ANTLER_ONNX_NOISE};
    void *bytes = NULL;
    size_t size = 0;
    ANTLER_TRY(antler__require(path, "path", err));
    if (antler__model_build(model) != ANTLER_OK)
        return antler__error_copy(err, antler_model_error(model));
    antler__onnx_begin(&o, model, &error);
    if (o.status == ANTLER_OK)
        say_model(&o);
    if (o.status == ANTLER_OK) {
        antler__onnx_sweep(o.whole);
        o.status = antler__onnx_pack(&o, &bytes, &size);
    }
    if (o.status == ANTLER_OK)
        o.status = antler__file_write(path, bytes, size, &error);
    antler__onnx_free(&o);
    antler__free(bytes);
    if (o.status == ANTLER_OK)
        return ANTLER_OK;
    antler__error_file(&error, path);
    return antler__error_copy(err, &error);
}
