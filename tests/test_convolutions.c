/* What Keras's golden cases cannot show of convolutions: TensorFlow has no transposed ones with dilation; a layer of
   fewer axes is one of more; and what is refused. */
#include "networks.h"

enum { LONG = 512 };

/* The layer's output for `rows` samples of the same numbers, where its kernel is `kernel` and its bias `bias`. */
static int64_t output_of(const char *shape, const char *layer, const antler_real *kernel, const antler_real *bias,
                         int64_t rows, antler_real *y)
{
    antler_model *model = network(shape, layer, "");
    antler_real *const value[] = {antler_model_variable(model, 0)->value.data,
                                  antler_model_variable(model, 1)->value.data};
    const int64_t n = antler_count(&antler_model_variable(model, 0)->value.shape, 0);
    const int64_t filters = antler_count(&antler_model_variable(model, 1)->value.shape, 0);
    memcpy(value[0], kernel, (size_t)n * sizeof *kernel);
    memcpy(value[1], bias, (size_t)filters * sizeof *bias);
    antler_real x[LONG];
    random_numbers(x, rows * antler_count(antler_input_shape(model), 1), 7);
    antler_context *context = context_of(model, ANTLER_INFER, rows, 0);
    forward(context, x, rows, y);
    const int64_t count = rows * antler_count(antler_output_shape(model), 1);
    ck_assert_int_le(count, LONG);
    antler_context_free(context);
    antler_model_free(model);
    return count;
}

static void same_numbers(const antler_real *a, const antler_real *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(a[i] == b[i], "number %d: %.17g, not %.17g", (int)i, (double)a[i], (double)b[i]);
}

/* Taps that lie apart are a larger window with zeros between them. */
START_TEST(holes)
{
    static const char *const paddings[] = {"valid", "same"};
    enum { PER_TAP = 2 * 3 };
    antler_real few[4 * PER_TAP], many[12 * PER_TAP] = {0}, bias[3], y[LONG], z[LONG];
    char layer[256];
    random_numbers(few, 4 * PER_TAP, 1);
    random_numbers(bias, 3, 2);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            memcpy(many + (2 * i * 4 + 3 * j) * PER_TAP, few + (2 * i + j) * PER_TAP, PER_TAP * sizeof *few);
    snprintf(layer, sizeof layer,
             "{'class_name': 'Conv2DTranspose', 'config': {'filters': 3, 'kernel_size': 2, 'dilation_rate': [2, 3], "
             "'padding': '%s'}}",
             paddings[_i]);
    const int64_t n = output_of("3, 4, 2", layer, few, bias, 2, y);
    snprintf(layer, sizeof layer,
             "{'class_name': 'Conv2DTranspose', 'config': {'filters': 3, 'kernel_size': [3, 4], 'padding': '%s'}}",
             paddings[_i]);
    ck_assert_int_eq(n, output_of("3, 4, 2", layer, many, bias, 2, z));
    ck_assert_int_eq(n, _i == 0 ? 2 * 5 * 7 * 3 : 2 * 3 * 4 * 3);
    same_numbers(y, z, n);
}
END_TEST

/* `pattern` with the number of axes for # and a one for each axis before the last for @. */
static void fill_in(char *to, const char *pattern, int axes)
{
    static const char *const ones[] = {"", "1, ", "1, 1, "};
    for (; *pattern; pattern++)
        if (*pattern == '@')
            to += sprintf(to, "%s", ones[axes - 1]);
        else
            *to++ = *pattern == '#' ? (char)('0' + axes) : *pattern;
    *to = 0;
}

/* Bit for bit: an axis of one position and one tap changes nothing. */
START_TEST(fewer_axes)
{
    static const char *const layers[] = {
        "{'class_name': 'Conv#D', 'config': {'filters': 3, 'kernel_size': [@3], 'strides': [@2], 'padding': 'same'}}",
        "{'class_name': 'Conv#D', 'config': {'filters': 4, 'kernel_size': [@2], 'dilation_rate': [@2], 'groups': 2}}",
        "{'class_name': 'Conv#DTranspose', 'config': {'filters': 3, 'kernel_size': [@3], 'strides': [@2]}}",
    };
    antler_real kernel[3 * 2 * 4], bias[4], y[3][LONG];
    int64_t n[3];
    random_numbers(kernel, 24, 1);
    random_numbers(bias, 4, 2);
    for (int axes = 1; axes <= 3; axes++) {
        char layer[256], shape[32];
        fill_in(layer, layers[_i], axes);
        fill_in(shape, "@5, 2", axes);
        n[axes - 1] = output_of(shape, layer, kernel, bias, 3, y[axes - 1]);
    }
    ck_assert(n[0] == n[1] && n[0] == n[2]);
    same_numbers(y[1], y[0], n[0]);
    same_numbers(y[2], y[0], n[0]);
}
END_TEST

