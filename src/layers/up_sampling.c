/* UpSampling1D to 3D: each number of the axes between the batch and the channels `size` times, or with another
   interpolation of UpSampling2D an image of that many times the size (shared/resample.c). RepeatVector: (B, features)
   to (B, n, features), which is UpSampling1D of one step.

   A repetition is a stretched axis: (B, steps, 1, channels) becomes (B, steps, size, channels). Gradient: sums over
   what was stretched. */
#include "layers/shared/common.h"
#include "layers/shared/resample.h"
#include "layers/shared/stretch.h"

enum { WORK }; /* scratch */

/* x, its axes from 1 on repeated, as a smaller and a larger shape. */
typedef struct repetition {
    antler_shape from, to;
} repetition;

static repetition repetition_of(const antler_shape *x, const int64_t *size, int axes)
{
    repetition r = {.from = {.rank = 1, .dim = {x->dim[0]}}};
    r.to = r.from;
    for (int i = 0; i < axes; i++) {
        r.from.dim[r.from.rank++] = x->dim[i + 1];
        r.from.dim[r.from.rank++] = 1;
        r.to.dim[r.to.rank++] = x->dim[i + 1];
        r.to.dim[r.to.rank++] = size[i];
    }
    r.from.dim[r.from.rank++] = r.to.dim[r.to.rank++] = x->dim[axes + 1];
    return r;
}

static void plan_sums(const repetition *r, antler_plan *plan)
{
    antler_stretch s = antler__stretch(&r->from, &r->to);
    if (antler_plan_mode(plan) == ANTLER_TRAIN && antler__stretched_groups(&s) > 1)
        antler_plan_scratch(plan, WORK, &r->to);
}

typedef struct job {
    antler_stretch s;
    const antler_real *x;
    antler_real *y;
} job;

static void repeat_piece(void *arg, int64_t first, int64_t n)
{
    const job *j = arg;
    antler__stretched(&j->s, j->x, first, n, j->y + first);
}

static antler_status repeat(const repetition *r, antler_run *run)
{
    job j = {antler__stretch(&r->from, &r->to), run->x->data, run->y->data};
    int64_t n = antler_count(&r->to, 0);
    if (antler__stretched_groups(&j.s) == 0)
        antler_run_copy(run, j.y, j.x, n);
    else
        antler_run_ranges(run, n, 1, repeat_piece, &j);
    return ANTLER_OK;
}

static antler_status repeat_backward(const repetition *r, antler_run *run)
{
    antler_stretch s = antler__stretch(&r->from, &r->to);
    int groups = antler__stretched_groups(&s);
    if (!run->dx->data)
        return ANTLER_OK;
    if (groups == 0)
        antler_run_copy(run, run->dx->data, run->dy->data, antler_count(&r->to, 0));
    else
        antler__stretch_sums(run, &s, run->dx->data, run->dy->data, groups > 1 ? run->scratch[WORK].data : NULL);
    return ANTLER_OK;
}

/* ---- UpSampling -------------------------------------------------------------------------------------------------- */

/* The config of all of them, as far as `size`. */
typedef struct antler_up_sampling3d sizes;
typedef struct antler_up_sampling2d image_sizes;

static antler_status infer(const void *config, int axes, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const int64_t *size = ((const sizes *)config)->size;
    char text[128];
    if (in->rank != axes + 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected %d axes: batch, %d, channels",
                                antler_shape_text(in, text, sizeof text), axes + 2, axes);
    *out = *in;
    for (int i = 1; i <= axes; i++) {
        if (in->dim[i] > (int64_t)ANTLER_MOST_UNITS)
            return antler_error_set(err, ANTLER_SHAPE, "size", "the output would be too large");
        out->dim[i] = in->dim[i] * size[i - 1];
    }
    return ANTLER_OK;
}

static repetition sampled(const void *config, const antler_shape *x)
{
    return repetition_of(x, ((const sizes *)config)->size, x->rank - 2);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    repetition r = sampled(config, in);
    plan_sums(&r, plan);
}

static antler_status forward(const void *config, antler_run *run)
{
    repetition r = sampled(config, &run->x->shape);
    return repeat(&r, run);
}

static antler_status backward(const void *config, antler_run *run)
{
    repetition r = sampled(config, &run->dx->shape);
    return repeat_backward(&r, run);
}

/* Of UpSampling2D; false: it repeats. */
static bool resampled(const void *config, const antler_shape *x, antler_resampling *r)
{
    const image_sizes *cfg = config;
    int method = 0;
    while (antler__resample_methods[method] != cfg->interpolation)
        method++;
    *r = antler__resampling(x, method, x->dim[1] * cfg->size[0], x->dim[2] * cfg->size[1]);
    return method != ANTLER_NEAREST;
}

static void image_buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_resampling r;
    if (resampled(config, in, &r))
        antler__resample_buffers(plan, WORK, &r, in);
    else
        buffers(config, in, plan);
}

