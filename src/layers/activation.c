/* Activation: y = f(x); dx = dy * f'(x), for softmax over each row. A view that a function follows: it computes nothing
   itself. */
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

static const antler_object *activation(const void *config)
{
    return &((const struct antler_activation *)config)->activation_;
}

const antler_layer_ops antler_layer_activation = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Activation",
             .doc = "a function of each element, or of each row",
             .config_size = sizeof(struct antler_activation),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_VIEW | ANTLER_IN_PLACE | ANTLER_PASSES,
    .mask = ANTLER_MASK_PASS,
    .infer = antler_infer_same,
    .activation = activation,
};
