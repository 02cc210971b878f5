/* STFTSpectrogram: the short-time Fourier transform of each channel of (B, steps, channels), frame by frame. With the
   kernels R and I (frame_length, 1, F), F = fft_length / 2 + 1, and a frame x:

     re = x R       im = x I       p = re^2 + im^2

     "real"  re     "imag"  im     "stft"  re and im      "angle"  that of (re, im)
     "psd"   2 p, and p for the first and the last frequency
     "magnitude"  m = sqrt(max(p, 1e-7))       "log"  log m

     re' = dp/dre p'   ...       R' = sum of x^T re'       I' = sum of x^T im'       x' = re' R^T + im' I^T

   R and I begin as waves, and are trained as in Keras: `trainable` false keeps them. y is (B, frames, channels F), or
   with expand_dims (B, frames, F, channels). */
#include "layers/shared/common.h"
#include "layers/shared/convolution_fields.h"
#include "layers/shared/frames.h"
#include "layers/shared/window.h"
#include "parts/fourier.h"

#include <math.h>

typedef struct antler_stft_spectrogram spectrogram;

enum { SPAN, RE, IM, DRE, DIM, FRAMES }; /* scratch; in training RE and IM are saved */

static const double least = 1e-7; /* Keras's epsilon */

typedef enum mode { LOG, MAGNITUDE, PSD, REAL, IMAG, ANGLE, STFT } mode;
static const char *const modes[] = {"log", "magnitude", "psd", "real", "imag", "angle", "stft", NULL};

