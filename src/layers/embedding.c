/* Embedding: a row of a table for each token.

     y (B, ..., output_dim) = embeddings (input_dim, output_dim) [x (B, ...)]
     embeddings' [v] = sum of dy over the places where x is v, in their order; 0 for a token that does not occur

   Every row has a gradient, as on Keras's JAX and PyTorch backends. mask_zero masks the places where x is 0. */
#include "layers/shared/common.h"

#include <string.h>

enum { EMBEDDINGS };

static const antler_field fields[] = {
    ANTLER_FIELD_COUNT(struct antler_embedding, input_dim, "tokens are 0 .. input_dim - 1"),
    ANTLER_FIELD_COUNT(struct antler_embedding, output_dim, "numbers a token becomes"),
    ANTLER_FIELD_VARIABLE(struct antler_embedding, embeddings, "\"uniform\""),
    ANTLER_FIELD_BOOL(struct antler_embedding, mask_zero, "false", "masks the places where the token is 0"),
    ANTLER_FIELD_IGNORED("quantization_config", "null"),
    ANTLER_FIELD_IGNORED("lora_rank", "null"),
    ANTLER_FIELD_IGNORED("lora_alpha", "null"),
    ANTLER_FIELD_IGNORED("input_length", NULL), /* of Keras 2; the input tells */
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4) {\"input_dim\": 5, \"output_dim\": 3}",
    "(6) {\"input_dim\": 3, \"output_dim\": 2, \"mask_zero\": true}",
    "(2, 3) {\"input_dim\": 4, \"output_dim\": 1}",
    NULL,
};

static antler_mask_rule mask_rule(const void *config)
{
    const struct antler_embedding *cfg = config;
    return cfg->mask_zero ? ANTLER_MASK_MAKE : ANTLER_MASK_END;
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_embedding *cfg = config;
    if (in->rank >= ANTLER_MAX_RANK)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input has %d axes, the output would have one more than %d",
                                in->rank, ANTLER_MAX_RANK);
    if (cfg->mask_zero && in->rank != 2)
        return antler_error_set(err, ANTLER_UNSUPPORTED, "mask_zero", "the input has %d axes; expected (batch, steps)",
                                in->rank);
    *out = *in;
    out->dim[out->rank++] = cfg->output_dim;
    return ANTLER_OK;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const struct antler_embedding *cfg = config;
    (void)in;
    antler_plan_param(plan, EMBEDDINGS, "embeddings", "embeddings",
                      &(antler_shape){.rank = 2, .dim = {cfg->input_dim, cfg->output_dim}});
}

typedef struct job {
    const antler_kernels *k;
    const antler_real *x; /* (tokens) */
    int64_t tokens, width;
    const antler_real *table; /* (input_dim, width) */
    antler_real *y;           /* (tokens, width) */
    const antler_real *dy;    /* (tokens, width) */
    antler_real *gradient;    /* (input_dim, width) */
} job;

static void look_up(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t i = first; i < first + count; i++)
        memcpy(j->y + i * j->width, j->table + (int64_t)j->x[i] * j->width, (size_t)j->width * sizeof *j->y);
}

static antler_status forward(const void *config, antler_run *run)
{
    const struct antler_embedding *cfg = config;
    ANTLER_TRY(antler_run_check_tokens(run, cfg->input_dim));
    job j = {.x = run->x->data, .tokens = antler_count(&run->x->shape, 0), .width = cfg->output_dim};
    j.table = run->param[EMBEDDINGS].data;
    j.y = run->y->data;
    antler_run_ranges(run, j.tokens, j.width, look_up, &j);
    if (run->mask_out->data)
        for (int64_t i = 0; i < j.tokens; i++)
            run->mask_out->data[i] = j.x[i] != 0;
    return ANTLER_OK;
}

/* Rows [first, first + count) of the gradient. Every piece reads all tokens: there are far fewer of them than numbers
   in the table, and so each row's sum has one order, that of the tokens. */
static void add_up(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    memset(j->gradient + first * j->width, 0, (size_t)(count * j->width) * sizeof *j->gradient);
    for (int64_t i = 0; i < j->tokens; i++) {
        int64_t token = (int64_t)j->x[i];
        antler_real *row = j->gradient + token * j->width;
        if (token >= first && token < first + count)
            j->k->add(row, row, j->dy + i * j->width, j->width);
    }
}

enum { PIECES = 32 }; /* at most: each goes over all tokens */

static antler_status backward(const void *config, antler_run *run)
{
    const struct antler_embedding *cfg = config;
    if (run->dx->data)
        memset(run->dx->data, 0, (size_t)antler_count(&run->x->shape, 0) * sizeof *run->dx->data);
    if (!run->grad[EMBEDDINGS].data)
        return ANTLER_OK;
    job j = {.k = run->k, .x = run->x->data, .tokens = antler_count(&run->x->shape, 0), .width = cfg->output_dim};
    j.dy = run->dy->data;
    j.gradient = run->grad[EMBEDDINGS].data;
    antler_run_pieces(run, cfg->input_dim, j.width, PIECES, add_up, &j);
    return ANTLER_OK;
}

static int64_t tokens(const void *config)
{
    return ((const struct antler_embedding *)config)->input_dim;
}

const antler_layer_ops antler_layer_embedding = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Embedding",
             .doc = "a row of numbers for each token",
             .config_size = sizeof(struct antler_embedding),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_NEEDS_X,
    .mask_rule = mask_rule,
    .infer = infer,
    .variables = variables,
    .forward = forward,
    .backward = backward,
    .tokens = tokens,
};
