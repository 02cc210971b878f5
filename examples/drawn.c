/* The data sets that are drawn one sample after the other: EpyNN's dummy_boolean, dummy_string and dummy_image, and
   small problems for the networks of docs/models.md. Each is a row of the table below. */
#include "make_data.h"

#include <stdlib.h>
#include <string.h>

enum { USE_DRAWN = 1 << 17 }; /* of the seed's streams: none of the others'; a set has that of its place in the table */

/* Sum of 12 uniforms: mean 0, deviation 1, near to normal. */
static double noise(generator *g)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += generator_uniform(g);
    return sum;
}

/* ---- EpyNN's ---- */

enum { BOOLEANS = 11, LETTERS = 12, ALPHABET = 4, SIDE = 28, GRAYS = 16 };

/* Label 0: more are true than false; 1: fewer. */
static void draw_boolean(generator *g, bool test, void *x, void *y)
{
    (void)test;
    uint8_t *boolean = x, *label = y;
    int count = 0;
    for (int i = 0; i < BOOLEANS; i++)
        count += boolean[i] = (uint8_t)(generator_word(g) >> 31);
    *label = 2 * count < BOOLEANS;
}

/* Label 0: the first letter is the last, too; 1: it is not. Letters and label are one-hot. */
static void draw_string(generator *g, bool test, void *x, void *y)
{
    (void)test;
    uint8_t *hot = x, *label = y;
    int64_t letter[LETTERS];
    for (int i = 0; i < LETTERS; i++) {
        letter[i] = generator_below(g, ALPHABET);
        hot[i * ALPHABET + letter[i]] = 1;
    }
    label[letter[0] != letter[LETTERS - 1]] = 1;
}

/* Label 0: one row and one column are black; 1: grains of any gray alone. */
static void draw_image(generator *g, bool test, void *x, void *y)
{
    (void)test;
    uint8_t *pixel = x, *label = y;
    for (int i = 0; i < SIDE * SIDE; i++)
        pixel[i] = (uint8_t)generator_below(g, GRAYS);
    bool cross = generator_word(g) >> 31;
    int64_t row = generator_below(g, SIDE), column = generator_below(g, SIDE);
    for (int i = 0; cross && i < SIDE; i++)
        pixel[row * SIDE + i] = pixel[i * SIDE + column] = 0;
    label[!cross] = 1;
}

/* ---- for the networks of docs/models.md ---- */

enum { AREA = 16, STEPS = 48, NEAR = 3, FAR = 10, TOKENS = 6, WORD = 6 };

/* A disc in noise that is as strong as it; the mask is 1 where the disc is. */
static void draw_disc(generator *g, bool test, void *x, void *y)
{
    (void)test;
    float *pixel = x;
    uint8_t *mask = y;
    double radius = 2 + 3 * generator_uniform(g), row = AREA * generator_uniform(g),
           column = AREA * generator_uniform(g);
    for (int i = 0; i < AREA * AREA; i++) {
        double down = i / AREA - row, right = i % AREA - column;
        mask[i] = down * down + right * right < radius * radius;
        pixel[i] = (float)(mask[i] + noise(g));
    }
}

/* A series and, at each step, the product of what it was 3 and 10 steps before. */
static void draw_echoes(generator *g, bool test, void *x, void *y)
{
    (void)test;
    float *series = x, *product = y;
    for (int t = 0; t < STEPS; t++) {
        series[t] = (float)(2 * generator_uniform(g) - 1);
        product[t] = t < FAR ? 0 : series[t - NEAR] * series[t - FAR];
    }
}

/* sin 3x and a little noise: learned in [-1, 1], asked for in [-2, 2]. */
static void draw_curve(generator *g, bool test, void *x, void *y)
{
    static const double HALF_PI = 1.57079632679489661923;
    double at = (test ? 2 : 1) * (2 * generator_uniform(g) - 1);
    *(float *)x = (float)at;
    *(float *)y = (float)(antler_cos(3 * at - HALF_PI) + .1 * noise(g));
}

