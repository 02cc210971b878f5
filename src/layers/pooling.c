/* MaxPooling1D to 3D and AveragePooling1D to 3D: y (n, o, c) is the largest number, or the mean, of its window in
   x (n, i, c), where o and i are places on all axes; padding takes no part. Of the adaptive ones the windows are as
   large as it takes to cover the input with as many as are wanted.

   Gradient of the largest: dy goes to the first of the window's numbers, line by line, that equals y; in MaxPooling3D
   to each that does, as in TensorFlow. Of the mean: each gets dy / how many they are. Windows that overlap add theirs.
 */
#include "layers/shared/common.h"
#include "layers/shared/convolution_fields.h"
#include "layers/shared/window.h"

#include <string.h>

typedef struct antler_pooling pooling;
typedef struct antler_adaptive_pooling adaptive;

static antler_status sliding_windows(const pooling *c, int axes, const antler_shape *in,
                                     antler_window w[ANTLER_SPATIAL], antler_error *err)
{
    const antler_window_config config = {axes, c->pool_size, c->strides, NULL, c->padding}; /* strides: 0 for null */
    return antler__windows(w, &config, in, err);
}

/* Their places are `span`'s; taps: the most that one has. */
static antler_status adaptive_windows(const adaptive *c, int axes, const antler_shape *in,
                                      antler_window w[ANTLER_SPATIAL], antler_error *err)
{
    ANTLER_TRY(antler__spatial(axes, in, err));
    for (int i = 0; i < ANTLER_SPATIAL; i++) {
        const int axis = i - (ANTLER_SPATIAL - axes);
        const int64_t n = axis < 0 ? 1 : in->dim[1 + axis], out = axis < 0 ? 1 : c->output_size[axis];
        w[i] = (antler_window){.in = n, .out = out, .taps = n / out + 2};
    }
    return ANTLER_OK;
}

static antler_status windows(const void *config, bool adapts, int axes, const antler_shape *in,
                             antler_window w[ANTLER_SPATIAL], antler_error *err)
{
    return adapts ? adaptive_windows(config, axes, in, w, err) : sliding_windows(config, axes, in, w, err);
}

static antler_status infer(const void *config, int axes, bool adapts, const antler_shape *in, antler_shape *out,
                           antler_error *err)
{
    antler_window w[ANTLER_SPATIAL];
    ANTLER_TRY(windows(config, adapts, axes, in, w, err));
    *out = antler__windows_shape(w, axes, in->dim[0], in->dim[axes + 1]);
    return ANTLER_OK;
}

/* What the tasks of a call see. */
typedef struct job {
    antler_window w[ANTLER_SPATIAL];
    bool adapts;
    bool to_each; /* of equal maxima, the gradient goes whole to each: TensorFlow's MaxPool3D */
    int64_t channels;
    const antler_real *x, *dy;
    antler_real *y, *dx;
} job;

static antler_status job_of(const void *config, bool adapts, antler_run *run, job *j)
{
    const antler_shape *in = &run->x->shape;
    const int axes = in->rank - 2;
    *j = (job){.adapts = adapts,
               .to_each = axes == 3 && !adapts,
               .channels = in->dim[axes + 1],
               .x = run->x->data,
               .y = run->y->data};
    return windows(config, adapts, axes, in, j->w, run->err);
}

/* The inputs of an image that a window sees, on each axis [first, last). */
typedef struct box {
    int64_t first[ANTLER_SPATIAL], last[ANTLER_SPATIAL];
} box;

static inline void span(const job *j, box *b, int axis, int64_t o)
{
    const antler_window *w = &j->w[axis];
    if (j->adapts) { /* from o / out of the input to (o + 1) / out, rounded outwards */
        b->first[axis] = o * w->in / w->out;
        b->last[axis] = ((o + 1) * w->in + w->out - 1) / w->out;
        return;
    }
    const int64_t at = o * w->stride - w->before;
    b->first[axis] = at > 0 ? at : 0;
    b->last[axis] = at + w->taps < w->in ? at + w->taps : w->in;
}

static int64_t numbers_of(const box *b)
{
    return (b->last[0] - b->first[0]) * (b->last[1] - b->first[1]) * (b->last[2] - b->first[2]);
}

/* Where a line of the box begins in an image, in positions. */
static int64_t line_at(const job *j, int64_t d, int64_t h)
{
    return (d * j->w[1].in + h) * j->w[2].in;
}

/* What so many windows cost: the taps inside of the input, as `span` cuts them. A window may be far larger than its
   input, and its size in the config than any product of two may be. */
