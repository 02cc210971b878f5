/* Settings at the ends of what they may be, from JSON alone: a layer computes what it says, or is refused; products of
   such numbers run over nowhere. Meant for the undefined-behaviour sanitizer, too. */
#include "networks.h"

#include <math.h>

/* A window far larger than its input sees all of it. Keras does the same with a window of the input's size. */
START_TEST(pooling_window)
{
    static const char *const sizes[] = {"2147483647, 2147483647", "2147483647, 2", "65536, 65536", "1, 2147483647"};
    antler_real x[2 * 2 * 3 * 2], y[2 * 2 * 3 * 2], dx[2 * 2 * 3 * 2], dy[2 * 2 * 3 * 2];
    char layer[256];
    snprintf(layer, sizeof layer,
             "{'class_name': 'MaxPooling2D', 'config': {'pool_size': [%s], 'strides': [1, 1], 'padding': 'same'}}",
             sizes[_i]);
    antler_model *model = network("2, 3, 2", layer, "");
    antler_context *context = context_of(model, ANTLER_TRAIN, 2, ANTLER_INPUT_GRADIENT);
    random_numbers(x, 24, 1);
    for (int i = 0; i < 24; i++)
        dy[i] = 1;
    forward(context, x, 2, y);
    backward(context, dy, dx);
    antler_real given = 0;
    for (int i = 0; i < 24; i++) {
        ck_assert(y[i] >= x[i]);
        ck_assert(dx[i] == 0 || y[i] == x[i]);
        given += dx[i];
    }
    ck_assert(given == 24);
    for (int image = 0; _i == 0 && image < 2; image++)
        for (int c = 0; c < 2; c++) {
            antler_real most = -2;
            for (int p = 0; p < 6; p++)
                most = x[image * 12 + 2 * p + c] > most ? x[image * 12 + 2 * p + c] : most;
            for (int p = 0; p < 6; p++)
                ck_assert(y[image * 12 + 2 * p + c] == most);
        }
    antler_context_free(context);
    antler_data *data = data_of(x, antler_input_shape(model), 2);
    antler_error err = {0};
    must(antler_predict(model, data, 32, 2, y, &err), &err);
    antler_data_free(data);
    antler_model_free(model);
}
END_TEST

/* What cannot be: one line that says so, and no crash on the way. */
START_TEST(refused)
{
    static const struct {
        const char *shape, *layer;
    } cases[] = {
        {"4, 3", "{'class_name': 'LSTM', 'config': {'units': 2147483647}}"},
        {"4, 3", "{'class_name': 'GRU', 'config': {'units': 2147483647, 'activation': 'softmax', 'dropout': 0.5}}"},
        {"4, 3", "{'class_name': 'SimpleRNN', 'config': {'units': 2147483647}}"},
        {"4, 4, 3", "{'class_name': 'Conv2D', 'config': {'filters': 2147483647, 'kernel_size': 2147483647, 'padding': "
                    "'same'}}"},
        {"4, 4, 3", "{'class_name': 'Conv2D', 'config': {'filters': 1, 'kernel_size': 2147483647, 'padding': 'same', "
                    "'dilation_rate': 2147483647}}"},
        {"4, 4, 3, 2", "{'class_name': 'ConvLSTM2D', 'config': {'filters': 2147483647, 'kernel_size': 2147483647, "
                       "'padding': 'same', 'dropout': 0.5}}"},
        {"4, 4, 2", "{'class_name': 'ConvLSTM1D', 'config': {'filters': 536870911, 'kernel_size': 1, "
                    "'recurrent_dropout': 0.5}}"},
        {"4, 4, 3", "{'class_name': 'MaxPooling2D', 'config': {'pool_size': 2147483647}}"},
        {"4, 4, 3, 2", "{'class_name': 'Conv3D', 'config': {'filters': 2, 'kernel_size': 2147483647, 'padding': "
                       "'same', 'groups': 2}}"},
        {"4, 4, 3", "{'class_name': 'Conv2DTranspose', 'config': {'filters': 1, 'kernel_size': 1, 'strides': "
                    "536870911}}"},
        {"4, 4, 3", "{'class_name': 'SeparableConv2D', 'config': {'filters': 1, 'kernel_size': 2147483647, "
                    "'dilation_rate': 2147483647, 'strides': 2147483647, 'padding': 'same'}}"},
        {"4, 4, 4, 3", "{'class_name': 'AveragePooling3D', 'config': {'pool_size': 2147483647}}"},
        {"2147483647, 3", "{'class_name': 'Dense', 'config': {'units': 2147483647}}"},
        {"2147483647, 2147483647, 2147483647", "{'class_name': 'Flatten', 'config': {}}"},
    };
    char text[1024];
    antler_error err = {0};
    snprintf(text, sizeof text,
             "{'class_name': 'Sequential', 'config': {'name': 'm', 'layers': [{'class_name': 'InputLayer', 'config': "
             "{'batch_shape': [null, %s]}}, %s]}}",
             cases[_i].shape, cases[_i].layer);
    antler_model *model = antler_load_json(quoted(text), NULL, &err);
    if (model && antler_build(model) == ANTLER_OK) {
        antler_context *context = antler_context_create_train(model, 2, 2, 0, &err);
        ck_assert_msg(context == NULL, "case %d fits", _i);
    } else if (model)
        err = *antler_model_error(model);
    ck_assert(err.status != ANTLER_OK && err.message[0] != 0);
    antler_model_free(model);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("extremes");
    tcase_add_loop_test(tests, pooling_window, 0, 4);
    tcase_add_loop_test(tests, refused, 0, 12);
    return run_suite("extremes", tests);
}
