/* Focal cross-entropies (Lin, Goyal, Girshick, He and Dollar, ICCV 2017): those of crossentropies.c, where what is
   predicted well counts for little.

       binary        mean(w (1 - t)^g bce(p, y)), t = y p + (1 - y)(1 - p)
       categorical   -sum(a (1 - o)^g y log(o)), o = p / sum(p) clipped

   w is 1, or with apply_class_balancing y a + (1 - y)(1 - a). */
#include "parts/losses.h"

#include "core/mathematics.h"
#include "kernels/kernels.h"

static antler_real power(antler_real x, double g)
{
    return g == 2 ? x * x : g == 1 ? x : g == 0 ? 1 : (antler_real)antler__pow((double)x, g);
}

/* d x^g / d x */
static antler_real power_slope(antler_real x, double g)
{
    return g == 0 ? 0 : (antler_real)g * power(x, g - 1);
}

static bool is_from_logits(const void *config)
{
    return ((const antler_crossentropy *)config)->from_logits;
}

/* ---- binary ------------------------------------------------------------------------------------------------------ */

/* Of m elements: the chance, the cross-entropy, and its slope for what was predicted. */
typedef struct entropies {
    antler_real chance[ANTLER_LOSS_BLOCK], value[ANTLER_LOSS_BLOCK], slope[ANTLER_LOSS_BLOCK];
} entropies;

static void from_chances(const antler_real *p, const antler_real *z, int64_t m, entropies *e)
{
    const antler_kernels *k = antler__kernels();
    antler_real q[ANTLER_LOSS_BLOCK], log_p[ANTLER_LOSS_BLOCK], log_q[ANTLER_LOSS_BLOCK];
    for (int64_t j = 0; j < m; j++) {
        e->chance[j] = p[j];
        e->value[j] = antler__clip(p[j]);
        q[j] = 1 - e->value[j];
    }
    k->log(log_p, e->value, m);
    k->log(log_q, q, m);
    for (int64_t j = 0; j < m; j++) {
        e->slope[j] = antler__is_inside(p[j]) ? (1 - z[j]) / q[j] - z[j] / e->value[j] : 0;
        e->value[j] = -(z[j] * log_p[j] + (1 - z[j]) * log_q[j]);
    }
}

static void from_logits(const antler_real *x, const antler_real *z, int64_t m, entropies *e)
{
    const antler_activation_kernel *act = antler__kernels()->activation;
    antler_real below[ANTLER_LOSS_BLOCK];
    for (int64_t j = 0; j < m; j++)
        below[j] = x[j] > 0 ? -x[j] : x[j];
    act[ANTLER_ACT_softplus].forward(e->value, below, m, 0);
    act[ANTLER_ACT_sigmoid].forward(e->chance, x, m, 0);
    for (int64_t j = 0; j < m; j++) {
        e->value[j] = (x[j] > 0 ? x[j] : 0) - x[j] * z[j] + e->value[j];
        e->slope[j] = e->chance[j] - z[j];
    }
}

static antler_status binary(const void *config, const antler_loss_call *call)
{
    const antler_crossentropy *c = config;
    const bool logits = call->logits || c->from_logits;
    const antler_real step = 1 / (antler_real)call->n, a = (antler_real)c->alpha;
    antler_real z[ANTLER_LOSS_BLOCK];
    entropies e;
    for (int64_t i = 0, m, all = call->rows * call->n; i < all; i += m) {
        m = antler__loss_block(all - i);
        for (int64_t j = 0; j < m; j++)
            z[j] = antler__smoothed(call->y[i + j], (antler_real)c->label_smoothing);
        (logits ? from_logits : from_chances)(call->p + i, z, m, &e);
        for (int64_t j = 0; j < m; j++) {
            const antler_real p = e.chance[j], miss = 1 - (z[j] * p + (1 - z[j]) * (1 - p));
            const antler_real focus = power(miss, c->gamma), turn = (1 - 2 * z[j]) * (logits ? p * (1 - p) : 1);
            const antler_real w = c->apply_class_balancing ? z[j] * a + (1 - z[j]) * (1 - a) : 1;
            call->scratch[i + j] = w * (focus * e.value[j]);
            if (call->dp)
                call->dp[i + j] = step * w * (focus * e.slope[j] + power_slope(miss, c->gamma) * turn * e.value[j]);
        }
    }
    antler__loss_means(call);
    return ANTLER_OK;
}

/* ---- categorical ------------------------------------------------------------------------------------------------- */

