/* Dropout: y = keep ? x / (1 - rate) : 0, each element kept with probability 1 - rate; dx = keep ? dy / (1 - rate) : 0
   with the same choices. Active in training and in Monte Carlo inference; else, and at rate 0, y = x and nothing is
   drawn. Rate 1 gives zeros. noise_shape has an entry for each axis: null or the input's size for a choice of its own
   along the axis, 1 for one that is shared. SpatialDropout drops whole channels: one choice for all steps of (B, steps,
   channels), Dropout with noise_shape [null, 1, null]. AlphaDropout drops to what SELU gives for -infinity, p, and then
   restores mean and variance: y = a (keep ? x : p) + b. The work is in shared/drop.c. */
#include "layers/shared/common.h"

#include <math.h>

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

/* ---- AlphaDropout ------------------------------------------------------------------------------------------------ */

typedef struct antler_alpha_dropout alpha_dropout; /* the members of Dropout's */

static const antler_field alpha_fields[] = {
    {.key = "rate",
     .kind = ANTLER_REAL,
     .offset = offsetof(alpha_dropout, rate),
     .min = 0,
     .max = 1,
     .flags = ANTLER_OPEN_MAX,
     .doc = "probability that an element is dropped; at 1 the others' factor would be infinite"},
    ANTLER_FIELD_INTS(alpha_dropout, noise_shape, "null", ANTLER_NULLABLE, 1,
                      "an entry for each axis: 1 shares the choice along it, null does not"),
    ANTLER_FIELD_SEED(alpha_dropout),
    ANTLER_FIELD_END,
};

static const char *const alpha_samples[] = {
    "(4, 3) {\"rate\": 0.4}",
    "(4, 3) {\"rate\": 0.4, \"noise_shape\": [null, 1, 3]}",
    "(4) {\"rate\": 0.0}",
    NULL,
};

typedef struct restoring {
    antler_real a, b, dropped; /* y = a x + b, or `dropped` */
    double keep;
    antler_real *y;
    const antler_real *x;
} restoring;

static restoring restoring_of(double rate)
{
    const double p = -1.6732632423543772 * 1.0507009873554805, a = 1 / sqrt((1 - rate) * (1 + rate * p * p));
    const double b = -a * p * rate;
    return (restoring){.a = (antler_real)a, .b = (antler_real)b, .dropped = (antler_real)(a * p + b), .keep = 1 - rate};
}

static void ones_piece(void *arg, int64_t first, int64_t count)
{
    const restoring *r = arg;
    for (int64_t i = first; i < first + count; i++)
        r->y[i] = 1;
}

/* y has 0 where x is dropped. */
static void restore_piece(void *arg, int64_t first, int64_t count)
{
    const restoring *r = arg;
    for (int64_t i = first; i < first + count; i++) {
        const antler_real kept = r->a * r->x[i] + r->b;
        r->y[i] = r->y[i] != 0 ? kept : r->dropped;
    }
}

static void scale_piece(void *arg, int64_t first, int64_t count)
{
    const restoring *r = arg;
    const antler_real scale = (antler_real)((double)r->a * r->keep); /* what is kept was divided by keep */
    for (int64_t i = first; i < first + count; i++)
        r->y[i] = scale * r->x[i];
}

static antler_status alpha_forward(const void *config, antler_run *run)
{
    dropping d = dropping_of(config, &run->x->shape);
    restoring r = restoring_of(d.rate);
    const antler_tensor ones = {run->x->shape, run->y->data};
    const int64_t n = antler_count(&run->x->shape, 0);
    r.y = run->y->data;
    r.x = run->x->data;
    if (!run->noisy || !(d.rate > 0)) {
        antler_run_copy(run, r.y, r.x, n);
        return ANTLER_OK;
    }
    antler_run_ranges(run, n, 1, ones_piece, &r);
    antler__drop(run, CHOICE, d.rate, &d.drawn, r.y, &ones);
    antler_run_ranges(run, n, 1, restore_piece, &r);
    return ANTLER_OK;
}

