/* Activations from outside the library, and recurrent layers with those that the kernels have no step for: where they
   compute what a kernel computes, every weight must have the bits that the kernel gives. */
#include "kernels/kernels.h"
#include "networks.h"

#include "antler/layer.h"

#include <math.h>

enum { ROWS = 37, STEPS = 6, FEATURES = 4 };

/* ---- the outside activations: tanh and sigmoid, in all forms that the contract has ---- */

static void forward_of(int kernel, antler_real *y, const antler_real *x, int64_t n)
{
    antler__kernels()->activation[kernel].forward(y, x, n, 0);
}

static void backward_of(int kernel, antler_real *dx, const antler_real *dy, const antler_real *y, int64_t n)
{
    antler__kernels()->activation[kernel].backward(dx, dy, y, NULL, n, 0);
}

/* By elements: one row, whatever its length. */
#define BY_ELEMENTS(name)                                                                                           \
    static void plain_##name##_forward(antler_real *y, const antler_real *x, int64_t rows, int64_t n)               \
    {                                                                                                               \
        if (rows == 1)                                                                                              \
            forward_of(ANTLER_ACT_##name, y, x, n);                                                                 \
    }                                                                                                               \
    static void plain_##name##_backward(antler_real *dx, const antler_real *dy, const antler_real *y,               \
                                        const antler_real *x, int64_t rows, int64_t n)                              \
    {                                                                                                               \
        if (rows == 1 && !x)                                                                                        \
            backward_of(ANTLER_ACT_##name, dx, dy, y, n);                                                           \
    }                                                                                                               \
    static const antler_activation_ops plain_##name = {                                                             \
        .type = {.size = sizeof(antler_activation_ops), .kind = ANTLER_KIND_ACTIVATION, .class_name = "my_" #name}, \
        .forward = plain_##name##_forward,                                                                          \
        .backward = plain_##name##_backward,                                                                        \
    };
BY_ELEMENTS(tanh)
BY_ELEMENTS(sigmoid)

/* Backward makes y from x, and does not look at y. */
static void from_x_backward(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x,
                            int64_t rows, int64_t n)
{
    (void)y;
    for (int64_t i = 0; i < rows * n; i++) {
        antler_real again, slope = dy[i];
        forward_of(ANTLER_ACT_sigmoid, &again, x + i, 1);
        backward_of(ANTLER_ACT_sigmoid, dx + i, &slope, &again, 1);
    }
}

static const antler_activation_ops from_x = {
    .type = {.size = sizeof(antler_activation_ops), .kind = ANTLER_KIND_ACTIVATION, .class_name = "sigmoid_from_x"},
    .needs_x = true,
    .forward = plain_sigmoid_forward,
    .backward = from_x_backward,
};

/* Over rows: of as many numbers as the layer has units. */
enum { UNITS = 5 };

static void rows_forward(antler_real *y, const antler_real *x, int64_t rows, int64_t n)
{
    for (int64_t i = 0; n == UNITS && i < rows; i++)
        forward_of(ANTLER_ACT_tanh, y + i * n, x + i * n, n);
}

static void rows_backward(antler_real *dx, const antler_real *dy, const antler_real *y, const antler_real *x,
                          int64_t rows, int64_t n)
{
    (void)x;
    for (int64_t i = 0; n == UNITS && i < rows; i++)
        backward_of(ANTLER_ACT_tanh, dx + i * n, dy + i * n, y + i * n, n);
}

static const antler_activation_ops over_rows = {
    .type = {.size = sizeof(antler_activation_ops), .kind = ANTLER_KIND_ACTIVATION, .class_name = "tanh_of_rows"},
    .rowwise = true,
    .forward = rows_forward,
    .backward = rows_backward,
};

static void register_all(void)
{
    static const antler_activation_ops *const all[] = {&plain_tanh, &plain_sigmoid, &from_x, &over_rows};
    for (int i = 0; i < 4; i++) {
        antler_error err = {0};
        must(antler_register(&all[i]->type, &err), &err);
    }
}

/* ---- the same bits ---- */

static const char *const cells[] = {
    "'LSTM', 'config': {%s",
    "'GRU', 'config': {%s",
    "'GRU', 'config': {'reset_after': false, %s",
    "'SimpleRNN', 'config': {%s",
};

static const char *const settings[] = {
    "",
    ", 'return_sequences': true",
    ", 'go_backwards': true, 'use_bias': false",
    ", 'dropout': 0.3, 'recurrent_dropout': 0.4",
    ", 'zero_output_for_mask': true, 'return_sequences': true, 'recurrent_dropout': 0.2",
};
enum { CELLS = 4, SETTINGS = 5, MASKED = 2 };

static antler_model *model_of(int cell, int setting, bool masked, const char *act, const char *gate)
{
    char functions[128], layer[512], layers[1024];
    if (cell == 3)
        snprintf(functions, sizeof functions, "'units': %d, 'activation': '%s'", UNITS, act);
    else
        snprintf(functions, sizeof functions, "'units': %d, 'activation': '%s', 'recurrent_activation': '%s'", UNITS,
                 act, gate);
    snprintf(layer, sizeof layer, cells[cell], functions);
    snprintf(layers, sizeof layers, "%s{'class_name': %s%s}}, {'class_name': 'Dense', 'config': {'units': 2}}",
             masked ? "{'class_name': 'Masking', 'config': {}}, " : "", layer, settings[setting]);
    return network("6, 4", layers,
                   ", 'compile_config': {'optimizer': 'adam', 'loss': 'mean_squared_error'}, 'fit': {'seed': 5}");
}

/* Numbers, with steps of zeros: at the start, at the end and between. */
static void fill(antler_real *x)
{
    random_numbers(x, ROWS * STEPS * FEATURES, 1);
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t t = 0; t < STEPS; t++)
            if ((i >> (t % 4) & 3) == 1)
                memset(x + (i * STEPS + t) * FEATURES, 0, FEATURES * sizeof *x);
}

