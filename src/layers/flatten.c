/* Flatten: (B, ...) to (B, product of the rest). The numbers stay where they are. */
#include "layers/shared/common.h"

static const antler_field fields[] = {
    ANTLER_FIELD_DATA_FORMAT(struct antler_flatten, 0),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {"(3, 4, 2) {}", "(5) {}", "(3, 2, 2) {\"data_format\": \"channels_first\"}",
                                      NULL};

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    (void)config;
    (void)err;
    *out = (antler_shape){.rank = 2, .dim = {in->dim[0], antler_count(in, 1)}};
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_flatten = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Flatten",
             .doc = "a sample's numbers as one row",
             .config_size = sizeof(struct antler_flatten),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_VIEW,
    .mask = ANTLER_MASK_END,
    .infer = infer,
};
