/* Spectrograms: frames are gathered from the signal, and are multiplied by the matrices of waves. */
#include "layers/shared/window.h"
#include "onnx/say.h"
#include "parts/fourier.h"

#include <limits.h>
#include <math.h>
#include <string.h>

static bool is(const char *setting, const char *value)
{
    return strcmp(setting, value) == 0;
}

/* Frames (B, count, length, ...) of x (B, steps, ...): frame i begins at step i * step - before. What lies outside is
   mirrored at the ends, if `steps` is above 0; else nothing may lie there. */
static antler_term *frames(antler_onnx *o, antler_term *x, int64_t count, int64_t length, int64_t step, int64_t before,
                           int64_t steps, int64_t channels)
{
    const int64_t size[] = {-1, count, length, channels};
    int64_t *at = NULL;
    if (count > INT_MAX / length)
        antler__onnx_refuse(o, "frames of more than %d steps", INT_MAX);
    else
        at = antler__onnx_room(o, (size_t)(count * length), sizeof *at);
    for (int64_t i = 0; at && i < count * length; i++) {
        at[i] = i / length * step - before + i % length;
        at[i] = steps > 0 && at[i] < 0 ? -at[i] : at[i];
        at[i] = steps > 0 && at[i] >= steps ? 2 * (steps - 1) - at[i] : at[i];
    }
    if (!at)
        return NULL;
    antler_term *y = antler__op2(o, "Gather", x, antler__ints(o, (int)(count * length), at));
    antler__set_int(o, "axis", 1);
    return antler__reshape(o, y, channels ? 4 : 3, size);
}

static antler_term *square(antler_onnx *o, antler_term *x)
{
    return antler__op2(o, "Mul", x, x);
}

/* ---- STFTSpectrogram ----------------------------------------------------------------------------------------------
 */

/* That of (re, im), 0 at the origin: atan of the quotient, half a turn further left of it. */
static antler_term *angle(antler_onnx *o, antler_term *re, antler_term *im)
{
    const double pi = 3.14159265358979323846;
    antler_term *zero = antler__real(o, 0);
    antler_term *a = antler__op1(o, "Atan", antler__op2(o, "Div", im, re));
    antler_term *half =
        antler__op3(o, "Where", antler__op2(o, "Less", im, zero), antler__real(o, -pi), antler__real(o, pi));
    a = antler__op3(o, "Where", antler__op2(o, "Less", re, zero), antler__op2(o, "Add", a, half), a);
    antler_term *none = antler__op2(o, "And", antler__op2(o, "Equal", re, zero), antler__op2(o, "Equal", im, zero));
    return antler__op3(o, "Where", none, zero, a);
}

/* 2 p, but p at both ends. */
static antler_term *density(antler_onnx *o, antler_term *power, int64_t frequencies)
{
    antler_real *to;
    antler_term *factor = antler__table(o, 1, &frequencies, &to);
    for (int64_t f = 0; factor && f < frequencies; f++)
        to[f] = f > 0 && f < frequencies - 1 ? 2 : 1;
    return antler__op2(o, "Mul", power, factor);
}

static antler_term *of_mode(antler_onnx *o, const char *mode, antler_term *re, antler_term *im, int64_t frequencies)
{
    if (is(mode, "real") || is(mode, "imag"))
        return re ? re : im;
    if (is(mode, "stft")) {
        antler_term *y = antler__op2(o, "Concat", re, im);
        antler__set_int(o, "axis", -1);
        return y;
    }
    if (is(mode, "angle"))
        return angle(o, re, im);
    antler_term *power = antler__op2(o, "Add", square(o, re), square(o, im));
    if (is(mode, "psd"))
        return density(o, power, frequencies);
    power = antler__op1(o, "Sqrt", antler__op2(o, "Max", power, antler__real(o, 1e-7)));
    return is(mode, "log") ? antler__op1(o, "Log", power) : power;
}

