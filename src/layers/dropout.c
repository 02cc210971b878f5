/* Dropout: y = keep ? x / (1 - rate) : 0, each element kept with probability 1 - rate; dx = keep ? dy / (1 - rate) : 0
   with the same choices. Active in training and in Monte Carlo inference; else, and at rate 0, y = x and nothing is
   drawn. Rate 1 gives zeros. noise_shape has an entry for each axis: null or the input's size for a choice of its own
   along the axis, 1 for one that is shared. SpatialDropout drops whole channels: one choice for all steps of (B, steps,
   channels), Dropout with noise_shape [null, 1, null]. The work is in shared/drop.c. */
#include "layers/shared/common.h"

enum { CHOICE }; /* slot of bits, noise and scratch */

/* The choices of a call: one for each element of this shape. */
typedef struct dropping {
    double rate;
    antler_shape drawn;
} dropping;

static void plan_drop(const dropping *d, const antler_shape *in, antler_plan *plan)
{
    antler__drop_buffers(plan, CHOICE, d->rate, in, &d->drawn);
}

static antler_status drop(const dropping *d, antler_run *run)
{
    antler__drop(run, CHOICE, d->rate, &d->drawn, run->y->data, run->x);
    return ANTLER_OK;
}

static antler_status drop_backward(const dropping *d, antler_run *run)
{
    if (run->dx->data)
        antler__drop_backward(run, CHOICE, d->rate, &d->drawn, run->dx->data, run->dy);
    return ANTLER_OK;
}

/* ---- Dropout ----------------------------------------------------------------------------------------------------- */

static const antler_field fields[] = {
    ANTLER_FIELD_NUMBER(struct antler_dropout, rate, ANTLER_REAL, NULL, 0, 1, "probability that an element is dropped"),
    ANTLER_FIELD_INTS(struct antler_dropout, noise_shape, "null", ANTLER_NULLABLE, 1,
                      "an entry for each axis: 1 shares the choice along it, null does not"),
    ANTLER_FIELD_SEED(struct antler_dropout),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(5) {\"rate\": 0.5}",
    "(4, 3) {\"rate\": 0.1, \"seed\": 7}",
    "(4, 3) {\"rate\": 0.4, \"noise_shape\": [null, 1, 3]}",
    "(2, 3, 2) {\"rate\": 0.3, \"noise_shape\": [1, null, 1, 2]}",
    "(4) {\"rate\": 0.0}",
    "(4) {\"rate\": 1.0}",
    NULL,
};

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_dropout *cfg = config;
    int rank = 0;
    while (rank < ANTLER_MAX_RANK && cfg->noise_shape[rank] != 0)
        rank++;
    if (rank != 0 && rank != in->rank)
        return antler_error_set(err, ANTLER_SHAPE, "noise_shape", "%d entries, but the input has %d axes", rank,
                                in->rank);
    for (int i = 0; i < rank; i++) {
        int64_t entry = cfg->noise_shape[i];
        if (entry != ANTLER_NULL && entry != 1 && entry != in->dim[i])
            return antler_error_set(err, ANTLER_SHAPE, "noise_shape",
                                    "entry %d is %lld: expected null, 1, or the size of the input's axis", i,
                                    (long long)entry);
    }
    *out = *in;
    return ANTLER_OK;
}

static dropping dropping_of(const void *config, const antler_shape *in)
{
    const struct antler_dropout *cfg = config;
    return (dropping){cfg->rate, antler__drawn_shape(cfg->noise_shape, in)};
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const struct antler_dropout *cfg = config;
    (void)in;
    antler__drop_site(plan, CHOICE, cfg->rate, cfg->seed);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    dropping d = dropping_of(config, in);
    plan_drop(&d, in, plan);
}

static antler_status forward(const void *config, antler_run *run)
{
    dropping d = dropping_of(config, &run->x->shape);
    return drop(&d, run);
}

static antler_status backward(const void *config, antler_run *run)
{
    dropping d = dropping_of(config, &run->dy->shape);
    return drop_backward(&d, run);
}

const antler_layer_ops antler_layer_dropout = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Dropout",
             .doc = "drops elements at random in training, and scales the others up",
             .config_size = sizeof(struct antler_dropout),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_IN_PLACE | ANTLER_PASSES,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
};

/* ---- SpatialDropout ---------------------------------------------------------------------------------------------- */

typedef struct antler_spatial_dropout1d spatial; /* the config of all of them */

static const antler_field spatial_fields[] = {
    {.key = "trainable",
     .kind = ANTLER_BOOL,
     .offset = offsetof(struct antler_spatial_dropout1d, trainable),
     .def = "true",
     .flags = ANTLER_UNSAVED, /* Keras's take none, unlike all other layers */
     .doc = "nothing to train here"},
    ANTLER_FIELD_NUMBER(spatial, rate, ANTLER_REAL, NULL, 0, 1, "probability that a channel is dropped"),
    ANTLER_FIELD_SEED(spatial),
    ANTLER_FIELD_END,
};

/* Axes between the batch's and the channels' share their choices. */
static dropping spatial_dropping(const void *config, const antler_shape *in)
{
    dropping d = {((const spatial *)config)->rate, *in};
    d.drawn.dim[0] = ANTLER_BATCH;
    for (int i = 1; i < in->rank - 1; i++)
        d.drawn.dim[i] = 1;
    return d;
}

static void spatial_variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const spatial *cfg = config;
    (void)in;
    antler__drop_site(plan, CHOICE, cfg->rate, cfg->seed);
}

static void spatial_buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    dropping d = spatial_dropping(config, in);
    plan_drop(&d, in, plan);
}

static antler_status spatial_forward(const void *config, antler_run *run)
{
    dropping d = spatial_dropping(config, &run->x->shape);
    return drop(&d, run);
}

static antler_status spatial_backward(const void *config, antler_run *run)
{
    dropping d = spatial_dropping(config, &run->dy->shape);
    return drop_backward(&d, run);
}

static antler_status infer_1d(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    (void)config;
    if (in->rank != 3)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input has %d axes; expected (batch, steps, channels)",
                                in->rank);
    *out = *in;
    return ANTLER_OK;
}

static const char *const samples_1d[] = {
    "(4, 3) {\"rate\": 0.3}",
    "(1, 5) {\"rate\": 0.5, \"seed\": 3}",
    "(2, 2) {\"rate\": 1.0}",
    NULL,
};

const antler_layer_ops antler_layer_spatial_dropout1d = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "SpatialDropout1D",
             .doc = "drops whole channels at random in training",
             .config_size = sizeof(spatial),
             .fields = spatial_fields,
             .samples = samples_1d},
    .flags = ANTLER_IN_PLACE | ANTLER_PASSES,
    .mask = ANTLER_MASK_PASS,
    .infer = infer_1d,
    .variables = spatial_variables,
    .buffers = spatial_buffers,
    .forward = spatial_forward,
    .backward = spatial_backward,
};
