/* Bidirectional: two recurrent layers, one from the first step to the last and one back, merged step by step:

     f = layer (x)    g = backward_layer (x), turned round in time    y = [f, g], f + g, f g or (f + g) / 2

   or f and g as two outputs (merge_mode null). Initial states are inputs, the last states outputs: layer's, then
   backward_layer's.

   Gradient: df and dg from dy (mul: dy g and dy f), through each layer; dx is the sum of both layers'.

   Keras's rules: backward_layer left out is layer's copy with go_backwards; outputs of masked steps are 0 where all
   steps are returned. */
#include "layers/shared/common.h"
#include "layers/shared/join.h"

#include <string.h>

typedef struct antler_bidirectional bidirectional;

enum { MOST_STATES = 16 };                                   /* of a layer */
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
     .flags = ANTLER_NULLABLE,
     .choices = antler__join_modes,
     .doc = "how both outputs become one; null: they stay two"},
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
    "(3, 2) (2) (2) (2) (2) {\"layer\": {\"class_name\": \"LSTM\", \"config\": {\"units\": 2, \"return_state\": "
    "true}}, "
    "\"merge_mode\": null}",
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
    static const char *const equal[] = {"return_sequences", "return_state", "stateful"};
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

/* The last key that is set in a layer, which then checks them once more. */
static antler_status hide_masked_steps(antler_object layer, antler_error *err)
{
    bool *const zero = flag_of(layer, "zero_output_for_mask");
    if (zero)
        *zero = *flag_of(layer, "return_sequences");
    return layer.type->check ? layer.type->check(layer.config, err) : ANTLER_OK;
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
    ANTLER_TRY(hide_masked_steps(c->layer_, err));
    ANTLER_TRY(hide_masked_steps(c->backward_layer_, err));
    return check_pair(c, err);
}

/* ---- shapes and buffers ------------------------------------------------------------------------------------------ */

static bool is_sequence(const bidirectional *c)
{
    return *flag_of(c->layer_, "return_sequences");
}

/* A layer has one tensor that is merged, then its states. */
static antler_mask_rule mask_rule(const void *config)
{
    const bidirectional *c = config;
    return !is_sequence(c) ? ANTLER_MASK_END : c->merge_mode ? ANTLER_MASK_PASS : ANTLER_MASK_BOTH;
}

/* Initial states of each layer. */
static int states_of(const antler_shape *in)
{
    int n = 0;
    while (in[1 + n].rank)
        n++;
    return n / 2;
}

/* The list of the inputs of layer i: the sequences, then its half of the states. */
static void child_inputs(const antler_shape *in, int i, antler_shape list[1 + MOST_STATES + 1])
{
    const int n = states_of(in);
    list[0] = in[0];
    for (int k = 0; k < n; k++)
        list[1 + k] = in[1 + i * n + k];
    list[1 + n] = (antler_shape){0};
}

static antler_status child_shapes(const bidirectional *c, const antler_shape *in, int i,
                                  antler_shape out[ANTLER_MAX_OUTPUTS], antler_error *err)
{
    antler_shape list[1 + MOST_STATES + 1];
    child_inputs(in, i, list);
    memset(out, 0, ANTLER_MAX_OUTPUTS * sizeof *out);
    return antler_child_infer(i == FORWARD ? c->layer_ : c->backward_layer_, list, out, err);
}

static antler_status merged_shape(const bidirectional *c, antler_shape f, antler_shape g, antler_shape *out,
                                  antler_error *err)
{
    char f_text[128], g_text[128];
    const int last = f.rank - 1;
    *out = f;
    if (c->merge_mode == antler__join_modes[ANTLER_JOIN_CONCAT] && g.rank == f.rank) {
        out->dim[last] += g.dim[last];
        g.dim[last] = f.dim[last];
    }
    if (antler_shape_equal(&f, &g))
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, NULL, "outputs %s and %s of the layers cannot be merged",
                            antler_shape_text(&f, f_text, sizeof f_text), antler_shape_text(&g, g_text, sizeof g_text));
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const bidirectional *c = config;
    antler_shape each[2][ANTLER_MAX_OUTPUTS];
    int n = 1;
    if (in[1 + 2 * states_of(in)].rank)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "initial_state has %d tensor%s, an odd number for two layers",
                                1 + 2 * states_of(in), states_of(in) ? "s" : "");
    for (int i = FORWARD; i <= BACKWARD; i++)
        ANTLER_TRY(child_shapes(c, in, i, each[i], err));
    if (c->merge_mode)
        ANTLER_TRY(merged_shape(c, each[FORWARD][0], each[BACKWARD][0], out, err));
    else {
        out[0] = each[FORWARD][0];
        out[n++] = each[BACKWARD][0];
    }
    for (int i = FORWARD; i <= BACKWARD; i++)
        for (int k = 1; k < ANTLER_MAX_OUTPUTS && each[i][k].rank; k++, n++)
            if (n < ANTLER_MAX_OUTPUTS)
                out[n] = each[i][k];
    return n <= ANTLER_MAX_OUTPUTS ? ANTLER_OK
                                   : antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "%d outputs; expected %d or fewer",
                                                      n, ANTLER_MAX_OUTPUTS);
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const bidirectional *c = config;
    antler_shape list[1 + MOST_STATES + 1];
    child_inputs(in, FORWARD, list);
    antler_plan_child(plan, FORWARD, "forward_layer", c->layer_, list, 1);
    child_inputs(in, BACKWARD, list);
    antler_plan_child(plan, BACKWARD, "backward_layer", c->backward_layer_, list, 1);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    const bidirectional *c = config;
    antler_shape shape[ANTLER_MAX_OUTPUTS];
    bool train = antler_plan_mode(plan) == ANTLER_TRAIN;
    for (int i = FORWARD; i <= BACKWARD; i++) {
        if (child_shapes(c, in, i, shape, NULL) != ANTLER_OK)
            return; /* infer has refused it */
        antler_plan_saved(plan, i, shape);
        antler_plan_scratch(plan, train ? FORWARD_DY + i : FORWARD_Y + i, shape);
    }
    if (train)
        antler_plan_scratch(plan, DX, in);
}

