/* RandomBrightness, RandomContrast: in training all numbers of an image are moved by one number of its own, and then
   clipped to value_range; in inference y = x. With d and f drawn for each sample, and m the mean of a channel over the
   image:

     brightness   y = clip(x + d)              d in factor times the length of value_range
     contrast     y = clip((x - m) f + m)      f in [1 - factor[0], 1 + factor[1]]

   Both are y = clip(a x + b) with b = (1 - a) m + d. Gradient, with g = dy where nothing was clipped and 0 elsewhere:
   dx = a g + (1 - a) mean(g). */
#include "layers/shared/common.h"
#include "layers/shared/intervals.h"

enum { NOISE };

typedef struct antler_random_brightness brightness;
typedef struct antler_random_contrast contrast;

typedef struct job {
    const antler_run *run;
    const double *factor; /* what is drawn from */
    double lower, upper;  /* value_range */
    bool contrast, draws;
    int64_t pixels, channels;
    const antler_real *x, *dy;
    antler_real *to;
} job;

/* y = a x + d + (1 - a) mean, before it is clipped. */
typedef struct change {
    double a, d;
} change;

static change change_of(const job *j, int64_t sample)
{
    antler_real u = 0;
    if (j->draws)
        antler_noise_uniform(&j->run->noise[NOISE], 1, sample, &u, 1);
    if (j->contrast) {
        const double least = 1 - j->factor[0], most = 1 + j->factor[1];
        return (change){least + (double)u * (most - least), 0};
    }
    return (change){1, antler__interval_at(j->factor, (double)u) * (j->upper - j->lower)};
}

/* Of one channel of an image. */
static double mean_of(const antler_real *x, const job *j)
{
    double sum = 0;
    for (int64_t i = 0; i < j->pixels; i++)
        sum += (double)x[i * j->channels];
    return sum / (double)j->pixels;
}

static antler_real changed(const change *by, antler_real mean, antler_real x)
{
    return (x - mean) * (antler_real)by->a + mean + (antler_real)by->d;
}

static antler_real clipped(const job *j, antler_real z)
{
    const antler_real lower = (antler_real)j->lower, upper = (antler_real)j->upper;
    return z < lower ? lower : z > upper ? upper : z;
}

static void change_channel(const job *j, const change *by, antler_real *y, const antler_real *x)
{
    const antler_real mean = j->contrast ? (antler_real)mean_of(x, j) : 0;
    for (int64_t i = 0; i < j->pixels; i++)
        y[i * j->channels] = clipped(j, changed(by, mean, x[i * j->channels]));
}

/* dx may be dy: it holds g first. */
static void change_channel_back(const job *j, const change *by, antler_real *dx, const antler_real *x,
                                const antler_real *dy)
{
    const antler_real mean = j->contrast ? (antler_real)mean_of(x, j) : 0, a = (antler_real)by->a;
    for (int64_t i = 0; i < j->pixels; i++) {
        const antler_real z = changed(by, mean, x[i * j->channels]), own = dy[i * j->channels];
        dx[i * j->channels] = z < (antler_real)j->lower || z > (antler_real)j->upper ? 0 : own;
    }
    const antler_real rest = j->contrast ? (antler_real)((1 - by->a) * mean_of(dx, j)) : 0;
    for (int64_t i = 0; i < j->pixels; i++)
        dx[i * j->channels] = a * dx[i * j->channels] + rest;
}

static void change_samples(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t sample = first; sample < first + count; sample++) {
        const change by = change_of(j, sample);
        for (int64_t c = 0; c < j->channels; c++) {
            const int64_t at = sample * j->pixels * j->channels + c;
            if (j->dy)
                change_channel_back(j, &by, j->to + at, j->x + at, j->dy + at);
            else
                change_channel(j, &by, j->to + at, j->x + at);
        }
    }
}

/* j has factor, lower, upper and contrast. */
static antler_status run_samples(antler_run *run, job j, bool draws, bool back)
{
    const antler_shape *shape = &run->x->shape;
    j.run = run;
    j.draws = draws;
    j.pixels = shape->dim[1] * shape->dim[2];
    j.channels = shape->dim[3];
    j.x = run->x->data;
    j.dy = back ? run->dy->data : NULL;
    j.to = back ? run->dx->data : run->y->data;
    if (j.to && run->noisy)
        antler_run_ranges(run, shape->dim[0], 3 * antler_count(shape, 1), change_samples, &j);
    else if (j.to)
        antler_run_copy(run, j.to, back ? j.dy : j.x, antler_count(shape, 0));
    return ANTLER_OK;
}

static antler_status check_range(const double *range, antler_error *err)
{
    if (range[0] <= range[1])
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_VALUE, "value_range", "expected two numbers, the lower first");
}

