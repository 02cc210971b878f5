/* Numbers of images, mapped one by one. [lower, upper] is value_range; a number v of 0 .. 255 stands for it where it is
   said.

     RandomInvert          y = upper - x, or x                        with a probability drawn from `factor`
     RandomPosterization   v's highest bits                           as many as were drawn from `factor`
     Solarization          v + a, clipped; what is not below t is 255 less it
                           a and t drawn from [f0, 255 f1], f being addition_factor and threshold_factor
     AutoContrast          from lower, for the least of a channel, to upper, for the most; in inference, too
     Equalization          of all numbers of the channel in the batch so many are at most as large as v's place says

   In inference the others are y = x. Steps have the gradient 0; where a channel has one number alone y = x. Where
   several are the least, or the most, they share its gradient. */
#include "layers/shared/images.h"

#include <math.h>
#include <string.h>

typedef struct antler_random_coloring coloring;
typedef struct antler_solarization solarization;
typedef struct antler_auto_contrast auto_contrast;
typedef struct antler_equalization equalization;

/* In Keras's order of operations: what falls on a step there does so here. */
static antler_real to_255(const double *range, antler_real x)
{
    const antler_real lower = (antler_real)range[0], upper = (antler_real)range[1];
    return lower == 0 && upper == 255 ? x : (x - lower) / (upper - lower) * 255;
}

static antler_real from_255(const double *range, antler_real v)
{
    const antler_real lower = (antler_real)range[0], upper = (antler_real)range[1];
    return lower == 0 && upper == 255 ? v : v / 255 * (upper - lower) + lower;
}

static antler_real clamp(antler_real v, antler_real most)
{
    return v > 0 ? v < most ? v : most : 0;
}

/* ---- RandomInvert ------------------------------------------------------------------------------------------------ */

static void random_invert_change(const antler_image *im, antler_real *to, const antler_real *x, const antler_real *dy)
{
    const coloring *cfg = im->config;
    const bool inverts = antler__happens(cfg->factor, im->u);
    const antler_real upper = (antler_real)cfg->value_range[1];
    for (int64_t i = 0; i < antler__image_size(im); i++)
        if (dy)
            to[i] = inverts ? -dy[i] : dy[i];
        else
            to[i] = inverts ? upper - x[i] : x[i];
}

/* ---- RandomPosterization ----------------------------------------------------------------------------------------- */

/* An integer that is drawn is below the upper one, as Keras has it. */
static void random_posterization_change(const antler_image *im, antler_real *to, const antler_real *x,
                                        const antler_real *dy)
{
    const coloring *cfg = im->config;
    const unsigned shift = 8 - (unsigned)antler__interval_at(cfg->factor, im->u[0]);
    for (int64_t i = 0; i < antler__image_size(im); i++)
        if (dy)
            to[i] = 0;
        else
            to[i] = from_255(cfg->value_range,
                             (antler_real)((unsigned)clamp(to_255(cfg->value_range, x[i]), 255) >> shift << shift));
}

/* ---- Solarization ------------------------------------------------------------------------------------------------ */

static antler_real part_of_255(const double *factor, double u)
{
    return (antler_real)(factor[0] + u * (255 * factor[1] - factor[0]));
}

static void solarization_change(const antler_image *im, antler_real *to, const antler_real *x, const antler_real *dy)
{
    const solarization *cfg = im->config;
    const antler_real addition = part_of_255(cfg->addition_factor, im->u[0]);
    const antler_real threshold = part_of_255(cfg->threshold_factor, im->u[1]);
    for (int64_t i = 0; i < antler__image_size(im); i++) {
        const antler_real moved = to_255(cfg->value_range, x[i]) + addition, v = clamp(moved, 255);
        if (!dy)
            to[i] = from_255(cfg->value_range, v < threshold ? v : 255 - v);
        else
            to[i] = v != moved ? 0 : v < threshold ? dy[i] : -dy[i];
    }
}

/* ---- AutoContrast ------------------------------------------------------------------------------------------------ */

/* Of a channel, as v. */
typedef struct extremes {
    antler_real least, most;
    int64_t at_least, at_most; /* how many have it */
} extremes;

