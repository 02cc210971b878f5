/* Layers of one step: Dense, EinsumDense, Embedding, Masking, axes in another order, repeated steps, Rescaling, and
   activations that are layers. */
#include "onnx/say.h"

#include <math.h>

/* ---- sums over features -------------------------------------------------------------------------------------------
 */

static void dense(antler_onnx *o, antler_said *s)
{
    const struct antler_dense *c = antler__config_of(s);
    s->y[0] = antler__op2(o, "MatMul", s->x[0], antler__param(o, s, 0));
    if (c->use_bias)
        s->y[0] = antler__op2(o, "Add", s->y[0], antler__param(o, s, 1));
}

static void einsum_dense(antler_onnx *o, antler_said *s)
{
    const struct antler_einsum_dense *c = antler__config_of(s);
    s->y[0] = antler__op2(o, "Einsum", s->x[0], antler__param(o, s, 0));
    antler__set_text(o, "equation", c->equation);
    if (c->bias_axes && *c->bias_axes)
        s->y[0] = antler__op2(o, "Add", s->y[0], antler__param(o, s, 1));
}

static antler_term *not_zero(antler_onnx *o, antler_term *x, double zero)
{
    return antler__op1(o, "Not", antler__op2(o, "Equal", x, antler__real(o, zero)));
}

/* The mask is made in any case: where nobody wants it, it is not written. */
static void embedding(antler_onnx *o, antler_said *s)
{
    antler_term *token = antler__cast(o, s->x[0], ANTLER_ONNX_INT64);
    s->y[0] = antler__op2(o, "Gather", antler__param(o, s, 0), token);
    if (antler__in_of(s)->rank == 2)
        s->mask_out = not_zero(o, s->x[0], 0);
}

static void reversible_embedding(antler_onnx *o, antler_said *s)
{
    static const int turn[] = {1, 0};
    const struct antler_reversible_embedding *c = antler__config_of(s);
    if (!c->reverse) {
        embedding(o, s);
        return;
    }
    antler_term *table =
        c->tie_weights ? antler__transpose(o, antler__param(o, s, 0), 2, turn) : antler__param(o, s, 1);
    s->y[0] = antler__op2(o, "MatMul", s->x[0], table);
    if (!isnan(c->logit_soft_cap)) {
        antler_term *cap = antler__real(o, c->logit_soft_cap);
        s->y[0] = antler__op2(o, "Mul", antler__op1(o, "Tanh", antler__op2(o, "Div", s->y[0], cap)), cap);
    }
}

/* ---- steps --------------------------------------------------------------------------------------------------------
 */

/* Whether some feature of a step is not the value. */
static void masking(antler_onnx *o, antler_said *s)
{
    const struct antler_masking *c = antler__config_of(s);
    const int64_t last = -1;
    antler_term *other = antler__cast(o, not_zero(o, s->x[0], c->mask_value), ANTLER_ONNX_REAL);
    antler_term *kept = antler__reduce(o, "ReduceMax", other, 1, &last, true);
    antler_term *there = antler__cast(o, kept, ANTLER_ONNX_BOOL);
    s->y[0] = antler__op3(o, "Where", there, s->x[0], antler__real(o, 0));
    s->mask_out = antler__squeeze(o, there, 2);
}

static void permute(antler_onnx *o, antler_said *s)
{
    const struct antler_permute *c = antler__config_of(s);
    int order[ANTLER_MAX_RANK] = {0}, rank = antler__in_of(s)->rank;
    for (int i = 1; i < rank; i++)
        order[i] = (int)c->dims[i - 1];
    s->y[0] = antler__transpose(o, s->x[0], rank, order);
}

static void repeat_vector(antler_onnx *o, antler_said *s)
{
    const struct antler_repeat_vector *c = antler__config_of(s);
    const int64_t axis = 1, times[] = {1, c->n, 1};
    antler_term *x = antler__unsqueeze(o, s->x[0], 1, &axis);
    s->y[0] = antler__op2(o, "Tile", x, antler__ints(o, 3, times));
}

/* Its own part is in training. */
static void spectral_normalization(antler_onnx *o, antler_said *s)
{
    s->y[0] = antler__say_child(o, &s->layer->child[0], s->x, s->mask).y[0];
}

/* All steps are one batch. */
static void time_distributed(antler_onnx *o, antler_said *s)
{
    const antler_layer *child = &s->layer->child[0];
    antler_term *x = antler__steps_in(o, s->x[0], child->in), *mask = NULL;
    antler_said inner = antler__say_child(o, child, &x, &mask);
    s->y[0] = antler__steps_out(o, inner.y[0], s->x[0], antler__out_of(s));
}

/* ---- numbers ------------------------------------------------------------------------------------------------------
 */

static void rescaling(antler_onnx *o, antler_said *s)
{
    const struct antler_rescaling *c = antler__config_of(s);
    s->y[0] = antler__op2(o, "Mul", s->x[0], antler__real(o, c->scale));
    s->y[0] = antler__op2(o, "Add", s->y[0], antler__real(o, c->offset));
}

/* ---- activations that are layers ----------------------------------------------------------------------------------
 */

static void prelu(antler_onnx *o, antler_said *s)
{
    s->y[0] = antler__op2(o, "PRelu", s->x[0], antler__param(o, s, 0));
}

/* x from the threshold on, up to max_value; negative_slope (x - threshold) below. */
static void relu(antler_onnx *o, antler_said *s)
{
    const struct antler_relu *c = antler__config_of(s);
    antler_term *x = s->x[0], *low = antler__real(o, 0);
    antler_term *threshold = antler__real(o, c->threshold);
    if (c->negative_slope != 0)
        low = antler__op2(o, "Mul", antler__op2(o, "Sub", x, threshold), antler__real(o, c->negative_slope));
    antler_term *y = antler__op3(o, "Where", antler__op2(o, "Less", x, threshold), low, x);
    s->y[0] = isnan(c->max_value) ? y : antler__op2(o, "Min", y, antler__real(o, c->max_value));
}

/* Along the last axis it is the activation behind it. */
static void softmax(antler_onnx *o, antler_said *s)
{
    const struct antler_softmax *c = antler__config_of(s);
    s->y[0] = s->x[0];
    if (s->mask[0])
        antler__onnx_refuse(o, "softmax of a masked sequence");
    if (s->layer->f)
        return;
    s->y[0] = antler__op1(o, "Softmax", s->x[0]);
    antler__set_int(o, "axis", c->axis);
}

const antler_saying antler__say_plain[] = {
    {&antler_layer_dense.type, dense, true},
    {&antler_layer_einsum_dense.type, einsum_dense, false},
    {&antler_layer_embedding.type, embedding, true},
    {&antler_layer_reversible_embedding.type, reversible_embedding, true},
    {&antler_layer_masking.type, masking, true},
    {&antler_layer_permute.type, permute, true},
    {&antler_layer_repeat_vector.type, repeat_vector, false},
    {&antler_layer_spectral_normalization.type, spectral_normalization, true},
    {&antler_layer_time_distributed.type, time_distributed, true},
    {&antler_layer_rescaling.type, rescaling, true},
    {&antler_layer_prelu.type, prelu, true},
    {&antler_layer_relu.type, relu, true},
    {&antler_layer_softmax.type, softmax, true},
    {NULL, NULL, false},
};
