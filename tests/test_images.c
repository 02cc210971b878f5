/* Layers of images and AlphaDropout by chance: that what they draw is what they say, with fixed seeds and bounds of 6
   standard deviations. What they do with it is judged by Keras (test_golden.c). Settings that are refused. */
#include "dropouts.h"

enum { SIDE = 5, CHANNELS = 2, SIZE = SIDE * SIDE * CHANNELS, SAMPLES = 512 };

/* Images whose channels are the place of a pixel: its column, its row. */
static antler_real *ramps(void)
{
    antler_real *x = room(SAMPLES * SIZE);
    for (int i = 0; i < SAMPLES * SIDE * SIDE; i++) {
        x[i * CHANNELS] = (antler_real)(i % SIDE);
        x[i * CHANNELS + 1] = (antler_real)(i / SIDE % SIDE);
    }
    return x;
}

/* One pass in training at a step. */
static void pass(const char *layer, const antler_real *x, int64_t step, antler_real *y)
{
    char json[512];
    snprintf(json, sizeof json, "{'class_name': %s}", layer);
    antler_model *model = network("5, 5, 2", json, ", 'fit': {'seed': 7}");
    antler_context *context = context_of(model, ANTLER_TRAIN, SAMPLES, 0);
    antler_context_seek(context, step, 0);
    forward(context, x, SAMPLES, y);
    antler_context_free(context);
    antler_model_free(model);
}

/* Uniform numbers of all samples: in the interval, with its mean and deviation. */
static void check_uniform(const char *what, const double *u, double lower, double upper)
{
    const double middle = (lower + upper) / 2, variance = (upper - lower) * (upper - lower) / 12;
    double sum = 0, squares = 0;
    for (int i = 0; i < SAMPLES; i++) {
        ck_assert_msg(u[i] >= lower - 1e-5 && u[i] <= upper + 1e-5, "%s: %g is not in [%g, %g]", what, u[i], lower,
                      upper);
        sum += u[i];
        squares += (u[i] - middle) * (u[i] - middle);
    }
    ck_assert_msg(fabs(sum / SAMPLES - middle) <= 6 * sqrt(variance / SAMPLES), "%s: mean %g", what, sum / SAMPLES);
    ck_assert_msg(fabs(squares / SAMPLES - variance) <= 6 * variance * sqrt(0.8 / SAMPLES), "%s: variance %g", what,
                  squares / SAMPLES);
}

static double correlation(const double *a, const double *b)
{
    double ab = 0, aa = 0, bb = 0, mean_a = 0, mean_b = 0;
    for (int i = 0; i < SAMPLES; i++) {
        mean_a += a[i] / SAMPLES;
        mean_b += b[i] / SAMPLES;
    }
    for (int i = 0; i < SAMPLES; i++) {
        ab += (a[i] - mean_a) * (b[i] - mean_b);
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
    }
    return ab / sqrt(aa * bb);
}

/* Where the pixel (row, column) of a sample was taken from. */
static void source(const antler_real *y, int sample, int row, int column, double *from_row, double *from_column)
{
    const antler_real *pixel = y + (sample * SIDE * SIDE + row * SIDE + column) * CHANNELS;
    *from_column = (double)pixel[0];
    *from_row = (double)pixel[1];
}

START_TEST(translation_is_uniform)
{
    antler_real *x = ramps(), *y = room(SAMPLES * SIZE);
    double down[SAMPLES], right[SAMPLES], row, column;
    pass("'RandomTranslation', 'config': {'height_factor': [-0.1, 0.3], 'width_factor': 0.2}", x, 1, y);
    for (int i = 0; i < SAMPLES; i++) {
        source(y, i, 2, 2, &row, &column);
        down[i] = (2 - row) / SIDE;
        right[i] = (2 - column) / SIDE;
    }
    check_uniform("height_factor", down, -0.1, 0.3);
    check_uniform("width_factor", right, -0.2, 0.2);
    ck_assert(fabs(correlation(down, right)) <= 6 / sqrt(SAMPLES));
    free(x);
    free(y);
}
END_TEST

