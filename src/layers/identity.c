/* Identity: y = x. ActivityRegularization: the same, with the penalty l1 * sum|x| + l2 * sum x^2, divided by the batch
   size, in the loss: its l1 and l2 are those of the penalty on the output that every layer can have. */
#include "layers/shared/common.h"

static const char *const samples[] = {"(4, 3) {}", NULL};

const antler_layer_ops antler_layer_identity = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Identity",
             .doc = "the input as it is",
             .config_size = sizeof(struct antler_identity),
             .samples = samples},
    .flags = ANTLER_VIEW | ANTLER_IN_PLACE | ANTLER_PASSES,
    .mask = ANTLER_MASK_PASS,
    .infer = antler_infer_same,
};

/* ---- ActivityRegularization -------------------------------------------------------------------------------------- */

typedef struct antler_activity_regularization penalized;

/* The key of every layer: not for Keras to see, for which l1 and l2 say it. */
static const antler_field fields[] = {
    {.key = "activity_regularizer",
     .kind = ANTLER_OBJECT,
     .offset = offsetof(penalized, activity_regularizer_),
     .text = offsetof(penalized, activity_regularizer),
     .def = "\"L1L2\"",
     .flags = ANTLER_NULLABLE | ANTLER_UNSAVED,
     .of = ANTLER_KIND_REGULARIZER,
     .doc = "made of l1 and l2"},
    ANTLER_FIELD_NUMBER(penalized, l1, ANTLER_REAL, "0.0", 0, 1e30, "factor of sum|x|"),
    ANTLER_FIELD_NUMBER(penalized, l2, ANTLER_REAL, "0.0", 0, 1e30, "factor of sum x^2"),
    ANTLER_FIELD_END,
};

static const char *const penalized_samples[] = {"(4, 3) {\"l1\": 0.01, \"l2\": 0.02}", "(5) {}", NULL};

static antler_status check(void *config, antler_error *err)
{
    penalized *cfg = config;
    antler_object made = cfg->activity_regularizer_;
    double *l1 = antler_object_field(made, "l1"), *l2 = antler_object_field(made, "l2");
    if (!l1 || !l2 || *l1 != 0 || *l2 != 0)
        return antler_error_set(err, ANTLER_VALUE, "activity_regularizer",
                                "this layer's is made of its own l1 and l2; leave it out");
    *l1 = cfg->l1;
    *l2 = cfg->l2;
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_activity_regularization = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "ActivityRegularization",
             .doc = "a penalty on the input, which goes on as it is",
             .config_size = sizeof(penalized),
             .fields = fields,
             .samples = penalized_samples,
             .check = check},
    .flags = ANTLER_VIEW | ANTLER_IN_PLACE | ANTLER_PASSES,
    .mask = ANTLER_MASK_PASS,
    .infer = antler_infer_same,
};
