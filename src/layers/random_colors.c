/* Colours of images, changed at random in training; in inference y = x. Each image draws numbers for itself. With f one
   in `factor`, [lower, upper] value_range, and clip to it:

     RandomBrightness          y = clip(x + f (upper - lower))
     RandomContrast            y = clip((x - m) f + m)        m the mean of a channel, f in [1 - factor[0], 1 +
   factor[1]] RandomColorDegeneration   y = clip((1 - f) x + f gray)   gray = 0.2989 red + 0.587 green + 0.114 blue
     RandomGrayscale           y = gray, or x                 with probability `factor`
     RandomSaturation          HSV's saturation times f / (1 - f), clipped
     RandomHue                 HSV's hue plus f / 2 or minus f / 2
     RandomColorJitter         brightness, contrast, saturation, hue, one after the other

   Gradients are those of the formulas, 0 where a number was clipped. */
#include "layers/shared/hues.h"
#include "layers/shared/images.h"

#include <math.h>
#include <string.h>

typedef struct antler_random_coloring coloring;

/* ---- brightness, contrast: clip(a x + b) ------------------------------------------------------------------------- */

/* z = (x - mean) a + mean + d, before it is clipped. */
typedef struct change {
    antler_real a, d, mean;
} change;

/* Of one channel of an image. */
static double mean_of(const antler_image *im, const antler_real *x)
{
    double sum = 0;
    for (int64_t i = 0; i < im->height * im->width; i++)
        sum += (double)x[i * im->channels];
    return sum / (double)(im->height * im->width);
}

static antler_real changed(const change *by, antler_real x)
{
    return (x - by->mean) * by->a + by->mean + by->d;
}

static void change_channel(const antler_image *im, const change *by, antler_real *y, const antler_real *x)
{
    const double *range = ((const coloring *)im->config)->value_range;
    for (int64_t i = 0; i < antler__image_size(im); i += im->channels)
        y[i] = antler__clipped(range, changed(by, x[i]));
}

/* dx may be dy: it holds what was not clipped first. `moves`: the mean is x's. */
static void change_channel_back(const antler_image *im, const change *by, bool moves, antler_real *dx,
                                const antler_real *x, const antler_real *dy)
{
    const double *range = ((const coloring *)im->config)->value_range;
    for (int64_t i = 0; i < antler__image_size(im); i += im->channels)
        dx[i] = antler__is_clipped(range, changed(by, x[i])) ? 0 : dy[i];
    const antler_real rest = moves ? (antler_real)((1 - (double)by->a) * mean_of(im, dx)) : 0;
    for (int64_t i = 0; i < antler__image_size(im); i += im->channels)
        dx[i] = by->a * dx[i] + rest;
}

static void random_brightness_change(const antler_image *im, antler_real *to, const antler_real *x,
                                     const antler_real *dy)
{
    const coloring *cfg = im->config;
    const double length = cfg->value_range[1] - cfg->value_range[0];
    const change by = {1, (antler_real)(antler__interval_at(cfg->factor, im->u[0]) * length), 0};
    for (int64_t c = 0; c < im->channels; c++)
        if (dy)
            change_channel_back(im, &by, false, to + c, x + c, dy + c);
        else
            change_channel(im, &by, to + c, x + c);
}

static void random_contrast_change(const antler_image *im, antler_real *to, const antler_real *x, const antler_real *dy)
{
    const coloring *cfg = im->config;
    const double least = 1 - cfg->factor[0], most = 1 + cfg->factor[1];
    change by = {(antler_real)(least + im->u[0] * (most - least)), 0, 0};
    for (int64_t c = 0; c < im->channels; c++) {
        by.mean = (antler_real)mean_of(im, x + c);
        if (dy)
            change_channel_back(im, &by, true, to + c, x + c, dy + c);
        else
            change_channel(im, &by, to + c, x + c);
    }
}

/* ---- gray -------------------------------------------------------------------------------------------------------- */

static const double gray_weights[3] = {0.2989, 0.5870, 0.1140};

/* To gray by f in [0, 1], then clipped if there is a range. One channel is gray. */
static void degenerate(const antler_image *im, double factor, const double *range, antler_real *to,
                       const antler_real *x, const antler_real *dy)
{
    const int n = (int)im->channels;
    const antler_real f = (antler_real)factor;
    for (int64_t i = 0; i < antler__image_size(im); i += n) {
        antler_real gray = 0, sum = 0;
        for (int c = 0; c < n; c++)
            gray += x[i + c] * (antler_real)(n == 1 ? 1 : gray_weights[c]);
        for (int c = 0; c < n; c++) {
            const antler_real z = (1 - f) * x[i + c] + f * gray;
            if (!dy)
                to[i + c] = range ? antler__clipped(range, z) : z;
            else
                sum += to[i + c] = range && antler__is_clipped(range, z) ? 0 : dy[i + c];
        }
        for (int c = 0; dy && c < n; c++)
            to[i + c] = (1 - f) * to[i + c] + f * sum * (antler_real)(n == 1 ? 1 : gray_weights[c]);
    }
}

