/* What layers have in common that change each image by itself: numbers that it draws from intervals, one loop over the
   images, and one function that does both ways. */
#ifndef ANTLER_LAYERS_CHANGED_IMAGES_H
#define ANTLER_LAYERS_CHANGED_IMAGES_H

#include "layers/shared/common.h"

/* ---- settings ---------------------------------------------------------------------------------------------------- */

/* For `check`: factor[2] as it was read, {lower, upper} or one number f, which stands for {-f, f}. Numbers lie in
   [least, most]. Of a pair, `strict` says so of both; else it must only not lie outside altogether, as in Keras. */
antler_status antler__interval_check(double *factor, double least, double most, bool strict, const char *key,
                                     antler_error *err);
/* There is something to draw. */
bool antler__interval_is_open(const double *factor);
/* Of u in [0, 1). */
double antler__interval_at(const double *factor, double u);
/* Numbers of a sample by which it happens with a probability that is drawn itself: 0 where it is sure, or never. */
int antler__chance_draws(const double *factor);
/* Whether it happens: u are two numbers, or 0 where there are none. */
bool antler__happens(const double *factor, const double *u);

/* For `check`: value_range, lower first; `sorts` puts it so. */
antler_status antler__range_check(double *range, bool sorts, antler_error *err);

static inline antler_real antler__clipped(const double *range, antler_real z)
{
    const antler_real lower = (antler_real)range[0], upper = (antler_real)range[1];
    return z < lower ? lower : z > upper ? upper : z;
}

static inline bool antler__is_clipped(const double *range, antler_real z)
{
    return z < (antler_real)range[0] || z > (antler_real)range[1];
}

/* One row of each. */
#define ANTLER_FIELD_INTERVAL(type, member, json, flag, line)                                                   \
    {                                                                                                           \
        .key = #member, .kind = ANTLER_REALS, .offset = offsetof(type, member), .def = (json), .flags = (flag), \
        .count = 2, .doc = (line)                                                                               \
    }
#define ANTLER_FIELD_RANGE(type) \
    ANTLER_FIELD_INTERVAL(type, value_range, "[0, 255]", 0, "least and most that a number can be")
/* What all of Keras's layers of images have; no boxes here. */
#define ANTLER_IMAGE_FIELDS(type) ANTLER_FIELD_DATA_FORMAT(type, 0), ANTLER_FIELD_IGNORED("bounding_box_format", "null")

/* infer of (batch, height, width, channels), whose shape stays; of 3 channels alone; of 1 or 3. */
antler_status antler__image_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err);
antler_status antler__rgb_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err);
antler_status antler__gray_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err);

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

enum { ANTLER_IMAGE_DRAWS = 8 };

/* What one sample has. */
typedef struct antler_image {
    const void *config;
    int64_t height, width, channels;
    double u[ANTLER_IMAGE_DRAWS]; /* uniform in [0, 1); 0 where none was drawn */
    antler_real *space;           /* as much as was asked for */
    const antler_run *run;        /* for antler__image_normal */
    int64_t sample;
} antler_image;

/* y of x, where dy is NULL; else dx of x and dy. Both are `to`. */
typedef void antler_image_fn(const antler_image *im, antler_real *to, const antler_real *x, const antler_real *dy);

/* What a layer asks for. */
typedef struct antler_image_needs {
    int draws;     /* uniform numbers of a sample */
    bool normal;   /* normal numbers, too */
    bool always;   /* it acts in inference as well */
    int64_t space; /* numbers of scratch of a sample */
    int64_t seed;
} antler_image_needs;

int64_t antler__image_size(const antler_image *im);
/* n normal numbers of the sample's own, of which it has per_sample in all. */
void antler__image_normal(const antler_image *im, int64_t per_sample, antler_real *z, int64_t n);

void antler__image_variables(antler_image_needs needs, antler_plan *plan);
void antler__image_buffers(antler_image_needs needs, const antler_shape *in, antler_plan *plan);
/* forward, and with `back` backward: the identity where there is no noise, unless it acts always. */
antler_status antler__image_run(antler_run *run, const void *config, antler_image_needs needs, antler_image_fn *change,
                                bool back);

/* The layer antler_layer_NAME of name_fields, name_samples, name_check, name_needs(config, in), name_change. A method
   is given a config alone, so each layer needs methods of its own. */
#define ANTLER_IMAGE_LAYER(name, class, type_of_config, line, infer_of, more_flags)                        \
    static void name##_variables(const void *config, const antler_shape *in, antler_plan *plan)            \
    {                                                                                                      \
        antler__image_variables(name##_needs(config, in), plan);                                           \
    }                                                                                                      \
    static void name##_buffers(const void *config, const antler_shape *in, antler_plan *plan)              \
    {                                                                                                      \
        antler__image_buffers(name##_needs(config, in), in, plan);                                         \
    }                                                                                                      \
    static antler_status name##_forward(const void *config, antler_run *run)                               \
    {                                                                                                      \
        return antler__image_run(run, config, name##_needs(config, &run->x->shape), name##_change, false); \
    }                                                                                                      \
    static antler_status name##_backward(const void *config, antler_run *run)                              \
    {                                                                                                      \
        return antler__image_run(run, config, name##_needs(config, &run->dy->shape), name##_change, true); \
    }                                                                                                      \
    const antler_layer_ops antler_layer_##name = {                                                         \
        .type = {.size = sizeof(antler_layer_ops),                                                         \
                 .kind = ANTLER_KIND_LAYER,                                                                \
                 .class_name = class,                                                                      \
                 .doc = (line),                                                                            \
                 .config_size = sizeof(type_of_config),                                                    \
                 .fields = name##_fields,                                                                  \
                 .samples = name##_samples,                                                                \
                 .check = name##_check},                                                                   \
        .flags = (more_flags),                                                                             \
        .infer = (infer_of),                                                                               \
        .variables = name##_variables,                                                                     \
        .buffers = name##_buffers,                                                                         \
        .forward = name##_forward,                                                                         \
        .backward = name##_backward,                                                                       \
    }

#endif