static const antler_field fields[] = {
    {.key = "mode",
     .kind = ANTLER_STRING,
     .offset = offsetof(spectrogram, mode),
     .def = "\"log\"",
     .choices = modes,
     .doc = "what is made of real and imaginary part"},
    ANTLER_FIELD_NUMBER(spectrogram, frame_length, ANTLER_INT, "256", 1, ANTLER_MOST_UNITS, "steps of a frame"),
    {.key = "frame_step",
     .kind = ANTLER_INT,
     .offset = offsetof(spectrogram, frame_step),
     .def = "null",
     .min = 1,
     .max = ANTLER_MOST_UNITS,
     .flags = ANTLER_NULLABLE,
     .doc = "from one frame to the next; null: half a frame"},
    {.key = "fft_length",
     .kind = ANTLER_INT,
     .offset = offsetof(spectrogram, fft_length),
     .def = "null",
     .min = 1,
     .max = ANTLER_MOST_UNITS,
     .flags = ANTLER_NULLABLE,
     .doc = "period of the slowest wave; null: the next power of 2 from frame_length on"},
    {.key = "window",
     .kind = ANTLER_STRING,
     .offset = offsetof(spectrogram, window),
     .def = "\"hann\"",
     .flags = ANTLER_NULLABLE,
     .choices = antler__window_names,
     .doc = "frames are multiplied by it; null: by 1"},
    ANTLER_FIELD_BOOL(spectrogram, periodic, "false", "the window is a period of the frame's length"),
    {.key = "scaling",
     .kind = ANTLER_STRING,
     .offset = offsetof(spectrogram, scaling),
     .def = "\"density\"",
     .flags = ANTLER_NULLABLE,
     .choices = antler__window_scalings,
     .doc = "the window is divided by the root of its sum of squares, or by its sum; null: by nothing"},
    ANTLER_FIELD_PADDING(spectrogram, antler__paddings, "\"same\": frames over zeros at the ends, too"),
    ANTLER_FIELD_BOOL(spectrogram, expand_dims, "false", "frequencies and channels have an axis each"),
    ANTLER_FIELD_DATA_FORMAT(spectrogram, 0),
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(12, 2) {\"frame_length\": 4}",
    "(9, 1) {\"mode\": \"psd\", \"frame_length\": 5, \"frame_step\": 2, \"scaling\": \"spectrum\", \"padding\": "
    "\"same\"}",
    "(8, 2) {\"mode\": \"stft\", \"frame_length\": 4, \"window\": \"hamming\", \"periodic\": true, \"expand_dims\": "
    "true, "
    "\"padding\": \"same\"}",
    "(7, 1) {\"mode\": \"imag\", \"frame_length\": 3, \"frame_step\": 1, \"window\": null}",
    "(6, 1) {\"mode\": \"magnitude\", \"frame_length\": 4, \"fft_length\": 6, \"scaling\": null, \"expand_dims\": "
    "true}",
    NULL,
};

/* ---- the config -------------------------------------------------------------------------------------------------- */

static mode mode_of(const spectrogram *c)
{
    int i = 0;
    while (modes[i] != c->mode)
        i++;
    return (mode)i;
}

static int64_t fft_length(const spectrogram *c)
{
    int64_t n = 1;
    if (c->fft_length != ANTLER_NULL)
        return c->fft_length;
    while (n < c->frame_length)
        n *= 2;
    return n;
}

static int64_t frame_step(const spectrogram *c)
{
    return c->frame_step != ANTLER_NULL ? c->frame_step : c->frame_length / 2;
}

static int64_t frequencies(const spectrogram *c)
{
    return fft_length(c) / 2 + 1;
}

static bool has_real(const spectrogram *c)
{
    return mode_of(c) != IMAG;
}

static bool has_imag(const spectrogram *c)
{
    return mode_of(c) != REAL;
}

static antler_status check(void *config, antler_error *err)
{
    const spectrogram *c = config;
    if (frame_step(c) < 1 || frame_step(c) > c->frame_length)
        return antler_error_set(err, ANTLER_VALUE, "frame_step",
                                "%lld is not between 1 and frame_length, which is %lld", (long long)frame_step(c),
                                (long long)c->frame_length);
    if (fft_length(c) < c->frame_length || fft_length(c) < 2)
        return antler_error_set(err, ANTLER_VALUE, "fft_length", "%lld is below 2 or below frame_length, which is %lld",
                                (long long)fft_length(c), (long long)c->frame_length);
    if (c->frame_length == 2 && !c->periodic &&
        (c->window == antler__window_names[0] || c->window == antler__window_names[2]))
        return antler_error_set(err, ANTLER_VALUE, "window", "\"%s\" is 0 at both ends, and the frame has 2 steps",
                                c->window);
    return ANTLER_OK;
}

static antler_status frames_of(const spectrogram *c, const antler_shape *in, antler_frames *f, antler_error *err)
{
    antler_window w;
    ANTLER_TRY(antler__spatial(1, in, err));
    ANTLER_TRY(antler__window(&w, in->dim[1], c->frame_length, frame_step(c), 1, c->padding, err));
    *f = (antler_frames){.steps = in->dim[1],
                         .channels = in->dim[2],
                         .length = c->frame_length,
                         .step = frame_step(c),
                         .count = w.out,
                         .before = w.before,
                         .frequencies = frequencies(c)};
    return ANTLER_OK;
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const spectrogram *c = config;
    const int64_t width = frequencies(c) * (mode_of(c) == STFT ? 2 : 1);
    antler_frames f = {0};
    ANTLER_TRY(frames_of(c, in, &f, err));
    if (c->expand_dims)
        *out = (antler_shape){4, {in->dim[0], f.count, width, f.channels}};
    else
        *out = (antler_shape){3, {in->dim[0], f.count, width * f.channels}};
    return ANTLER_OK;
}

static int imag_slot(const spectrogram *c)
{
    return has_real(c) ? 1 : 0;
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const spectrogram *c = config;
    const antler_shape kernel = {3, {c->frame_length, 1, frequencies(c)}};
    (void)in;
    if (has_real(c))
        antler_plan_param(plan, 0, "real_kernel", NULL, &kernel);
    if (has_imag(c))
        antler_plan_param(plan, imag_slot(c), "imag_kernel", NULL, &kernel);
}

static void initialize(const void *config, int slot, antler_tensor *param)
{
    const spectrogram *c = config;
    const antler_taper taper = {c->window, c->scaling, c->periodic};
    antler__waves(&taper, !has_real(c) || slot == 1, true, c->frame_length, frequencies(c), 2 * (frequencies(c) - 1),
                  param->data);
}

static void buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_frames f = {0};
    const bool training = antler_plan_mode(plan) == ANTLER_TRAIN;
    if (frames_of(config, in, &f, NULL) != ANTLER_OK)
        return;
    const antler_shape signal = {3, {training ? in->dim[0] * f.channels : 1, f.count, f.frequencies}};
    const antler_shape one = {2, {f.count, f.frequencies}};
    antler_plan_scratch(plan, SPAN, &(antler_shape){1, {antler__frames_span(&f)}});
    for (int side = RE; side <= IM; side++) {
        if (training)
            antler_plan_saved(plan, side, &signal);
        else
            antler_plan_scratch(plan, side, &signal);
    }
    if (!training)
        return;
    antler_plan_scratch(plan, DRE, &one);
    antler_plan_scratch(plan, DIM, &one);
    antler_plan_scratch(plan, FRAMES, &(antler_shape){2, {f.count, f.length}});
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* One channel of one sample. */
typedef struct job {
    const antler_frames *f;
    mode mode;
    antler_real *re, *im, *dre, *dim; /* (frames, frequencies) */
    antler_real *y;                   /* at this channel's first number */
    const antler_real *dy;
    int64_t row, next, second; /* in y: from one frame to the next, from one frequency to the next, to those of im */
} job;

static job job_of(const spectrogram *c, antler_run *run, const antler_frames *f, int64_t signal)
{
    const bool training = run->mode == ANTLER_TRAIN;
    const int64_t size = f->count * f->frequencies, sides = mode_of(c) == STFT ? 2 : 1;
    const int64_t width = sides * f->frequencies, sample = signal / f->channels, channel = signal % f->channels;
    const int64_t at = sample * f->count * width * f->channels + channel * (c->expand_dims ? 1 : width);
    job j = {.f = f, .mode = mode_of(c), .row = width * f->channels, .next = c->expand_dims ? f->channels : 1};
    j.second = f->frequencies * j.next;
    j.re = training ? run->saved[RE].data + signal * size : run->scratch[RE].data;
    j.im = training ? run->saved[IM].data + signal * size : run->scratch[IM].data;
    if (training) {
        j.dre = run->scratch[DRE].data;
        j.dim = run->scratch[DIM].data;
    }
    j.y = run->y->data ? run->y->data + at : NULL;
    j.dy = training && run->dy && run->dy->data ? run->dy->data + at : NULL;
    return j;
}

/* Without the logarithm, which is taken of all at once. */
static antler_real value(const job *j, int64_t i, int64_t f)
{
    const antler_real re = j->re[i], im = j->im[i], power = re * re + im * im;
    switch (j->mode) {
    case ANGLE:
        return (antler_real)antler__angle((double)im, (double)re);
    case PSD:
        return f > 0 && f < j->f->frequencies - 1 ? power + power : power;
    default:
        return (antler_real)sqrt(power > (antler_real)least ? (double)power : (double)(antler_real)least);
    }
}

static void emit(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const int64_t width = j->f->frequencies;
    for (int64_t i = first * width; i < (first + count) * width; i++) {
        antler_real *y = j->y + i / width * j->row + i % width * j->next;
        if (j->mode == IMAG)
            *y = j->im[i];
        else if (j->mode == REAL || j->mode == STFT)
            *y = j->re[i];
        else
            *y = value(j, i, i % width);
        if (j->mode == STFT)
            y[j->second] = j->im[i];
    }
}

static void take_logs(void *arg, int64_t first, int64_t count)
{
    antler_real *y = ((const antler_tensor *)arg)->data + first;
    antler_array_log(y, y, count);
}

static antler_status forward(const void *config, antler_run *run)
{
    const spectrogram *c = config;
    const int64_t samples_in = run->x->shape.dim[0];
    antler_frames f = {0};
    ANTLER_TRY(frames_of(c, &run->x->shape, &f, run->err));
    for (int64_t signal = 0; signal < samples_in * f.channels; signal++) {
        job j = job_of(c, run, &f, signal);
        const antler_real *x = run->x->data + signal / f.channels * f.steps * f.channels + signal % f.channels;
        antler__frames_take(run, &f, x, run->scratch[SPAN].data);
        if (has_real(c))
            antler__frames_product(run, &f, run->scratch[SPAN].data, run->param[0].data, j.re);
        if (has_imag(c))
            antler__frames_product(run, &f, run->scratch[SPAN].data, run->param[imag_slot(c)].data, j.im);
        antler_run_ranges(run, f.count, 4 * f.frequencies, emit, &j);
    }
    if (mode_of(c) == LOG)
        antler_run_ranges(run, antler_count(&run->y->shape, 0), 8, take_logs, run->y);
    return ANTLER_OK;
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* The gradient of the power; 0 where its maximum with `least` hides it. */
static antler_real power_gradient(const job *j, antler_real power, antler_real dy, int64_t f)
{
    if (j->mode == PSD)
        return f > 0 && f < j->f->frequencies - 1 ? dy + dy : dy;
    if (power < (antler_real)least)
        return 0;
    return j->mode == LOG ? dy / (2 * power) : dy / (2 * (antler_real)sqrt((double)power));
}

static void differentiate(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const int64_t width = j->f->frequencies;
    for (int64_t i = first * width; i < (first + count) * width; i++) {
        const antler_real *dy = j->dy + i / width * j->row + i % width * j->next;
        if (j->mode == REAL || j->mode == STFT)
            j->dre[i] = *dy;
        if (j->mode == IMAG || j->mode == STFT)
            j->dim[i] = j->mode == IMAG ? *dy : dy[j->second];
        if (j->mode == REAL || j->mode == IMAG || j->mode == STFT)
            continue;
        const antler_real re = j->re[i], im = j->im[i], power = re * re + im * im;
        if (j->mode == ANGLE) {
            const antler_real g = power > 0 ? *dy / power : 0;
            j->dre[i] = -im * g;
            j->dim[i] = re * g;
        } else {
            const antler_real g = 2 * power_gradient(j, power, *dy, i % width);
            j->dre[i] = re * g;
            j->dim[i] = im * g;
        }
    }
}

/* Adds one signal's part to the gradient of a kernel, and to that of its frames. */
static void back_side(antler_run *run, const antler_frames *f, int slot, const antler_real *d, bool later, bool more)
{
    if (run->grad[slot].data)
        antler__frames_waves(run, f, run->scratch[SPAN].data, d, run->grad[slot].data, later);
    if (run->dx->data)
        antler__frames_back(run, f, d, run->param[slot].data, run->scratch[FRAMES].data, more);
}

static antler_status backward(const void *config, antler_run *run)
{
    const spectrogram *c = config;
    const int64_t samples_in = run->x->shape.dim[0];
    antler_frames f = {0};
    ANTLER_TRY(frames_of(c, &run->x->shape, &f, run->err));
    for (int64_t signal = 0; signal < samples_in * f.channels; signal++) {
        job j = job_of(c, run, &f, signal);
        const int64_t at = signal / f.channels * f.steps * f.channels + signal % f.channels;
        antler_run_ranges(run, f.count, 8 * f.frequencies, differentiate, &j);
        antler__frames_take(run, &f, run->x->data + at, run->scratch[SPAN].data);
        if (has_real(c))
            back_side(run, &f, 0, j.dre, signal > 0, false);
        if (has_imag(c))
            back_side(run, &f, imag_slot(c), j.dim, signal > 0, has_real(c));
        if (run->dx->data)
            antler__frames_give(run, &f, run->scratch[FRAMES].data, run->dx->data + at);
    }
    return ANTLER_OK;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

const antler_layer_ops antler_layer_stft_spectrogram = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "STFTSpectrogram",
             .doc = "short-time Fourier transform of each channel",
             .config_size = sizeof(spectrogram),
             .fields = fields,
             .samples = samples,
             .check = check},
    .flags = ANTLER_NEEDS_X,
    .mask = ANTLER_MASK_END,
    .infer = infer,
    .variables = variables,
    .buffers = buffers,
    .forward = forward,
    .backward = backward,
    .initialize = initialize,
};
