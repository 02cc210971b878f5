/* Losses: a value for each row of predictions p against targets y, and its gradient.

       mean squared error              mean((p - y)^2)
       mean absolute error             mean(|p - y|)
       mean squared logarithmic error  mean((log(max(p, e) + 1) - log(max(y, e) + 1))^2)
       binary cross-entropy            mean(-y log p - (1 - y) log(1 - p))
       categorical cross-entropy       -sum(y log(p / sum(p)))
       sparse categorical              log(sum(p)) - log(p[y])

   with e = 1e-7, and p clipped to [e, 1 - e] in front of a logarithm; outside, the gradient is 0, as TensorFlow's is.
   From logits x the cross-entropies are taken without clipping, and their gradients are softmax(x) - y and
   sigmoid(x) - y. Logarithms and sums are the kernels'; what is left is a few plain operations an element. */
#include "parts/losses.h"

#include "kernels/kernels.h"
#include "parts/parts.h"

#include <math.h>

enum { BLOCK = 256 };

static const antler_real least = (antler_real)1e-7, most = (antler_real)(1 - 1e-7);

static antler_real clip(antler_real p)
{
    return p < least ? least : p > most ? most : p;
}

static bool is_inside(antler_real p)
{
    return p >= least && p <= most;
}

static int64_t block_of(int64_t left)
{
    return left < BLOCK ? left : BLOCK;
}

/* ---- regression: from the differences, which scratch holds ------------------------------------------------------- */

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
    const antler_kernels *k = antler__kernels();
    const int64_t n = call->n;
    const antler_real step = 1 / (antler_real)n;
    (void)config;
    for (int64_t i = 0; i < call->rows * n; i++) {
        const antler_real d = call->p[i] - call->y[i];
        call->scratch[i] = d < 0 ? -d : d;
        if (call->dp)
            call->dp[i] = d > 0 ? step : d < 0 ? -step : 0;
    }
    for (int64_t r = 0; r < call->rows; r++)
        call->value[r] = k->sum(call->scratch + r * n, n) / (antler_real)n;
    return ANTLER_OK;
}

/* log(max(x, e) + 1) of m <= BLOCK numbers. */
static void log_above(const antler_kernels *k, antler_real *z, const antler_real *x, int64_t m)
{
    antler_real above[BLOCK];
    for (int64_t i = 0; i < m; i++)
        above[i] = (x[i] < least ? least : x[i]) + 1;
    k->log(z, above, m);
}

static antler_status squared_logarithmic_error(const void *config, const antler_loss_call *call)
{
    const antler_kernels *k = antler__kernels();
    const int64_t all = call->rows * call->n;
    antler_real target[BLOCK];
    (void)config;
    for (int64_t i = 0, m; i < all; i += m) {
        m = block_of(all - i);
        log_above(k, call->scratch + i, call->p + i, m);
        log_above(k, target, call->y + i, m);
        for (int64_t j = 0; j < m; j++)
            call->scratch[i + j] -= target[j];
    }
    finish_squares(call);
    for (int64_t i = 0; call->dp && i < all; i++)
        call->dp[i] = call->p[i] < least ? 0 : call->dp[i] / (call->p[i] + 1);
    return ANTLER_OK;
}

/* ---- cross-entropies --------------------------------------------------------------------------------------------- */

static bool is_from_logits(const void *config)
{
    return ((const antler_crossentropy *)config)->from_logits;
}

/* Keras multiplies the output by the rows that count, and so forgets what it was made from. */
static bool is_from_output(const void *config)
{
    return ((const antler_crossentropy *)config)->ignore_class != ANTLER_NULL;
}

/* ---- binary ------------------------------------------------------------------------------------------------------ */

/* y (1 - s) + s / 2 */
static antler_real smoothed(antler_real y, antler_real s)
{
    return y * (1 - s) + (antler_real)0.5 * s;
}

/* scratch = -z log p - (1 - z) log(1 - p), z the smoothed target. */
static void binary_from_chances(const antler_loss_call *call, antler_real s, int64_t i, int64_t m)
{
    const antler_kernels *k = antler__kernels();
    const antler_real scale = 1 / (antler_real)call->n;
    antler_real p[BLOCK], q[BLOCK], log_p[BLOCK], log_q[BLOCK];
    for (int64_t j = 0; j < m; j++) {
        p[j] = clip(call->p[i + j]);
        q[j] = 1 - p[j];
    }
    k->log(log_p, p, m);
    k->log(log_q, q, m);
    for (int64_t j = 0; j < m; j++) {
        const antler_real z = smoothed(call->y[i + j], s);
        call->scratch[i + j] = -(z * log_p[j] + (1 - z) * log_q[j]);
        if (call->dp)
            call->dp[i + j] = is_inside(call->p[i + j]) ? ((1 - z) / q[j] - z / p[j]) * scale : 0;
    }
}

