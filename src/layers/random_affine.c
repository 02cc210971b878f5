/* RandomRotation, RandomZoom, RandomTranslation, RandomFlip: in training each image is moved by a transformation of its
   own (shared/affine.c), drawn anew in each step; in inference y = x. With c the place of the image's centre, along an
   axis of n pixels (n - 1) / 2, a pixel at p of the output is taken from

     rotation      c + R (p - c), R a rotation by 2 pi f             f in factor, one for both axes
     zoom          c + (1 + f) (p - c)                              f in height_factor, width_factor
     translation   p - f n                                          f in height_factor, width_factor
     flip          n - 1 - p, or p, each with probability 1/2       of the axes of `mode`, all or none

   Numbers are drawn again in backward, from the same place of the stream. */
#include "layers/shared/affine.h"
#include "layers/shared/common.h"
#include "layers/shared/intervals.h"

#include "antler/random.h" /* antler_cos */

#include <math.h>

enum { NOISE };
enum { DRAWS = 2 }; /* of a sample */

/* ---- all of them ------------------------------------------------------------------------------------------------- */

/* Sets t of a sample's transformation; u are its numbers. */
typedef void move_fn(const void *config, const int64_t *shape, const double *u, antler_affine *a);

typedef struct job {
    const antler_run *run;
    const void *config;
    move_fn *move;
    antler_affine a;
    const int64_t *shape; /* of a sample */
    bool draws, back;
} job;

static void move_samples(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const int64_t size = j->shape[0] * j->shape[1] * j->shape[2];
    for (int64_t sample = first; sample < first + count; sample++) {
        antler_real numbers[DRAWS] = {0};
        antler_affine a = j->a;
        if (j->draws)
            antler_noise_uniform(&j->run->noise[NOISE], DRAWS, sample * DRAWS, numbers, DRAWS);
        const double u[DRAWS] = {(double)numbers[0], (double)numbers[1]};
        j->move(j->config, j->shape, u, &a);
        if (j->back)
            antler__affine_backward(&a, j->shape, j->run->dx->data + sample * size, j->run->dy->data + sample * size);
        else
            antler__affine_forward(&a, j->shape, j->run->y->data + sample * size, j->run->x->data + sample * size);
    }
}

/* j has config, move, a and draws. */
static antler_status run_samples(antler_run *run, job j, bool back)
{
    const antler_tensor *to = back ? run->dx : run->y, *from = back ? run->dy : run->x;
    j.run = run;
    j.back = back;
    j.shape = from->shape.dim + 1;
    if (!to->data)
        return ANTLER_OK;
    if (run->noisy)
        antler_run_ranges(run, from->shape.dim[0], j.shape[0] * j.shape[1] * (4 * j.shape[2] + 16), move_samples, &j);
    else
        antler_run_copy(run, to->data, from->data, antler_count(&from->shape, 0));
    return ANTLER_OK;
}

/* ---- RandomRotation, RandomZoom, RandomTranslation --------------------------------------------------------------- */

typedef struct antler_random_rotation rotation;
typedef struct antler_random_zoom zoom;
typedef struct antler_random_translation translation;
typedef rotation filled; /* the config of all of them, as far as fill_value */

static int index_of(const char *const *list, const char *name)
{
    int i = 0;
    while (list[i] != name)
        i++;
    return i;
}

static job filled_job(const void *config, move_fn *move, bool draws)
{
    const filled *cfg = config;
    const antler_affine a = {.bilinear = index_of(antler__affine_methods, cfg->interpolation) == 1,
                             .fill_mode = index_of(antler__fill_modes, cfg->fill_mode),
                             .fill = (antler_real)cfg->fill_value};
    return (job){.config = config, .move = move, .a = a, .draws = draws};
}

static double centre(int64_t pixels)
{
    return (double)(pixels - 1) / 2;
}

static void set_transformation(antler_affine *a, double t0, double t1, double t2, double t3, double t4, double t5)
{
    const double t[] = {t0, t1, t2, t3, t4, t5};
    for (int i = 0; i < 6; i++)
        a->t[i] = (float)t[i];
}

static void rotation_move(const void *config, const int64_t *shape, const double *u, antler_affine *a)
{
    const double quarter = 0x1.921fb54442d18p+0;
    const double angle = 4 * quarter * antler__interval_at(((const rotation *)config)->factor, u[0]);
    const double c = antler_cos(angle), s = antler_cos(angle - quarter), x = centre(shape[1]), y = centre(shape[0]);
    set_transformation(a, c, -s, x - x * c + y * s, s, c, y - x * s - y * c);
}

