/* Losses of rows: a value for each row of predictions p against targets y, and its gradient.

       mean squared error              mean((p - y)^2)
       mean absolute error             mean(|p - y|)
       mean absolute percentage error  100 mean(|p - y| / max(|y|, e))
       mean squared logarithmic error  mean((log(max(p, e) + 1) - log(max(y, e) + 1))^2)
       Huber                           mean((p - y)^2 / 2, or d |p - y| - d^2 / 2 where |p - y| > d)
       log cosh                        mean(log(cosh(p - y)))
       cosine similarity               -sum(p / |p| * y / |y|)
       Poisson                         mean(p - y log(p + e))
       Kullback and Leibler            sum(y log(y / p)), both clipped to [e, 1]

   with e = 1e-7. Logarithms and sums are the kernels'; what is left is a few plain operations an element. */
#include "parts/losses.h"

#include "kernels/kernels.h"
#include "parts/parts.h"

#include <math.h>

void antler__loss_means(const antler_loss_call *call)
{
    const antler_kernels *k = antler__kernels();
    const int64_t n = call->n;
    for (int64_t r = 0; r < call->rows; r++)
        call->value[r] = k->sum(call->scratch + r * n, n) / (antler_real)n;
}

/* ---- from the differences, which scratch holds ------------------------------------------------------------------- */

/* value = mean(scratch^2); dp becomes 2 scratch / n. */
static void finish_squares(const antler_loss_call *call)
{
    const antler_kernels *k = antler__kernels();
    const int64_t n = call->n;
    const antler_real scale = (antler_real)2 / (antler_real)n;
    for (int64_t r = 0; r < call->rows; r++)
        call->value[r] = k->dot(call->scratch + r * n, call->scratch + r * n, n) / (antler_real)n;
    for (int64_t i = 0; call->dp && i < call->rows * n; i++)
        call->dp[i] = scale * call->scratch[i];
}

static antler_status squared_error(const void *config, const antler_loss_call *call)
{
    (void)config;
    for (int64_t i = 0; i < call->rows * call->n; i++)
        call->scratch[i] = call->p[i] - call->y[i];
    finish_squares(call);
    return ANTLER_OK;
}

static antler_status absolute_error(const void *config, const antler_loss_call *call)
{
    const int64_t n = call->n;
    const antler_real step = 1 / (antler_real)n;
    (void)config;
    for (int64_t i = 0; i < call->rows * n; i++) {
        const antler_real d = call->p[i] - call->y[i];
        call->scratch[i] = d < 0 ? -d : d;
        if (call->dp)
            call->dp[i] = d > 0 ? step : d < 0 ? -step : 0;
    }
    antler__loss_means(call);
    return ANTLER_OK;
}

/* log(max(x, e) + 1) of m <= ANTLER_LOSS_BLOCK numbers. */
static void log_above(const antler_kernels *k, antler_real *z, const antler_real *x, int64_t m)
{
    antler_real above[ANTLER_LOSS_BLOCK];
    for (int64_t i = 0; i < m; i++)
        above[i] = (x[i] < ANTLER_LEAST ? ANTLER_LEAST : x[i]) + 1;
    k->log(z, above, m);
}

static antler_status squared_logarithmic_error(const void *config, const antler_loss_call *call)
{
    const antler_kernels *k = antler__kernels();
    const int64_t all = call->rows * call->n;
    antler_real target[ANTLER_LOSS_BLOCK];
    (void)config;
    for (int64_t i = 0, m; i < all; i += m) {
        m = antler__loss_block(all - i);
        log_above(k, call->scratch + i, call->p + i, m);
        log_above(k, target, call->y + i, m);
        for (int64_t j = 0; j < m; j++)
            call->scratch[i + j] -= target[j];
    }
    finish_squares(call);
    for (int64_t i = 0; call->dp && i < all; i++)
        call->dp[i] = call->p[i] < ANTLER_LEAST ? 0 : call->dp[i] / (call->p[i] + 1);
    return ANTLER_OK;
}

/* 100 |p - y| / max(|y|, e) */
static antler_status percentage_error(const void *config, const antler_loss_call *call)
{
    const antler_real step = 100 / (antler_real)call->n;
    (void)config;
    for (int64_t i = 0; i < call->rows * call->n; i++) {
        const antler_real d = call->p[i] - call->y[i], size = call->y[i] < 0 ? -call->y[i] : call->y[i];
        const antler_real whole = size < ANTLER_LEAST ? ANTLER_LEAST : size;
        call->scratch[i] = 100 * ((d < 0 ? -d : d) / whole);
        if (call->dp)
            call->dp[i] = d > 0 ? step / whole : d < 0 ? -step / whole : 0;
    }
    antler__loss_means(call);
    return ANTLER_OK;
}

