/* Layers that change images: what they do where nothing is left to chance, and where pixels are taken from, in Keras's
   numbers; that what they draw is what they say, with fixed seeds and bounds of 6 standard deviations; settings that
   are refused. Gradients are those of the conformance suite, and of golden cases. */
#include "dropouts.h"
#include "layers/shared/affine.h"

enum { SAMPLES = 512, PIXELS = 4, CHANNELS = 3, SIZE = PIXELS * CHANNELS };

/* n samples in training. */
static void change(const char *shape, const char *layer, const antler_real *x, int n, antler_real *y)
{
    char json[512];
    snprintf(json, sizeof json, "{'class_name': %s}", layer);
    antler_model *model = network(shape, json, ", 'fit': {'seed': 7}");
    antler_context *context = context_of(model, ANTLER_TRAIN, n, 0);
    antler_context_seek(context, 1, 0);
    forward(context, x, n, y);
    antler_context_free(context);
    antler_model_free(model);
}

static void check_near(const char *what, const antler_real *y, const double *expected, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_msg(fabs((double)y[i] - expected[i]) < 5e-6, "%s: y[%d] is %.9g, not %.9g", what, i, (double)y[i],
                      expected[i]);
}

/* ---- nothing left to chance: of an image with the numbers (29 i + 5) mod 97 / 100 ---- */

static const struct {
    const char *layer;
    double y[SIZE];
} sure[] = {
    {"'RandomPosterization', 'config': {'factor': [2, 2], 'value_range': [0, 1]}",
     {0, 0.25098, 0.501961, 0.752941, 0, 0.501961, 0.752941, 0, 0.25098, 0.501961, 0, 0.25098}},
    {"'RandomPosterization', 'config': {'factor': [3, 3], 'value_range': [-0.5, 1.5]}",
     {0.00196081, 0.252941, 0.503922, 0.754902, 0.00196081, 0.503922, 0.754902, 0.00196081, 0.252941, 0.503922,
      0.00196081, 0.252941}},
    {"'Equalization', 'config': {'value_range': [0, 1], 'bins': 16}",
     {0, 1, 1, 1, 0.666667, 0.666667, 0.666667, 0.333333, 0.333333, 0.333333, 0, 0}},
    {"'RandomGrayscale', 'config': {'factor': 1.0}",
     {0.286345, 0.286345, 0.286345, 0.476288, 0.476288, 0.476288, 0.376298, 0.376298, 0.376298, 0.276308, 0.276308,
      0.276308}},
    {"'Solarization', 'config': {'value_range': [0.1, 0.9]}",
     {0.9, 0.66, 0.37, 0.1, 0.76, 0.47, 0.18, 0.86, 0.57, 0.28, 0.9, 0.67}},
    {"'RandomSaturation', 'config': {'factor': [0.7, 0.7], 'value_range': [0, 1]}",
     {0, 0.315, 0.63, 0.92, 0, 0.392353, 0.82, 0, 0.349706, 0.72, 0, 0.307059}},
    {"'RandomSaturation', 'config': {'factor': [0.7, 0.7], 'value_range': [0.3, 0.8]}",
     {0.126, 0.378, 0.63, 0.92, 0.184, 0.497882, 0.82, 0.164, 0.443765, 0.72, 0.144, 0.389647}},
    {"'RandomHue', 'config': {'factor': [1, 1], 'value_range': [0, 1]}",
     {0.63, 0.34, 0.05, 0.24, 0.92, 0.63, 0.14, 0.82, 0.53, 0.04, 0.72, 0.43}},
    {"'RandomHue', 'config': {'factor': [1, 1], 'value_range': [-1, 0.7]}",
     {0.63, 0.34, 0.05, 0.24, 0.7, 0.63, 0.14, 0.7, 0.53, 0.04, 0.7, 0.43}},
    {"'RandomColorJitter', 'config': {'value_range': [0, 1], 'brightness_factor': [0.1, 0.1], 'contrast_factor': "
     "[-0.4, 0.4], 'saturation_factor': [0.4, 0.4], 'hue_factor': [1, 1]}",
     {0.79, 0.456667, 0.263333, 0.573333, 1, 0.806667, 0.479667, 0.999, 0.805667, 0.339667, 0.859, 0.665667}},
    {"'RandomGaussianBlur', 'config': {'factor': [1, 1], 'kernel_size': [5, 3], 'sigma': [0.6, 0.6], 'value_range': "
     "[0, 1]}",
     {0.143935, 0.178263, 0.346852, 0.414726, 0.144111, 0.305209, 0.444317, 0.0669837, 0.228082, 0.411242, 0.0426455,
      0.211234}},
    {"'RandomErasing', 'config': {'factor': [1, 1], 'scale': [1, 1], 'fill_value': [0.2, 0.4, 3.0], 'value_range': [0, "
     "1]}",
     {0.2, 0.4, 1, 0.2, 0.4, 1, 0.2, 0.4, 1, 0.2, 0.4, 1}},
    {"'AutoContrast', 'config': {'value_range': [-1, 2]}", {-1, 2, 2, 2, 1, 1, 1.65517, 0, 0, 1.31034, -1, -1}},
};

