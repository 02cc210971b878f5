/* MelSpectrogram: loudness of a signal (B, steps) by time and pitch. Frames of sequence_length steps, each in the
   middle of fft_length, around every sequence_stride-th step; outside of its ends the signal is mirrored. With a frame
   x, its window v and n = fft_length, for each frequency f = 0 .. n / 2:

     re = sum of x v cos(2 pi t f / n)       im = the same of sin       s = (re^2 + im^2)^(mag_exp / 2)
     m = s bands            triangles that overlap, evenly on the mel scale: antler__mel_bands
     d = 10 log10(max(m, min_power)) - 10 log10(max(|ref_power|, min_power))
     y = max(d, the largest d of the batch - top_db)            without power_to_db y = m; (B, num_mel_bins, frames)

   The transform is a product with its matrix, which is made anew in each run: a hundredth of the work of a batch. */
#include "layers/shared/common.h"
#include "layers/shared/frames.h"
#include "parts/fourier.h"
#include "parts/powers.h"

#include <math.h>

typedef struct antler_mel_spectrogram spectrogram;

/* scratch: cos and sin of a turn; the window; (length, frequencies) matrices; (bands, frequencies); one sample's
   signal, its parts and its spectrum, (frames, frequencies); the batch's decibels; gradients */
enum { CIRCLE, WINDOW, COSINES, SINES, BANDS, SPAN, RE, IM, SPECTRUM, DECIBELS, FRAMES };
enum { POWERS }; /* saved: m, where decibels are taken of it */

static const char *const windows[] = {"hann", "hamming", NULL};

#define ANTLER_COUNT_OR_NULL(member, json, bounds, line)                                                      \
    {                                                                                                         \
        .key = #member, .kind = ANTLER_INT, .offset = offsetof(spectrogram, member), .def = (json), .min = 1, \
        .max = ANTLER_MOST_UNITS, .flags = (bounds), .doc = (line)                                            \
    }

static const antler_field fields[] = {
    ANTLER_COUNT_OR_NULL(fft_length, "2048", 0, "period of the slowest wave"),
    ANTLER_COUNT_OR_NULL(sequence_stride, "512", 0, "from one frame to the next"),
    ANTLER_COUNT_OR_NULL(sequence_length, "null", ANTLER_NULLABLE, "steps of a frame; null: fft_length"),
    {.key = "window",
     .kind = ANTLER_STRING,
     .offset = offsetof(spectrogram, window),
     .def = "\"hann\"",
     .flags = ANTLER_NULLABLE,
     .choices = windows,
     .doc = "frames are multiplied by it; null: by 1"},
    ANTLER_COUNT_OR_NULL(sampling_rate, "16000", 0, "steps a second"),
    ANTLER_COUNT_OR_NULL(num_mel_bins, "128", 0, "bands of pitch"),
    ANTLER_FIELD_NUMBER(spectrogram, min_freq, ANTLER_REAL, "20.0", 0, 1e15, "the lowest band's begin, in hertz"),
    {.key = "max_freq",
     .kind = ANTLER_REAL,
     .offset = offsetof(spectrogram, max_freq),
     .def = "null",
     .min = 0,
     .max = 1e15,
     .flags = ANTLER_NULLABLE | ANTLER_OPEN_MIN,
     .doc = "the highest band's end, in hertz; null: half the sampling_rate"},
    ANTLER_FIELD_BOOL(spectrogram, power_to_db, "true", "gives decibels"),
    ANTLER_FIELD_NUMBER(spectrogram, top_db, ANTLER_REAL, "80.0", 0, 1e15,
                        "decibels below the batch's largest that are left"),
    ANTLER_FIELD_NUMBER(spectrogram, mag_exp, ANTLER_REAL, "2.0", 0, 0, "power of the magnitudes"),
    ANTLER_FIELD_NUMBER(spectrogram, min_power, ANTLER_REAL, "1e-10", 0, 1e15, "the least that decibels are taken of"),
    ANTLER_FIELD_NUMBER(spectrogram, ref_power, ANTLER_REAL, "1.0", 0, 0, "what has 0 decibels"),
    ANTLER_FIELD_END,
};
#undef ANTLER_COUNT_OR_NULL

