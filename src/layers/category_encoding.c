/* CategoryEncoding: integers in [0, num_tokens) as rows of 0 and 1, or as counts (shared/encode.c). */
#include "layers/shared/common.h"
#include "layers/shared/encode.h"

static const char *const modes[] = {"one_hot", "multi_hot", "count", NULL}; /* as antler_encoding_mode has them */

static const antler_field fields[] = {
    ANTLER_FIELD_COUNT(struct antler_category_encoding, num_tokens, "tokens are 0 .. num_tokens - 1"),
    {.key = "output_mode",
     .kind = ANTLER_STRING,
     .offset = offsetof(struct antler_category_encoding, output_mode),
     .def = "\"multi_hot\"",
     .choices = modes,
     .doc = "what becomes of a row of tokens"},
    ANTLER_FIELD_IGNORED("sparse", "false"),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4) {\"num_tokens\": 3, \"output_mode\": \"one_hot\"}",
    "(5, 1) {\"num_tokens\": 2, \"output_mode\": \"one_hot\"}",
    "(4) {\"num_tokens\": 6}",
    "(4) {\"num_tokens\": 6, \"output_mode\": \"count\"}",
    NULL,
};

static int64_t index_of(const void *arg, antler_real x)
{
    (void)arg;
    return (int64_t)x;
}

static antler_encoding encoding_of(const struct antler_category_encoding *cfg)
{
    int mode = ANTLER_ONE_HOT;
    while (modes[mode] != cfg->output_mode)
        mode++;
    return (antler_encoding){.mode = (antler_encoding_mode)mode, .depth = cfg->num_tokens, .index = index_of};
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const antler_encoding e = encoding_of(config);
    return antler__encode_infer(&e, in, out, err);
}

static antler_status forward(const void *config, antler_run *run)
{
    const antler_encoding e = encoding_of(config);
    ANTLER_TRY(antler_run_check_tokens(run, e.depth));
    antler__encode(run, &e);
    return ANTLER_OK;
}

static int64_t tokens(const void *config)
{
    return ((const struct antler_category_encoding *)config)->num_tokens;
}

const antler_layer_ops antler_layer_category_encoding = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "CategoryEncoding",
             .doc = "integers as rows of 0 and 1",
             .config_size = sizeof(struct antler_category_encoding),
             .fields = fields,
             .samples = samples},
    .infer = infer,
    .forward = forward,
    .backward = antler__encode_backward,
    .tokens = tokens,
};
