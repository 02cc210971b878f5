/* Activation: y = f(x); dx = dy * f'(x), for softmax over each row. Where the loss takes the logits (run->logits), they
   are x, and dy is their gradient already. */
#include "layers/shared/common.h"

static const antler_field fields[] = {
    ANTLER_FIELD_ACTIVATION(struct antler_activation, activation, NULL, "the function"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4, 3) {\"activation\": \"tanh\"}",
    "(5) {\"activation\": \"softmax\"}",
    "(5) {\"activation\": \"gelu\"}",
    "(3, 2) {\"activation\": \"linear\"}",
    NULL,
};

static void declare(const void *config, const antler_shape *in, antler_plan *plan)
{
    const struct antler_activation *cfg = config;
    const antler_activation_ops *ops = antler__activation(cfg->activation_);
    (void)in;
    if (ops)
        antler_plan_needs(plan, ops->needs_x ? ANTLER_NEEDS_X | ANTLER_NEEDS_Y : ANTLER_NEEDS_Y);
}

static antler_status forward(const void *config, antler_run *run)
{
    const struct antler_activation *cfg = config;
    const antler_shape *shape = &run->x->shape;
    int64_t n = shape->dim[shape->rank - 1], rows = antler_count(shape, 0) / n;
    if (run->logits)
        antler__copy(run, run->logits->data, run->x->data, rows * n);
    antler__activate(run, antler__activation(cfg->activation_), run->y->data, run->x->data, rows, n);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    const struct antler_activation *cfg = config;
    const antler_activation_ops *ops = run->logits ? NULL : antler__activation(cfg->activation_);
    const antler_shape *shape = &run->dy->shape;
    int64_t n = shape->dim[shape->rank - 1], rows = antler_count(shape, 0) / n;
    if (run->dx)
        antler__activate_backward(run, ops, run->dx->data, run->dy->data, ops ? run->y->data : NULL,
                                  ops && ops->needs_x ? run->x->data : NULL, rows, n);
    return ANTLER_OK;
}

static const char *logits(const void *config)
{
    const struct antler_activation *cfg = config;
    return cfg->activation_.type ? cfg->activation_.type->class_name : NULL;
}

const antler_layer_ops antler_layer_activation = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Activation",
             .doc = "a function of each element, or of each row",
             .config_size = sizeof(struct antler_activation),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_IN_PLACE,
    .mask = ANTLER_MASK_PASS,
    .infer = antler__infer_same,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .logits = logits,
};
