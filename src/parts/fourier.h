/* Waves, windows and scales of Fourier transforms: what the initializer STFT and the layers of spectrograms share. */
#ifndef ANTLER_PARTS_FOURIER_H
#define ANTLER_PARTS_FOURIER_H

#include "antler/base.h"

extern const char *const antler__window_names[];    /* "hann", "hamming", "blackman", "boxcar" */
extern const char *const antler__window_scalings[]; /* "density", "spectrum" */

/* What waves are multiplied by. */
typedef struct antler_taper {
    const char *window;  /* NULL: nothing */
    const char *scaling; /* "density": over the root of its sum of squares, "spectrum": over its sum; NULL: as it is */
    bool periodic;       /* it is a period of the frame's length */
} antler_taper;

/* w (frame, frequencies): cos(2 pi t f / period) window(t), or with `imag` sin(-2 pi t f / period) window(t); in float
   if `rounded`. */
void antler__waves(const antler_taper *taper, bool imag, bool rounded, int64_t frame, int64_t frequencies,
                   int64_t period, antler_real *w);

/* A window's n numbers, and cos and sin of 2 pi r / period. */
void antler__window_of(const antler_taper *taper, int64_t n, antler_real *w);
void antler__wave_circle(int64_t period, antler_real *cosine, antler_real *sine);

/* w (bands, frequencies): triangles over the frequencies 0 .. rate / 2, each from the centre of the band before to that
   of the band behind; the centres lie evenly on the mel scale 1127 log(1 + hertz / 700) between low and high. */
void antler__mel_bands(int64_t rate, double low, double high, int64_t bands, int64_t frequencies, antler_real *w);

/* The angle of (x, y) in (-pi, pi]; 0 at the origin. */
double antler__angle(double y, double x);

#endif
