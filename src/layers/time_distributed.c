/* TimeDistributed: y (n, t, ...) is what a layer gives for each step of x (n, t, ...); the steps of all samples are one
   batch to it, of n t samples.

   A model may stand in a layer's place: the core lays it out on such a batch, and then no config has it. */
#include "layers/shared/common.h"

typedef struct antler_time_distributed time_distributed;

static const antler_field fields[] = {
    ANTLER_FIELD_OBJECT(time_distributed, layer, ANTLER_KIND_LAYER, "null", "the layer, or a model"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(3, 4) {\"layer\": {\"class_name\": \"Dense\", \"config\": {\"units\": 2, \"activation\": \"tanh\"}}}",
    "(2, 4, 4, 1) {\"layer\": {\"class_name\": \"Conv2D\", \"config\": {\"filters\": 2, \"kernel_size\": 2}}}",
    "(2, 3, 2) {\"layer\": {\"class_name\": \"Flatten\", \"config\": {}}}",
    "(2, 3, 2) {\"layer\": {\"class_name\": \"LSTM\", \"config\": {\"units\": 2}}}",
    "(2, 3) {\"layer\": {\"class_name\": \"Dropout\", \"config\": {\"rate\": 0.5}}}",
    NULL,
};

/* The shape of a step: without axis 1. */
static antler_shape step_of(const antler_shape *in)
{
    antler_shape step = {in->rank - 1, {in->dim[0]}};
    for (int i = 2; i < in->rank; i++)
        step.dim[i - 1] = in->dim[i];
    return step;
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const time_distributed *c = config;
    char text[128];
    if (!c->layer_.type)
        return antler_error_set(err, ANTLER_VALUE, "layer", "null is not a layer");
    if (in->rank < 3)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected (batch, steps, ...)",
                                antler_shape_text(in, text, sizeof text));
    const antler_shape list[] = {step_of(in), {0}};
    antler_shape each[ANTLER_MAX_OUTPUTS] = {0};
    ANTLER_TRY(antler_child_infer(c->layer_, list, each, err));
    if (each[1].rank)
        return antler_error_set(err, ANTLER_UNSUPPORTED, "layer", "%s has several outputs", c->layer_.type->class_name);
    if (each[0].rank >= ANTLER_MAX_RANK)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "more than %d axes", ANTLER_MAX_RANK);
    *out = (antler_shape){each[0].rank + 1, {in->dim[0], in->dim[1]}};
    for (int i = 1; i < each[0].rank; i++)
        out->dim[i + 1] = each[0].dim[i];
    return ANTLER_OK;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const time_distributed *c = config;
    const antler_shape list[] = {step_of(in), {0}};
    antler_plan_child(plan, 0, "layer", c->layer_, list, in->dim[1]);
}

/* A tensor of the layer as its child sees it: all steps are one batch. */
static antler_tensor steps(const antler_tensor *t)
{
    antler_tensor all = {step_of(&t->shape), t->data};
    all.shape.dim[0] *= t->shape.dim[1];
    return all;
}

static antler_status forward(const void *config, antler_run *run)
{
    const antler_tensor x = steps(run->x);
    antler_tensor y = steps(run->y);
    (void)config;
    return antler_child_forward(run, 0, &(antler_io){.x = &x, .y = &y});
}

static antler_status backward(const void *config, antler_run *run)
{
    const antler_tensor x = steps(run->x), dy = steps(run->dy);
    antler_tensor y = steps(run->y), dx = run->dx->data ? steps(run->dx) : (antler_tensor){0};
    (void)config;
    return antler_child_backward(run, 0, &(antler_io){.x = &x, .y = &y, .dy = &dy, .dx = &dx});
}

static int64_t tokens(const void *config)
{
    const antler_object layer = ((const time_distributed *)config)->layer_;
    const antler_layer_ops *ops = (const antler_layer_ops *)layer.type;
    return ops && ops->tokens ? ops->tokens(layer.config) : 0;
}

const antler_layer_ops antler_layer_time_distributed = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "TimeDistributed",
             .doc = "a layer, or a model, on every step",
             .config_size = sizeof(time_distributed),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_NEEDS_X | ANTLER_NEEDS_Y,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .variables = variables,
    .forward = forward,
    .backward = backward,
    .tokens = tokens,
    .model_on_steps = "layer",
};