static const struct {
    const char *shape, *layer, *line;
} bad[] = {
    {"4, 3", "'Conv1D', 'config': {'filters': 4, 'kernel_size': 2, 'groups': 2}",
     "config.layers[1].config.groups: conv1d (Conv1D), input (None, 4, 3): 2 groups do not divide the input's 3 "
     "channels"},
    {"4, 4", "'Conv1D', 'config': {'filters': 3, 'kernel_size': 2, 'groups': 2}",
     "config.layers[1].config.groups: 2 groups do not divide the 3 filters"},
    {"4, 4", "'Conv1D', 'config': {'filters': 3, 'kernel_size': 2, 'strides': 2, 'dilation_rate': 2}",
     "config.layers[1].config.strides: strides and dilation_rate cannot both be above 1"},
    {"4, 4, 2", "'Conv2D', 'config': {'filters': 3, 'kernel_size': 2, 'padding': 'causal'}",
     "config.layers[1].config.padding: \"causal\" is not one of \"valid\", \"same\""},
    {"4, 4", "'Conv1D', 'config': {'filters': 3, 'kernel_size': 2, 'data_format': 'channels_middle'}",
     "config.layers[1].config.data_format: \"channels_middle\" is not one of \"channels_last\", \"channels_first\""},
    {"3, 4", "'Conv1D', 'config': {'filters': 4, 'kernel_size': 2, 'groups': 2, 'data_format': 'channels_first'}",
     "config.layers[1].config.groups: conv1d (Conv1D), input (None, 3, 4): 2 groups do not divide the input's 3 "
     "channels; its channels, first in the input, count as the last axis"},
    {"4, 4",
     "'Masking', 'config': {}}, {'class_name': 'Conv1D', 'config': {'filters': 4, 'kernel_size': 2, 'data_format': "
     "'channels_first'}",
     "config.layers[2].config.data_format: conv1d (Conv1D), input (None, 4, 4): axis 1 has a mask, so that it cannot "
     "be that of the channels"},
    {"4, 4", "'Conv1DTranspose', 'config': {'filters': 3, 'kernel_size': 2, 'strides': 2, 'output_padding': 2}",
     "config.layers[1].config.output_padding: 2 is not below the stride, 2"},
    {"4, 4",
     "'Conv1DTranspose', 'config': {'filters': 3, 'kernel_size': 2, 'strides': 2, 'output_padding': 0, 'padding': "
     "'same'}",
     "config.layers[1].config.output_padding: conv1d_transpose (Conv1DTranspose), input (None, 4, 4): with an even "
     "window and padding \"same\" it must be above 0"},
    {"3, 4", "'Conv1DTranspose', 'config': {'filters': 1, 'kernel_size': 1, 'strides': 2147483647}",
     "config.layers[1]: conv1d_transpose (Conv1DTranspose), input (None, 3, 4): the output would have more than "
     "2147483647 positions along an axis"},
    {"4, 4, 2", "'AveragePooling3D', 'config': {}",
     "config.layers[1]: average_pooling3d (AveragePooling3D), input (None, 4, 4, 2): input is (None, 4, 4, 2), "
     "expected (batch, depth, height, width, channels)"},
};

START_TEST(refused)
{
    const char *text = layer_refusal(bad[_i].shape, bad[_i].layer);
    ck_assert_str_eq(strstr(text, "config.layers"), bad[_i].line); /* "line 1: " before it */
}
END_TEST

/* A window of one plane over images of several sees in each what a window of two axes sees. */
START_TEST(plane_by_plane)
{
    antler_real kernel[2 * 2 * 2 * 3], bias[3], y[LONG], z[LONG];
    random_numbers(kernel, 2 * 2 * 2 * 3, 1);
    random_numbers(bias, 3, 2);
    const int64_t n =
        output_of("3, 3, 3, 2", "{'class_name': 'Conv3D', 'config': {'filters': 3, 'kernel_size': [1, 2, 2]}}", kernel,
                  bias, 2, y);
    ck_assert_int_eq(n, output_of("3, 3, 2", "{'class_name': 'Conv2D', 'config': {'filters': 3, 'kernel_size': 2}}",
                                  kernel, bias, 6, z));
    same_numbers(y, z, n);
}
END_TEST

/* Keras's ways to say tuple and array, in place of a list. */
START_TEST(sizes_in_disguise)
{
    static const char *const sizes[] = {"{'class_name': '__tuple__', 'items': [2, 1]}",
                                        "{'class_name': '__numpy__', 'config': {'value': [2, 1], 'dtype': 'int32'}}",
                                        "{'class_name': '__tensor__', 'config': {'value': [2, 1], 'dtype': 'int32'}}"};
    char layer[256];
    antler_error err = {0};
    antler_model *model =
        network("3, 3, 2", "{'class_name': 'Conv2D', 'config': {'filters': 3, 'kernel_size': [2, 1]}}", "");
    char *wanted = antler_model_json(model, &err);
    antler_model_free(model);
    snprintf(layer, sizeof layer, "{'class_name': 'Conv2D', 'config': {'filters': 3, 'kernel_size': %s}}", sizes[_i]);
    model = network("3, 3, 2", layer, "");
    char *text = antler_model_json(model, &err);
    ck_assert_str_eq(text, wanted);
    antler_text_free(text);
    antler_text_free(wanted);
    antler_model_free(model);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("convolutions");
    tcase_add_loop_test(tests, holes, 0, 2);
    tcase_add_loop_test(tests, fewer_axes, 0, 3);
    tcase_add_test(tests, plane_by_plane);
    tcase_add_loop_test(tests, sizes_in_disguise, 0, 3);
    tcase_add_loop_test(tests, refused, 0, (int)(sizeof bad / sizeof *bad));
    return run_suite("convolutions", tests);
}