static int64_t cost_of(const job *j, int64_t outputs)
{
    double cost = (double)outputs * (double)j->channels;
    for (int i = 0; i < ANTLER_SPATIAL; i++)
        cost *= (double)(j->w[i].taps < j->w[i].in ? j->w[i].taps : j->w[i].in);
    return cost < 0x1p31 ? (int64_t)cost : INT32_MAX;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static inline void take_larger(antler_real *y, const antler_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > y[i] ? x[i] : y[i];
}

static inline void take_sum(antler_real *y, const antler_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += x[i];
}

/* One output: its window's first number copied, the others taken in. */
static inline void pool(const job *j, const antler_real *image, const box *b, antler_real *y,
                        void (*take)(antler_real *y, const antler_real *x, int64_t n))
{
    const int64_t c = j->channels, begin = line_at(j, b->first[0], b->first[1]);
    memcpy(y, image + (begin + b->first[2]) * c, (size_t)c * sizeof *y);
    for (int64_t d = b->first[0]; d < b->last[0]; d++)
        for (int64_t h = b->first[1]; h < b->last[1]; h++) {
            const int64_t line = line_at(j, d, h);
            for (int64_t w = b->first[2] + (line == begin); w < b->last[2]; w++)
                take(y, image + (line + w) * c, c);
        }
}

/* Output line i, counted over all images. */
static inline void forward_line(const job *j, int64_t i, bool mean)
{
    const int64_t c = j->channels, plane = i / j->w[1].out;
    const antler_real *const image = j->x + plane / j->w[0].out * antler__inputs(j->w) * c;
    antler_real *y = j->y + i * j->w[2].out * c;
    box b;
    span(j, &b, 0, plane % j->w[0].out);
    span(j, &b, 1, i % j->w[1].out);
    for (int64_t o = 0; o < j->w[2].out; o++, y += c) {
        span(j, &b, 2, o);
        pool(j, image, &b, y, mean ? take_sum : take_larger);
        const antler_real n = (antler_real)numbers_of(&b);
        for (int64_t e = 0; mean && e < c; e++)
            y[e] /= n;
    }
}

static void largest_lines(void *arg, int64_t first, int64_t count)
{
    for (int64_t i = first; i < first + count; i++)
        forward_line(arg, i, false);
}

static void mean_lines(void *arg, int64_t first, int64_t count)
{
    for (int64_t i = first; i < first + count; i++)
        forward_line(arg, i, true);
}

static antler_status forward(const void *config, bool adapts, antler_run *run,
                             void (*fn)(void *arg, int64_t first, int64_t count))
{
    job j;
    ANTLER_TRY(job_of(config, adapts, run, &j));
    antler_run_ranges(run, run->x->shape.dim[0] * j.w[0].out * j.w[1].out, cost_of(&j, j.w[2].out), fn, &j);
    return ANTLER_OK;
}

static antler_status forward_max(const void *config, antler_run *run)
{
    return forward(config, false, run, largest_lines);
}

static antler_status forward_adaptive_max(const void *config, antler_run *run)
{
    return forward(config, true, run, largest_lines);
}

static antler_status forward_average(const void *config, antler_run *run)
{
    return forward(config, false, run, mean_lines);
}

static antler_status forward_adaptive_average(const void *config, antler_run *run)
{
    return forward(config, true, run, mean_lines);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

enum { BLOCK = 64 }; /* channels at a time: their gradients wait on the stack for the first that equals y */

/* dx += left where x equals y; unless it stays for each, that gradient is then gone from left. */
static inline void give_to_equal(antler_real *dx, antler_real *left, const antler_real *x, const antler_real *y,
                                 int64_t n, bool stays)
{
    for (int64_t i = 0; i < n; i++) {
        const antler_real given = x[i] == y[i] ? left[i] : 0;
        dx[i] += given;
        left[i] = x[i] == y[i] && !stays ? 0 : left[i];
    }
}

/* Output `at` (over all images), whose window lies in the image that begins at position `image`: channels [c0, c0 + n).
 */
static inline void backward_block(const job *j, int64_t image, int64_t at, const box *b, int64_t c0, int64_t n,
                                  bool mean)
{
    const antler_real *const dy = j->dy + at * j->channels + c0, *const y = j->y + at * j->channels + c0;
    const antler_real share = (antler_real)numbers_of(b);
    antler_real left[BLOCK];
    if (!mean)
        memcpy(left, dy, (size_t)n * sizeof *left);
    for (int64_t i = 0; mean && i < n; i++)
        left[i] = dy[i] / share;
    for (int64_t d = b->first[0]; d < b->last[0]; d++)
        for (int64_t h = b->first[1]; h < b->last[1]; h++)
            for (int64_t w = b->first[2]; w < b->last[2]; w++) {
                const int64_t pixel = (image + line_at(j, d, h) + w) * j->channels + c0;
                if (mean)
                    take_sum(j->dx + pixel, left, n);
                else
                    give_to_equal(j->dx + pixel, left, j->x + pixel, y, n, j->to_each);
            }
}

static inline void backward_image(const job *j, int64_t image, bool mean)
{
    const int64_t c = j->channels, inputs = antler__inputs(j->w), outputs = antler__outputs(j->w);
    memset(j->dx + image * inputs * c, 0, (size_t)(inputs * c) * sizeof *j->dx);
    for (int64_t line = 0, o = 0; line < j->w[0].out * j->w[1].out; line++) {
        box b;
        span(j, &b, 0, line / j->w[1].out);
        span(j, &b, 1, line % j->w[1].out);
        for (int64_t column = 0; column < j->w[2].out; column++, o++) {
            span(j, &b, 2, column);
            for (int64_t e = 0; e < c; e += BLOCK)
                backward_block(j, image * inputs, image * outputs + o, &b, e, c - e < BLOCK ? c - e : BLOCK, mean);
        }
    }
}

static void largest_images(void *arg, int64_t first, int64_t count)
{
    for (int64_t image = first; image < first + count; image++)
        backward_image(arg, image, false);
}

static void mean_images(void *arg, int64_t first, int64_t count)
{
    for (int64_t image = first; image < first + count; image++)
        backward_image(arg, image, true);
}

static antler_status backward(const void *config, bool adapts, antler_run *run,
                              void (*fn)(void *arg, int64_t first, int64_t count))
{
    job j;
    if (!run->dx->data)
        return ANTLER_OK;
    ANTLER_TRY(job_of(config, adapts, run, &j));
    j.dy = run->dy->data;
    j.dx = run->dx->data;
    antler_run_ranges(run, run->x->shape.dim[0], cost_of(&j, antler__outputs(j.w)), fn, &j);
    return ANTLER_OK;
}

static antler_status backward_max(const void *config, antler_run *run)
{
    return backward(config, false, run, largest_images);
}

static antler_status backward_adaptive_max(const void *config, antler_run *run)
{
    return backward(config, true, run, largest_images);
}

static antler_status backward_average(const void *config, antler_run *run)
{
    return backward(config, false, run, mean_images);
}

static antler_status backward_adaptive_average(const void *config, antler_run *run)
{
    return backward(config, true, run, mean_images);
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static const char *const samples_1d[] = {
    "(5, 2) {}",
    "(5, 2) {\"pool_size\": 3, \"strides\": 2, \"padding\": \"same\"}",
    NULL,
};
static const char *const samples_2d[] = {
    "(4, 4, 2) {}",
    "(5, 6, 1) {\"pool_size\": [2, 3], \"strides\": [2, 1]}",
    "(2, 4, 6) {\"pool_size\": [2, 3], \"data_format\": \"channels_first\"}",
    "(5, 5, 2) {\"pool_size\": 3, \"strides\": 2, \"padding\": \"same\"}",
    NULL,
};
static const char *const samples_3d[] = {
    "(3, 2, 3, 2) {\"pool_size\": [2, 1, 3], \"strides\": [1, 2, 2], \"padding\": \"same\"}",
    NULL,
};

static const char *const adaptive_1d[] = {"(5, 2) {\"output_size\": 3}", "(3, 1) {\"output_size\": 5}", NULL};
static const char *const adaptive_2d[] = {
    "(4, 5, 2) {\"output_size\": [2, 3]}",
    "(3, 4, 1) {\"output_size\": 1}",
    NULL,
};
static const char *const adaptive_3d[] = {"(3, 2, 4, 1) {\"output_size\": [2, 1, 3]}", NULL};

#define AXES(axes)                                                                                               \
    static const antler_field fields_##axes##d[] = {                                                             \
        ANTLER_FIELD_SPATIAL(pooling, pool_size, axes, "2", 1, 0, "sizes of the window"),                        \
        ANTLER_FIELD_SPATIAL(pooling, strides, axes, "null", 1, ANTLER_NULLABLE,                                 \
                             "steps of the window; null: pool_size"),                                            \
        ANTLER_FIELD_PADDING(pooling, antler__paddings,                                                          \
                             "valid: windows inside of the input; same: windows that reach over its edges"),     \
        ANTLER_FIELD_DATA_FORMAT(pooling, 0),                                                                    \
        ANTLER_FIELD_END,                                                                                        \
    };                                                                                                           \
    static const antler_field fields_adaptive_##axes##d[] = {                                                    \
        ANTLER_FIELD_SPATIAL(adaptive, output_size, axes, NULL, 1, 0, "positions of the output"),                \
        ANTLER_FIELD_DATA_FORMAT(adaptive, 0),                                                                   \
        ANTLER_FIELD_END,                                                                                        \
    };                                                                                                           \
    static antler_status infer_##axes##d(const void *config, const antler_shape *in, antler_shape *out,          \
                                         antler_error *err)                                                      \
    {                                                                                                            \
        return infer(config, axes, false, in, out, err);                                                         \
    }                                                                                                            \
    static antler_status infer_adaptive_##axes##d(const void *config, const antler_shape *in, antler_shape *out, \
                                                  antler_error *err)                                             \
    {                                                                                                            \
        return infer(config, axes, true, in, out, err);                                                          \
    }
