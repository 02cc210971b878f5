/* Attention: each step of a query is answered by a sum of values, weighed by how well their keys fit:

     P = softmax(score(query, key))    y = drop(P) value        query (.., T, D), key (.., S, D), value (.., S, V)

   score: dot       s_ts = scale (q_t . k_s)                                  scale: a trained number, or 1
          concat    s_ts = weight * sum over d of tanh(scale (q_td + k_sd))   weight, scale: trained numbers
          additive  s_ts = sum over d of scale_d tanh(q_td + k_sd)            AdditiveAttention

   The last two are one: sum over d of a_d tanh(c (q_td + k_sd)), whose gradient is

     u_tsd = ds_ts a_d (1 - tanh^2)    dq_td = c sum over s of u    dk_sd = c sum over t of u
     da_d = sum of ds tanh             dc = sum of u (q + k)

   From the scores on it is shared/attend.c. As in Keras a masked value's score is 1e9 less, answers to masked queries
   are 0, and the weights that are returned are those after dropout. */
#include "layers/shared/one_head.h"

static const char *const modes[] = {"dot", "concat", NULL};

static const antler_field fields[] = {
    ANTLER_FIELD_BOOL(struct antler_attention, use_scale, "false", "scores are multiplied by a trained number"),
    {.key = "score_mode",
     .kind = ANTLER_STRING,
     .offset = offsetof(struct antler_attention, score_mode),
     .def = "\"dot\"",
     .choices = modes,
     .doc = "how well a key fits: their product, or a tanh of their sum"},
    ANTLER_ATTENTION_FIELDS(struct antler_attention),
};

static const antler_field additive_fields[] = {
    ANTLER_FIELD_BOOL(struct antler_additive_attention, use_scale, "true", "a trained number for each feature"),
    {.key = "scale_initializer",
     .kind = ANTLER_OBJECT,
     .offset = offsetof(struct antler_additive_attention, scale_initializer_),
     .text = offsetof(struct antler_additive_attention, scale_initializer),
     .def = "\"glorot_uniform\"",
     .flags = ANTLER_UNSAVED, /* Keras takes none */
     .of = ANTLER_KIND_INITIALIZER,
     .doc = "first values of these numbers"},
    ANTLER_ATTENTION_FIELDS(struct antler_additive_attention),
};

static const char *const samples[] = {
    "(3, 2) (4, 2) {}",
    "(2, 3) (4, 2) (4, 3) {\"use_scale\": true, \"dropout\": 0.3, \"return_attention_scores\": true}",
    "(3, 2) (3, 2) {\"score_mode\": \"concat\", \"use_scale\": true, \"use_causal_mask\": true}",
    "(2, 2, 2) (2, 3, 2) {\"score_mode\": \"concat\"}",
    NULL,
};
static const char *const additive_samples[] = {
    "(3, 2) (4, 2) {}",
    "(2, 3) (2, 1) (2, 3) {\"use_scale\": false, \"dropout\": 0.5, \"use_causal_mask\": true}",
    NULL,
};

static antler_one_head of_attention(const void *config)
{
    const struct antler_attention *c = config;
    antler_score s = c->score_mode == modes[ANTLER_SCORE_CONCAT] ? ANTLER_SCORE_CONCAT : ANTLER_SCORE_DOT;
    return (antler_one_head){s, c->use_scale, c->use_causal_mask, c->return_attention_scores, c->dropout, c->seed};
}

static antler_one_head of_additive(const void *config)
{
    const struct antler_additive_attention *c = config;
    return (antler_one_head){ANTLER_SCORE_ADDITIVE,      c->use_scale, c->use_causal_mask,
                             c->return_attention_scores, c->dropout,   c->seed};
}

/* ---- Attention --------------------------------------------------------------------------------------------------- */

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    antler_one_head c = of_attention(config);
    return antler__one_head_infer(&c, in, out, err);
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_one_head c = of_attention(config);
    antler__one_head_variables(&c, in, plan);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_one_head c = of_attention(config);
    antler__one_head_buffers(&c, in, plan);
}

static antler_status forward(const void *config, antler_run *run)
{
    antler_one_head c = of_attention(config);
    return antler__one_head_forward(&c, run);
}

static antler_status backward(const void *config, antler_run *run)
{
    antler_one_head c = of_attention(config);
    return antler__one_head_backward(&c, run);
}

/* Both numbers begin at 1. */
static void initialize(const void *config, int slot, antler_tensor *param)
{
    (void)config;
    (void)slot;
    *param->data = 1;
}

const antler_layer_ops antler_layer_attention = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Attention",
             .doc = "sums of values, weighed by how well their keys fit each query",
             .config_size = sizeof(struct antler_attention),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_NEEDS_X,
    .inputs = 3,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
    .initialize = initialize,
};

/* ---- AdditiveAttention ------------------------------------------------------------------------------------------- */

static antler_status additive_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    antler_one_head c = of_additive(config);
    return antler__one_head_infer(&c, in, out, err);
}

static void additive_variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_one_head c = of_additive(config);
    antler__one_head_variables(&c, in, plan);
}

static void additive_buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_one_head c = of_additive(config);
    antler__one_head_buffers(&c, in, plan);
}

static antler_status additive_forward(const void *config, antler_run *run)
{
    antler_one_head c = of_additive(config);
    return antler__one_head_forward(&c, run);
}

static antler_status additive_backward(const void *config, antler_run *run)
{
    antler_one_head c = of_additive(config);
    return antler__one_head_backward(&c, run);
}

const antler_layer_ops antler_layer_additive_attention = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "AdditiveAttention",
             .doc = "Attention whose scores are sums of tanh(query + key)",
             .config_size = sizeof(struct antler_additive_attention),
             .fields = additive_fields,
             .samples = additive_samples},
    .flags = ANTLER_NEEDS_X,
    .inputs = 3,
    .mask = ANTLER_MASK_PASS,
    .infer = additive_infer,
    .variables = additive_variables,
    .buffers = additive_buffers,
    .forward = additive_forward,
    .backward = additive_backward,
};
