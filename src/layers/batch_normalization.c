/* BatchNormalization of (B, ..., channels, ...), by channel: all axes but `axis` count as samples. N of them are not
   masked.

     mean = sum x / N       variance = sum (x - mean)^2 / N       s = 1 / sqrt(variance + epsilon)
     xhat = (x - mean) * s       y = gamma * xhat + beta       moving = moving * momentum + batch's * (1 - momentum)

     beta' = sum dy       gamma' = sum dy * xhat       dx = gamma * s * (dy - (beta' + xhat * gamma') / N)

   Sums of the batch leave masked steps out, as Keras does; sums of gradients do not, because y is made at every step,
   and at a masked one dx has no term in 1/N. Outside training, or frozen, mean and variance are the moving ones and dx
   = gamma * s * dy. The row loops are in batch_rows.c. */
#include "layers/shared/batch_rows.h"

#include <math.h>
#include <string.h>

enum { MEAN, VARIANCE };    /* state */
enum { USED_MEAN, USED_S }; /* saved, (channels): what forward normalized with */
enum { WIDE, PARTS };       /* scratch: (4, width) coefficients; (parts, 2, width) sums */

typedef struct antler_batch_normalization batch_normalization;

static const antler_field fields[] = {
    {.key = "axis",
     .kind = ANTLER_INTS,
     .offset = offsetof(batch_normalization, axis),
     .def = "-1",
     .count = 1,
     .doc = "the channels"},
    ANTLER_FIELD_NUMBER(batch_normalization, momentum, ANTLER_REAL, "0.99", 0, 0,
                        "of the moving statistics: 1 never moves them"),
    ANTLER_FIELD_NUMBER(batch_normalization, epsilon, ANTLER_REAL, "0.001", 0, 1e30, "added to the variance"),
    ANTLER_FIELD_BOOL(batch_normalization, center, "true", "adds beta"),
    ANTLER_FIELD_BOOL(batch_normalization, scale, "true", "multiplies by gamma"),
    ANTLER_FIELD_VARIABLE(batch_normalization, beta, "\"zeros\""),
    ANTLER_FIELD_VARIABLE(batch_normalization, gamma, "\"ones\""),
    ANTLER_FIELD_OBJECT(batch_normalization, moving_mean_initializer, ANTLER_KIND_INITIALIZER, "\"zeros\"",
                        "first moving mean"),
    ANTLER_FIELD_OBJECT(batch_normalization, moving_variance_initializer, ANTLER_KIND_INITIALIZER, "\"ones\"",
                        "first moving variance"),
    ANTLER_FIELD_IGNORED("synchronized", "false"),
    ANTLER_FIELD_IGNORED("renorm", "false"),
    ANTLER_FIELD_IGNORED("renorm_clipping", "null"),
    ANTLER_FIELD_IGNORED("renorm_momentum", NULL),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4) {}",
    "(3, 2) {\"momentum\": 0.5, \"scale\": false}",
    "(2, 3, 2) {\"axis\": 1, \"center\": false, \"epsilon\": 0.01}",
    NULL,
};

/* gamma comes first, in Keras's order; each is there by the config. */
static int beta_slot(const batch_normalization *cfg)
{
    return cfg->scale ? 1 : 0;
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const batch_normalization *cfg = config;
    if (antler_axis(cfg->axis, in->rank) < 1)
        return antler_error_set(err, ANTLER_SHAPE, "axis",
                                "%lld is not an axis of the input's %d, the batch's left out", (long long)cfg->axis,
                                in->rank);
    *out = *in;
    return ANTLER_OK;
}

static antler_batch_rows rows_of(const batch_normalization *cfg, const antler_shape *shape)
{
    int axis = antler_axis(cfg->axis, shape->rank);
    antler_batch_rows r = {.rows = 1, .channels = shape->dim[axis], .inner = antler_count(shape, axis + 1)};
    for (int i = 0; i < axis; i++)
        r.rows *= shape->dim[i];
    r.width = r.channels * r.inner;
    r.parts = (r.rows + ANTLER_PART_ROWS - 1) / ANTLER_PART_ROWS;
    return r;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const batch_normalization *cfg = config;
    antler_shape channels = {.rank = 1, .dim = {in->dim[antler_axis(cfg->axis, in->rank)]}};
    if (cfg->scale)
        antler_plan_param(plan, 0, "gamma", "gamma", &channels);
    if (cfg->center)
        antler_plan_param(plan, beta_slot(cfg), "beta", "beta", &channels);
    antler_plan_state(plan, MEAN, "moving_mean", "moving_mean", &channels);
    antler_plan_state(plan, VARIANCE, "moving_variance", "moving_variance", &channels);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_batch_rows r = rows_of(config, in);
    antler_shape channels = {.rank = 1, .dim = {r.channels}};
    antler_plan_saved(plan, USED_MEAN, &channels);
    antler_plan_saved(plan, USED_S, &channels);
    antler_plan_scratch(plan, WIDE, &(antler_shape){.rank = 2, .dim = {4, r.width}});
    if (antler_plan_mode(plan) == ANTLER_TRAIN)
        antler_plan_scratch(plan, PARTS, &(antler_shape){.rank = 3, .dim = {r.parts, 2, r.width}});
}

static bool uses_batch(const antler_run *run)
{
    return run->mode == ANTLER_TRAIN && run->trainable;
}

/* N, with the 1e-7 that Keras adds to a masked one. */
static antler_real terms(const antler_batch_rows *r)
{
    int64_t kept = 0;
    for (int64_t row = 0; r->mask && row < r->rows; row++)
        kept += r->mask[row] != 0;
    return r->mask ? (antler_real)kept + (antler_real)1e-7 : (antler_real)(r->rows * r->inner);
}