START_TEST(zoom_is_uniform)
{
    antler_real *x = ramps(), *y = room(SAMPLES * SIZE);
    double high[SAMPLES], wide[SAMPLES], row, column;
    for (int one = 0; one < 2; one++) {
        pass(one ? "'RandomZoom', 'config': {'height_factor': 0.5}"
                 : "'RandomZoom', 'config': {'height_factor': 0.5, 'width_factor': [-0.7, -0.1]}",
             x, 1, y);
        for (int i = 0; i < SAMPLES; i++) {
            source(y, i, 1, 1, &row, &column);
            high[i] = (row - 2) / (1 - 2) - 1;
            wide[i] = (column - 2) / (1 - 2) - 1;
            ck_assert(!one || fabs(high[i] - wide[i]) < 1e-5);
        }
        check_uniform("height_factor", high, -0.5, 0.5);
        if (!one)
            check_uniform("width_factor", wide, -0.7, -0.1);
    }
    free(x);
    free(y);
}
END_TEST

/* The right side goes to the top. */
START_TEST(rotation_is_uniform_and_counterclockwise)
{
    const double turn = 8 * atan(1);
    antler_real *x = ramps(), *y = room(SAMPLES * SIZE);
    double angle[SAMPLES], row, column;
    pass("'RandomRotation', 'config': {'factor': [-0.1, 0.2]}", x, 1, y);
    for (int i = 0; i < SAMPLES; i++) {
        source(y, i, 1, 2, &row, &column);
        angle[i] = atan2(column - 2, 2 - row) / turn;
    }
    check_uniform("factor", angle, -0.1, 0.2);
    pass("'RandomRotation', 'config': {'factor': [0.25, 0.25]}", x, 1, y);
    source(y, 0, 0, 2, &row, &column);
    ck_assert(fabs(row - 2) < 1e-5 && fabs(column - 4) < 1e-5);
    free(x);
    free(y);
}
END_TEST

START_TEST(flips_are_of_all_axes_or_none)
{
    static const struct {
        const char *mode;
        bool rows, columns;
    } mode[] = {{"horizontal", false, true}, {"vertical", true, false}, {"horizontal_and_vertical", true, true}};
    antler_real *x = ramps(), *y = room(SAMPLES * SIZE);
    for (int m = 0; m < 3; m++) {
        char layer[128];
        int flipped = 0;
        snprintf(layer, sizeof layer, "'RandomFlip', 'config': {'mode': '%s'}", mode[m].mode);
        pass(layer, x, 1, y);
        for (int i = 0; i < SAMPLES; i++) {
            double row, column;
            source(y, i, 0, 0, &row, &column);
            bool flips = row != 0 || column != 0;
            flipped += flips;
            for (int at = 0; at < SIDE * SIDE; at++) {
                int r = at / SIDE, c = at % SIDE;
                source(y, i, r, c, &row, &column);
                ck_assert_double_eq(row, flips && mode[m].rows ? SIDE - 1 - r : r);
                ck_assert_double_eq(column, flips && mode[m].columns ? SIDE - 1 - c : c);
            }
        }
        ck_assert(fabs(flipped - SAMPLES / 2.0) <= 6 * sqrt(SAMPLES) / 2);
    }
    free(x);
    free(y);
}
END_TEST

START_TEST(colors_are_uniform)
{
    antler_real *x = ramps(), *y = room(SAMPLES * SIZE);
    double u[SAMPLES];
    pass("'RandomBrightness', 'config': {'factor': [0, 0.4], 'value_range': [-10, 10]}", x, 1, y);
    for (int i = 0; i < SAMPLES; i++)
        u[i] = (double)y[i * SIZE + 7] - (double)x[i * SIZE + 7];
    check_uniform("brightness", u, 0, 8);
    pass("'RandomContrast', 'config': {'factor': [0.5, 0.9], 'value_range': [-10, 10]}", x, 1, y);
    for (int i = 0; i < SAMPLES; i++)
        u[i] = ((double)y[i * SIZE] - 2) / ((double)x[i * SIZE] - 2);
    check_uniform("contrast", u, 0.5, 1.9);
    pass("'RandomContrast', 'config': {'factor': 0.5}", x, 1, y); /* one number: from 0, as in Keras */
    for (int i = 0; i < SAMPLES; i++)
        u[i] = ((double)y[i * SIZE + 6] - 2) / ((double)x[i * SIZE + 6] - 2);
    check_uniform("contrast of one number", u, 1, 1.5);
    free(x);
    free(y);
}
END_TEST

