/* The kinds of types: their names, and the keys that every type of a kind has. */
#include "config/fields.h"
#include "core/number.h"
#include "core/status.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name, *module;
} kind_names[ANTLER_KINDS] = {
#define ANTLER_KIND_ROW(kind, name, module) [ANTLER_KIND_##kind] = {name, module},
    ANTLER_KIND_MAP(ANTLER_KIND_ROW)
#undef ANTLER_KIND_ROW
};

const char *antler_kind_name(antler_kind kind)
{
    return (unsigned)kind < ANTLER_KINDS ? kind_names[kind].name : "unknown kind";
}

const char *antler__kind_module(antler_kind kind)
{
    return kind_names[kind].module;
}

static const antler_field layer_fields[] = {
    {.key = "name",
     .kind = ANTLER_STRING,
     .offset = offsetof(struct antler_layer_keys, name),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "unique in the model; by default the class in snake case, numbered"},
    {.key = "trainable",
     .kind = ANTLER_BOOL,
     .offset = offsetof(struct antler_layer_keys, trainable),
     .def = "true",
     .flags = ANTLER_UNWRITTEN,
     .doc = "false: its parameters are frozen"},
    {.key = "dtype",
     .kind = ANTLER_STRING,
     .offset = offsetof(struct antler_layer_keys, dtype),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "kept for Keras; computation is in float"},
    {.key = "activity_regularizer",
     .kind = ANTLER_OBJECT,
     .offset = offsetof(struct antler_layer_keys, activity_regularizer_),
     .text = offsetof(struct antler_layer_keys, activity_regularizer),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .of = ANTLER_KIND_REGULARIZER,
     .doc = "penalty on the output, divided by the batch size"},
    {.key = "batch_input_shape",
     .kind = ANTLER_INTS,
     .offset = offsetof(struct antler_layer_keys, batch_input_shape),
     .def = "null",
     .min = 1,
     .max = ANTLER_DOUBLE_EXACT,
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "legacy spelling of an InputLayer before this layer"},
    ANTLER_FIELD_END,
};

/* Its config begins with the keys of a layer, which only the core looks at. */
static const antler_field operation_fields[] = {
    {.key = "name",
     .kind = ANTLER_STRING,
     .offset = offsetof(struct antler_layer_keys, name),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "unique in the model"},
    {.key = "trainable", .kind = ANTLER_ANY},
    {.key = "dtype", .kind = ANTLER_ANY},
    ANTLER_FIELD_END,
};

bool antler__is_half_precision(const char *dtype)
{
    return dtype && strstr(dtype, "float16"); /* float16, bfloat16, mixed_float16 */
}

bool antler__is_integer(const char *dtype)
{
    return dtype && (strncmp(dtype, "int", 3) == 0 || strncmp(dtype, "uint", 4) == 0);
}

static const antler_field optimizer_fields[] = {
    {.key = "name",
     .kind = ANTLER_STRING,
     .offset = offsetof(antler_optimizer_keys, name),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "kept for Keras"},
    {.key = "learning_rate",
     .kind = ANTLER_OBJECT,
     .offset = offsetof(antler_optimizer_keys, learning_rate),
     .def = "0.001",
     .of = ANTLER_KIND_SCHEDULE,
     .doc = "a number, or a schedule"},
    {.key = "weight_decay",
     .kind = ANTLER_REAL,
     .offset = offsetof(antler_optimizer_keys, weight_decay),
     .def = "null",
     .min = 0,
     .max = 1e30,
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "each step first takes rate * weight_decay * w from every weight"},
    {.key = "clipnorm",
     .kind = ANTLER_REAL,
     .offset = offsetof(antler_optimizer_keys, clipnorm),
     .def = "null",
     .min = 0,
     .max = 1e30,
     .flags = ANTLER_NULLABLE | ANTLER_OPEN_MIN | ANTLER_UNWRITTEN,
     .doc = "largest L2 norm of a variable's gradient"},
    {.key = "global_clipnorm",
     .kind = ANTLER_REAL,
     .offset = offsetof(antler_optimizer_keys, global_clipnorm),
     .def = "null",
     .min = 0,
     .max = 1e30,
     .flags = ANTLER_NULLABLE | ANTLER_OPEN_MIN | ANTLER_UNWRITTEN,
     .doc = "largest L2 norm of all gradients together"},
    {.key = "clipvalue",
     .kind = ANTLER_REAL,
     .offset = offsetof(antler_optimizer_keys, clipvalue),
     .def = "null",
     .min = 0,
     .max = 1e30,
     .flags = ANTLER_NULLABLE | ANTLER_OPEN_MIN | ANTLER_UNWRITTEN,
     .doc = "largest absolute value of a gradient's element"},
    {.key = "use_ema",
     .kind = ANTLER_BOOL,
     .offset = offsetof(antler_optimizer_keys, use_ema),
     .def = "false",
     .flags = ANTLER_UNWRITTEN,
     .doc = "keeps running means of the weights, which become the weights at the end of a fit"},
    {.key = "ema_momentum",
     .kind = ANTLER_REAL,
     .offset = offsetof(antler_optimizer_keys, ema_momentum),
     .def = "0.99",
     .min = 0,
     .max = 1,
     .flags = ANTLER_UNWRITTEN,
     .doc = "how long they remember"},
    {.key = "ema_overwrite_frequency",
     .kind = ANTLER_INT,
     .offset = offsetof(antler_optimizer_keys, ema_overwrite_frequency),
     .def = "null",
     .min = 1,
     .max = 1e15,
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "updates after which they become the weights, again and again"},
    {.key = "loss_scale_factor",
     .kind = ANTLER_REAL,
     .offset = offsetof(antler_optimizer_keys, loss_scale_factor),
     .def = "null",
     .min = 0,
     .max = 1e30,
     .flags = ANTLER_NULLABLE | ANTLER_OPEN_MIN | ANTLER_UNWRITTEN,
     .doc = "kept for Keras: only half precision needs it"},
    {.key = "gradient_accumulation_steps",
     .kind = ANTLER_INT,
     .offset = offsetof(antler_optimizer_keys, gradient_accumulation_steps),
     .def = "null",
     .min = 2,
     .max = 1e9,
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "batches of one update, which takes the mean of their gradients"},
    {.key = "jit_compile", .kind = ANTLER_ANY},
    {.key = "is_legacy_optimizer", .kind = ANTLER_ANY},
    ANTLER_FIELD_END,
};

