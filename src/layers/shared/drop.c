/* Inverted dropout, for every layer that drops: y = keep ? x / (1 - rate) : 0. It is divided and selected, as in Keras,
   so that a dropped NaN or infinity is 0 and the last bit agrees.

   The choice for element e of sample s is word (row + s) * E + e of the site's stream, where row is the sample's index
   in the whole batch and E the choices a sample has: it depends on neither threads nor the cut of a batch. One bit an
   element remembers it for the backward pass. Where an axis shares its choice, bits are drawn for the small shape and
   an index walks over them; the large mask never exists. */
#include "layers/shared/common.h"

#include <math.h>
#include <string.h>

typedef struct drop_job {
    const antler_kernels *k;
    antler_stream at;
    uint32_t threshold;
    antler_real scale; /* 1 - rate */
    antler_real *y;
    const antler_real *x;
    uint64_t *bits; /* NULL: not remembered */
    /* the walk: the input's axes before `outer` step through rows of `length` elements */
    const antler_shape *in, *drawn;
    int outer;
    int64_t length;
    bool row_shares; /* one bit a row; else one an element */
} drop_job;

antler_shape antler__drawn_shape(const int64_t *noise_shape, const antler_shape *in)
{
    antler_shape drawn = *in;
    drawn.dim[0] = ANTLER_BATCH;
    for (int i = 0; i < in->rank && noise_shape[i] != 0; i++)
        if (noise_shape[i] == 1)
            drawn.dim[i] = 1;
    return drawn;
}

uint32_t antler__drop_threshold(double rate)
{
    double threshold = ceil(rate * 0x1p32);
    return threshold < 0x1p32 ? (uint32_t)threshold : UINT32_MAX;
}

/* Of the first sample's first choice, where each sample has `width` of them. */
static antler_stream place_of(const antler_run *run, int slot, int64_t width)
{
    const antler_noise *noise = &run->noise[slot];
    return (antler_stream){noise->key, noise->step, noise->row * (uint64_t)width};
}

static bool axis_shares(const antler_shape *in, const antler_shape *drawn, int axis)
{
    return drawn->dim[axis] == 1 && in->dim[axis] != 1;
}

static bool shares(const antler_shape *in, const antler_shape *drawn)
{
    if (drawn->dim[0] == 1)
        return true;
    for (int i = 1; i < in->rank; i++)
        if (axis_shares(in, drawn, i))
            return true;
    return false;
}

static int64_t drawn_count(const antler_shape *in, const antler_shape *drawn)
{
    return (drawn->dim[0] == 1 ? 1 : in->dim[0]) * antler_count(drawn, 1);
}

void antler__drop_site(antler_plan *plan, int slot, double rate, int64_t seed)
{
    if (rate > 0 && rate < 1) /* else nothing is drawn */
        antler_plan_noise(plan, slot, seed);
}

void antler__drop_buffers(antler_plan *plan, int slot, double rate, const antler_shape *in, const antler_shape *drawn)
{
    if (!(rate > 0 && rate < 1))
        return;
    antler_shape small = *drawn;
    if (small.dim[0] != 1)
        small.dim[0] = in->dim[0];
    antler_plan_bits(plan, slot, &small);
    if (antler_plan_mode(plan) == ANTLER_MC && shares(in, drawn)) {
        /* no bits outside training, but the walk reads some: as many words, in the place of reals */
        antler_shape words = {.rank = 1, .dim = {drawn_count(in, drawn) / 64 + 1}};
        words.dim[0] *= (int64_t)(sizeof(uint64_t) / sizeof(antler_real));
        antler_plan_scratch(plan, slot, &words);
    }
}

static void drop_piece(void *arg, int64_t first, int64_t count)
{
    const drop_job *job = arg;
    antler_stream at = job->at;
    at.position += (uint64_t)first;
    job->k->drop(at, job->threshold, job->scale, job->y + first, job->x + first,
                 job->bits ? job->bits + first / 64 : NULL, count);
}

static void drop_again_piece(void *arg, int64_t first, int64_t count)
{
    const drop_job *job = arg;
    job->k->drop_again(job->bits, first, job->scale, job->y + first, job->x + first, count);
}

/* The bits alone, of a shape smaller than the input. */
static void draw_piece(void *arg, int64_t first, int64_t count)
{
    const drop_job *job = arg;
    for (int64_t i = first; i < first + count; i += 64) {
        uint32_t word[64];
        int n = first + count - i < 64 ? (int)(first + count - i) : 64;
        antler_stream at = job->at;
        at.position += (uint64_t)i;
        job->k->words(at, word, n);
        uint64_t bits = 0;
        for (int e = 0; e < n; e++)
            bits |= (uint64_t)(word[e] >= job->threshold) << e;
        job->bits[i / 64] = bits;
    }
}

/* Where the bits of a row begin. */
static int64_t row_bit(const drop_job *job, int64_t row)
{
    int64_t bit = 0, step = job->row_shares ? 1 : job->length;
    for (int i = job->outer - 1; i >= 0; i--) {
        int64_t index = row % job->in->dim[i];
        row /= job->in->dim[i];
        if (job->drawn->dim[i] == 1)
            continue;
        bit += index * step;
        step *= job->in->dim[i];
    }
    return bit;
}

