/* Initializers: the first values of a variable, from the random stream of its key. What is drawn is computed in double
   from float numbers and rounded to float, in the double build too, so that both start from the same weights. */
#include "core/memory.h"
#include "kernels/kernels.h"
#include "model/model.h"
#include "parts/parts.h"

#include <math.h>
#include <string.h>

typedef struct initializer {
    int64_t seed; /* ANTLER_NULL: the model's */
    double mean, stddev, minval, maxval, value, gain, scale;
    const char *mode, *distribution;
    const char *side, *window, *scaling; /* window, scaling NULL: none */
    bool periodic;
} initializer;

/* A seed of the initializer's own gives the same values wherever it stands: the stream of a site that no model has. */
static antler_stream stream_of(const initializer *config, uint64_t key)
{
    const bool own = config->seed != ANTLER_NULL;
    return (antler_stream){.key = own ? antler__key(config->seed, ANTLER_FOR_INIT, -1) : key};
}

static antler_real rounded(double x)
{
    return (antler_real)(float)x;
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
    fill_uniform(w, stream_of(c, key), c->minval, c->maxval);
    return ANTLER_OK;
}

static antler_status random_normal_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    const initializer *c = config;
    (void)err;
    fill_normal(w, stream_of(c, key), c->mean, c->stddev);
    return ANTLER_OK;
}

static antler_status truncated_normal_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    const initializer *c = config;
    (void)err;
    fill_truncated(w, stream_of(c, key), c->mean, c->stddev);
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
    const antler_stream at = stream_of(c, key);
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

/* ---- orthogonal -------------------------------------------------------------------------------------------------- */

/* In eight lanes, folded 4, 2, 1. */
static double dot(const double *a, const double *b, int64_t n)
{
    double lane[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++)
            lane[j] += a[i + j] * b[i + j];
    for (int j = 0; i < n; i++, j++)
        lane[j] += a[i] * b[i];
    for (int width = 4; width > 0; width /= 2)
        for (int j = 0; j < width; j++)
            lane[j] += lane[j + width];
    return lane[0];
}

/* Gram and Schmidt over the `count` vectors of `length`, each taken twice, which makes them orthogonal to the last
   bits. This is the QR decomposition with a positive diagonal of R, which Keras gets by turning signs. */
static void orthogonalize(double *vector, int64_t count, int64_t length)
{
    for (int64_t j = 0; j < count; j++) {
        double *v = vector + j * length;
        for (int64_t i = 0; i < 2 * j; i++) {
            const double *q = vector + i % j * length;
            const double along = dot(q, v, length);
            for (int64_t k = 0; k < length; k++)
                v[k] -= along * q[k];
        }
        const double norm = sqrt(dot(v, v, length));
        for (int64_t k = 0; k < length; k++)
            v[k] /= norm;
    }
}

/* vector[j] is column j of a (length, count) matrix of the stream's numbers. */
static void draw_columns(double *vector, int64_t count, int64_t length, antler_stream at)
{
    enum { BLOCK = 256 };
    antler_real z[BLOCK];
    for (int64_t i = 0; i < count * length; i += BLOCK, at.position += BLOCK) {
        antler__kernels()->normal(at, z, BLOCK);
        for (int64_t j = i; j < i + BLOCK && j < count * length; j++)
            vector[j % count * length + j / count] = (double)z[j - i];
    }
}

static antler_status orthogonal_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    const initializer *c = config;
    const antler_shape *shape = &w->shape;
    char text[128];
    if (shape->rank < 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "Orthogonal fills two axes or more, not %s",
                                antler_shape_text(shape, text, sizeof text));
    const int64_t columns = shape->dim[shape->rank - 1], rows = antler_count(shape, 0) / columns;
    const bool wide = rows < columns;
    const int64_t count = wide ? rows : columns, length = wide ? columns : rows;
    double *vector = antler__allocate((size_t)(count * length), sizeof *vector);
    if (!vector)
        return antler__no_memory(err);
    draw_columns(vector, count, length, stream_of(c, key));
    orthogonalize(vector, count, length);
    for (int64_t j = 0; j < count; j++)
        for (int64_t k = 0; k < length; k++)
            w->data[wide ? j * columns + k : k * columns + j] = rounded(c->gain * vector[j * length + k]);
    antler__free(vector);
    return ANTLER_OK;
}

