/* Initializers: the first values of a variable, from the random stream of its key. What is drawn is computed in double
   from float numbers and rounded to float, in the double build too, so that both start from the same weights. */
#include "parts/initializers.h"
#include "kernels/kernels.h"
#include "model/model.h"
#include "parts/parts.h"

#include <math.h>
#include <string.h>

/* A seed of the initializer's own gives the same values wherever it stands: the stream of a site that no model has. */
antler_stream antler__initializer_stream(const initializer *config, uint64_t key)
{
    const bool own = config->seed != ANTLER_NULL;
    return (antler_stream){.key = own ? antler__key(config->seed, ANTLER_FOR_INIT, -1) : key};
}

/* ---- constant ---------------------------------------------------------------------------------------------------- */

static antler_status fill_constant(antler_tensor *w, double value)
{
    const int64_t n = antler_count(&w->shape, 0);
    for (int64_t i = 0; i < n; i++)
        w->data[i] = rounded(value);
    return ANTLER_OK;
}

static antler_status zeros_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    (void)config, (void)key, (void)err;
    return fill_constant(w, 0);
}

static antler_status ones_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    (void)config, (void)key, (void)err;
    return fill_constant(w, 1);
}

static antler_status constant_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    (void)key, (void)err;
    return fill_constant(w, ((const initializer *)config)->value);
}

static antler_status identity_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    const initializer *c = config;
    char text[128];
    (void)key;
    if (w->shape.rank != 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "Identity fills matrices, not %s",
                                antler_shape_text(&w->shape, text, sizeof text));
    fill_constant(w, 0);
    const int64_t rows = w->shape.dim[0], columns = w->shape.dim[1];
    for (int64_t i = 0; i < rows && i < columns; i++)
        w->data[i * columns + i] = rounded(c->gain);
    return ANTLER_OK;
}

/* ---- drawn ------------------------------------------------------------------------------------------------------- */

static void fill_uniform(antler_tensor *w, antler_stream at, double low, double high)
{
    const int64_t n = antler_count(&w->shape, 0);
    antler__kernels()->uniform(at, w->data, n);
    for (int64_t i = 0; i < n; i++)
        w->data[i] = rounded(low + (high - low) * (double)w->data[i]);
}

static void fill_normal(antler_tensor *w, antler_stream at, double mean, double stddev)
{
    const int64_t n = antler_count(&w->shape, 0);
    antler__kernels()->normal(at, w->data, n);
    for (int64_t i = 0; i < n; i++)
        w->data[i] = rounded(mean + stddev * (double)w->data[i]);
}

/* The numbers of the stream that lie within two deviations, in order. */
static void fill_truncated(antler_tensor *w, antler_stream at, double mean, double stddev)
{
    enum { BLOCK = 256 };
    antler_real z[BLOCK];
    const int64_t n = antler_count(&w->shape, 0);
    for (int64_t i = 0; i < n; at.position += BLOCK) {
        antler__kernels()->normal(at, z, BLOCK);
        for (int j = 0; j < BLOCK && i < n; j++)
            if (z[j] >= -2 && z[j] <= 2)
                w->data[i++] = rounded(mean + stddev * (double)z[j]);
    }
}

static antler_status random_uniform_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    const initializer *c = config;
    (void)err;
    fill_uniform(w, antler__initializer_stream(c, key), c->minval, c->maxval);
    return ANTLER_OK;
}

static antler_status random_normal_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    const initializer *c = config;
    (void)err;
    fill_normal(w, antler__initializer_stream(c, key), c->mean, c->stddev);
    return ANTLER_OK;
}

static antler_status truncated_normal_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    const initializer *c = config;
    (void)err;
    fill_truncated(w, antler__initializer_stream(c, key), c->mean, c->stddev);
    return ANTLER_OK;
}

/* ---- scaled by the fans: Glorot, He, Lecun ----------------------------------------------------------------------- */

/* Numbers of inputs and of outputs of a unit. A kernel is (window ..., inputs, outputs). */
static void fans_of(const antler_shape *shape, double *in, double *out)
{
    const int rank = shape->rank;
    double window = 1;
    for (int i = 0; i < rank - 2; i++)
        window *= (double)shape->dim[i];
    *in = rank == 0 ? 1 : (double)shape->dim[rank < 2 ? 0 : rank - 2] * window;
    *out = rank == 0 ? 1 : (double)shape->dim[rank - 1] * window;
}

/* Variance scale / n, n by mode. Numbers cut at two deviations have a deviation of .8796, which is made up for. */
static antler_status fill_scaled(const initializer *c, antler_tensor *w, uint64_t key, double scale, const char *mode,
                                 const char *distribution)
{
    double in, out;
    fans_of(&w->shape, &in, &out);
    const double n = strcmp(mode, "fan_in") == 0 ? in : strcmp(mode, "fan_out") == 0 ? out : (in + out) / 2;
    const double variance = scale / fmax(1, n);
    const antler_stream at = antler__initializer_stream(c, key);
    if (strcmp(distribution, "uniform") == 0)
        fill_uniform(w, at, -sqrt(3 * variance), sqrt(3 * variance));
    else if (strcmp(distribution, "untruncated_normal") == 0)
        fill_normal(w, at, 0, sqrt(variance));
    else
        fill_truncated(w, at, 0, sqrt(variance) / .87962566103423978);
    return ANTLER_OK;
}

static antler_status variance_scaling_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    const initializer *c = config;
    (void)err;
    return fill_scaled(c, w, key, c->scale, c->mode, c->distribution);
}

static antler_status glorot_uniform_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    (void)err;
    return fill_scaled(config, w, key, 1, "fan_avg", "uniform");
}

