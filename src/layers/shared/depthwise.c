/* Taps outside of the input are left out: a line of outputs is cut into those whose windows lie inside, which a kernel
   takes at once, and single ones at both ends. The kernel's gradient is a sum over PARTS parts of the batch, added in a
   fixed tree. */
#include "layers/shared/depthwise.h"

enum { KERNEL = ANTLER_DEPTHWISE_KERNEL, BIAS = ANTLER_DEPTHWISE_BIAS };
/* Scratch: parts of the kernel's gradient; x, or dx, with each channel m times. */
enum { SUMS = ANTLER_DEPTHWISE_SUMS, REPEATED = ANTLER_DEPTHWISE_REPEATED };
enum { PARTS = 16 };

void antler__depthwise_buffers(const antler_depthwise *d, const antler_shape *in, antler_plan *plan)
{
    antler_shape repeated = *in;
    int64_t *channels = &repeated.dim[in->rank - 1];
    *channels *= d->multiplier;
    if (antler_plan_mode(plan) == ANTLER_TRAIN)
        antler_plan_scratch(plan, SUMS, &(antler_shape){4, {PARTS, d->w[1].taps, d->w[2].taps, *channels}});
    if (d->multiplier > 1)
        antler_plan_scratch(plan, REPEATED, &repeated);
}

/* ---- a job ---------------------------------------------------------------------------------------------------------
 */

typedef struct job {
    const antler_kernels *k;
    antler_window h, w;
    int64_t batch, multiplier, channels; /* channels of the output */
    const antler_real *x, *kernel, *bias, *dz;
    antler_real *y, *dx, *sums;
} job;

static job job_of(const antler_depthwise *d, const antler_run *run)
{
    return (job){.k = run->k,
                 .h = d->w[1],
                 .w = d->w[2],
                 .batch = run->x->shape.dim[0],
                 .multiplier = d->multiplier,
                 .channels = run->x->shape.dim[run->x->shape.rank - 1] * d->multiplier,
                 .x = run->x->data,
                 .kernel = run->param[KERNEL].data,
                 .bias = d->use_bias ? run->param[BIAS].data : NULL};
}

