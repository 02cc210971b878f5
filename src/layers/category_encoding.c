/* CategoryEncoding of integers in [0, num_tokens):

     one_hot    (B, ..., n) to (B, ..., n, num_tokens), a last axis of 1 is replaced: 1 at the token, 0 elsewhere
     multi_hot  (B, ..., n) to (B, ..., num_tokens): 1 at each of the n tokens
     count      (B, n) to (B, num_tokens): how often each occurs

   Integers have no gradient: dx = 0. */
#include "layers/shared/common.h"

#include <string.h>

static const char *const modes[] = {"one_hot", "multi_hot", "count", NULL};

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

static bool is_mode(const struct antler_category_encoding *cfg, int mode)
{
    return cfg->output_mode == modes[mode];
}

enum { ONE_HOT, MULTI_HOT, COUNT };

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_category_encoding *cfg = config;
    *out = *in;
    if (in->rank < 2 || (is_mode(cfg, COUNT) && in->rank != 2))
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input has %d axes; expected (batch, %stokens)", in->rank,
                                is_mode(cfg, COUNT) ? "" : "..., ");
    if (is_mode(cfg, ONE_HOT) && in->dim[in->rank - 1] != 1)
        out->rank++;
    if (out->rank > ANTLER_MAX_RANK)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "the output would have %d axes", out->rank);
    out->dim[out->rank - 1] = cfg->num_tokens;
    return ANTLER_OK;
}

typedef struct job {
    const antler_real *x; /* (rows, group) */
    antler_real *y;       /* (rows, width) */
    int64_t group, width;
    antler_real most; /* a place holds no more than this */
} job;

static void encode(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t row = first; row < first + count; row++) {
        antler_real *y = j->y + row * j->width;
        memset(y, 0, (size_t)j->width * sizeof *y);
        for (int64_t i = 0; i < j->group; i++) {
            antler_real *place = y + (int64_t)j->x[row * j->group + i];
            if (*place < j->most)
                *place += 1;
        }
    }
}

static antler_status forward(const void *config, antler_run *run)
{
    const struct antler_category_encoding *cfg = config;
    const antler_shape *in = &run->x->shape;
    ANTLER_TRY(antler_run_check_tokens(run, cfg->num_tokens));
    job j = {.x = run->x->data, .y = run->y->data, .width = cfg->num_tokens};
    j.group = is_mode(cfg, ONE_HOT) ? 1 : in->dim[in->rank - 1];
    j.most = is_mode(cfg, COUNT) ? (antler_real)j.group : 1;
    antler_run_ranges(run, antler_count(in, 0) / j.group, j.width, encode, &j);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    (void)config;
    if (run->dx->data)
        memset(run->dx->data, 0, (size_t)antler_count(&run->dx->shape, 0) * sizeof *run->dx->data);
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
    .backward = backward,
    .tokens = tokens,
};