static antler_status glorot_normal_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    (void)err;
    return fill_scaled(config, w, key, 1, "fan_avg", "truncated_normal");
}

static antler_status he_uniform_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    (void)err;
    return fill_scaled(config, w, key, 2, "fan_in", "uniform");
}

static antler_status he_normal_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    (void)err;
    return fill_scaled(config, w, key, 2, "fan_in", "truncated_normal");
}

static antler_status lecun_uniform_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    (void)err;
    return fill_scaled(config, w, key, 1, "fan_in", "uniform");
}

static antler_status lecun_normal_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    (void)err;
    return fill_scaled(config, w, key, 1, "fan_in", "truncated_normal");
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* Keras's way to say what the fans are: a layer does, see antler_plan_fan_in. */
#define ANTLER_FANS                                                                        \
    {.key = "input_axes", .kind = ANTLER_ANY, .def = "null", .flags = ANTLER_UNWRITTEN},   \
    {                                                                                      \
        .key = "output_axes", .kind = ANTLER_ANY, .def = "null", .flags = ANTLER_UNWRITTEN \
    }

static const char *const modes[] = {"fan_in", "fan_out", "fan_avg", NULL};
static const char *const distributions[] = {"truncated_normal", "untruncated_normal", "uniform", "normal", NULL};

static const antler_field constant_fields[] = {
    ANTLER_NUMBER(value, "0.0", 0, 0, 0, "of every element"),
    ANTLER_FIELD_END,
};
static const antler_field identity_fields[] = {
    ANTLER_NUMBER(gain, "1.0", 0, 0, 0, "the ones are multiplied by it"),
    ANTLER_FIELD_END,
};
static const antler_field uniform_fields[] = {
    ANTLER_SEED,
    ANTLER_NUMBER(minval, "-0.05", 0, 0, 0, "lower bound"),
    ANTLER_NUMBER(maxval, "0.05", 0, 0, 0, "upper bound"),
    ANTLER_FIELD_END,
};
static const antler_field normal_fields[] = {
    ANTLER_SEED,
    ANTLER_NUMBER(mean, "0.0", 0, 0, 0, "mean"),
    ANTLER_NUMBER(stddev, "0.05", 0, 1e30, 0, "standard deviation, before any cut"),
    ANTLER_FIELD_END,
};
static const antler_field fan_fields[] = {ANTLER_SEED, ANTLER_FANS, ANTLER_FIELD_END};
static const antler_field scaling_fields[] = {
    ANTLER_SEED,
    ANTLER_NUMBER(scale, "1.0", 0, 1e30, ANTLER_OPEN_MIN, "variance times the number of units"),
    {.key = "mode",
     .kind = ANTLER_STRING,
     .offset = offsetof(initializer, mode),
     .def = "\"fan_in\"",
     .choices = modes,
     .doc = "units that count: inputs, outputs, or the mean of both"},
    {.key = "distribution",
     .kind = ANTLER_STRING,
     .offset = offsetof(initializer, distribution),
     .def = "\"truncated_normal\"",
     .choices = distributions,
     .doc = "\"normal\" is \"truncated_normal\""},
    ANTLER_FANS,
    ANTLER_FIELD_END,
};
#undef ANTLER_FANS

static ANTLER_INITIALIZER(zeros, "Zeros", NULL, false, "0", "zero", NULL);
static ANTLER_INITIALIZER(ones, "Ones", NULL, false, "1", "one", NULL);
static ANTLER_INITIALIZER(constant, "Constant", constant_fields, false, "one value", NULL);
static ANTLER_INITIALIZER(identity, "Identity", identity_fields, false, "the identity matrix", "IdentityInitializer",
                          NULL);
static ANTLER_INITIALIZER(random_uniform, "RandomUniform", uniform_fields, false, "uniform", "uniform", NULL);
static ANTLER_INITIALIZER(random_normal, "RandomNormal", normal_fields, false, "normal", "normal", NULL);
static ANTLER_INITIALIZER(truncated_normal, "TruncatedNormal", normal_fields, false, "normal, cut at two deviations",
                          NULL);
static ANTLER_INITIALIZER(variance_scaling, "VarianceScaling", scaling_fields, true, "variance scale / units", NULL);
static ANTLER_INITIALIZER(glorot_uniform, "GlorotUniform", fan_fields, true, "uniform, variance 2 / (inputs + outputs)",
                          NULL);
static ANTLER_INITIALIZER(glorot_normal, "GlorotNormal", fan_fields, true, "normal, variance 2 / (inputs + outputs)",
                          NULL);
static ANTLER_INITIALIZER(he_uniform, "HeUniform", fan_fields, true, "uniform, variance 2 / inputs", NULL);
static ANTLER_INITIALIZER(he_normal, "HeNormal", fan_fields, true, "normal, variance 2 / inputs", NULL);
static ANTLER_INITIALIZER(lecun_uniform, "LecunUniform", fan_fields, true, "uniform, variance 1 / inputs", NULL);
static ANTLER_INITIALIZER(lecun_normal, "LecunNormal", fan_fields, true, "normal, variance 1 / inputs", NULL);

const antler_type *const antler__initializers[] = {
    &antler__zeros.type,
    &antler__ones.type,
    &antler__constant.type,
    &antler__identity.type,
    &antler__random_uniform.type,
    &antler__random_normal.type,
    &antler__truncated_normal.type,
    &antler__variance_scaling.type,
    &antler__glorot_uniform.type,
    &antler__glorot_normal.type,
    &antler__he_uniform.type,
    &antler__he_normal.type,
    &antler__lecun_uniform.type,
    &antler__lecun_normal.type,
    &antler__orthogonal.type,
    &antler__stft.type,
    NULL,
};
