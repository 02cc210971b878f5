/* LayerNormalization and its like: each sample's numbers, or groups of them, shifted and scaled by statistics of their
   own. The work is that of normalizing.h; here is over which axes.

     LayerNormalization    over `axis`; gamma and beta vary along it
     GroupNormalization    the channels (G * C / G) as two axes: over all but G; gamma and beta vary along the channels
     RMSNormalization      over `axis`, about 0; scale is along the last axes, as many as `axis` has
     UnitNormalization     over `axis`, about 0, by the sum: no parameters, s at most 1e12 */
#include "layers/shared/normalizing.h"

typedef struct antler_layer_normalization layer_normalization;
typedef struct antler_group_normalization group_normalization;
typedef struct antler_rms_normalization rms_normalization;
typedef struct antler_unit_normalization unit_normalization;

/* The rows of ANTLER_GAMMA_BETA_KEYS. */
#define GAMMA_BETA_FIELDS(type)                                                                                        \
    ANTLER_FIELD_NUMBER(type, epsilon, ANTLER_REAL, "0.001", 0, 1e30, "added to the variance"),                        \
        ANTLER_FIELD_BOOL(type, center, "true", "adds beta"),                                                          \
        ANTLER_FIELD_BOOL(type, scale, "true", "multiplies by gamma"), ANTLER_FIELD_VARIABLE(type, beta, "\"zeros\""), \
        ANTLER_FIELD_VARIABLE(type, gamma, "\"ones\"")

#define AXES_FIELD(type, line) ANTLER_FIELD_INTS(type, axis, "-1", 0, -ANTLER_MAX_RANK, line)

static const antler_field layer_fields[] = {
    AXES_FIELD(layer_normalization, "over which mean and variance are taken"),
    GAMMA_BETA_FIELDS(layer_normalization),
    {.key = "rms_scaling",
     .kind = ANTLER_BOOL,
     .offset = offsetof(layer_normalization, rms_scaling),
     .def = "false",
     .flags = ANTLER_UNWRITTEN, /* Keras 2 has no such key */
     .doc = "neither mean nor beta: x * gamma / sqrt(variance + epsilon)"},
    ANTLER_FIELD_END,
};

static const antler_field group_fields[] = {
    ANTLER_FIELD_NUMBER(group_normalization, groups, ANTLER_INT, "32", -1, ANTLER_MOST_UNITS,
                        "of channels; -1: each is one"),
    {.key = "axis",
     .kind = ANTLER_INTS,
     .offset = offsetof(group_normalization, axis),
     .def = "-1",
     .count = 1,
     .doc = "the channels"},
    GAMMA_BETA_FIELDS(group_normalization),
    ANTLER_FIELD_END,
};

static const antler_field rms_fields[] = {
    AXES_FIELD(rms_normalization, "over which the mean of squares is taken"),
    ANTLER_FIELD_NUMBER(rms_normalization, epsilon, ANTLER_REAL, "1e-6", 0, 1e30, "added to the mean of squares"),
    ANTLER_FIELD_END,
};

static const antler_field unit_fields[] = {
    AXES_FIELD(unit_normalization, "over which the sum of squares is taken"),
    ANTLER_FIELD_END,
};

static const char *const layer_samples[] = {
    "(5) {}",
    "(3, 4, 2) {\"axis\": [1, 3], \"epsilon\": 0.01, \"center\": false}",
    "(3, 2) {\"axis\": 1, \"scale\": false}",
    "(2, 3) {\"axis\": [1, 2], \"rms_scaling\": true}",
    NULL,
};

static const char *const group_samples[] = {
    "(3, 4) {\"groups\": 2}",
    "(4, 3, 2) {\"groups\": 2, \"axis\": 1, \"center\": false}",
    "(2, 2, 3) {\"groups\": -1, \"scale\": false}",
    NULL,
};

static const char *const rms_samples[] = {
    "(5) {}",
    "(2, 3, 4) {\"axis\": [-2, -1], \"epsilon\": 0.01}",
    "(3, 3) {\"axis\": 1}",
    NULL,
};

static const char *const unit_samples[] = {"(5) {}", "(3, 4, 2) {\"axis\": [1, -1]}", NULL};

/* ---- axes -------------------------------------------------------------------------------------------------------- */

static antler_status wrong_axis(int64_t axis, const antler_shape *in, antler_error *err)
{
    return antler_error_set(err, ANTLER_SHAPE, "axis", "%lld is not an axis of the input's %d, the batch's left out",
                            (long long)axis, in->rank);
}

static antler_status check_axes(const int64_t *axis, const antler_shape *in, antler_error *err)
{
    bool taken[ANTLER_MAX_RANK] = {false};
    for (; *axis; axis++) {
        int i = antler_axis(*axis, in->rank);
        if (i < 1)
            return wrong_axis(*axis, in, err);
        if (taken[i])
            return antler_error_set(err, ANTLER_SHAPE, "axis", "%lld is there twice", (long long)*axis);
        taken[i] = true;
    }
    return ANTLER_OK;
}

