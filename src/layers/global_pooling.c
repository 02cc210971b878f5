/* GlobalAveragePooling and GlobalMaxPooling, of one to three axes between the batch and the channels:

     y (n, c) = mean, or largest, over s of x (n, s, c)

   The mean's sum runs over blocks of 64 positions, each in its order. Gradient: dy / s, or dy to the first that equals
   y.

   Masks, of one axis alone: GlobalAveragePooling1D takes the mean over the steps that are not masked. */
#include "layers/shared/common.h"

#include <string.h>

typedef struct antler_global_pooling pooling;

enum { BLOCK = 64 }; /* positions of a partial sum; channels at a time */

static const antler_field fields[] = {
    ANTLER_FIELD_BOOL(pooling, keepdims, "false", "y keeps the axes, of size 1"),
    ANTLER_FIELD_DATA_FORMAT(pooling, 0),
    ANTLER_FIELD_END,
};

static antler_status infer(const antler_shape *in, antler_shape *out, int axes, bool keepdims, antler_error *err)
{
    char text[128];
    if (in->rank != axes + 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected %d axes: batch, %d, channels",
                                antler_shape_text(in, text, sizeof text), axes + 2, axes);
    *out = (antler_shape){2, {in->dim[0], in->dim[axes + 1]}};
    if (!keepdims)
        return ANTLER_OK;
    *out = *in;
    for (int i = 1; i <= axes; i++)
        out->dim[i] = 1;
    return ANTLER_OK;
}

typedef struct job {
    const antler_real *x, *y, *dy, *mask;
    antler_real *to;
    int64_t positions, channels;
} job;

static job job_of(const antler_run *run)
{
    const antler_shape *shape = &run->x->shape;
    job j = {.x = run->x->data, .channels = shape->dim[shape->rank - 1]};
    j.positions = antler_count(shape, 1) / j.channels;
    return j;
}

static void run_samples(antler_run *run, job *j, void (*fn)(void *arg, int64_t first, int64_t count))
{
    antler_run_ranges(run, run->x->shape.dim[0], j->positions * j->channels, fn, j);
}

/* ---- averages -----------------------------------------------------------------------------------------------------
 */

/* Steps of a sample that count; 1 where none does: its mean is 0, where Keras divides 0 by 0. */
static antler_real count_of(const job *j, int64_t sample)
{
    antler_real count = 0;
    for (int64_t s = 0; j->mask && s < j->positions; s++)
        count += j->mask[sample * j->positions + s];
    return !j->mask ? (antler_real)j->positions : count > 0 ? count : 1;
}

static bool counts(const job *j, int64_t sample, int64_t s)
{
    return !j->mask || j->mask[sample * j->positions + s] != 0;
}

/* Channels [c, c + n) of a sample's sum. */
static void sum_channels(const job *j, int64_t sample, int64_t c, int64_t n, antler_real *sum)
{
    const antler_real *x = j->x + sample * j->positions * j->channels + c;
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int64_t block = 0; block < j->positions; block += BLOCK) {
        antler_real part[BLOCK] = {0};
        for (int64_t s = block; s < j->positions && s < block + BLOCK; s++)
            for (int64_t i = 0; counts(j, sample, s) && i < n; i++)
                part[i] += x[s * j->channels + i];
        for (int64_t i = 0; i < n; i++)
            sum[i] += part[i];
    }
}

static void average_samples(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t sample = first; sample < first + count; sample++) {
        const antler_real divisor = count_of(j, sample);
        for (int64_t c = 0; c < j->channels; c += BLOCK) {
            int64_t n = j->channels - c < BLOCK ? j->channels - c : BLOCK;
            antler_real sum[BLOCK];
            sum_channels(j, sample, c, n, sum);
            for (int64_t i = 0; i < n; i++)
                j->to[sample * j->channels + c + i] = sum[i] / divisor;
        }
    }
}

static void spread_samples(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t sample = first; sample < first + count; sample++) {
        const antler_real divisor = count_of(j, sample), *dy = j->dy + sample * j->channels;
        antler_real *dx = j->to + sample * j->positions * j->channels;
        for (int64_t s = 0; s < j->positions; s++)
            for (int64_t c = 0; c < j->channels; c++)
                dx[s * j->channels + c] = counts(j, sample, s) ? dy[c] / divisor : 0;
    }
}

static antler_status average(const void *config, antler_run *run)
{
    job j = job_of(run);
    (void)config;
    j.mask = run->x->shape.rank == 3 ? run->mask->data : NULL;
    j.to = run->y->data;
    run_samples(run, &j, average_samples);
    return ANTLER_OK;
}

