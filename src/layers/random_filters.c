/* RandomSharpness, RandomGaussianBlur, RandomErasing: in training each image is sharpened, blurred or covered by
   numbers of its own; in inference y = x. With F x the image under a filter of weights that sum to 1, 0 beyond the
   image:

     sharpness   y = clip(s x + (1 - s) F x)    s = 2 f, f in factor; weights 1/13, in the middle 5/13
     blur        y = clip(F x), or clip(x)      with a probability drawn from factor; weights exp(-(d / sigma)^2 / 2)
     erasing     y = fill in a rectangle        with a probability drawn from factor

   Gradient: 0 where a number was clipped or covered, else dy, which goes back by the same weights. */
#include "layers/shared/filter.h"
#include "layers/shared/images.h"

#include <math.h>

typedef struct antler_random_coloring sharpness;
typedef struct antler_random_gaussian_blur blur;
typedef struct antler_random_erasing erasing;

/* ---- filters ----------------------------------------------------------------------------------------------------- */

/* clip(own x + (1 - own) F x). Space for an image; in backward another one, for what was not clipped. */
static void mix_with_filter(const antler_image *im, const antler_filter *f, antler_real own, const double *range,
                            antler_real *to, const antler_real *x, const antler_real *dy)
{
    const int64_t size = antler__image_size(im), shape[] = {im->height, im->width, im->channels};
    antler_real *filtered = im->space, *passed = im->space + size;
    antler__filter_run(f, shape, false, filtered, x);
    for (int64_t i = 0; i < size; i++) {
        const antler_real z = own * x[i] + (1 - own) * filtered[i];
        if (dy)
            passed[i] = antler__is_clipped(range, z) ? 0 : dy[i];
        else
            to[i] = antler__clipped(range, z);
    }
    if (!dy)
        return;
    antler__filter_run(f, shape, true, filtered, passed);
    for (int64_t i = 0; i < size; i++)
        to[i] = own * passed[i] + (1 - own) * filtered[i];
}

static void random_sharpness_change(const antler_image *im, antler_real *to, const antler_real *x,
                                    const antler_real *dy)
{
    const sharpness *cfg = im->config;
    const antler_real a = (antler_real)(1.0 / 13), b = (antler_real)(5.0 / 13);
    const antler_real weight[] = {a, a, a, a, b, a, a, a, a};
    const antler_real own = (antler_real)(2 * antler__interval_at(cfg->factor, im->u[0]));
    mix_with_filter(im, &(antler_filter){weight, 3, 3}, own, cfg->value_range, to, x, dy);
}

/* Keras's kernel: the product of the weights of kernel_size[1] and of kernel_size[0] places, which is then read as one
   of kernel_size[0] rows. */
static void random_gaussian_blur_change(const antler_image *im, antler_real *to, const antler_real *x,
                                        const antler_real *dy)
{
    const blur *cfg = im->config;
    const int64_t rows = cfg->kernel_size[0], columns = cfg->kernel_size[1];
    antler_real *kernel = im->space + 2 * antler__image_size(im), *first = kernel + rows * columns;
    antler_real *second = first + rows;
    const bool blurs = antler__happens(cfg->factor, im->u);
    antler__gaussian_weights(first, rows, antler__interval_at(cfg->sigma, im->u[2]) + 1e-6);
    antler__gaussian_weights(second, columns, antler__interval_at(cfg->sigma, im->u[3]) + 1e-6);
    for (int64_t k = 0; k < rows * columns; k++)
        kernel[k] = second[k / rows] * first[k % rows];
    mix_with_filter(im, &(antler_filter){kernel, rows, columns}, blurs ? 0 : 1, cfg->value_range, to, x, dy);
}

/* ---- RandomErasing ----------------------------------------------------------------------------------------------- */

typedef struct span {
    double start, end;
} span;