/* Of the weights after training, and of what the model then predicts, plainly and with dropout. */
static uint64_t train(antler_model *model, int threads)
{
    antler_real x[ROWS * STEPS * FEATURES], y[ROWS * STEPS * 2], p[ROWS * STEPS * 2];
    const int64_t out = antler_count(antler_output_shape(model), 1);
    fill(x);
    random_numbers(y, ROWS * out, 2);
    antler_data *x_data = data_of(x, antler_input_shape(model), ROWS);
    antler_data *y_data = data_of(y, antler_output_shape(model), ROWS);
    must(antler_fit(model, x_data, y_data, .epochs = 2, .batch_size = 20, .threads = threads),
         antler_model_error(model));
    uint64_t hash = hash_weights(model);
    for (int mode = 0; mode < 2; mode++) {
        antler_context *context = context_of(model, mode == 0 ? ANTLER_INFER : ANTLER_MC, ROWS, 0);
        forward(context, x, ROWS, p);
        hash = hash_bytes(hash, p, (size_t)(ROWS * out) * sizeof *p);
        antler_context_free(context);
    }
    antler_data_free(x_data);
    antler_data_free(y_data);
    antler_model_free(model);
    return hash;
}

START_TEST(as_the_kernels)
{
    static const char *const outside[][2] = {
        {"my_tanh", "my_sigmoid"}, {"tanh", "my_sigmoid"}, {"tanh_of_rows", "sigmoid"}, {"my_tanh", "sigmoid_from_x"}};
    const int cell = _i / SETTINGS / MASKED, setting = _i / MASKED % SETTINGS;
    const bool masked = _i % MASKED;
    register_all();
    const uint64_t wanted = train(model_of(cell, setting, masked, "tanh", "sigmoid"), 1);
    for (int i = 0; i < 4; i++)
        for (int threads = 1; threads <= 3; threads += 2)
            ck_assert_msg(train(model_of(cell, setting, masked, outside[i][0], outside[i][1]), threads) == wanted,
                          "%s%s, mask %d, with %s and %s on %d threads", cells[cell], settings[setting], masked,
                          outside[i][0], outside[i][1], threads);
}
END_TEST

/* An activation that says nothing of kernels, from a table that is otherwise zero, is used by every layer that has one.
 */
START_TEST(not_the_identity)
{
    static const char *const layers[] = {
        "{'class_name': 'Dense', 'config': {'units': 3, 'activation': '%s'}}",
        "{'class_name': 'Activation', 'config': {'activation': '%s'}}",
        "{'class_name': 'Reshape', 'config': {'target_shape': [2, 2, 1]}}, {'class_name': 'Conv2D', 'config': "
        "{'filters': 3, 'kernel_size': 2, 'activation': '%s'}}",
        "{'class_name': 'Reshape', 'config': {'target_shape': [2, 2]}}, {'class_name': 'SimpleRNN', 'config': "
        "{'units': 3, 'activation': '%s'}}",
    };
    antler_real x[4], y[2][4];
    register_all();
    random_numbers(x, 4, 3);
    for (int i = 0; i < 2; i++) {
        char text[512];
        snprintf(text, sizeof text, layers[_i], i == 0 ? "my_tanh" : "tanh");
        antler_model *model = network("4", text, "");
        antler_context *context = context_of(model, ANTLER_INFER, 1, 0);
        forward(context, x, 1, y[i]);
        antler_context_free(context);
        antler_model_free(model);
    }
    ck_assert_mem_eq(y[0], y[1], 3 * sizeof *x);
    ck_assert(y[0][0] != x[0]);
}
END_TEST

/* The slope of leaky_relu and the alpha of elu are one number each: what the layer Activation does to the state of a
   linear SimpleRNN, a SimpleRNN of one step does itself. */
START_TEST(constants)
{
    static const char *const names[] = {"leaky_relu", "elu"};
    antler_real x[FEATURES], y[2][3];
    random_numbers(x, FEATURES, 4);
    for (int i = 0; i < 2; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{'class_name': 'SimpleRNN', 'config': {'units': 3, 'activation': '%s'}}, {'class_name': "
                 "'Activation', 'config': {'activation': '%s'}}",
                 i == 0 ? names[_i] : "linear", i == 0 ? "linear" : names[_i]);
        antler_model *model = network("1, 4", text, "");
        antler_context *context = context_of(model, ANTLER_INFER, 1, 0);
        forward(context, x, 1, y[i]);
        antler_context_free(context);
        antler_model_free(model);
    }
    ck_assert(y[0][0] < 0 || y[0][1] < 0 || y[0][2] < 0);
    ck_assert_mem_eq(y[0], y[1], sizeof y[0]);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("recurrent activations");
    tcase_add_loop_test(tests, as_the_kernels, 0, CELLS * SETTINGS * MASKED);
    tcase_add_loop_test(tests, not_the_identity, 0, 4);
    tcase_add_loop_test(tests, constants, 0, 2);
    return run_suite("recurrent activations", tests);
}