static antler_status average_back(const void *config, antler_run *run)
{
    job j = job_of(run);
    (void)config;
    j.mask = run->x->shape.rank == 3 ? run->mask->data : NULL;
    j.dy = run->dy->data;
    j.to = run->dx->data;
    if (j.to)
        run_samples(run, &j, spread_samples);
    return ANTLER_OK;
}

/* ---- largest ------------------------------------------------------------------------------------------------------
 */

static void largest_of_samples(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t sample = first; sample < first + count; sample++) {
        const antler_real *x = j->x + sample * j->positions * j->channels;
        antler_real *y = j->to + sample * j->channels;
        memcpy(y, x, (size_t)j->channels * sizeof *y);
        for (int64_t s = 1; s < j->positions; s++)
            for (int64_t c = 0; c < j->channels; c++)
                y[c] = x[s * j->channels + c] > y[c] ? x[s * j->channels + c] : y[c];
    }
}

/* Of equal ones each gets its share, as TensorFlow gives a maximum over axes. */
static void give_to_largest(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t sample = first; sample < first + count; sample++) {
        const int64_t at = sample * j->positions * j->channels;
        for (int64_t c = 0; c < j->channels; c++) {
            const antler_real y = j->y[sample * j->channels + c];
            antler_real equal = 0;
            for (int64_t s = 0; s < j->positions; s++)
                equal += j->x[at + s * j->channels + c] == y;
            const antler_real share = j->dy[sample * j->channels + c] / equal;
            for (int64_t s = 0; s < j->positions; s++)
                j->to[at + s * j->channels + c] = j->x[at + s * j->channels + c] == y ? share : 0;
        }
    }
}

static antler_status largest(const void *config, antler_run *run)
{
    job j = job_of(run);
    (void)config;
    j.to = run->y->data;
    run_samples(run, &j, largest_of_samples);
    return ANTLER_OK;
}

static antler_status largest_back(const void *config, antler_run *run)
{
    job j = job_of(run);
    (void)config;
    j.y = run->y->data;
    j.dy = run->dy->data;
    j.to = run->dx->data;
    if (j.to)
        run_samples(run, &j, give_to_largest);
    return ANTLER_OK;
}

/* ---- the tables ---------------------------------------------------------------------------------------------------
 */

static antler_status infer_1d(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    return infer(in, out, 1, ((const pooling *)config)->keepdims, err);
}

static antler_status infer_2d(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    return infer(in, out, 2, ((const pooling *)config)->keepdims, err);
}

static antler_status infer_3d(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    return infer(in, out, 3, ((const pooling *)config)->keepdims, err);
}

static const char *const samples_1d[] = {"(4, 3) {}", "(70, 2) {\"keepdims\": true}", NULL};
static const char *const samples_2d[] = {"(3, 4, 2) {}", "(2, 2, 3) {\"keepdims\": true}",
                                         "(2, 3, 4) {\"keepdims\": true, \"data_format\": \"channels_first\"}", NULL};
static const char *const samples_3d[] = {"(2, 3, 2, 2) {}", NULL};

#define GLOBAL(keras_name, alias, line, axes, need, pass, pass_back)                          \
    {                                                                                         \
        .type = {.size = sizeof(antler_layer_ops),                                            \
                 .kind = ANTLER_KIND_LAYER,                                                   \
                 .class_name = (keras_name),                                                  \
                 .aliases = (const char *const[]){(alias), NULL},                             \
                 .doc = (line),                                                               \
                 .config_size = sizeof(pooling),                                              \
                 .fields = fields,                                                            \
                 .samples = samples_##axes##d},                                               \
        .flags = (need), .infer = infer_##axes##d, .forward = (pass), .backward = (pass_back) \
    }
#define AVERAGE(axes)                                                                                                \
    GLOBAL("GlobalAveragePooling" #axes "D", "GlobalAvgPool" #axes "D", "mean over all positions", axes, 0, average, \
           average_back)
#define LARGEST(axes)                                                                                          \
    GLOBAL("GlobalMaxPooling" #axes "D", "GlobalMaxPool" #axes "D", "largest number over all positions", axes, \
           ANTLER_NEEDS_X | ANTLER_NEEDS_Y, largest, largest_back)

const antler_layer_ops antler_layer_global_average_pooling1d = AVERAGE(1);
const antler_layer_ops antler_layer_global_average_pooling2d = AVERAGE(2);
const antler_layer_ops antler_layer_global_average_pooling3d = AVERAGE(3);
const antler_layer_ops antler_layer_global_max_pooling1d = LARGEST(1);
const antler_layer_ops antler_layer_global_max_pooling2d = LARGEST(2);
const antler_layer_ops antler_layer_global_max_pooling3d = LARGEST(3);