static antler_status infer_layer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    *out = *in;
    return check_axes(((const layer_normalization *)config)->axis, in, err);
}

static antler_status infer_unit(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    *out = *in;
    return check_axes(((const unit_normalization *)config)->axis, in, err);
}

/* Sizes along the axes in the order of their numbers, negative ones first: so Keras has the variables' shapes. */
static antler_shape sizes_along(const int64_t *axis, const antler_shape *in)
{
    antler_shape sizes = {0};
    int64_t sorted[ANTLER_MAX_RANK];
    for (; *axis; axis++) {
        int i = sizes.rank++;
        for (; i > 0 && sorted[i - 1] > *axis; i--)
            sorted[i] = sorted[i - 1];
        sorted[i] = *axis;
    }
    for (int i = 0; i < sizes.rank; i++)
        sizes.dim[i] = in->dim[antler_axis(sorted[i], in->rank)];
    return sizes;
}

static antler_status infer_rms(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const rms_normalization *cfg = config;
    *out = *in;
    ANTLER_TRY(check_axes(cfg->axis, in, err));
    antler_shape scale = sizes_along(cfg->axis, in);
    for (int i = 0; i < scale.rank; i++)
        if (scale.dim[i] != in->dim[in->rank - scale.rank + i])
            return antler_error_set(err, ANTLER_SHAPE, "axis",
                                    "scale would not fit: it is along the last axes, which have other sizes");
    return ANTLER_OK;
}

static int64_t groups_of(const group_normalization *cfg, int64_t channels)
{
    return cfg->groups == -1 ? channels : cfg->groups;
}

static antler_status infer_group(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const group_normalization *cfg = config;
    int axis = antler_axis(cfg->axis, in->rank);
    *out = *in;
    if (axis < 1)
        return wrong_axis(cfg->axis, in, err);
    int64_t channels = in->dim[axis], groups = groups_of(cfg, channels);
    if (channels % groups)
        return antler_error_set(err, ANTLER_SHAPE, "groups", "%lld channels are not divisible by %lld",
                                (long long)channels, (long long)groups);
    return ANTLER_OK;
}

static antler_status check_group(void *config, antler_error *err)
{
    const group_normalization *cfg = config;
    return cfg->groups ? ANTLER_OK
                       : antler_error_set(err, ANTLER_VALUE, "groups", "0 is not a number of groups, nor -1");
}

/* ---- how each normalizes ----------------------------------------------------------------------------------------- */

/* The sample's axes; those of the list are summed over. */
static int sample_axes(const antler_shape *in, const int64_t *axis, antler_sample_axis *sample)
{
    for (int i = 1; i < in->rank; i++)
        sample[i - 1] = (antler_sample_axis){.size = in->dim[i]};
    for (; *axis; axis++)
        sample[antler_axis(*axis, in->rank) - 1].summed = true;
    return in->rank - 1;
}

static antler_normalizing how_layer(const void *config, const antler_shape *in)
{
    const layer_normalization *cfg = config;
    antler_sample_axis sample[ANTLER_GROUP_AXES];
    int axes = sample_axes(in, cfg->axis, sample);
    bool scale = cfg->scale || cfg->rms_scaling, center = cfg->center && !cfg->rms_scaling;
    for (int i = 0; i < axes; i++)
        sample[i].varies = sample[i].summed;
    return (antler_normalizing){.groups = antler__groups_of(sample, axes),
                                .deviations = true,
                                .centred = !cfg->rms_scaling,
                                .epsilon = cfg->epsilon,
                                .gamma = scale ? 0 : -1,
                                .beta = center ? scale : -1};
}

static antler_normalizing how_group(const void *config, const antler_shape *in)
{
    const group_normalization *cfg = config;
    antler_sample_axis sample[ANTLER_GROUP_AXES];
    int axes = 0, channels = antler_axis(cfg->axis, in->rank);
    for (int i = 1; i < in->rank; i++) {
        int64_t size = in->dim[i], groups = i == channels ? groups_of(cfg, size) : 1;
        if (i == channels)
            sample[axes++] = (antler_sample_axis){.size = groups, .varies = true};
        sample[axes++] = (antler_sample_axis){.size = size / groups, .summed = true, .varies = i == channels};
    }
    return (antler_normalizing){.groups = antler__groups_of(sample, axes),
                                .deviations = true,
                                .centred = true,
                                .epsilon = cfg->epsilon,
                                .gamma = cfg->scale ? 0 : -1,
                                .beta = cfg->center ? cfg->scale : -1};
}