static const char *const samples[] = {
    "(12) {\"fft_length\": 8, \"sequence_stride\": 4, \"num_mel_bins\": 3, \"top_db\": 300.0}",
    "(9) {\"fft_length\": 7, \"sequence_stride\": 3, \"sequence_length\": 4, \"window\": \"hamming\", "
    "\"num_mel_bins\": 2, "
    "\"power_to_db\": false, \"mag_exp\": 1.0}",
    "(10) {\"fft_length\": 6, \"sequence_stride\": 5, \"window\": null, \"sampling_rate\": 8000, \"num_mel_bins\": 2, "
    "\"max_freq\": 3500.0, \"mag_exp\": 1.5, \"ref_power\": 2.0, \"min_power\": 1e-5}",
    NULL,
};

/* ---- shapes and buffers ------------------------------------------------------------------------------------------ */

static int64_t length_of(const spectrogram *c)
{
    return c->sequence_length != ANTLER_NULL ? c->sequence_length : c->fft_length;
}

static double highest(const spectrogram *c)
{
    return isnan(c->max_freq) ? (double)(c->sampling_rate / 2) : c->max_freq;
}

static antler_status check(void *config, antler_error *err)
{
    const spectrogram *c = config;
    if (length_of(c) > c->fft_length)
        return antler_error_set(err, ANTLER_VALUE, "sequence_length", "%lld is above fft_length, which is %lld",
                                (long long)c->sequence_length, (long long)c->fft_length);
    if (highest(c) <= c->min_freq)
        return antler_error_set(err, ANTLER_VALUE, "min_freq", "%g is not below max_freq, which is %g", c->min_freq,
                                highest(c));
    return ANTLER_OK;
}

static antler_status frames_of(const spectrogram *c, const antler_shape *in, antler_frames *f, antler_error *err)
{
    const int64_t half = c->fft_length / 2;
    char text[128];
    if (in->rank != 2)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected (batch, steps)",
                                antler_shape_text(in, text, sizeof text));
    if (in->dim[1] <= half)
        return antler_error_set(err, ANTLER_SHAPE, "fft_length",
                                "the signal has %lld steps: to be mirrored at its ends it needs more than half of %lld",
                                (long long)in->dim[1], (long long)c->fft_length);
    *f = (antler_frames){.steps = in->dim[1],
                         .channels = 1,
                         .length = length_of(c),
                         .step = c->sequence_stride,
                         .count = (in->dim[1] + 2 * half - c->fft_length) / c->sequence_stride + 1,
                         .before = half - (c->fft_length - length_of(c)) / 2,
                         .reflect = true,
                         .frequencies = half + 1};
    return ANTLER_OK;
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const spectrogram *c = config;
    antler_frames f = {0};
    ANTLER_TRY(frames_of(c, in, &f, err));
    *out = (antler_shape){3, {in->dim[0], c->num_mel_bins, f.count}};
    return ANTLER_OK;
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    const spectrogram *c = config;
    antler_frames f = {0};
    if (frames_of(c, in, &f, NULL) != ANTLER_OK)
        return;
    const antler_shape waves = {2, {f.length, f.frequencies}}, spectrum = {2, {f.count, f.frequencies}};
    const antler_shape all = {3, {in->dim[0], c->num_mel_bins, f.count}};
    antler_plan_scratch(plan, CIRCLE, &(antler_shape){2, {2, c->fft_length}});
    antler_plan_scratch(plan, WINDOW, &(antler_shape){1, {f.length}});
    antler_plan_scratch(plan, COSINES, &waves);
    antler_plan_scratch(plan, SINES, &waves);
    antler_plan_scratch(plan, BANDS, &(antler_shape){2, {c->num_mel_bins, f.frequencies}});
    antler_plan_scratch(plan, SPAN, &(antler_shape){1, {antler__frames_span(&f)}});
    for (int slot = RE; slot <= SPECTRUM; slot++)
        antler_plan_scratch(plan, slot, &spectrum);
    if (antler_plan_mode(plan) != ANTLER_TRAIN)
        return;
    antler_plan_scratch(plan, DECIBELS, &all);
    antler_plan_scratch(plan, FRAMES, &(antler_shape){2, {f.count, f.length}});
    if (c->power_to_db)
        antler_plan_saved(plan, POWERS, &all);
}

/* ---- the transform ----------------------------------------------------------------------------------------------- */

typedef struct job {
    const spectrogram *c;
    antler_run *run;
    antler_frames f;
} job;

