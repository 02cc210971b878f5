/* Embedding: a row of a table for each token.

     y (B, ..., output_dim) = embeddings (input_dim, output_dim) [x (B, ...)]
     embeddings' [v] = sum of dy over the places where x is v, in their order; 0 for a token that does not occur

   Every row has a gradient, as on Keras's JAX and PyTorch backends. mask_zero masks the places where x is 0.

   ReversibleEmbedding is that, and has calls in which it goes back, from vectors to the tokens' logits:

     z (..., input_dim) = x (..., output_dim) E^T       y = z, or with logit_soft_cap c tanh(z / c)
     x' = z' E       E' = z'^T x

   With tie_weights, E is the table; without, E^T is a parameter of its own. */
#include "layers/shared/common.h"

#include <math.h>
#include <string.h>

enum { EMBEDDINGS, REVERSE }; /* parameters */

#define ANTLER_FIELDS_EMBEDDING(type)                                                                   \
    ANTLER_FIELD_COUNT(type, input_dim, "tokens are 0 .. input_dim - 1"),                               \
        ANTLER_FIELD_COUNT(type, output_dim, "numbers a token becomes"),                                \
        ANTLER_FIELD_VARIABLE(type, embeddings, "\"uniform\""),                                         \
        ANTLER_FIELD_BOOL(type, mask_zero, "false", "masks the places where the token is 0"),           \
        ANTLER_FIELD_IGNORED("quantization_config", "null"), ANTLER_FIELD_IGNORED("lora_rank", "null"), \
        ANTLER_FIELD_IGNORED("lora_alpha", "null"),                                                     \
        ANTLER_FIELD_IGNORED("input_length", NULL) /* of Keras 2; the input tells */

static const antler_field fields[] = {
    ANTLER_FIELDS_EMBEDDING(struct antler_embedding),
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

/* ---- ReversibleEmbedding: the table's config is its first part ----------------------------------------------------
 */

typedef struct antler_reversible_embedding reversible;

enum { TANH };  /* saved, of capped logits */
enum { SLOPE }; /* scratch: their gradient */

static const antler_field reversible_fields[] = {
    ANTLER_FIELDS_EMBEDDING(reversible),
    ANTLER_FIELD_BOOL(reversible, tie_weights, "true",
                      "logits come from the table; false: from a parameter of their own"),
    {.key = "logit_soft_cap",
     .kind = ANTLER_REAL,
     .offset = offsetof(reversible, logit_soft_cap),
     .def = "null",
     .min = 0,
     .max = 1e30,
     .flags = ANTLER_NULLABLE | ANTLER_OPEN_MIN,
     .doc = "bound c of the logits, which become c tanh(z / c); null: none"},
    {.key = "reverse_embeddings_initializer",
     .kind = ANTLER_OBJECT,
     .offset = offsetof(reversible, reverse_embeddings_initializer_),
     .text = offsetof(reversible, reverse_embeddings_initializer),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNSAVED,
     .of = ANTLER_KIND_INITIALIZER,
     .doc = "first values of the parameter of their own; null: as the table's"},
    {.key = "reverse",
     .kind = ANTLER_BOOL,
     .offset = offsetof(reversible, reverse),
     .def = "false",
     .flags = ANTLER_CALL,
     .doc = "of a call: from vectors to logits"},
    ANTLER_FIELD_IGNORED("reverse_dtype", "null"),
    ANTLER_FIELD_END,
};

static const char *const reversible_samples[] = {
    "(4) {\"input_dim\": 5, \"output_dim\": 3, \"tie_weights\": false, \"mask_zero\": true}",
    "(2, 3) {\"input_dim\": 4, \"output_dim\": 2, \"logit_soft_cap\": 0.5}", /* graphs call it in reverse */
    NULL,
};

static antler_status reversible_check(void *config, antler_error *err)
{
    reversible *c = config;
    if (c->reverse_embeddings_initializer_.type || c->tie_weights || !c->embeddings_initializer_.type)
        return ANTLER_OK;
    return antler_object_copy(c->embeddings_initializer_, &c->reverse_embeddings_initializer_, err);
}

static antler_mask_rule reversible_mask_rule(const void *config)
{
    return ((const reversible *)config)->reverse ? ANTLER_MASK_END : mask_rule(config);
}

static int64_t reversible_tokens(const void *config)
{
    return ((const reversible *)config)->reverse ? 0 : tokens(config);
}

static antler_status reversible_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const reversible *c = config;
    if (!c->reverse)
        return infer(config, in, out, err);
    if (in->rank < 2 || in->dim[in->rank - 1] != c->output_dim)
        return antler_error_set(err, ANTLER_SHAPE, "reverse", "the last axis of the input must be output_dim, %lld",
                                (long long)c->output_dim);
    *out = *in;
    out->dim[out->rank - 1] = c->input_dim;
    return ANTLER_OK;
}

static void reversible_variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const reversible *c = config;
    variables(config, in, plan);
    if (!c->tie_weights)
        antler_plan_param(plan, REVERSE, "reverse_embeddings", "reverse_embeddings",
                          &(antler_shape){.rank = 2, .dim = {c->output_dim, c->input_dim}});
}

