/* Resizing, CenterCrop, RandomCrop: a window of each image as one of height times width pixels (shared/resample.c). The
   window is

     Resizing     the whole image; the largest part around the centre that has the new aspect ratio; or the smallest
                  frame around the image that has it, filled with fill_value
     CenterCrop   height times width pixels around the centre; of an image that has fewer, Resizing's largest part
     RandomCrop   in training height times width pixels somewhere, for all images of a step at the same place; of an
                  image that has no more, and in inference, Resizing's largest part */
#include "layers/shared/common.h"
#include "layers/shared/images.h"
#include "layers/shared/resample.h"

enum { NOISE };
enum { BETWEEN }; /* scratch */

/* ---- all of them ------------------------------------------------------------------------------------------------- */

/* The config of all of them begins with that. */
typedef struct antler_center_crop sizes;

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const sizes *cfg = config;
    ANTLER_TRY(antler__image_infer(config, in, out, err));
    out->dim[1] = cfg->height;
    out->dim[2] = cfg->width;
    return ANTLER_OK;
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    const sizes *cfg = config;
    const antler_resampling r = antler__resampling(in, ANTLER_NEAREST, cfg->height, cfg->width);
    antler__resample_buffers(plan, BETWEEN, &r, in);
}

/* height times width pixels from there on, as they are. */
static antler_resampling cut(const sizes *cfg, const antler_shape *x, int64_t row, int64_t column)
{
    antler_resampling r = antler__resampling(x, ANTLER_NEAREST, cfg->height, cfg->width);
    r.height.start = row;
    r.height.size = cfg->height;
    r.width.start = column;
    r.width.size = cfg->width;
    return r;
}

antler_resampling antler__random_crop(const void *config, const antler_shape *x)
{
    const sizes *cfg = config;
    antler_resampling r = antler__resampling(x, ANTLER_BILINEAR, cfg->height, cfg->width);
    antler__crop_to_aspect(&r);
    return r;
}

#define SIZE_FIELDS \
    ANTLER_FIELD_COUNT(sizes, height, "of the output"), ANTLER_FIELD_COUNT(sizes, width, "of the output")

/* ---- Resizing ---------------------------------------------------------------------------------------------------- */

typedef struct antler_resizing resizing;

static const antler_field resizing_fields[] = {
    SIZE_FIELDS,
    {.key = "interpolation",
     .kind = ANTLER_STRING,
     .offset = offsetof(resizing, interpolation),
     .def = "\"bilinear\"",
     .choices = antler__resample_methods,
     .doc = "how numbers between pixels are had"},
    ANTLER_FIELD_BOOL(resizing, crop_to_aspect_ratio, "false", "cuts instead of distorting"),
    {.key = "pad_to_aspect_ratio",
     .kind = ANTLER_BOOL,
     .offset = offsetof(resizing, pad_to_aspect_ratio),
     .def = "false",
     .flags = ANTLER_UNWRITTEN,
     .doc = "fills up instead of distorting"},
    {.key = "fill_value",
     .kind = ANTLER_REAL,
     .offset = offsetof(resizing, fill_value),
     .def = "0.0",
     .flags = ANTLER_UNWRITTEN,
     .doc = "what it is filled with"},
    {.key = "antialias",
     .kind = ANTLER_BOOL,
     .offset = offsetof(resizing, antialias),
     .def = "false",
     .flags = ANTLER_UNWRITTEN,
     .doc = "weighs all pixels that one of a smaller image covers"},
    ANTLER_FIELD_IGNORED("fill_mode", "\"constant\""),
    ANTLER_IMAGE_FIELDS(resizing),
    ANTLER_FIELD_END,
};

static const char *const resizing_samples[] = {
    "(3, 4, 2) {\"height\": 4, \"width\": 3}",
    "(5, 3, 1) {\"height\": 2, \"width\": 4, \"interpolation\": \"lanczos3\", \"antialias\": true}",
    "(3, 5, 1) {\"height\": 4, \"width\": 4, \"crop_to_aspect_ratio\": true, \"interpolation\": \"nearest\"}",
    "(2, 5, 2) {\"height\": 3, \"width\": 4, \"pad_to_aspect_ratio\": true, \"fill_value\": 0.5}",
    NULL,
};

static antler_status resizing_check(void *config, antler_error *err)
{
    const resizing *cfg = config;
    if (cfg->crop_to_aspect_ratio && cfg->pad_to_aspect_ratio)
        return antler_error_set(err, ANTLER_VALUE, "pad_to_aspect_ratio", "only one of it and crop_to_aspect_ratio");
    return ANTLER_OK;
}

antler_resampling antler__resizing(const void *config, const antler_shape *x)
{
    const resizing *cfg = config;
    int method = 0;
    while (antler__resample_methods[method] != cfg->interpolation)
        method++;
    antler_resampling r = antler__resampling(x, method, cfg->height, cfg->width);
    r.antialias = cfg->antialias;
    r.fill = (antler_real)cfg->fill_value;
    if (cfg->crop_to_aspect_ratio)
        antler__crop_to_aspect(&r);
    if (cfg->pad_to_aspect_ratio)
        antler__pad_to_aspect(&r);
    return r;
}

