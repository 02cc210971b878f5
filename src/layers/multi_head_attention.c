/* MultiHeadAttention and GroupQueryAttention: attention between what query, key and value are mapped to, several times
   side by side, and a map of all answers together:

     Q = query Wq + bq    K = key Wk + bk    V = value Wv + bv          (.., heads, key_dim), (.., heads, value_dim)
     O = drop(softmax(Q K^T / sqrt(key_dim))) V                         see shared/attend.h
     y = O Wo + bo,    with a gate (O sigmoid(query Wg + bg)) Wo + bo

   Gradients are those of products, as in dense.c, around those of attention. In GroupQueryAttention neighbouring heads
   share a key and a value.

   What a fully masked row gives is Keras's: all steps weigh the same; nothing where weights are dropped, returned or of
   several axes; and in a file of Keras 2 as if there was no mask. */
#include "layers/shared/heads.h"

typedef struct antler_multi_head_attention multi_head;
typedef struct antler_group_query_attention group_query;

static const char *const groups_multi_head[] = {"query_dense", "key_dense", "_gate_dense", "value_dense",
                                                "output_dense"};
static const char *const groups_group_query[] = {"_query_dense", "_key_dense", "_gate_dense", "_value_dense",
                                                 "_output_dense"};
static const int64_t none[] = {0};

antler_heads antler__multi_head(const void *config)
{
    const multi_head *c = config;
    antler_heads s = {.heads = c->num_heads, .sharing = 1, .key_dim = c->key_dim, .use_bias = c->use_bias};
    s.value_dim = c->value_dim == ANTLER_NULL ? c->key_dim : c->value_dim;
    s.window = c->sliding_window == ANTLER_NULL ? 0 : c->sliding_window;
    s.gate = c->use_gate;
    s.causal = c->use_causal_mask;
    s.scores = c->return_attention_scores;
    s.dropout = c->dropout;
    s.seed = c->seed;
    s.axes = c->attention_axes;
    s.output = c->output_shape;
    s.group = groups_multi_head;
    return s;
}

antler_heads antler__group_query(const void *config)
{
    const group_query *c = config;
    antler_heads s = {.heads = c->num_query_heads, .key_dim = c->head_dim, .value_dim = c->head_dim};
    s.sharing = c->num_query_heads / c->num_key_value_heads;
    s.use_bias = c->use_bias;
    s.window = c->sliding_window == ANTLER_NULL ? 0 : c->sliding_window;
    s.gate = c->use_gate;
    s.causal = c->use_causal_mask;
    s.scores = c->return_attention_scores;
    s.flat = true;
    s.dropout = c->dropout;
    s.seed = c->seed;
    s.axes = s.output = none;
    s.group = groups_group_query;
    return s;
}

/* ---- config ------------------------------------------------------------------------------------------------------ */

#define ANY_FIELD(name)                                                            \
    {                                                                              \
        .key = (name), .kind = ANTLER_ANY, .doc = "accepted for Keras, not needed" \
    }

/* Rows of both; the last of a table. */
#define HEADS_FIELDS(type)                                                 \
    ANTLER_KERNEL_FIELDS(type),                                            \
        {.key = "sliding_window",                                          \
         .kind = ANTLER_INT,                                               \
         .offset = offsetof(type, sliding_window),                         \
         .def = "null",                                                    \
         .min = 1,                                                         \
         .max = ANTLER_MOST_UNITS,                                         \
         .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,                      \
         .doc = "a step sees those that are less than so many away"},      \
        {.key = "use_gate",                                                \
         .kind = ANTLER_BOOL,                                              \
         .offset = offsetof(type, use_gate),                               \
         .def = "false",                                                   \
         .flags = ANTLER_UNWRITTEN,                                        \
         .doc = "answers are multiplied by sigmoid(query kernel + bias)"}, \
        ANY_FIELD("flash_attention"), ANTLER_ATTENTION_FIELDS(type)

static const antler_field fields[] = {
    ANTLER_FIELD_COUNT(multi_head, num_heads, "attentions side by side"),
    ANTLER_FIELD_COUNT(multi_head, key_dim, "numbers of a query and a key of one head"),
    {.key = "value_dim",
     .kind = ANTLER_INT,
     .offset = offsetof(multi_head, value_dim),
     .def = "null",
     .min = 1,
     .max = ANTLER_MOST_UNITS,
     .flags = ANTLER_NULLABLE,
     .doc = "numbers of a value of one head; null: key_dim"},
    ANTLER_FIELD_INTS(multi_head, output_shape, "null", ANTLER_NULLABLE, 1,
                      "in place of the output's last axis; null: as many numbers as the query has"),
    {.key = "attention_axes",
     .kind = ANTLER_INTS,
     .offset = offsetof(multi_head, attention_axes),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "axes of the steps, neighbours; null: all but the batch's and the last"},
    ANY_FIELD("query_shape"), /* of Keras 2 */
    ANY_FIELD("key_shape"),
    ANY_FIELD("value_shape"),
    ANTLER_FIELD_IGNORED("softmax_robust_masking", "false"),
    HEADS_FIELDS(multi_head),
};

