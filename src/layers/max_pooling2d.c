/* MaxPooling2D: y (n, oh, ow, c) is the largest number of its window in x (n, h, w, c); padding takes no part.

   Gradient: dy goes to the first of the window's numbers, row by row, that equals y; windows that overlap add theirs.
 */
#include "layers/shared/common.h"
#include "layers/shared/window.h"

#include <string.h>

typedef struct antler_max_pooling2d max_pooling2d;

static const char *const paddings[] = {"valid", "same", NULL};

static const antler_field fields[] = {
    {.key = "pool_size",
     .kind = ANTLER_INTS,
     .offset = offsetof(max_pooling2d, pool_size),
     .def = "[2, 2]",
     .min = 1,
     .max = ANTLER_MOST_UNITS,
     .count = 2,
     .doc = "height and width of the window"},
    {.key = "strides",
     .kind = ANTLER_INTS,
     .offset = offsetof(max_pooling2d, strides),
     .def = "null",
     .min = 1,
     .max = ANTLER_MOST_UNITS,
     .flags = ANTLER_NULLABLE,
     .count = 2,
     .doc = "steps of the window; null: pool_size"},
    {.key = "padding",
     .kind = ANTLER_STRING,
     .offset = offsetof(max_pooling2d, padding),
     .def = "\"valid\"",
     .choices = paddings,
     .doc = "valid: windows inside of the input; same: windows that reach over its edges"},
    ANTLER_FIELD_IGNORED("data_format", "\"channels_last\""),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(4, 4, 2) {}",
    "(5, 6, 1) {\"pool_size\": [2, 3], \"strides\": [2, 1]}",
    "(5, 5, 2) {\"pool_size\": 3, \"strides\": 2, \"padding\": \"same\"}",
    NULL,
};

static antler_status windows(const max_pooling2d *c, const antler_shape *in, antler_window w[2], antler_error *err)
{
    char text[128];
    if (in->rank != 4)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected (batch, height, width, channels)",
                                antler_shape_text(in, text, sizeof text));
    for (int i = 0; i < 2; i++) {
        const int64_t stride = c->strides[i] > 0 ? c->strides[i] : c->pool_size[i]; /* null: not positive */
        ANTLER_TRY(antler__window(&w[i], in->dim[1 + i], c->pool_size[i], stride, 1, c->padding == paddings[1], err));
    }
    return ANTLER_OK;
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    antler_window w[2];
    ANTLER_TRY(windows(config, in, w, err));
    *out = (antler_shape){4, {in->dim[0], w[0].out, w[1].out, in->dim[3]}};
    return ANTLER_OK;
}

/* What the tasks of a call see. */
typedef struct job {
    antler_window h, w;
    int64_t channels;
    const antler_real *x, *dy;
    antler_real *y, *dx;
} job;

/* The inputs [*first, *last) of output o. */
static void span(const antler_window *w, int64_t o, int64_t *first, int64_t *last)
{
    const int64_t at = o * w->stride - w->before;
    *first = at > 0 ? at : 0;
    *last = at + w->taps < w->in ? at + w->taps : w->in;
}

/* What a line or an image costs that has `outputs` windows: the taps inside of the input, as `span` cuts them. A window
   may be far larger than its input, and its size in the config than any product of two may be. */
static int64_t cost_of(const job *j, int64_t outputs)
{
    const double h = (double)(j->h.taps < j->h.in ? j->h.taps : j->h.in);
    const double w = (double)(j->w.taps < j->w.in ? j->w.taps : j->w.in);
    const double cost = (double)outputs * (double)j->channels * h * w;
    return cost < 0x1p31 ? (int64_t)cost : INT32_MAX;
}

static void take_larger(antler_real *y, const antler_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > y[i] ? x[i] : y[i];
}