/* ---- Fourier ----------------------------------------------------------------------------------------------------- */

static const double pi = 3.14159265358979323846;

/* The window at t of n: a sum of cosines. */
static double window_at(const initializer *c, int64_t t, int64_t n)
{
    static const struct {
        const char *name;
        double term[3];
    } windows[] = {{"hann", {.5, .5, 0}}, {"hamming", {.54, .46, 0}}, {"blackman", {.42, .5, .08}}};
    const double turn = 2 * pi * (double)t / (double)(c->periodic ? n : n - 1);
    for (int i = 0; n > 1 && c->window && i < 3; i++)
        if (strcmp(c->window, windows[i].name) == 0)
            return windows[i].term[0] - windows[i].term[1] * antler_cos(turn) +
                   windows[i].term[2] * antler_cos(2 * turn);
    return 1; /* boxcar, and none */
}

/* What the window is divided by. */
static double window_size(const initializer *c, int64_t n)
{
    const bool density = c->scaling && strcmp(c->scaling, "density") == 0;
    double sum = 0;
    if (!c->window || !c->scaling)
        return 1;
    for (int64_t t = 0; t < n; t++)
        sum += density ? window_at(c, t, n) * window_at(c, t, n) : fabs(window_at(c, t, n));
    return density ? sqrt(sum) : sum;
}

static antler_status stft_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    const initializer *c = config;
    char text[128];
    (void)key;
    if (w->shape.rank != 3 || w->shape.dim[1] != 1 || w->shape.dim[2] < 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "STFT fills (frame, 1, frequencies), 2 or more, not %s",
                                antler_shape_text(&w->shape, text, sizeof text));
    const int64_t n = w->shape.dim[0], frequencies = w->shape.dim[2], period = 2 * (frequencies - 1);
    const double size = window_size(c, n), shift = strcmp(c->side, "real") == 0 ? 0 : pi / 2;
    for (int64_t t = 0; t < n; t++)
        for (int64_t f = 0; f < frequencies; f++) /* sin(-x) is cos(x + pi / 2) */
            w->data[t * frequencies + f] = rounded(
                antler_cos(2 * pi * (double)(t * f % period) / (double)period + shift) * window_at(c, t, n) / size);
    return ANTLER_OK;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

#define ANTLER_NUMBER(member, json, low, high, bounds, line)                                                       \
    {                                                                                                              \
        .key = #member, .kind = ANTLER_REAL, .offset = offsetof(initializer, member), .def = (json), .min = (low), \
        .max = (high), .flags = (bounds), .doc = (line)                                                            \
    }
#define ANTLER_SEED                                                                                   \
    {                                                                                                 \
        .key = "seed", .kind = ANTLER_INT, .offset = offsetof(initializer, seed), .def = "null",      \
        .flags = ANTLER_NULLABLE,                                                                     \
        .doc = "null: drawn from the model's seed; a number gives the same values wherever it stands" \
    }
/* Keras's way to say what the fans are; only its own rule is ours. */
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
static const antler_field orthogonal_fields[] = {
    ANTLER_SEED,
    ANTLER_NUMBER(gain, "1.0", 0, 0, 0, "the matrix is multiplied by it"),
    ANTLER_FIELD_END,
};
#define ANTLER_CHOICE(member, json, bounds, list, line)                                                \
    {                                                                                                  \
        .key = #member, .kind = ANTLER_STRING, .offset = offsetof(initializer, member), .def = (json), \
        .flags = (bounds), .choices = (list), .doc = (line)                                            \
    }