START_TEST(numbers_are_keras)
{
    antler_real x[SIZE], y[SIZE];
    for (int i = 0; i < SIZE; i++)
        x[i] = (antler_real)((29 * i + 5) % 97) / 100;
    change("2, 2, 3", sure[_i].layer, x, 1, y);
    check_near(sure[_i].layer, y, sure[_i].y, SIZE);
}
END_TEST

/* ---- where pixels are taken from ---- */

enum { HEIGHT = 3, WIDTH = 4 };

static const struct {
    const char *what;
    bool bilinear, shifts;
    int fill_mode;
    double y[HEIGHT * WIDTH];
} moved[] = {
    {"bilinear",
     true,
     false,
     ANTLER_FILL_CONSTANT,
     {1.28000009059906, 3.2551984786987305, 6.372780799865723, 4.655173301696777, 2.9722988605499268,
      3.8181819915771484, 4.036799907684326, 6.719387054443359, 0.611111044883728, 5.142856121063232,
      5.9583330154418945, 5.851851940155029}},
    {"nearest", false, false, ANTLER_FILL_CONSTANT, {0, 0, 7, 3, 6, 2, 2, 9, 0.5, 8, 4, 4}},
    {"shifts, constant",
     true,
     true,
     ANTLER_FILL_CONSTANT,
     {0.5, 0.42, 3, 0.5, 0.5, 2.11, 3.58, 0.5, 0.5, 8, 0.42, 0.5}},
    {"shifts, nearest", true, true, ANTLER_FILL_NEAREST, {0, 0, 3, 2.8, 0, 2.8, 4.9, 0, 1.6, 8, 0, 0}},
    {"shifts, wrap", true, true, ANTLER_FILL_WRAP, {1.6, 2.64, 3, 3.44, 1.4, 3.49, 5.2, 8.61, 3.6, 8, 2.64, 8.40999}},
    {"shifts, reflect", true, true, ANTLER_FILL_REFLECT, {4.5, 0, 3, 3.8, 9.5, 2.8, 4.39, 7.3, 6.96, 8, 3.84, 0.7}},
};

START_TEST(pixels_come_from_where_keras_takes_them)
{
    const int64_t shape[] = {HEIGHT, WIDTH, 1};
    antler_real x[HEIGHT * WIDTH], y[HEIGHT * WIDTH], shift[HEIGHT * WIDTH];
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        x[i] = (antler_real)(i * 7 % 11);
        shift[i] = (antler_real)((float)(i * 5 % 7 - 3) * 1.3f);
    }
    const antler_affine a = {.t = {0.9f, 0.2f, -0.4f, -0.1f, 1.1f, 0.3f, 0.15f, -0.05f},
                             .shift = moved[_i].shifts ? shift : NULL,
                             .bilinear = moved[_i].bilinear,
                             .fill_mode = moved[_i].fill_mode,
                             .fill = (antler_real)0.5};
    antler__affine_forward(&a, shape, y, x);
    for (int i = 0; i < HEIGHT * WIDTH; i++)
        ck_assert_msg(fabs((double)y[i] - moved[_i].y[i]) < 2e-5, "%s: y[%d] is %.9g, not %.9g", moved[_i].what, i,
                      (double)y[i], moved[_i].y[i]);
}
END_TEST

/* ---- what is drawn ---- */

/* Of a number that is uniform in [lower, upper). */
static void check_uniform(const char *what, double (*number)(const antler_real *y), const antler_real *y, int size,
                          double lower, double upper)
{
    double sum = 0;
    for (int i = 0; i < SAMPLES; i++) {
        const double u = number(y + i * size);
        ck_assert_msg(u > lower - 1e-4 && u < upper + 1e-4, "%s: %g is not in [%g, %g]", what, u, lower, upper);
        sum += (u - (lower + upper) / 2) / (upper - lower);
    }
    ck_assert_msg(fabs(sum) <= 6 * sqrt(SAMPLES / 12.0), "%s: mean off by %g", what, sum / SAMPLES);
}