static antler_status alpha_backward(const void *config, antler_run *run)
{
    dropping d = dropping_of(config, &run->dy->shape);
    restoring r = restoring_of(d.rate);
    ANTLER_TRY(drop_backward(&d, run));
    r.x = r.y = run->dx->data;
    if (r.y && run->noisy && d.rate > 0)
        antler_run_ranges(run, antler_count(&run->dy->shape, 0), 1, scale_piece, &r);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_alpha_dropout = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "AlphaDropout",
             .doc = "drops elements at random in training, and keeps mean and variance of SELU's",
             .config_size = sizeof(alpha_dropout),
             .fields = alpha_fields,
             .samples = alpha_samples},
    .flags = ANTLER_PASSES,
    .mask = ANTLER_MASK_PASS,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = alpha_forward,
    .backward = alpha_backward,
};

/* ---- SpatialDropout ---------------------------------------------------------------------------------------------- */

typedef struct antler_spatial_dropout1d spatial; /* the config of all of them */

/* Keras's take no "trainable", unlike all other layers. */
#define SPATIAL_FIELDS                                                                                        \
    {.key = "trainable",                                                                                      \
     .kind = ANTLER_BOOL,                                                                                     \
     .offset = offsetof(spatial, trainable),                                                                  \
     .def = "true",                                                                                           \
     .flags = ANTLER_UNSAVED,                                                                                 \
     .doc = "nothing to train here"},                                                                         \
        ANTLER_FIELD_NUMBER(spatial, rate, ANTLER_REAL, NULL, 0, 1, "probability that a channel is dropped"), \
        ANTLER_FIELD_SEED(spatial)

static const antler_field spatial_fields[] = {SPATIAL_FIELDS, ANTLER_FIELD_END};
static const antler_field image_fields[] = {
    SPATIAL_FIELDS,
    ANTLER_FIELD_DATA_FORMAT(struct antler_spatial_dropout2d, 0),
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

/* `axes`: of the input, and how they are called. */
static antler_status infer_rank(const antler_shape *in, int rank, const char *axes, antler_shape *out,
                                antler_error *err)
{
    if (in->rank != rank)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input has %d axes; expected (batch, %s, channels)", in->rank,
                                axes);
    *out = *in;
    return ANTLER_OK;
}

static const char *const samples1[] = {"(4, 3) {\"rate\": 0.3}", "(1, 5) {\"rate\": 0.5, \"seed\": 3}",
                                       "(2, 2) {\"rate\": 1.0}", NULL};
static const char *const samples2[] = {"(2, 3, 3) {\"rate\": 0.3}",
                                       "(3, 2, 2) {\"rate\": 0.3, \"data_format\": \"channels_first\"}", NULL};
static const char *const samples3[] = {"(2, 1, 2, 3) {\"rate\": 0.3}", NULL};

#define SPATIAL(axes, told, rows)                                                                                      \
    static antler_status infer##axes(const void *config, const antler_shape *in, antler_shape *out, antler_error *err) \
    {                                                                                                                  \
        (void)config;                                                                                                  \
        return infer_rank(in, (axes) + 2, told, out, err);                                                             \
    }                                                                                                                  \
    const antler_layer_ops antler_layer_spatial_dropout##axes##d = {                                                   \
        .type = {.size = sizeof(antler_layer_ops),                                                                     \
                 .kind = ANTLER_KIND_LAYER,                                                                            \
                 .class_name = "SpatialDropout" #axes "D",                                                             \
                 .doc = "drops whole channels at random in training",                                                  \
                 .config_size = sizeof(struct antler_spatial_dropout##axes##d),                                        \
                 .fields = rows,                                                                                       \
                 .samples = samples##axes},                                                                            \
        .flags = ANTLER_IN_PLACE | ANTLER_PASSES,                                                                      \
        .mask = ANTLER_MASK_PASS,                                                                                      \
        .infer = infer##axes,                                                                                          \
        .variables = spatial_variables,                                                                                \
        .buffers = spatial_buffers,                                                                                    \
        .forward = spatial_forward,                                                                                    \
        .backward = spatial_backward,                                                                                  \
    }

SPATIAL(1, "steps", spatial_fields);
SPATIAL(2, "height, width", image_fields);
SPATIAL(3, "depth, height, width", image_fields);