/* Of n pixels a part whose square is drawn, at a place that is. */
static span span_of(const erasing *cfg, int64_t n, double u, double place)
{
    const double length = sqrt(antler__interval_at(cfg->scale, u)) * (double)n, start = place * ((double)n - length);
    return (span){start, start + length};
}

static bool covers(const span *s, int64_t at)
{
    return (double)at >= s->start && (double)at < s->end;
}

static antler_real fill_of(const erasing *cfg, int64_t channel, antler_real normal)
{
    const double *fill = cfg->fill_value, *range = cfg->value_range;
    const double v = isnan(fill[0]) ? (double)normal * range[1] : fill[isnan(fill[1]) ? 0 : channel];
    return antler__clipped(range, (antler_real)v);
}

static void random_erasing_change(const antler_image *im, antler_real *to, const antler_real *x, const antler_real *dy)
{
    const erasing *cfg = im->config;
    const int64_t size = antler__image_size(im), n = im->channels;
    const bool erases = antler__happens(cfg->factor, im->u), noise = isnan(cfg->fill_value[0]);
    const span columns = span_of(cfg, im->width, im->u[2], im->u[3]);
    const span rows = span_of(cfg, im->height, im->u[4], im->u[5]);
    if (erases && noise && !dy)
        antler__image_normal(im, size, to, size);
    for (int64_t i = 0; i < size; i++) {
        const int64_t pixel = i / n;
        const bool covered = erases && covers(&rows, pixel / im->width) && covers(&columns, pixel % im->width);
        if (dy)
            to[i] = covered ? 0 : dy[i];
        else
            to[i] = covered ? fill_of(cfg, i % n, noise ? to[i] : 0) : x[i];
    }
}

static antler_status random_erasing_infer(const void *config, const antler_shape *in, antler_shape *out,
                                          antler_error *err)
{
    const erasing *cfg = config;
    ANTLER_TRY(antler__image_infer(config, in, out, err));
    if (isnan(cfg->fill_value[1]) || in->dim[3] == 3)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, "fill_value", "3 numbers for %lld channels", (long long)in->dim[3]);
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static const antler_field random_sharpness_fields[] = {
    ANTLER_FIELD_INTERVAL(sharpness, factor, NULL, 0, "0 blurs, 0.5 does nothing: [lower, upper]; f stands for [0, f]"),
    ANTLER_FIELD_RANGE(sharpness),
    ANTLER_FIELD_SEED(sharpness),
    ANTLER_IMAGE_FIELDS(sharpness),
    ANTLER_FIELD_END,
};
static const antler_field random_gaussian_blur_fields[] = {
    ANTLER_FIELD_INTERVAL(blur, factor, "1.0", 0, "probability: [lower, upper]; f stands for [0, f]"),
    {.key = "kernel_size",
     .kind = ANTLER_INTS,
     .offset = offsetof(blur, kernel_size),
     .def = "3",
     .min = 1,
     .max = 1023,
     .count = 2,
     .doc = "odd numbers of pixels"},
    ANTLER_FIELD_INTERVAL(blur, sigma, "1.0", 0, "deviation in pixels: [lower, upper]; f stands for [0, f]"),
    ANTLER_FIELD_RANGE(blur),
    ANTLER_FIELD_SEED(blur),
    ANTLER_IMAGE_FIELDS(blur),
    ANTLER_FIELD_END,
};
static const antler_field random_erasing_fields[] = {
    ANTLER_FIELD_INTERVAL(erasing, factor, "1.0", 0, "probability: [lower, upper]; f stands for [0, f]"),
    ANTLER_FIELD_INTERVAL(erasing, scale, "[0.02, 0.33]", 0,
                          "squares of the sides, as parts of the image's: [lower, upper]; f stands for [0, f]"),
    {.key = "fill_value",
     .kind = ANTLER_REALS,
     .offset = offsetof(erasing, fill_value),
     .def = "null",
     .flags = ANTLER_NULLABLE,
     .count = 3,
     .doc = "one number, or one for each of 3 channels; null: normal noise times value_range[1]"},
    ANTLER_FIELD_RANGE(erasing),
    ANTLER_FIELD_SEED(erasing),
    ANTLER_IMAGE_FIELDS(erasing),
    ANTLER_FIELD_END,
};