/* The value of a row of chances q, whose sum is `sum`; slope (if not NULL) becomes its gradient for q. */
static antler_real focal_row(const antler_crossentropy *c, const antler_real *y, const antler_real *q, antler_real sum,
                             antler_real *slope, int64_t n)
{
    const antler_real s = (antler_real)c->label_smoothing, share = s / (antler_real)n, a = (antler_real)c->alpha;
    antler_real chance[ANTLER_LOSS_BLOCK], logs[ANTLER_LOSS_BLOCK];
    double value = 0, along = 0;
    for (int64_t i = 0, m; i < n; i += m) {
        m = antler__loss_block(n - i);
        for (int64_t j = 0; j < m; j++)
            chance[j] = antler__clip(q[i + j] / sum);
        antler__kernels()->log(logs, chance, m);
        for (int64_t j = 0; j < m; j++) {
            const antler_real z = y[i + j] * (1 - s) + share, o = q[i + j] / sum, miss = 1 - chance[j];
            const antler_real focus = a * power(miss, c->gamma);
            value -= (double)(focus * (z * logs[j]));
            if (!slope)
                continue;
            slope[i + j] =
                antler__is_inside(o) ? z * (a * power_slope(miss, c->gamma) * logs[j] - focus / chance[j]) : 0;
            along += (double)slope[i + j] * (double)o;
        }
    }
    for (int64_t i = 0; slope && i < n; i++)
        slope[i] = (slope[i] - (antler_real)along) / sum;
    return (antler_real)value;
}

static antler_status categorical(const void *config, const antler_loss_call *call)
{
    const antler_crossentropy *c = config;
    const antler_kernels *k = antler__kernels();
    const int64_t n = call->n;
    for (int64_t r = 0; r < call->rows; r++) {
        antler_real *dp = call->dp ? call->dp + r * n : NULL, *scratch = call->scratch + r * n;
        antler_real *softmax = dp ? dp : scratch;
        const antler_real *q = c->from_logits ? softmax : call->p + r * n;
        if (c->from_logits)
            k->softmax(softmax, call->p + r * n, 1, n);
        call->value[r] = focal_row(c, call->y + r * n, q, k->sum(q, n), dp ? scratch : NULL, n);
        if (dp && c->from_logits)
            k->softmax_backward(scratch, scratch, softmax, 1, n);
        for (int64_t i = 0; dp && i < n; i++)
            dp[i] = scratch[i];
    }
    return ANTLER_OK;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

#define ANTLER_FOCAL_FIELDS                                                                                          \
    {.key = "alpha",                                                                                                 \
     .kind = ANTLER_REAL,                                                                                            \
     .offset = offsetof(antler_crossentropy, alpha),                                                                 \
     .def = "0.25",                                                                                                  \
     .min = 0,                                                                                                       \
     .max = 1e30,                                                                                                    \
     .doc = "weight of class 1, 1 - alpha of class 0; of all classes"},                                              \
        {.key = "gamma",                                                                                             \
         .kind = ANTLER_REAL,                                                                                        \
         .offset = offsetof(antler_crossentropy, gamma),                                                             \
         .def = "2.0",                                                                                               \
         .min = 0,                                                                                                   \
         .max = 1e3,                                                                                                 \
         .doc = "how much less counts what is predicted well; 0: not less"},                                         \
        {.key = "from_logits",                                                                                       \
         .kind = ANTLER_BOOL,                                                                                        \
         .offset = offsetof(antler_crossentropy, from_logits),                                                       \
         .def = "false",                                                                                             \
         .doc = "predictions are logits, not probabilities"},                                                        \
        {.key = "label_smoothing",                                                                                   \
         .kind = ANTLER_REAL,                                                                                        \
         .offset = offsetof(antler_crossentropy, label_smoothing),                                                   \
         .def = "0.0",                                                                                               \
         .min = 0,                                                                                                   \
         .max = 1,                                                                                                   \
         .doc = "share of the target that is spread over all classes"},                                              \
    {                                                                                                                \
        .key = "axis", .kind = ANTLER_ANY, .def = "-1", .flags = ANTLER_UNWRITTEN, .doc = "of the classes: the last" \
    }

const antler_field antler__binary_focal_fields[] = {
    {.key = "apply_class_balancing",
     .kind = ANTLER_BOOL,
     .offset = offsetof(antler_crossentropy, apply_class_balancing),
     .def = "false",
     .doc = "weights the classes by alpha"},
    ANTLER_FOCAL_FIELDS,
    ANTLER_FIELD_END,
};
const antler_field antler__categorical_focal_fields[] = {ANTLER_FOCAL_FIELDS, ANTLER_FIELD_END};
#undef ANTLER_FOCAL_FIELDS

const antler_loss_ops antler__binary_focal_crossentropy = {
    ANTLER_LOSS_HEAD("BinaryFocalCrossentropy", "BinaryCrossentropy, less of what is predicted well",
                     antler_crossentropy, antler__binary_focal_fields, "binary_focal_crossentropy"),
    .from = "sigmoid",
    .from_logits = is_from_logits,
    .compute = binary,
    .probabilities = true,
};

const antler_loss_ops antler__categorical_focal_crossentropy = {
    ANTLER_LOSS_HEAD("CategoricalFocalCrossentropy", "CategoricalCrossentropy, less of what is predicted well",
                     antler_crossentropy, antler__categorical_focal_fields, "categorical_focal_crossentropy"),
    .compute = categorical,
    .probabilities = true,
};