static int64_t minimum(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t maximum(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* a / b rounded up, b > 0 */
static int64_t ceiling(int64_t a, int64_t b)
{
    return a > 0 ? (a + b - 1) / b : -(-a / b);
}

/* The numbers k = from + step t of t in [0, n) that belong to one place, and the place that the first one meets, which
   moves by `move` with t. */
typedef struct run_of {
    int64_t first, n, at;
} run_of;

/* Taps of output o that meet the input: tap first + t meets at + t dilation. */
static run_of taps_of(const antler_window *w, int64_t o)
{
    const int64_t begin = o * w->stride - w->before;
    const int64_t first = maximum(0, ceiling(-begin, w->dilation));
    const int64_t last = begin > w->in - 1 ? -1 : (w->in - 1 - begin) / w->dilation;
    return (run_of){first, maximum(0, minimum(last + 1, w->taps) - first), begin + first * w->dilation};
}

/* Outputs whose taps all meet the input: [*from, *to). */
static void inside(const antler_window *w, int64_t *from, int64_t *to)
{
    const int64_t most = w->in - 1 + w->before - (w->taps - 1) * w->dilation;
    *from = minimum(ceiling(w->before, w->stride), w->out);
    *to = maximum(*from, minimum(most < 0 ? 0 : most / w->stride + 1, w->out));
}

/* Each channel of x (rows, channels) m times, and back. */
typedef struct repeating {
    const antler_real *from;
    antler_real *to;
    int64_t channels, multiplier;
} repeating;

static void repeat_rows(void *arg, int64_t first, int64_t count)
{
    const repeating *r = arg;
    for (int64_t i = first * r->channels; i < (first + count) * r->channels; i++)
        for (int64_t q = 0; q < r->multiplier; q++)
            r->to[i * r->multiplier + q] = r->from[i];
}

static void fold_rows(void *arg, int64_t first, int64_t count)
{
    const repeating *r = arg;
    for (int64_t i = first * r->channels; i < (first + count) * r->channels; i++) {
        antler_real sum = r->from[i * r->multiplier];
        for (int64_t q = 1; q < r->multiplier; q++)
            sum += r->from[i * r->multiplier + q];
        r->to[i] = sum;
    }
}

static void repeat_x(antler_run *run, job *j)
{
    if (j->multiplier == 1)
        return;
    repeating r = {j->x, run->scratch[REPEATED].data, j->channels / j->multiplier, j->multiplier};
    antler_run_ranges(run, j->batch * j->h.in * j->w.in, j->channels, repeat_rows, &r);
    j->x = run->scratch[REPEATED].data;
}

/* ---- forward -------------------------------------------------------------------------------------------------------
 */

/* n outputs of a line from ow on, whose windows have the same taps. `rows` are those of the line. */
static void outputs(const job *j, int64_t image, int64_t oh, run_of rows, int64_t ow, int64_t n)
{
    const int64_t c = j->channels, line = j->w.in * c;
    const run_of columns = taps_of(&j->w, ow);
    j->k->stencil(&(antler_stencil){
        .n = n,
        .channels = c,
        .taps = {rows.n, columns.n, 1},
        .x = j->x + (image * j->h.in + maximum(rows.at, 0)) * line + columns.at * c,
        .x_step = j->w.stride * c,
        .x_tap = {j->h.dilation * line, j->w.dilation * c, 0},
        .w = j->kernel + (rows.first * j->w.taps + columns.first) * c,
        .w_tap = {j->w.taps * c, c, 0},
        .bias = j->bias,
        .y = j->y + ((image * j->h.out + oh) * j->w.out + ow) * c,
        .y_step = c,
    });
}

static void forward_lines(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    int64_t from, to;
    inside(&j->w, &from, &to);
    for (int64_t i = first; i < first + count; i++) {
        const int64_t image = i / j->h.out, oh = i % j->h.out;
        const run_of rows = taps_of(&j->h, oh);
        for (int64_t ow = 0; ow < from; ow++)
            outputs(j, image, oh, rows, ow, 1);
        if (to > from)
            outputs(j, image, oh, rows, from, to - from);
        for (int64_t ow = to; ow < j->w.out; ow++)
            outputs(j, image, oh, rows, ow, 1);
    }
}

static int64_t cost_of(const job *j, int64_t positions)
{
    const double cost = (double)positions * (double)j->channels * (double)j->h.taps * (double)j->w.taps;
    return cost < 0x1p31 ? (int64_t)cost : INT32_MAX;
}

void antler__depthwise_forward(const antler_depthwise *d, antler_run *run, antler_real *y)
{
    job j = job_of(d, run);
    repeat_x(run, &j);
    j.y = y;
    antler_run_ranges(run, j.batch * j.h.out, cost_of(&j, j.w.out), forward_lines, &j);
}

/* ---- dx ------------------------------------------------------------------------------------------------------------
 */

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Distance of the taps that meet one input, and of the outputs that they belong to. */
static int64_t between_taps(const antler_window *w)
{
    return w->stride / common_divisor(w->stride, w->dilation);
}

static int64_t between_outputs(const antler_window *w)
{
    return w->dilation / common_divisor(w->stride, w->dilation);
}

/* What input q of an axis was met by: taps first + t between_taps, of outputs at - t between_outputs. */
static run_of met_by(const antler_window *w, int64_t q)
{
    const int64_t place = q + w->before, apart = between_taps(w), down = between_outputs(w);
    int64_t tap = w->dilation == 1 ? place % w->stride : 0;
    while (tap < apart && tap < w->taps && (place - tap * w->dilation) % w->stride != 0)
        tap++;
    if (tap == apart || tap >= w->taps || place < tap * w->dilation)
        return (run_of){0};
    const int64_t output = (place - tap * w->dilation) / w->stride;
    const int64_t first = maximum(0, ceiling(output - w->out + 1, down));
    const int64_t last = minimum(output / down + 1, (w->taps - tap + apart - 1) / apart);
    return (run_of){tap + first * apart, maximum(0, last - first), output - first * down};
}

/* n inputs of a line, w, w + stride ..., which were met by the same taps. */
static void inputs(const job *j, int64_t image, int64_t h, run_of rows, int64_t w, run_of columns, int64_t n)
{
    const int64_t c = j->channels, line = j->w.out * c;
    const bool any = rows.n > 0 && columns.n > 0;
    j->k->stencil(&(antler_stencil){
        .n = n,
        .channels = c,
        .taps = {any ? rows.n : 0, columns.n, 1},
        .x = any ? j->dz + (image * j->h.out + rows.at) * line + columns.at * c : j->dz,
        .x_step = c,
        .x_tap = {-between_outputs(&j->h) * line, -between_outputs(&j->w) * c, 0},
        .w = any ? j->kernel + (rows.first * j->w.taps + columns.first) * c : j->kernel,
        .w_tap = {between_taps(&j->h) * j->w.taps * c, between_taps(&j->w) * c, 0},
        .y = j->dx + ((image * j->h.in + h) * j->w.in + w) * c,
        .y_step = j->w.stride * c,
    });
}

/* Inputs of a line that are as far from each other as the stride: they meet the same taps but at the ends. */
static void backward_phase(const job *j, int64_t image, int64_t h, run_of rows, int64_t phase)
{
    for (int64_t w = phase; w < j->w.in;) {
        int64_t n = 1;
        const run_of columns = met_by(&j->w, w);
        for (int64_t next = w + j->w.stride; next < j->w.in; next += j->w.stride, n++) {
            const run_of other = met_by(&j->w, next);
            if (other.first != columns.first || other.n != columns.n || other.at != columns.at + n)
                break;
        }
        inputs(j, image, h, rows, w, columns, n);
        w += n * j->w.stride;
    }
}

static void backward_lines(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t i = first; i < first + count; i++) {
        const run_of rows = met_by(&j->h, i % j->h.in);
        for (int64_t phase = 0; phase < j->w.stride && phase < j->w.in; phase++)
            backward_phase(j, i / j->h.in, i % j->h.in, rows, phase);
    }
}

static void backward_x(antler_run *run, job *j)
{
    j->dx = j->multiplier > 1 ? run->scratch[REPEATED].data : run->dx->data;
    antler_run_ranges(run, j->batch * j->h.in, cost_of(j, j->w.in), backward_lines, j);
    if (j->multiplier == 1)
        return;
    repeating r = {j->dx, run->dx->data, j->channels / j->multiplier, j->multiplier};
    antler_run_ranges(run, j->batch * j->h.in * j->w.in, j->channels, fold_rows, &r);
}

/* ---- the kernel's gradient -----------------------------------------------------------------------------------------
 */

/* Adds n outputs of a line from ow on, for one row of taps. */
static void add_outputs(const job *j, int64_t image, int64_t oh, run_of rows, int64_t row, int64_t ow, int64_t n,
                        antler_real *sum)
{
    const int64_t c = j->channels;
    const run_of columns = taps_of(&j->w, ow);
    if (columns.n == 0)
        return;
    j->k->stencil_sums(&(antler_stencil_sums){
        .n = n,
        .channels = c,
        .taps = columns.n,
        .x = j->x + ((image * j->h.in + rows.at + row * j->h.dilation) * j->w.in + columns.at) * c,
        .x_step = j->w.stride * c,
        .x_tap = j->w.dilation * c,
        .dy = j->dz + ((image * j->h.out + oh) * j->w.out + ow) * c,
        .dy_step = c,
        .sum = sum + ((rows.first + row) * j->w.taps + columns.first) * c,
        .sum_tap = c,
    });
}

static void add_line(const job *j, int64_t image, int64_t oh, antler_real *sum)
{
    const run_of rows = taps_of(&j->h, oh);
    int64_t from, to;
    inside(&j->w, &from, &to);
    for (int64_t row = 0; row < rows.n; row++) {
        for (int64_t ow = 0; ow < from; ow++)
            add_outputs(j, image, oh, rows, row, ow, 1, sum);
        if (to > from)
            add_outputs(j, image, oh, rows, row, from, to - from, sum);
        for (int64_t ow = to; ow < j->w.out; ow++)
            add_outputs(j, image, oh, rows, row, ow, 1, sum);
    }
}

/* Part p has lines [p, p + 1) * lines / PARTS of all images. */
static void add_parts(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const int64_t size = j->h.taps * j->w.taps * j->channels, lines = j->batch * j->h.out;
    for (int64_t part = first; part < first + count; part++) {
        antler_real *sum = j->sums + part * size;
        for (int64_t e = 0; e < size; e++)
            sum[e] = 0;
        for (int64_t i = lines * part / PARTS; i < lines * (part + 1) / PARTS; i++)
            add_line(j, i / j->h.out, i % j->h.out, sum);
    }
}

static void backward_kernel(antler_run *run, job *j)
{
    const int64_t size = j->h.taps * j->w.taps * j->channels;
    repeat_x(run, j);
    j->sums = run->scratch[SUMS].data;
    antler_run_ranges(run, PARTS, cost_of(j, j->batch * j->h.out * j->w.out / PARTS + 1), add_parts, j);
    run->k->tree(run->grad[KERNEL].data, j->sums, PARTS, size, size);
}

void antler__depthwise_backward(const antler_depthwise *d, antler_run *run, const antler_real *dz)
{
    job j = job_of(d, run);
    j.dz = dz;
    j.bias = NULL;
    if (run->grad[KERNEL].data)
        backward_kernel(run, &j);
    if (d->use_bias && run->grad[BIAS].data)
        antler_run_column_sums(run, run->grad[BIAS].data, j.dz, j.batch * j.h.out * j.w.out, j.channels);
    if (run->dx->data)
        backward_x(run, &j);
}