static bool one_for_both(const zoom *cfg)
{
    return isnan(cfg->width_factor[0]);
}

static void zoom_move(const void *config, const int64_t *shape, const double *u, antler_affine *a)
{
    const zoom *cfg = config;
    const double height = antler__interval_at(cfg->height_factor, u[0]);
    const double width = one_for_both(cfg) ? height : antler__interval_at(cfg->width_factor, u[1]);
    set_transformation(a, 1 + width, 0, -width * centre(shape[1]), 0, 1 + height, -height * centre(shape[0]));
}

static void translation_move(const void *config, const int64_t *shape, const double *u, antler_affine *a)
{
    const translation *cfg = config;
    const double height = antler__interval_at(cfg->height_factor, u[0]) * (double)shape[0];
    const double width = antler__interval_at(cfg->width_factor, u[1]) * (double)shape[1];
    set_transformation(a, 1, 0, -width, 0, 1, -height);
}

static antler_status check_rotation(void *config, antler_error *err)
{
    return antler__interval_check(((rotation *)config)->factor, -1, 1, false, "factor", err);
}

static antler_status check_zoom(void *config, antler_error *err)
{
    zoom *cfg = config;
    ANTLER_TRY(antler__interval_check(cfg->height_factor, -1, 1, true, "height_factor", err));
    return one_for_both(cfg) ? ANTLER_OK : antler__interval_check(cfg->width_factor, -1, 1, true, "width_factor", err);
}

static antler_status check_translation(void *config, antler_error *err)
{
    translation *cfg = config;
    ANTLER_TRY(antler__interval_check(cfg->height_factor, -1, 1, true, "height_factor", err));
    return antler__interval_check(cfg->width_factor, -1, 1, true, "width_factor", err);
}

static bool rotation_draws(const void *config)
{
    return antler__interval_is_open(((const rotation *)config)->factor);
}

static bool zoom_draws(const void *config)
{
    const zoom *cfg = config;
    return antler__interval_is_open(cfg->height_factor) ||
           (!one_for_both(cfg) && antler__interval_is_open(cfg->width_factor));
}

static bool translation_draws(const void *config)
{
    const translation *cfg = config;
    return antler__interval_is_open(cfg->height_factor) || antler__interval_is_open(cfg->width_factor);
}

#define FILLED_FIELDS                                                                                        \
    {.key = "fill_mode",                                                                                     \
     .kind = ANTLER_STRING,                                                                                  \
     .offset = offsetof(filled, fill_mode),                                                                  \
     .def = "\"reflect\"",                                                                                   \
     .choices = antler__fill_modes,                                                                          \
     .doc = "what lies beyond the image"},                                                                   \
        {.key = "interpolation",                                                                             \
         .kind = ANTLER_STRING,                                                                              \
         .offset = offsetof(filled, interpolation),                                                          \
         .def = "\"bilinear\"",                                                                              \
         .choices = antler__affine_methods,                                                                  \
         .doc = "how numbers between pixels are had"},                                                       \
        ANTLER_FIELD_NUMBER(filled, fill_value, ANTLER_REAL, "0.0", 0, 0, "beyond the image, for constant"), \
        ANTLER_FIELD_SEED(filled), ANTLER_IMAGE_FIELDS, ANTLER_FIELD_END

static const antler_field rotation_fields[] = {
    ANTLER_FIELD_INTERVAL(rotation, factor, NULL, 0, "turns, counterclockwise: [lower, upper], or f for [-f, f]"),
    FILLED_FIELDS,
};
static const antler_field zoom_fields[] = {
    ANTLER_FIELD_INTERVAL(zoom, height_factor, NULL, 0, "above 0 the image shrinks: [lower, upper], or f for [-f, f]"),
    ANTLER_FIELD_INTERVAL(zoom, width_factor, "null", ANTLER_NULLABLE, "null: the height's number"),
    FILLED_FIELDS,
};
static const antler_field translation_fields[] = {
    ANTLER_FIELD_INTERVAL(translation, height_factor, NULL, 0,
                          "down, as a part of the height: [lower, upper], or f for [-f, f]"),
    ANTLER_FIELD_INTERVAL(translation, width_factor, NULL, 0, "to the right, as a part of the width"),
    FILLED_FIELDS,
};

static const char *const rotation_samples[] = {
    "(3, 4, 2) {\"factor\": 0.3}",
    "(4, 3, 1) {\"factor\": [0.05, 0.2], \"fill_mode\": \"constant\", \"fill_value\": 0.5}", NULL};
