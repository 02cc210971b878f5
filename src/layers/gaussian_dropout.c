/* GaussianDropout: y = x * n, n normal with mean 1 and standard deviation sqrt(rate / (1 - rate)); dx = dy * n. Active
   in training and in Monte Carlo inference; else, and at rate 0, y = x. The numbers are not remembered: backward draws
   them again, from the same place of the stream. */
#include "layers/shared/common.h"

#include <math.h>

enum { NOISE };

static const antler_field fields[] = {
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

static const char *const samples[] = {
    "(5) {\"rate\": 0.5}",
    "(4, 3) {\"rate\": 0.1, \"seed\": 7}",
    "(4) {\"rate\": 0.0}",
    NULL,
};

static void declare(const void *config, const antler_shape *in, antler_plan *plan)
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

static antler_status forward(const void *config, antler_run *run)
{
    multiply_noise(config, run, run->y->data, run->x);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    if (run->dx)
        multiply_noise(config, run, run->dx->data, run->dy);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_gaussian_dropout = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "GaussianDropout",
             .doc = "multiplies by noise around 1 in training",
             .config_size = sizeof(struct antler_gaussian_dropout),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_RANDOM | ANTLER_IN_PLACE,
    .mask = ANTLER_MASK_PASS,
    .infer = antler__infer_same,
    .declare = declare,
    .forward = forward,
    .backward = backward,
};
