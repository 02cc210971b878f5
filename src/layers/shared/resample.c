#include "layers/shared/resample.h"

#include "antler/random.h" /* antler_cos */
#include "antler/work.h"

#include <math.h>
#include <string.h>

const char *const antler__resample_methods[] = {"nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5", NULL};

/* ---- windows ----------------------------------------------------------------------------------------------------- */

antler_resampling antler__resampling(const antler_shape *x, int method, int64_t height, int64_t width)
{
    return (antler_resampling){
        .method = method, .height = {.size = x->dim[1], .out = height}, .width = {.size = x->dim[2], .out = width}};
}

/* Sizes of the window with the output's aspect ratio that has the other axis whole, rounded down. */
static int64_t aspect_size(const antler_window *axis, const antler_window *other)
{
    return (int64_t)((double)other->size * (double)axis->out / (double)other->out);
}

static void set_size(antler_window *axis, int64_t size)
{
    axis->start = (axis->size - size) / 2;
    axis->size = size;
}

void antler__crop_to_aspect(antler_resampling *r)
{
    int64_t height = aspect_size(&r->height, &r->width), width = aspect_size(&r->width, &r->height);
    height = height < 1 ? 1 : height;
    width = width < 1 ? 1 : width;
    set_size(&r->height, height < r->height.size ? height : r->height.size);
    set_size(&r->width, width < r->width.size ? width : r->width.size);
}

/* As much before as behind: an odd rest is left out. */
static void add_margins(antler_window *axis, int64_t size)
{
    int64_t margin = size > axis->size ? (size - axis->size) / 2 : 0;
    axis->start = -margin;
    axis->size += 2 * margin;
}

void antler__pad_to_aspect(antler_resampling *r)
{
    int64_t height = aspect_size(&r->height, &r->width), width = aspect_size(&r->width, &r->height);
    add_margins(&r->height, height);
    add_margins(&r->width, width);
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

/* One axis, as the loops see it: x is (outer, in, inner), y (outer, window.out, inner). */
typedef struct axis {
    int method;
    bool antialias;
    antler_window window;
    int64_t in, inner;
    antler_real fill;
} axis;

/* The pixels of the window that an output pixel is made of, and what their weights depend on. */
typedef struct span {
    int64_t first, count;
    double centre, stretch, low, high, total;
} span;

static double radius_of(int method)
{
    return method == ANTLER_BILINEAR ? 1 : method == ANTLER_BICUBIC ? 2 : method == ANTLER_LANCZOS3 ? 3 : 5;
}

/* Keys's cubic with a = -1/2. */
static double cubic(double x)
{
    if (x >= 2)
        return 0;
    return x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : (1.5 * x - 2.5) * x * x + 1;
}

static double lanczos(double x, double radius)
{
    const double pi = 0x1.921fb54442d18p+1;
    if (x >= radius)
        return 0;
    if (x <= 1e-3)
        return 1;
    return radius * antler_cos(pi * (x - 0.5)) * antler_cos(pi * (x / radius - 0.5)) / (pi * pi * x * x);
}

/* Not yet divided by the sum of all. */
static double raw_weight(const axis *a, const span *s, int64_t i)
{
    if (a->method == ANTLER_NEAREST)
        return 1;
    if (a->method == ANTLER_AREA)
        return fmin(s->high, (double)(i + 1)) - fmax(s->low, (double)i);
    const double x = fabs((double)i + 0.5 - s->centre) / s->stretch;
    if (a->method == ANTLER_BILINEAR)
        return x < 1 ? 1 - x : 0;
    return a->method == ANTLER_BICUBIC ? cubic(x) : lanczos(x, radius_of(a->method));
}

static int64_t clamped(double i, int64_t size)
{
    return i < 0 ? 0 : i > (double)(size - 1) ? size - 1 : (int64_t)i;
}

/* The nearest one in float, as TensorFlow: what lies between two pixels falls to the same one. */
static double nearest(const antler_window *w, int64_t o)
{
    const float scale = (float)w->size / (float)w->out;
    return (double)floorf(((float)o + 0.5f) * scale);
}

/* TensorFlow takes the cubic from a table of 1024 steps. */
static double in_steps(double centre)
{
    const double below = floor(centre - 0.5);
    return below + rint((centre - 0.5 - below) * 1024) / 1024 + 0.5;
}

static span span_of(const axis *a, int64_t o)
{
    const antler_window *w = &a->window;
    const double scale = (double)w->size / (double)w->out;
    span s = {.stretch = a->antialias && scale > 1 ? scale : 1, .centre = ((double)o + 0.5) * scale};
    double first, last;
    if (a->method == ANTLER_NEAREST) {
        first = last = nearest(w, o);
    } else if (a->method == ANTLER_AREA) {
        s.low = (double)o * scale;
        s.high = (double)(o + 1) * scale;
        first = floor(s.low);
        last = ceil(s.high) - 1;
    } else {
        const double reach = radius_of(a->method) * s.stretch;
        if (a->method == ANTLER_BICUBIC && !a->antialias)
            s.centre = in_steps(s.centre);
        first = ceil(s.centre - reach - 0.5);
        last = floor(s.centre + reach - 0.5);
    }
    s.first = clamped(first, w->size);
    s.count = clamped(last, w->size) - s.first + 1;
    for (int64_t i = 0; i < s.count; i++)
        s.total += raw_weight(a, &s, s.first + i);
    return s;
}

/* ---- along one axis ---------------------------------------------------------------------------------------------- */

typedef struct job {
    axis a;
    const antler_real *from;
    antler_real *to;
} job;

/* The image's pixel at i of the window; -1: none, it is fill. */
static int64_t pixel_of(const axis *a, int64_t i)
{
    const int64_t at = i + a->window.start;
    return at < 0 || at >= a->in ? -1 : at;
}

static void add_scaled(antler_real *y, const antler_real *x, antler_real weight, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        y[k] += weight * x[k];
}

static void set_scaled(antler_real *y, const antler_real *x, antler_real weight, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        y[k] = weight * x[k];
}

static void add_number(antler_real *y, antler_real number, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        y[k] += number;
}

/* Pixel o of all lines from the pixel at i of the window. */
static void gather(const job *j, int64_t o, int64_t i, bool is_first, antler_real weight, int64_t first, int64_t count)
{
    const axis *a = &j->a;
    const int64_t n = a->inner, from = pixel_of(a, i);
    for (int64_t line = first; line < first + count; line++) {
        antler_real *y = j->to + (line * a->window.out + o) * n;
        const antler_real *x = j->from + (line * a->in + from) * n;
        if (from < 0 && is_first)
            memset(y, 0, (size_t)n * sizeof *y);
        if (from < 0)
            add_number(y, weight * a->fill, n);
        else
            (is_first ? set_scaled : add_scaled)(y, x, weight, n);
    }
}

static void forward_lines(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t o = 0; o < j->a.window.out; o++) {
        const span s = span_of(&j->a, o);
        for (int64_t i = 0; i < s.count; i++) {
            antler_real weight = (antler_real)(raw_weight(&j->a, &s, s.first + i) / s.total);
            gather(j, o, s.first + i, i == 0, weight, first, count);
        }
    }
}