static antler_status find_mask(const batch_normalization *cfg, antler_run *run, antler_batch_rows *r)
{
    r->mask = uses_batch(run) ? run->mask->data : NULL;
    if (r->mask && (run->x->shape.rank != 3 || antler_axis(cfg->axis, 3) != 2))
        return antler_run_fail(run, ANTLER_UNSUPPORTED, "a mask needs input (batch, steps, channels)");
    return ANTLER_OK;
}

static void move(antler_tensor *moving, const antler_real *batch, double momentum)
{
    antler_real keep = (antler_real)momentum, take = (antler_real)(1.0 - momentum);
    for (int64_t c = 0; c < moving->shape.dim[0]; c++)
        moving->data[c] = moving->data[c] * keep + batch[c] * take;
}

/* Mean (spread) and variance of the batch; the moving ones follow. */
static void batch_statistics(const batch_normalization *cfg, antler_run *run, antler_batch_rows *r, antler_real *mean,
                             antler_real *variance)
{
    antler_real n = terms(r);
    r->sum = run->scratch[PARTS].data;
    antler__sum_values(run, r);
    for (int64_t c = 0; c < r->channels; c++)
        mean[c] = run->saved[USED_MEAN].data[c] = r->sum[c] / n;
    move(&run->state[MEAN], mean, cfg->momentum);
    antler__spread(r, mean);
    antler__sum_squares(run, r);
    for (int64_t c = 0; c < r->channels; c++)
        variance[c] = r->sum[c] / n;
    move(&run->state[VARIANCE], variance, cfg->momentum);
}

static void moving_statistics(antler_run *run, const antler_batch_rows *r, antler_real *mean, antler_real *variance)
{
    for (int64_t c = 0; c < r->channels; c++) {
        mean[c] = run->state[MEAN].data[c];
        variance[c] = run->state[VARIANCE].data[c];
        if (run->mode == ANTLER_TRAIN)
            run->saved[USED_MEAN].data[c] = mean[c];
    }
    antler__spread(r, mean);
}

static antler_status forward(const void *config, antler_run *run)
{
    const batch_normalization *cfg = config;
    antler_batch_rows r = rows_of(cfg, &run->x->shape);
    antler_real *mean = run->scratch[WIDE].data, *a = mean + r.width, *b = a + r.width;
    r.x = run->x->data;
    r.to = run->y->data;
    r.mean = mean;
    r.a = a;
    r.b = b;
    ANTLER_TRY(find_mask(cfg, run, &r));
    if (uses_batch(run))
        batch_statistics(cfg, run, &r, mean, a);
    else
        moving_statistics(run, &r, mean, a);
    for (int64_t c = 0; c < r.channels; c++) {
        antler_real s = (antler_real)(1 / sqrt((double)a[c] + cfg->epsilon));
        if (run->mode == ANTLER_TRAIN)
            run->saved[USED_S].data[c] = s;
        a[c] = cfg->scale ? run->param[0].data[c] * s : s;
        b[c] = cfg->center ? run->param[beta_slot(cfg)].data[c] : 0;
    }
    antler__spread(&r, a);
    antler__spread(&r, b);
    antler__normalize(run, &r);
    return ANTLER_OK;
}

/* From the sums of gradients: those of gamma and beta, and the coefficients of dx. */
static void coefficients(const batch_normalization *cfg, antler_run *run, const antler_batch_rows *r, antler_real *a,
                         antler_real *b, antler_real *c)
{
    const antler_real *s = run->saved[USED_S].data;
    antler_real n = terms(r);
    for (int64_t i = 0; i < r->channels; i++) {
        antler_real beta = r->sum[i], gamma = r->sum[r->width + i] * s[i];
        if (cfg->scale && run->grad[0].data)
            run->grad[0].data[i] = gamma;
        if (cfg->center && run->grad[beta_slot(cfg)].data)
            run->grad[beta_slot(cfg)].data[i] = beta;
        a[i] = cfg->scale ? run->param[0].data[i] * s[i] : s[i];
        b[i] = beta / n;
        c[i] = gamma * s[i] / n;
    }
    antler__spread(r, a);
    antler__spread(r, b);
    antler__spread(r, c);
}

static antler_status backward(const void *config, antler_run *run)
{
    const batch_normalization *cfg = config;
    antler_batch_rows r = rows_of(cfg, &run->x->shape);
    antler_real *mean = run->scratch[WIDE].data, *a = mean + r.width, *b = a + r.width, *c = b + r.width;
    r.x = run->x->data;
    r.dy = run->dy->data;
    r.mean = mean;
    r.sum = run->scratch[PARTS].data;
    memcpy(mean, run->saved[USED_MEAN].data, (size_t)r.channels * sizeof *mean);
    antler__spread(&r, mean);
    antler__sum_gradients(run, &r); /* masked steps too: r.mask is not set yet */
    ANTLER_TRY(find_mask(cfg, run, &r));
    coefficients(cfg, run, &r, a, b, c);
    if (!run->dx->data)
        return ANTLER_OK;
    r.to = run->dx->data;
    r.a = a;
    r.b = uses_batch(run) ? b : NULL;
    r.c = c;
    antler__normalize_backward(run, &r);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_batch_normalization = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "BatchNormalization",
             .doc = "each channel shifted and scaled to mean 0 and variance 1",
             .config_size = sizeof(struct antler_batch_normalization),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_BATCH_STATISTICS | ANTLER_IN_PLACE | ANTLER_NEEDS_X,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
};