static antler_status resizing_forward(const void *config, antler_run *run)
{
    const antler_resampling r = antler__resizing(config, &run->x->shape);
    antler__resample_forward(run, BETWEEN, &r);
    return ANTLER_OK;
}

static antler_status resizing_backward(const void *config, antler_run *run)
{
    const antler_resampling r = antler__resizing(config, &run->dx->shape);
    antler__resample_backward(run, BETWEEN, &r);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_resizing = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Resizing",
             .doc = "images of another size",
             .config_size = sizeof(resizing),
             .fields = resizing_fields,
             .samples = resizing_samples,
             .check = resizing_check},
    .infer = infer,
    .buffers = buffers,
    .forward = resizing_forward,
    .backward = resizing_backward,
};

/* ---- CenterCrop -------------------------------------------------------------------------------------------------- */

static const antler_field center_fields[] = {SIZE_FIELDS, ANTLER_IMAGE_FIELDS(struct antler_center_crop),
                                             ANTLER_FIELD_END};

static const char *const center_samples[] = {"(4, 5, 2) {\"height\": 3, \"width\": 2}",
                                             "(2, 5, 1) {\"height\": 3, \"width\": 3}", NULL};

antler_resampling antler__center_crop(const void *config, const antler_shape *x)
{
    const sizes *cfg = config;
    const int64_t rows = x->dim[1] - cfg->height, columns = x->dim[2] - cfg->width;
    return rows >= 0 && columns >= 0 ? cut(cfg, x, rows / 2, columns / 2) : antler__random_crop(cfg, x);
}

static antler_status center_forward(const void *config, antler_run *run)
{
    const antler_resampling r = antler__center_crop(config, &run->x->shape);
    antler__resample_forward(run, BETWEEN, &r);
    return ANTLER_OK;
}

static antler_status center_backward(const void *config, antler_run *run)
{
    const antler_resampling r = antler__center_crop(config, &run->dx->shape);
    antler__resample_backward(run, BETWEEN, &r);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_center_crop = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "CenterCrop",
             .doc = "the middle of images",
             .config_size = sizeof(sizes),
             .fields = center_fields,
             .samples = center_samples},
    .infer = infer,
    .buffers = buffers,
    .forward = center_forward,
    .backward = center_backward,
};

/* ---- RandomCrop -------------------------------------------------------------------------------------------------- */

static const antler_field random_fields[] = {
    SIZE_FIELDS,
    ANTLER_FIELD_SEED(struct antler_random_crop),
    ANTLER_IMAGE_FIELDS(struct antler_random_crop),
    ANTLER_FIELD_END,
};

static const char *const random_samples[] = {"(4, 5, 2) {\"height\": 3, \"width\": 2}",
                                             "(3, 5, 1) {\"height\": 3, \"width\": 4}", NULL};

/* There is a choice only where the image is larger both ways. */
static bool chooses(const sizes *cfg, const antler_shape *x)
{
    return x->dim[1] > cfg->height && x->dim[2] > cfg->width;
}

static void random_variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    if (chooses(config, in))
        antler_plan_noise(plan, NOISE, ((const struct antler_random_crop *)config)->seed);
}

static int64_t place_at(antler_real u, int64_t rest)
{
    const int64_t at = (int64_t)((double)u * (double)(rest + 1));
    return at < rest ? at : rest;
}

/* The place is a function of the step alone. */
static antler_resampling drawn(const void *config, const antler_shape *x, const antler_run *run)
{
    const sizes *cfg = config;
    antler_real u[2];
    if (!run->noisy || !chooses(cfg, x))
        return antler__random_crop(cfg, x);
    antler_noise noise = run->noise[NOISE];
    noise.row = 0;
    antler_noise_uniform(&noise, 2, 0, u, 2);
    return cut(cfg, x, place_at(u[0], x->dim[1] - cfg->height), place_at(u[1], x->dim[2] - cfg->width));
}

static antler_status random_forward(const void *config, antler_run *run)
{
    const antler_resampling r = drawn(config, &run->x->shape, run);
    antler__resample_forward(run, BETWEEN, &r);
    return ANTLER_OK;
}

static antler_status random_backward(const void *config, antler_run *run)
{
    const antler_resampling r = drawn(config, &run->dx->shape, run);
    antler__resample_backward(run, BETWEEN, &r);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_random_crop = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "RandomCrop",
             .doc = "a part of images, at random in training",
             .config_size = sizeof(struct antler_random_crop),
             .fields = random_fields,
             .samples = random_samples},
    .infer = infer,
    .variables = random_variables,
    .buffers = buffers,
    .forward = random_forward,
    .backward = random_backward,
};
