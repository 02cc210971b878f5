/* InputLayer: the shape of a model's samples. batch_shape = [null or batch size, sizes of a sample ...], where null is
   an axis as long as the data has it; `shape` is the same without its first entry. It computes nothing. */
#include "layers/shared/common.h"

static const antler_field fields[] = {
    {.key = "batch_shape",
     .kind = ANTLER_INTS,
     .offset = offsetof(struct antler_input_layer, batch_shape),
     .def = "null",
     .min = 1,
     .max = ANTLER_MOST_UNITS,
     .flags = ANTLER_NULLABLE,
     .doc = "batch size (null: any), then the sizes of a sample (null: that of the data)",
     .legacy = "batch_input_shape"},
    ANTLER_FIELD_INTS(struct antler_input_layer, shape, "null", ANTLER_NULLABLE | ANTLER_UNWRITTEN, 1,
                      "sizes of a sample, where batch_shape is left out"),
    ANTLER_FIELD_IGNORED("sparse", "false"),
    ANTLER_FIELD_IGNORED("ragged", "false"),
    ANTLER_FIELD_IGNORED("optional", "false"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4) {\"batch_shape\": [null, 4]}",
    "(3, 2) {\"batch_shape\": [null, 3, 2]}",
    NULL,
};

/* All spellings end in batch_shape, which is the one that is written. */
static antler_status check(void *config, antler_error *err)
{
    struct antler_input_layer *cfg = config;
    if (cfg->batch_shape[0] == 0 && cfg->batch_input_shape[0] != 0) {
        for (int i = 0; i <= ANTLER_MAX_RANK; i++)
            cfg->batch_shape[i] = cfg->batch_input_shape[i];
    } else if (cfg->batch_shape[0] == 0 && cfg->shape[0] != 0) {
        if (cfg->shape[ANTLER_MAX_RANK - 1] != 0)
            return antler_error_set(err, ANTLER_VALUE, "shape", "more than %d axes", ANTLER_MAX_RANK - 1);
        cfg->batch_shape[0] = ANTLER_NULL;
        for (int i = 0; i < ANTLER_MAX_RANK; i++)
            cfg->batch_shape[i + 1] = cfg->shape[i];
    }
    for (int i = 0; i <= ANTLER_MAX_RANK; i++)
        cfg->batch_input_shape[i] = cfg->shape[i] = 0;
    if (cfg->batch_shape[0] == 0)
        return antler_error_set(err, ANTLER_VALUE, "batch_shape", "missing: the shape of a sample is not known");
    return ANTLER_OK;
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_input_layer *cfg = config;
    (void)in;
    (void)err;
    *out = (antler_shape){.rank = 0};
    for (; out->rank < ANTLER_MAX_RANK && cfg->batch_shape[out->rank] != 0; out->rank++) {
        const int64_t size = cfg->batch_shape[out->rank];
        out->dim[out->rank] = size == ANTLER_NULL ? ANTLER_OPEN : size;
    }
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_input_layer = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "InputLayer",
             .doc = "the shape of a sample",
             .config_size = sizeof(struct antler_input_layer),
             .fields = fields,
             .samples = samples,
             .check = check},
    .flags = ANTLER_SOURCE,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
};
