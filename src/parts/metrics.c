/* Metrics: sums over rows in double, in order, so that batches and threads do not matter. Every loss is a metric too,
   by the loss's names: the mean of its rows' values. */
#include "parts/losses.h"
#include "parts/parts.h"

#include <math.h>

enum { TOTAL, COUNT, SUMS };

static double mean_result(const void *config, const double *sum)
{
    (void)config;
    return sum[COUNT] == 0 ? 0 : sum[TOTAL] / sum[COUNT];
}

static double weight_of(const antler_metric_call *call, int64_t row)
{
    return call->weight ? (double)call->weight[row] : 1;
}

/* ---- accuracies -------------------------------------------------------------------------------------------------- */

/* The first of the largest. */
static int64_t argmax(const antler_real *x, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

typedef struct binary_config {
    antler_metric_keys keys;
    double threshold;
} binary_config;

/* Elements count, not rows. One target may stand for all predictions of a row. */
static void binary_update(const void *config, double *sum, const antler_metric_call *call)
{
    const antler_real threshold = (antler_real)((const binary_config *)config)->threshold;
    for (int64_t r = 0; r < call->rows; r++) {
        int64_t hits = 0;
        for (int64_t i = 0; i < call->n; i++) {
            const antler_real guess = call->p[r * call->n + i] > threshold ? 1 : 0;
            hits += call->y[r * call->y_n + (call->y_n == 1 ? 0 : i)] == guess;
        }
        sum[TOTAL] += weight_of(call, r) * (double)hits;
        sum[COUNT] += weight_of(call, r) * (double)call->n;
    }
}

static void categorical_update(const void *config, double *sum, const antler_metric_call *call)
{
    (void)config;
    for (int64_t r = 0; r < call->rows; r++) {
        const bool hit = argmax(call->p + r * call->n, call->n) == argmax(call->y + r * call->y_n, call->y_n);
        sum[TOTAL] += hit ? weight_of(call, r) : 0;
        sum[COUNT] += weight_of(call, r);
    }
}

static void sparse_update(const void *config, double *sum, const antler_metric_call *call)
{
    (void)config;
    for (int64_t r = 0; r < call->rows; r++) {
        const bool hit = (antler_real)argmax(call->p + r * call->n, call->n) == call->y[r * call->y_n];
        sum[TOTAL] += hit ? weight_of(call, r) : 0;
        sum[COUNT] += weight_of(call, r);
    }
}

/* Keras's rule for what "accuracy" means: by the widths of output and target. */
static void accuracy_update(const void *config, double *sum, const antler_metric_call *call)
{
    const binary_config binary = {.threshold = 0.5};
    if (call->n == 1)
        binary_update(&binary, sum, call);
    else
        (call->y_n == 1 ? sparse_update : categorical_update)(config, sum, call);
}

static const antler_field binary_fields[] = {
    {.key = "threshold",
     .kind = ANTLER_REAL,
     .offset = offsetof(binary_config, threshold),
     .def = "0.5",
     .doc = "a prediction above it stands for 1"},
    ANTLER_FIELD_END,
};

static const antler_field accuracy_fields[] = {
    {.key = "name",
     .kind = ANTLER_STRING,
     .offset = offsetof(antler_metric_keys, name),
     .def = "\"accuracy\"",
     .doc = "\"accuracy\" or \"acc\", as it was given"},
    ANTLER_FIELD_END,
};

static const antler_metric_ops accuracy = {
    .type = {.size = sizeof(antler_metric_ops),
             .kind = ANTLER_KIND_METRIC,
             .class_name = "accuracy",
             .aliases = (const char *const[]){"acc", NULL},
             .doc = "BinaryAccuracy, CategoricalAccuracy or SparseCategoricalAccuracy: what fits output and targets",
             .config_size = sizeof(antler_metric_keys),
             .fields = accuracy_fields,
             .flags = ANTLER_TYPE_BARE},
    .sums = SUMS,
    .update = accuracy_update,
    .result = mean_result,
    .larger_is_better = true,
};

static const antler_metric_ops binary_accuracy = {
    .type = {.size = sizeof(antler_metric_ops),
             .kind = ANTLER_KIND_METRIC,
             .class_name = "BinaryAccuracy",
             .aliases = (const char *const[]){"binary_accuracy", NULL},
             .doc = "share of predictions on the right side of the threshold",
             .config_size = sizeof(binary_config),
             .fields = binary_fields},
    .sums = SUMS,
    .update = binary_update,
    .result = mean_result,
    .larger_is_better = true,
};

static const antler_metric_ops categorical_accuracy = {
    .type = {.size = sizeof(antler_metric_ops),
             .kind = ANTLER_KIND_METRIC,
             .class_name = "CategoricalAccuracy",
             .aliases = (const char *const[]){"categorical_accuracy", NULL},
             .doc = "share of rows whose largest prediction is where the largest target is",
             .config_size = sizeof(antler_metric_keys)},
    .sums = SUMS,
    .update = categorical_update,
    .result = mean_result,
    .larger_is_better = true,
};

static const antler_metric_ops sparse_categorical_accuracy = {
    .type = {.size = sizeof(antler_metric_ops),
             .kind = ANTLER_KIND_METRIC,
             .class_name = "SparseCategoricalAccuracy",
             .aliases = (const char *const[]){"sparse_categorical_accuracy", NULL},
             .doc = "share of rows whose largest prediction is that of the target's class",
             .config_size = sizeof(antler_metric_keys)},
    .sums = SUMS,
    .update = sparse_update,
    .result = mean_result,
    .larger_is_better = true,
};

/* ---- losses as metrics ------------------------------------------------------------------------------------------- */

/* Those without keys of their own leave the last two 0. */
typedef struct loss_config {
    antler_metric_keys keys;
    bool from_logits;
    double label_smoothing;
} loss_config;

/* A label outside the classes makes the metric NaN: to report it is the loss's. */
static void loss_update(const antler_loss_ops *ops, const loss_config *c, double *sum, const antler_metric_call *call)
{
    const antler_crossentropy config = {
        .from_logits = c->from_logits, .label_smoothing = c->label_smoothing, .ignore_class = ANTLER_NULL};
    const antler_loss_call loss = {.p = call->logits && ops->from ? call->logits : call->p,
                                   .y = call->y,
                                   .rows = call->rows,
                                   .n = call->n,
                                   .logits = c->from_logits || (call->logits && ops->from),
                                   .value = call->value,
                                   .scratch = call->scratch};
    const bool fits = call->y_n == (ops->sparse ? 1 : call->n);
    if (!fits || ops->compute(&config, &loss) != ANTLER_OK) {
        sum[TOTAL] = sum[COUNT] = (double)NAN;
        return;
    }
    for (int64_t r = 0; r < call->rows; r++) {
        sum[TOTAL] += weight_of(call, r) * (double)call->value[r];
        sum[COUNT] += weight_of(call, r);
    }
}

static double root_result(const void *config, const double *sum)
{
    return sqrt(mean_result(config, sum));
}

static void squared_error_update(const void *config, double *sum, const antler_metric_call *call)
{
    loss_update(&antler__mean_squared_error, config, sum, call);
}

static void absolute_error_update(const void *config, double *sum, const antler_metric_call *call)
{
    loss_update(&antler__mean_absolute_error, config, sum, call);
}

static void squared_logarithmic_error_update(const void *config, double *sum, const antler_metric_call *call)
{
    loss_update(&antler__mean_squared_logarithmic_error, config, sum, call);
}

static void binary_crossentropy_update(const void *config, double *sum, const antler_metric_call *call)
{
    loss_update(&antler__binary_crossentropy, config, sum, call);
}

static void categorical_crossentropy_update(const void *config, double *sum, const antler_metric_call *call)
{
    loss_update(&antler__categorical_crossentropy, config, sum, call);
}

static void sparse_categorical_crossentropy_update(const void *config, double *sum, const antler_metric_call *call)
{
    loss_update(&antler__sparse_categorical_crossentropy, config, sum, call);
}

#define ANTLER_FROM_LOGITS                                                                                       \
    {                                                                                                            \
        .key = "from_logits", .kind = ANTLER_BOOL, .offset = offsetof(loss_config, from_logits), .def = "false", \
        .doc = "predictions are logits, not probabilities"                                                       \
    }
#define ANTLER_LAST_AXIS                                                                                             \
    {                                                                                                                \
        .key = "axis", .kind = ANTLER_ANY, .def = "-1", .flags = ANTLER_UNWRITTEN, .doc = "of the classes: the last" \
    }

static const antler_field smoothed_fields[] = {
    ANTLER_FROM_LOGITS,
    {.key = "label_smoothing",
     .kind = ANTLER_REAL,
     .offset = offsetof(loss_config, label_smoothing),
     .def = "0.0",
     .min = 0,
     .max = 1,
     .doc = "share of the target that is spread over all classes"},
    ANTLER_LAST_AXIS,
    ANTLER_FIELD_END,
};
static const antler_field sparse_fields[] = {
    ANTLER_FROM_LOGITS,
    {.key = "ignore_class", .kind = ANTLER_ANY, .def = "null", .flags = ANTLER_UNWRITTEN},
    ANTLER_LAST_AXIS,
    ANTLER_FIELD_END,
};
#undef ANTLER_FROM_LOGITS
#undef ANTLER_LAST_AXIS

/* The table of one: name_update and the mean; the last arguments are its aliases. */
#define ANTLER_LOSS_METRIC(name, class, rows, line, ...)              \
    static const antler_metric_ops name = {                           \
        .type = {.size = sizeof(antler_metric_ops),                   \
                 .kind = ANTLER_KIND_METRIC,                          \
                 .class_name = (class),                               \
                 .aliases = (const char *const[]){__VA_ARGS__, NULL}, \
                 .doc = (line),                                       \
                 .config_size = sizeof(loss_config),                  \
                 .fields = (rows)},                                   \
        .sums = SUMS,                                                 \
        .update = name##_update,                                      \
        .result = mean_result,                                        \
    }

ANTLER_LOSS_METRIC(squared_error, "MeanSquaredError", NULL, "mean((p - y)^2)", "mean_squared_error", "mse", "MSE");
ANTLER_LOSS_METRIC(absolute_error, "MeanAbsoluteError", NULL, "mean(|p - y|)", "mean_absolute_error", "mae", "MAE");
ANTLER_LOSS_METRIC(squared_logarithmic_error, "MeanSquaredLogarithmicError", NULL, "mean((log(p + 1) - log(y + 1))^2)",
                   "mean_squared_logarithmic_error", "msle", "MSLE");
ANTLER_LOSS_METRIC(binary_crossentropy, "BinaryCrossentropy", smoothed_fields, "mean(-y log p - (1 - y) log(1 - p))",
                   "binary_crossentropy", "bce", "BCE");
ANTLER_LOSS_METRIC(categorical_crossentropy, "CategoricalCrossentropy", smoothed_fields, "-sum(y log p)",
                   "categorical_crossentropy");
ANTLER_LOSS_METRIC(sparse_categorical_crossentropy, "SparseCategoricalCrossentropy", sparse_fields, "-log p[y]",
                   "sparse_categorical_crossentropy");
#undef ANTLER_LOSS_METRIC

static const antler_metric_ops root_squared_error = {
    .type = {.size = sizeof(antler_metric_ops),
             .kind = ANTLER_KIND_METRIC,
             .class_name = "RootMeanSquaredError",
             .aliases = (const char *const[]){"root_mean_squared_error", NULL},
             .doc = "sqrt(mean((p - y)^2))",
             .config_size = sizeof(loss_config)},
    .sums = SUMS,
    .update = squared_error_update,
    .result = root_result,
};

const antler_type *const antler__metrics[] = {
    &accuracy.type,
    &binary_accuracy.type,
    &categorical_accuracy.type,
    &sparse_categorical_accuracy.type,
    &squared_error.type,
    &absolute_error.type,
    &squared_logarithmic_error.type,
    &binary_crossentropy.type,
    &categorical_crossentropy.type,
    &sparse_categorical_crossentropy.type,
    &root_squared_error.type,
    NULL,
};