static void make_waves(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const int64_t n = j->c->fft_length, width = j->f.frequencies;
    const antler_real *circle = j->run->scratch[CIRCLE].data, *window = j->run->scratch[WINDOW].data;
    for (int64_t t = first; t < first + count; t++) {
        antler_real *cosine = j->run->scratch[COSINES].data + t * width;
        antler_real *sine = j->run->scratch[SINES].data + t * width;
        for (int64_t f = 0, r = 0; f < width; f++, r = (r + t) % n) {
            cosine[f] = circle[r] * window[t];
            sine[f] = circle[n + r] * window[t];
        }
    }
}

static void make_matrices(job *j)
{
    const spectrogram *c = j->c;
    antler_real *circle = j->run->scratch[CIRCLE].data;
    /* TensorFlow has no periodic windows of odd length */
    const antler_taper taper = {.window = c->window, .periodic = length_of(c) % 2 == 0};
    antler__wave_circle(c->fft_length, circle, circle + c->fft_length);
    antler__window_of(&taper, j->f.length, j->run->scratch[WINDOW].data);
    antler_run_ranges(j->run, j->f.length, 2 * j->f.frequencies, make_waves, j);
    antler__mel_bands(c->sampling_rate, c->min_freq, highest(c), c->num_mel_bins, j->f.frequencies,
                      j->run->scratch[BANDS].data);
}

/* Real and imaginary part of one sample. */
static void transform(const job *j, int64_t sample)
{
    antler_tensor *scratch = j->run->scratch;
    antler__frames_take(j->run, &j->f, j->run->x->data + sample * j->f.steps, scratch[SPAN].data);
    antler__frames_product(j->run, &j->f, scratch[SPAN].data, scratch[COSINES].data, scratch[RE].data);
    antler__frames_product(j->run, &j->f, scratch[SPAN].data, scratch[SINES].data, scratch[IM].data);
}

static antler_real power_of(antler_real x, double exponent)
{
    const antler_real e = (antler_real)exponent;
    antler_real y;
    if (exponent == 0.5)
        return (antler_real)sqrt((double)x);
    antler__powers(&y, &x, &e, 1);
    return y;
}

static void make_spectrum(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const antler_real *re = j->run->scratch[RE].data, *im = j->run->scratch[IM].data;
    for (int64_t i = first; i < first + count; i++)
        j->run->scratch[SPECTRUM].data[i] = power_of(re[i] * re[i] + im[i] * im[i], j->c->mag_exp / 2);
}

/* ---- decibels ---------------------------------------------------------------------------------------------------- */

static const double ten = 2.302585092994045684; /* log 10 */

typedef struct level {
    antler_real *y;
    const antler_real *m;
    antler_real least, zero;
} level;

static void decibels(void *arg, int64_t first, int64_t count)
{
    const level *l = arg;
    for (int64_t i = first; i < first + count; i++)
        l->y[i] = l->m[i] > l->least ? l->m[i] : l->least;
    antler_array_log(l->y + first, l->y + first, count);
    for (int64_t i = first; i < first + count; i++)
        l->y[i] = 10 * (l->y[i] / (antler_real)ten) - l->zero;
}