static antler_status image_forward(const void *config, antler_run *run)
{
    antler_resampling r;
    if (!resampled(config, &run->x->shape, &r))
        return forward(config, run);
    antler__resample_forward(run, WORK, &r);
    return ANTLER_OK;
}

static antler_status image_backward(const void *config, antler_run *run)
{
    antler_resampling r;
    if (!resampled(config, &run->dx->shape, &r))
        return backward(config, run);
    antler__resample_backward(run, WORK, &r);
    return ANTLER_OK;
}

/* ---- RepeatVector ------------------------------------------------------------------------------------------------ */

static antler_status vector_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const struct antler_repeat_vector *cfg = config;
    if (in->rank != 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input has %d axes; expected (batch, features)", in->rank);
    *out = (antler_shape){.rank = 3, .dim = {in->dim[0], cfg->n, in->dim[1]}};
    return ANTLER_OK;
}

static repetition repeated(const void *config, const antler_shape *x)
{
    const antler_shape step = {.rank = 3, .dim = {x->dim[0], 1, x->dim[1]}};
    return repetition_of(&step, &((const struct antler_repeat_vector *)config)->n, 1);
}

static antler_status vector_forward(const void *config, antler_run *run)
{
    repetition r = repeated(config, &run->x->shape);
    return repeat(&r, run);
}

static antler_status vector_backward(const void *config, antler_run *run)
{
    repetition r = repeated(config, &run->dx->shape);
    return repeat_backward(&r, run);
}

static const antler_field vector_fields[] = {
    ANTLER_FIELD_COUNT(struct antler_repeat_vector, n, "how many times"),
    ANTLER_FIELD_END,
};

static const char *const vector_samples[] = {"(3) {\"n\": 2}", "(2) {\"n\": 1}", NULL};

const antler_layer_ops antler_layer_repeat_vector = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "RepeatVector",
             .doc = "a row as many steps",
             .config_size = sizeof(struct antler_repeat_vector),
             .fields = vector_fields,
             .samples = vector_samples},
    .infer = vector_infer,
    .forward = vector_forward,
    .backward = vector_backward,
};

/* ---- the tables of UpSampling ------------------------------------------------------------------------------------ */

static const char *const samples1[] = {"(3, 2) {}", "(2, 3) {\"size\": 3}", NULL};
static const char *const samples2[] = {"(2, 3, 2) {\"size\": [2, 3]}", "(3, 2, 2) {\"interpolation\": \"bilinear\"}",
                                       "(2, 4, 1) {\"interpolation\": \"bicubic\", \"size\": [1, 3]}", NULL};
static const char *const samples3[] = {"(2, 1, 2, 2) {\"size\": [2, 1, 3]}", "(2, 2, 2, 1) {}", NULL};

#define SIZE(axes, def_)                                                                                      \
    {                                                                                                         \
        .key = "size", .kind = ANTLER_INTS, .offset = offsetof(struct antler_up_sampling##axes##d, size),     \
        .def = (def_), .min = 1, .max = ANTLER_MOST_UNITS, .count = (axes), .doc = "how many times each axis" \
    }

static const antler_field fields1[] = {SIZE(1, "2"), ANTLER_FIELD_END};
static const antler_field fields2[] = {
    SIZE(2, "2"),
    {.key = "interpolation",
     .kind = ANTLER_STRING,
     .offset = offsetof(image_sizes, interpolation),
     .def = "\"nearest\"",
     .choices = antler__resample_methods,
     .doc = "how numbers in between are had"},
    ANTLER_FIELD_DATA_FORMAT(image_sizes, 0),
    ANTLER_FIELD_END,
};
static const antler_field fields3[] = {
    SIZE(3, "2"),
    ANTLER_FIELD_DATA_FORMAT(struct antler_up_sampling3d, 0),
    ANTLER_FIELD_END,
};

#define UP_SAMPLING(axes, planned, forwards, backwards)                                                                \
    static antler_status infer##axes(const void *config, const antler_shape *in, antler_shape *out, antler_error *err) \
    {                                                                                                                  \
        return infer(config, axes, in, out, err);                                                                      \
    }                                                                                                                  \
    const antler_layer_ops antler_layer_up_sampling##axes##d = {                                                       \
        .type = {.size = sizeof(antler_layer_ops),                                                                     \
                 .kind = ANTLER_KIND_LAYER,                                                                            \
                 .class_name = "UpSampling" #axes "D",                                                                 \
                 .doc = "each number several times",                                                                   \
                 .config_size = sizeof(struct antler_up_sampling##axes##d),                                            \
                 .fields = fields##axes,                                                                               \
                 .samples = samples##axes},                                                                            \
        .infer = infer##axes,                                                                                          \
        .buffers = (planned),                                                                                          \
        .forward = (forwards),                                                                                         \
        .backward = (backwards),                                                                                       \
    }

UP_SAMPLING(1, buffers, forward, backward);
UP_SAMPLING(2, image_buffers, image_forward, image_backward);
UP_SAMPLING(3, buffers, forward, backward);