static void walk_piece(void *arg, int64_t first, int64_t count)
{
    const drop_job *job = arg;
    int64_t n = job->length;
    for (int64_t row = first; row < first + count; row++) {
        antler_real *y = job->y + row * n;
        const antler_real *x = job->x + row * n;
        int64_t bit = row_bit(job, row);
        if (!job->row_shares) {
            job->k->drop_again(job->bits, bit, job->scale, y, x, n);
        } else if (job->bits[bit / 64] >> bit % 64 & 1) {
            for (int64_t i = 0; i < n; i++)
                y[i] = x[i] / job->scale;
        } else {
            memset(y, 0, (size_t)n * sizeof *y);
        }
    }
}

/* Gathers the last axes that all share, or all do not, into rows; then goes over the rows. */
static void walk(antler_run *run, drop_job *job)
{
    const antler_shape *in = job->in;
    job->outer = in->rank;
    job->length = 1;
    job->row_shares = axis_shares(in, job->drawn, in->rank - 1);
    while (job->outer > 0 && axis_shares(in, job->drawn, job->outer - 1) == job->row_shares)
        job->length *= in->dim[--job->outer];
    antler_run_ranges(run, antler_count(in, 0) / job->length, job->length, walk_piece, job);
}

static void zeros_piece(void *arg, int64_t first, int64_t count)
{
    const drop_job *job = arg;
    memset(job->y + first, 0, (size_t)count * sizeof *job->y);
}

void antler__drop(antler_run *run, int slot, double rate, const antler_shape *drawn, antler_real *y,
                  const antler_tensor *x)
{
    int64_t n = antler_count(&x->shape, 0);
    drop_job job = {.k = run->k, .y = y, .x = x->data, .in = &x->shape, .drawn = drawn};
    if (!run->noisy || !(rate > 0)) {
        antler_run_copy(run, y, x->data, n);
        return;
    }
    if (rate >= 1) {
        antler_run_ranges(run, n, 1, zeros_piece, &job);
        return;
    }
    job.at = place_of(run, slot, drawn->dim[0] != 1 ? antler_count(drawn, 1) : 0);
    job.threshold = antler__drop_threshold(rate);
    job.scale = (antler_real)(1.0 - rate);
    job.bits = run->bits[slot].word;
    if (!shares(&x->shape, drawn)) {
        antler_run_ranges(run, n, 1, drop_piece, &job);
        return;
    }
    if (!job.bits)
        job.bits = (uint64_t *)(void *)run->scratch[slot].data;
    antler_run_ranges(run, drawn_count(&x->shape, drawn), 1, draw_piece, &job);
    walk(run, &job);
}

void antler__drop_backward(antler_run *run, int slot, double rate, const antler_shape *drawn, antler_real *dx,
                           const antler_tensor *dy)
{
    int64_t n = antler_count(&dy->shape, 0);
    drop_job job = {.k = run->k, .y = dx, .x = dy->data, .in = &dy->shape, .drawn = drawn};
    if (!run->noisy || !(rate > 0)) {
        antler_run_copy(run, dx, dy->data, n);
        return;
    }
    if (rate >= 1) {
        antler_run_ranges(run, n, 1, zeros_piece, &job);
        return;
    }
    job.scale = (antler_real)(1.0 - rate);
    job.bits = run->bits[slot].word;
    if (shares(&dy->shape, drawn))
        walk(run, &job);
    else
        antler_run_ranges(run, n, 1, drop_again_piece, &job);
}

const antler_real *antler__drop_mask(const antler_run *run, int slot, double rate, antler_real *keep, int64_t samples,
                                     int64_t width)
{
    const int64_t n = samples * width;
    if (!run->noisy || !(rate > 0))
        return NULL;
    for (int64_t i = 0; i < n; i++)
        keep[i] = rate < 1;
    if (rate < 1)
        run->k->drop(place_of(run, slot, width), antler__drop_threshold(rate), (antler_real)(1.0 - rate), keep, keep,
                     NULL, n);
    return keep;
}

/* ---- normal noise ------------------------------------------------------------------------------------------------ */

typedef struct normal_job {
    const antler_kernels *k;
    antler_stream at;
    antler_real deviation;
    bool multiply;
    antler_real *y;
    const antler_real *x;
} normal_job;

static void normal_piece(void *arg, int64_t first, int64_t count)
{
    enum { BLOCK = 256 };
    const normal_job *j = arg;
    for (int64_t i = first; i < first + count; i += BLOCK) {
        antler_real z[BLOCK];
        int64_t n = first + count - i < BLOCK ? first + count - i : BLOCK;
        antler_stream at = j->at;
        at.position += (uint64_t)i;
        j->k->normal(at, z, n);
        for (int64_t e = 0; e < n; e++)
            j->y[i + e] = j->multiply ? j->x[i + e] * (z[e] * j->deviation + 1) : j->x[i + e] + z[e] * j->deviation;
    }
}

void antler__normal_noise(antler_run *run, int slot, double deviation, bool multiply, antler_real *y,
                          const antler_tensor *x)
{
    enum { COST = 8 }; /* of a normal number, in elements of simple arithmetic */
    int64_t n = antler_count(&x->shape, 0);
    if (!run->noisy || !(deviation > 0)) {
        antler_run_copy(run, y, x->data, n);
        return;
    }
    normal_job job = {.k = run->k, .deviation = (antler_real)deviation, .multiply = multiply, .y = y, .x = x->data};
    job.at = place_of(run, slot, antler_count(&x->shape, 1));
    antler_run_ranges(run, n, COST, normal_piece, &job);
}