static extremes extremes_of(const antler_image *im, const double *range, const antler_real *x)
{
    extremes e = {to_255(range, x[0]), to_255(range, x[0]), 0, 0};
    for (int64_t i = 0; i < antler__image_size(im); i += im->channels) {
        const antler_real v = to_255(range, x[i]);
        e.at_least = v < e.least ? 1 : e.at_least + (v == e.least);
        e.at_most = v > e.most ? 1 : e.at_most + (v == e.most);
        e.least = v < e.least ? v : e.least;
        e.most = v > e.most ? v : e.most;
    }
    return e;
}

/* t = (v - least) / (most - least), of which least and most move, too. dx may be dy. */
static void contrast_back(const antler_image *im, const double *range, const extremes *e, antler_real *dx,
                          const antler_real *x, const antler_real *dy)
{
    const double scale = 255 / ((double)e->most - (double)e->least);
    double of_least = 0, of_most = 0;
    for (int64_t i = 0; i < antler__image_size(im); i += im->channels) {
        const double t = ((double)to_255(range, x[i]) - (double)e->least) * scale / 255;
        of_least += (double)dy[i] * (t - 1) * scale / (double)e->at_least;
        of_most -= (double)dy[i] * t * scale / (double)e->at_most;
    }
    for (int64_t i = 0; i < antler__image_size(im); i += im->channels) {
        const antler_real v = to_255(range, x[i]);
        dx[i] = (antler_real)((double)dy[i] * scale + (v == e->least ? of_least : 0) + (v == e->most ? of_most : 0));
    }
}

static void stretch_channel(const antler_image *im, const double *range, const extremes *e, antler_real *y,
                            const antler_real *x)
{
    const antler_real scale = 255 / (e->most - e->least), offset = -e->least * scale;
    for (int64_t i = 0; i < antler__image_size(im); i += im->channels)
        y[i] = from_255(range, clamp(to_255(range, x[i]) * scale + offset, 255));
}

static void auto_contrast_change(const antler_image *im, antler_real *to, const antler_real *x, const antler_real *dy)
{
    const double *range = ((const auto_contrast *)im->config)->value_range;
    for (int64_t c = 0; c < im->channels; c++) {
        const extremes e = extremes_of(im, range, x + c);
        if (e.least == e.most)
            for (int64_t i = c; i < antler__image_size(im); i += im->channels)
                to[i] = dy ? dy[i] : x[i];
        else if (dy)
            contrast_back(im, range, &e, to + c, x + c, dy + c);
        else
            stretch_channel(im, range, &e, to + c, x + c);
    }
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static const antler_field random_invert_fields[] = {
    ANTLER_FIELD_INTERVAL(coloring, factor, "1.0", 0, "probability: [lower, upper]; f stands for [0, f]"),
    ANTLER_FIELD_RANGE(coloring),
    ANTLER_FIELD_SEED(coloring),
    ANTLER_IMAGE_FIELDS(coloring),
    ANTLER_FIELD_END,
};
static const antler_field random_posterization_fields[] = {
    ANTLER_FIELD_INTERVAL(coloring, factor, NULL, 0,
                          "bits that stay, 1 to 8: n in lower <= n < upper, or lower if they are equal"),
    ANTLER_FIELD_RANGE(coloring),
    ANTLER_FIELD_SEED(coloring),
    ANTLER_IMAGE_FIELDS(coloring),
    ANTLER_FIELD_END,
};
static const antler_field solarization_fields[] = {
    ANTLER_FIELD_INTERVAL(solarization, addition_factor, "0.0", 0, "added: [lower, upper]; f stands for [0, f]"),
    ANTLER_FIELD_INTERVAL(solarization, threshold_factor, "0.0", 0, "from which on numbers are inverted; the same"),
    ANTLER_FIELD_RANGE(solarization),
    ANTLER_FIELD_SEED(solarization),
    ANTLER_IMAGE_FIELDS(solarization),
    ANTLER_FIELD_END,
};
static const antler_field auto_contrast_fields[] = {
    ANTLER_FIELD_RANGE(auto_contrast),
    ANTLER_IMAGE_FIELDS(auto_contrast),
    ANTLER_FIELD_END,
};
static const antler_field equalization_fields[] = {
    ANTLER_FIELD_RANGE(equalization),
    ANTLER_FIELD_NUMBER(equalization, bins, ANTLER_INT, "256", 1, 1 << 20, "steps of value_range that are counted"),
    ANTLER_IMAGE_FIELDS(equalization),
    ANTLER_FIELD_END,
};

static const char *const random_invert_samples[] = {"(2, 2, 2) {\"factor\": 0.8, \"value_range\": [0, 1]}", NULL};
static const char *const random_posterization_samples[] = {"(2, 2, 2) {\"factor\": [1, 5], \"value_range\": [-1, 1]}",
                                                           NULL};
static const char *const solarization_samples[] = {
    "(2, 2, 2) {\"addition_factor\": 0.2, \"threshold_factor\": [0.3, 0.6], \"value_range\": [-1, 1]}", NULL};
static const char *const auto_contrast_samples[] = {"(2, 3, 2) {\"value_range\": [-1, 1]}", "(1, 1, 2) {}", NULL};
static const char *const equalization_samples[] = {"(2, 2, 2) {\"value_range\": [-1, 1], \"bins\": 8}",
                                                   "(2, 2, 1) {\"bins\": 2}", NULL};

static antler_status random_invert_check(void *config, antler_error *err)
{
    coloring *cfg = config;
    ANTLER_TRY(antler__range_check(cfg->value_range, false, err));
    return antler__interval_check(cfg->factor, 0, 1, false, "factor", err);
}

static antler_status random_posterization_check(void *config, antler_error *err)
{
    coloring *cfg = config;
    ANTLER_TRY(antler__range_check(cfg->value_range, true, err));
    ANTLER_TRY(antler__interval_check(cfg->factor, 1, 8, true, "factor", err));
    if (cfg->factor[0] == floor(cfg->factor[0]) && cfg->factor[1] == floor(cfg->factor[1]))
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_VALUE, "factor", "expected integers");
}