/* Of an event with probability p. */
static void check_often(const char *what, int times, double p)
{
    ck_assert_msg(fabs(times - SAMPLES * p) <= 6 * sqrt(SAMPLES * p * (1 - p)), "%s: %d times", what, times);
}

static antler_real *repeated(const antler_real *one, int size)
{
    antler_real *x = room((int64_t)SAMPLES * size);
    for (int i = 0; i < SAMPLES * size; i++)
        x[i] = one[i % size];
    return x;
}

static double first_of(const antler_real *y)
{
    return (double)y[0];
}

/* Of the colour 0.8, 0.4, 0.4 in [0, 1]: red stays the largest up to half a sixth of a turn. */
static double turned_by(const antler_real *y)
{
    return ((double)y[1] - (double)y[2]) / 0.4;
}

START_TEST(colors_are_drawn_as_told)
{
    const antler_real color[] = {(antler_real)0.8, (antler_real)0.4, (antler_real)0.4};
    antler_real *x = repeated(color, 3), *y = room(SAMPLES * 3);
    int times = 0, bits[9] = {0};
    change("1, 1, 3", "'RandomHue', 'config': {'factor': 0.3, 'value_range': [0, 1]}", x, SAMPLES, y);
    check_uniform("hue", turned_by, y, 3, -0.9, 0.9); /* 0.15 turns: six sixths in one */
    change("1, 1, 3", "'RandomColorDegeneration', 'config': {'factor': [0, 1], 'value_range': [0, 1]}", x, SAMPLES, y);
    check_uniform("degeneration", first_of, y, 3, 0.8 * 0.2989 + 0.4 * 0.701, 0.8);
    change("1, 1, 3", "'RandomInvert', 'config': {'factor': [0.2, 0.4], 'value_range': [0, 1]}", x, SAMPLES, y);
    for (int i = 0; i < SAMPLES; i++)
        times += y[3 * i] < (antler_real)0.5;
    check_often("invert", times, 0.3);
    times = 0;
    change("1, 1, 3", "'RandomGrayscale', 'config': {'factor': 0.7}", x, SAMPLES, y);
    for (int i = 0; i < SAMPLES; i++)
        times += y[3 * i] == y[3 * i + 1];
    check_often("gray", times, 0.7);
    change("1, 1, 3", "'RandomPosterization', 'config': {'factor': [1, 3], 'value_range': [0, 1]}", x, SAMPLES, y);
    for (int i = 0; i < SAMPLES; i++)
        bits[y[3 * i] > (antler_real)0.6 ? 2 : 1]++; /* 204 is 192 in two bits, 128 in one */
    check_often("bits", bits[1], 0.5);
    free(x);
    free(y);
}
END_TEST

/* Where the pixel (row, column) of 5 by 5 came from: channels are column and row. */
enum { SIDE = 5 };

static antler_real source(const antler_real *y, int row, int column, int channel)
{
    return y[(row * SIDE + column) * 2 + channel];
}

static double sheared_columns(const antler_real *y)
{
    return (double)source(y, 1, 2, 0) - 2;
}

static double sheared_rows(const antler_real *y)
{
    return (double)source(y, 2, 1, 1) - 2;
}

/* The place on the lower edge that came from the lower right corner, from two pixels of a line that stays one:
   x = a u / (1 + t u). */
static double corner(const antler_real *y)
{
    const double one = (double)source(y, 0, 1, 0), two = (double)source(y, 0, 2, 0);
    const double t = (two - 2 * one) / (2 * one - 2 * two), a = one * (1 + t);
    return (SIDE - 1) / (a - t * (SIDE - 1));
}

