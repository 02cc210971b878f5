/* Cross-entropies: a value for each row of predictions p against targets y, and its gradient.

       binary cross-entropy            mean(-y log p - (1 - y) log(1 - p))
       categorical cross-entropy       -sum(y log(p / sum(p)))
       sparse categorical              log(sum(p)) - log(p[y])
       categorical generalized         (1 - p[y]^q) / q

   with p clipped to [e, 1 - e] in front of a logarithm; outside, the gradient is 0, as TensorFlow's is. From logits x
   they are taken without clipping, and their gradients are softmax(x) - y and sigmoid(x) - y. Logarithms and sums are
   the kernels'; what is left is a few plain operations an element. */
#include "parts/losses.h"

#include "core/mathematics.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>

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

/* scratch = -z log p - (1 - z) log(1 - p), z the smoothed target. */
static void binary_from_chances(const antler_loss_call *call, antler_real s, int64_t i, int64_t m)
{
    const antler_kernels *k = antler__kernels();
    const antler_real scale = 1 / (antler_real)call->n;
    antler_real p[ANTLER_LOSS_BLOCK], q[ANTLER_LOSS_BLOCK], log_p[ANTLER_LOSS_BLOCK], log_q[ANTLER_LOSS_BLOCK];
    for (int64_t j = 0; j < m; j++) {
        p[j] = antler__clip(call->p[i + j]);
        q[j] = 1 - p[j];
    }
    k->log(log_p, p, m);
    k->log(log_q, q, m);
    for (int64_t j = 0; j < m; j++) {
        const antler_real z = antler__smoothed(call->y[i + j], s);
        call->scratch[i + j] = -(z * log_p[j] + (1 - z) * log_q[j]);
        if (call->dp)
            call->dp[i + j] = antler__is_inside(call->p[i + j]) ? ((1 - z) / q[j] - z / p[j]) * scale : 0;
    }
}

/* scratch = max(x, 0) - x z + log(1 + exp(-|x|)): nothing overflows, and small losses keep their digits. */
static void binary_from_logits(const antler_loss_call *call, antler_real s, int64_t i, int64_t m)
{
    const antler_activation_kernel *act = antler__kernels()->activation;
    const antler_real scale = 1 / (antler_real)call->n, *x = call->p + i;
    antler_real below[ANTLER_LOSS_BLOCK], tail[ANTLER_LOSS_BLOCK], chance[ANTLER_LOSS_BLOCK];
    for (int64_t j = 0; j < m; j++)
        below[j] = x[j] > 0 ? -x[j] : x[j];
    act[ANTLER_ACT_softplus].forward(tail, below, m, 0);
    if (call->dp)
        act[ANTLER_ACT_sigmoid].forward(chance, x, m, 0);
    for (int64_t j = 0; j < m; j++) {
        const antler_real z = antler__smoothed(call->y[i + j], s);
        call->scratch[i + j] = (x[j] > 0 ? x[j] : 0) - x[j] * z + tail[j];
        if (call->dp)
            call->dp[i + j] = (chance[j] - z) * scale;
    }
}