/* y = d of n numbers; returns the largest. y may be m. */
static antler_real all_decibels(const spectrogram *c, antler_run *run, antler_real *y, const antler_real *m, int64_t n)
{
    level l = {y, m, (antler_real)c->min_power, 0};
    antler_real zero = (antler_real)fabs(c->ref_power);
    zero = zero > l.least ? zero : l.least;
    antler_array_log(&zero, &zero, 1);
    l.zero = 10 * (zero / (antler_real)ten);
    antler_run_ranges(run, n, 8, decibels, &l);
    antler_real largest = y[0];
    for (int64_t i = 1; i < n; i++)
        largest = y[i] > largest ? y[i] : largest;
    return largest;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static antler_status forward(const void *config, antler_run *run)
{
    const spectrogram *c = config;
    const int64_t n = antler_count(&run->y->shape, 0);
    antler_real *y = run->y->data;
    job j = {c, run, {0}};
    ANTLER_TRY(frames_of(c, &run->x->shape, &j.f, run->err));
    make_matrices(&j);
    for (int64_t sample = 0; sample < run->x->shape.dim[0]; sample++) {
        transform(&j, sample);
        antler_run_ranges(run, j.f.count * j.f.frequencies, 4, make_spectrum, &j);
        antler_run_product(run, &(antler_product){.m = c->num_mel_bins,
                                                  .n = j.f.count,
                                                  .k = j.f.frequencies,
                                                  .a = run->scratch[BANDS].data,
                                                  .a_row = j.f.frequencies,
                                                  .a_col = 1,
                                                  .b = run->scratch[SPECTRUM].data,
                                                  .b_row = 1,
                                                  .b_col = j.f.frequencies,
                                                  .c = y + sample * c->num_mel_bins * j.f.count,
                                                  .c_row = j.f.count});
    }
    if (!c->power_to_db)
        return ANTLER_OK;
    if (run->mode == ANTLER_TRAIN)
        antler_run_copy(run, run->saved[POWERS].data, y, n);
    const antler_real floor = all_decibels(c, run, y, y, n) - (antler_real)c->top_db;
    for (int64_t i = 0; i < n; i++)
        y[i] = y[i] > floor ? y[i] : floor;
    return ANTLER_OK;
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* The gradient of m, in the decibels' place. What lies on the floor moves the largest ones, which share that. */
static void power_gradient(const spectrogram *c, antler_run *run, antler_real *d, int64_t n)
{
    const antler_real *m = run->saved[POWERS].data, *dy = run->dy->data, least = (antler_real)c->min_power;
    const antler_real largest = all_decibels(c, run, d, m, n), floor = largest - (antler_real)c->top_db;
    antler_real low = 0, ties = 0;
    for (int64_t i = 0; i < n; i++) {
        low += d[i] < floor ? dy[i] : 0;
        ties += d[i] == largest ? (antler_real)1 : 0;
    }
    for (int64_t i = 0; i < n; i++) {
        const antler_real g = (d[i] < floor ? 0 : dy[i]) + (d[i] == largest ? low / ties : 0);
        d[i] = m[i] >= least ? g * (antler_real)(10 / ten) / m[i] : 0;
    }
}

/* From the gradient of the spectrum to those of its parts, in their place. */
static void part_gradients(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const antler_real e = (antler_real)j->c->mag_exp;
    antler_real *re = j->run->scratch[RE].data, *im = j->run->scratch[IM].data;
    for (int64_t i = first; i < first + count; i++) {
        const antler_real power = re[i] * re[i] + im[i] * im[i];
        const antler_real slope = e == 2 ? e : power > 0 ? e * power_of(power, j->c->mag_exp / 2 - 1) : 0;
        const antler_real g = j->run->scratch[SPECTRUM].data[i] * slope;
        re[i] *= g;
        im[i] *= g;
    }
}

static antler_status backward(const void *config, antler_run *run)
{
    const spectrogram *c = config;
    const int64_t n = antler_count(&run->dy->shape, 0);
    antler_tensor *scratch = run->scratch;
    antler_real *d = scratch[DECIBELS].data;
    job j = {c, run, {0}};
    if (!run->dx->data)
        return ANTLER_OK;
    ANTLER_TRY(frames_of(c, &run->x->shape, &j.f, run->err));
    make_matrices(&j);
    if (c->power_to_db)
        power_gradient(c, run, d, n);
    else
        antler_run_copy(run, d, run->dy->data, n);
    for (int64_t sample = 0; sample < run->x->shape.dim[0]; sample++) {
        transform(&j, sample);
        antler_run_product(run, &(antler_product){.m = j.f.count,
                                                  .n = j.f.frequencies,
                                                  .k = c->num_mel_bins,
                                                  .a = d + sample * c->num_mel_bins * j.f.count,
                                                  .a_row = 1,
                                                  .a_col = j.f.count,
                                                  .b = scratch[BANDS].data,
                                                  .b_row = j.f.frequencies,
                                                  .b_col = 1,
                                                  .c = scratch[SPECTRUM].data,
                                                  .c_row = j.f.frequencies});
        antler_run_ranges(run, j.f.count * j.f.frequencies, 4, part_gradients, &j);
        antler__frames_back(run, &j.f, scratch[RE].data, scratch[COSINES].data, scratch[FRAMES].data, false);
        antler__frames_back(run, &j.f, scratch[IM].data, scratch[SINES].data, scratch[FRAMES].data, true);
        antler__frames_give(run, &j.f, scratch[FRAMES].data, run->dx->data + sample * j.f.steps);
    }
    return ANTLER_OK;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

const antler_layer_ops antler_layer_mel_spectrogram = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "MelSpectrogram",
             .doc = "loudness by time and pitch",
             .config_size = sizeof(spectrogram),
             .fields = fields,
             .samples = samples,
             .check = check},
    .flags = ANTLER_NEEDS_X | ANTLER_BATCH_STATISTICS,
    .mask = ANTLER_MASK_END,
    .infer = infer,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
};