/* Output line i, counted over all images. */
static void forward_line(const job *j, int64_t i)
{
    const int64_t c = j->channels;
    const antler_real *const x = j->x + i / j->h.out * j->h.in * j->w.in * c;
    antler_real *y = j->y + i * j->w.out * c;
    int64_t h0, h1, w0, w1;
    span(&j->h, i % j->h.out, &h0, &h1);
    for (int64_t o = 0; o < j->w.out; o++, y += c) {
        span(&j->w, o, &w0, &w1);
        memcpy(y, x + (h0 * j->w.in + w0) * c, (size_t)c * sizeof *y);
        for (int64_t h = h0; h < h1; h++)
            for (int64_t w = h > h0 ? w0 : w0 + 1; w < w1; w++)
                take_larger(y, x + (h * j->w.in + w) * c, c);
    }
}

static void forward_lines(void *arg, int64_t first, int64_t count)
{
    for (int64_t i = first; i < first + count; i++)
        forward_line(arg, i);
}

static antler_status forward(const void *config, antler_run *run)
{
    antler_window w[2];
    ANTLER_TRY(windows(config, &run->x->shape, w, run->err));
    job j = {.h = w[0], .w = w[1], .channels = run->x->shape.dim[3], .x = run->x->data, .y = run->y->data};
    antler_run_ranges(run, run->x->shape.dim[0] * j.h.out, cost_of(&j, j.w.out), forward_lines, &j);
    return ANTLER_OK;
}

enum { BLOCK = 64 }; /* channels at a time: their gradients wait on the stack for the first that equals y */

/* dx += left where x equals y; that gradient is then gone from left. */
static void give_to_equal(antler_real *dx, antler_real *left, const antler_real *x, const antler_real *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const antler_real given = x[i] == y[i] ? left[i] : 0;
        dx[i] += given;
        left[i] = x[i] == y[i] ? 0 : left[i];
    }
}

/* Output (oh, ow) of an image, channels [c0, c0 + n). */
static void backward_block(const job *j, int64_t image, int64_t oh, int64_t ow, int64_t c0, int64_t n)
{
    const int64_t in = image * j->h.in * j->w.in, at = ((image * j->h.out + oh) * j->w.out + ow) * j->channels + c0;
    antler_real left[BLOCK];
    int64_t h0, h1, w0, w1;
    span(&j->h, oh, &h0, &h1);
    span(&j->w, ow, &w0, &w1);
    memcpy(left, j->dy + at, (size_t)n * sizeof *left);
    for (int64_t h = h0; h < h1; h++)
        for (int64_t w = w0; w < w1; w++) {
            const int64_t pixel = (in + h * j->w.in + w) * j->channels + c0;
            give_to_equal(j->dx + pixel, left, j->x + pixel, j->y + at, n);
        }
}

static void backward_images(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const int64_t size = j->h.in * j->w.in * j->channels;
    memset(j->dx + first * size, 0, (size_t)(count * size) * sizeof *j->dx);
    for (int64_t image = first; image < first + count; image++)
        for (int64_t oh = 0; oh < j->h.out; oh++)
            for (int64_t ow = 0; ow < j->w.out; ow++)
                for (int64_t c = 0; c < j->channels; c += BLOCK)
                    backward_block(j, image, oh, ow, c, j->channels - c < BLOCK ? j->channels - c : BLOCK);
}

static antler_status backward(const void *config, antler_run *run)
{
    if (!run->dx->data)
        return ANTLER_OK;
    antler_window w[2];
    ANTLER_TRY(windows(config, &run->x->shape, w, run->err));
    job j = {.h = w[0],
             .w = w[1],
             .channels = run->x->shape.dim[3],
             .x = run->x->data,
             .y = run->y->data,
             .dy = run->dy->data,
             .dx = run->dx->data};
    antler_run_ranges(run, run->x->shape.dim[0], cost_of(&j, j.h.out * j.w.out), backward_images, &j);
    return ANTLER_OK;
}

const antler_layer_ops antler_layer_max_pooling2d = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "MaxPooling2D",
             .aliases = (const char *const[]){"MaxPool2D", NULL},
             .doc = "largest number of each window",
             .config_size = sizeof(max_pooling2d),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_NEEDS_X | ANTLER_NEEDS_Y,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