static const char *const random_sharpness_samples[] = {"(2, 3, 2) {\"factor\": 0.9, \"value_range\": [-0.6, 0.7]}",
                                                       NULL};
static const char *const random_gaussian_blur_samples[] = {
    "(3, 3, 2) {\"factor\": 0.8, \"value_range\": [-0.5, 0.5]}",
    "(3, 2, 1) {\"kernel_size\": [3, 5], \"factor\": [1, 1], \"sigma\": [0.5, 1], \"value_range\": [-1, 1]}", NULL};
static const char *const random_erasing_samples[] = {
    "(3, 3, 2) {\"factor\": 0.9, \"value_range\": [-1, 1]}",
    "(3, 2, 3) {\"scale\": [0.3, 0.9], \"fill_value\": [0.1, 0.2, -3], \"value_range\": [-1, 1]}", NULL};

static antler_status random_sharpness_check(void *config, antler_error *err)
{
    sharpness *cfg = config;
    ANTLER_TRY(antler__range_check(cfg->value_range, true, err));
    return antler__interval_check(cfg->factor, 0, 1, false, "factor", err);
}

static antler_status random_gaussian_blur_check(void *config, antler_error *err)
{
    blur *cfg = config;
    if (cfg->kernel_size[0] % 2 == 0 || cfg->kernel_size[1] % 2 == 0)
        return antler_error_set(err, ANTLER_VALUE, "kernel_size", "expected odd numbers");
    ANTLER_TRY(antler__range_check(cfg->value_range, false, err));
    ANTLER_TRY(antler__interval_check(cfg->sigma, 0, 1, false, "sigma", err));
    return antler__interval_check(cfg->factor, 0, 1, false, "factor", err);
}

static antler_status random_erasing_check(void *config, antler_error *err)
{
    erasing *cfg = config;
    ANTLER_TRY(antler__range_check(cfg->value_range, false, err));
    ANTLER_TRY(antler__interval_check(cfg->scale, 0, 1, true, "scale", err));
    return antler__interval_check(cfg->factor, 0, 1, false, "factor", err);
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static antler_image_needs random_sharpness_needs(const void *config, const antler_shape *in)
{
    const sharpness *cfg = config;
    return (antler_image_needs){
        .draws = antler__interval_is_open(cfg->factor), .seed = cfg->seed, .space = 2 * antler_count(in, 1)};
}

static antler_image_needs random_gaussian_blur_needs(const void *config, const antler_shape *in)
{
    const blur *cfg = config;
    const int64_t rows = cfg->kernel_size[0], columns = cfg->kernel_size[1];
    const bool draws = antler__chance_draws(cfg->factor) || antler__interval_is_open(cfg->sigma);
    return (antler_image_needs){
        .draws = draws ? 4 : 0, .seed = cfg->seed, .space = 2 * antler_count(in, 1) + rows * columns + rows + columns};
}

static antler_image_needs random_erasing_needs(const void *config, const antler_shape *in)
{
    const erasing *cfg = config;
    const bool acts = cfg->factor[1] > 0;
    (void)in;
    return (antler_image_needs){.draws = acts ? 6 : 0, .normal = acts && isnan(cfg->fill_value[0]), .seed = cfg->seed};
}

ANTLER_IMAGE_LAYER(random_sharpness, "RandomSharpness", sharpness, "sharpens or blurs images at random in training",
                   antler__image_infer, ANTLER_NEEDS_X);
ANTLER_IMAGE_LAYER(random_gaussian_blur, "RandomGaussianBlur", blur, "blurs images at random in training",
                   antler__image_infer, ANTLER_NEEDS_X);
ANTLER_IMAGE_LAYER(random_erasing, "RandomErasing", erasing, "covers a part of images at random in training",
                   random_erasing_infer, 0);
