/* RandAugment: in training all images of a batch go through num_ops layers, each picked at random from eleven; a layer
   that is picked twice does the same twice. In inference y = x. The picks are a function of the step alone; what the
   layers draw is theirs.

   Gradient: through the same layers, back. */
#include "layers/shared/affine.h"
#include "layers/shared/images.h"

#include <string.h>

typedef struct antler_rand_augment rand_augment;

enum { LAYERS = 11, MOST_OPS = 16 };
enum { PICKS };         /* noise */
enum { BETWEEN };       /* saved in training, else scratch: the images that go from one layer to the next */
enum { GRADIENTS = 1 }; /* scratch: two images' */

static const char *const attribute[LAYERS] = {
    "random_shear",    "random_translation", "random_rotation",      "random_brightness", "random_color_degeneration",
    "random_contrast", "random_sharpness",   "random_posterization", "solarization",      "auto_contrast",
    "equalization"};
enum { POSTERIZATION = 7 };

/* Their settings are made in `check`. */
static const char layers_json[] =
    "[{\"class_name\": \"RandomShear\", \"config\": {}}, "
    "{\"class_name\": \"RandomTranslation\", \"config\": {\"height_factor\": 0, \"width_factor\": 0}}, "
    "{\"class_name\": \"RandomRotation\", \"config\": {\"factor\": 0}}, "
    "{\"class_name\": \"RandomBrightness\", \"config\": {\"factor\": 0}}, "
    "{\"class_name\": \"RandomColorDegeneration\", \"config\": {\"factor\": 0}}, "
    "{\"class_name\": \"RandomContrast\", \"config\": {\"factor\": 0}}, "
    "{\"class_name\": \"RandomSharpness\", \"config\": {\"factor\": 0}}, "
    "{\"class_name\": \"RandomPosterization\", \"config\": {\"factor\": 1}}, "
    "{\"class_name\": \"Solarization\", \"config\": {}}, "
    "{\"class_name\": \"AutoContrast\", \"config\": {}}, "
    "{\"class_name\": \"Equalization\", \"config\": {}}]";

static const antler_field rand_augment_fields[] = {
    ANTLER_FIELD_RANGE(rand_augment),
    ANTLER_FIELD_NUMBER(rand_augment, num_ops, ANTLER_INT, "2", 1, MOST_OPS, "layers, one after the other"),
    ANTLER_FIELD_INTERVAL(rand_augment, factor, "0.5", 0, "the layers' factors: [lower, upper]; f stands for [0, f]"),
    {.key = "interpolation",
     .kind = ANTLER_STRING,
     .offset = offsetof(rand_augment, interpolation),
     .def = "\"bilinear\"",
     .choices = antler__affine_methods,
     .doc = "how numbers between pixels are had"},
    ANTLER_FIELD_SEED(rand_augment),
    {.key = "augmentations",
     .kind = ANTLER_OBJECTS,
     .offset = offsetof(rand_augment, layers_),
     .def = layers_json,
     .flags = ANTLER_UNSAVED,
     .of = ANTLER_KIND_LAYER,
     .doc = "what is picked from: to be left out"},
    ANTLER_IMAGE_FIELDS(rand_augment),
    ANTLER_FIELD_END,
};

static const char *const rand_augment_samples[] = {
    "(2, 2, 3) {\"value_range\": [-1, 1], \"num_ops\": 3, \"factor\": [0.1, 0.3]}", NULL};

/* ---- settings: the layers' are made of ours ---------------------------------------------------------------------- */

static void set_pair(antler_object layer, const char *key, const double *pair)
{
    double *const value = antler_object_field(layer, key);
    if (value)
        memcpy(value, pair, 2 * sizeof *value);
}

static void set_layer(const rand_augment *cfg, antler_object layer)
{
    static const char *const factors[] = {"factor",       "x_factor",        "y_factor",        "height_factor",
                                          "width_factor", "addition_factor", "threshold_factor"};
    const char **const interpolation = antler_object_field(layer, "interpolation");
    int64_t *const seed = antler_object_field(layer, "seed");
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        set_pair(layer, factors[i], cfg->factor);
    set_pair(layer, "value_range", cfg->value_range);
    if (interpolation)
        *interpolation = cfg->interpolation;
    if (seed)
        *seed = cfg->seed;
}

static antler_status rand_augment_check(void *config, antler_error *err)
{
    rand_augment *cfg = config;
    ANTLER_TRY(antler__range_check(cfg->value_range, false, err));
    ANTLER_TRY(antler__interval_check(cfg->factor, 0, 1, true, "factor", err));
    if (cfg->layers_.n != LAYERS || !antler_object_field(cfg->layers_.item[POSTERIZATION], "factor"))
        return antler_error_set(err, ANTLER_VALUE, "augmentations", "they are Keras's: leave them out");
    for (int64_t i = 0; i < LAYERS; i++)
        set_layer(cfg, cfg->layers_.item[i]);
    const int bits = (int)(8 * cfg->factor[1]);
    set_pair(cfg->layers_.item[POSTERIZATION], "factor", (double[]){1, bits > 1 ? bits : 1});
    return ANTLER_OK;
}

