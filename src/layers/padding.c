/* ZeroPadding1D to 3D: y is x with zeros around it on the axes between the batch and the channels. Cropping1D to 3D: y
   is x without what lies at the ends of these axes. Each is the other's gradient. */
#include "layers/shared/common.h"

#include <string.h>

/* The config of all of them, as far as it is used; `padding` is Cropping's `cropping`. */
typedef struct antler_zero_padding3d margins;

static antler_status check_rank(const antler_shape *in, int axes, antler_error *err)
{
    char text[128];
    if (in->rank == axes + 2)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected %d axes: batch, %d, channels",
                            antler_shape_text(in, text, sizeof text), axes + 2, axes);
}

static antler_status infer_padded(const void *config, int axes, const antler_shape *in, antler_shape *out,
                                  antler_error *err)
{
    const int64_t *pads = ((const margins *)config)->padding;
    ANTLER_TRY(check_rank(in, axes, err));
    *out = *in;
    for (int i = 0; i < axes; i++)
        out->dim[i + 1] += pads[2 * i] + pads[2 * i + 1];
    return ANTLER_OK;
}

static antler_status infer_cropped(const void *config, int axes, const antler_shape *in, antler_shape *out,
                                   antler_error *err)
{
    const int64_t *cuts = ((const margins *)config)->padding;
    ANTLER_TRY(check_rank(in, axes, err));
    *out = *in;
    for (int i = 0; i < axes; i++) {
        out->dim[i + 1] -= cuts[2 * i] + cuts[2 * i + 1];
        if (out->dim[i + 1] < 1)
            return antler_error_set(
                err, ANTLER_SHAPE, "cropping", "%lld and %lld leave nothing of axis %d, whose size is %lld",
                (long long)cuts[2 * i], (long long)cuts[2 * i + 1], i + 1, (long long)in->dim[i + 1]);
    }
    return ANTLER_OK;
}

/* ---- forward and backward ---------------------------------------------------------------------------------------- */

typedef struct job {
    int64_t small[3], large[3], before[3]; /* of the three axes; those that are not there have size 1 */
    int64_t channels;
    const antler_real *from;
    antler_real *to;
} job;

static job job_of(const void *config, const antler_shape *small, const antler_shape *large)
{
    const int64_t *pads = ((const margins *)config)->padding;
    const int axes = small->rank - 2;
    job j = {.small = {1, 1, 1}, .large = {1, 1, 1}, .channels = small->dim[axes + 1]};
    for (int i = 0; i < axes; i++) {
        int to = 3 - axes + i;
        j.small[to] = small->dim[i + 1];
        j.large[to] = large->dim[i + 1];
        j.before[to] = pads[2 * i];
    }
    return j;
}

/* The line of the small one that lies in line i of the large one, counted over all samples; -1: none. */
static int64_t line_of(const job *j, int64_t i)
{
    int64_t b = i % j->large[1] - j->before[1], a = i / j->large[1] % j->large[0] - j->before[0];
    int64_t sample = i / j->large[1] / j->large[0];
    return a < 0 || a >= j->small[0] || b < 0 || b >= j->small[1] ? -1 : (sample * j->small[0] + a) * j->small[1] + b;
}

static void pad_lines(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const int64_t c = j->channels, size = j->large[2] * c, before = j->before[2] * c, n = j->small[2] * c;
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
    const int64_t c = j->channels, size = j->large[2] * c, n = j->small[2] * c;
    for (int64_t i = first; i < first + count; i++) {
        int64_t line = line_of(j, i);
        if (line >= 0)
            memcpy(j->to + line * n, j->from + i * size + j->before[2] * c, (size_t)n * sizeof *j->to);
    }
}

static void run_lines(antler_run *run, job *j, const antler_tensor *from, const antler_tensor *to,
                      void (*lines)(void *arg, int64_t first, int64_t count))
{
    j->from = from->data;
    j->to = to->data;
    if (j->to)
        antler_run_ranges(run, from->shape.dim[0] * j->large[0] * j->large[1], j->large[2] * j->channels, lines, j);
}

static antler_status pad(const void *config, antler_run *run)
{
    job j = job_of(config, &run->x->shape, &run->y->shape);
    run_lines(run, &j, run->x, run->y, pad_lines);
    return ANTLER_OK;
}