static void random_color_degeneration_change(const antler_image *im, antler_real *to, const antler_real *x,
                                             const antler_real *dy)
{
    const coloring *cfg = im->config;
    degenerate(im, antler__interval_at(cfg->factor, im->u[0]), cfg->value_range, to, x, dy);
}

static void random_grayscale_change(const antler_image *im, antler_real *to, const antler_real *x,
                                    const antler_real *dy)
{
    const struct antler_random_grayscale *cfg = im->config;
    degenerate(im, im->u[0] < cfg->factor ? 1 : 0, NULL, to, x, dy);
}

/* ---- hue, saturation --------------------------------------------------------------------------------------------- */

static void recolor(const antler_image *im, antler_color_fn *fn, double number, double lower, double length,
                    antler_real *to, const antler_real *x, const antler_real *dy)
{
    const double *bounds = ((const coloring *)im->config)->value_range;
    for (int64_t i = 0; i < antler__image_size(im); i += 3) {
        const antler_color p = antler__color_of(x + i, lower, length);
        double z[3], d[3] = {0}, g[3];
        for (int c = 0; dy && c < 3; c++)
            g[c] = (double)dy[i + c];
        fn(&p, number, bounds, dy ? g : NULL, z, d);
        for (int c = 0; c < 3; c++)
            to[i + c] = (antler_real)(dy ? d[c] : z[c] * length + lower);
    }
}

static void random_hue_change(const antler_image *im, antler_real *to, const antler_real *x, const antler_real *dy)
{
    const coloring *cfg = im->config;
    const double turns = (im->u[0] > 0.5 ? -0.5 : 0.5) * antler__interval_at(cfg->factor, im->u[1]);
    recolor(im, antler__turn, turns, cfg->value_range[0], cfg->value_range[1] - cfg->value_range[0], to, x, dy);
}

static void random_saturation_change(const antler_image *im, antler_real *to, const antler_real *x,
                                     const antler_real *dy)
{
    const double f = antler__interval_at(((const coloring *)im->config)->factor, im->u[0]);
    recolor(im, antler__saturate, f / (1 - f + 1e-7), 0, 1, to, x, dy);
}

/* ---- jitter ------------------------------------------------------------------------------------------------------ */

typedef struct antler_random_color_jitter jitter;

enum { MOST_STEPS = 4 };

typedef struct step {
    antler_image_fn *change;
    coloring config;
    int draws; /* before its own */
} step;

static int steps_of(const jitter *cfg, step steps[MOST_STEPS])
{
    static antler_image_fn *const changes[] = {random_brightness_change, random_contrast_change,
                                               random_saturation_change, random_hue_change};
    const double *factor[] = {cfg->brightness_factor, cfg->contrast_factor, cfg->saturation_factor, cfg->hue_factor};
    int n = 0;
    for (int i = 0; i < MOST_STEPS; i++) {
        if (isnan(factor[i][0]))
            continue;
        steps[n] = (step){.change = changes[i], .draws = i};
        memcpy(steps[n].config.factor, factor[i], sizeof steps[n].config.factor);
        memcpy(steps[n].config.value_range, cfg->value_range, sizeof steps[n].config.value_range);
        n++;
    }
    return n;
}

static void take(const antler_image *im, const step *s, antler_real *to, const antler_real *x, const antler_real *dy)
{
    antler_image own = *im;
    own.config = &s->config;
    own.u[0] = im->u[s->draws];
    own.u[1] = im->u[s->draws + 1];
    s->change(&own, to, x, dy);
}

/* Backward makes what each step was given anew. */
static void random_color_jitter_change(const antler_image *im, antler_real *to, const antler_real *x,
                                       const antler_real *dy)
{
    step steps[MOST_STEPS];
    const int n = steps_of(im->config, steps);
    const antler_real *given[MOST_STEPS + 1] = {x};
    const size_t size = (size_t)antler__image_size(im);
    for (int i = 0; i + (dy != NULL) < n; i++) {
        antler_real *y = dy ? im->space + (size_t)i * size : to;
        take(im, &steps[i], y, given[i], NULL);
        given[i + 1] = y;
    }
    for (int i = n - 1; dy && i >= 0; i--)
        take(im, &steps[i], to, given[i], i == n - 1 ? dy : to);
    if (n == 0 && to != (dy ? dy : x))
        memcpy(to, dy ? dy : x, size * sizeof *to);
}

