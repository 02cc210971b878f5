/* dummy_time: noise, or noise with a sine in it. 1,024 signals of one second at 128 Hz; 683 train, 341 test.

       x(t) = n(t) + coin * sin(2 pi f t),   n normal with deviation .5,   f uniform in [0, 32) Hz,   t = k / 128

   Label 0: with the sine; 1: noise alone; one-hot, for the mean squared error. */
#include "make_data.h"

#include <stdlib.h>

static const double PI = 3.14159265358979323846;

enum { SAMPLES = 1024, TRAIN = 683, POINTS = 128 };
enum { USE_COINS = 1, USE_NOISE = 2 }; /* streams of the seed */

/* x[k] += sin(w k) */
static void add_sine(float *x, double w)
{
    for (int k = 0; k < POINTS; k++)
        x[k] += (float)antler_cos(w * k - PI / 2);
}

antler_status make_dummy_time(const char *path, int64_t seed, antler_error *err)
{
    generator g = generator_make(seed, USE_COINS);
    rows x = rows_make(ANTLER_FLOAT32, SAMPLES, (int64_t[]){POINTS, 1}, 2);
    rows y = rows_make(ANTLER_UINT8, SAMPLES, (int64_t[]){2}, 1);
    if (x.values && y.values) {
        float *signal = x.values;
        uint8_t *label = y.values;
        antler_random_normal((antler_stream){.key = (uint64_t)seed, .step = (uint64_t)USE_NOISE << 32}, signal,
                             (int64_t)SAMPLES * POINTS);
        for (int i = 0; i < SAMPLES; i++) {
            for (int k = 0; k < POINTS; k++)
                signal[i * POINTS + k] *= .5F;
            bool with_sine = generator_word(&g) >> 31;
            double f = 32 * generator_uniform(&g);
            if (with_sine)
                add_sine(signal + i * POINTS, 2 * PI * f / POINTS);
            label[2 * i + !with_sine] = 1;
        }
    }
    antler_status status = write_split(
        path, "Noise with (0) or without (1) a sine; computed, after EpyNN's dummy_time.", &x, &y, TRAIN, err);
    free(x.values);
    free(y.values);
    return status;
}
