/* Operators that are an activation of every element, or of every row, which the core applies. */
#include "layers/operations/operation.h"
#include "parts/parts.h"

static const char *const samples[] = {"(4, 3) {}", NULL};
static const char *const axis_samples[] = {"(4, 3) {}", "(4, 3) {\"axis\": 1}", NULL};
static const char *const last_axis_samples[] = {"(4, 3) {}", "(4, 3) {\"axis\": 2}", NULL};

#define FUNCTION(name, class, home, function, ...)                                                                     \
    static const antler_object *name##_activation(const void *config)                                                  \
    {                                                                                                                  \
        static const antler_object f = {&antler__elementwise[ANTLER_ACT_##function].type, NULL};                       \
        (void)config;                                                                                                  \
        return &f;                                                                                                     \
    }                                                                                                                  \
    const antler_operation_ops antler__operation_##name = {                                                            \
        .layer = {.type =                                                                                              \
                      ANTLER_OPERATION_TYPE(class, antler_plain_operation, NULL, samples, #function, .aliases = NULL), \
                  .flags = ANTLER_VIEW | ANTLER_IN_PLACE,                                                              \
                  .mask = ANTLER_MASK_END,                                                                             \
                  .infer = antler_infer_same,                                                                          \
                  .activation = name##_activation,                                                                     \
                  .arguments = antler__one_tensor},                                                                    \
        .module = (home),                                                                                              \
        .spelling = (const antler_spelling[]){__VA_ARGS__, {NULL, NULL}},                                              \
    };

FUNCTION(exp, "Exp", ANTLER_NUMPY, exponential, {"math.exp", "x"})
FUNCTION(hard_sigmoid, "HardSigmoid", ANTLER_NN, hard_sigmoid, {NULL, NULL})
FUNCTION(relu, "Relu", ANTLER_NN, relu, {"nn.relu", "features=x"})
FUNCTION(relu6, "Relu6", ANTLER_NN, relu6, {"nn.relu6", "features=x"})
FUNCTION(selu, "Selu", ANTLER_NN, selu, {"nn.selu", "features=x"})
FUNCTION(sigmoid, "Sigmoid", ANTLER_NN, sigmoid, {"math.sigmoid", "x"}, {"nn.sigmoid", "x"})
FUNCTION(silu, "Silu", ANTLER_NN, silu, {"nn.silu", "features=x"})
FUNCTION(softplus, "Softplus", ANTLER_NN, softplus, {"math.softplus", "features=x"}, {"nn.softplus", "features=x"})
FUNCTION(softsign, "Softsign", ANTLER_NN, softsign, {"nn.softsign", "features=x"})
FUNCTION(tanh, "Tanh", ANTLER_NUMPY, tanh, {"math.tanh", "x"}, {"nn.tanh", "x"})

/* ---- softmax: the layer of that name, which a mask does not concern ------------------------------------------------
 */

static const antler_field axis_fields[] = {
    {.key = "axis",
     .kind = ANTLER_INTS,
     .offset = offsetof(struct antler_softmax, axis),
     .def = "-1",
     .count = 1,
     .doc = "axis whose numbers add to 1"},
    ANTLER_FIELD_END,
};

static antler_run without_masks(const antler_run *run, const antler_tensor *none)
{
    antler_run bare = *run;
    bare.mask = none;
    return bare;
}

static antler_status softmax_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    return antler_layer_softmax.infer(config, in, out, err);
}

static void softmax_buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_layer_softmax.buffers(config, in, plan);
}

static antler_status softmax_forward(const void *config, antler_run *run)
{
    const antler_tensor none = {.data = NULL};
    antler_run bare = without_masks(run, &none);
    return antler_layer_softmax.forward(config, &bare);
}

static antler_status softmax_backward(const void *config, antler_run *run)
{
    return antler_layer_softmax.backward(config, run);
}

static const antler_object *softmax_activation(const void *config)
{
    return antler_layer_softmax.activation(config);
}

const antler_operation_ops antler__operation_softmax = {
    .layer = {.type = ANTLER_OPERATION_TYPE("Softmax", struct antler_softmax, axis_fields, axis_samples,
                                            "positive numbers that add to 1 along an axis", .aliases = NULL),
              .flags = ANTLER_IN_PLACE | ANTLER_NEEDS_Y,
              .mask = ANTLER_MASK_END,
              .infer = softmax_infer,
              .buffers = softmax_buffers,
              .forward = softmax_forward,
              .backward = softmax_backward,
              .activation = softmax_activation,
              .arguments = antler__one_tensor},
    .module = ANTLER_NN,
    .spelling = (const antler_spelling[]){{"nn.softmax", "logits=x axis"}, {NULL, NULL}},
};

static antler_status log_softmax_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_softmax *cfg = config;
    if (in->rank < 2 || antler_axis(cfg->axis, in->rank) != in->rank - 1)
        return antler_error_set(err, ANTLER_UNSUPPORTED, "axis", "only the last axis, -1, is supported, not %lld",
                                (long long)cfg->axis);
    *out = *in;
    return ANTLER_OK;
}

static const antler_object *log_softmax_activation(const void *config)
{
    static const antler_object f = {&antler__log_softmax.type, NULL};
    (void)config;
    return &f;
}

const antler_operation_ops antler__operation_log_softmax = {
    .layer = {.type = ANTLER_OPERATION_TYPE("LogSoftmax", struct antler_softmax, axis_fields, last_axis_samples,
                                            "log of softmax", .aliases = NULL),
              .flags = ANTLER_VIEW | ANTLER_IN_PLACE,
              .mask = ANTLER_MASK_END,
              .infer = log_softmax_infer,
              .activation = log_softmax_activation,
              .arguments = antler__one_tensor},
    .module = ANTLER_NN,
    .spelling = (const antler_spelling[]){{"nn.log_softmax", "logits=x axis"}, {NULL, NULL}},
};