/* scratch = max(x, 0) - x z + log(1 + exp(-|x|)): nothing overflows, and small losses keep their digits. */
static void binary_from_logits(const antler_loss_call *call, antler_real s, int64_t i, int64_t m)
{
    const antler_activation_kernel *act = antler__kernels()->activation;
    const antler_real scale = 1 / (antler_real)call->n, *x = call->p + i;
    antler_real below[BLOCK], tail[BLOCK], chance[BLOCK];
    for (int64_t j = 0; j < m; j++)
        below[j] = x[j] > 0 ? -x[j] : x[j];
    act[ANTLER_ACT_softplus].forward(tail, below, m, 0);
    if (call->dp)
        act[ANTLER_ACT_sigmoid].forward(chance, x, m, 0);
    for (int64_t j = 0; j < m; j++) {
        const antler_real z = smoothed(call->y[i + j], s);
        call->scratch[i + j] = (x[j] > 0 ? x[j] : 0) - x[j] * z + tail[j];
        if (call->dp)
            call->dp[i + j] = (chance[j] - z) * scale;
    }
}

static antler_status binary(const void *config, const antler_loss_call *call)
{
    const antler_crossentropy *c = config;
    const antler_kernels *k = antler__kernels();
    const int64_t n = call->n, all = call->rows * n;
    const bool logits = call->logits || c->from_logits;
    for (int64_t i = 0; i < all; i += BLOCK)
        (logits ? binary_from_logits : binary_from_chances)(call, (antler_real)c->label_smoothing, i,
                                                            block_of(all - i));
    for (int64_t r = 0; r < call->rows; r++)
        call->value[r] = k->sum(call->scratch + r * n, n) / (antler_real)n;
    return ANTLER_OK;
}

/* ---- categorical ------------------------------------------------------------------------------------------------- */

/* -sum(z log_p), z = y (1 - s) + s / n. */
static antler_real row_entropy(const antler_real *y, const antler_real *log_p, int64_t n, antler_real s)
{
    const antler_kernels *k = antler__kernels();
    const antler_real sum = k->dot(y, log_p, n);
    return s > 0 ? -((1 - s) * sum + s / (antler_real)n * k->sum(log_p, n)) : -sum;
}

static void categorical_from_logits(const antler_loss_call *call, antler_real s)
{
    const antler_kernels *k = antler__kernels();
    const int64_t n = call->n, all = call->rows * n;
    const antler_real share = s / (antler_real)n;
    k->log_softmax(call->scratch, call->p, call->rows, n);
    for (int64_t r = 0; r < call->rows; r++)
        call->value[r] = row_entropy(call->y + r * n, call->scratch + r * n, n, s);
    if (!call->dp)
        return;
    k->exp(call->dp, call->scratch, all);
    for (int64_t i = 0; i < all; i++)
        call->dp[i] -= call->y[i] * (1 - s) + share;
}

/* q = p / sum(p); with g = d value / d q, dp = (g - sum(g q)) / sum(p). */
static void categorical_row(const antler_loss_call *call, antler_real s, int64_t r)
{
    const antler_kernels *k = antler__kernels();
    const int64_t n = call->n;
    const antler_real *p = call->p + r * n, *y = call->y + r * n, sum = k->sum(p, n), share = s / (antler_real)n;
    antler_real *scratch = call->scratch + r * n, *q = call->dp ? call->dp + r * n : NULL, clipped[BLOCK];
    for (int64_t i = 0, m; i < n; i += m) {
        m = block_of(n - i);
        for (int64_t j = 0; j < m; j++)
            clipped[j] = clip(p[i + j] / sum);
        k->log(scratch + i, clipped, m);
    }
    call->value[r] = row_entropy(y, scratch, n, s);
    if (!q)
        return;
    for (int64_t i = 0; i < n; i++) {
        q[i] = p[i] / sum;
        scratch[i] = is_inside(q[i]) ? -(y[i] * (1 - s) + share) / q[i] : 0;
    }
    const antler_real along = k->dot(scratch, q, n);
    for (int64_t i = 0; i < n; i++)
        q[i] = (scratch[i] - along) / sum;
}