static void reversible_buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    const reversible *c = config;
    antler_shape logits = *in;
    logits.dim[logits.rank - 1] = c->input_dim;
    if (!c->reverse || isnan(c->logit_soft_cap) || antler_plan_mode(plan) != ANTLER_TRAIN)
        return;
    antler_plan_saved(plan, TANH, &logits);
    antler_plan_scratch(plan, SLOPE, &logits);
}

/* Work on the logits. */
typedef struct cap {
    antler_real *y, *tanh; /* tanh: NULL where nobody needs it again */
    const antler_real *dy;
    antler_real height;
} cap;

static void cap_logits(void *arg, int64_t first, int64_t count)
{
    const cap *c = arg;
    antler_real *y = c->y + first;
    for (int64_t i = 0; i < count; i++)
        y[i] /= c->height;
    antler_array_tanh(y, y, count);
    if (c->tanh)
        memcpy(c->tanh + first, y, (size_t)count * sizeof *y);
    for (int64_t i = 0; i < count; i++)
        y[i] *= c->height;
}

static void cap_gradient(void *arg, int64_t first, int64_t count)
{
    const cap *c = arg;
    for (int64_t i = first; i < first + count; i++)
        c->y[i] = c->dy[i] * (1 - c->tanh[i] * c->tanh[i]);
}

static antler_status reversible_forward(const void *config, antler_run *run)
{
    const reversible *c = config;
    if (!c->reverse)
        return forward(config, run);
    const int64_t rows = antler_count(&run->x->shape, 0) / c->output_dim;
    antler_product p = {.m = rows, .n = c->input_dim, .k = c->output_dim, .a = run->x->data, .a_row = c->output_dim};
    p.a_col = 1;
    p.b = run->param[c->tie_weights ? EMBEDDINGS : REVERSE].data;
    p.b_row = c->tie_weights ? 1 : c->input_dim;
    p.b_col = c->tie_weights ? c->output_dim : 1;
    p.c = run->y->data;
    p.c_row = c->input_dim;
    antler_run_product(run, &p);
    if (isnan(c->logit_soft_cap))
        return ANTLER_OK;
    cap work = {.y = run->y->data, .height = (antler_real)c->logit_soft_cap};
    work.tanh = run->mode == ANTLER_TRAIN ? run->saved[TANH].data : NULL;
    antler_run_ranges(run, rows * c->input_dim, 16, cap_logits, &work);
    return ANTLER_OK;
}

static void clear(const antler_tensor *t)
{
    if (t->data)
        memset(t->data, 0, (size_t)antler_count(&t->shape, 0) * sizeof *t->data);
}

/* The gradient of the matrix that made the logits: E' = z'^T x, or that of E^T = x^T z'. */
static void matrix_gradient(const reversible *c, antler_run *run, const antler_real *dz, int64_t rows)
{
    const antler_tensor *gradient = &run->grad[c->tie_weights ? EMBEDDINGS : REVERSE];
    const antler_real *left = c->tie_weights ? dz : run->x->data, *right = c->tie_weights ? run->x->data : dz;
    const int64_t m = gradient->shape.dim[0], n = gradient->shape.dim[1];
    antler_product p = {.m = m, .n = n, .k = rows, .a = left, .a_row = 1, .a_col = m, .b = right, .b_row = n};
    p.b_col = 1;
    p.c = gradient->data;
    p.c_row = n;
    if (p.c)
        antler_run_product(run, &p);
}

static antler_status reversible_backward(const void *config, antler_run *run)
{
    const reversible *c = config;
    if (!c->tie_weights)
        clear(&run->grad[c->reverse ? EMBEDDINGS : REVERSE]);
    if (!c->reverse)
        return backward(config, run);
    const int64_t rows = antler_count(&run->x->shape, 0) / c->output_dim;
    const antler_real *dz = run->dy->data;
    if (!isnan(c->logit_soft_cap)) {
        cap work = {.y = run->scratch[SLOPE].data, .tanh = run->saved[TANH].data, .dy = run->dy->data};
        antler_run_ranges(run, rows * c->input_dim, 1, cap_gradient, &work);
        dz = work.y;
    }
    matrix_gradient(c, run, dz, rows);
    antler_product p = {.m = rows, .n = c->output_dim, .k = c->input_dim, .a = dz, .a_row = c->input_dim, .a_col = 1};
    p.b = run->param[c->tie_weights ? EMBEDDINGS : REVERSE].data;
    p.b_row = c->tie_weights ? c->output_dim : 1;
    p.b_col = c->tie_weights ? 1 : c->input_dim;
    p.c = run->dx->data;
    p.c_row = c->output_dim;
    if (p.c)
        antler_run_product(run, &p);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_reversible_embedding = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "ReversibleEmbedding",
             .doc = "a row of numbers for each token, and back",
             .config_size = sizeof(reversible),
             .fields = reversible_fields,
             .samples = reversible_samples,
             .check = reversible_check},
    .flags = ANTLER_NEEDS_X,
    .mask_rule = reversible_mask_rule,
    .infer = reversible_infer,
    .variables = reversible_variables,
    .buffers = reversible_buffers,
    .forward = reversible_forward,
    .backward = reversible_backward,
    .tokens = reversible_tokens,
};
