/* Losses of more than a row: of a sample, of the batch, or of the samples of a batch among each other.

       Dice      1 - 2 sum(y p) / (sum(y) + sum(p) + e)
       Tversky   1 - sum(y p) / (sum(y p) + a sum(y (1 - p)) + b sum((1 - y) p) + e)
       circle    softplus(log sum exp(g w d) over others of the class + log sum exp(g w d) over other classes)

   with e = 1e-7; the sums are over the batch, or over each sample where `axis` names all axes but the first. For circle
   loss see Sun et al., CVPR 2020, and below. */
#include "parts/losses.h"

#include "core/mathematics.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

/* ---- overlap ----------------------------------------------------------------------------------------------------- */

typedef struct overlap_config {
    antler_loss_keys keys;
    double alpha, beta;
    int64_t axis[ANTLER_MAX_RANK + 1]; /* filled up with ANTLER_NULL */
} overlap_config;

static bool is_of_samples(const overlap_config *c)
{
    return c->axis[0] != ANTLER_NULL;
}

static antler_loss_scope overlap_scope(const void *config)
{
    return is_of_samples(config) ? ANTLER_LOSS_OF_SAMPLES : ANTLER_LOSS_OF_BATCH;
}

/* axis is all axes but that of the batch, in any order. */
static antler_status check_axes(const overlap_config *c, const antler_loss_call *call)
{
    unsigned seen = 0;
    int axes = 0;
    for (; is_of_samples(c) && axes < ANTLER_MAX_RANK && c->axis[axes] != ANTLER_NULL; axes++) {
        const int64_t axis = c->axis[axes] < 0 ? c->axis[axes] + call->rank : c->axis[axes];
        seen |= axis > 0 && axis < call->rank ? 1u << axis : 1u;
    }
    if (!is_of_samples(c) || seen == (1u << call->rank) - 2)
        return ANTLER_OK;
    return antler_error_set(call->err, ANTLER_UNSUPPORTED, NULL,
                            "its axis is to be null, or all axes of the output but the first: 1 to %d", call->rank - 1);
}

/* What a loss of overlap is of n numbers: over sums of y p, y and p, 1 - top / bottom, with
   top = a yp, bottom = b yp + c y + d p + e. */
typedef struct overlap {
    double top, both, y, p;
} overlap;

static antler_status overlap_loss(const overlap *o, const overlap_config *c, const antler_loss_call *call)
{
    const antler_kernels *k = antler__kernels();
    const int64_t all = call->rows * call->n, values = is_of_samples(c) ? call->samples : 1, n = all / values;
    ANTLER_TRY(check_axes(c, call));
    for (int64_t v = 0; v < values; v++) {
        const antler_real *p = call->p + v * n, *y = call->y + v * n;
        antler_real *product = call->scratch + v * n;
        k->multiply(product, p, y, n);
        const double both = k->long_sum(product, n);
        const double bottom = o->both * both + o->y * k->long_sum(y, n) + o->p * k->long_sum(p, n) + 1e-7;
        const double share = o->top * both / bottom;
        call->value[v] = (antler_real)(1 - share);
        for (int64_t i = 0; call->dp && i < n; i++) {
            const double slope = (o->top * (double)y[i] - share * (o->both * (double)y[i] + o->p)) / bottom;
            call->dp[v * n + i] = (antler_real)(-slope * (double)call->factor[v]);
        }
    }
    return ANTLER_OK;
}

static antler_status dice(const void *config, const antler_loss_call *call)
{
    return overlap_loss(&(overlap){.top = 2, .y = 1, .p = 1}, config, call);
}

/* yp + a (y - yp) + b (p - yp) */
static antler_status tversky(const void *config, const antler_loss_call *call)
{
    const overlap_config *c = config;
    return overlap_loss(&(overlap){.top = 1, .both = 1 - c->alpha - c->beta, .y = c->alpha, .p = c->beta}, c, call);
}

/* ---- circle ------------------------------------------------------------------------------------------------------ */

/* Of samples i and j, d = max(1 - p_i p_j, 0); of one class their term is g (m + d) (d - m), else g max(1 + m - d, 0)
   (1 - m - d). value[i] = softplus(log sum exp of those of its class + log sum exp of the others); a sample that lacks
   either does not count. TensorFlow's gradient goes through the weights m + d and 1 + m - d as well. */
typedef struct circle_config {
    antler_loss_keys keys;
    double gamma, margin;
    bool remove_diagonal;
} circle_config;

typedef struct circle_term {
    bool same, counts;
    double value, slope; /* slope: for p_i p_j */
} circle_term;

static circle_term term_of(const circle_config *c, const antler_loss_call *call, int64_t i, int64_t j)
{
    const double m = c->margin,
                 cosine = (double)antler__kernels()->dot(call->p + i * call->n, call->p + j * call->n, call->n);
    const double d = cosine < 1 ? 1 - cosine : 0, inside = cosine <= 1 ? 1 : 0;
    circle_term t = {.same = call->y[i] == call->y[j]};
    t.counts = !t.same || i != j || !c->remove_diagonal;
    const double weight = t.same ? m + d : 1 + m - d > 0 ? 1 + m - d : 0;
    t.value = c->gamma * weight * (t.same ? d - m : 1 - m - d);
    t.slope = t.same ? -c->gamma * 2 * d * inside : weight > 0 ? c->gamma * (weight + 1 - m - d) * inside : 0;
    return t;
}

