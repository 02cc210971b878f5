/* The promise of the same bits: small networks are trained, and a hash of all their weights must be the constant below,
   with 1, 2 and 3 threads, on every instruction set (CTest runs this suite under each), from every compiler and at
   every level of optimisation. A change of a constant is a change of every user's results: say why in the commit. Float
   only: the double library promises no bits, as it may use libm. */
#include "networks.h"

#include <math.h>

typedef struct trial {
    const char *name, *shape, *layers, *compile;
    struct {
        int64_t rows, x_width, y_width;
        uint32_t tokens, classes; /* x or y are integers below these; 0: numbers in [-1, 1) */
    } data;
    int64_t batch, epochs;
    uint64_t hash;
} trial;

static const trial trials[] = {
    {.name = "dense layers with dropouts, Adam, a short last batch",
     .shape = "20",
     .layers = "{'class_name': 'Dropout', 'config': {'rate': 0.2}},"
               "{'class_name': 'Dense', 'config': {'units': 33, 'activation': 'relu', 'kernel_regularizer': 'l2'}},"
               "{'class_name': 'Dropout', 'config': {'rate': 0.5, 'noise_shape': [null, 1]}},"
               "{'class_name': 'Dense', 'config': {'units': 17, 'activation': 'tanh', "
               "'kernel_initializer': 'he_normal', 'kernel_constraint': 'MaxNorm'}},"
               "{'class_name': 'GaussianDropout', 'config': {'rate': 0.3}},"
               "{'class_name': 'Dense', 'config': {'units': 5, 'activation': 'softmax'}}",
     .compile = "'optimizer': 'adam', 'loss': 'sparse_categorical_crossentropy'",
     .data = {.rows = 70, .x_width = 20, .y_width = 1, .classes = 5},
     .batch = 32,
     .epochs = 3,
     .hash = 0x466efd67ad8eae7du},
    {.name = "LSTM and SimpleRNN with both dropouts, Nesterov's momentum, gradients clipped by norm",
     .shape = "7, 5",
     .layers = "{'class_name': 'LSTM', 'config': {'units': 9, 'return_sequences': true, 'dropout': 0.3, "
               "'recurrent_dropout': 0.2}},"
               "{'class_name': 'SpatialDropout1D', 'config': {'rate': 0.2}},"
               "{'class_name': 'SimpleRNN', 'config': {'units': 20, 'go_backwards': true, 'recurrent_dropout': 0.4}},"
               "{'class_name': 'Dense', 'config': {'units': 1, 'activation': 'sigmoid'}}",
     .compile = "'optimizer': {'class_name': 'SGD', 'config': {'learning_rate': 0.1, 'momentum': 0.9, "
                "'nesterov': true, 'clipnorm': 0.5}}, 'loss': 'binary_crossentropy'",
     .data = {.rows = 45, .x_width = 35, .y_width = 1, .classes = 2},
     .batch = 16,
     .epochs = 3,
     .hash = 0xe9e3d31027c6480cu},
    {.name = "GRU, reset after and before the product",
     .shape = "6, 4",
     .layers = "{'class_name': 'GRU', 'config': {'units': 7, 'return_sequences': true, 'dropout': 0.2}},"
               "{'class_name': 'GRU', 'config': {'units': 18, 'reset_after': false, 'recurrent_dropout': 0.2}},"
               "{'class_name': 'Dense', 'config': {'units': 3}}",
     .compile = "'optimizer': {'class_name': 'Adam', 'config': {'global_clipnorm': 1.0}}, "
                "'loss': 'mean_squared_error'",
     .data = {.rows = 40, .x_width = 24, .y_width = 3},
     .batch = 13,
     .epochs = 3,
     .hash = 0x357eb938be6541fdu},
    {.name = "convolutions, batch normalization and pooling, a decaying rate",
     .shape = "12, 11, 2",
     .layers = "{'class_name': 'Conv2D', 'config': {'filters': 6, 'kernel_size': 3, 'padding': 'same', "
               "'activation': 'relu'}},"
               "{'class_name': 'BatchNormalization', 'config': {}},"
               "{'class_name': 'MaxPooling2D', 'config': {'pool_size': 2}},"
               "{'class_name': 'Conv2D', 'config': {'filters': 5, 'kernel_size': [3, 2], 'strides': [2, 1]}},"
               "{'class_name': 'Flatten', 'config': {}},"
               "{'class_name': 'Dropout', 'config': {'rate': 0.25}},"
               "{'class_name': 'Dense', 'config': {'units': 3, 'activation': 'softmax'}}",
     .compile = "'optimizer': {'class_name': 'SGD', 'config': {'learning_rate': {'class_name': 'ExponentialDecay', "
                "'config': {'initial_learning_rate': 0.05, 'decay_steps': 3, 'decay_rate': 0.9}}}}, "
                "'loss': 'sparse_categorical_crossentropy'",
     .data = {.rows = 40, .x_width = 264, .y_width = 1, .classes = 3},
     .batch = 17,
     .epochs = 2,
     .hash = 0x43d00c306671c207u},
    {.name = "an embedding with a mask and a bidirectional layer",
     .shape = "9",
     .layers = "{'class_name': 'Embedding', 'config': {'input_dim': 12, 'output_dim': 6, 'mask_zero': true}},"
               "{'class_name': 'Bidirectional', 'config': {'layer': {'class_name': 'LSTM', 'config': {'units': 5, "
               "'return_sequences': true, 'dropout': 0.2}}}},"
               "{'class_name': 'GRU', 'config': {'units': 4}},"
               "{'class_name': 'Dense', 'config': {'units': 4, 'activation': 'softmax'}}",
     .compile = "'optimizer': 'adam', 'loss': 'sparse_categorical_crossentropy'",
     .data = {.rows = 40, .x_width = 9, .y_width = 1, .tokens = 12, .classes = 4},
     .batch = 16,
     .epochs = 3,
     .hash = 0x4d5dfe1250b6c50au},
    {.name = "products longer than a part, in both directions",
     .shape = "2500",
     .layers = "{'class_name': 'Dense', 'config': {'units': 19, 'activation': 'elu', "
               "'kernel_initializer': 'orthogonal'}},"
               "{'class_name': 'Dropout', 'config': {'rate': 0.5}},"
               "{'class_name': 'Dense', 'config': {'units': 1300, 'activation': 'gelu'}},"
               "{'class_name': 'Dense', 'config': {'units': 2}}",
     .compile = "'optimizer': {'class_name': 'SGD', 'config': {'clipvalue': 0.1}}, 'loss': 'mean_absolute_error'",
     .data = {.rows = 11, .x_width = 2500, .y_width = 2},
     .batch = 6,
     .epochs = 2,
     .hash = 0x17e4d1a5a14b2bf7u},
    {.name = "every activation",
     .shape = "6, 3",
     .layers = "{'class_name': 'Dense', 'config': {'units': 18, 'activation': 'leaky_relu'}},"
               "{'class_name': 'Dense', 'config': {'units': 18, 'activation': 'selu'}},"
               "{'class_name': 'Dense', 'config': {'units': 18, 'activation': 'sigmoid'}},"
               "{'class_name': 'Dense', 'config': {'units': 18, 'activation': 'softplus'}},"
               "{'class_name': 'Softmax', 'config': {'axis': 1}},"
               "{'class_name': 'Dense', 'config': {'units': 18, 'activation': 'exponential'}},"
               "{'class_name': 'Dense', 'config': {'units': 18, 'activation': 'tanh'}},"
               "{'class_name': 'Dense', 'config': {'units': 4, 'activation': 'relu'}}",
     .compile = "'optimizer': 'adam', 'loss': 'mean_squared_logarithmic_error'",
     .data = {.rows = 30, .x_width = 18, .y_width = 24, .classes = 3},
     .batch = 8,
     .epochs = 3,
     .hash = 0xdcdde945dc1ba4fbu},
    {.name = "recurrent layers with activations of which the kernels have no step, relu6",
     .shape = "6, 4",
     .layers = "{'class_name': 'LSTM', 'config': {'units': 7, 'activation': 'gelu', 'recurrent_activation': 'softmax', "
               "'return_sequences': true, 'dropout': 0.2}},"
               "{'class_name': 'GRU', 'config': {'units': 18, 'activation': 'mish', 'return_sequences': true, "
               "'recurrent_dropout': 0.2}},"
               "{'class_name': 'GRU', 'config': {'units': 5, 'recurrent_activation': 'silu', 'reset_after': false, "
               "'return_sequences': true}},"
               "{'class_name': 'SimpleRNN', 'config': {'units': 6, 'activation': 'relu6', 'return_sequences': true}},"
               "{'class_name': 'SimpleRNN', 'config': {'units': 20, 'activation': 'softsign', 'go_backwards': true}},"
               "{'class_name': 'Dense', 'config': {'units': 3}}",
     .compile = "'optimizer': 'adam', 'loss': 'mean_squared_error'",
     .data = {.rows = 40, .x_width = 24, .y_width = 3},
     .batch = 21,
     .epochs = 3,
     .hash = 0x0f6cec555fe20430u},
    {.name = "ConvLSTMs in several blocks and parts, with masks of dropout, and both ways",
     .shape = "4, 12, 7, 2",
     .layers = "{'class_name': 'ConvLSTM2D', 'config': {'filters': 3, 'kernel_size': 3, 'padding': 'same', "
               "'return_sequences': true, 'dropout': 0.2, 'recurrent_dropout': 0.3}},"
               "{'class_name': 'Bidirectional', 'config': {'layer': {'class_name': 'ConvLSTM2D', 'config': {'filters': "
               "2, 'kernel_size': [2, 3], 'strides': 2, 'recurrent_activation': 'softmax'}}}},"
               "{'class_name': 'Flatten', 'config': {}},"
               "{'class_name': 'Dense', 'config': {'units': 3}}",
     .compile = "'optimizer': 'adam', 'loss': 'mean_squared_error'",
     .data = {.rows = 14, .x_width = 672, .y_width = 3},
     .batch = 9,
     .epochs = 2,
     .hash = 0x16b9361f445a5cb8u},
    {.name = "normalizations over rows and between them, in several parts",
     .shape = "12, 11, 8",
     .layers = "{'class_name': 'LayerNormalization', 'config': {}},"
               "{'class_name': 'GroupNormalization', 'config': {'groups': 2}},"
               "{'class_name': 'LayerNormalization', 'config': {'axis': [1, 3]}},"
               "{'class_name': 'Dense', 'config': {'units': 9, 'activation': 'tanh'}},"
               "{'class_name': 'UnitNormalization', 'config': {'axis': 1}},"
               "{'class_name': 'RMSNormalization', 'config': {'axis': [1, 2, 3]}},"
               "{'class_name': 'Flatten', 'config': {}},"
               "{'class_name': 'Dense', 'config': {'units': 3}}",
     .compile = "'optimizer': 'adam', 'loss': 'mean_squared_error'",
     .data = {.rows = 40, .x_width = 1056, .y_width = 3},
     .batch = 25,
     .epochs = 2,
     .hash = 0x75a95c119649e35bu},
};