START_TEST(moves_are_drawn_as_told)
{
    antler_real ramps[SIDE * SIDE * 2];
    for (int i = 0; i < SIDE * SIDE; i++) {
        ramps[2 * i] = (antler_real)(i % SIDE);
        ramps[2 * i + 1] = (antler_real)(i / SIDE);
    }
    antler_real *x = repeated(ramps, SIDE * SIDE * 2), *y = room(SAMPLES * SIDE * SIDE * 2);
    change("5, 5, 2", "'RandomShear', 'config': {'x_factor': 0.5, 'y_factor': [0, 0.8]}", x, SAMPLES, y);
    check_uniform("x_factor", sheared_columns, y, SIDE * SIDE * 2, -0.5, 0.5);
    check_uniform("y_factor", sheared_rows, y, SIDE * SIDE * 2, -0.8, 0.8);
    change("5, 5, 2", "'RandomPerspective', 'config': {'scale': 0.4}", x, SAMPLES, y);
    check_uniform("corner", corner, y, SIDE * SIDE * 2, 3.2, 4.8);
    change("5, 5, 2", "'RandomElasticTransform', 'config': {}", x, SAMPLES, y);
    double sum = 0, squares = 0;
    for (int i = 0; i < SAMPLES; i++) {
        const double down = (double)source(y + i * SIDE * SIDE * 2, 2, 2, 1) - 2;
        ck_assert(fabs(down - ((double)source(y + i * SIDE * SIDE * 2, 2, 2, 0) - 2)) < 1e-5);
        sum += down;
        squares += down * down;
    }
    const double variance = squares / SAMPLES; /* scale is uniform: of n = normal * 0.1 s 5 * 0.05 s 5, E n^2 */
    ck_assert(fabs(sum) <= 6 * sqrt(SAMPLES * variance));
    ck_assert(fabs(variance - 0.125 * 0.125 / 5) <=
              6 * sqrt(3.0 * 5 * 5 / 9 - 1) * (0.125 * 0.125 / 5) / sqrt(SAMPLES));
    free(x);
    free(y);
}
END_TEST

/* Of 20 by 20 pixels and scale 1 the noise is doubled, and blurred with deviation 1: neighbours move alike. */
START_TEST(elastic_noise_is_smooth)
{
    enum { WIDE = 20, AT = 10 * WIDE + 10 };
    antler_real ramp[WIDE * WIDE];
    for (int i = 0; i < WIDE * WIDE; i++)
        ramp[i] = (antler_real)(i % WIDE);
    antler_real *x = repeated(ramp, WIDE * WIDE), *y = room(SAMPLES * WIDE * WIDE);
    double squares = 0, products = 0;
    change("20, 20, 1", "'RandomElasticTransform', 'config': {'factor': [1, 1], 'scale': [1, 1]}", x, SAMPLES, y);
    for (int i = 0; i < SAMPLES; i++) {
        const double here = (double)y[i * WIDE * WIDE + AT] - 10, next = (double)y[i * WIDE * WIDE + AT + 1] - 11;
        squares += here * here / SAMPLES;
        products += here * next / SAMPLES;
    }
    const double variance = 4 * 0.28209 * 0.28209; /* the sum of a normal curve's squares, along both axes */
    ck_assert(fabs(squares / variance - 1) <= 6 * sqrt(2.0 / SAMPLES));
    ck_assert(fabs(products / squares - exp(-0.25)) <= 6 * (1 - exp(-0.5)) / sqrt(SAMPLES));
    free(x);
    free(y);
}
END_TEST

static double covered_area(const antler_real *y)
{
    int n = 0;
    for (int i = 0; i < 100; i++)
        n += y[i] == 0;
    return n;
}

START_TEST(a_rectangle_is_covered)
{
    antler_real *x = room(SAMPLES * 100), *y = room(SAMPLES * 100);
    for (int i = 0; i < SAMPLES * 100; i++)
        x[i] = 1;
    change("10, 10, 1", "'RandomErasing', 'config': {'scale': [0.25, 0.25], 'fill_value': 0, 'factor': [1, 1]}", x,
           SAMPLES, y);
    for (int i = 0; i < SAMPLES; i++)
        ck_assert(covered_area(y + 100 * i) == 25);
    change("10, 10, 1", "'RandomErasing', 'config': {'scale': [1, 1], 'value_range': [-1, 1], 'factor': [0.5, 0.5]}", x,
           SAMPLES, y);
    int whole = 0, clipped = 0;
    for (int i = 0; i < SAMPLES; i++)
        whole += y[100 * i] != 1 || y[100 * i + 1] != 1 || y[100 * i + 2] != 1;
    for (int i = 0; i < SAMPLES; i++)
        clipped += y[100 * i + 3] == -1;
    check_often("factor", whole, 0.5 * (1 - pow(0.158655, 3)));
    check_often("noise below -1", clipped, 0.5 * 0.158655);
    free(x);
    free(y);
}
END_TEST