static antler_status huber(const void *config, const antler_loss_call *call)
{
    const antler_real delta = (antler_real)((const antler_huber *)config)->delta, step = 1 / (antler_real)call->n;
    const antler_real half = (antler_real)0.5;
    for (int64_t i = 0; i < call->rows * call->n; i++) {
        const antler_real d = call->p[i] - call->y[i], size = d < 0 ? -d : d;
        const bool square = size <= delta;
        call->scratch[i] = square ? half * d * d : delta * size - half * delta * delta;
        if (call->dp)
            call->dp[i] = step * (square ? d : d < 0 ? -delta : delta);
    }
    antler__loss_means(call);
    return ANTLER_OK;
}

/* |d| + log(1 + exp(-2 |d|)) - log 2, and tanh(d). Keras's log 2 is a float's in double, too. */
static antler_status log_cosh(const void *config, const antler_loss_call *call)
{
    const antler_activation_kernel *act = antler__kernels()->activation;
    const antler_real log2 = 0.69314718f, step = 1 / (antler_real)call->n;
    antler_real d[ANTLER_LOSS_BLOCK], z[ANTLER_LOSS_BLOCK];
    (void)config;
    for (int64_t i = 0, m, all = call->rows * call->n; i < all; i += m) {
        m = antler__loss_block(all - i);
        for (int64_t j = 0; j < m; j++) {
            d[j] = call->p[i + j] - call->y[i + j];
            z[j] = -2 * (d[j] < 0 ? -d[j] : d[j]);
        }
        act[ANTLER_ACT_softplus].forward(z, z, m, 0);
        for (int64_t j = 0; j < m; j++)
            call->scratch[i + j] = (d[j] < 0 ? -d[j] : d[j]) + z[j] - log2;
        if (call->dp)
            act[ANTLER_ACT_tanh].forward(call->dp + i, d, m, 0);
        for (int64_t j = 0; call->dp && j < m; j++)
            call->dp[i + j] *= step;
    }
    antler__loss_means(call);
    return ANTLER_OK;
}

/* ---- of distributions and directions ----------------------------------------------------------------------------- */

static antler_status poisson(const void *config, const antler_loss_call *call)
{
    const antler_kernels *k = antler__kernels();
    const antler_real step = 1 / (antler_real)call->n;
    antler_real above[ANTLER_LOSS_BLOCK], log_p[ANTLER_LOSS_BLOCK];
    (void)config;
    for (int64_t i = 0, m, all = call->rows * call->n; i < all; i += m) {
        m = antler__loss_block(all - i);
        for (int64_t j = 0; j < m; j++)
            above[j] = call->p[i + j] + ANTLER_LEAST;
        k->log(log_p, above, m);
        for (int64_t j = 0; j < m; j++) {
            call->scratch[i + j] = call->p[i + j] - call->y[i + j] * log_p[j];
            if (call->dp)
                call->dp[i + j] = step * (1 - call->y[i + j] / above[j]);
        }
    }
    antler__loss_means(call);
    return ANTLER_OK;
}

static antler_real clip_to_1(antler_real x)
{
    return x < ANTLER_LEAST ? ANTLER_LEAST : x > 1 ? 1 : x;
}

static antler_status kl_divergence(const void *config, const antler_loss_call *call)
{
    const antler_kernels *k = antler__kernels();
    antler_real ratio[ANTLER_LOSS_BLOCK];
    (void)config;
    for (int64_t i = 0, m, all = call->rows * call->n; i < all; i += m) {
        m = antler__loss_block(all - i);
        for (int64_t j = 0; j < m; j++)
            ratio[j] = clip_to_1(call->y[i + j]) / clip_to_1(call->p[i + j]);
        k->log(call->scratch + i, ratio, m);
        for (int64_t j = 0; j < m; j++) {
            const antler_real p = call->p[i + j];
            call->scratch[i + j] *= clip_to_1(call->y[i + j]);
            if (call->dp)
                call->dp[i + j] = p >= ANTLER_LEAST && p <= 1 ? -ratio[j] : 0;
        }
    }
    for (int64_t r = 0; r < call->rows; r++)
        call->value[r] = k->sum(call->scratch + r * call->n, call->n);
    return ANTLER_OK;
}

/* 1 / |x|, at most 1 / e. */
static antler_real scale_to_1(const antler_real *x, int64_t n)
{
    const double square = (double)antler__kernels()->dot(x, x, n), most = 1e7;
    return square > 0 && 1 / sqrt(square) < most ? (antler_real)(1 / sqrt(square)) : (antler_real)most;
}

