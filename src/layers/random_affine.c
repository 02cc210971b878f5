/* Images moved at random: in training each image by numbers of its own (shared/affine.c), drawn anew in each step; in
   inference y = x. With c the place of the image's centre, along an axis of n pixels (n - 1) / 2, a pixel at p of the
   output is taken from

     RandomRotation           c + R (p - c), R a rotation by 2 pi f          f in factor, one for both axes
     RandomZoom               c + (1 + f) (p - c)                           f in height_factor, width_factor
     RandomTranslation        p - f n                                       f in height_factor, width_factor
     RandomFlip               n - 1 - p, or p, each with probability 1/2    of the axes of `mode`, all or none
     RandomShear              (x + f y, y + g x), or with -f, -g            f in x_factor, g in y_factor
   and with a probability drawn from `factor`
     RandomPerspective        the corners, each drawn along its edges, go to where they were
     RandomElasticTransform   p + s, s a smooth field of normal noise, the same along both axes; clipped */
#include "layers/shared/affine.h"
#include "layers/shared/filter.h"
#include "layers/shared/images.h"

#include "antler/random.h" /* antler_cos */

#include <math.h>
#include <string.h>

typedef struct antler_random_rotation rotation;
typedef struct antler_random_zoom zoom, translation;
typedef struct antler_random_shear shear;
typedef struct antler_random_perspective perspective;
typedef struct antler_random_elastic_transform elastic, elastic_transform;
typedef struct antler_random_flip flip;
typedef rotation moving; /* the config of all but the last, as far as fill_value */

/* ---- all of them ------------------------------------------------------------------------------------------------- */

/* a NULL: not at all. */
static void move_by(const antler_image *im, const antler_affine *a, antler_real *to, const antler_real *x,
                    const antler_real *dy)
{
    const int64_t shape[] = {im->height, im->width, im->channels};
    if (!a)
        memcpy(to, dy ? dy : x, (size_t)antler__image_size(im) * sizeof *to);
    else if (dy)
        antler__affine_backward(a, shape, to, dy);
    else
        antler__affine_forward(a, shape, to, x);
}

static int index_of(const char *const *list, const char *name)
{
    int i = 0;
    while (list[i] != name)
        i++;
    return i;
}

static antler_affine affine_of(const antler_image *im)
{
    const moving *cfg = im->config;
    return (antler_affine){.bilinear = index_of(antler__affine_methods, cfg->interpolation) == 1,
                           .fill_mode = index_of(antler__fill_modes, cfg->fill_mode),
                           .fill = (antler_real)cfg->fill_value};
}

static void set_affine(antler_affine *a, double t0, double t1, double t2, double t3, double t4, double t5)
{
    const double t[] = {t0, t1, t2, t3, t4, t5};
    for (int i = 0; i < 6; i++)
        a->t[i] = (float)t[i];
}

static double centre(int64_t pixels)
{
    return (double)(pixels - 1) / 2;
}

/* ---- by affine transformations ----------------------------------------------------------------------------------- */

static void random_rotation_change(const antler_image *im, antler_real *to, const antler_real *x, const antler_real *dy)
{
    const double quarter = 0x1.921fb54442d18p+0;
    const double angle = 4 * quarter * antler__interval_at(((const rotation *)im->config)->factor, im->u[0]);
    const double c = antler_cos(angle), s = antler_cos(angle - quarter), u = centre(im->width), v = centre(im->height);
    antler_affine a = affine_of(im);
    set_affine(&a, c, -s, u - u * c + v * s, s, c, v - u * s - v * c);
    move_by(im, &a, to, x, dy);
}

static bool one_for_both(const zoom *cfg)
{
    return isnan(cfg->width_factor[0]);
}

