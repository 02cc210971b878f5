/* Losses of rows as metrics, by the loss's names: the mean of its rows' values. Such a metric has the config of its
   loss. */
#include "parts/losses.h"
#include "parts/metrics.h"

#include <math.h>

enum { TOTAL, COUNT, SUMS };

static bool takes_logits(const antler_loss_ops *loss, const void *config, const antler_metric_call *call)
{
    return call->logits && loss->from && !(loss->from_output && loss->from_output(config));
}

/* A label outside the classes makes the metric NaN: to report it is the loss's. Rows that the loss does not count
   (ignore_class) are zeros in Keras's mean, and left out only where there are weights. */
static void update(const void *config, double *sum, const antler_metric_call *call)
{
    const antler_loss_ops *loss = call->ops->loss;
    const bool logits = takes_logits(loss, config, call);
    const antler_loss_call c = {.p = logits ? call->logits : call->p,
                                .y = call->y,
                                .rows = call->rows,
                                .n = call->n,
                                .logits = logits || (loss->from_logits && loss->from_logits(config)),
                                .value = call->value,
                                .scratch = call->scratch,
                                .counts = call->counts};
    const bool fits = call->y_n == (loss->sparse ? 1 : call->n);
    for (int64_t r = 0; call->counts && r < call->rows; r++)
        call->counts[r] = 1;
    if (!fits || loss->compute(config, &c) != ANTLER_OK) {
        sum[TOTAL] = sum[COUNT] = (double)NAN;
        return;
    }
    for (int64_t r = 0; r < call->rows; r++) {
        const double counts = call->weight && call->counts ? (double)call->counts[r] : 1;
        sum[TOTAL] += antler__metric_weight(call, r) * (double)call->value[r];
        sum[COUNT] += antler__metric_weight(call, r) * counts;
    }
}

static double root(const void *config, const double *sum, int64_t n, int64_t index)
{
    return sqrt(antler__metric_mean(config, sum, n, index));
}

/* The loss is the similarity with its sign turned. */
static double turned(const void *config, const double *sum, int64_t n, int64_t index)
{
    return -antler__metric_mean(config, sum, n, index);
}

/* The table of the metric of a loss; the last arguments are its names. */
#define ANTLER_METRIC_OF(name, class, line, config, rows, ...)      \
    const antler_metric_ops antler__metric_##name = {               \
        ANTLER_METRIC_HEAD(class, line, config, rows, __VA_ARGS__), \
        .sums = SUMS,                                               \
        .update = update,                                           \
        .result = antler__metric_mean,                              \
        .loss = &antler__##name,                                    \
    }

ANTLER_METRIC_OF(mean_squared_error, "MeanSquaredError", "mean((p - y)^2)", antler_loss_keys, NULL,
                 "mean_squared_error", "mse", "MSE");
ANTLER_METRIC_OF(mean_absolute_error, "MeanAbsoluteError", "mean(|p - y|)", antler_loss_keys, NULL,
                 "mean_absolute_error", "mae", "MAE");
ANTLER_METRIC_OF(mean_absolute_percentage_error, "MeanAbsolutePercentageError", "100 mean(|p - y| / |y|)",
                 antler_loss_keys, NULL, "mean_absolute_percentage_error", "mape", "MAPE");
ANTLER_METRIC_OF(mean_squared_logarithmic_error, "MeanSquaredLogarithmicError", "mean((log(p + 1) - log(y + 1))^2)",
                 antler_loss_keys, NULL, "mean_squared_logarithmic_error", "msle", "MSLE");
ANTLER_METRIC_OF(log_cosh, "LogCoshError", "mean(log(cosh(p - y)))", antler_loss_keys, NULL, "logcosh",
                 "log_cosh_error", "log_cosh");
ANTLER_METRIC_OF(poisson, "Poisson", "mean(p - y log p)", antler_loss_keys, NULL, "poisson");
ANTLER_METRIC_OF(kl_divergence, "KLDivergence", "sum(y log(y / p))", antler_loss_keys, NULL, "kl_divergence", "kld",
                 "KLD", "kullback_leibler_divergence");
ANTLER_METRIC_OF(hinge, "Hinge", "mean(max(1 - y p, 0))", antler_loss_keys, NULL, "hinge");
ANTLER_METRIC_OF(squared_hinge, "SquaredHinge", "mean(max(1 - y p, 0)^2)", antler_loss_keys, NULL, "squared_hinge");
ANTLER_METRIC_OF(categorical_hinge, "CategoricalHinge", "max(max((1 - y) p) - sum(y p) + 1, 0)", antler_loss_keys, NULL,
                 "categorical_hinge");
ANTLER_METRIC_OF(huber, "Huber", "the loss", antler_huber, antler__huber_fields, "huber");
ANTLER_METRIC_OF(binary_crossentropy, "BinaryCrossentropy", "mean(-y log p - (1 - y) log(1 - p))", antler_crossentropy,
                 antler__smoothed_fields, "binary_crossentropy", "bce", "BCE");
ANTLER_METRIC_OF(categorical_crossentropy, "CategoricalCrossentropy", "-sum(y log p)", antler_crossentropy,
                 antler__smoothed_fields, "categorical_crossentropy");
ANTLER_METRIC_OF(sparse_categorical_crossentropy, "SparseCategoricalCrossentropy", "-log p[y]", antler_crossentropy,
                 antler__sparse_fields, "sparse_categorical_crossentropy");
ANTLER_METRIC_OF(binary_focal_crossentropy, "BinaryFocalCrossentropy", "the loss", antler_crossentropy,
                 antler__binary_focal_fields, "binary_focal_crossentropy");
ANTLER_METRIC_OF(categorical_focal_crossentropy, "CategoricalFocalCrossentropy", "the loss", antler_crossentropy,
                 antler__categorical_focal_fields, "categorical_focal_crossentropy");
#undef ANTLER_METRIC_OF

const antler_metric_ops antler__metric_cosine_similarity = {
    ANTLER_METRIC_HEAD("CosineSimilarity", "sum(p / |p| * y / |y|)", antler_loss_keys, antler__cosine_fields,
                       "cosine_similarity"),
    .sums = SUMS,
    .update = update,
    .result = turned,
    .larger_is_better = true,
    .loss = &antler__cosine_similarity,
};

const antler_metric_ops antler__root_mean_squared_error = {
    ANTLER_METRIC_HEAD("RootMeanSquaredError", "sqrt(mean((p - y)^2))", antler_loss_keys, NULL,
                       "root_mean_squared_error"),
    .sums = SUMS,
    .update = update,
    .result = root,
    .all_rows = true,
    .loss = &antler__mean_squared_error,
};
