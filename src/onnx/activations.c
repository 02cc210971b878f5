/* Activations: each one an operator of ONNX with up to two attributes, or made of a few. */
#include "onnx/say.h"

#include "kernels/kernels.h"
#include "parts/parts.h"

/* What is made of several. */
typedef antler_term *make_fn(antler_onnx *o, antler_term *x);

static antler_term *silu(antler_onnx *o, antler_term *x)
{
    return antler__op2(o, "Mul", x, antler__op1(o, "Sigmoid", x));
}

static antler_term *gelu(antler_onnx *o, antler_term *x)
{
    antler_term *u = antler__op2(o, "Mul", x, antler__real(o, 0.70710678118654752440));
    u = antler__op2(o, "Add", antler__op1(o, "Erf", u), antler__real(o, 1));
    return antler__op2(o, "Mul", antler__op2(o, "Mul", x, antler__real(o, 0.5)), u);
}

static antler_term *mish(antler_onnx *o, antler_term *x)
{
    return antler__op2(o, "Mul", x, antler__op1(o, "Tanh", antler__op1(o, "Softplus", x)));
}

static antler_term *hard_silu(antler_onnx *o, antler_term *x)
{
    antler_term *gate = antler__op1(o, "HardSigmoid", x);
    antler__set_real(o, "alpha", 1.0 / 6);
    antler__set_real(o, "beta", 0.5);
    return antler__op2(o, "Mul", x, gate);
}

static antler_term *clip(antler_onnx *o, antler_term *x, double least, double most)
{
    return antler__op3(o, "Clip", x, antler__real(o, least), antler__real(o, most));
}

static antler_term *relu6(antler_onnx *o, antler_term *x)
{
    return clip(o, x, 0, 6);
}

static antler_term *hard_tanh(antler_onnx *o, antler_term *x)
{
    return clip(o, x, -1, 1);
}

static antler_term *tanh_shrink(antler_onnx *o, antler_term *x)
{
    return antler__op2(o, "Sub", x, antler__op1(o, "Tanh", x));
}

static antler_term *squareplus(antler_onnx *o, antler_term *x)
{
    antler_term *root = antler__op2(o, "Add", antler__op2(o, "Mul", x, x), antler__real(o, 4));
    root = antler__op1(o, "Sqrt", root);
    return antler__op2(o, "Mul", antler__op2(o, "Add", x, root), antler__real(o, 0.5));
}

/* (u + 1)^2 / 4 with u within -1 and 1, and what x is above 1. */
static antler_term *sparse_plus(antler_onnx *o, antler_term *x)
{
    antler_term *u = antler__op2(o, "Add", clip(o, x, -1, 1), antler__real(o, 1));
    antler_term *square = antler__op2(o, "Mul", antler__op2(o, "Mul", u, u), antler__real(o, 0.25));
    antler_term *above = antler__op1(o, "Relu", antler__op2(o, "Sub", x, antler__real(o, 1)));
    return antler__op2(o, "Add", square, above);
}

static antler_term *log_sigmoid(antler_onnx *o, antler_term *x)
{
    return antler__op1(o, "Neg", antler__op1(o, "Softplus", antler__op1(o, "Neg", x)));
}

/* By ANTLER_ACT_...: an operator with its attributes, or a function. */
typedef struct words {
    const char *op;
    const char *name[2];
    double value[2];
    make_fn *make;
} words;

static const words elementwise[ANTLER_ACTIVATIONS] = {
    [ANTLER_ACT_relu] = {.op = "Relu"},
    [ANTLER_ACT_relu6] = {.make = relu6},
    [ANTLER_ACT_leaky_relu] = {"LeakyRelu", {"alpha"}, {0.2}, NULL},
    [ANTLER_ACT_elu] = {"Elu", {"alpha"}, {1}, NULL},
    [ANTLER_ACT_selu] = {"Selu", {"alpha", "gamma"}, {1.6732632423543772, 1.0507009873554805}, NULL},
    [ANTLER_ACT_sigmoid] = {.op = "Sigmoid"},
    [ANTLER_ACT_tanh] = {.op = "Tanh"},
    [ANTLER_ACT_hard_sigmoid] = {"HardSigmoid", {"alpha", "beta"}, {1.0 / 6, 0.5}, NULL},
    [ANTLER_ACT_hard_sigmoid_keras2] = {"HardSigmoid", {"alpha", "beta"}, {0.2, 0.5}, NULL},
    [ANTLER_ACT_softplus] = {.op = "Softplus"},
    [ANTLER_ACT_softsign] = {.op = "Softsign"},
    [ANTLER_ACT_silu] = {.make = silu},
    [ANTLER_ACT_gelu] = {.make = gelu},
    [ANTLER_ACT_mish] = {.make = mish},
    [ANTLER_ACT_exponential] = {.op = "Exp"},
    [ANTLER_ACT_celu] = {"Celu", {"alpha"}, {1}, NULL},
    [ANTLER_ACT_hard_silu] = {.make = hard_silu},
    [ANTLER_ACT_hard_tanh] = {.make = hard_tanh},
    [ANTLER_ACT_hard_shrink] = {"Shrink", {"lambd", "bias"}, {0.5, 0}, NULL},
    [ANTLER_ACT_soft_shrink] = {"Shrink", {"lambd", "bias"}, {0.5, 0.5}, NULL},
    [ANTLER_ACT_tanh_shrink] = {.make = tanh_shrink},
    [ANTLER_ACT_squareplus] = {.make = squareplus},
    [ANTLER_ACT_sparse_plus] = {.make = sparse_plus},
    [ANTLER_ACT_sparse_sigmoid] = {"HardSigmoid", {"alpha", "beta"}, {0.5, 0.5}, NULL},
    [ANTLER_ACT_log_sigmoid] = {.make = log_sigmoid},
};

static antler_term *say_words(antler_onnx *o, const words *w, antler_term *x)
{
    if (w->make)
        return w->make(o, x);
    antler_term *y = antler__op1(o, w->op, x);
    for (int i = 0; i < 2 && w->name[i]; i++)
        antler__set_real(o, w->name[i], w->value[i]);
    return y;
}

/* Over rows: the last axis, which must not be turned. */
static antler_term *say_rowwise(antler_onnx *o, const antler_activation_ops *f, antler_term *x)
{
    if (f != &antler__softmax && f != &antler__log_softmax) {
        antler__onnx_refuse(o, "the activation \"%.60s\" cannot be said in ONNX", f->type.class_name);
        return NULL;
    }
    antler_term *y = antler__op1(o, f == &antler__softmax ? "Softmax" : "LogSoftmax", x);
    antler__set_int(o, "axis", -1);
    return y;
}

antler_term *antler__say_activation(antler_onnx *o, const antler_activation_ops *f, antler_term *x)
{
    int order[ANTLER_ONNX_MOST];
    if (!f || f->kernel == ANTLER_ACT_linear || o->status != ANTLER_OK)
        return x;
    const words *w = f->kernel > 0 && f->kernel < ANTLER_ACTIVATIONS ? &elementwise[f->kernel] : NULL;
    if (!w || (!w->op && !w->make))
        return say_rowwise(o, f, x);
    int turned = antler__untranspose(&x, order);
    antler_term *y = say_words(o, w, x);
    return turned ? antler__transpose(o, y, turned, order) : y;
}