/* ---- forward and backward ---------------------------------------------------------------------------------------- */

/* The tensors of one layer's run: the arrays of its antler_io. */
typedef struct part {
    antler_tensor x[1 + MOST_STATES], mask[1 + MOST_STATES], dx[1 + MOST_STATES];
    antler_tensor y[ANTLER_MAX_OUTPUTS], dy[ANTLER_MAX_OUTPUTS];
} part;

static antler_status part_of(const bidirectional *c, antler_run *run, int i, part *p)
{
    const int given = (run->inputs - 1) / 2, first = c->merge_mode ? 1 : 2, returned = (run->outputs - first) / 2;
    const bool train = run->mode == ANTLER_TRAIN;
    antler_shape in[1 + 2 * MOST_STATES + 1] = {{0}}, out[ANTLER_MAX_OUTPUTS];
    for (int k = 0; k < run->inputs; k++)
        in[k] = run->x[k].shape;
    ANTLER_TRY(child_shapes(c, in, i, out, run->err));
    *p = (part){.x = {run->x[0]}, .mask = {run->mask[0]}, .dx = {run->dx[0]}};
    for (int k = 0; k < given; k++) {
        p->x[1 + k] = run->x[1 + i * given + k];
        p->dx[1 + k] = run->dx[1 + i * given + k];
    }
    p->y[0] = (antler_tensor){out[0], train ? run->saved[i].data : run->scratch[FORWARD_Y + i].data};
    p->dy[0] = (antler_tensor){out[0], train ? run->scratch[FORWARD_DY + i].data : NULL};
    for (int k = 0; k < returned; k++) {
        p->y[1 + k] = run->y[first + i * returned + k];
        p->dy[1 + k] = run->dy[first + i * returned + k];
    }
    return ANTLER_OK;
}

static antler_io io_of(part *p)
{
    return (antler_io){.x = p->x, .mask = p->mask, .y = p->y, .dy = p->dy, .dx = p->dx};
}

/* f and g as one tensor; g alone, turned round, is a concatenation with nothing. */
static antler_join join_of(const bidirectional *c, const antler_run *run, const part p[2])
{
    const antler_tensor *const f = p[FORWARD].y, *const g = p[BACKWARD].y;
    const int last = f->shape.rank - 1;
    int64_t places = 1;
    for (int i = is_sequence(c) ? 2 : 1; i < last; i++)
        places *= f->shape.dim[i];
    return (antler_join){.mode = c->merge_mode ? c->merge_mode : antler__join_modes[ANTLER_JOIN_CONCAT],
                         .batch = run->x->shape.dim[0],
                         .steps = is_sequence(c) ? run->x->shape.dim[1] : 1,
                         .places = places,
                         .nf = c->merge_mode ? f->shape.dim[last] : 0,
                         .ng = g->shape.dim[last],
                         .f = f->data,
                         .g = g->data};
}

static antler_status forward(const void *config, antler_run *run)
{
    const bidirectional *c = config;
    part p[2];
    for (int i = FORWARD; i <= BACKWARD; i++) {
        ANTLER_TRY(part_of(c, run, i, &p[i]));
        const antler_io io = io_of(&p[i]);
        ANTLER_TRY(antler_child_forward(run, i, &io));
    }
    const antler_join merge = join_of(c, run, p);
    antler__join(run, &merge, run->y[c->merge_mode ? 0 : 1].data);
    if (!c->merge_mode)
        antler_run_copy(run, run->y[0].data, p[FORWARD].y->data, antler_count(&p[FORWARD].y->shape, 0));
    return ANTLER_OK;
}

/* The gradients of both layers' outputs; none of one that nobody reads. */
static void split(const bidirectional *c, antler_run *run, part p[2])
{
    const antler_join merge = join_of(c, run, p);
    const antler_real *dy = run->dy[c->merge_mode ? 0 : 1].data;
    if (dy)
        antler__split(run, &merge, dy, p[FORWARD].dy->data, p[BACKWARD].dy->data);
    else
        p[BACKWARD].dy->data = NULL;
    if (!c->merge_mode)
        p[FORWARD].dy->data = run->dy[0].data;
    else if (!dy)
        p[FORWARD].dy->data = NULL;
}

static antler_status backward(const void *config, antler_run *run)
{
    const bidirectional *c = config;
    antler_real *const dx = run->dx->data;
    part p[2];
    for (int i = FORWARD; i <= BACKWARD; i++)
        ANTLER_TRY(part_of(c, run, i, &p[i]));
    if (dx)
        p[BACKWARD].dx->data = run->scratch[DX].data;
    split(c, run, p);
    for (int i = FORWARD; i <= BACKWARD; i++) {
        const antler_io io = io_of(&p[i]);
        ANTLER_TRY(antler_child_backward(run, i, &io));
    }
    if (dx)
        antler_run_add(run, dx, dx, run->scratch[DX].data, antler_count(&run->dx->shape, 0));
    return ANTLER_OK;
}

static const char *const arguments[] = {"sequences", "initial_state", NULL};

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
    .inputs = 1 + 2 * MOST_STATES,
    .arguments = arguments,
    .mask_rule = mask_rule,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
};