/* With factor 0 six of the eleven layers do nothing, and Solarization inverts; all images go through the same one. */
START_TEST(layers_are_picked_alike)
{
    enum { STEPS = SAMPLES };
    const antler_real color[] = {(antler_real)0.8, (antler_real)0.4, (antler_real)0.1};
    antler_real *x = repeated(color, 3), *y = room(SAMPLES * 3);
    int same = 0, inverted = 0;
    antler_model *model = network(
        "1, 1, 3", "{'class_name': 'RandAugment', 'config': {'num_ops': 1, 'factor': 0, 'value_range': [0, 1]}}",
        ", 'fit': {'seed': 7}");
    antler_context *context = context_of(model, ANTLER_TRAIN, 4, 0);
    for (int step = 0; step < STEPS; step++) {
        antler_context_seek(context, step, 4 * step);
        forward(context, x, 4, y);
        ck_assert(same_bits(y, y + 3, 3));
        same += fabs((double)y[0] - 0.8) + fabs((double)y[2] - 0.1) < 1e-5;
        inverted += fabs((double)y[0] - 0.2) + fabs((double)y[2] - 0.9) < 1e-5;
    }
    check_often("nothing", same, 8.0 / 11); /* of one pixel, both of contrast as well */
    check_often("inverted", inverted, 1.0 / 11);
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(y);
}
END_TEST

/* ---- settings ---- */

static const struct {
    const char *shape, *layer, *message;
} wrong[] = {
    {"2, 2, 3", "'RandomPosterization', 'config': {'factor': 9}", "config.factor: 9 is not in [1, 8]"},
    {"2, 2, 3", "'RandomPosterization', 'config': {'factor': [1, 2.5]}", "config.factor: expected integers"},
    {"2, 2, 2", "'RandomHue', 'config': {'factor': 0.5}", "2 channels, expected 3"},
    {"2, 2, 2", "'RandomColorJitter', 'config': {'hue_factor': 0.5}", "2 channels, expected 3"},
    {"2, 2, 2", "'RandomGrayscale', 'config': {}", "2 channels, expected 1 or 3"},
    {"2, 2, 3", "'RandomColorJitter', 'config': {'contrast_factor': 2}", "config.contrast_factor: 2 is not in [0, 1]"},
    {"2, 2, 3", "'RandomInvert', 'config': {'value_range': [1, 0]}", "config.value_range: expected two numbers"},
    {"2, 2, 3", "'Solarization', 'config': {'threshold_factor': [0, 1.5]}", "[0, 1.5] is not within [0, 1]"},
    {"2, 2, 3", "'RandomGaussianBlur', 'config': {'kernel_size': 4}", "config.kernel_size: expected odd numbers"},
    {"2, 2, 3", "'RandomShear', 'config': {'x_factor': [-0.1, 0.3]}", "[-0.1, 0.3] is not within [0, 1]"},
    {"2, 2, 3", "'RandomElasticTransform', 'config': {'fill_mode': 'mirror'}", "\"mirror\" is not one of"},
    {"2, 2, 3", "'RandAugment', 'config': {'augmentations': []}",
     "config.augmentations: they are Keras's: leave them out"},
    {"2, 2, 1", "'ContrastLimitedAdaptiveHistogramEqualization', 'config': {}", "too many tiles for 2 times 2 pixels"},
    {"2, 2, 1", "'RandomErasing', 'config': {'fill_value': [1, 2, 3]}", "3 numbers for 1 channels"},
};

START_TEST(bad_settings_are_told)
{
    const char *text = layer_refusal(wrong[_i].shape, wrong[_i].layer);
    ck_assert_msg(strstr(text, wrong[_i].message), "%s: \"%s\"", wrong[_i].layer, text);
}
END_TEST

/* Keras takes no pair with a number below 0, but writes one. */
START_TEST(a_number_of_shear_stays_one)
{
    antler_model *model = network("2, 2, 3", "{'class_name': 'RandomShear', 'config': {'x_factor': [-0.5, 0.5]}}", "");
    antler_error err = {0};
    char *text = antler_model_json(model, &err);
    ck_assert_ptr_nonnull(strstr(text, "\"x_factor\": 0.5"));
    antler_text_free(text);
    antler_model_free(model);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("image_changes");
    tcase_add_loop_test(tests, numbers_are_keras, 0, sizeof sure / sizeof sure[0]);
    tcase_add_loop_test(tests, pixels_come_from_where_keras_takes_them, 0, sizeof moved / sizeof moved[0]);
    tcase_add_test(tests, colors_are_drawn_as_told);
    tcase_add_test(tests, moves_are_drawn_as_told);
    tcase_add_test(tests, elastic_noise_is_smooth);
    tcase_add_test(tests, a_rectangle_is_covered);
    tcase_add_test(tests, layers_are_picked_alike);
    tcase_add_loop_test(tests, bad_settings_are_told, 0, sizeof wrong / sizeof wrong[0]);
    tcase_add_test(tests, a_number_of_shear_stays_one);
    return run_suite("image_changes", tests);
}