static antler_normalizing how_rms(const void *config, const antler_shape *in)
{
    const rms_normalization *cfg = config;
    antler_sample_axis sample[ANTLER_GROUP_AXES];
    int axes = sample_axes(in, cfg->axis, sample), scaled = sizes_along(cfg->axis, in).rank;
    for (int i = axes - scaled; i < axes; i++)
        sample[i].varies = true;
    return (antler_normalizing){
        .groups = antler__groups_of(sample, axes), .epsilon = cfg->epsilon, .gamma = 0, .beta = -1};
}

static antler_normalizing how_unit(const void *config, const antler_shape *in)
{
    const unit_normalization *cfg = config;
    antler_sample_axis sample[ANTLER_GROUP_AXES];
    int axes = sample_axes(in, cfg->axis, sample);
    return (antler_normalizing){
        .groups = antler__groups_of(sample, axes), .total = true, .most = 1e12, .gamma = -1, .beta = -1};
}

/* ---- variables --------------------------------------------------------------------------------------------------- */

static void declare(const antler_normalizing *how, antler_plan *plan, const antler_shape *shape)
{
    if (how->gamma >= 0)
        antler_plan_param(plan, how->gamma, "gamma", "gamma", shape);
    if (how->beta >= 0)
        antler_plan_param(plan, how->beta, "beta", "beta", shape);
}

static void variables_layer(const void *config, const antler_shape *in, antler_plan *plan)
{
    const antler_normalizing how = how_layer(config, in);
    const antler_shape shape = sizes_along(((const layer_normalization *)config)->axis, in);
    declare(&how, plan, &shape);
}

static void variables_group(const void *config, const antler_shape *in, antler_plan *plan)
{
    const group_normalization *cfg = config;
    const antler_normalizing how = how_group(config, in);
    declare(&how, plan, &(antler_shape){1, {in->dim[antler_axis(cfg->axis, in->rank)]}});
}

static void variables_rms(const void *config, const antler_shape *in, antler_plan *plan)
{
    const antler_shape shape = sizes_along(((const rms_normalization *)config)->axis, in);
    antler_plan_param(plan, 0, "scale", "scale", &shape);
}

/* RMSNormalization's scale has no setting: it starts at 1. */
static void initialize_rms(const void *config, int slot, antler_tensor *param)
{
    (void)config;
    (void)slot;
    for (int64_t i = 0; i < antler_count(&param->shape, 0); i++)
        param->data[i] = 1;
}

/* ---- the layers: the same methods, each with its own axes -------------------------------------------------------- */

#define METHODS(name)                                                                         \
    static void buffers_##name(const void *config, const antler_shape *in, antler_plan *plan) \
    {                                                                                         \
        const antler_normalizing how = how_##name(config, in);                                \
        antler__normalizing_buffers(&how, in, plan);                                          \
    }                                                                                         \
    static antler_status forward_##name(const void *config, antler_run *run)                  \
    {                                                                                         \
        const antler_normalizing how = how_##name(config, &run->x->shape);                    \
        antler__normalizing_forward(&how, run);                                               \
        return ANTLER_OK;                                                                     \
    }                                                                                         \
    static antler_status backward_##name(const void *config, antler_run *run)                 \
    {                                                                                         \
        const antler_normalizing how = how_##name(config, &run->x->shape);                    \
        antler__normalizing_backward(&how, run);                                              \
        return ANTLER_OK;                                                                     \
    }
METHODS(layer)
METHODS(group)
METHODS(rms)
METHODS(unit)
#undef METHODS

#define TYPE(name, class, rules, line)                                                           \
    .type = {.size = sizeof(antler_layer_ops),                                                   \
             .kind = ANTLER_KIND_LAYER,                                                          \
             .class_name = (class),                                                              \
             .doc = (line),                                                                      \
             .config_size = sizeof(name##_normalization),                                        \
             .fields = name##_fields,                                                            \
             .samples = name##_samples,                                                          \
             .check = (rules)},                                                                  \
    .flags = ANTLER_IN_PLACE | ANTLER_NEEDS_X, .infer = infer_##name, .buffers = buffers_##name, \
    .forward = forward_##name, .backward = backward_##name

const antler_layer_ops antler_layer_layer_normalization = {
    TYPE(layer, "LayerNormalization", NULL, "each sample shifted and scaled to mean 0 and variance 1"),
    .mask = ANTLER_MASK_PASS,
    .variables = variables_layer,
};

const antler_layer_ops antler_layer_group_normalization = {
    TYPE(group, "GroupNormalization", check_group, "groups of channels shifted and scaled to mean 0 and variance 1"),
    .mask = ANTLER_MASK_PASS,
    .variables = variables_group,
};

const antler_layer_ops antler_layer_rms_normalization = {
    TYPE(rms, "RMSNormalization", NULL, "each sample divided by its root mean square"),
    .variables = variables_rms,
    .initialize = initialize_rms,
};

const antler_layer_ops antler_layer_unit_normalization = {
    TYPE(unit, "UnitNormalization", NULL, "each sample divided by its length"),
    .mask = ANTLER_MASK_PASS,
};
