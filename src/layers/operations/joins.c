/* Operators of a list of tensors: Concatenate, along an axis, and Stack, along a new one. They are the merging layer
   without masks: whose rows begin at the axis, which a stacked tensor has not, but where its rows would begin too. */
#include "layers/operations/operation.h"

static const antler_field fields[] = {
    ANTLER_FIELD_NUMBER(struct antler_concatenate, axis, ANTLER_INT, "-1", 0, 0, "of the output; not the batch's, 0"),
    ANTLER_FIELD_END,
};
static const antler_field stack_fields[] = {
    ANTLER_FIELD_NUMBER(struct antler_concatenate, axis, ANTLER_INT, "0", 0, 0, "of the output; not the batch's, 0"),
    ANTLER_FIELD_END,
};
static const char *const samples[] = {"(4, 3) (4, 1) {}", "(4, 3) (1, 3) (2, 3) {\"axis\": 1}", "(4, 3) {}", NULL};
static const char *const stack_samples[] = {"(4, 3) (4, 3) {\"axis\": 1}", "(4) (4) (4) {\"axis\": -1}", NULL};
static const char *const arguments[] = {"xs", NULL};

/* One tensor is a list, too. */
static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_concatenate *cfg = config;
    if (in[1].rank || antler_axis(cfg->axis, in->rank) < 1)
        return antler_layer_concatenate.infer(config, in, out, err);
    *out = *in;
    return ANTLER_OK;
}

static antler_status stack_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_concatenate *cfg = config;
    int axis = antler_axis(cfg->axis, in->rank + 1), n = 0;
    if (in->rank == ANTLER_MAX_RANK || axis < 1)
        return antler_error_set(err, ANTLER_SHAPE, "axis", "%lld is not an axis of %d, or it is the batch's",
                                (long long)cfg->axis, in->rank + 1);
    while (in[n].rank)
        if (!antler_shape_equal(&in[n++], in))
            return antler_error_set(err, ANTLER_SHAPE, NULL, "expected tensors of one shape");
    out->rank = in->rank + 1;
    for (int i = 0; i < out->rank; i++)
        out->dim[i] = i == axis ? n : in->dim[i < axis ? i : i - 1];
    return ANTLER_OK;
}

static antler_status forward(const void *config, antler_run *run)
{
    return antler_layer_concatenate.forward(config, run);
}

static antler_status backward(const void *config, antler_run *run)
{
    return antler_layer_concatenate.backward(config, run);
}

#define JOIN(name, class, rows, tries, line, inferred, ...)                                                            \
    const antler_operation_ops antler__operation_##name = {                                                            \
        .layer = {.type = ANTLER_OPERATION_TYPE(class, struct antler_concatenate, rows, tries, line, .aliases = NULL), \
                  .inputs = ANTLER_MANY,                                                                               \
                  .mask = ANTLER_MASK_END,                                                                             \
                  .infer = (inferred),                                                                                 \
                  .forward = forward,                                                                                  \
                  .backward = backward,                                                                                \
                  .arguments = arguments},                                                                             \
        .module = ANTLER_NUMPY,                                                                                        \
        .spelling = (const antler_spelling[]){__VA_ARGS__, {NULL, NULL}},                                              \
    };

JOIN(concatenate, "Concatenate", fields, samples, "tensors one behind the other", infer, {"concat", "values=xs axis"})
JOIN(stack, "Stack", stack_fields, stack_samples, "tensors along a new axis", stack_infer, {"stack", "values=xs axis"})