/* A word, one-hot, and its letters from the last to the first. */
static void draw_reversal(generator *g, bool test, void *x, void *y)
{
    (void)test;
    uint8_t *hot = x, *letter = y;
    for (int i = 0; i < WORD; i++) {
        letter[WORD - 1 - i] = (uint8_t)generator_below(g, TOKENS);
        hot[i * TOKENS + letter[WORD - 1 - i]] = 1;
    }
}

/* ---- the table ---- */

typedef struct row_form {
    antler_dtype dtype;
    int rank;
    int64_t dim[3];
} row_form;

static const struct drawn {
    const char *name, *about;
    int64_t samples; /* two thirds are to train, the rest to test */
    row_form x, y;
    void (*draw)(generator *g, bool test, void *x, void *y); /* one sample; both are zeroed before */
} set[] = {
    {"dummy_boolean",
     "11 booleans, mostly true (0) or mostly false (1); computed, after EpyNN's dummy_boolean.",
     50,
     {ANTLER_UINT8, 1, {BOOLEANS}},
     {ANTLER_UINT8, 1, {1}},
     draw_boolean},
    {"dummy_string",
     "12 letters, the first equal to the last (0) or not (1); computed, after EpyNN's dummy_string.",
     480,
     {ANTLER_UINT8, 2, {LETTERS, ALPHABET}},
     {ANTLER_UINT8, 1, {2}},
     draw_string},
    {"dummy_image",
     "Noise with (0) or without (1) a black cross; computed, after EpyNN's dummy_image.",
     750,
     {ANTLER_UINT8, 3, {SIDE, SIDE, 1}},
     {ANTLER_UINT8, 1, {2}},
     draw_image},
    {"discs",
     "A disc in noise, and where it is; computed.",
     900,
     {ANTLER_FLOAT32, 3, {AREA, AREA, 1}},
     {ANTLER_UINT8, 3, {AREA, AREA, 1}},
     draw_disc},
    {"echoes",
     "A series, and the product of two of its steps; computed.",
     900,
     {ANTLER_FLOAT32, 2, {STEPS, 1}},
     {ANTLER_FLOAT32, 2, {STEPS, 1}},
     draw_echoes},
    {"curve",
     "A sine with noise, in [-1, 1] to train and in [-2, 2] to test; computed.",
     900,
     {ANTLER_FLOAT32, 1, {1}},
     {ANTLER_FLOAT32, 1, {1}},
     draw_curve},
    {"reversals",
     "A word, and the same word backwards; computed.",
     3000,
     {ANTLER_UINT8, 2, {WORD, TOKENS}},
     {ANTLER_UINT8, 1, {WORD}},
     draw_reversal},
};

static void *row_at(const rows *r, int64_t i)
{
    return (char *)r->values + (size_t)i * row_bytes(r);
}

static antler_status make_set(const struct drawn *d, const char *path, int64_t n, int64_t seed, antler_error *err)
{
    generator g = generator_make(seed, (uint32_t)(USE_DRAWN + (d - set)));
    rows x = rows_make(d->x.dtype, n, d->x.dim, d->x.rank), y = rows_make(d->y.dtype, n, d->y.dim, d->y.rank);
    int64_t train = (2 * n + 1) / 3; /* 2 n / 3, to the nearest: EpyNN's split */
    for (int64_t i = 0; x.values && y.values && i < n; i++)
        d->draw(&g, i >= train, row_at(&x, i), row_at(&y, i));
    antler_status status = write_split(path, d->about, &x, &y, train, err);
    free(x.values);
    free(y.values);
    return status;
}

bool make_drawn(const char *name, const char *path, int64_t samples, int64_t seed, antler_error *err)
{
    for (size_t k = 0; k < sizeof set / sizeof *set; k++) {
        if (!strcmp(name, set[k].name)) {
            make_set(&set[k], path, samples ? samples : set[k].samples, seed, err);
            return true;
        }
    }
    return false;
}
