/* GaussianNoise: y = x + n, n normal with mean 0 and standard deviation stddev; dx = dy.
   GaussianDropout: y = x * n, n normal with mean 1 and standard deviation sqrt(rate / (1 - rate)); dx = dy * n.

   Active in training and in Monte Carlo inference; else, and at stddev or rate 0, y = x and nothing is drawn. The
   numbers are not remembered: backward draws them again, from the same place of the stream. */
#include "layers/shared/common.h"

#include <math.h>

enum { NOISE };

/* ---- GaussianNoise ----------------------------------------------------------------------------------------------- */

static const antler_field noise_fields[] = {
    ANTLER_FIELD_NUMBER(struct antler_gaussian_noise, stddev, ANTLER_REAL, NULL, 0, 1,
                        "standard deviation of the noise"),
    ANTLER_FIELD_SEED(struct antler_gaussian_noise),
    ANTLER_FIELD_END,
};

static const char *const noise_samples[] = {
    "(5) {\"stddev\": 0.5}",
    "(4, 3) {\"stddev\": 0.1, \"seed\": 7}",
    "(4) {\"stddev\": 0.0}",
    NULL,
};

static void noise_variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const struct antler_gaussian_noise *cfg = config;
    (void)in;
    if (cfg->stddev > 0)
        antler_plan_noise(plan, NOISE, cfg->seed);
}

static antler_status noise_forward(const void *config, antler_run *run)
{
    const struct antler_gaussian_noise *cfg = config;
    antler__normal_noise(run, NOISE, cfg->stddev, false, run->y->data, run->x);
    return ANTLER_OK;
}

static antler_status noise_backward(const void *config, antler_run *run)
{
    (void)config;
    if (run->dx->data)
        antler_run_copy(run, run->dx->data, run->dy->data, antler_count(&run->dy->shape, 0));
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_gaussian_noise = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "GaussianNoise",
             .doc = "adds noise around 0 in training",
             .config_size = sizeof(struct antler_gaussian_noise),
             .fields = noise_fields,
             .samples = noise_samples},
    .flags = ANTLER_IN_PLACE | ANTLER_PASSES,
    .mask = ANTLER_MASK_PASS,
    .infer = antler_infer_same,
    .variables = noise_variables,
    .forward = noise_forward,
    .backward = noise_backward,
};

/* ---- GaussianDropout --------------------------------------------------------------------------------------------- */

static const antler_field dropout_fields[] = {
    {.key = "rate",
     .kind = ANTLER_REAL,
     .offset = offsetof(struct antler_gaussian_dropout, rate),
     .min = 0,
     .max = 1,
     .flags = ANTLER_OPEN_MAX,
     .doc = "of the Dropout with the same variance; at 1 it would be infinite"},
    ANTLER_FIELD_SEED(struct antler_gaussian_dropout),
    ANTLER_FIELD_END,
};

static const char *const dropout_samples[] = {
    "(5) {\"rate\": 0.5}",
    "(4, 3) {\"rate\": 0.1, \"seed\": 7}",
    "(4) {\"rate\": 0.0}",
    NULL,
};

static void dropout_variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const struct antler_gaussian_dropout *cfg = config;
    (void)in;
    if (cfg->rate > 0)
        antler_plan_noise(plan, NOISE, cfg->seed);
}

/* y = x * n, for forward and backward alike. */
static void multiply_noise(const struct antler_gaussian_dropout *cfg, antler_run *run, antler_real *y,
                           const antler_tensor *x)
{
    antler__normal_noise(run, NOISE, sqrt(cfg->rate / (1 - cfg->rate)), true, y, x);
}

static antler_status dropout_forward(const void *config, antler_run *run)
{
    multiply_noise(config, run, run->y->data, run->x);
    return ANTLER_OK;
}

static antler_status dropout_backward(const void *config, antler_run *run)
{
    if (run->dx->data)
        multiply_noise(config, run, run->dx->data, run->dy);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_gaussian_dropout = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "GaussianDropout",
             .doc = "multiplies by noise around 1 in training",
             .config_size = sizeof(struct antler_gaussian_dropout),
             .fields = dropout_fields,
             .samples = dropout_samples},
    .flags = ANTLER_IN_PLACE | ANTLER_PASSES,
    .mask = ANTLER_MASK_PASS,
    .infer = antler_infer_same,
    .variables = dropout_variables,
    .forward = dropout_forward,
    .backward = dropout_backward,
};