/* All images of a step are cut at one place; in 200 steps all of 12 places come. */
START_TEST(a_crop_is_one_for_all_images)
{
    enum { H = 2, W = 3, ROWS = SIDE - H + 1, COLUMNS = SIDE - W + 1 };
    antler_real *x = ramps(), *y = room(SAMPLES * SIZE);
    int seen[ROWS * COLUMNS] = {0}, places = 0;
    antler_model *model =
        network("5, 5, 2", "{'class_name': 'RandomCrop', 'config': {'height': 2, 'width': 3}}", ", 'fit': {'seed': 7}");
    antler_context *context = context_of(model, ANTLER_TRAIN, 4, 0);
    for (int step = 0; step < 200; step++) {
        antler_context_seek(context, step, 4 * step);
        forward(context, x, 4, y);
        const int column = (int)y[0], row = (int)y[1];
        places += seen[row * COLUMNS + column]++ == 0;
        for (int i = 0; i < 4 * H * W; i++) {
            ck_assert_int_eq((int)y[i * CHANNELS], column + i % W);
            ck_assert_int_eq((int)y[i * CHANNELS + 1], row + i / W % H);
        }
    }
    ck_assert_int_eq(places, ROWS * COLUMNS);
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(y);
}
END_TEST

/* Of two values of x that are kept a and b are had; with what is dropped they give mean 0 and variance 1. */
START_TEST(alpha_dropout_keeps_mean_and_variance)
{
    enum { N = 4096 };
    const double rate = rates[_i];
    char layer[128];
    snprintf(layer, sizeof layer, "{'class_name': 'AlphaDropout', 'config': {'rate': %g}}", rate);
    antler_model *model = network("4096", layer, ", 'fit': {'seed': 7}");
    antler_context *context = context_of(model, ANTLER_TRAIN, 1, ANTLER_INPUT_GRADIENT);
    antler_real *x = room(N), *y = room(N), *dx = room(N);
    int kept = 0;
    double value[2] = {NAN, NAN}, dropped = NAN;
    for (int i = 0; i < N; i++)
        x[i] = i % 2 ? 2 : -1;
    forward(context, x, 1, y);
    for (int i = 0; i < N; i++)
        dx[i] = 1;
    backward(context, dx, dx);
    for (int i = 0; i < N; i++) {
        const bool keeps = dx[i] != 0;
        double *to = keeps ? &value[i % 2] : &dropped;
        kept += keeps;
        *to = isnan(*to) ? (double)y[i] : *to;
        ck_assert(*to == (double)y[i]);
    }
    const double a = (value[1] - value[0]) / 3, b = value[0] + a;
    ck_assert(fabs(kept - N * (1 - rate)) <= 6 * sqrt(N * rate * (1 - rate)));
    ck_assert(fabs((dropped - b) / a + 1.7580993408473766) < 1e-5);
    ck_assert(fabs(rate * dropped + (1 - rate) * b) < 1e-5);
    ck_assert(fabs(rate * dropped * dropped + (1 - rate) * (a * a + b * b) - 1) < 1e-5);
    for (int i = 0; i < N; i++)
        ck_assert(dx[i] == 0 || fabs((double)dx[i] - a) < 1e-5);
    antler_context_free(context);
    antler_model_free(model);
    free(x);
    free(y);
    free(dx);
}
END_TEST

/* ---- settings ---- */

