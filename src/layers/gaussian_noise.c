/* GaussianNoise: y = x + n, n normal with mean 0 and standard deviation stddev; dx = dy. Active in training and in
   Monte Carlo inference; else, and at stddev 0, y = x and nothing is drawn. */
#include "layers/shared/common.h"

enum { NOISE };

static const antler_field fields[] = {
    ANTLER_FIELD_NUMBER(struct antler_gaussian_noise, stddev, ANTLER_REAL, NULL, 0, 1,
                        "standard deviation of the noise"),
    ANTLER_FIELD_SEED(struct antler_gaussian_noise),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(5) {\"stddev\": 0.5}",
    "(4, 3) {\"stddev\": 0.1, \"seed\": 7}",
    "(4) {\"stddev\": 0.0}",
    NULL,
};

static void declare(const void *config, const antler_shape *in, antler_plan *plan)
{
    const struct antler_gaussian_noise *cfg = config;
    (void)in;
    if (cfg->stddev > 0)
        antler_plan_noise(plan, NOISE, cfg->seed);
}

static antler_status forward(const void *config, antler_run *run)
{
    const struct antler_gaussian_noise *cfg = config;
    antler__normal_noise(run, NOISE, cfg->stddev, false, run->y->data, run->x);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    (void)config;
    if (run->dx)
        antler__copy(run, run->dx->data, run->dy->data, antler_count(&run->dy->shape, 0));
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_gaussian_noise = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "GaussianNoise",
             .doc = "adds noise around 0 in training",
             .config_size = sizeof(struct antler_gaussian_noise),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_RANDOM | ANTLER_IN_PLACE,
    .mask = ANTLER_MASK_PASS,
    .infer = antler__infer_same,
    .declare = declare,
    .forward = forward,
    .backward = backward,
};