/* ---- RandomBrightness -------------------------------------------------------------------------------------------- */

static const antler_field brightness_fields[] = {
    ANTLER_FIELD_INTERVAL(brightness, factor, NULL, 0,
                          "added, as a part of value_range: [lower, upper], or f for [-f, f]"),
    ANTLER_FIELD_INTERVAL(brightness, value_range, "[0, 255]", 0, "least and most that a pixel can have"),
    ANTLER_FIELD_SEED(brightness),
    ANTLER_IMAGE_FIELDS,
    ANTLER_FIELD_END,
};

static const char *const brightness_samples[] = {"(2, 3, 2) {\"factor\": 0.5, \"value_range\": [-1, 1]}",
                                                 "(3, 2, 1) {\"factor\": [0.2, 0.2], \"value_range\": [-0.5, 1.5]}",
                                                 NULL};

static antler_status brightness_check(void *config, antler_error *err)
{
    brightness *cfg = config;
    double *range = cfg->value_range;
    if (range[0] > range[1]) { /* Keras sorts them, here alone */
        const double upper = range[0];
        range[0] = range[1];
        range[1] = upper;
    }
    ANTLER_TRY(check_range(range, err));
    return antler__interval_check(cfg->factor, -1, 1, false, "factor", err);
}

static bool brightness_draws(const void *config)
{
    return antler__interval_is_open(((const brightness *)config)->factor);
}

static job brightness_job(const void *config)
{
    const brightness *cfg = config;
    return (job){.factor = cfg->factor, .lower = cfg->value_range[0], .upper = cfg->value_range[1]};
}

/* ---- RandomContrast ---------------------------------------------------------------------------------------------- */

static const antler_field contrast_fields[] = {
    ANTLER_FIELD_INTERVAL(contrast, factor, NULL, 0,
                          "[lower, upper]: times a number in [1 - lower, 1 + upper]; f stands for [0, f]"),
    {.key = "value_range",
     .kind = ANTLER_REALS,
     .offset = offsetof(contrast, value_range),
     .def = "[0, 255]",
     .flags = ANTLER_UNWRITTEN,
     .count = 2,
     .doc = "least and most that a pixel can have"},
    ANTLER_FIELD_SEED(contrast),
    ANTLER_IMAGE_FIELDS,
    ANTLER_FIELD_END,
};

static const char *const contrast_samples[] = {"(2, 3, 2) {\"factor\": 0.5, \"value_range\": [-1, 1]}",
                                               "(3, 2, 1) {\"factor\": [-0.4, 0.4], \"value_range\": [-0.5, 1]}", NULL};

static antler_status contrast_check(void *config, antler_error *err)
{
    contrast *cfg = config;
    ANTLER_TRY(check_range(cfg->value_range, err));
    return antler__interval_check(cfg->factor, 0, 1, false, "factor", err);
}

static bool contrast_draws(const void *config)
{
    const contrast *cfg = config;
    return -cfg->factor[0] != cfg->factor[1];
}

static job contrast_job(const void *config)
{
    const contrast *cfg = config;
    return (job){.factor = cfg->factor, .lower = cfg->value_range[0], .upper = cfg->value_range[1], .contrast = true};
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

#define COLORING(name, class, line)                                                             \
    static void name##_variables(const void *config, const antler_shape *in, antler_plan *plan) \
    {                                                                                           \
        (void)in;                                                                               \
        if (name##_draws(config))                                                               \
            antler_plan_noise(plan, NOISE, ((const name *)config)->seed);                       \
    }                                                                                           \
    static antler_status name##_forward(const void *config, antler_run *run)                    \
    {                                                                                           \
        return run_samples(run, name##_job(config), name##_draws(config), false);               \
    }                                                                                           \
    static antler_status name##_backward(const void *config, antler_run *run)                   \
    {                                                                                           \
        return run_samples(run, name##_job(config), name##_draws(config), true);                \
    }                                                                                           \
    const antler_layer_ops antler_layer_random_##name = {                                       \
        .type = {.size = sizeof(antler_layer_ops),                                              \
                 .kind = ANTLER_KIND_LAYER,                                                     \
                 .class_name = class,                                                           \
                 .doc = (line),                                                                 \
                 .config_size = sizeof(name),                                                   \
                 .fields = name##_fields,                                                       \
                 .samples = name##_samples,                                                     \
                 .check = name##_check},                                                        \
        .flags = ANTLER_IN_PLACE | ANTLER_NEEDS_X,                                              \
        .infer = antler__image_infer,                                                           \
        .variables = name##_variables,                                                          \
        .forward = name##_forward,                                                              \
        .backward = name##_backward,                                                            \
    }

COLORING(brightness, "RandomBrightness", "makes images lighter or darker at random in training");
COLORING(contrast, "RandomContrast", "changes the contrast of images at random in training");