/* The two log sum exp of sample i; -infinity for those of nothing. */
static void sum_terms(const circle_config *c, const antler_loss_call *call, int64_t i, double log_sum[2])
{
    double most[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};
    for (int64_t j = 0; j < call->samples; j++) {
        const circle_term t = term_of(c, call, i, j);
        if (t.counts && t.value > most[t.same])
            most[t.same] = t.value;
    }
    for (int64_t j = 0; j < call->samples; j++) {
        const circle_term t = term_of(c, call, i, j);
        if (t.counts)
            sum[t.same] += antler__exp(t.value - most[t.same]);
    }
    for (int s = 0; s < 2; s++)
        log_sum[s] = sum[s] > 0 ? most[s] + antler__log(sum[s]) : -INFINITY;
}

static void circle_gradient(const circle_config *c, const antler_loss_call *call, int64_t i, const double log_sum[2])
{
    const int64_t n = call->n;
    const double all = log_sum[0] + log_sum[1];
    const double above = (double)call->factor[i] / (1 + antler__exp(-all)); /* of softplus */
    for (int64_t j = 0; j < call->samples; j++) {
        const circle_term t = term_of(c, call, i, j);
        if (!t.counts)
            continue;
        const double slope = above * antler__exp(t.value - log_sum[t.same]) * t.slope;
        for (int64_t x = 0; x < n; x++) {
            const antler_real pi = call->p[i * n + x], pj = call->p[j * n + x];
            call->dp[i * n + x] += (antler_real)(slope * (double)pj);
            call->dp[j * n + x] += (antler_real)(slope * (double)pi);
        }
    }
}

static antler_status circle(const void *config, const antler_loss_call *call)
{
    const circle_config *c = config;
    if (call->rows != call->samples)
        return antler_error_set(call->err, ANTLER_SHAPE, NULL, "it wants one row of numbers a sample");
    if (call->dp)
        memset(call->dp, 0, (size_t)(call->rows * call->n) * sizeof *call->dp);
    for (int64_t i = 0; i < call->samples; i++) {
        double log_sum[2];
        sum_terms(c, call, i, log_sum);
        const double all = log_sum[0] + log_sum[1];
        const bool none = isinf(all) && all < 0;
        call->value[i] = none ? 0
                              : (antler_real)(all > 0 ? all + antler__log(1 + antler__exp(-all))
                                                      : antler__log(1 + antler__exp(all)));
        if (call->counts && !(call->value[i] > 0))
            call->counts[i] = 0;
        if (call->dp && !none)
            circle_gradient(c, call, i, log_sum);
    }
    return ANTLER_OK;
}

/* Samples without a pair. */
static bool leaves_out(const void *config)
{
    (void)config;
    return true;
}

static antler_loss_scope of_samples(const void *config)
{
    (void)config;
    return ANTLER_LOSS_OF_SAMPLES;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

#define ANTLER_OVERLAP_AXIS                                                                          \
    {                                                                                                \
        .key = "axis", .kind = ANTLER_INTS, .offset = offsetof(overlap_config, axis), .def = "null", \
        .flags = ANTLER_NULLABLE | ANTLER_AXES,                                                      \
        .doc = "null: one value for the batch; all axes but the first: one for a sample"             \
    }

static const antler_field dice_fields[] = {ANTLER_OVERLAP_AXIS, ANTLER_FIELD_END};
static const antler_field tversky_fields[] = {
    {.key = "alpha",
     .kind = ANTLER_REAL,
     .offset = offsetof(overlap_config, alpha),
     .def = "0.5",
     .doc = "weight of targets that were not predicted"},
    {.key = "beta",
     .kind = ANTLER_REAL,
     .offset = offsetof(overlap_config, beta),
     .def = "0.5",
     .doc = "weight of predictions that are no targets"},
    ANTLER_OVERLAP_AXIS,
    ANTLER_FIELD_END,
};
#undef ANTLER_OVERLAP_AXIS

static const antler_field circle_fields[] = {
    {.key = "gamma",
     .kind = ANTLER_REAL,
     .offset = offsetof(circle_config, gamma),
     .def = "80.0",
     .doc = "scale of the terms"},
    {.key = "margin",
     .kind = ANTLER_REAL,
     .offset = offsetof(circle_config, margin),
     .def = "0.4",
     .doc = "how far from its best a similarity may be"},
    {.key = "remove_diagonal",
     .kind = ANTLER_BOOL,
     .offset = offsetof(circle_config, remove_diagonal),
     .def = "true",
     .doc = "a sample is no partner of itself"},
    ANTLER_FIELD_END,
};

const antler_loss_ops antler__dice = {
    ANTLER_LOSS_HEAD("Dice", "1 - 2 sum(y p) / (sum(y) + sum(p))", overlap_config, dice_fields, "dice"),
    .compute = dice,
    .scope = overlap_scope,
};

const antler_loss_ops antler__tversky = {
    ANTLER_LOSS_HEAD("Tversky", "1 - sum(y p) / (sum(y p) + alpha sum(y (1 - p)) + beta sum((1 - y) p))",
                     overlap_config, tversky_fields, "tversky"),
    .compute = tversky,
    .scope = overlap_scope,
};

const antler_loss_ops antler__circle = {
    ANTLER_LOSS_HEAD("Circle", "brings directions of one class together, and those of others apart", circle_config,
                     circle_fields, "circle"),
    .sparse = true,
    .compute = circle,
    .scope = of_samples,
    .loose = true,
    .leaves_out = leaves_out,
};