static antler_status categorical(const void *config, const antler_loss_call *call)
{
    const antler_crossentropy *c = config;
    const antler_real s = (antler_real)c->label_smoothing;
    if (call->logits || c->from_logits)
        categorical_from_logits(call, s);
    else
        for (int64_t r = 0; r < call->rows; r++)
            categorical_row(call, s, r);
    return ANTLER_OK;
}

/* ---- sparse categorical ------------------------------------------------------------------------------------------ */

/* The class of row r; -1 for the one that is ignored, -2 with an error set. */
static int64_t class_of(const antler_crossentropy *c, const antler_loss_call *call, int64_t r)
{
    const double label = (double)call->y[r];
    if (c->ignore_class != ANTLER_NULL && label == (double)c->ignore_class)
        return -1;
    if (label >= 0 && label < (double)call->n && label == floor(label))
        return (int64_t)label;
    antler_error_set(call->err, ANTLER_DATA, NULL,
                     "row %lld of the batch: %.9g is no class; expected an integer in [0, %lld]", (long long)r, label,
                     (long long)call->n - 1);
    return -2;
}

/* No loss, no gradient, and no part in the mean. */
static void ignore_row(const antler_loss_call *call, int64_t r)
{
    call->value[r] = 0;
    if (call->counts)
        call->counts[r] = 0;
    for (int64_t i = 0; call->dp && i < call->n; i++)
        call->dp[r * call->n + i] = 0;
}

/* scratch holds log(softmax(x)), dp its exponential. */
static void sparse_logits_row(const antler_loss_call *call, int64_t r, int64_t label)
{
    call->value[r] = -call->scratch[r * call->n + label];
    if (call->dp)
        call->dp[r * call->n + label] -= 1;
}

/* Keras takes the logarithm of the clipped p for logits, so that p / sum(p) is what counts. */
static void sparse_row(const antler_loss_call *call, int64_t r, int64_t label)
{
    const antler_kernels *k = antler__kernels();
    const int64_t n = call->n;
    const antler_real *p = call->p + r * n;
    antler_real *clipped = call->scratch + r * n, log_of[2];
    for (int64_t i = 0; i < n; i++)
        clipped[i] = clip(p[i]);
    const antler_real part[2] = {k->sum(clipped, n), clipped[label]};
    k->log(log_of, part, 2);
    call->value[r] = log_of[0] - log_of[1];
    if (!call->dp)
        return;
    antler_real *dp = call->dp + r * n;
    for (int64_t i = 0; i < n; i++)
        dp[i] = is_inside(p[i]) ? 1 / part[0] : 0;
    if (is_inside(p[label]))
        dp[label] -= 1 / part[1];
}