static const char *const reductions[] = {"sum_over_batch_size",     "sum",  "none", "mean",
                                         "mean_with_sample_weight", "auto", NULL};

static const antler_field loss_fields[] = {
    {.key = "name",
     .kind = ANTLER_STRING,
     .offset = offsetof(antler_loss_keys, name),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "kept for Keras"},
    {.key = "reduction",
     .kind = ANTLER_STRING,
     .offset = offsetof(antler_loss_keys, reduction),
     .def = "\"sum_over_batch_size\"",
     .flags = ANTLER_NULLABLE,
     .choices = reductions,
     .doc = "how the samples' losses become one number"},
    {.key = "dtype", .kind = ANTLER_ANY},
    {.key = "fn", .kind = ANTLER_ANY},
    ANTLER_FIELD_END,
};

static const antler_field metric_fields[] = {
    {.key = "name",
     .kind = ANTLER_STRING,
     .offset = offsetof(antler_metric_keys, name),
     .def = "null",
     .flags = ANTLER_NULLABLE | ANTLER_UNWRITTEN,
     .doc = "its name in logs"},
    {.key = "dtype", .kind = ANTLER_ANY},
    {.key = "fn", .kind = ANTLER_ANY},
    ANTLER_FIELD_END,
};

static const antler_field schedule_fields[] = {{.key = "name", .kind = ANTLER_ANY}, ANTLER_FIELD_END};

/* TF 1.14 to 2.0 wrote it. */
static const antler_field initializer_fields[] = {{.key = "dtype", .kind = ANTLER_ANY}, ANTLER_FIELD_END};

const antler_field *antler__kind_fields(antler_kind kind)
{
    switch (kind) {
    case ANTLER_KIND_LAYER:
    case ANTLER_KIND_CELL:
        return layer_fields;
    case ANTLER_KIND_OPERATION:
        return operation_fields;
    case ANTLER_KIND_OPTIMIZER:
        return optimizer_fields;
    case ANTLER_KIND_LOSS:
        return loss_fields;
    case ANTLER_KIND_METRIC:
        return metric_fields;
    case ANTLER_KIND_SCHEDULE:
        return schedule_fields;
    case ANTLER_KIND_INITIALIZER:
        return initializer_fields;
    default:
        return NULL;
    }
}

/* ---- rules across the keys of a kind ----------------------------------------------------------------------------- */

static antler_status check_optimizer(const antler_optimizer_keys *keys, antler_error *err)
{
    int clips = !isnan(keys->clipnorm) + !isnan(keys->global_clipnorm) + !isnan(keys->clipvalue);
    if (clips < 2)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_VALUE, !isnan(keys->clipnorm) ? "clipnorm" : "global_clipnorm",
                            "only one of clipnorm, global_clipnorm and clipvalue can be set, not %d", clips);
}

/* A metric's name is a column of a history and a word of a line. */
static antler_status check_metric(const antler_metric_keys *keys, antler_error *err)
{
    return keys->name ? antler__name_check(keys->name, "", "name", err) : ANTLER_OK;
}

antler_status antler__kind_check(antler_kind kind, const void *config, antler_error *err)
{
    if (kind == ANTLER_KIND_OPTIMIZER)
        return check_optimizer(config, err);
    return kind == ANTLER_KIND_METRIC ? check_metric(config, err) : ANTLER_OK;
}

antler_status antler__name_check(const char *name, const char *without, const char *place, antler_error *err)
{
    size_t length = strlen(name);
    bool fits = length >= 1 && length <= ANTLER_LONGEST_NAME && !strpbrk(name, without) && strcmp(name, ".") != 0;
    for (const char *c = name; fits && *c; c++)
        fits = (unsigned char)*c >= ' ' && *c != 0x7f;
    if (fits)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_VALUE, place,
                            "\"%.80s%s\" is no name: expected 1 to %d bytes, no control characters%s%s, and not \".\"",
                            name, length > 80 ? "..." : "", ANTLER_LONGEST_NAME, *without ? ", no " : "", without);
}