static antler_status pad_backward(const void *config, antler_run *run)
{
    job j = job_of(config, &run->dx->shape, &run->dy->shape);
    run_lines(run, &j, run->dy, run->dx, crop_lines);
    return ANTLER_OK;
}

static antler_status crop(const void *config, antler_run *run)
{
    job j = job_of(config, &run->y->shape, &run->x->shape);
    run_lines(run, &j, run->x, run->y, crop_lines);
    return ANTLER_OK;
}

static antler_status crop_backward(const void *config, antler_run *run)
{
    job j = job_of(config, &run->dy->shape, &run->dx->shape);
    run_lines(run, &j, run->dy, run->dx, pad_lines);
    return ANTLER_OK;
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static const char *const padding_samples1[] = {"(3, 2) {}", "(3, 2) {\"padding\": [0, 2]}", NULL};
static const char *const padding_samples2[] = {"(2, 3, 2) {}", "(3, 2, 2) {\"padding\": [[0, 1], [2, 0]]}",
                                               "(2, 2, 1) {\"padding\": [1, 2]}", NULL};
static const char *const padding_samples3[] = {"(2, 2, 2, 1) {}",
                                               "(1, 2, 2, 2) {\"padding\": [[0, 1], [2, 0], [1, 1]]}", NULL};
static const char *const cropping_samples1[] = {"(3, 2) {}", "(4, 2) {\"cropping\": [0, 2]}", NULL};
static const char *const cropping_samples2[] = {"(2, 3, 2) {}", "(3, 4, 2) {\"cropping\": [[0, 1], [2, 0]]}", NULL};
static const char *const cropping_samples3[] = {"(3, 3, 3, 2) {}",
                                                "(2, 3, 2, 2) {\"cropping\": [[0, 1], [2, 0], [0, 0]]}", NULL};

#define FORMAT(type) ANTLER_FIELD_DATA_FORMAT(type, 0)
#define NO_FORMAT(type) ANTLER_FIELD_IGNORED("data_format", "\"channels_last\"") /* Keras's Cropping1D has none */

/* One class: its margins in `member`, what it does at the ends of its axes. */
#define MARGINS(name, class, member, axes, def_, line, told, inferred, forwards, backwards, format)        \
    static const antler_field name##_fields##axes[] = {                                                    \
        {.key = #member,                                                                                   \
         .kind = ANTLER_INTS,                                                                              \
         .offset = offsetof(struct antler_##name##axes##d, member),                                        \
         .def = (def_),                                                                                    \
         .max = ANTLER_MOST_UNITS,                                                                         \
         .flags = ANTLER_PAIRS,                                                                            \
         .count = 2 * (axes),                                                                              \
         .doc = (told)},                                                                                   \
        format(struct antler_##name##axes##d),                                                             \
        ANTLER_FIELD_END,                                                                                  \
    };                                                                                                     \
    static antler_status name##_infer##axes(const void *config, const antler_shape *in, antler_shape *out, \
                                            antler_error *err)                                             \
    {                                                                                                      \
        return inferred(config, axes, in, out, err);                                                       \
    }                                                                                                      \
    const antler_layer_ops antler_layer_##name##axes##d = {                                                \
        .type = {.size = sizeof(antler_layer_ops),                                                         \
                 .kind = ANTLER_KIND_LAYER,                                                                \
                 .class_name = class #axes "D",                                                            \
                 .doc = (line),                                                                            \
                 .config_size = sizeof(struct antler_##name##axes##d),                                     \
                 .fields = name##_fields##axes,                                                            \
                 .samples = member##_samples##axes},                                                       \
        .infer = name##_infer##axes,                                                                       \
        .forward = (forwards),                                                                             \
        .backward = (backwards),                                                                           \
    }

#define PADDING(axes)                                                                                      \
    MARGINS(zero_padding, "ZeroPadding", padding, axes, "1", "zeros around the input",                     \
            "zeros before and behind each axis: a number, one for each axis, or pairs", infer_padded, pad, \
            pad_backward, FORMAT)
#define CROPPING(axes, def_, format)                                                                           \
    MARGINS(cropping, "Cropping", cropping, axes, def_, "the input without its margins",                       \
            "cut off before and behind each axis: a number, one for each axis, or pairs", infer_cropped, crop, \
            crop_backward, format)

PADDING(1);
PADDING(2);
PADDING(3);
CROPPING(1, "1", NO_FORMAT);
CROPPING(2, "0", FORMAT);
CROPPING(3, "1", FORMAT);