static antler_status solarization_check(void *config, antler_error *err)
{
    solarization *cfg = config;
    ANTLER_TRY(antler__range_check(cfg->value_range, true, err));
    ANTLER_TRY(antler__interval_check(cfg->addition_factor, 0, 1, true, "addition_factor", err));
    return antler__interval_check(cfg->threshold_factor, 0, 1, true, "threshold_factor", err);
}

static antler_status auto_contrast_check(void *config, antler_error *err)
{
    return antler__range_check(((auto_contrast *)config)->value_range, true, err);
}

static antler_status equalization_check(void *config, antler_error *err)
{
    return antler__range_check(((equalization *)config)->value_range, true, err);
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static antler_image_needs random_invert_needs(const void *config, const antler_shape *in)
{
    const coloring *cfg = config;
    (void)in;
    return (antler_image_needs){.draws = antler__chance_draws(cfg->factor), .seed = cfg->seed};
}

static antler_image_needs random_posterization_needs(const void *config, const antler_shape *in)
{
    const coloring *cfg = config;
    (void)in;
    return (antler_image_needs){.draws = antler__interval_is_open(cfg->factor), .seed = cfg->seed};
}

static antler_image_needs solarization_needs(const void *config, const antler_shape *in)
{
    const solarization *cfg = config;
    (void)in;
    return (antler_image_needs){.draws = cfg->addition_factor[1] > 0 || cfg->threshold_factor[1] > 0 ? 2 : 0,
                                .seed = cfg->seed};
}

static antler_image_needs auto_contrast_needs(const void *config, const antler_shape *in)
{
    (void)config;
    (void)in;
    return (antler_image_needs){.always = true};
}

enum { FLAGS = ANTLER_IN_PLACE | ANTLER_NEEDS_X };

ANTLER_IMAGE_LAYER(random_invert, "RandomInvert", coloring, "inverts images at random in training", antler__image_infer,
                   ANTLER_IN_PLACE);
ANTLER_IMAGE_LAYER(random_posterization, "RandomPosterization", coloring, "takes bits from images in training",
                   antler__image_infer, ANTLER_IN_PLACE);
ANTLER_IMAGE_LAYER(solarization, "Solarization", solarization, "inverts what is bright, at random in training",
                   antler__image_infer, FLAGS);
ANTLER_IMAGE_LAYER(auto_contrast, "AutoContrast", auto_contrast, "stretches the contrast of each image",
                   antler__image_infer, FLAGS);

/* ---- Equalization: over the whole batch -------------------------------------------------------------------------- */

enum { LEVELS }; /* scratch: of each channel, and bin */
enum { REALS_OF_LEVEL = sizeof(int64_t) / sizeof(antler_real) };

typedef struct equalizing {
    const equalization *cfg;
    antler_run *run;
    bool back;
} equalizing;

static antler_real scaled(const double *range, antler_real x)
{
    const double scale = 255 / (range[1] - range[0]);
    return x * (antler_real)scale + (antler_real)(0 - range[0] * scale);
}

static antler_real unscaled(const double *range, antler_real v)
{
    const double scale = (range[1] - range[0]) / 255;
    return v * (antler_real)scale + (antler_real)range[0];
}

/* The level that each bin of a channel gets; false if all numbers are in one bin. In float, as Keras. */
static bool set_levels(const equalizing *e, int64_t *level, const antler_real *x, int64_t n, int64_t step)
{
    const int64_t bins = e->cfg->bins;
    int64_t filled = 0, first = 0;
    memset(level, 0, (size_t)bins * sizeof *level);
    for (int64_t i = 0; i < n; i += step) {
        const float at = (float)scaled(e->cfg->value_range, x[i]) * (float)(bins - 1) / 255;
        level[(int64_t)clamp((antler_real)at, (antler_real)(bins - 1))]++;
    }
    for (int64_t b = 0; b < bins; b++) {
        filled += level[b] > 0;
        level[b] += b > 0 ? level[b - 1] : 0;
        first = first ? first : level[b];
    }
    const antler_real rest = (antler_real)(level[bins - 1] - first);
    for (int64_t b = 0; b < bins; b++)
        level[b] = level[b] > first ? (int64_t)rint((double)((antler_real)((level[b] - first) * 255) / rest)) : 0;
    return filled > 1;
}

static void equalize_channels(void *arg, int64_t first, int64_t channels)
{
    const equalizing *e = arg;
    const antler_tensor *to = e->back ? e->run->dx : e->run->y;
    const int64_t n = antler_count(&to->shape, 0), step = to->shape.dim[3], bins = e->cfg->bins;
    const antler_real *x = e->run->x->data, *dy = e->back ? e->run->dy->data : NULL, most = (antler_real)(bins - 1);
    for (int64_t c = first; c < first + channels; c++) {
        int64_t *level = (int64_t *)(void *)e->run->scratch[LEVELS].data + c * bins;
        const bool acts = set_levels(e, level, x + c, n - c, step);
        for (int64_t i = c; i < n; i += step) {
            const antler_real place = clamp(scaled(e->cfg->value_range, x[i]) / 255 * most, most);
            if (dy)
                to->data[i] = acts ? 0 : dy[i];
            else
                to->data[i] = acts ? unscaled(e->cfg->value_range, (antler_real)level[(int64_t)place]) : x[i];
        }
    }
}

static antler_status equalize(const void *config, antler_run *run, bool back)
{
    const antler_tensor *to = back ? run->dx : run->y, *from = back ? run->dy : run->x;
    const int64_t n = antler_count(&from->shape, 0), channels = from->shape.dim[3];
    equalizing e = {config, run, back};
    if (to->data && run->mode == ANTLER_TRAIN)
        antler_run_ranges(run, channels, 8 * (n / channels) + e.cfg->bins, equalize_channels, &e);
    else if (to->data)
        antler_run_copy(run, to->data, from->data, n);
    return ANTLER_OK;
}

static void equalization_buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    const equalization *cfg = config;
    if (antler_plan_mode(plan) == ANTLER_TRAIN)
        antler_plan_scratch(plan, LEVELS, &(antler_shape){2, {in->dim[3], cfg->bins * REALS_OF_LEVEL}});
}

static antler_status equalization_forward(const void *config, antler_run *run)
{
    return equalize(config, run, false);
}

static antler_status equalization_backward(const void *config, antler_run *run)
{
    return equalize(config, run, true);
}

const antler_layer_ops antler_layer_equalization = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Equalization",
             .doc = "makes all numbers of images equally frequent in training",
             .config_size = sizeof(equalization),
             .fields = equalization_fields,
             .samples = equalization_samples,
             .check = equalization_check},
    .flags = FLAGS | ANTLER_BATCH_STATISTICS,
    .infer = antler__image_infer,
    .buffers = equalization_buffers,
    .forward = equalization_forward,
    .backward = equalization_backward,
};