static void random_zoom_change(const antler_image *im, antler_real *to, const antler_real *x, const antler_real *dy)
{
    const zoom *cfg = im->config;
    const double height = antler__interval_at(cfg->height_factor, im->u[0]);
    const double width = one_for_both(cfg) ? height : antler__interval_at(cfg->width_factor, im->u[1]);
    antler_affine a = affine_of(im);
    set_affine(&a, 1 + width, 0, -width * centre(im->width), 0, 1 + height, -height * centre(im->height));
    move_by(im, &a, to, x, dy);
}

static void random_translation_change(const antler_image *im, antler_real *to, const antler_real *x,
                                      const antler_real *dy)
{
    const translation *cfg = im->config;
    const double height = antler__interval_at(cfg->height_factor, im->u[0]) * (double)im->height;
    const double width = antler__interval_at(cfg->width_factor, im->u[1]) * (double)im->width;
    antler_affine a = affine_of(im);
    set_affine(&a, 1, 0, -width, 0, 1, -height);
    move_by(im, &a, to, x, dy);
}

static const char *const flip_modes[] = {"horizontal_and_vertical", "horizontal", "vertical", NULL};

static void random_flip_change(const antler_image *im, antler_real *to, const antler_real *x, const antler_real *dy)
{
    const char *const mode = ((const flip *)im->config)->mode;
    const bool flips = im->u[0] <= 0.5, rows = flips && mode != flip_modes[1], columns = flips && mode != flip_modes[2];
    antler_affine a = {.bilinear = false};
    set_affine(&a, columns ? -1 : 1, 0, columns ? (double)(im->width - 1) : 0, 0, rows ? -1 : 1,
               rows ? (double)(im->height - 1) : 0);
    move_by(im, &a, to, x, dy);
}

/* One number stands for [-f, f]: it stays one in the config, as Keras takes no pair with numbers below 0. */
static double shear_at(const double *factor, double u)
{
    const double pair[] = {isnan(factor[1]) ? -factor[0] : factor[0], isnan(factor[1]) ? factor[0] : factor[1]};
    return antler__interval_at(pair, u);
}

static void random_shear_change(const antler_image *im, antler_real *to, const antler_real *x, const antler_real *dy)
{
    const shear *cfg = im->config;
    const double sign = im->u[0] > 0.5 ? -1 : 1;
    antler_affine a = affine_of(im);
    set_affine(&a, 1, sign * shear_at(cfg->x_factor, im->u[1]), 0, sign * shear_at(cfg->y_factor, im->u[2]), 1, 0);
    move_by(im, &a, to, x, dy);
}

/* ---- RandomPerspective ------------------------------------------------------------------------------------------- */

/* The corner at 0 stays, (w, 0) goes to (w p, 0), (0, h) to (0, h q), and (w, h) to (w r, h s): t takes them back. */
static void random_perspective_change(const antler_image *im, antler_real *to, const antler_real *x,
                                      const antler_real *dy)
{
    const perspective *cfg = im->config;
    const double w = (double)(im->width - 1), h = (double)(im->height - 1);
    const double *u = im->u + 2, f = cfg->scale;
    const double p = 1 + f * (u[0] - 0.5), q = 1 + f * (u[1] - 0.5), r = 1 + f * (u[2] - 0.5), s = 1 + f * (u[3] - 0.5);
    const double t6 = w > 0 ? (s / q - 1) / (w * r) : 0, t7 = h > 0 ? (r / p - 1) / (h * s) : 0;
    antler_affine a = affine_of(im);
    a.fill_mode = ANTLER_FILL_CONSTANT;
    set_affine(&a, 1 / p + t6 * w, 0, 0, 0, 1 / q + t7 * h, 0);
    a.t[6] = (float)t6;
    a.t[7] = (float)t7;
    move_by(im, antler__happens(cfg->factor, im->u) ? &a : NULL, to, x, dy);
}

/* ---- RandomElasticTransform -------------------------------------------------------------------------------------- */