static const char *const zoom_samples[] = {
    "(3, 4, 2) {\"height_factor\": 0.4, \"fill_mode\": \"wrap\"}",
    "(4, 3, 1) {\"height_factor\": [-0.8, 0.8], \"width_factor\": [-0.9, 0.9], \"interpolation\": \"nearest\"}", NULL};
static const char *const translation_samples[] = {
    "(3, 4, 2) {\"height_factor\": 0.4, \"width_factor\": [0.1, 0.2], \"fill_mode\": \"nearest\"}",
    "(3, 3, 1) {\"height_factor\": [0.2, 0.2], \"width_factor\": [-0.3, -0.3]}", NULL};

#define MOVING(name, class, line)                                                               \
    static void name##_variables(const void *config, const antler_shape *in, antler_plan *plan) \
    {                                                                                           \
        (void)in;                                                                               \
        if (name##_draws(config))                                                               \
            antler_plan_noise(plan, NOISE, ((const filled *)config)->seed);                     \
    }                                                                                           \
    static antler_status name##_forward(const void *config, antler_run *run)                    \
    {                                                                                           \
        return run_samples(run, filled_job(config, name##_move, name##_draws(config)), false);  \
    }                                                                                           \
    static antler_status name##_backward(const void *config, antler_run *run)                   \
    {                                                                                           \
        return run_samples(run, filled_job(config, name##_move, name##_draws(config)), true);   \
    }                                                                                           \
    const antler_layer_ops antler_layer_random_##name = {                                       \
        .type = {.size = sizeof(antler_layer_ops),                                              \
                 .kind = ANTLER_KIND_LAYER,                                                     \
                 .class_name = class,                                                           \
                 .doc = (line),                                                                 \
                 .config_size = sizeof(name),                                                   \
                 .fields = name##_fields,                                                       \
                 .samples = name##_samples,                                                     \
                 .check = check_##name},                                                        \
        .infer = antler__image_infer,                                                           \
        .variables = name##_variables,                                                          \
        .forward = name##_forward,                                                              \
        .backward = name##_backward,                                                            \
    }

MOVING(rotation, "RandomRotation", "turns images at random in training");
MOVING(zoom, "RandomZoom", "zooms images at random in training");
MOVING(translation, "RandomTranslation", "shifts images at random in training");

/* ---- RandomFlip -------------------------------------------------------------------------------------------------- */

typedef struct antler_random_flip flip;

static const char *const flip_modes[] = {"horizontal_and_vertical", "horizontal", "vertical", NULL};

static const antler_field flip_fields[] = {
    {.key = "mode",
     .kind = ANTLER_STRING,
     .offset = offsetof(flip, mode),
     .def = "\"horizontal_and_vertical\"",
     .choices = flip_modes,
     .doc = "the axes that are turned round, all or none of them"},
    ANTLER_FIELD_SEED(flip),
    ANTLER_IMAGE_FIELDS,
    ANTLER_FIELD_END,
};

static const char *const flip_samples[] = {"(3, 4, 2) {}", "(2, 3, 1) {\"mode\": \"vertical\", \"seed\": 3}", NULL};

static void turn_round(const void *config, const int64_t *shape, const double *u, antler_affine *a)
{
    const char *const mode = ((const flip *)config)->mode;
    const bool flips = u[0] <= 0.5, rows = flips && mode != flip_modes[1], columns = flips && mode != flip_modes[2];
    set_transformation(a, columns ? -1 : 1, 0, columns ? (double)(shape[1] - 1) : 0, 0, rows ? -1 : 1,
                       rows ? (double)(shape[0] - 1) : 0);
}

static void flip_variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    (void)in;
    antler_plan_noise(plan, NOISE, ((const flip *)config)->seed);
}

static antler_status flip_forward(const void *config, antler_run *run)
{
    return run_samples(run, (job){.config = config, .move = turn_round, .draws = true}, false);
}

static antler_status flip_backward(const void *config, antler_run *run)
{
    return run_samples(run, (job){.config = config, .move = turn_round, .draws = true}, true);
}

const antler_layer_ops antler_layer_random_flip = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "RandomFlip",
             .doc = "flips images at random in training",
             .config_size = sizeof(flip),
             .fields = flip_fields,
             .samples = flip_samples},
    .infer = antler__image_infer,
    .variables = flip_variables,
    .forward = flip_forward,
    .backward = flip_backward,
};