static antler_status binary(const void *config, const antler_loss_call *call)
{
    const antler_crossentropy *c = config;
    const int64_t all = call->rows * call->n;
    const bool logits = call->logits || c->from_logits;
    for (int64_t i = 0; i < all; i += ANTLER_LOSS_BLOCK)
        (logits ? binary_from_logits : binary_from_chances)(call, (antler_real)c->label_smoothing, i,
                                                            antler__loss_block(all - i));
    antler__loss_means(call);
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
    antler_real *scratch = call->scratch + r * n, *q = call->dp ? call->dp + r * n : NULL, clipped[ANTLER_LOSS_BLOCK];
    for (int64_t i = 0, m; i < n; i += m) {
        m = antler__loss_block(n - i);
        for (int64_t j = 0; j < m; j++)
            clipped[j] = antler__clip(p[i + j] / sum);
        k->log(scratch + i, clipped, m);
    }
    call->value[r] = row_entropy(y, scratch, n, s);
    if (!q)
        return;
    for (int64_t i = 0; i < n; i++) {
        q[i] = p[i] / sum;
        scratch[i] = antler__is_inside(q[i]) ? -(y[i] * (1 - s) + share) / q[i] : 0;
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

const char *antler__sample_text(const antler_loss_call *call, int64_t r, char *text, size_t size)
{
    int64_t sample = call->samples > 0 && call->rows > 0 ? r / (call->rows / call->samples) : r;
    snprintf(text, size, "row %lld of the %s", (long long)(call->row ? call->row[sample] : sample),
             call->row ? "data" : "batch");
    return text;
}

int64_t antler__class_of(int64_t ignored, const antler_loss_call *call, int64_t r)
{
    const double label = (double)call->y[r];
    if (ignored != ANTLER_NULL && label == (double)ignored)
        return -1;
    if (label >= 0 && label < (double)call->n && label == floor(label))
        return (int64_t)label;
    char text[64];
    antler_error_set(call->err, ANTLER_DATA, NULL,
                     "%s: %.9g is no class; expected an integer in [0, %lld], as classes count from 0",
                     antler__sample_text(call, r, text, sizeof text), label, (long long)call->n - 1);
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
        clipped[i] = antler__clip(p[i]);
    const antler_real part[2] = {k->sum(clipped, n), clipped[label]};
    k->log(log_of, part, 2);
    call->value[r] = log_of[0] - log_of[1];
    if (!call->dp)
        return;
    antler_real *dp = call->dp + r * n;
    for (int64_t i = 0; i < n; i++)
        dp[i] = antler__is_inside(p[i]) ? 1 / part[0] : 0;
    if (antler__is_inside(p[label]))
        dp[label] -= 1 / part[1];
}

static bool ignores_class(const void *config)
{
    return ((const antler_crossentropy *)config)->ignore_class != ANTLER_NULL;
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
        const int64_t label = antler__class_of(c->ignore_class, call, r);
        if (label == -2)
            return ANTLER_DATA;
        if (label == -1)
            ignore_row(call, r);
        else
            (logits ? sparse_logits_row : sparse_row)(call, r, label);
    }
    return ANTLER_OK;
}

/* ---- categorical generalized ------------------------------------------------------------------------------------- */

static antler_status generalized(const void *config, const antler_loss_call *call)
{
    const double q = ((const antler_crossentropy *)config)->q;
    for (int64_t r = 0; r < call->rows; r++) {
        const int64_t label = antler__class_of(ANTLER_NULL, call, r);
        if (label < 0)
            return ANTLER_DATA;
        const double p = (double)call->p[r * call->n + label];
        call->value[r] = (antler_real)((1 - antler__pow(p, q)) / q);
        for (int64_t i = 0; call->dp && i < call->n; i++)
            call->dp[r * call->n + i] = i == label ? (antler_real)-antler__pow(p, q - 1) : 0;
    }
    return ANTLER_OK;
}

/* ---- what "crossentropy" means: by the widths of output and target ------------------------------------------------
 */

static antler_status any(const void *config, const antler_loss_call *call)
{
    static const antler_crossentropy plain = {.ignore_class = ANTLER_NULL};
    const int64_t width = call->rows > 0 ? call->y_n * call->samples / call->rows : 1;
    (void)config;
    return (call->n == 1 ? binary : width == 1 ? sparse : categorical)(&plain, call);
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

const antler_field antler__smoothed_fields[] = {
    ANTLER_FROM_LOGITS,
    ANTLER_LABEL_SMOOTHING,
    ANTLER_LAST_AXIS,
    ANTLER_FIELD_END,
};
const antler_field antler__sparse_fields[] = {
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

static const antler_field generalized_fields[] = {
    {.key = "q",
     .kind = ANTLER_REAL,
     .offset = offsetof(antler_crossentropy, q),
     .def = "0.5",
     .min = 0,
     .max = 1,
     .flags = ANTLER_OPEN_MIN | ANTLER_OPEN_MAX,
     .doc = "near 0 as the cross-entropy, near 1 as the mean absolute error"},
    ANTLER_FIELD_END,
};

const antler_loss_ops antler__binary_crossentropy = {
    ANTLER_LOSS_HEAD("BinaryCrossentropy", "mean(-y log p - (1 - y) log(1 - p))", antler_crossentropy,
                     antler__smoothed_fields, "binary_crossentropy", "bce", "BCE"),
    .from = "sigmoid",
    .from_logits = is_from_logits,
    .compute = binary,
    .probabilities = true,
};

const antler_loss_ops antler__categorical_crossentropy = {
    ANTLER_LOSS_HEAD("CategoricalCrossentropy", "-sum(y log p), y a distribution over the classes", antler_crossentropy,
                     antler__smoothed_fields, "categorical_crossentropy"),
    .from = "softmax",
    .from_logits = is_from_logits,
    .compute = categorical,
    .probabilities = true,
};

const antler_loss_ops antler__sparse_categorical_crossentropy = {
    ANTLER_LOSS_HEAD("SparseCategoricalCrossentropy", "-log p[y], y the number of a class", antler_crossentropy,
                     antler__sparse_fields, "sparse_categorical_crossentropy"),
    .sparse = true,
    .from = "softmax",
    .from_logits = is_from_logits,
    .from_output = is_from_output,
    .compute = sparse,
    .probabilities = true,
    .leaves_out = ignores_class,
};

const antler_loss_ops antler__categorical_generalized_crossentropy = {
    ANTLER_LOSS_HEAD("CategoricalGeneralizedCrossEntropy", "(1 - p[y]^q) / q, y the number of a class",
                     antler_crossentropy, generalized_fields, "categorical_generalized_cross_entropy"),
    .sparse = true,
    .compute = generalized,
    .probabilities = true,
};

static const antler_field any_fields[] = {
    {.key = "name",
     .kind = ANTLER_STRING,
     .offset = offsetof(antler_loss_keys, name),
     .def = "\"crossentropy\"",
     .doc = "its name in logs"},
    ANTLER_FIELD_END,
};

const antler_loss_ops antler__any_crossentropy = {
    .type = {.size = sizeof(antler_loss_ops),
             .kind = ANTLER_KIND_LOSS,
             .class_name = "crossentropy",
             .aliases = (const char *const[]){"ce", NULL},
             .doc = "the binary, categorical or sparse categorical one: what fits output and targets",
             .config_size = sizeof(antler_crossentropy),
             .fields = any_fields,
             .flags = ANTLER_TYPE_BARE},
    .from = "softmax",
    .compute = any,
    .probabilities = true,
    .either = true,
};
