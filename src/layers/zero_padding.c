/* ZeroPadding1D to 3D: y is x with zeros around it on the axes between the batch and the channels. Gradient: dy without
   them. */
#include "layers/shared/common.h"

#include <string.h>

static antler_status infer(const int64_t *pads, int axes, const antler_shape *in, antler_shape *out, antler_error *err)
{
    char text[128];
    if (in->rank != axes + 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected %d axes: batch, %d, channels",
                                antler_shape_text(in, text, sizeof text), axes + 2, axes);
    *out = *in;
    for (int i = 0; i < axes; i++)
        out->dim[i + 1] += pads[2 * i] + pads[2 * i + 1];
    return ANTLER_OK;
}

typedef struct job {
    int64_t in[3], out[3], before[3]; /* of the three axes; those that are not there have size 1 */
    int64_t channels;
    const antler_real *from;
    antler_real *to;
} job;

static job job_of(const antler_run *run, const int64_t *pads, int axes)
{
    job j = {.in = {1, 1, 1}, .out = {1, 1, 1}, .channels = run->x->shape.dim[axes + 1]};
    for (int i = 0; i < axes; i++) {
        int to = 3 - axes + i;
        j.in[to] = run->x->shape.dim[i + 1];
        j.out[to] = run->y->shape.dim[i + 1];
        j.before[to] = pads[2 * i];
    }
    return j;
}

/* The line of x that lies in line i of y, counted over all samples; -1: none, it is all zeros. */
static int64_t line_of(const job *j, int64_t i)
{
    int64_t b = i % j->out[1] - j->before[1], a = i / j->out[1] % j->out[0] - j->before[0];
    int64_t sample = i / j->out[1] / j->out[0];
    return a < 0 || a >= j->in[0] || b < 0 || b >= j->in[1] ? -1 : (sample * j->in[0] + a) * j->in[1] + b;
}

static void pad_lines(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const int64_t c = j->channels, size = j->out[2] * c, before = j->before[2] * c, n = j->in[2] * c;
    for (int64_t i = first; i < first + count; i++) {
        antler_real *y = j->to + i * size;
        int64_t line = line_of(j, i);
        if (line < 0) {
            memset(y, 0, (size_t)size * sizeof *y);
            continue;
        }
        memset(y, 0, (size_t)before * sizeof *y);
        memcpy(y + before, j->from + line * n, (size_t)n * sizeof *y);
        memset(y + before + n, 0, (size_t)(size - before - n) * sizeof *y);
    }
}

static void crop_lines(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const int64_t c = j->channels, size = j->out[2] * c, n = j->in[2] * c;
    for (int64_t i = first; i < first + count; i++) {
        int64_t line = line_of(j, i);
        if (line >= 0)
            memcpy(j->to + line * n, j->from + i * size + j->before[2] * c, (size_t)n * sizeof *j->to);
    }
}

static int64_t lines(const antler_run *run, const job *j)
{
    return run->y->shape.dim[0] * j->out[0] * j->out[1];
}

static antler_status forward(const int64_t *pads, int axes, antler_run *run)
{
    job j = job_of(run, pads, axes);
    j.from = run->x->data;
    j.to = run->y->data;
    antler_run_ranges(run, lines(run, &j), j.out[2] * j.channels, pad_lines, &j);
    return ANTLER_OK;
}

static antler_status backward(const int64_t *pads, int axes, antler_run *run)
{
    job j = job_of(run, pads, axes);
    j.from = run->dy->data;
    j.to = run->dx->data;
    if (j.to)
        antler_run_ranges(run, lines(run, &j), j.out[2] * j.channels, crop_lines, &j);
    return ANTLER_OK;
}

/* ---- the tables ---------------------------------------------------------------------------------------------------
 */

static const char *const samples_1d[] = {"(3, 2) {}", "(3, 2) {\"padding\": [0, 2]}", NULL};
static const char *const samples_2d[] = {"(2, 3, 2) {}", "(3, 2, 2) {\"padding\": [[0, 1], [2, 0]]}",
                                         "(2, 2, 1) {\"padding\": [1, 2]}", NULL};
static const char *const samples_3d[] = {"(2, 2, 2, 1) {}", "(1, 2, 2, 2) {\"padding\": [[0, 1], [2, 0], [1, 1]]}",
                                         NULL};

#define PADDING(axes)                                                                                     \
    static const antler_field fields_##axes##d[] = {                                                      \
        {.key = "padding",                                                                                \
         .kind = ANTLER_INTS,                                                                             \
         .offset = offsetof(struct antler_zero_padding##axes##d, padding),                                \
         .def = "1",                                                                                      \
         .max = ANTLER_MOST_UNITS,                                                                        \
         .flags = ANTLER_PAIRS,                                                                           \
         .count = 2 * (axes),                                                                             \
         .doc = "zeros before and behind each axis: a number, one for each axis, or pairs"},              \
        ANTLER_FIELD_IGNORED("data_format", "\"channels_last\""),                                         \
        ANTLER_FIELD_END,                                                                                 \
    };                                                                                                    \
    static antler_status infer_##axes##d(const void *config, const antler_shape *in, antler_shape *out,   \
                                         antler_error *err)                                               \
    {                                                                                                     \
        return infer(((const struct antler_zero_padding##axes##d *)config)->padding, axes, in, out, err); \
    }                                                                                                     \
    static antler_status forward_##axes##d(const void *config, antler_run *run)                           \
    {                                                                                                     \
        return forward(((const struct antler_zero_padding##axes##d *)config)->padding, axes, run);        \
    }                                                                                                     \
    static antler_status backward_##axes##d(const void *config, antler_run *run)                          \
    {                                                                                                     \
        return backward(((const struct antler_zero_padding##axes##d *)config)->padding, axes, run);       \
    }                                                                                                     \
    const antler_layer_ops antler_layer_zero_padding##axes##d = {                                         \
        .type = {.size = sizeof(antler_layer_ops),                                                        \
                 .kind = ANTLER_KIND_LAYER,                                                               \
                 .class_name = "ZeroPadding" #axes "D",                                                   \
                 .doc = "zeros around the input",                                                         \
                 .config_size = sizeof(struct antler_zero_padding##axes##d),                              \
                 .fields = fields_##axes##d,                                                              \
                 .samples = samples_##axes##d},                                                           \
        .infer = infer_##axes##d,                                                                         \
        .forward = forward_##axes##d,                                                                     \
        .backward = backward_##axes##d,                                                                   \
    }

PADDING(1);
PADDING(2);
PADDING(3);
