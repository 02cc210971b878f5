/* Bidirectional: two recurrent layers, one from the first step to the last and one back, merged step by step:

     f = layer (x)    g = backward_layer (x), turned round in time    y = [f, g], f + g, f g or (f + g) / 2

   Gradient: df and dg from dy (mul: dy g and dy f), through each layer; dx is the sum of both layers'.

   Keras's rules: backward_layer left out is layer's copy with go_backwards; outputs of masked steps are 0 where all
   steps are returned. */
#include "layers/shared/common.h"
#include "layers/shared/join.h"

#include <string.h>

typedef struct antler_bidirectional bidirectional;

enum { FORWARD, BACKWARD };                                  /* children; saved: their outputs */
enum { FORWARD_Y, BACKWARD_Y, FORWARD_DY, BACKWARD_DY, DX }; /* scratch; the outputs where they are not saved */

static const antler_field fields[] = {
    ANTLER_FIELD_OBJECT(bidirectional, layer, ANTLER_KIND_LAYER, NULL, "the recurrent layer"),
    ANTLER_FIELD_OBJECT(bidirectional, backward_layer, ANTLER_KIND_LAYER, "null",
                        "the one that goes back; null: a copy of layer"),
    {.key = "merge_mode",
     .kind = ANTLER_STRING,
     .offset = offsetof(bidirectional, merge_mode),
     .def = "\"concat\"",
     .choices = antler__join_modes,
     .doc = "how both outputs become one"},
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(3, 2) {\"layer\": {\"class_name\": \"SimpleRNN\", \"config\": {\"units\": 2}}}",
    "(3, 2) {\"layer\": {\"class_name\": \"LSTM\", \"config\": {\"units\": 2, \"return_sequences\": true}}, "
    "\"merge_mode\": \"mul\"}",
    "(4, 2) {\"layer\": {\"class_name\": \"GRU\", \"config\": {\"units\": 2, \"return_sequences\": true}}, "
    "\"merge_mode\": \"ave\"}",
    "(3, 2) {\"layer\": {\"class_name\": \"LSTM\", \"config\": {\"units\": 2, \"return_sequences\": true}}, "
    "\"backward_layer\": {\"class_name\": \"GRU\", \"config\": {\"units\": 3, \"return_sequences\": true, "
    "\"go_backwards\": true}}}",
    NULL,
};

/* ---- config ------------------------------------------------------------------------------------------------------ */

static bool *flag_of(antler_object layer, const char *key)
{
    return antler_object_field(layer, key);
}

static antler_status check_recurrent(antler_object layer, const char *place, antler_error *err)
{
    if (!layer.type)
        return antler_error_set(err, ANTLER_VALUE, place, "null is not a layer");
    if (flag_of(layer, "go_backwards") == NULL || flag_of(layer, "return_sequences") == NULL)
        return antler_error_set(err, ANTLER_VALUE, place, "%s is not a recurrent layer", layer.type->class_name);
    return ANTLER_OK;
}

static antler_status check_pair(const bidirectional *c, antler_error *err)
{
    static const char *const equal[] = {"return_sequences", "stateful"};
    for (size_t i = 0; i < sizeof equal / sizeof *equal; i++) {
        const bool *const f = flag_of(c->layer_, equal[i]), *const g = flag_of(c->backward_layer_, equal[i]);
        if ((f && *f) != (g && *g))
            return antler_error_set(err, ANTLER_VALUE, "backward_layer", "%s differs from the forward layer's",
                                    equal[i]);
    }
    if (*flag_of(c->layer_, "go_backwards") == *flag_of(c->backward_layer_, "go_backwards"))
        return antler_error_set(err, ANTLER_VALUE, "layer", "both layers go the same way: go_backwards must differ");
    return ANTLER_OK;
}

static void hide_masked_steps(antler_object layer)
{
    bool *const zero = flag_of(layer, "zero_output_for_mask");
    if (zero)
        *zero = *flag_of(layer, "return_sequences");
}

static antler_status check(void *config, antler_error *err)
{
    bidirectional *c = config;
    ANTLER_TRY(check_recurrent(c->layer_, "layer", err));
    if (c->backward_layer_.type)
        ANTLER_TRY(check_recurrent(c->backward_layer_, "backward_layer", err));
    if (!c->backward_layer_.type) {
        ANTLER_TRY(antler_object_copy(c->layer_, &c->backward_layer_, err));
        ANTLER_TRY(antler_object_rename(c->backward_layer_, "backward_", c->layer_, err));
        *flag_of(c->backward_layer_, "go_backwards") = !*flag_of(c->layer_, "go_backwards");
    }
    ANTLER_TRY(antler_object_rename(c->layer_, "forward_", c->layer_, err));
    hide_masked_steps(c->layer_);
    hide_masked_steps(c->backward_layer_);
    return check_pair(c, err);
}

/* ---- shapes and buffers ------------------------------------------------------------------------------------------ */

static bool is_sequence(const bidirectional *c)
{
    return *flag_of(c->layer_, "return_sequences");
}

static antler_mask_rule mask_rule(const void *config)
{
    return is_sequence(config) ? ANTLER_MASK_PASS : ANTLER_MASK_END;
}

static antler_status child_shapes(const bidirectional *c, const antler_shape *in, antler_shape shape[2],
                                  antler_error *err)
{
    const antler_shape list[] = {*in, {0}};
    for (int i = FORWARD; i <= BACKWARD; i++) {
        antler_shape out[ANTLER_MAX_OUTPUTS] = {0};
        ANTLER_TRY(antler_child_infer(i == FORWARD ? c->layer_ : c->backward_layer_, list, out, err));
        shape[i] = out[0];
    }
    return ANTLER_OK;
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const bidirectional *c = config;
    antler_shape shape[2];
    char f[128], g[128];
    ANTLER_TRY(child_shapes(c, in, shape, err));
    *out = shape[FORWARD];
    const int last = out->rank - 1;
    if (c->merge_mode == antler__join_modes[ANTLER_JOIN_CONCAT] && shape[BACKWARD].rank == out->rank) {
        out->dim[last] += shape[BACKWARD].dim[last];
        shape[BACKWARD].dim[last] = shape[FORWARD].dim[last];
    }
    if (!antler_shape_equal(&shape[FORWARD], &shape[BACKWARD]))
        return antler_error_set(err, ANTLER_SHAPE, NULL, "outputs %s and %s of the layers cannot be merged",
                                antler_shape_text(&shape[FORWARD], f, sizeof f),
                                antler_shape_text(&shape[BACKWARD], g, sizeof g));
    return ANTLER_OK;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const bidirectional *c = config;
    const antler_shape list[] = {*in, {0}};
    antler_plan_child(plan, FORWARD, "forward_layer", c->layer_, list, 1);
    antler_plan_child(plan, BACKWARD, "backward_layer", c->backward_layer_, list, 1);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    const bidirectional *c = config;
    antler_shape shape[2];
    bool train = antler_plan_mode(plan) == ANTLER_TRAIN;
    if (child_shapes(c, in, shape, NULL) != ANTLER_OK)
        return; /* infer has refused it */
    for (int i = FORWARD; i <= BACKWARD; i++) {
        antler_plan_saved(plan, i, &shape[i]);
        antler_plan_scratch(plan, train ? FORWARD_DY + i : FORWARD_Y + i, &shape[i]);
    }
    if (train)
        antler_plan_scratch(plan, DX, in);
}

/* ---- forward and backward ---------------------------------------------------------------------------------------- */

/* The tensors of both layers' outputs. */
static antler_status outputs(const bidirectional *c, antler_run *run, antler_tensor y[2])
{
    antler_shape shape[2];
    ANTLER_TRY(child_shapes(c, &run->x->shape, shape, run->err));
    for (int i = FORWARD; i <= BACKWARD; i++) {
        const bool saved = run->mode == ANTLER_TRAIN;
        y[i] = (antler_tensor){shape[i], saved ? run->saved[i].data : run->scratch[FORWARD_Y + i].data};
    }
    return ANTLER_OK;
}

static antler_join join_of(const bidirectional *c, const antler_run *run, const antler_tensor y[2])
{
    const int last = y[FORWARD].shape.rank - 1;
    return (antler_join){.mode = c->merge_mode,
                         .batch = run->x->shape.dim[0],
                         .steps = is_sequence(c) ? run->x->shape.dim[1] : 1,
                         .nf = y[FORWARD].shape.dim[last],
                         .ng = y[BACKWARD].shape.dim[last],
                         .f = y[FORWARD].data,
                         .g = y[BACKWARD].data};
}

static antler_status forward(const void *config, antler_run *run)
{
    antler_tensor y[2];
    ANTLER_TRY(outputs(config, run, y));
    for (int i = FORWARD; i <= BACKWARD; i++)
        ANTLER_TRY(antler_child_forward(run, i, &(antler_io){.x = run->x, .mask = run->mask, .y = &y[i]}));
    const antler_join merge = join_of(config, run, y);
    antler__join(run, &merge, run->y->data);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    antler_tensor y[2], dx = {run->x->shape, run->dx->data ? run->scratch[DX].data : NULL};
    ANTLER_TRY(outputs(config, run, y));
    const antler_join merge = join_of(config, run, y);
    const antler_tensor df = {y[FORWARD].shape, run->scratch[FORWARD_DY].data};
    const antler_tensor dg = {y[BACKWARD].shape, run->scratch[BACKWARD_DY].data};
    antler_io io = {.x = run->x, .mask = run->mask, .y = &y[FORWARD], .dy = &df, .dx = run->dx};
    antler__split(run, &merge, run->dy->data, df.data, dg.data);
    ANTLER_TRY(antler_child_backward(run, FORWARD, &io));
    io.y = &y[BACKWARD];
    io.dy = &dg;
    io.dx = &dx;
    ANTLER_TRY(antler_child_backward(run, BACKWARD, &io));
    if (dx.data)
        antler_run_add(run, run->dx->data, run->dx->data, dx.data, antler_count(&dx.shape, 0));
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_bidirectional = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Bidirectional",
             .doc = "a recurrent layer and its mirror image",
             .config_size = sizeof(bidirectional),
             .fields = fields,
             .samples = samples,
             .check = check},
    .flags = ANTLER_NEEDS_X,
    .mask_rule = mask_rule,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
};