static antler_status random_color_jitter_infer(const void *config, const antler_shape *in, antler_shape *out,
                                               antler_error *err)
{
    const jitter *cfg = config;
    const bool gray = isnan(cfg->saturation_factor[0]) && isnan(cfg->hue_factor[0]);
    return (gray ? antler__image_infer : antler__rgb_infer)(config, in, out, err);
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

#define COLORING_FIELDS(json, line)                                                           \
    {                                                                                         \
        ANTLER_FIELD_INTERVAL(coloring, factor, json, 0, line), ANTLER_FIELD_RANGE(coloring), \
            ANTLER_FIELD_SEED(coloring), ANTLER_IMAGE_FIELDS(coloring), ANTLER_FIELD_END      \
    }

static const antler_field random_brightness_fields[] =
    COLORING_FIELDS(NULL, "added, as a part of value_range: [lower, upper], or f for [-f, f]");
static const antler_field random_color_degeneration_fields[] =
    COLORING_FIELDS(NULL, "how much of the colour goes: [lower, upper], or f for [-f, f]");
static const antler_field random_saturation_fields[] =
    COLORING_FIELDS(NULL, "saturation times f / (1 - f): [lower, upper], or f for [-f, f]");
static const antler_field random_hue_fields[] =
    COLORING_FIELDS(NULL, "half turns of the hue, either way: [lower, upper]; f stands for [0, f]");

static const antler_field random_contrast_fields[] = {
    ANTLER_FIELD_INTERVAL(coloring, factor, NULL, 0,
                          "[lower, upper]: times a number in [1 - lower, 1 + upper]; f stands for [0, f]"),
    ANTLER_FIELD_INTERVAL(coloring, value_range, "[0, 255]", ANTLER_UNWRITTEN, "least and most that a number can be"),
    ANTLER_FIELD_SEED(coloring),
    ANTLER_IMAGE_FIELDS(coloring),
    ANTLER_FIELD_END,
};

static const antler_field random_grayscale_fields[] = {
    ANTLER_FIELD_NUMBER(struct antler_random_grayscale, factor, ANTLER_REAL, "0.5", 0, 1, "probability of gray"),
    ANTLER_FIELD_SEED(struct antler_random_grayscale),
    ANTLER_IMAGE_FIELDS(struct antler_random_grayscale),
    ANTLER_FIELD_END,
};

static const antler_field random_color_jitter_fields[] = {
    ANTLER_FIELD_RANGE(jitter),
    ANTLER_FIELD_INTERVAL(jitter, brightness_factor, "null", ANTLER_NULLABLE, "factor of RandomBrightness"),
    ANTLER_FIELD_INTERVAL(jitter, contrast_factor, "null", ANTLER_NULLABLE, "factor of RandomContrast"),
    ANTLER_FIELD_INTERVAL(jitter, saturation_factor, "null", ANTLER_NULLABLE, "factor of RandomSaturation"),
    ANTLER_FIELD_INTERVAL(jitter, hue_factor, "null", ANTLER_NULLABLE, "factor of RandomHue"),
    ANTLER_FIELD_SEED(jitter),
    ANTLER_IMAGE_FIELDS(jitter),
    ANTLER_FIELD_END,
};

static const char *const random_brightness_samples[] = {
    "(2, 3, 2) {\"factor\": 0.5, \"value_range\": [-1, 1]}",
    "(3, 2, 1) {\"factor\": [0.2, 0.2], \"value_range\": [-0.5, 1.5]}", NULL};
static const char *const random_contrast_samples[] = {"(2, 3, 2) {\"factor\": 0.5, \"value_range\": [-1, 1]}",
                                                      "(3, 2, 1) {\"factor\": [-0.4, 0.4], \"value_range\": [-0.5, 1]}",
                                                      NULL};
static const char *const random_color_degeneration_samples[] = {
    "(2, 2, 3) {\"factor\": [0.2, 0.9], \"value_range\": [-0.5, 0.6]}", NULL};
static const char *const random_grayscale_samples[] = {"(2, 2, 3) {}", NULL};
static const char *const random_saturation_samples[] = {
    "(2, 2, 3) {\"factor\": [0.2, 0.8]}",
    "(2, 2, 3) {\"factor\": [0.4, 0.6], \"value_range\": [0.3, 0.9], \"seed\": 3}", NULL};
static const char *const random_hue_samples[] = {"(2, 2, 3) {\"factor\": 0.9, \"value_range\": [-1, 1]}",
                                                 "(2, 2, 3) {\"factor\": [0.1, 0.6], \"value_range\": [-0.1, 0.8]}",
                                                 NULL};
static const char *const random_color_jitter_samples[] = {
    "(2, 2, 3) {\"value_range\": [-1, 1], \"brightness_factor\": 0.2, \"contrast_factor\": 0.3, "
    "\"saturation_factor\": [0.3, 0.6], \"hue_factor\": 0.4}",
    "(2, 2, 1) {\"contrast_factor\": 0.5, \"value_range\": [-1, 1]}", NULL};

static antler_status check_coloring(coloring *cfg, double least, bool sorts, antler_error *err)
{
    ANTLER_TRY(antler__range_check(cfg->value_range, sorts, err));
    return antler__interval_check(cfg->factor, least, 1, false, "factor", err);
}

static antler_status random_brightness_check(void *config, antler_error *err)
{
    return check_coloring(config, -1, true, err);
}

static antler_status random_contrast_check(void *config, antler_error *err)
{
    return check_coloring(config, 0, false, err);
}

#define random_color_degeneration_check random_brightness_check
#define random_saturation_check random_brightness_check
#define random_hue_check random_contrast_check
#define random_grayscale_check NULL

static antler_status random_color_jitter_check(void *config, antler_error *err)
{
    jitter *cfg = config;
    double *const factor[] = {cfg->brightness_factor, cfg->contrast_factor, cfg->saturation_factor, cfg->hue_factor};
    static const char *const key[] = {"brightness_factor", "contrast_factor", "saturation_factor", "hue_factor"};
    ANTLER_TRY(antler__range_check(cfg->value_range, false, err));
    for (int i = 0; i < MOST_STEPS; i++)
        if (!isnan(factor[i][0])) /* those of contrast and hue begin at 0 */
            ANTLER_TRY(antler__interval_check(factor[i], i % 2 ? 0 : -1, 1, false, key[i], err));
    return ANTLER_OK;
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static antler_image_needs random_brightness_needs(const void *config, const antler_shape *in)
{
    const coloring *cfg = config;
    (void)in;
    return (antler_image_needs){.draws = antler__interval_is_open(cfg->factor), .seed = cfg->seed};
}

static antler_image_needs random_contrast_needs(const void *config, const antler_shape *in)
{
    const coloring *cfg = config;
    (void)in;
    return (antler_image_needs){.draws = -cfg->factor[0] != cfg->factor[1], .seed = cfg->seed};
}

static antler_image_needs random_hue_needs(const void *config, const antler_shape *in)
{
    const coloring *cfg = config;
    (void)in;
    return (antler_image_needs){.draws = cfg->factor[1] > 0 ? 2 : 0, .seed = cfg->seed};
}

static antler_image_needs random_grayscale_needs(const void *config, const antler_shape *in)
{
    const struct antler_random_grayscale *cfg = config;
    (void)in;
    return (antler_image_needs){.draws = cfg->factor > 0 && cfg->factor < 1, .seed = cfg->seed};
}

#define random_color_degeneration_needs random_brightness_needs
#define random_saturation_needs random_brightness_needs

static antler_image_needs random_color_jitter_needs(const void *config, const antler_shape *in)
{
    const jitter *cfg = config;
    return (antler_image_needs){
        .draws = MOST_STEPS + 1, .seed = cfg->seed, .space = (MOST_STEPS - 1) * antler_count(in, 1)};
}

#define COLORING(name, class, line, infer)                                                                      \
    ANTLER_IMAGE_LAYER(random_##name, class, struct antler_random_##name, line " at random in training", infer, \
                       ANTLER_IN_PLACE | ANTLER_NEEDS_X)

COLORING(brightness, "RandomBrightness", "makes images lighter or darker", antler__image_infer);
COLORING(contrast, "RandomContrast", "changes the contrast of images", antler__image_infer);
COLORING(color_degeneration, "RandomColorDegeneration", "takes colour from images", antler__gray_infer);
COLORING(grayscale, "RandomGrayscale", "makes images gray", antler__gray_infer);
COLORING(saturation, "RandomSaturation", "changes the saturation of images", antler__rgb_infer);
COLORING(hue, "RandomHue", "changes the hue of images", antler__rgb_infer);
COLORING(color_jitter, "RandomColorJitter", "changes the colours of images", random_color_jitter_infer);
