/* Initializers that fill a matrix as a whole: orthogonal vectors, waves. */
#include "core/memory.h"
#include "core/status.h"
#include "parts/fourier.h"
#include "parts/initializers.h"

#include <math.h>
#include <string.h>

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
    draw_columns(vector, count, length, antler__initializer_stream(c, key));
    orthogonalize(vector, count, length);
    for (int64_t j = 0; j < count; j++)
        for (int64_t k = 0; k < length; k++)
            w->data[wide ? j * columns + k : k * columns + j] = rounded(c->gain * vector[j * length + k]);
    antler__free(vector);
    return ANTLER_OK;
}

/* ---- Fourier ----------------------------------------------------------------------------------------------------- */

static antler_status stft_fill(const void *config, antler_tensor *w, uint64_t key, antler_error *err)
{
    const initializer *c = config;
    char text[128];
    (void)key;
    if (w->shape.rank != 3 || w->shape.dim[1] != 1 || w->shape.dim[2] < 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "STFT fills (frame, 1, frequencies), 2 or more, not %s",
                                antler_shape_text(&w->shape, text, sizeof text));
    const antler_taper taper = {c->window, c->scaling, c->periodic};
    const int64_t frequencies = w->shape.dim[2];
    antler__waves(&taper, strcmp(c->side, "imag") == 0, true, w->shape.dim[0], frequencies, 2 * (frequencies - 1),
                  w->data);
    return ANTLER_OK;
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

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
static const antler_field stft_fields[] = {
    ANTLER_CHOICE(side, "\"real\"", 0, sides, "cosines, or sines"),
    ANTLER_CHOICE(window, "\"hann\"", ANTLER_NULLABLE, antler__window_names,
                  "what they are multiplied by; null: nothing"),
    ANTLER_CHOICE(scaling, "\"density\"", ANTLER_NULLABLE, antler__window_scalings,
                  "the window is divided by the root of its sum of squares, or by its sum; null: by nothing"),
    ANTLER_FIELD_BOOL(initializer, periodic, "false", "the window is a period of the frame's length"),
    ANTLER_FIELD_END,
};
#undef ANTLER_CHOICE

/* Keras 3.0 knows the class by this name alone, Keras 2 by another, and all know the function's. */
const antler_initializer_ops antler__orthogonal = {
    .type = {.size = sizeof(antler_initializer_ops),
             .kind = ANTLER_KIND_INITIALIZER,
             .class_name = "OrthogonalInitializer",
             .aliases = (const char *const[]){"orthogonal", "Orthogonal", NULL},
             .doc = "orthogonal rows or columns",
             .config_size = sizeof(initializer),
             .fields = orthogonal_fields,
             .legacy_name = "orthogonal"},
    .fill = orthogonal_fill,
};
ANTLER_INITIALIZER(stft, "STFT", stft_fields, false, "waves of a short-time Fourier transform", "STFTInitializer",
                   NULL);