static const antler_field group_fields[] = {
    ANTLER_FIELD_COUNT(group_query, head_dim, "numbers of a query, a key and a value of one head"),
    ANTLER_FIELD_COUNT(group_query, num_query_heads, "attentions side by side"),
    ANTLER_FIELD_COUNT(group_query, num_key_value_heads, "keys and values; so many heads share each"),
    HEADS_FIELDS(group_query),
};

static const char *const samples[] = {
    "(3, 2) (3, 2) {\"num_heads\": 2, \"key_dim\": 2}",
    "(2, 3) (3, 2) (3, 1) {\"num_heads\": 2, \"key_dim\": 1, \"value_dim\": 2, \"use_bias\": false, \"dropout\": 0.3, "
    "\"output_shape\": 2, \"return_attention_scores\": true}",
    "(3, 2) (3, 2) {\"num_heads\": 1, \"key_dim\": 2, \"use_causal_mask\": true, \"sliding_window\": 2, "
    "\"use_gate\": true}",
    "(2, 2, 2) (3, 2, 2) {\"num_heads\": 2, \"key_dim\": 1, \"attention_axes\": 1}",
    NULL,
};
static const char *const group_samples[] = {
    "(3, 2) (2, 2) {\"head_dim\": 2, \"num_query_heads\": 2, \"num_key_value_heads\": 1}",
    "(2, 2) (2, 2) (2, 3) {\"head_dim\": 1, \"num_query_heads\": 4, \"num_key_value_heads\": 2, \"dropout\": 0.3, "
    "\"use_gate\": true, \"use_causal_mask\": true, \"return_attention_scores\": true, \"use_bias\": false}",
    NULL,
};

/* Keras gives it to the maps inside, not to the layer. */
static antler_status check_penalty(const antler_object *penalty, antler_error *err)
{
    return !penalty->type ? ANTLER_OK
                          : antler_error_set(err, ANTLER_UNSUPPORTED, "activity_regularizer",
                                             "attention with heads has none here; expected null");
}

static antler_status check(void *config, antler_error *err)
{
    return check_penalty(&((multi_head *)config)->activity_regularizer_, err);
}

static antler_status check_groups(void *config, antler_error *err)
{
    const group_query *c = config;
    if (c->num_query_heads % c->num_key_value_heads != 0)
        return antler_error_set(err, ANTLER_VALUE, "num_key_value_heads", "%lld is no divisor of num_query_heads, %lld",
                                (long long)c->num_key_value_heads, (long long)c->num_query_heads);
    return check_penalty(&c->activity_regularizer_, err);
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static const char *const arguments[] = {"query", "value", "key=value", "attention_mask", NULL};

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    antler_heads c = antler__multi_head(config);
    return antler__heads_infer(&c, in, out, err);
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_heads c = antler__multi_head(config);
    antler__heads_variables(&c, in, plan);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_heads c = antler__multi_head(config);
    antler__heads_buffers(&c, in, plan);
}

static antler_status forward(const void *config, antler_run *run)
{
    antler_heads c = antler__multi_head(config);
    return antler__heads_forward(&c, run);
}

static antler_status backward(const void *config, antler_run *run)
{
    antler_heads c = antler__multi_head(config);
    return antler__heads_backward(&c, run);
}

const antler_layer_ops antler_layer_multi_head_attention = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "MultiHeadAttention",
             .doc = "several attentions side by side, between maps of query, key and value",
             .config_size = sizeof(multi_head),
             .fields = fields,
             .samples = samples,
             .check = check},
    .flags = ANTLER_NEEDS_X,
    .inputs = 4,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
    .arguments = arguments,
};

static antler_status group_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    antler_heads c = antler__group_query(config);
    return antler__heads_infer(&c, in, out, err);
}

static void group_variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_heads c = antler__group_query(config);
    antler__heads_variables(&c, in, plan);
}

static void group_buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_heads c = antler__group_query(config);
    antler__heads_buffers(&c, in, plan);
}

static antler_status group_forward(const void *config, antler_run *run)
{
    antler_heads c = antler__group_query(config);
    return antler__heads_forward(&c, run);
}

static antler_status group_backward(const void *config, antler_run *run)
{
    antler_heads c = antler__group_query(config);
    return antler__heads_backward(&c, run);
}

static const char *const group_aliases[] = {"GroupedQueryAttention", NULL};

const antler_layer_ops antler_layer_group_query_attention = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "GroupQueryAttention",
             .aliases = group_aliases,
             .doc = "MultiHeadAttention whose heads share keys and values",
             .config_size = sizeof(group_query),
             .fields = group_fields,
             .samples = group_samples,
             .check = check_groups},
    .flags = ANTLER_NEEDS_X,
    .python_name = "GroupedQueryAttention",
    .inputs = 4,
    .mask = ANTLER_MASK_PASS,
    .infer = group_infer,
    .variables = group_variables,
    .buffers = group_buffers,
    .forward = group_forward,
    .backward = group_backward,
    .arguments = arguments,
};
