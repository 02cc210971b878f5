/* SpatialDropout1D: dropout of whole channels of (B, steps, channels): one choice for all steps, Dropout with
   noise_shape [null, 1, null]. */
#include "layers/shared/common.h"

enum { CHOICE }; /* slot of bits, noise and scratch */

static const int64_t noise_shape[] = {ANTLER_NULL, 1, ANTLER_NULL, 0};

static const antler_field fields[] = {
    ANTLER_FIELD_NUMBER(struct antler_spatial_dropout1d, rate, ANTLER_REAL, NULL, 0, 1,
                        "probability that a channel is dropped"),
    ANTLER_FIELD_SEED(struct antler_spatial_dropout1d),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4, 3) {\"rate\": 0.3}",
    "(1, 5) {\"rate\": 0.5, \"seed\": 3}",
    "(2, 2) {\"rate\": 1.0}",
    NULL,
};

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    (void)config;
    if (in->rank != 3)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input has %d axes; expected (batch, steps, channels)",
                                in->rank);
    *out = *in;
    return ANTLER_OK;
}

static void declare(const void *config, const antler_shape *in, antler_plan *plan)
{
    const struct antler_spatial_dropout1d *cfg = config;
    antler_shape drawn = antler__drawn_shape(noise_shape, in);
    antler__drop_declare(plan, CHOICE, cfg->rate, cfg->seed, in, &drawn);
}

static antler_status forward(const void *config, antler_run *run)
{
    const struct antler_spatial_dropout1d *cfg = config;
    antler_shape drawn = antler__drawn_shape(noise_shape, &run->x->shape);
    antler__drop(run, CHOICE, cfg->rate, &drawn, run->y->data, run->x);
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    const struct antler_spatial_dropout1d *cfg = config;
    antler_shape drawn = antler__drawn_shape(noise_shape, &run->dy->shape);
    if (run->dx)
        antler__drop_backward(run, CHOICE, cfg->rate, &drawn, run->dx->data, run->dy);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_spatial_dropout1d = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "SpatialDropout1D",
             .doc = "drops whole channels at random in training",
             .config_size = sizeof(struct antler_spatial_dropout1d),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_RANDOM | ANTLER_IN_PLACE,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .declare = declare,
    .forward = forward,
    .backward = backward,
};