static const struct {
    const char *shape, *layer, *message;
} wrong[] = {
    {"4, 4, 1", "'RandomRotation', 'config': {'factor': 2}", "config.factor: 2 is not in [-1, 1]"},
    {"4, 4, 1", "'RandomZoom', 'config': {'height_factor': [0.1, 3]}", "[0.1, 3] is not within [-1, 1]"},
    {"4, 4, 1", "'RandomZoom', 'config': {'height_factor': [1, 2, 3]}", "is not a number or a list of 2"},
    {"4, 4, 1", "'RandomFlip', 'config': {'mode': 'up'}", "\"up\" is not one of"},
    {"4, 4, 1", "'RandomFlip', 'config': {'data_format': 'last'}", "\"last\" is not one of"},
    {"4, 4, 1", "'RandomContrast', 'config': {'factor': 0.1, 'value_range': 3}", "config.value_range: expected two"},
    {"4, 4", "'RandomFlip', 'config': {}", "expected (batch, height, width, channels)"},
    {"4, 4, 1", "'Resizing', 'config': {'height': 2, 'width': 2, 'interpolation': 'gaussian'}", "is not one of"},
    {"4, 4, 1",
     "'Resizing', 'config': {'height': 2, 'width': 2, 'crop_to_aspect_ratio': true, 'pad_to_aspect_ratio': true}",
     "only one of it and crop_to_aspect_ratio"},
    {"4, 3", "'Permute', 'config': {'dims': [2, 2]}", "config.dims: expected each of 1 .. 2 once"},
    {"4, 3, 2", "'Permute', 'config': {'dims': [2, 1]}", "2 entries, but the input has 3 axes"},
    {"4, 3", "'RepeatVector', 'config': {'n': 2}", "expected (batch, features)"},
    {"4, 3", "'Cropping1D', 'config': {'cropping': 2}", "2 and 2 leave nothing of axis 1, whose size is 4"},
    {"4, 3", "'UpSampling2D', 'config': {}", "expected 4 axes"},
    {"4", "'AlphaDropout', 'config': {'rate': 1}", "1 is not in [0, 1)"},
    {"4", "'ActivityRegularization', 'config': {'l1': 1, 'activity_regularizer': 'L2'}", "leave it out"},
    {"4", "'IntegerLookup', 'config': {}", "config.vocabulary: expected a list of integers"},
    {"4", "'IntegerLookup', 'config': {'vocabulary': [1, 2.5]}", "config.vocabulary: 2.5 is not an integer"},
    {"4", "'IntegerLookup', 'config': {'vocabulary': [1, 2], 'output_mode': 'tf_idf'}", "\"tf_idf\" is not one of"},
    {"4", "'IntegerLookup', 'config': {'vocabulary': [1, 2, 3], 'max_tokens': 3}", "is 3, but there are 4 places"},
};

START_TEST(bad_settings_are_told)
{
    const char *text = layer_refusal(wrong[_i].shape, wrong[_i].layer);
    ck_assert_msg(strstr(text, wrong[_i].message), "%s: \"%s\"", wrong[_i].layer, text);
}
END_TEST

static antler_model *images(void)
{
    antler_error err = {0};
    antler_model *m = antler_sequential("m", (int[]){4, 4, 1}, 3, &err);
    must(err.status, &err);
    return m;
}

START_TEST(intervals_and_lists_in_c)
{
    antler_error err = {0};
    antler_model *m = images();
    antler_add(m, random_zoom, .height_factor = {-0.25, 0.5}, .width_factor = {(double)NAN});
    antler_add(m, random_brightness, .factor = {0.5, (double)NAN}, .value_range = {0, 1});
    antler_add(m, random_contrast, .factor = {0, 0.5});
    antler_add(m, flatten);
    antler_add(m, integer_lookup, .vocabulary = {.n = 3, .value = (double[]){5, -7, 9}}, .mask_token = 0);
    ck_assert_int_eq(antler_build(m), ANTLER_OK);
    char *text = antler_model_json(m, &err);
    ck_assert_ptr_nonnull(strstr(text, "\"width_factor\": null"));
    ck_assert_ptr_null(strstr(text, "255")); /* the oldest Keras 3 has no value_range there */
    antler_model *again = antler_load_json(text, NULL, &err);
    char *second = antler_model_json(again, &err);
    ck_assert_str_eq(text, second);
    antler_text_free(text);
    antler_text_free(second);
    antler_model_free(m);
    antler_model_free(again);
    antler_add(m = images(), random_rotation, .factor = {0, (double)INFINITY});
    ck_assert_str_eq(antler_model_error(m)->message, "inf is not a finite number");
    antler_model_free(m);
    antler_add(m = images(), integer_lookup, .vocabulary = {.n = 1, .value = (double[]){(double)NAN}});
    ck_assert_str_eq(antler_model_error(m)->message, "nan is not a finite number");
    antler_model_free(m);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("images");
    tcase_add_test(tests, translation_is_uniform);
    tcase_add_test(tests, zoom_is_uniform);
    tcase_add_test(tests, rotation_is_uniform_and_counterclockwise);
    tcase_add_test(tests, flips_are_of_all_axes_or_none);
    tcase_add_test(tests, colors_are_uniform);
    tcase_add_test(tests, a_crop_is_one_for_all_images);
    tcase_add_loop_test(tests, alpha_dropout_keeps_mean_and_variance, 0, sizeof rates / sizeof rates[0]);
    tcase_add_loop_test(tests, bad_settings_are_told, 0, sizeof wrong / sizeof wrong[0]);
    tcase_add_test(tests, intervals_and_lists_in_c);
    return run_suite("images", tests);
}
