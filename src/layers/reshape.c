/* Reshape: (B, ...) to (B, target_shape ...). The numbers stay where they are. One entry of target_shape may be -1:
   what the others leave. */
#include "layers/shared/common.h"

static const antler_field fields[] = {
    ANTLER_FIELD_INTS(struct antler_reshape, target_shape, NULL, 0, -1,
                      "sizes of a sample; one may be -1: what the others leave"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4, 6) {\"target_shape\": [3, -1, 2]}",
    "(2, 3) {\"target_shape\": [6]}",
    "(4) {\"target_shape\": [2, 2, 1]}",
    NULL,
};

static antler_status check(void *config, antler_error *err)
{
    const struct antler_reshape *cfg = config;
    int open = 0;
    for (int i = 0; i < ANTLER_MAX_RANK && cfg->target_shape[i] != 0; i++)
        open += cfg->target_shape[i] == -1;
    if (open > 1)
        return antler_error_set(err, ANTLER_VALUE, "target_shape", "%d entries are -1, only one may be", open);
    if (cfg->target_shape[ANTLER_MAX_RANK - 1] != 0)
        return antler_error_set(err, ANTLER_VALUE, "target_shape", "more than %d axes", ANTLER_MAX_RANK - 1);
    return ANTLER_OK;
}

/* Divides what a sample has by each size in turn, which cannot overflow. */
static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_reshape *cfg = config;
    int64_t left = antler_count(in, 1);
    int open = 0;
    bool fits = true;
    *out = (antler_shape){.rank = 1, .dim = {in->dim[0]}};
    for (int i = 0; i < ANTLER_MAX_RANK - 1 && cfg->target_shape[i] != 0; i++) {
        int64_t size = cfg->target_shape[i];
        if (size == -1) {
            open = out->rank;
        } else {
            fits = fits && left % size == 0;
            left /= size;
        }
        out->dim[out->rank++] = size;
    }
    if (open)
        out->dim[open] = left;
    if (!fits || left == 0 || (!open && left != 1))
        return antler_error_set(err, ANTLER_SHAPE, "target_shape", "a sample has %lld numbers, which do not fit",
                                (long long)antler_count(in, 1));
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_reshape = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Reshape",
             .doc = "a sample's numbers under another shape",
             .config_size = sizeof(struct antler_reshape),
             .fields = fields,
             .samples = samples,
             .check = check},
    .flags = ANTLER_VIEW,
    .mask = ANTLER_MASK_END,
    .infer = infer,
};