static void fill(antler_real *x, int64_t n, uint32_t below, uint64_t stream)
{
    if (below)
        random_classes(x, n, below, stream);
    else
        random_numbers(x, n, stream);
}

/* Not so where a network has blown up: signs and payloads of NaN are outside the promise. */
static void check_finite(const antler_model *model, const char *name)
{
    const antler_variable *v;
    for (int64_t i = 0; (v = antler_model_variable(model, i)) != NULL; i++)
        for (int64_t e = 0; e < antler_count(&v->value.shape, 0); e++)
            ck_assert_msg(isfinite(v->value.data[e]), "%s: %s/%s", name, v->layer, v->name);
}

static uint64_t train(const trial *t, int threads)
{
    char more[512];
    snprintf(more, sizeof more, ", 'compile_config': {%s}, 'fit': {'seed': 5}", t->compile);
    antler_model *model = network(t->shape, t->layers, more);
    const int64_t nx = t->data.rows * t->data.x_width, ny = t->data.rows * t->data.y_width;
    antler_real *x = malloc((size_t)nx * sizeof *x), *y = malloc((size_t)ny * sizeof *y);
    fill(x, nx, t->data.tokens, 1);
    fill(y, ny, t->data.classes, 2);
    antler_data *x_data = data_of(x, antler_input_shape(model), t->data.rows);
    antler_data *y_data =
        t->data.y_width == 1 ? rows_of(y, t->data.rows, 1) : data_of(y, antler_output_shape(model), t->data.rows);
    must(antler_fit(model, x_data, y_data, .epochs = t->epochs, .batch_size = t->batch, .threads = threads),
         antler_model_error(model));
    check_finite(model, t->name);
    uint64_t hash = hash_weights(model);
    antler_data_free(x_data);
    antler_data_free(y_data);
    antler_model_free(model);
    free(x);
    free(y);
    return hash;
}

START_TEST(weights_are_what_they_were)
{
    const trial *t = &trials[_i];
    for (int threads = 1; threads <= at_most(3); threads++) {
        uint64_t hash = train(t, threads);
        ck_assert_msg(hash == t->hash, "%s: 0x%016llx with %d threads on %s", t->name, (unsigned long long)hash,
                      threads, antler_isa(NULL));
    }
}
END_TEST

/* 77 is CTest's SKIP_RETURN_CODE: the instruction set that ANTLER_ISA asks for is not here to be tested. */
int main(void)
{
    const char *complaint;
    printf("Kernels: %s\n", antler_isa(&complaint));
    if (complaint) {
        printf("SKIP: %s\n", complaint);
        return SKIPPED;
    }
    TCase *tests = tcase_create("bits");
    tcase_add_loop_test(tests, weights_are_what_they_were, 0, sizeof trials / sizeof trials[0]);
    return run_suite("bits", tests);
}