static antler_status sparse(const void *config, const antler_loss_call *call)
{
    const antler_crossentropy *c = config;
    const antler_kernels *k = antler__kernels();
    const bool logits = call->logits || c->from_logits;
    if (logits)
        k->log_softmax(call->scratch, call->p, call->rows, call->n);
    if (logits && call->dp)
        k->exp(call->dp, call->scratch, call->rows * call->n);
    for (int64_t r = 0; r < call->rows; r++) {
        const int64_t label = class_of(c, call, r);
        if (label == -2)
            return ANTLER_DATA;
        if (label == -1)
            ignore_row(call, r);
        else
            (logits ? sparse_logits_row : sparse_row)(call, r, label);
    }
    return ANTLER_OK;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

#define ANTLER_FROM_LOGITS                                                                               \
    {                                                                                                    \
        .key = "from_logits", .kind = ANTLER_BOOL, .offset = offsetof(antler_crossentropy, from_logits), \
        .def = "false", .doc = "predictions are logits, not probabilities"                               \
    }
#define ANTLER_LABEL_SMOOTHING                                                                                   \
    {                                                                                                            \
        .key = "label_smoothing", .kind = ANTLER_REAL, .offset = offsetof(antler_crossentropy, label_smoothing), \
        .def = "0.0", .min = 0, .max = 1, .doc = "share of the target that is spread over all classes"           \
    }
#define ANTLER_LAST_AXIS                                                                                             \
    {                                                                                                                \
        .key = "axis", .kind = ANTLER_ANY, .def = "-1", .flags = ANTLER_UNWRITTEN, .doc = "of the classes: the last" \
    }

static const antler_field smoothed_fields[] = {
    ANTLER_FROM_LOGITS,
    ANTLER_LABEL_SMOOTHING,
    ANTLER_LAST_AXIS,
    ANTLER_FIELD_END,
};
static const antler_field sparse_fields[] = {
    ANTLER_FROM_LOGITS,
    {.key = "ignore_class",
     .kind = ANTLER_INT,
     .offset = offsetof(antler_crossentropy, ignore_class),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .doc = "rows of this class do not count; it need not be one of the classes"},
    ANTLER_LAST_AXIS,
    ANTLER_FIELD_END,
};
#undef ANTLER_FROM_LOGITS
#undef ANTLER_LABEL_SMOOTHING
#undef ANTLER_LAST_AXIS

const antler_loss_ops antler__mean_squared_error = {
    .type = {.size = sizeof(antler_loss_ops),
             .kind = ANTLER_KIND_LOSS,
             .class_name = "MeanSquaredError",
             .aliases = (const char *const[]){"mean_squared_error", "mse", "MSE", NULL},
             .doc = "mean((p - y)^2)",
             .config_size = sizeof(antler_loss_keys)},
    .compute = squared_error,
};

const antler_loss_ops antler__mean_absolute_error = {
    .type = {.size = sizeof(antler_loss_ops),
             .kind = ANTLER_KIND_LOSS,
             .class_name = "MeanAbsoluteError",
             .aliases = (const char *const[]){"mean_absolute_error", "mae", "MAE", NULL},
             .doc = "mean(|p - y|)",
             .config_size = sizeof(antler_loss_keys)},
    .compute = absolute_error,
};

const antler_loss_ops antler__mean_squared_logarithmic_error = {
    .type = {.size = sizeof(antler_loss_ops),
             .kind = ANTLER_KIND_LOSS,
             .class_name = "MeanSquaredLogarithmicError",
             .aliases = (const char *const[]){"mean_squared_logarithmic_error", "msle", "MSLE", NULL},
             .doc = "mean((log(p + 1) - log(y + 1))^2)",
             .config_size = sizeof(antler_loss_keys)},
    .compute = squared_logarithmic_error,
};

const antler_loss_ops antler__binary_crossentropy = {
    .type = {.size = sizeof(antler_loss_ops),
             .kind = ANTLER_KIND_LOSS,
             .class_name = "BinaryCrossentropy",
             .aliases = (const char *const[]){"binary_crossentropy", "bce", "BCE", NULL},
             .doc = "mean(-y log p - (1 - y) log(1 - p))",
             .config_size = sizeof(antler_crossentropy),
             .fields = smoothed_fields},
    .from = "sigmoid",
    .from_logits = is_from_logits,
    .compute = binary,
};

const antler_loss_ops antler__categorical_crossentropy = {
    .type = {.size = sizeof(antler_loss_ops),
             .kind = ANTLER_KIND_LOSS,
             .class_name = "CategoricalCrossentropy",
             .aliases = (const char *const[]){"categorical_crossentropy", NULL},
             .doc = "-sum(y log p), y a distribution over the classes",
             .config_size = sizeof(antler_crossentropy),
             .fields = smoothed_fields},
    .from = "softmax",
    .from_logits = is_from_logits,
    .compute = categorical,
};

const antler_loss_ops antler__sparse_categorical_crossentropy = {
    .type = {.size = sizeof(antler_loss_ops),
             .kind = ANTLER_KIND_LOSS,
             .class_name = "SparseCategoricalCrossentropy",
             .aliases = (const char *const[]){"sparse_categorical_crossentropy", NULL},
             .doc = "-log p[y], y the number of a class",
             .config_size = sizeof(antler_crossentropy),
             .fields = sparse_fields},
    .sparse = true,
    .from = "softmax",
    .from_logits = is_from_logits,
    .from_output = is_from_output,
    .compute = sparse,
};

const antler_type *const antler__losses[] = {
    &antler__mean_squared_error.type,
    &antler__mean_absolute_error.type,
    &antler__mean_squared_logarithmic_error.type,
    &antler__binary_crossentropy.type,
    &antler__categorical_crossentropy.type,
    &antler__sparse_categorical_crossentropy.type,
    NULL,
};