AXES(1)
AXES(2)
AXES(3)

#define POOLING(name, like, line, axes, of, need)                                                     \
    {                                                                                                 \
        .type = {.size = sizeof(antler_layer_ops),                                                    \
                 .kind = ANTLER_KIND_LAYER,                                                           \
                 .class_name = (name #axes "D"),                                                      \
                 .aliases = (const char *const[]){like #axes "D", NULL},                              \
                 .doc = (line),                                                                       \
                 .config_size = sizeof(pooling),                                                      \
                 .fields = fields_##axes##d,                                                          \
                 .samples = samples_##axes##d},                                                       \
        .flags = (need), .infer = infer_##axes##d, .forward = forward_##of, .backward = backward_##of \
    }
#define ADAPTIVE(name, line, axes, of, need)                                                  \
    {                                                                                         \
        .type = {.size = sizeof(antler_layer_ops),                                            \
                 .kind = ANTLER_KIND_LAYER,                                                   \
                 .class_name = (name #axes "D"),                                              \
                 .doc = (line),                                                               \
                 .config_size = sizeof(adaptive),                                             \
                 .fields = fields_adaptive_##axes##d,                                         \
                 .samples = adaptive_##axes##d},                                              \
        .flags = (need), .infer = infer_adaptive_##axes##d, .forward = forward_adaptive_##of, \
        .backward = backward_adaptive_##of                                                    \
    }
enum { OF_LARGEST = ANTLER_NEEDS_X | ANTLER_NEEDS_Y };
#define AVERAGE(axes) POOLING("AveragePooling", "AvgPool", "mean of each window", axes, average, 0)
#define LARGEST(axes) POOLING("MaxPooling", "MaxPool", "largest number of each window", axes, max, OF_LARGEST)
#define ADAPTIVE_AVERAGE(axes) \
    ADAPTIVE("AdaptiveAveragePooling", "means of as many windows as are wanted", axes, average, 0)
#define ADAPTIVE_LARGEST(axes) \
    ADAPTIVE("AdaptiveMaxPooling", "largest numbers of as many windows as are wanted", axes, max, OF_LARGEST)

const antler_layer_ops antler_layer_adaptive_average_pooling1d = ADAPTIVE_AVERAGE(1);
const antler_layer_ops antler_layer_adaptive_average_pooling2d = ADAPTIVE_AVERAGE(2);
const antler_layer_ops antler_layer_adaptive_average_pooling3d = ADAPTIVE_AVERAGE(3);
const antler_layer_ops antler_layer_adaptive_max_pooling1d = ADAPTIVE_LARGEST(1);
const antler_layer_ops antler_layer_adaptive_max_pooling2d = ADAPTIVE_LARGEST(2);
const antler_layer_ops antler_layer_adaptive_max_pooling3d = ADAPTIVE_LARGEST(3);
const antler_layer_ops antler_layer_average_pooling1d = AVERAGE(1);
const antler_layer_ops antler_layer_average_pooling2d = AVERAGE(2);
const antler_layer_ops antler_layer_average_pooling3d = AVERAGE(3);
const antler_layer_ops antler_layer_max_pooling1d = LARGEST(1);
const antler_layer_ops antler_layer_max_pooling2d = LARGEST(2);
const antler_layer_ops antler_layer_max_pooling3d = LARGEST(3);