static const char *const sides[] = {"real", "imag", NULL};
static const char *const window_names[] = {"hann", "hamming", "blackman", "boxcar", NULL};
static const char *const scalings[] = {"density", "spectrum", NULL};
static const antler_field stft_fields[] = {
    ANTLER_CHOICE(side, "\"real\"", 0, sides, "cosines, or sines"),
    ANTLER_CHOICE(window, "\"hann\"", ANTLER_NULLABLE, window_names, "what they are multiplied by; null: nothing"),
    ANTLER_CHOICE(scaling, "\"density\"", ANTLER_NULLABLE, scalings,
                  "the window is divided by the root of its sum of squares, or by its sum; null: by nothing"),
    ANTLER_FIELD_BOOL(initializer, periodic, "false", "the window is a period of the frame's length"),
    ANTLER_FIELD_END,
};
#undef ANTLER_CHOICE
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
#undef ANTLER_NUMBER
#undef ANTLER_SEED
#undef ANTLER_FANS

/* One table: the class, its aliases, its fields and fill function. */
#define ANTLER_INITIALIZER(name, class, rows, line, ...)               \
    static const antler_initializer_ops name = {                       \
        .type = {.size = sizeof(antler_initializer_ops),               \
                 .kind = ANTLER_KIND_INITIALIZER,                      \
                 .class_name = (class),                                \
                 .aliases = (const char *const[]){#name, __VA_ARGS__}, \
                 .doc = (line),                                        \
                 .config_size = sizeof(initializer),                   \
                 .fields = (rows)},                                    \
        .fill = name##_fill,                                           \
    }

ANTLER_INITIALIZER(zeros, "Zeros", NULL, "0", "zero", NULL);
ANTLER_INITIALIZER(ones, "Ones", NULL, "1", "one", NULL);
ANTLER_INITIALIZER(constant, "Constant", constant_fields, "one value", NULL);
ANTLER_INITIALIZER(identity, "Identity", identity_fields, "the identity matrix", "IdentityInitializer", NULL);
ANTLER_INITIALIZER(random_uniform, "RandomUniform", uniform_fields, "uniform", "uniform", NULL);
ANTLER_INITIALIZER(random_normal, "RandomNormal", normal_fields, "normal", "normal", NULL);
ANTLER_INITIALIZER(truncated_normal, "TruncatedNormal", normal_fields, "normal, cut at two deviations", NULL);
ANTLER_INITIALIZER(variance_scaling, "VarianceScaling", scaling_fields, "variance scale / units", NULL);
ANTLER_INITIALIZER(glorot_uniform, "GlorotUniform", fan_fields, "uniform, variance 2 / (inputs + outputs)", NULL);
ANTLER_INITIALIZER(glorot_normal, "GlorotNormal", fan_fields, "normal, variance 2 / (inputs + outputs)", NULL);
ANTLER_INITIALIZER(he_uniform, "HeUniform", fan_fields, "uniform, variance 2 / inputs", NULL);
ANTLER_INITIALIZER(he_normal, "HeNormal", fan_fields, "normal, variance 2 / inputs", NULL);
ANTLER_INITIALIZER(lecun_uniform, "LecunUniform", fan_fields, "uniform, variance 1 / inputs", NULL);
ANTLER_INITIALIZER(lecun_normal, "LecunNormal", fan_fields, "normal, variance 1 / inputs", NULL);
/* Keras 3.0 knows this name alone, later ones both. */
ANTLER_INITIALIZER(orthogonal, "OrthogonalInitializer", orthogonal_fields, "orthogonal rows or columns", "Orthogonal",
                   NULL);
ANTLER_INITIALIZER(stft, "STFT", stft_fields, "waves of a short-time Fourier transform", "STFTInitializer", NULL);
#undef ANTLER_INITIALIZER

const antler_type *const antler__initializers[] = {
    &zeros.type,
    &ones.type,
    &constant.type,
    &identity.type,
    &random_uniform.type,
    &random_normal.type,
    &truncated_normal.type,
    &variance_scaling.type,
    &glorot_uniform.type,
    &glorot_normal.type,
    &he_uniform.type,
    &he_normal.type,
    &lecun_uniform.type,
    &lecun_normal.type,
    &orthogonal.type,
    &stft.type,
    NULL,
};