static void scatter(const job *j, int64_t o, int64_t i, antler_real weight, int64_t first, int64_t count)
{
    const axis *a = &j->a;
    const int64_t n = a->inner, to = pixel_of(a, i);
    for (int64_t line = first; to >= 0 && line < first + count; line++)
        add_scaled(j->to + (line * a->in + to) * n, j->from + (line * a->window.out + o) * n, weight, n);
}

static void backward_lines(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const int64_t size = j->a.in * j->a.inner;
    memset(j->to + first * size, 0, (size_t)(count * size) * sizeof *j->to);
    for (int64_t o = 0; o < j->a.window.out; o++) {
        const span s = span_of(&j->a, o);
        for (int64_t i = 0; i < s.count; i++) {
            antler_real weight = (antler_real)(raw_weight(&j->a, &s, s.first + i) / s.total);
            scatter(j, o, s.first + i, weight, first, count);
        }
    }
}

/* ---- height, then width; and back -------------------------------------------------------------------------------- */

static axis axis_of(const antler_resampling *r, const antler_window *window, int64_t in, int64_t inner)
{
    return (axis){r->method, r->antialias, *window, in, inner, r->fill};
}

void antler__resample_weights(const antler_resampling *r, const antler_window *window, int64_t in, int64_t o,
                              antler_real *weight)
{
    const axis a = axis_of(r, window, in, 1);
    const span s = span_of(&a, o);
    memset(weight, 0, (size_t)in * sizeof *weight);
    for (int64_t i = 0; i < s.count; i++) {
        const int64_t to = pixel_of(&a, s.first + i);
        if (to >= 0)
            weight[to] += (antler_real)(raw_weight(&a, &s, s.first + i) / s.total);
    }
}

enum { PIECES = 64 }; /* at most: each has all weights made anew */

static void run_axis(antler_run *run, const axis *a, int64_t lines, const antler_real *from, antler_real *to,
                     void (*fn)(void *arg, int64_t first, int64_t count))
{
    job j = {*a, from, to};
    const span middle = span_of(a, a->window.out / 2);
    antler_run_pieces(run, lines, (a->in + a->window.out * middle.count) * a->inner, PIECES, fn, &j);
}

void antler__resample_buffers(antler_plan *plan, int slot, const antler_resampling *r, const antler_shape *in)
{
    antler_shape between = *in;
    between.dim[1] = r->height.out;
    antler_plan_scratch(plan, slot, &between);
}

void antler__resample_forward(antler_run *run, int slot, const antler_resampling *r)
{
    const int64_t *in = run->x->shape.dim;
    antler_real *between = run->scratch[slot].data;
    axis height = axis_of(r, &r->height, in[1], in[2] * in[3]), width = axis_of(r, &r->width, in[2], in[3]);
    run_axis(run, &height, in[0], run->x->data, between, forward_lines);
    run_axis(run, &width, in[0] * r->height.out, between, run->y->data, forward_lines);
}

void antler__resample_backward(antler_run *run, int slot, const antler_resampling *r)
{
    const int64_t *in = run->dx->shape.dim;
    antler_real *between = run->scratch[slot].data;
    axis height = axis_of(r, &r->height, in[1], in[2] * in[3]), width = axis_of(r, &r->width, in[2], in[3]);
    if (!run->dx->data)
        return;
    run_axis(run, &width, in[0] * r->height.out, run->dy->data, between, backward_lines);
    run_axis(run, &height, in[0], between, run->dx->data, backward_lines);
}