/* With p' and y' the directions, d value / d p = (p' (p' y') - y') / |p|; where |p| < e, -y' / e. */
static antler_status cosine(const void *config, const antler_loss_call *call)
{
    const antler_kernels *k = antler__kernels();
    const int64_t n = call->n;
    (void)config;
    for (int64_t r = 0; r < call->rows; r++) {
        const antler_real *p = call->p + r * n, *y = call->y + r * n;
        const antler_real p_scale = scale_to_1(p, n), y_scale = scale_to_1(y, n);
        const antler_real along = k->dot(p, y, n) * p_scale * y_scale;
        const antler_real turned = p_scale < (antler_real)1e7 ? along * p_scale : 0;
        call->value[r] = -along;
        for (int64_t i = 0; call->dp && i < n; i++)
            call->dp[r * n + i] = (turned * p[i] - y_scale * y[i]) * p_scale;
    }
    return ANTLER_OK;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* Keras writes neither of the two keys. */
const antler_field antler__huber_fields[] = {
    {.key = "delta",
     .kind = ANTLER_REAL,
     .offset = offsetof(antler_huber, delta),
     .def = "1.0",
     .min = 0,
     .max = 1e30,
     .flags = ANTLER_UNWRITTEN,
     .doc = "where squares end"},
    ANTLER_FIELD_END,
};
const antler_field antler__cosine_fields[] = {
    {.key = "axis", .kind = ANTLER_ANY, .def = "-1", .flags = ANTLER_UNWRITTEN, .doc = "of the directions: the last"},
    ANTLER_FIELD_END,
};

const antler_loss_ops antler__mean_squared_error = {
    ANTLER_LOSS_HEAD("MeanSquaredError", "mean((p - y)^2)", antler_loss_keys, NULL, "mean_squared_error", "mse", "MSE"),
    .compute = squared_error,
};

const antler_loss_ops antler__mean_absolute_error = {
    ANTLER_LOSS_HEAD("MeanAbsoluteError", "mean(|p - y|)", antler_loss_keys, NULL, "mean_absolute_error", "mae", "MAE"),
    .compute = absolute_error,
};

const antler_loss_ops antler__mean_absolute_percentage_error = {
    ANTLER_LOSS_HEAD("MeanAbsolutePercentageError", "100 mean(|p - y| / |y|)", antler_loss_keys, NULL,
                     "mean_absolute_percentage_error", "mape", "MAPE"),
    .compute = percentage_error,
};

const antler_loss_ops antler__mean_squared_logarithmic_error = {
    ANTLER_LOSS_HEAD("MeanSquaredLogarithmicError", "mean((log(p + 1) - log(y + 1))^2)", antler_loss_keys, NULL,
                     "mean_squared_logarithmic_error", "msle", "MSLE"),
    .compute = squared_logarithmic_error,
};

const antler_loss_ops antler__huber = {
    ANTLER_LOSS_HEAD("Huber", "mean of squares / 2 near y, of straight lines far from it", antler_huber,
                     antler__huber_fields, "huber"),
    .compute = huber,
};

const antler_loss_ops antler__log_cosh = {
    ANTLER_LOSS_HEAD("LogCosh", "mean(log(cosh(p - y)))", antler_loss_keys, NULL, "log_cosh", "logcosh"),
    .compute = log_cosh,
};

const antler_loss_ops antler__cosine_similarity = {
    ANTLER_LOSS_HEAD("CosineSimilarity", "-sum(p / |p| * y / |y|)", antler_loss_keys, antler__cosine_fields,
                     "cosine_similarity"),
    .compute = cosine,
};

const antler_loss_ops antler__poisson = {
    ANTLER_LOSS_HEAD("Poisson", "mean(p - y log p)", antler_loss_keys, NULL, "poisson"),
    .compute = poisson,
};

const antler_loss_ops antler__kl_divergence = {
    ANTLER_LOSS_HEAD("KLDivergence", "sum(y log(y / p))", antler_loss_keys, NULL, "kl_divergence", "kld", "KLD",
                     "kullback_leibler_divergence"),
    .compute = kl_divergence,
    .probabilities = true,
};

const antler_type *const antler__losses[] = {
    &antler__mean_squared_error.type,
    &antler__mean_absolute_error.type,
    &antler__mean_absolute_percentage_error.type,
    &antler__mean_squared_logarithmic_error.type,
    &antler__huber.type,
    &antler__log_cosh.type,
    &antler__cosine_similarity.type,
    &antler__poisson.type,
    &antler__kl_divergence.type,
    &antler__hinge.type,
    &antler__squared_hinge.type,
    &antler__categorical_hinge.type,
    &antler__binary_crossentropy.type,
    &antler__categorical_crossentropy.type,
    &antler__sparse_categorical_crossentropy.type,
    &antler__categorical_generalized_crossentropy.type,
    &antler__any_crossentropy.type,
    &antler__binary_focal_crossentropy.type,
    &antler__categorical_focal_crossentropy.type,
    &antler__dice.type,
    &antler__tversky.type,
    &antler__circle.type,
    &antler__ctc.type,
    NULL,
};