/* ---- buffers ----------------------------------------------------------------------------------------------------- */

static void rand_augment_variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const rand_augment *cfg = config;
    const antler_shape list[] = {*in, {0}};
    antler_plan_noise(plan, PICKS, cfg->seed);
    for (int i = 0; i < LAYERS; i++)
        antler_plan_child(plan, i, attribute[i], cfg->layers_.item[i], list, 1);
}

static void rand_augment_buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_shape between = *in, gradients = *in;
    between.dim[0] *= ((const rand_augment *)config)->num_ops;
    gradients.dim[0] *= 2;
    antler_plan_saved(plan, BETWEEN, &between);
    if (antler_plan_mode(plan) == ANTLER_TRAIN)
        antler_plan_scratch(plan, GRADIENTS, &gradients);
    else if (antler_plan_mode(plan) != ANTLER_INFER)
        antler_plan_scratch(plan, BETWEEN, &between);
}

/* ---- forward and backward ---------------------------------------------------------------------------------------- */

/* A place in a buffer of several batches. */
static antler_tensor batch_of(antler_real *data, const antler_shape *shape, int64_t i)
{
    return (antler_tensor){*shape, data + i * antler_count(shape, 0)};
}

/* What layer i of the chain was given: the output of the one before. */
static antler_tensor given_to(const antler_run *run, int64_t i)
{
    antler_real *between = run->mode == ANTLER_TRAIN ? run->saved[BETWEEN].data : run->scratch[BETWEEN].data;
    return i == 0 ? *run->x : batch_of(between, &run->x->shape, i - 1);
}

static void pick(const antler_run *run, int64_t n, int *layer)
{
    antler_real u[MOST_OPS];
    antler_noise noise = run->noise[PICKS];
    noise.row = 0;
    antler_noise_uniform(&noise, n, 0, u, n);
    for (int64_t i = 0; i < n; i++) {
        const int at = (int)((double)u[i] * LAYERS);
        layer[i] = at < LAYERS ? at : LAYERS - 1;
    }
}

static antler_status rand_augment_forward(const void *config, antler_run *run)
{
    const int64_t n = ((const rand_augment *)config)->num_ops;
    int layer[MOST_OPS];
    if (!run->noisy) {
        antler_run_copy(run, run->y->data, run->x->data, antler_count(&run->x->shape, 0));
        return ANTLER_OK;
    }
    pick(run, n, layer);
    for (int64_t i = 0; i < n; i++) {
        const antler_tensor x = given_to(run, i);
        antler_tensor y = i == n - 1 ? *run->y : given_to(run, i + 1);
        ANTLER_TRY(antler_child_forward(run, layer[i], &(antler_io){.x = &x, .y = &y}));
    }
    return ANTLER_OK;
}

static antler_status rand_augment_backward(const void *config, antler_run *run)
{
    const int64_t n = ((const rand_augment *)config)->num_ops;
    antler_tensor dy = *run->dy;
    int layer[MOST_OPS];
    if (!run->dx->data)
        return ANTLER_OK;
    if (!run->noisy) {
        antler_run_copy(run, run->dx->data, run->dy->data, antler_count(&run->dy->shape, 0));
        return ANTLER_OK;
    }
    pick(run, n, layer);
    for (int64_t i = n - 1; i >= 0; i--) {
        const antler_tensor x = given_to(run, i);
        antler_tensor y = i == n - 1 ? *run->y : given_to(run, i + 1);
        antler_tensor dx = i == 0 ? *run->dx : batch_of(run->scratch[GRADIENTS].data, &run->x->shape, i % 2);
        ANTLER_TRY(antler_child_backward(run, layer[i], &(antler_io){.x = &x, .y = &y, .dy = &dy, .dx = &dx}));
        dy = dx;
    }
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_rand_augment = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "RandAugment",
             .doc = "changes images by layers picked at random in training",
             .config_size = sizeof(rand_augment),
             .fields = rand_augment_fields,
             .samples = rand_augment_samples,
             .check = rand_augment_check},
    .flags = ANTLER_NEEDS_X | ANTLER_BATCH_STATISTICS,
    .infer = antler__gray_infer,
    .variables = rand_augment_variables,
    .buffers = rand_augment_buffers,
    .forward = rand_augment_forward,
    .backward = rand_augment_backward,
};