static void stft_spectrogram(antler_onnx *o, antler_said *s)
{
    static const int turn[] = {0, 1, 3, 2};
    const struct antler_stft_spectrogram *c = antler__config_of(s);
    const antler_shape *in = antler__in_of(s);
    const int64_t step = c->frame_step != ANTLER_NULL ? c->frame_step : c->frame_length / 2;
    const bool real = !is(c->mode, "imag"), imag = !is(c->mode, "real");
    antler_window w;
    if (antler__window(&w, in->dim[1], c->frame_length, step, 1, c->padding, NULL) != ANTLER_OK)
        return;
    int64_t behind = (w.out - 1) * step + c->frame_length - w.before - in->dim[1];
    const int64_t pads[] = {0, w.before, 0, 0, behind > 0 ? behind : 0, 0};
    antler_term *x = antler__op2(o, "Pad", s->x[0], antler__ints(o, 6, pads));
    x = antler__transpose(o, frames(o, x, w.out, c->frame_length, step, 0, 0, in->dim[2]), 4, turn);
    antler_shape kernel = antler__param_tensor(o, s, 0)->shape;
    const int64_t matrix[] = {kernel.dim[0], kernel.dim[2]};
    antler_term *part[2] = {NULL, NULL};
    for (int i = 0, slot = 0; i < 2; i++)
        if (i == 0 ? real : imag)
            part[i] = antler__op2(o, "MatMul", x, antler__reshape(o, antler__param(o, s, slot++), 2, matrix));
    antler_term *y = of_mode(o, c->mode, part[0], part[1], kernel.dim[2]);
    s->y[0] = c->expand_dims ? antler__transpose(o, y, 4, turn) : antler__shaped(o, y, antler__out_of(s));
}

/* ---- MelSpectrogram -----------------------------------------------------------------------------------------------
 */

static antler_term *waves(antler_onnx *o, const struct antler_mel_spectrogram *c, int64_t length, bool imag)
{
    const int64_t size[] = {length, c->fft_length / 2 + 1};
    const antler_taper taper = {.window = c->window, .periodic = length % 2 == 0};
    antler_real *to;
    antler_term *table = antler__table(o, 2, size, &to);
    if (table)
        antler__waves(&taper, imag, false, length, size[1], c->fft_length, to);
    return table;
}

static antler_term *bands(antler_onnx *o, const struct antler_mel_spectrogram *c)
{
    const int64_t size[] = {c->num_mel_bins, c->fft_length / 2 + 1};
    const double high = isnan(c->max_freq) ? (double)(c->sampling_rate / 2) : c->max_freq;
    antler_real *to;
    antler_term *table = antler__table(o, 2, size, &to);
    if (table)
        antler__mel_bands(c->sampling_rate, c->min_freq, high, size[0], size[1], to);
    return table;
}

/* 10 log10(max(m, least)) - 10 log10(max(|ref|, least)), at most top_db below the batch's largest. */
static antler_term *decibels(antler_onnx *o, const struct antler_mel_spectrogram *c, antler_term *m)
{
    const double zero = 10 * log10(fmax(fabs(c->ref_power), c->min_power));
    antler_term *d = antler__op1(o, "Log", antler__op2(o, "Max", m, antler__real(o, c->min_power)));
    d = antler__op2(o, "Mul", d, antler__real(o, 10 / log(10.0)));
    d = antler__op2(o, "Sub", d, antler__real(o, zero));
    antler_term *largest = antler__op1(o, "ReduceMax", d);
    antler__set_int(o, "keepdims", 0);
    return antler__op2(o, "Max", d, antler__op2(o, "Sub", largest, antler__real(o, c->top_db)));
}

static void mel_spectrogram(antler_onnx *o, antler_said *s)
{
    static const int turn[] = {0, 2, 1};
    const struct antler_mel_spectrogram *c = antler__config_of(s);
    const int64_t steps = antler__in_of(s)->dim[1], count = antler__out_of(s)->dim[2], half = c->fft_length / 2;
    const int64_t length = c->sequence_length != ANTLER_NULL ? c->sequence_length : c->fft_length;
    antler_term *x =
        frames(o, s->x[0], count, length, c->sequence_stride, half - (c->fft_length - length) / 2, steps, 0);
    antler_term *re = antler__op2(o, "MatMul", x, waves(o, c, length, false));
    antler_term *im = antler__op2(o, "MatMul", x, waves(o, c, length, true));
    antler_term *power = antler__op2(o, "Add", square(o, re), square(o, im));
    if (c->mag_exp != 2)
        power = antler__op2(o, "Pow", power, antler__real(o, c->mag_exp / 2));
    antler_term *y = antler__op2(o, "MatMul", bands(o, c), antler__transpose(o, power, 3, turn));
    s->y[0] = c->power_to_db ? decibels(o, c, y) : y;
}

const antler_saying antler__say_spectrograms[] = {
    {&antler_layer_stft_spectrogram.type, stft_spectrogram, false},
    {&antler_layer_mel_spectrogram.type, mel_spectrogram, false},
    {NULL, NULL, false},
};