/* Where each pixel is taken from, in space[0 .. pixels); there is room for three times as many. */
static void set_shifts(const antler_image *im, double scale)
{
    const int64_t h = im->height, w = im->width, pixels = h * w, shape[] = {h, w, 1};
    const double alpha = 0.1 * scale * (double)(h > w ? h : w), sigma = 0.05 * scale * (double)(h < w ? h : w);
    const int64_t size = 6 * (int64_t)sigma + 1;
    antler_real *shift = im->space, *between = im->space + pixels, *weight = between + pixels;
    antler__image_normal(im, pixels, shift, pixels);
    for (int64_t i = 0; i < pixels; i++)
        shift[i] *= (antler_real)(alpha * sigma);
    if (size == 1)
        return;
    antler__gaussian_weights(weight, size, sigma);
    antler__filter_run(&(antler_filter){weight, 1, size}, shape, false, between, shift);
    antler__filter_run(&(antler_filter){weight, size, 1}, shape, false, shift, between);
}

/* What never moves is not clipped either. */
static bool acts(const elastic *cfg)
{
    return cfg->factor[1] > 0 && cfg->scale[1] > 0;
}

/* dy where y was not clipped goes back. */
static void random_elastic_transform_change(const antler_image *im, antler_real *to, const antler_real *x,
                                            const antler_real *dy)
{
    const elastic *cfg = im->config;
    const int64_t size = antler__image_size(im);
    const bool moves = antler__happens(cfg->factor, im->u);
    antler_real *y = dy ? im->space + 3 * im->height * im->width : to;
    antler_affine a = affine_of(im);
    if (!acts(cfg)) {
        move_by(im, NULL, to, x, dy);
        return;
    }
    if (moves)
        set_shifts(im, antler__interval_at(cfg->scale, im->u[2]));
    a.shift = im->space;
    move_by(im, moves ? &a : NULL, y, x, NULL);
    for (int64_t i = 0; i < size; i++)
        if (dy)
            y[i] = antler__is_clipped(cfg->value_range, y[i]) ? 0 : dy[i];
        else
            y[i] = antler__clipped(cfg->value_range, y[i]);
    if (dy)
        move_by(im, moves ? &a : NULL, to, NULL, y);
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

#define INTERPOLATION_FIELD                        \
    {.key = "interpolation",                       \
     .kind = ANTLER_STRING,                        \
     .offset = offsetof(moving, interpolation),    \
     .def = "\"bilinear\"",                        \
     .choices = antler__affine_methods,            \
     .doc = "how numbers between pixels are had"}, \
        ANTLER_FIELD_NUMBER(moving, fill_value, ANTLER_REAL, "0.0", 0, 0, "beyond the image, for constant")
#define MOVING_FIELDS(type)                 \
    {.key = "fill_mode",                    \
     .kind = ANTLER_STRING,                 \
     .offset = offsetof(moving, fill_mode), \
     .def = "\"reflect\"",                  \
     .choices = antler__fill_modes,         \
     .doc = "what lies beyond the image"},  \
        INTERPOLATION_FIELD, ANTLER_FIELD_SEED(moving), ANTLER_IMAGE_FIELDS(type), ANTLER_FIELD_END

static const antler_field random_rotation_fields[] = {
    ANTLER_FIELD_INTERVAL(rotation, factor, NULL, 0, "turns, counterclockwise: [lower, upper], or f for [-f, f]"),
    {.key = "value_range", .kind = ANTLER_ANY}, /* which Keras writes, and takes no notice of */
    MOVING_FIELDS(rotation),
};
static const antler_field random_zoom_fields[] = {
    ANTLER_FIELD_INTERVAL(zoom, height_factor, NULL, 0, "above 0 the image shrinks: [lower, upper], or f for [-f, f]"),
    ANTLER_FIELD_INTERVAL(zoom, width_factor, "null", ANTLER_NULLABLE, "null: the height's number"),
    MOVING_FIELDS(zoom),
};
static const antler_field random_translation_fields[] = {
    ANTLER_FIELD_INTERVAL(translation, height_factor, NULL, 0,
                          "down, as a part of the height: [lower, upper], or f for [-f, f]"),
    ANTLER_FIELD_INTERVAL(translation, width_factor, NULL, 0, "to the right, as a part of the width"),
    MOVING_FIELDS(translation),
};
static const antler_field random_flip_fields[] = {
    {.key = "mode",
     .kind = ANTLER_STRING,
     .offset = offsetof(flip, mode),
     .def = "\"horizontal_and_vertical\"",
     .choices = flip_modes,
     .doc = "the axes that are turned round, all or none of them"},
    ANTLER_FIELD_SEED(flip),
    ANTLER_IMAGE_FIELDS(flip),
    ANTLER_FIELD_END,
};
static const antler_field random_shear_fields[] = {
    ANTLER_FIELD_INTERVAL(shear, x_factor, "0.0", 0, "columns for a row: [lower, upper] and below 0, or f for [-f, f]"),
    ANTLER_FIELD_INTERVAL(shear, y_factor, "0.0", 0, "rows for a column: the same"),
    MOVING_FIELDS(shear),
};
static const antler_field random_perspective_fields[] = {
    ANTLER_FIELD_INTERVAL(perspective, factor, "1.0", 0, "probability: [lower, upper]; f stands for [0, f]"),
    ANTLER_FIELD_NUMBER(perspective, scale, ANTLER_REAL, "1.0", 0, 1, "how far corners go: up to half of it"),
    INTERPOLATION_FIELD,
    ANTLER_FIELD_SEED(moving),
    ANTLER_IMAGE_FIELDS(perspective),
    ANTLER_FIELD_END,
};
static const antler_field random_elastic_transform_fields[] = {
    ANTLER_FIELD_INTERVAL(elastic, factor, "1.0", 0, "probability: [lower, upper]; f stands for [0, f]"),
    ANTLER_FIELD_INTERVAL(elastic, scale, "1.0", 0, "how far pixels go: [lower, upper]; f stands for [0, f]"),
    ANTLER_FIELD_RANGE(elastic),
    MOVING_FIELDS(elastic),
};

static const char *const random_rotation_samples[] = {
    "(3, 4, 2) {\"factor\": 0.3}",
    "(4, 3, 1) {\"factor\": [0.05, 0.2], \"fill_mode\": \"constant\", \"fill_value\": 0.5}", NULL};
static const char *const random_zoom_samples[] = {
    "(3, 4, 2) {\"height_factor\": 0.4, \"fill_mode\": \"wrap\"}",
    "(4, 3, 1) {\"height_factor\": [-0.8, 0.8], \"width_factor\": [-0.9, 0.9], \"interpolation\": \"nearest\"}", NULL};
static const char *const random_translation_samples[] = {
    "(3, 4, 2) {\"height_factor\": 0.4, \"width_factor\": [0.1, 0.2], \"fill_mode\": \"nearest\"}",
    "(3, 3, 1) {\"height_factor\": [0.2, 0.2], \"width_factor\": [-0.3, -0.3]}", NULL};
static const char *const random_flip_samples[] = {"(3, 4, 2) {}", "(2, 3, 1) {\"mode\": \"vertical\", \"seed\": 3}",
                                                  NULL};
static const char *const random_shear_samples[] = {"(3, 3, 2) {\"x_factor\": 0.4, \"y_factor\": [0.1, 0.3]}", NULL};
static const char *const random_perspective_samples[] = {
    "(3, 4, 2) {\"scale\": 0.6, \"fill_value\": 0.3, \"factor\": 0.9}", NULL};
static const char *const random_elastic_transform_samples[] = {
    "(4, 4, 2) {\"value_range\": [-0.7, 0.8], \"fill_mode\": \"wrap\", \"factor\": 0.9}", NULL};

static antler_status random_rotation_check(void *config, antler_error *err)
{
    return antler__interval_check(((rotation *)config)->factor, -1, 1, false, "factor", err);
}

static antler_status random_zoom_check(void *config, antler_error *err)
{
    zoom *cfg = config;
    ANTLER_TRY(antler__interval_check(cfg->height_factor, -1, 1, true, "height_factor", err));
    return one_for_both(cfg) ? ANTLER_OK : antler__interval_check(cfg->width_factor, -1, 1, true, "width_factor", err);
}

#define random_translation_check random_zoom_check /* its width is never null */
#define random_flip_check NULL

static antler_status check_shear(double *factor, const char *key, antler_error *err)
{
    if (factor[0] == -factor[1]) { /* as Keras writes one number */
        factor[0] = factor[1];
        factor[1] = (double)NAN;
    }
    if (isnan(factor[1]))
        return antler__interval_check((double[]){factor[0], factor[0]}, 0, 1, true, key, err);
    return antler__interval_check(factor, 0, 1, true, key, err);
}

static antler_status random_shear_check(void *config, antler_error *err)
{
    shear *cfg = config;
    ANTLER_TRY(check_shear(cfg->x_factor, "x_factor", err));
    return check_shear(cfg->y_factor, "y_factor", err);
}

static antler_status random_perspective_check(void *config, antler_error *err)
{
    return antler__interval_check(((perspective *)config)->factor, 0, 1, false, "factor", err);
}

static antler_status random_elastic_transform_check(void *config, antler_error *err)
{
    elastic *cfg = config;
    ANTLER_TRY(antler__range_check(cfg->value_range, false, err));
    ANTLER_TRY(antler__interval_check(cfg->scale, 0, 1, false, "scale", err));
    return antler__interval_check(cfg->factor, 0, 1, false, "factor", err);
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static antler_image_needs needs_draws(const void *config, int draws, bool open)
{
    return (antler_image_needs){.draws = open ? draws : 0, .seed = ((const moving *)config)->seed};
}

static antler_image_needs random_rotation_needs(const void *config, const antler_shape *in)
{
    (void)in;
    return needs_draws(config, 2, antler__interval_is_open(((const rotation *)config)->factor));
}

static antler_image_needs random_zoom_needs(const void *config, const antler_shape *in)
{
    const zoom *cfg = config;
    const bool width = !one_for_both(cfg) && antler__interval_is_open(cfg->width_factor);
    (void)in;
    return needs_draws(config, 2, width || antler__interval_is_open(cfg->height_factor));
}

#define random_translation_needs random_zoom_needs

static antler_image_needs random_flip_needs(const void *config, const antler_shape *in)
{
    (void)in;
    return (antler_image_needs){.draws = 2, .seed = ((const flip *)config)->seed};
}

static antler_image_needs random_shear_needs(const void *config, const antler_shape *in)
{
    const shear *cfg = config;
    (void)in;
    return needs_draws(config, 3,
                       cfg->x_factor[0] > 0 || cfg->x_factor[1] > 0 || cfg->y_factor[0] > 0 || cfg->y_factor[1] > 0);
}

static antler_image_needs random_perspective_needs(const void *config, const antler_shape *in)
{
    (void)in;
    return needs_draws(config, 6, ((const perspective *)config)->factor[1] > 0);
}

static antler_image_needs random_elastic_transform_needs(const void *config, const antler_shape *in)
{
    antler_image_needs needs = needs_draws(config, 3, acts(config));
    needs.normal = needs.draws > 0;
    needs.space = 3 * in->dim[1] * in->dim[2] + antler_count(in, 1);
    return needs;
}

#define MOVING(name, class, line, flags) \
    ANTLER_IMAGE_LAYER(random_##name, class, name, line " at random in training", antler__image_infer, flags)

MOVING(rotation, "RandomRotation", "turns images", 0);
MOVING(zoom, "RandomZoom", "zooms images", 0);
MOVING(translation, "RandomTranslation", "shifts images", 0);
MOVING(flip, "RandomFlip", "flips images", 0);
MOVING(shear, "RandomShear", "shears images", 0);
MOVING(perspective, "RandomPerspective", "shows images from aside", 0);
MOVING(elastic_transform, "RandomElasticTransform", "distorts images", ANTLER_NEEDS_X);
